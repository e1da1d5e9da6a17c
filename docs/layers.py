"""Writes the layer tables of docs/architecture.md from what the tests check: `python -m docs.layers`."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.layers import RAPYER, RAPYER_NB, table

PAGE = Path(__file__).parent / "architecture.md"
_TABLES = {"rapyer": RAPYER, "rapyer_nb": RAPYER_NB}


def page() -> str:
    """Return the page with its tables as they have to be."""
    text = PAGE.read_text(encoding="utf-8")
    for package, layers in _TABLES.items():
        old = re.compile(rf"(^## Layers of `{package}`\n(?:\n|[^|#\n].*\n)*)(?:\|.*\n)+", re.MULTILINE)
        text, found = old.subn(rf"\1{table(layers)}\n", text)
        if found != 1:
            raise LookupError(f"docs/architecture.md has no table of the layers of {package}")
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
