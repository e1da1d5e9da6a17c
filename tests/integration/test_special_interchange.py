"""Models of rapyer 1.3.6 with all that lives in and beside their documents are read, changed and written back.

What it wrote, and what it wrote after the same changes, is in `special_1_3_6.json`. What is the same, byte for
byte, it reads.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.data.golden_special import (
    FIRST,
    SECOND,
    TTL,
    GoldenCase,
    GoldenShade,
    GoldenWriter,
    change,
    make,
    push,
)

pytestmark = pytest.mark.usefixtures("source")

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "special_1_3_6.json").read_text(encoding="utf-8")
)
KEY = "GoldenCase:golden"
BAD = "gASVnonsense"


async def everything(raw: Any) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in await raw.keys("*"):
        kind = await raw.type(key)
        if kind == "set":
            stored[key] = sorted(await raw.smembers(key))
        elif kind == "zset":
            stored[key] = [list(entry) for entry in await raw.zrange(key, 0, -1, withscores=True)]
        else:
            stored[key] = (await raw.json().get(key, "$"))[0]
    return stored


async def restore(raw: Any) -> None:
    for key, value in GOLDEN["before"].items():
        if not isinstance(value, list):
            await raw.json().set(key, "$", value)
        elif isinstance(value[0], list):
            await raw.zadd(key, dict(value))
        else:
            await raw.sadd(key, *value)


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
    assert (case.ids, case.prices) == ({UUID(int=1), UUID(int=2)}, {Decimal("1.10")})
    assert (case.shades, case.days, case.reals) == ({GoldenShade.DARK}, {FIRST, SECOND}, {1.0, 2.5})
    assert case.groups == {"g": {1, 2}}
    assert {one.target_key for one in case.fans} == {"GoldenWriter:ada", "GoldenWriter:gone"}
    assert {role: one.target_key for role, one in case.by_role.items()} == {
        "x": "GoldenWriter:ada",
        "y.z": "GoldenWriter:gone",
    }
    assert case.drawer.owner is not None
    assert (await case.drawer.owner.afetch()).name == "Ada"
    assert await GoldenCase.afind() == [case]


async def test_what_waits_in_its_queues_is_read(raw: Any) -> None:
    await restore(raw)
    case = await GoldenCase.aget("golden")
    assert [(item.value, item.priority) for item in await case.tasks.aitems()] == [
        ("é", 1.0),
        ("iron", 1.5),
        ("wash", 2.0),
    ]
    assert [(item.value, item.priority) for item in await case.moments.aitems()] == [(SECOND, 1), (FIRST, 2)]
    assert [item.value.target_key for item in await case.calls.aitems()] == [
        "GoldenWriter:gone",
        "GoldenWriter:ada",
    ]
    assert await case.shelf.todo.apop() == "sort"
    assert await case.moments.apop_many(5) == [SECOND, FIRST]


async def test_what_is_stored_here_is_what_it_stored(raw: Any) -> None:
    writer, case = [await model.asave() for model in make()]
    await push(case)
    assert await everything(raw) == GOLDEN["before"]
    beside = [key for key in GOLDEN["before"] if key != writer.key]
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
    of_it = [key for key in GOLDEN["before"] if "GoldenCase" in key]
    assert (result.models_deleted, result.keys_deleted) == (1, len(of_it))
    assert await raw.keys("*") == ["GoldenWriter:ada"]
    assert await GoldenWriter.aexists("ada")
