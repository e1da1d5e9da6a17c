"""The pages about queries say what is so: their examples run, one after the other."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "number", "model"),
    [("queries.md", 6, "Book"), ("results.md", 6, "Sale"), ("changing.md", 7, "Task")],
)
async def test_the_examples_of_a_page_run(
    source: ClientSource, rapyer_redis_url: str, page: str, number: int, model: str
) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(examples) == number
    names: dict[str, Any] = {"url": rapyer_redis_url, "__name__": __name__}
    try:
        for example in examples:
            code = compile(example, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            made = eval(code, names)  # noqa: S307 - the page's own examples
            if inspect.isawaitable(made):
                await made
    finally:
        await rapyer.teardown_rapyer()
    assert model in {known.__name__ for known in registry.snapshot()}
