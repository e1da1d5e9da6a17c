"""Changing and deleting what filters describe, as long as they still describe it.

The index says which documents match. A script asks it again, about some of these documents alone, and changes
them in the same step, so that none is changed which no longer matches. Where that does not tell
(`_Change.reads`), the documents are read, and the script changes only what still has the same text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapyer.commands.change import Changed, Condition, change_matching
from rapyer.commands.command import Effect
from rapyer.commands.slots import slot_of
from rapyer.errors import BadFilterError, StaleModelError
from rapyer.model import load
from rapyer.model.cascade import plan_of
from rapyer.model.companions import keys_under
from rapyer.model.expiry import refreshes_now, renewal_of
from rapyer.model.registry import registry
from rapyer.search.compile import compiled
from rapyer.search.evaluate import holds
from rapyer.search.find import keys_on
from rapyer.search.index import name_on, searched
from rapyer.search.limits import lift
from rapyer.session.executor import execute, perform, read_each, require_one_step, transact
from rapyer.session.scope import open_batch, settle_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.errors import ModelError
    from rapyer.model.state import StoredModel
    from rapyer.search.compile import Query
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource

MODELS_PER_SCRIPT = 250
"""How many documents one script changes; more would keep the server from other callers for too long."""

DOCUMENTS_AT_ONCE = 2500
"""After how many documents a round trip is full; each script in it is atomic for itself."""

SCRIPTS_AT_ONCE = 500
"""How many scripts go in one round trip."""

_ROUNDS = 20
"""How often documents are read again that have changed before their turn."""


@dataclass(frozen=True)
class Task:
    """What is to be done to which documents.

    Attributes:
        cls: The class.
        expression: Which documents.
        steps: What is done to each, as `change_matching` takes it.
        own_steps: Returns the steps for an instance, where they are not the same for all; raises ValueError
            for one that is to stay as it is.
        most: The most documents that one script changes; None for all.
        refreshes: Whether the time to live starts anew.
        atomic: Whether all must be one script.
        dry_run: Whether nothing is to be changed.
        told: Is told after each round trip how many were changed, and how many have been found by then.
    """

    cls: type[StoredModel]
    expression: Expression
    steps: tuple[Arg, ...] = ()
    own_steps: Callable[[Any], tuple[Arg, ...]] | None = None
    most: int | None = MODELS_PER_SCRIPT
    refreshes: bool = True
    atomic: bool = False
    dry_run: bool = False
    told: Callable[[int, int], object] | None = None


@dataclass
class Outcome:
    """What came of a task.

    Attributes:
        found: The documents that matched when they were looked for.
        changed: Those that were changed.
        refused: Why others stay as they are.
        removed: How many keys were removed.
        corrupt: What is wrong with documents that could not be read.
    """

    found: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    removed: int = 0
    corrupt: dict[str, ModelError] = field(default_factory=dict)

    def left(self, keys: Iterable[str]) -> list[str]:
        """Return those keys of which nothing is settled."""
        settled = (self.changed, self.refused, self.corrupt)
        return [key for key in keys if not any(key in done for done in settled)]


async def carry_out(source: ClientSource, task: Task) -> Outcome:
    """Change the documents that match, or queue that in the open pipeline.

    Args:
        source: Where the commands go.
        task: What is to be done.

    Raises:
        BadFilterError: The filter says nothing of a document alone.
        NotIndexedError: The class's index does not exist on the server.
        CrossSlotError: It was to be one step, and the keys live in several slots of a cluster.
        StaleModelError: Documents were changed by others all the time, before their turn.
    """
    query = compiled(task.expression)
    if query.nearest is not None:
        raise BadFilterError(
            f"nearest does not say of a {task.cls.__name__} alone whether it is to be changed",
            model=task.cls.__name__,
            hint="find them with afind, and change or delete what it gives",
        )
    if not task.dry_run:
        settle_open()
    if query.expands:
        await source.router.on_each(lift, searching=True)
    change = _Change(source, task, query, in_scripts=await _scripts_can_search(source))
    if open_batch() is not None:  # what was queued cannot be done again
        await change.made(await searched(task.cls, source, change.search))
        return change.outcome
    for _ in range(_ROUNDS):
        if await searched(task.cls, source, change.once):
            return change.outcome
    left = change.outcome.left(sorted(change.outcome.found))
    raise StaleModelError(
        f"{len(left)} of the {task.cls.__name__} to be changed were changed by others all the time",
        key=left[0],
        model=task.cls.__name__,
        hint="do it again: those that were changed are done, the others are as they were",
    )


async def _scripts_can_search(source: ClientSource) -> bool:
    """Tell whether a script can ask the index: not where one server of a cluster searches all of them."""
    router = source.router
    return not router.is_cluster or len(await router.on_each(_there)) == len(
        await router.on_each(_there, searching=True)
    )


async def _there(server: ClientSource) -> bool:
    return True


class _Change:
    """A task that is being carried out.

    Args:
        source: Where the commands go.
        task: What is to be done.
        query: The query of its filter.
        in_scripts: Whether a script can ask the index.
    """

    def __init__(self, source: ClientSource, task: Task, query: Query, *, in_scripts: bool) -> None:
        self.outcome = Outcome()
        self._source = source
        self._task = task
        self._query = query
        self._in_scripts = in_scripts
        self._judges = query.check or not in_scripts
        self._others = load.longer_prefixes(task.cls)
        self._follows = task.refreshes and plan_of(task.cls).follows
        # With tokens a repeated script gives the first reply again, and so the right number.
        self._effect = Effect.ONCE if source.gives_tokens else Effect.IDEMPOTENT

    @property
    def reads(self) -> bool:
        """Whether the documents themselves are needed: to judge them, or to know what becomes of each."""
        return self._judges or self._task.own_steps is not None

    async def once(self) -> bool:
        """Search, and change what was found; whether nothing is left that has to be looked at again."""
        return await self.made(await self.search())

    async def search(self) -> list[tuple[str, list[str]]]:
        """Return the keys of what matches, as far as it is not settled, with the index that found them."""
        return await self._source.router.on_each(self._found_on, searching=True)

    async def made(self, places: Sequence[tuple[str, list[str]]]) -> bool:
        """Change what was found, or queue that; whether nothing is left that has to be looked at again."""
        if self.reads:
            return await self._change_read(places)
        self.outcome.found.update(key for _, keys in places for key in keys)
        if not self._task.dry_run:
            await self._change_all(places)
        return True

    async def _found_on(self, server: ClientSource) -> tuple[str, list[str]]:
        cls = self._task.cls
        keys = dict.fromkeys(await keys_on(server, cls, self._query))
        own = (key for key in keys if not key.startswith(self._others))
        return name_on(server, cls), self.outcome.left(own)

    def _condition(self, index: str) -> Condition:
        if not self._in_scripts:
            return Condition()
        return Condition(index, self._query.text, self._query.parameters)

    def _command(
        self, keys: Sequence[str], condition: Condition, steps: tuple[Arg, ...], seen: bytes | None = None
    ) -> Command[Changed]:
        cls = self._task.cls
        models = [keys_under(cls.__rapyer_spec__, key) for key in keys]
        starts = self._task.refreshes and not self._follows and refreshes_now(cls)
        seconds = registry.ttl_of(cls) if starts else None
        return change_matching(models, condition, steps, seen=seen, seconds=seconds, effect=self._effect)

    async def _change_all(self, places: Sequence[tuple[str, list[str]]]) -> None:
        most = None if self._task.atomic else self._task.most
        groups = (
            (keys, self._condition(index))
            for index, found in places
            for slot in self._slots(found)
            for keys in load.chunks_of(slot, most)
        )
        if self._task.atomic:
            await self._send([self._command(keys, where, self._task.steps) for keys, where in groups])
            return
        for trip in _trips(groups):
            await self._send([self._command(keys, condition, self._task.steps) for keys, condition in trip])

    def _slots(self, keys: list[str]) -> Iterable[list[str]]:
        if not self._source.router.is_cluster:
            return [keys] if keys else []
        by_slot: dict[int, list[str]] = {}
        for key in keys:
            by_slot.setdefault(slot_of(key), []).append(key)
        return by_slot.values()

    async def _send(self, commands: list[Command[Changed]]) -> bool:
        """Run commands or queue them; whether all documents were changed, as far as one can know."""
        each = len(self._task.cls.__rapyer_spec__.companions) + 1
        asked = [key for command in commands for key in command.keys[::each]]
        if self._task.atomic:
            require_one_step(self._source, commands, "adelete_many")
        if open_batch() is not None:
            await perform(self._source, *commands, renewal=self._renewal(asked))
            return True
        done: list[Changed] = await (transact if self._task.atomic else execute)(self._source, commands)
        changed = [key for one in done for key in one.keys]
        self.outcome.changed.update(changed)
        self.outcome.removed += sum(one.removed for one in done)
        if self._task.told is not None:
            self._task.told(len(self.outcome.changed), len(self.outcome.found))
        await perform(self._source, renewal=self._renewal(changed))
        return len(changed) == len(asked)

    def _renewal(self, keys: Sequence[str]) -> tuple[Command[Any], ...]:
        """Return what passes the time to live on along references; else the script starts it itself."""
        return renewal_of(self._task.cls, keys) if self._follows and keys else ()

    async def _change_read(self, places: Sequence[tuple[str, list[str]]]) -> bool:
        """Read documents and change those that match, as long as they are what was read."""
        settled = True
        commands: list[Command[Changed]] = []
        for index, chunk in _chunked(places):
            commands += await self._commands_read(index, chunk)
            if commands and not self._task.atomic:
                settled = await self._send(commands) and settled
                commands = []
        if commands:
            await self._send(commands)
        return settled

    async def _commands_read(self, index: str, keys: Sequence[str]) -> list[Command[Changed]]:
        condition = self._condition(index)
        commands: list[Command[Changed]] = []
        for key, document, model in await self._read(keys):
            if self._judges and not holds(self._task.expression, model):
                continue
            self.outcome.found.add(key)
            steps = self._steps(key, model)
            if steps is not None and not self._task.dry_run:
                commands.append(self._command([key], condition, steps, document))
        return commands

    def _steps(self, key: str, model: Any) -> tuple[Arg, ...] | None:
        """Return what is done to a document; None where it is refused."""
        if self._task.own_steps is None:
            return self._task.steps
        try:
            return self._task.own_steps(model)
        except ValueError as error:
            self.outcome.refused[key] = str(error)
            return None

    async def _read(self, keys: Sequence[str]) -> list[tuple[str, bytes, Any]]:
        """Return the documents that are there and can be read, as text and as instance."""
        cls = self._task.cls
        reading = load.reading_of(cls)
        read = load.reader_of(cls, reading)
        rows = load.rows_of(keys, iter(await read_each(self._source, load.reads_of(keys, reading))), reading)
        documents = []
        for key, row in zip(keys, rows, strict=True):
            if row is None:
                continue
            try:
                documents.append((key, row if reading is None else row[0], read(key, row)))
            except load.UNREADABLE as error:
                self.outcome.corrupt[key] = error
        return documents


def _chunked(places: Sequence[tuple[str, list[str]]]) -> Iterator[tuple[str, Sequence[str]]]:
    return ((index, chunk) for index, keys in places for chunk in load.chunks_of(keys))


def _trips(
    groups: Iterator[tuple[Sequence[str], Condition]],
) -> Iterator[list[tuple[Sequence[str], Condition]]]:
    """Return what goes together in a round trip: a few large scripts, or on a cluster many small ones."""
    trip: list[tuple[Sequence[str], Condition]] = []
    documents = 0
    for group in groups:
        trip.append(group)
        documents += len(group[0])
        if documents >= DOCUMENTS_AT_ONCE or len(trip) == SCRIPTS_AT_ONCE:
            yield trip
            trip, documents = [], 0
    if trip:
        yield trip
