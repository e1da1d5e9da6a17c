"""The key of a set field never outlasts its model, whatever creates or rewrites it (W4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

import rapyer
from rapyer import AtomicRedisModel
from rapyer.types import RedisSet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class LastingInner(BaseModel):
    tags: set[str] = Field(default_factory=set)


class LastingSets(AtomicRedisModel):
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    other: set[str] = Field(default_factory=set)
    maybe: set[str] | None = None
    inner: LastingInner = Field(default_factory=LastingInner)


class LastingQuiet(LastingSets):
    pass


LastingQuiet.Meta.ttl = 1000
LastingQuiet.Meta.refresh_ttl = False


async def saved(model: Any) -> None:
    model.other.add("x")
    model.maybe = {"x"}
    model.inner.tags.add("x")
    await model.asave()


async def saved_inner(model: Any) -> None:
    model.inner.tags.add("x")
    await model.inner.asave()


async def assigned(model: Any) -> None:
    async with rapyer.apipeline():
        model.tags = {"x"}
        model.maybe = {"x"}
        model.inner = LastingInner(tags={"x"})


async def mutated(model: Any) -> None:
    async with rapyer.apipeline():
        model.other.add("x")
        model.inner.tags |= ["x"]
        model.tags &= {"a"}


async def toggled(model: Any) -> None:
    async with rapyer.apipeline():
        model.tags ^= {"a", "x"}
        model.other ^= {"x"}


async def updated(model: Any) -> None:
    await model.aupdate(inner=LastingInner(tags={"x"}))


async def added(model: Any) -> None:
    await model.other.aadd("x")
    await model.inner.tags.aadd_many(["x", "y"])


async def emptied_and_filled(model: Any) -> None:
    await model.tags.aclear()
    await model.tags.aadd("x")


async def sent_alone(model: Any) -> None:
    model.other.add("x")
    await model.other.asave_special()


async def locked(model: Any) -> None:
    async with model.alock(save_at_end=True):
        model.other.add("x")
        model.inner.tags.add("x")


async def popped_and_put_back(model: Any) -> None:
    await model.tags.apop()
    await model.tags.aadd("a")


CREATING: dict[str, Callable[[Any], Awaitable[None]]] = {
    function.__name__: function
    for function in (
        saved,
        saved_inner,
        assigned,
        mutated,
        toggled,
        updated,
        added,
        emptied_and_filled,
        sent_alone,
        locked,
        popped_and_put_back,
    )
}


async def lifetimes(raw: Redis, model: Any) -> dict[str, int]:
    return {key: await raw.pttl(key) for key in await raw.keys(f"*{model.key}*") if ":lock" not in key}


@pytest.mark.parametrize("cls", [LastingSets, LastingQuiet])
@pytest.mark.parametrize("name", CREATING)
async def test_a_key_that_comes_into_being_ends_with_its_model(raw: Redis, cls: Any, name: str) -> None:
    model = await cls(tags={"a"}).asave()
    await model.aset_ttl(500)
    before = await lifetimes(raw, model)
    assert len(before) == 2
    await CREATING[name](model)
    after = await lifetimes(raw, model)
    assert after[model.key] <= before[model.key]
    for key, left in after.items():
        assert 490_000 < left <= after[model.key] + 5_000, key  # they are asked one by one
    assert await cls.aget(model.key) == model


@pytest.mark.parametrize("name", CREATING)
async def test_without_a_time_to_live_there_is_none(raw: Redis, name: str) -> None:
    model = await LastingSets(tags={"a"}).asave()
    await CREATING[name](model)
    assert set((await lifetimes(raw, model)).values()) == {-1}


async def test_all_keys_of_a_model_get_its_time_to_live(raw: Redis) -> None:
    """§13.11"""
    model = await LastingSets(tags={"a"}, maybe={"b"}, inner=LastingInner(tags={"c"})).asave()
    await model.aset_ttl(500)
    left = await lifetimes(raw, model)
    assert len(left) == 4
    assert all(490_000 < one <= 500_000 for one in left.values())


@pytest.mark.parametrize("cls", [LastingSets, LastingQuiet])
async def test_copies_end_when_their_source_would(raw: Redis, cls: Any) -> None:
    model = await cls(tags={"a"}).asave()
    await model.aset_ttl(500)
    for copied in await model.aduplicate_many(2, other={"x"}, inner=LastingInner(tags={"y"})):
        left = await lifetimes(raw, copied)
        assert len(left) == 4
        expected = 500_000 if cls is LastingSets else 1_000_000
        assert all(expected - 10_000 < one <= expected for one in left.values())


@pytest.mark.parametrize("on_conflict", ["replace", "error", "skip"])
async def test_inserted_sets_get_the_time_to_live_of_the_class(raw: Redis, on_conflict: Any) -> None:
    models = [LastingQuiet(tags={"a"}, inner=LastingInner(tags={"b"})) for _ in range(2)]
    await LastingQuiet.ainsert(*models, on_conflict=on_conflict)
    for model in models:
        left = await lifetimes(raw, model)
        assert len(left) == 3
        assert all(990_000 < one <= 1_000_000 for one in left.values())


async def test_a_longer_life_of_the_key_is_kept_from_outlasting_the_model_only_where_it_is_endless(
    raw: Redis,
) -> None:
    model = await LastingSets(tags={"a"}).asave()
    await model.aset_ttl(500)
    await raw.expire(model.tags.special_key, 100)
    await model.tags.aadd("b")
    assert 90 < await raw.ttl(model.tags.special_key) <= 100
    await raw.persist(model.tags.special_key)
    await model.tags.aadd("c")
    assert 490 < await raw.ttl(model.tags.special_key) <= 500
