"""Errors about references to other models."""

from __future__ import annotations

from rapyer.errors.model import ModelError


class NotResolvedError(ModelError):
    """The reference's target is not loaded, so nothing of it can be read or set."""


class UnknownTargetError(ModelError, TypeError):
    """The reference does not say, or not with a class that is known, what it refers to."""
