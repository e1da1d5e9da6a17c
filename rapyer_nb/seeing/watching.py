"""Following documents: those that may have changed are read, and compared with what was seen before."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from rapyer import AtomicRedisModel
from rapyer.commands.content import DOCUMENT, NOTHING
from rapyer.commands.lock import is_of_lock
from rapyer.functions import model_for
from rapyer.model.portions import list_keys
from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer.watching.listening import Listener, close_watches, listening
from rapyer_nb.errors import NotebookError
from rapyer_nb.live import feed_for
from rapyer_nb.seeing.keyspace import stored_keys
from rapyer_nb.snapshots import Change, Scope, Snapshot, capture_keys, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rapyer.session.clients import ClientSource
    from rapyer_nb.live import FeedState, Watch
    from rapyer_nb.seeing.journal import Entry, Journal
    from rapyer_nb.seeing.keyspace import Told
    from rapyer_nb.snapshots import Kept

_CHUNK: Final = 100

MOST_KNOWN: Final = 10_000
"""Of a class with more documents not all are read at first; a change is told without what it was before."""


@dataclass(frozen=True)
class Subject:
    """What is followed.

    Args:
        scope: The classes and documents.
        about: What to call it.
    """

    scope: Scope
    about: str

    @classmethod
    def of(cls, given: Iterable[Any]) -> Subject:
        """Return the subject for classes, instances and keys.

        Raises:
            NotebookError: Nothing is given.
            InvalidKeyError: A text is no full key.
            RapyerModelDoesntExistError: No class is known for a key.
        """
        whole: dict[type[AtomicRedisModel], None] = {}
        single: dict[str, type[AtomicRedisModel]] = {}
        for one in given:
            if isinstance(one, type) and not issubclass(one, AtomicRedisModel):
                raise NotebookError(f"{one.__name__} is no model class", hint="name one, a model, or a key")
            if isinstance(one, type):
                whole[one] = None
            elif isinstance(one, str):
                single[one] = model_for(one)
            else:
                single[str(one.key)] = type(one)
        if not whole and not single:
            raise NotebookError("there is nothing to watch", hint="name a model class, a model or a key")
        about = ", ".join([*(model.__name__ for model in whole), *single])
        return cls(Scope(tuple(whole), {key: own for key, own in single.items() if own not in whole}), about)


@dataclass
class Follower:
    """Follows documents, and what lives beside them.

    The connection is the one in use, or named by `--alias`, when it is made; it stays that.

    Args:
        subject: What is followed.
        journal: Where changes are written down.
        source: The connection of classes whose `Meta` names none.
    """

    subject: Subject
    journal: Journal
    source: ClientSource = field(default_factory=lambda: registry.source_in_use)
    _known: dict[str, Kept] = field(default_factory=dict)
    _partly: set[type[AtomicRedisModel]] = field(default_factory=set)
    _prepared: bool = False

    def __post_init__(self) -> None:
        self._listener = Listener(self.subject.scope.whole, self.subject.scope.single or {})

    def watch(
        self, notify: Callable[[], None], on_state: Callable[[FeedState], None] | None = None
    ) -> tuple[Watch, ...]:
        """Listen for changes (CLIENT TRACKING, or keyspace notifications; else at intervals).

        Args:
            notify: Called where something may have changed: `look` is due.
            on_state: Called when the way of listening changes.
        """
        with using(self.source):
            return self._listener.watch(notify, on_state)

    def feed_states(self) -> list[FeedState]:
        """Return how changes are heard of now, on each server."""
        with using(self.source):
            sources = {registry.source_for(model) for model in self.subject.scope.models}
        return [feed_for(source).state for source in sources]

    async def reach(self) -> None:
        """Ask each server for something (DBSIZE): one that does not answer is an error at once."""
        with using(self.source):
            for source in {registry.source_for(model) for model in self.subject.scope.models}:
                with suppress(ResponseError):  # this user may not ask, but there is somebody who says so
                    await stored_keys(source)

    async def prepare(self, told: Told | None = None) -> None:
        """Read all there is to be compared with (SCAN, a script for each document).

        What changes later is heard only after `watch`; `doubt` tells that something may have changed before.

        Args:
            told: Is told how many documents were read, and of how many.
        """
        with using(self.source):
            for model, keys in (await self._listed()).items():
                await self._take_stock(model, keys, told)
        self._prepared = True
        self.journal.started = datetime.now()

    def doubt(self) -> None:
        """Let everything count as changed, to be read at the next look."""
        self._listener.doubt()

    async def look(self) -> list[Entry]:
        """Read what may have changed, and write down what has (a script for each document: JSON.GET, …)."""
        with using(self.source):
            if not self._prepared:
                await self.prepare()
            pending = self._listener.take()
            try:
                changes: list[Change] = []
                for model, some in pending.items():
                    changes += await self._compared(model, some)
            except BaseException:
                for model, some in pending.items():  # to be looked at again
                    self._listener.note(model, some)
                raise
            heard_by = self._heard_by(pending)
        return self.journal.add(changes, heard_by)

    def _heard_by(self, models: Iterable[type[AtomicRedisModel]]) -> str:
        return ", ".join(dict.fromkeys(feed_for(registry.source_for(model)).mode for model in models))

    # What is to be read ------------------------------------------------------------------------------------

    async def _listed(self) -> dict[type[AtomicRedisModel], list[str]]:
        """Return the keys of the documents there are, by class (SCAN); none of a class that has too many."""
        found: dict[type[AtomicRedisModel], list[str]] = {}
        for model in self.subject.scope.whole:
            keys = await list_keys(model, registry.source_for(model), MOST_KNOWN + 1)
            if len(keys) > MOST_KNOWN:
                self._partly.add(model)
                self.journal.remark = (
                    f"{model.__name__} has more than {MOST_KNOWN:,} documents: of the first change of each "
                    "it is not known what was there before"
                )
            found[model] = [] if model in self._partly else [str(key) for key in keys]
        for key, model in (self.subject.scope.single or {}).items():
            found.setdefault(model, []).append(key)
        return found

    async def _take_stock(self, model: type[AtomicRedisModel], keys: list[str], told: Told | None) -> None:
        for start in range(0, len(keys), _CHUNK):
            self._known.update(await self._read(model, keys[start : start + _CHUNK]))
            if told is not None:
                told(min(start + _CHUNK, len(keys)), len(keys))

    async def _read(self, model: type[AtomicRedisModel], keys: Sequence[str]) -> dict[str, Kept]:
        """Return what there is under keys of documents, and beside them."""
        read = await capture_keys(model, keys)
        return {key: kept for key, kept in read.items() if kept.document.kind != NOTHING}

    # What has changed --------------------------------------------------------------------------------------

    async def _compared(self, model: type[AtomicRedisModel], keys: set[str] | None) -> list[Change]:
        """Read documents, and return how they differ from what was known of them."""
        if keys is None:
            known = {key for key, kept in self._known.items() if kept.model == model.__name__}
            keys = known | set((await self._listed()).get(model, ()))
        before = {key: self._known[key] for key in keys if key in self._known}
        read = await self._read(model, sorted(keys))
        after = {key: kept for key, kept in read.items() if self._counts(key, kept)}
        changes = compare(self._snapshot(before), self._snapshot(after)).changes
        for key in keys:
            self._known.pop(key, None)
        self._known.update(after)
        if model not in self._partly:
            return list(changes)
        # A document that was not read before may have been there.
        seen = [Change(one.key, one.model, "changed", ()) if one.kind == "new" else one for one in changes]
        unknown = sorted(key for key in keys - before.keys() - read.keys() if not is_of_lock(key))
        return [*seen, *(Change(key, model.__name__, "gone", ()) for key in unknown)]

    def _counts(self, key: str, kept: Kept) -> bool:
        """Tell whether a key is looked at: of a class only documents are, not what its locks leave."""
        single = self.subject.scope.single or {}
        return kept.document.kind == DOCUMENT or key in self._known or key in single

    def _snapshot(self, documents: dict[str, Kept]) -> Snapshot:
        return Snapshot("", datetime.now(), self.subject.scope, documents)


async def follow(
    follower: Follower,
    seconds: float | None,
    on_entries: Callable[[list[Entry]], None],
    told: Told | None = None,
) -> Journal:
    """Follow documents for a time, or until the task is cancelled.

    Args:
        follower: Who does it.
        seconds: How long; None for ever.
        on_entries: Is told of changes as they are seen.
        told: Is told how many documents were read at first, and of how many.
    """
    woken = asyncio.Event()
    loop = asyncio.get_running_loop()
    lost: asyncio.Queue[str] = asyncio.Queue()

    def on_state(state: FeedState) -> None:
        if state.status == "disconnected":
            lost.put_nowait(state.reason)

    await follower.reach()
    watches = follower.watch(woken.set, on_state)
    try:
        await _heard(watches, lost)
        await follower.prepare(told)
        end = None if seconds is None else loop.time() + seconds
        while await _woken(woken, None if end is None else end - loop.time()):
            woken.clear()
            if entries := await follower.look():
                on_entries(entries)
    finally:
        close_watches(watches)
    return follower.journal


async def _heard(watches: Iterable[Watch], lost: asyncio.Queue[str]) -> None:
    """Wait until changes are heard.

    Raises:
        NotebookError: The connection was lost before that.
    """
    try:
        await listening(watches, lost)
    except RedisConnectionError as error:
        raise NotebookError(str(error), hint="%rapyer_info tells more") from None


async def _woken(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event; False if it did not come in time."""
    try:
        await asyncio.wait_for(event.wait(), seconds if seconds is None else max(seconds, 0))
    except asyncio.TimeoutError:
        return False
    return True
