"""What bulk operations report, and that scripts which the server forgot change none of it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError
from redis.exceptions import NoScriptError

import rapyer
from rapyer import (
    AtomicRedisModel,
    CascadeResult,
    DeleteResult,
    GetOrCreateResult,
    GetOrCreateStatus,
    Index,
    Key,
    RapyerDeleteResult,
)
from rapyer.errors import (
    BadDeleteActionError,
    MissingParameterError,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
)
from rapyer.session.scope import open_batch
from rapyer.types import PriorityQueueItem, RedisPriorityQueue

pytestmark = pytest.mark.usefixtures("source")


class ResultPart(BaseModel):
    labels: set[str] = set()


class ResultDoc(AtomicRedisModel):
    name: Key[str]
    number: Index[int] = 0
    tags: set[str] = set()
    part: ResultPart = ResultPart()
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class ResultPlain(AtomicRedisModel):
    name: Key[str]
    items: list[int] = [1, 2, 3, 4]
    limits: dict[str, int] = {"a": 1}
    total: int = 10


async def _docs(*names: str, **fields: Any) -> list[ResultDoc]:
    docs = [ResultDoc(name=name, tags={"x"}, part=ResultPart(labels={"y"}), **fields) for name in names]
    return await ResultDoc.ainsert(*docs)


# --- deleting ----------------------------------------------------------------------------------------------


async def test_keys_of_sets_and_queues_count_and_missing_models_do_not(raw: Any) -> None:
    """§13.80, W21"""
    one, two, three = await _docs("a", "b", "c")
    await one.tasks.apush_many([PriorityQueueItem("t", 1.0)])
    result = await ResultDoc.adelete_many(one, two.key, "c", "never")
    assert result == DeleteResult(models_deleted=3, keys_deleted=3 + 6 + 1, models_missing=1)
    assert await raw.keys("*ResultDoc*") == []
    assert three.name == "c"


async def test_stale_instances_and_repeats_count_once() -> None:
    """§13.80"""
    one, two = await _docs("a", "b")
    await ResultDoc.adelete_by_key("b")
    result = await ResultDoc.adelete_many(one, "a", one.key, two)
    assert (result.models_deleted, result.keys_deleted, result.models_missing) == (1, 3, 1)
    assert result.was_committed


@pytest.mark.parametrize("size", [2, 3, 100, None])
async def test_batches_change_no_count(raw: Any, size: int | None) -> None:
    """§13.80: five models of three or four keys, in transactions that hold all of a model"""
    ResultDoc.Meta.max_delete_per_transaction = size
    docs = await _docs(*"abcde")
    assert await ResultDoc.adelete_many(*docs) == DeleteResult(models_deleted=5, keys_deleted=15)
    assert await raw.keys("*ResultDoc*") == []


async def test_in_a_pipeline_it_is_what_was_asked_for(raw: Any) -> None:
    """§13.80: was_committed per context"""
    one, two, three = await _docs("a", "b", "c")
    plain = await ResultPlain(name="p").asave()
    ResultDoc.Meta.max_delete_per_transaction = 2
    async with rapyer.apipeline() as pipeline:
        by_class = await ResultDoc.adelete_many(one, "never")
        by_module = await rapyer.adelete_many(two, plain)
        assert await three.adelete() is True
        assert await ResultDoc.adelete_by_key("gone") is True
        assert await raw.exists(one.key, two.key, three.key, plain.key) == 4
        asked_for = {key for command in pipeline.commands for key in command.keys}
        assert (
            len(asked_for) == 5 * 4 + 1
        )  # what goes at the end: all keys of five documents, and of a plain one
    assert by_class == DeleteResult(models_deleted=2, keys_deleted=8, was_committed=False)
    assert (by_module.keys_deleted, by_module.was_committed) == (4 + 1, False)
    assert by_module.by_model == {ResultDoc: 1, ResultPlain: 1}
    assert await raw.keys("*Result*") == []


async def test_by_class(raw: Any) -> None:
    one, two = await _docs("a", "b")
    plain = await ResultPlain(name="p").asave()
    result = await rapyer.adelete_many(one, two.key, plain, "ResultPlain:never")
    assert result == RapyerDeleteResult(
        models_deleted=3, keys_deleted=7, models_missing=1, by_model={ResultDoc: 2, ResultPlain: 1}
    )
    assert isinstance(result, DeleteResult)


async def test_what_cannot_be_deleted() -> None:
    (one,) = await _docs("a")
    with pytest.raises(UnsupportedArgumentTypeError):
        await ResultDoc.adelete_many()
    with pytest.raises(MissingParameterError):
        await rapyer.adelete_many()
    with pytest.raises(UnsupportedArgumentTypeError):
        await rapyer.adelete_many(5)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedArgumentTypeError):
        await ResultDoc.adelete_many(one, ResultDoc.number == 0)
    with pytest.raises(RapyerModelDoesntExistError) as raised:
        await rapyer.adelete_many("Nothing:1")
    assert raised.value.model_name == "Nothing"
    with pytest.raises(BadDeleteActionError):
        await rapyer.adelete_many(one.part)  # type: ignore[arg-type]
    assert await ResultDoc.aexists(one)


def test_the_older_name_of_a_count_warns() -> None:
    for result in (DeleteResult(models_deleted=2), RapyerDeleteResult(models_deleted=2)):
        with pytest.warns(DeprecationWarning, match="count is deprecated; read models_deleted instead"):
            assert result.count == 2


@pytest.mark.parametrize(
    ("result", "field"),
    [
        (DeleteResult(), "models_deleted"),
        (RapyerDeleteResult(by_model={ResultDoc: 1}), "by_model"),
        (CascadeResult(), "dangling_children"),
        (GetOrCreateResult[Any](value=None, status=GetOrCreateStatus.FOUND), "status"),
    ],
)
def test_results_are_frozen_values(result: Any, field: str) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(result, field, 1)
    assert type(result).model_validate(result.model_dump()) == result
    assert pickle.loads(pickle.dumps(DeleteResult(keys_deleted=3))).keys_deleted == 3


def test_a_result_is_a_success_unless_it_says_otherwise() -> None:
    assert DeleteResult().model_dump() == {
        "models_deleted": 0,
        "keys_deleted": 0,
        "models_missing": 0,
        "was_committed": True,
    }
    assert RapyerDeleteResult().by_model == {}


# --- scripts that the server forgot ------------------------------------------------------------------------


async def test_after_script_flush_a_pipeline_does_all_of_it_once_and_in_order(raw: Any) -> None:
    """§13.81, W23"""
    ResultPlain.Meta.ttl = 100
    doc = await ResultPlain(name="p").asave()
    for _ in range(2):
        async with doc.apipeline():
            doc.items.remove(2)
            doc.items[:1] = [9, 2]
            doc.limits["b"] = 2
            doc.limits.setdefault("c", 3)
            doc.total *= 2
            doc.total += 1
            await raw.script_flush()
        await raw.persist(doc.key)
    stored = await ResultPlain.aget("p")
    assert (stored.items, stored.limits) == ([9, 2, 3, 4], {"a": 1, "b": 2, "c": 3})
    assert stored.total == 43
    assert stored == doc
    assert await raw.ttl(doc.key) == 100


async def test_a_server_that_knows_no_script_is_told_and_no_pipeline_stays_open(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§13.81"""
    doc = await ResultPlain(name="p").asave()

    async def refusing(source: Any, commands: Any) -> Any:
        raise NoScriptError("NOSCRIPT No matching script")

    monkeypatch.setattr("rapyer.session.pipeline.transaction_replies", refusing)
    with pytest.raises(NoScriptError):
        async with doc.apipeline():
            doc.total *= 2
    assert open_batch() is None
    assert doc.total == 10
    monkeypatch.undo()
    async with doc.apipeline():
        doc.total *= 2
    assert (await ResultPlain.aget("p")).total == 20
