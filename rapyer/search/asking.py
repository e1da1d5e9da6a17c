"""Asking the index of a class several things at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.codec.replies import index_state
from rapyer.commands import search
from rapyer.search.index import declared, lists_everything, name_on, searched
from rapyer.search.migrate import is_missing_index, lacks_search
from rapyer.session.executor import read_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource


async def asked(
    cls: type[StoredModel],
    source: ClientSource,
    commands: Callable[[str], Sequence[Command[Any]]],
    *,
    everything: bool,
) -> list[list[Any]] | None:
    """Ask the index of a class several things at one moment (in a transaction; FT.INFO).

    Args:
        cls: The class.
        source: Where its commands go.
        commands: Makes them, for an index of this name.
        everything: Whether an answer makes sense only where the index holds all documents of the class.

    Returns:
        For each server the replies, which may be errors about limits; None where the index does not hold all.

    Raises:
        NotIndexedError: The class's index does not exist on the server.
    """

    async def on(server: ClientSource) -> list[Any]:
        name = name_on(server, cls)
        look = (search.index_info(name),) if everything else ()
        if server.router.reads_matches:
            replies = await at_one_moment(server, (*look, *commands(name)))
        else:  # no transaction takes searches there; what has held before and after, held meanwhile
            replies = []
            for command in (*look, *commands(name), *look):
                replies += await at_one_moment(server, (command,))
            if everything and not index_state(replies.pop()).full:
                return []
        if not everything:
            return replies
        return replies[1:] if index_state(replies[0]).full else []

    if not everything:
        return await searched(cls, source, lambda: source.router.on_each(on, searching=True))
    if not any(declared(cls)):
        return None
    try:
        found = await source.router.on_each(on, searching=True)
    except ResponseError as error:
        if is_missing_index(error) or lacks_search(error):
            return None
        raise
    return found if all(found) else None


async def at_one_moment(server: ClientSource, commands: Sequence[Command[Any]]) -> list[Any]:
    """Send searches to one server as one transaction, and return the replies and errors about limits."""
    try:
        replies = await read_each(server, commands)
    except ResponseError as error:
        replies = [error]
    for reply in replies:
        if isinstance(reply, Exception) and not is_beyond_limits(reply):
            raise reply
    return replies


def is_beyond_limits(error: Any) -> bool:
    """Tell whether a server refuses to give as many results as it was asked for."""
    return isinstance(error, ResponseError) and "exceeds maximum" in str(error)


async def is_searched(cls: type[StoredModel], source: ClientSource, expression: Expression | None) -> bool:
    """Tell whether the index answers: for a filter, or for all documents where it holds all (FT.INFO)."""
    return expression is not None or (any(declared(cls)) and await lists_everything(cls, source))
