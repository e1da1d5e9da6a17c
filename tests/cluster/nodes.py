"""A small Redis Cluster of real servers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rapyer.commands.slots import slot_of
from tests.servers import Server, free_ports, redis_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOTS = 16384


@dataclass
class TestCluster:
    """The nodes of a cluster.

    Attributes:
        primaries: The nodes that serve slots at first, in the order of the slots.
        others: Replicas, of the first primaries, or nodes without slots.
    """

    __test__ = False

    primaries: list[Server]
    others: list[Server]

    @property
    def nodes(self) -> list[Server]:
        """All nodes."""
        return [*self.primaries, *self.others]

    def node_of(self, key: str) -> Server:
        """Return the primary that serves a key as the nodes were started."""
        slot, ends = slot_of(key), _ends(len(self.primaries))
        return next(node for node, end in zip(self.primaries, ends, strict=True) if slot < end)

    def key_on(self, number: int, prefix: str) -> str:
        """Return a key with that prefix whose slot one of the first primaries serves."""
        return next(
            key
            for key in (f"{prefix}{at}" for at in range(10_000))
            if self.node_of(key) is self.primaries[number]
        )

    def flush(self) -> None:
        """Empty every primary, indexes included."""
        for node in self.primaries:
            for index in node.ask("FT._LIST"):
                node.ask("FT.DROPINDEX", index)
            node.ask("FLUSHALL")

    def begin_moving(self, slot: int, source: Server, target: Server) -> None:
        """Let a slot be on its way, without any of its keys."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))

    def migrate(self, key: str, source: Server, target: Server) -> None:
        """Move one key."""
        source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)

    def end_moving(self, slot: int, target: Server) -> None:
        """Let a slot have arrived, and every node know."""
        name = target.ask("CLUSTER", "MYID")
        order = [target, *(other for other in self.nodes if other is not target)]

        def all_know() -> bool:
            # What nodes still tell each other of the past may undo it, so it is said until all agree.
            for node in order:
                if _owner(node, slot) != target.port:
                    node.ask("CLUSTER", "SETSLOT", slot, "NODE", name)
            return all(_owner(node, slot) == target.port for node in order)

        wait_until(all_know)

    def move(self, slot: int, source: Server, target: Server) -> None:
        """Move a slot with all of its keys."""
        self.begin_moving(slot, source, target)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                self.migrate(key, source, target)
        self.end_moving(slot, target)


@contextlib.contextmanager
def cluster(
    directory: Path, command: list[str], *, primaries: int = 3, others: int = 0, replicas: bool = False
) -> Iterator[TestCluster]:
    """Run a cluster until the end of the block.

    Args:
        directory: Where the nodes may write.
        command: How a server is started.
        primaries: How many nodes share the slots.
        others: How many more nodes there are.
        replicas: Whether these replicate the first primaries.
    """
    with contextlib.ExitStack() as stack:
        buses = free_ports(primaries + others)
        nodes = [
            stack.enter_context(redis_server(directory / str(number), command, *_options(bus)))
            for number, bus in enumerate(buses)
        ]
        made = TestCluster(nodes[:primaries], nodes[primaries:])
        _meet(made, buses)
        if replicas:
            for replica, primary in zip(made.others, made.primaries, strict=False):
                replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))
                replica_is_up = partial(_is_linked, replica)
                wait_until(replica_is_up)
        yield made


def _is_linked(replica: Server) -> bool:
    with replica.client() as client:
        return client.info("replication").get("master_link_status") == "up"


def _owner(node: Server, slot: int) -> int | None:
    slots = node.ask("CLUSTER", "SLOTS")
    return next((owner[1] for first, last, owner, *_ in slots if first <= slot <= last), None)


def _options(bus: int) -> list[str]:
    return ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1000"]


def _ends(count: int) -> list[int]:
    return [(number + 1) * SLOTS // count for number in range(count)]


def _meet(made: TestCluster, buses: list[int]) -> None:
    first = 0
    for epoch, (node, end) in enumerate(zip(made.primaries, _ends(len(made.primaries)), strict=True), 1):
        node.ask("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        first = end
    for node, bus in zip(made.nodes[1:], buses[1:], strict=True):
        made.nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
    for node in made.nodes:
        wait_until(partial(_knows, node, len(made.nodes)))


def _knows(node: Server, count: int) -> bool:
    said: Any = node.ask("CLUSTER", "INFO")
    return "cluster_state:ok" in said and f"cluster_known_nodes:{count}" in said
