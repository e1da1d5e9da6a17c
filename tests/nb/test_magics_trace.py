"""`%%rapyer_trace` as a user sees it, and `rapyer_nb.trace`."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING

import pytest
import redis
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer.types import RedisSet
from tests.nb.desk import until
from tests.nb.notebook import MODELS, Notebook
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.tracing import Trace

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class TraceUser(AtomicRedisModel):
    name: str = ""
    score: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


def test_a_cell_shows_its_commands_keys_bytes_and_time(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_trace\nada.age += 1\nawait ada.asave()\nawait User.aget(ada.key)")
    assert shown.error is None, shown.text
    assert shown.value.age == 37
    for word in ("trip", "command", "keys", "out", "in", "took", "when", "JSON.GET", "█"):
        assert word in shown.text, word
    assert notebook["ada"].key in shown.text
    assert re.search(
        r"\d+ commands?, 2 round trips, [\d.]+ K?B out, [\d.]+ K?B in, .* waited for Redis", shown.text
    )
    assert "rapyer-bar" in shown.html
    assert "<script" not in shown.html


def test_the_body_runs_as_it_would_without(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_trace --quiet\nusers = %rapyer_find User age > 20\nn = len(users)\nn")
    assert shown.value == 1
    assert notebook["n"] == 1
    assert re.search(r"commands?, \d+ round trips?", shown.text)
    assert "█" not in shown.text


def test_the_trace_can_be_kept(notebook: Notebook) -> None:
    notebook.run("%%rapyer_trace --result seen --quiet\nawait User.aget(ada.key)\nawait bob.aupdate(age=3)")
    seen = notebook["seen"]
    assert seen.round_trips == 2
    assert [(sent.name, sent.keys) for sent in seen.commands][0] == ("JSON.GET", (notebook["ada"].key,))
    assert seen.commands[1].keys[0] == notebook["bob"].key
    assert not seen.commands[0].writes
    assert seen.commands[1].writes
    assert 0 < seen.waited <= seen.seconds


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--result 3x", "%%rapyer_trace: argument --result: the name of a variable is needed, not '3x'"),
        ("--resul x", "%%rapyer_trace: unknown option '--resul'; did you mean '--result'?"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    assert message in notebook.cell(f"%%rapyer_trace {line}\n1").text


def test_a_cell_that_fails_shows_what_it_had_sent_and_its_own_traceback(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_trace\nawait User.aget(ada.key)\n1/0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert "----> 3 1/0" in shown.text
    assert "1 command, 1 round trip" in shown.text
    assert notebook.cell("await User.aget(ada.key)").error is None


def test_nothing_sent(notebook: Notebook) -> None:
    assert notebook.cell("%%rapyer_trace\nx = 1").text.strip().startswith("nothing was sent, ")


def test_a_loop_of_single_reads_is_found(notebook: Notebook) -> None:
    text = notebook.cell("%%rapyer_trace\nfor _ in range(6):\n    await User.aget(ada.key);").text
    assert "⚠ JSON.GET was sent 6 times, one round trip each; load many at once: User.afind(*keys)" in text
    text = notebook.cell("%%rapyer_trace\nawait User.afind(ada.key, bob.key)").text
    assert "⚠" not in text


def test_a_pipeline_is_one_round_trip(notebook: Notebook) -> None:
    text = notebook.cell(
        "%%rapyer_trace\nfrom rapyer import apipeline\nasync with apipeline():\n"
        "    await ada.aupdate(age=1)\n    await bob.aupdate(age=2)\n    await bob.tags.aappend('x')"
    ).text
    assert "3 commands, 1 round trip" in text
    assert "1 MULTI" in text


def test_around_a_pipeline_of_a_cell(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_trace --result seen\n%%rapyer_pipeline ada bob --quiet\nada.age += 1\nbob.age += 1"
    )
    assert shown.error is None, shown.text
    assert [trip.transaction for trip in notebook["seen"].trips][-1]
    assert [sent.name for sent in notebook["seen"].trips[-1].commands] == ["JSON.NUMINCRBY"] * 2


@pytest.mark.parametrize("way", ["%%time\n", "%%capture shown\n"])
def test_under_other_cell_magics(notebook: Notebook, way: str) -> None:
    shown = notebook.cell(f"{way}%%rapyer_trace --result seen\nawait User.aget(ada.key);")
    assert shown.error is None, shown.text
    assert notebook["seen"].round_trips == 1


def test_in_a_function_with_magics_of_its_own(notebook: Notebook) -> None:
    notebook.run(
        "def f():\n    found = %rapyer_find User age > 20\n    return found\n"
        "def g():\n    return get_ipython().run_cell_magic('rapyer_trace', '--result seen', 'x = len(f())\\nx')\n"
        "y = g()"
    )
    assert notebook["y"] == 1
    assert "FT.SEARCH" in [sent.name for sent in notebook["seen"].commands]


def test_help_names_the_options_and_shows_examples(notebook: Notebook) -> None:
    text = notebook.shell.find_cell_magic("rapyer_trace").__doc__ or ""
    assert "--result" in text
    assert "%%rapyer_trace" in text


def test_values_and_hostile_keys_are_not_shown(notebook: Notebook) -> None:
    shown = notebook.cell(
        f"%%rapyer_trace\nclass TraceOdd(AtomicRedisModel):\n    id: Key[str]\n    text: str = ''\n"
        f"await TraceOdd(id={HOSTILE!r} * 50, text='secret' * 10).asave();".replace(
            "class", "from rapyer import Key\nclass", 1
        )
    )
    assert shown.error is None, shown.text
    assert "<img" not in shown.html
    assert "&lt;img" in shown.html
    assert "\x1b" not in shown.html
    assert "secretsecret" not in shown.html + shown.text
    assert len(shown.html) < 8000


@pytest.mark.parametrize("mode", ["auto", "thread"])
def test_it_and_the_others_that_teach_work_when_all_cells_are_queued(
    rapyer_redis_url: str, mode: str
) -> None:
    cells = [
        f"import redis; redis.Redis.from_url({rapyer_redis_url!r}).flushall()",
        MODELS,
        f"%config RapyerMagics.bridge = {mode!r}",
        "%%rapyer_trace --result seen --quiet\nada.age += 1\nawait ada.asave()",
        "def f():\n    return get_ipython().run_cell_magic('rapyer_trace', '--result inner --quiet', "
        "'await User.aget(ada.key);')\nf()",
        "%rapyer_snapshot before User",
        "def g():\n    changes = %rapyer_diff before\n    return len(changes)\nnumber = g()",
        "%%rapyer_race n=5 seed=2\nada.age = ada.age + 1\nawait ada.asave()",
        "%%time\n%%rapyer_race n=3\nawait ada.age.aincrease(1)",
        "await ada.aupdate(age=1)\n%rapyer_restore before --yes",
        "print(seen.round_trips, inner.round_trips, number, (await User.aget(ada.key)).age)",
    ]
    cells.insert(1, "%load_ext rapyer_nb")
    runs = run_queued(cells, environment=os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url})
    assert report(runs) == ""
    assert "updates were lost" in runs[8].outputs[-1]["text/plain"]
    assert "restored 1 document" in runs[10].outputs[-1]["text/plain"]
    assert runs[11].text == "1 1 0 37\n"


async def test_from_python(source: ClientSource) -> None:
    user = await TraceUser(name="Ada").asave()
    await user.tags.aadd("new")
    with rapyer_nb.trace() as trace:
        await user.tags.aadd("vip")
        await asyncio.gather(*(TraceUser.aget(user.key) for _ in range(3)))
    await TraceUser.aget(user.key)
    assert [sent.name for sent in trace.commands][0] == "SADD"
    assert trace.round_trips == 4
    assert "4 round trips" in trace.summary()
    assert repr(trace) == f"<Trace {trace.summary()}>"


async def test_the_bytes_are_those_that_the_server_counts(
    source: ClientSource, rapyer_redis_url: str
) -> None:
    user = await TraceUser(name="Ada", tags={"a", "b"}).asave()
    await TraceUser.aget(user.key)
    counter = redis.Redis.from_url(rapyer_redis_url, protocol=2)

    def counted() -> tuple[int, int]:
        info = counter.info("stats")
        return info["total_net_input_bytes"], info["total_net_output_bytes"]

    with counter:
        counted()
        first = counted()
        second = counted()
        own = [after - before for before, after in zip(first, second, strict=True)]
        with rapyer_nb.trace() as trace:
            await TraceUser.aget(user.key)
            user.score = 5
            await user.asave()
        sent, received = (
            after - before - asked for before, after, asked in zip(second, counted(), own, strict=True)
        )
    assert trace.sent == sent
    assert abs(trace.received - received) <= 30  # the length of the counters' own reply varies


async def test_errors_of_the_server_are_told(source: ClientSource) -> None:
    user = await TraceUser().asave()
    await source.client().set(user.tags.special_key, "no set")
    with rapyer_nb.trace() as trace, pytest.raises(Exception, match="Redis type"):
        await user.tags.asize()
    assert any("WRONGTYPE" in sent.failed for sent in trace.commands)
    assert "✕" in trace.view().text()
    assert "rapyer-failed" in trace.view().html()


async def test_a_script_that_is_new_to_the_server_is_no_failure(source: ClientSource) -> None:
    user = await TraceUser().asave()
    await source.client().script_flush()
    with rapyer_nb.trace() as trace:
        await user.tags.aadd("a")
    assert [(sent.name, sent.place) for sent in trace.commands] == [
        ("SADD", "(new to the server)"),
        ("SADD", ""),
    ]
    assert "✕" not in trace.view().text()


async def test_tasks_that_outlive_the_block_are_not_noted(source: ClientSource) -> None:
    user = await TraceUser().asave()
    go = asyncio.Event()

    async def later() -> None:
        await go.wait()
        await TraceUser.aget(user.key)

    with rapyer_nb.trace() as trace:
        task = asyncio.ensure_future(later())
        await asyncio.sleep(0)
    go.set()
    await task
    assert trace.round_trips == 0


async def test_a_cancelled_block_leaves_the_connection_usable(source: ClientSource) -> None:
    user = await TraceUser().asave()

    traced: list[Trace] = []

    async def endless() -> None:
        with rapyer_nb.trace() as trace:
            traced.append(trace)
            while True:
                await TraceUser.aget(user.key)

    task = asyncio.ensure_future(endless())
    await until(lambda: traced and len(traced[0].commands) >= 3, "commands were sent", seconds=60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await TraceUser.aget(user.key)).key == user.key
