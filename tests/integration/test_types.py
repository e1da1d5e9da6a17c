"""Each field type changes its own place in Redis."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rapyer import AtomicRedisModel
from rapyer.errors import CorruptedModelError, KeyNotFound
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class Place(AtomicRedisModel):
    name: str = "p"


class Box(AtomicRedisModel):
    number: int = 10
    real: float = 2.5
    text: str = "ab"
    raw: bytes = b"x"
    moment: dt.datetime = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    items: list[int] = [1, 2, 3]
    members: list[Place] = []
    mapping: dict[str, int] = {"a": 1}
    numbered: dict[int, str] = {}
    maybe: list[str] | None = None


# What the type checker sees as int, str or list is a Redis type at run time.
async def saved(**values: Any) -> Any:
    return await Box(**values).asave()


async def stored(box: Any) -> Any:
    return await Box.aget(box.key)


async def test_increments() -> None:
    box = await saved()
    assert await box.number.aincrease() == 11
    assert await box.number.aincrease(-4) == 7
    assert box.number == 10
    assert await box.real.aincrease(0.25) == 2.75
    assert ((await stored(box)).number, (await stored(box)).real) == (7, 2.75)


async def test_increments_are_exact_and_checked() -> None:
    box = await saved(number=2**53)
    assert await box.number.aincrease(1) == 2**53 + 1
    with pytest.raises(TypeError, match="Box.number holds an int, so it cannot change by 0.5"):
        await box.number.aincrease(0.5)
    with pytest.raises(OverflowError, match="Box.number holds a 64-bit int"):
        await box.number.aincrease(2**64)
    with pytest.raises(ValueError, match="Box.real holds a finite float, so it cannot change by nan"):
        await box.real.aincrease(float("nan"))
    assert (await stored(box)).number == 2**53 + 1


async def test_operations_on_a_missing_model_are_not_found() -> None:
    box: Any = Box()
    for attempt in (
        box.number.aincrease(),
        box.items.aappend(1),
        box.items.ainsert(0, 1),
        box.items.apop(),
        box.items.aclear(),
        box.mapping.aset_item("k", 1),
        box.text.asave(),
        box.text.aload(),
    ):
        with pytest.raises(KeyNotFound, match=f"nothing is stored under {box.key}"):
            await attempt
    assert box.items == [1, 2, 3]
    assert box.mapping == {"a": 1}


async def test_fifty_writers_lose_nothing() -> None:
    box = await saved()

    async def write(number: int) -> None:
        mine: Any = await Box.aget(box.key)
        await mine.number.aincrease()
        await mine.items.aappend(number)
        await mine.mapping.aset_item(f"k{number}", number)

    await asyncio.gather(*(write(number) for number in range(50)))
    after = await stored(box)
    assert after.number == 60
    assert sorted(after.items) == sorted([1, 2, 3, *range(50)])
    assert len(after.mapping) == 51


async def test_saving_and_loading_one_field() -> None:
    box = await saved()
    box.text, box.number = "new", 99
    assert await box.text.asave() == "new"
    assert ((await stored(box)).text, (await stored(box)).number) == ("new", 10)
    assert await box.number.aload() == 10
    assert box.number == 10
    await box.items[1].asave()
    assert await box.items.aload() == [1, 2, 3]
    assert await box.moment.aload() == box.moment
    assert await box.raw.aload() == b"x"


async def test_list_operations() -> None:
    box = await saved()
    await box.items.aappend(4)
    await box.items.aextend(n for n in (5, 6))
    await box.items.ainsert(0, 0)
    await box.items.ainsert(100, 7)
    assert box.items == (await stored(box)).items == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (await box.items.apop(), await box.items.apop(0)) == (7, 0)
    assert box.items == (await stored(box)).items == [1, 2, 3, 4, 5, 6]
    await box.items.aclear()
    assert box.items == (await stored(box)).items == []
    assert await box.items.apop() is None
    with pytest.raises(ValidationError, match="Box.items"):
        await box.items.aextend([1, "x"])
    assert (await stored(box)).items == []


async def test_lists_of_models() -> None:
    box = await saved(members=[Place(name="a")])
    await box.members.aappend({"name": "b"})
    box.members[1].name = "c"
    await box.members[1].asave()
    assert [member.name for member in (await stored(box)).members] == ["a", "c"]
    popped = await box.members.apop(0)
    assert popped.name == "a"
    await box.members[0].aupdate(name="d")
    assert [member.name for member in (await stored(box)).members] == ["d"]


async def test_optional_fields_are_linked_like_all_others() -> None:
    box = await saved(maybe=["x"])
    await box.maybe.aappend("y")
    loaded = await stored(box)
    await loaded.maybe.aappend("z")
    assert (await stored(box)).maybe == ["x", "y", "z"]


async def test_dict_operations() -> None:
    box = await saved()
    await box.mapping.aset_item("b", 2)
    await box.mapping.aupdate({"c": 3}, d=4)
    assert await box.mapping.adel_item("a") == 1
    assert await box.mapping.adel_item("a") == 0
    assert box.mapping == (await stored(box)).mapping == {"b": 2, "c": 3, "d": 4}
    assert (await box.mapping.apop("b"), await box.mapping.apop("b"), await box.mapping.apop("b", 7)) == (
        2,
        None,
        7,
    )
    key, value = await box.mapping.apopitem()
    left = {"c": 3, "d": 4}
    assert left.pop(key) == value
    assert box.mapping == (await stored(box)).mapping == left
    await box.mapping.aclear()
    with pytest.raises(KeyError, match="dictionary is empty"):
        await box.mapping.apopitem()
    await box.numbered.aset_item(5, "five")
    assert (await stored(box)).numbered == {5: "five"}
    assert await box.numbered.apopitem() == (5, "five")


@pytest.mark.parametrize(
    "key",
    [
        "a.b",
        "*",
        "a[0]",
        'a"b',
        "it's",
        "a b",
        "",
        "ключ",
        "line\nbreak",
        "@",
        "..x",
        "$",
        "x?(@.a)",
        "a\\b",
        "'\"",
        "\t",
    ],
)
async def test_any_key_of_a_dict(key: str) -> None:
    box = await saved(mapping={"a": 1, "other": 2})
    await box.mapping.aset_item(key, 5)
    assert (await stored(box)).mapping == {"a": 1, "other": 2, key: 5}
    await box.mapping.adel_item(key)
    assert (await stored(box)).mapping == {"a": 1, "other": 2}
    async with box.apipeline():
        box.mapping[key] = 6
        box.mapping["a"] = 9
    assert (await stored(box)).mapping == {"a": 9, "other": 2, key: 6}
    async with box.apipeline():
        del box.mapping[key]
    assert (await stored(box)).mapping == {"a": 9, "other": 2}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.dictionaries(st.text(max_size=8), st.integers(-(2**63), 2**63 - 1), max_size=4), text=st.text()
)
def test_any_text_survives(values: dict[str, int], text: str, rapyer_redis_url: str) -> None:
    async def there_and_back() -> None:
        registry.bind(ClientSource.from_url(rapyer_redis_url))
        box = await saved(mapping=values, text=text)
        assert await stored(box) == box

    asyncio.run(there_and_back())


async def test_values_written_by_others_are_checked(raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.items", [1, "x"])  # type: ignore[misc]
    with pytest.raises(CorruptedModelError, match=r"the value stored at Box:.* \$.items does not fit"):
        await box.items.aload()
