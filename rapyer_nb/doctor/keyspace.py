"""The keys of a server, looked through once for all checks that need some (SCAN)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rapyer.commands.companion import main_of
from rapyer.commands.keys import time_left, type_of
from rapyer.commands.lock import is_of_lock
from rapyer.commands.looking import scan_keys
from rapyer.commands.server import count_keys
from rapyer.model.registry import registry
from rapyer.session.executor import execute, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource

DOCUMENT: Final = "ReJSON-RL"
NOTHING: Final = "none"

_PER_SCAN: Final = 1000
"""How many keys the server looks at before it answers anybody else."""

_PER_LOOK: Final = 200
"""How many keys are looked at in one round trip."""


@dataclass
class Bucket:
    """Keys of one kind.

    Attributes:
        number: How many were met.
        sample: The first ones of them.
    """

    number: int = 0
    sample: dict[str, None] = field(default_factory=dict)

    def add(self, key: str, most: int) -> None:
        """Count a key, and keep it if there are not yet enough."""
        if key in self.sample:
            return  # SCAN may name a key twice
        self.number += 1
        if len(self.sample) < most:
            self.sample[key] = None


@dataclass
class Seen:
    """What a look through the keys met.

    Attributes:
        documents: The keys of each class, whatever they hold, those of locks left out.
        beside: The keys of what lives beside documents.
        visited: How many keys were met in all.
        stored: How many keys there are.
        complete: Whether all of them were met.
    """

    documents: dict[type[AtomicRedisModel], Bucket]
    beside: Bucket
    visited: int = 0
    stored: int = 0
    complete: bool = True

    def nothing(self, nouns: str) -> str:
        """Return that there are none of something, as far as that is known."""
        if self.complete:
            return f"there are no {nouns}"
        return f"no {nouns} were met among {self.visited:,} of {self.stored:,} keys"

    def told(self, bucket: Bucket, noun: str) -> str:
        """Return `all 12 documents`, or how many of how many were looked at."""
        looked, met = len(bucket.sample), bucket.number
        more = (
            ""
            if self.complete
            else f", of which there may be more ({self.visited:,} of {self.stored:,} keys met)"
        )
        if looked == met:
            return f"{'all ' if self.complete else ''}{met:,} {noun}{'' if met == 1 else 's'}{more}"
        return f"{looked:,} of {met:,} {noun}s{more}"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key without reading it.

    Attributes:
        name: The key.
        kind: Its type, as the server names it; `NOTHING` where it is gone.
        left: The milliseconds that it has left; None for no end.
    """

    name: str
    kind: str
    left: int | None


class Keyspace:
    """The keys of a server, for some classes.

    Args:
        source: The server.
        models: The classes.
        sample: How many keys of each kind are kept at most, to be looked at.
        seconds: For how long keys are looked for.

    Attributes:
        seconds: The same.
    """

    def __init__(
        self, source: ClientSource, models: Iterable[type[AtomicRedisModel]], sample: int, seconds: float
    ) -> None:
        self._source = source
        self._models = tuple(models)
        self._sample = sample
        self.seconds = seconds
        self._seen: Seen | None = None
        self._looks: dict[str, Key] = {}

    async def seen(self) -> Seen:
        """Look through the keys, the first time that this is asked (DBSIZE, SCAN)."""
        if self._seen is None:
            stored = sum(await self._source.router.on_each(lambda server: run(server, count_keys())))
            parts = await self._source.router.on_each(self._of)
            self._seen = self._together(parts, stored)
        return self._seen

    async def looked_at(self, keys: Iterable[str]) -> list[Key]:
        """Look at keys without reading them, each once (TYPE, PTTL)."""
        wanted = list(keys)
        new = [key for key in dict.fromkeys(wanted) if key not in self._looks]
        for start in range(0, len(new), _PER_LOOK):
            chunk = new[start : start + _PER_LOOK]
            replies = await execute(self._source, [ask(key) for key in chunk for ask in (type_of, time_left)])
            for key, kind, left in zip(chunk, replies[::2], replies[1::2], strict=True):
                self._looks[key] = Key(key, kind, left if left >= 0 else None)
        return [self._looks[key] for key in wanted]

    async def _of(self, server: ClientSource) -> Seen:
        part = Seen({model: Bucket() for model in self._models}, Bucket())
        until = asyncio.get_running_loop().time() + self.seconds
        cursor = 0
        while True:
            cursor, batch = await run(server, scan_keys(cursor, "*", _PER_SCAN))
            self._sort(batch, part)
            if cursor == 0:
                return part
            if asyncio.get_running_loop().time() > until:
                part.complete = False
                return part

    def _sort(self, batch: Sequence[str], part: Seen) -> None:
        part.visited += len(batch)
        for key in batch:
            if main_of(key) is not None:
                part.beside.add(key, self._sample)
                continue
            owner = registry.owner_of(key)
            if owner in part.documents and not is_of_lock(key):
                part.documents[owner].add(key, self._sample)

    def _together(self, parts: Sequence[Seen], stored: int) -> Seen:
        whole = Seen({model: Bucket() for model in self._models}, Bucket(), stored=stored)
        for part in parts:
            whole.visited += part.visited
            whole.complete = whole.complete and part.complete
            for model, bucket in part.documents.items():
                self._add(bucket, whole.documents[model])
            self._add(part.beside, whole.beside)
        return whole

    def _add(self, part: Bucket, whole: Bucket) -> None:
        whole.number += part.number
        room = self._sample - len(whole.sample)
        whole.sample |= dict.fromkeys(list(part.sample)[: max(room, 0)])
