"""Clients made by a Sentinel: every path works, and a failover is followed."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import Sentinel

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import UnknownOutcomeError
from rapyer.fields import Index
from rapyer.model.registry import registry
from rapyer.session import lock
from rapyer.session.clients import ClientSource
from tests.servers import Server, command_line, free_ports, redis_server, running, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

    from rapyer_nb.server import EmbeddedServer

SERVICE = "models"


class GuardedDoc(AtomicRedisModel):
    number: Annotated[int, Index()] = 0
    tags: list[str] = []
    limits: dict[str, int] = {}


@dataclass
class Guarded:
    """A primary, its replica, and the sentinel that guards them."""

    primary: Server
    replica: Server
    sentinel: Server

    def knows_all(self) -> bool:
        with self.sentinel.client() as client:
            state: Any = client.sentinel_master(SERVICE)
        return int(state["num-slaves"]) == 1 and not state["is_sdown"]

    def is_replicated(self) -> bool:
        with self.replica.client() as client:
            return client.info("replication").get("master_link_status") == "up"


@pytest.fixture
def guarded(tmp_path: Path, rapyer_redis: EmbeddedServer) -> Iterator[Guarded]:
    """The three servers."""
    command = command_line(rapyer_redis)
    with ExitStack() as stack:
        primary = stack.enter_context(redis_server(tmp_path / "primary", command))
        follows = ("--replicaof", f"127.0.0.1 {primary.port}")
        replica = stack.enter_context(redis_server(tmp_path / "replica", command, *follows))
        port = free_ports(1)[0]
        rules = [
            f"port {port}",
            "bind 127.0.0.1",
            f"sentinel monitor {SERVICE} 127.0.0.1 {primary.port} 1",
            f"sentinel down-after-milliseconds {SERVICE} 500",
            f"sentinel failover-timeout {SERVICE} 3000",
        ]
        config = tmp_path / "sentinel.conf"
        config.write_text("\n".join(rules))
        words = [str(rapyer_redis.executable), str(config), "--sentinel"]
        sentinel = stack.enter_context(running(tmp_path / "sentinel", words, port))
        made = Guarded(primary, replica, sentinel)
        wait_until(made.is_replicated)
        wait_until(made.knows_all)
        yield made


@pytest.fixture
async def client(guarded: Guarded) -> AsyncIterator[Redis]:
    """What `Sentinel.master_for` gives, bound as the source of models."""
    sentinels = Sentinel([("127.0.0.1", guarded.sentinel.port)], sentinel_kwargs={"socket_timeout": 1})
    client: Redis = sentinels.master_for(SERVICE, socket_timeout=1)
    registry.bind(ClientSource.from_client(client, deadline=20), auto_index=True)
    yield client
    await client.aclose()
    for one in sentinels.sentinels:
        await one.aclose()


async def test_every_path(client: Redis, guarded: Guarded) -> None:
    await rapyer.init_rapyer(client)
    assert registry.source.describe() == "the service models of a Sentinel"
    doc: Any = await GuardedDoc(number=1, tags=["a"]).asave()
    assert await doc.number.aincrease(2) == 3
    assert await doc.tags.apop(0) == "a"
    await doc.limits.aset_item("x", 1)
    async with doc.apipeline():
        doc.number *= 2
        doc.tags.append("b")
    assert (await GuardedDoc.aget(doc.key)).redis_dump() == doc.redis_dump()
    docs = await GuardedDoc.ainsert(*(GuardedDoc(number=number) for number in range(20)))
    assert len(await GuardedDoc.afind(*docs)) == 20
    assert len(await GuardedDoc.afind(GuardedDoc.number < 5)) == 5
    assert len(await GuardedDoc.afind_keys()) == 21
    async with doc.alock(save_at_end=True) as locked:
        locked.number = 100
    assert (await GuardedDoc.aget(doc.key)).number == 100
    assert (await doc.aduplicate()).number == 100
    GuardedDoc.Meta.exactly_once = True
    assert await doc.number.aincrease(1) == 101
    assert (await GuardedDoc.adelete_many(*docs)).models_deleted == 20
    await asyncio.to_thread(guarded.primary.ask, "WAIT", 1, 5000)
    assert int(guarded.replica.ask("DBSIZE")) == int(guarded.primary.ask("DBSIZE"))


async def test_a_primary_that_dies_is_replaced(client: Redis, guarded: Guarded) -> None:
    docs: list[Any] = await GuardedDoc.ainsert(*(GuardedDoc(number=number) for number in range(10)))
    assert len(await GuardedDoc.afind(GuardedDoc.number >= 0)) == 10
    await _end_of_the_primary(guarded)
    # Nothing can be sent to the dead one, so an increment too is safe to send again.
    assert await asyncio.gather(*(doc.number.aincrease(1) for doc in docs)) == list(range(1, 11))
    assert guarded.replica.ask("JSON.GET", docs[4].key, "$.number") == "[5]"
    assert len(await GuardedDoc.afind(GuardedDoc.number >= 0)) == 10
    async with rapyer.apipeline():
        for doc in docs:
            doc.number += 1
            doc.tags.append("x")
    assert [(doc.number, doc.tags) for doc in await GuardedDoc.afind(*docs)] == [
        (number + 2, ["x"]) for number in range(10)
    ]
    async with docs[0].alock(save_at_end=True) as locked:
        locked.tags.append("locked")
    assert (await GuardedDoc.aget(docs[0].key)).tags == ["x", "locked"]


async def test_a_primary_that_was_demoted_is_left(client: Redis, guarded: Guarded) -> None:
    doc: Any = await GuardedDoc().asave()
    await asyncio.to_thread(guarded.primary.ask, "WAIT", 1, 5000)
    # It says no until it has seen that the replica is a good one.
    await asyncio.to_thread(wait_until, lambda: guarded.sentinel.ask("SENTINEL", "FAILOVER", SERVICE))
    await asyncio.to_thread(wait_until, lambda: guarded.replica.ask("ROLE")[0] == "master")
    # As the sentinel does ten seconds later.
    guarded.primary.ask("REPLICAOF", "127.0.0.1", guarded.replica.port)
    # The connections still lead to it, and it refuses to write.
    for number in range(1, 6):
        assert await doc.number.aincrease(1) == number
    async with doc.apipeline():
        doc.number += 1
        doc.tags.append("x")
    assert guarded.replica.ask("JSON.GET", doc.key, "$.number") == "[6]"


async def test_what_a_frozen_primary_may_have_run_is_not_sent_again(client: Redis, guarded: Guarded) -> None:
    doc: Any = await GuardedDoc().asave()
    assert await doc.number.aincrease(1) == 1
    await asyncio.to_thread(guarded.primary.ask, "WAIT", 1, 5000)
    guarded.primary.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(UnknownOutcomeError, match="the reply to JSON.NUMINCRBY"):
            await doc.number.aincrease(1)
        await asyncio.to_thread(wait_until, lambda: guarded.replica.ask("ROLE")[0] == "master")
        assert (await GuardedDoc.aget(doc.key)).number == 1
        assert await doc.number.aincrease(1) == 2
        GuardedDoc.Meta.exactly_once = True
        assert await doc.number.aincrease(1) == 3
    finally:
        guarded.primary.process.send_signal(signal.SIGCONT)


async def test_a_waiter_is_woken_after_a_failover(
    client: Redis, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc: Any = await GuardedDoc().asave()
    monkeypatch.setattr(lock, "POLL", 15.0)

    async def wait() -> None:
        async with GuardedDoc.alock_from_key(doc.key, save_at_end=True) as locked:
            locked.number += 1

    async with doc.alock():
        waiting = asyncio.ensure_future(wait())
        await _until(lambda: client.pubsub_channels())
        await _end_of_the_primary(guarded)
        await doc.aupdate(number=1)
        await _until(lambda: client.pubsub_channels())
    await asyncio.wait_for(waiting, 10)
    assert (await GuardedDoc.aget(doc.key)).number == 2


async def _end_of_the_primary(guarded: Guarded) -> None:
    """Kill it when its replica has everything, and let the client see that its connections are cut."""
    await asyncio.to_thread(guarded.primary.ask, "WAIT", 1, 5000)
    await asyncio.to_thread(guarded.primary.kill)
    await asyncio.sleep(0.5)


async def _until(holds: Callable[[], Awaitable[Any]]) -> None:
    until = asyncio.get_running_loop().time() + 20
    while not await holds():
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.02)
