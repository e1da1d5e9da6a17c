"""A cascade step by step, as on a cluster, reaches what the script reaches."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

import rapyer
from rapyer import AtomicRedisModel, Key, RedisConfig
from rapyer.cascade import CascadeTTL
from rapyer.commands.cascade_walk import walked
from rapyer.model.cascade import plan_of
from rapyer.model.registry import registry
from rapyer.session.executor import attempt, run
from rapyer.session.faults import outcome_of
from rapyer.types import RedisPriorityQueue, RedisSet, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

NUMBER = 12
"""How many models of each class there are."""


class WalkLeaf(AtomicRedisModel):
    Meta = RedisConfig(ttl=300, refresh_ttl=False)
    name: Key[str]
    tags: set[str] = set()


class WalkPart(BaseModel):
    leaf: Reference[WalkLeaf] | None = None
    leaves: list[Annotated[Reference[WalkLeaf], CascadeTTL()]] = []


class WalkNode(AtomicRedisModel):
    Meta = RedisConfig(ttl=500, refresh_ttl=False)
    name: Key[str]
    next: Reference["WalkNode"] | None = None  # noqa: UP037 - the class is not there yet
    nexts: set[Reference["WalkNode"]] = set()  # noqa: UP037
    deep: Annotated[Reference["WalkNode"] | None, CascadeTTL(depth=2)] = None  # noqa: UP037
    either: Annotated[list[Reference["WalkNode"] | Reference[WalkLeaf]], CascadeTTL(depth=1)] = []  # noqa: UP037
    queue: Annotated[RedisPriorityQueue[Reference[WalkLeaf]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )
    groups: list[Annotated[RedisSet[Reference[WalkLeaf]], CascadeTTL()]] = []
    parts: dict[str, WalkPart] = {}


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_models", {"WalkNode": WalkNode, "WalkLeaf": WalkLeaf})


def _name(number: int) -> str:
    return f"{{t}}{number}"  # with a tag of its own, a key is the same on a cluster and on one server


async def _graph(chance: random.Random, raw: Redis) -> None:
    """Store models that refer to each other at random, some to what is not stored."""

    def key(cls: type[AtomicRedisModel]) -> str:
        return f"{cls.__name__}:{_name(chance.randrange(NUMBER + 2))}"

    def some(cls: type[AtomicRedisModel], most: int = 2) -> list[Any]:
        return list({key(cls) for _ in range(chance.randrange(most + 1))})

    def maybe(cls: type[AtomicRedisModel]) -> Any:
        return key(cls) if chance.random() < 0.5 else None

    for number in range(NUMBER):
        tags = {"t"} if chance.random() < 0.7 else set()
        await WalkLeaf(name=_name(number), tags=tags).asave()
        node: Any = await WalkNode(
            name=_name(number),
            next=maybe(WalkNode),
            nexts=some(WalkNode),  # type: ignore[arg-type]  # references are made of keys
            deep=maybe(WalkNode),
            either=[*some(WalkNode, 1), *some(WalkLeaf, 1)],
            groups=[some(WalkLeaf, 1)],  # type: ignore[list-item]  # as above
            parts={"a.b": WalkPart(leaf=maybe(WalkLeaf), leaves=some(WalkLeaf))},
        ).asave()
        for leaf in some(WalkLeaf, 1):
            await node.queue.apush(leaf, 1)
    if chance.random() < 0.3:
        damaged = f"WalkNode:{_name(1)}"
        await raw.json().set(damaged, "$.next", "Other:1")  # type: ignore[misc]  # of no class that it may name
        await raw.sadd(f"__rapyer_special__:{damaged}:nexts", "no json")  # type: ignore[misc]  # as redis-py has it


async def _ends(raw: Redis) -> dict[str, int]:
    return {key: round(await raw.ttl(key), -1) for key in await raw.keys()}


async def _before(raw: Redis) -> None:
    for number, key in enumerate(sorted(await raw.keys())):
        await (raw.persist(key) if number % 5 == 0 else raw.expire(key, 50 if number % 3 else 2000))


async def _step_by_step(source: ClientSource, command: Command[Any]) -> Any:
    assert command.stages is not None
    stages = command.stages()
    steps = next(stages)
    while True:
        replies = await attempt(source, steps)
        try:
            steps = stages.send([outcome_of(*each) for each in zip(steps, replies, strict=True)])
        except StopIteration as done:
            return command.decode(done.value)


@pytest.mark.parametrize("blanket", [None, CascadeTTL(), CascadeTTL(depth=1), CascadeTTL(depth=2)])
@pytest.mark.parametrize("seed", range(8))
async def test_both_ways_reach_the_same(
    seed: int, blanket: CascadeTTL | None, raw: Redis, source: ClientSource
) -> None:
    await rapyer.init_rapyer(source, cascade_ttl=blanket)
    chance = random.Random(seed)
    await _graph(chance, raw)
    roots = [f"WalkNode:{_name(chance.randrange(NUMBER + 2))}" for _ in range(chance.randrange(1, 4))]
    command = plan_of(WalkNode).command(list(dict.fromkeys(roots)), 700)
    await _before(raw)
    by_script = await run(source, command), await _ends(raw)
    await _before(raw)
    assert (await _step_by_step(source, command), await _ends(raw)) == by_script
    assert 700 in by_script[1].values()
    assert {300, 500} & set(by_script[1].values())


def test_it_ends_where_nothing_is_stored() -> None:
    stages = walked(["WalkNode:1"], 5, plan_of(WalkNode).text, [5, 5])
    steps = next(stages)
    with pytest.raises(StopIteration) as done:
        stages.send([0, False, *([[]] * (len(steps) - 2))])
    assert done.value.value == [0, 0, 0]
