"""One RESP3 connection that carries events besides replies."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

Push = Sequence[Any]

# A silent peer is asked for a sign of life after this many seconds, and given up after as many again.
SILENCE = 15.0

_EVENTS = frozenset({b"invalidate", b"message", b"pmessage", b"tracking-redir-broken"})
# The server confirms these with a push message instead of a reply.
_CONFIRMATIONS = frozenset({b"subscribe", b"unsubscribe", b"psubscribe", b"punsubscribe"})


class PushConnection:
    """A connection of its own, made with the settings of a client's pool but not taken from the pool.

    redis-py does the handshake (TLS, login, database); from then on one task reads everything that arrives
    and tells events from replies. Nothing reconnects behind the caller's back: a new connection would have
    lost the tracking, and the changes made meanwhile, without a sign.
    """

    def __init__(self, client: Redis) -> None:
        """Prepare a connection with the settings of the client; sends nothing."""
        pool = client.connection_pool
        settings = dict(pool.connection_kwargs)
        settings.update(protocol=3, retry=Retry(NoBackoff(), 0), health_check_interval=0)
        self.database = int(settings.get("db") or 0)
        self._connection: Any = pool.connection_class(**settings)
        self._replies: deque[asyncio.Future[Any]] = deque()
        self._lost = False

    async def open(self) -> None:
        """Connect and log in; sends HELLO 3 and what redis-py adds to it.

        Raises:
            RedisError: The server refused, does not speak RESP3, or cannot be reached.
        """
        await self._connection.connect()
        # Without a handler redis-py swallows these messages.
        self._connection._parser.set_invalidation_push_handler(_unchanged)

    async def call(self, *words: str | bytes) -> Any:
        """Send a command and return its reply; `read` must be running.

        Raises:
            ResponseError: The server refused the command.
            ConnectionError: The connection was lost before the reply came.
        """
        if self._lost or not self._connection.is_connected:
            raise RedisConnectionError("the live connection is closed")
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        await self._connection.send_command(*words, check_health=False)
        return await reply

    async def read(self, on_event: Callable[[Push], None]) -> None:
        """Read until the connection breaks, giving events to `on_event` and replies to their callers.

        Raises:
            ConnectionError: The connection was lost, or the server was silent for too long.
        """
        loop = asyncio.get_running_loop()
        asked = False
        while True:
            started = loop.time()
            try:
                message = await self._connection.read_response(
                    disable_decoding=True, timeout=SILENCE, push_request=True
                )
            except RedisError as error:
                if self._lost or not self._connection.is_connected:
                    raise
                message = error  # the server's refusal of one command
            if message is None:
                if loop.time() - started < SILENCE:
                    continue  # a notice that redis-py dealt with itself
                if asked:
                    raise RedisConnectionError("the server does not answer")
                asked = True
                await self._ask()
                continue
            asked = False
            self._sort(message, on_event)

    def _sort(self, message: Any, on_event: Callable[[Push], None]) -> None:
        kind = message[0] if isinstance(message, (list, tuple)) and message else None
        if kind in _EVENTS:
            on_event(message)
            return
        if kind is not None and kind not in _CONFIRMATIONS and not self._replies:
            return
        if not self._replies:
            return
        reply = self._replies.popleft()
        if reply.done():
            return
        if isinstance(message, Exception):
            reply.set_exception(message)
        else:
            reply.set_result(message)

    async def _ask(self) -> None:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_seen)
        self._replies.append(answer)
        await self._connection.send_command("PING", check_health=False)

    async def close(self) -> None:
        """Close the connection and fail the calls that still wait."""
        self._lost = True
        while self._replies:
            reply = self._replies.popleft()
            if not reply.done():
                reply.set_exception(RedisConnectionError("the live connection was closed"))
                reply.add_done_callback(_seen)
        await self._connection.disconnect(nowait=True)


def _seen(reply: "asyncio.Future[Any]") -> None:
    """Mark a failure as looked at, so that asyncio does not complain of it when the future goes."""
    if not reply.cancelled():
        reply.exception()


async def _unchanged(message: Any) -> Any:
    return message
