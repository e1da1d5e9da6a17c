"""What a priority queue does with the entries that Redis holds: reads them, and takes them out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rapyer.errors import CorruptedModelError
from rapyer.session.arrivals import until_found
from rapyer.session.executor import run
from rapyer.session.taking import returned, taken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from rapyer.commands.queues import Entry, Queue
    from rapyer.session.clients import ClientSource
    from rapyer.types.elements import Elements

T = TypeVar("T")

logger = logging.getLogger("rapyer")

PAGE = 200
"""How many entries are read at a time in search of those that fit, or do not."""

SPARE = 50
"""How many entries more than wanted are looked at, as others may take the first ones meanwhile."""


@dataclass
class PriorityQueueItem(Generic[T]):
    """An item of a queue.

    Attributes:
        value: The value.
        priority: Its priority; the lowest comes first.
    """

    value: T
    priority: float


@dataclass(frozen=True, slots=True)
class QueueAccess(Generic[T]):
    """One queue in Redis.

    Attributes:
        place: Its commands.
        elements: How its values are read.
        source: Where it is.
        do: Runs a command as a part of the running operation.
    """

    place: Queue
    elements: Elements
    source: ClientSource
    do: Callable[..., Awaitable[Any]]

    def items(self, entries: Sequence[Entry], *, skip_corrupt: bool = False) -> list[PriorityQueueItem[T]]:
        """Return what entries stand for.

        Raises:
            CorruptedModelError: One does not fit, and is not to be skipped.
        """
        fitting, corrupt = self._sorted(entries)
        if corrupt and not skip_corrupt:
            raise corrupt[0][1]
        self._warn_of([entry for entry, _ in corrupt])
        return [item for _, item in fitting]

    async def pop(
        self, count: int, *, highest: bool, skip_corrupt: bool, seconds: float | None
    ) -> list[PriorityQueueItem[T]]:
        """Take out the first items.

        Args:
            count: The most items.
            highest: Whether those of the highest priority are the first.
            skip_corrupt: Whether to pass over what does not fit.
            seconds: How long to wait for an item; None not to wait.

        Raises:
            CorruptedModelError: One does not fit, and is not to be skipped; all are put back.
        """
        passed: dict[Entry, None] | None = {} if skip_corrupt else None

        async def attempt() -> list[tuple[Entry, PriorityQueueItem[T]]]:
            taking = self._take(count, highest=highest, passed=passed)
            return await taken(taking, self._give_back, f"items of {self.place.key}")

        found = await until_found(self.source, self.place.key, attempt, seconds)
        return [item for _, item in found]

    async def pop_corrupt(self) -> list[PriorityQueueItem[str | bytes]]:
        """Take out what does not fit, and return it as it is stored."""

        async def take() -> list[tuple[Entry, None]]:
            bad: list[Entry] = []
            async for page in self._pages(PAGE):
                bad += [entry for entry, _ in self._sorted(page)[1]]
            claimed = await self.do(self.place.claim(bad, len(bad))) if bad else []
            return [(entry, None) for entry in claimed]

        found = await taken(take(), self._give_back, f"members of {self.place.key}")
        return [PriorityQueueItem(_readable(entry[0]), self.place.priority(entry[1])) for entry, _ in found]

    async def _take(
        self, count: int, *, highest: bool, passed: dict[Entry, None] | None
    ) -> list[tuple[Entry, PriorityQueueItem[T]]]:
        if passed is not None:
            return await self._pick(count, passed, highest=highest)
        entries = await self.do(self.place.pop(count, highest=highest))
        fitting, corrupt = self._sorted(entries)
        if corrupt:
            await returned(self._put_back(entries), f"items of {self.place.key}: {entries!r}")
            raise corrupt[0][1]
        return fitting

    async def _pick(
        self, count: int, passed: dict[Entry, None], *, highest: bool
    ) -> list[tuple[Entry, PriorityQueueItem[T]]]:
        """Take out the first entries that fit; what does not never leaves the queue.

        Were it taken out and put back, that would wake whoever waits, the caller among them, again and again.

        Args:
            count: The most entries.
            passed: What was passed over before; what is passed over now is added, and told of if it is new.
            highest: Whether those of the highest priority are the first.
        """
        while True:
            seen: list[Entry] = []
            fitting: dict[Entry, PriorityQueueItem[T]] = {}
            async for page in self._pages(count + SPARE, highest=highest):
                seen += page
                fitting |= self._sorted(page)[0]
                if len(fitting) >= count:
                    break
            claimed = await self.do(self.place.claim(fitting, count)) if fitting else []
            if claimed or not fitting:
                before = seen[: seen.index(claimed[-1])] if len(claimed) == count else seen
                self._warn_of([entry for entry in before if entry not in fitting and entry not in passed])
                passed |= dict.fromkeys(entry for entry in before if entry not in fitting)
                return [(entry, fitting[entry]) for entry in claimed]

    async def _pages(self, size: int, *, highest: bool = False) -> AsyncIterator[list[Entry]]:
        start = 0
        while True:
            page = await self.do(self.place.page(start, size, highest=highest))
            yield page
            if len(page) < size:
                return
            start += size

    def _sorted(
        self, entries: Sequence[Entry]
    ) -> tuple[list[tuple[Entry, PriorityQueueItem[T]]], list[tuple[Entry, CorruptedModelError]]]:
        """Return the entries that fit with what they stand for, and the others with what is wrong."""
        fitting: list[tuple[Entry, PriorityQueueItem[T]]] = []
        corrupt: list[tuple[Entry, CorruptedModelError]] = []
        try:
            values = self.elements.load_many([member for member, _ in entries], self.place.key)
        except CorruptedModelError:
            for entry in entries:
                try:
                    value = self.elements.load(entry[0], self.place.key)
                except CorruptedModelError as error:
                    corrupt.append((entry, self._named(entry, error)))
                else:
                    fitting.append((entry, self._item(value, entry)))
        else:
            fitting = [
                (entry, self._item(value, entry)) for entry, value in zip(entries, values, strict=True)
            ]
        return fitting, corrupt

    def _item(self, value: T, entry: Entry) -> PriorityQueueItem[T]:
        return PriorityQueueItem(value, self.place.priority(entry[1]))

    def _named(self, entry: Entry, error: CorruptedModelError) -> CorruptedModelError:
        named = type(error)(
            f"{self.elements.place} has a member under {self.place.key} that does not fit, and stays there: "
            f"{_shown(entry[0])}, priority {self.place.priority(entry[1])}; {error.__cause__ or error}",
            key=self.place.key,
            field=self.elements.place,
            hint="pass over it with skip_corrupt=True, or take out all that does not fit with apop_corrupt()",
        )
        named.__cause__ = error.__cause__
        return named

    def _warn_of(self, corrupt: Sequence[Entry]) -> None:
        if corrupt:
            logger.warning(
                "%s passed over %d of its members under %s, which do not fit: %s",
                self.elements.place,
                len(corrupt),
                self.place.key,
                ", ".join(_shown(member) for member, _ in corrupt[:5]) + (", …" if len(corrupt) > 5 else ""),
            )

    async def _give_back(self, found: Sequence[tuple[Entry, Any]]) -> None:
        await self._put_back([entry for entry, _ in found])

    async def _put_back(self, entries: Sequence[Entry]) -> None:
        # Under a token, so that they are there again for certain, and not once more after somebody took them;
        # and at once, in a pipeline too.
        await run(self.source.exactly_once, self.place.put_back(entries))


def _readable(member: bytes | str) -> str | bytes:
    try:
        return member.decode() if isinstance(member, bytes) else member
    except UnicodeDecodeError:
        return member


def _shown(member: bytes | str) -> str:
    shown = repr(_readable(member))
    return shown if len(shown) <= 100 else f"{shown[:100]}…"
