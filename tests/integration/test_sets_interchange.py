"""Sets that rapyer 1.3.6 has stored are read, changed, and written as it writes them (golden file)."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel
from rapyer.types import RedisSet

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "sets_1_3_6.json").read_text(encoding="utf-8")
)
KEY = "GoldenSets:golden"


class GoldenTone(enum.Enum):
    RED = "red"


class GoldenShelf(BaseModel):
    n: int = 1
    labels: set[str] = Field(default_factory=set)


class GoldenSets(AtomicRedisModel):
    texts: RedisSet[str] = Field(default_factory=RedisSet)
    numbers: set[int] = Field(default_factory=set)
    reals: set[float] = Field(default_factory=set)
    flags: set[bool] = Field(default_factory=set)
    moments: set[dt.datetime] = Field(default_factory=set)
    ids: set[uuid.UUID] = Field(default_factory=set)
    prices: set[Decimal] = Field(default_factory=set)
    tones: set[GoldenTone] = Field(default_factory=set)
    raws: set[bytes] = Field(default_factory=set)
    anything: set = Field(default_factory=set)
    empty: set[str] = Field(default_factory=set)
    maybe: set[str] | None = None
    shelf: GoldenShelf = Field(default_factory=GoldenShelf)
    shelves: list[GoldenShelf] = Field(default_factory=list)
    groups: dict[str, set[str]] = Field(default_factory=dict)


def full() -> GoldenSets:
    model = GoldenSets(
        texts={"a", "", "é x", 'q"u'},
        numbers={1, 2**70, -3},
        reals={1, 2.5, 1e20, 1e-7, float("inf")},
        flags={True, False},
        moments={dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)},
        ids={uuid.UUID(int=0)},
        prices={Decimal("1.10")},
        tones={GoldenTone.RED},
        raws={b"\xff"},
        anything={None, "x", 5},
        maybe={"m"},
        shelf=GoldenShelf(n=2, labels={"s"}),
        shelves=[GoldenShelf(labels={"t"})],
        groups={"g": {"u"}},
    )
    model.pk = "golden"
    return model


async def everything(raw: Redis) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for key in await raw.keys("*"):
        if await raw.type(key) == "set":
            stored[key] = sorted(await raw.smembers(key))
        else:
            stored[key] = (await raw.json().get(key, "$"))[0]
    return stored


async def restore(raw: Redis) -> None:
    for key, value in GOLDEN.items():
        if isinstance(value, list):
            await raw.sadd(key, *value)
        else:
            await raw.json().set(key, "$", value)


async def test_its_sets_load(raw: Redis) -> None:
    await restore(raw)
    assert await GoldenSets.aget("golden") == full()
    assert await GoldenSets.afind() == [full()]


async def test_ours_have_the_same_layout(raw: Redis) -> None:
    await full().asave()
    stored = await everything(raw)
    # The one exception: an optional set has a key of its own here, as all others have.
    assert stored.pop(f"__rapyer_special__:{KEY}:maybe") == GOLDEN[KEY]["maybe"]
    stored[KEY]["maybe"] = GOLDEN[KEY]["maybe"]
    assert stored == GOLDEN


async def test_what_was_changed_is_what_it_would_have_written(raw: Redis) -> None:
    await restore(raw)
    model = await GoldenSets.aget("golden")
    await model.texts.aremove("é x")
    await model.numbers.aadd(7)
    await model.shelf.labels.aadd("new")
    await model.shelves[0].labels.aadd("new")
    async with model.apipeline():
        model.groups["g"].add("new")
        model.flags.discard(True)
        model.anything ^= {None, "y"}
    model.reals.discard(2.5)
    await model.asave()
    stored = await everything(raw)
    assert stored[f"__rapyer_special__:{KEY}:texts"] == ['""', '"a"', '"q\\"u"']
    assert stored[f"__rapyer_special__:{KEY}:numbers"] == ["-3", "1", "1180591620717411303424", "7"]
    assert stored[f"__rapyer_special__:{KEY}:shelf.labels"] == ['"new"', '"s"']
    assert stored[f"__rapyer_special__:{KEY}:flags"] == ["false"]
    assert stored[f"__rapyer_special__:{KEY}:anything"] == ['"x"', '"y"', "5"]
    assert stored[f"__rapyer_special__:{KEY}:reals"] == ["1.0", "1e+20", "1e-07", "Infinity"]
    assert stored[KEY] == {
        "shelf": {"n": 2},
        "shelves": [{"n": 1, "labels": ['"new"', '"t"']}],
        "groups": {"g": ['"new"', '"u"']},
    }
    assert await GoldenSets.aget("golden") == model
