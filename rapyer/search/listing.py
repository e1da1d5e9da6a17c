"""What a query gives, counted, in an order, or one portion after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rapyer.commands import search
from rapyer.errors import BadFilterError, NotIndexedError
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.search.compile import compiled
from rapyer.search.find import find_keys, is_searched
from rapyer.search.index import name_on, searched
from rapyer.search.places import kind_at
from rapyer.search.projection import Projection, column_of, name_of, read_rows, several
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.search.kinds import IndexKind
    from rapyer.search.projection import Column
    from rapyer.session.clients import ClientSource

R = TypeVar("R")

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


async def entries_of(
    cls: type[StoredModel], expression: Expression | None, ordering: Ordering
) -> list[Entry]:
    """Return the keys of all documents that an expression describes, in an order (FT.SEARCH, JSON.MGET).

    All keys are read at one moment, so none is passed over or comes twice, whatever is written meanwhile.
    """
    keys = await find_keys(cls, expression)
    return await entries_at(cls, keys, ordering)


async def entries_at(cls: type[StoredModel], keys: Sequence[str], ordering: Ordering) -> list[Entry]:
    """Return the entries of documents under keys, in an order (JSON.MGET); those that are gone come last."""
    if not ordering.terms:
        return ordering.arranged(Entry(key, ()) for key in keys)
    entries: list[Entry] = []
    source = registry.source_for(cls)
    selection = Projection(tuple(term.column for term in ordering.terms), _values)
    async for loaded in overlapped(keys, lambda chunk: read_rows(cls, source, chunk, selection)):
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
    if not query.plain or load.longer_prefixes(cls) or not await is_searched(cls, source, expression):
        return len(await find_keys(cls, expression))

    async def on(server: ClientSource) -> int:
        command = search.matches(name_on(server, cls), query.text, query.parameters, limit=0)
        return (await run(server, command))[1]

    return sum(await searched(cls, source, lambda: source.router.on_each(on, searching=True)))


async def overlapped(
    keys: Sequence[str], read: Callable[[Sequence[str]], Awaitable[R]], size: int = load.DOCUMENTS_PER_READ
) -> AsyncGenerator[R, None]:
    """Yield what is read of each portion of keys, the next one on its way meanwhile.

    Args:
        keys: The keys.
        read: Reads a portion.
        size: How many keys are a portion.
    """
    chunks = [keys[start : start + size] for start in range(0, len(keys), size)]
    ahead: asyncio.Future[R] | None = None
    try:
        for at, chunk in enumerate(chunks):
            this = ahead if ahead is not None else asyncio.ensure_future(read(chunk))
            ahead = asyncio.ensure_future(read(chunks[at + 1])) if at + 1 < len(chunks) else None
            try:
                found = await this
            finally:
                this.cancel()
            yield found
    finally:
        if ahead is not None:
            ahead.cancel()
