"""A block that goes to another server, and servers where what is stored expires."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, Index, RedisConfig, aget, apipeline
from rapyer.errors import CrossSourceError
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.using import chosen_source, using

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class UsingDoc(AtomicRedisModel):
    name: Index[str] = ""
    number: int = 0
    tags: set[str] = set()


class UsingBrief(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    name: str = ""


class UsingOnce(AtomicRedisModel):
    Meta = RedisConfig(exactly_once=True)
    number: int = 0


class UsingQuiet(AtomicRedisModel):
    Meta = RedisConfig(refresh_ttl=False)
    number: int = 0


@pytest.fixture
async def other(rapyer_redis_url: str) -> AsyncIterator[ClientSource]:
    """Another, empty database."""
    address, _, query = rapyer_redis_url.partition("?")
    if address.startswith("unix"):
        url = f"{address}?{query}&db=1" if query else f"{address}?db=1"
    else:
        url = f"{address.rpartition('/')[0]}/1"
    source = ClientSource.from_url(url)
    await source.client().flushdb()
    yield source
    await source.client().flushdb()
    await source.aclose()


async def ttl(source: ClientSource, model: Any) -> int:
    return int(await source.client().ttl(model.key))


async def test_a_block_goes_to_another_server(source: ClientSource, other: ClientSource) -> None:
    here = await UsingDoc(name="here").asave()
    with using(other):
        assert chosen_source() is other
        there = await UsingDoc(name="there").asave()
        assert not await UsingDoc.aexists(here.key)
        assert (await aget(there.key)).key == there.key
        await there.number.aincrease(2)
        async with apipeline():
            there.number += 1
    assert chosen_source() is None
    assert await UsingDoc.aexists(here.key)
    assert not await UsingDoc.aexists(there.key)
    with using(other):
        assert (await UsingDoc.aget(there.key)).number == 3


async def test_blocks_are_nested_and_left_on_errors(source: ClientSource, other: ClientSource) -> None:
    with pytest.raises(RuntimeError, match="stop"), using(other):
        with using(source):
            assert registry.source_for(UsingDoc) == source
        assert registry.source_for(UsingDoc) == other
        raise RuntimeError("stop")
    assert registry.source_for(UsingDoc) == source


async def test_it_holds_for_the_task_and_those_that_it_starts(
    source: ClientSource, other: ClientSource
) -> None:
    async def where() -> ClientSource:
        await asyncio.sleep(0)
        return registry.source_for(UsingDoc)

    outside = asyncio.create_task(where())
    with using(other):
        assert await asyncio.gather(outside, where(), asyncio.create_task(where())) == [source, other, other]


async def test_a_connection_of_a_classs_own_is_kept(source: ClientSource, other: ClientSource) -> None:
    UsingDoc.Meta.redis = other.client()
    try:
        with using(source):
            doc = await UsingDoc().asave()
        assert await other.client().exists(doc.key)
    finally:
        UsingDoc.Meta.redis = None


async def test_a_pipeline_goes_to_one_server(source: ClientSource, other: ClientSource) -> None:
    here, there = UsingDoc(), UsingDoc()
    with pytest.raises(CrossSourceError, match="open one pipeline for each server"):
        async with apipeline():
            await here.asave()
            with using(other):
                await there.asave()
    assert not await source.client().keys()


async def test_exactly_once_goes_there_too(source: ClientSource, other: ClientSource) -> None:
    with using(other):
        doc = await UsingOnce().asave()
        await doc.number.aincrease(5)
        assert (await UsingOnce.aget(doc.key)).number == 5
    assert not await UsingOnce.aexists(doc.key)


async def test_what_is_stored_on_a_source_expires(source: ClientSource, other: ClientSource) -> None:
    other.ttl = 100
    assert other.exactly_once.ttl == 100
    with using(other):
        doc = await UsingDoc(tags={"x"}).asave()
        many = [UsingDoc(), UsingDoc()]
        await UsingDoc.ainsert(*many)
        copy = await doc.aduplicate()
        brief = await UsingBrief().asave()
        quiet = await UsingQuiet().asave()
        once = await UsingOnce().asave()
    for one in (doc, *many, copy, quiet, once):
        assert 90 < await ttl(other, one) <= 100
    assert 990 < await ttl(other, brief) <= 1000
    plain = await UsingDoc().asave()
    assert await ttl(source, plain) == -1


@pytest.mark.parametrize("seconds", [-5, 0, True, 1.5, "60", 9_000_000_000_000_001])
async def test_what_is_no_time_to_live_is_refused(other: ClientSource, seconds: Any) -> None:
    other.ttl = 100
    with pytest.raises(ValueError, match="a time to live is"):
        other.ttl = seconds
    assert other.ttl == 100


async def test_operations_start_it_anew(source: ClientSource, other: ClientSource) -> None:
    other.ttl = 100
    with using(other):
        doc, quiet = await UsingDoc().asave(), await UsingQuiet().asave()
        for one in (doc, quiet):
            await other.client().expire(one.key, 10)
        await doc.number.aincrease()
        await quiet.number.aincrease()
        assert await ttl(other, doc) > 90
        assert await ttl(other, quiet) <= 10
        await other.client().expire(doc.key, 10)
        async with apipeline():
            doc.number += 1
        assert await ttl(other, doc) > 90
    other.ttl = None
    with using(other):
        await other.client().persist(doc.key)
        await doc.number.aincrease()
        assert await ttl(other, doc) == -1
