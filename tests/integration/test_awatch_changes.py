"""`rapyer.awatch`: what it tells of classes, documents, fields, and what lives beside them."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

import rapyer
from rapyer import AtomicRedisModel, Change, ChangeStream, Index, apipeline, awatch
from rapyer.errors import (
    InvalidKeyError,
    MissingParameterError,
    RapyerModelDoesntExistError,
    UnlinkedValueError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.live import feed_for
from rapyer.model.registry import registry
from rapyer.types import RedisPriorityQueue, RedisSet
from tests.integration.waiting import until

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")


class AwatchAddress(BaseModel):
    city: str = "Rome"
    zip: str = ""


class AwatchUser(AtomicRedisModel):
    name: str = ""
    score: int = 0
    seen: Annotated[dt.datetime | None, Index()] = None
    address: AwatchAddress = AwatchAddress()
    notes: list[str] = Field(default_factory=list)
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class AwatchOrder(AtomicRedisModel):
    total: float = 0.0


async def soon(stream: ChangeStream[Any]) -> Any:
    return await asyncio.wait_for(anext(stream), 30)


async def nothing(stream: ChangeStream[Any]) -> None:
    """Let the stream see a last change, and see that it tells of nothing before that."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(stream), 0.3)


async def nobody_watches(source: ClientSource) -> None:
    await until(lambda: feed_for(source).mode == "idle" and not feed_for(source).watched, "nobody watches")


@pytest.fixture
async def ada(source: ClientSource) -> AwatchUser:
    return await AwatchUser(name="Ada", score=1, tags={"a"}).asave()


async def test_a_field_that_changes_is_told_with_what_was_before(ada: AwatchUser) -> None:
    async with awatch(ada) as changes:
        await ada.score.aincrease(5)
        change = await soon(changes)
    assert (change.key, change.model_class, change.kind) == (ada.key, AwatchUser, "set")
    assert change.fields == {"score": (1, 6)}
    assert change.model.score == 6
    assert change.model is not ada
    assert change.heard_by == "tracking"
    with pytest.raises(FrozenInstanceError):
        change.kind = "deleted"  # type: ignore[misc]


async def test_all_kinds_of_values_are_told(ada: AwatchUser) -> None:
    moment = dt.datetime(2024, 5, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    async with awatch(ada) as changes:
        await ada.aupdate(seen=moment)
        assert (await soon(changes)).fields == {"seen": (None, moment)}
        await ada.notes.aappend("x")
        assert (await soon(changes)).fields == {"notes": ([], ["x"])}
        other = await AwatchUser.aget(ada.key)
        other.address.city = "Oslo"
        await other.asave()
        (before, after) = (await soon(changes)).fields["address"]
        assert (before.city, after.city) == ("Rome", "Oslo")


async def test_what_lives_beside_the_document_is_a_change_of_it(ada: AwatchUser) -> None:
    async with awatch(ada) as changes:
        await ada.tags.aadd("b")
        assert (await soon(changes)).fields == {"tags": ({"a"}, {"a", "b"})}
        await ada.jobs.apush("wash", 2)
        assert (await soon(changes)).fields == {"jobs": ([], [("wash", 2)])}
        await ada.jobs.apop()
        assert (await soon(changes)).fields == {"jobs": ([("wash", 2)], [])}


async def test_a_class_is_watched_with_all_that_come_and_go(ada: AwatchUser) -> None:
    async with awatch(AwatchUser) as changes:
        new = await AwatchUser(name="new").asave()
        change = await soon(changes)
        assert (change.key, change.kind, change.fields, change.model.name) == (new.key, "set", {}, "new")
        await AwatchOrder(total=3).asave()
        await ada.aupdate(name="Grace")
        change = await soon(changes)
        assert (change.key, change.fields) == (ada.key, {"name": ("Ada", "Grace")})
        await new.adelete()
        change = await soon(changes)
        assert (change.key, change.kind, change.model) == (new.key, "deleted", None)


async def test_several_subjects_make_one_stream(ada: AwatchUser) -> None:
    bob = await AwatchUser(name="Bob").asave()
    order = await AwatchOrder(total=1).asave()
    async with awatch(ada, AwatchOrder, str(bob.key)) as changes:
        heard = set()
        await ada.aupdate(name="1")
        heard.add((await soon(changes)).key)
        await order.total.aincrease(1)
        heard.add((await soon(changes)).key)
        await bob.aupdate(name="2")
        heard.add((await soon(changes)).key)
    assert heard == {ada.key, order.key, bob.key}


@pytest.mark.parametrize("how", ["value", "name", "names", "operand", "key"])
async def test_only_the_fields_that_count_are_told(ada: AwatchUser, how: str) -> None:
    given: dict[str, Any] = {
        "value": lambda: awatch(ada.score),
        "name": lambda: awatch(ada, fields=["score"]),
        "names": lambda: awatch(ada, fields=("score", "address.zip")),
        "operand": lambda: awatch(AwatchUser.score),
        "key": lambda: awatch(str(ada.key), fields="score"),
    }
    async with given[how]() as changes:
        await ada.aupdate(name="unheard")
        await ada.tags.aadd("unheard")
        await ada.score.aincrease(1)
        change = await soon(changes)
        assert change.fields == {"score": (1, 2)}
        await ada.adelete()
        assert (await soon(changes)).kind == "deleted"


async def test_a_field_of_a_model_inside_has_a_dotted_name(ada: AwatchUser) -> None:
    async with awatch(ada.address.city) as changes:  # type: ignore[arg-type,unused-ignore]
        await ada.address.asave()  # type: ignore[attr-defined]
        ada.address.zip = "1"
        await ada.asave()
        ada.address.city = "Oslo"
        await ada.asave()
        assert (await soon(changes)).fields == {"address.city": ("Rome", "Oslo")}


async def test_a_set_beside_can_be_watched_alone(ada: AwatchUser) -> None:
    async with awatch(ada.tags) as changes:
        await ada.aupdate(name="unheard")
        await ada.tags.aadd("b")
        assert (await soon(changes)).fields == {"tags": ({"a"}, {"a", "b"})}


async def test_the_end_of_a_time_to_live_is_told(ada: AwatchUser, raw: Redis) -> None:
    async with awatch(ada) as changes:
        await raw.pexpire(ada.key, 150)
        change = await soon(changes)
        assert (change.kind, change.model) == ("expired", None)


async def test_a_new_time_to_live_alone_is_no_change(ada: AwatchUser, raw: Redis) -> None:
    async with awatch(ada) as changes:
        await raw.expire(ada.key, 500)
        await raw.execute_command("JSON.SET", ada.key, "$.score", "1")  # what it is already
        await ada.aupdate(name="x")
        assert (await soon(changes)).fields == {"name": ("Ada", "x")}


async def test_what_cannot_be_read_is_told(ada: AwatchUser, raw: Redis) -> None:
    async with awatch(ada) as changes:
        await raw.execute_command("JSON.SET", ada.key, "$.score", '"many"')
        change = await soon(changes)
        assert (change.kind, change.model) == ("unknown", None)
        assert "score" in str(change.error)
        await raw.execute_command("JSON.SET", ada.key, "$.score", "7")
        change = await soon(changes)
        assert (change.kind, change.model.score) == ("set", 7)


async def test_at_first_it_can_tell_what_is_there(ada: AwatchUser) -> None:
    async with awatch(ada, initial=True) as changes:
        change = await soon(changes)
        assert (change.kind, change.model.name, change.fields) == ("set", "Ada", {})
        await ada.aupdate(name="x")
        assert (await soon(changes)).fields == {"name": ("Ada", "x")}
    await AwatchUser(name="Bob").asave()
    async with awatch(AwatchUser, initial=True) as changes:
        assert {(await soon(changes)).model.name for _ in range(2)} == {"x", "Bob"}
    async with awatch(AwatchUser(), initial=True) as changes:
        assert (await soon(changes)).kind == "deleted"


async def test_raw_tells_keys_and_reads_nothing(ada: AwatchUser, raw: Redis) -> None:
    async with awatch(AwatchUser, raw=True) as keys:
        await ada.tags.aadd("b")
        assert await soon(keys) == ada.key
        await raw.execute_command("JSON.SET", "AwatchUser:odd", "$", '"no user"')
        assert await soon(keys) == "AwatchUser:odd"
        async with ada.alock():
            pass
        await raw.delete("AwatchUser:odd")
        while await soon(keys) == ada.key:
            pass
    async with awatch(ada, raw=True, initial=True) as keys:
        assert await soon(keys) == ada.key


async def test_a_thousand_writes_end_with_the_last_value(ada: AwatchUser) -> None:
    async with awatch(ada.score) as changes:
        writing = asyncio.create_task(write_many(ada, 1000))
        told = [await soon(changes)]
        while told[-1].model.score != 1001:
            told.append(await soon(changes))
        await writing
        for earlier, later in zip(told, told[1:], strict=False):
            assert later.fields["score"][0] == earlier.fields["score"][1]
    assert len(told) < 500


async def write_many(user: AwatchUser, times: int) -> None:
    for _ in range(times):
        await user.score.aincrease(1)


async def test_debounce_lets_what_follows_be_one_change(ada: AwatchUser) -> None:
    async with awatch(ada, debounce=0.5) as changes:
        for _ in range(4):
            await ada.score.aincrease(1)
        assert (await soon(changes)).fields == {"score": (1, 5)}


async def test_more_documents_than_are_kept_are_told_without_what_was_before(
    ada: AwatchUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.watching.stock.MOST_KEPT", 0)
    async with awatch(AwatchUser) as changes:
        await ada.aupdate(score=9)
        change = await soon(changes)
        assert (change.kind, change.fields, change.model.score) == ("set", {}, 9)
        await ada.aupdate(score=9)
        await nothing(changes)


async def test_an_open_pipeline_of_the_consumer_is_left_alone(ada: AwatchUser) -> None:
    async with awatch(ada) as changes:
        async with apipeline():
            ada.score += 1
            other = registry.source_for(AwatchUser).client()
            await other.execute_command("JSON.SET", ada.key, "$.name", '"Eve"')
            assert (await soon(changes)).fields == {"name": ("Ada", "Eve")}
        assert (await soon(changes)).fields == {"score": (1, 2)}


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        ((), {}, MissingParameterError, "nothing to watch"),
        ((3,), {}, UnsupportedArgumentTypeError, 'awatch\\(user, fields=\\("score",\\)\\)'),
        ((int,), {}, UnsupportedArgumentTypeError, "cannot be watched"),
        (("nokey",), {}, InvalidKeyError, "no key of a model"),
        (("NoSuchClass:1",), {}, RapyerModelDoesntExistError, "NoSuchClass"),
        ((AwatchUser,), {"fields": ["scor"]}, UnsupportedArgumentTypeError, "did you mean 'score'"),
        ((AwatchUser,), {"fields": ["address.town"]}, UnsupportedArgumentTypeError, "no field address.town"),
        ((AwatchUser,), {"debounce": -1}, UnsupportedArgumentValueError, "debounce"),
        ((RedisSet({"a"}),), {}, UnlinkedValueError, "belongs to no model"),
    ],
)
async def test_mistakes_are_told_at_once(
    given: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        awatch(*given, **options)


async def test_an_element_has_no_fixed_place(ada: AwatchUser) -> None:
    ada.notes.append("x")
    with pytest.raises(UnlinkedValueError, match="name the field that holds it"):
        awatch(ada.notes[0])


async def test_a_break_ends_it(ada: AwatchUser, source: ClientSource) -> None:
    seen: list[Change] = []
    writing = asyncio.create_task(write_many(ada, 200))
    async for change in rapyer.awatch(ada):
        seen.append(change)
        break
    gc.collect()
    await nobody_watches(source)
    await writing
    assert seen


async def test_closing_ends_whoever_waits(ada: AwatchUser, source: ClientSource) -> None:
    stream = awatch(ada)

    async def consume() -> int:
        return len([change async for change in stream])

    task = asyncio.create_task(consume())
    await until(lambda: stream.mode == "tracking", "it listens")
    await until(lambda: stream._begun, "it has begun")
    await stream.aclose()
    await stream.aclose()
    assert await task == 0
    await nobody_watches(source)


async def test_cancelling_the_consumer_ends_it(ada: AwatchUser, source: ClientSource) -> None:
    async def consume() -> None:
        async for _ in awatch(ada):
            pass

    task = asyncio.create_task(consume())
    await until(lambda: feed_for(source).mode == "tracking", "it listens")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await nobody_watches(source)


async def test_a_wait_that_was_cancelled_may_be_repeated(
    ada: AwatchUser, source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.watching.stream.LINGER", 0.01)
    stream = awatch(ada)
    await nothing(stream)
    await nobody_watches(source)
    await ada.aupdate(score=50)  # nobody listens, and it is not missed
    assert (await soon(stream)).fields == {"score": (1, 50)}
    await nothing(stream)
    await stream.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
