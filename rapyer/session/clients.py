"""Where commands go: one client per event loop, made when the first command is sent."""

from __future__ import annotations

import asyncio
import copy
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rapyer.config import checked_ttl
from rapyer.errors import ConfigError
from rapyer.session.cluster import Cluster
from rapyer.session.retry import OneServer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from rapyer.session.arrivals import Arrivals
    from rapyer.session.routing import Router
    from rapyer.session.wakeups import Wakeups

# A password may hold any character, so it ends only at the last @ of what stands before the query. A name
# alone may be a password that somebody put there.
_IN_AUTHORITY = re.compile(r"^(?P<head>[^:/]+://)(?:(?P<user>[^:@?]*:)[^?]*|[^:@?/]+)@")
_IN_QUERY = re.compile(r"(?P<head>[?&]\w*password=)[^&]*")

MAX_CONNECTIONS = 50
"""Connections per client that the library makes; further commands wait for one to be free."""

SOCKET_TIMEOUT = 5.0
"""Seconds that such a client waits for one reply; redis-py 6 would wait for ever."""


def mask_url(url: str) -> str:
    """Return a Redis URL with its password replaced by `***`."""
    return _IN_QUERY.sub(r"\g<head>***", _IN_AUTHORITY.sub(r"\g<head>\g<user>***@", url))


class ClientSource:
    """A place to send commands to, as a client for whichever event loop is running.

    A client of `redis.asyncio` belongs to the loop that it first ran on, so a source made from a URL or a
    factory keeps one for each loop, and closes it when the loop ends. A source made from the caller's
    client always gives that one, and never closes it.

    Attributes:
        deadline: Seconds after which a command that met a fault is tried no more; None for the default of
            five. Waiting for one reply is bounded by the client's `socket_timeout` instead.
        url: The URL that a user gave instead of a source; None for a source that somebody has made and holds.
        wakeups: What each event loop uses for locks.
        arrivals: What each event loop uses to wait at keys.
    """

    def __init__(
        self,
        make: Callable[[], Redis | RedisCluster],
        description: Callable[[], str],
        client: Redis | RedisCluster | None = None,
        *,
        deadline: float | None = None,
        cluster: bool = False,
    ) -> None:
        self.deadline = deadline
        self.url: str | None = None
        self._make = make
        self._description = description
        self._given = client
        self._ttl: int | None = None
        self.router: Router = Cluster(self) if cluster else OneServer(self)
        self._base: ClientSource | None = None
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Redis, Any]] = WeakKeyDictionary()
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self.wakeups: WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups] = WeakKeyDictionary()
        self.arrivals: WeakKeyDictionary[asyncio.AbstractEventLoop, Arrivals] = WeakKeyDictionary()

    @classmethod
    def of(cls, given: Any) -> ClientSource | None:
        """Return the source for what a user gave: a source, a URL or a client; None for anything else."""
        if isinstance(given, ClientSource):
            return given
        if isinstance(given, str):
            source = cls.from_url(given)
            source.url = given
            return source
        return cls.from_client(given) if isinstance(given, Redis | RedisCluster) else None

    @classmethod
    def from_url(cls, url: str, *, deadline: float | None = None, **options: Any) -> ClientSource:
        """Return a source of clients for a Redis URL.

        Args:
            url: `redis://`, `rediss://` or `unix://`.
            deadline: Seconds after which a command that met a fault is tried no more.
            options: More arguments for the connections, as `redis.asyncio.Connection` takes them, or for
                their pool, such as `max_connections`.
        """
        return cls(lambda: _client_for(url, options), lambda: mask_url(url), deadline=deadline)

    @classmethod
    def from_factory(
        cls,
        make: Callable[[], Redis | RedisCluster],
        description: Callable[[], str] | None = None,
        *,
        deadline: float | None = None,
        cluster: bool = False,
    ) -> ClientSource:
        """Return a source that calls a factory once per event loop, on that loop.

        Args:
            make: Returns a new client, which the source will close.
            description: Returns what `describe` shows.
            deadline: Seconds after which a command that met a fault is tried no more.
            cluster: Whether the clients are of the kind `redis.asyncio.RedisCluster`.
        """
        describe = description or (lambda: "clients made by a factory")
        return cls(make, describe, deadline=deadline, cluster=cluster)

    @classmethod
    def from_client(cls, client: Redis | RedisCluster, *, deadline: float | None = None) -> ClientSource:
        """Return a source that always gives the caller's client.

        Args:
            client: A client of a server, one that a Sentinel made (`Sentinel(…).master_for(…)`), or one of a
                cluster. The library drives its connections itself, so its own `retry` is not used.
            deadline: Seconds after which a command that met a fault is tried no more.
        """
        description = describe_client(client)
        cluster = isinstance(client, RedisCluster)
        return cls(lambda: client, lambda: description, client, deadline=deadline, cluster=cluster)

    @cached_property
    def exactly_once(self) -> ClientSource:
        """The same source for models with `Meta.exactly_once`; it equals this one."""
        if self._base is not None:
            return self
        twin = copy.copy(self)
        twin._base = self
        return twin

    @property
    def ttl(self) -> int | None:
        """Seconds after which what is stored here expires, of models whose `Meta` has no time to live.

        Setting it raises `ValueError` for what is no time to live.
        """
        return self.without_tokens._ttl

    @ttl.setter
    def ttl(self, seconds: int | None) -> None:
        self.without_tokens._ttl = None if seconds is None else checked_ttl(seconds)

    def narrowed(self, router: Callable[[ClientSource], Router], description: str) -> ClientSource:
        """Return a source for a part of the servers of this one.

        Args:
            router: Returns how commands reach that part.
            description: What `describe` is to show.
        """
        part = copy.copy(self.without_tokens)
        part.__dict__.pop("exactly_once", None)
        part._description = lambda: description
        part.router = router(part)
        return part

    @property
    def is_cluster(self) -> bool:
        """Whether only keys of one slot can be changed in one step, so that companion keys need a hash tag.

        See `rapyer.commands.slots.tagged` for how to give them one.
        """
        return self.router.is_cluster

    @property
    def database(self) -> int:
        """The number of the database that commands go to; a cluster has only 0."""
        return 0 if self.is_cluster else self.client().connection_pool.connection_kwargs.get("db") or 0

    @property
    def gives_tokens(self) -> bool:
        """Whether commands that must not run twice are sent with a token that makes them run once."""
        return self._base is not None

    @property
    def without_tokens(self) -> ClientSource:
        """The same source, for commands that carry a token of their own."""
        return self._base or self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientSource) and (self._base or self) is (other._base or other)

    def __hash__(self) -> int:
        return id(self._base or self)

    def client(self) -> Redis:
        """Return the client of the running event loop, of a cluster its `RedisCluster`.

        Raises:
            RuntimeError: No event loop runs here.
            ConfigError: The factory made a client of the other kind than was said.
        """
        if self._given is not None:
            return self._given  # type: ignore[return-value]  # a RedisCluster has the same commands
        loop = asyncio.get_running_loop()
        known = self._clients.get(loop)
        if known is None:
            client: Any = self._make()
            if isinstance(client, RedisCluster) != self.is_cluster:
                raise ConfigError(
                    f"the factory of the source made a {type(client).__name__}",
                    hint=f"give ClientSource.from_factory cluster={not self.is_cluster}",
                )
            known = self._clients[loop] = (client, _close_with_loop(client))
        return known[0]

    @property
    def given(self) -> Redis | RedisCluster | None:
        """The client that the caller gave, if this source was made from one."""
        return self._given

    @property
    def is_open(self) -> bool:
        """Whether there is a client already, for whichever event loop."""
        return self._given is not None or len(self._clients) > 0

    def turns(self) -> asyncio.Semaphore:
        """Return what lets as many callers on as the client has connections; the others wait, in order.

        Some pools of redis-py refuse instead of letting wait.
        """
        loop = asyncio.get_running_loop()
        turns = self._turns.get(loop)
        if turns is None:
            turns = self._turns[loop] = asyncio.Semaphore(self.client().connection_pool.max_connections)
        return turns

    def describe(self) -> str:
        """Return the server's address, without any password."""
        return self._description()

    async def aclose(self) -> None:
        """Close the client of the running loop; others close with their loops, a given one stays open."""
        known = self._clients.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known[1].aclose()

    def __repr__(self) -> str:
        return f"<ClientSource {self.describe()}>"


def describe_client(client: Redis | RedisCluster) -> str:
    """Return the address that a client connects to, without any password."""
    if isinstance(client, RedisCluster):
        return f"the cluster at {', '.join(client.nodes_manager.startup_nodes)}"
    if service := getattr(client.connection_pool, "service_name", None):
        return f"the service {service} of a Sentinel"
    options = client.connection_pool.connection_kwargs
    if path := options.get("path"):
        return f"unix://{path}"
    return (
        f"redis://{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0) or 0}"
    )


def own_connection(client: Redis, *, socket_timeout: float | None) -> Any:
    """Return a connection like those in a client's pool that is not one of them; it is not open yet.

    It speaks RESP2, in which messages are plain replies, and tries nothing again.

    Args:
        client: The client.
        socket_timeout: Seconds that it waits for a reply; None for no limit, to wait for messages.
    """
    pool: Any = client.connection_pool
    ours = {
        "protocol": 2,
        "socket_timeout": socket_timeout,
        "health_check_interval": 0,
        "retry": Retry(NoBackoff(), 0),
    }
    given = {
        name: value for name, value in pool.connection_kwargs.items() if "maint_notifications" not in name
    }
    return pool.connection_class(**(given | ours))


class _DiscreetPool(BlockingConnectionPool):
    """A pool whose text has no password, whatever the version of redis-py shows."""

    def __repr__(self) -> str:
        options = self.connection_kwargs
        place = options.get("path") or f"{options.get('host')}:{options.get('port')}"
        return f"<{type(self).__name__} {place}>"


def _client_for(url: str, options: dict[str, Any]) -> Redis:
    # The client's own retries send a write again whose reply was lost; session.retry decides that instead.
    # RESP2, because the search module answers it faster than RESP3.
    defaults = {
        "max_connections": MAX_CONNECTIONS,
        "decode_responses": True,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "timeout": None,
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": SOCKET_TIMEOUT,
    }
    pool = _DiscreetPool.from_url(url, **(defaults | options))
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
