"""The program that writes docs/actions.md, loaded for tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "actions.md"


def _program() -> Any:
    spec = importlib.util.spec_from_file_location("actions_page", PAGE.with_suffix(".py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["actions_page"] = module  # where a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


_loaded = _program()
rows = _loaded.rows
page = _loaded.page
