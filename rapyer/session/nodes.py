"""A node of a cluster in the shape of a client, as `session.wire` drives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rapyer.session.wire import is_clean


@dataclass(slots=True)
class Tally:
    """What is counted over all nodes.

    Attributes:
        reconnections: How often a connection was connected again, since it had broken or was cut.
    """

    reconnections: int = 0


class NodePool:
    """The connections that a node of redis-py keeps.

    Attributes:
        connection_class: What makes a connection.
        connection_kwargs: Its arguments.
    """

    __slots__ = ("_node", "_tally", "connection_class", "connection_kwargs")

    def __init__(self, node: Any, tally: Tally) -> None:
        self._node = node
        self._tally = tally
        self.connection_class = node.connection_class
        self.connection_kwargs = node.connection_kwargs

    @property
    def rapyer_reconnections(self) -> int:
        """How often connections to the cluster were connected again; a pool is made anew for each use."""
        return self._tally.reconnections

    @rapyer_reconnections.setter
    def rapyer_reconnections(self, number: int) -> None:
        self._tally.reconnections = number

    def can_get_connection(self) -> bool:
        """Tell that nobody has to wait here: a node without a free connection says so."""
        return True

    def get_available_connection(self) -> Any:
        """Return a free connection, which may have to be connected.

        Raises:
            redis.exceptions.MaxConnectionsError: There are as many as there may be.
        """
        return self._node.acquire_connection()

    async def ensure_connection(self, connection: Any) -> None:
        """Connect, anew where the connection is closed or holds what nobody has read."""
        if connection.is_connected and not is_clean(connection):
            await connection.disconnect(nowait=True)
        await connection.connect()

    async def release(self, connection: Any) -> None:
        """Give a connection back."""
        self._node.release(connection)


class NodeClient:
    """A node, with a pool.

    Args:
        node: The node.
        tally: Where reconnections are counted.

    Attributes:
        connection_pool: Its connections.
    """

    __slots__ = ("connection_pool",)

    single_connection_client = False

    def __init__(self, node: Any, tally: Tally | None = None) -> None:
        self.connection_pool = NodePool(node, tally or Tally())
