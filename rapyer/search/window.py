"""A part of what a query gives, in an order: from an offset on, at most so many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.model import load
from rapyer.model.portions import chunks_of, overlapped
from rapyer.model.registry import registry
from rapyer.search.compile import compiled
from rapyer.search.find import find_keys, matching
from rapyer.search.leading import leading
from rapyer.search.pages import entries_among, load_entries, load_window
from rapyer.search.projection import read_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.search.listing import Ordering
    from rapyer.search.projection import Projection

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How what is found is wanted.

    Attributes:
        sort_by: What it is sorted by, as `ordering_of` takes it.
        offset: How many documents are passed over.
        max_results: The most documents; None for all.
        only: The fields, as `projection_of` takes them; None for whole instances.
        on_corrupt: What to do with documents that do not fit the class.
    """

    sort_by: Any = None
    offset: int = 0
    max_results: int | None = None
    only: Any = None
    on_corrupt: str = "skip"

    @property
    def plain(self) -> bool:
        """Whether it is instances, in the order in which they are found."""
        return self.sort_by is None and self.only is None and not self.offset

    @property
    def stop(self) -> int | None:
        """How many of the first documents are needed; None for all."""
        return None if self.max_results is None else self.offset + self.max_results

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.max_results is None and not self.offset

    def part(self, found: Sequence[F]) -> Sequence[F]:
        """Return those that are wanted of what is found."""
        return found[self.offset : self.stop]


async def window(
    cls: type[StoredModel], expression: Expression | None, ordering: Ordering, wanted: Wanted
) -> load.Loaded:
    """Return the part that is wanted of all that a filter describes, in an order."""
    if wanted.max_results == 0:
        return load.Loaded([], (), ())
    if wanted.stop is not None:
        first = await leading(cls, expression, ordering, wanted.stop)
        if first is not None:
            return await load_entries(cls, wanted.part(first.entries), ordering)
    if wanted.everything:
        source, found = registry.source_for(cls), await matching(cls, expression)
        if found is None:
            return ordering.put(await load.load_all(cls, source))
        return ordering.put(found.loaded or await load.load_many(cls, source, found.keys))
    if not ordering.terms and compiled(expression).nearest is not None:
        return await load_window(cls, wanted.part(await find_keys(cls, expression)), ordering)
    entries, _ = await entries_among(cls, expression, ordering)
    return await load_entries(cls, wanted.part(entries), ordering)


async def rows_of(cls: type[StoredModel], keys: Sequence[str], selection: Projection) -> load.Loaded:
    """Return some fields of documents under keys (JSON.MGET)."""
    source = registry.source_for(cls)
    rows = load.Loaded([], (), ())
    async for _, part in overlapped(
        chunks_of(keys), lambda chunk: read_rows(cls, source, chunk, selection), len(keys)
    ):
        rows.models.extend(row for _, row in part.models)
        rows = load.Loaded(rows.models, (*rows.missing, *part.missing), (*rows.corrupt, *part.corrupt))
    return rows
