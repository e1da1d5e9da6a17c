"""The commands on priority queues: sorted sets of members, JSON texts, by their priority."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapyer.commands import keys
from rapyer.commands.command import Command, Effect
from rapyer.commands.companion import creating
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Entry: TypeAlias = "tuple[bytes | str, float]"
"""A member, which is the JSON text of an item, and its score: the priority, and maybe who came first."""

OnlyIf: TypeAlias = Literal["new", "lower", "higher"]

CONDITIONS: dict[OnlyIf | None, tuple[str, ...]] = {
    None: (),
    "new": ("NX",),
    "lower": ("LT",),
    "higher": ("GT",),
}
"""The words of ZADD for when a member is to be pushed."""

_CLAIM = Script("claim_members")
_MOVE = Script("move_member")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue under a key of its own.

    What changes it must not be sent twice: an item that another task has taken in between would come again.

    Attributes:
        key: That key.
        main: The key of the model that it belongs to.
    """

    key: str
    main: str

    def push(self, entries: Iterable[Entry], only_if: OnlyIf | None = None) -> Command[int]:
        """ZADD: push entries, of each member one; how many members are new or have moved.

        Args:
            entries: The entries. Where a member comes several times, it is pushed with the priority that it
                would have in the end if they were pushed one after the other.
            only_if: "new" to move no member that is there; "lower" or "higher" to move it only that way.
        """
        values = [word for member, priority in _merged(entries, only_if) for word in (repr(priority), member)]
        options = (*CONDITIONS[only_if], "CH")
        return creating("ZADD", self.key, self.main, values, options=options, decode=int, effect=Effect.ONCE)

    def put_back(self, entries: Iterable[Entry]) -> Command[int]:
        """ZADD NX: push entries as they were taken out, except members that are there again."""
        return Queue.push(self, entries, "new")

    def pop(self, count: int, *, highest: bool = False) -> Command[list[Entry]]:
        """ZPOPMIN or ZPOPMAX: take out so many entries."""
        name = "ZPOPMAX" if highest else "ZPOPMIN"
        return Command(name, (self.key,), (count,), entries_of, Effect.ONCE, immediate=True)

    def claim(self, entries: Iterable[Entry], count: int) -> Command[list[Entry]]:
        """Take out the first so many of these entries that are still there, in a script; which they were."""
        words = (word for member, priority in entries for word in (member, repr(priority)))
        return Command(
            "EVALSHA", (self.key,), (count, *words), entries_of, Effect.ONCE, script=_CLAIM, immediate=True
        )

    def page(self, start: int, count: int, *, highest: bool = False) -> Command[list[Entry]]:
        """ZRANGE: so many entries from a position on, or with a count of 0 all of them."""
        args = (start, start + count - 1, *(("REV",) if highest else ()), "WITHSCORES")
        return Command("ZRANGE", (self.key,), args, entries_of, Effect.READ)

    def between(self, low: float, high: float) -> Command[list[Entry]]:
        """ZRANGE BYSCORE: the entries whose priority is in a range, its ends included."""
        args = (repr(low), repr(high), "BYSCORE", "WITHSCORES")
        return Command("ZRANGE", (self.key,), args, entries_of, Effect.READ)

    def size(self) -> Command[int]:
        """ZCARD: how many entries there are."""
        return Command("ZCARD", (self.key,), (), int, Effect.READ)

    def score(self, member: str) -> Command[float | None]:
        """ZSCORE: what a member is sorted by; None where it is not there."""
        return Command(
            "ZSCORE", (self.key,), (member,), lambda it: None if it is None else float(it), Effect.READ
        )

    def move(self, entry: Entry, priority: float) -> Command[int]:
        """Give an entry another priority in a script, if it still has the score that it has here; 1 or 0."""
        member, score = entry
        args = (member, repr(score), repr(priority))
        return Command("EVALSHA", (self.key,), args, int, Effect.ONCE, script=_MOVE)

    def remove(self, member: str) -> Command[int]:
        """ZREM: remove a member; 1 if it was there, else 0."""
        return Command("ZREM", (self.key,), (member,), int, Effect.ONCE)

    def clear(self) -> Command[int]:
        """DEL: remove all entries."""
        return keys.delete(self.key)

    def priority(self, score: float) -> float:
        """Return the priority that a stored score stands for."""
        return score

    def check_priority(self, priority: float, field: str) -> float:
        """Return a priority with which something is to be pushed.

        Args:
            priority: The priority.
            field: The field, for messages.

        Raises:
            NumberDomainError: The queue has no place for it.
        """
        return priority


def _merged(entries: Iterable[Entry], only_if: OnlyIf | None) -> Iterable[Entry]:
    merged: dict[bytes | str, float] = {}
    for member, priority in entries:
        before = merged.get(member)
        if before is None or _moves(before, priority, only_if):
            merged[member] = priority
    return merged.items()


def _moves(before: float, priority: float, only_if: OnlyIf | None) -> bool:
    if only_if is None:
        return True
    return only_if != "new" and (priority < before if only_if == "lower" else priority > before)


def entries_of(reply: Any) -> list[Entry]:
    """Return the entries that a reply with scores holds, with RESP2 or RESP3."""
    return [(member, float(score)) for member, score in _pairs(reply)]


def _pairs(reply: Any) -> Iterator[tuple[Any, Any]]:
    if reply and isinstance(reply[0], list):  # RESP3
        return (tuple(pair) for pair in reply)
    return zip(islice(reply, 0, None, 2), islice(reply, 1, None, 2), strict=True)
