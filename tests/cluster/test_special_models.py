"""What is stored of models with sets and queues on a cluster: many of them, copies, and how they are loaded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer.commands.slots import slot_of
from rapyer.errors import (
    CorruptedModelError,
    CrossSlotError,
    KeyExistsError,
    KeyNotFound,
    StaleModelError,
    TransactionError,
    WrongTypeError,
)
from rapyer.types import PriorityQueueItem
from tests.cluster.special_models import (
    ShardDoc,
    ShardPart,
    ShardPlace,
    ShardRemembering,
    ShardSafe,
    ask,
    seconds_left,
    some_docs,
    stored_on,
)
from tests.servers import wait_until

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


async def test_many_with_companions(nodes: TestCluster) -> None:
    docs = some_docs(60, tags={"a"}, maybe={1})
    assert await ShardDoc.ainsert(*docs) == docs
    assert [doc.tags for doc in await ShardDoc.afind(*docs)] == [{"a"}] * 60
    again = [ShardDoc(name=f"d{at}", tags={"b"}) for at in range(50, 70)]
    assert [doc.name for doc in await ShardDoc.ainsert(*again, on_conflict="skip")] == [
        f"d{at}" for at in range(60, 70)
    ]
    with pytest.raises(KeyExistsError):
        await ShardDoc.ainsert(*again, ShardDoc(name="never", tags={"x"}), on_conflict="error")
    assert not await ShardDoc.aexists("never")
    assert {frozenset(doc.tags) for doc in await ShardDoc.afind()} == {frozenset("a"), frozenset("b")}
    await rapyer.ainsert(*again)
    assert (await ShardDoc.aget("d55")).tags == {"b"}
    ShardDoc.Meta.max_delete_per_transaction = 20
    result = await ShardDoc.adelete_many(*[f"d{at}" for at in range(70)], "missing")
    assert (result.models_deleted, result.models_missing) == (70, 1)
    assert result.keys_deleted == 70 + 60 + 50 - 0 + 10  # documents, tags, what is left of `maybe`
    assert sum(stored_on(nodes)) == 0


async def test_one_step_needs_one_slot(nodes: TestCluster) -> None:
    docs = some_docs(3, tags={"a"})
    with pytest.raises(CrossSlotError, match="ainsert cannot be one step"):
        await ShardDoc.ainsert(*docs, atomic=True)
    assert sum(stored_on(nodes)) == 0
    near = [ShardDoc(name=f"{{shelf}}:{at}", tags={str(at)}) for at in range(4)]
    await ShardDoc.ainsert(*near, atomic=True)
    assert [doc.tags for doc in await ShardDoc.afind(*near)] == [{str(at)} for at in range(4)]
    await ShardDoc.ainsert(*docs)
    with pytest.raises(CrossSlotError, match="the pipeline cannot be one step"):
        async with rapyer.apipeline(atomic=True):
            docs[0].tags.add("b")
            docs[1].tags.add("b")
    assert docs[0].tags == {"a"}
    async with rapyer.apipeline(atomic=True):
        near[0].tags.add("b")
        near[1].part.labels.add("b")
    assert (await ShardDoc.adelete_many(*near, atomic=True)).keys_deleted == 4 + 4 + 1


async def test_pipelines_over_many_slots(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(20, tags={"a", "b"}))
    async with rapyer.apipeline():
        for number, doc in enumerate(docs):
            doc.tags.add(str(number))
            doc.tags.remove("a")
            doc.visits += 1
            doc.maybe = {number}
            await doc.jobs.apush("job", number)
    found = await ShardDoc.afind(*docs)
    assert [doc.tags for doc in found] == [{"b", str(number)} for number in range(20)]
    assert [doc.maybe for doc in found] == [{number} for number in range(20)]
    assert [await doc.jobs.asize() for doc in docs] == [1] * 20
    ask(nodes, "DEL", docs[3].tags.special_key)
    ask(nodes, "SET", docs[3].tags.special_key, "text")
    with pytest.raises(
        TransactionError, match="command 2 of 3, SADD on __rapyer_special__:{ShardDoc:d3}:tags"
    ):
        async with rapyer.apipeline():
            for doc in docs[2:5]:
                doc.tags.add("late")
    assert "late" in docs[2].tags
    assert "late" not in docs[3].tags


async def test_get_or_create_on_every_node(nodes: TestCluster) -> None:
    for at in range(12):
        made = await ShardDoc.aget_or_create(ShardDoc(name=f"g{at}", tags={"a"}))
        found = await ShardDoc.aget_or_create(ShardDoc(name=f"g{at}", tags={"b"}))
        assert (made.created, found.created) == (True, False)
        assert found.value.tags == {"a"}
    tasks = [ShardDoc.aget_or_create(ShardDoc(name="race", tags={str(at)})) for at in range(20)]
    results = await asyncio.gather(*tasks)
    assert sum(result.created for result in results) == 1
    assert len({frozenset(result.value.tags) for result in results}) == 1


async def test_copies_in_other_slots_have_companions_of_their_own(nodes: TestCluster) -> None:
    doc: Any = await ShardDoc(name="source", tags={"a"}, part=ShardPart(labels={"l"}), maybe={1}).asave()
    await doc.jobs.apush("job", 3)
    await doc.aset_ttl(500)
    copies = [await doc.aduplicate(name=f"copy{at}") for at in range(6)]
    copies += await doc.aduplicate_many(6)
    assert len({slot_of(copy.key) for copy in copies}) > 6
    for copy in copies:
        stored: Any = await ShardDoc.aget(copy.key)
        assert (
            (stored.tags, stored.part.labels, stored.maybe)
            == ({"a"}, {"l"}, {1})
            == (
                copy.tags,
                copy.part.labels,
                copy.maybe,
            )
        )
        assert await stored.jobs.apop_item() == PriorityQueueItem("job", 3)
        assert {slot_of(key) for key in copy.all_keys} == {slot_of(copy.key)}
        assert 490 < seconds_left(nodes, copy.tags.special_key) <= 500
    other = await doc.aduplicate(name="other", tags={"z"})
    assert (await ShardDoc.aget("other")).tags == other.tags == {"z"}
    with pytest.raises(KeyExistsError, match="ShardDoc:other"):
        await doc.aduplicate(name="other")
    await doc.adelete()
    with pytest.raises(KeyNotFound):
        await doc.aduplicate(name="nobody")


async def test_one_field_is_copied_within_a_slot(nodes: TestCluster) -> None:
    doc: Any = await ShardDoc(name="{near}:1", tags={"a"}, part=ShardPart(labels={"l"})).asave()
    await ShardDoc(name="{near}:2").asave()
    await doc.tags.aduplicate_special("ShardDoc:{near}:2")
    await doc.part.labels.aduplicate_special("ShardDoc:{near}:2")
    stored = await ShardDoc.aget("{near}:2")
    assert (stored.tags, stored.part.labels) == ({"a"}, {"l"})
    plain: Any = await ShardDoc(name="plain", tags={"a"}).asave()
    with pytest.raises(CrossSlotError, match="COPY cannot be one step") as raised:
        await plain.tags.aduplicate_special("ShardDoc:elsewhere")
    assert raised.value.keys == (plain.tags.special_key, "__rapyer_special__:{ShardDoc:elsewhere}:tags")


async def test_safe_loading_and_saving_again(nodes: TestCluster) -> None:
    docs = await ShardSafe.ainsert(*(ShardSafe(name=str(at), tags={at}) for at in range(6)))
    for doc in docs:
        ask(nodes, "JSON.SET", doc.key, "$.number", '"damaged"')
    found: list[Any] = await ShardSafe.afind(*docs)
    assert [(doc.number, doc.failed_fields, doc.tags) for doc in found] == [
        (None, {"number"}, {at}) for at in range(6)
    ]
    for doc in found:
        doc.tags.add(99)
        await doc.asave()
        assert ask(nodes, "JSON.GET", doc.key, "$.number") == '["damaged"]'
        assert int(ask(nodes, "SCARD", doc.tags.special_key)) == 2


async def test_stale_copies(nodes: TestCluster) -> None:
    for at in range(6):
        mine: Any = await ShardRemembering(name=str(at), tags={"a"}).asave()
        theirs: Any = await ShardRemembering.aget(str(at))
        theirs.visits = 5
        theirs.tags.add("theirs")
        await theirs.asave(if_unchanged=True)
        mine.tags.add("mine")
        mine.visits = 7
        with pytest.raises(StaleModelError):
            await mine.asave(if_unchanged=True)
        assert (await ShardRemembering.aget(str(at))).tags == {"a", "theirs"}
        await mine.aload()
        mine.tags.add("mine")
        await mine.asave(if_unchanged=True)
        assert (await ShardRemembering.aget(str(at))).tags == {"a", "theirs", "mine"}


async def test_a_key_of_another_type_is_named(nodes: TestCluster) -> None:
    doc: Any = ShardDoc(name="odd", tags={"a"})
    ask(nodes, "SET", doc.tags.special_key, "text")
    with pytest.raises(WrongTypeError, match="__rapyer_special__:{ShardDoc:odd}:tags"):
        await doc.tags.amembers()


async def test_locks_on_every_node(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(6))

    async def add(at: int) -> None:
        async with docs[at % 6].alock(save_at_end=True) as locked:
            locked.tags = locked.tags | {str(at)}
            locked.visits += 1

    await asyncio.gather(*(add(at) for at in range(30)))
    found = await ShardDoc.afind(*docs)
    assert [len(doc.tags) for doc in found] == [5] * 6
    assert [doc.visits for doc in found] == [at + 5 for at in range(6)]


async def test_searches_find_what_lives_beside(nodes: TestCluster) -> None:
    places = [ShardPlace(name=str(at), number=at, tags={str(at)}) for at in range(30)]
    await ShardPlace.ainsert(*places)
    for place in places:
        await place.jobs.apush(1, 1)
    for node in nodes.primaries:
        await asyncio.to_thread(wait_until, lambda node=node: _is_indexed(node))
    found: list[Any] = await ShardPlace.afind(ShardPlace.number >= 20)
    assert sorted((place.number, *place.tags) for place in found) == [(at, str(at)) for at in range(20, 30)]
    for place in found:
        assert 90 < seconds_left(nodes, place.tags.special_key) <= 100
        assert await place.jobs.asize() == 1
    assert (await ShardPlace.adelete_many(ShardPlace.number < 20)).keys_deleted == 60
    assert len(await ShardPlace.afind()) == 10


def _is_indexed(node: Any) -> bool:
    infos = [node.ask("FT.INFO", name) for name in node.ask("FT._LIST")]
    return all(dict(zip(info[::2], info[1::2], strict=True))["indexing"] in {0, "0"} for info in infos)


async def test_single_fields(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(8, tags={"a"}))
    for doc in docs:
        doc.tags.add("local")
        doc.visits = 99
        await doc.tags.asave_special()
        await doc.jobs.apush_many([PriorityQueueItem("x", 1)])
        ask(nodes, "ZADD", doc.jobs.special_key, 0, "no json")
        with pytest.raises(CorruptedModelError, match=f"ShardDoc:{doc.name}}}:jobs"):
            await doc.jobs.apop()
        assert await doc.jobs.apop_corrupt() == [PriorityQueueItem("no json", 0.0)]
        assert await doc.jobs.apop() == "x"
        assert (await ShardDoc.aget(doc.key)).visits == int(doc.name[1:])
        assert await doc.tags.adelete_special()
        assert (await ShardDoc.aget(doc.key)).tags == set()


async def test_a_wait_that_is_cancelled_loses_nothing(nodes: TestCluster) -> None:
    docs = await ShardDoc.ainsert(*some_docs(6))
    for doc in docs:
        for attempt in range(5):
            waiting = asyncio.ensure_future(doc.jobs.apop(timeout=30))
            await asyncio.sleep(0.002 * attempt)
            pushing = asyncio.ensure_future(doc.jobs.apush(str(attempt), attempt))
            await asyncio.sleep(0.001 * attempt)
            given = not waiting.cancel()
            await pushing
            try:
                assert await waiting == str(attempt)
            except asyncio.CancelledError:
                assert not given
                assert await doc.jobs.apop(timeout=5) == str(attempt)
