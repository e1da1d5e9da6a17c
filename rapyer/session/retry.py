"""When a command may be sent again (the policy of decision D25)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.commands.command import Effect
from rapyer.errors import UnknownOutcomeError
from rapyer.session.wire import NotConnected, round_trip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.session.clients import ClientSource

DEADLINE = 5.0
"""Seconds after which no new attempt starts, for sources that name no deadline of their own."""

_FIRST_DELAY = 0.02
_LONGEST_DELAY = 0.5

# The server says with these that it did not run the command, and that it may run it later. MASTERDOWN is a
# kind of ClusterDownError.
_REFUSALS = (BusyLoadingError, ClusterDownError, ReadOnlyError, TryAgainError)
_REFUSAL_CODES = frozenset(
    {"BUSY", "NOREPLICAS", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}
)


async def send(
    source: ClientSource,
    commands: Sequence[Command[Any]],
    requests: Sequence[tuple[Arg, ...]],
    effect: Effect,
    *,
    atomic: bool = False,
    token: str | None = None,
) -> list[Any]:
    """Send requests in one round trip, again after a fault where that cannot do harm.

    What the server certainly did not run is sent again until the deadline; so is what changes nothing when
    it runs twice. Anything else whose reply was lost ends in an error.

    Args:
        source: Where to send them.
        commands: What the requests stand for, for messages.
        requests: The words to send.
        effect: What sending all of them twice would do.
        atomic: Whether they are a transaction, of which the server runs all or nothing.
        token: The key under which the server remembers that it ran them, for messages.

    Raises:
        UnknownOutcomeError: The reply to a command that must not run twice was lost.
        redis.exceptions.ConnectionError: No server answered until the deadline.
    """
    loop = asyncio.get_running_loop()
    last_start = loop.time() + (DEADLINE if source.deadline is None else source.deadline)
    delay, maybe_run = _FIRST_DELAY, False
    whole = atomic or len(requests) == 1
    while True:
        client = source.client()
        try:
            async with source.turns():
                replies = await round_trip(client, requests)
        except (RedisConnectionError, RedisTimeoutError, ResponseError) as error:
            if _is_final(error):
                raise
            refused = isinstance(error, NotConnected | ResponseError) or (whole and _is_refused_by(error))
            maybe_run = maybe_run or not refused
            too_late = loop.time() + delay > last_start
            if maybe_run and (effect is Effect.ONCE or (too_late and token is not None)):
                raise unknown_outcome(commands, token) from error
            if too_late:
                if isinstance(error, NotConnected) and error.__cause__ is not None:
                    raise error.__cause__ from None
                raise
        else:
            if not isinstance(replies[-1], ResponseError) or not _refused(replies, atomic):
                return replies
            if loop.time() + delay > last_start:
                return replies
            # The connection may lead to a server that is the primary no more; the next one is made anew.
            await client.connection_pool.disconnect(inuse_connections=False)
        await asyncio.sleep(delay)
        delay = min(2 * delay, _LONGEST_DELAY)


def unknown_outcome(commands: Sequence[Command[Any]], token: str | None) -> UnknownOutcomeError:
    """Return the error for commands whose reply was lost."""
    names = list(dict.fromkeys(command.operation for command in commands))
    keys = list(dict.fromkeys(key for command in commands for key in command.keys))
    where = f" on {', '.join(keys[:3])}{', …' if len(keys) > 3 else ''}" if keys else ""
    return UnknownOutcomeError(
        f"the reply to {', '.join(names)}{where} was lost, so it may or may not have taken effect",
        command=", ".join(names),
        key=keys[0] if keys else None,
        token=token,
        hint="read the value again before repeating it",
    )


def _refused(replies: Sequence[Any], atomic: bool) -> bool:
    if not atomic:
        return all(_is_refusal(reply) for reply in replies)
    # One command refused on its way into the queue makes EXEC refuse them all.
    outcome = replies[-1]
    return _is_refusal(outcome) or (
        isinstance(outcome, ExecAbortError) and any(map(_is_refusal, replies[1:-1]))
    )


def _is_refusal(reply: Any) -> bool:
    if not isinstance(reply, ResponseError):
        return False
    if isinstance(reply, _REFUSALS):
        return True
    said = str(reply).removeprefix("Transaction discarded because of: ")
    return said.partition(" ")[0] in _REFUSAL_CODES


def _is_final(error: Exception) -> bool:
    # The only errors of the server that are raised, not returned, come while a connection greets it.
    if isinstance(error, ResponseError):
        return not _is_refusal(error)
    return isinstance(error, AuthenticationError | AuthorizationError)


def _is_refused_by(error: Exception) -> bool:
    # redis-py raises -LOADING as a connection error, and a Sentinel connection -READONLY too.
    return isinstance(error, BusyLoadingError) or isinstance(error.__context__, ReadOnlyError)
