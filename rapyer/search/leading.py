"""The first matches in an order, where the server can sort: it reads and sends only those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer.commands import search
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.search.compile import compiled
from rapyer.search.find import find_keys, is_searched
from rapyer.search.index import name_on, searched
from rapyer.search.listing import Entry, count
from rapyer.search.nodes import Compare, Empty, Expression, Not
from rapyer.session.executor import run

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel
    from rapyer.search.listing import Ordering, Term

_MOST = 10_000
"""Of more than so many the values are read by key, which is faster."""

_EXACT_NUMBERS = 2**53


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A query that the server sorts.

    Attributes:
        cls: The class.
        among: The filter; None for all instances.
        term: What they are sorted by.
    """

    cls: type[StoredModel]
    among: Expression | None
    term: Term

    @property
    def empty(self) -> Expression:
        """The filter for instances without a value."""
        return Empty(self.term.column.place.name, self.term.kind)

    def where(self, part: Expression) -> Expression:
        """Return the filter for a part of the matches."""
        return part if self.among is None else self.among & part

    def compared(self, operator: str, mark: Entry) -> Expression:
        """Return the filter for matches by how their values compare with a mark's."""
        place = self.term.column.place.name
        return self.where(Compare(place, self.term.kind, operator, mark.values[0]))

    async def keys(self, where: Expression, mark: Entry | None) -> list[str]:
        """Return keys of matches that are equal, those behind a mark."""
        found = await find_keys(self.cls, where)
        return sorted(key for key in found if mark is None or key > mark.key)

    async def first(self, where: Expression | None, wanted: int) -> list[Entry]:
        """Return the first matches (FT.AGGREGATE)."""
        source, query = registry.source_for(self.cls), compiled(where)
        command = search.leading(
            name_on(source, self.cls),
            query.text,
            query.parameters,
            path=self.term.column.place.path,
            descending=self.term.descending,
            limit=wanted,
        )
        rows = await searched(self.cls, source, lambda: run(source, command))
        read = self.term.column.read
        return [Entry(key, (self.term.value(read(found)) if found else None,)) for key, found in rows]


async def leading(
    cls: type[StoredModel],
    expression: Expression | None,
    ordering: Ordering,
    wanted: int,
    mark: Entry | None = None,
) -> list[Entry] | None:
    """Return the first matches in an order, as many as are wanted or some more (FT.AGGREGATE, FT.SEARCH).

    Args:
        cls: The class.
        expression: The filter; None for all instances.
        ordering: The order.
        wanted: How many.
        mark: Only what comes behind it.

    Returns:
        The entries; None where the server cannot sort them exactly.
    """
    if not 0 < wanted <= _MOST or not await _sorts(cls, expression, ordering):
        return None
    (term,) = ordering.terms
    query = _Sorted(cls, expression, term)
    missing = await count(cls, query.where(query.empty))
    if missing and not _missing_is_none(term):
        return None  # what is missing counts as the default there
    found: list[Entry] = []
    value = None if mark is None else mark.values[0]
    if mark is None:
        found = await query.first(query.where(Not(query.empty)) if missing else expression, wanted)
    elif value is not None:
        if abs(value) >= _EXACT_NUMBERS:
            return None
        found = [Entry(key, (value,)) for key in await query.keys(query.compared("==", mark), mark)]
        if len(found) < wanted:
            beyond = query.compared("<" if term.descending else ">", mark)
            found += await query.first(beyond, wanted - len(found))
    if any(entry.values[0] is None or abs(entry.values[0]) >= _EXACT_NUMBERS for entry in found):
        return None
    if missing and len(found) < wanted:
        last = mark if value is None else None
        found += [Entry(key, (None,)) for key in await query.keys(query.where(query.empty), last)]
    return found


async def _sorts(cls: type[StoredModel], expression: Expression | None, ordering: Ordering) -> bool:
    """Tell whether the server can sort: by one number, which the index tells it of all matches."""
    source, terms = registry.source_for(cls), ordering.terms
    if len(terms) != 1 or terms[0].kind.family != "number" or not source.router.reads_matches:
        return False
    if not compiled(expression).plain or load.longer_prefixes(cls):
        return False
    return await is_searched(cls, source, expression)


def _missing_is_none(term: Term) -> bool:
    """Tell whether a document without a value has None there, be it null or not there at all."""
    column = term.column
    if not term.kind.nullable:
        return False
    return column.place.optional or column.field.info.get_default(call_default_factory=True) is None
