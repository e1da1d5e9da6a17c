"""The page about queries says what is so: its examples run, one after the other."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rapyer
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

PAGE = Path(__file__).parents[2] / "docs" / "queries.md"


async def test_the_examples_of_the_page_run(source: ClientSource, rapyer_redis_url: str) -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(examples) == 6
    names: dict[str, Any] = {"url": rapyer_redis_url, "__name__": __name__}
    try:
        for example in examples:
            code = compile(example, str(PAGE), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            made = eval(code, names)  # noqa: S307 - the page's own examples
            if inspect.isawaitable(made):
                await made
    finally:
        await rapyer.teardown_rapyer()
    assert "Book" in {model.__name__ for model in registry.snapshot()}
