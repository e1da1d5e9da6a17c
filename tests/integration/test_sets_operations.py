"""What each operation of a set field does to Redis, to the local set and to whoever else looks."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field, ValidationError

from rapyer import AtomicRedisModel
from rapyer.errors import (
    CorruptedModelError,
    CrossSourceError,
    UnlinkedValueError,
    UnsupportedArgumentTypeError,
    UnsupportedOperationError,
)
from rapyer.session.clients import ClientSource
from rapyer.types import RedisSet
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class SetTone(enum.Enum):
    RED = "red"


class SetArticle(AtomicRedisModel):
    title: str = "untitled"
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    votes: set[int] = Field(default_factory=set)


class SetKinds(AtomicRedisModel):
    texts: set[str] = set()
    numbers: set[int] = set()
    reals: set[float] = set()
    flags: set[bool] = set()
    moments: set[dt.datetime] = set()
    ids: set[uuid.UUID] = set()
    prices: set[Decimal] = set()
    tones: set[SetTone] = set()
    raws: set[bytes] = set()
    pairs: set[tuple[int, str]] = set()
    frozen: set[frozenset[int]] = set()
    anything: set = set()


class SetElsewhere(AtomicRedisModel):
    tags: set[str] = set()


async def article(*tags: str) -> SetArticle:
    return await SetArticle(tags=set(tags)).asave()


async def stored(raw: Redis, model: SetArticle) -> set[str]:
    return await raw.smembers(model.tags.special_key)


# --- members ---------------------------------------------------------------------------------------------

MEMBERS: dict[str, list[tuple[Any, str]]] = {
    "texts": [("a", '"a"'), ("", '""'), ("é x", '"\\u00e9 x"'), ('q"u', '"q\\"u"')],
    "numbers": [(1, "1"), (2**70, "1180591620717411303424"), ("3", "3")],
    "reals": [
        (1, "1.0"),
        (2.5, "2.5"),
        (1e20, "1e+20"),
        (1e-7, "1e-07"),
        (-0.0, "-0.0"),
        (float("inf"), "Infinity"),
    ],
    "flags": [(True, "true"), (False, "false")],
    "moments": [(dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), '"2024-01-01T00:00:00Z"')],
    "ids": [(uuid.UUID(int=0), '"00000000-0000-0000-0000-000000000000"')],
    "prices": [(Decimal("1.10"), '"1.10"')],
    "tones": [(SetTone.RED, '"red"')],
    "raws": [(b"\xff", '"gASVBQAAAAAAAABDAf+ULg=="')],
    "pairs": [((1, "a"), '[1, "a"]')],
    "frozen": [(frozenset({1}), "[1]")],
    "anything": [(None, "null"), ("x", '"x"'), ((1, (2, 3)), "[1, [2, 3]]")],
}


@pytest.mark.parametrize(
    ("name", "value", "text"), [(name, *pair) for name, pairs in MEMBERS.items() for pair in pairs]
)
async def test_members_are_the_json_text_of_the_elements(
    raw: Redis, name: str, value: Any, text: str
) -> None:
    """§2.1, §13.15: the text is exact, and what is read back has the element's type."""
    model = await SetKinds().asave()
    field: RedisSet[Any] = getattr(model, name)
    await field.aadd(value)
    assert await raw.smembers(field.special_key) == {text}
    assert await field.acontains(value)
    (read,) = await field.amembers()
    (local,) = field
    (loaded,) = getattr(await SetKinds.aget(model.key), name)
    assert read == local == loaded
    assert type(read) is type(local) is type(loaded)
    assert await field.aremove(value) is True


async def test_a_frozenset_stays_an_ordinary_field() -> None:
    """§1.1"""

    class SetFrozenField(AtomicRedisModel):
        tags: frozenset[str] = frozenset()

    model = await SetFrozenField(tags=frozenset({"a"})).asave()
    assert type(model.tags) is frozenset
    assert (await SetFrozenField.aget(model.key)).tags == {"a"}


# --- async operations ------------------------------------------------------------------------------------


async def test_adding_the_same_element_again_adds_nothing(raw: Redis) -> None:
    """§13.16"""
    model = await article()
    for _ in range(3):
        await model.tags.aadd("python")
    assert await model.tags.asize() == 1
    assert model.tags == {"python"}


async def test_many_elements_are_added_in_one_command(raw: Redis, rapyer_redis_url: str) -> None:
    model = await article("first")  # the server knows the script
    async with sent_to(rapyer_redis_url) as sent:
        await model.tags.aadd_many(["redis", "asyncio"])
        assert len(await sent.lines()) == 1
    assert await stored(raw, model) == {'"first"', '"redis"', '"asyncio"'}
    assert model.tags == {"first", "redis", "asyncio"}


async def test_a_hundred_thousand_elements_are_added_and_read() -> None:
    model = await article()
    await model.votes.aadd_many(range(100_000))
    assert await model.votes.asize() == 100_000
    assert await model.votes.amembers() == set(range(100_000))
    assert (await SetArticle.aget(model.key)).votes == set(range(100_000))


async def test_nothing_is_sent_for_no_elements(rapyer_redis_url: str) -> None:
    """§13.18"""
    model = await article("a")
    async with sent_to(rapyer_redis_url) as sent:
        await model.tags.aadd_many([])
        assert await model.tags.acontains_many([]) == []
        assert await model.tags.apop_many(0) == set()
        model.tags.update()
        model.tags.difference_update()
        assert await sent.names() == []
    async with model.apipeline():
        model.tags.update()
        model.tags.update([], ())
        model.tags.difference_update()
        model.tags.symmetric_difference_update([])
        model.tags.intersection_update()
        assert model.tags.pipeline is not None
        assert model.tags.pipeline.commands == ()


async def test_aremove_tells_whether_the_element_was_there() -> None:
    """§13.17"""
    model = await article("a")
    assert await model.tags.aremove("a") is True
    assert await model.tags.aremove("a") is False
    assert model.tags == set()


async def test_apop_takes_out_one_element() -> None:
    """§13.17"""
    model = await article("a", "b")
    popped = await model.tags.apop()
    assert popped in {"a", "b"}
    assert await model.tags.acontains(popped) is False
    assert model.tags == {"a", "b"} - {popped}
    await model.tags.apop()
    assert await model.tags.apop() is None


async def test_apop_many_takes_out_at_most_so_many() -> None:
    model = await article("a", "b", "c")
    first = await model.tags.apop_many(2)
    assert (type(first), len(first)) == (set, 2)
    assert model.tags == {"a", "b", "c"} - first
    assert await model.tags.apop_many(5) == {"a", "b", "c"} - first
    assert await model.tags.apop_many(5) == set()
    for count in (-1, 1.5, True):
        with pytest.raises(ValueError, match=r"the number of elements to pop is 0 or more, not"):
            await model.tags.apop_many(count)


async def test_aclear_removes_the_key(raw: Redis) -> None:
    model = await article("a", "b")
    await model.tags.aclear()
    assert await raw.exists(model.tags.special_key) == 0
    assert (model.tags, await model.tags.asize()) == (set(), 0)


async def test_membership_of_one_and_of_many() -> None:
    model = await article("a", "b")
    assert await model.tags.acontains("a") is True
    assert await model.tags.acontains("z") is False
    assert await model.tags.acontains_many(["b", "z", "a"]) == [True, False, True]


async def test_amembers_is_a_plain_set_and_leaves_the_local_one_alone() -> None:
    model = await article("a")
    await (await SetArticle.aget(model.key)).tags.aadd("b")
    members = await model.tags.amembers()
    assert (type(members), members) == (set, {"a", "b"})
    assert model.tags == {"a"}


async def test_aiter_members_reads_a_large_set_page_by_page(rapyer_redis_url: str) -> None:
    model = await article()
    await model.votes.aadd_many(range(3000))
    async with sent_to(rapyer_redis_url) as sent:
        assert {vote async for vote in model.votes.aiter_members()} == set(range(3000))
        names = await sent.names()
    assert set(names) == {"SSCAN"}
    assert len(names) > 3
    assert [tag async for tag in model.tags.aiter_members()] == []


async def test_a_bad_element_is_refused_before_anything_is_sent(raw: Redis) -> None:
    model = await article()
    for attempt in (
        lambda: model.votes.aadd("x"),
        lambda: model.votes.aadd_many([1, "x"]),
        lambda: model.votes.aremove("x"),
        lambda: model.votes.acontains("x"),
    ):
        with pytest.raises(ValidationError, match=r"SetArticle\.votes"):
            await attempt()
    assert await raw.exists(model.votes.special_key) == 0
    assert model.votes == set()


async def test_the_local_set_keeps_validated_values() -> None:
    """W22"""
    model = await article()
    await model.votes.aadd("3")
    model.votes.add("4")
    model.votes |= ["5"]
    assert sorted(model.votes) == [3, 4, 5]
    await model.asave()
    assert (await SetArticle.aget(model.key)).votes == {3, 4, 5}


async def test_fifty_tasks_take_each_element_exactly_once() -> None:
    model = await article()
    await model.votes.aadd_many(range(1000))
    taken: list[int] = []

    async def worker() -> None:
        own = await SetArticle.aget(model.key)
        while True:
            vote = await own.votes.apop()
            if vote is None:
                return
            taken.append(vote)

    async def giver(start: int) -> None:
        for vote in range(start, start + 20):
            await model.votes.aadd(vote)

    await asyncio.gather(*(giver(1000 + 20 * number) for number in range(10)))
    await asyncio.gather(*(worker() for _ in range(50)))
    assert sorted(taken) == list(range(1200))
    assert await model.votes.asize() == 0


# --- set algebra -----------------------------------------------------------------------------------------


async def test_set_algebra_runs_on_the_server(rapyer_redis_url: str) -> None:
    """§13.25"""
    a, b = await article(), await article()
    await a.tags.aadd_many(["alpha", "beta", "gamma"])
    await (await SetArticle.aget(b.key)).tags.aadd_many(["gamma", "delta"])  # b does not know of it
    async with sent_to(rapyer_redis_url) as sent:
        assert await a.tags.aunion(b.tags) == {"alpha", "beta", "gamma", "delta"}
        assert await a.tags.aintersect(b.tags) == {"gamma"}
        assert await a.tags.adifference(b.tags) == {"alpha", "beta"}
        assert await a.tags.asymmetric_difference(b.tags) == {"alpha", "beta", "delta"}
        assert (await sent.names())[:3] == ["SUNION", "SINTER", "SDIFF"]
    assert a.tags == {"alpha", "beta", "gamma"}
    assert b.tags == set()


@pytest.mark.parametrize("number", [0, 1, 2, 5])
async def test_set_algebra_takes_any_number_of_operands(number: int) -> None:
    mine = {"a", "b", "c", "d"}
    others = [{"a", "x"}, {"a", "b", "y"}, {"a", "d"}, {"a", "x", "y"}, {"a"}][:number]
    model = await article(*mine)
    operands = [(await article(*other)).tags for other in others]
    assert await model.tags.aunion(*operands) == mine.union(*others)
    assert await model.tags.aintersect(*operands) == mine.intersection(*others)
    assert await model.tags.adifference(*operands) == mine.difference(*others)
    odd = mine
    for other in others:
        odd = odd ^ other
    result = await model.tags.asymmetric_difference(*operands)
    assert (type(result), result) == (set, odd)


async def test_a_set_is_combined_with_itself() -> None:
    model = await article("a")
    assert await model.tags.aunion(model.tags, model.tags) == {"a"}
    assert await model.tags.asymmetric_difference(model.tags) == set()


@pytest.mark.parametrize("operand", [{"a"}, ["a"], "a", None])
async def test_what_is_no_set_field_is_refused_as_an_operand(operand: Any) -> None:
    """W22"""
    model = await article("a")
    for combine in (
        model.tags.aunion,
        model.tags.aintersect,
        model.tags.adifference,
        model.tags.asymmetric_difference,
    ):
        with pytest.raises(
            UnsupportedArgumentTypeError, match=r"no \w+ is; give RedisSet fields, or use Python's"
        ) as e:
            await combine(operand)
        assert isinstance(e.value, TypeError)


async def test_operands_on_two_servers_are_refused(rapyer_redis_url: str) -> None:
    here = await article("a")
    source = ClientSource.from_url(rapyer_redis_url)
    SetElsewhere.Meta.redis = source
    try:
        there = await SetElsewhere(tags={"a"}).asave()
        with pytest.raises(CrossSourceError, match=r"tags is on another server than SetArticle:"):
            await here.tags.aunion(there.tags)
    finally:
        SetElsewhere.Meta.redis = None
        await source.aclose()


async def test_an_operands_element_that_does_not_fit_is_told() -> None:
    model, texts = await SetArticle(votes={1}).asave(), await article("a")
    with pytest.raises(
        CorruptedModelError, match=r"a member of SetArticle\.votes stored under .*:votes does not fit"
    ):
        await model.votes.aunion(texts.tags)


# --- sets that belong to no model ------------------------------------------------------------------------


async def test_a_set_without_a_model_says_so() -> None:
    """W25"""
    linked = (await article("a")).tags
    for loose in (RedisSet({"a"}), linked.clone()):
        for attempt in (
            lambda loose=loose: loose.aadd("b"),
            lambda loose=loose: loose.aadd_many([]),
            lambda loose=loose: loose.amembers(),
            lambda loose=loose: loose.apop(),
            lambda loose=loose: loose.aunion(linked),
            lambda loose=loose: linked.aunion(loose),
        ):
            with pytest.raises(
                UnlinkedValueError,
                match=r"this RedisSet belongs to no model, so it has no place in Redis; assign it",
            ):
                await attempt()
        with pytest.raises(UnlinkedValueError):
            _ = loose.special_key
        loose.add("c")
        assert loose == {"a", "c"}


async def test_a_clone_is_equal_and_another_object() -> None:
    """§13.27"""
    tags = (await article("a", "b")).tags
    clone = tags.clone()
    assert clone == tags
    assert clone is not tags
    assert type(clone) is RedisSet
    clone.add("c")
    assert tags == {"a", "b"}


# --- the local set ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add", ("x",)),
        ("update", (["x", "a"], {"y"}, "z")),
        ("update", ()),
        ("discard", ("a",)),
        ("discard", ("missing",)),
        ("remove", ("a",)),
        ("clear", ()),
        ("difference_update", (["a", "x"], {"b"})),
        ("intersection_update", (["a", "b", "x"], {"a", "c"})),
        ("intersection_update", ([],)),
        ("intersection_update", ()),
        ("symmetric_difference_update", (["a", "x", "x"],)),
        ("__ior__", ({"x"},)),
        ("__iand__", ({"a", "x"},)),
        ("__isub__", ({"a", "x"},)),
        ("__ixor__", ({"a", "x"},)),
    ],
)
async def test_sync_operations_do_locally_what_a_set_does(name: str, arguments: tuple[Any, ...]) -> None:
    """§13.20, §13.24: outside a pipeline Redis learns of it from `asave()`; in one, at its end."""
    expected = {"a", "b", "c"}
    getattr(expected, name)(*arguments)
    model = await article("a", "b", "c")
    getattr(model.tags, name)(*arguments)
    assert model.tags == expected
    assert await model.tags.amembers() == {"a", "b", "c"}
    await model.asave()
    assert await model.tags.amembers() == expected

    other = await article("a", "b", "c")
    async with other.apipeline():
        getattr(other.tags, name)(*arguments)
        assert other.tags == expected
        assert await other.tags.amembers() == {"a", "b", "c"}
    assert await other.tags.amembers() == other.tags == expected


async def test_removing_what_is_not_there_raises_only_outside_of_a_pipeline() -> None:
    """§13.19"""
    model = await article("a")
    await (await SetArticle.aget(model.key)).tags.aadd("unseen")
    with pytest.raises(KeyError, match="missing"):
        model.tags.remove("missing")
    async with model.apipeline() as same:
        same.tags.clear()
        same.tags.add("a")
    await (await SetArticle.aget(model.key)).tags.aadd("unseen")
    async with model.apipeline():
        model.tags._rapyer_keep({"a"})  # as if it had not been seen
        model.tags.remove("unseen")
        assert [command.name for command in model.tags.pipeline.commands] == ["SREM"]
    assert await model.tags.amembers() == {"a"}


async def test_in_place_operators_take_any_iterable() -> None:
    model = await article("a")
    model.tags |= ["b", "c"]
    model.tags &= ("a", "b", "x")
    model.tags -= iter(["b"])
    model.tags ^= ["a", "z"]
    assert model.tags == {"z"}
    assert type(model.tags) is RedisSet


async def test_pop_is_refused_and_points_to_apop() -> None:
    model = await article("a")
    with pytest.raises(
        UnsupportedOperationError, match=r"cannot pop an element locally; use `await tags\.apop\(\)`"
    ):
        model.tags.pop()
    async with model.apipeline():
        with pytest.raises(TypeError):
            model.tags.pop()
    assert await model.tags.amembers() == model.tags == {"a"}


async def test_operators_that_make_a_new_set_make_a_plain_one() -> None:
    tags = (await article("a", "b")).tags
    results = (tags | {"c"}, tags & {"a"}, tags - {"a"}, tags ^ {"a"}, tags.union({"c"}), tags.copy())
    assert [type(result) for result in results] == [set] * 6
    assert ({"c"} | tags, len(tags), "a" in tags, sorted(tags)) == ({"a", "b", "c"}, 2, True, ["a", "b"])
    assert tags == {"a", "b"} == tags
    with pytest.raises(TypeError, match="unhashable"):
        hash(tags)


async def test_a_member_that_does_not_fit_is_put_back_when_it_is_popped(raw: Redis) -> None:
    model = await SetArticle(votes={1}).asave()
    await raw.delete(model.votes.special_key)
    await raw.sadd(model.votes.special_key, "x")
    with pytest.raises(CorruptedModelError, match=r"votes stored under .*:votes does not fit") as caught:
        await model.votes.apop()
    assert caught.value.key == model.votes.special_key
    assert await raw.smembers(model.votes.special_key) == {"x"}
    assert model.votes == {1}
