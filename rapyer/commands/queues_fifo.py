"""The commands on queues whose values of the same priority come in the order of their arrival.

A score is there the priority, a whole number, and a fraction that says who came first. So all that goes by
the order of the scores, or by their being equal, is as in other queues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands.command import Command, Effect
from rapyer.commands.queues import CONDITIONS, Queue, entries_of
from rapyer.errors import NumberDomainError, NumberRangeError
from rapyer.scripts.script import BesideScript, Script

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.commands.queues import Entry, OnlyIf

MOST_PRIORITY = 1 << 31
"""The greatest priority: with 21 bits for who came first, a score has all that a float can hold."""

MOST_TIES = 2_000_000
"""How many entries of one priority there may be: a little less than there are fractions, as the script
numbers a priority's entries anew when it has come to the last fraction, and is not to do so at each push."""

_PUSH = BesideScript("push_in_order")
_HIGHEST = Script("highest_first")


@dataclass(frozen=True, slots=True)
class FifoQueue(Queue):
    """A queue under a key of its own, first in, first out among equal priorities."""

    def push(self, entries: Iterable[Entry], only_if: OnlyIf | None = None) -> Command[int]:
        """Push entries one after the other, in a script; how many members are new or have moved.

        A member that is there with the same priority stays where it is.
        """
        return self._push(entries, "".join(CONDITIONS[only_if]))

    def move(self, entry: Entry, priority: float) -> Command[int]:
        """Give an entry another priority, behind those that have it, as `Queue.move` does."""
        member, score = entry
        return self._push([(member, priority)], f"={score!r}")

    def _push(self, entries: Iterable[Entry], condition: str) -> Command[int]:
        words = [word for member, priority in entries for word in (int(priority), member)]
        return Command(
            "ZADD",
            (self.key, self.main),
            (condition, MOST_TIES, *words),
            self._pushed,
            Effect.ONCE,
            script=_PUSH,
        )

    def pop(self, count: int, *, highest: bool = False) -> Command[list[Entry]]:
        """Take out so many entries: ZPOPMIN, or a script for the highest."""
        if not highest:
            return Queue.pop(self, count)
        args = (0, count, "take")
        return Command("EVALSHA", (self.key,), args, entries_of, Effect.ONCE, script=_HIGHEST, immediate=True)

    def page(self, start: int, count: int, *, highest: bool = False) -> Command[list[Entry]]:
        """Read so many entries from a position on, or all: ZRANGE, or a script from the highest on."""
        if not highest:
            return Queue.page(self, start, count)
        return Command("EVALSHA", (self.key,), (start, count, ""), entries_of, Effect.READ, script=_HIGHEST)

    def between(self, low: float, high: float) -> Command[list[Entry]]:
        """ZRANGE BYSCORE: the entries whose priority is in a range, its ends included."""
        first = low if math.isinf(low) else float(math.ceil(low))
        past = repr(high) if math.isinf(high) else f"({float(math.floor(high)) + 1!r}"
        return Command(
            "ZRANGE", (self.key,), (repr(first), past, "BYSCORE", "WITHSCORES"), entries_of, Effect.READ
        )

    def priority(self, score: float) -> float:
        """Return the priority that a stored score stands for."""
        return score if math.isinf(score) else float(math.floor(score))

    def check_priority(self, priority: float, field: str) -> float:
        """Return a priority with which something is to be pushed, as `Queue.check_priority` does."""
        if not priority.is_integer() or abs(priority) > MOST_PRIORITY:
            raise NumberDomainError(
                f"{field} keeps the order of arrival, and has no place for the priority {priority!r}",
                key=self.main,
                field=field,
                hint="give a whole number from -2**31 to 2**31, or take FifoTies off the field",
            )
        return priority

    def _pushed(self, reply: Any) -> int:
        if isinstance(reply, int):
            return reply
        priority = int(float(reply))
        raise NumberRangeError(
            f"{self.key} has no place for more of the priority {priority}: it takes {MOST_TIES:,} of each; "
            "nothing was pushed",
            key=self.main,
            hint="use more priorities, or pop first",
        )


def queue_at(key: str, main: str, *, fifo: bool) -> Queue:
    """Return the queue under a key of its own.

    Args:
        key: That key.
        main: The key of the model that it belongs to.
        fifo: Whether it is first in, first out among equal priorities.
    """
    return (FifoQueue if fifo else Queue)(key, main)
