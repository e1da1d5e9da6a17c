"""What the packages offer is what they say."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import rapyer

PUBLIC = ("rapyer", "rapyer.errors", "rapyer.fields", "rapyer.types")


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_importable(name: str) -> None:
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


def test_all_of_rapyer_names_every_public_thing() -> None:
    offered = {
        name
        for name, value in vars(rapyer).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert offered == set(rapyer.__all__)


def _modules() -> list[str]:
    return [found.name for found in pkgutil.walk_packages(rapyer.__path__, "rapyer.")]


@pytest.mark.parametrize("name", _modules())
def test_modules_stay_small(name: str) -> None:
    source = inspect.getsource(importlib.import_module(name))
    assert source.count("\n") <= 400
