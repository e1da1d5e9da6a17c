"""Keys: every form of key field, primary keys of any text, and no class touching another's."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, ValidationError

import rapyer
from rapyer import AtomicRedisModel, Key, RapyerKey
from rapyer.errors import (
    CorruptedModelError,
    InnerModelError,
    InvalidKeyError,
    KeyChangedError,
    KeyNotFound,
    UnsupportedArgumentTypeError,
    WrongClassError,
    WrongTypeError,
)
from rapyer.fields import KeyAnnotation

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class KeysPlain(AtomicRedisModel):
    name: str = ""


class KeysText(AtomicRedisModel):
    name: Key[str]
    people: int = 0


class KeysClassForm(AtomicRedisModel):
    name: Annotated[str, KeyAnnotation]


class KeysBareKey(AtomicRedisModel):
    name: Annotated[str, Key]


class KeysCalled(AtomicRedisModel):
    name: Key(str)  # type: ignore[valid-type]


class KeysInstanceForm(AtomicRedisModel):
    name: Annotated[str, Key(None)]


class KeysInt(AtomicRedisModel):
    number: Key[int]


class KeysMoment(AtomicRedisModel):
    at: Key[dt.datetime]
    note: str = ""


class KeysUUID(AtomicRedisModel):
    id: Key[uuid.UUID]


class KeysSeveral(AtomicRedisModel):
    first: Key[str]
    second: Key[str]


class KeysChild(KeysText):
    more: str = "m"


class KeysPrefixed(AtomicRedisModel):
    name: Key[str]

    @classmethod
    def class_key_initials(cls) -> str:
        return "app"


class KeysLonger(AtomicRedisModel):
    name: Key[str]

    @classmethod
    def class_key_initials(cls) -> str:
        return "app:longer"


class KeysPart(BaseModel):
    street: str = ""


class KeysHolder(AtomicRedisModel):
    part: KeysPart = KeysPart()
    about: RapyerKey | None = None
    several: list[RapyerKey] = []
    by_name: dict[str, RapyerKey] = {}
    deep: dict[str, list[RapyerKey]] = {}


@pytest.mark.parametrize("model", [KeysText, KeysClassForm, KeysBareKey, KeysCalled, KeysInstanceForm])
async def test_every_form_of_the_marker_makes_the_key_field(model: Any) -> None:
    made = await model(name="x-1_y.z@w").asave()
    assert made.key == f"{model.__name__}:x-1_y.z@w"
    assert isinstance(made.key, RapyerKey)
    loaded = await model.aget("x-1_y.z@w")
    assert (loaded.pk, loaded.key) == ("x-1_y.z@w", made.key)
    assert isinstance(loaded.key, RapyerKey)
    with pytest.raises(ValidationError, match="name\n  String should have at least 1 character"):
        model(name="")


async def test_keys_of_other_types_are_their_text() -> None:
    number = await KeysInt(number=5).asave()
    assert number.key == "KeysInt:5"
    assert await KeysInt.aget(5) == number == await KeysInt.aget("5")
    assert await KeysInt.aget(number.pk) == number
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=dt.timezone.utc)
    made = await KeysMoment(at=moment).asave()
    assert made.key == f"KeysMoment:{moment}"
    loaded = await KeysMoment.aget(moment)
    assert (loaded.pk, loaded.key) == (moment, made.key)
    assert await KeysMoment.aget(str(moment)) == loaded
    assert [one.at for one in await KeysMoment.afind(moment)] == [moment]
    identity = uuid.uuid4()
    await KeysUUID(id=identity).asave()
    assert (await KeysUUID.aget(identity)).pk == identity
    assert await KeysUUID.aexists(str(identity))
    assert await KeysUUID.adelete_by_key(identity)


async def test_the_last_key_field_wins_and_children_inherit_it() -> None:
    assert KeysSeveral(first="a", second="b").key == "KeysSeveral:b"
    child = await KeysChild(name="x", more="y").asave()
    assert child.key == "KeysChild:x"
    assert (await KeysChild.aget("x")).more == "y"
    with pytest.raises(KeyNotFound):
        await KeysText.aget("x")


async def test_any_text_is_a_primary_key() -> None:
    for pk in (
        "a:b",
        "KeysText:1",
        "* ? [x] ^",
        "{x}",
        " ",
        "a b",
        "a\nb",
        "a\r\nb",
        "a\0b",
        "ключ",
        "'\"\\",
        "x" * 10_000,
    ):
        city = await KeysText(name=pk, people=1).asave()
        assert city.key == f"KeysText:{pk}"
        assert await KeysText.aget(city.key) == city
        assert await KeysText.aget(city.pk) == city, (
            "the field's value is a primary key, whatever it looks like"
        )
        assert await KeysText.aexists(city)
        assert await city.adelete()


async def test_a_primary_key_is_never_empty_or_broken() -> None:
    for bad in ("", "KeysText:"):
        with pytest.raises(InvalidKeyError, match="a primary key of KeysText is empty; give it some text"):
            await KeysText.aget(bad)
    plain = KeysPlain()
    with pytest.raises(InvalidKeyError, match="a primary key of KeysPlain is empty"):
        plain.pk = ""
    with pytest.raises(InvalidKeyError, match=r"the primary key '\\ud800' of KeysPlain is no valid text"):
        plain.pk = "\ud800"
    with pytest.raises(ValidationError, match="name"):
        KeysText(name="\ud800")
    with pytest.raises(InvalidKeyError):
        await KeysPlain.aexists("\ud800")


@pytest.mark.parametrize("bad", [None, [], {}, 1.5, object, b"x"])
async def test_what_can_be_no_key_is_refused(bad: Any) -> None:
    with pytest.raises(
        UnsupportedArgumentTypeError, match="is no key of KeysPlain; give a key, a primary key or an instance"
    ):
        await KeysPlain.aget(bad)


async def test_constructing_mints_no_key() -> None:
    plain = KeysPlain()
    assert not hasattr(plain, "_rapyer_pk")
    assert plain.key == plain.key == f"KeysPlain:{plain.pk}"
    assert KeysPlain().key != plain.key
    assert uuid.UUID(plain.pk).version == 4


async def test_an_instance_can_stand_for_another_document() -> None:
    stored = await KeysPlain(name="stored").asave()
    fresh = KeysPlain()
    fresh.pk = stored.pk
    assert await fresh.name.aload() == "stored"  # type: ignore[attr-defined]
    other = KeysPlain()
    other.key = stored.key
    assert other.key == stored.key
    other.key = "Some:a:b"
    assert other.pk == "a:b"
    other.key = "bare"
    assert other.pk == "bare"


async def test_the_key_of_a_stored_instance_stays(raw: Redis) -> None:
    city = KeysText(name="Paris")
    city.name = "Lyon"
    await city.asave()
    with pytest.raises(KeyChangedError) as raised:
        city.name = "Rome"
    assert str(raised.value) == (
        "KeysText:Lyon is stored, so its key field name cannot become 'Rome'; "
        "save a copy (model_copy, aduplicate) under the new key and delete this one"
    )
    assert (raised.value.key, raised.value.field, raised.value.model) == ("KeysText:Lyon", "name", "KeysText")
    city.name = "Lyon"
    with pytest.raises(KeyChangedError):
        await city.aupdate(name="Rome", people=5)
    assert (city.name, city.people) == ("Lyon", 0)
    loaded = await KeysText.aget("Lyon")
    with pytest.raises(KeyChangedError):
        loaded.name = "Rome"
    copied = loaded.model_copy(update={"name": "Rome"})
    await copied.asave()
    await loaded.adelete()
    loaded.name = "Nice"
    assert await raw.keys() == ["KeysText:Rome"]


async def test_a_stored_instance_without_key_field_stays_too() -> None:
    plain = await KeysPlain().asave()
    with pytest.raises(KeyChangedError, match="is stored, so its primary key cannot become 'x'; save a copy"):
        plain.pk = "x"
    plain.pk = plain.pk
    (inserted,) = await KeysPlain.ainsert(KeysPlain())
    with pytest.raises(KeyChangedError):
        inserted.key = "KeysPlain:x"
    copied = plain.model_copy()
    assert copied.key == plain.key
    copied.pk = "x"
    assert copied.key == "KeysPlain:x"


async def test_a_rolled_back_save_leaves_the_key_free() -> None:
    city = KeysText(name="Paris")
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            await city.asave()
            raise ZeroDivisionError
    city.name = "Rome"
    async with rapyer.apipeline():
        await city.asave()
    with pytest.raises(KeyChangedError):
        city.name = "Lyon"


async def test_a_document_that_names_another_key_is_corrupt(raw: Redis) -> None:
    await KeysText(name="a").asave()
    await raw.rename("KeysText:a", "KeysText:b")
    with pytest.raises(
        CorruptedModelError,
        match="the document stored under KeysText:b says that its name is 'a'; rename the key, or set name to 'b'",
    ):
        await KeysText.aget("b")


async def test_the_value_of_another_models_field_is_a_primary_key() -> None:
    city = await KeysText(name="Paris").asave()
    plain = KeysPlain(name="Paris")
    assert await KeysText.aget(plain.name) == city


async def test_prefixes_that_start_like_others_are_told_apart() -> None:
    short, long = await KeysPrefixed(name="longer").asave(), await KeysLonger(name="x").asave()
    assert (short.key, long.key) == ("app:longer", "app:longer:x")
    assert await KeysPrefixed.afind_keys() == ["app:longer"]
    assert await KeysPrefixed.afind() == [short]
    assert await KeysLonger.afind() == [long]
    assert await rapyer.aget("app:longer:x") == long
    assert await rapyer.aget("app:longer") == short
    with pytest.raises(
        WrongClassError,
        match="app:longer:x is no key of KeysPrefixed, whose keys start with app:; if it is a primary key, write app:app:longer:x",
    ):
        await KeysPrefixed.aget("app:longer:x")


async def test_another_redis_type_is_refused_everywhere(raw: Redis) -> None:
    await raw.set("KeysPlain:text", "x")
    holder = KeysPlain()
    holder.pk = "text"
    for attempt in (
        KeysPlain.aget("text"),
        KeysPlain.afind("text"),
        KeysPlain.adelete_by_key("text"),
        holder.asave(),
        holder.aload(),
        holder.adelete(),
        holder.aupdate(name="y"),
        holder.aduplicate(),
        rapyer.aget("KeysPlain:text"),
        rapyer.afind("KeysPlain:text"),
    ):
        with pytest.raises(
            WrongTypeError, match="KeysPlain:text holds another Redis type than a JSON document"
        ):
            await attempt
    assert await raw.get("KeysPlain:text") == "x"


async def test_an_inner_model_is_no_instance_to_look_up() -> None:
    holder = await KeysHolder().asave()
    with pytest.raises(InnerModelError, match=r"\$.part is an inner model, which has no key of its own"):
        await KeysHolder.aexists(holder.part)


async def test_keys_stay_keys_in_every_container() -> None:
    about = KeysPlain().key
    holder = KeysHolder(about=about, several=[about], by_name={"a": about}, deep={"x": [about]})
    await holder.asave()
    loaded = await KeysHolder.aget(holder.key)
    assert loaded == holder
    kept = [loaded.about, loaded.several[0], loaded.by_name["a"], loaded.deep["x"][0]]
    assert [type(key) for key in kept] == [RapyerKey] * 4
    await loaded.several.aappend("KeysPlain:2")  # type: ignore[attr-defined]
    again = await KeysHolder.aget(holder.key)
    assert type(again.several[1]) is RapyerKey
    assert type(holder.model_dump()["about"]) is RapyerKey
    assert holder.redis_dump()["several"] == [about]
    assert (await KeysPlain.afind_one(again.several[1])) is None
