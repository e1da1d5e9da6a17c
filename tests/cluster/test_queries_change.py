"""Deleting and updating by filters on a cluster: each slot is a step of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Index
from rapyer.commands.slots import slot_of
from rapyer.errors import CrossSlotError
from rapyer.search import find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class SlotChanged(AtomicRedisModel):
    age: Index[int] = 0
    big: Index[int] = 0
    owner: str = ""
    tags: set[str] = set()


Doc: Any = SlotChanged


@pytest.fixture
def timed() -> Iterator[None]:
    """Let documents end after 1000 seconds."""
    SlotChanged.Meta.ttl = 1000
    yield
    SlotChanged.Meta.ttl = None


async def test_documents_of_all_slots_are_updated() -> None:
    await SlotChanged.ainsert(*(SlotChanged(age=n) for n in range(900)))
    result = await SlotChanged.aupdate_many(Doc.age >= 300, owner="me")
    assert (result.matched, result.updated) == (600, 600)
    assert sorted(doc.age for doc in await SlotChanged.afind() if doc.owner == "me") == list(range(300, 900))


async def test_documents_of_all_slots_are_deleted_with_their_sets(nodes: TestCluster) -> None:
    await SlotChanged.ainsert(*(SlotChanged(age=n, tags={"t"}) for n in range(300)))
    dry = await SlotChanged.adelete_many(Doc.age < 200, dry_run=True)
    assert (dry.models_deleted, dry.was_committed) == (200, False)
    result = await SlotChanged.adelete_many(Doc.age < 200)
    assert (result.models_deleted, result.keys_deleted) == (200, 400)
    assert sum(int(node.ask("DBSIZE")) for node in nodes.primaries) == 200


async def test_what_no_longer_matches_is_left_alone(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, changed = SlotChanged(age=1), SlotChanged(age=2)
    await SlotChanged.ainsert(kept, changed)
    search = find.keys_on

    async def searching(*args: Any) -> list[str]:
        found = await search(*args)
        await client.execute_command("JSON.SET", kept.key, "$.age", "50")
        return found

    monkeypatch.setattr("rapyer.search.change.keys_on", searching)
    result = await SlotChanged.aupdate_many(Doc.age < 10, owner="me")
    assert result.updated == 1
    assert (await SlotChanged.aget(kept.key)).owner == ""
    assert (await SlotChanged.aget(changed.key)).owner == "me"


async def test_where_scripts_cannot_search_the_documents_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(source: Any) -> bool:
        return False

    monkeypatch.setattr("rapyer.search.change._scripts_can_search", never)
    await SlotChanged.ainsert(*(SlotChanged(age=n, tags={"t"}) for n in range(60)))
    result = await SlotChanged.aupdate_many(Doc.age >= 30, owner="me")
    assert (result.matched, result.updated) == (30, 30)
    assert (await SlotChanged.adelete_many(Doc.age < 40)).models_deleted == 40
    assert {(doc.age, doc.owner) for doc in await SlotChanged.afind()} == {(n, "me") for n in range(40, 60)}


async def test_numbers_that_the_index_rounds_are_compared_exactly() -> None:
    await SlotChanged.ainsert(*(SlotChanged(big=2**53 + n) for n in range(20)))
    assert (await SlotChanged.aupdate_many(Doc.big == 2**53 + 1, owner="me")).updated == 1
    (found,) = [doc for doc in await SlotChanged.afind() if doc.owner]
    assert found.big == 2**53 + 1


async def test_one_step_is_refused_where_it_would_be_several() -> None:
    docs = [SlotChanged(age=n) for n in range(4)]
    await SlotChanged.ainsert(*docs)
    assert len({slot_of(doc.key) for doc in docs}) > 1
    with pytest.raises(CrossSlotError, match="adelete_many cannot be one step"):
        await SlotChanged.adelete_many(Doc.age < 4, atomic=True)
    assert len(await SlotChanged.afind()) == 4
    assert (await SlotChanged.adelete_many(Doc.age == 3, atomic=True)).models_deleted == 1
    await SlotChanged.ainsert(*(SlotChanged(big=2**53 + n) for n in range(4)))
    with pytest.raises(CrossSlotError, match="adelete_many cannot be one step"):
        await SlotChanged.adelete_many(Doc.big > 2**53, atomic=True)
    assert await SlotChanged.acount(Doc.big > 0) == 4


async def test_in_a_pipeline_it_is_done_at_the_end() -> None:
    await SlotChanged.ainsert(*(SlotChanged(age=n) for n in range(20)))
    async with rapyer.apipeline():
        result = await SlotChanged.aupdate_many(Doc.age < 10, owner="me")
        await SlotChanged.adelete_many(Doc.age >= 15)
        assert (result.matched, result.was_committed) == (10, False)
        assert len(await SlotChanged.afind()) == 20
    docs = await SlotChanged.afind()
    assert {doc.age: doc.owner for doc in docs} == {n: "me" if n < 10 else "" for n in range(15)}


@pytest.mark.usefixtures("timed")
async def test_what_is_changed_lives_longer(client: Any) -> None:
    doc = SlotChanged(age=1, tags={"t"})
    await doc.asave()
    for key in doc.all_keys:
        await client.expire(key, 10)
    await SlotChanged.aupdate_many(Doc.age == 1, owner="me")
    assert [await client.ttl(key) > 900 for key in doc.all_keys] == [True, True]


async def test_every_primary_explains_itself(nodes: TestCluster) -> None:
    await SlotChanged.ainsert(*(SlotChanged(age=n) for n in range(60)))
    told = await SlotChanged.explain(Doc.age < 45)
    assert len(told.servers) == len(nodes.primaries)
    assert told.found == sum(server.profile.found for server in told.servers) == 45
    assert str(told).count("NUMERIC {-inf <= @age < 45.000000}") == len(nodes.primaries)
