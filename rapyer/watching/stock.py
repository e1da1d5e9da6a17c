"""What is known of the documents that are watched, and what has changed since."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rapyer.commands.lock import is_of_lock
from rapyer.live import feed_for
from rapyer.model.portions import chunks_of, list_keys
from rapyer.model.registry import registry
from rapyer.watching.change import Change
from rapyer.watching.held import differences, is_document, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.base import AtomicRedisModel
    from rapyer.live import Mode
    from rapyer.watching.held import Held
    from rapyer.watching.subject import Subject

CHUNK: Final = 100
"""How many documents are read in one transaction, during which the server answers nobody else."""

PAUSE: Final = 0.003
"""Seconds for each document until all are read again although nothing was missed: ten thousand in 30 s."""

MOST_KEPT: Final = 10_000
"""Of more documents it is only known whether they have changed, and not what they held before."""


class KeyStock:
    """Which documents there are; nothing of what they hold is read.

    Args:
        subject: What is watched.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._keys: dict[type[AtomicRedisModel], set[str]] = {}

    async def fill(self) -> None:
        """Find out which there are (SCAN)."""
        for model in self._subject.models:
            self._keys[model] = set(await listed(self._subject, model))

    @property
    def rest(self) -> float:
        """Seconds until all need to be told again, where nothing was missed."""
        return sum(map(len, self._keys.values())) * PAUSE

    async def portions(
        self, model: type[AtomicRedisModel], keys: Iterable[str] | None
    ) -> list[Sequence[str]]:
        """Return keys of which some may have changed; where any may have, all there are or were."""
        if keys is None:
            before = self._keys.pop(model, set())
            self._keys[model] = set(await listed(self._subject, model))
            keys = self._keys[model] | before
        found = sorted(key for key in keys if key in self._subject.single or not is_of_lock(key))
        return [found] if found else []

    async def compared(self, model: type[AtomicRedisModel], keys: Sequence[str]) -> Sequence[str]:
        """Return the keys."""
        self._keys.setdefault(model, set()).update(keys)
        return keys


class Stock:
    """What the documents of a subject held when they were last read.

    Args:
        subject: What is watched.
        initial: Whether the first look tells of a single document that it is not there.
    """

    def __init__(self, subject: Subject, *, initial: bool = False) -> None:
        self._subject = subject
        self._known: dict[str, Held] = {}
        self._untold = set(subject.single) if initial else set()

    async def fill(self) -> None:
        """Read all there is (SCAN, scripts)."""
        for model in self._subject.models:
            for keys in chunks_of(await listed(self._subject, model), CHUNK):
                for held in (await self._read(model, keys)).values():
                    self._keep(held)

    async def portions(
        self, model: type[AtomicRedisModel], keys: Iterable[str] | None
    ) -> list[Sequence[str]]:
        """Return keys of which some may have changed, in portions; where any may have, all there are or were.

        Args:
            model: Their class.
            keys: They; None for all (SCAN).
        """
        if keys is None:
            known = [key for key, held in self._known.items() if held.model is model]
            keys = dict.fromkeys((*known, *await listed(self._subject, model)))
        return list(chunks_of(list(keys), CHUNK))

    @property
    def rest(self) -> float:
        """Seconds until all need to be read again, where nothing was missed."""
        return len(self._known) * PAUSE

    async def compared(self, model: type[AtomicRedisModel], keys: Sequence[str]) -> Sequence[Change]:
        """Read documents, and return how they differ from what was known of them."""
        found = await self._read(model, keys)
        changes = (self._compared(key, model, found.get(key)) for key in keys)
        return [change for change in changes if change is not None]

    async def _read(self, model: type[AtomicRedisModel], keys: Sequence[str]) -> dict[str, Held]:
        found = await read(registry.source_for(model), model, keys)
        return {
            key: held
            for key, held in found.items()
            if is_document(held) or key in self._known or key in self._subject.single
        }

    def _keep(self, held: Held) -> None:
        full = len(self._known) >= MOST_KEPT and held.key not in self._known
        self._known[held.key] = held.without_contents() if full else held

    def _compared(self, key: str, model: type[AtomicRedisModel], after: Held | None) -> Change | None:
        before, untold = self._known.get(key), self._untold & {key}
        self._untold -= untold
        if after is None:
            self._known.pop(key, None)
            if before is not None:
                return _gone(before)
            return Change(key, model, "deleted", heard_by=_mode(model)) if key in untold else None
        if before is not None and before.digests == after.digests:
            self._known[key] = replace(before, ends=after.ends)
            return None
        self._keep(after)
        change = _set(after, before, self._subject)
        told = change.kind != "set" or before is None or before.contents is None or change.fields
        return change if told else None


async def listed(subject: Subject, model: type[AtomicRedisModel]) -> list[str]:
    """Return the keys of the documents of a class that are watched (SCAN, where it is the whole class)."""
    if model in subject.whole:
        return [str(key) for key in await list_keys(model, registry.source_for(model))]
    return [key for key, own in subject.single.items() if own is model]


def _set(held: Held, before: Held | None, subject: Subject) -> Change:
    mode = _mode(held.model)
    try:
        instance = held.instance()
        if before is None or before.contents is None:
            return Change(held.key, held.model, "set", instance, heard_by=mode)
        fields = differences(before, held, instance, subject.names)
        return Change(held.key, held.model, "set", instance, fields, mode)
    except Exception as error:  # whatever the class or its validators say
        return Change(held.key, held.model, "unknown", heard_by=mode, error=error)


def _gone(before: Held) -> Change:
    over = before.ends is not None and asyncio.get_running_loop().time() >= before.ends
    return Change(before.key, before.model, "expired" if over else "deleted", heard_by=_mode(before.model))


def _mode(model: type[AtomicRedisModel]) -> Mode:
    return feed_for(registry.source_for(model)).mode
