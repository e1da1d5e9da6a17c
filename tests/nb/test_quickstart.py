"""The quickstart runs where no server is named: by the command, and with all cells sent at once.

That all notebooks of the course run is tested in tests/notebooks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.nb.queued_cells import report, run_queued
from tests.notebooks.lessons import FOLDER, Lesson

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

QUICKSTART = FOLDER / "01_quickstart.ipynb"
CELLS = len(Lesson.read(QUICKSTART).code)


def test_it_runs_headless(runtime: Path) -> None:
    words = [sys.executable, "-m", "rapyer_nb", "run", str(QUICKSTART)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{QUICKSTART}: ok, {CELLS} cells, ")


def test_all_cells_at_once(runtime: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    # For `course`, which stands beside the notebook.
    monkeypatch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
    runs = run_queued(QUICKSTART, timeout=60, cwd=project)
    assert len(runs) == CELLS
    assert all(one.ok for one in runs), report(runs)
