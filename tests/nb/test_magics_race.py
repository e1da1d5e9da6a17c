"""`%%rapyer_race` as a user sees it, and `rapyer_nb.race`."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
import redis
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel, apipeline
from rapyer.types import RedisPriorityQueue, RedisSet
from rapyer_nb import racing
from rapyer_nb.errors import NotebookError
from tests.nb.notebook import Notebook, open_notebook
from tests.nb.queued_cells import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.session.clients import ClientSource

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"
PLAYER = """
from rapyer import AtomicRedisModel, Index
from rapyer.types import RedisSet
from pydantic import Field

class RacePlayer(AtomicRedisModel):
    name: str = ""
    score: int = 0
    badges: list[str] = []
    tags: RedisSet[str] = Field(default_factory=RedisSet)

user = await RacePlayer(name="Ada").asave()
"""


class RaceUser(AtomicRedisModel):
    name: str = ""
    score: int = 0
    stock: int = 10
    moment: float = 0.0
    words: list[str] = []
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class RaceEntry(AtomicRedisModel):
    number: int = 0


@pytest.fixture
def notebook(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with open_notebook(rapyer_redis_url, monkeypatch, PLAYER) as opened:
        yield opened


# --- the magic ----------------------------------------------------------------------------------------------


def test_read_modify_write_loses_updates_and_the_report_teaches_why(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_race n=20 seed=7\nuser.score = user.score + 1\nawait user.asave()")
    assert shown.error is None, shown.text
    report = shown.value
    (finding,) = report.findings
    assert (finding.start, finding.expected) == (0, 20)
    assert 0 < finding.found < 20
    assert report.lost == 20 - finding.found
    assert not report.ok
    text = shown.text
    assert f"✕ {report.lost} updates were lost: 20 runs at the same time, seed 7, 40 steps" in text
    assert re.search(rf"✕ {report.lost} lost +score +0 +20 +{finding.found} +RacePlayer:", text)
    example = report.example
    reads, writes = example.steps[:-2], example.steps[-2:]
    assert [step.writes for step in example.steps] == [False] * len(reads) + [True, True]
    assert writes[0].run == example.loser != writes[1].run == example.winner
    assert writes[1].after <= writes[1].before
    assert f"How it happened first, on {notebook['user'].key}" in text
    assert f"run {example.winner} wrote score by what it had read before run {example.loser} wrote" in text
    assert (
        "cure: let Redis compute, await user.score.aincrease(…); or lock from the read to the write: async with "
        in text
    )
    assert "each run had a copy of user of its own, read at its start" in text
    assert "Redis is as it was before the race" in text
    assert notebook.run("user.score, (await RacePlayer.aget(user.key)).score") == (0, 0)


def test_the_same_seed_gives_the_same_race(notebook: Notebook) -> None:
    cell = "%%rapyer_race n=12 seed={}\nuser.score = user.score + 1\nawait user.asave()"

    def steps(seed: int) -> list[Any]:
        report = notebook.run(cell.format(seed))
        return [(step.run, step.command, step.writes) for step in report.steps], report.findings[0].found

    first = steps(3)
    assert all(steps(3) == first for _ in range(3))
    assert steps(4)[0] != first[0]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_an_atomic_increase_loses_nothing(notebook: Notebook, seed: int) -> None:
    shown = notebook.cell(f"%%rapyer_race n=20 seed={seed}\nawait user.score.aincrease(1)")
    assert shown.value.ok
    assert [(one.expected, one.found) for one in shown.value.findings] == [(20, 20)]
    assert f"✓ no update was lost: 20 runs at the same time, seed {seed}, 40 steps" in shown.text
    assert re.search(r"✓ +score +0 +20 +20 ", shown.text)
    assert "cure" not in shown.text


def test_a_lock_loses_nothing(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_race n=6\nasync with user.alock(save_at_end=True):\n    user.score = user.score + 1"
    )
    assert shown.error is None, shown.text
    assert shown.value.ok, shown.text
    assert [(one.expected, one.found) for one in shown.value.findings] == [(6, 6)]
    assert notebook.run("(await RacePlayer.aget(user.key)).score") == 0


def test_the_data_comes_back_with_all_that_lives_beside_it(notebook: Notebook, rapyer_redis_url: str) -> None:
    notebook.run("await user.tags.aadd('kept')\nawait user.aset_ttl(500)")
    with redis.Redis.from_url(rapyer_redis_url, decode_responses=True) as server:
        before = set(server.keys("*"))
        shown = notebook.cell(
            "%%rapyer_race n=5\nawait user.tags.aadd('new')\nawait user.aset_ttl(5)\n"
            "other = await RacePlayer(name='new').asave()\nawait user.adelete()"
        )
        assert "of 5 runs ended in" in shown.text or shown.error is None
        assert set(server.keys("*")) == before
        key = notebook["user"].key
        assert 490 <= server.ttl(key) <= 500
        assert (
            server.smembers(f"__rapyer_special__:{key}:tags") == {'"kept"'}
            or server.scard(f"__rapyer_special__:{key}:tags") == 1
        )


def test_keep_leaves_what_the_race_left(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_race n=10 seed=7 --keep\nuser.score = user.score + 1\nawait user.asave()")
    assert "Redis is as the race has left it" in shown.text
    assert notebook.run("(await RacePlayer.aget(user.key)).score") == shown.value.findings[0].found


def test_what_the_body_assigns_is_its_own_and_the_notebooks_names_are_seen(notebook: Notebook) -> None:
    notebook.run("step, total = 2, 5\ndef twice(x):\n    return 2 * x\nusers = [user]")
    shown = notebook.cell(
        "%%rapyer_race n=3\ntotal = total + step\nfor one in users:\n"
        "    await one.score.aincrease(twice(total))\nfresh = 1"
    )
    assert shown.error is None, shown.text
    assert [(one.expected, one.found) for one in shown.value.findings] == [(42, 42)]
    assert notebook["total"] == 5
    assert "fresh" not in notebook.shell.user_ns
    assert "a copy of users of its own" in shown.text


def test_other_magics_work_in_the_body(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_race n=3\nfound = %rapyer_find RacePlayer\nfor one in found:\n    await one.score.aincrease(1)"
    )
    assert shown.error is None, shown.text
    assert [(one.expected, one.found) for one in shown.value.findings] == [(3, 3)]


def test_an_error_in_the_body_keeps_its_traceback(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_race n=5\nawait user.score.aincrease(1)\n1 / 0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert "----> 3 1 / 0" in shown.text
    assert notebook.run("(await RacePlayer.aget(user.key)).score") == 0


def test_a_syntax_error_points_at_the_body(notebook: Notebook) -> None:
    text = notebook.cell("%%rapyer_race n=5\nuser.score = = 1").text
    assert "line 2" in text
    assert "SyntaxError: invalid syntax" in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("m=5", "%%rapyer_race: 'm=5' is not known; the form is n=50 seed=7"),
        ("sed=5", "%%rapyer_race: 'sed=5' is not known; did you mean 'seed'?"),
        ("n=1", "n is from 2 to 1,000, not 1; n is how many runs there are"),
        ("n=many", "%%rapyer_race: n is a whole number, not 'many'"),
        ("n=5 --kep", "%%rapyer_race: unknown option '--kep'; did you mean '--keep'?"),
    ],
)
def test_mistakes_in_the_line_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    assert (
        notebook.cell(f"%%rapyer_race {line}\nawait user.asave()").text.strip() == f"NotebookError: {message}"
    )


def test_a_variable_gives_the_number(notebook: Notebook) -> None:
    notebook.run("number = 4")
    report = notebook.run("%%rapyer_race n=$number seed={number + 1}\nawait user.score.aincrease(1)")
    assert (report.runs, report.seed) == (4, 5)


def test_a_model_that_is_not_stored_is_named(notebook: Notebook) -> None:
    notebook.run("new = RacePlayer()")
    text = notebook.cell("%%rapyer_race n=5\nnew.score += 1").text.strip()
    assert (
        text == "NotebookError: 'new' is not stored, so there is nothing to race for; await new.asave() first"
    )


def test_a_body_that_yields_is_refused(notebook: Notebook) -> None:
    text = notebook.cell("%%rapyer_race n=5\nyield user").text.strip()
    assert "yield" in text


@pytest.mark.parametrize("way", ["%%time\n", "%%capture shown\n"])
def test_under_other_cell_magics(notebook: Notebook, way: str) -> None:
    shown = notebook.cell(f"{way}%%rapyer_race n=3\nawait user.score.aincrease(1)")
    assert shown.error is None, shown.text
    assert notebook.run("(await RacePlayer.aget(user.key)).score") == 0


def test_hostile_values_are_escaped(notebook: Notebook) -> None:
    notebook.run(f"await user.aupdate(name={HOSTILE!r})")
    shown = notebook.cell(
        "%%rapyer_race n=4 seed=2\nuser.badges.append(user.name * 10000)\nawait user.asave()"
    )
    assert shown.error is None, shown.text
    assert "<img" not in shown.html
    assert "\x1b" not in shown.html
    assert len(shown.html) < 12_000


def test_the_stop_button_ends_it_and_puts_the_data_back(rapyer_redis_url: str) -> None:
    with kernel(env=os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url}) as (manager, client):
        started: list[str] = []

        def interrupt(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and "started" in message["content"]["text"] and not started:
                started.append("once")
                manager.interrupt_kernel()

        def run(source: str) -> Any:
            reply = client.execute_interactive(
                source, timeout=60, output_hook=interrupt, user_expressions={"score": "score"}
            )
            return reply["content"]

        run("%load_ext rapyer_nb")
        run(PLAYER)
        run("times = []")
        reply = run(
            "%%rapyer_race n=1000\nawait user.score.aincrease(1)\ntimes.append(1)\n"
            "if len(times) == 20:\n    print('started')"
        )
        assert started == ["once"]
        assert reply["status"] == "error"
        reply = run("score = (await RacePlayer.aget(user.key)).score")
        assert reply["user_expressions"]["score"]["data"]["text/plain"] == "0"


# --- in Python ----------------------------------------------------------------------------------------------


async def stored(model: AtomicRedisModel) -> Any:
    return await type(model).aget(model.key)


async def test_lost_updates_in_lists_sets_and_queues(source: ClientSource) -> None:
    user = await RaceUser().asave()

    async def careless() -> None:
        own = await RaceUser.aget(user.key)
        own.words.append("word")
        await own.asave()

    async def careful() -> None:
        own = await RaceUser.aget(user.key)
        await own.words.aappend("word")
        await own.tags.aadd("tag")
        await own.jobs.apush("job", 1)

    report = await rapyer_nb.race(careless, n=10, seed=3)
    (finding,) = report.findings
    assert finding.path == "words"
    assert finding.lost == 10 - len(finding.found) > 0
    assert "await user.words.aappend(…)" in report.view().text()
    report = await rapyer_nb.race(careful, n=10, seed=3)
    assert report.ok
    assert {finding.path: len(finding.found) for finding in report.findings} == {
        "words": 10,
        "tags": 1,
        "jobs": 1,
    }
    assert (await stored(user)).words == []


async def test_acting_on_what_has_changed_since_gives_more_than_any_order(source: ClientSource) -> None:
    user = await RaceUser(stock=1).asave()

    async def buy() -> None:
        own = await RaceUser.aget(user.key)
        if own.stock > 0:
            await own.stock.aincrease(-1)

    report = await rapyer_nb.race(buy, n=10, seed=2)
    (finding,) = report.findings
    assert (finding.start, finding.expected) == (1, 0)
    assert finding.found < 0
    assert finding.kind == "more"
    assert not report.ok
    assert "✕ the result is none that the runs have one after the other" in report.summary()
    text = report.view().text()
    assert "✕ more than any order gives" in text
    assert "which was not true any more" in text
    assert "cure: lock from the read to the write" in text


async def test_times_and_random_keys_are_not_taken_for_losses(source: ClientSource) -> None:
    user = await RaceUser().asave()
    clock = iter(range(1, 10_000))

    async def work() -> None:
        await RaceEntry(number=1).asave()
        await (await RaceUser.aget(user.key)).aupdate(moment=float(next(clock)))

    report = await rapyer_nb.race(work, n=5)
    assert report.ok, report.view().text()
    assert {finding.path: (finding.expected, finding.found) for finding in report.findings}[
        "new documents"
    ] == (5, 5)
    assert await RaceEntry.afind() == []


async def test_runs_that_fail_have_told_so(source: ClientSource) -> None:
    user = await RaceUser().asave()
    started = iter(range(100))

    async def work() -> None:
        number = next(started)
        own = await RaceUser.aget(user.key)
        if number in {2, 4}:
            raise RuntimeError("no time")
        await own.score.aincrease(1)

    report = await rapyer_nb.race(work, n=6)
    assert report.ok
    assert [(one.expected, one.found) for one in report.findings] == [(4, 4)]
    assert (
        "⚠ 2 of 6 runs ended in RuntimeError: no time; they are not counted as lost" in report.view().text()
    )


async def test_runs_that_wait_for_one_another_are_given_up(source: ClientSource) -> None:
    user = await RaceUser().asave()
    waiting: list[asyncio.Event] = []

    async def work() -> None:
        await (await RaceUser.aget(user.key)).score.aincrease(1)
        waiting.append(asyncio.Event())
        if len(waiting) > 1:
            await waiting[-1].wait()

    report = await racing.race(work, runs=3, stuck=0.2)
    assert report.stuck == (1, 2, 3)
    assert "✕ 3 runs never ended, waiting for one another" in report.summary()
    assert (await stored(user)).score == 0


async def test_an_interrupt_stops_it_and_puts_the_data_back(source: ClientSource) -> None:
    user = await RaceUser().asave()
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        own = await RaceUser.aget(user.key)
        own.score += 1
        await own.asave()
        if runs > 30:
            racing_task.cancel()

    racing_task = asyncio.ensure_future(rapyer_nb.race(work, n=50))
    with pytest.raises(asyncio.CancelledError):
        await racing_task
    assert (await stored(user)).score == 0
    assert len(asyncio.all_tasks()) == 1


async def test_transactions_are_one_step(source: ClientSource) -> None:
    one, other = await RaceUser().asave(), await RaceUser().asave()

    async def transfer() -> None:
        async with apipeline():
            await (one).score.aincrease(-1)
            await (other).score.aincrease(1)

    report = await rapyer_nb.race(transfer, n=10)
    assert report.ok
    assert sorted((found.expected, found.found) for found in report.findings) == [(-10, -10), (10, 10)]
    assert len(report.steps) == 10


async def test_not_inside_a_pipeline(source: ClientSource) -> None:
    async def work() -> None:
        raise AssertionError

    async with apipeline():
        with pytest.raises(NotebookError, match="a race cannot run inside a pipeline"):
            await rapyer_nb.race(work)


async def test_nothing_changed(source: ClientSource) -> None:
    async def work() -> None:
        await asyncio.sleep(0)

    report = await rapyer_nb.race(work, n=3)
    assert report.ok
    assert "the runs have changed no document" in report.view().text()


async def test_a_trace_around_it_sees_the_runs_and_not_the_lab(source: ClientSource) -> None:
    user = await RaceUser().asave()

    async def work() -> None:
        await RaceUser.aget(user.key)

    with rapyer_nb.trace() as trace:
        await rapyer_nb.race(work, n=4)
    assert trace.round_trips == 1 + 4 + 4
