"""The program that writes docs/actions.md, loaded for tests."""

from __future__ import annotations

from tests.generated import DOCS, program

PAGE = DOCS / "actions.md"

_loaded = program("actions")
rows = _loaded.rows
page = _loaded.page
