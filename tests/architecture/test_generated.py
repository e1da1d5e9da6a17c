"""The pages that are written from the code are what the code says now."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import rapyer.errors
from tests.architecture.layers import ROOT
from tests.generated import program

errors = program("errors")


def test_the_page_of_errors_is_up_to_date() -> None:
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert written == errors.page(), "run `python docs/errors.py`"
    for name in rapyer.errors.__all__:
        assert f"# {name}\n\nBased on " in written


@pytest.mark.parametrize("name", rapyer.errors.__all__)
def test_the_attributes_of_an_error_are_those_that_it_has(name: str) -> None:
    error: Any = getattr(rapyer.errors, name)
    own = vars(error).get("__init__")
    source = inspect.getsource(own) if own else ""
    assigned = {line.split("=")[0].strip()[5:] for line in source.splitlines() if " self." in line}
    properties = {each for each, value in vars(error).items() if isinstance(value, property)}
    assert set(errors.attributes(error)) == assigned | properties


def test_the_layers_of_the_architecture_are_up_to_date() -> None:
    written = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert written == program("layers").page(), "run `python -m docs.layers`"
