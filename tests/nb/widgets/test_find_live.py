"""A table of a search that keeps in step with Redis."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from redis.asyncio import Redis

import rapyer_nb
from rapyer import AtomicRedisModel, Index, RedisConfig, apipeline
from rapyer.live.feed import WINDOW
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer_nb.errors import NotebookError
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import LiveTable, close_all
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.live_table import follow_search
from tests.nb.desk import until
from tests.nb.notebook import open_notebook
from tests.nb.queued_cells import run_queued

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class LiveRow(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0
    note: str = ""


class LiveMortal(AtomicRedisModel):
    name: Index[str] = ""

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=100, refresh_ttl=True)


@pytest.fixture
async def people(source: ClientSource) -> list[LiveRow]:
    await LiveRow.acreate_index()
    rows = [LiveRow(name=f"n{age}", age=age) for age in range(5)]
    await LiveRow.ainsert(*rows)
    return rows


@pytest.fixture
async def table(people: list[LiveRow]) -> AsyncIterator[LiveTable]:
    table = await rapyer_nb.live_table(LiveRow, "age >= 2", sort="-age", limit=3)
    yield table
    table.close()


def shown(table: LiveTable) -> str:
    return str(table._table.value)


def names(table: LiveTable) -> list[str]:
    return [row.name for row in table.found]


async def settled(table: LiveTable) -> None:
    """Wait for the search that follows the beginning of listening."""
    await until(lambda: table._state == "live" and table.searches > 1 and not table._reading, "it is live")


async def test_it_shows_what_is_there_at_once(table: LiveTable) -> None:
    assert names(table) == ["n4", "n3", "n2"]
    assert "n4" in shown(table) and "3 of 3, " in shown(table)
    assert "3 of 3, " in table.text()
    bundle = table._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == table.text()


async def test_it_follows_changes_new_documents_and_deletions(
    table: LiveTable, people: list[LiveRow]
) -> None:
    await settled(table)
    await people[3].aupdate(age=9, name="first")
    await until(lambda: names(table) == ["first", "n4", "n2"], "a change is seen")
    fresh = await LiveRow(name="fresh", age=7).asave()
    await until(lambda: names(table) == ["first", "fresh", "n4"], "a new one is seen")
    assert "3 of 4, " in shown(table)
    await fresh.adelete()
    await people[3].aupdate(age=0)
    await until(lambda: names(table) == ["n4", "n2"] and "2 of 2, " in shown(table), "what left is gone")


async def test_what_changes_between_the_search_and_the_listening_is_not_missed(
    people: list[LiveRow],
) -> None:
    table = await rapyer_nb.live_table(LiveRow, LiveRow.age >= 4)
    await people[0].aupdate(age=8)  # nobody listens yet
    await until(lambda: sorted(names(table)) == ["n0", "n4"], "it is seen")
    table.close()


async def test_it_misses_nothing_while_another_one_keeps_the_feed_live(
    table: LiveTable, people: list[LiveRow]
) -> None:
    heard: list[object] = []
    keeper = feed_for(table._source).watch_prefix("LiveRow:", heard.append)
    await settled(table)
    table._view_count = 1
    table._view_count = 0
    await until(lambda: table.is_hidden and not table._reading, "it pauses")
    await changed(people[0], 30, heard)
    table._view_count = 1
    await until(lambda: names(table)[0] == "n0", "what changed while it was hidden is shown")

    first = await table._search()
    await changed(people[1], 31, heard)
    newcomer = follow_search(LiveRow, table._search, first, "the same")
    await until(lambda: names(newcomer)[0] == "n1", "what changed since its search is shown")
    newcomer.close()
    keeper.close()


async def changed(row: LiveRow, age: int, heard: list[object]) -> None:
    """Change a row, and wait until the feed has told of it and has nothing left to tell."""
    await asyncio.sleep(2 * WINDOW)
    heard.clear()
    await row.aupdate(age=age)
    await until(lambda: heard, "somebody hears of it")
    await asyncio.sleep(2 * WINDOW)


async def test_a_burst_costs_a_few_searches(table: LiveTable, people: list[LiveRow]) -> None:
    await settled(table)
    before, started = table.searches, time.monotonic()
    for age in range(300):
        await people[1].aupdate(age=age)
    await until(lambda: 299 in [row.age for row in table.found], "the last one is seen")
    assert table.searches - before <= (time.monotonic() - started) / WINDOW + 3


async def test_other_classes_cost_nothing(table: LiveTable) -> None:
    await settled(table)
    before = table.searches
    heard: list[object] = []
    other = feed_for(table._source).watch_prefix("LiveMortal:", heard.append)
    await other.ready()
    for number in range(10):
        heard.clear()
        await LiveMortal(name=f"n{number}").asave()
        await until(lambda: heard, "those who listen for that class hear of it")
    await LiveRow(name="marker", age=50).asave()
    await until(lambda: "marker" in names(table), "it hears of its own")
    assert table.searches - before <= 3
    other.close()


async def test_looking_does_not_keep_documents_alive(source: ClientSource) -> None:
    one = await LiveMortal(name="x").asave()
    client = source.client()
    await client.expire(one.key, 50)
    table = await rapyer_nb.live_table(LiveMortal)
    await until(lambda: table._state == "live" and table.searches > 1, "it is live")
    await LiveMortal(name="y").asave()
    await until(lambda: len(table.found) == 2, "it follows")
    before = table.searches
    # A search that changed something would make it search again and again.
    heard: list[None] = []
    watch = feed_for(table._source).watch(str(one.key), lambda: heard.append(None))
    await watch.ready()
    for number in range(5):
        await LiveMortal(name=f"marker {number}").asave()
        await until(lambda: len(table.found) == 3 + number, "it searches again")  # noqa: B023 - awaited here
    assert table.searches - before <= 5 + 2
    assert not heard
    watch.close()
    assert 0 < await client.ttl(one.key) <= 50
    table.close()


async def test_expired_documents_leave(source: ClientSource) -> None:
    one = await LiveRow(name="short", age=3).asave()
    table = await rapyer_nb.live_table(LiveRow)
    assert names(table) == ["short"]
    await settled(table)
    await source.client().pexpire(one.key, 20)
    await until(lambda: names(table) == [], "it left")
    assert "no LiveRow matches" in table.text()
    table.close()


async def test_hostile_values_are_escaped(table: LiveTable) -> None:
    await LiveRow(name="<img src=x onerror=alert(1)>", age=50, note="\x1b[31m" * 10_000).asave()
    await until(lambda: "&lt;img" in shown(table), "it is shown")
    assert "<img" not in shown(table) and "\x1b" not in shown(table)
    assert len(shown(table)) < 20_000


async def test_only_some_fields_and_at_most_so_many(people: list[LiveRow]) -> None:
    table = await rapyer_nb.live_table(LiveRow, fields="name", limit=2, sort="age")
    assert [type(row).__name__ for row in table.found] == ["LiveRowRow", "LiveRowRow"]
    assert "2 of 5, " in shown(table) and "note" not in shown(table)
    table.close()


async def test_a_search_that_fails_is_told_and_tried_again(
    table: LiveTable, people: list[LiveRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    await settled(table)
    search, broken = table._search, True

    async def failing() -> Any:
        if broken:
            raise RuntimeError("<b>no</b>")
        return await search()

    monkeypatch.setattr(table, "_search", failing)
    monkeypatch.setattr("rapyer_nb.widgets.rereading.RETRY_READ", 0.05)
    await people[0].aupdate(age=20)
    await until(lambda: "cannot search: RuntimeError: &lt;b&gt;no" in table._foot.value, "it is told")
    broken = False
    await until(lambda: names(table)[0] == "n0", "it goes on")
    assert "cannot search" not in table._foot.value


async def test_it_pauses_while_no_page_shows_it(table: LiveTable, people: list[LiveRow]) -> None:
    await settled(table)
    table._view_count = 1
    table._view_count = 0
    await until(lambda: table.is_hidden and not table._reading, "it pauses")
    before = table.searches
    heard: list[object] = []
    other = feed_for(table._source).watch_prefix("LiveRow:", heard.append)
    await other.ready()
    heard.clear()
    await people[0].aupdate(age=30)
    await until(lambda: heard, "somebody else hears of it")
    assert table.searches == before
    other.close()
    table._view_count = 1
    await until(lambda: names(table)[0] == "n0", "it has caught up")


async def test_the_older_one_goes_when_no_page_shows_it(people: list[LiveRow]) -> None:
    before = len(following)
    older = await rapyer_nb.live_table(LiveRow, "age > 1")
    newer = await rapyer_nb.live_table(LiveRow, "age > 1")
    other = await rapyer_nb.live_table(LiveRow, "age > 2")
    older._view_count = 1
    older._view_count = 0
    await until(lambda: len(following) == before + 2, "it is closed")
    for table in (newer, other):
        table.close()


async def test_closing_ends_its_connection(source: ClientSource, people: list[LiveRow]) -> None:
    table = await rapyer_nb.live_table(LiveRow)
    await settled(table)
    feed = feed_for(table._source)
    assert feed._watches
    close_all()
    await until(lambda: not feed._watches, "nobody watches")
    assert feed.state.status == "idle"
    table.close()


async def test_it_stays_on_the_server_that_it_was_made_for(
    source: ClientSource, people: list[LiveRow], rapyer_redis_url: str
) -> None:
    async with Redis.from_url(rapyer_redis_url, db=0) as client:
        other = ClientSource(lambda: client, lambda: "other")
        with using(other):
            table = await rapyer_nb.live_table(LiveRow, "age > 3")
        assert table._source is other
        await people[0].aupdate(age=44)
        await until(lambda: "n0" in names(table), "it follows")
        table.close()
        await asyncio.sleep(0)


async def test_an_open_pipeline_is_not_joined(people: list[LiveRow]) -> None:
    async with apipeline():
        table = await rapyer_nb.live_table(LiveRow, "age > 3")
        await until(lambda: table.searches > 1, "it searches beside the pipeline")
    table.close()


async def test_mistakes_show_before_there_is_a_table(people: list[LiveRow]) -> None:
    before = len(following)
    with pytest.raises(NotebookError, match="unknown field 'agee' on LiveRow; did you mean 'age'"):
        await rapyer_nb.live_table(LiveRow, "agee > 3")
    assert len(following) == before


def test_as_a_magic(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_notebook(rapyer_redis_url, monkeypatch) as notebook:
        shown = notebook.cell("table = %rapyer_find User age > 3 --sort age --live\ntable")
        assert isinstance(shown.value, LiveTable)
        assert "2 of 2, " in shown.text
        assert [user.name for user in shown.value.found] == ["Bob", "Ada"]
        assert "age &gt; 3 --sort age --limit 20" in shown.value._head.value
        assert "unknown field 'agee'" in notebook.cell("%rapyer_find User agee > 3 --live").text


def test_in_a_kernel_it_follows_between_cells(rapyer_redis_url: str) -> None:
    cells = [
        f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
        "from rapyer import AtomicRedisModel, Index\n"
        "class LiveUser(AtomicRedisModel):\n    age: Index[int] = 0\n"
        "user = await LiveUser(age=4).asave()",
        "table = %rapyer_find LiveUser age > 3 --live\ntable",
        "await user.aupdate(age=77)\nimport asyncio\n"
        "for _ in range(3000):\n"
        "    if [one.age for one in table.found] == [77]: break\n"
        "    await asyncio.sleep(0.01)\n"
        "print([one.age for one in table.found])",
        "%unload_ext rapyer_nb",
    ]
    runs = run_queued(cells)
    assert all(run.ok for run in runs), [run.error for run in runs]
    assert "application/vnd.jupyter.widget-view+json" in runs[2].outputs[0]
    assert runs[3].text.strip() == "[77]"
