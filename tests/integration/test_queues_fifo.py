"""Queues whose values of the same priority come in the order of their arrival."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING, Annotated, Any, Generic, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from redis.asyncio import Redis

import rapyer
from rapyer import AtomicRedisModel, FifoTies, apipeline
from rapyer.commands import queues_fifo
from rapyer.errors import (
    CorruptedModelError,
    NumberDomainError,
    NumberRangeError,
    UnsupportedFieldError,
    WrongTypeError,
)
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from rapyer.types.queue_access import QueueAccess
from tests.integration.test_types_properties import run, unhurried

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
Item = PriorityQueueItem
STEP = 2.0**-21
EDGE = 2**31
FULL = 2**21
"""How many fractions there are."""


class FifoInner(BaseModel):
    jobs: Annotated[RedisPriorityQueue[str], FifoTies()] = Field(default_factory=RedisPriorityQueue)


class FifoDesk(AtomicRedisModel):
    title: str = "desk"
    jobs: Annotated[RedisPriorityQueue[str], FifoTies] = Field(default_factory=RedisPriorityQueue)
    numbers: Annotated[RedisPriorityQueue[int], FifoTies()] = Field(default_factory=RedisPriorityQueue)
    maybe: Annotated[Optional[RedisPriorityQueue[str]], FifoTies] = None  # noqa: UP045 - as users write it
    other: Annotated[RedisPriorityQueue[str], FifoTies] | None = None
    inner: FifoInner = FifoInner()
    plain: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class FifoSubDesk(FifoDesk):
    more: str = ""


class FifoBox(AtomicRedisModel, Generic[T]):
    queue: Annotated[RedisPriorityQueue[T], FifoTies] = Field(default_factory=RedisPriorityQueue)


@pytest.fixture
async def desk(source: Any) -> FifoDesk:
    return await FifoDesk().asave()


@pytest.fixture
def once() -> Iterator[None]:
    FifoDesk.Meta.exactly_once = True
    yield
    FifoDesk.Meta.exactly_once = False


async def stored(raw: Redis, queue: Any) -> list[tuple[str, float]]:
    found = await raw.zrange(queue.special_key, 0, -1, withscores=True)
    return [(member.strip('"'), score) for member, score in found]


async def drained(queue: Any) -> list[tuple[Any, float]]:
    items = []
    while (item := await queue.apop_item()) is not None:
        items.append((item.value, item.priority))
    return items


def pairs(items: list[PriorityQueueItem[Any]]) -> list[tuple[Any, float]]:
    return [(item.value, item.priority) for item in items]


# --- the order -------------------------------------------------------------------------------------------


async def test_ties_come_in_the_order_of_arrival(desk: FifoDesk, raw: Redis) -> None:
    for value in "cab":
        await desk.jobs.apush(value, 1)
    await desk.jobs.apush_many([Item("z", 0), Item("y", 0), Item("x", -1)])
    assert await stored(raw, desk.jobs) == [
        ("x", -1), ("z", 0), ("y", STEP), ("c", 1), ("a", 1 + STEP), ("b", 1 + 2 * STEP),
    ]  # fmt: skip
    expected = [("x", -1.0), ("z", 0.0), ("y", 0.0), ("c", 1.0), ("a", 1.0), ("b", 1.0)]
    assert pairs(await desk.jobs.aitems()) == expected
    assert await desk.jobs.apeek_item() == Item("x", -1.0)
    assert await desk.jobs.apop_many(2) == ["x", "z"]
    assert await drained(desk.jobs) == expected[2:]


@pytest.mark.parametrize("priority", [-EDGE, -EDGE + 1, -1, 0, 1, EDGE - 1, EDGE])
async def test_the_greatest_priorities_lose_nothing(desk: FifoDesk, raw: Redis, priority: int) -> None:
    await raw.zadd(desk.numbers.special_key, {"0": priority + (FULL - 4) * STEP})
    await desk.numbers.apush_many(Item(n, priority) for n in (3, 1, 2))
    assert [score for _, score in await stored(raw, desk.numbers)] == [
        priority + n * STEP for n in range(FULL - 4, FULL)
    ]
    await desk.numbers.apush(9, priority)  # that one finds no place, so the others are numbered anew
    assert await stored(raw, desk.numbers) == [
        (str(n), priority + at * STEP) for at, n in enumerate((0, 3, 1, 2, 9))
    ]
    assert await drained(desk.numbers) == [(n, float(priority)) for n in (0, 3, 1, 2, 9)]


async def test_what_is_marked_and_what_is_not(desk: FifoDesk, raw: Redis) -> None:
    desk.maybe, desk.other = RedisPriorityQueue(), RedisPriorityQueue()
    await desk.asave()
    queues: list[Any] = [desk.jobs, desk.maybe, desk.other, desk.inner.jobs]
    queues += [(await FifoSubDesk().asave()).jobs, (await FifoBox[str]().asave()).queue]
    for queue in queues:
        await queue.apush("b", 1)
        await queue.apush("a", 1)
        assert await queue.apop_many(2) == ["b", "a"]
    await desk.plain.apush_many([Item("b", 1.5), Item("a", 1.5)])
    assert await stored(raw, desk.plain) == [("a", 1.5), ("b", 1.5)]


async def test_pushing_again(desk: FifoDesk) -> None:
    await desk.jobs.apush_many([Item("a", 1), Item("b", 1), Item("c", 2)])
    await desk.jobs.apush("a", 1)
    assert [item.value for item in await desk.jobs.aitems()] == ["a", "b", "c"]
    await desk.jobs.apush("a", 2)
    assert pairs(await desk.jobs.aitems()) == [("b", 1), ("c", 2), ("a", 2)]
    await desk.jobs.apush_many([Item("c", 1), Item("b", 2), Item("c", 2)])  # as if one after the other
    assert pairs(await desk.jobs.aitems()) == [("a", 2), ("b", 2), ("c", 2)]


@pytest.mark.parametrize(
    ("only_if", "moves"),
    [
        (None, [True, False, True]),
        ("new", [False] * 3),
        ("lower", [True, False, False]),
        ("higher", [False, False, True]),
    ],
)
async def test_conditions_compare_priorities(desk: FifoDesk, only_if: Any, moves: list[bool]) -> None:
    await desk.jobs.apush_many([Item("x", 1), Item("y", 1)])  # y has a fraction
    for priority, moved in zip((0, 1, 2), moves, strict=True):
        copy = await desk.aduplicate()
        reply = await copy.jobs.apush("y", priority, only_if=only_if)
        assert reply is (None if only_if is None else moved)
        where = priority if moved else 1
        assert pairs(await copy.jobs.aitems()) == sorted([("x", 1), ("y", where)], key=lambda pair: pair[1])
    count = await desk.jobs.apush_many(
        [Item("y", 0), Item("n", 5), Item("y", 3), Item("y", 9)], only_if=only_if
    )
    assert count == {None: None, "new": 1, "lower": 2, "higher": 2}[only_if]


async def test_the_highest(desk: FifoDesk) -> None:
    pushed = [("d", 2), ("c", 2), ("b", 1), ("a", 2), ("e", 1), ("f", -3)]
    await desk.jobs.apush_many(Item(*each) for each in pushed)
    assert await desk.jobs.apeek_item(highest=True) == Item("d", 2.0)
    assert await desk.jobs.apop_max() == "d"
    assert await desk.jobs.apop_item(highest=True) == Item("c", 2.0)
    assert await desk.jobs.apop_max(timeout=1, skip_corrupt=True) == "a"
    assert await desk.jobs.apop_many(2, highest=True) == ["b", "e"]
    assert await desk.jobs.apop_many(2**60, highest=True) == ["f"]
    assert await desk.jobs.apop_max() is None
    assert await desk.jobs.apeek_item(highest=True) is None


async def test_a_range_takes_whole_priorities(desk: FifoDesk) -> None:
    await desk.jobs.apush_many(Item(f"{priority}{n}", priority) for n in "ba" for priority in (-1, 0, 1, 2))
    found = {
        (low, high): [item.value for item in await desk.jobs.arange(low, high)]
        for low, high in [(0, 1), (1, 1), (0.5, 1.5), (-math.inf, -1), (2, math.inf), (0.2, 0.8), (5, 1e300)]
    }
    assert found == {
        (0, 1): ["0b", "0a", "1b", "1a"],
        (1, 1): ["1b", "1a"],
        (0.5, 1.5): ["1b", "1a"],
        (-math.inf, -1): ["-1b", "-1a"],
        (2, math.inf): ["2b", "2a"],
        (0.2, 0.8): [],
        (5, 1e300): [],
    }
    assert len(await desk.jobs.arange()) == 8


# --- what was there before -------------------------------------------------------------------------------


async def test_data_with_whole_scores_works_as_it_is(desk: FifoDesk, raw: Redis) -> None:
    await raw.zadd(desk.jobs.special_key, {'"b"': 1, '"a"': 1, '"m"': 2})
    await desk.jobs.apush("0", 1)
    await desk.jobs.apush("b", 1)
    assert pairs(await desk.jobs.aitems()) == [("a", 1), ("b", 1), ("0", 1), ("m", 2)]
    assert await desk.jobs.apop_many(9, highest=True) == ["m", "a", "b", "0"]


async def test_other_scores_are_read_and_taken(desk: FifoDesk, raw: Redis) -> None:
    scores = {
        '"a"': -math.inf,
        '"b"': -1e300,
        '"c"': -0.5,
        '"d"': 2.25,
        '"e"': 2.0,
        '"f"': 1e300,
        '"g"': math.inf,
    }
    await raw.zadd(desk.jobs.special_key, scores)
    await desk.jobs.apush("h", 2)
    expected = [
        ("a", -math.inf),
        ("b", -1e300),
        ("c", -1),
        ("e", 2),
        ("d", 2),
        ("h", 2),
        ("f", 1e300),
        ("g", math.inf),
    ]
    assert pairs(await desk.jobs.aitems()) == expected
    assert await desk.jobs.apop_many(9, highest=True) == ["g", "f", "e", "d", "h", "c", "b", "a"]


# --- numbering anew --------------------------------------------------------------------------------------


async def test_a_long_bucket_is_numbered_anew_in_its_order(desk: FifoDesk, raw: Redis) -> None:
    others = {'"low"': 6 + 0.75, '"high"': 8.0}
    many = {f'"{n}"': 8 - (2600 - n) * STEP for n in range(2500)}
    ties = {'"t1"': 7.0, '"t0"': 7.0, '"odd"': 7 + STEP / 4, '"odder"': 7 + STEP / 3}
    await raw.zadd(desk.jobs.special_key, others | many | ties)
    before = [name for name, _ in await stored(raw, desk.jobs)]
    new = [f"new {n}" for n in range(150)]
    await desk.jobs.apush_many(Item(name, 7) for name in new)
    after = await stored(raw, desk.jobs)
    assert [name for name, _ in after] == [*before[:-1], *new, "high"]
    scores = [score for _, score in after[1:-1]]
    assert scores[:2] == [7.0, 7.0]
    assert scores == sorted(scores)
    assert scores[-1] < 7.01
    assert (after[0], after[-1]) == (("low", 6.75), ("high", 8.0))


async def test_there_is_a_most_of_one_priority(
    desk: FifoDesk, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert queues_fifo.MOST_TIES == 2_000_000
    monkeypatch.setattr(queues_fifo, "MOST_TIES", 2000)
    await raw.zadd(desk.numbers.special_key, {str(n): 4 - (2000 - n) * STEP for n in range(2000)})
    await desk.numbers.apush_many([Item(1, 3), Item(-1, 2)])  # the one is there, the other comes elsewhere
    with pytest.raises(
        NumberRangeError, match="no place for more of the priority 3: it takes 2,000 of"
    ) as caught:
        await desk.numbers.apush_many([Item(-2, 2), Item(-3, 3)])
    assert caught.value.key == desk.key
    assert "nothing was pushed; use more priorities, or pop first" in str(caught.value)
    with pytest.raises(NumberRangeError):
        async with apipeline():
            await desk.numbers.apush(-3, 3)
    assert await desk.numbers.asize() == 2001
    assert await desk.numbers.apop_many(2) == [-1, 0]
    await desk.numbers.apush(-3, 3)
    assert await stored_last(raw, desk.numbers) == ("-3", 3 + 1999 * STEP)


async def stored_last(raw: Redis, queue: Any) -> tuple[str, float]:
    ((member, score),) = await raw.zrange(queue.special_key, -1, -1, withscores=True)
    return member, score


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", [0.5, -1.25, EDGE + 1, -EDGE - 1, math.inf, -math.inf, 2**70])
async def test_a_priority_that_has_no_place_is_refused(desk: FifoDesk, priority: float) -> None:
    with pytest.raises(
        NumberDomainError, match="jobs keeps the order of arrival, and has no place"
    ) as caught:
        await desk.jobs.apush_many([Item("a", 1), Item("b", priority)])
    assert repr(float(priority)) in str(caught.value)
    assert "give a whole number from -2**31 to 2**31, or take FifoTies off the field" in str(caught.value)
    assert (caught.value.field, caught.value.key) == ("jobs", desk.key)
    with pytest.raises(NumberDomainError, match="not nan"):
        await desk.jobs.apush("a", math.nan)
    assert await desk.jobs.asize() == 0


@pytest.mark.parametrize(
    "annotation",
    [Annotated[int, FifoTies], Annotated[list[int], FifoTies()], Annotated[set[str], FifoTies] | None],
)
def test_the_mark_is_for_queues(annotation: Any) -> None:
    body = {"__annotations__": {"field": annotation}, "__module__": __name__}
    with pytest.raises(
        UnsupportedFieldError, match=r"FifoRefused\.field is marked FifoTies, and is no queue"
    ) as caught:
        type(AtomicRedisModel)("FifoRefused", (AtomicRedisModel,), body)
    assert (caught.value.field, caught.value.model) == ("field", "FifoRefused")


def test_the_mark_tells_what_it_is() -> None:
    assert repr(FifoTies()) == "FifoTies()"
    assert rapyer.fields.FifoTies is rapyer.FifoTies is FifoTies


async def test_a_key_of_another_type(desk: FifoDesk, raw: Redis) -> None:
    await raw.sadd(desk.jobs.special_key, "x")  # type: ignore[misc]
    for work in (
        lambda: desk.jobs.apush("a", 1),
        lambda: desk.jobs.apop_max(),
        lambda: desk.jobs.apeek_item(highest=True),
    ):
        with pytest.raises(WrongTypeError, match="than the field that it is for: a set"):
            await work()


# --- with the rest ---------------------------------------------------------------------------------------


async def test_in_pipelines(desk: FifoDesk) -> None:
    async with apipeline():
        for value in "cab":
            await desk.jobs.apush(value, 1)
        await desk.jobs.apush_many([Item("z", 1), Item("y", 1)])
        assert await desk.jobs.asize() == 0
    async with desk.apipeline():
        assert await desk.jobs.apop() == "c"
        await desk.jobs.apush("c", 1)
    assert await desk.jobs.apop_many(9) == ["a", "b", "z", "y", "c"]


@pytest.mark.usefixtures("once")
async def test_under_tokens(desk: FifoDesk) -> None:
    async with apipeline():
        await desk.jobs.apush_many([Item("b", 1), Item("a", 1)])
        await desk.plain.apush("p", 1)
        await desk.jobs.apush("0", 1)
    await desk.jobs.apush("A", 1)
    assert await desk.jobs.apop_max() == "b"
    assert await desk.jobs.apop_many(9, highest=True) == ["a", "0", "A"]


async def test_what_follows_the_model(desk: FifoDesk, raw: Redis) -> None:
    await desk.jobs.apush_many([Item("b", 1), Item("a", 1)])
    await desk.asave()
    copy, loaded = await desk.aduplicate(), await FifoDesk.aget(desk.key)
    await desk.aset_ttl(100)
    await desk.jobs.apush("0", 1)
    await desk.numbers.apush(1, 1)
    assert 0 < await raw.ttl(desk.numbers.special_key) <= 100
    assert await loaded.jobs.apop_many(9) == ["b", "a", "0"]
    assert await copy.jobs.apop_many(9) == ["b", "a"]
    await desk.adelete()
    assert await raw.exists(desk.numbers.special_key) == 0


async def test_what_is_put_back_keeps_its_place(desk: FifoDesk, raw: Redis) -> None:
    await raw.zadd(desk.numbers.special_key, {"bad": 1, "3": 1 + STEP, "2": 1 + 2 * STEP})
    await desk.numbers.apush(1, 1)
    before = await stored(raw, desk.numbers)
    for highest in (False, True):
        with pytest.raises(CorruptedModelError, match=r"bad.*, priority 1\.0"):
            await desk.numbers.apop_many(2, highest=highest)
        assert await stored(raw, desk.numbers) == before
    assert await desk.numbers.apop(skip_corrupt=True) == 3
    assert await desk.numbers.apop_max(skip_corrupt=True) == 2
    assert pairs(await desk.numbers.apop_corrupt()) == [("bad", 1.0)]
    assert await drained(desk.numbers) == [(1, 1.0)]


async def test_pages_from_the_highest_on(desk: FifoDesk, raw: Redis) -> None:
    bad = {f"bad {n}": n // 7 + (n % 7) * STEP for n in range(400)}
    await raw.zadd(desk.numbers.special_key, bad)
    await desk.numbers.apush_many(Item(n, n // 3) for n in range(9))
    assert await desk.numbers.apop_many(5, highest=True, skip_corrupt=True) == [6, 7, 8, 3, 4]
    assert len(await desk.numbers.apop_corrupt()) == 400


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_with_every_kind_of_client(rapyer_redis_url: str, decode: bool, protocol: int) -> None:
    client: Redis = Redis.from_url(rapyer_redis_url, decode_responses=decode, protocol=protocol)
    await rapyer.init_rapyer(client)
    try:
        desk = await FifoDesk().asave()
        await desk.jobs.apush_many([Item("b", 1), Item("a", 1), Item("é", 1), Item("z", 0)])
        assert pairs(await desk.jobs.arange(1, 1)) == [("b", 1), ("a", 1), ("é", 1)]
        assert await desk.jobs.apeek_item(highest=True) == Item("b", 1)
        assert await desk.jobs.apop_max() == "b"
        assert await desk.jobs.apop_many(2, highest=True, skip_corrupt=True) == ["a", "é"]
        assert await desk.jobs.apop() == "z"
    finally:
        await rapyer.teardown_rapyer()
        await client.aclose()


async def test_a_cancelled_pop_puts_back_what_it_took(
    desk: FifoDesk, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.jobs.apush_many(Item(name, 1) for name in "cab")
    before = await stored(raw, desk.jobs)
    popped, held = asyncio.Event(), asyncio.Event()
    take = QueueAccess._take

    async def slow(*given: Any, **named: Any) -> Any:
        found = await take(*given, **named)
        popped.set()
        await held.wait()
        return found

    monkeypatch.setattr(QueueAccess, "_take", slow)
    for highest in (False, True):
        popped.clear()
        held.clear()
        task = asyncio.ensure_future(desk.jobs.apop_many(2, highest=highest))
        await popped.wait()
        assert [name for name, _ in await stored(raw, desk.jobs)] == ["b"]
        task.cancel()
        await asyncio.sleep(0)
        held.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await stored(raw, desk.jobs) == before


async def test_a_pop_that_waits_gets_what_came_first(desk: FifoDesk) -> None:
    pops = [asyncio.ensure_future(desk.jobs.apop_max(timeout=30)) for _ in range(3)]
    await asyncio.sleep(0)
    await desk.jobs.apush_many([Item("c", 1), Item("b", 1), Item("a", 1)])
    assert sorted(filter(None, await asyncio.gather(*pops))) == ["a", "b", "c"]


async def test_many_producers_and_consumers(desk: FifoDesk) -> None:
    """What one producer pushes with one priority is popped in that order, by whoever pops."""
    each, producers, consumers = 24, 25, 25
    popped: list[tuple[int, int, float]] = []
    lock = asyncio.Lock()

    async def produce(number: int) -> None:
        for n in range(0, each, 2):
            await desk.numbers.apush(number * 1000 + n, n % 3)
            await desk.numbers.apush_many([Item(number * 1000 + n + 1, (n + 1) % 3)])

    async def consume() -> None:
        while len(popped) < each * producers:
            async with lock:  # so that what is noted is noted in the order of the pops
                item = await desk.numbers.apop_item()
                if item is not None:
                    popped.append((*divmod(item.value, 1000), item.priority))
            await asyncio.sleep(0)

    await asyncio.gather(*map(produce, range(producers)), *(consume() for _ in range(consumers)))
    assert len(set(popped)) == each * producers
    for producer in range(producers):
        for priority in range(3):
            mine = [n for whose, n, at in popped if (whose, at) == (producer, priority)]
            assert mine == [n for n in range(each) if n % 3 == priority]


# --- against a plain model of it -------------------------------------------------------------------------

VALUE = st.integers(0, 6)
PRIORITY = st.sampled_from([-EDGE, -2, -1, 0, 1, EDGE])
ONLY_IF = st.sampled_from([None, None, None, "new", "lower", "higher"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.lists(st.tuples(VALUE, PRIORITY), max_size=6), ONLY_IF),
        st.tuples(st.just("pop"), st.integers(1, 3), st.booleans()),
        st.tuples(st.just("remove"), VALUE, st.none()),
        st.tuples(st.just("fill"), PRIORITY, st.none()),
    ),
    max_size=14,
)


class PlainQueue:
    """A deque for each priority."""

    def __init__(self) -> None:
        self.buckets: dict[int, deque[int]] = {}

    def push(self, items: list[tuple[int, int]], only_if: str | None) -> int:
        moved = set()
        for value, priority in items:
            before = next((at for at, bucket in self.buckets.items() if value in bucket), None)
            if before == priority:
                continue
            if before is not None:
                if only_if == "new" or (only_if and (priority < before) is not (only_if == "lower")):
                    continue
                self.buckets[before].remove(value)
            self.buckets.setdefault(priority, deque()).append(value)
            moved.add(value)
        return len(moved)

    def order(self, *, highest: bool) -> list[tuple[int, float]]:
        return [
            (value, float(priority))
            for priority in sorted(self.buckets, reverse=highest)
            for value in self.buckets[priority]
        ]

    def remove(self, *values: int) -> bool:
        found = [bucket for bucket in self.buckets.values() for value in values if value in bucket]
        self.buckets = {
            priority: deque(each for each in bucket if each not in values)
            for priority, bucket in self.buckets.items()
        }
        return bool(found)


async def compare(steps: list[Any]) -> None:
    desk, plain = await FifoDesk().asave(), PlainQueue()
    client: Any = desk.numbers.redis
    for name, first, second in steps:
        if name == "push":
            moved = await desk.numbers.apush_many([Item(*each) for each in first], only_if=second)
            number = plain.push(first, second)
            assert moved == (None if second is None else number)
        elif name == "pop":
            expected = [value for value, _ in plain.order(highest=second)[:first]]
            assert await desk.numbers.apop_many(first, highest=second) == expected
            plain.remove(*expected)
        elif name == "remove":
            assert await desk.numbers.aremove(first) is plain.remove(first)
        elif len(bucket := plain.buckets.get(first, ())):
            await client.zadd(desk.numbers.special_key, {str(bucket[-1]): first + 1 - STEP})  # nearly full
        assert pairs(await desk.numbers.aitems()) == plain.order(highest=False)
        top = await desk.numbers.apeek_item(highest=True)
        assert ([] if top is None else pairs([top])) == plain.order(highest=True)[:1]


@unhurried
@given(STEPS)
def test_any_sequence_is_as_with_deques(rapyer_redis_url: str, steps: list[Any]) -> None:
    run(lambda: compare(steps), rapyer_redis_url)
