"""Fifty tasks at one queue and one set: everything is delivered exactly once."""

from __future__ import annotations

import asyncio
import math
import random
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, RedisConfig, apipeline
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.types import PriorityQueueItem, RedisPriorityQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

pytestmark = pytest.mark.usefixtures("source")

TASKS = 50
ITEMS = 1000


class ConcurrentShop(AtomicRedisModel):
    orders: RedisPriorityQueue[int] = RedisPriorityQueue()
    coupons: set[int] = set()
    groups: dict[str, set[int]] = {}
    done: list[int] = []


class ConcurrentOnce(AtomicRedisModel):
    orders: RedisPriorityQueue[int] = RedisPriorityQueue()
    coupons: set[int] = set()
    groups: dict[str, set[int]] = {}
    Meta = RedisConfig(exactly_once=True, ttl=500)


Shop = Any  # either of the two


async def together(work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    await asyncio.wait_for(asyncio.gather(*(work(number) for number in range(TASKS))), 60)


@pytest.mark.parametrize("cls", [ConcurrentShop, ConcurrentOnce])
async def test_what_is_there_is_taken_exactly_once(cls: Any) -> None:
    shop: Shop = await cls(coupons=set(range(ITEMS))).asave()
    await shop.orders.apush_many(PriorityQueueItem(n, n) for n in range(ITEMS))
    orders: list[int] = []
    coupons: list[int] = []

    async def worker(number: int) -> None:
        own: Shop = await cls.aget(shop.key)
        mine: list[int] = []
        while (order := await own.orders.apop()) is not None:
            mine.append(order)
            coupon = await own.coupons.apop()
            assert coupon is not None
            coupons.append(coupon)
        assert mine == sorted(mine)  # nobody gets an earlier one after a later one
        orders.extend(mine)

    await together(worker)
    assert sorted(orders) == sorted(coupons) == list(range(ITEMS))
    assert (await shop.orders.asize(), await shop.coupons.asize()) == (0, 0)


@pytest.mark.parametrize("cls", [ConcurrentShop, ConcurrentOnce])
async def test_what_comes_meanwhile_is_delivered_exactly_once(cls: Any) -> None:
    """Half of the tasks give, half take, and those that take wait where there is nothing."""
    shop: Shop = await cls().asave()
    orders: list[int] = []
    coupons: list[int] = []
    givers = TASKS // 2
    each = ITEMS // givers

    async def give(start: int) -> None:
        own: Shop = await cls.aget(shop.key)
        for n in range(start, start + each):
            await own.coupons.aadd(n)
            await own.orders.apush(n, random.Random(n).random())

    async def take() -> None:
        own: Shop = await cls.aget(shop.key)
        while len(orders) < ITEMS:
            order = await own.orders.apop(timeout=0.5)
            if order is not None:
                orders.append(order)
                coupon = await own.coupons.apop()
                assert coupon is not None  # one is given before each order
                coupons.append(coupon)

    async def work(number: int) -> None:
        await (give(number // 2 * each) if number % 2 else take())

    await together(work)
    assert sorted(orders) == sorted(coupons) == list(range(ITEMS))
    assert (await shop.orders.asize(), await shop.coupons.asize()) == (0, 0)


async def test_fifty_tasks_that_wait_get_one_each() -> None:
    shop = await ConcurrentShop().asave()
    got: list[int | None] = []

    async def wait(number: int) -> None:
        own = await ConcurrentShop.aget(shop.key)
        got.append(await own.orders.apop(timeout=math.inf))

    async def give() -> None:
        for n in range(TASKS):
            await shop.orders.apush(n, n)

    await asyncio.gather(together(wait), give())
    assert sorted(order for order in got if order is not None) == list(range(TASKS))


async def test_many_at_a_time_and_from_both_ends() -> None:
    shop = await ConcurrentShop().asave()
    await shop.orders.apush_many(PriorityQueueItem(n, n) for n in range(ITEMS))
    got: list[int] = []

    async def work(number: int) -> None:
        own = await ConcurrentShop.aget(shop.key)
        while True:
            if number % 3 == 0:
                taken = await own.orders.apop_many(7)
            elif number % 3 == 1:
                taken = await own.orders.apop_many(3, highest=True)
            else:
                one = await own.orders.apop_max(skip_corrupt=True)
                taken = [] if one is None else [one]
            if not taken:
                return
            got.extend(taken)

    await together(work)
    assert sorted(got) == list(range(ITEMS))


async def test_a_value_is_pushed_as_new_by_one_of_them() -> None:
    shop = await ConcurrentShop().asave()
    new: list[bool | None] = []

    async def work(number: int) -> None:
        new.extend([await shop.orders.apush(n, number, only_if="new") for n in range(20)])

    await together(work)
    assert (new.count(True), new.count(False)) == (20, 20 * (TASKS - 1))


async def test_taking_and_noting_it_in_a_pipeline() -> None:
    """A pop runs at once in a pipeline, so nobody else gets the item before the block ends."""
    shop = await ConcurrentShop(coupons=set(range(ITEMS))).asave()
    await shop.orders.apush_many(PriorityQueueItem(n, n) for n in range(ITEMS))

    async def work(number: int) -> None:
        own = await ConcurrentShop.aget(shop.key)
        while True:
            async with apipeline():
                order = await own.orders.apop()
                if order is None:
                    return
                await own.done.aappend(order)
                await own.coupons.aremove(order)

    await together(work)
    assert sorted((await ConcurrentShop.aget(shop.key)).done) == list(range(ITEMS))
    assert await shop.coupons.asize() == 0


@pytest.mark.parametrize("where", ["orders", "coupons", "groups"])
@pytest.mark.parametrize("cls", [ConcurrentShop, ConcurrentOnce])
async def test_tasks_that_are_cancelled_lose_nothing(cls: Any, where: str) -> None:
    """Every task is cancelled again and again, wherever it is."""
    shop: Shop = await cls(coupons=set(range(ITEMS)), groups={"a": set(range(ITEMS))}).asave()
    await shop.orders.apush_many(PriorityQueueItem(n, n) for n in range(ITEMS))
    places: dict[str, Any] = {
        "orders": lambda: shop.orders.apop(timeout=math.inf),
        "coupons": shop.coupons.apop,
        "groups": shop.groups["a"].apop,
    }
    chance, got = random.Random(4), set()
    twice: list[int] = []

    async def pop() -> None:
        order = await places[where]()
        if order in got:
            twice.append(order)
        if order is not None:  # a set may be empty as long as what a cancelled task had is on its way back
            got.add(order)

    async def work(number: int) -> None:
        while len(got) < ITEMS:
            task = asyncio.ensure_future(pop())
            await asyncio.wait({task}, timeout=chance.choice((0, 0.001, 0.003, 0.01, 0.03, 1)))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await together(work)
    assert (got, twice) == (set(range(ITEMS)), [])
    left = {"orders": shop.orders.asize, "coupons": shop.coupons.asize, "groups": shop.groups["a"].asize}
    assert {name: await size() for name, size in left.items()} == {
        name: 0 if name == where else ITEMS for name in left
    }


# --- several clients, event loops and processes ----------------------------------------------------------

TAKERS: list[Callable[[Any], Coroutine[Any, Any, list[int]]]] = [
    lambda shop: _one(shop.orders.apop(timeout=0.5)),
    lambda shop: _one(shop.orders.apop_max(timeout=0.5)),
    lambda shop: _one(shop.orders.apop(skip_corrupt=True, timeout=0.5)),
    lambda shop: _one(asyncio.wait_for(shop.orders.apop(timeout=math.inf), 0.02)),
    lambda shop: shop.orders.apop_many(3),
]


async def _one(popping: Any) -> list[int]:
    try:
        got = await popping
    except asyncio.TimeoutError:
        return []
    return [] if got is None else [got]


def _work_elsewhere(url: str | None, key: str, start: int, count: int) -> tuple[list[int], list[int]]:
    """Push and take with ten tasks in an event loop of its own, and return what these got."""
    if url is not None:
        registry.bind(ClientSource.from_url(url))
    orders: list[int] = []
    coupons: list[int] = []

    async def give(shop: Any) -> None:
        for n in range(start, start + count):
            await shop.coupons.aadd(n)
            await shop.orders.apush(n, random.Random(n).random())

    async def take(shop: Any, number: int, giving: asyncio.Task[None]) -> None:
        while True:
            given = giving.done()
            got = await TAKERS[number % len(TAKERS)](shop)
            if not got and given:
                return  # what comes now is of another loop, whose own tasks take it
            orders.extend(got)
            coupons.extend([await shop.coupons.apop() for _ in got])
            if not got:
                await asyncio.sleep(0.002)

    async def work() -> None:
        shops = [await ConcurrentShop.aget(key) for _ in range(10)]
        giving = asyncio.ensure_future(give(shops[0]))
        takers = (take(shop, number, giving) for number, shop in enumerate(shops))
        await asyncio.wait_for(asyncio.gather(giving, *takers), 60)

    asyncio.run(work())
    return orders, coupons


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
async def test_tasks_of_several_loops_and_processes_get_each_item_once(
    rapyer_redis_url: str, pool: Any
) -> None:
    """Ten tasks in each: some pop, some wait, some take many, and some are impatient."""
    shop = await ConcurrentShop().asave()
    apart = pool is ProcessPoolExecutor
    workers, each = 3 if apart else 5, 100
    options = {"mp_context": get_context("spawn")} if apart else {}
    url = rapyer_redis_url if apart else None  # threads share the source, which has a client for each loop
    with pool(workers, **options) as executor:
        starts = range(0, workers * each, each)
        work = [executor.submit(_work_elsewhere, url, shop.key, n, each) for n in starts]
        results = await asyncio.gather(*map(asyncio.wrap_future, work))
    for got in zip(*results, strict=True):
        assert sorted(n for one in got for n in one) == list(range(workers * each))
    assert (await shop.orders.asize(), await shop.coupons.asize()) == (0, 0)
