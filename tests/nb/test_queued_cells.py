"""The driver that sends all cells at once sees what becomes of each."""

import json
import sys
from pathlib import Path

import pytest

from tests.nb.queued_cells import report, run_queued


def notebook(path: Path, *cells: str) -> Path:
    made = [
        {
            "cell_type": "code",
            "id": str(i),
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": cell,
        }
        for i, cell in enumerate(cells)
    ]
    text = {"cell_type": "markdown", "id": "text", "metadata": {}, "source": ["# Title"]}
    path.write_text(json.dumps({"cells": [text, *made], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_outputs_and_results_are_collected_for_each_cell(tmp_path: Path) -> None:
    runs = run_queued(
        notebook(
            tmp_path / "a.ipynb",
            "import os\nx = 6",
            "",
            "print(os.getcwd())",
            "await __import__('asyncio').sleep(0, x * 7)",
        )
    )
    assert [run.ok for run in runs] == [True, True, True]
    assert runs[1].text == f"{tmp_path}\n"
    assert runs[2].outputs[0]["text/plain"] == "42"
    assert report(runs) == ""


def test_an_error_aborts_the_cells_that_wait() -> None:
    runs = run_queued(["1 / 0", "2"])
    assert "ZeroDivisionError" in (runs[0].error or "")
    assert runs[1].aborted
    assert report(runs).splitlines()[0] == "cell 1 failed: 1 / 0"
    assert report(runs).splitlines()[-1] == "cell 2 aborted: 2"


def test_an_error_does_not_stop_the_others_if_so_wished() -> None:
    runs = run_queued(["1 / 0", "2"], stop_on_error=False)
    assert [run.ok for run in runs] == [False, True]


def test_a_cell_that_hangs_is_told_from_one_that_never_began() -> None:
    runs = run_queued(["1", "while True: pass", "3"], timeout=5)
    assert [(run.started, run.finished) for run in runs] == [(True, True), (True, False), (False, False)]
    assert report(runs).splitlines()[0] == "cell 2 hangs: while True: pass"
    assert "cell 3 lost: 3" in report(runs)


def test_cells_that_a_nested_loop_loses_are_seen() -> None:
    # What the driver is for: under ipykernel 7 the old nest_asyncio loses every cell that waits in the queue.
    pytest.importorskip("nest_asyncio")
    ipykernel = pytest.importorskip("ipykernel")
    if ipykernel.version_info[0] < 7 or sys.version_info < (3, 11):
        pytest.skip("only ipykernel 7 loses cells, where tasks can share a context (Python 3.11)")
    nested = (
        "import asyncio, nest_asyncio; nest_asyncio.apply()\n"
        "asyncio.get_running_loop().run_until_complete(asyncio.sleep(0.3))"
    )
    runs = run_queued([nested, "2", "3"], timeout=8)
    assert not all(run.ok for run in runs)
    assert "lost" in report(runs)
