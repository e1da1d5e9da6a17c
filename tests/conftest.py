"""What all tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _registry_as_before() -> Iterator[None]:
    """Give each test the registry as it was before: its classes, options and binding end with it."""
    before = {
        name: value.copy() if hasattr(value, "copy") else value for name, value in vars(registry).items()
    }
    options = [(model, model.Meta.model_copy()) for model in registry.snapshot()]
    registry.allow_redefinition = True
    yield
    vars(registry).update(before)
    for model, meta in options:
        model.Meta = meta
