"""What stands below a chart: numbers in bins, times in parts of the calendar, or simply values."""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from rapyer_nb.charts import calendar
from rapyer_nb.views.brief import brief_cell, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.search.columns import Column

Family: TypeAlias = Literal["amount", "time", "other"]

_AMOUNTS: Final = (int, float, Decimal, dt.timedelta, dt.time)
_LABEL: Final = 24
_FEW_VALUES: Final = 50
_BINS: Final = 20


@dataclass(frozen=True)
class Group:
    """Values that are drawn as one bar or point.

    Args:
        x: What they have in common, the beginning of a bin; `None` for instances without it.
        label: What that is called.
        values: The values.
        end: Where a bin ends.
    """

    x: Any
    label: str
    values: list[Any]
    end: Any = None


def family_of(column: Column) -> Family:
    """Tell what kind of scale the values of a field need."""
    kinds = (column.kinds or frozenset({object})) - {type(None)}
    if kinds and all(issubclass(kind, dt.date) for kind in kinds):
        return "time"
    if kinds and all(issubclass(kind, _AMOUNTS) and not issubclass(kind, bool | Enum) for kind in kinds):
        return "amount"
    return "other"


def unit_of(column: Column) -> str:
    """Return the unit in which the numbers for a field are drawn; empty for plain numbers."""
    kinds = column.kinds or frozenset()
    return "seconds" if dt.timedelta in kinds else "hours" if dt.time in kinds else ""


def amount(value: Any) -> float | None:
    """Return a value as a number to draw; `None` for one that cannot be drawn."""
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, dt.time):
        return (value.hour * 3600 + value.minute * 60 + value.second) / 3600
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True)
class Extent:
    """What is to be known of values to choose their scale.

    Args:
        low: The smallest, as a number or a local time.
        high: The greatest.
        different: How many different ones there are.
        whole: Whether all are whole numbers.
        days: Whether all are dates without a time.
    """

    low: Any
    high: Any
    different: int = 0
    whole: bool = False
    days: bool = False


@dataclass(frozen=True)
class Wanted:
    """How values are to stand below a chart.

    Args:
        family: The kind of scale.
        bins: How many bins of numbers there are to be; `None` for as many as fit.
        every: Which parts of the calendar times are put into; `None` for those that fit.
        binned: Whether numbers are put into bins even where there are few different ones.
    """

    family: Family
    bins: int | None = None
    every: str | None = None
    binned: bool = False

    def scale(self, extent: Extent) -> Bins | Parts | None:
        """Return the scale that fits; `None` where each value stands by itself."""
        if self.family == "time":
            part = self.every or calendar.fitting(extent.low, extent.high, "day" if extent.days else "second")
            return Parts(part)
        narrow = extent.whole and extent.high - extent.low < _FEW_VALUES
        few = extent.different <= _FEW_VALUES and not self.binned
        if self.bins is None and (narrow or few):
            return None
        return Bins.between(extent.low, extent.high, self.bins)


@dataclass(frozen=True)
class Bins:
    """Bins of numbers, each from `base + at * width` on.

    Args:
        base: Where bins are counted from.
        width: How wide each is.
        first: The number of the first of them.
        ends: How many ends they have: one more than there are bins.
        last: Where the last one ends, if not at the next multiple of the width.
    """

    base: float
    width: float
    first: int
    ends: int
    last: float | None = None

    @classmethod
    def between(cls, low: float, high: float, bins: int | None) -> Bins:
        """Return so many bins of one width, or some between round numbers."""
        width = (high - low) / (bins or _BINS)
        if not width or not math.isfinite(width):  # one value, or two that are too far apart
            return cls(low, 1.0, 0, 2, max(high, low + (abs(low) or 1.0)))
        if bins is not None:
            return cls(low, width, 0, bins + 1, high)
        width = _round_width(width)
        first = math.floor(low / width)
        return cls(0.0, width, first, math.floor(high / width) - first + 2)

    @property
    def edges(self) -> list[float]:
        """Where they begin and end."""
        edges = [self.base + (self.first + at) * self.width for at in range(self.ends)]
        return edges if self.last is None else [*edges[:-1], self.last]

    def groups(self, held: dict[int, list[Any]]) -> list[Group]:
        """Return the bins with their values; those of others go into the first or the last."""
        edges = self.edges
        found: list[list[Any]] = [[] for _ in edges[1:]]
        for at, values in held.items():
            found[min(max(at, 0), len(found) - 1)] += values
        return [
            Group(low, f"{low:.6g} to {high:.6g}", values, high)
            for (low, high), values in zip(pairwise(edges), found, strict=True)
        ]


@dataclass(frozen=True)
class Parts:
    """Parts of the calendar.

    Args:
        part: Which.
    """

    part: str

    def groups(self, held: dict[dt.datetime, list[Any]]) -> list[Group]:
        """Return the parts from the first to the last with their values."""
        return [
            Group(
                start,
                calendar.written(start, self.part),
                held.get(start, []),
                calendar.after(start, self.part),
            )
            for start in calendar.all_between(list(held), self.part)
        ]


def grouped(
    pairs: Iterable[tuple[Any, list[Any]]], wanted: Wanted, *, apart: bool = False
) -> tuple[list[Group], list[Any]]:
    """Return groups for values below a scale, in their order, and the values that stand nowhere on it.

    Args:
        pairs: What stands below, with values.
        wanted: How it is to stand there.
        apart: Whether each value stands by itself, whatever the values are.
    """
    there, nowhere = [], []
    for x, values in pairs:
        place = _place(x, wanted.family)
        if place is None and wanted.family != "other":
            nowhere += values
        else:
            there.append((place, x, values))
    if not there:
        return [], nowhere
    apart = apart or wanted.family == "other"
    scale = None if apart else wanted.scale(_extent(there, wanted.family))
    if scale is None:
        return _one_by_one(there, ordered=wanted.family != "other"), nowhere
    held: dict[Any, list[Any]] = defaultdict(list)
    edges = scale.edges if isinstance(scale, Bins) else []
    for place, _, values in there:
        at = (
            bisect_right(edges, place) - 1
            if isinstance(scale, Bins)
            else calendar.start_of(place, scale.part)
        )
        held[at] += values
    return scale.groups(held), nowhere


def _extent(there: list[tuple[Any, Any, list[Any]]], family: Family) -> Extent:
    places = [place for place, _, _ in there]
    if family == "time":
        days = all(not isinstance(x, dt.datetime) for _, x, _ in there)
        return Extent(min(places), max(places), days=days)
    whole = all(place == int(place) for place in places)
    return Extent(min(places), max(places), len(set(places)), whole)


def _place(x: Any, family: Family) -> Any:
    if family == "amount":
        return None if x is None else amount(x)
    if family == "time":
        return calendar.moment_of(x) if isinstance(x, dt.date) else None
    return x


def _one_by_one(there: list[tuple[Any, Any, list[Any]]], *, ordered: bool) -> list[Group]:
    groups: dict[Any, Group] = {}
    for place, x, values in sorted(there, key=lambda one: one[0]) if ordered else there:
        groups.setdefault(place, Group(place, called(x), [])).values.extend(values)
    return list(groups.values())


def called(x: Any) -> str:
    """Return what a value is called below a chart."""
    shown = x.value if isinstance(x, Enum) else x
    if isinstance(shown, float):
        return f"{shown:g}"
    return printable(brief_cell(shown, _LABEL))


def _round_width(width: float) -> float:
    """Return the next wider number that is 1, 2 or 5 with zeros."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))
