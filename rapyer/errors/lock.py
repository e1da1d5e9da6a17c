"""Errors about locks."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class LockError(RapyerError):
    """Base of the errors that locks raise; itself: the lock cannot be used like this."""


class LockLostError(LockError):
    """The lease ended before the block did, so somebody else may hold the lock; nothing was saved."""


class LockReentryError(LockError, RuntimeError):
    """The task holds the lock already, so it would wait for itself for ever."""


class LockTimeoutError(LockError, TimeoutError):
    """Somebody else held the lock for longer than the caller wanted to wait."""
