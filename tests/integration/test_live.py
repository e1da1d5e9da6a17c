"""The change feed, against a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer.live import FeedState, LiveFeed, feed_for
from rapyer.live.connection import PushConnection
from rapyer.live.lines import ended
from rapyer.live.modes import EXACT_PREFIXES, Notifications, Tracking, prefixes_for
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Source:
    """A client, and how many times it was asked for."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self) -> Any:
        return self._client


@pytest.fixture
async def client(rapyer_redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(rapyer_redis_url)
    await client.flushall()
    yield client
    await client.config_set("notify-keyspace-events", "")
    await client.aclose()


@pytest.fixture
def source(client: Redis) -> Source:
    return Source(client)


class Heard:
    """Counts what a watch tells."""

    def __init__(self, feed: LiveFeed, key: str) -> None:
        self.times: list[float] = []
        self.states: list[str] = []
        self.watch = feed.watch(key, self._changed, self._state)

    def _changed(self) -> None:
        self.times.append(time.perf_counter())

    def _state(self, state: FeedState) -> None:
        self.states.append(state.status)

    async def quiet(self) -> None:
        """Wait for the reads that follow connecting, and forget them."""
        await self.watch.ready()
        await until(lambda: self.times, "the first delivery")
        await asyncio.sleep(0.1)  # the coalescing window: afterwards a change is a leading edge again
        self.times.clear()

    async def next(self) -> float:
        await until(lambda: self.times, "a change was heard")
        return self.times.pop(0)


async def subscribers(client: Redis) -> int:
    """Return how many connections beside this client's own the server has."""
    infos = await client.client_list()
    own = await client.client_id()
    return len([info for info in infos if int(info["id"]) != own])


async def test_a_change_is_heard_at_once_by_tracking(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    heard = Heard(feed, "User:1")
    await heard.quiet()
    delays = []
    for number in range(15):
        started = time.perf_counter()
        await client.execute_command("JSON.SET", "User:1", "$", f'{{"n": {number}}}')
        delays.append(await heard.next() - started)
        await asyncio.sleep(0.08)

    assert feed.mode == "tracking"
    assert statistics.median(delays) < 0.1
    heard.watch.close()


CHANGES = [
    ("JSON.SET", "User:1", "$.n", "2"),
    ("JSON.NUMINCRBY", "User:1", "$.n", "1"),
    ("JSON.DEL", "User:1", "$.n"),
    ("JSON.DEL", "User:1"),
    ("DEL", "User:1"),
    ("PEXPIRE", "User:1", "10"),
    ("RENAME", "User:1", "User:2"),
]


# For FLUSHALL the server sends no notification; there only the regular re-read finds it.
@pytest.mark.parametrize(
    ("mode", "command"),
    [
        *(("tracking", change) for change in [*CHANGES, ("FLUSHALL",)]),
        *(("notifications", change) for change in CHANGES),
    ],
)
async def test_every_kind_of_change_is_heard(
    client: Redis, source: Source, mode: str, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "notifications":
        await without_tracking(client, monkeypatch)
    await client.execute_command("JSON.SET", "User:1", "$", '{"n": 1}')
    feed = LiveFeed(source)
    heard = Heard(feed, "User:1")
    await heard.quiet()

    await client.execute_command(*command)

    await heard.next()
    assert feed.mode == mode
    heard.watch.close()


async def without_tracking(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(self: Tracking, connection: Any) -> bool:
        return False

    monkeypatch.setattr(Tracking, "start", refused)
    await client.config_set("notify-keyspace-events", "Kdgx")


async def test_without_tracking_and_notifications_it_looks_at_intervals(
    client: Redis, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    await without_tracking(client, monkeypatch)
    await client.config_set("notify-keyspace-events", "")
    feed = LiveFeed(source)
    heard = Heard(feed, "User:1")
    await heard.quiet()

    await client.execute_command("JSON.SET", "User:1", "$", "1")

    await heard.next()
    assert feed.mode == "polling"
    assert feed.state.status == "polling"
    assert (await client.config_get("notify-keyspace-events"))["notify-keyspace-events"] == ""
    heard.watch.close()


async def test_notifications_need_the_events_of_documents(client: Redis, source: Source) -> None:
    class Answers:
        database = 0

        def __init__(self, flags: bytes) -> None:
            self._flags = flags

        async def call(self, *words: str) -> Any:
            return {b"notify-keyspace-events": self._flags}

    for flags, enough in [(b"", False), (b"K$", False), (b"Kdgx", True), (b"AK", True), (b"AE", False)]:
        assert await Notifications().start(Answers(flags)) is enough  # type: ignore[arg-type]


async def test_a_burst_is_heard_a_few_times_and_its_end_is_not_lost(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    heard = Heard(feed, "User:1")
    await heard.quiet()

    for number in range(300):
        await client.execute_command("JSON.SET", "User:1", "$", str(number))
    ended = time.perf_counter()
    await until(lambda: heard.times and heard.times[-1] > ended - 0.001, "the end of the burst")

    assert len(heard.times) < 40
    heard.watch.close()


async def test_only_watched_keys_are_heard(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    one, other = Heard(feed, "User:1"), Heard(feed, "User:12")
    await one.quiet()
    await other.quiet()

    await client.set("User:12", "x")
    await other.next()

    assert one.times == []
    one.watch.close()
    other.watch.close()


async def test_all_watchers_share_one_connection_which_ends_with_the_last(
    client: Redis, source: Source
) -> None:
    before = await subscribers(client)
    feed = feed_for(source)
    watches = [Heard(feed, f"User:{number % 3}") for number in range(6)]
    for heard in watches:
        await heard.watch.ready()

    assert feed_for(source) is feed
    assert await subscribers(client) == before + 1
    for heard in watches:
        heard.watch.close()
        heard.watch.close()
    assert feed.mode == "idle"
    end = time.monotonic() + 5
    while await subscribers(client) != before:
        assert time.monotonic() < end


async def test_a_key_that_is_watched_later_is_heard_too(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    first = Heard(feed, "User:1")
    await first.watch.ready()
    later = Heard(feed, "Order:7")
    await later.watch.ready()
    first.watch.close()

    await client.set("Order:7", "x")

    await later.next()
    later.watch.close()


async def test_after_a_lost_connection_everything_counts_as_changed(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    heard = Heard(feed, "User:1")
    await heard.quiet()

    await client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    await heard.next()
    assert heard.states == ["connecting", "live", "disconnected", "live"]
    heard.watch.close()


async def test_a_server_that_cannot_be_reached_is_told() -> None:
    client = Redis(host="127.0.0.1", port=1)
    feed = LiveFeed(Source(client))
    heard = Heard(feed, "User:1")

    await until(lambda: heard.states == ["connecting", "disconnected"], "the state")

    assert "connect" in feed.state.reason.lower()
    heard.watch.close()
    await client.aclose()


async def test_a_failing_watcher_does_not_cost_the_others_their_news(client: Redis, source: Source) -> None:
    failures: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    feed = LiveFeed(source)

    def fail() -> None:
        raise RuntimeError("mine")

    broken = feed.watch("User:1", fail)
    heard = Heard(feed, "User:1")
    await heard.quiet()

    await client.set("User:1", "x")

    await heard.next()
    assert failures
    broken.close()
    heard.watch.close()


async def test_changes_can_be_iterated(client: Redis, source: Source) -> None:
    feed = LiveFeed(source)
    changes = feed.changes("User:1", "User:2")
    assert {await anext(changes), await anext(changes)} == {"User:1", "User:2"}

    await client.set("User:2", "x")
    while await anext(changes) != "User:2":
        pass

    await changes.aclose()  # type: ignore[attr-defined]
    assert feed.mode == "idle"


async def test_a_feed_that_hears_nothing_tells_to_read_again_now_and_then(source: Source) -> None:
    feed = LiveFeed(source, resync=0.05)
    heard = Heard(feed, "User:1")
    await heard.watch.ready()

    await until(lambda: len(heard.times) > 2, "the regular re-read")
    heard.watch.close()


async def test_the_caller_of_a_broken_connection_is_told(client: Redis) -> None:
    connection = PushConnection(client)
    await connection.open()
    await connection.close()

    with pytest.raises(RedisConnectionError, match="the live connection is closed"):
        await connection.call("PING")


def test_few_keys_are_their_own_prefixes() -> None:
    assert prefixes_for(["User:1", "User:12", "User:2"]) == {"User:1", "User:2"}


def test_many_keys_are_covered_by_their_class() -> None:
    many = [f"User:{number}" for number in range(EXACT_PREFIXES)]

    assert prefixes_for([*many, "Order:1", "odd"]) == {"User:", "Order:", "odd"}


async def test_a_reader_that_swallows_a_cancellation_ends_all_the_same() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    reader = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(ended(reader), 5)
    assert reader.cancelled()


async def test_the_error_of_a_reader_that_ended_by_itself_is_nobodys() -> None:
    async def broken() -> None:
        raise ConnectionError("gone")

    reader = asyncio.ensure_future(broken())
    await asyncio.sleep(0)
    await ended(reader)
    assert isinstance(reader.exception(), ConnectionError)
