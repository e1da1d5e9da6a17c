"""Which node of a cluster serves which slot, by the table of the redis-py client."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from redis.asyncio.cluster import ClusterNode
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.commands import server
from rapyer.commands.slots import slot_of
from rapyer.errors import ConfigError
from rapyer.session.nodes import NodeClient, Tally
from rapyer.session.wire import NotConnected, round_trip

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from redis.exceptions import AskError

    from rapyer.commands.server import Layout
    from rapyer.session.clients import ClientSource

CONNECTIONS_PER_NODE = 50
"""How many connections to one node the library uses at the same time; further steps wait."""

REFRESH_SECONDS = 0.1
"""The least time between two readings of the table, which take the client some milliseconds each."""

_PRIMARY, _REPLICA = "primary", "replica"
_SLOTS = server.cluster_slots()

logger = logging.getLogger("rapyer")


class ReplacedError(RedisConnectionError):
    """A primary that was to be asked is none any more, or has other slots: ask the new ones."""


@dataclass(eq=False, slots=True)
class _Known:
    """What one event loop knows of the cluster.

    Attributes:
        turns: For each node, what lets as many steps on as there may be connections.
        turn: Which primary was last asked of those that are all right.
        read_at: When the table was last read.
        reading: The reading that is under way.
        changes: How often the table has changed.
        tags: The table and the number of changes for which tags were found, and these.
        taken: What was last taken over into which table, and the number of changes after that.
        suspects: The names of nodes that did not answer.
        tally: How often connections were connected again.
    """

    turns: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    turn: int = 0
    read_at: float = float("-inf")
    reading: asyncio.Task[None] | None = None
    changes: int = 0
    tags: tuple[Any, int, dict[str, str]] | None = None
    taken: tuple[Layout, int, int] | None = None
    suspects: set[str] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)


class Topology:
    """The nodes and slots of a cluster."""

    def __init__(self, source: ClientSource) -> None:
        self._source = source
        self._known: WeakKeyDictionary[asyncio.AbstractEventLoop, _Known] = WeakKeyDictionary()

    async def ready(self) -> None:
        """Connect, if that was not done.

        Raises:
            NotConnected: No node answered.
            redis.exceptions.AuthenticationError: A node refused the credentials.
            ConfigError: The server is no cluster.
        """
        if self._client()._initialize:
            await self._shared(self._initialize())

    def primary_of(self, slot: int | None) -> Any:
        """Return the node that serves a slot, or without one all primaries in turn.

        Raises:
            NotConnected: No node serves it.
        """
        manager = self._client().nodes_manager
        if slot is None:
            known, nodes = self._here(), manager.get_nodes_by_server_type(_PRIMARY)
            known.turn += 1
            return nodes[known.turn % len(nodes)]
        nodes = manager.slots_cache.get(slot)
        if not nodes:
            said = f"no node of the cluster serves slot {slot}"
            raise NotConnected(said) from RedisConnectionError(said)
        return nodes[0]

    def primary_named(self, name: str) -> Any:
        """Return the primary of that name.

        Raises:
            ReplacedError: There is none any more.
        """
        node = self._client().nodes_manager.get_node(node_name=name)
        if node is None or node.server_type != _PRIMARY:
            raise ReplacedError(f"{name} is no primary of the cluster any more")
        return node

    def primaries(self) -> Mapping[str, str]:
        """Return the names of all primaries that serve slots, each with a hash tag that leads to it."""
        known, table = self._here(), self._client().nodes_manager.slots_cache
        if known.tags is None or known.tags[0] is not table or known.tags[1] != known.changes:
            known.tags = (table, known.changes, _tags(table))
        return known.tags[2]

    def reconnections(self) -> int:
        """Return how often a connection to a node was connected again so far."""
        return self._here().tally.reconnections

    def client_of(self, node: Any) -> NodeClient:
        """Return a node as a client."""
        return NodeClient(node, self._here().tally)

    async def layout(self) -> Layout:
        """Ask who serves what, take it over, and return it (CLUSTER SLOTS).

        Raises:
            redis.exceptions.ConnectionError: No node answered.
        """
        suspects, said = self._here().suspects, "it has no nodes"
        nodes = self._client().nodes_manager.nodes_cache.values()
        # Those first that are most likely to be there.
        for node in sorted(nodes, key=lambda node: (node.name in suspects, node.server_type != _PRIMARY)):
            try:
                async with self.turns(node):
                    reply = (await round_trip(self.client_of(node), [_SLOTS.words()]))[0]
            except (RedisConnectionError, RedisTimeoutError, ResponseError) as fault:
                suspects.add(node.name)
                reply = fault
            if not isinstance(reply, Exception):
                layout = _SLOTS.decode(reply)
                self._take_over(layout, node)
                return layout
            said = str(reply)
        raise RedisConnectionError(f"no node of the cluster tells who serves what: {said}")

    def suspect(self, node: Any) -> None:
        """Note that a node did not answer; `layout` asks it after all others."""
        self._here().suspects.add(node.name)

    def trust(self, node: Any) -> None:
        """Note that a node answered."""
        self._here().suspects.discard(node.name)

    def _take_over(self, layout: Layout, teller: Any) -> None:
        """Let the table say what a node says.

        The client's own way to read the table again closes connections that others are using.
        """
        manager, known = self._client().nodes_manager, self._here()
        if known.taken == (layout, id(manager.slots_cache), known.changes):
            return
        primaries = set()
        for first, last, addresses in layout:
            nodes = [self._node(*address, teller) for address in addresses]
            primaries.add(nodes[0].name)
            manager.slots_cache.update(dict.fromkeys(range(first, last + 1), nodes))
        for node in manager.nodes_cache.values():
            node.server_type = _PRIMARY if node.name in primaries else _REPLICA
        manager.default_node = manager.get_nodes_by_server_type(_PRIMARY)[0]
        known.changes += 1
        known.taken = (layout, id(manager.slots_cache), known.changes)

    def _node(self, host: str, port: int, teller: Any) -> Any:
        """Return a node by its address as another node told it; it may be new to the client."""
        manager = self._client().nodes_manager
        host, port = manager.remap_host_port(host or teller.host, port)
        node = manager.get_node(host, port)
        if node is None:
            node = ClusterNode(host, port, _REPLICA, **manager.connection_kwargs)
            manager.nodes_cache[node.name] = node  # so that it is closed with the others
        return node

    def turns(self, node: Any) -> asyncio.Semaphore:
        """Return what lets as many callers on as the node may have connections; the others wait, in order."""
        turns = self._here().turns
        if node.name not in turns:
            turns[node.name] = asyncio.Semaphore(min(node.max_connections, CONNECTIONS_PER_NODE))
        return turns[node.name]

    def moved(self, told: AskError, teller: Any) -> bool:
        """Take over where a slot lives now; False where that takes reading the table again.

        Args:
            told: What a node said.
            teller: That node.
        """
        node = self._node(told.host, told.port, teller)
        if node.server_type != _PRIMARY:
            return False
        self._client().nodes_manager.slots_cache[told.slot_id] = [node]
        self._here().changes += 1
        return True

    def asked(self, told: AskError, teller: Any) -> Any:
        """Return the node that a slot is moving to, which may be new to the client."""
        return self._node(told.host, told.port, teller)

    async def refresh(self, since: float) -> None:
        """Read the table again, unless it was read after a moment, or just now.

        Args:
            since: The moment, as the event loop's `time()`.
        """
        read_at = self._here().read_at
        if read_at < since and read_at + REFRESH_SECONDS < asyncio.get_running_loop().time():
            await self._shared(self._read())

    def _client(self) -> Any:
        return self._source.client()

    def _here(self) -> _Known:
        loop = asyncio.get_running_loop()
        known = self._known.get(loop)
        if known is None:
            known = self._known[loop] = _Known()
        return known

    async def _shared(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that others may be doing already; in a task, so that it outlives who is cancelled."""
        known = self._here()
        if known.reading is None or known.reading.done():
            known.reading = asyncio.ensure_future(work)
            known.reading.add_done_callback(_noted)
        else:
            work.close()
        await asyncio.shield(known.reading)

    async def _initialize(self) -> None:
        try:
            await self._client().initialize()
        except (AuthenticationError, AuthorizationError):
            raise
        except (RedisClusterException, RedisError, OSError, AttributeError) as error:
            self._explain(error)
        self._here().changes += 1

    def _explain(self, error: Exception) -> None:
        """Raise what a failure to connect to the cluster means."""
        if isinstance(error.__cause__, AuthenticationError | AuthorizationError):
            raise error.__cause__
        if "Cluster mode is not enabled" in str(error):
            raise ConfigError(
                f"{self._source.describe()} is no cluster", hint="use redis.asyncio.Redis for a single server"
            ) from error
        raise NotConnected(str(error)) from RedisConnectionError(str(error))

    async def _read(self) -> None:
        self._here().read_at = asyncio.get_running_loop().time()
        try:
            await self.layout()
        except RedisError as error:
            logger.debug("the slot table of the cluster could not be read: %s", error)


def _tags(table: Mapping[int, Sequence[Any]]) -> dict[str, str]:
    owners: dict[int, str] = {slot: nodes[0].name for slot, nodes in table.items() if nodes}
    missing, tags, numbers = set(owners.values()), dict[str, str](), count()
    while missing:
        tag = str(next(numbers))
        name = owners.get(slot_of(tag))
        if name in missing:
            missing.remove(name)
            tags[name] = tag
    return tags


def _noted(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits has it
