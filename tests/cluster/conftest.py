"""A cluster of real servers for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from redis.asyncio import RedisCluster

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.cluster.nodes import TestCluster, cluster
from tests.servers import command_line, redis_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from rapyer_nb.server import EmbeddedServer


@pytest.fixture(scope="session")
def server_command(rapyer_redis: EmbeddedServer) -> list[str]:
    """How servers are started."""
    return command_line(rapyer_redis)


@pytest.fixture(scope="session")
def _started(tmp_path_factory: pytest.TempPathFactory, server_command: list[str]) -> Iterator[TestCluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), server_command) as made:
        yield made


@pytest.fixture
def nodes(_started: TestCluster) -> TestCluster:
    """An empty cluster of three primaries."""
    _started.flush()
    return _started


@pytest.fixture
async def client(nodes: TestCluster) -> AsyncIterator[RedisCluster]:
    """A client of the cluster, with the options that redis-py chooses."""
    client = RedisCluster(host="127.0.0.1", port=nodes.primaries[0].port)
    yield client
    await client.aclose()


@pytest.fixture
async def source(client: RedisCluster) -> ClientSource:
    """The cluster as the source that models use."""
    source = ClientSource.from_client(client)
    registry.bind(source, auto_index=True)
    return source


@pytest.fixture(scope="session")
def single_server(tmp_path_factory: pytest.TempPathFactory, server_command: list[str]) -> Iterator[int]:
    """The port of a server that is no node of a cluster."""
    with redis_server(tmp_path_factory.mktemp("single"), server_command) as server:
        yield server.port
