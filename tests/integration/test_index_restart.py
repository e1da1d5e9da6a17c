"""A server that has restarted builds its indexes again, and searches wait for that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import Redis

from rapyer import AtomicRedisModel
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.search.find import find_keys
from rapyer.session.clients import ClientSource
from tests.servers import command_line, free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer

DOCUMENTS = 20_000


class RestartedItem(AtomicRedisModel):
    number: Annotated[int, Index()] = 0


@pytest.mark.parametrize("auto_index", [True, False])
async def test_no_answer_is_incomplete_after_a_restart(
    tmp_path: Path, rapyer_redis: EmbeddedServer, auto_index: bool
) -> None:
    (port,) = free_ports(1)
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "yes"]
    command = [*command_line(rapyer_redis), *options]
    everything: Any = RestartedItem.number >= 0
    with running(tmp_path, command, port) as server:
        raw = Redis(port=port, socket_timeout=30)
        async with raw.pipeline(transaction=False) as pipeline:
            for number in range(DOCUMENTS):
                pipeline.execute_command("JSON.SET", f"RestartedItem:{number}", "$", f'{{"number":{number}}}')
            await pipeline.execute()
        await raw.aclose()
        source = ClientSource.from_url(f"redis://127.0.0.1:{port}", deadline=30)
        registry.bind(source, auto_index=auto_index)
        await RestartedItem.acreate_index()
        assert len(await find_keys(RestartedItem, everything)) == DOCUMENTS
        await asyncio.to_thread(lambda: (server.client().shutdown(), server.process.wait()))
    with running(tmp_path, command, port):
        for _ in range(3):
            assert len(await find_keys(RestartedItem, everything)) == DOCUMENTS
    await source.aclose()
