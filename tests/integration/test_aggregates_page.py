"""The page about aggregates and tables says what is so: its examples run, one after the other."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import rapyer
from rapyer.model.registry import registry

PAGE = Path(__file__).parents[2] / "docs" / "aggregates.md"


@pytest.mark.usefixtures("source")
async def test_the_examples_of_the_page_run(rapyer_redis_url: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(examples) == 4
    names: dict[str, Any] = {"url": rapyer_redis_url, "__name__": __name__}
    try:
        for example in examples:
            code = compile(example, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            made = eval(code, names)  # noqa: S307 - the page's own examples
            if inspect.isawaitable(made):
                await made
    finally:
        await rapyer.teardown_rapyer()
    assert "Sale" in {model.__name__ for model in registry.snapshot()}
