"""When a command may be sent again (the policy of decision D25)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import BusyLoadingError, ClusterDownError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.commands.command import Effect
from rapyer.errors import UnknownOutcomeError
from rapyer.session.wire import NotConnected, round_trip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from rapyer.commands.command import Arg

DEADLINE = 5.0
"""Seconds for which a command is tried again."""

_FIRST_DELAY = 0.02
_LONGEST_DELAY = 0.5

# The server says of these that it did not run the command.
_REFUSED = (NotConnected, BusyLoadingError, ClusterDownError, TryAgainError)


async def send(client: Redis, requests: Sequence[tuple[Arg, ...]], effect: Effect) -> list[Any]:
    """Send commands in one round trip, again after a fault where that cannot do harm.

    What the server certainly did not run is sent again until the deadline; so is what changes nothing when
    it runs twice. Anything else whose reply was lost ends in an error.

    Args:
        client: The client to use.
        requests: The commands as words.
        effect: The least repeatable effect among them.

    Raises:
        UnknownOutcomeError: The reply to a command that must not run twice was lost.
        redis.exceptions.ConnectionError: No server answered until the deadline.
    """
    loop = asyncio.get_running_loop()
    deadline, delay = loop.time() + DEADLINE, _FIRST_DELAY
    while True:
        try:
            return await round_trip(client, requests)
        except (RedisConnectionError, RedisTimeoutError) as error:
            refused = isinstance(error, _REFUSED)
            if not refused and _has_reason(error):
                raise
            if not refused and effect is Effect.ONCE:
                raise _unknown_outcome(requests) from error
            if loop.time() + delay > deadline:
                raise
        await asyncio.sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)


def _has_reason(error: Exception) -> bool:
    # A subclass (wrong password, too many clients, …) is an answer of the server: trying again is no use.
    return type(error) not in {RedisConnectionError, RedisTimeoutError}


def _unknown_outcome(requests: Sequence[tuple[Arg, ...]]) -> UnknownOutcomeError:
    names = ", ".join(dict.fromkeys(str(words[0]) for words in requests))
    return UnknownOutcomeError(
        f"the reply to {names} was lost, so it may or may not have taken effect",
        command=names,
        hint="read the value again before repeating it",
    )
