"""Edges of saving and loading: exactly what was asked for is written, and everything written comes back."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import inspect
import pickle
import uuid
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, Field
from redis.asyncio import Redis

import rapyer
import rapyer.errors
from rapyer import AtomicRedisModel, RapyerKey, RedisConfig, alock_from_key
from rapyer.errors import CorruptedModelError, InnerModelError, KeyNotFound
from rapyer.types import RedisDatetimeTimestamp, RedisStr

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")


class KeptTone(enum.Enum):
    RED = "r"
    BLUE = "b"


class KeptPart(BaseModel):
    x: int = 1
    tags: list[str] = []


class KeptInner(BaseModel):
    part: KeptPart = KeptPart()
    lists: list[list[int]] = [[1], [2]]
    note: str = "n"


class KeptAtom(AtomicRedisModel):
    x: int = 1


class Kept(AtomicRedisModel):
    text: str = "t"
    number: int = 1
    inner: KeptInner = KeptInner()
    other: KeptInner = KeptInner()
    by_name: dict[str, int] = {"a": 1, "b": 2}
    parts: dict[str, KeptPart] = {"a": KeptPart()}
    nested: list[list[KeptPart]] = [[KeptPart(), KeptPart()]]
    kind: type = int
    secret: str = Field(default="s", exclude=True)


class KeptMaybe(AtomicRedisModel):
    text: str | None = "é\n'\""
    number: int | None = 1
    real: float | None = 1.5
    raw: bytes | None = b"\xff"
    flag: bool | None = True
    at: dt.datetime | None = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    stamp: RedisDatetimeTimestamp | None = dt.datetime(2024, 1, 1)  # type: ignore[assignment]
    items: list[int] | None = [1]
    by_name: dict[str, int] | None = {"a": 1}
    part: KeptPart | None = KeptPart(tags=["x"])
    atom: KeptAtom | None = KeptAtom(x=2)
    parts: list[KeptPart] | None = [KeptPart()]
    tone: KeptTone | None = KeptTone.RED
    day: dt.date | None = dt.date(2024, 1, 1)
    pair: tuple[int, str] | None = (1, "a")
    frozen: frozenset[int] | None = frozenset({1})
    key_of: RapyerKey | None = RapyerKey("a:b")
    choice: Literal["a", "b"] | None = "a"
    anything: Any | None = {"a": [1, None]}
    several: int | list[int] | None = [1]


class KeptTones(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    tone: KeptTone
    made: KeptTone = Field(default_factory=lambda: KeptTone.BLUE)
    tones: list[KeptTone] = [KeptTone.RED]
    by_name: dict[str, KeptTone] = {"a": KeptTone.BLUE}


class KeptForms(AtomicRedisModel):
    choice: Literal["a", "b"] = "a"
    day: dt.date = dt.date(2024, 1, 1)
    number: uuid.UUID = uuid.UUID(int=1)
    price: decimal.Decimal = decimal.Decimal("1.50")
    flag: bool = True


class KeptObjects(AtomicRedisModel):
    parts: dict[str, KeptPart] = {}
    deep: dict[str, dict[str, int]] = {}
    lists: dict[str, list[int]] = {}
    many: list[KeptPart] = []
    maybe: dict[str, KeptPart | None] = {}


class KeptElsewhere(AtomicRedisModel):
    name: str = "n"
    part: KeptPart = KeptPart()
    parts: list[KeptPart] = [KeptPart()]
    atom: KeptAtom = KeptAtom()


class KeptUser(AtomicRedisModel):
    name: str
    email: str = ""
    age: int = 0
    tags: list[str] = []
    settings: dict[str, str] = {}


class KeptOrder(AtomicRedisModel):
    user_id: str
    quantity: int = 1


async def _stored(raw: Redis, model: Any, path: str = "$") -> Any:
    found: Any = await raw.json().get(model.key, path)
    return found[0]


@pytest.mark.parametrize("name", KeptMaybe.model_fields)
async def test_optional_fields_of_every_kind_hold_none_and_values(name: str, raw: Redis) -> None:
    """None is stored as null and loaded as None, and a value of the kind comes back, by every way to write it."""
    value = getattr(KeptMaybe(), name)
    model = await KeptMaybe().asave()
    assert getattr(await KeptMaybe.aget(model.key), name) == value
    setattr(model, name, None)
    await model.asave()
    assert (getattr(await KeptMaybe.aget(model.key), name), await _stored(raw, model, f"$.{name}")) == (
        None,
    ) * 2
    await model.aupdate(**{name: value})
    assert getattr(await KeptMaybe.aget(model.key), name) == value
    async with model.apipeline():
        setattr(model, name, None)
    assert (getattr(model, name), await _stored(raw, model, f"$.{name}")) == (None, None)
    assert await KeptMaybe.aget(model.key) == model


async def test_a_saved_value_is_the_only_one_that_is_saved(raw: Redis) -> None:
    """`asave` of a dict value, a list element or a list deep inside writes its own path and no other."""
    model: Any = await Kept().asave()
    before = await _stored(raw, model)
    model.text, model.number, model.inner.note = "new", 9, "new"
    model.by_name["a"], model.by_name["b"] = 8, 9
    model.inner.lists[0].append(5)
    model.inner.lists[1].append(6)
    model.nested[0][1].tags.append("t")
    await model.by_name["a"].asave()
    await model.inner.lists[1].asave()
    await model.nested[0][1].tags.asave()
    before["by_name"]["a"] = 8
    before["inner"]["lists"][1] = [2, 6]
    before["nested"][0][1]["tags"] = ["t"]
    assert await _stored(raw, model) == before
    await model.inner.part.aupdate(x=7)
    before["inner"]["part"]["x"] = 7
    assert await _stored(raw, model) == before
    await model.inner.asave()
    before["inner"] |= {"note": "new", "lists": [[1, 5], [2, 6]]}
    assert await _stored(raw, model) == before


async def test_what_a_document_lacks_is_not_found(raw: Redis) -> None:
    """Loading or changing a value whose path is gone raises KeyNotFound; saving it brings it back (D6, W19)."""
    model: Any = await Kept().asave()
    for name in ("number", "inner"):
        await raw.json().delete(model.key, f"$.{name}")
    for path, attempt in (
        ("number", model.number.aload()),
        ("number", model.number.aincrease()),
        ("inner", model.inner.aload()),
        ("inner.note", model.inner.note.aload()),
        ("inner.part", model.inner.part.asave()),
        ("inner.part.tags", model.inner.part.tags.aappend("x")),
    ):
        with pytest.raises(KeyNotFound, match=f"nothing is stored under {model.key} at ") as raised:
            await attempt
        assert (raised.value.key, str(raised.value.field).removeprefix("$.")) == (model.key, path)
    assert set(await _stored(raw, model)) & {"number", "inner"} == set()
    await model.number.asave()
    await model.inner.asave()
    assert await Kept.aget(model.key) == model


async def test_updates_write_types_lists_and_nothing_that_is_excluded(raw: Redis) -> None:
    """`aupdate` takes class objects and nested lists; a field that is not stored is set locally alone."""
    model = await Kept().asave()
    await model.aupdate(kind=str, nested=[[{"x": 5}], []], secret="told")
    loaded = await Kept.aget(model.key)
    assert (loaded.kind, loaded.nested, loaded.secret) == (str, [[KeptPart(x=5)], []], "s")
    assert model.secret == "told"
    async with model.apipeline():
        await model.aupdate(secret="again")
    await model.aupdate(secret="and again")
    copy = await model.aduplicate(secret="copied")
    assert not {"secret"} & ({*await _stored(raw, model)} | {*await _stored(raw, copy)})
    assert loaded.redis_dump() == model.redis_dump()


async def test_time_to_live_in_a_transaction(raw: Redis) -> None:
    """`aset_ttl` of several models joins the pipeline; on a missing model it does nothing; inner models refuse."""
    one, two = await Kept.ainsert(Kept(), Kept())
    async with one.apipeline():
        one.number += 100
        await one.aset_ttl(7200)
        await two.aset_ttl(7200)
        assert await raw.ttl(two.key) == -1
    assert min(await raw.ttl(one.key), await raw.ttl(two.key)) > 7000
    missing = Kept()
    await missing.aset_ttl(5)
    assert not await raw.exists(missing.key)
    with pytest.raises(RuntimeError, match="Can only set TTL from top level model") as raised:
        await one.inner.aset_ttl(5)  # type: ignore[attr-defined]
    assert isinstance(raised.value, InnerModelError)


async def test_enums_as_plain_values_where_the_class_asks_for_them() -> None:
    """With the option in the class body enums are their values, made defaults and containers included."""
    model = await KeptTones(tone=KeptTone.RED).asave()
    assert model.redis_dump() == {"tone": "r", "made": "b", "tones": ["r"], "by_name": {"a": "b"}}
    await model.tones.aappend(KeptTone.BLUE)  # type: ignore[attr-defined]
    loaded = await KeptTones.aget(model.key)
    assert (loaded.made, loaded.tones, loaded.by_name) == (
        KeptTone.BLUE,
        [KeptTone.RED, KeptTone.BLUE],
        {"a": KeptTone.BLUE},
    )


async def test_both_stored_forms_are_read_for_what_is_no_redis_type(raw: Redis) -> None:
    """Plain JSON and pickle are both read for Literal, date, UUID, Decimal and bool, whatever is written (W5)."""
    model = await KeptForms().asave()
    values = {"choice": "b", "day": dt.date(2025, 2, 3), "number": uuid.UUID(int=9), "flag": False}
    for name, value in (values | {"price": decimal.Decimal("9.90")}).items():
        text = base64.b64encode(pickle.dumps(value)).decode()
        for form in (text, value if isinstance(value, bool) else str(value)):
            await raw.json().set(model.key, f"$.{name}", form)
            loaded = await KeptForms.aget(model.key)
            assert (getattr(loaded, name), type(getattr(loaded, name)) in {type(value), RedisStr}) == (
                value,
                True,
            )


async def test_popped_objects_are_returned_and_not_lost() -> None:
    """Taking a model, a dict or a list out of a container gives it back as what it was (W7)."""
    model: Any = await KeptObjects(
        parts={"a": KeptPart(x=5)},
        deep={"a": {"b": 1}},
        lists={"a": [1]},
        many=[KeptPart(x=2)],
        maybe={"a": KeptPart(x=3), "b": None},
    ).asave()
    assert (await model.parts.apop("a")).model_dump() == {"x": 5, "tags": []}
    assert await model.deep.apopitem() == ("a", {"b": 1})
    assert await model.lists.apop("a") == [1]
    assert (await model.many.apop()).model_dump() == KeptPart(x=2).model_dump()
    assert (await model.maybe.apop("a")).x == 3
    assert await model.maybe.apop("b", 5) is None
    assert await KeptObjects.aget(model.key) == model == KeptObjects()


async def test_a_corrupt_document_names_field_and_cause(raw: Redis) -> None:
    """The error of a document that does not fit says where and why, and keeps pydantic's error (W21)."""
    model = await Kept().asave()
    await raw.json().set(model.key, "$.inner.part.x", "many")
    for attempt in (Kept.aget(model.key), model.aload(), rapyer.aget(model.key)):
        with pytest.raises(CorruptedModelError, match=r"(?s)inner\.part\.x.*valid integer") as raised:
            await attempt
        assert (raised.value.key, raised.value.model) == (model.key, "Kept")
        assert raised.value.__cause__ is not None
    assert model == Kept()


async def test_every_function_uses_the_client_of_the_model(source: ClientSource, raw: Redis) -> None:
    """A class with a client of its own is read and written there, inner models of plain classes included (W13)."""
    options = source.client().connection_pool.connection_kwargs
    told: dict[str, Any] = {name: options.get(name) for name in ("username", "password")}
    other = Redis(unix_socket_path=options["path"], db=1, decode_responses=True, **told)
    KeptElsewhere.Meta = RedisConfig(redis=other, ttl=3600)
    try:
        await _write_everywhere(*await rapyer.ainsert(KeptElsewhere()))
        (key,) = await KeptElsewhere.afind_keys()
        stored = await KeptElsewhere.aget(key)
        assert (stored.name, stored.part, stored.atom.x) == ("locked", KeptPart(x=8, tags=["t"]), 3)
        assert stored.parts[0].x == 7
        assert 0 < await other.ttl(key) <= 3600
        assert (await rapyer.adelete_many(key, await stored.aduplicate())).models_deleted == 2
        assert await KeptElsewhere.afind_keys() == []
        assert await raw.dbsize() == 0
    finally:
        await other.flushdb()
        await other.aclose()


async def _write_everywhere(holder: Any) -> None:
    assert await rapyer.aget(holder.key) == holder == (await rapyer.afind(holder.key))[0]
    assert await rapyer.aexists(holder.key)
    await holder.part.aupdate(x=5)
    await holder.part.x.aincrease()
    await holder.part.tags.aappend("t")
    holder.parts[0].x = 7
    await holder.parts[0].asave()
    async with rapyer.apipeline(holder):
        holder.part.x += 1
        holder.atom.x = 3
    async with holder.part.apipeline():
        holder.part.x += 1
    async with rapyer.alock_from_key(holder.key, save_at_end=True) as locked:
        locked.name = "locked"  # type: ignore[union-attr]


async def test_the_documented_example_of_a_model() -> None:
    """The whole usage example of the API reference does what its comments say."""
    user = KeptUser(name="John", email="john@example.com", age=30)
    assert await user.asave() is user
    retrieved = await KeptUser.aget(user.key)
    assert retrieved == user
    await user.aupdate(age=31, tags=["python", "redis"])
    async with user.apipeline():
        user.age += 1
        user.tags.append("asyncio")
        user.settings["theme"] = "dark"
    async with user.alock("profile_update", save_at_end=True):
        if user.age >= 25:
            user.tags.append("adult")
            user.settings["account_type"] = "premium"
    assert await retrieved.aload() is retrieved
    assert retrieved == user == await KeptUser.afind_one(user.pk)
    assert (user.age, user.tags) == (32, ["python", "redis", "asyncio", "adult"])
    assert user.settings == {"theme": "dark", "account_type": "premium"}
    assert (await KeptUser.adelete_many(user, user.key)).models_deleted == 1
    with pytest.warns(DeprecationWarning), pytest.raises(rapyer.errors.UnsupportArgumentTypeError):  # type: ignore[attr-defined]
        await KeptUser.adelete_many()


async def test_the_documented_example_of_the_functions() -> None:
    """Classes mix in one insert, keys are values of other models, and locks of two classes are held at once."""
    user = KeptUser(name="Alice")
    order = KeptOrder(user_id=user.key)
    assert await rapyer.ainsert(user, order) == [user, order]
    assert (await KeptOrder.aget(order.key)).user_id == user.key
    found = [await rapyer.aget(model.key) for model in (user, order)]
    assert [type(model) for model in found] == [KeptUser, KeptOrder]
    async with (
        alock_from_key(user.key, "buy", save_at_end=True) as one,
        alock_from_key(order.key, "buy") as two,
    ):
        assert (type(one), type(two)) == (KeptUser, KeptOrder)
        one.age, two.quantity = 5, 9  # type: ignore[union-attr]
    assert ((await KeptUser.aget(user.key)).age, (await KeptOrder.aget(order.key)).quantity) == (5, 1)
    for missing in ("NonExistentModel:12345", "KeptUser:nobody"):
        async with alock_from_key(missing, "test", save_at_end=True) as nothing:
            assert nothing is None


def test_the_documented_calls() -> None:
    """The parameters of each documented function have their documented names, places and defaults."""
    documented = {
        AtomicRedisModel.aset_ttl: "ttl",
        AtomicRedisModel.aduplicate_many: "num",
        AtomicRedisModel.alock: "action='default' save_at_end=False",
        AtomicRedisModel.apipeline: "ignore_redis_error=False use_existing_pipe=False",
        AtomicRedisModel.aget: "key",
        AtomicRedisModel.adelete_by_key: "key",
        AtomicRedisModel.aexists: "key",
        AtomicRedisModel.afind_keys: "*args sort_by=None offset=0 max_results=None",
        AtomicRedisModel.alock_from_key: "key action='default' save_at_end=False",
        rapyer.aget: "redis_key",
        rapyer.alock_from_key: "key action='default' save_at_end=False",
        rapyer.init_rapyer: "redis=None ttl=None override_old_idx=True prefer_normal_json_dump=None",
    }
    for function, wanted in documented.items():
        found = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
        shown = [str(one.replace(annotation=inspect.Parameter.empty)) for one in found if one.name != "self"]
        assert shown[: len(wanted.split())] == wanted.split()
