"""One round trip over a connection of a redis-py client.

The connection is driven directly instead of through `execute_command`, for three reasons: replies come as
the server sent them, whatever callbacks and decoding the client is set up with; nothing is ever sent twice
behind the library's back; and many commands share one round trip without a pipeline object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from rapyer.commands.command import Arg


class NotConnected(RedisConnectionError):
    """No connection could be had, so nothing was sent."""


async def round_trip(client: Redis, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    """Send commands in one write and return their replies in order, errors of the server among them.

    Raises:
        NotConnected: No connection could be made; nothing was sent.
        redis.exceptions.ConnectionError: The connection broke after the commands were sent.
        redis.exceptions.TimeoutError: No reply came in time.
    """
    pool: Any = client.connection_pool
    try:
        connection = await pool.get_connection()
    except RedisConnectionError as error:
        if type(error) is not RedisConnectionError:
            raise  # a wrong password and the like: refused for a reason that has a name
        raise NotConnected(*error.args) from error
    try:
        await connection.send_packed_command(connection.pack_commands(requests))
        return [await _reply(connection) for _ in requests]
    except BaseException:
        # Cancelled or broken half-way: replies may still come, and must never be read by the next user.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _reply(connection: Any) -> Any:
    try:
        return await connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
