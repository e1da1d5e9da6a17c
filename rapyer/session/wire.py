"""One round trip over a connection of a redis-py client.

The connection is driven directly instead of through `execute_command`, for three reasons: replies come as
the server sent them, whatever callbacks and decoding the client is set up with; nothing is ever sent twice
behind the library's back; and many commands share one round trip without a pipeline object.

Everything up to the first byte of the request ends in `NotConnected` where it fails, so that the caller can
tell what the server certainly has not run from what it may have.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, InvalidResponse, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from rapyer.commands.command import Arg

# A client's own patience would stack up with the policy of session.retry, and repeat a wrong password.
_ONE_TRY: Any = Retry(NoBackoff(), 0)

# What parsers raise over bytes that are no reply, and the client over a connection that another task closed.
_GARBLED = (InvalidResponse, AttributeError, ValueError, IndexError)


_SMALL = 32 * 1024
"""Bytes that the transport's empty buffer takes without asking to wait (its limit is twice that)."""


_REPLIES_PER_WAIT = 50
"""How many replies of one request may take the client's `socket_timeout` together."""


class NotConnected(RedisConnectionError):
    """No connection could be had, so nothing was sent; the cause is what the client said."""


async def round_trip(client: Redis, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    """Send commands in one write and return their replies in order, errors of the server among them.

    Raises:
        NotConnected: No connection could be made; nothing was sent.
        redis.exceptions.AuthenticationError: The server refused the credentials; nothing was run.
        redis.exceptions.ConnectionError: The connection broke after the commands were sent.
        redis.exceptions.TimeoutError: No reply came in time.
    """
    if client.single_connection_client:
        return await _over_the_only_connection(client, requests)
    pool: Any = client.connection_pool
    connection = await _acquired(pool)
    try:
        return await _exchanged(connection, requests)
    finally:
        await _released(pool, connection)


async def _exchanged(connection: Any, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    packed = _packed(requests)
    try:
        await _write(connection, packed)
        return await _replies(connection, len(requests))
    except BaseException as error:
        # Cancelled or broken half-way: replies may still come, and must never be read by the next user.
        await connection.disconnect(nowait=True)
        if isinstance(error, _GARBLED):
            raise RedisConnectionError(f"the reply could not be read: {error}") from error
        raise


def _packed(requests: Sequence[tuple[Arg, ...]]) -> list[bytes]:
    # redis-py's own packing takes longer than the server does with a small command.
    pieces: list[bytes] = []
    for words in requests:
        pieces.append(b"*%d\r\n" % len(words))
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            pieces.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return [b"".join(pieces)]


async def _write(connection: Any, packed: list[bytes]) -> None:
    writer = getattr(connection, "_writer", None)
    if writer is not None and sum(map(len, packed)) < _SMALL:
        # Fits what the transport takes at once, so there is nothing to wait for; redis-py starts a task here
        # to time the wait. A broken connection shows at the reply.
        writer.writelines(packed)
    else:
        await connection.send_packed_command(packed, check_health=False)


async def _replies(connection: Any, number: int) -> list[Any]:
    if number < _REPLIES_PER_WAIT:
        return [await _reply(connection) for _ in range(number)]
    # Half of what reading costs is the client's timer for each reply; many replies share one here.
    replies: list[Any] = []
    while len(replies) < number:
        due = min(_REPLIES_PER_WAIT, number - len(replies))
        try:
            replies += await asyncio.wait_for(_untimed(connection, due), connection.socket_timeout)
        except asyncio.TimeoutError:
            raise RedisTimeoutError("no reply came in time") from None
    return replies


async def _untimed(connection: Any, number: int) -> list[Any]:
    return [await _reply(connection, timeout=math.inf) for _ in range(number)]


async def _reply(connection: Any, **options: Any) -> Any:
    try:
        return await connection.read_response(disable_decoding=True, **options)
    except ResponseError as error:
        return error


async def _acquired(pool: Any) -> Any:
    connection = None
    try:
        if pool.can_get_connection():
            connection = pool.get_available_connection()
            await _made_ready(pool, connection)
        else:
            connection = await pool.get_connection()  # waits for a free one, or says that there is none
    except BaseException as error:
        if connection is not None:
            await connection.disconnect(nowait=True)
            await _released(pool, connection)
        if _is_fault(error):
            raise NotConnected(*error.args) from error
        raise
    return connection


async def _made_ready(pool: Any, connection: Any) -> None:
    patience, connection.retry = connection.retry, _ONE_TRY
    try:
        await pool.ensure_connection(connection)
        await connection.check_health()
    finally:
        connection.retry = patience


async def _released(pool: Any, connection: Any) -> None:
    try:
        await pool.release(connection)
    except asyncio.CancelledError:
        # Cancelled while the pool was busy with another user: without this the connection would be lost to
        # the pool for good. KeyError: it had been given back already.
        with suppress(KeyError):
            await asyncio.shield(asyncio.ensure_future(pool.release(connection)))
        raise


async def _over_the_only_connection(client: Any, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    try:
        await client.initialize()
    except (RedisConnectionError, RedisTimeoutError) as error:
        if _is_fault(error):
            raise NotConnected(*error.args) from error
        raise
    async with client._single_conn_lock:
        connection = client.connection
        try:
            await _made_ready(client.connection_pool, connection)
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if _is_fault(error):
                raise NotConnected(*error.args) from error
            raise
        return await _exchanged(connection, requests)


def _is_fault(error: BaseException) -> bool:
    # A wrong password is an answer: trying again is no use.
    return isinstance(error, RedisConnectionError | RedisTimeoutError) and not isinstance(
        error, AuthenticationError | AuthorizationError
    )
