"""The notebooks of the course, as files: their cells, and their exercises solved."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
NAMES = [path.stem for path in PATHS]

_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        is_code: Whether it is code.
        source: Its text.
        tags: Its tags; the course has `exercise`, `check` and `solution`.
        raw: The cell as it stands in the file.
    """

    is_code: bool
    source: str
    tags: frozenset[str] = frozenset()
    raw: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Lesson:
    """One notebook.

    Attributes:
        path: Its file.
        cells: Its cells.
    """

    path: Path
    cells: tuple[Cell, ...]

    @classmethod
    def read(cls, path: Path) -> Lesson:
        """Read a notebook."""
        raw = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return cls(path, tuple(_cell(each) for each in raw))

    @property
    def code(self) -> list[Cell]:
        """The cells that are run."""
        return [cell for cell in self.cells if cell.is_code and cell.source.strip()]

    @property
    def prose(self) -> str:
        """All that is not code."""
        return "\n\n".join(cell.source for cell in self.cells if not cell.is_code)

    def tagged(self, tag: str) -> list[int]:
        """Return the positions of the cells with a tag."""
        return [position for position, cell in enumerate(self.cells) if tag in cell.tags]

    def solved(self) -> Lesson:
        """Return the notebook with the solution in the place of each exercise.

        Raises:
            LookupError: An exercise has no solution, or the solution has no code.
        """
        cells = list(self.cells)
        for position in self.tagged("exercise"):
            cells[position] = replace(cells[position], source=self._solution(position))
        return replace(self, cells=tuple(cells))

    def _solution(self, exercise: int) -> str:
        later = [self.cells[position] for position in self.tagged("solution") if position > exercise]
        found = _FENCE.search(later[0].source) if later else None
        if found is None:
            raise LookupError(f"{self.path.name}: the exercise in cell {exercise} has no solution with code")
        return found[1]


def _cell(raw: dict[str, Any]) -> Cell:
    tags = frozenset(raw["metadata"].get("tags", ()))
    return Cell(raw["cell_type"] == "code", "".join(raw["source"]), tags, raw)
