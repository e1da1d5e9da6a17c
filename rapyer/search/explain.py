"""Explaining: how a query is answered, and what could be better."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapyer.commands import explain as commands
from rapyer.errors import PartialSearchError
from rapyer.model.registry import registry
from rapyer.search.asking import is_searched
from rapyer.search.compile import compiled
from rapyer.search.explanation import Explanation, ServerPlan
from rapyer.search.find import MOST_MATCHES
from rapyer.search.index import declared, name_on, searched
from rapyer.search.limits import lift
from rapyer.search.nodes import Compare, leaves
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rapyer.commands.command import Arg
    from rapyer.model.state import StoredModel
    from rapyer.search.compile import Query
    from rapyer.search.nodes import Expression
    from rapyer.session.clients import ClientSource

_FITS = re.compile(r"[\w.+-]{1,60}")


async def explained(cls: type[StoredModel], expression: Expression | None) -> Explanation:
    """Tell how the server answers a filter, or a find without one (FT.EXPLAIN, FT.PROFILE).

    Args:
        cls: The class.
        expression: The filter; None asks for all instances.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """
    source, query = registry.source_for(cls), compiled(expression)
    if not await is_searched(cls, source, expression):
        return Explanation(cls.__name__, "", {}, (), tuple(_about_scanning(cls)))
    advice = []
    if query.expands:
        try:
            await source.router.on_each(lift, searching=True)
        except PartialSearchError as error:
            advice.append(f"capped: {error}")
    servers = tuple(await searched(cls, source, lambda: _asked(cls, source, query)))
    advice += [*_about_plan(servers, expression), *_about_values(cls, expression, query)]
    advice += _about_limits(source, servers)
    return Explanation(cls.__name__, query.text, dict(query.parameters), servers, tuple(advice))


async def _asked(cls: type[StoredModel], source: ClientSource, query: Query) -> list[ServerPlan]:
    async def ask(server: ClientSource) -> ServerPlan:
        index = name_on(server, cls)
        plan = await run(server, commands.explain(index, query.text, _named(query.parameters)))
        profile = await run(server, commands.profile(index, query.text, query.parameters))
        return ServerPlan(index, plan, profile)

    return await source.router.on_each(ask, searching=True)


def _named(parameters: Mapping[str, Arg]) -> dict[str, Arg]:
    """Return the parameters with names in place of texts that could be taken for a part of the plan."""
    return {
        name: f"${name}" if isinstance(value, str) and not _FITS.fullmatch(value) else value
        for name, value in parameters.items()
    }


def _about_scanning(cls: type[StoredModel]) -> Iterator[str]:
    name = cls.__name__
    if any(declared(cls)):
        yield (
            f"full scan: the index of {name} is missing or does not hold all of its documents, so all keys "
            "of the database are looked at (SCAN); see `await rapyer.aindex_plan()`, and look for corrupt "
            "documents"
        )
        return
    yield (
        f"unindexed: {name} has no index, so all keys of the database are looked at (SCAN); declare a field "
        "with Index to list its instances by an index"
    )


def _about_plan(servers: tuple[ServerPlan, ...], expression: Expression | None) -> Iterator[str]:
    if expression is not None and any(server.plan.scans for server in servers):
        yield (
            "full scan: every document of the index is looked at, as !=, ~ and is_none() exclude and do not "
            "select; combine them by & with a filter that selects"
        )


def _about_values(cls: type[StoredModel], expression: Expression | None, query: Query) -> Iterator[str]:
    whole = dict.fromkeys(
        node.path
        for node in leaves(expression)
        if isinstance(node, Compare) and node.kind.options is not None and node.kind.options.text
    )
    for path in whole:
        field = f"{cls.__name__}.{path}"
        yield (
            f"text compared as a whole: {field} has an index of its words, which == and != do not use; "
            f'{field}.matches("…") finds words'
        )
    if query.check:
        yield (
            "compared once more: the index knows some of these values only roughly, so the documents that it "
            "gives are loaded and compared again"
        )


def _about_limits(source: ClientSource, servers: tuple[ServerPlan, ...]) -> Iterator[str]:
    for server in servers:
        if server.profile.found > MOST_MATCHES and source.router.is_cluster:
            yield f"capped: {server.index} gives {MOST_MATCHES} keys at the most; ask for less at a time"
