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
    TransactionError,
    UnsupportedArgumentValueError,
    WrongClassError,
    WrongTypeError,
)
from rapyer.model import insert

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
    name: str = ""


class InsertedShortLived(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: str = ""


async def test_mixed_models_go_in_one_step(raw: Redis) -> None:
    await InsertPart.ainsert(InsertPart())  # the server has the script from here on
    await raw.config_resetstat()
    a, b, c = Inserted(name="a"), InsertPart(x=1), InsertedShortLived(name="c")
    assert await rapyer.ainsert(a, b, c) == [a, b, c]
    stats: Any = await raw.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    assert "cmdstat_exec" not in stats
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
        KeyExistsError, match="Inserted:b is stored already; choose another primary key"
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


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize(("number", "wrong"), [(3, 1), (600, 599), (5000, 4321)])
async def test_a_wrong_type_anywhere_stores_nothing(raw: Redis, number: int, wrong: int, once: bool) -> None:
    Inserted.Meta.exactly_once = once
    await Inserted(name="0", number=-1).asave()
    await raw.set(f"Inserted:{wrong}", "text")
    models = [Inserted(name=str(position)) for position in range(number)]
    with pytest.raises(
        WrongTypeError, match=f"Inserted:{wrong} holds another Redis type than a JSON document"
    ) as raised:
        await Inserted.ainsert(*models)
    assert raised.value.key == f"Inserted:{wrong}"
    assert sorted(await raw.keys("Inserted:*")) == ["Inserted:0", f"Inserted:{wrong}"]
    assert (await Inserted.aget("0")).number == -1
    await raw.delete(f"Inserted:{wrong}")
    assert await Inserted.ainsert(*models) == models
    assert len(await Inserted.afind_keys()) == number
    assert (await Inserted.aget(str(number - 1))) == models[-1]


async def test_a_wrong_type_leaves_every_time_to_live_as_it_is(raw: Redis) -> None:
    kept, other = InsertedShortLived(), InsertedShortLived()
    await kept.asave()
    await raw.persist(kept.key)
    await raw.set(other.key, "text")
    with pytest.raises(WrongTypeError):
        await InsertedShortLived.ainsert(kept, other)
    assert [await raw.ttl(kept.key), await raw.ttl(other.key)] == [-1, -1]


@pytest.mark.parametrize("once", [False, True])
async def test_a_wrong_type_in_a_pipeline(raw: Redis, once: bool) -> None:
    Inserted.Meta.exactly_once = once
    first = await Inserted(name="first").asave()
    await raw.set("Inserted:b", "text")
    with pytest.raises(
        TransactionError,
        match="command 2 of 3, JSON.MSET on Inserted:a Inserted:b Inserted:c …, failed: Inserted:b holds another "
        "Redis type than a JSON document; use another key; the other 2 took effect",
    ) as raised:
        async with rapyer.apipeline():
            first.number = 5
            await Inserted.ainsert(*(Inserted(name=name) for name in "abcd"))
            first.part.x = 6
    assert (raised.value.position, raised.value.applied) == (1, 2)
    assert await Inserted.aget("first") == first
    assert (first.number, first.part.x) == (5, 6)
    assert sorted(await Inserted.afind_keys()) == ["Inserted:first"]


async def test_a_step_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insert, "MOST", 3)
    with pytest.raises(
        UnsupportedArgumentValueError,
        match="4 models are more than the 3 that can be stored in one step; insert them in several calls",
    ):
        await Inserted.ainsert(*(Inserted(name=str(number)) for number in range(4)))
    assert await Inserted.afind_keys() == []


async def test_what_does_not_belong_is_refused() -> None:
    with pytest.raises(WrongClassError, match="Inserted.ainsert was given a InsertPart; use rapyer.ainsert"):
        await Inserted.ainsert(InsertPart())  # type: ignore[arg-type]
    holder = Inserted(name="a")
    with pytest.raises(
        InnerModelError, match=r"Inserted:a \$.part is an inner model, which cannot be inserted on its own"
    ):
        await InsertPart.ainsert(holder.part)
    InsertedElsewhere.Meta.redis = "redis://localhost:1/0"
    with pytest.raises(CrossSourceError, match="the models are stored on different servers"):
        await rapyer.ainsert(Inserted(name="a"), InsertedElsewhere())
    child = InsertedChild(name="child")
    await Inserted.ainsert(child)
    assert await InsertedChild.aget("child") == child
