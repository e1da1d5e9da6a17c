"""Each notebook of the course runs as it is: what is not solved yet is said, and raises nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebooks.lessons import NAMES, PATHS, Lesson
from tests.notebooks.running import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", PATHS, ids=NAMES)
def test_it_runs_and_each_check_says_not_yet(path: Path, surroundings: dict[str, str]) -> None:
    lesson = Lesson.read(path)
    said = run(lesson, surroundings)
    assert len(said) == len(lesson.tagged("exercise"))
    assert [one for one in said if not one.startswith("○ not yet")] == []
