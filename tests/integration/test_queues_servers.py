"""Pops that wait while their server goes away, or does not answer: nothing is lost, and they go on."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer import AtomicRedisModel
from rapyer.errors import UnknownOutcomeError
from rapyer.model.registry import registry
from rapyer.session import arrivals
from rapyer.session.clients import ClientSource
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.servers import Server, command_line, free_ports, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer


class QueueServed(AtomicRedisModel):
    tasks: RedisPriorityQueue[int] = RedisPriorityQueue()


class Host:
    """A server that can be ended and started again, with what it held.

    Args:
        start: Starts it.
    """

    def __init__(self, start: Callable[[], AbstractContextManager[Server]]) -> None:
        self._start = start
        self._stack = contextlib.ExitStack()
        self.server = self._stack.enter_context(start())

    def stop(self) -> None:
        """End it as a crash would."""
        self._stack.close()

    def start(self) -> None:
        """Start it again."""
        self.server = self._stack.enter_context(self._start())

    def freeze(self) -> None:
        """Let it answer nobody, with all its connections open."""
        self.server.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.server.process.send_signal(signal.SIGCONT)


@pytest.fixture
def host(tmp_path: Path, rapyer_redis: EmbeddedServer) -> Iterator[Host]:
    port = free_ports(1)[0]
    keeping = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    words = [*command_line(rapyer_redis), "--port", str(port), "--bind", "127.0.0.1", *keeping]
    host = Host(lambda: running(tmp_path / "server", words, port))
    yield host
    host.stop()


@pytest.fixture
async def model(host: Host) -> AsyncIterator[QueueServed]:
    source = ClientSource.from_url(f"redis://127.0.0.1:{host.server.port}", socket_timeout=0.5, deadline=20)
    registry.bind(source)
    yield await QueueServed().asave()
    await source.aclose()


async def _told(host: Host) -> None:
    """Wait until the server tells of the one key."""
    for _ in range(2000):
        with host.server.client() as client:
            stats: Any = client.info("stats")
        if stats["tracking_total_keys"]:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nobody waits")


async def _both(model: QueueServed) -> list[asyncio.Task[int | None]]:
    return [asyncio.ensure_future(model.tasks.apop(timeout=math.inf)) for _ in range(2)]


async def test_a_server_that_is_started_again_is_waited_at_on(
    host: Host, model: QueueServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "TOLD", 1.0)
    pops = await _both(model)
    await _told(host)
    host.stop()
    await asyncio.sleep(1)
    assert not any(pop.done() for pop in pops)
    host.start()
    await model.tasks.apush_many([PriorityQueueItem(1, 1), PriorityQueueItem(2, 2)])
    assert sorted(filter(None, await asyncio.wait_for(asyncio.gather(*pops), 15))) == [1, 2]
    assert await model.tasks.asize() == 0
    # And whoever comes next is told again.
    third = asyncio.ensure_future(model.tasks.apop(timeout=math.inf))
    await _told(host)
    await model.tasks.apush(3, 3)
    assert await asyncio.wait_for(third, 10) == 3


async def test_what_a_server_kept_is_taken_once_when_it_is_back(host: Host, model: QueueServed) -> None:
    await model.tasks.apush_many(PriorityQueueItem(n, n) for n in range(5))
    host.stop()
    pops = await _both(model)
    await asyncio.sleep(0.2)
    host.start()
    assert sorted(await asyncio.wait_for(asyncio.gather(*pops), 15)) == [0, 1]  # type: ignore[type-var]
    assert [item.value for item in await model.tasks.aitems()] == [2, 3, 4]


async def test_who_waits_at_a_server_that_stays_away_is_told(host: Host, model: QueueServed) -> None:
    model._rapyer_source().deadline = 0.5
    pops = await _both(model)
    await _told(host)
    host.stop()
    for pop in pops:
        with pytest.raises(RedisConnectionError, match="connecting to 127"):
            await asyncio.wait_for(pop, 15)


async def test_a_server_that_does_not_answer_for_a_while_is_waited_at_on(
    host: Host, model: QueueServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "TOLD", 0.3)
    pops = await _both(model)
    await _told(host)
    host.freeze()
    await asyncio.sleep(1.5)  # by now they have asked, and got no answer
    host.thaw()
    results: list[Any] = []
    told = 0
    await model.tasks.apush_many(PriorityQueueItem(n, n) for n in range(5))
    for pop in pops:
        try:
            results.append(await asyncio.wait_for(pop, 15))
        except UnknownOutcomeError as error:
            assert error.key == model.tasks.special_key
            told += 1
    left = [item.value for item in await model.tasks.aitems()]
    there = sorted([*results, *left])
    assert set(there) <= set(range(5))
    assert len(set(there)) == len(there) >= 5 - told
