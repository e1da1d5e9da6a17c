"""The nearest vectors, of one server or of all primaries of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.commands import search
from rapyer.model.portions import longer_prefixes
from rapyer.search.compile import DISTANCE, HOW_MANY, Query
from rapyer.search.index import name_on, searched
from rapyer.search.limits import lift
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.commands.command import Arg, Command
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource


async def nearest_keys(cls: type[StoredModel], source: ClientSource, query: Query, wanted: int) -> list[str]:
    """Return the keys of so many documents whose vectors are the nearest, the nearest first (FT.SEARCH)."""
    others = longer_prefixes(cls)
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
