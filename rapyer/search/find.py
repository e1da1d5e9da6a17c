"""Finding: an expression in, all matching instances out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ResponseError

from rapyer.commands import search
from rapyer.errors import PartialSearchError
from rapyer.model import load
from rapyer.model.expiry import renewal_of
from rapyer.model.portions import list_keys
from rapyer.model.registry import registry
from rapyer.search.asking import asked, at_one_moment, is_beyond_limits
from rapyer.search.compile import Query, compiled
from rapyer.search.evaluate import holds
from rapyer.search.index import name_on
from rapyer.search.limits import lift
from rapyer.search.nearest import nearest_keys
from rapyer.session.executor import perform, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

ONE_TRIP = 50
"""Up to so many documents come back with the search reply; more are read by their keys, which is faster."""

MOST_MATCHES = 1_000_000
"""How many keys one FT.SEARCH gives, unless the server is set up otherwise."""


@dataclass(frozen=True, slots=True)
class FindResult:
    """What a find gave.

    Attributes:
        models: The instances found, or rows of them, at most as many as the limit.
        total: How many documents match on the server; None where only some of them were looked for.
        skipped: Keys of matches left out, because they vanished or do not fit the class.
    """

    models: list[Any]
    total: int | None
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """What an index gave at one moment.

    Attributes:
        keys: The keys of what matches, the nearest or the most relevant first.
        total: How many match in all.
        loaded: The instances, where they came with the reply.
    """

    keys: Sequence[str]
    total: int
    loaded: load.Loaded | None = None


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
    found = await matching(cls, expression, limit)
    total: int | None
    if found is None:
        loaded = await load.load_all(cls, source, limit)
        total = len(loaded.models) + len(loaded.skipped) if limit is None else None
    else:
        loaded, total = found.loaded or await load.load_many(cls, source, found.keys[:limit]), found.total
    loaded = replace(loaded, models=loaded.models[:limit])
    load.report_skipped(f"{cls.__name__}.afind", loaded, on_corrupt)
    return FindResult(loaded.models, total, loaded.skipped)


async def find_keys(
    cls: type[StoredModel], expression: Expression | None, most: int | None = None
) -> list[str]:
    """Return the keys of all documents that an expression describes; None asks for all of the class.

    Args:
        cls: The class.
        expression: The filter.
        most: How many keys at the most.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    found = await matching(cls, expression, most, whole=False)
    if found is None:
        return list(await list_keys(cls, registry.source_for(cls), most))
    if found.loaded is not None:
        return [model._rapyer_key() for model in found.loaded.models][:most]
    return list(found.keys[:most])


async def matching(
    cls: type[StoredModel], expression: Expression | None, most: int | None = None, *, whole: bool = True
) -> Matches | None:
    """Return what matches, at one moment: few with their documents, in one trip, others by key.

    Args:
        cls: The class.
        expression: The filter; None asks for all instances.
        most: How many are wanted at the most.
        whole: Whether documents are wanted.

    Returns:
        The matches; None where all are asked for and no index holds all.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source, query = registry.source_for(cls), compiled(expression)
    others = load.longer_prefixes(cls)
    if query.nearest is not None:
        keys = await nearest_keys(cls, source, query, query.nearest)
        return Matches(keys, len(keys))
    if query.expands:
        await source.router.on_each(lift, searching=True)
    limit = None if query.check or others else most
    if not source.router.reads_matches:
        found = await _by_key(cls, source, query, limit, everything=expression is None)
    elif limit is not None and limit <= ONE_TRIP and whole and load.reading_of(cls) is None:
        found = await _first_page(cls, source, query, limit, everything=expression is None)
    else:
        found = await _few_or_keys(cls, source, query, limit, everything=expression is None, whole=whole)
    if found is None:
        return None
    if others:  # an index holds every key below its prefix
        own = [key for key in found.keys if not key.startswith(others)]
        return Matches(own, len(own))
    if query.check and expression is not None:
        held = _holding(expression, found.loaded or await load.load_many(cls, source, found.keys))
        return Matches((), len(held.models), held)
    return found


async def read_here(
    cls: type[StoredModel], source: ClientSource, documents: Sequence[tuple[str, bytes | None]]
) -> load.Loaded:
    """Return the instances that documents hold which came with a reply; their times to live start anew."""
    keys = [key for key, _ in documents]
    rows = (document for _, document in documents)
    loaded = load.Loaded([], (), ()).extended(keys, rows, load.reader_of(cls, None))
    await perform(source, renewal=renewal_of(cls, keys))
    return loaded


async def _first_page(
    cls: type[StoredModel], source: ClientSource, query: Query, limit: int, *, everything: bool
) -> Matches | None:
    """Return the first matches with their documents (FT.SEARCH)."""

    def commands(name: str) -> tuple[Command[Any], ...]:
        return (search.search(name, query.text, query.parameters, offset=0, limit=limit),)

    answers = await asked(cls, source, commands, everything=everything)
    if answers is None:
        return None
    (page,) = answers[0]
    if isinstance(page, Exception):
        return await _few_or_keys(cls, source, query, limit, everything=everything, whole=True)
    documents = page.documents
    return Matches([key for key, _ in documents], page.total, await read_here(cls, source, documents))


async def _few_or_keys(
    cls: type[StoredModel],
    source: ClientSource,
    query: Query,
    limit: int | None,
    *,
    everything: bool,
    whole: bool,
) -> Matches | None:
    """Return matches by key, with their documents if there are few (FT.SEARCH, FT.AGGREGATE)."""
    most = MOST_MATCHES if limit is None else min(limit, MOST_MATCHES)
    # Who names a number above that expects many.
    with_documents = whole and limit is None and load.reading_of(cls) is None

    def commands(name: str) -> list[Command[Any]]:
        one: list[Command[Any]] = [search.matches(name, query.text, query.parameters, limit=most)]
        if with_documents:
            one.append(search.documents(name, query.text, query.parameters, limit=ONE_TRIP + 1))
        return one

    answers = await asked(cls, source, commands, everything=everything)
    if answers is None:
        return None
    found, *documents = answers[0]
    if not _is_whole(found, most, limit):
        keys = await every_key(cls, source, query, everything=everything)
        return None if keys is None else Matches(keys[:limit], len(keys))
    keys, total = found
    few = documents[0] if documents else None
    if isinstance(few, list) and len(keys) <= ONE_TRIP:
        there = dict(few)
        rows = [(key, there.get(key)) for key in keys]
        return Matches(keys, total, await read_here(cls, source, rows))
    return Matches(keys, total)


def _holding(expression: Expression, loaded: load.Loaded) -> load.Loaded:
    """Return what was loaded, without instances for which the filter does not hold."""
    return replace(loaded, models=[model for model in loaded.models if holds(expression, model)])


def _is_whole(found: tuple[list[str], int] | Exception, most: int, limit: int | None) -> bool:
    """Tell whether a reply has all keys that were wanted, of which it was to have so many at the most."""
    if isinstance(found, Exception):
        return False
    keys, total = found
    return len(keys) < most or total <= len(keys) or most == limit


async def every_key(
    cls: type[StoredModel], source: ClientSource, query: Query, *, everything: bool
) -> list[str] | None:
    """Return the keys of all matches, where they are more than FT.SEARCH gives (FT.AGGREGATE)."""

    def commands(name: str) -> tuple[Command[Any], ...]:
        return _counted_and_listed(name, query)

    answers = await asked(cls, source, commands, everything=everything)
    return None if answers is None else _all_listed(*answers[0])


def _counted_and_listed(name: str, query: Query) -> tuple[Command[Any], ...]:
    count = search.matches(name, query.text, query.parameters, limit=0)
    return (count, search.every_key(name, query.text, query.parameters))


def _all_listed(counted: tuple[list[str], int], listed: tuple[list[str], int]) -> list[str]:
    (_, total), (keys, rows) = counted, listed
    if rows < total:
        raise PartialSearchError(
            f"{total} documents match, of which the server gives {rows}",
            hint="let its administrator raise MAXSEARCHRESULTS and MAXAGGREGATERESULTS, or ask for less",
        )
    return keys


async def _by_key(
    cls: type[StoredModel], source: ClientSource, query: Query, limit: int | None, *, everything: bool
) -> Matches | None:
    """Return matches of all primaries by key (FT.SEARCH)."""
    most = MOST_MATCHES if limit is None else min(limit, MOST_MATCHES)

    def commands(name: str) -> tuple[Command[Any], ...]:
        return (search.matches(name, query.text, query.parameters, limit=most),)

    answers = await asked(cls, source, commands, everything=everything)
    if answers is None:
        return None
    for (found,) in answers:
        if not _is_whole(found, most, limit):
            raise _too_many(found)
    keys = list(dict.fromkeys(key for ((found, _),) in answers for key in found))
    return Matches(keys[:limit], sum(total for ((_, total),) in answers))


async def keys_on(server: ClientSource, cls: type[StoredModel], query: Query) -> list[str]:
    """Return the keys below the prefix of a class that a query gives on one server."""
    index = name_on(server, cls)
    # One command sees all documents at one moment; a cursor passes over some that are written meanwhile.
    found: Any
    try:
        found = await run(server, search.matches(index, query.text, query.parameters, limit=MOST_MATCHES))
    except ResponseError as error:
        if not is_beyond_limits(error):
            raise
        found = error
    if _is_whole(found, MOST_MATCHES, None):
        keys: list[str] = found[0]
        return keys
    if not server.router.reads_matches:
        raise _too_many(found)
    counted, listed = await at_one_moment(server, _counted_and_listed(index, query))
    return _all_listed(counted, listed)


def _too_many(found: tuple[list[str], int] | Exception) -> PartialSearchError:
    what = "as many documents as match" if isinstance(found, Exception) else f"{found[1]} keys"
    return PartialSearchError(
        f"a node of the cluster does not give {what} in one reply",
        hint="ask for less at a time, or let its administrator raise MAXSEARCHRESULTS",
    )
