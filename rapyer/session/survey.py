"""A look at the server when the library connects: what would only show later, and then do harm."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import ResponseError

from rapyer.commands import server
from rapyer.errors import MissingModuleError
from rapyer.session.executor import run

if TYPE_CHECKING:
    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

R = TypeVar("R")

logger = logging.getLogger("rapyer")

_MODULES = {"JSON.SET": "RedisJSON", "FT.SEARCH": "RediSearch"}


async def survey(source: ClientSource, *, searched: bool) -> None:
    """Look whether a server can hold models, and will keep them (COMMAND INFO, INFO memory).

    Of a cluster each primary is asked.

    A server whose rules do not let the connection ask is taken as it is. One that may evict any key when its
    memory is full is warned of on the logger `rapyer`.

    Args:
        source: The server.
        searched: Whether models on it have indexed fields.

    Raises:
        MissingModuleError: It lacks the JSON module, or the search module where one is needed.
    """
    await source.router.on_each(lambda server_source: _survey_one(server_source, searched=searched))


async def _survey_one(source: ClientSource, *, searched: bool) -> None:
    needed = [name for name in _MODULES if searched or name.startswith("JSON")]
    known = await _asked(source, server.known_commands(*needed))
    for name in needed:
        if known is not None and not known[name]:
            raise MissingModuleError(
                f"{source.describe()} does not know {name}",
                command=name,
                hint=f"use a server with the {_MODULES[name]} module, such as Redis 8 or Redis Stack",
            )
    memory = await _asked(source, server.memory()) or {}
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
        logger.warning(
            "%s deletes any key when its memory is full (maxmemory-policy %s): models will vanish; "
            "use noeviction, or a volatile policy and a time to live",
            source.describe(),
            policy,
        )


async def _asked(source: ClientSource, command: Command[R]) -> R | None:
    try:
        return await run(source, command)
    except ResponseError:  # the rules of the server do not let this connection ask
        return None
