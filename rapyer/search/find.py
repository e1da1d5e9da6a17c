"""Finding: an expression in, all matching instances out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ResponseError

from rapyer.commands import search
from rapyer.errors import ModelError, NotIndexedError, UnknownOutcomeError
from rapyer.model import load
from rapyer.model.expiry import renewal_of
from rapyer.model.registry import registry
from rapyer.search.compile import Query, compiled
from rapyer.search.index import declared, ensure_index, is_missing_index, lists_everything, name_on
from rapyer.session.executor import perform, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.codec.replies import SearchPage
    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")
R = TypeVar("R")

ONE_TRIP = 50
"""Up to so many documents come back with the search reply; more are read by their keys, which is faster."""

MOST_MATCHES = 1_000_000
"""How many keys of one primary a search on a cluster gives; there is no way there to page through them."""

KEYS_PER_PAGE = 1000
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


async def find(
    cls: type[M],
    expression: Expression | None = None,
    limit: int | None = None,
    on_corrupt: load.OnCorrupt = "skip",
) -> FindResult:
    """Find the instances that an expression describes, all of them or the first so many.

    Without an expression the class's index lists them, or SCAN where it has none that holds them all.

    Args:
        cls: The model class.
        expression: The filter; None asks for all instances.
        limit: The most instances to return.
        on_corrupt: What to do with documents that do not fit the class: "skip" leaves them out, with one
            warning, "raise" raises.

    Raises:
        CorruptedModelError: A document does not fit the class, and was to raise.
        NotIndexedError: The class's index does not exist on the server.
    """
    source = registry.source_for(cls)
    short = limit is not None and limit <= ONE_TRIP and not load.longer_prefixes(cls)
    if limit is not None and short and await _is_searched(cls, source, expression):
        query = compiled(expression)
        read = _one_page if source.router.reads_matches else _first_matches
        loaded, total = await _indexed(cls, source, lambda: read(cls, source, query, limit))
    else:
        keys = await find_keys(cls, expression)
        loaded, total = await load.load_many(cls, source, keys[:limit]), len(keys)
    load.report_skipped(f"{cls.__name__}.afind", loaded, on_corrupt)
    return FindResult(loaded.models, total, loaded.skipped)


async def find_keys(cls: type[StoredModel], expression: Expression | None) -> list[str]:
    """Return the keys of all documents that an expression describes; None asks for all of the class.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source = registry.source_for(cls)
    if not await _is_searched(cls, source, expression):
        return list(await load.list_keys(cls, source))
    query, others = compiled(expression), load.longer_prefixes(cls)
    found = await _indexed(cls, source, lambda: _all_pages(cls, source, query))
    # An index holds every key below its prefix.
    return [key for key in found if not key.startswith(others)] if others else found


async def _is_searched(cls: type[StoredModel], source: ClientSource, expression: Expression | None) -> bool:
    return expression is not None or (any(declared(cls)) and await lists_everything(cls, source))


async def _indexed(cls: type[StoredModel], source: ClientSource, read: Callable[[], Awaitable[R]]) -> R:
    if registry.auto_index and not registry.index_is_ready(source, cls):
        await ensure_index(cls, source)
    try:
        return await read()
    except UnknownOutcomeError:  # a page was lost on the way, and the cursor has moved on past it
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


async def _one_page(cls: type[M], source: ClientSource, query: Query, limit: int) -> tuple[load.Loaded, int]:
    pages = await source.router.on_each(lambda server: _page_of(server, cls, query, limit), searching=True)
    documents = dict(document for page in pages for document in page.documents)
    total = sum(page.total for page in pages)
    if load.reading_of(cls) is not None:  # what lives beside the documents is read together with them
        return await load.load_many(cls, source, list(islice(documents, limit))), total
    models: list[M] = []
    corrupt: list[ModelError] = []
    missing: list[str] = []
    for key, document in islice(documents.items(), limit):
        if document is None:
            missing.append(key)
            continue
        try:
            models.append(load.from_document(cls, key, document))
        except load.UNREADABLE as error:
            corrupt.append(error)
    await perform(source, renewal=renewal_of(cls, [model._rapyer_key() for model in models]))
    return load.Loaded(models, tuple(missing), tuple(corrupt)), total


async def _first_matches(
    cls: type[M], source: ClientSource, query: Query, limit: int
) -> tuple[load.Loaded, int]:
    def command(server: ClientSource) -> Command[tuple[list[str], int]]:
        return search.matches(name_on(server, cls), query.text, query.parameters, limit=limit)

    found = await source.router.on_each(lambda server: run(server, command(server)), searching=True)
    keys = [key for matching, _ in found for key in matching]
    return await load.load_many(cls, source, keys[:limit]), sum(total for _, total in found)


async def _page_of(server: ClientSource, cls: type[M], query: Query, limit: int) -> SearchPage:
    command = search.search(name_on(server, cls), query.text, query.parameters, offset=0, limit=limit)
    return await run(server, command)


async def _all_pages(cls: type[StoredModel], source: ClientSource, query: Query) -> list[str]:
    found = await source.router.on_each(lambda server: _all_pages_of(server, cls, query), searching=True)
    return list(dict.fromkeys(key for keys in found for key in keys)) if len(found) > 1 else found[0]


async def _all_pages_of(server: ClientSource, cls: type[StoredModel], query: Query) -> list[str]:
    index = name_on(server, cls)
    if not server.router.reads_matches:
        command = search.matches(index, query.text, query.parameters, limit=MOST_MATCHES)
        return (await run(server, command))[0]
    keys, cursor = await run(
        server, search.search_keys(index, query.text, query.parameters, count=KEYS_PER_PAGE)
    )
    while cursor:
        more, cursor = await run(server, search.cursor_read(index, cursor))
        keys += more
    return keys
