"""The pipeline that is open in the running task, if there is one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from rapyer.errors import CrossSourceError, PipelineClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource


class Restorable(Protocol):
    """A local object that can go back to what it was."""

    def _rapyer_snapshot(self) -> Callable[[], None]:
        """Return what restores the present state."""
        ...


class Batch:
    """Commands that one transaction will send, and how to undo what they did to local objects."""

    def __init__(self) -> None:
        self.commands: list[Command[Any]] = []
        self.source: ClientSource | None = None
        self.closed = False
        self._restores: dict[int, tuple[Restorable, Callable[[], None]]] = {}

    def add(self, source: ClientSource, command: Command[Any]) -> None:
        """Queue a command.

        Raises:
            PipelineClosedError: The pipeline has ended, so the command would never be sent.
            CrossSourceError: The pipeline has commands for another server already.
        """
        if self.closed:
            raise PipelineClosedError(
                f"{command.name} on {' '.join(command.keys)} came after its pipeline ended and was not sent",
                key=command.keys[0] if command.keys else None,
                command=command.name,
                hint="await every task that writes before leaving the pipeline, or start it outside",
            )
        if self.source is not None and self.source is not source:
            raise CrossSourceError(
                f"the pipeline writes to {self.source.describe()}, and {command.name} to {source.describe()}",
                command=command.name,
                hint="open one pipeline for each server",
            )
        self.source = source
        self.commands.append(command)

    def remember(self, touched: Restorable) -> None:
        """Keep the present state of a local object, unless an earlier one is kept already."""
        if id(touched) not in self._restores:
            self._restores[id(touched)] = (touched, touched._rapyer_snapshot())

    def restore(self) -> None:
        """Bring every local object back to the state that was kept."""
        for _, restore in reversed(self._restores.values()):
            restore()
        self._restores.clear()


_open: ContextVar[Batch | None] = ContextVar("rapyer_batch", default=None)


def open_batch() -> Batch | None:
    """Return the pipeline that the running task is in."""
    return _open.get()


def enter(batch: Batch) -> Any:
    """Make a pipeline the running task's; give the result to `leave`."""
    return _open.set(batch)


def leave(token: Any) -> None:
    """End what `enter` began."""
    _open.reset(token)
