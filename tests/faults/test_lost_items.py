"""No item is lost unsaid: what was taken is given to the caller, or the caller is told that nobody knows.

And what a queue puts back is there again, once, whatever becomes of the reply to that.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel
from rapyer.errors import CorruptedModelError, UnknownOutcomeError
from rapyer.session import arrivals
from rapyer.types import PriorityQueueItem, RedisPriorityQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.proxy import Fault, Proxy


class FaultQueue(AtomicRedisModel):
    jobs: RedisPriorityQueue[int] = RedisPriorityQueue()
    tags: set[int] = set()
    groups: dict[str, set[int]] = {}


ITEMS = [1, 2, 3]

# --- taking ----------------------------------------------------------------------------------------------


async def _item(popping: Any) -> Any:
    item = await popping
    return None if item is None else item.value


TAKING: dict[str, Callable[[FaultQueue], Any]] = {
    "apop": lambda m: m.jobs.apop(),
    "apop that may wait": lambda m: m.jobs.apop(timeout=1),
    "apop that passes over": lambda m: m.jobs.apop(skip_corrupt=True),
    "apop_max": lambda m: m.jobs.apop_max(),
    "apop_item": lambda m: _item(m.jobs.apop_item()),
    "apop_many": lambda m: m.jobs.apop_many(2),
    "set apop": lambda m: m.tags.apop(),
    "set apop_many": lambda m: m.tags.apop_many(2),
    "set in a dict, apop": lambda m: m.groups["g"].apop(),  # type: ignore[attr-defined]  # a RedisSet by now
}


async def _left(model: Any, name: str, direct: Any) -> list[int]:
    if name == "set in a dict, apop":
        (texts,) = await direct.json().get(model.key, "$.groups.g")
    elif name.startswith("set"):
        texts = await direct.smembers(model.tags.special_key)
    else:
        texts = await direct.zrange(model.jobs.special_key, 0, -1)
    return [int(text) for text in texts]


async def _prepared(direct: Any) -> FaultQueue:
    await direct.flushall()
    model = await FaultQueue(tags=set(ITEMS), groups={"g": set(ITEMS)}).asave()
    await direct.zadd(model.jobs.special_key, {str(n): n for n in ITEMS})
    return model


@pytest.mark.parametrize("ttl", [None, 100])
@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("fault", ["destroy", "truncate", "cut", "garble", "unsent", "hold"])
@pytest.mark.parametrize("name", TAKING)
async def test_what_is_taken_is_given_or_the_caller_is_told(
    proxy: Proxy, direct: Any, name: str, fault: Fault, once: bool, ttl: int | None
) -> None:
    FaultQueue.Meta.exactly_once, FaultQueue.Meta.ttl = once, ttl
    model = await _prepared(direct)
    await direct.script_flush()
    proxy.arm(fault, 0)
    await TAKING[name](model)
    exchanges = proxy.seen
    assert exchanges >= 1
    for at in range(1, exchanges + 1):
        model = await _prepared(direct)
        await direct.script_flush()
        proxy.arm(fault, at)
        try:
            got = await TAKING[name](model)
        except UnknownOutcomeError as error:
            assert error.key
            assert not once
            if fault == "unsent":
                assert sorted(await _left(model, name, direct)) == ITEMS
            continue
        assert proxy.spoiled
        taken = list(got) if name.endswith("many") else [got]
        assert len(taken) == (2 if name.endswith("many") else 1)
        assert sorted(taken + await _left(model, name, direct)) == ITEMS


# --- putting back ----------------------------------------------------------------------------------------


async def filled(direct: Any, *members: str) -> FaultQueue:
    model = await FaultQueue().asave()
    for n, member in enumerate(members):
        await direct.zadd(model.jobs.special_key, {member: n})
    return model


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("fault", ["destroy", "truncate", "cut", "garble", "unsent"])
async def test_a_member_that_does_not_fit_is_put_back_once(
    proxy: Proxy, direct: Any, fault: Fault, once: bool
) -> None:
    FaultQueue.Meta.exactly_once = once
    model = await filled(direct, "bad", "1")
    for at in (2, 3):  # the pop is one exchange; putting back comes after it
        proxy.arm(fault, at)
        with pytest.raises(CorruptedModelError):
            await model.jobs.apop()
        assert await direct.zrange(model.jobs.special_key, 0, -1, withscores=True) == [("bad", 0), ("1", 1)]
        assert proxy.spoiled == (1 if at <= proxy.seen else 0)


async def test_it_does_not_come_back_after_somebody_has_taken_it(proxy: Proxy, direct: Any) -> None:
    """The first try has put it back already, and only its reply was lost."""
    model = await filled(direct, "bad")
    proxy.arm("destroy", 2)

    async def take() -> None:
        while not proxy.spoiled:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0)
        while not await direct.zrem(model.jobs.special_key, "bad"):  # noqa: ASYNC110 - nor does the server
            await asyncio.sleep(0)

    taking = asyncio.ensure_future(take())
    with pytest.raises(CorruptedModelError):
        await model.jobs.apop()
    await taking
    assert await model.jobs.asize() == 0


async def test_a_push_whose_reply_is_lost_is_not_repeated(proxy: Proxy, direct: Any) -> None:
    """Somebody may have taken the item, and would get it a second time."""
    model = await filled(direct, "1")
    await model.jobs.apush(2, 2)  # the server knows the script from here on
    proxy.arm("destroy", 1)
    with pytest.raises(UnknownOutcomeError, match="the reply to ZADD on __rapyer_special__") as caught:
        await model.jobs.apush(3, 3)
    assert caught.value.key == model.jobs.special_key
    assert await model.jobs.aitems() == [PriorityQueueItem(n, n - (n == 1)) for n in (1, 2, 3)]
    FaultQueue.Meta.exactly_once = True
    proxy.arm("destroy", 1)
    await model.jobs.apush(4, 4)
    proxy.arm("destroy", 1)
    assert await model.jobs.apop_max(timeout=1) == 4
    assert proxy.spoiled


async def test_a_pop_that_waits_survives_lost_connections(
    proxy: Proxy, direct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "TOLD", 0.3)  # the proxy passes on no messages
    FaultQueue.Meta.exactly_once = True
    model = await filled(direct)
    pop = asyncio.ensure_future(model.jobs.apop(timeout=60))
    await asyncio.sleep(0.2)
    proxy.arm("destroy", 1, times=2)
    await direct.zadd(model.jobs.special_key, {"7": 1})
    assert await asyncio.wait_for(pop, 10) == 7
    assert proxy.spoiled
