"""Set fields at their edges: typed elements, local edits, stale mirrors, other clients, and models that override them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from redis.asyncio import Redis

import rapyer
from rapyer import AtomicRedisModel, RedisConfig, init_rapyer
from rapyer.errors import CorruptedModelError, UnsupportedFieldError
from rapyer.types import RedisPriorityQueue, RedisSet
from tests.integration.special_models import (
    SpecialGrandchild,
    SpecialOuter,
    SpecialOverriding,
    full,
    keys,
    special,
)
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")


class EdgeSetKinds(AtomicRedisModel):
    texts: RedisSet[str] = Field(default_factory=RedisSet)
    numbers: RedisSet[int] = Field(default_factory=RedisSet)
    reals: RedisSet[float] = Field(default_factory=RedisSet)
    flags: RedisSet[bool] = Field(default_factory=RedisSet)
    days: set[dt.date] = set()


class EdgeSetPart(BaseModel):
    tags: set[str] = set()


class EdgeSetDoc(AtomicRedisModel):
    name: str = "n"
    tags: set[str] = set()
    maybe: set[str] | None = None
    part: EdgeSetPart = EdgeSetPart()
    sets: list[RedisSet[str]] = []
    groups: dict[str, set[str]] = {}


class EdgeSetLively(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    tags: set[str] = set()


class EdgeSetBox(AtomicRedisModel, Generic[T]):
    held: RedisSet[T] = Field(default_factory=RedisSet)
    parts: dict[str, EdgeSetPart] = {}


# --- elements ---------------------------------------------------------------------------------------------------

ELEMENTS: dict[str, tuple[list[Any], type]] = {
    "texts": (["a", "", "1", "true", 'ü "q"', "x" * 10_000], str),
    "numbers": ([0, 1, -5, 2**63, 2**80], int),
    "reals": ([0.0, 1.0, -2.5, 1e300, 5e-324], float),
    "flags": ([True, False], bool),
    "days": ([dt.date(2024, 2, 29)], dt.date),
}


@pytest.mark.parametrize("name", ELEMENTS)
async def test_elements_come_back_as_a_set_of_their_type(name: str) -> None:
    elements, kind = ELEMENTS[name]
    model = await EdgeSetKinds(**{name: elements}).asave()
    loaded = getattr(await EdgeSetKinds.aget(model.key), name)
    members = await loaded.amembers()
    assert (type(loaded), type(members)) == (RedisSet, set)
    assert members == loaded == set(elements)
    assert {type(element) for element in [*members, *loaded]} == {kind}
    assert await loaded.asize() == len(elements)
    taken = {await loaded.apop() for _ in elements}
    assert (taken, await loaded.apop()) == (set(elements), None)


async def test_an_element_that_is_there_is_not_there_twice_whoever_adds_it_and_however() -> None:
    model = await EdgeSetKinds(numbers={1}).asave()
    theirs = await EdgeSetKinds.aget(model.key)
    for numbers in (model.numbers, theirs.numbers):
        await numbers.aadd(1)
        await numbers.aadd_many(["1", 1])  # type: ignore[list-item]
        async with rapyer.apipeline():
            numbers.add(1)
            numbers |= [1]
    await theirs.asave()
    assert await model.numbers.asize() == 1


# --- local edits ------------------------------------------------------------------------------------------------

EDITS: dict[str, Callable[[RedisSet[str]], Any]] = {
    "add": lambda tags: tags.add("x"),
    "update": lambda tags: tags.update(["x", "y"]),
    "discard": lambda tags: tags.discard("a"),
    "remove": lambda tags: tags.remove("a"),
    "clear": lambda tags: tags.clear(),
    "difference_update": lambda tags: tags.difference_update(["a"]),
    "intersection_update": lambda tags: tags.intersection_update(["a"]),
    "symmetric_difference_update": lambda tags: tags.symmetric_difference_update(["a", "x"]),
}


@pytest.mark.parametrize("edit", EDITS)
async def test_a_local_edit_sends_nothing_until_the_model_is_saved(rapyer_redis_url: str, edit: str) -> None:
    model: Any = await EdgeSetDoc(
        tags={"a", "b"}, part=EdgeSetPart(tags={"a", "b"}), sets=[{"a", "b"}], groups={"g": {"a", "b"}}
    ).asave()
    places = (model.tags, model.part.tags, model.sets[0], model.groups["g"])
    expected = {"a", "b"}
    EDITS[edit](expected)  # type: ignore[arg-type]
    async with sent_to(rapyer_redis_url) as sent:
        for tags in places:
            EDITS[edit](tags)
            assert tags == expected
        assert await sent.names() == []
    for tags in places:
        assert await tags.amembers() == {"a", "b"}
    await model.asave()
    for tags in places:
        assert await tags.amembers() == expected
    assert await EdgeSetDoc.aget(model.key) == model


async def test_nothing_to_add_or_remove_sends_nothing_wherever_the_set_is(rapyer_redis_url: str) -> None:
    model: Any = await EdgeSetDoc(tags={"a"}, sets=[{"a"}], maybe={"a"}).asave()
    async with sent_to(rapyer_redis_url) as sent:
        for tags in (model.tags, model.part.tags, model.sets[0], model.maybe):
            tags.update()
            tags.update([], set())
            tags.difference_update()
            tags.difference_update([])
            await tags.aadd_many([])
            await tags.aadd_many(iter(()))
        async with rapyer.apipeline():
            for tags in (model.tags, model.part.tags, model.sets[0], model.maybe):
                tags.update()
                tags.difference_update([])
                await tags.aadd_many([])
        assert await sent.names() == []


async def test_removing_what_only_the_server_has_works_in_a_pipeline_alone() -> None:
    model: Any = await EdgeSetDoc(tags={"a"}, sets=[{"a"}]).asave()
    theirs: Any = await EdgeSetDoc.aget(model.key)
    await theirs.tags.aadd("unseen")
    await theirs.sets[0].aadd("unseen")
    for tags in (model.tags, model.sets[0]):
        with pytest.raises(KeyError, match="unseen"):
            tags.remove("unseen")
    async with model.apipeline():  # entering it loads the model, so what is removed has to be unknown again
        for tags in (model.tags, model.sets[0]):
            tags._rapyer_keep({"a"})
            tags.remove("unseen")
            tags.remove("nobody has it")
        assert len(model.tags.pipeline.commands) == 4
    assert await model.tags.amembers() == await model.sets[0].amembers() == {"a"}


@pytest.mark.parametrize("many", [False, True])
async def test_a_pop_takes_what_the_server_has_whatever_the_local_set_says(many: bool) -> None:
    model: Any = await EdgeSetDoc(
        tags={"server"}, part=EdgeSetPart(tags={"server"}), sets=[{"server"}]
    ).asave()
    for tags in (model.tags, model.part.tags, model.sets[0]):
        tags._rapyer_keep({"stale"})
        if many:
            assert await tags.apop_many(5) == {"server"}
            assert await tags.apop_many(5) == set()
        else:
            assert await tags.apop() == "server"
            assert await tags.apop() is None
        assert await tags.acontains("server") is False
        assert tags == {"stale"}


# --- several models ---------------------------------------------------------------------------------------------


async def test_combining_sets_of_two_models_renews_the_receiver_alone(raw: Redis) -> None:
    first: Any = await EdgeSetLively(tags={"a", "b"}).asave()
    second: Any = await EdgeSetLively(tags={"b", "c"}).asave()
    for combine, expected in (
        (first.tags.aunion, {"a", "b", "c"}),
        (first.tags.aintersect, {"b"}),
        (first.tags.adifference, {"a"}),
        (first.tags.asymmetric_difference, {"a", "c"}),
    ):
        for model in (first, second):
            for key in model.all_keys:
                await raw.expire(key, 50)
        assert await combine(second.tags) == expected
        assert [await raw.ttl(key) > 900 for key in first.all_keys] == [True, True]
        assert [await raw.ttl(key) <= 50 for key in second.all_keys] == [True, True]


async def test_a_clone_belongs_to_nobody_and_shares_nothing(raw: Redis) -> None:
    model: Any = await EdgeSetDoc(tags={"a"}, sets=[{"a"}], maybe={"a"}).asave()
    before = await keys(raw)
    for tags in (model.tags, model.sets[0], model.maybe):
        clone = tags.clone()
        assert (clone == tags, clone is tags, type(clone)) == (True, False, RedisSet)
        clone.add("x")
        clone -= {"a"}
        assert (clone, tags, await tags.amembers()) == ({"x"}, {"a"}, {"a"})
    assert await keys(raw) == before


# --- where the keys are -----------------------------------------------------------------------------------------


async def test_a_set_that_a_subclass_declares_as_a_number_is_none_of_its_keys(raw: Redis) -> None:
    model = await SpecialOverriding(tags=5, inner={"tags": ["i"]}).asave()  # type: ignore[arg-type]
    paths = [key.rpartition(":")[2] for key in model.all_keys[1:]]
    assert paths == ["hidden", "inner.tags", "inner.deep.tags"]
    await raw.sadd(special(model, "tags"), '"somebody else\'s"')
    assert (await SpecialOverriding.aget(model.key)).tags == 5
    await model.adelete()
    assert await keys(raw) == {special(model, "tags")}
    inherited = SpecialGrandchild().all_keys[1:]
    assert [key.rpartition(":")[2] for key in inherited] == [
        "tags",
        "hidden",
        "inner.tags",
        "inner.deep.tags",
        "more",
    ]


async def test_listing_and_finding_a_class_meet_no_key_of_a_set(raw: Redis) -> None:
    models = [await full().asave() for _ in range(3)]
    assert sorted(await SpecialOuter.afind_keys()) == sorted(model.key for model in models)
    assert sorted(await raw.keys("SpecialOuter:*")) == sorted(model.key for model in models)
    assert len(await SpecialOuter.afind()) == 3
    assert not [key async for key in raw.scan_iter("SpecialOuter:*") if "tags" in key]


async def test_empty_lists_and_dicts_of_sets_are_stored_and_loaded(raw: Redis) -> None:
    model: Any = await EdgeSetDoc().asave()
    stored: Any = await raw.json().get(model.key)
    assert (stored["sets"], stored["groups"]) == ([], {})
    loaded: Any = await EdgeSetDoc.aget(model.key)
    assert (loaded.sets, loaded.groups, loaded.tags, loaded.maybe) == ([], {}, set(), None)
    await loaded.sets.aappend(set())
    await loaded.sets[0].aadd("x")
    assert (await EdgeSetDoc.aget(model.key)).sets == [{"x"}]
    assert await keys(raw) == {model.key}


async def test_a_generic_class_keeps_its_sets_typed_in_every_place() -> None:
    box: Any = await EdgeSetBox[float](held={1}, parts={"k": EdgeSetPart(tags={"t"})}).asave()
    await box.held.aadd("2")
    loaded: Any = await EdgeSetBox[float].aget(box.key)
    assert {type(element) for element in loaded.held} == {float}
    assert (loaded.held, loaded.parts["k"].tags) == ({1.0, 2.0}, {"t"})
    assert await loaded.held.acontains(1) is True
    copied: Any = await loaded.aduplicate()
    await copied.parts["k"].tags.aadd("u")
    assert await box.parts["k"].tags.amembers() == {"t"}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_every_client_gives_the_same_members(
    rapyer_redis_url: str, decode: bool, protocol: int
) -> None:
    client: Redis = Redis.from_url(rapyer_redis_url, decode_responses=decode, protocol=protocol)
    await init_rapyer(client)
    try:
        one: Any = await EdgeSetDoc(tags={"é", "b"}, maybe={"m"}, sets=[{"s"}], groups={"g": {"x"}}).asave()
        two: Any = await EdgeSetDoc(tags={"b"}).asave()
        assert await EdgeSetDoc.aget(one.key) == one
        assert sorted(await EdgeSetDoc.afind_keys()) == sorted([one.key, two.key])
        assert await one.tags.amembers() == {"é", "b"} == {tag async for tag in one.tags.aiter_members()}
        assert await one.tags.adifference(two.tags) == {"é"}
        assert await one.tags.aunion(one.sets[0], one.groups["g"]) == {"é", "b", "s", "x"}
        assert await one.tags.acontains_many(["é", "z"]) == [True, False]
        assert await two.tags.apop() == "b"
        assert await one.sets[0].apop() == "s"
        async with one.apipeline():
            one.tags &= {"é"}
            one.maybe ^= {"n"}
            one.groups["g"].clear()
        assert await EdgeSetDoc.aget(one.key) == one
        assert (one.tags, one.maybe, one.groups) == ({"é"}, {"m", "n"}, {"g": set()})
        assert (await EdgeSetDoc.adelete_many(one, two)).keys_deleted == 4
    finally:
        await rapyer.teardown_rapyer()


# --- what the model says of its values --------------------------------------------------------------------------


class EdgeSetLower(AtomicRedisModel):
    model_config = ConfigDict(str_to_lower=True, str_strip_whitespace=True, str_max_length=5)
    tags: set[str] = set()
    items: list[str] = []
    named: dict[str, str] = {}
    sets: list[RedisSet[str]] = []
    jobs: RedisPriorityQueue[str] = RedisPriorityQueue()


class EdgeSetStrict(AtomicRedisModel):
    model_config = ConfigDict(strict=True)
    numbers: set[int] = set()
    days: set[dt.date] = set()
    items: list[int] = []
    named: dict[str, dt.datetime] = {}
    jobs: RedisPriorityQueue[dt.date] = RedisPriorityQueue()


async def test_the_configuration_of_a_model_counts_for_what_is_added_later_too() -> None:
    model: Any = await EdgeSetLower(tags={" A "}, items=[" A "], named={" K ": " A "}, sets=[{" A "}]).asave()
    assert (model.tags, model.items, model.named, model.sets) == ({"a"}, ["a"], {"k": "a"}, [{"a"}])
    await model.tags.aadd(" B")
    await model.items.aappend("B ")
    await model.named.aset_item("L", "B")
    await model.sets[0].aadd("B")
    await model.jobs.apush(" B", 1)
    async with model.apipeline():
        model.tags.add("C ")
        model.items += ["C"]
        model.named["M"] = " C"
        model.sets[0] |= [" C"]
    assert await EdgeSetLower.aget(model.key) == model
    assert await model.tags.amembers() == set(model.items) == {"a", "b", "c"} == model.sets[0]
    assert model.named == {"k": "a", "l": "b", "m": "c"}
    assert await model.jobs.apop() == "b"
    assert await model.tags.acontains(" A ") is True
    for refused in (model.tags.aadd, model.items.aappend, model.sets[0].aadd):
        with pytest.raises(ValidationError, match="at most 5 characters"):
            await refused("too long")


async def test_a_strict_model_is_strict_about_what_is_added_later_and_reads_what_it_stored() -> None:
    day, moment = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12)
    model: Any = await EdgeSetStrict(numbers={1}, days={day}, items=[1], named={"a": moment}).asave()
    await model.numbers.aadd(2)
    await model.items.aappend(2)
    await model.named.aset_item("b", moment)
    await model.days.aadd(dt.date(2024, 3, 1))
    await model.jobs.apush(day, 1)
    refusals: list[Callable[[], Any]] = [
        lambda: model.numbers.aadd("3"),
        lambda: model.items.aappend("3"),
        lambda: model.named.aset_item("c", "2024-02-29T12:00:00"),
        lambda: model.days.aadd("2024-02-29"),
        lambda: model.jobs.apush("2024-02-29", 1),
    ]
    for refused in refusals:
        with pytest.raises(ValidationError, match=r"EdgeSetStrict\.\w+"):
            await refused()
    loaded: Any = await EdgeSetStrict.aget(model.key)
    assert loaded == model
    assert await loaded.days.amembers() == model.days == {day, dt.date(2024, 3, 1)}
    assert (await loaded.items.aload(), await loaded.named.aload()) == ([1, 2], {"a": moment, "b": moment})
    assert await loaded.numbers.apop() in {1, 2}
    assert await loaded.jobs.apop() == day


class EdgeSetSecret(AtomicRedisModel):
    model_config = ConfigDict(hide_input_in_errors=True)
    pins: set[int] = set()
    items: list[int] = []
    named: dict[str, int] = {}
    jobs: RedisPriorityQueue[int] = RedisPriorityQueue()


async def test_an_error_shows_no_input_where_the_model_hides_it(raw: Redis) -> None:
    model: Any = await EdgeSetSecret(pins={1}).asave()
    refusals: list[Callable[[], Any]] = [
        lambda: model.pins.aadd("secret"),
        lambda: model.items.aappend("secret"),
        lambda: model.named.aset_item("a", "secret"),
        lambda: model.jobs.apush("secret", 1),
        lambda: EdgeSetSecret(pins=["secret"]),  # type: ignore[arg-type]
    ]
    for refused in refusals:
        with pytest.raises(ValidationError, match="Input should be a valid integer") as raised:
            await refused()
        assert "secret" not in str(raised.value)
    await raw.sadd(model.pins.special_key, '"secret"')
    for read in (model.pins.amembers, model.aload):
        with pytest.raises(CorruptedModelError, match="does not fit") as stored:
            await read()
        assert "secret" not in str(stored.value)


@pytest.mark.parametrize(
    "annotation", [list[RedisSet[int] | None], dict[str, RedisSet[int] | str], list[RedisSet[int] | None]]
)
def test_a_set_field_in_a_list_is_never_one_of_several_types(annotation: Any) -> None:
    body = {"__annotations__": {"things": annotation}, "__module__": __name__}
    with pytest.raises(
        UnsupportedFieldError,
        match="EdgeSetChoice.things holds a RedisSet in an element that may be of another type or None, and is "
        "stored whole; let the RedisSet be a field of a model, optional or not, or an element of a list or dict",
    ) as raised:
        type(AtomicRedisModel)("EdgeSetChoice", (AtomicRedisModel,), body)
    assert (raised.value.model, raised.value.field) == ("EdgeSetChoice", "things")


async def test_a_python_set_that_may_be_none_in_a_list_stays_one_and_is_stored_with_it(raw: Redis) -> None:
    class EdgeSetMaybe(AtomicRedisModel):
        things: list[set[int] | None] = []
        all_or_none: list[set[int]] | None = None

    model: Any = await EdgeSetMaybe(things=[{1}, None], all_or_none=[{2}]).asave()
    model.things[0].add(3)
    await model.asave()
    await model.all_or_none[0].aadd(4)
    loaded: Any = await EdgeSetMaybe.aget(model.key)
    assert (loaded.things, type(loaded.things[0])) == ([{1, 3}, None], set)
    assert (loaded.all_or_none, type(loaded.all_or_none[0])) == ([{2, 4}], RedisSet)
    assert await keys(raw) == {model.key}
