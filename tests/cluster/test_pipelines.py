"""Pipelines on a cluster: one transaction for each slot."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import OutOfMemoryError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.commands.slots import slot_of
from rapyer.errors import CrossSlotError, PartlyAppliedError, TransactionError
from rapyer.session import observe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.nodes import TestCluster
    from tests.servers import Server

pytestmark = pytest.mark.usefixtures("source")


class SlotDoc(AtomicRedisModel):
    number: int = 0
    text: str = ""
    tags: list[str] = []


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Take note of what leaves: one list of command names for each round trip."""
    seen: list[list[str]] = []
    round_trip = observe.round_trip

    async def noting(client: Any, requests: Any) -> Any:
        seen.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", noting)
    return seen


async def _docs(nodes: TestCluster) -> list[Any]:
    """Return a stored document on each primary."""
    docs: list[Any] = []
    for number in range(3):
        doc: Any = SlotDoc(number=number)
        doc.pk = nodes.key_on(number, "SlotDoc:").removeprefix("SlotDoc:")
        docs.append(await doc.asave())
    return docs


async def test_each_slot_has_a_transaction_of_its_own(nodes: TestCluster, writes: list[list[str]]) -> None:
    docs = await _docs(nodes)
    writes.clear()
    async with rapyer.apipeline() as opened:
        for doc in docs:
            doc.number += 10
            doc.tags.append("x")
        docs[0].text = "alone"
    assert sorted(map(len, writes)) == [4, 4, 5]
    assert all((names[0], names[-1]) == ("MULTI", "EXEC") for names in writes)
    assert len(opened.results) == 7
    assert [(doc.number, doc.tags) for doc in docs] == [(10, ["x"]), (11, ["x"]), (12, ["x"])]
    for doc in docs:
        assert (await SlotDoc.aget(doc.key)).redis_dump() == doc.redis_dump()


async def test_results_are_in_the_order_of_the_commands(nodes: TestCluster) -> None:
    docs = await _docs(nodes)
    async with rapyer.apipeline() as opened:
        for amount in (1, 2):
            for doc in docs:
                doc.number += amount
    assert opened.results == (1, 2, 3, 3, 4, 5)


async def test_steps_for_one_node_share_a_round_trip(writes: list[list[str]]) -> None:
    docs = await SlotDoc.ainsert(*(SlotDoc() for _ in range(60)))
    slots = {slot_of(doc.key) for doc in docs}  # now and then, two of the keys fall into one
    writes.clear()
    async with rapyer.apipeline():
        for doc in docs:
            doc.text = "x"
            doc.number = 5
    assert len(writes) == 3
    assert sum(names.count("MULTI") for names in writes) == len(slots)
    writes.clear()
    assert len(await SlotDoc.afind(*docs)) == 60
    assert len(writes) == 3


async def test_an_atomic_pipeline_over_several_slots_sends_nothing(
    nodes: TestCluster, writes: list[list[str]]
) -> None:
    docs = await _docs(nodes)
    writes.clear()
    with pytest.raises(CrossSlotError) as raised:
        async with rapyer.apipeline(atomic=True):
            for doc in docs:
                doc.number += 10
    assert str(raised.value).startswith(
        f"the pipeline cannot be one step: its keys live in 3 slots of the cluster ({docs[0].key}, "
    )
    assert raised.value.keys == tuple(doc.key for doc in docs)
    assert [doc.number for doc in docs] == [0, 1, 2]
    assert writes == []


async def test_atomic_is_asked_for_in_several_ways(nodes: TestCluster) -> None:
    docs = await _docs(nodes)
    with pytest.raises(CrossSlotError):
        async with docs[0].apipeline(atomic=True):
            docs[0].number += 1
            docs[1].number += 1
    with pytest.raises(CrossSlotError):
        async with rapyer.apipeline():
            docs[0].number += 1
            async with rapyer.apipeline(use_existing_pipe=True, atomic=True):
                docs[1].number += 1
    with pytest.raises(CrossSlotError):
        async with rapyer.apipeline():
            await SlotDoc.ainsert(SlotDoc(), SlotDoc(), atomic=True)
    with pytest.raises(CrossSlotError):
        async with rapyer.apipeline():
            await SlotDoc.adelete_many(*docs, atomic=True)
    assert [doc.number for doc in await SlotDoc.afind(*docs)] == [0, 1, 2]


async def test_an_atomic_pipeline_in_one_slot_is_one_transaction(
    nodes: TestCluster, writes: list[list[str]]
) -> None:
    doc = (await _docs(nodes))[0]
    beside: Any = SlotDoc()
    beside.pk = f"{{{doc.key}}}"
    await beside.asave()
    writes.clear()
    async with rapyer.apipeline(atomic=True):
        doc.number += 5
        beside.number += 6
        await SlotDoc.adelete_many(beside, atomic=True)
    assert [names[-1] for names in writes] == ["EXEC"]
    assert (await SlotDoc.aget(doc.key)).number == 5
    assert not await SlotDoc.aexists(beside)


async def test_many_documents_in_a_pipeline(nodes: TestCluster) -> None:
    docs = [SlotDoc(number=number) for number in range(100)]
    async with rapyer.apipeline() as opened:
        await SlotDoc.ainsert(*docs)
        assert not await SlotDoc.aexists(docs[0])
    assert opened.results[0].stored == tuple(range(100))
    assert len(await SlotDoc.afind_keys()) == 100
    async with rapyer.apipeline() as opened:
        await SlotDoc.adelete_many(*docs, "missing")
    assert opened.results == ((100, 0),)  # documents, and keys beside them


@pytest.fixture
def full(nodes: TestCluster) -> Iterator[Server]:
    """Let the second primary have no memory for writes."""
    server = nodes.primaries[1]
    yield server
    server.ask("CONFIG", "SET", "maxmemory", "0")


async def test_a_slot_that_fails_leaves_the_others_applied(nodes: TestCluster, full: Server) -> None:
    docs = await _docs(nodes)
    full.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(PartlyAppliedError) as raised:
        async with rapyer.apipeline():
            for doc in docs:
                doc.number += 10
                doc.tags.append("x")
    error = raised.value
    assert (error.applied_keys, error.failed_keys) == ((docs[0].key, docs[2].key), (docs[1].key,))
    assert (error.position, error.applied, error.command) == (2, 4, "JSON.NUMINCRBY")
    assert isinstance(error.__cause__, OutOfMemoryError)
    assert f"applied the changes of {docs[0].key}, {docs[2].key}, but not those of {docs[1].key}: " in str(
        error
    )
    assert isinstance(error, TransactionError)
    # The local models show what is stored.
    assert [(doc.number, doc.tags) for doc in docs] == [(10, ["x"]), (1, []), (12, ["x"])]


async def test_the_only_slot_that_fails_raises_its_own_error(nodes: TestCluster, full: Server) -> None:
    docs = await _docs(nodes)
    full.ask("CONFIG", "SET", "maxmemory", "1")
    with pytest.raises(OutOfMemoryError):
        async with rapyer.apipeline():
            docs[1].number += 10
            docs[1].tags.append("x")
    assert docs[1].number == 1


async def test_errors_of_the_server_can_be_ignored(
    nodes: TestCluster, full: Server, caplog: pytest.LogCaptureFixture
) -> None:
    docs = await _docs(nodes)
    full.ask("CONFIG", "SET", "maxmemory", "1")
    with caplog.at_level(logging.WARNING, "rapyer"):
        async with rapyer.apipeline(ignore_redis_error=True):
            for doc in docs:
                doc.number += 10
                doc.tags.append("x")
    assert "the pipeline was ended by the server and its error ignored: the cluster applied" in caplog.text
    assert [(doc.number, doc.tags) for doc in docs] == [(10, ["x"]), (1, []), (12, ["x"])]


async def test_a_command_that_fails_names_its_position(nodes: TestCluster) -> None:
    docs = await _docs(nodes)
    nodes.node_of(docs[1].key).ask("JSON.SET", docs[1].key, "$.tags", "5")
    with pytest.raises(TransactionError) as raised:
        async with rapyer.apipeline():
            for doc in docs:
                doc.number += 10
                doc.tags.append("x")
    assert (raised.value.position, raised.value.applied, raised.value.key) == (3, 5, docs[1].key)
