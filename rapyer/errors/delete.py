"""Errors about deleting."""

from __future__ import annotations

from rapyer.errors.model import InnerModelError


class BadDeleteActionError(InnerModelError):
    """Only a top-level model can be deleted."""
