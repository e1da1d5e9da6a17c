"""Values that no Redis type stands for, changed in place in a block; what cannot be deleted or is replaced."""

from __future__ import annotations

import collections
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import FieldDeletionError, UnlinkedValueError
from rapyer.session.scope import open_batch

pytestmark = pytest.mark.usefixtures("source")


@dataclass
class InPlacePoint:
    x: int = 0
    trail: list[int] = field(default_factory=list)


class InPlaceInner(BaseModel):
    text: str = "i"


class InPlaceDoc(AtomicRedisModel):
    number: int = 10
    text: str = "ab"
    items: list[int] = [1, 2, 3]
    mapping: dict[str, int] = {"a": 1}
    anything: Any = None
    any_list: list[Any] = []
    any_dict: dict[str, Any] = {}
    point: InPlacePoint = InPlacePoint()
    queue: collections.deque[int] = collections.deque([1])
    inner: InPlaceInner = InPlaceInner()


class InPlaceExtra(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    name: str = "x"


async def saved(**values: Any) -> Any:
    return await InPlaceDoc(**values).asave()


async def stored(doc: Any) -> Any:
    return await type(doc).aget(doc.key)


def _through_iteration(doc: Any) -> None:
    for element in doc.any_list:
        element["k"] = 2
    for member in doc.any_dict.values():
        member.append(3)
    for _, member in doc.any_dict.items():  # noqa: PERF102 - this way, too
        member.append(4)


IN_PLACE: dict[str, Any] = {
    "dict in Any": lambda d: d.anything.update(k=2),
    "deep in Any": lambda d: d.anything["deep"].append(9),
    "element": lambda d: d.any_list[0].update(k=2),
    "element of a slice": lambda d: d.any_list[:1][0].update(k=2),
    "member": lambda d: d.any_dict["a"].append(2),
    "member by get": lambda d: d.any_dict.get("a").append(2),
    "iteration": _through_iteration,
    "dataclass": lambda d: setattr(d.point, "x", 5),
    "in a dataclass": lambda d: d.point.trail.append(5),
    "deque": lambda d: d.queue.append(2),
    "appended": lambda d: (d.any_list.append(new := {}), new.update(k=3)),
    "set": lambda d: (d.any_dict.__setitem__("n", new := []), new.append(3)),
    "assigned": lambda d: (setattr(d, "anything", new := {}), new.update(k=3)),
    "moved": lambda d: (d.any_list[0].update(k=2), d.any_list.insert(0, "first")),
}


@pytest.mark.parametrize("change", IN_PLACE.values(), ids=IN_PLACE.keys())
async def test_values_that_change_in_place_are_written_or_put_back(change: Any) -> None:
    """Dicts, dataclasses and the like inside `Any`, lists and dicts: changed in a block, they reach Redis too.

    If the block fails they are what they were, locally and in Redis.
    """
    given = {"anything": {"deep": [1]}, "any_list": [{"a": 1}], "any_dict": {"a": [1]}}
    doc, local = await saved(**given), InPlaceDoc(**given)
    before = local.model_copy(deep=True)
    change(local)
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            change(doc)
            raise ZeroDivisionError
    assert await stored(doc) == doc == before
    async with apipeline():
        change(doc)
    assert await stored(doc) == doc == local


async def test_what_is_only_read_is_not_written() -> None:
    """Reading values of any kind in a block queues nothing."""
    doc = await saved(anything={"a": 1}, any_list=[{}], any_dict={"a": []})
    async with doc.apipeline():
        _ = (
            doc.anything["a"],
            doc.any_list[0],
            list(doc.any_list),
            dict(doc.any_dict),
            doc.point.x,
            doc.queue,
        )
        batch = open_batch()
        assert batch is not None
        batch.settle()
        assert batch.commands == []


async def test_a_value_that_fits_no_more_fails_the_block() -> None:
    """What a value was changed to in place is checked as an assignment is; nothing is written if it is wrong."""
    doc = await saved()
    with pytest.raises(ValidationError, match="InPlaceDoc.queue"):
        async with doc.apipeline():
            doc.number += 1
            doc.queue.append("x")
    assert await stored(doc) == doc == InPlaceDoc()


async def test_a_shared_block_that_fails_puts_back_only_its_own_changes_in_place() -> None:
    """An error inside `use_existing_pipe` undoes changes in place made there, and keeps those made before."""
    doc = await saved(anything={"a": 1})
    async with doc.apipeline():
        doc.anything["b"] = 2
        with pytest.raises(ZeroDivisionError):
            async with apipeline(use_existing_pipe=True):
                doc.anything["c"] = 3
                raise ZeroDivisionError
    assert (await stored(doc)).anything == doc.anything == {"a": 1, "b": 2}


async def test_extra_values_are_queued_changed_in_place_and_deleted() -> None:
    """What `extra="allow"` lets in: assigning, changing in place and `del` in a block all reach Redis."""
    doc: Any = await InPlaceExtra(one={"a": 1}, two=2).asave()
    async with doc.apipeline():
        doc.one["b"] = 2
        doc.three = [3]
        del doc.two
    assert (await stored(doc)).model_extra == doc.model_extra == {"one": {"a": 1, "b": 2}, "three": [3]}
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            del doc.one
            raise ZeroDivisionError
    assert (await stored(doc)).model_extra == doc.model_extra == {"one": {"a": 1, "b": 2}, "three": [3]}
    del doc.three
    assert "three" not in doc.model_extra


@pytest.mark.parametrize("bad", [math.nan, math.inf, 2**63, {"a": [2**70]}, [1, {"b": -math.inf}]], ids=str)
async def test_extra_values_that_json_would_change_are_refused(bad: Any) -> None:
    """NaN, infinities and integers beyond 64 bits in extra values fail validation: nothing is stored wrongly."""
    with pytest.raises(
        ValidationError, match=r"one\n  Value error, (JSON has no NaN|an integer beyond 64 bits)"
    ):
        InPlaceExtra(one=bad)
    doc: Any = await InPlaceExtra(one=1).asave()
    with pytest.raises(ValidationError):
        doc.one = bad
    with pytest.raises(ValidationError):
        async with doc.apipeline():
            doc.name = "new"
            doc.one = bad
    assert await stored(doc) == doc == InPlaceExtra(one=1)


async def test_a_field_cannot_be_deleted() -> None:
    """`del doc.text` is an error that names the cure, whether the field was read before or not."""
    doc = await saved()
    for _ in range(2):
        with pytest.raises(FieldDeletionError) as raised:
            async with doc.apipeline():
                del doc.text
        assert str(raised.value) == (
            "InPlaceDoc.text is a field, which an instance cannot be without; assign it None or another value"
        )
        assert doc.text == "ab"
    assert (raised.value.field, raised.value.model) == ("text", "InPlaceDoc")


async def test_a_container_that_was_replaced_has_no_place() -> None:
    """A list, dict or inner model that an assignment has replaced cannot write to what stands there now."""
    doc = await saved()
    items, mapping, inner = doc.items, doc.mapping, doc.inner
    doc.items, doc.mapping, doc.inner = [7], {"k": 7}, InPlaceInner(text="new")
    await doc.asave()
    for change in (
        lambda: items.append(5),
        lambda: mapping.update(z=1),
        lambda: setattr(inner, "text", "old"),
    ):
        with pytest.raises(
            UnlinkedValueError, match="is no longer in InPlaceDoc.*read it from the model again"
        ):
            async with apipeline():
                change()
    assert await stored(doc) == doc
