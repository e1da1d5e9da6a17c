"""Sets inside lists and dicts: part of the document, and changed there, atomically."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Optional

import pytest
from pydantic import BaseModel, Field

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import CorruptedModelError, KeyNotFound, UnlinkedValueError
from rapyer.types import RedisSet

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class InlineItem(BaseModel):
    n: int = 0
    tags: set[str] = Field(default_factory=set)
    maybe: Optional[set[int]] = None  # noqa: UP045


class InlineOther(BaseModel):
    kind: int = 1


class InlineShelf(AtomicRedisModel):
    items: list[InlineItem] = []
    by_name: dict[str, InlineItem] = {}
    sets: list[RedisSet[int]] = []
    groups: dict[str, set[str]] = {}
    deep: dict[str, list[set[int]]] = {}
    either: InlineItem | InlineOther = InlineOther()
    tags: set[str] = set()


class InlineTree(AtomicRedisModel):
    tags: set[str] = Field(default_factory=set)
    child: Optional[InlineTree] = None  # noqa: UP045
    children: list[InlineTree] = []


def shelf() -> Any:
    return InlineShelf(
        items=[InlineItem(tags={"a"}), InlineItem(tags={"b"}, maybe={1})],
        by_name={"k": InlineItem(tags={"c"})},
        sets=[{1}, {2}],
        groups={"g": {"d"}, "x.y": {"e"}},
        deep={"d": [{1}]},
        either=InlineItem(tags={"f"}),
        tags={"t"},
    )


PLACES: dict[str, Any] = {
    "list of models": (lambda model: model.items[1].tags, {"b"}, "x"),
    "dict of models": (lambda model: model.by_name["k"].tags, {"c"}, "x"),
    "optional": (lambda model: model.items[1].maybe, {1}, 7),
    "list of sets": (lambda model: model.sets[1], {2}, 7),
    "dict of sets": (lambda model: model.groups["x.y"], {"e"}, "x"),
    "dict of lists of sets": (lambda model: model.deep["d"][0], {1}, 7),
    "one of several models": (lambda model: model.either.tags, {"f"}, "x"),
}


async def test_they_are_stored_as_texts_in_the_document(raw: Redis) -> None:
    """W6: the form of rapyer 1.3.6."""
    model = await shelf().asave()
    document = (await raw.json().get(model.key, "$"))[0]
    assert document["items"] == [
        {"n": 0, "tags": ['"a"'], "maybe": None},
        {"n": 0, "tags": ['"b"'], "maybe": ["1"]},
    ]
    assert (document["sets"], document["groups"]) == ([["1"], ["2"]], {"g": ['"d"'], "x.y": ['"e"']})
    assert document["either"] == {"n": 0, "tags": ['"f"'], "maybe": None}
    assert set(await raw.keys("*")) == {model.key, model.tags.special_key}
    assert await InlineShelf.aget(model.key) == model
    assert await model.aduplicate() == model
    assert model.model_dump()["groups"] == {"g": {"d"}, "x.y": {"e"}}
    assert type(model.model_dump()["sets"][0]) is set
    assert model.model_dump(mode="json")["sets"] == [[1], [2]]


async def test_an_empty_list_of_sets_is_saved_and_loaded() -> None:
    """§13.13"""
    model = await InlineShelf().asave()
    assert (await InlineShelf.aget(model.key)).sets == []


@pytest.mark.parametrize("place", PLACES)
async def test_every_operation_works_inside_the_document(place: str) -> None:
    """W6"""
    find, members, new = PLACES[place]
    model = await shelf().asave()
    theirs = await InlineShelf.aget(model.key)
    tags = find(model)
    assert type(tags) is RedisSet
    await tags.aadd(new)
    await tags.aadd(new)
    assert await find(theirs).amembers() == {*members, new} == tags
    assert (await tags.asize(), await tags.acontains(new)) == (2, True)
    assert await find(theirs).aremove(new) is True
    assert await tags.aremove(new) is False
    assert await tags.acontains(new) is False
    assert await tags.acontains_many([new, *members]) == [False, True]
    await tags.aadd_many([new, *members])
    assert {element async for element in tags.aiter_members()} == {*members, new}
    popped = await tags.apop()
    assert tags == {*members, new} - {popped} == await tags.amembers()
    assert await tags.apop_many(9) == {*members, new} - {popped}
    assert await tags.apop() is None
    await tags.aadd(new)
    await tags.aclear()
    assert (await tags.amembers(), tags) == (set(), set())
    tags.add(new)
    await tags.asave_special()
    assert find(await InlineShelf.aget(model.key)) == {new}
    tags.clear()
    await model.asave()
    assert find(await InlineShelf.aget(model.key)) == set()


async def test_positions_shift_and_the_set_is_still_the_same() -> None:
    model = await shelf().asave()
    second, number = model.items[1].tags, model.sets[1]
    await model.items.ainsert(0, InlineItem(tags={"new"}))
    await model.sets.apop(0)
    await second.aadd("x")
    await number.aadd(7)
    loaded = await InlineShelf.aget(model.key)
    assert [item.tags for item in loaded.items] == [{"new"}, {"a"}, {"b", "x"}]
    assert loaded.sets == [{2, 7}]
    await model.items.apop(-1)
    with pytest.raises(UnlinkedValueError, match="no longer in the list"):
        await second.aadd("y")


async def test_concurrent_additions_lose_nothing() -> None:
    model = await shelf().asave()

    async def add(number: int) -> None:
        own = await InlineShelf.aget(model.key)
        await own.sets[0].aadd(number)

    await asyncio.gather(*(add(number) for number in range(50)))
    assert await model.sets[0].amembers() == set(range(50))


async def test_set_algebra_mixes_sets_of_both_kinds() -> None:
    model = await InlineShelf(
        groups={"a": {"x", "y"}, "b": {"y", "z"}, "empty": set()}, tags={"y", "t"}
    ).asave()
    inline, other, empty, field = model.groups["a"], model.groups["b"], model.groups["empty"], model.tags
    assert await inline.aunion(other) == {"x", "y", "z"}
    assert await inline.aintersect(other, field) == {"y"}
    assert await inline.adifference(field, empty) == {"x"}
    assert await field.adifference(inline, other) == {"t"}
    assert await field.aunion(inline, other) == {"x", "y", "z", "t"}
    assert await field.asymmetric_difference(inline, other) == {"x", "z", "t", "y"}
    assert await empty.aunion() == await field.aintersect(empty) == set()
    assert await inline.asymmetric_difference(field) == {"x", "t"}


async def test_models_with_such_sets_can_be_deleted(raw: Redis) -> None:
    """W6"""
    for delete in (
        lambda model: model.adelete(),
        lambda model: InlineShelf.adelete_by_key(model.key),
        lambda model: InlineShelf.adelete_many(model),
        lambda model: rapyer.adelete_many(model),
    ):
        assert await delete(await shelf().asave())
        assert await raw.keys("*") == []


async def test_whole_sets_are_assigned_and_appended(raw: Redis) -> None:
    model = await shelf().asave()
    await model.sets.aappend({9})
    await model.groups.aset_item("new", {"n"})
    await model.aupdate(items=[InlineItem(tags={"only"})])
    async with model.apipeline():
        model.sets[0] = {5, 6}
        model.sets.append([7])
        model.groups["g"] = ["q"]
        model.items.append(InlineItem(tags={"appended"}))
        model.items[1].tags.add("added")
        model.groups["new"].add("m")
    loaded = await InlineShelf.aget(model.key)
    assert loaded == model
    assert loaded.sets == [{5, 6}, {2}, {9}, {7}]
    assert loaded.groups == {"g": {"q"}, "x.y": {"e"}, "new": {"n", "m"}}
    assert [item.tags for item in loaded.items] == [{"only"}, {"appended", "added"}]
    assert model.sets.clone() == [{5, 6}, {2}, {9}, {7}]
    assert {type(one) for one in model.sets.clone()} == {set}
    assert model.groups.clone() == loaded.groups
    assert model.model_copy(deep=True) == model


async def test_operators_on_a_set_in_a_list_are_queued_once() -> None:
    model = await shelf().asave()
    async with model.apipeline():
        model.sets[0] |= {5}
        model.items[0].tags |= {"x"}
        assert len(model.tags.pipeline.commands) == 2
    assert await InlineShelf.aget(model.key) == model


async def test_a_set_that_is_gone_says_so() -> None:
    model = await shelf().asave()
    await InlineShelf.adelete_by_key(model.key)
    for attempt in (
        model.sets[0].aadd(1),
        model.sets[0].amembers(),
        model.sets[0].apop(),
        model.sets[0].acontains_many([1]),
        model.groups["g"].asize(),
        model.groups["g"].acontains("d"),
    ):
        with pytest.raises(
            KeyNotFound, match=rf"nothing is stored under {model.key} at \$\.(sets\[0\]|groups\.g)"
        ):
            await attempt


async def test_a_member_that_does_not_fit_is_named_and_stays(raw: Redis) -> None:
    model = await shelf().asave()
    await raw.json().set(model.key, "$.sets[0]", ["no number"])
    with pytest.raises(CorruptedModelError, match=r"sets\.0\.0"):
        await InlineShelf.aget(model.key)
    with pytest.raises(CorruptedModelError, match=r"a member of InlineShelf\.sets\[…\] stored under"):
        await model.sets[0].apop()
    assert await raw.json().get(model.key, "$.sets[0]") == [["no number"]]
    await raw.json().set(model.key, "$.sets[0]", [1, "2"])
    with pytest.raises(CorruptedModelError):
        await InlineShelf.aget(model.key)


async def test_models_nested_in_their_own_kind_hold_their_sets_in_the_document(raw: Redis) -> None:
    tree = await InlineTree(
        tags={"root"}, child=InlineTree(tags={"child"}), children=[InlineTree(tags={"leaf"})]
    ).asave()
    assert set(await raw.keys("*")) == {tree.key, tree.tags.special_key}
    loaded = await InlineTree.aget(tree.key)
    assert loaded == tree
    assert loaded.child is not None
    await loaded.child.tags.aadd("more")
    await loaded.children[0].tags.aadd("more")
    await loaded.tags.aadd("more")
    assert await InlineTree.aget(tree.key) == loaded
    await loaded.adelete()
    assert await raw.keys("*") == []


async def test_a_lock_saves_what_changed_inside_lists() -> None:
    model = await shelf().asave()
    async with model.alock(save_at_end=True):
        model.sets[0].add(9)
        model.groups["g"].clear()
    assert await InlineShelf.aget(model.key) == model
