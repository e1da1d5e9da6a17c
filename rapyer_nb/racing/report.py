"""What a race has shown, as a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.errors import one_line
from rapyer_nb.racing.example import Example, example_of
from rapyer_nb.snapshots.values import MISSING
from rapyer_nb.views.brief import brief, clipped, printable
from rapyer_nb.views.note import counted
from rapyer_nb.views.report import Report
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import Reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.racing.findings import Finding
    from rapyer_nb.racing.steps import Step

_MOST_ROWS: Final = 20
_LENGTH: Final = 60
_ERROR_LENGTH: Final = 160
_ATOMIC: Final[tuple[tuple[type, str], ...]] = (
    (int, "await {name}.{path}.aincrease(…)"),
    (float, "await {name}.{path}.aincrease(…)"),
    (list, "await {name}.{path}.aappend(…), or aadd(…) of a set"),
    (dict, "await {name}.{path}.aupdate(…)"),
)


@dataclass(frozen=True, repr=False)
class RaceReport(Reporting):
    """What became of runs at the same time.

    Attributes:
        runs: How many there were.
        seed: What decided their order; the same seed gives the same order.
        findings: Every value that they have changed, with what it was, was to be, and is.
        steps: All their round trips, in the order in which they came.
        errors: The exceptions of the runs that failed, by their numbers.
        stuck: The numbers of the runs that never ended, as they waited for one another.
        copies: The variables of which each run had a copy of its own.
        kept: Whether Redis was left as the race has left it; else it is as it was before.
        left: The keys of documents that somebody else has changed meanwhile, and that were not put back.
    """

    runs: int
    seed: int
    findings: tuple[Finding, ...]
    steps: tuple[Step, ...]
    errors: dict[int, Exception] = field(default_factory=dict)
    stuck: tuple[int, ...] = ()
    copies: tuple[str, ...] = ()
    kept: bool = False
    left: tuple[str, ...] = ()

    @property
    def lost(self) -> int:
        """How many updates were lost, as far as that can be counted."""
        return sum(finding.lost for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether the runs have left what they would have left one after the other, and all of them ended."""
        return not self.stuck and all(finding.kind in {"same", "other"} for finding in self.findings)

    @cached_property
    def example(self) -> Example | None:
        """The first steps that show how it went wrong; `None` where nothing did, or none are seen to."""
        wrong = (finding for finding in self.findings if finding.kind in {"lost", "more"})
        examples = (example_of(finding, self.steps) for finding in wrong)
        return next((found for found in examples if found is not None), None)

    def summary(self) -> str:
        """Return a line such as `✕ 33 updates were lost: 50 runs at the same time, seed 1, 150 steps`."""
        runs, steps = counted(self.runs, "run"), counted(len(self.steps), "step")
        of = f"{runs} at the same time, seed {self.seed}, {steps}"
        if self.stuck:
            return f"✕ {counted(len(self.stuck), 'run')} never ended, waiting for one another: {of}"
        if self.lost:
            verb = "was" if self.lost == 1 else "were"
            return f"✕ {counted(self.lost, 'update')} {verb} lost: {of}"
        if not self.ok:
            return f"✕ the result is none that the runs have one after the other: {of}"
        return f"✓ no update was lost: {of}"

    def view(self) -> Report:
        """Return what a notebook shows: the verdict, the values, how it happened, and the cure."""
        tables = [self._values()] if self.findings else []
        example = self.example
        if example is not None:
            tables.append(_steps_of(example))
        return Report(self.summary(), tables, [*self._lessons(), *self._remarks()])

    def _values(self) -> Table:
        columns = ("", "field", "before", "one after the other", "at the same time", "key")
        rows = [_row(finding) for finding in sorted(self.findings, key=_gravity)[:_MOST_ROWS]]
        more = len(self.findings) - len(rows)
        footer = f"… {more:,} more" if more > 0 else ""
        return Table("Expected and found", columns, rows, footer)

    def _lessons(self) -> list[str]:
        example = self.example
        if example is None:
            return []
        finding = example.finding
        old = (
            f"run {example.winner} wrote {finding.path} by what it had read before run {example.loser} wrote"
        )
        name = self.copies[0] if len(self.copies) == 1 else "user"
        lock = f"lock from the read to the write: async with {name}.alock(save_at_end=True): …"
        if finding.kind == "more":
            return [f"{old}, which was not true any more", f"cure: {lock}"]
        return [
            f"{old}; so the update of run {example.loser} is gone",
            f"cure: let Redis compute, {_cure(finding, name)}; or {lock}",
        ]

    def _remarks(self) -> list[str]:
        lines = []
        for error, number in Counter(map(_error_line, self.errors.values())).most_common(3):
            lines.append(f"⚠ {number:,} of {self.runs:,} runs ended in {error}; they are not counted as lost")
        other = [finding for finding in self.findings if finding.kind == "other"]
        if other:
            names = ", ".join(finding.path for finding in other[:3])
            lines.append(f"the order of the runs may explain what differs in {names}")
        if self.copies:
            lines.append(f"each run had a copy of {', '.join(self.copies)} of its own, read at its start")
        if not self.findings:
            lines.append("the runs have changed no document")
        if self.left:
            lines.append(f"⚠ changed by others meanwhile, not put back: {', '.join(self.left[:3])}")
        lines.append(
            "Redis is as the race has left it" if self.kept else "Redis is as it was before the race"
        )
        return lines


def _row(finding: Finding) -> Sequence[str]:
    verdicts = {
        "same": "✓",
        "lost": f"✕ {finding.lost:,} lost" if finding.lost else "✕ lost",
        "more": "✕ more than any order gives",
        "other": "differs",
    }
    values = (_told(value) for value in (finding.start, finding.expected, finding.found))
    return (verdicts[finding.kind], finding.path, *values, clipped(finding.key, _LENGTH))


def _steps_of(example: Example) -> Table:
    columns = ("step", "run", "does", "command", example.finding.path)
    rows = []
    for step in example.steps:
        value = f"{_told(step.before)} → {_told(step.after)}" if step.writes else _told(step.after)
        mark = " ✕" if step is example.steps[-1] else ""
        does = "writes" if step.writes else "reads"
        rows.append((str(step.position), f"run {step.run}", does, step.command, f"{value}{mark}"))
    return Table(f"How it happened first, on {clipped(example.finding.key, _LENGTH)}", columns, rows)


def _cure(finding: Finding, name: str) -> str:
    for kind, call in _ATOMIC:
        if isinstance(finding.expected, kind):
            return call.format(name=name, path=printable(clipped(finding.path, _LENGTH)))
    return "with an operation of the field's own type"


def _told(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    if isinstance(value, (list, dict)) and len(value) > 3:
        return f"{len(value):,} entries"
    return brief(value, _LENGTH)


def _error_line(error: Exception) -> str:
    return printable(clipped(one_line(error), _ERROR_LENGTH))


def _gravity(finding: Finding) -> int:
    return ("lost", "more", "other", "same").index(finding.kind)
