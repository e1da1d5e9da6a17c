"""Finding: an expression in, all matching instances out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ResponseError

from rapyer.commands import search
from rapyer.errors import CorruptedModelError, NotIndexedError
from rapyer.model import load
from rapyer.model.registry import registry
from rapyer.search.compile import Query, compiled
from rapyer.search.index import declared, ensure_index, index_name, is_missing_index, lists_everything
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")
R = TypeVar("R")

ONE_TRIP = 50
"""Up to so many documents come back with the search reply; more are read by their keys, which is faster."""

KEYS_PER_PAGE = 500
"""How many keys one page of a cursor holds."""


@dataclass(frozen=True, slots=True)
class FindResult:
    """What a find gave.

    Attributes:
        models: The instances found, at most as many as the limit.
        total: How many documents match on the server.
        skipped: Keys of matches left out, because they vanished or do not fit the class.
    """

    models: list[Any]
    total: int
    skipped: tuple[str, ...]


async def find(cls: type[M], expression: Expression | None = None, limit: int | None = None) -> FindResult:
    """Find the instances that an expression describes, all of them or the first so many.

    Without an expression the class's index lists them, or SCAN where it has none that holds them all.

    Args:
        cls: The model class.
        expression: The filter; None asks for all instances.
        limit: The most instances to return.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source = registry.source_for(cls)
    if expression is None and not (any(declared(cls)) and await lists_everything(cls, source)):
        return await _listed(cls, source, limit)
    query = compiled(expression)
    if limit is not None and limit <= ONE_TRIP:
        return await _indexed(cls, source, lambda: _one_page(cls, source, query, limit))
    return await _indexed(cls, source, lambda: _all_pages(cls, source, query, limit))


async def _indexed(cls: type[StoredModel], source: ClientSource, read: Callable[[], Awaitable[R]]) -> R:
    if registry.auto_index and not registry.index_is_ready(source, cls):
        await ensure_index(cls, source)
    try:
        return await read()
    except ResponseError as error:
        if not is_missing_index(error):
            raise
        registry.mark_index(source, cls, ready=False)
        if registry.auto_index:  # somebody dropped it, with FLUSHALL for example
            await ensure_index(cls, source)
            return await read()
        raise NotIndexedError(
            f"the index of {cls.__name__} does not exist on the server",
            model=cls.__name__,
            hint="call init_rapyer, which makes it",
        ) from error


async def _one_page(cls: type[M], source: ClientSource, query: Query, limit: int) -> FindResult:
    page = await run(
        source, search.search(index_name(cls), query.text, query.parameters, offset=0, limit=limit)
    )
    models: list[M] = []
    corrupt: list[str] = []
    missing: list[str] = []
    for key, document in page.documents:
        if document is None:
            missing.append(key)
            continue
        try:
            models.append(load.from_document(cls, key, document))
        except CorruptedModelError:
            corrupt.append(key)
    return _result(cls, load.Loaded(models, tuple(missing), tuple(corrupt)), page.total)


async def _all_pages(cls: type[M], source: ClientSource, query: Query, limit: int | None) -> FindResult:
    index = index_name(cls)
    keys, cursor = await run(
        source, search.search_keys(index, query.text, query.parameters, count=KEYS_PER_PAGE)
    )
    while cursor:
        more, cursor = await run(source, search.cursor_read(index, cursor))
        keys += more
    return await _loaded(cls, source, keys[:limit], len(keys))


async def _listed(cls: type[M], source: ClientSource, limit: int | None) -> FindResult:
    keys = await load.list_keys(cls, source)
    return await _loaded(cls, source, keys[:limit], len(keys))


async def _loaded(cls: type[M], source: ClientSource, keys: Sequence[str], total: int) -> FindResult:
    return _result(cls, await load.load_many(cls, source, keys), total)


def _result(cls: type[StoredModel], loaded: load.Loaded, total: int) -> FindResult:
    load.report_skipped(cls, loaded)
    return FindResult(loaded.models, total, (*loaded.missing, *loaded.corrupt))
