"""Pipelines: shared and nested ones, failures half-way, reads in the middle, tasks that come too late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from rapyer import AtomicRedisModel, apipeline
from rapyer.commands.command import Command
from rapyer.errors import KeyNotFound, PipelineClosedError, TransactionError
from rapyer.model.registry import registry
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class EdgeInner(BaseModel):
    text: str = "i"
    items: list[int] = [1]


class EdgeDoc(AtomicRedisModel):
    number: int = 10
    text: str = "a"
    items: list[int] = [1, 2, 3]
    mapping: dict[str, int] = {"a": 1}
    inner: EdgeInner = EdgeInner()


async def saved(**values: Any) -> Any:
    return await EdgeDoc(**values).asave()


async def assert_as_stored(doc: Any) -> None:
    assert doc == await EdgeDoc.aget(doc.key)


async def test_an_exception_in_a_shared_block_undoes_that_block_alone() -> None:
    doc = await saved()
    async with apipeline() as outer:
        doc.items.append(4)
        with pytest.raises(ZeroDivisionError):
            async with apipeline(use_existing_pipe=True):
                doc.items.append(5)
                doc.text = "inner"
                async with apipeline(use_existing_pipe=True):
                    doc.number += 1
                raise ZeroDivisionError
        assert (list(doc.items), doc.text, doc.number) == ([1, 2, 3, 4], "a", 10)
        assert len(outer.commands) == 1
        async with apipeline(use_existing_pipe=True):
            doc.number += 5
    assert (list(doc.items), doc.text, doc.number) == ([1, 2, 3, 4], "a", 15)
    await assert_as_stored(doc)


async def test_an_exception_in_the_outer_block_undoes_shared_ones_too() -> None:
    doc = await saved()
    with pytest.raises(ZeroDivisionError):
        async with apipeline():
            async with apipeline(use_existing_pipe=True):
                doc.items.append(5)
            doc.items.append(6)
            raise ZeroDivisionError
    assert doc == EdgeDoc()
    await assert_as_stored(doc)


async def test_a_pipeline_of_an_inner_model() -> None:
    doc = await saved()
    async with doc.inner.apipeline() as inner:
        assert inner is doc.inner
        inner.items.append(2)
        inner.text += "!"
        doc.number += 1
    assert (list(doc.inner.items), doc.inner.text, doc.number) == ([1, 2], "i!", 11)
    await assert_as_stored(doc)


async def test_what_others_did_to_the_model_is_seen_after_a_failure_half_way(raw: Redis) -> None:
    doc, gone = await saved(), await saved()
    with pytest.raises(TransactionError) as raised:
        async with apipeline():
            doc.text = "b"
            gone.items.append(4)
            gone.mapping["c"] = 3
            doc.items.append(4)
            await raw.delete(gone.key)
    assert (raised.value.position, raised.value.applied) == (1, 2)
    assert "command 2 of 4, JSON.ARRAPPEND on EdgeDoc:" in str(raised.value)
    assert "; 1 more failed, and 2 took effect; the local models show what is stored now" in str(raised.value)
    assert (doc.text, list(doc.items)) == ("b", [1, 2, 3, 4])
    assert (list(gone.items), dict(gone.mapping)) == ([1, 2, 3], {"a": 1})
    await assert_as_stored(doc)


async def test_an_ignored_failure_half_way_leaves_the_local_objects_as_stored(raw: Redis) -> None:
    doc, gone = await saved(), await saved()
    async with apipeline(ignore_redis_error=True) as pipe:
        doc.text = "b"
        gone.items.append(4)
        await raw.delete(gone.key)
        assert pipe.ignored is None
    assert isinstance(pipe.ignored, TransactionError)
    assert pipe.ignored.key == gone.key
    assert doc.text == "b"
    await assert_as_stored(doc)


async def test_a_transaction_that_the_server_refuses_applies_nothing() -> None:
    doc = await saved()
    with pytest.raises(Exception, match="wrong number of arguments"):
        async with apipeline():
            doc.items.append(4)
            batch = open_batch()
            assert batch is not None
            batch.add(registry.source, Command("SET", (doc.key,)))
            doc.text = "b"
    assert doc == EdgeDoc()
    await assert_as_stored(doc)


async def test_a_load_in_the_block_does_not_lose_what_is_queued() -> None:
    doc = await saved()
    async with apipeline():
        doc.number += 5
        await doc.aload()
        assert doc.number == 10
    assert doc.number == 15
    await assert_as_stored(doc)


async def test_a_pipeline_of_its_own_in_a_pipeline_of_the_same_model() -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.number += 5
        async with doc.apipeline():
            doc.text = "inner"
    assert (doc.number, doc.text) == (15, "inner")
    await assert_as_stored(doc)


async def test_what_an_inner_pipeline_did_survives_the_failure_of_the_outer() -> None:
    doc = await saved()
    with pytest.raises(ZeroDivisionError):
        async with apipeline():
            doc.number += 5
            async with apipeline():
                doc.text = "inner"
                doc.items.append(4)
            raise ZeroDivisionError
    assert (doc.number, doc.text, list(doc.items)) == (10, "inner", [1, 2, 3, 4])
    await assert_as_stored(doc)


async def test_a_pop_in_a_block_that_fails_stays_popped() -> None:
    doc = await saved()
    with pytest.raises(ZeroDivisionError):
        async with apipeline():
            doc.items.append(4)
            assert await doc.items.apop(0) == 1
            raise ZeroDivisionError
    assert list(doc.items) == [2, 3]
    await assert_as_stored(doc)


LATE = {
    "assignment": lambda d: setattr(d, "text", "late"),
    "operator": lambda d: setattr(d, "number", d.number.__iadd__(1)),
    "list": lambda d: d.items.append(4),
    "list item": lambda d: d.items.__setitem__(0, 9),
    "dict": lambda d: d.mapping.__setitem__("b", 2),
    "inner": lambda d: setattr(d.inner, "text", "late"),
    "asave": lambda d: d.asave(),
    "aupdate": lambda d: d.aupdate(text="late"),
    "aset_ttl": lambda d: d.aset_ttl(10),
    "adelete": lambda d: d.adelete(),
    "ainsert": lambda d: EdgeDoc.ainsert(EdgeDoc()),
    "aincrease": lambda d: d.number.aincrease(),
    "aappend": lambda d: d.items.aappend(4),
    "aset_item": lambda d: d.mapping.aset_item("b", 2),
    "adel_item": lambda d: d.mapping.adel_item("a"),
    "aclear": lambda d: d.items.aclear(),
    "field asave": lambda d: d.items.asave(),
}


@pytest.mark.parametrize("change", LATE.values(), ids=LATE.keys())
async def test_a_task_that_comes_too_late_changes_nothing(change: Any) -> None:
    doc = await saved()
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        pending = change(doc)
        if pending is not None:
            await pending

    async with doc.apipeline():
        task = asyncio.create_task(late())
    go.set()
    with pytest.raises(
        PipelineClosedError, match="came after its pipeline ended and was not sent; await every"
    ):
        await task
    assert doc == EdgeDoc()
    await assert_as_stored(doc)


async def test_a_late_task_can_read_and_open_a_pipeline_of_its_own() -> None:
    doc = await saved()
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        await assert_as_stored(doc)
        async with apipeline(use_existing_pipe=True):
            doc.number += 1

    async with doc.apipeline():
        task = asyncio.create_task(late())
    go.set()
    await task
    assert doc.number == 11
    await assert_as_stored(doc)


async def test_pipelines_of_sibling_tasks_are_their_own() -> None:
    docs = [await saved() for _ in range(5)]

    async def change(doc: Any, fails: bool) -> None:
        async with doc.apipeline():
            doc.number += 1
            await asyncio.sleep(0)
            if fails:
                raise ZeroDivisionError

    results = await asyncio.gather(
        *(change(doc, bool(place % 2)) for place, doc in enumerate(docs)), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), ZeroDivisionError] * 2 + [type(None)]
    assert [doc.number for doc in docs] == [11, 10, 11, 10, 11]
    for doc in docs:
        await assert_as_stored(doc)


async def test_models_with_and_without_tokens_share_a_transaction(raw: Redis) -> None:
    class EdgeOnce(EdgeDoc):
        pass

    EdgeOnce.Meta.exactly_once = True
    doc, once = await saved(), await EdgeOnce().asave()
    async with apipeline() as pipe:
        doc.number += 1
        once.number += 2  # type: ignore[misc]
        doc.items.append(4)
    assert pipe.results == (11, 12, 4)
    assert len(await raw.keys("__rapyer_once__:*")) == 1
    gone = await saved()
    with pytest.raises(
        TransactionError, match="command 2 of 2, JSON.ARRAPPEND on .* failed: nothing is stored"
    ):
        async with apipeline():
            once.number += 1
            gone.items.append(4)
            await raw.delete(gone.key)
    assert once.number == 13
    with pytest.raises(KeyNotFound):
        async with apipeline():
            once.items.append(4)
            await raw.delete(once.key)


async def test_a_big_list_is_kept_once_for_a_whole_block() -> None:
    doc = await saved(items=list(range(50_000)))
    async with doc.apipeline():
        batch = open_batch()
        assert batch is not None
        for number in range(100):
            doc.items.append(number)
        assert len(batch._layers[0]) == 1
    assert len((await EdgeDoc.aget(doc.key)).items) == 50_100


class EdgeLimited(AtomicRedisModel):
    spent: int = 5
    limit: int = 10

    @model_validator(mode="after")
    def _within(self) -> EdgeLimited:
        if self.spent > self.limit:
            raise ValueError("over the limit")
        return self


async def test_an_operation_that_the_model_refuses_is_not_sent() -> None:
    limited = await EdgeLimited().asave()
    async with limited.apipeline():
        limited.spent += 1
        with pytest.raises(ValidationError, match="over the limit"):
            limited.spent += 100
        limited.spent += 1
    assert limited.spent == (await EdgeLimited.aget(limited.key)).spent == 7
