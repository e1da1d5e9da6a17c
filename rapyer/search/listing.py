"""What a query gives, counted, in an order, or one portion after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rapyer.commands import search
from rapyer.errors import BadFilterError, NotIndexedError
from rapyer.model import load
from rapyer.model.portions import chunks_of, list_keys, overlapped
from rapyer.model.registry import registry
from rapyer.search.asking import asked
from rapyer.search.compile import compiled
from rapyer.search.find import find_keys
from rapyer.search.kinds import EXACT_NUMBERS
from rapyer.search.places import kind_at
from rapyer.search.projection import Projection, column_of, name_of, read_rows, several

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.search.kinds import IndexKind
    from rapyer.search.projection import Column

_SORTED = {"number", "tag"}
"""The families of indexes whose values have an order."""


@dataclass(frozen=True, slots=True)
class Term:
    """One field that results are sorted by.

    Attributes:
        column: The field.
        kind: Its kind of index, which says how values compare.
        descending: Whether the greatest come first.
    """

    column: Column
    kind: IndexKind
    descending: bool

    def value(self, held: Any) -> Any:
        """Return what compares for a value of the field; None for one that has no order."""
        try:
            return None if held is None else self.kind.value(held)
        except (TypeError, ValueError):
            return None

    def is_rough(self, value: Any) -> bool:
        """Tell whether the index knows a number only roughly, so that its order may be another."""
        return bool(abs(value) >= (self.kind.coarse or EXACT_NUMBERS))


class Entry(NamedTuple):
    """One document and where it stands in an order.

    Attributes:
        key: Its key.
        values: What it is sorted by, None for a value that is missing.
        held: What was read of it, if anything.
    """

    key: str
    values: tuple[Any, ...]
    held: Any = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order of results: by fields, and where they are equal by key. What is missing comes last.

    Attributes:
        terms: The fields.
    """

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return ",".join(("-" if term.descending else "") + term.column.place.name for term in self.terms)

    def arranged(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return entries in this order."""
        result = sorted(entries, key=lambda entry: entry.key)
        for at, term in reversed(list(enumerate(self.terms))):
            there = [entry for entry in result if entry.values[at] is not None]
            there.sort(key=lambda entry: entry.values[at], reverse=term.descending)  # noqa: B023 - run at once
            result = [*there, *(entry for entry in result if entry.values[at] is None)]
        return result

    def put(self, loaded: load.Loaded) -> load.Loaded:
        """Return what was loaded in this order."""
        entries = self.arranged(map(self.of_model, loaded.models))
        return replace(loaded, models=[entry.held for entry in entries])

    def of_model(self, model: StoredModel) -> Entry:
        """Return the entry of an instance."""
        values = (_held_by(model, term.column.place.name.split(".")) for term in self.terms)
        return Entry(model._rapyer_key(), self.compared(values), model)

    def compared(self, values: Iterable[Any]) -> tuple[Any, ...]:
        """Return what compares for the values of the fields."""
        return tuple(term.value(value) for term, value in zip(self.terms, values, strict=True))

    def follows(self, entry: Entry, mark: Entry) -> bool:
        """Tell whether an entry comes after another one."""
        for term, value, other in zip(self.terms, entry.values, mark.values, strict=True):
            if value == other:
                continue
            if value is None or other is None:
                return value is None
            less: bool = value < other
            return less is term.descending
        return entry.key > mark.key


def _held_by(model: StoredModel, names: Sequence[str]) -> Any:
    """Return the value to which names lead, without making a Redis type of it."""
    held: Any = model
    for name in names:
        held = None if held is None else held.__dict__[name]
    return held


def ordering_of(cls: type[StoredModel], sort_by: Any) -> Ordering:
    """Return the order that `sort_by` asks for.

    Args:
        cls: The class.
        sort_by: Names such as "age", or "-age" for the greatest first, or fields such as `User.age`; one or
            several. None for the order of the keys.

    Raises:
        UnknownFieldError: The class has no such field.
        NotIndexedError: The field has no index.
        BadFilterError: Its values have no order, or there may be several.
    """
    if sort_by is None:
        return Ordering()
    return Ordering(tuple(_term(cls, name_of(cls, one)) for one in several(sort_by)))


def _term(cls: type[StoredModel], name: str) -> Term:
    plain = name.removeprefix("-")
    column = column_of(cls, plain)
    field = column.field
    if field.index is None:
        raise NotIndexedError(
            f"{field.model}.{field.name} has no index, so results cannot be sorted by it",
            field=plain,
            model=field.model,
            hint=f"declare it as `{field.name}: Index[…]`",
        )
    kind, place = kind_at(field, column.place)
    if place.many or kind.family not in _SORTED:
        what = "holds several values" if place.many else f"is indexed as {kind.name}"
        raise BadFilterError(
            f"{field.model}.{field.name} {what}, by which results cannot be sorted",
            field=plain,
            model=field.model,
            hint="sort by a number, a time or a text",
        )
    return Term(column, kind, name != plain)


async def entries_at(cls: type[StoredModel], keys: Sequence[str], ordering: Ordering) -> list[Entry]:
    """Return the entries of documents under keys, in an order (JSON.MGET); those that are gone come last."""
    if not ordering.terms:
        return ordering.arranged(Entry(key, ()) for key in keys)
    entries: list[Entry] = []
    source = registry.source_for(cls)
    selection = Projection(tuple(term.column for term in ordering.terms), _values)
    async for _, loaded in overlapped(
        chunks_of(keys), lambda chunk: read_rows(cls, source, chunk, selection)
    ):
        entries += (Entry(key, ordering.compared(values)) for key, values in loaded.models)
        # What cannot be read stands last; whoever loads it will say what is wrong with it.
        nothing = (None,) * len(ordering.terms)
        entries += (Entry(key, nothing) for key in loaded.skipped)
    return ordering.arranged(entries)


def _values(*values: Any) -> tuple[Any, ...]:
    return values


async def count(cls: type[StoredModel], expression: Expression | None) -> int:
    """Return how many documents an expression describes; None asks for all (FT.SEARCH, or SCAN).

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source, query = registry.source_for(cls), compiled(expression)
    if not query.plain or load.longer_prefixes(cls):
        return len(await find_keys(cls, expression))

    def commands(name: str) -> tuple[Command[Any], ...]:
        return (search.matches(name, query.text, query.parameters, limit=0),)

    answers = await asked(cls, source, commands, everything=expression is None)
    if answers is None:
        return len(await list_keys(cls, source))
    return sum(total for ((_, total),) in answers)
