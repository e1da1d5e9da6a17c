"""What a chart is of: which field, by which other one, of which models; and the values for it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from rapyer import reducers
from rapyer.search.aggregate import Aggregate
from rapyer.search.columns import column_of
from rapyer_nb.charts.calendar import EVERY
from rapyer_nb.charts.drawing import drawn, matplotlib_package
from rapyer_nb.charts.scales import Group, Wanted, amount, called, family_of, grouped, unit_of
from rapyer_nb.charts.served import Served
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.views.brief import brief
from rapyer_nb.views.note import counted, lasted
from rapyer_nb.views.plot import Plot, Point

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.search.columns import Column
    from rapyer.search.nodes import Expression
    from rapyer.search.reducers import Reducer

KINDS: Final = ("hist", "bar", "line")

AGGREGATES: Final[dict[str, Callable[[Any], Reducer]]] = {
    "count": reducers.count,
    "distinct": reducers.count_distinct,
    "sum": reducers.sum,
    "mean": reducers.mean,
    "median": lambda field: reducers.quantile(field, 0.5),
    "min": reducers.min,
    "max": reducers.max,
    "stddev": reducers.stddev,
}
"""What can be drawn of the values of each group."""

MOST_BINS: Final = 500
"""More of them would be thinner than what a screen shows."""

_MOST_BARS: Final = 30
_MOST_SERIES: Final = 6
_OTHERS: Final = "others"


@dataclass(frozen=True)
class ChartQuestion:
    """What is to be drawn.

    Args:
        model: The class.
        field: The field whose values are counted, or computed with.
        by: The field that makes the groups; `None` for the field itself.
        where: The filter; `None` for all models.
        kind: "hist", "bar" or "line"; `None` for what suits the field.
        agg: What is computed of each group; `None` for what suits the field.
        bins: How many bins of numbers there are to be, 1 to 500; `None` for what fits.
        every: Which parts of the calendar times are put into; `None` for what fits.
    """

    model: type[AtomicRedisModel]
    field: Any
    by: Any = None
    where: Expression | None = None
    kind: str | None = None
    agg: str | None = None
    bins: int | None = None
    every: str | None = None

    def column(self, given: Any) -> Column:
        """Return a field that is named."""
        return column_of(self.model, given, "plot")

    def rows(self, **fields: Any) -> Aggregate:
        """Return the question for the values, grouped by fields."""
        asked = Aggregate(self.model).by(**fields)
        return asked if self.where is None else asked.where(self.where)

    def wanted(self, column: Column, *, binned: bool) -> Wanted:
        """Return how a field is to stand below.

        Raises:
            NotebookError: Its values are none that bins or parts of the calendar are made of.
        """
        family = family_of(column)
        if self.every is not None and family != "time":
            raise NotebookError(
                f"{column.path} holds no times, so --every has no meaning", hint="leave it out"
            )
        if self.bins is not None and family != "amount":
            raise NotebookError(
                f"{column.path} holds no numbers, so --bins has no meaning", hint="leave it out"
            )
        return Wanted(family, self.bins, self.every, binned)


async def chart(question: ChartQuestion) -> Plot:
    """Draw what the server computes (FT.AGGREGATE), so that no values are read, and figures alone are sent.

    It computes with fields that are indexed as numbers, times, whole texts, bools or choices and hold one
    value. For others, for medians, for filters that are checked on loaded instances and on clusters the
    values are read (FT.SEARCH or SCAN, JSON.MGET of these fields alone); the chart is the same.

    Args:
        question: What is to be drawn.

    Raises:
        NotebookError: The kind, what is to be computed, or the part of the calendar is unknown, or does not
            suit the field; or there are no values.
        UnknownFieldError: There is no such field.
        UnsupportedArgumentTypeError: It holds models, or values that cannot be computed with.
        MissingPackageError: matplotlib is not installed.
    """
    __tracebackhide__ = True
    _check_words(question)
    matplotlib_package()  # before anything is read
    start = time.perf_counter()
    column = question.column(question.field)
    by = None if question.by is None else question.column(question.by)
    if by is None:
        plot = await _values_alone(question, column)
    elif question.kind == "hist":
        plot = await _values_in_series(question, column, by)
    else:
        plot = await _computed_by(question, column, by)
    if not plot.points:
        raise NotebookError(f"there are no values of {column.path} to draw", hint="loosen the filter")
    return drawn(plot, _axes(question, column, by), f", {lasted(time.perf_counter() - start)}")


async def _values_alone(question: ChartQuestion, column: Column) -> Plot:
    """Return how often each value of a field is there."""
    family = family_of(column)
    kind = question.kind or ("bar" if family == "other" else "hist")
    groups, nowhere = await _counts(question, column, None, binned=kind == "hist")
    total, missing = sum(_count(group) for group in groups), sum(n for _, n in nowhere)
    if family == "other":
        groups = _most(groups, _count)
    points = [(group, "", float(_count(group))) for group in groups]
    title = f"{question.model.__name__}.{column.path}"
    return _plot(points, kind, title, counted(total, "value"), missing)


async def _values_in_series(question: ChartQuestion, column: Column, by: Column) -> Plot:
    """Return how often each value of a field is there, for each value of another."""
    groups, nowhere = await _counts(question, column, by, binned=True)
    sizes: Counter[Any] = Counter()
    for value, n in chain(nowhere, *(group.values for group in groups)):
        sizes[value] += n
    largest = sorted(sizes, key=lambda value: (-sizes[value], called(value)))[:_MOST_SERIES]
    names = {value: called(value) for value in largest}
    total, missing = sum(_count(group) for group in groups), sum(n for _, n in nowhere)
    if family_of(column) == "other":
        groups = _most(groups, _count)
    series = [*dict.fromkeys(names.values()), *([_OTHERS] if len(sizes) > len(names) else [])]
    points = [
        (group, name, float(sum(n for one, n in group.values if names.get(one, _OTHERS) == name)))
        for name in series
        for group in groups
    ]
    title = f"{question.model.__name__}.{column.path} by {by.path}"
    return _plot(points, "hist", title, counted(total, "value"), missing)


async def _computed_by(question: ChartQuestion, column: Column, by: Column) -> Plot:
    """Return what is computed of the values of a field, for each value of another."""
    agg = question.agg or ("mean" if family_of(column) == "amount" else "count")
    reducer = AGGREGATES[agg](question.field)
    groups, nowhere = await _figures(question, agg, column, by)
    figures = [one for group in groups for one in group.values]
    if figures and all(height is None for _, height in figures):
        raise NotebookError(f"the {agg} of {column.path} is no number to draw", hint="try --agg count")
    kind = question.kind or ("bar" if family_of(by) == "other" else "line")
    nothing = amount(reducer.of_nothing)
    points = [(group, "", group.values[0][1] if group.values else nothing) for group in groups]
    if family_of(by) == "other":
        # What differs by its rounding alone is equal.
        points = sorted(points, key=lambda one: (-float(f"{one[2] or 0:.9g}"), one[0].label))[:_MOST_BARS]
    title = f"{agg} of {question.model.__name__}.{column.path} by {by.path}"
    missing = sum(n for n, _ in nowhere)
    told = counted(sum(n for n, _ in figures) + missing, "value")
    if len(points) < len(groups):
        told += f", {len(points)} of {len(groups):,} groups"
    return _plot(points, kind, title, told, missing)


async def _counts(
    question: ChartQuestion, column: Column, by: Column | None, *, binned: bool
) -> tuple[list[Group], list[Any]]:
    """Return how often values are there, as pairs of the value of another field and a number."""
    fields = {"x": question.field} if by is None else {"x": question.field, "s": question.by}
    asked, wanted = question.rows(**fields), question.wanted(column, binned=binned)
    found = await Served(question.model, question.where, column, wanted).counts(by)
    if found is not None:
        return found
    rows = await asked.agg(n=reducers.count())
    return grouped([(row.x, [(None if by is None else row.s, row.n)]) for row in rows], wanted)


async def _figures(
    question: ChartQuestion, agg: str, column: Column, by: Column
) -> tuple[list[Group], list[Any]]:
    """Return what is computed of a field, as one pair of the number of values and what it is, or none."""
    reducer = AGGREGATES[agg](question.field)
    asked, wanted = question.rows(x=question.by), question.wanted(by, binned=False)
    asked.agg(y=reducer)  # raises where that cannot be computed
    found = await Served(question.model, question.where, by, wanted).figures(agg, column)
    if found is not None:
        return found
    rows = await asked.agg(values=reducers.to_list(question.field))
    groups, nowhere = grouped([(row.x, row.values) for row in rows], wanted)
    for group in groups:
        values = group.values
        group.values[:] = [(len(values), amount(reducer.fold(values)))] if values else []
    return groups, [(1, None) for _ in nowhere]


def _count(group: Group) -> int:
    return sum(n for _, n in group.values)


def _most(groups: list[Group], rank: Callable[[Group], float]) -> list[Group]:
    """Return the largest groups, and the others as one."""
    ordered = sorted(groups, key=lambda group: (-rank(group), group.label))
    rest = ordered[_MOST_BARS:]
    if not rest:
        return ordered
    values = [value for group in rest for value in group.values]
    return [*ordered[:_MOST_BARS], Group(None, f"{len(rest):,} {_OTHERS}", values)]


def _plot(
    drawn_points: Sequence[tuple[Group, str, float | None]], kind: str, title: str, told: str, missing: int
) -> Plot:
    points = tuple(Point(group.x, height, series, group.end) for group, series, height in drawn_points)
    labels = tuple(group.label for group, _, _ in drawn_points)
    footer = told if not missing else f"{told}, {missing:,} without a value on the scale"
    return Plot(points, labels, title, footer, kind)


def _axes(question: ChartQuestion, column: Column, by: Column | None) -> tuple[str, str]:
    below = column if by is None or question.kind == "hist" else by
    unit = unit_of(below)
    across = f"{below.path} ({unit})" if unit else below.path
    if below is column:
        return across, "count"
    agg = question.agg or ("mean" if family_of(column) == "amount" else "count")
    unit = "" if agg in ("count", "distinct") else unit_of(column)
    return across, f"{agg} of {column.path}{f' ({unit})' if unit else ''}"


def _check_words(question: ChartQuestion) -> None:
    chosen: list[tuple[str, str | None, Collection[str]]] = [
        ("kind", question.kind, KINDS),
        ("aggregate", question.agg, AGGREGATES),
        ("part of the calendar", question.every, EVERY),
    ]
    for what, word, known in chosen:
        if word is not None and word not in known:
            hint = suggestion(word, known, otherwise=f"there are {', '.join(known)}")
            raise NotebookError(f"unknown {what} {word!r}", hint=hint)
    bins = question.bins
    if bins is not None and (not isinstance(bins, int) or not 1 <= bins <= MOST_BINS):
        raise NotebookError(f"--bins takes a whole number from 1 to {MOST_BINS}, not {brief(bins, 30)}")
    if question.agg is not None and (question.by is None or question.kind == "hist"):
        raise NotebookError(
            f"--agg {question.agg} needs groups to be computed of", hint="say by what: --by FIELD"
        )
