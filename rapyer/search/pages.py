"""Pages of what a query gives: each starts where the one before ended, by value and not by number."""

from __future__ import annotations

import base64
import binascii
import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.errors import BadFilterError, UnsupportedArgumentValueError
from rapyer.model import load
from rapyer.model.portions import list_keys
from rapyer.model.registry import registry
from rapyer.result import Page
from rapyer.search.asking import is_searched
from rapyer.search.compile import compiled
from rapyer.search.find import matching, read_here
from rapyer.search.leading import Leading, leading
from rapyer.search.listing import Entry, count, entries_at
from rapyer.search.nodes import Compare, Empty, Or

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.search.listing import Ordering, Term

M = TypeVar("M", bound="StoredModel")


async def page_of(
    cls: type[M],
    expression: Expression | None,
    ordering: Ordering,
    size: int,
    after: str | None,
    on_corrupt: load.OnCorrupt,
) -> Page[M]:
    """Return one page of what an expression describes (FT.AGGREGATE, FT.SEARCH, JSON.MGET).

    Args:
        cls: The class.
        expression: The filter; None for all instances.
        ordering: The order.
        size: How many documents a page has.
        after: The mark of the page before; None for the first one.
        on_corrupt: What to do with documents that do not fit the class.

    Raises:
        UnsupportedArgumentValueError: `after` is no mark of a page in this order.
        BadFilterError: The filter asks for the nearest, which have an order of their own.
    """
    if compiled(expression).nearest is not None:
        raise BadFilterError(
            f"{cls.__name__}.apage cannot be used with nearest",
            model=cls.__name__,
            hint="use afind, which gives the nearest first",
        )
    mark = None if after is None else mark_of(after, ordering)
    rest = await leading(cls, expression, ordering, size + 1, mark)
    if rest is None:
        rest = await _following(cls, expression, ordering, mark)
    loaded = await load_entries(cls, rest.entries[:size], ordering)
    load.report_skipped(f"{cls.__name__}.apage", loaded, on_corrupt)
    last = rest.entries[size - 1] if len(rest.entries) > size else None
    return Page(loaded.models, None if last is None else text_of(last, ordering), rest.total)


async def _following(
    cls: type[StoredModel], expression: Expression | None, ordering: Ordering, mark: Entry | None
) -> Leading:
    """Return all entries behind a mark, by reading the values of all that may be there."""
    among, total = expression, None
    if mark is not None and await is_searched(cls, registry.source_for(cls), expression):
        among = _narrowed(expression, ordering, mark)
        total = None if among is expression else await count(cls, expression)
    entries, number = await entries_among(cls, among, ordering)
    behind = [entry for entry in entries if mark is None or ordering.follows(entry, mark)]
    return Leading(behind, number if total is None else total)


async def entries_among(
    cls: type[StoredModel], expression: Expression | None, ordering: Ordering
) -> tuple[list[Entry], int]:
    """Return all that an expression describes, in an order, and how many that is (FT.SEARCH, JSON.MGET).

    All is found at one moment, so nothing is passed over or comes twice, whatever is written meanwhile. What
    is held of each entry is its instance, where the documents came with the reply.
    """
    found = await matching(cls, expression)
    if found is None:
        keys: Sequence[str] = await list_keys(cls, registry.source_for(cls))
        return await entries_at(cls, keys, ordering), len(keys)
    if found.loaded is not None and not (found.loaded.skipped and found.keys):
        return ordering.arranged(map(ordering.of_model, found.loaded.models)), found.total
    return await entries_at(cls, found.keys, ordering), found.total


async def load_entries(cls: type[StoredModel], entries: Sequence[Entry], ordering: Ordering) -> load.Loaded:
    """Return the instances of entries, in an order (JSON.MGET, unless they are here)."""
    held = [entry.held for entry in entries]
    if not entries or any(one is None for one in held):
        return await load_window(cls, [entry.key for entry in entries], ordering)
    if isinstance(held[0], bytes):
        source = registry.source_for(cls)
        return await read_here(cls, source, [(entry.key, entry.held) for entry in entries])
    return load.Loaded(held, (), ())


async def load_window(cls: type[StoredModel], keys: Sequence[str], ordering: Ordering) -> load.Loaded:
    """Read documents and put them in an order (JSON.MGET); by key alone they stay as they are."""
    loaded = await load.load_many(cls, registry.source_for(cls), keys)
    # Others may have written a value since the keys were read.
    return ordering.put(loaded) if ordering.terms else loaded


def text_of(entry: Entry, ordering: Ordering) -> str:
    """Return the mark that stands for the place behind an entry."""
    values = [str(value) if isinstance(value, Decimal) else value for value in entry.values]
    text = json.dumps([str(ordering), *values, entry.key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def mark_of(after: str, ordering: Ordering) -> Entry:
    """Return the place that a mark stands for.

    Raises:
        UnsupportedArgumentValueError: It is none, or one of another order.
    """
    try:
        text = base64.b64decode(after.encode() + b"=" * (-len(after) % 4), altchars=b"-_", validate=True)
        order, *values, key = json.loads(text)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        raise UnsupportedArgumentValueError(
            f"after is {after!r}, which is no mark of a page", hint="give the `after` of the page before"
        ) from None
    if order != str(ordering):
        this = str(ordering) or "key"
        raise UnsupportedArgumentValueError(
            f"after is the mark of a page that is sorted by {order or 'key'!r}, not by {this!r}",
            hint="give all pages the same sort_by",
        )
    try:
        if len(values) != len(ordering.terms) or not isinstance(key, str):
            raise ValueError(key)
        return Entry(key, tuple(map(_compared, values, ordering.terms)))
    except (ArithmeticError, TypeError, ValueError):
        raise UnsupportedArgumentValueError(
            f"after is {after!r}, whose values are not of the fields {ordering}",
            hint="give the `after` of the page before",
        ) from None


def _compared(value: Any, term: Term) -> Any:
    if value is None:
        return None
    if term.kind.name == "decimal":
        return Decimal(value)
    if term.kind.is_flag:
        wanted: tuple[type, ...] = (bool,)
    else:
        wanted = (int, float) if term.kind.family == "number" else (str,)
    if type(value) not in wanted or value in {math.inf, -math.inf} or value != value:  # noqa: PLR0124 - NaN
        raise TypeError(type(value).__name__)
    return value


def _narrowed(expression: Expression | None, ordering: Ordering, mark: Entry) -> Expression | None:
    """Return a filter that leaves out documents of the pages before, as far as the index can tell them."""
    first = ordering.terms[0] if ordering.terms else None
    value = mark.values[0] if mark.values else None
    if first is None or value is None or first.kind.family != "number" or first.is_rough(value):
        return expression
    path = first.column.place.name
    rest: Expression = Compare(path, first.kind, "<=" if first.descending else ">=", value)
    if first.kind.nullable:
        rest = Or((rest, Empty(path, first.kind)))
    return rest if expression is None else expression & rest
