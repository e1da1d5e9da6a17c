"""Deciding whose turn it is: one round trip at a time, drawn with a seed among all that wait for theirs.

A run goes on by itself until it has something to send, and waits there. Only when all runs have come so far
is one of them drawn; so what happens between two round trips is one step, and the same seed gives the same
order. A run that waits for something else (a lock's message, a timer) is not waited for longer than a moment.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any, TypeVar

    R = TypeVar("R")

_GRACE: Final = 0.02
"""Seconds after which a run that has sent nothing is taken to wait for something else than its turn."""

_PASSES: Final = 200
"""Rounds of the event loop that it gets in any case, however slow the machine is."""

_POLL: Final = 0.001
STUCK: Final = 15.0
"""Seconds after which runs that all wait for something else are given up."""


@dataclass(eq=False)
class _Turn:
    number: int
    granted: asyncio.Future[None]
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Scheduler:
    """Gives turns to numbered runs.

    Args:
        seed: Decides the order.
        stuck: Seconds after which runs that all wait for something else are given up.
    """

    def __init__(self, seed: int, *, stuck: float = STUCK) -> None:
        # Not for secrets: the same seed is to give the same order.
        self._random = random.Random(seed)  # noqa: S311
        self._stuck = stuck
        self._waiting: list[_Turn] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._away: set[int] = set()

    async def run(self, number: int, work: Callable[[int], Coroutine[Any, Any, None]]) -> tuple[int, ...]:
        """Run some at the same time, until all have ended.

        Args:
            number: How many.
            work: Makes one, given its number from 1 on. It asks for turns with `turn`, and raises nothing.

        Returns:
            The numbers of those that were given up, as they waited for one another, or for nothing.
        """
        self._tasks = {one: asyncio.ensure_future(work(one)) for one in range(1, number + 1)}
        try:
            while await self._settled():
                if self._waiting:
                    await self._grant()
                elif not await self._arrival():
                    return tuple(sorted(self._live()))
            return ()
        finally:
            await self._end()

    async def turn(self, number: int, step: Callable[[], Awaitable[R]]) -> R:
        """Wait for a turn, take a step, and give the turn back.

        Args:
            number: The number of the run.
            step: The step.
        """
        turn = _Turn(number, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        self._away.discard(number)
        try:
            await turn.granted
            return await step()
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
            turn.over.set()

    async def _grant(self) -> None:
        turn = self._random.choice(self._waiting)
        self._waiting.remove(turn)
        if turn.granted.cancelled():
            return
        turn.granted.set_result(None)
        await turn.over.wait()

    def _live(self) -> set[int]:
        return {number for number, task in self._tasks.items() if not task.done()}

    def _on_their_way(self) -> set[int]:
        """Return those that neither wait for a turn, nor for something else, nor have ended."""
        return self._live() - {turn.number for turn in self._waiting} - self._away

    async def _settled(self) -> bool:
        """Wait until no run is on its way any more; return whether there are any left."""
        loop = asyncio.get_running_loop()
        start, passes = loop.time(), 0
        while self._on_their_way():
            if passes >= _PASSES and loop.time() - start > _GRACE:
                self._away |= self._on_their_way()
                break
            await asyncio.sleep(0 if passes < _PASSES else _POLL)
            passes += 1
        return bool(self._live())

    async def _arrival(self) -> bool:
        """Wait until a run asks for a turn or ends; return whether one did in time."""
        loop = asyncio.get_running_loop()
        live, end = self._live(), loop.time() + self._stuck
        while not self._waiting and self._live() == live:
            if loop.time() > end:
                return False
            await asyncio.sleep(_POLL)
        return True

    async def _end(self) -> None:
        for turn in self._waiting:  # also of tasks that a run has left behind
            turn.granted.cancel()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
