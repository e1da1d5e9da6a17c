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
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, InvalidResponse, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from rapyer.commands.command import Arg

R = TypeVar("R")

# A client's own patience would stack up with the policy of session.retry, and repeat a wrong password.
_ONE_TRY: Any = Retry(NoBackoff(), 0)

# What parsers raise over bytes that are no reply, the client over a connection that another task closed, and
# the transport.
_BROKEN = (InvalidResponse, AttributeError, ValueError, IndexError, OSError)


_SMALL = 32 * 1024
"""Bytes that the transport's empty buffer takes without asking to wait (its limit is twice that)."""


_REPLIES_PER_WAIT = 50
"""How many replies of one request may take the client's `socket_timeout` together."""

_END_SECONDS = 0.01
"""Seconds after which work that outlived its cancellation is cancelled again."""


_LAST_STREAM = "_rapyer_stream"
"""Where a connection keeps the stream that it was last used with."""


class NotConnected(RedisConnectionError):
    """No connection could be had, so nothing was sent; the cause is what the client said."""


async def round_trip(client: Any, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    """Send commands in one write and return their replies in order, errors of the server among them.

    A caller that is cancelled is so at once, also while a connection is being made.

    Args:
        client: A client of `redis.asyncio`, or what else has a `connection_pool`.
        requests: The words of each command.

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
    packed, wait = _packed(requests), _Wait(connection)
    try:
        try:
            wait.begin()
            await _write(connection, packed)
            return await _replies(connection, len(requests), wait)
        finally:
            wait.end()
    except BaseException as error:
        # Cancelled or broken half-way: replies may still come, and must never be read by the next user.
        await connection.disconnect(nowait=True)
        if wait.expired and isinstance(error, Exception):
            raise RedisTimeoutError("no reply came in time") from error
        if isinstance(error, _BROKEN):
            raise RedisConnectionError(f"the connection broke before the reply: {error}") from error
        raise


class _Wait:
    """The limit of what the server may take: at its end the connection is cut, which ends any wait for it.

    The ways of asyncio to limit a wait, which redis-py uses, cost more, and until Python 3.12 they lose a
    cancellation that comes in the same step as their end.
    """

    __slots__ = ("_connection", "_timer", "expired")

    def __init__(self, connection: Any) -> None:
        self.expired = False
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start the time anew."""
        self.end()
        seconds = self._connection.socket_timeout
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def end(self) -> None:
        """Let it take as long as it takes."""
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self) -> None:
        self.expired = True
        writer = self._connection._writer
        if writer is not None:
            writer.transport.abort()


def _packed(requests: Sequence[tuple[Arg, ...]]) -> list[bytes]:
    # redis-py's own packing takes longer than the server does with a small command.
    pieces: list[bytes] = []
    for words in requests:
        pieces.append(b"*%d\r\n" % len(words))
        for word in words:
            if isinstance(word, str):
                data = word.encode()
            else:
                data = word if isinstance(word, bytes) else str(word).encode()
            pieces.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return [b"".join(pieces)]


async def _write(connection: Any, packed: list[bytes]) -> None:
    # A connection that broke has no writer any more: an AttributeError.
    connection._writer.writelines(packed)
    if sum(map(len, packed)) >= _SMALL:
        # Less fits what the transport takes at once, so there is nothing to wait for; a broken connection
        # shows at the reply.
        await connection._writer.drain()


async def _replies(connection: Any, number: int, wait: _Wait) -> list[Any]:
    replies: list[Any] = []
    while True:
        for _ in range(min(_REPLIES_PER_WAIT, number - len(replies))):
            try:
                replies.append(await connection.read_response(disable_decoding=True, timeout=math.inf))
            except ResponseError as error:
                replies.append(error)
        if len(replies) == number:
            return replies
        wait.begin()


async def _acquired(pool: Any) -> Any:
    connection = None
    try:
        if pool.can_get_connection():
            connection = pool.get_available_connection()
            if not _is_ready(connection):
                await _undisturbed(_made_ready(pool, connection))
        else:
            connection = await _waited_for(pool)
    except BaseException as error:
        if connection is not None:
            await connection.disconnect(nowait=True)
            await _released(pool, connection)
        _tell(error)
    _note_stream(pool, connection)
    return connection


def reconnections(pool: Any) -> int:
    """Return how often a connection of a pool was connected again so far, since it had broken or was cut."""
    found: int = getattr(pool, "rapyer_reconnections", 0)
    return found


def _note_stream(pool: Any, connection: Any) -> None:
    stream, last = connection._writer, connection.__dict__.get(_LAST_STREAM)
    if stream is not last:
        connection.__dict__[_LAST_STREAM] = stream
        if last is not None:
            pool.rapyer_reconnections = reconnections(pool) + 1


def _is_ready(connection: Any) -> bool:
    return is_clean(connection) and not (
        connection.health_check_interval and asyncio.get_running_loop().time() > connection.next_health_check
    )


def is_clean(connection: Any) -> bool:
    """Tell whether a connection is open, and nothing has come in on it that nobody asked for."""
    # redis-py finds that out too, though by several calls, and in some versions by waiting.
    reader = connection._reader
    return bool(
        connection.is_connected
        and not getattr(connection, "_should_reconnect", False)
        and not reader._buffer
        and not reader.at_eof()
        and reader.exception() is None
    )


async def _made_ready(pool: Any, connection: Any) -> None:
    patience, connection.retry = connection.retry, _ONE_TRY
    try:
        await pool.ensure_connection(connection)
        await connection.check_health()
    finally:
        connection.retry = patience


async def _waited_for(pool: Any) -> Any:
    """Return the next connection that is free, or what the pool says where it lets nobody wait."""
    waiting: asyncio.Task[Any] = asyncio.ensure_future(pool.get_connection())
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        await _ended(waiting)
        if not waiting.cancelled() and waiting.exception() is None:
            await _released(pool, waiting.result())
        raise


async def _undisturbed(work: Coroutine[Any, Any, R]) -> R:
    """Do work in a task of its own, and end it where the caller is cancelled.

    Until Python 3.12 redis-py may lose a cancellation while it connects. A caller that waits for the task
    does not.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _ended(task)
        raise


async def _ended(task: asyncio.Task[Any]) -> None:
    while not task.done():
        task.cancel()
        with suppress(asyncio.CancelledError):  # of the caller, who is cancelled already
            await asyncio.wait({task}, timeout=_END_SECONDS)
    if not task.cancelled():
        task.exception()  # which nobody asks for


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
        if client.connection is None:
            await _undisturbed(_initialized(client))
    except (RedisConnectionError, RedisTimeoutError) as error:
        _tell(error)
    async with client._single_conn_lock:
        connection = client.connection
        try:
            if not _is_ready(connection):
                await _undisturbed(_made_ready(client.connection_pool, connection))
        except BaseException as error:
            await connection.disconnect(nowait=True)
            _tell(error)
        _note_stream(client.connection_pool, connection)
        return await _exchanged(connection, requests)


async def _initialized(client: Any) -> None:
    await client.initialize()


def _is_fault(error: BaseException) -> bool:
    # A wrong password is an answer: trying again is no use.
    return isinstance(error, RedisConnectionError | RedisTimeoutError) and not isinstance(
        error, AuthenticationError | AuthorizationError
    )


def _tell(error: BaseException) -> NoReturn:
    """Raise what says that no connection could be made: `NotConnected`, or the error itself.

    It comes without the frames in which redis-py logs in: the password is a value in them, which a verbose
    traceback shows, and a service that collects errors keeps.
    """
    links: list[BaseException] = [error]
    for link in links:
        link.__traceback__ = None
        links += [one for one in (link.__cause__, link.__context__) if one is not None and one not in links]
    if _is_fault(error):
        raise NotConnected(*error.args) from error
    raise error
