"""What a queue puts back is there again, once, whatever becomes of the reply to that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel
from rapyer.errors import CorruptedModelError, UnknownOutcomeError
from rapyer.session import arrivals
from rapyer.types import PriorityQueueItem, RedisPriorityQueue

if TYPE_CHECKING:
    from tests.faults.proxy import Fault, Proxy


class FaultQueue(AtomicRedisModel):
    jobs: RedisPriorityQueue[int] = RedisPriorityQueue()


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
