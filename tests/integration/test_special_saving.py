"""Fields with a key of their own are saved and duplicated with their model."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import rapyer
from rapyer.errors import (
    KeyNotFound,
    UpdateAtomicModelError,
    WrongTypeError,
)
from rapyer.types import RedisSet
from tests.integration.special_models import (
    SpecialDeep,
    SpecialExcluded,
    SpecialGrandchild,
    SpecialInner,
    SpecialNamed,
    SpecialOuter,
    SpecialOverriding,
    SpecialPrefixed,
    all_of,
    full,
    keys,
    special,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


# --- where they are -------------------------------------------------------------------------------------


async def test_the_key_of_a_field_follows_from_the_models_key_and_the_path(raw: Redis) -> None:
    """§13.1"""
    outer, child = await full().asave(), await SpecialGrandchild(tags={"a"}, more={"m"}).asave()
    assert outer.tags.special_key == f"__rapyer_special__:{outer.key}:tags"
    assert outer.inner.tags.special_key == f"__rapyer_special__:{outer.key}:inner.tags"
    assert outer.inner.deep.tags.special_key == f"__rapyer_special__:{outer.key}:inner.deep.tags"
    assert child.tags.special_key == f"__rapyer_special__:SpecialGrandchild:{child.pk}:tags"
    assert child.more.special_key == f"__rapyer_special__:SpecialGrandchild:{child.pk}:more"
    named = SpecialNamed(name="a:b")
    assert named.tags.special_key == "__rapyer_special__:SpecialNamed:a:b:tags"
    prefixed = SpecialPrefixed()
    assert prefixed.tags.special_key == f"__rapyer_special__:SPX:{prefixed.pk}:tags"
    assert RedisSet.special_field_key("M:1", "inner.tags") == "__rapyer_special__:M:1:inner.tags"
    assert RedisSet.special_field_key("M:1", ".tags") == "__rapyer_special__:M:1:tags"
    assert (outer.tags.key, outer.tags.field_path, outer.inner.tags.field_name) == (outer.key, "tags", "tags")
    assert await keys(raw) == all_of(outer) | {
        child.key,
        special(child, "tags"),
        special(child, "more"),
    }


async def test_the_document_holds_no_special_field(raw: Redis) -> None:
    """§13.2, W10"""
    outer = await full().asave()
    document = {"name": "n", "inner": {"n": 1, "deep": {}}}
    assert (await raw.json().get(outer.key, "$"))[0] == document
    assert outer.redis_dump() == document
    assert outer.inner.redis_dump() == {"n": 1, "deep": {}}
    await outer.inner.asave()
    await outer.aupdate(inner=SpecialInner(n=2, tags={"x"}))
    async with outer.apipeline():
        outer.inner = SpecialInner(n=3, tags={"y"}, deep=SpecialDeep(tags={"z"}))
    assert (await raw.json().get(outer.key, "$"))[0] == {"name": "n", "inner": {"n": 3, "deep": {}}}


async def test_a_field_declared_anew_as_an_ordinary_one_has_no_key(raw: Redis) -> None:
    """§13.3"""
    model = await SpecialOverriding(tags=5).asave()
    assert special(model, "tags") not in await keys(raw)
    assert (await SpecialOverriding.aget(model.key)).tags == 5
    await model.adelete()
    assert await keys(raw) == set()


async def test_listing_a_class_never_finds_the_keys_of_fields(raw: Redis) -> None:
    """§13.4"""
    outer = await full().asave()
    assert await SpecialOuter.afind_keys() == [outer.key]
    assert await raw.keys("SpecialOuter:*") == [outer.key]


async def test_exclude_hides_a_set_but_keeps_it_stored(raw: Redis) -> None:
    outer = await full().asave()
    assert "hidden" not in outer.model_dump()
    assert outer.model_dump()["tags"] == {"a"}
    assert outer.model_dump(mode="json")["tags"] == ["a"]
    assert (await SpecialOuter.aget(outer.key)).hidden == {1}
    excluded = await SpecialExcluded(tags={"a"}).asave()
    assert type(excluded.tags) is set
    assert await raw.keys(f"*{excluded.key}*") == [excluded.key]


# --- saving ---------------------------------------------------------------------------------------------


async def test_asave_keeps_the_members_that_others_added() -> None:
    """W5"""
    mine = await SpecialOuter(tags={"a", "b"}, inner={"tags": ["i"]}).asave()
    theirs = await SpecialOuter.aget(mine.key)
    await theirs.tags.aadd("theirs")
    await theirs.inner.tags.aadd("theirs")
    mine.tags.discard("a")
    mine.tags.add("mine")
    await mine.asave()
    await mine.inner.asave()
    assert await mine.tags.amembers() == {"b", "mine", "theirs"}
    assert await mine.inner.tags.amembers() == {"i", "theirs"}
    await theirs.asave()
    assert await mine.tags.amembers() == {"b", "mine", "theirs"}


async def test_asave_does_not_bring_back_what_others_removed() -> None:
    mine = await SpecialOuter(tags={"a", "b"}).asave()
    await (await SpecialOuter.aget(mine.key)).tags.aremove("a")
    await mine.asave()
    mine.tags.add("c")
    await mine.asave()
    assert await mine.tags.amembers() == {"b", "c"}


async def test_a_set_that_was_assigned_replaces_what_its_instance_knew() -> None:
    mine = await SpecialOuter(tags={"a", "b"}).asave()
    await (await SpecialOuter.aget(mine.key)).tags.aadd("unseen")
    mine.tags = {"b", "c"}
    await mine.asave()
    assert await mine.tags.amembers() == {"b", "c", "unseen"}
    assert type(mine.tags) is RedisSet


async def test_an_inner_model_that_was_assigned_takes_its_sets_along() -> None:
    mine = await full().asave()
    mine.inner = SpecialInner(n=9, tags={"x"})
    await mine.asave()
    loaded = await SpecialOuter.aget(mine.key)
    assert (loaded.inner.n, loaded.inner.tags, loaded.inner.deep.tags) == (9, {"x"}, set())


async def test_a_new_instance_adds_to_what_is_stored_and_ainsert_replaces_it() -> None:
    first = await SpecialNamed(name="x", tags={"old"}).asave()
    await SpecialNamed(name="x", tags={"new"}).asave()
    assert await first.tags.amembers() == {"old", "new"}
    await SpecialNamed.ainsert(SpecialNamed(name="x", tags={"newest"}))
    assert await first.tags.amembers() == {"newest"}
    await SpecialNamed.ainsert(SpecialNamed(name="x"))
    assert await first.tags.amembers() == set()


async def test_a_set_may_be_used_before_its_model_is_stored(raw: Redis) -> None:
    model = SpecialOuter()
    await model.tags.aadd("early")
    assert await keys(raw) == {special(model, "tags")}
    await model.asave()
    assert (await SpecialOuter.aget(model.key)).tags == {"early"}


async def test_a_copy_under_another_key_takes_all_members_along() -> None:
    mine = await full().asave()
    twin = mine.model_copy(deep=True)
    twin.pk = "twin"
    await twin.asave()
    assert (await SpecialOuter.aget("twin")).tags == {"a"}
    same = mine.model_copy()
    same.tags.discard("a")
    await same.asave()
    assert await mine.tags.amembers() == set()
    assert mine.tags == {"a"}


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)  # noqa: S301
async def test_copies_know_what_is_stored(copied: Any) -> None:
    mine = await full().asave()
    other = copied(mine)
    assert other == mine
    other.tags.discard("a")
    other.inner.tags.add("x")
    await other.asave()
    assert await mine.tags.amembers() == set()
    assert await mine.inner.tags.amembers() == {"b", "x"}


@pytest.mark.parametrize("create", ["asave", "ainsert", "module", "error", "skip", "aduplicate"])
async def test_every_way_to_store_a_model_stores_the_sets_of_nested_models(raw: Redis, create: str) -> None:
    """§13.6, §13.14"""
    models = [full() for _ in range(3)]
    if create == "asave":
        for model in models:
            await model.asave()
    elif create == "aduplicate":
        models = await (await models[0].asave()).aduplicate_many(3)
    elif create in {"error", "skip"}:
        assert await SpecialOuter.ainsert(*models, on_conflict=create) == models
    else:
        await (rapyer.ainsert if create == "module" else SpecialOuter.ainsert)(*models)
    for model in models:
        assert all_of(model) <= await keys(raw)
        assert await SpecialOuter.aget(model.key) == model
        await model.inner.tags.aadd("more")
        model.tags.discard("a")
        await model.asave()
        assert await model.tags.amembers() == set()
        assert (await SpecialOuter.aget(model.key)).inner.tags == {"b", "more"}


async def test_insert_leaves_alone_what_is_stored_where_it_is_to_be_skipped() -> None:
    await SpecialNamed(name="x", tags={"kept"}).asave()
    taken, free = SpecialNamed(name="x", tags={"lost"}), SpecialNamed(name="y", tags={"new"})
    assert await SpecialNamed.ainsert(taken, free, on_conflict="skip") == [free]
    assert (await SpecialNamed.aget("x")).tags == {"kept"}
    assert (await SpecialNamed.aget("y")).tags == {"new"}


async def test_a_save_that_fails_says_what_fails_and_leaves_no_set_behind(raw: Redis) -> None:
    outer = await full().asave()
    await raw.flushall()
    outer.inner.tags.add("x")
    with pytest.raises(KeyNotFound):
        await outer.inner.asave()
    with pytest.raises(KeyNotFound):
        await outer.aupdate(inner=SpecialInner(tags={"y"}))
    assert outer.inner.tags == {"b", "x"}
    assert await keys(raw) == set()
    await raw.set(outer.key, "text")
    with pytest.raises(WrongTypeError, match="holds another Redis type than a JSON document"):
        await outer.asave()
    assert await keys(raw) == {outer.key}


async def test_aupdate_refuses_a_set_and_changes_nothing(raw: Redis) -> None:
    """§13.9"""
    outer = await full().asave()
    with pytest.raises(
        UpdateAtomicModelError, match=r"SpecialOuter\.tags cannot be set by aupdate.*use its own methods"
    ):
        await outer.aupdate(name="changed", tags={"x"})
    assert (outer.name, outer.tags) == ("n", {"a"})
    assert await SpecialOuter.aget(outer.key) == outer
    async with outer.apipeline():
        with pytest.raises(UpdateAtomicModelError):
            await outer.aupdate(tags={"x"})
        assert outer.tags.pipeline is not None
        assert outer.tags.pipeline.commands == ()
    await outer.aupdate(name="changed")
    assert (await SpecialOuter.aget(outer.key)).tags == {"a"}


async def test_update_outside_of_a_pipeline_is_local() -> None:
    outer = await full().asave()
    outer.update(tags=["x"])
    assert outer.tags == {"x"}
    assert await outer.tags.amembers() == {"a"}
    with pytest.raises(ValidationError):
        outer.tags = None
    with pytest.raises(ValidationError):
        outer.tags = "abc"
    assert outer.tags == {"x"}
    for given in ([1], (1,), frozenset({1}), RedisSet({1}), {"1"}):
        outer.hidden = given
        assert outer.hidden == {1}


async def test_one_set_given_to_two_models_is_two_sets() -> None:
    shared = RedisSet({"a"})
    one, two = await SpecialOuter(tags=shared).asave(), await SpecialOuter(tags=shared).asave()
    await one.tags.aadd("b")
    two.tags = one.tags
    one.tags.add("c")
    assert (two.tags, one.tags, shared) == ({"a", "b"}, {"a", "b", "c"}, {"a"})
    assert two.tags.key == two.key
    assert SpecialOuter().tags is not SpecialOuter().tags


async def test_asave_special_sends_one_set_alone() -> None:
    outer = await full().asave()
    outer.name = "changed"
    outer.tags.add("x")
    outer.tags.discard("a")
    outer.inner.tags.add("x")
    assert await outer.tags.asave_special() is outer.tags
    assert await outer.tags.amembers() == {"x"}
    loaded = await SpecialOuter.aget(outer.key)
    assert (loaded.name, loaded.inner.tags) == ("n", {"b"})
    assert await outer.tags.adelete_special() is True
    assert await outer.tags.adelete_special() is False
    await outer.inner.tags.aduplicate_special("SpecialOuter:other")
    other = SpecialOuter()
    other.pk = "other"
    assert await other.inner.tags.amembers() == {"b"}


# --- duplicating ----------------------------------------------------------------------------------------


async def test_a_copy_has_what_the_server_has() -> None:
    """§13.10, W8"""
    mine = await full().asave()
    await (await SpecialOuter.aget(mine.key)).tags.aadd("unseen")
    mine.tags.add("local")
    twin = await mine.aduplicate()
    assert (twin.tags, twin.hidden, twin.inner.tags, twin.inner.deep.tags) == (
        {"a", "unseen"},
        {1},
        {"b"},
        {"c"},
    )
    assert await SpecialOuter.aget(twin.key) == twin
    await twin.tags.aadd("twin")
    await twin.inner.tags.aclear()
    assert await mine.tags.amembers() == {"a", "unseen"}
    assert await mine.inner.tags.amembers() == {"b"}
    with pytest.raises(KeyNotFound):
        await SpecialOuter().aduplicate()


async def test_a_copy_may_get_other_members() -> None:
    mine = await full().asave()
    one, two = await mine.aduplicate_many(
        2, name="copy", tags={"x", "y"}, inner=SpecialInner(n=5, tags={"z"})
    )
    for copied in (one, two, await SpecialOuter.aget(one.key)):
        assert (copied.name, copied.tags, copied.hidden) == ("copy", {"x", "y"}, {1})
        assert (copied.inner.n, copied.inner.tags, copied.inner.deep.tags) == (5, {"z"}, set())
    assert (await SpecialOuter.aget(mine.key)) == mine


async def test_a_copy_made_in_a_pipeline_has_its_members() -> None:
    mine = await full().asave()
    async with mine.apipeline():
        mine.tags.add("x")
        twin = await mine.aduplicate()
    assert (await SpecialOuter.aget(twin.key)).tags == {"a", "x"}
    named = await SpecialNamed(name="from", tags={"a"}).asave()
    assert (await named.aduplicate(name="to")).tags == {"a"}
    assert (await SpecialNamed.aget("to")).tags == {"a"}


async def test_nothing_is_copied_from_a_key_of_another_type(raw: Redis) -> None:
    mine = await full().asave()
    await raw.delete(special(mine, "tags"))
    await raw.set(special(mine, "tags"), "text")
    before = await keys(raw)
    with pytest.raises(WrongTypeError):
        await mine.aduplicate()
    assert await keys(raw) == before
