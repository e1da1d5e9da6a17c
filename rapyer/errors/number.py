"""Errors about values that Redis would have to compute."""

from __future__ import annotations

from rapyer.errors.model import ModelError


class NumberRangeError(ModelError, OverflowError):
    """The result exceeds what the field can hold; nothing was changed."""


class NumberDomainError(ModelError, ValueError):
    """The operation has no result of the field's type; nothing was changed."""


class ElementIndexError(ModelError, IndexError):
    """The stored list has no element at the position."""
