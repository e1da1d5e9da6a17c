"""Where commands go: one client per event loop, made when the first command is sent."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

# A password may hold any character, so it ends only at the last @ of what stands before the query.
_IN_AUTHORITY = re.compile(r"^(?P<head>[^:/]+://[^:@?]*:)[^?]*@")
_IN_QUERY = re.compile(r"(?P<head>[?&]password=)[^&]*")

MAX_CONNECTIONS = 50
"""Connections per client that the library makes; further commands wait for one to be free."""


def mask_url(url: str) -> str:
    """Return a Redis URL with its password replaced by `***`."""
    return _IN_QUERY.sub(r"\g<head>***", _IN_AUTHORITY.sub(r"\g<head>***@", url))


class ClientSource:
    """A place to send commands to, as a client for whichever event loop is running.

    A client of `redis.asyncio` belongs to the loop that it first ran on, so a source made from a URL or a
    factory keeps one for each loop, and closes it when the loop ends. A source made from the caller's
    client always gives that one, and never closes it.
    """

    def __init__(
        self, make: Callable[[], Redis], description: Callable[[], str], client: Redis | None = None
    ) -> None:
        self._make = make
        self._description = description
        self._given = client
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Redis, Any]] = WeakKeyDictionary()

    @classmethod
    def from_url(cls, url: str, **options: Any) -> ClientSource:
        """Return a source of clients for a Redis URL.

        Args:
            url: `redis://`, `rediss://` or `unix://`.
            options: More arguments for the connections, as `redis.asyncio.Connection` takes them.
        """
        return cls(lambda: _client_for(url, options), lambda: mask_url(url))

    @classmethod
    def from_factory(
        cls, make: Callable[[], Redis], description: Callable[[], str] | None = None
    ) -> ClientSource:
        """Return a source that calls a factory once per event loop, on that loop.

        Args:
            make: Returns a new client, which the source will close.
            description: Returns what `describe` shows.
        """
        return cls(make, description or (lambda: "clients made by a factory"))

    @classmethod
    def from_client(cls, client: Redis) -> ClientSource:
        """Return a source that always gives the caller's client."""
        return cls(lambda: client, lambda: describe_client(client), client)

    def client(self) -> Redis:
        """Return the client of the running event loop.

        Raises:
            RuntimeError: No event loop runs here.
        """
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        known = self._clients.get(loop)
        if known is None:
            client = self._make()
            known = self._clients[loop] = (client, _close_with_loop(client))
        return known[0]

    def describe(self) -> str:
        """Return the server's address, without any password."""
        return self._description()

    async def aclose(self) -> None:
        """Close the client of the running loop; others close with their loops, a given one stays open."""
        known = self._clients.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known[1].aclose()

    async def close_given(self) -> None:
        """Close the client that the caller gave, if this source was made from one."""
        if self._given is not None:
            await self._given.aclose()

    def __repr__(self) -> str:
        return f"<ClientSource {self.describe()}>"


def describe_client(client: Redis) -> str:
    """Return the address that a client connects to, without any password."""
    options = client.connection_pool.connection_kwargs
    if path := options.get("path"):
        return f"unix://{path}"
    return (
        f"redis://{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0) or 0}"
    )


def _client_for(url: str, options: dict[str, Any]) -> Redis:
    # The client's own retries send a write again whose reply was lost; session.retry decides that instead.
    # RESP2, because the search module answers it faster than RESP3.
    defaults = {"decode_responses": True, "protocol": 2, "retry": Retry(NoBackoff(), 0), "timeout": None}
    pool = BlockingConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, **(defaults | options))
    return Redis.from_pool(pool)


def _close_with_loop(client: Redis) -> AsyncGenerator[None, None]:
    # An event loop closes the asynchronous generators that began on it when it shuts down: the one official
    # way to be told. Stepping it once here, without awaiting, is what makes it known to the loop.
    generator = _closing(client)
    try:
        generator.__anext__().send(None)
    except StopIteration:
        return generator
    raise AssertionError("the generator must stop at its yield")


async def _closing(client: Redis) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.aclose()
