"""Models in a real Redis."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, Field, ValidationError

import rapyer
from rapyer import AtomicRedisModel, Index, Key
from rapyer.config import RedisConfig
from rapyer.errors import (
    BadDeleteActionError,
    CorruptedModelError,
    InnerModelError,
    InvalidKeyError,
    KeyNotFound,
    RapyerModelDoesntExistError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    WrongClassError,
    WrongTypeError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class Address(BaseModel):
    street: str = "Main"
    zips: list[int] = []


class Account(AtomicRedisModel):
    name: str = "Ada"
    age: Index[int] = 30
    tags: list[str] = []
    settings: dict[str, int] = {}
    joined: dt.datetime = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone(dt.timedelta(hours=5)))
    address: Address = Address()
    nick: str | None = None
    raw: bytes = b"\xff\x00"
    flag: bool = True
    score: float = 1.5


class Accountx(AtomicRedisModel):
    name: str = ""


class City(AtomicRedisModel):
    name: Key[str]
    people: int = 0


async def test_a_saved_model_is_loaded_equal() -> None:
    user = await Account(tags=["x"], settings={"a.b": 1}, nick="n").asave()
    loaded = await Account.aget(user.key)
    assert loaded == user
    assert loaded.key == user.key
    assert loaded.joined.utcoffset() == dt.timedelta(hours=5)


async def test_the_document_is_laid_out_as_documented(raw: Redis) -> None:
    user = await Account().asave()
    stored = (await raw.json().get(user.key, "$"))[0]  # type: ignore[misc]
    assert stored == {
        "name": "Ada",
        "age": 30,
        "tags": [],
        "settings": {},
        "joined": "2026-01-02T03:04:05.000678+05:00",
        "address": {"street": "Main", "zips": []},
        "nick": None,
        "raw": "gASVBgAAAAAAAABDAv8AlC4=",
        "flag": True,
        "score": 1.5,
    }


async def test_both_forms_of_a_bool_are_read(raw: Redis) -> None:
    user = await Account().asave()
    await raw.json().set(user.key, "$.flag", "gASJLg==")  # type: ignore[misc]
    assert (await Account.aget(user.key)).flag is False
    await raw.json().set(user.key, "$.flag", "nonsense")  # type: ignore[misc]
    with pytest.raises(CorruptedModelError, match="flag"):
        await Account.aget(user.key)


async def test_loading_refreshes_the_same_instance() -> None:
    user = await Account().asave()
    other = await Account.aget(user.key)
    tags = user.tags
    await other.aupdate(name="Grace", tags=["t"])
    assert await user.aload() is user
    assert (user.name, user.tags) == ("Grace", ["t"])
    await tags.aappend("still linked")  # type: ignore[attr-defined]
    assert (await Account.aget(user.key)).tags == ["t", "still linked"]


async def test_a_missing_model_is_not_found() -> None:
    with pytest.raises(KeyNotFound) as raised:
        await Account.aget("Account:nobody")
    assert str(raised.value) == "no Account is stored under Account:nobody"
    assert (raised.value.key, raised.value.model) == ("Account:nobody", "Account")
    assert isinstance(raised.value, KeyError)
    with pytest.raises(KeyNotFound):
        await Account().aload()


async def test_keys_and_primary_keys_are_told_apart() -> None:
    for pk in ("plain", "a:b", "City:1", "* ? [x] {y}", "ключ", "quo'te\"", "line\nbreak"):
        city = await City(name=pk, people=1).asave()
        assert city.key == f"City:{pk}"
        if not pk.startswith("City:"):
            assert (await City.aget(pk)).people == 1
        assert (await City.aget(city.key)).name == pk
        assert await City.aexists(city)
        assert await City.adelete_by_key(city.key)
        assert not await City.aexists(city.key)


async def test_a_class_never_touches_the_keys_of_another() -> None:
    city = await City(name="Paris").asave()
    for attempt in (
        Account.aget(city.key),
        Account.aget("City:Paris"),
        Account.adelete_by_key(city.key),
        Account.aexists(city),
    ):
        with pytest.raises(
            WrongClassError, match="City:Paris is no key of Account, whose keys start with Account:"
        ):
            await attempt
    with pytest.raises(WrongClassError, match="Account.ainsert was given a City; use rapyer.ainsert"):
        await Account.ainsert(Account(), city)  # type: ignore[arg-type]
    assert await Account.afind_keys() == []


async def test_another_redis_type_is_named(raw: Redis) -> None:
    await raw.set("Account:text", "x")
    with pytest.raises(WrongTypeError, match="Account:text holds another Redis type than a JSON document"):
        await Account.aget("text")
    user = Account()
    user.pk = "text"
    with pytest.raises(WrongTypeError):
        await user.asave()


async def test_a_corrupt_document_says_what_is_wrong(raw: Redis) -> None:
    await raw.json().set("Account:bad", "$", {"age": "many"})  # type: ignore[misc]
    with pytest.raises(
        CorruptedModelError, match="the document stored under Account:bad does not fit Account(.|\\n)*age"
    ):
        await Account.aget("bad")


async def test_update_sets_some_fields_and_nothing_else(raw: Redis) -> None:
    user = await Account().asave()
    await raw.json().set(user.key, "$.age", 77)  # type: ignore[misc]
    await user.aupdate(name="Grace", nick="G", address={"street": "Side"})
    loaded = await Account.aget(user.key)
    assert (loaded.name, loaded.nick, loaded.address.street, loaded.age) == ("Grace", "G", "Side", 77)
    await user.aupdate(nick=None)
    assert (await Account.aget(user.key)).nick is None


async def test_a_refused_update_changes_nothing() -> None:
    user = await Account().asave()
    with pytest.raises(UnknownFieldError, match="unknown field 'nam' on Account; did you mean 'name'?"):
        await user.aupdate(name="x", nam="y")
    with pytest.raises(ValidationError):
        await user.aupdate(name="x", age="many")
    assert user.name == "Ada"
    await user.adelete()
    with pytest.raises(KeyNotFound, match="nothing is stored under Account:"):
        await user.aupdate(name="x")
    assert user.name == "Ada"


async def test_deleting() -> None:
    user = Account()
    assert await user.adelete() is False
    await user.asave()
    assert (await user.adelete(), await user.adelete()) == (True, False)


async def test_an_inner_model_saves_and_loads_its_own_part(raw: Redis) -> None:
    user = await Account().asave()
    await raw.json().set(user.key, "$.name", "Other")  # type: ignore[misc]
    user.address.street = "Side"
    await user.address.asave()  # type: ignore[attr-defined]
    loaded = await Account.aget(user.key)
    assert (loaded.name, loaded.address.street) == ("Other", "Side")
    await loaded.address.aupdate(street="Third")  # type: ignore[attr-defined]
    assert (await user.address.aload()).street == "Third"  # type: ignore[attr-defined]
    assert user.address.is_inner_model()  # type: ignore[attr-defined]
    with pytest.raises(BadDeleteActionError, match=r"\$.address is an inner model"):
        await user.address.adelete()  # type: ignore[attr-defined]
    with pytest.raises(InnerModelError, match="Can only set TTL from top level model"):
        await user.address.aset_ttl(5)  # type: ignore[attr-defined]


async def test_an_inner_model_of_a_missing_document_is_not_found() -> None:
    with pytest.raises(KeyNotFound):
        await Account().address.asave()  # type: ignore[attr-defined]
    with pytest.raises(KeyNotFound):
        await Account().address.aload()  # type: ignore[attr-defined]


async def test_inserting_many() -> None:
    users = [Account(age=number) for number in range(600)]
    assert await Account.ainsert(*users) == users
    found = await Account.afind(*[user.key for user in users])
    assert [user.age for user in found] == list(range(600))
    assert await Account.ainsert() == []


async def test_finding_by_keys() -> None:
    users = await Account.ainsert(Account(age=1), Account(age=2))
    keys = [str(user.key) for user in users]
    assert [user.age for user in await Account.afind(keys[1], users[0].pk, keys[1])] == [2, 1, 2]
    assert len(await Account.afind(*keys, max_results=1)) == 1
    with pytest.raises(KeyNotFound, match="no Account is stored under Account:nobody"):
        await Account.afind(keys[0], "nobody")
    assert await Account.afind_one("nobody") is None


async def test_listing_confuses_no_classes_and_no_other_keys(raw: Redis) -> None:
    await Accountx(name="x").asave()
    await raw.set("Accountx:lock", "1")
    await raw.json().set("Accountx:bad", "$", {"name": 5})  # type: ignore[misc]
    kept = await Accountx(name="y").asave()
    assert {user.name for user in await Accountx.afind()} == {"x", "y"}
    assert kept.key in await Accountx.afind_keys()
    assert "Accountx:lock" not in await Accountx.afind_keys()
    assert len(await Accountx.afind_keys(max_results=1)) == 1


async def test_what_a_find_leaves_out_is_logged(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    await Accountx(name="x").asave()
    await raw.json().set("Accountx:bad", "$", {"name": 5})  # type: ignore[misc]
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert len(await Accountx.afind()) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "Accountx.afind left out 1 of its documents: 1 corrupt, 0 gone (Accountx:bad)"
    ]


async def test_arguments_that_are_neither_key_nor_filter_are_refused() -> None:
    with pytest.raises(
        UnsupportedArgumentTypeError, match="Account.afind cannot use 5; give keys or filters"
    ):
        await Account.afind(5)  # type: ignore[arg-type]
    with pytest.raises(rapyer.errors.UnsupportedArgumentValueError, match="max_results is -1"):
        await Account.afind(max_results=-1)


async def test_time_to_live(raw: Redis) -> None:
    class Session(AtomicRedisModel):
        Meta = RedisConfig(ttl=100)
        name: str = ""

    session = await Session().asave()
    assert 0 < await raw.ttl(session.key) <= 100
    await session.aset_ttl(1000)
    assert await raw.ttl(session.key) > 100
    (other,) = await Session.ainsert(Session())
    assert 0 < await raw.ttl(other.key) <= 100
    for bad in (0, -1, 1.5, True, "9"):
        with pytest.raises(ValueError, match="a time to live is a positive int of seconds, not"):
            await session.aset_ttl(bad)  # type: ignore[arg-type]
    assert await Session.aexists(session)


async def test_excluded_fields_are_not_stored(raw: Redis) -> None:
    class Secretive(AtomicRedisModel):
        name: str = "n"
        secret: str = Field(default="default", exclude=True)

    model = await Secretive(secret="s").asave()
    assert await raw.json().get(model.key, "$") == [{"name": "n"}]  # type: ignore[misc]
    assert (await Secretive.aget(model.key)).secret == "default"


async def test_functions_for_any_class() -> None:
    user, city = Account(), City(name="Paris")
    assert await rapyer.ainsert(user, city) == [user, city]
    assert await rapyer.aget(city.key) == city
    assert await rapyer.afind(user.key, city.key) == [user, city]
    assert await rapyer.afind("Account:nobody", city.key, skip_missing=True) == [city]
    assert await rapyer.aexists(user)
    assert not await rapyer.aexists("Unknown:1")
    assert await rapyer.afind_one("Account:nobody") is None
    with pytest.raises(KeyNotFound):
        await rapyer.afind("Account:nobody")
    with pytest.raises(
        RapyerModelDoesntExistError,
        match="no model class has keys that start with Acount:; did you mean 'Account'?",
    ):
        await rapyer.aget("Acount:1")
    with pytest.raises(InvalidKeyError, match="'nonsense' is no key of a model; keys look like User:42"):
        await rapyer.aget("nonsense")
    with pytest.raises(UnsupportedArgumentTypeError):
        await rapyer.ainsert("x")  # type: ignore[arg-type]
    assert Account in rapyer.find_redis_models()


async def test_both_generations_of_names() -> None:
    user = await Account().save()
    assert (await user.load()) is user
    assert await user.age.increase(2) == 32  # type: ignore[attr-defined]
