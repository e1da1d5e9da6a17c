"""The quickstart runs: by the command, and with all cells sent at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    import pytest

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"


def test_it_runs_headless(runtime: Path) -> None:
    words = [sys.executable, "-m", "rapyer_nb", "run", str(QUICKSTART)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{QUICKSTART}: ok, 12 cells, ")


def test_all_cells_at_once(runtime: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    runs = run_queued(QUICKSTART, timeout=60, cwd=project)
    assert len(runs) == 12
    assert all(one.ok for one in runs), report(runs)
