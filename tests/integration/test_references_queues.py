"""References in priority queues: every form as an item, and times to live that reach what the items name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from rapyer import (
    AtomicRedisModel,
    CascadeResult,
    RedisConfig,
    ReferenceReport,
    acheck_references,
    afetch_all,
)
from rapyer.cascade import CascadeTTL
from rapyer.errors import UnsupportedArgumentTypeError
from rapyer.types import RedisPriorityQueue, Reference
from rapyer.types.priority_queue import PriorityQueueItem

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

ROOT, CHILD, LEFT = 1000, 300, 50


class RefQueueTask(AtomicRedisModel):
    Meta = RedisConfig(ttl=CHILD, refresh_ttl=False)
    name: str = ""


class RefQueueJob(AtomicRedisModel):
    Meta = RedisConfig(ttl=400, refresh_ttl=False)
    size: int = 0


class RefQueuePart(BaseModel):
    tasks: Annotated[RedisPriorityQueue[Reference[RefQueueTask]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )


class RefQueueWorker(AtomicRedisModel):
    Meta = RedisConfig(ttl=ROOT, refresh_ttl=False)
    tasks: Annotated[RedisPriorityQueue[Reference[RefQueueTask]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )
    either: Annotated[RedisPriorityQueue[Reference[RefQueueTask | RefQueueJob]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )
    workers: Annotated[RedisPriorityQueue[Reference["RefQueueWorker"]], CascadeTTL()] = Field(  # noqa: UP037
        default_factory=RedisPriorityQueue
    )
    part: RefQueuePart = Field(default_factory=RefQueuePart)


async def left(raw: Redis, *models: Any) -> list[int]:
    return [-(-await raw.pttl(model.key) // 1000) for model in models]


async def test_w13_a_queue_takes_every_form_of_an_item(raw: Redis) -> None:
    task = await RefQueueTask(name="t").asave()
    worker: Any = await RefQueueWorker().asave()
    for form in (task, task.key, Reference(task.key), {"$ref": "RefQueueTask", "$id": str(task.pk)}):
        await worker.tasks.apush(form, 1)
        assert await raw.zrange(worker.tasks.special_key, 0, -1) == [f'"{task.key}"']
        (item,) = await worker.tasks.aitems()
        assert item == PriorityQueueItem(Reference(task.key), 1.0)
        assert await item.value.afetch() == task
        assert await worker.tasks.aremove(form)
        await worker.tasks.apush_many([PriorityQueueItem(form, 2), PriorityQueueItem(form, 3)])
        assert await worker.tasks.asize() == 1
        assert (await worker.tasks.apeek()).target_key == task.key
        popped = await worker.tasks.apop()
        assert (await popped.afetch()).name == "t"
    with pytest.raises(ValidationError, match="Input should be an instance of RefQueueTask"):
        await worker.tasks.apush(RefQueueJob(), 1)


async def test_what_a_queue_gives_is_fetched_together() -> None:
    task, job = await RefQueueTask().asave(), await RefQueueJob().asave()
    worker: Any = await RefQueueWorker().asave()
    await worker.either.apush_many([PriorityQueueItem(task, 1), PriorityQueueItem(job.key, 2)])
    values = [item.value for item in await worker.either.aitems()]
    assert (await afetch_all(values)).loaded == 2
    assert [one.value for one in values] == [task, job]
    expected = (
        "RefQueueWorker.either is a queue, whose items are not here; give afetch_all the references that"
    )
    with pytest.raises(UnsupportedArgumentTypeError, match=expected):
        await afetch_all(worker, RefQueueWorker.either)


async def test_a_check_looks_into_queues() -> None:
    task = await RefQueueTask().asave()
    worker: Any = await RefQueueWorker().asave()
    await worker.tasks.apush(task, 1)
    await worker.part.tasks.apush(task, 1)
    assert await acheck_references(RefQueueWorker) == ReferenceReport(instances=1, references=2)
    await worker.part.tasks.apush("RefQueueTask:none", 1)
    await worker.either.apush("RefQueueWorker:1", 1)
    report = await acheck_references(RefQueueWorker)
    assert (report.dangling, report.mismatched) == (1, 1)
    assert {(one.field, one.target_key) for one in report.broken} == {
        ("part.tasks", "RefQueueTask:none"),
        ("either", "RefQueueWorker:1"),
    }


async def test_w17_a_cascade_follows_queues_also_of_nested_models(raw: Redis) -> None:
    tasks = [await RefQueueTask().asave() for _ in range(3)]
    job = await RefQueueJob().asave()
    worker: Any = await RefQueueWorker().asave()
    await worker.tasks.apush(tasks[0], 1)
    await worker.part.tasks.apush(tasks[1], 1)
    await worker.either.apush_many([PriorityQueueItem(tasks[2], 1), PriorityQueueItem(job, 2)])
    for model in (*tasks, job):
        await raw.expire(model.key, LEFT)
    assert await worker.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, *tasks, job) == [CHILD] * 3 + [400]
    await raw.zadd(worker.tasks.special_key, {"no json": 1, "5": 2})
    await worker.either.apush("RefQueueWorker:1", 0)
    assert await worker.aset_ttl(ROOT, cascade=True) == CascadeResult(mismatched_class=1)


async def test_a_queue_that_holds_its_own_model_ends(raw: Redis) -> None:
    """§13.60, in a sorted set."""
    one, two = await RefQueueWorker().asave(), await RefQueueWorker().asave()
    for worker in (one, two):
        for member in (one, two):
            await worker.workers.apush(member, 1)
        await raw.expire(worker.key, LEFT)
    result: Any = await one.aset_ttl(500, cascade=True)
    assert (result.dangling_children, result.mismatched_class) == (0, 0)
    assert await left(raw, one, two) == [500, ROOT]
