"""Pipelines: all or nothing, in Redis and in the local objects."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import (
    CrossSourceError,
    KeyNotFound,
    PipelineClosedError,
    PipelineOpenError,
    TransactionError,
)
from rapyer.session.clients import ClientSource
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class Inner(BaseModel):
    text: str = "i"
    items: list[int] = []


class Doc(AtomicRedisModel):
    number: int = 10
    real: float = 2.0
    text: str = "a"
    raw: bytes = b"r"
    flag: bool = False
    maybe: str | None = None
    items: list[int] = [1, 2, 3]
    mapping: dict[str, int] = {"a": 1}
    inner: Inner = Inner()
    members: list[Inner] = [Inner()]


async def saved(**values: Any) -> Any:
    return await Doc(**values).asave()


async def stored(doc: Any) -> Any:
    return await Doc.aget(doc.key)


async def test_the_object_yielded_is_the_object_entered_and_refreshed() -> None:
    doc = await saved()
    other = await stored(doc)
    await other.aupdate(number=50)
    doc.text = "unsaved"
    async with doc.apipeline() as entered:
        assert entered is doc
        assert (doc.number, doc.text) == (50, "a")


async def test_nothing_is_sent_before_the_end_and_all_at_once(raw: Redis) -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.number += 5
        doc.items.append(4)
        doc.text = "b"
        assert (await stored(doc)).number == 10
        assert (doc.number, doc.items, doc.text) == (15, [1, 2, 3, 4], "b")
    assert await stored(doc) == doc
    assert (await stored(doc)).number == 15


CHANGES = {
    "assign": lambda d: setattr(d, "text", "new"),
    "assign none": lambda d: setattr(d, "maybe", None),
    "assign optional": lambda d: setattr(d, "maybe", "m"),
    "assign bool": lambda d: setattr(d, "flag", True),
    "assign bytes": lambda d: setattr(d, "raw", b"\x00\xff"),
    "assign list": lambda d: setattr(d, "items", [9]),
    "assign dict": lambda d: setattr(d, "mapping", {"z": 26}),
    "assign inner": lambda d: setattr(d, "inner", Inner(text="new")),
    "inner field": lambda d: setattr(d.inner, "text", "new"),
    "inner list": lambda d: d.inner.items.append(1),
    "member field": lambda d: setattr(d.members[0], "text", "new"),
    "int +=": lambda d: setattr(d, "number", d.number.__iadd__(3)),
    "int -=": lambda d: setattr(d, "number", d.number.__isub__(3)),
    "int *=": lambda d: setattr(d, "number", d.number.__imul__(3)),
    "int //=": lambda d: setattr(d, "number", d.number.__ifloordiv__(-3)),
    "int %=": lambda d: setattr(d, "number", d.number.__imod__(-3)),
    "int **=": lambda d: setattr(d, "number", d.number.__ipow__(3)),
    "float +=": lambda d: setattr(d, "real", d.real.__iadd__(0.5)),
    "float -=": lambda d: setattr(d, "real", d.real.__isub__(0.5)),
    "float *=": lambda d: setattr(d, "real", d.real.__imul__(0.1)),
    "float /=": lambda d: setattr(d, "real", d.real.__itruediv__(3)),
    "float //=": lambda d: setattr(d, "real", d.real.__ifloordiv__(-3)),
    "float %=": lambda d: setattr(d, "real", d.real.__imod__(-3)),
    "float **=": lambda d: setattr(d, "real", d.real.__ipow__(3)),
    "str +=": lambda d: setattr(d, "text", d.text.__iadd__('"\\é')),
    "str *=": lambda d: setattr(d, "text", d.text * 3),
    "bytes +=": lambda d: setattr(d, "raw", d.raw + b"\x01"),
    "append": lambda d: d.items.append(4),
    "extend": lambda d: d.items.extend(n for n in (4, 5)),
    "extend nothing": lambda d: d.items.extend([]),
    "insert": lambda d: d.items.insert(1, 9),
    "insert negative": lambda d: d.items.insert(-1, 9),
    "insert beyond": lambda d: d.items.insert(99, 9),
    "set item": lambda d: d.items.__setitem__(-1, 9),
    "set slice": lambda d: d.items.__setitem__(slice(0, 2), [7, 8, 9]),
    "pop": lambda d: d.items.pop(),
    "pop first": lambda d: d.items.pop(0),
    "remove": lambda d: d.items.remove(2),
    "del item": lambda d: d.items.__delitem__(0),
    "del slice": lambda d: d.items.__delitem__(slice(1, None)),
    "sort": lambda d: d.items.sort(reverse=True),
    "reverse": lambda d: d.items.reverse(),
    "clear list": lambda d: d.items.clear(),
    "list +=": lambda d: setattr(d, "items", d.items.__iadd__([4])),
    "list *=": lambda d: setattr(d, "items", d.items.__imul__(2)),
    "dict set": lambda d: d.mapping.__setitem__("b", 2),
    "dict update": lambda d: d.mapping.update({"b": 2}, c=3),
    "dict |=": lambda d: setattr(d, "mapping", d.mapping.__ior__({"b": 2})),
    "dict del": lambda d: d.mapping.__delitem__("a"),
    "dict pop": lambda d: d.mapping.pop("a"),
    "dict popitem": lambda d: d.mapping.popitem(),
    "dict setdefault": lambda d: d.mapping.setdefault("b", 2),
    "dict clear": lambda d: d.mapping.clear(),
    "update": lambda d: d.update(text="new", number=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_what_python_does_locally_happens_in_redis(change: Any) -> None:
    doc, local = await saved(), Doc()
    change(local)
    async with doc.apipeline():
        change(doc)
    assert await stored(doc) == doc == local


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_an_exception_leaves_redis_and_the_local_object_as_they_were(change: Any) -> None:
    doc = await saved()
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            change(doc)
            raise ZeroDivisionError
    assert await stored(doc) == doc == Doc()
    assert open_batch() is None


async def test_changes_by_others_survive_operators() -> None:
    doc = await saved()
    async with doc.apipeline():
        other = await stored(doc)
        await asyncio.create_task(_elsewhere(other))
        doc.number += 1
        doc.items.append(4)
        doc.mapping["b"] = 2
    after = await stored(doc)
    assert after.number == 111
    assert after.items == [1, 2, 3, 99, 4]
    assert after.mapping == {"a": 1, "x": 5, "b": 2}


async def _elsewhere(doc: Any) -> None:
    # Another client's writes: outside any pipeline, though the task was started in one.
    source = ClientSource.from_client(doc._rapyer_source().client())
    client = source.client()
    await client.execute_command("JSON.NUMINCRBY", doc.key, "$.number", 100)
    await client.execute_command("JSON.ARRAPPEND", doc.key, "$.items", 99)
    await client.execute_command("JSON.SET", doc.key, "$.mapping.x", 5)


async def test_async_methods_are_queued_too() -> None:
    doc = await saved()
    async with doc.apipeline():
        assert await doc.number.aincrease(5) is None
        await doc.items.aappend(4)
        await doc.mapping.aset_item("b", 2)
        await doc.aupdate(text="new")
        await doc.inner.aupdate(text="in")
        assert (await stored(doc)).items == [1, 2, 3]
    after = await stored(doc)
    assert (after.number, after.items, after.mapping) == (15, [1, 2, 3, 4], {"a": 1, "b": 2})
    assert (after.text, after.inner.text) == ("new", "in")


async def test_several_models_in_one_transaction_and_its_results() -> None:
    one, two = await saved(), await saved()
    async with apipeline(one, two) as pipe:
        one.number += 1
        await two.asave()
        assert [command.name for command in pipe.commands] == ["JSON.NUMINCRBY", "JSON.SET"]
        with pytest.raises(PipelineOpenError, match="no results yet; read them after the async with block"):
            _ = pipe.results
    assert pipe.results == (11, True)


async def test_an_empty_pipeline_sends_nothing() -> None:
    async with apipeline() as pipe:
        pass
    assert pipe.results == ()


async def test_a_model_that_is_not_stored() -> None:
    with pytest.raises(KeyNotFound):
        async with Doc().apipeline():
            raise AssertionError("never entered")
    doc = Doc()
    async with doc.apipeline(ignore_redis_error=True) as entered:
        assert entered is doc
        doc.number += 1
    assert not await Doc.aexists(doc)


async def test_a_command_that_fails_at_exec_is_named_with_what_the_others_did(raw: Redis) -> None:
    doc, gone = await saved(), await saved()
    with pytest.raises(TransactionError) as raised:
        async with apipeline():
            doc.number += 1
            gone.items.append(4)
            await raw.delete(gone.key)
    error = raised.value
    assert (error.position, error.applied, error.key, error.command) == (1, 1, gone.key, "JSON.ARRAPPEND")
    assert str(error) == (
        f"command 2 of 2, JSON.ARRAPPEND on {gone.key}, failed: nothing is stored under {gone.key} at $.items; "
        "the other 1 took effect; the local models show what is stored now"
    )
    assert (gone.items, doc.number) == ([1, 2, 3], 11)


async def test_errors_of_the_server_can_be_ignored(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    gone = await saved()
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        async with gone.apipeline(ignore_redis_error=True):
            gone.items.append(4)
            await raw.delete(gone.key)
    assert "its error ignored: nothing is stored under" in caplog.text
    assert not await Doc.aexists(gone)


async def test_nested_pipelines_are_transactions_of_their_own_unless_shared() -> None:
    doc = await saved()
    with pytest.raises(ZeroDivisionError):
        async with apipeline():
            doc.number += 1
            async with apipeline():
                doc.text = "inner"
            async with apipeline(use_existing_pipe=True):
                doc.flag = True
            raise ZeroDivisionError
    after = await stored(doc)
    assert (after.number, after.text, after.flag) == (10, "inner", False)
    async with apipeline(use_existing_pipe=True):
        doc.flag = True
    assert (await stored(doc)).flag is True


async def test_a_task_that_outlives_its_pipeline_gets_an_error() -> None:
    doc = await saved()
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        doc.items.append(4)

    async with doc.apipeline():
        task = asyncio.create_task(late())
    go.set()
    with pytest.raises(
        PipelineClosedError, match="a change of Doc:.* came after its pipeline ended and was not sent"
    ):
        await task
    assert (await stored(doc)).items == [1, 2, 3]


async def test_child_tasks_write_into_the_pipeline() -> None:
    doc = await saved()

    async def child() -> None:
        doc.items.append(4)

    async with doc.apipeline():
        await asyncio.gather(child(), child())
        assert (await stored(doc)).items == [1, 2, 3]
    assert (await stored(doc)).items == [1, 2, 3, 4, 4]


async def test_scripts_that_the_server_forgot_run_once_and_in_order(raw: Redis) -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.number = 2
        doc.number *= 3
        doc.number += 10
        await raw.script_flush()
    assert (await stored(doc)).number == 16
    await doc.mapping.apop("a")
    await raw.script_flush()
    await doc.mapping.aset_item("b", 2)
    assert await doc.mapping.apopitem() == ("b", 2)


async def test_integers_beyond_64_bits_are_refused() -> None:
    doc = await saved(number=2**60)
    async with doc.apipeline():
        doc.number *= 7
    assert (await stored(doc)).number == 7 * 2**60
    with pytest.raises(OverflowError, match="Doc.number holds a 64-bit int, and the result exceeds it"):
        async with doc.apipeline():
            doc.number *= 3
    assert (await stored(doc)).number == doc.number == 7 * 2**60


async def test_one_pipeline_has_one_server(rapyer_redis_url: str) -> None:
    class Elsewhere(AtomicRedisModel):
        name: str = "e"

    Elsewhere.Meta.redis = rapyer_redis_url
    doc, other = await saved(), await Elsewhere().asave()
    with pytest.raises(CrossSourceError, match="open one pipeline for each server"):
        async with apipeline():
            doc.text = "x"
            other.name = "y"
    assert (await stored(doc)).text == "a"
    await other._rapyer_source().aclose()
