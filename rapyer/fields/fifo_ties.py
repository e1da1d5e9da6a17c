"""The marker for queues whose values of the same priority come in the order of their arrival."""

from __future__ import annotations


class FifoTies:
    """Marks a queue that is first in, first out where priorities are equal.

    `Annotated[RedisPriorityQueue[Job], FifoTies]`. Priorities are whole numbers there, from -2**31 to 2**31
    (`docs/queues.md`).
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "FifoTies()"
