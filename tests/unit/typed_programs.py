"""What a type checker makes of a program that uses the library."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Checked(NamedTuple):
    """What mypy said of a program.

    Attributes:
        revealed: The revealed types, without modules, in the order of the program.
        errors: The line and the text of each error.
    """

    revealed: list[str]
    errors: list[tuple[int, str]]


def check(program: str, folder: Path) -> Checked:
    """Check a program strictly, as a user's checker would."""
    path = folder / "program.py"
    path.write_text(program)
    words = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    errors = re.findall(r"program\.py:(\d+): error: (.*)", done.stdout)
    return Checked(
        [re.sub(r"[a-z_.]+\.(?=[A-Z])", "", text).replace("builtins.", "") for text in revealed],
        [(int(line), text) for line, text in errors],
    )
