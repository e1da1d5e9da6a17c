"""Out of all steps of a race, the few that show how an update was lost; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer_nb.racing.findings import value_at
from rapyer_nb.snapshots.values import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer_nb.racing.findings import Finding
    from rapyer_nb.racing.steps import Step


@dataclass(frozen=True)
class Shown:
    """One step of the example.

    Attributes:
        position: Its number in the race.
        run: The number of the run.
        command: What was sent.
        writes: Whether it wrote.
        before: The value before it.
        after: The value after it.
    """

    position: int
    run: int
    command: str
    writes: bool
    before: Any
    after: Any


@dataclass(frozen=True)
class Example:
    """Two runs whose steps interleaved.

    Attributes:
        finding: What they have spoilt.
        steps: Their steps on it, in order: a read of each, then a write of each.
        loser: The run whose update was lost.
        winner: The run that wrote over it, by what it had read before.
    """

    finding: Finding
    steps: tuple[Shown, ...]
    loser: int
    winner: int


def example_of(finding: Finding, steps: Sequence[Step]) -> Example | None:
    """Return the first steps that show how a value went wrong; `None` where none are seen to.

    That is where a run writes a document that another one has written since the run has read it.

    Args:
        finding: The value.
        steps: All steps of the race.
    """
    shown = list(_on(finding, steps))
    overlaps = list(_overlaps(shown))
    # The plainest one: the write that leaves the value as it found it, or takes it back.
    plain = next((found for found in overlaps if _takes_nothing_forward(found[-1], finding)), None)
    chosen = plain or (overlaps[0] if overlaps else None)
    if chosen is None:
        return None
    *_, first, last = chosen
    return Example(finding, tuple(chosen), first.run, last.run)


def _on(finding: Finding, steps: Sequence[Step]) -> Iterator[Shown]:
    """Yield the steps on the document of a finding, with its value before and after."""
    value = finding.start
    for step in steps:
        # A search names no documents, and may read any.
        searches = not step.keys and not step.writes
        if searches or finding.key in step.keys:
            after = value if searches else value_at(step.after.get(finding.key), finding.place)
            yield Shown(step.position, step.run, step.command, step.writes, value, after)
            value = after


def _overlaps(steps: Sequence[Shown]) -> Iterator[list[Shown]]:
    """Yield, for each write that goes by an old read: both reads, the write in between, and the write."""
    read: dict[int, Shown] = {}
    written: list[Shown] = []
    for step in steps:
        if not step.writes:
            read[step.run] = step
            continue
        own = read.get(step.run)
        between = [] if own is None else [one for one in written if one.position > own.position]
        others = [one for one in between if one.run != step.run]
        if own is not None and others:
            reads = [own, *([read[others[-1].run]] if others[-1].run in read else [])]
            reads = sorted((one for one in reads if one.position < others[-1].position), key=_position)
            yield [*reads, others[-1], step]
        written.append(step)


def _takes_nothing_forward(step: Shown, finding: Finding) -> bool:
    if step.before is MISSING or step.after is MISSING:
        return False
    if isinstance(step.before, (list, dict)):
        return len(step.after) <= len(step.before)
    if isinstance(finding.expected, (int, float)) and isinstance(finding.start, (int, float)):
        forward = finding.expected - finding.start
        try:
            return bool((step.after - step.before) * forward <= 0)
        except TypeError:
            return False
    return bool(step.after == step.before)


def _position(step: Shown) -> int:
    return step.position
