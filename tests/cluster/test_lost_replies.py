"""Replies that are lost on the way from a node of a cluster."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import RedisCluster

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import PartlyAppliedError, UnknownOutcomeError
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from tests.faults.proxy import Proxy, proxied

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.cluster.nodes import TestCluster


class LostDoc(AtomicRedisModel):
    number: int = 0
    tags: list[str] = []


@pytest.fixture
async def proxies(nodes: TestCluster) -> AsyncIterator[list[Proxy]]:
    """A proxy before each primary, through which models send their commands."""
    async with AsyncExitStack() as stack:
        made = [
            await stack.enter_async_context(proxied(f"redis://127.0.0.1:{node.port}/0"))
            for node in nodes.primaries
        ]
        ports = {
            node.port: int(proxy.url.rpartition(":")[2].partition("/")[0])
            for node, proxy in zip(nodes.primaries, made, strict=True)
        }
        client = RedisCluster(
            host="127.0.0.1",
            port=nodes.primaries[0].port,
            socket_timeout=0.5,
            protocol=2,
            address_remap=lambda address: (address[0], ports[address[1]]),
        )
        registry.bind(ClientSource.from_client(client))
        yield made
        await client.aclose()


async def _docs(nodes: TestCluster) -> list[Any]:
    """Return a stored document on each primary."""
    docs: list[Any] = []
    for number in range(3):
        doc: Any = LostDoc()
        doc.pk = nodes.key_on(number, "LostDoc:").removeprefix("LostDoc:")
        docs.append(await doc.asave())
        await doc.number.aincrease(0)  # every node has the script
    return docs


@pytest.mark.parametrize("fault", ["destroy", "cut", "hold", "garble"])
async def test_what_must_not_run_twice_is_not_sent_again(
    nodes: TestCluster, proxies: list[Proxy], fault: Any
) -> None:
    docs = await _docs(nodes)
    proxies[1].arm(fault, 1)
    with pytest.raises(UnknownOutcomeError, match=f"the reply to JSON.NUMINCRBY on {docs[1].key} was lost"):
        await docs[1].number.aincrease(1)
    proxies[1].arm(fault, 0)
    assert (await LostDoc.aget(docs[1].key)).number == 1


@pytest.mark.parametrize("fault", ["destroy", "truncate", "hold", "unsent"])
async def test_what_may_run_twice_is_sent_again(nodes: TestCluster, proxies: list[Proxy], fault: Any) -> None:
    docs = await _docs(nodes)
    for proxy in proxies:
        proxy.arm(fault, 1)
    assert [doc.number for doc in await LostDoc.afind(*docs)] == [0, 0, 0]
    proxies[2].arm(fault, 1)
    docs[2].tags = ["x"]
    await docs[2].asave()
    proxies[2].arm(fault, 1)
    new = [LostDoc() for _ in range(30)]
    assert await LostDoc.ainsert(*new) == new
    proxies[0].arm(fault, 1)
    assert len(await LostDoc.afind_keys()) == 33


async def test_exactly_once_sends_it_again(nodes: TestCluster, proxies: list[Proxy]) -> None:
    LostDoc.Meta.exactly_once = True
    docs = await _docs(nodes)
    for doc, proxy in zip(docs, proxies, strict=True):
        proxy.arm("destroy", 1, 2)
        assert await doc.number.aincrease(1) == 1
        assert proxy.spoiled == 2
    for proxy in proxies:
        proxy.arm("destroy", 1)
    async with rapyer.apipeline():
        for doc in docs:
            doc.number += 1
            doc.tags.append("x")
    assert [(doc.number, doc.tags) for doc in await LostDoc.afind(*docs)] == [(2, ["x"])] * 3


async def test_a_pipeline_of_which_one_reply_is_lost(nodes: TestCluster, proxies: list[Proxy]) -> None:
    docs = await _docs(nodes)
    proxies[1].arm("destroy", 1)
    with pytest.raises(PartlyAppliedError) as raised:
        async with rapyer.apipeline(ignore_redis_error=True):  # which ignores answers, not lost ones
            for doc in docs:
                doc.number += 1
                doc.tags.append("x")
    error = raised.value
    assert isinstance(error.__cause__, UnknownOutcomeError)
    assert (error.applied_keys, error.failed_keys) == ((docs[0].key, docs[2].key), (docs[1].key,))
    # The models were loaded again, so they show what became of it.
    assert [(doc.number, doc.tags) for doc in docs] == [(1, ["x"])] * 3


async def test_all_replies_are_lost(nodes: TestCluster, proxies: list[Proxy]) -> None:
    docs = await _docs(nodes)
    for proxy in proxies:
        proxy.arm("destroy", 1)
    with pytest.raises(UnknownOutcomeError):
        async with rapyer.apipeline():
            for doc in docs:
                doc.number += 1
                doc.tags.append("x")
    assert [doc.number for doc in docs] == [1, 1, 1]
