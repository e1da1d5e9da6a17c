"""Operations in a block that go by what it has changed in place before: they come after those changes."""

from __future__ import annotations

from typing import Any

import pytest

from rapyer import AtomicRedisModel
from rapyer.errors import CantSerializeRedisValueError, KeyNotFound

pytestmark = pytest.mark.usefixtures("source")


class InPlaceOrder(AtomicRedisModel):
    meta: Any = None
    items: list[Any] = []


async def saved() -> Any:
    return await InPlaceOrder(meta={"a": 1}, items=[{"a": 1}, {"b": 2}]).asave()


async def test_a_model_that_is_deleted_after_the_change() -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.meta["x"] = 1
        assert await doc.adelete()
    with pytest.raises(KeyNotFound):
        await InPlaceOrder.aget(doc.key)


@pytest.mark.parametrize("atomic", [False, True])
async def test_models_that_are_deleted_by_their_keys_after_the_change(atomic: bool) -> None:
    doc, other = await saved(), await saved()
    async with doc.apipeline():
        doc.meta["x"] = 1
        other.items[0]["x"] = 1
        await InPlaceOrder.adelete_many(doc.key, other, atomic=atomic)
    assert await InPlaceOrder.afind_keys() == []


async def test_a_copy_has_the_change() -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.meta["x"] = 1
        copy = await doc.aduplicate()
        doc.meta["y"] = 2
    assert (await InPlaceOrder.aget(copy.key)).meta == {"a": 1, "x": 1} == copy.meta
    assert (await InPlaceOrder.aget(doc.key)).meta == {"a": 1, "x": 1, "y": 2}


async def test_an_element_that_has_changed_is_removed_here_and_there() -> None:
    doc = await saved()
    async with doc.apipeline():
        element = doc.items[0]
        element["x"] = 1
        doc.items.remove(element)
    assert (await InPlaceOrder.aget(doc.key)).items == [{"b": 2}] == doc.items


async def test_a_refresh_after_the_change_does_not_lose_it() -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.meta["x"] = 1
        await doc.aload()
        assert doc.meta == {"a": 1}  # what Redis holds yet
        doc.meta["y"] = 2
    stored = await InPlaceOrder.aget(doc.key)
    assert stored.meta == doc.meta
    assert doc.meta == {"a": 1, "y": 2}  # the later write of the field, as with two assignments


async def test_a_shared_block_that_fails_leaves_the_change_before_it() -> None:
    doc = await saved()
    async with doc.apipeline():
        doc.meta["outer"] = 1
        with pytest.raises(KeyError):
            async with doc.apipeline(use_existing_pipe=True):
                doc.meta["inner"] = 1
                raise KeyError
    assert (await InPlaceOrder.aget(doc.key)).meta == {"a": 1, "outer": 1} == doc.meta


async def test_a_value_that_cannot_be_stored_any_more_stops_the_operation() -> None:
    doc = await saved()
    with pytest.raises(CantSerializeRedisValueError, match=r"InPlaceOrder\.meta"):
        async with doc.apipeline():
            doc.meta["x"] = lambda: None
            await doc.adelete()
    assert (await InPlaceOrder.aget(doc.key)).meta == {"a": 1} == doc.meta
