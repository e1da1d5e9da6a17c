"""Whatever happens to a reply, a write happens once, or its caller is told that nobody knows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from rapyer.errors import UnknownOutcomeError
from rapyer.search import find
from tests.faults.operations import OPERATIONS, PIPELINES, FaultDoc, FaultIndexed, public_operations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.proxy import Fault, Proxy

AVAILABLE = sorted(name for name in OPERATIONS if "." not in name or name in public_operations())


def test_every_operation_has_an_entry() -> None:
    # `awatch` changes nothing, and goes on by itself: tests/integration/test_awatch_faults.py
    assert sorted(public_operations() - set(OPERATIONS)) == ["rapyer.awatch"]


async def state(direct: Any) -> list[Any]:
    """Return all documents, whether each expires, and their keys where they are not random."""
    found = []
    async for key in direct.scan_iter("Fault[DI]*:*", _type="ReJSON-RL"):
        document = json.loads(await direct.execute_command("JSON.GET", key, "."))
        found.append((_name(key), json.dumps(document, sort_keys=True), await direct.pttl(key) > 0))
    async for key in direct.scan_iter("__rapyer_special__:FaultDoc:*", _type="set"):
        members = sorted(await direct.smembers(key))
        found.append((_name(key), json.dumps(members), await direct.pttl(key) > 0))
    async for key in direct.scan_iter("__rapyer_special__:FaultDoc:*", _type="zset"):
        entries = await direct.zrange(key, 0, -1, withscores=True)
        found.append((_name(key), json.dumps(entries), await direct.pttl(key) > 0))
    return sorted(found)


def _name(key: str) -> str:
    return re.sub("[0-9a-f-]{36}", "random", key)


async def prepared(direct: Any) -> Any:
    """Store the one document, and return it loaded."""
    for key in await direct.keys("*"):
        await direct.delete(key)
    await direct.script_flush()
    await FaultIndexed.adelete_index()
    await FaultIndexed.ainsert(*(FaultIndexed(number=number) for number in (1, 2, 9)))
    doc: Any = FaultDoc()
    doc.pk = "1"
    await doc.asave()
    await direct.zadd(doc.jobs.special_key, {"1": 1, "2": 2, "3": 3})
    await direct.zadd(doc.damaged.special_key, {"bad": 1, "2": 2, "worse": 3})
    await direct.zadd(doc.ordered.special_key, {"1": 1, "2": 2, "3": 5, "4": 6 - 2**-21})
    return await FaultDoc.aget("1")


async def outcomes(
    name: str, proxy: Proxy, direct: Any, fault: Fault
) -> AsyncIterator[tuple[list[Any], list[Any], list[Any], bool, Any]]:
    """Run an operation with its first exchange spoiled, with its second, and so on.

    Yields:
        For each: the state before, the state after an undisturbed run, the state found, whether the caller
        was told that the outcome is not known, and the document.
    """
    doc = await prepared(direct)
    before = await state(direct)
    proxy.arm(fault, 0)
    await OPERATIONS[name](doc)
    after, exchanges = await state(direct), proxy.seen
    for at in range(1, exchanges + 1):
        doc = await prepared(direct)
        proxy.arm(fault, at)
        told = False
        try:
            await OPERATIONS[name](doc)
        except UnknownOutcomeError as error:
            told = True
            assert error.key
            assert error.command
            assert "was lost, so it may or may not have taken effect; read the value again" in str(error)
        assert proxy.spoiled or at > 1  # waiting for an index takes one exchange more or less
        proxy.arm(fault, 0)
        yield before, after, await state(direct), told, doc


@pytest.mark.parametrize("name", AVAILABLE)
async def test_a_lost_reply(name: str, proxy: Proxy, direct: Any) -> None:
    async for before, after, found, told, _ in outcomes(name, proxy, direct, "destroy"):
        assert found == after or (told and found == before)


@pytest.mark.parametrize("name", AVAILABLE)
async def test_a_lost_reply_under_exactly_once(name: str, proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = True
    async for _, after, found, told, _ in outcomes(name, proxy, direct, "destroy"):
        assert not told
        assert found == after


SOME = [
    "RedisInt.aincrease",
    "RedisList.apop",
    "RedisDict.apopitem",
    "rapyer.apipeline",
    "AtomicRedisModel.aget",
]


@pytest.mark.parametrize("fault", ["truncate", "cut", "garble", "hold", "unsent"])
@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("name", SOME)
async def test_other_faults(name: str, fault: Fault, once: bool, proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = once
    async for before, after, found, told, _ in outcomes(name, proxy, direct, fault):
        assert found == after or (not once and told and found == before)
        assert not (once and told)


@pytest.mark.parametrize("name", PIPELINES)
async def test_after_a_pipeline_the_local_object_is_what_is_stored(
    name: str, proxy: Proxy, direct: Any
) -> None:
    for once in (False, True):
        FaultDoc.Meta.exactly_once = once
        for fault in ("destroy", "unsent"):
            async for *_, doc in outcomes(name, proxy, direct, fault):  # type: ignore[arg-type]
                assert doc == await FaultDoc.aget(doc.key)


async def test_a_replayed_reply_is_the_first_one(proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = True
    doc = await prepared(direct)
    await doc.aupdate(number=2**53 + 1)
    for at, expected in ((1, 2**53 + 3), (1, 2**53 + 5)):
        proxy.arm("destroy", at)
        assert await doc.number.aincrease(2) == expected
    proxy.arm("destroy", 1, times=3)
    assert await doc.items.apop(0) == 1
    proxy.arm("destroy", 1)
    assert await doc.mapping.apop("a") == 1
    proxy.arm("destroy", 1)
    assert await doc.mapping.apop("a", "none") == "none"
    tokens = await direct.keys("__rapyer_once__:{FaultDoc:1}:*")
    assert len(tokens) == 5
    assert {0 < await direct.ttl(token) <= 600 for token in tokens} == {True}


async def test_commands_with_thousands_of_arguments_run_once(proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = True
    doc = await prepared(direct)
    await doc.items.aextend(range(20_000))
    assert (await FaultDoc.aget("1")).items == [1, 2, 3, *range(20_000)]


async def test_a_token_outlives_the_scripts(proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = True
    doc = await prepared(direct)
    for _ in range(3):
        await direct.script_flush()
        proxy.arm("destroy", 2)  # the first exchange says that the script is unknown
        await doc.number.aincrease()
    assert (await FaultDoc.aget("1")).number == 13


async def test_the_error_names_the_token_when_no_server_answers(proxy: Proxy, direct: Any) -> None:
    FaultDoc.Meta.exactly_once = True
    doc = await prepared(direct)
    await doc.items.aappend(4)  # the server knows the script now
    doc._rapyer_source().deadline = 0.1
    proxy.arm("destroy", 1, times=100)
    with pytest.raises(UnknownOutcomeError) as raised:
        await doc.items.aappend(5)
    assert str(raised.value.token).startswith("__rapyer_once__:{FaultDoc:1}:")
    assert (raised.value.key, raised.value.command) == ("FaultDoc:1", "JSON.ARRAPPEND")
    proxy.arm("destroy", 0)
    assert (await FaultDoc.aget("1")).items == [1, 2, 3, 4, 5]


async def test_a_find_of_many_pages_finds_all(
    proxy: Proxy, direct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "MOST_MATCHES", 0)  # more than that are asked for in another way
    await FaultIndexed.acreate_index()
    await FaultIndexed.ainsert(*(FaultIndexed(number=number) for number in range(7)))
    for at in range(1, 5):
        proxy.arm("destroy", at)
        found = await FaultIndexed.afind(FaultIndexed.number >= 0)  # type: ignore[arg-type]
        assert sorted(doc.number for doc in found) == list(range(7))
        assert proxy.spoiled == 1
