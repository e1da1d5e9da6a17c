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
