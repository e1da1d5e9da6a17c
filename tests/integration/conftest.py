"""A real Redis for each test of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.integration.recording import recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from redis.asyncio import Redis


@pytest.fixture
async def source(rapyer_redis_url: str) -> AsyncIterator[ClientSource]:
    """An empty Redis, as the source that models use."""
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    await source.client().flushall()
    yield source
    await source.aclose()


@pytest.fixture
async def raw(source: ClientSource) -> AsyncIterator[Redis]:
    """A plain client of the same server, to look at what is stored."""
    yield source.client()


@pytest.fixture(scope="package", autouse=True)
def _recording() -> Iterator[None]:
    """Let the operations take notes of who calls them, for the test of the catalogue."""
    with recorder.members():
        yield


@pytest.fixture(autouse=True)
def _with_redis(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let only tests count that have a Redis."""
    recorder.active = "rapyer_redis_url" in request.fixturenames
    yield
    recorder.active = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the test of the catalogue after all others of this folder, which it judges."""
    here = Path(__file__).parent
    ours = [item for item in items if item.path.parent == here]
    last = [item for item in ours if item.path.name == "test_catalogue.py"]
    ordered = iter([item for item in ours if item not in last] + last)
    items[:] = [next(ordered) if item.path.parent == here else item for item in items]
    partly = config.option.keyword or config.option.markexpr or any("::" in given for given in config.args)
    recorder.complete = not partly and {item.path for item in ours} == set(here.glob("test_*.py"))
