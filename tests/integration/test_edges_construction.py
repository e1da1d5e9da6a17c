"""Edges of construction and assignment: whatever is given becomes the model's own, checked, typed and linked."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import pickle
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Optional, Union  # noqa: UP035 - also spelt so

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, RootModel, ValidationError, field_validator

import rapyer
from rapyer import AtomicRedisModel, RapyerKey
from rapyer.types import (
    RedisBytes,
    RedisDatetime,
    RedisDatetimeTimestamp,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

MOMENT = dt.datetime(2024, 1, 1)


class MadePart(BaseModel):
    x: int = 1
    tags: list[str] = []


class MadeLike(BaseModel):
    """Has the fields of `MadePart`, and nothing else to do with it."""

    x: int = 5
    tags: list[str] = ["like"]


class MadeAtom(AtomicRedisModel):
    x: int = 1


class MadeTyped(AtomicRedisModel):
    bare_list: list = []  # type: ignore[type-arg]
    bare_dict: dict = {}  # type: ignore[type-arg]
    old_list: List[int] = [1]  # noqa: UP006
    old_dict: Dict[str, int] = {"a": 1}  # noqa: UP006
    made_list: list[int] = Field(default_factory=list)
    made_dict: dict[str, int] = Field(default_factory=dict)
    text: str = "t"
    number: int = 1
    real: float = 1.5
    raw: bytes = b"r"
    at: dt.datetime = MOMENT
    own_list: RedisList[int] = [1]  # type: ignore[assignment]
    own_values: RedisDict[int] = {"a": 1}  # type: ignore[type-arg,assignment]
    own_dict: RedisDict[str, int] = {"a": 1}  # type: ignore[assignment]
    own_bare_list: RedisList = []  # type: ignore[type-arg,assignment]
    own_bare_dict: RedisDict = {}  # type: ignore[type-arg,assignment]
    own_text: RedisStr = "t"  # type: ignore[assignment]
    own_number: RedisInt = 1  # type: ignore[assignment]
    own_real: RedisFloat = 1.5  # type: ignore[assignment]
    own_raw: RedisBytes = b"r"  # type: ignore[assignment]
    own_at: RedisDatetime = MOMENT  # type: ignore[assignment]
    own_stamp: RedisDatetimeTimestamp = MOMENT  # type: ignore[assignment]


TYPES: dict[str, Any] = {
    "list": RedisList,
    "dict": RedisDict,
    "values": RedisDict,
    "text": RedisStr,
    "number": RedisInt,
    "real": RedisFloat,
    "raw": RedisBytes,
    "at": RedisDatetime,
    "stamp": RedisDatetimeTimestamp,
}


class MadeOptional(AtomicRedisModel):
    text: Optional[str] = "x"  # noqa: UP045
    either: Union[int, str, None] = "x"  # noqa: UP007
    items: list[int] | None = [1]
    members: dict[str, int] | None = {"a": 1}
    real: float | None = 1.5
    raw: bytes | None = b"x"
    at: dt.datetime | None = MOMENT
    stamp: RedisDatetimeTimestamp | None = MOMENT  # type: ignore[assignment]
    part: MadePart | None = MadePart()
    atom: MadeAtom | None = MadeAtom()
    parts: list[MadePart] | None = [MadePart()]
    shape: list[int] | dict[str, int] = {"a": 1}


class MadeHolder(AtomicRedisModel):
    part: MadePart = MadePart()
    atom: MadeAtom = MadeAtom()
    parts: list[MadePart] = []
    lists: list[list[int]] = []
    by_name: dict[str, list[int]] = {}
    deep: list[dict[str, list[int]]] = []


class MadeOpen(BaseModel):
    model_config = ConfigDict(extra="allow")
    x: int = 1


class MadeRoot(RootModel[list[int]]):
    pass


class MadePrivate(BaseModel):
    x: int = 1
    _secret: int = PrivateAttr(default=7)

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.x

    @field_validator("x")
    @classmethod
    def _positive(cls, value: int) -> int:
        return abs(value)


class MadeOdd(AtomicRedisModel):
    open: MadeOpen = MadeOpen(more=2)  # type: ignore[call-arg]
    root: MadeRoot = MadeRoot([1])
    roots: list[MadeRoot] = [MadeRoot([2])]
    private: MadePrivate = MadePrivate()


class MadeBounded(AtomicRedisModel):
    number: Annotated[RedisInt, Field(ge=0, le=10)] = 1  # type: ignore[assignment]
    text: Annotated[RedisStr, Field(min_length=1, max_length=3)] = "x"  # type: ignore[assignment]
    items: Annotated[list[Annotated[int, Field(gt=0)]], Field(max_length=2)] = [1]
    by_name: dict[str, Annotated[int, Field(lt=5)]] = {}


class MadeComputing(AtomicRedisModel):
    number: int = 2

    @functools.cached_property
    def double(self) -> int:
        return 2 * self.number

    @property
    def half(self) -> float:
        return self.number / 2

    @half.setter
    def half(self, value: float) -> None:
        self.number = int(2 * value)


class MadeDumped(AtomicRedisModel):
    names: list[str] = ["a"]
    times: dict[str, dt.datetime] = {"a": MOMENT}
    parts: list[MadePart] = [MadePart(tags=["t"])]
    mixed: list[int | list[int]] = [1, [2]]
    nested: dict[str, list[str]] = {"k": ["v"]}
    scalar: str = "s"
    maybe: str | None = "m"
    raw: bytes = b"r"
    stamp: RedisDatetimeTimestamp = MOMENT  # type: ignore[assignment]
    key_of: RapyerKey = RapyerKey("a:b")
    anything: Any = {"x": [1]}


@pytest.mark.parametrize("name", MadeTyped.model_fields)
async def test_every_default_is_of_its_redis_type_and_linked(name: str) -> None:
    """A default, however the field is spelt, is a Redis type that can act on its own place."""
    model: Any = await MadeTyped().asave()
    value: Any = getattr(model, name)
    assert type(value) is TYPES[name.rsplit("_", 1)[-1]]
    assert (value.key, value.json_path) == (model.key, f"$.{name}")
    assert type(await value.aload()) is type(value)
    setattr(model, name, value.clone())
    assert type(getattr(model, name)) is type(value)
    await getattr(model, name).asave()
    assert await MadeTyped.aget(model.key) == model == MadeTyped()


def test_no_default_is_shared_between_instances() -> None:
    """What is done to one instance's defaults, nested models included, reaches no other instance."""
    one, two = MadeHolder(), MadeHolder()
    one.part.x, one.atom.x = 5, 7
    one.part.tags.append("t")
    one.lists.append([1])
    assert two == MadeHolder()
    assert (MadeHolder().part, MadeHolder().atom.x, two.lists) == (MadePart(), 1, [])


async def test_optional_and_union_values_are_linked_from_the_start() -> None:
    """Values of Optional and Union fields know their place after construction, loading and field loads (W1)."""
    made = await MadeOptional().asave()
    names = [name for name in MadeOptional.model_fields if name not in {"part", "atom"}]
    models: list[Any] = [made, await MadeOptional.aget(made.key)]
    for model in models:
        for name in names:
            assert (getattr(model, name).key, getattr(model, name).json_path) == (made.key, f"$.{name}")
            loaded = await getattr(model, name).aload()
            assert (loaded.key, loaded.json_path) == (made.key, f"$.{name}")
            await loaded.asave()
        assert (model.part.json_path, model.atom.json_path) == ("$.part", "$.atom")
        assert model.part.is_inner_model()
        await model.items.aappend(2)
        await model.members.aset_item("b", 2)
        async with model.apipeline():
            model.text += "y"
            model.either += "z"
            model.items += [3]
            model.members["c"] = 3
            model.real += 1
            model.raw += b"y"
            model.at += dt.timedelta(days=1)
            model.stamp += dt.timedelta(days=1)
            model.part.x += 1
            model.part.tags.append("t")
            model.atom.x += 1
            model.parts[0].x += 1
            model.shape["b"] = 2
        assert await MadeOptional.aget(made.key) == model
        model.part.x, model.atom.x = 100, 200
        await model.part.asave()
        await model.atom.asave()
        assert await MadeOptional.aget(made.key) == model


async def test_appended_values_stand_at_their_position() -> None:
    """What is appended has the path of its position, at every depth, and the type of its place."""
    model: Any = await MadeHolder().asave()
    model.deep.append({"a": [1]})
    model.deep[0]["b"] = [2]
    assert [type(model.deep[0]), type(model.deep[0]["b"])] == [RedisDict, RedisList]
    assert model.deep[0]["b"][0].json_path == "$.deep[0].b[0]"
    model.parts.append({"x": 3})
    model.parts.insert(0, MadePart())
    assert [part.x.json_path for part in model.parts] == ["$.parts[0].x", "$.parts[1].x"]
    await model.asave()
    await model.deep[0]["b"].aappend(3)
    assert await MadeHolder.aget(model.key) == model


async def test_elements_taken_from_another_model_are_copies() -> None:
    """Every way to put an element of one model into another copies it; the source keeps its own."""
    one: Any = MadeHolder(parts=[MadePart(x=1)], lists=[[1]], by_name={"a": [1]})
    two: Any = MadeHolder(parts=[MadePart(x=2)], lists=[[2]], by_name={"a": [2]})
    two.parts[0] = one.parts[0]
    two.lists[0] = one.lists[0]
    two.lists.append(one.lists[0])
    two.lists.insert(0, one.lists[0])
    two.lists.extend(one.lists)
    two.lists += one.lists
    two.by_name["b"] = one.by_name["a"]
    two.by_name.update(one.by_name)
    two.by_name |= one.by_name
    held = [*two.parts, *two.lists, *two.by_name.values()]
    assert {value.key for value in held} == {two.key}
    assert {value.key for value in (one.parts[0], one.lists[0], one.by_name["a"])} == {one.key}
    two.lists[0].append(9)
    two.by_name["a"].append(9)
    two.parts[0].x = 9
    assert (one.lists, one.by_name, one.parts[0].x) == ([[1]], {"a": [1]}, 1)
    assert two.lists[1:] == [[1]] * 4
    await rapyer.ainsert(one, two)
    assert await MadeHolder.afind(one, two) == [one, two]


async def test_an_inner_instance_given_to_two_models_is_two_instances() -> None:
    """Sharing one inner instance does not make its changes go to the model that had it last (W14)."""
    shared = MadeAtom(x=3)
    one, two = await MadeHolder.ainsert(MadeHolder(atom=shared), MadeHolder(atom=shared))
    await one.atom.aupdate(x=5)
    one.part = two.part
    one.part.x = 8
    assert ((await MadeHolder.aget(two.key)).atom.x, two.atom.x, shared.x, two.part.x) == (3, 3, 3, 1)
    assert (await shared.asave()).key.startswith("MadeAtom:")


async def test_instances_of_other_classes_are_taken_for_their_fields() -> None:
    """Where a model is wanted, an instance of any other model class does that has its fields."""

    class MadeSource(BaseModel):
        part: MadePart = MadePart(x=9)
        parts: list[MadeLike] = [MadeLike()]

    model: Any = MadeHolder.model_validate(MadeSource())
    assert (model.part.x, model.parts[0].tags, model.atom.x) == (9, ["like"], 1)
    for value in (MadeLike(x=6), MadeAtom(x=6), {"x": 6}):
        model.part, model.atom = value, value
        assert (model.part.x, model.atom.x) == (6, 6)
        assert (model.part.json_path, model.atom.json_path) == ("$.part", "$.atom")
        made: Any = MadeHolder(part=value, atom=value)  # type: ignore[arg-type]
        assert (made.part.x, made.atom.x) == (6, 6)
    model.parts.append(MadeAtom(x=4))
    await model.asave()
    assert await MadeHolder.aget(model.key) == model


async def test_inner_models_keep_all_that_pydantic_gives_them() -> None:
    """Extra values, private attributes, validators and root models of inner classes work as in pydantic."""
    model: Any = await MadeOdd().asave()
    loaded: Any = await MadeOdd.aget(model.key)
    assert loaded == model
    assert (loaded.open.more, loaded.private._secret, loaded.private.double) == (2, 7, 2)
    assert loaded == model
    assert loaded.redis_dump() == model.redis_dump()
    model.open.late = 5
    await model.open.asave()
    async with model.open.apipeline():
        model.open.later = 6
        model.private.x = -3
    loaded = await MadeOdd.aget(model.key)
    assert (loaded.open.late, loaded.open.later, loaded.private.x) == (5, 6, 3)
    assert (loaded.root.root, loaded.roots[0].root) == ([1], [2])
    assert loaded.model_dump()["roots"] == [[2]]


async def test_constraints_hold_beside_redis_types() -> None:
    """Bounds on fields, elements and members hold at construction, assignment and in every operation."""
    for bad in ({"number": 11}, {"number": -1}, {"text": ""}, {"items": [1, 2, 3]}, {"by_name": {"a": 9}}):
        with pytest.raises(ValidationError):
            MadeBounded(**bad)
    model: Any = await MadeBounded().asave()
    for change in (
        lambda: setattr(model, "number", 11),
        lambda: setattr(model, "text", "long"),
        lambda: model.items.append(0),
        lambda: model.by_name.update(a=9),
    ):
        with pytest.raises(ValidationError):
            change()
    with pytest.raises(ValidationError):
        await model.by_name.aset_item("a", 9)
    with pytest.raises(ValidationError):
        async with model.apipeline():
            model.number += 10
    assert await MadeBounded.aget(model.key) == model == MadeBounded()


async def test_dumps_are_plain_after_anything_was_read() -> None:
    """`model_dump()` holds no Redis type, whatever was read, changed or appended before (D24, W15)."""
    made = await MadeDumped().asave()
    models: list[Any] = [made, await MadeDumped.aget(made.key)]
    for model in models:
        assert (model.names[0], model.mixed[0], model.mixed[1][0]) == ("a", 1, 2)
        assert (model.parts[0].tags[0], model.nested["k"][0], model.times["a"]) == ("t", "v", MOMENT)
        model.scalar += "!"
        model.names.append("b")
        assert _types_in(model.model_dump()) <= {str, int, list, dict, bytes, dt.datetime, RapyerKey}
        assert _types_in(model.model_dump(mode="json")) <= {str, int, list, dict, RapyerKey}
        assert model.model_dump()["names"] == ["a", "b"]
        assert model.names[0].json_path == "$.names[0]"


def _types_in(value: Any) -> set[type]:
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*map(_types_in, held))


async def test_no_copy_shares_anything_with_its_original() -> None:
    """Copies of any kind, of models that were read before or not, change neither each other nor the original."""
    kinds: list[Any] = [copy.copy, copy.deepcopy, lambda m: m.model_copy(), lambda m: m.model_copy(deep=True)]
    for made in (*kinds, lambda m: pickle.loads(pickle.dumps(m))):
        for read in (False, True):
            model: Any = await MadeHolder(parts=[MadePart()], lists=[[1]]).asave()
            if read:
                assert (model.parts[0].x, model.lists[0][0], model.part.x) == (1, 1, 1)
            twin: Any = made(model)
            twin.parts[0].tags.append("c")
            twin.part.x = 9
            twin.lists[0].append(2)
            model.by_name["late"] = [1]
            assert (model.parts[0].tags, model.part.x, model.lists, twin.by_name) == ([], 1, [[1]], {})
            assert (twin.key, twin.parts[0].key, twin.part.json_path) == (model.key, model.key, "$.part")
            await twin.parts[0].tags.asave()
            assert (await MadeHolder.aget(model.key)).parts[0].tags == ["c"]


async def test_computed_values_beside_the_fields_are_no_part_of_the_model(raw: Redis) -> None:
    """A cached property is neither compared nor stored, and a property's setter reaches the field."""
    model = await MadeComputing().asave()
    assert model.double == 4
    assert model == MadeComputing() == await MadeComputing.aget((await model.asave()).key)
    assert await raw.json().get(model.key) == model.model_dump() == {"number": 2}
    async with model.apipeline():
        model.half = 5
    assert (await MadeComputing.aget(model.key)).number == 10
    assert (await model.aload()).double == 20
