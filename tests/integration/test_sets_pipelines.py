"""Set fields in pipelines: all or nothing, for Redis and for the local objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import TransactionError
from rapyer.types import RedisSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class PipedInner(BaseModel):
    tags: set[str] = Field(default_factory=set)


class PipedArticle(AtomicRedisModel):
    title: str = "untitled"
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    votes: set[int] = Field(default_factory=set)
    maybe: set[str] | None = None
    inner: PipedInner = Field(default_factory=PipedInner)
    groups: dict[str, set[str]] = Field(default_factory=dict)


async def article(*tags: str) -> Any:
    return await PipedArticle(tags=set(tags), inner={"tags": list(tags)}, groups={"a": set(tags)}).asave()


def queued(model: Any) -> list[str]:
    return [command.name for command in model.tags.pipeline.commands]


async def test_sync_mutators_queue_one_command_each() -> None:
    model = await article("legacy")
    async with model.apipeline():
        model.tags.add("python")
        model.tags.update(["redis", "asyncio"], {"x"})
        model.tags.discard("legacy")
        model.tags.remove("x")
        model.tags |= {"backend"}
        model.tags -= {"asyncio"}
        model.tags ^= {"redis", "y"}
        model.tags &= {"python", "backend", "y", "z"}
        names = queued(model)
        assert model.tags == {"python", "backend", "y"}
    assert names == ["SADD", "SADD", "SREM", "SREM", "SADD", "SREM", "EVALSHA", "EVALSHA"]
    assert await model.tags.amembers() == {"python", "backend", "y"}


async def test_redis_keeps_the_old_members_until_the_end(raw: Redis) -> None:
    """§13.22"""
    model = await article("old")
    async with model.apipeline():
        model.tags.add("new")
        model.tags.discard("old")
        await model.tags.aadd("newer")
        assert await raw.smembers(model.tags.special_key) == {'"old"'}
        assert await model.tags.amembers() == {"old"}
        assert await model.tags.asize() == 1
        assert await model.tags.acontains("new") is False
        assert await model.tags.aunion(model.inner.tags) == {"old"}
        assert [tag async for tag in model.tags.aiter_members()] == ["old"]
        assert model.tags == {"new", "newer"}
    assert await model.tags.amembers() == {"new", "newer"}


async def test_async_mutators_are_queued_and_say_nothing() -> None:
    model = await article("a")
    async with model.apipeline():
        assert await model.tags.aremove("a") is None
        assert await model.tags.aadd("b") is None
        await model.tags.aadd_many(["c", "d"])
        await model.inner.tags.aclear()
        assert queued(model) == ["SREM", "SADD", "SADD", "DEL"]
    assert await PipedArticle.aget(model.key) == model
    assert (model.tags, model.inner.tags) == ({"b", "c", "d"}, set())


async def test_apop_takes_at_once_in_a_pipeline_too(raw: Redis) -> None:
    model = await article("a")
    with pytest.raises(RuntimeError, match="stop"):
        async with model.apipeline():
            assert await model.tags.apop() == "a"
            assert await model.tags.apop_many(3) == set()
            raise RuntimeError("stop")
    assert await raw.exists(model.tags.special_key) == 0
    assert model.tags == set()


MUTATIONS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "add": (lambda tags: tags.add("x"), {"s", "b", "x"}),
    "update": (lambda tags: tags.update(["x", "y"]), {"s", "b", "x", "y"}),
    "discard": (lambda tags: tags.discard("s"), {"b"}),
    "remove": (lambda tags: tags.remove("s"), {"b"}),
    "clear": (lambda tags: tags.clear(), set()),
    "difference_update": (lambda tags: tags.difference_update(["s", "x"]), {"b"}),
    "intersection_update": (lambda tags: tags.intersection_update(["s", "x", "l"], ["s", "l"]), {"s"}),
    "intersection with nothing": (lambda tags: tags.intersection_update([]), set()),
    "symmetric_difference_update": (lambda tags: tags.symmetric_difference_update(["s", "l"]), {"b", "l"}),
    "aadd": (lambda tags: tags.aadd("x"), {"s", "b", "x"}),
    "aadd_many": (lambda tags: tags.aadd_many(["x", "y"]), {"s", "b", "x", "y"}),
    "aremove": (lambda tags: tags.aremove("s"), {"b"}),
    "aclear": (lambda tags: tags.aclear(), set()),
}


PLACES: dict[str, Callable[[Any], Any]] = {
    "companion": lambda model: model.tags,
    "inner": lambda model: model.inner.tags,
    "inline": lambda model: model.groups["a"],
}


@pytest.mark.parametrize("piped", [True, False])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", MUTATIONS)
async def test_the_result_depends_on_the_server_and_not_on_a_stale_local_set(
    name: str, place: str, piped: bool
) -> None:
    """§13.21, §13.23: the local set holds {"b", "l"}, the server {"s", "b"}."""
    mutate, expected = MUTATIONS[name]
    model = await article("s", "b")
    stale = PLACES[place](model)
    stale._rapyer_keep({"b", "l"})
    if piped:
        async with rapyer.apipeline():
            outcome = mutate(stale)
            if outcome is not None:
                await outcome
    elif name.startswith("aa") or name in {"aremove", "aclear"}:
        await mutate(stale)
    else:
        expected = {"s", "b"}  # outside of a pipeline a sync operation is local
    assert await stale.amembers() == expected
    assert PLACES[place](await PipedArticle.aget(model.key)) == expected


async def test_no_other_key_is_left_behind(raw: Redis) -> None:
    """§13.23"""
    model = await article("a", "b")
    before = set(await raw.keys("*"))
    async with model.apipeline():
        model.tags &= {"a"}
        model.tags ^= {"c"}
        model.inner.tags &= {"b"}
    assert set(await raw.keys("*")) == before


async def test_assigning_a_set_replaces_the_stored_one() -> None:
    """W11"""
    model = await article("a", "b")
    await (await PipedArticle.aget(model.key)).tags.aadd("unseen")
    async with model.apipeline():
        model.tags = {"b", "c"}
        assert queued(model) == ["DEL", "SADD"]
        model.tags.add("d")
        model.votes = [1, 2]
    assert await model.tags.amembers() == {"b", "c", "d"} == model.tags
    assert await PipedArticle.aget(model.key) == model
    async with model.apipeline():
        model.tags = []
        model.update(votes={3})
    assert await PipedArticle.aget(model.key) == model
    assert (model.tags, model.votes) == (set(), {3})


async def test_assigning_to_an_optional_set() -> None:
    """W6, W11"""
    model = await article()
    async with model.apipeline():
        model.maybe = {"a"}
        model.maybe.add("b")
    assert (await PipedArticle.aget(model.key)).maybe == {"a", "b"}
    async with model.apipeline():
        model.maybe = None
    assert (await PipedArticle.aget(model.key)).maybe is None
    await model.asave()
    assert (await PipedArticle.aget(model.key)).maybe is None


async def test_assigning_an_inner_model_replaces_its_sets(raw: Redis) -> None:
    """W10"""
    model = await article("a")
    async with model.apipeline():
        model.inner = PipedInner(tags={"x"})
    assert (await raw.json().get(model.key, "$.inner")) == [{}]
    assert (await PipedArticle.aget(model.key)).inner.tags == {"x"} == model.inner.tags
    await model.inner.tags.aadd("y")
    assert await model.inner.tags.amembers() == {"x", "y"}


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_an_exception_takes_everything_back(raw: Redis, mutation: str) -> None:
    mutate, _ = MUTATIONS[mutation]
    model = await article("s", "b")
    with pytest.raises(RuntimeError, match="stop"):
        async with model.apipeline():
            for tags in (model.tags, model.inner.tags, model.groups["a"]):
                outcome = mutate(tags)
                if outcome is not None:
                    await outcome
            model.tags = {"assigned"}
            model.maybe = {"assigned"}
            model.inner = PipedInner(tags={"assigned"})
            raise RuntimeError("stop")
    assert (model.tags, model.inner.tags, model.groups, model.maybe) == (
        {"s", "b"},
        {"s", "b"},
        {"a": {"s", "b"}},
        None,
    )
    assert await PipedArticle.aget(model.key) == model
    # What is known of the server is taken back as well: the next save sends just what changes now.
    model.tags.discard("s")
    model.tags.add("new")
    await model.asave()
    assert await model.tags.amembers() == {"b", "new"}


async def test_a_transaction_that_fails_takes_the_local_sets_back(raw: Redis) -> None:
    model = await article("a")
    await raw.delete(model.inner.tags.special_key)
    await raw.set(model.inner.tags.special_key, "text")
    with pytest.raises(TransactionError, match=r"command 2 of 2, SADD on .*:inner\.tags "):
        async with rapyer.apipeline():
            model.tags.add("x")
            model.inner.tags.add("x")
    assert await model.tags.amembers() == {"a", "x"}
    assert model.inner.tags == {"a"}
    assert model.tags == {"a"}  # the model could not be loaded again, so it is as before
    await raw.delete(model.inner.tags.special_key)
    await model.aload()
    assert (model.tags, model.inner.tags) == ({"a", "x"}, set())


async def test_a_part_that_fails_is_taken_back_alone() -> None:
    model = await article("a")
    async with model.apipeline():
        model.tags.add("outer")
        with pytest.raises(RuntimeError, match="stop"):
            async with rapyer.apipeline(use_existing_pipe=True):
                model.tags.add("joined")
                model.votes = {1}
                raise RuntimeError("stop")
        assert (model.tags, model.votes) == ({"a", "outer"}, set())
    assert await PipedArticle.aget(model.key) == model


async def test_a_bad_element_raises_where_it_is_given() -> None:
    model = await article("a")
    async with model.apipeline():
        for attempt in (
            lambda: model.votes.add("x"),
            lambda: model.votes.update([1, "x"]),
            lambda: model.votes.discard("x"),
            lambda: model.votes.intersection_update(["x"]),
            lambda: model.votes.symmetric_difference_update(["x"]),
        ):
            with pytest.raises(ValidationError, match=r"PipedArticle\.votes"):
                attempt()
        assert (queued(model), model.votes) == ([], set())


async def test_saving_in_a_pipeline_sends_what_changed() -> None:
    model = await article("a", "b")
    theirs = await PipedArticle.aget(model.key)
    async with rapyer.apipeline():
        model.tags = model.tags  # nothing
        await model.asave()
        await theirs.tags.aadd("theirs")
    model.tags.discard("a")
    async with rapyer.apipeline():
        await model.asave()
    assert await model.tags.amembers() == {"b", "theirs"}
    new = PipedArticle(tags={"n"})
    async with rapyer.apipeline():
        await new.asave()
    assert await PipedArticle.aget(new.key) == new


async def test_operators_on_a_set_in_a_dict_are_queued_once() -> None:
    model = await article("a")
    async with model.apipeline():
        model.groups["a"] |= {"x"}
        model.groups["a"] -= {"a"}
        assert queued(model) == ["EVALSHA", "EVALSHA"]
    assert await PipedArticle.aget(model.key) == model
    assert model.groups == {"a": {"x"}}


async def test_exactly_once_covers_sets(raw: Redis) -> None:
    PipedArticle.Meta.exactly_once = True
    try:
        model = await article("a", "b")
        await model.votes.aadd_many(range(20_000))
        assert await model.tags.apop() in {"a", "b"}
        async with model.apipeline():
            model.tags ^= {"x"}
            model.votes |= range(20_000, 40_000)
            model.votes &= range(10_000, 45_000)
            model.votes -= range(40_000, 50_000)
            model.groups["a"].add("y")
        assert await PipedArticle.aget(model.key) == model
        assert await model.votes.amembers() == set(range(10_000, 40_000))
    finally:
        PipedArticle.Meta.exactly_once = False
