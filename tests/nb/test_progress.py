"""Progress bars: silent below a second, text in a terminal, a widget in a notebook, gone at the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rapyer_nb.progress import ProgressBar, progress
from tests.nb.desk import until
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from pathlib import Path

WIDGET = "application/vnd.jupyter.widget-view+json"


async def shown(bar: ProgressBar) -> None:
    await until(lambda: bar.shown, "the bar is shown")


async def test_nothing_is_shown_below_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress(10, "reading") as bar:
        for _ in range(10):
            await asyncio.sleep(0)
            bar.advance()
    assert not bar.shown
    assert bar.done == 10
    assert capsys.readouterr() == ("", "")


async def test_it_is_not_shown_after_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress(10, "reading", patience=0.01) as bar:
        pass
    await asyncio.sleep(0.03)
    assert not bar.shown
    assert capsys.readouterr() == ("", "")


async def test_a_terminal_shows_text_and_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress(200, "restoring", patience=0) as bar:
        bar.advance(50)
        await shown(bar)
        told = capsys.readouterr()
        assert told.out == ""
        assert "restoring:  25%" in told.err
        assert "50/200" in told.err
        bar.advance(50)
        bar.say("deleting")
        assert "deleting:  50%" in capsys.readouterr().err
    line = capsys.readouterr().err.split("\r")
    assert line[-1].strip() == ""


async def test_the_total_may_come_later(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress(None, "reading User", patience=0) as bar:
        await shown(bar)
        assert "reading User: 0 documents" in capsys.readouterr().err
        bar.reach(30, 120)
        assert bar.total == 120
        bar.say("reading User")
        assert "30/120" in capsys.readouterr().err


async def test_a_total_that_was_too_high_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    async with progress(100, "reading", patience=0) as bar:
        await shown(bar)
        bar.reach(40)
    assert capsys.readouterr().err.split("\r")[-1].strip() == ""


async def test_an_interrupt_passes_and_takes_the_bar_away(capsys: pytest.CaptureFixture[str]) -> None:
    bars: list[ProgressBar] = []

    async def work() -> None:
        async with progress(5, "waiting", patience=0) as bar:
            bars.append(bar)
            bar.advance()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await until(lambda: bars and bars[0].shown, "the bar is shown")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert capsys.readouterr().err.split("\r")[-1].strip() == ""


def test_tqdm_is_imported_only_where_it_is_needed() -> None:
    code = "import sys, rapyer_nb.progress; sys.exit('tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_notebook_shows_a_widget(rapyer_redis_url: str, tmp_path: Path) -> None:
    runs = run_queued(
        [
            "import asyncio\nfrom rapyer_nb.progress import progress",
            "async with progress(4, 'counting', patience=0) as bar:\n"
            "    while not bar.shown:\n"
            "        await asyncio.sleep(0.01)\n"
            "    bar.advance(4)",
            "bar.done",
        ],
        cwd=tmp_path,
    )
    assert all(run.ok for run in runs), report(runs)
    assert any(WIDGET in output for output in runs[1].outputs), runs[1].outputs
    assert runs[2].outputs[0]["text/plain"] == "4"
