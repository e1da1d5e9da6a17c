"""Running a notebook of the course in a kernel, and what its checks said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.nb.queued_cells import CellRun, report, run_queued
from tests.notebooks.lessons import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.notebooks.lessons import Lesson

LONGEST = 100.0
"""Seconds that a notebook may take on a busy machine."""


def run(lesson: Lesson, environment: Mapping[str, str]) -> list[str]:
    """Send all cells at once; return what the checks of the exercises said, and fail if a cell did."""
    cells = lesson.code
    sources = [cell.source for cell in cells]
    runs = run_queued(sources, timeout=LONGEST, cwd=FOLDER, environment=environment)
    assert len(runs) == len(cells)
    assert all(one.ok for one in runs), report(runs)
    return [_shown(one) for cell, one in zip(cells, runs, strict=True) if "check" in cell.tags]


def _shown(one: CellRun) -> str:
    """Return what a cell displayed; what the library logs goes to a stream."""
    return "\n".join(str(output.get("text/plain", "")) for output in one.outputs)
