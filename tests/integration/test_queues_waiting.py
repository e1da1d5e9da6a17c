"""A pop that waits for a value: who wakes it, whom it hinders, and what becomes of it when it is cancelled."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from rapyer import AtomicRedisModel, RedisConfig, apipeline
from rapyer.errors import CorruptedModelError
from rapyer.model.registry import registry
from rapyer.session import arrivals, taking
from rapyer.session.clients import ClientSource
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.usefixtures("source")

Item = PriorityQueueItem
SOON = 2.0
"""Seconds that a loaded machine may take to wake a task; far less than what a task sleeps that nobody wakes."""


class QueueWaiting(AtomicRedisModel):
    name: str = "w"
    tasks: RedisPriorityQueue[int] = RedisPriorityQueue()


class QueueWaitingExpiring(AtomicRedisModel):
    tasks: RedisPriorityQueue[int] = RedisPriorityQueue()
    Meta = RedisConfig(ttl=1000)


@pytest.fixture
async def model() -> QueueWaiting:
    return await QueueWaiting().asave()


@pytest.fixture
async def other(rapyer_redis_url: str) -> AsyncIterator[Redis]:
    """Another client of the server, which shares nothing with those of the models."""
    client = Redis.from_url(rapyer_redis_url, decode_responses=True)
    yield client
    await client.aclose()


async def until(condition: Callable[[], Any]) -> None:
    """Wait until something holds, at most ten seconds."""
    end = asyncio.get_running_loop().time() + 10
    while not await condition():
        assert asyncio.get_running_loop().time() < end, "it never came to hold"
        await asyncio.sleep(0.005)


async def waiting(other: Redis, *pops: Any, places: int = 1) -> list[asyncio.Task[Any]]:
    """Start pops, and return when they wait: the server tells of so many keys."""
    tasks = [asyncio.ensure_future(pop) for pop in pops]

    async def told() -> bool:
        return int((await other.info("stats"))["tracking_total_keys"]) >= places

    await until(told)
    await asyncio.sleep(0.05)  # so that the others have asked, too
    return tasks


async def elapsed(work: Any) -> tuple[float, Any]:
    start = asyncio.get_running_loop().time()
    result = await work
    return asyncio.get_running_loop().time() - start, result


# --- waking ----------------------------------------------------------------------------------------------


async def _push(model: QueueWaiting, other: Redis) -> None:
    await model.tasks.apush(7, 1)


async def _raw(model: QueueWaiting, other: Redis) -> None:
    await other.zadd(model.tasks.special_key, {"7": 1})


async def _pipeline(model: QueueWaiting, other: Redis) -> None:
    async with apipeline():
        await model.tasks.apush(7, 1)


async def _rename(model: QueueWaiting, other: Redis) -> None:
    await other.zadd("elsewhere", {"7": 1})
    await other.rename("elsewhere", model.tasks.special_key)


async def _duplicate(model: QueueWaiting, other: Redis) -> None:
    source = await QueueWaiting().asave()
    await source.tasks.apush(7, 1)
    await source.tasks.aduplicate_special(model.key)


@pytest.mark.parametrize("bring", [_push, _raw, _pipeline, _rename, _duplicate])
@pytest.mark.parametrize("name", ["apop", "apop_max", "apop_item"])
async def test_whatever_brings_a_value_wakes_at_once(
    model: QueueWaiting, other: Redis, name: str, bring: Any
) -> None:
    (pop,) = await waiting(other, getattr(model.tasks, name)(timeout=60))
    await bring(model, other)
    took, popped = await elapsed(pop)
    assert popped == (Item(7, 1.0) if name == "apop_item" else 7)
    assert took < SOON < arrivals.TOLD
    assert await model.tasks.asize() == 0


async def test_a_value_that_is_there_is_taken_without_waiting(
    model: QueueWaiting, rapyer_redis_url: str
) -> None:
    await model.tasks.apush_many([Item(1, 1), Item(2, 2)])
    async with sent_to(rapyer_redis_url) as sent:
        assert await model.tasks.apop(timeout=math.inf) == 1
        assert await model.tasks.apop_max(timeout=0) == 2
        assert await sent.names() == ["ZPOPMIN", "ZPOPMAX"]


async def test_it_ends_when_the_time_is_over(model: QueueWaiting) -> None:
    took, popped = await elapsed(model.tasks.apop(timeout=0.3))
    assert popped is None
    assert 0.29 < took < 0.3 + SOON
    took, popped = await elapsed(model.tasks.apop(timeout=0))
    assert (popped, took < SOON) == (None, True)
    assert await model.tasks.apop() is None


@pytest.mark.parametrize("bad", [-1, -0.5, math.nan, -math.inf])
async def test_a_negative_timeout_is_refused(model: QueueWaiting, bad: float) -> None:
    await model.tasks.apush(1, 1)
    with pytest.raises(ValueError, match="a timeout is 0 seconds or more, not"):
        await model.tasks.apop(timeout=bad)
    for kind in ("1", True, [1]):
        with pytest.raises(TypeError, match="a timeout is a number of seconds, or None, not"):
            await model.tasks.apop_item(timeout=kind)  # type: ignore[arg-type]
    assert await model.tasks.asize() == 1


async def test_each_value_wakes_one_who_waits(model: QueueWaiting, other: Redis) -> None:
    pops = await waiting(other, *(model.tasks.apop(timeout=60) for _ in range(50)))
    await model.tasks.apush_many(Item(n, n) for n in range(30))
    await until(lambda: _count(pops, 30))
    for n in range(30, 50):
        await other.zadd(model.tasks.special_key, {str(n): n})
    took, popped = await elapsed(asyncio.gather(*pops))
    assert sorted(popped) == list(range(50))
    assert took < SOON


async def _count(tasks: list[asyncio.Task[Any]], count: int) -> bool:
    return sum(task.done() for task in tasks) == count


async def test_who_waits_longest_is_first(model: QueueWaiting, other: Redis) -> None:
    got: list[int] = []

    async def wait(number: int) -> None:
        assert await model.tasks.apop(timeout=60) is not None
        got.append(number)

    pops = []
    for number in range(5):
        pops += await waiting(other, wait(number))
    for number in range(5):
        await model.tasks.apush(number, 1)
        await until(lambda: _count(pops, number + 1))  # noqa: B023 - it is awaited here
    assert got == list(range(5))


async def test_a_queue_of_a_model_that_is_not_there_is_waited_at(other: Redis) -> None:
    """Neither one that was never saved, nor one that is deleted meanwhile and comes back."""
    model = QueueWaiting()
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    await model.tasks.apush(1, 1)
    assert await pop == 1
    await model.asave()
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    await model.adelete()
    await asyncio.sleep(0.1)
    assert not pop.done()
    await model.asave()
    await model.tasks.apush(2, 1)
    took, popped = await elapsed(pop)
    assert (popped, took < SOON) == (2, True)
    await model.tasks.apush(3, 1)
    await model.adelete()
    assert await model.tasks.apop(timeout=0.05) is None


async def test_a_pop_may_wait_in_a_lock(model: QueueWaiting, other: Redis) -> None:
    async with model.alock("work", save_at_end=True) as locked:
        (pop,) = await waiting(other, locked.tasks.apop(timeout=60))
        await model.tasks.apush(7, 1)
        assert await pop == 7
        locked.name = "done"
    assert (await QueueWaiting.aget(model.key)).name == "done"
    assert await model.tasks.asize() == 0


async def test_queues_are_waited_at_apart(model: QueueWaiting, other: Redis) -> None:
    second = await QueueWaiting().asave()
    first_pop, second_pop = await waiting(
        other, model.tasks.apop(timeout=60), second.tasks.apop(timeout=60), places=2
    )
    await second.tasks.apush(2, 1)
    assert await second_pop == 2
    assert not first_pop.done()
    await model.tasks.apush(1, 1)
    assert await first_pop == 1


async def test_what_does_not_fit_wakes_and_stays(model: QueueWaiting, other: Redis) -> None:
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    await other.zadd(model.tasks.special_key, {"bad": 1})
    with pytest.raises(CorruptedModelError, match="'bad'"):
        await pop
    assert await other.zrange(model.tasks.special_key, 0, -1) == ["bad"]
    (pop,) = await waiting(other, model.tasks.apop(timeout=60, skip_corrupt=True))
    assert not pop.done()
    await model.tasks.apush(2, 5)
    assert await asyncio.wait_for(pop, arrivals.TOLD - 1) == 2
    assert await other.zrange(model.tasks.special_key, 0, -1) == ["bad"]


async def test_a_flushed_server_is_waited_at_on(model: QueueWaiting, other: Redis) -> None:
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    await other.flushall()
    await asyncio.sleep(0.1)
    await model.tasks.apush(7, 1)
    took, popped = await elapsed(pop)
    assert (popped, took < SOON) == (7, True)


# --- what it costs others --------------------------------------------------------------------------------


async def _connections(other: Redis) -> int:
    return len(await other.client_list())


async def test_others_go_on_over_the_only_connection(rapyer_redis_url: str, other: Redis) -> None:
    pool = BlockingConnectionPool.from_url(rapyer_redis_url, max_connections=1, timeout=5)
    source = ClientSource.from_client(Redis(connection_pool=pool))
    registry.bind(source)
    model = await QueueWaiting().asave()
    before = await _connections(other)
    pops = await waiting(other, *(model.tasks.apop(timeout=60) for _ in range(50)))
    assert await _connections(other) == before + 2  # for all of them
    took, _ = await elapsed(asyncio.gather(*(QueueWaiting.aget(model.key) for _ in range(20))))
    assert took < SOON
    await model.tasks.apush_many(Item(n, n) for n in range(50))
    assert sorted(await asyncio.gather(*pops)) == list(range(50))
    await until(lambda: _are(other, before))
    await pool.aclose()


async def _are(other: Redis, count: int) -> bool:
    return await _connections(other) == count


async def test_a_task_that_waits_asks_nothing_meanwhile(
    model: QueueWaiting, other: Redis, rapyer_redis_url: str
) -> None:
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    async with sent_to(rapyer_redis_url) as sent:
        await asyncio.sleep(0.5)
        assert await sent.names() == []
    pop.cancel()


async def test_a_wait_starts_the_time_to_live_anew_when_it_takes_something(other: Redis) -> None:
    model = await QueueWaitingExpiring().asave()
    (pop,) = await waiting(other, model.tasks.apop(timeout=60))
    await other.expire(model.key, 50)
    await asyncio.sleep(0.1)
    assert await other.ttl(model.key) <= 50
    await other.zadd(model.tasks.special_key, {"1": 1})
    assert await pop == 1
    assert await other.ttl(model.key) > 900


async def test_a_pipeline_may_wait(model: QueueWaiting, other: Redis) -> None:
    async with model.apipeline() as piped:
        pop = asyncio.ensure_future(piped.tasks.apop(timeout=60))
        await piped.tasks.apush(9, 9)
        await asyncio.sleep(0.1)
        await other.zadd(model.tasks.special_key, {"1": 1})
        assert await pop == 1
    assert await model.tasks.apop() == 9


# --- when the server does not tell -----------------------------------------------------------------------


async def test_where_the_server_does_not_tell_it_looks_by_itself(rapyer_redis_url: str, other: Redis) -> None:
    await other.execute_command(
        "ACL", "SETUSER", "quiet", "on", ">pw", "~*", "&*", "+@all", "-client|tracking"
    )
    try:
        source = ClientSource.from_url(rapyer_redis_url, username="quiet", password="pw")
        registry.bind(source)
        model = await QueueWaiting().asave()
        pop = asyncio.ensure_future(model.tasks.apop(timeout=60))
        await asyncio.sleep(0.1)
        await model.tasks.apush(7, 1)
        took, popped = await elapsed(pop)
        assert popped == 7
        assert took < arrivals.NOT_TOLD + SOON
        assert await model.tasks.apop(timeout=0.6) is None
        await source.aclose()
    finally:
        await other.execute_command("ACL", "DELUSER", "quiet")


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
async def test_connections_that_break_lose_nothing(model: QueueWaiting, other: Redis, kind: str) -> None:
    pops = await waiting(other, *(model.tasks.apop(timeout=60) for _ in range(5)))
    for _ in range(3):
        await other.execute_command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        await asyncio.sleep(0.05)
    await other.zadd(model.tasks.special_key, {str(n): n for n in range(5)})
    took, popped = await elapsed(asyncio.gather(*pops))
    assert sorted(popped) == list(range(5))
    assert took < arrivals.TOLD + SOON


async def test_connections_that_cannot_be_had_are_looked_past(
    model: QueueWaiting, other: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of the connections that tell of changes, who waits looks by itself."""
    monkeypatch.setattr(arrivals, "TOLD", 0.3)
    failures = [OSError("no route"), RedisError("no"), asyncio.TimeoutError()]
    really = arrivals.Line.open

    async def failing(line: arrivals.Line) -> None:
        if failures:
            raise failures.pop()
        await really(line)

    async def hanging(line: arrivals.Line) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(arrivals.Line, "open", failing)
    pops = [asyncio.ensure_future(model.tasks.apop(timeout=60)) for _ in range(2)]
    await until(lambda: _nothing(failures))
    pops += await waiting(other)  # now the server tells
    await model.tasks.apush_many(Item(n, n) for n in range(2))
    took, popped = await elapsed(asyncio.gather(*pops))
    assert (sorted(popped), took < SOON) == ([0, 1], True)
    monkeypatch.setattr(arrivals.Line, "open", hanging)
    await other.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    pop = asyncio.ensure_future(model.tasks.apop(timeout=60))
    await asyncio.sleep(0.1)
    await model.tasks.apush(3, 3)
    took, popped = await elapsed(pop)
    assert (popped, took < 0.3 + SOON) == (3, True)


async def _nothing(left: list[Exception]) -> bool:
    return not left


async def test_a_line_that_is_closed_asks_nothing(model: QueueWaiting, other: Redis) -> None:
    """It would connect anew, where nobody listens."""
    line = arrivals.Line(model.tasks.redis)
    before = await _connections(other)
    with pytest.raises(RedisConnectionError, match="the connection is closed"):
        await line.ask(model.tasks.special_key)
    await line.open()
    asked = asyncio.ensure_future(line.ask(model.tasks.special_key))
    await asyncio.sleep(0.05)
    await line.close(RedisConnectionError("gone"))
    with pytest.raises(RedisConnectionError, match="gone"):
        await asked
    await until(lambda: _are(other, before))


async def test_a_line_that_nobody_wants_any_more_is_not_opened(model: QueueWaiting, other: Redis) -> None:
    """Who asked for it is told, and the next who waits gets one."""
    line = arrivals.Line(model.tasks.redis)
    line.reader = asyncio.ensure_future(line.read_answers())
    line.reader.add_done_callback(line.fail)
    line.hang_up()  # before its task has begun
    with pytest.raises(RedisConnectionError):
        await asyncio.wait_for(line.opened, SOON)


# --- cancelling ------------------------------------------------------------------------------------------


async def test_a_cancelled_wait_takes_nothing(model: QueueWaiting, other: Redis) -> None:
    pops = await waiting(other, *(model.tasks.apop(timeout=math.inf) for _ in range(3)))
    took, _ = await elapsed(_cancelled(pops[0]))
    assert took < SOON
    await model.tasks.apush(1, 1)
    done, (left,) = await asyncio.wait(pops[1:], return_when=asyncio.FIRST_COMPLETED)
    assert [await task for task in done] == [1]
    await _cancelled(left)
    await model.tasks.apush(2, 2)
    await asyncio.sleep(0.05)
    assert await model.tasks.aitems() == [Item(2, 2.0)]


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("seconds", [None, 60])
@pytest.mark.parametrize("count", [1, 3])
async def test_what_a_cancelled_pop_was_to_get_is_put_back(
    model: QueueWaiting, other: Redis, seconds: float | None, count: int
) -> None:
    """The server has the command already, and will carry it out."""
    items = [Item(n, n + 0.5) for n in range(count)]
    await model.tasks.apush_many(items)
    await other.execute_command("CLIENT", "PAUSE", "300", "WRITE")
    work: Any = model.tasks.apop(timeout=seconds) if count == 1 else model.tasks.apop_many(count)
    pop = asyncio.ensure_future(work)
    await asyncio.sleep(0.1)
    await _cancelled(pop)
    assert await model.tasks.aitems() == items  # it is back before the cancellation goes on
    commands = await other.info("commandstats")
    assert commands["cmdstat_zpopmin"]["calls"] > 0


async def test_a_pop_that_runs_out_of_time_is_put_back(model: QueueWaiting, other: Redis) -> None:
    await model.tasks.apush(1, 5)
    await other.execute_command("CLIENT", "PAUSE", "300", "WRITE")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(model.tasks.apop(), 0.1)
    assert await model.tasks.aitems() == [Item(1, 5.0)]


async def test_a_slow_server_does_not_hold_a_cancelled_task_for_long(
    model: QueueWaiting, other: Redis
) -> None:
    await model.tasks.apush(1, 5)
    await other.execute_command("CLIENT", "PAUSE", "2000", "WRITE")
    pop = asyncio.ensure_future(model.tasks.apop())
    await asyncio.sleep(0.1)
    took, _ = await elapsed(_cancelled(pop))
    assert took < taking.GRACE + 0.5

    async def put_back() -> bool:
        calls = (await other.info("commandstats")).get("cmdstat_zadd", {"calls": 0})["calls"]
        return calls > before and await other.zcard(model.tasks.special_key) == 1

    before = (await other.info("commandstats"))["cmdstat_zadd"]["calls"]
    await until(put_back)


async def test_what_is_put_back_does_not_wait_for_a_pipeline(model: QueueWaiting, other: Redis) -> None:
    await model.tasks.apush(1, 5)
    async with apipeline() as pipe:
        await other.execute_command("CLIENT", "PAUSE", "300", "WRITE")
        pop = asyncio.ensure_future(model.tasks.apop())
        await asyncio.sleep(0.1)
        await _cancelled(pop)
        assert pipe.commands == ()
        assert await other.zcard(model.tasks.special_key) == 1


async def test_a_cancelled_pop_whose_outcome_is_unknown_is_logged(
    model: QueueWaiting, other: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await model.tasks.apush(1, 5)
    await other.execute_command("CLIENT", "PAUSE", "400", "WRITE")
    pop = asyncio.ensure_future(model.tasks.apop())
    await asyncio.sleep(0.1)
    pop.cancel()
    await other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(asyncio.CancelledError):
        await pop
    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert line.getMessage().startswith(
        f"the task that was to get items of {model.tasks.special_key} was cancelled, and then: the reply to ZPOPMIN"
    )


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("cls", [QueueWaiting, QueueWaitingExpiring])
async def test_pops_that_are_cancelled_at_any_point_lose_nothing(cls: Any, skip: bool, other: Redis) -> None:
    model: Any = await cls().asave()
    if skip:
        await other.zadd(model.tasks.special_key, {"bad": -1})
    chance: random.Random = random.Random(4)
    got: list[int] = []
    total = 300

    async def impatient() -> None:
        while len(got) < total:
            try:
                patience = chance.choice((0.001, 0.003, 0.01, 0.03, 1))
                pop = model.tasks.apop(timeout=math.inf, skip_corrupt=skip)
                got.append(await asyncio.wait_for(pop, patience))
            except asyncio.TimeoutError:
                continue

    async def give() -> None:
        for n in range(total):
            await model.tasks.apush(n, n)
            await asyncio.sleep(0.001)

    workers = [asyncio.ensure_future(impatient()) for _ in range(20)]
    await give()
    await asyncio.wait_for(asyncio.gather(*workers), 60)
    assert sorted(got) == list(range(total))
    assert await model.tasks.asize() == skip


# --- event loops -----------------------------------------------------------------------------------------


def test_each_event_loop_waits_for_itself(rapyer_redis_url: str) -> None:
    registry.bind(ClientSource.from_url(rapyer_redis_url))

    async def one_round() -> int | None:
        model = QueueWaiting()
        pop = asyncio.ensure_future(model.tasks.apop(timeout=60))
        await asyncio.sleep(0.1)
        await model.tasks.apush(7, 1)
        return await pop

    assert [asyncio.run(one_round()) for _ in range(3)] == [7, 7, 7]


def test_a_loop_that_ends_leaves_nobody_waiting(rapyer_redis_url: str) -> None:
    registry.bind(ClientSource.from_url(rapyer_redis_url))

    async def leave() -> None:
        asyncio.ensure_future(QueueWaiting().tasks.apop(timeout=math.inf))  # noqa: RUF006
        await asyncio.sleep(0.1)

    asyncio.run(leave())
