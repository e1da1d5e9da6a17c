"""Charts whose numbers the server computes, so that no values are read.

First it tells between what the values lie, then what it has counted or computed of each bin, part of the
calendar or value. Where it cannot, the answer is None, and `asking` reads the values.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer.search.kinds import EXACT_NUMBERS
from rapyer.search.server_groups import Figure, GroupKey, GroupQuestion, groups_on_server, on_server
from rapyer.types.zones import EXACT_SECONDS
from rapyer_nb.charts import calendar
from rapyer_nb.charts.scales import Bins, Extent, Group, Parts, family_of, grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rapyer import AtomicRedisModel
    from rapyer.search.columns import Column
    from rapyer.search.nodes import Expression
    from rapyer.search.server_groups import GroupRow, ServerField
    from rapyer_nb.charts.scales import Wanted

_AMOUNTS: Final[dict[str, tuple[str, Callable[[Any], float]]]] = {
    "number": ("{x}", float),
    "decimal": ("{x}", float),
    "time span": ("{x}/1000000", lambda stored: stored / 1_000_000),
    "time of day": ("floor({x}/1000000)/3600", lambda stored: stored // 1_000_000 / 3600),
}
"""How stored numbers are drawn, by the kind of index: as the server computes it, and as Python does."""

_DAY_ONE: Final = dt.date(1970, 1, 1).toordinal()

_REDUCERS: Final[dict[str, tuple[str, ...]]] = {
    "count": (),
    "distinct": ("COUNT_DISTINCT",),
    "sum": ("SUM",),
    "mean": ("AVG",),
    "min": ("MIN",),
    "max": ("MAX",),
    "stddev": ("STDDEV",),
}
"""What the server computes; its median is an estimate."""

_ROUNDING: Final = 1e-16
_DIGITS: Final = 1e-9


@dataclass(frozen=True)
class Served:
    """What the server is asked about.

    Args:
        model: The class.
        where: The filter; `None` for all models.
        column: The field that stands below.
        wanted: How it is to stand there.
    """

    model: type[AtomicRedisModel]
    where: Expression | None
    column: Column
    wanted: Wanted

    async def counts(self, by: Column | None = None) -> tuple[list[Group], list[Any]] | None:
        """Return how often values are there, as pairs of a value of another field and a number.

        Returns:
            The groups, and what stands nowhere; `None` where the server cannot tell.
        """
        series = () if by is None else (_plain_key(self.model, by),)
        if None in series:
            return None
        asked = GroupQuestion(tuple(key for key in series if key is not None))
        found = await self._placed(asked)
        if found is None:
            return None
        groups, nowhere = found
        for group in groups:
            group.values[:] = map(_pair, group.values)
        return groups, list(map(_pair, nowhere))

    async def figures(self, agg: str, column: Column) -> tuple[list[Group], list[Any]] | None:
        """Return what is computed of a field, as pairs of the number of values and what it is, or `None`.

        Returns:
            The groups, and what stands nowhere; `None` where the server cannot tell.
        """
        measured = on_server(self.model, column)
        figures = None if measured is None else _figures(agg, measured)
        if figures is None:
            return None
        found = await self._placed(GroupQuestion(measured=measured, figures=figures))
        if found is None:
            return None
        groups, nowhere = found
        for group in groups:
            rows = [row for row in group.values if row.figures is not None]
            if len(rows) > 1 or not all(_is_sure(agg, row) for row in rows):
                return None
            group.values[:] = [(row.count, _height(agg, row)) for row in rows]
        return groups, [(row.count, None) for row in nowhere if row.figures is not None]

    async def _placed(self, question: GroupQuestion) -> tuple[list[Group], list[GroupRow]] | None:
        """Return the rows for a question, in groups below the chart."""
        place = await self._place()
        if place is None:
            return None
        asked = GroupQuestion((place.key, *question.keys), question.measured, question.figures)
        rows = await groups_on_server(self.model, self.where, asked)
        return None if rows is None else place.groups(rows)

    async def _place(self) -> _Place | None:
        below = on_server(self.model, self.column)
        if below is None:
            return None
        if self.wanted.family == "other":
            return None if self.column.noted is not None else _Place(GroupKey(below), self.wanted)
        step = _step(below)
        if step is None or (self.wanted.family == "amount") != (below.kind.name in _AMOUNTS):
            return None
        ends = (("FIRST_VALUE", "{x}", "BY", "{x}", order) for order in ("ASC", "DESC"))
        figures = [Figure(reducer) for reducer in ends]
        if self.wanted.family == "amount":
            figures += [Figure(("COUNT_DISTINCT", "{x}"), step)]
            figures += [Figure(("SUM", "{x}"), f"({step}) != floor({step})")]
        asked = GroupQuestion(measured=below, figures=tuple(figures), gaps=False)
        rows = await groups_on_server(self.model, self.where, asked)
        if not rows or not rows[0].figures:
            return None  # there are no values
        return _place_between(below, self.wanted, *rows[0].figures)


@dataclass(frozen=True)
class _Place:
    """Where rows of the server stand.

    Args:
        key: What makes groups below the chart.
        wanted: How values stand there.
        scale: The scale; `None` where each value stands by itself.
    """

    key: GroupKey
    wanted: Wanted
    scale: Bins | Parts | None = None

    def groups(self, rows: Iterable[GroupRow]) -> tuple[list[Group], list[GroupRow]] | None:
        if self.scale is None:
            return grouped([(row.keys[0], [row]) for row in rows], self.wanted, apart=True)
        held: dict[Any, list[GroupRow]] = defaultdict(list)
        try:
            for row in rows:
                held[self._at(row.keys[0])].append(row)
        except (OverflowError, ValueError):  # a time beyond the calendar
            return None
        nowhere = held.pop(None, [])
        return self.scale.groups(held), nowhere

    def _at(self, number: int | None) -> Any:
        if number is None or isinstance(self.scale, Bins | None):
            return number
        return calendar.counted(number, self.scale.part)


def _place_between(
    below: ServerField, wanted: Wanted, low: Any, high: Any, different: float = 0, broken: float = 0
) -> _Place | None:
    """Return where values between two stored numbers stand."""
    step, kind = _step(below) or "", below.kind.name
    if wanted.family == "amount":
        drawn = _AMOUNTS[kind][1]
        if broken and kind == "number" and below.kind.coarse is not None:
            return None  # some are no ints, as others have written them
        scale = wanted.scale(Extent(drawn(low), drawn(high), int(different), not broken))
        steps = () if not isinstance(scale, Bins) else (step, _bin(scale))
        return _Place(GroupKey(below, steps), wanted, scale)
    ends = _times(kind, low, high)
    local = "{x}*86400" if kind == "date" else calendar.local_seconds(low, high)
    if ends is None or local is None:
        return None
    scale = wanted.scale(Extent(*ends, days=kind == "date"))
    if not isinstance(scale, Parts):
        return None
    return _Place(GroupKey(below, (local, *calendar.counted_by(scale.part))), wanted, scale)


def _times(kind: str, low: Any, high: Any) -> tuple[dt.datetime, dt.datetime] | None:
    """Return the local times of two stored numbers; `None` where these do not tell enough of them."""
    try:
        if kind == "date":
            days = (dt.date.fromordinal(int(number) + _DAY_ONE) for number in (low, high))
            first, last = map(calendar.moment_of, days)
        elif max(abs(low), abs(high)) < EXACT_SECONDS:
            first, last = map(dt.datetime.fromtimestamp, (low, high))
        else:
            return None
    except (OverflowError, ValueError, OSError):
        return None
    return first, last


def _step(field: ServerField) -> str | None:
    """Return what the server computes of a stored number, to draw it; `None` where it is none."""
    if field.kind.name in ("time", "date"):
        return "{x}"
    step = _AMOUNTS.get(field.kind.name)
    return None if step is None else step[0]


def _bin(bins: Bins) -> str:
    """Return what the server computes of a number: in which bin it is, exactly as the edges are computed."""
    if bins.ends == 2:
        return "0*floor({x})"
    base, width = _written(bins.base), _written(bins.width)
    at = f"floor(({{x}} - ({base}))/({width}))"
    below, above = (f"(({base}) + ({one})*({width}))" for one in (at, f"{at} + 1"))
    return f"({at}) + ({{x}} >= {above}) - ({{x}} < {below}) - ({bins.first})"


def _written(number: float) -> str:
    return repr(number).replace("e+", "e")  # the server's expressions know no plus there


def _plain_key(model: type[AtomicRedisModel], column: Column) -> GroupKey | None:
    found = on_server(model, column)
    return None if found is None or column.noted is not None else GroupKey(found)


def _pair(row: GroupRow) -> tuple[Any, int]:
    return (row.keys[1] if len(row.keys) > 1 else None), row.count


def _figures(agg: str, measured: ServerField) -> tuple[Figure, ...] | None:
    """Return what the server is to compute; `None` where that is not what Python would."""
    words = _REDUCERS.get(agg)
    if words is None:
        return None
    if agg == "count":
        return ()
    if agg == "distinct":
        if measured.column.noted is not None or measured.kind.is_flag:
            return None  # what stands beside a time counts, and other writers have several texts for a bool
        ends = (("MIN", "{x}"), ("MAX", "{x}")) if measured.kind.coarse is not None else ()
        return tuple(map(Figure, ((*words, "{x}"), *ends)))
    step = _step(measured)
    if step is None or family_of(measured.column) != "amount" or measured.kind.name not in _AMOUNTS:
        return None
    check = (Figure(("SUM", "{x}"), f"abs({step})"),) if agg in ("sum", "mean") else ()
    return (Figure((*words, "{x}"), step), *check)


def _is_sure(agg: str, row: GroupRow) -> bool:
    """Tell whether a figure has the digits that are drawn, and is not lost in the rounding of larger ones."""
    figures = row.figures or ()
    if agg == "distinct":
        return all(abs(end) < EXACT_NUMBERS for end in figures[1:])
    if agg in ("sum", "mean"):
        found = abs(figures[0]) * (row.count if agg == "mean" else 1)
        return bool(figures[1] * row.count * _ROUNDING <= found * _DIGITS)
    return True


def _height(agg: str, row: GroupRow) -> float | None:
    if agg == "count" or not row.figures:
        return float(row.count)
    return None if agg == "stddev" and row.count == 1 else float(row.figures[0])
