"""`rapyer.awatch`: what it does when connections break, servers go, and consumers are many or slow."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pydantic import Field
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer import AtomicRedisModel, awatch
from rapyer.live import feed_for
from rapyer.live.modes import Tracking
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer.types import RedisSet
from rapyer.watching import stock
from tests.integration.waiting import until
from tests.servers import command_line, free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

    from rapyer import ChangeStream
    from rapyer_nb.server import EmbeddedServer


class AwatchFault(AtomicRedisModel):
    score: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


@pytest.fixture
async def ada(source: ClientSource) -> AwatchFault:
    return await AwatchFault(tags={"a"}).asave()


class Consumer:
    """Somebody who watches, in a task of his own."""

    def __init__(self, *watched: Any, **options: Any) -> None:
        self.told: list[Any] = []
        self.stream: ChangeStream[Any] = awatch(*watched, **options)
        self.task = asyncio.create_task(self._consume())

    async def _consume(self) -> None:
        async for change in self.stream:
            self.told.append(change)

    async def begun(self) -> None:
        await until(lambda: self.stream._begun or self.task.done(), "it has begun")

    async def until_score(self, score: int) -> None:
        await until(
            lambda: self.told and getattr(self.told[-1].model, "score", None) == score, f"{score} is told"
        )

    async def end(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task
        await self.stream.aclose()


async def live_connections(client: Redis) -> int:
    """Return how many connections are told of changes."""
    infos = await client.client_list()
    return len([info for info in infos if "B" in info["flags"] or info["resp"] == "3"])


async def kill_others(client: Redis) -> None:
    await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


async def test_the_last_value_is_told_whenever_connections_break(
    ada: AwatchFault, rapyer_redis_url: str
) -> None:
    consumer = Consumer(AwatchFault)
    await consumer.begun()
    chance = random.Random(7)
    with redis.Redis.from_url(rapyer_redis_url) as other:
        for score in range(1, 60):
            other.execute_command("JSON.SET", ada.key, "$.score", score)
            if score % 6 == 0:
                other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.sleep(chance.random() * 0.02)
        other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        other.execute_command("JSON.SET", ada.key, "$.score", 99)  # while nobody is connected
        other.sadd(f"__rapyer_special__:{ada.key}:tags", '"b"')
    await consumer.until_score(99)
    await until(lambda: consumer.told[-1].model.tags == {"a", "b"}, "the set is told")
    for earlier, later in zip(consumer.told, consumer.told[1:], strict=False):
        if "score" in later.fields:
            assert later.fields["score"][0] == earlier.model.score
    await consumer.end()


async def test_a_deletion_and_a_new_one_in_the_gap_are_told(ada: AwatchFault, source: ClientSource) -> None:
    consumer, keys = Consumer(AwatchFault), Consumer(AwatchFault, raw=True)
    await consumer.begun()
    await keys.begun()
    client = source.client()
    async with client.pipeline(transaction=True) as pipe:
        pipe.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        pipe.execute_command("DEL", ada.key)
        pipe.execute_command("JSON.SET", "AwatchFault:new", "$", '{"score": 5}')
        await pipe.execute()
    await until(lambda: len(consumer.told) == 2, "both are told")
    assert {(change.key, change.kind) for change in consumer.told} == {
        (ada.key, "deleted"),
        ("AwatchFault:new", "set"),
    }
    await until(lambda: {ada.key, "AwatchFault:new"} <= set(keys.told), "both keys are told")
    await consumer.end()
    await keys.end()


async def test_it_goes_on_when_the_server_is_back(tmp_path: Path, rapyer_redis: EmbeddedServer) -> None:
    port = free_ports(1)[0]
    words = [*command_line(rapyer_redis), "--port", str(port), "--bind", "127.0.0.1"]
    words += ["--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    source = ClientSource.from_url(f"redis://127.0.0.1:{port}/0", deadline=0.2)
    with using(source):
        with running(tmp_path / "first", words, port):
            ada = await AwatchFault(score=1).asave()
            consumer = Consumer(ada)
            await consumer.begun()
        await until(lambda: feed_for(source).state.status == "disconnected", "it is gone")
        with running(tmp_path / "second", words, port):
            await until(lambda: [change.kind for change in consumer.told] == ["deleted"], "it is empty")
            ada.score = 2
            await ada.asave()
            await consumer.until_score(2)
        await consumer.end()
    await source.aclose()


async def test_a_server_that_is_not_there_is_told_by_the_first_step() -> None:
    nobody = ClientSource.from_url("redis://127.0.0.1:1/0", deadline=0.1)
    with using(nobody):
        stream = awatch(AwatchFault)
    with pytest.raises(RedisConnectionError, match="changes cannot be heard"):
        await asyncio.wait_for(anext(stream), 60)
    with using(nobody), pytest.raises(RedisConnectionError):
        async with awatch(AwatchFault):
            pass
    assert not feed_for(nobody).watched
    await nobody.aclose()


async def test_many_consumers_share_one_connection(ada: AwatchFault, source: ClientSource) -> None:
    client = source.client()
    before = await live_connections(client)
    consumers = [Consumer(ada) for _ in range(20)] + [Consumer(AwatchFault) for _ in range(20)]
    for consumer in consumers:
        await consumer.begun()
    assert await live_connections(client) == before + 1
    await ada.aupdate(score=7)
    for consumer in consumers:
        await consumer.until_score(7)
    for consumer in consumers:
        await consumer.end()
    for _ in range(3000):
        if await live_connections(client) == before:
            break
        await asyncio.sleep(0.01)
    assert await live_connections(client) == before


def test_each_event_loop_has_its_own_connection(rapyer_redis_url: str) -> None:
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    both, seen = threading.Barrier(2, timeout=60), []

    async def watch() -> None:
        user = await AwatchFault(score=1).asave()
        async with awatch(user) as changes:
            await asyncio.to_thread(both.wait)
            await user.aupdate(score=2)
            seen.append((await asyncio.wait_for(anext(changes), 30)).fields)
            await asyncio.to_thread(both.wait)

    threads = [threading.Thread(target=asyncio.run, args=(watch(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [{"score": (1, 2)}] * 2


async def test_a_slow_consumer_gets_the_last_value_and_few_changes(
    ada: AwatchFault, source: ClientSource
) -> None:
    async with awatch(AwatchFault) as changes:
        for score in range(1, 300):
            await ada.aupdate(score=score)  # nobody takes what comes
        assert len(changes._ready) == 0
        change = await asyncio.wait_for(anext(changes), 30)
        while change.model.score != 299:
            change = await asyncio.wait_for(anext(changes), 30)
        assert change.model.score == 299


async def test_after_a_loop_that_stood_still_it_goes_on(
    ada: AwatchFault, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.live.connection.SILENCE", 0.2)
    consumer = Consumer(ada)
    await consumer.begun()

    def write() -> None:
        with redis.Redis.from_url(rapyer_redis_url) as other:
            for score in range(1, 2000):
                other.execute_command("JSON.SET", ada.key, "$.score", score)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(1)  # noqa: ASYNC251 - the loop stands still, as in a kernel that computes
    await asyncio.to_thread(thread.join)
    await consumer.until_score(1999)
    await consumer.end()


async def test_a_connection_that_was_cut_while_the_loop_stood_still_is_made_again(
    ada: AwatchFault, rapyer_redis_url: str
) -> None:
    consumer = Consumer(ada)
    await consumer.begun()
    with redis.Redis.from_url(rapyer_redis_url) as other:
        other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        other.execute_command("JSON.SET", ada.key, "$.score", 7)
    await consumer.until_score(7)
    await consumer.end()


@pytest.mark.parametrize("flags", ["", "Kdgx"])
async def test_without_tracking_it_hears_by_the_next_best(
    ada: AwatchFault, source: ClientSource, monkeypatch: pytest.MonkeyPatch, flags: str
) -> None:
    async def refused(self: Tracking, connection: Any) -> bool:
        return False

    monkeypatch.setattr(Tracking, "start", refused)
    monkeypatch.setattr("rapyer.live.polling.QUICK", 0.02)
    monkeypatch.setattr("rapyer.live.polling.SLOW", 0.05)
    await source.client().config_set("notify-keyspace-events", flags)
    try:
        async with awatch(AwatchFault) as changes:
            assert changes.mode == ("notifications" if flags else "polling")
            await ada.aupdate(score=3)
            change = await asyncio.wait_for(anext(changes), 30)
            assert change.fields == {"score": (0, 3)}
            assert change.heard_by == changes.mode
    finally:
        await source.client().config_set("notify-keyspace-events", "")
    assert changes.mode == "idle"


async def test_a_stream_that_nobody_has_any_more_ends(ada: AwatchFault, source: ClientSource) -> None:
    stream = awatch(ada)
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(anext(stream), 0.2)
    stream._letting_go.cancel()  # type: ignore[union-attr]
    assert feed_for(source).watched
    del stream
    gc.collect()
    await until(lambda: not feed_for(source).watched, "nobody watches")


async def test_all_is_read_again_now_and_then_the_less_often_the_more_there_is(
    ada: AwatchFault, source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Any] = []
    listing = stock.list_keys

    async def noted(*arguments: Any) -> Any:
        listed.append(arguments)
        return await listing(*arguments)

    monkeypatch.setattr(stock, "list_keys", noted)
    monkeypatch.setattr(stock, "PAUSE", 0.0)
    feed = feed_for(source)
    feed._resync = 0.05
    consumer = Consumer(AwatchFault)
    await consumer.begun()
    await ada.aupdate(score=1)
    await consumer.until_score(1)
    await until(lambda: len(listed) > 4, "it is read again")
    monkeypatch.setattr(stock, "PAUSE", 3600.0)
    await until(lambda: consumer.stream._watches[0].rest == 3600.0, "it may rest")
    seen = len(listed)
    await asyncio.sleep(0.3)
    assert len(listed) <= seen + 1
    await ada.aupdate(score=2)
    await consumer.until_score(2)
    await source.client().flushall()  # which names no keys
    await until(lambda: consumer.told[-1].kind == "deleted", "it is told")
    await consumer.end()
