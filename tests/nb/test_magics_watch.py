"""`%rapyer_watch`, `rapyer_nb.watch`, and the log that goes on by itself."""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from pydantic import Field
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

import rapyer_nb
from rapyer import AtomicRedisModel, RedisConfig, apipeline
from rapyer.errors import InvalidKeyError, RapyerModelDoesntExistError
from rapyer.live.connection import PushConnection
from rapyer.live.feed import WINDOW
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer.types import RedisSet
from rapyer_nb.errors import NotebookError
from rapyer_nb.live import feed_for
from rapyer_nb.seeing import Follower, Journal, Subject, follow
from rapyer_nb.snapshots import Change
from rapyer_nb.widgets import Timeline, close_all
from tests.nb.desk import until
from tests.nb.notebook import MODELS, Notebook
from tests.nb.queued_cells import kernel, report, run_queued

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from rapyer_nb.live import LiveFeed
    from rapyer_nb.seeing import Entry
    from rapyer_nb.server import EmbeddedServer

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


BIRTHDAYS = """
import asyncio
async def birthdays():
    for age in range(100, 1000):  # the first ones may come before somebody listens
        await asyncio.sleep(0.2)
        await ada.aupdate(age=age)
task = asyncio.create_task(birthdays())
"""


class WatchedUser(AtomicRedisModel):
    name: str = ""
    age: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


class WatchedMortal(AtomicRedisModel):
    name: str = ""

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=100)


@pytest.fixture
async def raw(source: ClientSource) -> Redis:
    return source.client()


class Watching:
    """Somebody who watches, in a task of his own."""

    def __init__(self, *watched: Any) -> None:
        self.journal = Journal("test")
        self.follower = Follower(Subject.of(watched), self.journal)
        self.told: list[Entry] = []
        self.ready = asyncio.Event()
        self.task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        prepare = self.follower.prepare

        async def prepared(told: Any = None) -> None:
            await prepare(told)
            self.ready.set()

        self.follower.prepare = prepared  # type: ignore[method-assign]
        await follow(self.follower, None, self.told.extend)

    def changes(self) -> list[tuple[str, str, list[str]]]:
        return [
            (entry.change.kind, entry.change.key, [f"{part.sign}{part.path}" for part in entry.change.parts])
            for entry in self.told
        ]

    async def until(self, number: int) -> None:
        await until(lambda: len(self.told) >= number, f"{number} changes are told, not {self.changes()}")

    async def end(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


def _after(entry: Entry) -> Any:
    """Return what the first part that changed holds."""
    return entry.change.parts[0].after if entry.change.parts else None


@pytest.fixture
async def ada(source: ClientSource) -> WatchedUser:
    return await WatchedUser(name="Ada", age=36, tags={"a"}).asave()


def _source() -> ClientSource:
    return registry.source_for(WatchedUser)


# What is told ----------------------------------------------------------------------------------------------


async def test_changes_new_ones_and_deletions_are_told(ada: WatchedUser) -> None:
    watching = Watching(WatchedUser)
    await watching.ready.wait()
    await ada.aupdate(age=37)
    await watching.until(1)
    new = await WatchedUser(name="new").asave()
    await watching.until(2)
    await new.adelete()
    await watching.until(3)
    assert watching.changes() == [
        ("changed", ada.key, ["~age"]),
        ("new", new.key, ["+"]),
        ("gone", new.key, ["-"]),
    ]
    (part,) = watching.told[0].change.parts
    assert (part.before, part.after) == (36, 37)
    await watching.end()
    assert not list(feed_for(_source())._watches)


async def test_sets_and_times_to_live_are_told(ada: WatchedUser, raw: Redis) -> None:
    watching = Watching(ada)
    await watching.ready.wait()
    await ada.tags.aadd("b")
    await watching.until(1)
    await raw.expire(ada.key, 500)
    await watching.until(2)
    assert watching.changes() == [("changed", ada.key, ["+tags"]), ("changed", ada.key, ["~TTL"])]
    await watching.end()


async def test_a_key_ends_and_that_is_told(source: ClientSource, raw: Redis) -> None:
    mortal = await WatchedMortal(name="x").asave()
    watching = Watching(str(mortal.key))
    await watching.ready.wait()
    await raw.pexpire(mortal.key, 30)
    await until(lambda: any(kind == "gone" for kind, _, _ in watching.changes()), "the end is told")
    await watching.end()


async def test_only_what_is_watched_is_told(ada: WatchedUser) -> None:
    watching = Watching(str(ada.key))
    await watching.ready.wait()
    await WatchedUser(name="other").asave()
    await WatchedMortal().asave()
    await ada.aupdate(name="Grace")
    await watching.until(1)
    assert watching.changes() == [("changed", ada.key, ["~name"])]
    await watching.end()


async def test_a_second_watcher_misses_nothing_although_the_feed_runs_already(ada: WatchedUser) -> None:
    first, second = Watching(WatchedUser), None
    await first.ready.wait()
    second = Watching(WatchedUser)
    await second.ready.wait()
    await ada.aupdate(age=1)
    await second.until(1)
    await first.until(1)
    assert first.changes() == second.changes() == [("changed", ada.key, ["~age"])]
    await first.end()
    await ada.aupdate(age=2)
    await second.until(2)
    await second.end()


async def test_many_writes_become_few_entries_and_none_is_lost(ada: WatchedUser) -> None:
    watching = Watching(WatchedUser)
    await watching.ready.wait()
    started = time.monotonic()
    for age in range(200):
        await ada.aupdate(age=age)
    await until(lambda: watching.told and _after(watching.told[-1]) == 199, "the last is told")
    assert len(watching.told) <= min((time.monotonic() - started) / WINDOW + 3, 200)
    await watching.end()


async def test_of_a_class_with_too_many_documents_changes_are_told_without_what_was_before(
    ada: WatchedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await WatchedUser(name="Bob").asave()
    monkeypatch.setattr("rapyer_nb.seeing.watching.MOST_KNOWN", 1)
    watching = Watching(WatchedUser)
    await watching.ready.wait()
    await ada.aupdate(age=1)
    await watching.until(1)
    await ada.aupdate(age=2)
    await watching.until(2)
    await bob.adelete()
    await watching.until(3)
    assert watching.changes() == [
        ("changed", ada.key, []),
        ("changed", ada.key, ["~age"]),
        ("gone", bob.key, []),
    ]
    assert "more than 1 documents" in watching.journal.text()
    await watching.end()


@pytest.mark.parametrize("most", [1, 10_000])
async def test_locks_are_no_documents(
    ada: WatchedUser, raw: Redis, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    await WatchedUser(name="Bob").asave()
    monkeypatch.setattr("rapyer_nb.seeing.watching.MOST_KNOWN", most)
    watching = Watching(WatchedUser)
    await watching.ready.wait()
    await ada.aupdate(age=0)
    await watching.until(1)
    async with ada.alock():
        await ada.aupdate(age=1)
    fence = f"{ada.key}/default:lock:fence"
    assert await raw.exists(fence)
    await raw.delete(fence)
    await ada.aupdate(age=2)
    await until(lambda: watching.told and _after(watching.told[-1]) == 2, "the last is told")
    assert {(kind, key) for kind, key, _ in watching.changes()} == {("changed", ada.key)}
    await watching.end()


async def test_a_key_that_is_named_is_told_of_whatever_it_is(ada: WatchedUser, raw: Redis) -> None:
    fence = f"{ada.key}/default:lock:fence"
    watching = Watching(fence)
    await watching.ready.wait()
    await raw.set(fence, 1)
    await watching.until(1)
    assert watching.changes() == [("new", fence, ["+"])]
    await watching.end()


async def test_where_not_all_can_be_watched_nothing_is(
    ada: WatchedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = feed_for(_source())
    monkeypatch.setattr("rapyer.watching.listening.feed_for", _once(feed))
    follower = Follower(Subject.of([WatchedUser, WatchedMortal]), Journal("test"))
    with pytest.raises(NotebookError, match="no second one"):
        follower.watch(lambda: None)
    assert not list(feed._watches)
    assert feed.state.status == "idle"


def _once(feed: LiveFeed) -> Callable[[Any], LiveFeed]:
    given: list[Any] = []

    def feed_of(source: Any) -> LiveFeed:
        if given:
            raise NotebookError("no second one")
        given.append(source)
        return feed

    return feed_of


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    nobody = ClientSource.from_url("redis://127.0.0.1:1/0", deadline=0.1)
    with using(nobody), pytest.raises(RedisConnectionError, match="127.0.0.1:1"):
        await asyncio.wait_for(rapyer_nb.watch(WatchedUser, seconds=0.1), 60)
    assert not list(feed_for(nobody)._watches)


async def test_a_connection_that_cannot_listen_is_told(
    ada: WatchedUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(self: PushConnection) -> None:
        raise RedisConnectionError("no room")

    monkeypatch.setattr(PushConnection, "open", refused)
    with pytest.raises(NotebookError, match="changes cannot be heard: no room"):
        await asyncio.wait_for(rapyer_nb.watch(WatchedUser, seconds=0.1), 60)
    assert not list(feed_for(_source())._watches)


async def test_a_user_who_may_not_count_keys_may_watch(ada: WatchedUser, raw: Redis) -> None:
    await raw.acl_setuser(
        "watcher",
        enabled=True,
        nopass=True,
        keys=["*"],
        channels=["*"],
        categories=["+@all"],
        commands=["-dbsize"],
    )
    path: Any = raw.connection_pool.connection_kwargs.get("path")
    limited = ClientSource.from_client(Redis(unix_socket_path=path, username="watcher", password="x"))
    try:
        with using(limited):
            log = await asyncio.wait_for(rapyer_nb.watch(WatchedUser, seconds=0.1), 60)
        assert len(log) == 0
    finally:
        await limited.client().aclose()
        await raw.acl_deluser("watcher")


async def test_a_read_that_fails_loses_nothing(ada: WatchedUser, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(Subject.of([WatchedUser]), Journal("test"))
    await follower.prepare()
    follower.doubt()
    await ada.aupdate(age=5)

    async def broken(*arguments: Any) -> Any:
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("rapyer_nb.seeing.watching.capture_keys", broken)
        with pytest.raises(ConnectionError):
            await follower.look()
    (entry,) = await follower.look()
    assert entry.change.key == ada.key
    assert await follower.look() == []


# The magic, and Python ---------------------------------------------------------------------------------------


async def test_it_is_the_same_in_python(ada: WatchedUser, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = Follower.prepare

    async def prepared(follower: Follower, told: Any = None) -> None:
        await prepare(follower, told)
        await ada.aupdate(age=99)  # what is there was read

    monkeypatch.setattr(Follower, "prepare", prepared)
    log = await rapyer_nb.watch(WatchedUser, seconds=3)
    (entry,) = log
    assert entry.change.key == ada.key
    assert f"~ {ada.key}  changed at " in log.text()
    assert "~ age: 36 → 99" in log.text()
    assert "WatchedUser: 1 change since " in log.text()
    assert "(1 changed)" in log.text()


def test_a_cell_waits_and_tells_as_it_comes(notebook: Notebook) -> None:
    shown = notebook.cell(f"{BIRTHDAYS}log = %rapyer_watch ada --seconds 3\ntask.cancel()\nlog")
    assert shown.error is None, shown.text
    log = notebook["log"]
    assert {entry.change.key for entry in log} == {notebook["ada"].key}
    part = log.entries[-1].change.parts[0]
    assert shown.text.count(f"~ age: {part.before} → {part.after}") == 2  # as it came, and as the value
    assert "rapyer-changes" in shown.html


def test_classes_variables_and_keys_can_be_named_together(notebook: Notebook) -> None:
    notebook.run("class Team(AtomicRedisModel):\n    name: str = ''\nboth = [ada, bob]")
    log = notebook.run("%rapyer_watch Team both --seconds 0.05")
    assert log.about == f"Team, {notebook['ada'].key}, {notebook['bob'].key}"
    assert len(log) == 0
    assert "no change since" in log.text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Usr", "'Usr' is neither a key nor a variable; did you mean 'User'?"),
        ("Nope:1 --seconds 1", "no model class has keys that start with Nope:"),
        ("User --seconds no", "a positive number of seconds is needed, not 'no'"),
        ("User --seconds -1", "a positive number of seconds is needed, not '-1'"),
        ("User --second 1", "%rapyer_watch: unknown option '--second'; did you mean '--seconds'?"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    shown = notebook.cell(f"%rapyer_watch {line}")
    assert message in shown.text
    assert len(shown.text.strip().splitlines()) == 1


async def test_mistakes_in_python(source: ClientSource) -> None:
    with pytest.raises(NotebookError, match="there is nothing to watch"):
        await rapyer_nb.watch(seconds=1)
    with pytest.raises(RapyerModelDoesntExistError):
        await rapyer_nb.watch("NoSuchClassAtAll:1", seconds=1)
    with pytest.raises(InvalidKeyError):
        await rapyer_nb.watch("nokey", seconds=1)


async def test_another_connection_is_watched_with_alias(ada: WatchedUser, second: EmbeddedServer) -> None:
    other = ClientSource.from_url(second.url)
    with using(other):
        watching = Watching(WatchedUser)
        there = await WatchedUser(name="there").asave()
    await watching.ready.wait()
    await ada.aupdate(age=1)
    with using(other):
        await there.aupdate(age=2)
    await until(lambda: any(key == there.key for _, key, _ in watching.changes()), "that one is told")
    assert not any(key == ada.key for _, key, _ in watching.changes())
    await watching.end()
    await other.aclose()


async def test_hostile_values_are_shown_safely(source: ClientSource, raw: Redis) -> None:
    user = await WatchedUser(name="x").asave()
    follower = Follower(Subject.of([WatchedUser]), Journal(HOSTILE))
    await follower.prepare()
    follower.doubt()
    await user.aupdate(name=HOSTILE + "y" * 1_000_000)
    await follower.look()
    html, text = follower.journal.html(), follower.journal.text()
    assert "<img" not in html
    assert "\x1b" not in html + text
    assert len(html) < 10_000


def test_a_long_log_is_cut() -> None:
    journal = Journal("test")
    for number in range(3000):
        journal.add([Change(f"K:{number}", "K", "changed", ())])
    assert len(journal) == 1000
    assert "3,000 changes" in journal.text()
    lines = journal.text().splitlines()
    assert lines[1].startswith("~ K:2999")
    assert len(lines) < 30


# The log that goes on by itself ------------------------------------------------------------------------------


@pytest.fixture
async def log(ada: WatchedUser) -> AsyncIterator[Timeline]:
    log = await rapyer_nb.watch(WatchedUser)
    yield log
    log.close()


async def settled(log: Timeline) -> None:
    await until(lambda: log._state == "live" and not log._reading, "it is live")


async def test_a_log_goes_on_while_others_work(log: Timeline, ada: WatchedUser) -> None:
    await settled(log)
    await ada.aupdate(age=37)
    await until(lambda: ">37<" in log._table.value, "the change is shown")
    assert "~ age: 36 → 37" in log.text()
    bundle = log._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == log.text()


async def test_what_changes_before_it_listens_is_told(ada: WatchedUser) -> None:
    keeper = feed_for(_source()).watch_prefix("WatchedUser:", lambda keys: None)
    await keeper.ready()  # the feed is live already, and tells a newcomer nothing
    log = await rapyer_nb.watch(WatchedUser)
    await ada.aupdate(age=37)
    await until(lambda: ">37<" in log._table.value, "the change is shown")
    log.close()
    keeper.close()


async def test_a_log_pauses_while_no_page_shows_it_and_tells_what_it_missed(
    log: Timeline, ada: WatchedUser
) -> None:
    await settled(log)
    log._view_count = 1
    log._view_count = 0
    await until(lambda: log._state == "suspended", "it pauses")
    await ada.aupdate(name="Grace")
    assert "Grace" not in log._table.value
    log._view_count = 1
    await until(lambda: "Grace" in log._table.value, "what it missed is shown")


async def test_a_pipeline_that_is_open_where_it_is_made_is_not_its_own(ada: WatchedUser) -> None:
    async with apipeline():
        log = await rapyer_nb.watch(WatchedUser)
    await ada.aupdate(age=41)
    await until(lambda: ">41<" in log._table.value, "the change is shown")
    log.close()


async def test_closing_ends_it(log: Timeline, ada: WatchedUser) -> None:
    await settled(log)
    close_all()
    assert log._closed
    assert not list(feed_for(_source())._watches)
    watching = Watching(WatchedUser)
    await watching.ready.wait()
    await ada.aupdate(age=60)
    await watching.until(1)  # another one has heard of it
    await ada.aupdate(age=61)
    await watching.until(2)
    assert len(log.journal) == 0
    await watching.end()


def test_in_a_kernel_a_log_goes_on_between_cells(rapyer_redis_url: str, tmp_path: Path) -> None:
    runs = run_queued(
        [
            f"import os\nos.environ['REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
            MODELS,
            "log = %rapyer_watch User",
            "await ada.aupdate(age=77)\n%rapyer_watch User --seconds 0.3",
            "import asyncio\nfor _ in range(3000):\n"
            "    if len(log.journal): break\n    await asyncio.sleep(0.01)\n"
            "print(log.text())\nlog.close()",
        ],
        cwd=tmp_path,
    )
    assert all(run.ok for run in runs), report(runs)
    assert "~ age: 36 → 77" in runs[4].text
    assert "no change since" in runs[3].outputs[-1]["text/plain"]


def test_in_a_kernel_what_is_shown_grows_in_place(rapyer_redis_url: str, tmp_path: Path) -> None:
    runs = run_queued(
        [
            f"import os\nos.environ['REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
            MODELS,
            f"{BIRTHDAYS}log = %rapyer_watch ada --seconds 3\n_ = task.cancel()",
        ],
        cwd=tmp_path,
    )
    assert all(run.ok for run in runs), report(runs)
    first, *updates, last = [output["text/plain"] for output in runs[2].outputs]
    assert "no change since" in first
    assert any("~ age: " in update for update in updates)
    assert re.search(r"\(\d+ changed\)$", last)  # what was shown in place has gone


def test_the_stop_button_ends_it_and_the_connection_goes_on(rapyer_redis_url: str) -> None:
    with kernel(env=os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url}) as (manager, client):
        shown: list[str] = []

        def interrupt(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "display_data" and "no change" in content["data"].get("text/plain", ""):
                shown.append("once")
                manager.interrupt_kernel()

        def run(source: str) -> Any:
            return client.execute_interactive(
                source, timeout=60, output_hook=interrupt, user_expressions={"age": "age"}
            )["content"]

        run("%load_ext rapyer_nb")
        run(MODELS)
        reply = run("%rapyer_watch ada --seconds 60")
        assert shown == ["once"]
        assert reply["status"] == "error"
        reply = run("await ada.aupdate(age=3)\nage = (await User.aget(ada.key)).age")
        assert reply["user_expressions"]["age"]["data"]["text/plain"] == "3"
