"""Sets and queues on a cluster, where each model may live in another slot."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer.commands.slots import slot_of
from rapyer.types import PriorityQueueItem
from tests.cluster.special_models import (
    ShardDoc,
    ShardOrder,
    ShardPart,
    ask,
    calls_of,
    some_docs,
    stored_on,
    until,
)

if TYPE_CHECKING:
    from redis.asyncio import RedisCluster

    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


@pytest.mark.parametrize("pk", ["1", "{shelf}:1", "a}b", "{}x", "ключ", "{{a}}"])
async def test_companions_live_in_the_slot_of_their_model(pk: str, nodes: TestCluster) -> None:
    ShardDoc.Meta.exactly_once = True
    doc: Any = await ShardDoc(name=pk, tags={"a"}, part=ShardPart(labels={"x"}), maybe={1}).asave()
    await doc.jobs.apush("first", 1)
    assert len({slot_of(key) for key in doc.all_keys}) == 1
    assert [int(ask(nodes, "EXISTS", key)) for key in doc.all_keys] == [1] * 5
    async with doc.apipeline(atomic=True):
        doc.tags.add("b")
        doc.part.labels.discard("x")
        doc.visits += 1
        await doc.jobs.apush("second", 2)
    async with doc.alock(save_at_end=True) as locked:
        locked.tags.add("c")
        locked.maybe = {2, 3}
    fresh: Any = await ShardDoc.aget(doc.key)
    assert (fresh.tags, fresh.part.labels, fresh.maybe, fresh.visits) == ({"a", "b", "c"}, set(), {2, 3}, 1)
    assert await fresh.jobs.apop_many(5) == ["first", "second"]
    assert await doc.adelete()
    assert not any(key for node in nodes.primaries for key in node.ask("KEYS", "__rapyer_special__*"))


async def test_sets_on_every_node(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(30, tags={"a", "b"}, groups=[{"g"}]))
    assert all(stored_on(nodes))
    for doc in docs:
        await doc.tags.aadd("c")
        await doc.groups[0].aadd("h")
        assert await doc.tags.acontains_many(["a", "z"]) == [True, False]
        await doc.tags.aremove("a")
        assert {tag async for tag in doc.tags.aiter_members()} == {"b", "c"}
        assert await doc.groups[0].asize() == 2
        assert await doc.tags.apop() in {"b", "c"}
        doc.tags = {"x"}
        await doc.asave()
    found = await ShardDoc.afind(*[doc.key for doc in docs])
    assert all(doc.tags == {"x"} and doc.groups == [{"g", "h"}] for doc in found)


async def test_algebra_over_sets_in_several_slots(nodes: TestCluster) -> None:
    members = [{"a", "b", "c", "d"}, {"b", "c", "e"}, {"c", "f"}, {"c", "d", "g"}]
    docs: list[Any] = [ShardDoc(name=f"{at}", tags=tags, groups=[tags]) for at, tags in enumerate(members)]
    together = ShardDoc(name="{ShardDoc:0}", tags={"a", "z"})
    await ShardDoc.ainsert(*docs, together)
    assert len({slot_of(doc.key) for doc in docs}) == 4
    assert slot_of(together.key) == slot_of(docs[0].key)
    others = [{"a", "z"}, *members[1:]]
    for kind in ("tags", "groups"):
        first, *rest = [doc.tags if kind == "tags" else doc.groups[0] for doc in docs]
        operands: list[Any] = [together.tags, *rest]
        assert await first.aunion(*operands) == members[0].union(*others)
        assert await first.aintersect(*operands) == set()
        assert await first.aintersect(*rest) == {"c"}
        assert await first.adifference(*operands) == set()
        assert await first.adifference(*rest[:1]) == {"a", "d"}
        assert await rest[0].adifference(first, *rest[1:]) == {"e"}
        expected = members[0] ^ others[0] ^ others[1] ^ others[2] ^ others[3]
        assert await first.asymmetric_difference(*operands) == expected
    assert await docs[0].tags.aunion(together.tags) == {"a", "b", "c", "d", "z"}


async def test_algebra_is_one_round_trip_to_each_node(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(20, tags={"a"}))

    def commands() -> int:
        return sum(calls_of(node, "sunion") + calls_of(node, "exec") for node in nodes.primaries)

    before = commands()
    assert await docs[0].tags.aunion(*(doc.tags for doc in docs[1:])) == {"a"}
    assert commands() - before == len({slot_of(doc.key) for doc in docs})


async def test_queues_on_every_node(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(12))
    for doc in docs:
        items = [PriorityQueueItem("b", 2), PriorityQueueItem("a", 1), PriorityQueueItem("c", 3)]
        await doc.jobs.apush_many(items)
        assert await doc.jobs.apush("c", 5, only_if="lower") is False
        assert [item.value for item in await doc.jobs.aitems()] == ["a", "b", "c"]
        assert await doc.jobs.apop_max() == "c"
        assert await doc.jobs.apop() == "a"
    async with rapyer.apipeline():
        for doc in docs:
            await doc.jobs.apush("late", 9)
    assert [await doc.jobs.asize() for doc in docs] == [2] * 12


async def test_queues_that_keep_the_order_of_arrival(nodes: TestCluster) -> None:
    docs = [await ShardOrder(name=f"{at}").asave() for at in range(6)]
    assert len({slot_of(doc.key) for doc in docs}) == 6
    async with rapyer.apipeline():
        for value in "cab":
            for doc in docs:
                await doc.jobs.apush(value, 1)
    for doc in docs:
        await doc.jobs.apush("z", 0)
        assert [item.value for item in await doc.jobs.aitems()] == ["z", "c", "a", "b"]
        assert await doc.jobs.apop_max() == "c"
        assert await doc.jobs.apop_many(3, highest=True) == ["a", "b", "z"]


async def test_waiting_for_values_on_several_nodes(nodes: TestCluster, client: RedisCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(9))
    assert len({nodes.node_of(doc.key).port for doc in docs}) == 3
    loop = asyncio.get_running_loop()
    waiting = [asyncio.ensure_future(doc.jobs.apop(timeout=30)) for doc in docs]
    tracked = "tracking_total_keys:"

    def told() -> int:
        lines = [line for node in nodes.primaries for line in node.ask("INFO", "stats").splitlines()]
        return sum(int(line.removeprefix(tracked)) for line in lines if line.startswith(tracked))

    await until(lambda: told() == len(docs))
    began = loop.time()
    for number, doc in enumerate(docs):
        await client.zadd(doc.jobs.special_key, {f'"{number}"': 1})
    assert await asyncio.gather(*waiting) == [str(number) for number in range(9)]
    assert loop.time() - began < 3  # told of it, not looked for
    assert await docs[0].jobs.apop(timeout=0.01) is None


async def test_each_value_goes_to_one_of_many_who_wait(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(3))
    pops = [asyncio.ensure_future(docs[at % 3].jobs.apop(timeout=30)) for at in range(30)]
    await asyncio.sleep(0)
    for at in range(30):
        await docs[at % 3].jobs.apush(str(at), at)
    assert sorted(await asyncio.gather(*pops)) == sorted(map(str, range(30)))
    assert [await doc.jobs.asize() for doc in docs] == [0] * 3


async def test_who_waits_is_found_after_the_slot_has_moved(
    nodes: TestCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.session.arrivals.TOLD", 0.3)
    doc: Any = await ShardDoc(name="moving").asave()
    slot, old = slot_of(doc.key), nodes.node_of(doc.key)
    new = next(node for node in nodes.primaries if node is not old)
    first = asyncio.ensure_future(doc.jobs.apop(timeout=30))
    await asyncio.sleep(0.1)
    nodes.move(slot, old, new)
    try:
        await asyncio.sleep(0.5)
        new.ask("ZADD", doc.jobs.special_key, 1, '"a"')
        assert await asyncio.wait_for(first, 10) == "a"
        second = asyncio.ensure_future(doc.jobs.apop(timeout=30))
        await asyncio.sleep(0.1)
        await doc.jobs.apush("b", 1)
        assert await asyncio.wait_for(second, 10) == "b"
    finally:
        nodes.move(slot, new, old)
