"""Fields with a key of their own are loaded with their model, damaged ones are named, optional ones are None."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import (
    CorruptedModelError,
    WrongTypeError,
)
from rapyer.types import RedisSet
from tests.integration.special_models import (
    SpecialInner,
    SpecialLower,
    SpecialOptional,
    SpecialOuter,
    full,
    keys,
    special,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


# --- loading --------------------------------------------------------------------------------------------


async def test_aload_shows_what_others_did() -> None:
    """§13.7"""
    mine = await full().asave()
    held, held_inner = mine.tags, mine.inner.tags
    theirs = await SpecialOuter.aget(mine.key)
    await theirs.tags.aadd("x")
    await theirs.inner.tags.aclear()
    assert await mine.aload() is mine
    assert (held, held_inner) == ({"a", "x"}, set())
    assert mine.tags is held


async def test_an_inner_model_loads_its_own_part() -> None:
    """W10"""
    mine = await full().asave()
    theirs = await SpecialOuter.aget(mine.key)
    await theirs.inner.tags.aadd("x")
    await theirs.inner.deep.tags.aadd("y")
    await theirs.tags.aadd("z")
    theirs.inner.n = 7
    await theirs.asave()
    assert await mine.inner.aload() is mine.inner
    assert (mine.inner.n, mine.inner.tags, mine.inner.deep.tags) == (7, {"b", "x"}, {"c", "y"})
    assert mine.tags == {"a"}
    mine.inner.tags.discard("x")
    await mine.asave()
    assert await theirs.inner.tags.amembers() == {"b"}
    assert await theirs.tags.amembers() == {"a", "z"}


async def test_every_way_to_load_a_model_loads_its_sets() -> None:
    """§13.8"""
    models = [full(name=f"n{number}") for number in range(3)]
    await SpecialOuter.ainsert(*models)
    wanted = [model.key for model in models]
    assert await SpecialOuter.afind(*wanted) == models
    assert await rapyer.afind(*wanted) == models
    assert await rapyer.aget(wanted[0]) == models[0]
    assert await SpecialOuter.afind_one(wanted[1]) == models[1]
    found = {model.key: model for model in await SpecialOuter.afind()}
    assert found == {model.key: model for model in models}
    assert await found[wanted[0]].tags.amembers() == {"a"}
    await found[wanted[0]].tags.aadd("x")
    assert (await SpecialOuter.aget(wanted[0])).tags == {"a", "x"}


async def test_many_models_are_loaded_with_their_sets() -> None:
    models = [SpecialOuter(tags={str(number)}, inner={"tags": [str(number)]}) for number in range(600)]
    await SpecialOuter.ainsert(*models)
    found = await SpecialOuter.afind(*(model.key for model in models))
    assert found == models
    assert len(await SpecialOuter.afind()) == 600


async def test_searching_finds_models_with_their_sets() -> None:
    await SpecialOuter.acreate_index()
    models = [full(name=f"n{number}") for number in range(3)]
    await SpecialOuter.ainsert(*models)
    assert await SpecialOuter.afind(SpecialOuter.name == "n1") == [models[1]]
    assert await SpecialOuter.afind(SpecialOuter.name == "n1", max_results=5) == [models[1]]
    assert await SpecialOuter.afind_one(SpecialOuter.name == "n2") == models[2]
    result = await SpecialOuter.adelete_many(SpecialOuter.name != "n1")
    assert (result.models_deleted, result.keys_deleted) == (2, 10)
    assert await SpecialOuter.afind() == [models[1]]


async def test_a_set_without_a_key_is_empty_whatever_the_default(raw: Redis) -> None:
    class SpecialDefault(AtomicRedisModel):
        tags: set[str] = {"default"}
        needed: set[int]

    model = await SpecialDefault(needed=set()).asave()
    assert (await SpecialDefault.aget(model.key)) == model
    await model.tags.aclear()
    assert (await SpecialDefault.aget(model.key)).tags == set()


async def test_validators_see_the_loaded_members(raw: Redis) -> None:
    model = await SpecialLower(tags={"A"}).asave()
    await raw.sadd(special(model, "tags"), '"B"')
    assert (await SpecialLower.aget(model.key)).tags == {"a", "b"}


async def test_the_key_of_a_field_wins_over_a_value_in_the_document(raw: Redis) -> None:
    model = await full().asave()
    await raw.json().set(model.key, "$.tags", ['"inline"'])
    await raw.json().set(model.key, "$.inner.tags", ['"inline"'])
    loaded = await SpecialOuter.aget(model.key)
    assert (loaded.tags, loaded.inner.tags) == ({"a"}, {"b"})
    await raw.delete(special(model, "tags"))
    assert (await SpecialOuter.aget(model.key)).tags == set()


# --- optional fields ------------------------------------------------------------------------------------


async def test_an_optional_set_lives_as_others_do(raw: Redis) -> None:
    """W6"""
    worker = await SpecialOptional().asave()
    assert await keys(raw) == {worker.key}
    loaded = await SpecialOptional.aget(worker.key)
    assert (loaded.tags, loaded.plain, loaded.inner) == (None, None, None)
    worker.tags = RedisSet()
    await worker.tags.aadd("ready")
    worker.plain = {1}
    worker.inner = SpecialInner(tags={"i"})
    await worker.asave()
    expected = {worker.key, *(special(worker, path) for path in ("tags", "plain", "inner.tags"))}
    assert await keys(raw) == expected
    assert (await raw.json().get(worker.key, "$"))[0] == {"name": "default", "inner": {"n": 0, "deep": {}}}
    loaded = await SpecialOptional.aget(worker.key)
    assert loaded == worker
    assert await loaded.tags.amembers() == {"ready"}
    assert await loaded.inner.tags.amembers() == {"i"}
    twin = await loaded.aduplicate()
    assert (twin.tags, twin.plain, twin.inner.tags) == ({"ready"}, {1}, {"i"})
    await twin.adelete()
    loaded.tags = loaded.inner = None
    await loaded.asave()
    assert await keys(raw) == {worker.key, special(worker, "plain")}
    await worker.aload()
    assert (worker.tags, worker.plain, worker.inner) == (None, {1}, None)
    await SpecialOptional.adelete_many(worker)
    assert await keys(raw) == set()


async def test_an_optional_set_given_to_the_constructor_is_linked() -> None:
    """W6"""
    worker = SpecialOptional(tags={"a"}, inner=SpecialInner(tags={"b"}))
    await worker.tags.aadd("early")
    await worker.asave()
    loaded = await SpecialOptional.aget(worker.key)
    assert (loaded.tags, loaded.inner.tags) == ({"a", "early"}, {"b"})


async def test_none_that_was_always_there_deletes_nothing() -> None:
    mine = await SpecialOptional().asave()
    theirs = await SpecialOptional.aget(mine.key)
    theirs.tags = RedisSet({"theirs"})
    await theirs.asave()
    mine.name = "changed"
    await mine.asave()
    assert (await SpecialOptional.aget(mine.key)).tags == {"theirs"}


async def test_an_optional_field_with_a_default_loads_as_none_where_it_was_none() -> None:
    class SpecialOptionalDefault(AtomicRedisModel):
        tags: set[str] | None = {"default"}

    model = await SpecialOptionalDefault(tags=None).asave()
    assert (await SpecialOptionalDefault.aget(model.key)).tags is None


# --- what another implementation wrote ------------------------------------------------------------------


async def legacy(raw: Redis) -> SpecialOptional:
    document = {
        "name": "n",
        "tags": ['"a"', '"b"'],
        "plain": ["1"],
        "inner": {"n": 1, "tags": ['"i"'], "deep": {}},
    }
    await raw.json().set("SpecialOptional:old", "$", document)
    return await SpecialOptional.aget("old")


async def test_an_optional_set_inside_a_document_is_read_and_saved_to_its_key(raw: Redis) -> None:
    """W6: rapyer 1.3.6 keeps optional sets in the document."""
    old = await legacy(raw)
    assert (old.tags, old.plain, old.inner.tags) == ({"a", "b"}, {1}, {"i"})
    old.tags.discard("a")
    await old.asave()
    assert (await raw.json().get(old.key, "$"))[0] == {"name": "n", "inner": {"n": 1, "deep": {}}}
    assert await SpecialOptional.aget("old") == old
    assert old.tags == {"b"}


@pytest.mark.parametrize("piped", [False, True])
async def test_an_operation_on_such_a_set_loses_no_member(raw: Redis, piped: bool) -> None:
    old = await legacy(raw)
    if piped:
        async with old.apipeline():
            old.tags.add("new")
            await old.inner.tags.aremove("i")
    else:
        await old.tags.aadd("new")
        await old.inner.tags.aremove("i")
    loaded = await SpecialOptional.aget("old")
    assert loaded.tags == {"a", "b", "new"} == old.tags
    assert loaded.inner.tags == set()
    assert "tags" not in (await raw.json().get(old.key, "$"))[0]


async def test_the_first_to_move_such_a_set_is_the_only_one(raw: Redis) -> None:
    one, two = await legacy(raw), await SpecialOptional.aget("old")
    assert await one.tags.aremove("a") is True
    assert await two.tags.amembers() == {"b"}
    await two.tags.aadd("c")
    await two.tags.asave_special()
    assert (await SpecialOptional.aget("old")).tags == {"b", "c"}


# --- damage ---------------------------------------------------------------------------------------------


async def test_a_key_of_another_type_is_named(raw: Redis) -> None:
    """Reliability: a wrong type at the key of a field."""
    model = await full().asave()
    await raw.delete(special(model, "inner.tags"))
    await raw.set(special(model, "inner.tags"), "text")
    for load in (SpecialOuter.aget(model.key), model.aload(), model.inner.aload()):
        with pytest.raises(
            WrongTypeError,
            match=r"SpecialOuter:.*:inner\.tags holds another Redis type than the RedisSet inner\.tags",
        ) as caught:
            await load
        assert (caught.value.key, caught.value.field) == (model.key, "inner.tags")
    with pytest.raises(
        WrongTypeError, match=r"inner\.tags holds another Redis type than the field that it is for"
    ):
        await model.inner.tags.aadd("x")


@pytest.mark.parametrize("member", ["no json", "1", '["a"]', "", '"a" "b"', '"a","b"'])
async def test_a_member_that_does_not_fit_is_named(raw: Redis, member: str) -> None:
    """W27"""
    model = await full().asave()
    await raw.sadd(special(model, "tags"), member)
    for load in (SpecialOuter.aget(model.key), model.aload()):
        with pytest.raises(
            CorruptedModelError, match=rf"stored under {model.key} does not fit.*\s+tags\."
        ) as e:
            await load
        assert e.value.key == model.key
    with pytest.raises(CorruptedModelError, match=r"a member of SpecialOuter\.tags stored under") as caught:
        await model.tags.amembers()
    assert (caught.value.key, caught.value.field) == (model.tags.special_key, "SpecialOuter.tags")
    assert model.tags == {"a"}


async def test_a_member_that_is_no_text_is_named(raw: Redis) -> None:
    model = await full().asave()
    await raw.sadd(special(model, "tags"), b"\xff\xfe")
    with pytest.raises(CorruptedModelError, match=r"a member of tags stored under .* is no text"):
        await SpecialOuter.aget(model.key)
    with pytest.raises(CorruptedModelError):
        await model.tags.amembers()


async def test_a_find_leaves_out_the_damaged_and_reports_them(
    raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    models = [full() for _ in range(4)]
    await SpecialOuter.ainsert(*models)
    await raw.delete(special(models[1], "tags"))
    await raw.set(special(models[1], "tags"), "text")
    await raw.sadd(special(models[2], "hidden"), "no number")
    wanted = [model.key for model in models]
    assert await SpecialOuter.afind(*wanted) == [models[0], models[3]]
    assert f"2 corrupt, 0 gone ({models[1].key}, {models[2].key})" in caplog.text
    assert {model.key for model in await SpecialOuter.afind()} == {models[0].key, models[3].key}
    assert await rapyer.afind(*wanted) == [models[0], models[3]]
    with pytest.raises(WrongTypeError):
        await SpecialOuter.afind(*wanted, on_corrupt="raise")
