"""Construction and assignment: every value is wrapped, linked, checked and the model's own."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from rapyer import AtomicRedisModel
from rapyer.types import RedisBytes, RedisDatetime, RedisDict, RedisInt, RedisList, RedisStr

pytestmark = pytest.mark.usefixtures("source")


class AssignInner(BaseModel):
    lst: list[str] = []
    number: int = 0


class AssignMid(BaseModel):
    inner: AssignInner = AssignInner()
    names: dict[str, str] = {}


class Assigned(AtomicRedisModel):
    text: str = "t"
    number: int = 1
    raw: bytes = b"r"
    at: dt.datetime = dt.datetime(2026, 1, 1)
    lst: list[int] = []
    dct: dict[str, int] = {}
    made: list[int] = Field(default_factory=list)
    mid: AssignMid = AssignMid()
    maybe: int | None = None
    lists: list[list[list[int]]] = []
    dicts: dict[str, dict[str, dict[str, int]]] = {}
    models: list[AssignInner] = []
    by_name: dict[str, AssignInner] = {}


KINDS: list[tuple[str, Any, type]] = [
    ("text", "new", RedisStr),
    ("text", "", RedisStr),
    ("number", 5, RedisInt),
    ("number", 42.0, RedisInt),
    ("raw", b"\xff", RedisBytes),
    ("raw", b"", RedisBytes),
    ("at", dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), RedisDatetime),
    ("lst", [1, 2], RedisList),
    ("lst", [], RedisList),
    ("dct", {"a": 1}, RedisDict),
    ("dct", {}, RedisDict),
    ("maybe", 7, RedisInt),
]


@pytest.mark.parametrize(("name", "value", "type_"), KINDS)
async def test_assigned_and_constructed_values_are_wrapped_and_linked(
    name: str, value: Any, type_: type
) -> None:
    assigned = Assigned()
    setattr(assigned, name, value)
    for model in (assigned, Assigned(**{name: value})):
        held = getattr(model, name)
        assert type(held) is type_
        assert held == value
        assert (held.key, held.json_path) == (model.key, f"$.{name}")
        await model.asave()
        assert getattr(await Assigned.aget(model.key), name) == value


def test_defaults_are_wrapped_and_not_shared() -> None:
    one, two = Assigned(), Assigned()
    for name in ("lst", "dct", "made"):
        assert type(getattr(one, name)) in {RedisList, RedisDict}
        assert getattr(one, name) is not getattr(two, name)
    one.lst.append(1)
    one.made.append(1)
    assert (two.lst, two.made) == ([], [])


def test_a_nested_model_is_linked_to_the_last_grandchild() -> None:
    for value in ({"inner": {"lst": ["a"]}}, AssignMid(inner=AssignInner(lst=["a"]))):
        model: Any = Assigned()
        model.mid = value
        assert isinstance(model.mid, AssignMid)
        assert model.mid.inner.lst.json_path == "$.mid.inner.lst"
        assert model.mid.inner.lst[0].json_path == "$.mid.inner.lst[0]"
        assert model.mid.key == model.key
        model.mid.inner = AssignInner(number=3)
        assert model.mid.inner.number.json_path == "$.mid.inner.number"


def test_every_level_of_nested_containers_knows_its_path() -> None:
    model: Any = Assigned(lists=[[[1, 2, 3]]], dicts={"a": {"b": {"c": 1}}})
    assert type(model.lists[0][0]) is RedisList
    assert type(model.dicts["a"]["b"]) is RedisDict
    assert model.lists[0][0][2].field_path == "lists[0][0][2]"
    assert model.dicts["a"]["b"]["c"].field_path == "dicts.a.b.c"
    model.lists[0].append([7])
    assert model.lists[0][1].json_path == "$.lists[0][1]"
    model.models.append(AssignInner(number=1))
    assert model.models[0].number.json_path == "$.models[0].number"
    model.by_name["x y"] = AssignInner(lst=["z"])
    assert model.by_name["x y"].lst[0].json_path == '$.by_name["x y"].lst[0]'


def test_none() -> None:
    model = Assigned(maybe=1)
    model.maybe = None
    assert model.maybe is None
    with pytest.raises(ValidationError):
        model.text = None  # type: ignore[assignment]
    assert model.text == "t"


def test_containers_copy_the_elements_of_other_models() -> None:
    one: Any = Assigned(models=[AssignInner(number=1)], by_name={"a": AssignInner(number=2)})
    two: Any = Assigned()
    two.models.append(one.models[0])
    two.models.extend(one.models)
    two.models.insert(0, one.by_name["a"])
    two.by_name["x"] = one.by_name["a"]
    two.by_name.update(one.by_name)
    two.by_name |= one.by_name
    assert [inner.key for inner in two.models] == [two.key] * 3
    assert [inner.key for inner in two.by_name.values()] == [two.key] * 2
    assert (one.models[0].key, one.by_name["a"].key) == (one.key, one.key)
    two.models[1].number = 9
    assert one.models[0].number == 1
    two.mid = one.mid
    two.mid.inner.number = 5
    assert one.mid.inner.number == 0
    assert two.mid is not one.mid


def test_in_place_operators_leave_the_operand_alone() -> None:
    one, two = Assigned(number=1, text="a"), Assigned(number=10, text="b")
    before = one.number
    one.number += two.number
    one.text += two.text
    assert (one.number, one.text) == (11, "ab")
    assert one.number is not before
    assert one.number.key == one.key  # type: ignore[attr-defined]
    assert two.number.key == two.key  # type: ignore[attr-defined]


def test_local_changes_keep_the_containers_type() -> None:
    model = Assigned(lst=[1, 2, 3, 4], dct={"a": 1, "b": 2, "c": 3})
    model.lst.pop()
    del model.lst[0]
    model.lst.remove(2)
    model.dct.pop("a")
    model.dct.popitem()
    assert (type(model.lst), type(model.dct)) == (RedisList, RedisDict)
    assert (model.lst, model.dct) == ([3], {"b": 2})
    model.lst.clear()
    model.dct.clear()
    assert (type(model.lst), type(model.dct), model.lst, model.dct) == (RedisList, RedisDict, [], {})


def test_unknown_attributes_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown"):
        Assigned().unknown = 1  # type: ignore[attr-defined]


class AssignChecked(AtomicRedisModel):
    age: Annotated[int, Field(ge=0, le=150)] = 0
    name: Annotated[str, Field(min_length=1)] = "x"
    low: int = 0
    high: int = 10

    @field_validator("name")
    @classmethod
    def _titled(cls, value: str) -> str:
        return value.title()

    @model_validator(mode="after")
    def _ordered(self) -> AssignChecked:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


async def test_constraints_and_validators_hold_everywhere() -> None:
    model = AssignChecked(name="ada")
    await model.asave()
    for bad in ({"age": -1}, {"age": 151}, {"name": ""}, {"low": 11}):
        with pytest.raises(ValidationError):
            AssignChecked(**bad)  # type: ignore[arg-type]
        with pytest.raises(ValidationError):
            model.update(**bad)
        with pytest.raises(ValidationError):
            await model.aupdate(**bad)
    assert (model.age, model.name, model.low) == (0, "Ada", 0)
    model.name = "grace hopper"
    assert model.name == "Grace Hopper"
    assert await AssignChecked.aget(model.key) == AssignChecked(name="ada")
