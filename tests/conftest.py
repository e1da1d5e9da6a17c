"""What all tests share."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


# Where a change is judged, the same examples are tried each time; elsewhere new ones are looked for. A busy
# machine may be slow, which is no failure.
settings.register_profile("judged", derandomize=True, deadline=None)
settings.register_profile("looking", deadline=None)
settings.load_profile("judged" if os.environ.get("CI") else "looking")


class _ByFile(LoadScopeScheduling):
    """Where several processes share the tests, each file stays in one, and so do the integration tests together.

    The tests of a file may share what takes time to set up; the catalogue judges what a whole folder calls.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return str(file.parent if file.parent.name == "integration" else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile:
    """Share the tests by file."""
    return _ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _loop_of_the_main_thread() -> Iterator[None]:
    """Keep the event loop that the main thread has outside of tests; `asyncio.run` takes it away unclosed."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()


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
