"""Documents of rapyer 1.3.6 load, and what is written here has the same layout (golden files)."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index, Key
from tests.data.golden_kinds import GoldenJson, GoldenKinds

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "rapyer_1_3_6.json").read_text(encoding="utf-8"))


class Address(BaseModel):
    street: str = "Main"
    tags: list[str] = ["home"]


class Plain(AtomicRedisModel):
    text: str = 'é"\\'
    number: int = -5
    real: float = 2.5
    raw: bytes = b"\xff\x00"
    flag: bool = True
    naive: dt.datetime = dt.datetime(2024, 1, 2, 3, 4, 5, 678)
    utc: dt.datetime = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)
    east: dt.datetime = dt.datetime(2024, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=5)))
    items: list[int] = [1, 2]
    deep: list[list[str]] = [["a"], []]
    mapping: dict[str, int] = {"a.b": 1}
    numbered: dict[int, str] = {1: "x"}
    maybe: str | None = None
    given: int | None = 3
    address: Address = Address()
    members: list[Address] = [Address(street="x")]
    by_name: dict[str, Address] = {"k": Address()}


class Named(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 1


async def test_its_documents_load(raw: Redis) -> None:
    for key, document in GOLDEN.items():
        await raw.json().set(key, "$", document)  # type: ignore[misc]
    assert await Plain.aget("golden") == Plain()
    assert await Named.aget("Named:a:b") == Named(name="a:b")


async def test_ours_have_the_same_layout(raw: Redis) -> None:
    model = await Plain().asave()
    stored = (await raw.json().get(model.key, "$"))[0]  # type: ignore[misc]
    assert stored == GOLDEN["Plain:golden"] | {"flag": True}  # bool is JSON here, and both forms are read
    named = await Named(name="a:b").asave()
    assert named.key in GOLDEN


KINDS = json.loads((Path(__file__).parents[1] / "data" / "golden_kinds.json").read_text(encoding="utf-8"))


def _with_json_bools(value: Any) -> Any:
    # The one exception to the common layout: bool is written as JSON here.
    if isinstance(value, list):
        return [_with_json_bools(item) for item in value]
    if isinstance(value, dict):
        return {name: _with_json_bools(item) for name, item in value.items()}
    return {"gASILg==": True, "gASJLg==": False}.get(value, value) if isinstance(value, str) else value


@pytest.mark.parametrize("model", [GoldenKinds, GoldenJson])
async def test_its_documents_of_every_kind_load_and_ours_are_the_same(
    raw: Redis, model: type[AtomicRedisModel]
) -> None:
    key = f"{model.__name__}:golden"
    await raw.json().set(key, "$", KINDS[key])  # type: ignore[misc]
    loaded = await model.aget(key)
    assert loaded == model()
    model.Meta.prefer_normal_json_dump = model is GoldenJson
    # How Python pickles these two depends on its version.
    varying = {"path": ..., "ratio": ...}
    assert model().redis_dump() | varying == _with_json_bools(KINDS[key]) | varying
    await loaded.asave()
    assert await model.aget(key) == model()
