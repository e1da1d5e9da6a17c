"""Taking samples: contenders in turn, in one process, so that ratios survive a noisy machine."""

from __future__ import annotations

import gc
import inspect
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHORTEST = 0.010
"""Seconds that a sample lasts at least; cheaper operations are repeated within it."""


class CannotDoError(Exception):
    """A contender from outside cannot do an operation; the text is the class of its error."""


class Sampled(Protocol):
    """One way of doing an operation."""

    @property
    def bulk(self) -> bool:
        """Whether one run is a sample by itself, however long it takes."""
        ...

    async def sample(self, times: int) -> float:
        """Do the operation so many times, check the result and return the cost of one.

        Raises:
            CannotDoError: This contender cannot; the others are measured all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One way of doing an operation, in this process.

    Attributes:
        run: Does the operation a number of times; its result, or that of the coroutine, is checked.
        check: Asserts that the result is right, so that a fast wrong answer cannot pass.
        before: Prepares one sample of that many times; it is not timed.
        bulk: Whether one run is a sample by itself.
        own_clock: Whether the result is the figure, such as bytes, instead of the time that it took.
    """

    run: Callable[[int], Any]
    check: Callable[[Any], None]
    before: Callable[[int], Any] | None = None
    bulk: bool = False
    own_clock: bool = False

    async def sample(self, times: int) -> float:
        """Do the operation so many times, check the result and return the cost of one (seconds or bytes)."""
        if self.before is not None:
            await _settled(self.before(times))
        gc.collect()
        start = time.perf_counter()
        result = await _settled(self.run(times))
        seconds = time.perf_counter() - start
        self.check(result)
        return float(result) if self.own_clock else seconds / times


@dataclass(frozen=True, slots=True)
class Ratio:
    """How the costs of two contenders compare, over the rounds of one run.

    Attributes:
        median: The median of the rounds' ratios.
        spread: The difference of the largest and the smallest ratio, as a part of the median.
    """

    median: float
    spread: float


@dataclass(frozen=True, slots=True)
class Rounds:
    """The cost of one operation by contender, a figure for each round.

    Attributes:
        costs: The figures of those who can do it.
        unable: The class of the error by contender, of those who cannot.
    """

    costs: Mapping[str, list[float]]
    unable: Mapping[str, str] = field(default_factory=dict)

    def cost(self, contender: str) -> float:
        """Return a contender's median cost."""
        return statistics.median(self.costs[contender])

    def ratio(self, contender: str, base: str) -> Ratio:
        """Return the ratio of two contenders, taken round by round."""
        ratios = [ours / other for ours, other in zip(self.costs[contender], self.costs[base], strict=True)]
        median = statistics.median(ratios)
        return Ratio(median, (max(ratios) - min(ratios)) / median)


async def measure(contenders: Mapping[str, Sampled], rounds: int) -> Rounds:
    """Sample every contender once per round, in another order each round, and drop the first round."""
    unable: dict[str, str] = {}
    times: dict[str, int] = {}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for name, work in contenders.items():
        with _leaving_out(name, unable):
            times[name] = await _repetitions(work)
    for number in range(rounds + 1):
        names = [name for name in contenders if name not in unable]
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            with _leaving_out(name, unable):
                cost = await contenders[name].sample(times[name])
                if number:
                    costs[name].append(cost)
    return Rounds({name: taken for name, taken in costs.items() if name not in unable}, unable)


@contextmanager
def _leaving_out(name: str, unable: dict[str, str]) -> Iterator[None]:
    try:
        yield
    except CannotDoError as error:
        unable[name] = str(error)


async def _repetitions(work: Sampled) -> int:
    times = 1
    if work.bulk:
        return times
    while (seconds := times * await work.sample(times)) < SHORTEST:
        times = max(2 * times, int(times * 1.2 * SHORTEST / max(seconds, 1e-7))) if times > 1 else 8
    return times


async def _settled(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
