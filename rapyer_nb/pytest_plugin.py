"""Fixtures for tests against a real Redis with JSON and Search; pytest finds them by itself."""

from collections.abc import Iterator

import pytest

from rapyer_nb.server import EmbeddedServer, start_embedded


@pytest.fixture(scope="session")
def rapyer_redis() -> Iterator[EmbeddedServer]:
    """Start a server for this test session alone, which keeps nothing and ends with it.

    Every worker of pytest-xdist is a session of its own, so tests that run at once do not meet. The database
    is not emptied between tests: use other keys, or FLUSHDB.
    """
    with start_embedded(shared=False) as server:
        yield server


@pytest.fixture(scope="session")
def rapyer_redis_url(rapyer_redis: EmbeddedServer) -> str:
    """Return the URL of the session's server."""
    return rapyer_redis.url
