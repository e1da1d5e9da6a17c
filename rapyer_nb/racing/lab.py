"""Running code many times at the same time, and then one after the other, from the same start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rapyer.session.observe import observed_by
from rapyer.session.scope import open_batch
from rapyer_nb.errors import NotebookError
from rapyer_nb.interrupts import Interrupted
from rapyer_nb.racing.findings import findings, volatile_places
from rapyer_nb.racing.ledger import Ledger
from rapyer_nb.racing.report import RaceReport
from rapyer_nb.racing.scheduler import STUCK, Scheduler
from rapyer_nb.racing.steps import Lane, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer_nb.racing.findings import Finding
    from rapyer_nb.racing.steps import Step
    from rapyer_nb.snapshots import Kept

    States = dict[str, Kept]
    Work = Callable[[], Coroutine[Any, Any, Any]]
    Told = Callable[[int, int], object]


_MOST_RUNS: Final = 1000


async def race(
    work: Work,
    *,
    runs: int = 50,
    seed: int = 1,
    keep: bool = False,
    copies: Sequence[str] = (),
    stuck: float = STUCK,
    told: Told | None = None,
) -> RaceReport:
    """Run code at the same time as often as asked, and compare with the same runs one after the other.

    The runs take turns: one round trip at a time, whose is next is drawn with the seed. It is run once before
    that, to see that it works, and afterwards one by one. Every time it starts from the same: what documents
    hold is noted before a command first names them, and put back.

    Args:
        work: Makes one run, a coroutine. It must read what it needs itself.
        runs: How many.
        seed: Decides the order.
        keep: Whether to leave in Redis what the race has left, instead of what there was before.
        copies: What each run has a copy of, for the report.
        stuck: Seconds after which runs that wait for one another are given up.
        told: Is told how many runs have ended, and of how many.

    Raises:
        NotebookError: A pipeline is open, or there are too few or too many runs; nothing is run.
        Exception: What the code raises when it is run alone.
    """
    __tracebackhide__ = True
    _check(runs)
    lab = _Lab(work, seed, stuck, told, total=2 * runs + 1)
    try:
        single = await lab.one_after_the_other(1)
        await lab.reset()
        raced = await lab.at_the_same_time(runs)
        await lab.reset()
        ended = runs - len(lab.errors) - len(lab.stuck)
        expected = await lab.one_after_the_other(ended, tolerant=True)
    finally:
        left = await lab.reset()
    if keep:
        left = await lab.record.ledger.put_back(raced)
    found = lab.found(ended, single, expected, raced)
    return RaceReport(runs, seed, found, tuple(lab.steps), lab.errors, lab.stuck, tuple(copies), keep, left)


def _check(runs: int) -> None:
    __tracebackhide__ = True
    if open_batch() is not None:
        raise NotebookError("a race cannot run inside a pipeline", hint="run it in a cell of its own")
    if isinstance(runs, bool) or not isinstance(runs, int) or not 2 <= runs <= _MOST_RUNS:
        raise NotebookError(
            f"n is from 2 to {_MOST_RUNS:,}, not {runs!r}", hint="n is how many runs there are"
        )


@dataclass
class _Lab:
    """The state of one race."""

    work: Work
    seed: int
    patience: float
    told: Told | None
    total: int
    done: int = 0
    record: Record = field(default_factory=lambda: Record(Ledger()))
    errors: dict[int, Exception] = field(default_factory=dict)
    stuck: tuple[int, ...] = ()
    steps: list[Step] = field(default_factory=list)
    first: States = field(default_factory=dict)
    """What the first of the runs one after the other has left."""

    async def reset(self) -> tuple[str, ...]:
        """Put back what the documents held before; return the keys of those where that is not possible."""
        return await self.record.ledger.put_back(self.record.ledger.start)

    def found(self, runs: int, single: States, expected: States, raced: States) -> tuple[Finding, ...]:
        """Return what the race has left otherwise than it should.

        Args:
            runs: How many have ended by themselves.
            single: What one run alone has left.
            expected: What as many have left one after the other.
            raced: What they have left at the same time.
        """
        volatile = volatile_places(single, self.first)
        return tuple(findings(self.record.ledger.start, expected, raced, runs=runs, volatile=volatile))

    def _ended(self) -> None:
        self.done += 1
        if self.told is not None:
            self.told(self.done, self.total)

    async def one_after_the_other(self, number: int, *, tolerant: bool = False) -> States:
        """Run it so many times, and return what that leaves.

        Args:
            number: How many times.
            tolerant: Whether a run may fail, as it may for good reasons when others went before.
        """
        __tracebackhide__ = True
        record = Record(self.record.ledger)
        self.first = {}
        for one in range(1, number + 1):
            try:
                with observed_by(Lane(one, record)):
                    await self.work()
            except Exception:
                if not tolerant:
                    raise
            if one == 1:
                self.first = await record.ledger.read()
            self._ended()
        record.closed = True
        return await record.ledger.read()

    async def at_the_same_time(self, number: int) -> States:
        """Run it so many times at once, and return what that leaves."""
        scheduler = Scheduler(self.seed, stuck=self.patience)
        record = self.record
        record.keeps_steps = True
        race = asyncio.current_task()

        async def one(run: int) -> None:
            with observed_by(Lane(run, record, scheduler)):
                try:
                    await self.work()
                except Exception as error:
                    self.errors[run] = error
                except Interrupted:
                    if race is not None:
                        race.cancel()
                    raise
            self._ended()

        try:
            self.stuck = await scheduler.run(number, one)
        finally:
            record.closed = True
        self.steps = record.steps
        return await record.ledger.read()
