"""Deleting many: by instances, keys and filters, in batches, with true counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, DeleteResult, Index, RapyerDeleteResult
from rapyer.errors import (
    BadDeleteActionError,
    BadFilterError,
    MissingParameterError,
    NotIndexedError,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
    WrongClassError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class DeletePart(BaseModel):
    x: int = 0


class Deletable(AtomicRedisModel):
    number: Index[int] = 0
    label: str = ""
    part: DeletePart = DeletePart()


class DeletableOther(AtomicRedisModel):
    name: str = ""


@pytest.fixture(autouse=True)
async def _index(source: ClientSource) -> None:
    await Deletable.acreate_index()


async def _commands(raw: Redis, name: str) -> int:
    stats: Any = await raw.info("commandstats")
    return int(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"])


async def test_instances_keys_and_primary_keys() -> None:
    models = await Deletable.ainsert(*(Deletable(number=n) for n in range(4)))
    result = await Deletable.adelete_many(models[0], models[1].key, str(models[2].key), models[3].pk)
    assert result == DeleteResult(models_deleted=4, keys_deleted=4, was_committed=True)
    assert await Deletable.afind_keys() == []


async def test_counts_are_true() -> None:
    kept, gone = await Deletable.ainsert(Deletable(), Deletable())
    await gone.adelete()
    result = await Deletable.adelete_many(kept, kept.key, gone, "never")
    assert (result.models_deleted, result.keys_deleted) == (1, 1)
    with pytest.warns(DeprecationWarning, match="count is deprecated; read models_deleted instead"):
        assert result.count == 1


@pytest.mark.parametrize(("size", "commands"), [(2, 3), (100, 1), (None, 1)])
async def test_one_del_for_each_batch(raw: Redis, size: int | None, commands: int) -> None:
    Deletable.Meta.max_delete_per_transaction = size
    models = await Deletable.ainsert(*(Deletable() for _ in range(5)))
    before = await _commands(raw, "del")
    assert (await Deletable.adelete_many(*models)).models_deleted == 5
    assert await _commands(raw, "del") - before == commands


@pytest.mark.parametrize("number", [0, 9, 10, 11, 1001, 2500])
@pytest.mark.parametrize("size", [1000, None])
async def test_a_filter_deletes_every_match(number: int, size: int | None) -> None:
    Deletable.Meta.max_delete_per_transaction = size
    await Deletable.ainsert(*(Deletable(number=1) for _ in range(number)), Deletable(number=2))
    result = await Deletable.adelete_many(Deletable.number == 1)
    assert result == DeleteResult(models_deleted=number, keys_deleted=number)
    assert [one.number for one in await Deletable.afind()] == [2]


async def test_several_filters_must_all_hold() -> None:
    await Deletable.ainsert(*(Deletable(number=n) for n in range(10)))
    assert (await Deletable.adelete_many(Deletable.number >= 3, Deletable.number < 5)).models_deleted == 2
    with pytest.raises(NotIndexedError, match="Deletable.label has no index"):
        await Deletable.adelete_many(Deletable.label == "x")


async def test_in_a_pipeline_it_is_queued() -> None:
    models = await Deletable.ainsert(*(Deletable(number=n % 2) for n in range(30)))
    other = await DeletableOther().asave()
    async with rapyer.apipeline():
        by_filter = await Deletable.adelete_many(Deletable.number == 1)
        by_key = await Deletable.adelete_many(models[0])
        by_module = await rapyer.adelete_many(models[2], other)
        assert not (by_filter.was_committed or by_key.was_committed or by_module.was_committed)
        assert (by_filter.keys_deleted, by_key.keys_deleted, by_module.by_model) == (
            15,
            1,
            {Deletable: 1, DeletableOther: 1},
        )
        assert await Deletable.aexists(models[0])
        assert len(await Deletable.afind_keys()) == 30
    assert len(await Deletable.afind_keys()) == 13
    assert not await DeletableOther.aexists(other)


async def test_a_pipeline_that_fails_deletes_nothing() -> None:
    model = await Deletable().asave()
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            await Deletable.adelete_many(model)
            assert await model.adelete() is True
            assert await Deletable.adelete_by_key("missing") is True
            raise ZeroDivisionError
    assert await model.adelete() is True
    assert await model.adelete() is False
    assert await Deletable.adelete_by_key(model.key) is False


async def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(
        MissingParameterError,
        match="Deletable.adelete_many requires at least one argument; give instances, keys or filters",
    ):
        await Deletable.adelete_many()
    for bad in (5, None, [], {}, True, object(), 1.5):
        with pytest.raises(UnsupportedArgumentTypeError, match="Deletable.adelete_many cannot use"):
            await Deletable.adelete_many(bad)
    with pytest.raises(
        UnsupportedArgumentTypeError,
        match="Deletable.adelete_many was given keys and filters; give it one or the other",
    ):
        await Deletable.adelete_many("x", Deletable.number == 1)
    with pytest.raises(BadFilterError, match="a field alone is no filter"):
        await Deletable.adelete_many(Deletable.number)


async def test_nothing_of_another_class_is_deleted() -> None:
    own, other = await Deletable().asave(), await DeletableOther().asave()
    for foreign in (other, other.key, str(other.key)):
        with pytest.raises(WrongClassError, match="is no key of Deletable, whose keys start with Deletable:"):
            await Deletable.adelete_many(own, foreign)
    with pytest.raises(
        BadDeleteActionError,
        match=r"\$.part is an inner model, which cannot be deleted on its own; delete the model that holds it",
    ):
        await Deletable.adelete_many(own, own.part)
    with pytest.raises(BadDeleteActionError):
        await rapyer.adelete_many(own.part)  # type: ignore[arg-type]
    assert await Deletable.aexists(own)
    assert await DeletableOther.aexists(other)


async def test_the_module_function_takes_all_classes() -> None:
    one, other = await rapyer.ainsert(Deletable(), DeletableOther())
    result = await rapyer.adelete_many(one, other.key, "Deletable:missing")
    assert result == RapyerDeleteResult(
        models_deleted=2, keys_deleted=2, models_missing=1, by_model={Deletable: 1, DeletableOther: 1}
    )
    with pytest.raises(MissingParameterError, match="rapyer.adelete_many requires at least one argument"):
        await rapyer.adelete_many()
    for bad in (5, None, Deletable.number == 1):
        with pytest.raises(UnsupportedArgumentTypeError, match="rapyer.adelete_many cannot use"):
            await rapyer.adelete_many(bad)  # type: ignore[arg-type]
    with pytest.raises(RapyerModelDoesntExistError) as raised:
        await rapyer.adelete_many("Nobody:1")
    assert raised.value.model_name == "Nobody"


async def test_the_older_name() -> None:
    model = await Deletable().asave()
    assert await model.delete() is True
