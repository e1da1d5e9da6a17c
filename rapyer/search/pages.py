"""Pages of what a query gives: each starts where the one before ended, by value and not by number."""

from __future__ import annotations

import base64
import binascii
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.errors import BadFilterError, UnsupportedArgumentValueError
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.result import Page
from rapyer.search.compile import compiled
from rapyer.search.find import is_searched
from rapyer.search.leading import leading
from rapyer.search.listing import Entry, count, entries_of
from rapyer.search.nodes import Compare, Empty, Or

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.search.listing import Ordering, Term

M = TypeVar("M", bound="StoredModel")

_EXACT_NUMBERS = 2**53


async def page_of(
    cls: type[M],
    expression: Expression | None,
    ordering: Ordering,
    size: int,
    after: str | None,
    on_corrupt: load.OnCorrupt,
) -> Page[M]:
    """Return one page of what an expression describes (FT.SEARCH, JSON.MGET).

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
    loaded = await load_window(cls, [entry.key for entry in rest[:size]], ordering)
    load.report_skipped(f"{cls.__name__}.apage", loaded, on_corrupt)
    total = await count(cls, expression)
    last = rest[size - 1] if len(rest) > size else None
    return Page(loaded.models, None if last is None else text_of(last, ordering), total)


async def _following(
    cls: type[StoredModel], expression: Expression | None, ordering: Ordering, mark: Entry | None
) -> list[Entry]:
    """Return all entries behind a mark, by reading the values of all that may be there."""
    if mark is None:
        return await entries_of(cls, expression, ordering)
    if await is_searched(cls, registry.source_for(cls), expression):
        expression = _narrowed(expression, ordering, mark)
    return [entry for entry in await entries_of(cls, expression, ordering) if ordering.follows(entry, mark)]


async def load_window(cls: type[StoredModel], keys: Sequence[str], ordering: Ordering) -> load.Loaded:
    """Read documents and put them in an order (JSON.MGET); by key alone they stay as they are."""
    loaded = await load.load_many(cls, registry.source_for(cls), keys)
    if ordering.terms:
        # Others may have written a value since the keys were read.
        loaded.models[:] = [entry.held for entry in ordering.arranged(map(ordering.of_model, loaded.models))]
    return loaded


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
    if order != str(ordering) or len(values) != len(ordering.terms) or not isinstance(key, str):
        this = str(ordering) or "key"
        raise UnsupportedArgumentValueError(
            f"after is the mark of a page that is sorted by {order or 'key'!r}, not by {this!r}",
            hint="give all pages the same sort_by",
        )
    try:
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
    if type(value) not in wanted:
        raise TypeError(type(value).__name__)
    return value


def _narrowed(expression: Expression | None, ordering: Ordering, mark: Entry) -> Expression | None:
    """Return a filter that leaves out documents of the pages before, as far as the index can tell them."""
    first = ordering.terms[0] if ordering.terms else None
    value = mark.values[0] if mark.values else None
    if first is None or value is None or first.kind.family != "number" or abs(value) >= _EXACT_NUMBERS:
        return expression
    path = first.column.place.name
    rest: Expression = Compare(path, first.kind, "<=" if first.descending else ">=", value)
    if first.kind.nullable:
        rest = Or((rest, Empty(path, first.kind)))
    return rest if expression is None else expression & rest
