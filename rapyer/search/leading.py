"""The first matches in an order, where the server can sort: it reads and sends only those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands import search
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.search.asking import asked
from rapyer.search.compile import compiled
from rapyer.search.find import MOST_MATCHES, ONE_TRIP, find_keys
from rapyer.search.listing import Entry
from rapyer.search.nodes import Compare, Empty, Expression, Not

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.search.listing import Ordering, Term

_MOST = 10_000
"""Of more than so many the values are read by key, which is faster."""


@dataclass(frozen=True, slots=True)
class Leading:
    """The first matches.

    Attributes:
        entries: They, as many as were wanted or some more; what is held of each is its document, if it came.
        total: How many match in all.
    """

    entries: list[Entry]
    total: int


@dataclass(frozen=True, slots=True)
class _Sorted:
    """A query that the server sorts.

    Attributes:
        cls: The class.
        among: The filter; None for all instances.
        term: What they are sorted by.
        mark: Only what comes behind it.
        wanted: How many.
        whole: Whether documents are to come with the reply.
    """

    cls: type[StoredModel]
    among: Expression | None
    term: Term
    mark: Entry | None
    wanted: int
    whole: bool

    @property
    def empty(self) -> Expression:
        """The filter for matches without a value."""
        return self._where(Empty(self.term.column.place.name, self.term.kind))

    def commands(self, index: str) -> list[Command[Any]]:
        """Return what tells how many match, which have no value, which the mark's, and which come next."""
        past = self.mark is not None and self.mark.values[0] is None
        asked = [
            self._keys(index, self.among, 0),
            self._keys(index, self.empty, MOST_MATCHES if past else 0),
        ]
        if self.mark is None:
            there = Not(Empty(self.term.column.place.name, self.term.kind))
            asked.append(self._first(index, self._where(there) if self.term.kind.nullable else self.among))
        elif not past:
            beyond = "<" if self.term.descending else ">"
            asked.append(self._first(index, self._compared(beyond, self.mark)))
            asked.append(self._keys(index, self._compared("==", self.mark), MOST_MATCHES))
        return asked

    def entries(self, first: Sequence[tuple[str, bytes | None, bytes | None]]) -> list[Entry]:
        """Return the entries of what the server has sorted."""
        read = self.term.column.read
        return [Entry(key, (self.term.value(read(at)) if at else None,), text) for key, at, text in first]

    def behind(self, keys: Sequence[str], mark: Entry | None) -> list[Entry]:
        """Return the entries of keys whose values are equal, those behind a mark."""
        value = None if mark is None else mark.values[0]
        return [Entry(key, (value,)) for key in sorted(keys) if mark is None or key > mark.key]

    def _where(self, part: Expression) -> Expression:
        return part if self.among is None else self.among & part

    def _compared(self, operator: str, mark: Entry) -> Expression:
        place = self.term.column.place.name
        return self._where(Compare(place, self.term.kind, operator, mark.values[0]))

    def _keys(self, index: str, where: Expression | None, limit: int) -> Command[Any]:
        query = compiled(where)
        return search.matches(index, query.text, query.parameters, limit=limit)

    def _first(self, index: str, where: Expression | None) -> Command[Any]:
        query = compiled(where)
        return search.leading(
            index,
            query.text,
            query.parameters,
            path=self.term.column.place.path,
            descending=self.term.descending,
            limit=self.wanted,
            whole=self.whole,
        )


async def leading(
    cls: type[StoredModel],
    expression: Expression | None,
    ordering: Ordering,
    wanted: int,
    mark: Entry | None = None,
    *,
    whole: bool = True,
) -> Leading | None:
    """Return the first matches in an order, all asked for at one moment (FT.AGGREGATE, FT.SEARCH).

    Args:
        cls: The class.
        expression: The filter; None for all instances.
        ordering: The order.
        wanted: How many.
        mark: Only what comes behind it.
        whole: Whether their documents are wanted, too.

    Returns:
        The first; None where the server cannot sort them exactly.
    """
    if not 0 < wanted <= _MOST or not _sorts(cls, expression, ordering):
        return None
    (term,) = ordering.terms
    value = None if mark is None else mark.values[0]
    if value is not None and term.is_rough(value):
        return None
    few = wanted <= ONE_TRIP + 1 and load.reading_of(cls) is None
    query = _Sorted(cls, expression, term, mark, wanted, whole and few)
    source = registry.source_for(cls)
    answers = await asked(cls, source, query.commands, everything=expression is None)
    if answers is None or any(isinstance(reply, Exception) for reply in answers[0]):
        return None
    return await _put_together(query, answers[0])


async def _put_together(query: _Sorted, replies: Sequence[Any]) -> Leading | None:
    (_, total), (past, missing), *rest = replies
    if missing and not _missing_is_none(query.term):
        return None  # what is missing counts as the default there
    if not rest:
        return None if len(past) < missing else Leading(query.behind(past, query.mark), total)
    first, *equal = rest
    found: list[Entry] = []
    for keys, number in equal:
        if len(keys) < number:
            return None
        found += query.behind(keys, query.mark)
    found += query.entries(first)[: max(query.wanted - len(found), 0)]
    if any(entry.values[0] is None or query.term.is_rough(entry.values[0]) for entry in found):
        return None
    if missing and len(found) < query.wanted:
        found += query.behind(await find_keys(query.cls, query.empty), None)
    return Leading(found, total)


def _sorts(cls: type[StoredModel], expression: Expression | None, ordering: Ordering) -> bool:
    """Tell whether the server can sort: by one number, which the index tells it of all matches."""
    terms = ordering.terms
    if len(terms) != 1 or terms[0].kind.family != "number" or load.longer_prefixes(cls):
        return False
    return registry.source_for(cls).router.reads_matches and compiled(expression).plain


def _missing_is_none(term: Term) -> bool:
    """Tell whether a document without a value has None there, be it null or not there at all."""
    column = term.column
    if not term.kind.nullable:
        return False
    return column.place.optional or column.field.info.get_default(call_default_factory=True) is None
