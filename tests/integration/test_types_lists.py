"""Lists: each change runs in Redis as it does in Python, on the list that Redis holds then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import (
    CorruptedModelError,
    ElementIndexError,
    KeyNotFound,
    TransactionError,
    UnlinkedValueError,
)
from rapyer.types import RedisList

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class ListPart(BaseModel):
    name: str = "p"
    tags: list[str] = []


class ListBox(AtomicRedisModel):
    numbers: list[int] = [0, 1, 2, 3, 4]
    texts: list[str] = []
    parts: list[ListPart] = []
    nested: list[list[list[int]]] = [[[1], []], [[2, 3]]]
    optional: list[int | None] = [1, None]
    anything: list[Any] = []
    flags: list[bool] = [True, False]


async def saved(**values: Any) -> Any:
    return await ListBox(**values).asave()


async def stored(box: Any) -> Any:
    return await ListBox.aget(box.key)


RANGES = [
    (1, 3),
    (0, 2),
    (1, 2),
    (1, 1),
    (0, 5),
    (3, 100),
    (10, 20),
    (-2, 5),
    (0, -1),
    (1, -1),
    (-3, -1),
    (-1, 3),
]


@pytest.mark.parametrize(("start", "end"), RANGES)
async def test_remove_range_is_the_deletion_of_a_slice(start: int, end: int) -> None:
    box, expected = await saved(), [0, 1, 2, 3, 4]
    del expected[start:end]
    async with box.apipeline():
        box.numbers.remove_range(start, end)
    assert box.numbers == (await stored(box)).numbers == expected


async def test_remove_range_leaves_its_neighbours_alone() -> None:
    box = await saved(nested=[[[]], [[2**53 + 1], []], [[]]], numbers=[2**53 + 1, 5, 2**63 - 1])
    async with box.apipeline():
        box.nested.remove_range(0, 1)
        box.numbers.remove_range(1, 2)
    after = await stored(box)
    assert after.nested == [[[2**53 + 1], []], [[]]]
    assert after.numbers == [2**53 + 1, 2**63 - 1]


async def test_remove_range_outside_a_pipeline_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    box = await saved()
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        box.numbers.remove_range(0, 2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "remove_range" in caplog.text
    assert "pipeline" in caplog.text
    assert box.numbers == (await stored(box)).numbers == [0, 1, 2, 3, 4]


# Each change, what it makes of the local list, and of a stored one that somebody else has changed to [9, 1, 2].
STALE: dict[str, tuple[Any, list[int], list[int]]] = {
    "pop": (lambda x: x.pop(), [0, 1, 2, 3], [9, 1]),
    "pop first": (lambda x: x.pop(0), [1, 2, 3, 4], [1, 2]),
    "pop beyond": (lambda x: x.pop(4), [0, 1, 2, 3], [9, 1, 2]),
    "pop before": (lambda x: x.pop(-5), [1, 2, 3, 4], [9, 1, 2]),
    "pop second last": (lambda x: x.pop(-2), [0, 1, 2, 4], [9, 2]),
    "del": (lambda x: x.__delitem__(1), [0, 2, 3, 4], [9, 2]),
    "del slice": (lambda x: x.__delitem__(slice(-2, None)), [0, 1, 2], [9]),
    "remove": (lambda x: x.remove(1), [0, 2, 3, 4], [9, 2]),
    "remove what went": (lambda x: x.remove(4), [0, 1, 2, 3], [9, 1, 2]),
    "insert": (lambda x: x.insert(1, 7), [0, 7, 1, 2, 3, 4], [9, 7, 1, 2]),
    "insert beyond": (lambda x: x.insert(5, 7), [0, 1, 2, 3, 4, 7], [9, 1, 2, 7]),
    "insert before": (lambda x: x.insert(-4, 7), [0, 7, 1, 2, 3, 4], [7, 9, 1, 2]),
    "insert second last": (lambda x: x.insert(-1, 7), [0, 1, 2, 3, 7, 4], [9, 1, 7, 2]),
    "slice": (lambda x: x.__setitem__(slice(1, 2), [7, 8]), [0, 7, 8, 2, 3, 4], [9, 7, 8, 2]),
    "slice to the end": (lambda x: x.__setitem__(slice(2, None), []), [0, 1], [9, 1]),
    "empty slice": (lambda x: x.__setitem__(slice(3, 1), [7]), [0, 1, 2, 7, 3, 4], [9, 1, 2, 7]),
    "append": (lambda x: x.append(7), [0, 1, 2, 3, 4, 7], [9, 1, 2, 7]),
    "clear": (lambda x: x.clear(), [], []),
    "reverse": (lambda x: x.reverse(), [4, 3, 2, 1, 0], [4, 3, 2, 1, 0]),
    "steps": (lambda x: x.__delitem__(slice(None, None, 2)), [1, 3], [1, 3]),
    "times none": (lambda x: x.__imul__(0), [], []),
}


@pytest.mark.parametrize(("change", "local", "remote"), STALE.values(), ids=STALE.keys())
async def test_changes_run_on_the_list_that_redis_holds(
    change: Any, local: Any, remote: Any, raw: Redis
) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.numbers", [9, 1, 2])  # type: ignore[misc]
    async with apipeline():
        change(box.numbers)
    assert box.numbers == local
    assert (await stored(box)).numbers == remote


async def test_a_thousand_elements_go_into_a_slice() -> None:
    box, many = await saved(), list(range(9000))
    async with box.apipeline():
        box.numbers[1:3] = many
    assert box.numbers == (await stored(box)).numbers == [0, *many, 3, 4]


async def test_what_python_refuses_is_refused_before_anything_is_queued() -> None:
    box = await saved()
    for change, error in (
        (lambda: box.numbers.pop(5), IndexError),
        (lambda: box.texts.pop(), IndexError),
        (lambda: box.numbers.remove(77), ValueError),
        (lambda: box.numbers.__setitem__(5, 1), IndexError),
        (lambda: box.numbers.__setitem__(slice(0, 5, 2), [1]), ValueError),
        (lambda: box.numbers.append("x"), ValidationError),
        (lambda: box.numbers.__setitem__(slice(0, 1), [1, "x"]), ValidationError),
        (lambda: box.numbers.insert("a", 1), TypeError),
    ):
        async with apipeline() as pipe:
            with pytest.raises(error):
                change()
            assert pipe.commands == ()
    assert box.numbers == (await stored(box)).numbers == [0, 1, 2, 3, 4]


async def test_what_is_stored_is_the_validated_value(raw: Redis) -> None:
    box = await saved(numbers=[])
    async with box.apipeline():
        box.numbers.append("7")
        box.numbers.extend(["8", 9.0])
        box.numbers.insert(0, "6")
        box.numbers[0] = "5"
    await box.numbers.aappend("10")
    assert await raw.execute_command("JSON.GET", box.key, "$.numbers") == "[[5,7,8,9,10]]"
    assert box.numbers == [5, 7, 8, 9, 10]


async def test_setting_removing_and_finding_at_once() -> None:
    box = await saved()
    await box.numbers.aset(-1, "9")
    assert box.numbers == (await stored(box)).numbers == [0, 1, 2, 3, 9]
    assert await box.numbers.aindex(9) == 4
    await box.numbers.aremove(2)
    assert box.numbers == (await stored(box)).numbers == [0, 1, 3, 9]
    for attempt in (box.numbers.aremove(77), box.numbers.aindex(77)):
        with pytest.raises(ValueError, match=r"77 is not in the list stored at ListBox:.* \$.numbers"):
            await attempt
    with pytest.raises(ElementIndexError, match=r"\$.numbers\[9\]: array index out of range"):
        await box.numbers.aset(9, 1)
    with pytest.raises(IndexError, match="pop index out of range"):
        await box.numbers.apop(7)
    assert box.numbers == (await stored(box)).numbers == [0, 1, 3, 9]
    async with box.apipeline():
        assert await box.numbers.aset(0, 5) is None
        assert await box.numbers.aremove(3) is None
        assert await box.numbers.aindex(3) == 2
        assert (await stored(box)).numbers == [0, 1, 3, 9]
    assert box.numbers == (await stored(box)).numbers == [5, 1, 9]


async def test_objects_are_found_by_value() -> None:
    box = await saved(parts=[{"name": "a"}, {"name": "b", "tags": ["x"]}], nested=[[[1]], [[]]])
    assert await box.parts.aindex({"name": "b", "tags": ["x"]}) == 1
    await box.parts.aremove(box.parts[0])
    await box.nested.aremove([[1]])
    async with box.apipeline():
        box.nested.remove([[]])
    after = await stored(box)
    assert ([part.name for part in after.parts], after.nested) == (["b"], [])


async def test_popping_at_once() -> None:
    box = await saved(texts=["a", "b", "c"])
    assert await box.texts.apop() == "c"
    assert await box.texts.apop(0) == "a"
    assert await box.texts.apop() == "b"
    assert await box.texts.apop() is None
    assert await box.numbers.apop(2) == 2
    assert await box.numbers.apop(-2) == 3
    assert box.numbers == (await stored(box)).numbers == [0, 1, 4]
    await box.numbers.aclear()
    await box.numbers.aappend(3)
    assert box.numbers == (await stored(box)).numbers == [3]
    unsaved: Any = ListBox()
    for attempt in (unsaved.numbers.apop(), unsaved.numbers.apop(2), unsaved.numbers.aremove(1)):
        with pytest.raises(KeyNotFound):
            await attempt


@pytest.mark.parametrize("index", [0, 1, -1, -2])
async def test_a_corrupt_element_is_not_lost(index: int, raw: Redis) -> None:
    box = await saved()
    wrong = [1, 2, 3, 4]
    wrong[index] = {"no": "number"}  # type: ignore[call-overload]
    await raw.json().set(box.key, "$.numbers", wrong)  # type: ignore[misc]
    with pytest.raises(CorruptedModelError, match=r"the value stored at ListBox:.* \$.numbers does not fit"):
        await box.numbers.apop(index)
    assert await raw.json().get(box.key, "$.numbers") == [wrong]  # type: ignore[misc]


async def test_popping_inside_a_pipeline_runs_at_once_and_stays() -> None:
    box = await saved()
    with pytest.raises(ZeroDivisionError):
        async with box.apipeline():
            box.numbers.append(5)
            assert await box.numbers.apop() == 4
            raise ZeroDivisionError
    assert (await stored(box)).numbers == box.numbers == [0, 1, 2, 3]


async def test_elements_know_their_place_after_any_shift() -> None:
    box = await saved(parts=[{"name": "a"}, {"name": "b"}, {"name": "c"}], texts=["x", "y", "z"])
    text, part = box.texts[2], box.parts[2]
    assert (text.json_path, part.json_path) == ("$.texts[2]", "$.parts[2]")
    await box.texts.ainsert(0, "w")
    await box.parts.apop(0)
    assert (text.json_path, part.json_path) == ("$.texts[3]", "$.parts[1]")
    part.name = "C"
    await part.asave()
    async with apipeline():
        box.texts.sort(reverse=True)
        text += "!"
        box.parts.reverse()
        part.tags.append("t")
    after = await stored(box)
    assert after.texts == ["z!", "y", "x", "w"]
    assert [(one.name, one.tags) for one in after.parts] == [("C", ["t"]), ("b", [])]


async def test_an_element_that_left_its_list_has_no_place() -> None:
    box = await saved(parts=[{"name": "a"}, {"name": "b"}])
    gone = box.parts.pop(0)
    with pytest.raises(UnlinkedValueError, match="no longer in the list"):
        _ = gone.json_path
    first = box.numbers[0]
    box.numbers[0] = 5
    with pytest.raises(UnlinkedValueError, match="no longer in the list"):
        await first.asave()


async def test_nested_lists_know_their_place() -> None:
    box = await saved()
    inner = box.nested[0][1]
    assert isinstance(inner, RedisList)
    assert (inner.field_path, box.nested[1][0].field_path) == ("nested[0][1]", "nested[1][0]")
    assert box.nested[1][0][1].field_path == "nested[1][0][1]"
    await inner.aappend(5)
    async with apipeline():
        box.nested.insert(0, [[9]])
        inner.append(6)
        box.nested[0][0][0] += 1
    assert (await stored(box)).nested == box.nested == [[[10]], [[1], [5, 6]], [[2, 3]]]
    await box.nested[1][1].asave()
    assert await box.nested[1][1].aload() == [5, 6]


async def test_elements_save_and_load_themselves() -> None:
    box = await saved()
    element = box.numbers[1]
    await (await stored(box)).numbers.aset(1, 50)
    assert await element.aload() == 50
    assert box.numbers == [0, 50, 2, 3, 4]
    box.numbers[1] = 7
    await box.numbers[1].asave()
    assert (await stored(box)).numbers == [0, 7, 2, 3, 4]


async def test_repetition_makes_elements_of_their_own() -> None:
    box = await saved(parts=[{"name": "a"}], numbers=[1])
    async with box.apipeline():
        box.parts *= 3
        box.numbers *= 2
        box.parts[2].name = "c"
    after = await stored(box)
    assert [part.name for part in after.parts] == [part.name for part in box.parts] == ["a", "a", "c"]
    assert after.numbers == [1, 1]


async def test_optional_any_and_bool_elements() -> None:
    box = await saved()
    async with box.apipeline():
        box.optional[0] += 4
        box.optional.append(None)
        box.flags.append(True)
        box.anything.extend([None, {"a": [1]}, [1, "x"], "s", 1, 1.5, True])
        box.anything += [b"b"]
        box.anything.insert(0, {"k": None})
        box.anything[1] = [None]
    after = await stored(box)
    assert after.optional == box.optional == [5, None, None]
    assert after.flags == [True, False, True]
    assert all(isinstance(flag, bool) for flag in after.flags)
    assert (
        after.anything == box.anything == [{"k": None}, [None], {"a": [1]}, [1, "x"], "s", 1, 1.5, True, b"b"]
    )


async def test_taking_elements_of_another_model_copies_them() -> None:
    one, two = await saved(parts=[{"name": "a"}], texts=["x"]), await saved()
    async with apipeline():
        two.parts.append(one.parts[0])
        two.texts.extend([one.texts[0]])
        two.parts[0].name = "b"
    assert (one.parts[0].name, one.parts[0].key) == ("a", one.key)
    assert (two.parts[0].name, two.parts[0].key, two.parts[0].json_path) == ("b", two.key, "$.parts[0]")
    assert (two.texts[0].key, one.texts[0].key) == (two.key, one.key)
    assert (await stored(two)).parts[0].name == "b"


async def test_a_clone_is_plain_and_apart() -> None:
    box = await saved(parts=[{"name": "a"}])
    assert box.numbers[0] == 0
    clone = box.numbers.clone()
    clone.append(9)
    assert (type(clone), type(clone[0]), box.numbers) == (list, int, [0, 1, 2, 3, 4])
    assert type(box.nested.clone()[0][0]) is list
    assert type(box.numbers + [1]) is list


async def test_an_index_that_redis_lacks_fails_the_transaction(raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.numbers", [1])  # type: ignore[misc]
    with pytest.raises(TransactionError, match="array index out of range"):
        async with apipeline():
            box.texts.append("x")
            box.numbers[4] = 5


async def test_where_a_value_reaches_its_model() -> None:
    box = await saved()
    assert box.numbers.redis is box.numbers.client
    assert (box.numbers.Meta, box.numbers.key, box.numbers.pipeline) == (ListBox.Meta, box.key, None)
    assert (box.numbers.field_name, box.numbers.field_path) == ("numbers", "numbers")
    async with box.apipeline():
        assert type(box.numbers.client).__name__ == type(box.numbers[0].pipeline).__name__ == "Pipeline"
    with pytest.raises(UnlinkedValueError, match="belongs to no model"):
        _ = RedisList([1]).key


async def test_a_container_that_was_read_stays_the_one_of_its_model() -> None:
    box = await saved(parts=[{"name": "a"}])
    numbers, parts = box.numbers, box.parts
    await (await stored(box)).numbers.aappend(5)
    async with box.apipeline():
        assert box.numbers is numbers
        assert numbers == [0, 1, 2, 3, 4, 5]
        numbers.append(6)
    assert (await stored(box)).numbers == box.numbers == [0, 1, 2, 3, 4, 5, 6]
    await (await stored(box)).parts.aappend({"name": "b"})
    assert await parts.aload() is parts is box.parts
    assert [part.json_path for part in parts] == ["$.parts[0]", "$.parts[1]"]
    inner = box.nested[0]
    assert await inner.aload() is inner is box.nested[0]


@pytest.mark.parametrize("size", [10, 11, 25, 101, 1005])
async def test_a_range_of_any_length_is_removed_and_replaced(size: int) -> None:
    """A range that crosses 10, 100 or 1000 positions goes as a whole, from whichever end it is counted."""
    for part in (slice(None), slice(1, -1), slice(5, size), slice(-12, None)):
        box = await saved(numbers=list(range(size)))
        async with box.apipeline():
            del box.numbers[part]
            box.numbers[0:0] = range(size)
            box.numbers[part] = [-1, -2]
        assert (await stored(box)).numbers == box.numbers
