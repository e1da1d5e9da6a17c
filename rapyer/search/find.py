"""Finding: an expression in, all matching instances out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.commands import search
from rapyer.model import load
from rapyer.model.expiry import renewal_of
from rapyer.model.registry import registry
from rapyer.search.compile import DISTANCE, HOW_MANY, Query, compiled
from rapyer.search.evaluate import holds
from rapyer.search.index import declared, lists_everything, name_on, searched
from rapyer.search.limits import lift
from rapyer.session.executor import perform, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.codec.replies import SearchPage
    from rapyer.commands.command import Arg, Command
    from rapyer.errors import ModelError
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

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
    query = compiled(expression)
    short = limit is not None and limit <= ONE_TRIP and not load.longer_prefixes(cls) and query.plain
    if limit is not None and short and await is_searched(cls, source, expression):
        read = _one_page if source.router.reads_matches else _first_matches
        loaded, total = await searched(cls, source, lambda: read(cls, source, query, limit))
    else:
        keys = await _keys(cls, source, expression, query)
        if query.check and expression is not None:
            loaded = _holding(expression, await load.load_many(cls, source, keys))
            total = len(loaded.models)
            loaded = replace(loaded, models=loaded.models[:limit])
        else:
            loaded, total = await load.load_many(cls, source, keys[:limit]), len(keys)
    load.report_skipped(f"{cls.__name__}.afind", loaded, on_corrupt)
    return FindResult(loaded.models, total, loaded.skipped)


async def find_keys(cls: type[StoredModel], expression: Expression | None) -> list[str]:
    """Return the keys of all documents that an expression describes; None asks for all of the class.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source, query = registry.source_for(cls), compiled(expression)
    keys = await _keys(cls, source, expression, query)
    if not query.check or expression is None:
        return keys
    return [
        model._rapyer_key() for model in _holding(expression, await load.load_many(cls, source, keys)).models
    ]


def _holding(expression: Expression, loaded: load.Loaded) -> load.Loaded:
    """Return what was loaded, without instances for which the filter does not hold."""
    return replace(loaded, models=[model for model in loaded.models if holds(expression, model)])


async def _keys(
    cls: type[StoredModel], source: ClientSource, expression: Expression | None, query: Query
) -> list[str]:
    """Return the keys that a query gives, or all of the class; nearest ones come in their order."""
    if not await is_searched(cls, source, expression):
        return list(await load.list_keys(cls, source))
    others = load.longer_prefixes(cls)
    if query.nearest is not None:
        return await _nearest(cls, source, query, query.nearest, others)
    if query.expands:
        await source.router.on_each(lift, searching=True)
    found = await searched(cls, source, lambda: _all_pages(cls, source, query))
    # An index holds every key below its prefix.
    return [key for key in found if not key.startswith(others)] if others else found


async def is_searched(cls: type[StoredModel], source: ClientSource, expression: Expression | None) -> bool:
    """Tell whether the index answers: for a filter, or for all documents where it holds all (FT.INFO)."""
    return expression is not None or (any(declared(cls)) and await lists_everything(cls, source))


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


async def _nearest(
    cls: type[StoredModel], source: ClientSource, query: Query, wanted: int, others: tuple[str, ...]
) -> list[str]:
    if query.expands:
        await source.router.on_each(lift, searching=True)
    limit = wanted
    while True:
        parameters = {**query.parameters, HOW_MANY: limit}
        ranked = await searched(cls, source, lambda: _ranked(cls, source, query.text, parameters))  # noqa: B023 - run at once
        keys = [key for key in ranked if not key.startswith(others)] if others else ranked
        if len(keys) >= wanted or len(ranked) < limit:
            return keys[:wanted]
        limit *= 2  # those of another class were among them


async def _ranked(
    cls: type[StoredModel], source: ClientSource, text: str, parameters: Mapping[str, Arg]
) -> list[str]:
    """Return the keys of the nearest vectors of all primaries, the nearest first."""
    limit = int(parameters[HOW_MANY])

    def command(server: ClientSource) -> Command[list[tuple[str, float]]]:
        return search.nearest(name_on(server, cls), text, parameters, limit=limit, distance=DISTANCE)

    found = await source.router.on_each(lambda server: run(server, command(server)), searching=True)
    ranked = sorted((pair for pairs in found for pair in pairs), key=lambda pair: (pair[1], pair[0]))
    return [key for key, _ in ranked]


async def _all_pages(cls: type[StoredModel], source: ClientSource, query: Query) -> list[str]:
    found = await source.router.on_each(lambda server: keys_on(server, cls, query), searching=True)
    # A document that is written while the cursor is open may come twice.
    return list(dict.fromkeys(key for keys in found for key in keys))


async def keys_on(server: ClientSource, cls: type[StoredModel], query: Query) -> list[str]:
    """Return the keys below the prefix of a class that a query gives on one server."""
    index = name_on(server, cls)
    # One command sees all documents at one moment; a cursor passes over some that are written meanwhile.
    found, _ = await run(server, search.matches(index, query.text, query.parameters, limit=MOST_MATCHES))
    if len(found) < MOST_MATCHES or not server.router.reads_matches:
        return found
    keys, cursor = await run(
        server, search.search_keys(index, query.text, query.parameters, count=KEYS_PER_PAGE)
    )
    while cursor:
        more, cursor = await run(server, search.cursor_read(index, cursor))
        keys += more
    return keys
