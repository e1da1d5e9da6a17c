"""Members that do not fit the type of their queue any more: none is lost, and who pops is told."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError
from rapyer.session import executor
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

Item = PriorityQueueItem
EVIL = '"gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu"'  # a pickle that calls something


class QueueOrder(BaseModel):
    n: int


class QueueDamaged(AtomicRedisModel):
    orders: RedisPriorityQueue[QueueOrder] = RedisPriorityQueue()
    numbers: RedisPriorityQueue[int] = RedisPriorityQueue()
    raws: RedisPriorityQueue[bytes] = RedisPriorityQueue()


async def damaged(raw: Redis, *members: Any) -> QueueDamaged:
    """Return a model with these members in its queue of numbers, priorities 0, 1, …"""
    model = await QueueDamaged().asave()
    await raw.zadd(model.numbers.special_key, {member: n for n, member in enumerate(members)})
    return model


async def stored(raw: Redis, queue: RedisPriorityQueue[Any]) -> list[Any]:
    return await raw.zrange(queue.special_key, 0, -1, withscores=True)


@pytest.mark.parametrize("bad", ["{broken", '"text"', "1.5", "null", "[1]", ""])
@pytest.mark.parametrize("name", ["apop", "apop_max", "apop_item", "apeek", "apeek_item", "aitems", "arange"])
async def test_a_member_that_does_not_fit_is_named_and_stays(raw: Redis, name: str, bad: str) -> None:
    """Nothing is lost on a pop that cannot give what it took."""
    model = await damaged(raw, bad)
    with pytest.raises(CorruptedModelError) as caught:
        await getattr(model.numbers, name)()
    said, key = str(caught.value), model.numbers.special_key
    assert (
        f"QueueDamaged.numbers has a member under {key} that does not fit, and stays there: {bad!r}, " in said
    )
    assert "priority 0.0; " in said
    assert said.endswith(
        "; pass over it with skip_corrupt=True, or take out all that does not fit with apop_corrupt()"
    )
    assert (caught.value.key, caught.value.field) == (key, "QueueDamaged.numbers")
    assert caught.value.__cause__ is not None
    assert await stored(raw, model.numbers) == [(bad, 0.0)]


async def test_bytes_that_are_no_text_and_pickles_that_are_refused_stay_too(raw: Redis) -> None:
    model = await QueueDamaged().asave()
    await raw.zadd(model.numbers.special_key, {b"\xff\xfe": 1})
    with pytest.raises(CorruptedModelError, match=r"stays there: b'\\xff\\xfe'"):
        await model.numbers.apop()
    assert await model.numbers.asize() == 1
    await raw.zadd(model.raws.special_key, {EVIL: 1})
    with pytest.raises(CantSerializeRedisValueError, match=r"QueueDamaged\.raws has a member .* stays there"):
        await model.raws.apop()
    assert await stored(raw, model.raws) == [(EVIL, 1.0)]


async def test_a_long_member_is_shown_in_part(raw: Redis) -> None:
    model = await damaged(raw, "x" * 5000)
    with pytest.raises(CorruptedModelError) as caught:
        await model.numbers.apop()
    assert len(str(caught.value)) < 1000
    assert "x" * 99 + "…, priority" in str(caught.value)


async def test_all_that_a_pop_of_many_took_stays(raw: Redis) -> None:
    model = await damaged(raw, "1", "2", "bad", "4")
    before = await stored(raw, model.numbers)
    with pytest.raises(CorruptedModelError, match="'bad', priority 2.0"):
        await model.numbers.apop_many(4)
    assert await stored(raw, model.numbers) == before
    assert await model.numbers.apop_many(2) == [1, 2]


async def test_a_pop_goes_on_only_when_asked(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    model = await damaged(raw, "bad", "1", "{", "2", "3", "null")
    with pytest.raises(CorruptedModelError):
        await model.numbers.apop()
    with caplog.at_level(logging.WARNING, "rapyer"):
        assert await model.numbers.apop(skip_corrupt=True) == 1
    assert caplog.messages == [
        "QueueDamaged.numbers passed over 1 of its members under "
        f"{model.numbers.special_key}, which do not fit: 'bad'"
    ]
    assert await model.numbers.apop_item(skip_corrupt=True) == Item(2, 3.0)
    assert await model.numbers.apop_max(skip_corrupt=True) == 3
    assert await model.numbers.apop(skip_corrupt=True) is None
    assert await model.numbers.apop(skip_corrupt=True, timeout=0.05) is None
    assert await stored(raw, model.numbers) == [("bad", 0.0), ("{", 2.0), ("null", 5.0)]


async def test_what_is_passed_over_never_leaves_the_queue(raw: Redis, rapyer_redis_url: str) -> None:
    """Nor could it get lost, then; and nobody who waits is woken by its coming back."""
    model = await damaged(raw, "bad", "1", "worse")
    async with sent_to(rapyer_redis_url) as sent:
        assert await model.numbers.apop(skip_corrupt=True) == 1
        assert await model.numbers.apop_many(5, skip_corrupt=True) == []
        names = set(await sent.names())
    assert names <= {"ZRANGE", "EVAL", "EVALSHA"}
    assert await stored(raw, model.numbers) == [("bad", 0.0), ("worse", 2.0)]
    assert await raw.keys("__rapyer_once__*") == []


@pytest.mark.parametrize("count", [1, 3])
async def test_a_wait_past_what_does_not_fit_is_quiet_and_tells_of_it_once(
    raw: Redis, rapyer_redis_url: str, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    model = await damaged(raw, "bad")
    async with sent_to(rapyer_redis_url) as sent:
        pops = [
            asyncio.ensure_future(model.numbers.apop(skip_corrupt=True, timeout=60)) for _ in range(count)
        ]
        await asyncio.sleep(0.6)
        assert len(await sent.names()) < 8 + 4 * count
    assert len(caplog.messages) == count
    await raw.zadd(model.numbers.special_key, {"worse": -1})
    await model.numbers.apush_many(Item(n, 5) for n in range(count))
    assert sorted(await asyncio.gather(*pops)) == list(range(count))  # type: ignore[type-var]  # no None
    assert len(caplog.messages) <= 2 * count
    assert [member for member, _ in await stored(raw, model.numbers)] == ["worse", "bad"]


async def test_priorities_without_end_are_passed_over_too(raw: Redis) -> None:
    model = await QueueDamaged().asave()
    await raw.zadd(model.numbers.special_key, {"bad": "-inf", "worse": "inf", "0": "-inf"})
    await model.numbers.apush_many([Item(1, -math.inf), Item(2, math.inf), Item(3, 1e-300), Item(4, 0.1)])
    assert await model.numbers.apop_item(skip_corrupt=True) == Item(0, -math.inf)
    assert await model.numbers.apop_item(skip_corrupt=True, highest=True) == Item(2, math.inf)
    assert await model.numbers.apop_many(9, skip_corrupt=True) == [1, 3, 4]
    assert await model.numbers.apop_corrupt() == [Item("bad", -math.inf), Item("worse", math.inf)]


async def test_many_are_popped_past_what_does_not_fit(raw: Redis) -> None:
    members = [member for n in range(300) for member in (f"bad {n}", str(n))]
    model = await damaged(raw, *members)
    assert await model.numbers.apop_many(3, skip_corrupt=True) == [0, 1, 2]
    assert await model.numbers.apop_many(2, highest=True, skip_corrupt=True) == [299, 298]
    assert await model.numbers.apop_many(999, skip_corrupt=True) == list(range(3, 298))
    assert await model.numbers.asize() == 300


async def test_looking_can_leave_out_what_does_not_fit(raw: Redis) -> None:
    model = await damaged(raw, "bad", "1", "2")
    assert await model.numbers.aitems(skip_corrupt=True) == [Item(1, 1.0), Item(2, 2.0)]
    assert await model.numbers.arange(0, 1, skip_corrupt=True) == [Item(1, 1.0)]
    assert await model.numbers.asize() == 3


async def test_what_does_not_fit_can_be_taken_out(raw: Redis) -> None:
    model = await damaged(raw, *(member for n in range(300) for member in (f"bad {n}", str(n))))
    await raw.zadd(model.numbers.special_key, {b"\xff": -1})
    taken = await model.numbers.apop_corrupt()
    assert taken == [Item(b"\xff", -1.0), *(Item(f"bad {n}", 2.0 * n) for n in range(300))]
    assert await model.numbers.apop_corrupt() == []
    assert await model.numbers.apop_many(999) == list(range(300))


async def test_a_loaded_model_does_not_mind(raw: Redis) -> None:
    """W27: what is in a queue does not make its model unreadable."""
    model = await damaged(raw, "bad")
    assert await QueueDamaged.aget(model.key) == model
    assert await QueueDamaged.afind() == [model]
    async with model.apipeline() as piped:
        with pytest.raises(CorruptedModelError):
            await piped.numbers.apop()
    assert await stored(raw, model.numbers) == [("bad", 0.0)]


async def test_putting_back_does_not_wait_for_a_pipeline(raw: Redis) -> None:
    model = await damaged(raw, "bad", "1")
    async with apipeline() as pipe:
        with pytest.raises(CorruptedModelError):
            await model.numbers.apop_many(2)
        assert await raw.zcard(model.numbers.special_key) == 2
        assert pipe.commands == ()


async def test_what_is_put_back_does_not_undo_a_push(raw: Redis) -> None:
    """A member that somebody pushes while it is out keeps that priority."""
    model = await damaged(raw, "bad")
    real = executor.run

    async def pushing(source: Any, command: Any) -> Any:
        await raw.zadd(model.numbers.special_key, {"bad": 77})
        return await real(source, command)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapyer.types.queue_access.run", pushing)
        with pytest.raises(CorruptedModelError):
            await model.numbers.apop()
    assert await stored(raw, model.numbers) == [("bad", 77.0)]


async def test_what_cannot_be_put_back_is_logged(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    model = await damaged(raw, "bad")

    async def failing(source: Any, command: Any) -> Any:
        raise RedisConnectionError("gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rapyer.types.queue_access.run", failing)
        with pytest.raises(RedisConnectionError):
            await model.numbers.apop()
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    said = f"could not put back items of {model.numbers.special_key}: [(b'bad', 0.0)]: gone"
    assert line.getMessage() == said


async def test_tasks_that_pass_over_the_same_member_take_each_other_once(raw: Redis) -> None:
    model = await damaged(raw, "bad", *map(str, range(200)), "worse")
    taken: list[int] = []

    async def worker() -> None:
        while (number := await model.numbers.apop(skip_corrupt=True)) is not None:
            taken.append(number)

    await asyncio.gather(*(worker() for _ in range(20)))
    assert sorted(taken) == list(range(200))
    assert [member for member, _ in await stored(raw, model.numbers)] == ["bad", "worse"]
