"""Fields with a key of their own go with their model, and its locks cover them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rapyer
from rapyer.errors import (
    BadDeleteActionError,
    LockLostError,
    TransactionError,
    WrongClassError,
    WrongTypeError,
)
from tests.integration.special_models import (
    SpecialChild,
    SpecialNamed,
    SpecialOuter,
    all_of,
    full,
    keys,
    special,
)
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


# --- deleting -------------------------------------------------------------------------------------------


async def test_deleting_a_model_deletes_the_keys_of_its_fields(raw: Redis) -> None:
    """§13.5, §13.12"""
    bystander = await full().asave()
    empty = await SpecialOuter().asave()
    assert await empty.adelete() is True
    assert await empty.adelete() is False
    for delete in (
        lambda model: model.adelete(),
        lambda model: SpecialOuter.adelete_by_key(model.key),
        lambda model: SpecialOuter.adelete_by_key(model.pk),
        lambda model: SpecialOuter.adelete_many(model),
        lambda model: SpecialOuter.adelete_many(model.key),
        lambda model: rapyer.adelete_many(model),
        lambda model: rapyer.adelete_many(model.key),
    ):
        assert await delete(await full().asave())
        assert await keys(raw) == all_of(bystander)


async def test_an_orphan_is_deleted_too(raw: Redis) -> None:
    model = SpecialOuter()
    await model.tags.aadd("a")
    assert await SpecialOuter.adelete_by_key(model.key) is True
    assert await keys(raw) == set()
    assert await SpecialOuter.adelete_by_key(model.key) is False


async def test_a_model_saved_again_after_it_was_deleted_has_all_its_members() -> None:
    model = await full().asave()
    await model.adelete()
    await model.asave()
    assert await SpecialOuter.aget(model.key) == model


@pytest.mark.parametrize("piped", [False, True])
async def test_a_model_that_others_deleted_is_saved_with_all_it_has(raw: Redis, piped: bool) -> None:
    mine = await full().asave()
    await SpecialOuter.adelete_by_key(mine.key)
    await raw.sadd(special(mine, "tags"), '"left over"')
    mine.tags.add("new")
    if piped:
        async with rapyer.apipeline():
            await mine.asave()
    else:
        await mine.asave()
    assert mine.tags == {"a", "new"}
    assert await SpecialOuter.aget(mine.key) == mine
    assert await keys(raw) == all_of(mine)


async def test_deleting_many_counts_what_was_there() -> None:
    models = [full() for _ in range(3)]
    await SpecialOuter.ainsert(*models)
    missing = SpecialOuter()
    result = await SpecialOuter.adelete_many(*models, missing, models[0].key)
    assert (result.models_deleted, result.keys_deleted, result.was_committed) == (3, 15, True)
    await SpecialOuter.ainsert(*models)
    whole = await rapyer.adelete_many(*models, missing)
    assert (whole.models_deleted, whole.keys_deleted, whole.by_model) == (3, 15, {SpecialOuter: 3})


async def test_the_keys_of_one_model_go_in_one_transaction(raw: Redis, rapyer_redis_url: str) -> None:
    models = [full() for _ in range(5)]
    await SpecialOuter.ainsert(*models)
    SpecialOuter.Meta.max_delete_per_transaction = 10
    try:
        async with sent_to(rapyer_redis_url) as sent:
            result = await SpecialOuter.adelete_many(*models)
            lines = await sent.lines()
    finally:
        SpecialOuter.Meta.max_delete_per_transaction = 1000
    assert (result.models_deleted, result.keys_deleted) == (5, 25)
    steps = [[{key for key in all_of(model) if key in line.split()} for model in models] for line in lines]
    assert len(steps) == 3
    for step in steps:
        assert sum(map(len, step)) <= 10
        assert all(not found or found == all_of(model) for found, model in zip(step, models, strict=True))


async def test_deleting_in_a_pipeline_takes_the_fields_along(raw: Redis) -> None:
    one, two, three = full(), full(), full()
    await SpecialOuter.ainsert(one, two, three)
    async with rapyer.apipeline():
        assert await one.adelete() is True
        assert await SpecialOuter.adelete_by_key(two.key) is True
        result = await SpecialOuter.adelete_many(three)
        assert (result.models_deleted, result.keys_deleted, result.was_committed) == (1, 5, False)
        assert await keys(raw) == all_of(one) | all_of(two) | all_of(three)
    assert await keys(raw) == set()


async def test_a_key_of_another_type_is_not_deleted_and_neither_are_its_neighbours(raw: Redis) -> None:
    model = await full().asave()
    await raw.set(model.key, "text")
    with pytest.raises(WrongTypeError):
        await model.adelete()
    assert await keys(raw) == all_of(model)
    with pytest.raises(BadDeleteActionError):
        await model.inner.adelete()


async def test_the_keys_are_those_of_the_present_key() -> None:
    """W9"""
    model = SpecialNamed(name="before", tags={"a"})
    assert model.tags.special_key.endswith(":SpecialNamed:before:tags")
    await SpecialNamed(name="before", tags={"kept"}).asave()
    model.name = "after"
    await model.asave()
    assert model.tags.special_key.endswith(":SpecialNamed:after:tags")
    result = await SpecialNamed.adelete_many(model)
    assert (result.models_deleted, result.keys_deleted) == (1, 2)
    assert (await SpecialNamed.aget("before")).tags == {"kept"}


# --- other classes, generics, locks ---------------------------------------------------------------------


async def test_a_class_never_loads_the_documents_of_its_subclass() -> None:
    """W12"""
    child = await SpecialChild(tags={"a"}, more={"m"}).asave()
    for load in (SpecialOuter.aget, SpecialOuter.afind, SpecialOuter.adelete_by_key):
        with pytest.raises(WrongClassError, match="SpecialChild"):
            await load(child.key)
    assert await SpecialChild.aget(child.key) == await rapyer.aget(child.key) == child


async def test_a_lock_loads_the_sets_and_saves_what_changed() -> None:
    model = await full().asave()
    async with SpecialOuter.alock_from_key(model.key, save_at_end=True) as locked:
        assert locked == model
        await model.tags.aadd("meanwhile")
        locked.tags.add("x")
        locked.tags.discard("a")
        locked.inner.tags.add("y")
        locked.name = "locked"
    loaded = await SpecialOuter.aget(model.key)
    assert (loaded.tags, loaded.inner.tags, loaded.name) == ({"x", "meanwhile"}, {"b", "y"}, "locked")
    locked.tags.discard("x")
    await locked.asave()
    assert await model.tags.amembers() == {"meanwhile"}


async def test_a_lock_saves_thousands_of_members() -> None:
    model = await SpecialOuter(hidden=set(range(12_000))).asave()
    async with model.alock(save_at_end=True):
        model.hidden ^= set(range(6000, 24_000))
    assert await model.hidden.amembers() == set(range(6000)) | set(range(12_000, 24_000))


async def test_a_lock_on_an_inner_model_loads_and_saves_its_sets() -> None:
    model = await full().asave()
    await (await SpecialOuter.aget(model.key)).inner.tags.aadd("theirs")
    async with model.inner.alock(save_at_end=True) as inner:
        assert inner.tags == {"b", "theirs"}
        inner.tags.discard("b")
        inner.deep.tags.add("d")
    loaded = await SpecialOuter.aget(model.key)
    assert (loaded.inner.tags, loaded.inner.deep.tags, loaded.tags) == ({"theirs"}, {"c", "d"}, {"a"})


async def test_nothing_is_saved_when_the_lock_was_lost(raw: Redis) -> None:
    model = await full().asave()
    with pytest.raises(LockLostError):
        async with model.alock(save_at_end=True):
            model.tags.add("x")
            for key in await raw.keys("*lock*"):
                await raw.delete(key)
    assert await model.tags.amembers() == {"a"}


async def test_a_save_with_a_key_of_another_type_writes_nothing(raw: Redis) -> None:
    model = await full().asave()
    await raw.delete(special(model, "tags"))
    await raw.set(special(model, "tags"), "text")
    model.tags.add("x")
    model.name = "changed"
    with pytest.raises(
        WrongTypeError, match=r":tags holds another Redis type than the field that it is for"
    ) as caught:
        await model.asave()
    assert caught.value.key == special(model, "tags")
    assert (await raw.json().get(model.key, "$.name")) == ["n"]
    with pytest.raises(TransactionError, match=r"SADD on .*:tags .*failed: .*holds another Redis type"):
        async with rapyer.apipeline():
            await model.asave()
