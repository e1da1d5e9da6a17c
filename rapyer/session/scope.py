"""The pipeline that is open in the running task, if there is one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rapyer.errors import CrossSourceError, PipelineClosedError
from rapyer.session.watch import Watch, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource
    from rapyer.session.watch import Given, Holder


class Restorable(Protocol):
    """A local object that can go back to what it was."""

    def _rapyer_snapshot(self) -> Callable[[], None]:
        """Return what restores the present state."""
        ...

    def _rapyer_root(self) -> Any:
        """Return the top-level model that it is part of."""
        ...


Renewals: TypeAlias = "dict[tuple[ClientSource, Command[Any]], None]"
Savepoint: TypeAlias = "tuple[int, Renewals, Given]"


class Batch:
    """Commands that one transaction will send, and how to undo what they did to local objects.

    Attributes:
        commands: The queue.
        source: Where it will be sent; None while it is empty.
        closed: Whether the pipeline has ended.
        atomic: Whether it is refused where it cannot be one step.
    """

    def __init__(self) -> None:
        self.commands: list[Command[Any]] = []
        self.source: ClientSource | None = None
        self.closed = False
        self._renewals: Renewals = {}
        self.atomic = False
        self._layers: list[dict[int, tuple[Restorable, Callable[[], None]]]] = [{}]
        self._outdated: dict[int, Any] = {}
        self._watch = Watch()
        self._followed: dict[int, Any] = {}

    def add(self, source: ClientSource, command: Command[Any]) -> None:
        """Queue a command.

        Raises:
            PipelineClosedError: The pipeline has ended, so the command would never be sent.
            CrossSourceError: The pipeline has commands for another server already.
        """
        if self.closed:
            where = f"{command.operation} on {command.told_keys}"
            raise _too_late(where, command.keys[0] if command.keys else None, command.operation)
        if self.source is None or (source.gives_tokens and source == self.source):
            self.source = source
        elif self.source != source:
            raise CrossSourceError(
                f"the pipeline writes to {self.source.describe()}, and {command.name} to {source.describe()}",
                command=command.name,
                hint="open one pipeline for each server",
            )
        self.commands.append(command)

    def renew(self, source: ClientSource, commands: Iterable[Command[Any]]) -> None:
        """Note what sets times to live: it is sent after the queue, once, in the order last noted."""
        for command in commands:
            self._renewals.pop((source, command), None)
            self._renewals[source, command] = None

    def renewals(self) -> tuple[list[Command[Any]], dict[ClientSource, list[Command[Any]]]]:
        """Return what sets times to live: on the server of the queue, and on others."""
        ours: list[Command[Any]] = []
        others: dict[ClientSource, list[Command[Any]]] = {}
        for source, command in self._renewals:
            (ours if source == self.source else others.setdefault(source, [])).append(command)
        return ours, others

    def withdraw(self, command: Command[Any]) -> None:
        """Take back a command that was queued."""
        self.commands = [queued for queued in self.commands if queued is not command]

    def remember(self, touched: Restorable) -> None:
        """Keep the present state of a local object, unless an earlier one is kept already.

        Raises:
            PipelineClosedError: The pipeline has ended, so the change would never be sent.
        """
        if self.closed:
            key = touched._rapyer_root().key
            raise _too_late(f"a change of {key}", key, None)
        layer = self._layers[-1]
        if id(touched) not in layer:
            self._follow(touched._rapyer_root())
            layer[id(touched)] = (touched, touched._rapyer_snapshot())

    def _follow(self, root: Any) -> None:
        if id(root) not in self._followed:
            self._followed[id(root)] = root._rapyer_follow()

    def follows(self, root: Any) -> bool:
        """Tell whether a top-level model was going to change in the block."""
        return id(root) in self._followed

    def unsaved(self, root: Any) -> set[str]:
        """Return the fields of a model that is followed which had unsaved changes before the block."""
        found: set[str] = self._followed[id(root)].unsaved
        return found

    def notes(self) -> list[Callable[[], None]]:
        """Return what lets models remember their present state, once the transaction has run."""
        return [known.ahead_of(self.commands) for known in self._followed.values() if known is not None]

    def meet(self, holder: Holder, name: Any, value: Any) -> None:
        """Note that the block can reach a value that may change in place; see `settle`."""
        if not self.closed:
            self._follow(holder._rapyer_root())
            self._watch.meet(holder, name, value)

    def settle(self) -> None:
        """Queue the writes of values that have changed in place since the block met them.

        Raises:
            ValidationError: A value does not fit its field any more.
            CantSerializeRedisValueError: A value cannot be stored any more.
        """
        for holder, place, text in self._watch.changed():
            self.remember(holder)
            self.add(source_of(holder), holder._rapyer_write_of(place, text))

    def restore(self) -> None:
        """Bring every local object back to the state that was kept."""
        while self._layers:
            _undo(self._layers.pop())
        self._layers.append({})
        self._watch.put_back()

    def savepoint(self) -> Savepoint:
        """Begin a part that can be undone alone, with `roll_back`, or else is ended by `keep`."""
        self.settle()
        self._layers.append({})
        return len(self.commands), dict(self._renewals), self._watch.given()

    def keep(self) -> None:
        """Make the part that `savepoint` began one with what was queued before it."""
        part = self._layers.pop()
        for known, kept in part.items():
            self._layers[-1].setdefault(known, kept)

    def roll_back(self, savepoint: Savepoint) -> None:
        """Forget what was queued since the savepoint, and undo what it did to local objects."""
        queued, self._renewals, given = savepoint
        del self.commands[queued:]
        _undo(self._layers.pop())
        self._watch.put_back(given)

    def touched(self) -> list[Any]:
        """Return the top-level models that have changed in the block, each once."""
        roots = [touched._rapyer_root() for layer in self._layers for touched, _ in layer.values()]
        return list({id(root): root for root in roots}.values())

    def refreshed(self, *models: Any) -> None:
        """Note that models took over what Redis holds in the middle of the block.

        What was queued for them before is missing in them, and what is kept of them is out of date, so they
        are loaded again at the end.
        """
        if self.closed:
            return
        changed = {id(root) for root in self.touched()}
        for root in (model._rapyer_root() for model in models):
            if id(root) in changed:
                self._outdated[id(root)] = root

    def outdated(self) -> list[Any]:
        """Return the models that must be loaded again once the transaction has run."""
        return list(self._outdated.values())


def _undo(layer: dict[int, tuple[Restorable, Callable[[], None]]]) -> None:
    for _, restore in reversed(layer.values()):
        restore()


def _too_late(what: str, key: str | None, command: str | None) -> PipelineClosedError:
    return PipelineClosedError(
        f"{what} came after its pipeline ended and was not sent",
        key=key,
        command=command,
        hint="await every task that writes before leaving the pipeline, or start it outside",
    )


_open: ContextVar[Batch | None] = ContextVar("rapyer_batch", default=None)


open_batch: Callable[[], Batch | None] = _open.get
"""Returns the pipeline that the running task is in; no function of its own, for each assignment asks it."""


def settle_open() -> None:
    """Let the open pipeline queue what has changed in place, ahead of an operation that goes by it.

    Raises:
        ValidationError: A value does not fit its field any more.
        CantSerializeRedisValueError: A value cannot be stored any more.
    """
    batch = open_batch()
    if batch is not None and not batch.closed:
        batch.settle()


def enter(batch: Batch) -> Any:
    """Make a pipeline the running task's; give the result to `leave`."""
    return _open.set(batch)


def leave(token: Any) -> None:
    """End what `enter` began."""
    _open.reset(token)
