"""The change feed of all keys that begin alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from rapyer.live import LiveFeed
from rapyer.live.modes import Notifications, Tracking, prefixes_for
from rapyer.live.watches import MOST_KEYS, PrefixWatch
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Source:
    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self) -> Any:
        return self._client


class Heard:
    """Collects what a watch of a prefix tells."""

    def __init__(self, feed: LiveFeed, prefix: str) -> None:
        self.told: list[frozenset[str] | None] = []
        self.watch = feed.watch_prefix(prefix, self.told.append)

    @property
    def keys(self) -> set[str]:
        return {key for told in self.told if told is not None for key in told}

    async def quiet(self) -> None:
        await self.watch.ready()
        await until(lambda: self.told, "the first delivery")
        await asyncio.sleep(0.1)  # the coalescing window: afterwards a change is a leading edge again
        self.told.clear()


@pytest.fixture
async def client(rapyer_redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(rapyer_redis_url)
    await client.flushall()
    yield client
    await client.config_set("notify-keyspace-events", "")
    await client.aclose()


@pytest.fixture(params=["tracking", "notifications"])
async def feed(request: pytest.FixtureRequest, client: Redis, monkeypatch: pytest.MonkeyPatch) -> LiveFeed:
    if request.param == "notifications":
        await client.config_set("notify-keyspace-events", "KA")
        monkeypatch.setattr(Tracking, "start", _refused)
    return LiveFeed(Source(client))


async def _refused(self: Any, connection: Any) -> bool:
    return False


async def test_changed_and_new_and_deleted_keys_are_named(client: Redis, feed: LiveFeed) -> None:
    await client.execute_command("JSON.SET", "User:1", "$", "{}")
    heard = Heard(feed, "User:")
    await heard.quiet()
    await client.execute_command("JSON.SET", "User:1", "$.n", "1")
    await client.execute_command("JSON.SET", "User:2", "$", "{}")
    await client.execute_command("JSON.SET", "Pet:2", "$", "{}")
    await client.delete("User:1")
    await until(lambda: heard.keys == {"User:1", "User:2"}, "both are heard")
    heard.watch.close()


async def test_a_prefix_with_signs_of_patterns_is_taken_as_it_is(client: Redis, feed: LiveFeed) -> None:
    heard = Heard(feed, "U[a]*?\\:")
    await heard.quiet()
    await client.set("Uaxx\\:1", "1")
    await client.set("U[a]*?\\:1", "1")
    await until(lambda: heard.told, "it is heard")
    assert heard.keys == {"U[a]*?\\:1"}
    heard.watch.close()


async def test_beside_watches_of_single_keys(client: Redis, feed: LiveFeed) -> None:
    single: list[None] = []
    exact = feed.watch("User:1", lambda: single.append(None))
    heard = Heard(feed, "User:")
    await heard.quiet()
    await exact.ready()
    single.clear()
    await client.set("User:1", "1")
    await until(lambda: single and heard.keys == {"User:1"}, "both hear it")
    heard.watch.close()
    single.clear()
    await asyncio.sleep(0.1)  # the window of the delivery before
    await client.set("User:1", "2")
    await until(lambda: single, "the other one goes on")
    assert feed.watched == {"User:1"}
    exact.close()


async def test_many_changes_come_in_few_deliveries_and_none_is_lost(client: Redis, feed: LiveFeed) -> None:
    heard = Heard(feed, "User:")
    await heard.quiet()
    async with client.pipeline(transaction=False) as pipeline:
        for number in range(500):
            pipeline.set(f"User:{number}", 1)
        await pipeline.execute()
    await until(lambda: len(heard.keys) == 500, "all are heard")
    assert len(heard.told) < 20
    heard.watch.close()


async def test_without_either_they_count_as_changed_at_every_look(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tracking, "start", _refused)
    monkeypatch.setattr(Notifications, "start", _refused)
    monkeypatch.setattr("rapyer.live.polling.QUICK", 0.05)
    monkeypatch.setattr("rapyer.live.polling.SLOW", 0.1)
    feed = LiveFeed(Source(client))
    heard = Heard(feed, "User:")
    await until(lambda: len(heard.told) > 2, "it is told again and again")
    assert set(heard.told) == {None}
    heard.watch.close()


def test_of_very_many_keys_no_names_are_kept() -> None:
    told: list[frozenset[str] | None] = []

    class Nobody:
        def unwatch(self, watch: object) -> None: ...

    watch = PrefixWatch(Nobody(), "User:", told.append, None)
    for number in range(MOST_KEYS + 1):
        watch.note(f"User:{number}")
    watch.on_change()
    watch.note("User:1")
    watch.on_change()
    assert told == [None, frozenset({"User:1"})]


def test_prefixes_cover_keys_and_one_another() -> None:
    assert prefixes_for(["User:1", "Pet:1"], ["User:", "User:admin:"]) == {"User:", "Pet:1"}
