"""docs/api.md is what docs/reference.py writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    written = (DOCS / "api.md").read_text(encoding="utf-8")
    assert written == reference.page(), "run `python docs/reference.py`"
    for name in ("rapyer.adelete_many", "aduplicate_many", "alock_from_key", "rapyer.types.RedisList"):
        assert f"# {name}\n" in written
