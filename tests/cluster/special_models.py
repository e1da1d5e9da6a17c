"""Models whose fields have keys of their own, for the tests of a cluster, and what these tests ask it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

import rapyer
from rapyer import AtomicRedisModel, FifoTies, Index, Key, RedisConfig, SafeLoad
from rapyer.cascade import CascadeTTL
from rapyer.session import observe
from rapyer.types import RedisPriorityQueue, RedisSet, Reference

if TYPE_CHECKING:
    import pytest

    from tests.cluster.nodes import TestCluster


class ShardPart(BaseModel):
    labels: set[str] = set()


class ShardDoc(AtomicRedisModel):
    name: Key[str]
    visits: int = 0
    tags: set[str] = set()
    part: ShardPart = ShardPart()
    maybe: set[int] | None = None
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    groups: list[RedisSet[str]] = []


class ShardOrder(AtomicRedisModel):
    name: Key[str]
    jobs: Annotated[RedisPriorityQueue[str], FifoTies] = Field(default_factory=RedisPriorityQueue)


class ShardPlace(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: Key[str]
    number: Index[int] = 0
    tags: set[str] = set()
    jobs: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue)


class ShardSafe(AtomicRedisModel):
    name: Key[str]
    number: SafeLoad[UUID | None] = UUID(int=1)
    tags: set[int] = set()


class ShardRemembering(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    name: Key[str]
    visits: int = 0
    tags: set[str] = set()


class ShardCountry(AtomicRedisModel):
    name: Key[str]


class ShardCompany(AtomicRedisModel):
    name: Key[str]
    country: Reference[ShardCountry] | None = None
    labels: set[str] = set()


class ShardUser(AtomicRedisModel):
    name: Key[str]
    company: Reference[ShardCompany] | None = None
    friends: set[Reference["ShardUser"]] = set()  # noqa: UP037 - the class is not there yet


class ShardLeaf(AtomicRedisModel):
    Meta = RedisConfig(ttl=300, refresh_ttl=False)
    name: Key[str]
    tags: set[str] = set()


class ShardBranch(AtomicRedisModel):
    Meta = RedisConfig(ttl=400, refresh_ttl=False)
    name: Key[str]
    leaf: Annotated[Reference[ShardLeaf] | None, CascadeTTL()] = None
    back: Annotated[Reference["ShardTree"] | None, CascadeTTL()] = None  # noqa: UP037


class ShardTree(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    name: Key[str]
    visits: int = 0
    main: Annotated[Reference[ShardBranch] | None, CascadeTTL()] = None
    branches: Annotated[set[Reference[ShardBranch]], CascadeTTL()] = set()
    queue: Annotated[RedisPriorityQueue[Reference[ShardLeaf]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )
    notes: set[str] = set()


def some_docs(number: int, **fields: Any) -> list[Any]:
    return [ShardDoc(name=f"d{at}", visits=at, **fields) for at in range(number)]


def stored_on(nodes: TestCluster) -> list[int]:
    """Return how many keys each primary has."""
    return [int(node.ask("DBSIZE")) for node in nodes.primaries]


def ask(nodes: TestCluster, *words: Any) -> Any:
    return nodes.node_of(words[1]).ask(*words)


def seconds_left(nodes: TestCluster, key: str) -> int:
    return int(ask(nodes, "TTL", key))


async def until(condition: Any) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to hold")


def calls_of(node: Any, name: str) -> int:
    stats = node.ask("INFO", "commandstats")
    found = [line for line in stats.splitlines() if line.startswith(f"cmdstat_{name}:")]
    return int(found[0].partition("calls=")[2].partition(",")[0]) if found else 0


def note_trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the port of the node in each round trip from now on."""
    trips: list[int] = []
    really = observe.round_trip

    async def noting(client: Any, requests: Any) -> Any:
        trips.append(client.connection_pool.connection_kwargs["port"])
        return await really(client, requests)

    monkeypatch.setattr(observe, "round_trip", noting)
    return trips


async def store_tree(nodes: TestCluster, name: str = "root") -> ShardTree:
    leaves = [ShardLeaf(name=f"{name}-l{at}", tags={"t"}) for at in range(8)]
    branches = [ShardBranch(name=f"{name}-b{at}", leaf=leaves[at]) for at in range(6)]
    tree = ShardTree(
        name=name,
        main=branches[0],
        branches={branch.key for branch in branches[1:]},  # type: ignore[arg-type]  # references are made of keys
        notes={"n"},
    )
    branches[5].back = tree  # type: ignore[assignment]  # a reference is made of it
    await rapyer.ainsert(*leaves, *branches, tree)
    await tree.queue.apush(leaves[6], 1)  # type: ignore[arg-type]  # as above
    await tree.queue.apush(leaves[7], 1)  # type: ignore[arg-type]  # as above
    for model in [*leaves, *branches, tree]:
        for key in model.all_keys:
            ask(nodes, "EXPIRE", key, 50)
    return tree


def ends_of(nodes: TestCluster, name: str = "root") -> dict[str, set[int]]:
    """Return the seconds to live, rounded to tens, of each class."""
    ends: dict[str, set[int]] = {}
    for node in nodes.primaries:
        for key in node.ask("KEYS", f"*{name}*"):
            owner = re.match(r"(?:__rapyer_special__:.*?)?(Shard\w+):", key)
            if owner is not None:
                ends.setdefault(owner[1], set()).add(round(int(node.ask("TTL", key)), -1))
    return ends
