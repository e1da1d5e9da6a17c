"""Models of rapyer 1.3.6 with all that lives in and beside their documents are read, changed and written back.

What it wrote, and what it wrote after the same changes, is in `special_1_3_6.json`. What is the same, byte for
byte, it reads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.data.golden_special import TTL, GoldenCase, GoldenShade, GoldenWriter, change, make

pytestmark = pytest.mark.usefixtures("source")

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "special_1_3_6.json").read_text(encoding="utf-8")
)
KEY = "GoldenCase:golden"
BAD = "gASVnonsense"


async def everything(raw: Any) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in await raw.keys("*"):
        if await raw.type(key) == "set":
            stored[key] = sorted(await raw.smembers(key))
        else:
            stored[key] = (await raw.json().get(key, "$"))[0]
    return stored


async def restore(raw: Any) -> None:
    for key, value in GOLDEN["before"].items():
        if isinstance(value, list):
            await raw.sadd(key, *value)
        else:
            await raw.json().set(key, "$", value)


async def test_what_it_stored_is_read(raw: Any) -> None:
    await restore(raw)
    case = await GoldenCase.aget("golden")
    assert case == make()[1]
    assert (case.shade, case.drawer.shade) == (GoldenShade.DARK, GoldenShade.PALE)
    assert (case.things, case.by_name) == ([1, "x", None], {"a": [1], "b.c": {"k": True}})
    assert (case.tags, case.marks, case.drawer.labels) == ({"é", 'q"u'}, {1, 2}, {"x"})
    assert case.drawers[0].labels == {"y"}
    assert [writer.target_key for writer in case.writers] == ["GoldenWriter:ada", "GoldenWriter:gone"]
    assert case.writer is not None
    assert (await case.writer.afetch()).name == "Ada"
    assert case.failed_fields == set()
    assert await GoldenCase.afind() == [case]


async def test_what_is_stored_here_is_what_it_stored(raw: Any) -> None:
    for model in make():
        await model.asave()
    assert await everything(raw) == GOLDEN["before"]
    beside = [key for key in GOLDEN["before"] if not key.startswith("GoldenWriter")]
    assert {await raw.ttl(key) for key in beside} == {TTL}


@pytest.mark.parametrize("by", ["aget", "aload", "afind", "aget_or_create"])
async def test_what_is_changed_here_is_what_it_made_of_it(raw: Any, by: str) -> None:
    await restore(raw)
    fresh = make()[1]
    loads: dict[str, Any] = {
        "aget": lambda: GoldenCase.aget("golden"),
        "aload": fresh.aload,
        "afind": lambda: GoldenCase.afind_one("golden"),
        "aget_or_create": lambda: GoldenCase.aget_or_create(fresh),
    }
    loaded = await loads[by]()
    case = getattr(loaded, "value", loaded)
    await change(case)
    assert await everything(raw) == GOLDEN["after"]
    assert await raw.ttl(KEY) == TTL
    assert await GoldenCase.aget("golden") == case


async def test_what_it_could_not_read_either_comes_back_as_it_was(raw: Any) -> None:
    await restore(raw)
    await raw.json().set(KEY, "$.shade", BAD)
    await raw.json().set(KEY, "$.drawer.shade", BAD)
    await raw.json().set(KEY, "$.things[1]", BAD)
    await raw.json().set(KEY, "$.by_name.a", BAD)
    before = await everything(raw)
    case = await GoldenCase.aget("golden")
    assert case.failed_fields == {"shade", "drawer.shade"}
    assert (case.things, case.by_name) == ([1, None], {"b.c": {"k": True}})
    await case.asave()
    assert await everything(raw) == before


async def test_a_duplicate_and_a_delete_take_all_of_it(raw: Any) -> None:
    await restore(raw)
    case = await GoldenCase.aget("golden")
    copied = await case.aduplicate()
    stored = await everything(raw)
    for key, value in GOLDEN["before"].items():
        if "GoldenCase" in key:
            assert stored[key.replace(KEY, copied.key)] == value
    await copied.adelete()
    result = await GoldenCase.adelete_many(case)
    assert (result.models_deleted, result.keys_deleted) == (1, 4)
    assert await raw.keys("*") == ["GoldenWriter:ada"]
    assert await GoldenWriter.aexists("ada")
