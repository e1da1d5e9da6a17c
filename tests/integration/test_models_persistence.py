"""Saving and loading, whole and in part."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.errors import (
    BadDeleteActionError,
    CantSerializeRedisValueError,
    CorruptedModelError,
    InnerModelError,
    KeyNotFound,
    UnknownFieldError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class PersistPart(BaseModel):
    name: str = ""
    tags: list[str] = []


class Persisted(AtomicRedisModel):
    text: str = "Ada ☃ \n'\""
    empty: str = ""
    number: int = 2**62
    real: float = 0.1
    flag: bool = False
    raw: bytes = b"\xff\x00"
    at: dt.datetime = dt.datetime(2024, 1, 2, 3, 4, 5, 678)
    lst: list[int] = [1]
    dct: dict[str, Any] = {"a.b": [1, None]}
    part: PersistPart = PersistPart()
    parts: list[PersistPart] = [PersistPart(name="a")]
    by_name: dict[str, PersistPart] = {"ключ": PersistPart(tags=["x"])}
    maybe_text: str | None = "x"
    maybe_number: int | None = 1
    maybe_list: list[int] | None = [1]
    maybe_part: PersistPart | None = PersistPart()
    maybe_at: dt.datetime | None = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    either: int | str = "e"


class PersistShort(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: str = ""


OPTIONAL = ("maybe_text", "maybe_number", "maybe_list", "maybe_part", "maybe_at")


async def test_a_model_comes_back_equal() -> None:
    model = await Persisted().asave()
    loaded = await Persisted.aget(model.key)
    assert loaded == model
    assert loaded.model_dump() == model.model_dump()
    assert loaded.redis_dump() == model.redis_dump()


@pytest.mark.parametrize("name", OPTIONAL)
async def test_optional_fields_go_to_none_and_back(name: str) -> None:
    model = await Persisted(**{name: None}).asave()
    assert getattr(await Persisted.aget(model.key), name) is None
    value = getattr(Persisted(), name)
    await model.aupdate(**{name: value})
    loaded = await Persisted.aget(model.key)
    assert getattr(loaded, name) == value
    assert getattr(loaded, name).json_path == f"$.{name}"
    setattr(loaded, name, None)
    await loaded.asave()
    assert getattr(await Persisted.aget(model.key), name) is None


async def test_saving_a_field_saves_nothing_else() -> None:
    model: Any = await Persisted().asave()
    model.text, model.number = "new", 5
    model.parts[0].tags.append("t")
    model.by_name["ключ"].name = "n"
    await model.text.asave()
    await model.parts[0].tags.asave()
    loaded: Any = await Persisted.aget(model.key)
    assert (loaded.text, loaded.number, loaded.parts[0].tags) == ("new", 2**62, ["t"])
    assert loaded.by_name["ключ"].name == ""
    await model.by_name["ключ"].asave()
    assert (await Persisted.aget(model.key)).by_name["ключ"].name == "n"


@pytest.mark.parametrize(
    "name", ["text", "number", "real", "raw", "at", "lst", "dct", "maybe_text", "maybe_at"]
)
async def test_loading_a_field(name: str) -> None:
    model: Any = Persisted()
    with pytest.raises(KeyNotFound, match=f"nothing is stored under {model.key} at \\$.{name}"):
        await getattr(model, name).aload()
    await model.asave()
    loaded = await getattr(model, name).aload()
    assert loaded == getattr(Persisted(), name)
    assert (type(loaded), loaded.key) == (type(getattr(model, name)), model.key)


async def test_loading_an_instance_refreshes_it() -> None:
    model = Persisted()
    with pytest.raises(KeyNotFound) as raised:
        await model.aload()
    assert (raised.value.key, raised.value.model) == (model.key, "Persisted")
    await model.asave()
    key = model.key
    await (await Persisted.aget(key)).aupdate(text="theirs", lst=[7], maybe_part=None)
    assert (await model.aload()) is model
    assert (model.text, model.lst, model.maybe_part, model.key) == ("theirs", [7], None, key)


async def test_updating_leaves_the_rest_alone() -> None:
    model = await Persisted().asave()
    await (await Persisted.aget(model.key)).aupdate(real=9.5)
    await model.aupdate(text="x", lst=[3], part={"name": "p", "tags": ["t"]}, maybe_list=None)
    loaded = await Persisted.aget(model.key)
    assert (loaded.text, loaded.lst, loaded.part.tags, loaded.maybe_list, loaded.real) == (
        "x",
        [3],
        ["t"],
        None,
        9.5,
    )
    await model.aupdate()
    await model.part.aupdate(name="q")  # type: ignore[attr-defined]
    assert (await Persisted.aget(model.key)).part == PersistPart(name="q", tags=["t"])
    model.update(text="local")
    assert (model.text, (await Persisted.aget(model.key)).text) == ("local", "x")
    with pytest.raises(UnknownFieldError, match="unknown field 'txt' on Persisted; did you mean 'text'?"):
        model.update(txt="x")


async def test_what_needs_a_stored_model_says_so() -> None:
    model: Any = Persisted()
    for attempt in (
        model.aupdate(text="x"),
        model.part.asave(),
        model.part.aload(),
        model.text.asave(),
        model.lst.aappend(1),
        model.number.aincrease(),
        model.dct.aset_item("a", 1),
    ):
        with pytest.raises(KeyNotFound, match="nothing is stored under Persisted:"):
            await attempt
    assert not await model.adelete()


async def test_inner_models_are_refused_what_only_a_whole_model_can() -> None:
    model: Any = await Persisted().asave()
    with pytest.raises(
        BadDeleteActionError,
        match=r"\$.part is an inner model, which cannot be deleted on its own; delete the model that holds it, or set the field to None",
    ) as raised:
        await model.part.adelete()
    assert (raised.value.key, raised.value.field) == (model.key, "part")
    with pytest.raises(InnerModelError, match="Can only set TTL from top level model"):
        await model.parts[0].aset_ttl(5)


async def test_time_to_live(raw: Redis) -> None:
    model = await PersistShort().asave()
    assert 0 < await raw.ttl(model.key) <= 100
    async with model.apipeline():
        await model.aset_ttl(7200)
    assert await raw.ttl(model.key) > 100
    for bad in (0, -1, 1.5, True, "9", None):
        with pytest.raises(ValueError, match="a time to live is a positive int of seconds, not"):
            await model.aset_ttl(bad)  # type: ignore[arg-type]
    assert await PersistShort.aexists(model)


async def test_times_are_stored_as_documented(raw: Redis) -> None:
    model = await Persisted().asave()
    assert await raw.json().get(model.key, "$.at") == ["2024-01-02T03:04:05.000678"]  # type: ignore[misc]
    await raw.json().set(model.key, "$.at", "2024-05-06T07:08:09+05:00")  # type: ignore[misc]
    assert (await Persisted.aget(model.key)).at == dt.datetime(
        2024, 5, 6, 7, 8, 9, tzinfo=dt.timezone(dt.timedelta(hours=5))
    )


async def test_a_broken_pickle_concerns_its_document_alone(raw: Redis) -> None:
    good, bad = await Persisted.ainsert(Persisted(), Persisted())
    await raw.json().set(bad.key, "$.raw", "gASVBgAAAAAA")  # type: ignore[misc]
    with pytest.raises((CorruptedModelError, CantSerializeRedisValueError)) as raised:
        await Persisted.aget(bad.key)
    assert (raised.value.key, raised.value.model) == (bad.key, "Persisted")
    assert await Persisted.afind() == [good]


async def test_a_pipeline_refreshes_and_yields_the_instance() -> None:
    model = await Persisted().asave()
    model.text = "unsaved"
    async with model.apipeline() as same:
        assert same is model
        assert model.text == Persisted().text
        model.number = 1
        model.maybe_text = None
    loaded = await Persisted.aget(model.key)
    assert (loaded.number, loaded.maybe_text) == (1, None)
    one, two = await Persisted.ainsert(Persisted(), Persisted())
    async with rapyer.apipeline(one, two):
        one.text, two.text = "one", "two"
    assert [found.text for found in await Persisted.afind(one, two)] == ["one", "two"]


async def test_a_lock_refreshes_and_yields_the_instance() -> None:
    model = await Persisted().asave()
    async with model.alock("edit", save_at_end=True) as same:
        assert same is model
        model.text = "locked"
    async with Persisted.alock_from_key(model.key, save_at_end=True) as loaded:
        loaded.number = 3
    async with rapyer.alock_from_key(model.key) as found:
        assert isinstance(found, Persisted)
        assert (found.text, found.number) == ("locked", 3)
    async with rapyer.alock_from_key("Persisted:nobody") as missing:
        assert missing is None
