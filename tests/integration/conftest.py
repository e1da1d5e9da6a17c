"""A real Redis for each test of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

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
