"""Duplicating: the server copies what is stored."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.errors import (
    CorruptedModelError,
    InnerModelError,
    InvalidKeyError,
    KeyExistsError,
    KeyNotFound,
    UnknownFieldError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class CopyPart(BaseModel):
    tags: list[str] = []


class Copied(AtomicRedisModel):
    name: str = "n"
    part: CopyPart = CopyPart()
    by_name: dict[str, CopyPart] = {}


class CopiedKeyed(AtomicRedisModel):
    name: Key[str]
    people: int = 0


class CopiedNumbered(AtomicRedisModel):
    number: Key[int]
    note: str = ""


class CopiedUnique(AtomicRedisModel):
    id: Key[uuid.UUID]


class CopiedShortLived(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: str = ""


async def test_redis_is_the_source() -> None:
    model = await Copied(part=CopyPart(tags=["a"]), by_name={"x": CopyPart()}).asave()
    model.name = "only local"
    copy = await model.aduplicate()
    assert (copy.name, copy.part.tags) == ("n", ["a"])
    assert copy.pk != model.pk
    assert await Copied.aget(copy.key) == copy
    await copy.part.tags.aappend("b")  # type: ignore[attr-defined]
    assert (await Copied.aget(model.key)).part.tags == ["a"]


async def test_many_copies() -> None:
    model = await Copied(name="x").asave()
    copies = await model.aduplicate_many(5, name="y")
    assert len({copy.key for copy in (model, *copies)}) == 6
    assert [copy.name for copy in await Copied.afind(*(copy.key for copy in copies))] == ["y"] * 5
    assert await model.duplicate_many(0) == []
    assert (await model.duplicate()).name == "x"
    for bad in (-1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="the number of copies is 0 or more, not"):
            await model.aduplicate_many(bad)  # type: ignore[arg-type]


async def test_an_unsaved_source_is_not_found(raw: Redis) -> None:
    with pytest.raises(KeyNotFound, match="no Copied is stored under Copied:"):
        await Copied().aduplicate()
    assert await raw.keys() == []


async def test_inner_models_cannot_be_duplicated() -> None:
    model: Any = await Copied().asave()
    with pytest.raises(InnerModelError, match="Can only duplicate from top level model"):
        await model.part.aduplicate()
    with pytest.raises(RuntimeError):
        await model.part.aduplicate_many(2)


async def test_a_model_with_a_key_field_gets_the_key_given_or_a_random_one() -> None:
    city = await CopiedKeyed(name="Paris", people=3).asave()
    rome = await city.aduplicate(name="Rome")
    assert (rome.key, rome.people) == ("CopiedKeyed:Rome", 3)
    assert (await CopiedKeyed.aget("Rome")).name == "Rome"
    minted = await city.aduplicate()
    assert uuid.UUID(minted.name).version == 4
    assert len({copy.name for copy in await city.aduplicate_many(3, people=9)}) == 3
    with pytest.raises(
        KeyExistsError,
        match="CopiedKeyed:Rome is stored already; choose another primary key",
    ):
        await city.aduplicate(name="Rome")
    unique = await CopiedUnique(id=uuid.uuid4()).asave()
    assert (await unique.aduplicate()).id != unique.id


async def test_a_key_that_cannot_be_minted_must_be_given() -> None:
    model = await CopiedNumbered(number=1).asave()
    with pytest.raises(
        InvalidKeyError,
        match=r"each copy of CopiedNumbered:1 needs a value of its own for the key field number; make them one by one: aduplicate\(number=…\)",
    ):
        await model.aduplicate()
    with pytest.raises(InvalidKeyError):
        await model.aduplicate_many(2, number=5)
    assert (await model.aduplicate(number="7", note="x")).key == "CopiedNumbered:7"


async def test_changes_are_checked_before_anything_is_copied(raw: Redis) -> None:
    model = await CopiedNumbered(number=1).asave()
    with pytest.raises(
        UnknownFieldError, match="unknown field 'nota' on CopiedNumbered; did you mean 'note'?"
    ):
        await model.aduplicate(number=2, nota="x")
    with pytest.raises(ValidationError):
        await model.aduplicate(number="many")
    assert await raw.keys() == ["CopiedNumbered:1"]


async def test_copies_live_as_long_as_the_class_says(raw: Redis) -> None:
    model = await CopiedShortLived().asave()
    await model.aset_ttl(10_000)
    assert 0 < await raw.ttl((await model.aduplicate()).key) <= 100


async def test_in_a_pipeline_the_copy_is_queued(raw: Redis) -> None:
    model = await Copied(name="x").asave()
    async with model.apipeline():
        copy = await model.aduplicate()
        many = await model.aduplicate_many(2)
        assert copy.name == "x"
        assert not await Copied.aexists(copy)
    assert await Copied.afind(copy, *many) == [copy, *many]
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            await model.aduplicate()
            raise ZeroDivisionError
    assert await raw.dbsize() == 4


async def test_a_corrupt_source_says_so(raw: Redis) -> None:
    model = await Copied().asave()
    await raw.json().set(model.key, "$.name", 5)  # type: ignore[misc]
    with pytest.raises(CorruptedModelError):
        await model.aduplicate()
