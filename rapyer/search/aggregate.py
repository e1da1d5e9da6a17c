"""Aggregates: what is computed of all documents that filters describe, group by group, as typed rows.

The server finds the documents; their values are read, without the rest of them, and computed with here. The
server's own aggregation writes numbers with 12 digits, takes null for 0, and counts documents that have
expired.
"""

from __future__ import annotations

import keyword
from collections import namedtuple
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain
from operator import and_
from typing import TYPE_CHECKING, Any

from rapyer.errors import UnsupportedArgumentTypeError, UnsupportedArgumentValueError
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.model.suggest import suggestion
from rapyer.search.belonging import about
from rapyer.search.columns import Column, column_of, read_columns
from rapyer.search.expression import FieldOperand
from rapyer.search.find import find_keys
from rapyer.search.nodes import checked
from rapyer.search.reducers import AMOUNTS, ORDERED, Reducer, ordering

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.columns import Rows
    from rapyer.search.nodes import Expression

_UNFIT = (TypeError, ValueError, ArithmeticError)
"""What Python raises where values cannot be grouped, added up or compared, such as a Decimal that is NaN."""

_ABLE = {"amounts": AMOUNTS, "order": ORDERED}
_WANTED = {"amounts": "numbers or time spans", "order": "values that have an order"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is computed of each group.

    Attributes:
        reducer: How.
        column: Of which field; None for the documents themselves.
        by: The field that orders the documents first, or None.
        descending: Whether the greatest of those come first.
    """

    reducer: Reducer
    column: Column | None
    by: Column | None
    descending: bool


@dataclass(frozen=True)
class Aggregate:
    """A question about groups of stored instances; `await` it, or call `arows`, to ask it.

    Each method returns a new one, so a question may be kept and asked again.

    Attributes:
        model: The class.
        on_corrupt: What to do with documents whose values cannot be read.
        filters: Which instances count.
        groups: The fields that make the groups, by what the rows call them.
        measures: What is computed, by what the rows call it.
        order: What the rows are sorted by, each with whether the greatest come first.
        start: How many rows are left out first.
        size: How many rows there are at the most, or None.
    """

    model: type[StoredModel]
    on_corrupt: load.OnCorrupt = "skip"
    filters: tuple[Expression, ...] = ()
    groups: dict[str, Column] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    order: tuple[tuple[str, bool], ...] = ()
    start: int = 0
    size: int | None = None

    def __repr__(self) -> str:
        groups, measures = ", ".join(self.groups), ", ".join(self.measures)
        made = [f".by({groups})"] if groups else []
        made += [f".agg({measures})"] if measures else []
        return f"<{self.model.__name__}.aggregate(){''.join(made)}, which is asked when it is awaited>"

    def where(self, *filters: Expression | bool) -> Aggregate:
        """Let only instances count for which all filters hold.

        Raises:
            BadFilterError: One is no filter, or compares a field of another class.
        """
        wanted = (about(self.model, checked(one)) for one in filters)
        return replace(self, filters=(*self.filters, *wanted))

    def by(self, /, *fields: Any, **named: Any) -> Aggregate:
        """Make a group, and so a row, of each value of a field; of several, of each combination.

        Instances without a value are a group of their own, for which the rows hold None. Each element of a
        list makes one, so an instance may be in several groups.

        Args:
            fields: Fields such as `User.city`, or their dotted paths.
            named: The same, under the names that the rows are to have for them.

        Raises:
            UnknownFieldError: The class has no such field.
            UnsupportedArgumentTypeError: It is no field.
            UnsupportedArgumentValueError: Two columns have one name, or it is no name.
        """
        asker = f"{self.model.__name__}.aggregate().by"
        columns = [column_of(self.model, given, asker) for given in fields]
        wanted = [(column.path.replace(".", "_"), column) for column in columns]
        wanted += [(name, column_of(self.model, given, asker)) for name, given in named.items()]
        for name, _ in wanted:
            self._check_name(name, [*self.groups, *self.measures])
        if len(dict(wanted)) < len(wanted):
            raise self._refused("by was given two fields of one name", "name one of them: by(town=User.city)")
        return replace(self, groups={**self.groups, **dict(wanted)})

    def agg(self, /, **reducers: Reducer) -> Aggregate:
        """Compute something of each group: `agg(n=count(), oldest=max(User.age))`.

        Args:
            reducers: What, of `rapyer.reducers`, under the names that the rows are to have for it.

        Raises:
            UnknownFieldError: The class has no such field.
            UnsupportedArgumentTypeError: It is no reducer, or its field's values are not what it needs.
            UnsupportedArgumentValueError: Two columns have one name, or it is no name.
        """
        made = {}
        for name, reducer in reducers.items():
            self._check_name(name, [*self.groups, *self.measures])
            made[name] = self._measure(reducer)
        return replace(self, measures={**self.measures, **made})

    def sort_by(self, *names: Any) -> Aggregate:
        """Sort the rows by columns; None comes last. Equal ones stay in the order of their first keys.

        Args:
            names: Names of columns, the greatest first with "-" before it; or fields given to `by`.

        Raises:
            UnsupportedArgumentValueError: There is no such column.
        """
        order = []
        for given in names:
            name = self._name_of(given)
            plain = name.removeprefix("-")
            known = [*self.groups, *self.measures]
            if plain not in known:
                raise self._refused(f"{plain!r} is no column to sort by", suggestion(plain, known))
            order.append((plain, name != plain))
        return replace(self, order=tuple(order))

    def limit(self, size: int | None, offset: int = 0) -> Aggregate:
        """Return at most so many rows, from the one at `offset` on.

        Raises:
            UnsupportedArgumentValueError: One is no whole number from 0.
        """
        for number in (offset, 0 if size is None else size):
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                raise self._refused(f"limit was given {number!r}", "give a whole number, 0 or more")
        return replace(self, start=offset, size=size)

    def __await__(self) -> Generator[Any, None, list[Any]]:
        return self.arows().__await__()

    async def arows(self) -> list[Any]:
        """Ask, and return a row for each group: named tuples, with a type that is made for the question.

        Without `by` there is exactly one row (FT.SEARCH or SCAN; JSON.MGET for each field). It asks at once,
        in a pipeline too, and starts no time to live anew. Instances that are gone do not count.

        Raises:
            CorruptedModelError: A value cannot be read, and that was to raise; else it is logged.
            NotIndexedError: The class's index does not exist on the server.
            UnsupportedArgumentTypeError: There are values that cannot be grouped, added up or compared.
        """
        if not self.groups and not self.measures:
            raise self._refused("nothing is to be computed", "use agg(n=count())")
        keys = await find_keys(self.model, reduce(and_, self.filters) if self.filters else None)
        columns = {column.path: column for column in self._columns()}
        read = await read_columns(self.model, registry.source_for(self.model), keys, list(columns.values()))
        load.report_skipped(f"{self.model.__name__}.aggregate", read.left_out(), self.on_corrupt)
        return self._rows(_Table(read, {path: at for at, path in enumerate(columns)}))

    def _columns(self) -> Iterable[Column]:
        measured = ((measure.column, measure.by) for measure in self.measures.values())
        found = chain(self.groups.values(), chain.from_iterable(measured))
        return (column for column in found if column is not None)

    def _rows(self, table: _Table) -> list[Any]:
        made = _row_type(self)
        rows = [
            made(*values, *(self._computed(name, table, members) for name in self.measures))
            for values, members in self._grouped(table).items()
        ]
        for name, descending in reversed(self.order):
            rows = self._sorted(rows, name, descending)
        return rows[self.start :][: self.size]

    def _grouped(self, table: _Table) -> dict[tuple[Any, ...], list[int]]:
        # Positions in the order of the keys, so that the outcome does not depend on that of the server.
        positions = sorted(range(len(table.read.keys)), key=table.read.keys.__getitem__)
        if not self.groups:
            return {(): positions}
        groups: dict[tuple[Any, ...], list[int]] = {}
        for position in positions:
            combined: list[tuple[Any, ...]] = [()]
            for column in self.groups.values():
                values = table.values(position, column) or (None,)
                combined = [(*before, value) for before in combined for value in values]
            try:
                for values in dict.fromkeys(combined):
                    groups.setdefault(values, []).append(position)
            except _UNFIT as error:
                raise self._unfit(f"values of {', '.join(self.groups)} make no groups", error) from error
        return groups

    def _computed(self, name: str, table: _Table, members: list[int]) -> Any:
        measure, reducer = self.measures[name], self.measures[name].reducer
        try:
            if measure.by is not None:
                members = table.ordered(members, measure.by, measure.descending)
            if measure.column is None:
                return len(members)
            found = [value for position in members for value in table.values(position, measure.column)]
            if found:
                return reducer.fold(found)
        except _UNFIT as error:
            raise self._unfit(f"{reducer.name} cannot take the values for {name!r}", error) from error
        return [] if reducer.of_nothing == () else reducer.of_nothing

    def _sorted(self, rows: list[Any], name: str, descending: bool) -> list[Any]:
        there = [row for row in rows if getattr(row, name) is not None]
        try:
            there.sort(key=lambda row: ordering(getattr(row, name)), reverse=descending)
        except _UNFIT as error:
            raise self._unfit(f"rows cannot be sorted by {name!r}", error) from error
        return [*there, *(row for row in rows if getattr(row, name) is None)]

    def _measure(self, reducer: Any) -> Measure:
        asker = f"{self.model.__name__}.aggregate().agg"
        if not isinstance(reducer, Reducer):
            raise UnsupportedArgumentTypeError(
                f"{asker} was given {reducer!r}", model=self.model.__name__, hint="give one, such as count()"
            )
        column = None if reducer.field is None else column_of(self.model, reducer.field, asker)
        able = _ABLE.get(reducer.needs)
        kinds = column.kinds if column is not None else None
        if column is not None and able and kinds and not any(issubclass(kind, able) for kind in kinds):
            raise UnsupportedArgumentTypeError(
                f"{reducer.name} needs {_WANTED[reducer.needs]}, which {column.name} has none of",
                model=self.model.__name__,
                field=column.path,
            )
        by = reducer.by
        descending = isinstance(by, str) and by.startswith("-")
        by = by[1:] if descending else by
        ordered = None if by is None else column_of(self.model, by, asker)
        return Measure(reducer, column, ordered, descending)

    def _name_of(self, given: Any) -> str:
        if isinstance(given, FieldOperand):
            path = column_of(self.model, given, f"{self.model.__name__}.aggregate().sort_by").path
            return next((name for name, column in self.groups.items() if column.path == path), path)
        if not isinstance(given, str):
            raise UnsupportedArgumentTypeError(
                f"{self.model.__name__}.aggregate().sort_by was given {given!r}",
                model=self.model.__name__,
                hint='give the name of a column, such as "-n"',
            )
        return given

    def _check_name(self, name: str, taken: Iterable[str]) -> None:
        if name in taken:
            raise self._refused(f"there is a column {name!r} already", "choose another name")
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise self._refused(
                f"{name!r} is no name for a column", "choose one that is no keyword and has no _ before it"
            )

    def _refused(self, why: str, hint: str) -> UnsupportedArgumentValueError:
        name = self.model.__name__
        return UnsupportedArgumentValueError(f"{name}.aggregate: {why}", model=name, hint=hint)

    def _unfit(self, why: str, error: Exception) -> UnsupportedArgumentTypeError:
        name = self.model.__name__
        return UnsupportedArgumentTypeError(
            f"{name}.aggregate: {why}: {error or type(error).__name__}", model=name
        )


@dataclass(frozen=True, slots=True)
class _Table:
    read: Rows
    places: dict[str, int]

    def values(self, position: int, column: Column) -> tuple[Any, ...]:
        return self.read.values[position][self.places[column.path]]

    def ordered(self, positions: Sequence[int], column: Column, descending: bool) -> list[int]:
        there = [position for position in positions if self.values(position, column)]
        there.sort(key=lambda position: ordering(self.values(position, column)[0]), reverse=descending)
        return [*there, *(position for position in positions if not self.values(position, column))]


def _row_type(aggregate: Aggregate) -> Any:
    names = [*aggregate.groups, *aggregate.measures]
    make: Any = namedtuple  # its names are known at run time only
    made = make(f"{aggregate.model.__name__}Row", names)
    made.__annotations__ = {
        name: column.field.annotation if not column.place.many else Any
        for name, column in aggregate.groups.items()
    } | {name: measure.reducer.gives for name, measure in aggregate.measures.items()}
    made.__doc__ = f"One group of {aggregate.model.__name__}: {', '.join(names)}."
    return made
