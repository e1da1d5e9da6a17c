"""The indexes of models: how they are, what is to be done, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer_nb.views.note import counted
from rapyer_nb.views.report import Report
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer.search.drift import IndexStep, ModelIndex
    from rapyer.search.plan import IndexPlan
    from rapyer_nb.views.markup import Markup


@dataclass(frozen=True, repr=False)
class IndexPlanView(View):
    """How the indexes of models are, and what is to be done.

    Attributes:
        plan: The plan; it is true where there is something to do.
    """

    plan: IndexPlan

    def __bool__(self) -> bool:
        return bool(self.plan)

    @property
    def steps(self) -> tuple[IndexStep, ...]:
        """What is to be done, in its order."""
        return self.plan.steps

    def text(self) -> str:
        """Return a table of the indexes, and one of the steps."""
        return self._report().text()

    def body(self) -> Markup:
        """Return a table of the indexes, and one of the steps."""
        return self._report().body()

    def _report(self) -> Report:
        indexes = self.plan.indexes
        work = sum(1 for index in indexes if index.steps)
        of = f"{work} of {len(indexes)} {'index' if len(indexes) == 1 else 'indexes'}"
        verdict = f"{of} to be changed" if work else "every index is as its class declares it"
        tables = [Table("Indexes", ("model", "index", "state", "documents"), list(map(_row, indexes)))]
        if self.steps:
            tables.append(steps_table("To be done", self.steps))
        differences = [f"{index.model}  {one}" for index in indexes for one in index.differences]
        advice = ["%rapyer_index apply does it; searches are answered all the while"] if self.steps else []
        return Report(verdict, tables if indexes else (), [*differences, *advice])


@dataclass(frozen=True, repr=False)
class IndexWork(View):
    """What was done to indexes.

    Attributes:
        steps: What was done, in its order.
        nothing: What to say where nothing was.
    """

    steps: tuple[IndexStep, ...]
    nothing: str = "nothing was to be changed"

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[IndexStep]:
        return iter(self.steps)

    def text(self) -> str:
        """Return a table of the steps."""
        return self._report().text()

    def body(self) -> Markup:
        """Return a table of the steps."""
        return self._report().body()

    def _report(self) -> Report:
        if not self.steps:
            return Report(self.nothing)
        verdict = f"{counted(len(self.steps), 'step')} done; no document was touched"
        return Report(verdict, [steps_table("Done", self.steps)])


def steps_table(caption: str, steps: Sequence[IndexStep]) -> Table:
    """Return steps as a table."""
    rows = [(str(at), step.model, step.action, step.index, step.about) for at, step in enumerate(steps, 1)]
    return Table(caption, ("", "model", "step", "index", "why"), rows)


def _row(index: ModelIndex) -> tuple[str, ...]:
    notes = [str(index.state)]
    if index.older:
        notes.append("made by rapyer 1.3.6")
    if index.failures:
        notes.append(f"⚠ {counted(index.failures, 'document')} do not fit it, and are not found")
    return (index.model, index.index, ", ".join(notes), f"{index.documents:,}")
