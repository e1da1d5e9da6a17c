"""A server that has restarted builds its indexes again, and searches wait for that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import Redis

import rapyer
from rapyer import AtomicRedisModel
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.search import migrate
from rapyer.search.find import find_keys
from rapyer.search.index import target_on
from rapyer.session.clients import ClientSource
from tests.servers import command_line, free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer

DOCUMENTS = 12_000


class RestartedItem(AtomicRedisModel):
    number: Annotated[int, Index()] = 0
    turn: int = 0


class RestartedItemNext(AtomicRedisModel):
    """The same documents with another schema."""

    number: int = 0
    turn: Annotated[int, Index()] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "RestartedItem"


@pytest.mark.parametrize(("auto_index", "log"), [(True, "yes"), (False, "no")])
async def test_no_answer_is_incomplete_after_a_restart(
    tmp_path: Path, rapyer_redis: EmbeddedServer, auto_index: bool, log: str
) -> None:
    """The server loads its log of commands, or the file that it has saved."""
    (port,) = free_ports(1)
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", log]
    command = [*command_line(rapyer_redis), *options]
    everything: Any = RestartedItem.number >= 0
    with running(tmp_path, command, port) as server:
        raw = Redis(port=port, socket_timeout=30)
        async with raw.pipeline(transaction=False) as pipeline:
            for number in range(DOCUMENTS):
                document = f'{{"number":{number},"turn":1}}'
                pipeline.execute_command("JSON.SET", f"RestartedItem:{number}", "$", document)
            await pipeline.execute()
        await raw.aclose()
        source = ClientSource.from_url(f"redis://127.0.0.1:{port}", deadline=30)
        registry.bind(source, auto_index=auto_index)
        await RestartedItem.acreate_index()
        assert len(await find_keys(RestartedItem, everything)) == DOCUMENTS
        # Another one is begun, and the server ends before that is complete.
        begun = await migrate.establish(source, target_on(source, RestartedItemNext))
        await asyncio.to_thread(server.client().shutdown, save=log == "no")
        await asyncio.to_thread(server.process.wait)
    with running(tmp_path, command, port):
        for _ in range(3):
            assert len(await find_keys(RestartedItem, everything)) == DOCUMENTS
        plan = await rapyer.aindex_plan(RestartedItemNext)
        assert [step.action for step in plan.steps] == ["fill", "switch"]
        await plan.apply()
        turned: Any = RestartedItemNext.turn == 1
        assert len(await find_keys(RestartedItemNext, turned)) == DOCUMENTS
        assert server.ask("FT._LIST") == [begun]
    await source.aclose()
