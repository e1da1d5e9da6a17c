"""How values of types that are no Redis types are stored, in both forms, and what is refused."""

from __future__ import annotations

import base64
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import json
import os
import pathlib
import pickle
import sys
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import core_schema
from typing_extensions import TypedDict

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError
from rapyer.types import RedisInt

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

STORED = {"__rapyer_dumped__": True}
T = TypeVar("T")


class Tone(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: int = 1
    tags: tuple[str, ...] = ("a",)


class Options(TypedDict):
    size: int
    tone: Tone


class Span(NamedTuple):
    start: int = 0
    tone: Tone = Tone.RED


class Inner(BaseModel):
    street: str = "Main"
    tone: Tone = Tone.RED


class Celsius:
    """A type with a pydantic-core schema of its own."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and self.degrees == other.degrees

    def __hash__(self) -> int:
        return hash(self.degrees)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from_number = core_schema.no_info_after_validator_function(cls, core_schema.float_schema())
        return core_schema.json_or_python_schema(
            from_number,
            core_schema.union_schema([core_schema.is_instance_schema(cls), from_number]),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.degrees),
        )


class Unnamed:
    """A class that no annotation names."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unnamed)

    __hash__ = None  # type: ignore[assignment]


class Shared:
    """What every kind of field looks like, for our model and a plain one."""

    tone: Tone = Tone.RED
    level: Level = Level.LOW
    choice: Literal["a", 1, None] = "a"
    number: uuid.UUID = uuid.UUID(int=7)
    price: decimal.Decimal = decimal.Decimal("1.50")
    positive: Annotated[decimal.Decimal, Field(gt=0)] = decimal.Decimal("2")
    path: pathlib.Path = pathlib.Path("/a/b")
    day: dt.date = dt.date(2024, 1, 2)
    clock: dt.time = dt.time(1, 2, 3)
    span: dt.timedelta = dt.timedelta(days=1, microseconds=5)
    pair: tuple[int, Tone] = (1, Tone.BLUE)
    members: set[int] = {1, 2}
    frozen: frozenset[str] = frozenset({"a"})
    point: Point = Point()
    options: Options = {"size": 1, "tone": Tone.BLUE}
    named: Span = Span()
    address: ipaddress.IPv4Address = ipaddress.IPv4Address("1.2.3.4")
    queue: collections.deque[int] = collections.deque([1])
    ratio: fractions.Fraction = fractions.Fraction(1, 3)
    celsius: Celsius = Celsius(1.5)
    anything: Any = {"a": [1, 2.5, None, "x"]}
    thing: object = "x"
    maybe: Optional[Tone] = None  # noqa: UP045
    given: Tone | None = Tone.BLUE
    tones: list[Tone] = [Tone.RED, Tone.BLUE]
    any_list: list[Any] = [1, "a", None, [2], {"k": True}]
    optional_ints: list[Optional[int]] = [1, None]  # noqa: UP045
    mixed: dict[str, int | str] = {"a": 1, "b.c": "x"}
    bare_list: list = ["a", 1]  # type: ignore[type-arg]
    bare_dict: dict = {"a": [1]}  # type: ignore[type-arg]
    pairs: list[tuple[int, int]] = [(1, 2)]
    sets: dict[str, set[int]] = {"a": {1}}
    inners: list[Inner | None] = [Inner(tone=Tone.BLUE), None]
    inner: Inner = Inner()
    flag: bool = False
    maybe_flag: bool | None = True
    flags: list[bool] = [True, False]
    either: Union[Tone, int] = Tone.BLUE  # noqa: UP007
    raw: bytes = b"x"
    raws: list[bytes] = [b"x"]
    trailing_: Tone = Tone.RED


NAMES = list(Shared.__annotations__)
BODY = {"__module__": __name__, "__annotations__": Shared.__annotations__} | {
    name: getattr(Shared, name) for name in NAMES
}
PlainKinds: Any = type(BaseModel)("PlainKinds", (BaseModel,), dict(BODY))
Kinds: Any = type(AtomicRedisModel)("Kinds", (AtomicRedisModel,), dict(BODY))


class SecretKinds(AtomicRedisModel):
    secret: SecretStr = SecretStr("x")
    zoned: Any = dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    kind: type = int
    complex_: complex = 1j
    pair: Any = (1, 2)
    whole: Any = 1.0
    text: Any = "gARLAS4="
    texts: list[str | None] = ["gARLAS4=", "plain"]
    keys: dict[str, Any] = {"a": {1: 2}}


class OneAny(AtomicRedisModel):
    value: Any = None
    values: list[Any] = []
    by_name: dict[str, Any] = {}


class OneTone(AtomicRedisModel):
    tone: Tone = Tone.RED
    raw: bytes = b"x"
    number: int = 1


def pickled(value: Any) -> str:
    return base64.b64encode(pickle.dumps(value, 4)).decode()


async def document(raw: Redis, model: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await raw.json().get(model.key, "$"))[0]  # type: ignore[misc]
    return found


@pytest.mark.parametrize("prefer", [False, True])
async def test_every_kind_round_trips(prefer: bool) -> None:
    for cls in (Kinds, SecretKinds):
        cls.Meta.prefer_normal_json_dump = prefer
        model = await cls().asave()
        loaded = await cls.aget(model.key)
        assert loaded == model
        for name, value in model.__dict__.items():
            assert type(loaded.__dict__[name]) is type(value)
        assert cls.model_validate(model.redis_dump(), context=STORED) == model
        assert cls.model_validate_json(model.redis_dump_json(), context=STORED) == model
        assert model.model_dump(context=STORED) == model.redis_dump()
        assert json.loads(model.model_dump_json(context=STORED)) == model.redis_dump()


async def test_by_default_what_is_no_redis_type_is_pickled(raw: Redis) -> None:
    stored = await document(raw, await Kinds().asave())
    native = {"inner", "flag", "maybe_flag", "flags", "either", "raw", "raws", "maybe", "sets"}
    for name in set(NAMES) - native - {"members"}:
        value, default = stored[name], getattr(Shared, name)
        if name in {"tones", "any_list", "optional_ints", "bare_list", "pairs", "inners"}:
            assert value == [pickled(item) for item in default]
        elif name in {"mixed", "bare_dict"}:
            assert value == {key: pickled(item) for key, item in default.items()}
        else:
            assert value == pickled(default), name
    assert stored["inner"] == {"street": "Main", "tone": pickled(Tone.RED)}
    assert (stored["flag"], stored["maybe_flag"], stored["flags"]) == (False, True, [True, False])
    assert (stored["either"], stored["maybe"], stored["raws"]) == ("blue", None, [pickled(b"x")])
    # Sets have keys of their own; those in lists and dicts hold their elements as texts.
    assert ("members" in stored, stored["sets"]) == (False, {"a": ["1"]})


async def test_plain_json_where_it_is_preferred_and_nothing_is_lost(raw: Redis) -> None:
    Kinds.Meta.prefer_normal_json_dump = SecretKinds.Meta.prefer_normal_json_dump = True
    stored = await document(raw, await Kinds().asave())
    plain = json.loads(PlainKinds().model_dump_json())
    assert plain.pop("members") == [1, 2]
    assert stored == plain | {"raw": pickled(b"x"), "raws": [pickled(b"x")], "sets": {"a": ["1"]}}
    lossy = await document(raw, await SecretKinds().asave())
    assert lossy["whole"] == 1.0
    assert isinstance(lossy["whole"], float)
    assert lossy["complex_"] == "1j"
    assert lossy["texts"] == [pickled("gARLAS4="), "plain"]
    for name in ("secret", "zoned", "kind", "pair", "text"):
        assert lossy[name] == pickled(SecretKinds.model_fields[name].default), name
    assert lossy["keys"] == {"a": pickled({1: 2})}


async def test_a_stored_class_migrates_by_loading_and_saving(raw: Redis) -> None:
    model = await Kinds().asave()
    before = await document(raw, model)
    Kinds.Meta.prefer_normal_json_dump = True
    after = await document(raw, await (await Kinds.aget(model.key)).asave())
    assert (before["tone"], after["tone"]) == (pickled(Tone.RED), "red")
    Kinds.Meta.prefer_normal_json_dump = False
    back = await document(raw, await (await Kinds.aget(model.key)).asave())
    # What a nested instance was given explicitly is part of its pickle, and JSON gives everything.
    assert back | {"inners": ...} == before | {"inners": ...}


async def test_init_sets_the_form_for_all_models(rapyer_redis_url: str) -> None:
    await rapyer.init_rapyer(rapyer_redis_url, prefer_normal_json_dump=True)
    assert OneTone().redis_dump()["tone"] == "red"
    await rapyer.init_rapyer()
    assert OneTone().redis_dump()["tone"] == "red"
    await rapyer.init_rapyer(prefer_normal_json_dump=False)
    assert OneTone().redis_dump()["tone"] == pickled(Tone.RED)
    await rapyer.teardown_rapyer()


def test_ordinary_dumps_are_those_of_plain_pydantic() -> None:
    ours, plain = Kinds(), PlainKinds()
    assert ours.model_dump() == plain.model_dump()
    assert ours.model_dump(mode="json") == plain.model_dump(mode="json")
    assert ours.model_dump_json() == plain.model_dump_json()
    assert Kinds.model_validate_json(plain.model_dump_json()) == ours
    assert Kinds.model_validate(plain.model_dump()) == ours
    for name in ("tone", "number", "choice", "day", "maybe", "raw"):
        mode: Any
        for mode in ("validation", "serialization"):
            schema = Kinds.model_json_schema(mode=mode)["properties"][name]
            expected = PlainKinds.model_json_schema(mode=mode)["properties"][name]
            assert schema | {"title": ""} == expected | {"title": ""}
    for wrong in ({"tone": "green"}, {"choice": "b"}, {"number": "x"}, {"positive": "-1"}, {"pair": 1}):
        for text in (json.dumps(wrong), None):
            with pytest.raises(ValidationError) as usual:
                PlainKinds.model_validate_json(text) if text else PlainKinds(**wrong)
            with pytest.raises(ValidationError) as raised:
                Kinds.model_validate_json(text) if text else Kinds(**wrong)
            known = usual.value.errors(include_url=False)
            assert raised.value.errors(include_url=False) == known


def test_the_stored_form_is_read_only_where_it_is_asked_for() -> None:
    with pytest.raises(ValidationError):
        OneTone.model_validate_json(json.dumps({"tone": pickled(Tone.RED)}))
    assert OneTone.model_validate_json(json.dumps({"raw": pickled(b"y")})).raw == pickled(b"y").encode()
    assert OneAny.model_validate_json(json.dumps({"value": pickled(1)})).value == pickled(1)
    assert OneAny.model_validate({"value": pickled(1)}).value == pickled(1)


def test_only_the_stored_form_costs_python_calls() -> None:
    class Priced(AtomicRedisModel):
        tone: Tone = Tone.RED
        anything: Any = 1
        raw: bytes = b"x"
        flag: bool = True
        number: int = 1

    class Native(AtomicRedisModel):
        number: int = 1
        names: list[str] = []
        flag: bool = True

    def calls(function: Any) -> set[str]:
        seen: set[str] = set()

        def watch(frame: Any, event: str, argument: Any) -> None:
            if event == "call" and "rapyer" in frame.f_code.co_filename:
                seen.add(frame.f_code.co_name)

        sys.setprofile(watch)
        try:
            function()
        finally:
            sys.setprofile(None)
        return seen

    priced, native = Priced(), Native()
    dumped, stored = priced.model_dump(), native.redis_dump_json()
    assert calls(lambda: Priced(**dumped)) == set()
    assert calls(lambda: Priced.__pydantic_serializer__.to_python(priced)) == set()
    assert calls(lambda: Native.__pydantic_validator__.validate_json(stored, context=STORED)) == set()
    assert calls(lambda: Native.__pydantic_serializer__.to_json(native, context=STORED)) == set()


def test_strict_models_and_other_forms_of_bytes() -> None:
    config = ConfigDict(strict=True, val_json_bytes="base64", ser_json_bytes="base64")

    class StrictFields:
        number: uuid.UUID = uuid.UUID(int=1)
        day: dt.date = dt.date(2024, 1, 2)
        raw: bytes = b"\xff"
        pair: tuple[bytes, int] = (b"\xff", 1)
        numbers: set[int] = {1}

    body = {"__module__": __name__, "__annotations__": StrictFields.__annotations__, "model_config": config}
    body |= {name: getattr(StrictFields, name) for name in StrictFields.__annotations__}
    plain: Any = type(BaseModel)("StrictPlain", (BaseModel,), dict(body))
    ours: Any = type(AtomicRedisModel)("StrictKinds", (AtomicRedisModel,), dict(body))
    text = plain().model_dump_json()
    assert ours().model_dump_json() == text
    assert ours.model_validate_json(text) == ours()
    with pytest.raises(ValidationError, match="valid tuple|valid array|int_type|valid integer"):
        ours.model_validate_json('{"pair": ["eA==", "1"]}')
    for prefer in (False, True):
        ours.Meta.prefer_normal_json_dump = prefer
        assert ours.model_validate_json(ours().redis_dump_json(), context=STORED) == ours()
    assert ours().redis_dump()["day"] == "2024-01-02"


async def test_both_forms_are_read_for_every_field(raw: Redis) -> None:
    model = await Kinds().asave()
    both = {"tone": ["blue", pickled(Tone.BLUE)], "day": ["2025-01-01", pickled(dt.date(2025, 1, 1))]}
    for name, forms in both.items():
        for form in forms:
            await raw.json().set(model.key, f"$.{name}", form)  # type: ignore[misc]
            assert getattr(await Kinds.aget(model.key), name) in {Tone.BLUE, dt.date(2025, 1, 1)}
    await raw.json().set(model.key, "$.flags", [True, pickled(False)])  # type: ignore[misc]
    await raw.json().set(model.key, "$.optional_ints", [5, pickled(None), None, pickled(7)])  # type: ignore[misc]
    await raw.json().set(model.key, "$.choice", base64.b64encode(pickle.dumps(1, 2)).decode())  # type: ignore[misc]
    loaded = await Kinds.aget(model.key)
    assert loaded.flags == [True, False]
    assert loaded.optional_ints == [5, None, None, 7]
    assert loaded.choice == 1
    for protocol in (0, 1, 2, 3, 5):
        await raw.json().set(
            model.key, "$.tone", base64.b64encode(pickle.dumps(Tone.BLUE, protocol)).decode()
        )  # type: ignore[misc]
        assert (await Kinds.aget(model.key)).tone is Tone.BLUE


async def test_operations_of_lists_and_dicts_store_the_same_form(raw: Redis) -> None:
    for prefer, form in ((False, pickled), (True, lambda value: value)):
        OneAny.Meta.prefer_normal_json_dump = prefer
        model = await OneAny().asave()
        await model.values.aappend(1)
        await model.values.aextend([None, {"a": 1}])
        await model.by_name.aset_item("k", [1])  # type: ignore[attr-defined]
        async with model.apipeline():
            model.values.append("x")
            model.value = {"a": 1}
        stored = await document(raw, model)
        assert stored["values"] == [form(1), form(None), form({"a": 1}), form("x")]
        assert stored["by_name"] == {"k": form([1])}
        assert stored["value"] == form({"a": 1})
        assert await model.values.apop() == "x"  # type: ignore[attr-defined]
        assert await model.by_name.apop("k") == [1]  # type: ignore[attr-defined]
        assert (await OneAny.aget(model.key)).values == [1, None, {"a": 1}]


class Loot(AtomicRedisModel):
    value: Any = None
    raw: bytes = b""
    items: list[Any] = []


class Canary:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("field", ["value", "raw", "items"])
async def test_evil_pickles_run_on_no_way_in(raw: Redis, field: str, tmp_path: pathlib.Path) -> None:
    model = await Loot().asave()
    evil = pickled(Canary(str(tmp_path / "ran")))
    await raw.json().set(model.key, f"$.{field}", [evil] if field == "items" else evil)  # type: ignore[misc]
    for attempt in (Loot.aget(model.key), model.aload(), rapyer.aget(model.key)):
        with pytest.raises(
            CantSerializeRedisValueError, match=f"Loot.{field}.* cannot be loaded from {model.key}"
        ):
            await attempt
    if field != "value":
        with pytest.raises(CantSerializeRedisValueError):
            await getattr(model, field).aload()
    assert await Loot.afind() == []
    assert os.listdir(tmp_path) == []


async def test_undecodable_and_unfit_values_are_told_apart(raw: Redis) -> None:
    model = await OneTone().asave()
    for name, text in {"tone": "gASV", "raw": "gASV"}.items():
        await model.asave()
        await raw.json().set(model.key, f"$.{name}", text)  # type: ignore[misc]
        with pytest.raises(CantSerializeRedisValueError, match=f"OneTone.{name} cannot be loaded") as raised:
            await OneTone.aget(model.key)
        assert (raised.value.key, raised.value.field, raised.value.model) == (model.key, name, "OneTone")
    await model.asave()
    await raw.json().set(model.key, "$.number", "x")  # type: ignore[misc]
    with pytest.raises(CorruptedModelError, match="number") as corrupt:
        await OneTone.aget(model.key)
    assert not isinstance(corrupt.value, CantSerializeRedisValueError)


async def test_a_find_reports_what_cannot_be_decoded(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = await OneTone().asave(), await OneTone().asave()
    await raw.json().set(bad.key, "$.tone", "gASV")  # type: ignore[misc]
    assert await OneTone.afind() == [good]
    assert str(bad.key) in caplog.text


async def test_meta_decides_at_the_next_call(raw: Redis) -> None:
    model = await OneAny().asave()
    model.value = Unnamed()
    with pytest.raises(
        CantSerializeRedisValueError, match="OneAny.value holds a value that could not be loaded again"
    ):
        await model.asave()
    OneAny.Meta.pickle_allow = (Unnamed,)
    await model.asave()
    assert await OneAny.aget(model.key) == model
    OneAny.Meta.pickle_allow = ()
    with pytest.raises(
        CantSerializeRedisValueError, match="Unnamed, which is not loaded; list it in Meta.pickle_allow"
    ):
        await OneAny.aget(model.key)
    OneAny.Meta.trust_pickle = True
    assert await OneAny.aget(model.key) == model


async def test_signed_values(raw: Redis) -> None:
    old = await OneTone(tone=Tone.BLUE).asave()
    OneTone.Meta.pickle_key = b"sixteen bytes or more"
    with pytest.raises(CantSerializeRedisValueError, match="OneTone.tone cannot be loaded .* is not signed"):
        await OneTone.aget(old.key)
    signed = await OneTone(tone=Tone.BLUE).asave()
    assert (await OneTone.aget(signed.key)).tone is Tone.BLUE
    stored = await document(raw, signed)
    assert stored["tone"].startswith("hmac-sha256:")
    await raw.json().set(signed.key, "$.tone", stored["tone"][:-6] + "AAAA==")  # type: ignore[misc]
    with pytest.raises(CantSerializeRedisValueError, match="signature"):
        await OneTone.aget(signed.key)
    await raw.json().set(signed.key, "$.tone", "red")  # type: ignore[misc]  # plain JSON holds nothing to sign
    assert (await OneTone.aget(signed.key)).tone is Tone.RED
    OneTone.Meta.pickle_key = None
    await raw.json().set(signed.key, "$.tone", stored["tone"])  # type: ignore[misc]
    with pytest.raises(CantSerializeRedisValueError, match=r"set Meta\.pickle_key"):
        await OneTone.aget(signed.key)
    assert "sixteen" not in repr(OneTone.Meta)
    with pytest.raises(ValidationError):
        OneTone.Meta.pickle_key = b"short"


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), [1, {"a": float("-inf")}], (float("nan"),), complex("nan")]
)
@pytest.mark.parametrize("prefer", [False, True])
async def test_what_is_no_number_is_not_sent(bad: Any, prefer: bool, raw: Redis) -> None:
    OneAny.Meta.prefer_normal_json_dump = prefer
    model = OneAny(value=bad)
    with pytest.raises(CantSerializeRedisValueError, match="OneAny.value holds NaN or an infinity"):
        await model.asave()
    assert await raw.exists(model.key) == 0
    model = await OneAny().asave()
    with pytest.raises(CantSerializeRedisValueError, match=r"OneAny\.values holds NaN"):
        await model.values.aappend(bad)  # type: ignore[attr-defined]
    assert (await document(raw, model))["values"] == []


async def test_what_cannot_be_pickled_names_the_field(raw: Redis) -> None:
    for prefer in (False, True):
        OneAny.Meta.prefer_normal_json_dump = prefer
        model = OneAny(value=lambda: None)
        with pytest.raises(
            CantSerializeRedisValueError, match="OneAny.value holds a function that cannot be stored"
        ):
            await model.asave()
        assert await raw.exists(model.key) == 0


class Aliased(AtomicRedisModel):
    model_config = ConfigDict(frozen=True)

    name: str = Field("n", alias="fullName")
    tone: Tone = Field(Tone.RED, validation_alias="shade", serialization_alias="colour")
    count: int = Field(1, frozen=True)


async def test_aliased_and_frozen_models_load(raw: Redis) -> None:
    model = Aliased(fullName="x", shade=Tone.BLUE)
    await model.asave()
    assert await document(raw, model) == {"name": "x", "tone": pickled(Tone.BLUE), "count": 1}
    loaded = await Aliased.aget(model.key)
    assert loaded == model
    assert loaded.key == model.key
    assert await model.aload() == model
    assert Aliased.model_validate(model.redis_dump(), context=STORED) == model
    assert Aliased.model_validate_json(model.redis_dump_json(), context=STORED) == model
    assert json.loads(model.model_dump_json(by_alias=True)) == {"fullName": "x", "colour": "blue", "count": 1}
    with pytest.raises(ValidationError, match="frozen"):
        model.count = 2  # type: ignore[misc]


class Holder(AtomicRedisModel):
    inner: Inner = Inner()
    inners: list[Inner] = []


class OtherHolder(AtomicRedisModel):
    inner: Inner = Inner()


class HolderChild(Holder):
    extra: Tone = Tone.RED


async def test_plain_inner_models_follow_their_owner(raw: Redis) -> None:
    OtherHolder.Meta.prefer_normal_json_dump = HolderChild.Meta.prefer_normal_json_dump = True
    assert Holder().redis_dump()["inner"]["tone"] == pickled(Tone.RED)
    assert OtherHolder().redis_dump()["inner"]["tone"] == "red"
    child = HolderChild(inners=[Inner()])
    assert child.redis_dump()["inner"]["tone"] == child.redis_dump()["extra"] == "red"
    await child.asave()
    child.inner.tone = Tone.BLUE
    await child.inner.asave()  # type: ignore[attr-defined]
    assert (await document(raw, child))["inner"]["tone"] == "blue"
    other = OtherHolder(inner=child.inner)
    assert other.inner.tone is Tone.BLUE
    assert pickle.loads(pickle.dumps(other)) == other


class Tree(BaseModel):
    data: Any = 1
    kids: list[Tree] = []


class Ring(BaseModel):
    tone: Tone = Tone.RED
    link: Link | None = None


class Link(BaseModel):
    number: int = 1
    ring: Ring | None = None


class Forest(AtomicRedisModel):
    tree: Tree = Tree()
    ring: Ring = Ring()


async def test_inner_models_that_hold_their_own_kind() -> None:
    forest = Forest(tree={"kids": [{"kids": [{"data": 2}]}]}, ring={"link": {"ring": {"link": {}}}})  # type: ignore[arg-type]
    assert forest.tree.kids[0].kids[0].json_path == "$.tree.kids[0].kids[0]"  # type: ignore[attr-defined]
    number = forest.ring.link.ring.link.number  # type: ignore[union-attr]
    assert type(number) is RedisInt
    assert number.json_path == "$.ring.link.ring.link.number"
    await forest.asave()
    assert await Forest.aget(forest.key) == forest
    assert forest.redis_dump()["ring"]["link"]["ring"]["tone"] == pickled(Tone.RED)


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    tone: Tone = Tone.RED


class Owner(AtomicRedisModel):
    pet: Cat | Dog = Field(Cat(), discriminator="kind")
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]] = []


@pytest.mark.parametrize("prefer", [False, True])
async def test_members_of_a_union_are_told_apart_by_a_literal(prefer: bool) -> None:
    Owner.Meta.prefer_normal_json_dump = prefer
    owner = await Owner(pet=Dog(), pets=[Dog(), Cat()]).asave()
    loaded = await Owner.aget(owner.key)
    assert loaded == owner
    assert isinstance(loaded.pet, Dog)
    assert [type(pet).__mro__[2] for pet in loaded.pets] or loaded.pets
    Owner.Meta.prefer_normal_json_dump = not prefer
    assert await Owner.aget(owner.key) == owner


class Crate(AtomicRedisModel, Generic[T]):
    content: T
    many: list[T] = []


async def test_generic_fields_are_stored_as_what_they_become() -> None:
    assert Crate[int](content=1, many=[2]).redis_dump() == {"content": 1, "many": [2]}
    tones = await Crate[Tone](content=Tone.RED, many=[Tone.BLUE]).asave()
    assert tones.redis_dump() == {"content": pickled(Tone.RED), "many": [pickled(Tone.BLUE)]}
    assert await Crate[Tone].aget(tones.key) == tones
    assert Crate(content=1, many=["a"]).redis_dump() == {"content": pickled(1), "many": [pickled("a")]}


class Atom(AtomicRedisModel):
    number: int = 1


class Molecule(AtomicRedisModel):
    atoms: list[Atom | None] = []
    by_name: dict[str, Atom | int] = {}


async def test_models_of_ours_are_json_wherever_they_are() -> None:
    molecule = await Molecule(atoms=[Atom(), None], by_name={"a": Atom(), "b": 2}).asave()
    assert molecule.redis_dump() == {"atoms": [{"number": 1}, None], "by_name": {"a": {"number": 1}, "b": 2}}
    assert molecule.atoms[0].number.json_path == "$.atoms[0].number"  # type: ignore[union-attr]
    assert await Molecule.aget(molecule.key) == molecule
    older = Molecule.model_validate({"atoms": [pickled(None)], "by_name": {"b": pickled(2)}}, context=STORED)
    assert (older.atoms, older.by_name) == ([None], {"b": 2})
