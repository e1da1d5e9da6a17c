"""Dicts: any key, any value, and each change runs in Redis as it does in Python."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import CorruptedModelError, InvalidKeyError, KeyNotFound, UnlinkedValueError
from rapyer.types import RedisDict  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

ODD = [" ", " a", " '", "a\\b", "'\"", "\\", '\\"', "\\'", "x\\\"y'z", "\\n", "\\\\"]
KEYS = [
    *ODD,
    "",
    "a b ",
    "a.b",
    "*",
    "a[0]",
    'a"b',
    "it's",
    "ключ",
    "line\nbreak",
    "@",
    "..x",
    "$",
    "x?(@.a)",
    "\t",
    "\x00",
    "😀",
]


class DictPart(BaseModel):
    name: str = "p"
    maybe: int | None = None
    items: list[int] = []


class Shade(enum.Enum):
    DARK = "dark"


class DictBox(AtomicRedisModel):
    mapping: dict[str, int] = {"a": 1, "b": 2}
    optional: dict[str, int | None] = {}
    parts: dict[str, DictPart] = {}
    deep: dict[str, dict[str, list[DictPart]]] = {}
    numbered: dict[int, str] = {}
    shaded: dict[Shade, int] = {}
    dated: dict[dt.date, int] = {}
    flagged: dict[bool, int] = {}
    anything: dict[str, Any] = {}
    bare: dict = {}  # type: ignore[type-arg]
    short: RedisDict[int] = {}  # type: ignore[assignment,type-arg]


async def saved(**values: Any) -> Any:
    return await DictBox(**values).asave()


async def stored(box: Any) -> Any:
    return await DictBox.aget(box.key)


@pytest.mark.parametrize("key", KEYS)
async def test_every_operation_takes_any_key(key: str) -> None:
    box, others = await saved(), {"a": 1, "b": 2}
    await box.mapping.aset_item(key, 3)
    assert await box.mapping.aget(key) == 3
    assert await box.mapping.asetdefault(key, 9) == 3
    assert (await stored(box)).mapping == box.mapping == {**others, key: 3}
    assert await box.mapping.apop(key) == 3
    assert (await box.mapping.apop(key, 7), await box.mapping.aget(key, 8)) == (7, 8)
    assert await box.mapping.asetdefault(key, 9) == 9
    assert await box.mapping[key].aload() == 9
    assert (await stored(box)).mapping == box.mapping == {**others, key: 9}
    await box.mapping.aupdate({key: 4})
    assert await box.mapping.adel_item(key) == 1
    assert (await stored(box)).mapping == box.mapping == others
    async with box.apipeline():
        box.mapping[key] = 5
        box.mapping.update({key: 6})
        assert box.mapping.setdefault(key, 7) == 6
    assert (await stored(box)).mapping == box.mapping == {**others, key: 6}
    async with box.apipeline():
        assert box.mapping.pop(key) == 6
        assert box.mapping.setdefault(key, 7) == 7
    assert (await stored(box)).mapping == box.mapping == {**others, key: 7}
    async with box.apipeline():
        del box.mapping[key]
        box.mapping |= {"c": 3}
    assert (await stored(box)).mapping == box.mapping == {**others, "c": 3}


@pytest.mark.parametrize("key", KEYS)
async def test_any_key_holds_nulls_and_objects(key: str) -> None:
    box = await saved(optional={"other": None}, parts={"other": DictPart(name="o")})
    await box.optional.aset_item(key, None)
    await box.parts.aset_item(key, DictPart(name="x", maybe=1, items=[]))
    await box.parts.aset_item(key, DictPart(name="y"))
    assert (await box.optional.aget(key, 5), (await box.parts.aget(key)).name) == (None, "y")
    after = await stored(box)
    assert after.optional == {"other": None, key: None}
    assert after.parts == box.parts
    assert (after.parts[key].name, after.parts[key].maybe, after.parts["other"].name) == ("y", None, "o")
    async with box.apipeline():
        box.optional[key] = 4
        box.optional[key] = None
        box.parts[key] = {"name": "z", "items": [2**53 + 1]}
    assert (await stored(box)).optional == box.optional == {"other": None, key: None}
    popped = await box.parts.apop(key)
    assert (popped.name, popped.maybe, popped.items) == ("z", None, [2**53 + 1])
    assert list((await stored(box)).parts) == ["other"]
    await box.parts.aclear()
    await box.parts.aset_item(key, DictPart(items=[1]))
    name, part = await box.parts.apopitem()
    assert (name, part.items) == (key, [1])
    assert (await stored(box)).parts == box.parts == {}


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ODD])
async def test_values_under_any_key_have_operations_of_their_own(key: str) -> None:
    box = await saved(mapping={key: 1}, parts={key: DictPart()})
    async with box.apipeline():
        box.mapping[key] += 4
        box.parts[key].items.append(5)
        box.parts[key].name = "n"
    after = await stored(box)
    assert (after.mapping, after.parts[key].items, after.parts[key].name) == ({key: 5}, [5], "n")


@pytest.mark.parametrize("key", ODD)
async def test_where_no_path_can_write_it_is_refused(key: str) -> None:
    box = await saved(mapping={key: 1}, parts={key: DictPart()})
    with pytest.raises(InvalidKeyError, match="no JSON path can name .* through the dict that holds it"):
        async with box.apipeline():
            box.mapping[key] += 4
    with pytest.raises(InvalidKeyError):
        await box.parts[key].items.aappend(5)
    with pytest.raises(InvalidKeyError):
        await box.parts[key].asave()
    with pytest.raises(InvalidKeyError):
        async with box.apipeline():
            box.parts[key].name = "n"
    assert await stored(box) == box == DictBox(mapping={key: 1}, parts={key: DictPart()})


async def test_text_that_is_no_utf8_is_no_key() -> None:
    box = await saved()
    for attempt in (
        box.mapping.aset_item("\ud800", 1),
        box.mapping.apop("\ud800"),
        box.mapping.aget("\ud800"),
    ):
        with pytest.raises(ValidationError, match=r"DictBox.mapping key"):
            await attempt
    with pytest.raises(ValidationError):
        DictBox(mapping={"\ud800": 1})


async def test_keys_of_other_types() -> None:
    day = dt.date(2026, 1, 2)
    box = await saved(numbered={1: "x"}, shaded={Shade.DARK: 1}, dated={day: 1}, flagged={True: 1})
    await box.numbered.aset_item("2", "y")
    await box.shaded.aset_item(Shade.DARK, 2)
    await box.dated.aupdate([(day, 3)])
    await box.flagged.aset_item(False, 4)
    async with box.apipeline():
        box.numbered[3] = "z"
        box.flagged[True] += 10
        del box.numbered[1]
    after = await stored(box)
    assert after == box
    assert after.numbered == {2: "y", 3: "z"}
    assert (after.shaded, after.dated, after.flagged) == ({Shade.DARK: 2}, {day: 3}, {True: 11, False: 4})
    assert await box.shaded.apopitem() == (Shade.DARK, 2)
    assert await box.dated.apopitem() == (day, 3)
    assert await box.flagged.apop(True) == 11
    assert await box.numbered.aget(3) == "z"


async def test_update_takes_what_dict_takes() -> None:
    box = await saved(mapping={})
    await box.mapping.aupdate({"a": 1}, b=2)
    await box.mapping.aupdate([("c", 3)])
    await box.mapping.aupdate((pair for pair in [("d", "4")]), e=5)
    await box.mapping.aupdate()
    async with box.apipeline():
        box.mapping.update([("f", 6)], g=7)
        box.mapping |= [("h", "8")]
        box.mapping.update()
    expected = {name: number for number, name in enumerate("abcdefgh", 1)}
    assert (await stored(box)).mapping == box.mapping == expected


async def test_nothing_is_set_when_one_value_does_not_fit() -> None:
    box = await saved()
    with pytest.raises(ValidationError, match="DictBox.mapping"):
        await box.mapping.aupdate({"c": 3, "d": "x"})
    async with apipeline() as pipe:
        with pytest.raises(ValidationError, match="DictBox.mapping"):
            box.mapping.update({"c": 3, "d": "x"})
        with pytest.raises(KeyError):
            del box.mapping["zz"]
        with pytest.raises(KeyError):
            box.mapping.pop("zz")
        with pytest.raises(ValidationError):
            box.mapping.setdefault("zz")
        assert box.mapping.pop("zz", 5) == 5
        assert pipe.commands == ()
    assert (await stored(box)).mapping == box.mapping == {"a": 1, "b": 2}


async def test_setdefault_keeps_what_others_set(raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.mapping.c", 33)  # type: ignore[misc]
    async with apipeline():
        box.mapping.setdefault("c", 3)
        assert await box.mapping.asetdefault("d", 4) is None
    assert (await stored(box)).mapping == {"a": 1, "b": 2, "c": 33, "d": 4}
    assert await box.mapping.asetdefault("c", 0) == 33
    assert box.mapping == (await stored(box)).mapping


async def test_what_async_methods_return_in_a_pipeline() -> None:
    box = await saved()
    async with box.apipeline():
        assert await box.mapping.aset_item("c", 3) is None
        assert await box.mapping.adel_item("a") is None
        assert await box.mapping.aupdate(d=4) is None
        assert await box.mapping.aget("c", "not yet") == "not yet"
        assert await box.mapping.apop("b") == 2
        assert await box.numbered.aclear() is None
        assert (await stored(box)).mapping == {"a": 1}
    assert (await stored(box)).mapping == box.mapping == {"c": 3, "d": 4}


async def test_missing_documents() -> None:
    box: Any = DictBox()
    assert await box.mapping.apop("a", 5) == 5
    assert await box.mapping.aget("a", 5) == 5
    assert await box.mapping.adel_item("a") == 0
    for attempt in (
        box.mapping.aset_item("a", 1),
        box.mapping.aset_item("a\\", 1),
        box.parts.aset_item("a\\", DictPart()),
        box.mapping.asetdefault("z", 1),
        box.mapping.aclear(),
        box.mapping.aload(),
    ):
        with pytest.raises(KeyNotFound, match=f"nothing is stored under {box.key}"):
            await attempt


async def test_a_field_that_the_document_lacks(raw: Redis) -> None:
    box = await saved()
    await raw.json().delete(box.key, "$.mapping")  # type: ignore[misc]
    for attempt in (
        box.mapping.aload(),
        box.mapping["a"].aload(),
        box.mapping.aset_item("a\\", 1),
        box.mapping["a"].aincrease(),
        box.mapping.asetdefault("z", 1),
    ):
        with pytest.raises(KeyNotFound, match=r"nothing is stored under .* at \$.mapping"):
            await attempt


@pytest.mark.parametrize("key", ["x", "x\\"])
async def test_a_corrupt_member_is_not_lost(key: str, raw: Redis) -> None:
    box = await saved(anything={}, mapping={})
    await raw.json().set(box.key, "$.mapping", {key: {"no": None}})  # type: ignore[misc]
    for attempt in (box.mapping.apop(key), box.mapping.apopitem()):
        with pytest.raises(CorruptedModelError, match=r"\$.mapping does not fit"):
            await attempt
    assert await raw.json().get(box.key, "$.mapping") == [{key: {"no": None}}]  # type: ignore[misc]


async def test_an_empty_dict_has_no_item_to_pop() -> None:
    box = await saved(mapping={})
    with pytest.raises(KeyError, match=r"popitem\(\): dictionary is empty"):
        await box.mapping.apopitem()
    with pytest.raises(KeyError, match="empty"):
        box.mapping.popitem()


async def test_dicts_of_dicts_of_lists_of_models() -> None:
    box = await saved(deep={"a": {"b": [{"name": "x"}]}})
    part = box.deep["a"]["b"][0]
    assert part.json_path == "$.deep.a.b[0]"
    await part.items.aappend(1)
    async with box.apipeline():
        box.deep["a"]["b"].append({"name": "y"})
        box.deep["a"]["c.d"] = [{"name": "z"}]
        box.deep["a"]["c.d"][0].items.append(2)
        box.deep["a"]["b"][1].maybe = 5
    after = await stored(box)
    assert after.deep == box.deep
    assert [one.maybe for one in after.deep["a"]["b"]] == [None, 5]
    assert after.deep["a"]["c.d"][0].items == [2]
    assert box.deep.clone()["a"]["b"][0].name == "x"


async def test_a_value_that_was_replaced_has_no_place() -> None:
    box = await saved(parts={"a": {"name": "x"}})
    old = box.parts["a"]
    box.parts["a"] = {"name": "y"}
    with pytest.raises(UnlinkedValueError, match="holds the value under 'a' no more"):
        _ = old.json_path
    gone = box.mapping["a"]
    del box.mapping["a"]
    with pytest.raises(UnlinkedValueError, match="holds the value under 'a' no more"):
        await gone.asave()


async def test_any_values_and_bare_dicts() -> None:
    box = await saved()
    values = {
        "n": None,
        "d": {"a": []},
        "l": [1, {}],
        "s": "x",
        "i": 2**53 + 1,
        "f": 0.5,
        "b": True,
        "y": b"z",
    }
    async with box.apipeline():
        box.anything.update(values)
        box.anything["n"] = None
        box.bare["k"] = {"x": [None]}
        box.short["s"] = 3
        box.short["s"] += 1
    await box.bare.aset_item("q\\", None)
    after = await stored(box)
    assert after.anything == box.anything == values
    assert after.bare == box.bare == {"k": {"x": [None]}, "q\\": None}
    assert after.short == {"s": 4}
    assert await box.anything.apop("d") == {"a": []}


async def test_members_read_by_get_know_their_place() -> None:
    box = await saved()
    assert box.mapping.get("a").json_path == "$.mapping.a"
    assert (box.mapping.get("zz"), box.mapping.get("zz", 4)) == (None, 4)
    assert (type(box.mapping.clone()), type(box.mapping | {"c": 3})) == (dict, dict)
    clone = box.mapping.clone()
    clone["z"] = 1
    assert "z" not in box.mapping
