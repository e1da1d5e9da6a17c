"""Errors about pipelines and the commands in them."""

from __future__ import annotations

from rapyer.errors.base import RapyerError


class PipelineError(RapyerError):
    """Base of the errors that pipelines raise."""


class PipelineClosedError(PipelineError):
    """A write was attempted through a pipeline that has ended already."""


class PipelineOpenError(PipelineError):
    """Something was asked of a pipeline that it can tell only after its end."""


class CrossSourceError(PipelineError):
    """One pipeline was given writes for two Redis servers."""


class TransactionError(PipelineError):
    """A command of a transaction failed at EXEC.

    Args:
        message: Which command failed, at which position, with which key, and what was applied.
        position: The index of the first failing command in the transaction, from 0.
        applied: How many commands of the transaction took effect.
        key: The key of the failing command.
        command: The name of the failing command.
        hint: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        position: int,
        applied: int,
        key: str | None = None,
        command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, key=key, command=command, hint=hint)
        self.position = position
        self.applied = applied


class CrossSlotError(PipelineError):
    """What was to be one step has keys in several slots of a cluster; nothing was sent.

    Args:
        message: What it was, and where its keys live.
        keys: One key in each of the slots.
        hint: What to do about it.
    """

    def __init__(self, message: str, *, keys: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, key=keys[0] if keys else None, hint=hint)
        self.keys = keys


class PartlyAppliedError(TransactionError):
    """A cluster applied the changes in some of its slots and not, or perhaps not, those in others.

    The cause is the error of the first slot that failed.

    Args:
        message: Which keys were changed and which were not.
        position: The index of the first failing command, from 0.
        applied: How many commands took effect.
        applied_keys: The keys whose changes took effect.
        failed_keys: The keys whose changes did not, or of which nobody knows.
        command: The name of the first failing command.
        hint: What to do about it.
    """

    def __init__(
        self,
        message: str,
        *,
        position: int,
        applied: int,
        applied_keys: tuple[str, ...] = (),
        failed_keys: tuple[str, ...] = (),
        command: str | None = None,
        hint: str | None = None,
    ) -> None:
        key = failed_keys[0] if failed_keys else None
        super().__init__(message, position=position, applied=applied, key=key, command=command, hint=hint)
        self.applied_keys = applied_keys
        self.failed_keys = failed_keys
