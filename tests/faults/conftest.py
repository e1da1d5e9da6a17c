"""Models that reach their server through a proxy, and a direct way to the same server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.faults.proxy import proxied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.proxy import Proxy


@pytest.fixture
async def direct(rapyer_redis_url: str) -> AsyncIterator[Any]:
    """A plain client of the server, past the proxy; the server is empty at first."""
    client = Redis.from_url(rapyer_redis_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def proxy(rapyer_redis_url: str, direct: Any) -> AsyncIterator[Proxy]:
    """The proxy that models send their commands through."""
    async with proxied(rapyer_redis_url) as running:
        source = ClientSource.from_url(running.url, socket_timeout=0.4, deadline=5.0)
        registry.bind(source)
        yield running
        await source.aclose()
