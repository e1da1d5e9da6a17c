"""What all tests share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


# Where a change is judged, the same examples are tried each time; elsewhere new ones are looked for. A busy
# machine may be slow, which is no failure.
settings.register_profile("judged", derandomize=True, deadline=None)
settings.register_profile("looking", deadline=None)
settings.load_profile("judged" if os.environ.get("CI") else "looking")


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
