"""Every notebook of the course has the form of the course."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import nbformat
import pytest

from tests.notebooks.calls import trees
from tests.notebooks.lessons import FOLDER, NAMES, PATHS, Lesson

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
FEWER = {"01_quickstart": 1, "24_capstone": 1}
"""How many exercises a notebook has at least; the others have two."""

_BADGE = r"\[!\[Binder\]\(https://mybinder\.org/badge_logo\.svg\)\]\((?:BINDER/{0}|https://\S+{0}\S*)\)"
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:|#|BINDER/)([^)#\s]+)[^)]*\)")

every_notebook = pytest.mark.parametrize("path", PATHS, ids=NAMES)


def test_they_are_numbered_without_a_gap() -> None:
    numbers = [int(name[:2]) for name in NAMES]
    assert numbers == list(range(1, len(NAMES) + 1))


@every_notebook
def test_the_file_is_a_clean_notebook(path: Path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(raw)
    assert raw["metadata"] == {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(set(ids)) == len(ids)
    code = [cell for cell in raw["cells"] if cell["cell_type"] == "code"]
    assert [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@every_notebook
def test_it_begins_with_what_it_is_for(path: Path) -> None:
    first, second = Lesson.read(path).cells[:2]
    assert first.source.startswith(f"# {path.stem[:2]} · ")
    assert re.search(_BADGE.format(re.escape(path.name)), first.source), "the badge"
    assert "**Goal" in first.source
    assert "You need" in first.source
    assert second.is_code
    assert second.source.startswith("%load_ext rapyer_nb")


@every_notebook
def test_it_has_a_picture(path: Path) -> None:
    assert "```mermaid\n" in Lesson.read(path).prose


@every_notebook
def test_each_exercise_has_a_check_and_a_solution(path: Path) -> None:
    lesson = Lesson.read(path)
    exercises = lesson.tagged("exercise")
    assert len(exercises) >= FEWER.get(path.stem, 2)
    assert lesson.tagged("check") == [position + 1 for position in exercises]
    assert lesson.tagged("solution") == [position + 2 for position in exercises]
    for position in exercises:
        before, exercise, check, solution = lesson.cells[position - 1 : position + 3]
        assert (before.is_code, exercise.is_code, check.is_code, solution.is_code) == (
            False,
            True,
            True,
            False,
        )
        assert check.raw["metadata"]["jupyter"] == {"source_hidden": True}
        assert "hide-input" in check.tags
        assert solution.source.startswith("<details><summary>A solution</summary>\n\n")
        assert solution.source.endswith("\n\n</details>")
        assert solution.source.count("\n```python\n") == 1


@every_notebook
def test_it_ends_with_what_was_learnt_and_what_comes_next(path: Path) -> None:
    lesson = Lesson.read(path)
    last = lesson.cells[-1]
    assert not last.is_code
    assert "What you have learnt" in lesson.prose
    assert "](../docs/" in last.source
    if path != PATHS[-1]:
        following = PATHS[PATHS.index(path) + 1]
        assert re.search(rf"Next: \[{following.stem[:2]} · [^\]]+\]\({following.name}\)", last.source)


@every_notebook
def test_its_links_lead_somewhere(path: Path) -> None:
    links = _LINK.findall(Lesson.read(path).prose)
    assert [link for link in links if not (FOLDER / link).exists()] == []


def test_no_two_notebooks_have_an_indexed_class_of_the_same_name() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path in PATHS:
        for name in indexed_classes(Lesson.read(path).solved()):
            homes[name].add(path.stem)
    assert {name: sorted(found) for name, found in homes.items() if len(found) > 1} == {}


def indexed_classes(lesson: Lesson) -> set[str]:
    """Return the names of the classes with a field that is marked `Index`, and of their subclasses."""
    found: set[str] = set()
    for tree in trees(lesson):
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
                if names & {"Index", "IndexAnnotation", *found}:
                    found.add(node.name)
    return found
