"""Inserting many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.errors import (
    CrossSourceError,
    InnerModelError,
    KeyExistsError,
    PipelineOpenError,
    UnsupportedArgumentValueError,
    WrongClassError,
    WrongTypeError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class InsertPart(AtomicRedisModel):
    x: int = 0


class Inserted(AtomicRedisModel):
    name: Key[str]
    number: int = 0
    part: InsertPart = InsertPart()


class InsertedChild(Inserted):
    pass


class InsertedElsewhere(AtomicRedisModel):
    Meta = RedisConfig(redis="redis://localhost:1/0")
    name: str = ""


class InsertedShortLived(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: str = ""


async def test_mixed_models_go_in_one_transaction(raw: Redis) -> None:
    stats: Any = await raw.info("commandstats")
    before = stats.get("cmdstat_exec", {"calls": 0})["calls"]
    a, b, c = Inserted(name="a"), InsertPart(x=1), InsertedShortLived(name="c")
    assert await rapyer.ainsert(a, b, c) == [a, b, c]
    stats = await raw.info("commandstats")
    assert stats["cmdstat_exec"]["calls"] - before == 1
    assert [await rapyer.aget(one.key) for one in (a, b, c)] == [a, b, c]
    assert 0 < await raw.ttl(c.key) <= 100
    assert await rapyer.ainsert() == []


async def test_replacing_is_the_default() -> None:
    await Inserted(name="a", number=1).asave()
    await Inserted.ainsert(Inserted(name="a", number=2), Inserted(name="a", number=3))
    assert (await Inserted.aget("a")).number == 3


async def test_conflicts_can_be_errors() -> None:
    await Inserted(name="b", number=1).asave()
    with pytest.raises(
        KeyExistsError, match="a Inserted is stored under Inserted:b already; choose another primary key"
    ) as raised:
        await Inserted.ainsert(Inserted(name="a"), Inserted(name="b"), on_conflict="error")
    assert (raised.value.key, raised.value.model) == ("Inserted:b", "Inserted")
    with pytest.raises(KeyExistsError):
        await Inserted.ainsert(Inserted(name="c"), Inserted(name="c", number=1), on_conflict="error")
    assert await Inserted.afind_keys() == ["Inserted:b"]
    new = Inserted(name="a")
    assert await rapyer.ainsert(new, new, on_conflict="error") == [new]
    assert await Inserted.aget("a") == new


async def test_conflicts_can_be_skipped(raw: Redis) -> None:
    await Inserted(name="b", number=1).asave()
    short = InsertedShortLived()
    stored = await rapyer.ainsert(Inserted(name="a"), Inserted(name="b", number=2), short, on_conflict="skip")
    assert stored == [Inserted(name="a"), short]
    assert (await Inserted.aget("b")).number == 1
    assert 0 < await raw.ttl(short.key) <= 100


async def test_conflicts_in_a_pipeline() -> None:
    async with rapyer.apipeline():
        await Inserted.ainsert(Inserted(name="a"))
        with pytest.raises(
            PipelineOpenError,
            match="on_conflict='skip' needs the server's answer, which a pipeline has only at its end; insert before the pipeline",
        ):
            await Inserted.ainsert(Inserted(name="b"), on_conflict="skip")
    assert await Inserted.afind_keys() == ["Inserted:a"]
    with pytest.raises(
        UnsupportedArgumentValueError, match='on_conflict is \'ignore\'; give "replace", "error" or "skip"'
    ):
        await Inserted.ainsert(Inserted(name="b"), on_conflict="ignore")  # type: ignore[arg-type]


async def test_a_wrong_type_in_the_middle_stores_nothing(raw: Redis) -> None:
    await raw.set("Inserted:b", "text")
    with pytest.raises(WrongTypeError):
        await Inserted.ainsert(Inserted(name="a"), Inserted(name="b"), Inserted(name="c"))
    assert await raw.keys() == ["Inserted:b"]


async def test_what_does_not_belong_is_refused() -> None:
    with pytest.raises(WrongClassError, match="Inserted.ainsert was given a InsertPart; use rapyer.ainsert"):
        await Inserted.ainsert(InsertPart())  # type: ignore[arg-type]
    holder = Inserted(name="a")
    with pytest.raises(
        InnerModelError, match=r"Inserted:a \$.part is an inner model, which cannot be inserted on its own"
    ):
        await InsertPart.ainsert(holder.part)
    with pytest.raises(CrossSourceError, match="the models are stored on different servers"):
        await rapyer.ainsert(Inserted(name="a"), InsertedElsewhere())
    child = InsertedChild(name="child")
    await Inserted.ainsert(child)
    assert await InsertedChild.aget("child") == child
