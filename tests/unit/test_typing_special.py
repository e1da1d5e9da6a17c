"""What a type checker makes of sets, queues and the rest: element types are known, and wrong ones refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.typed_programs import check

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
from typing import Optional
from pydantic import BaseModel, Field
from rapyer import ActionGroup, AtomicRedisModel, Key, SafeLoad, apipeline
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, RedisSet, Reference

class Job(BaseModel):
    page: int = 0

class Shelf(AtomicRedisModel):
    labels: RedisSet[str] = Field(default_factory=RedisSet)

class Worker(AtomicRedisModel):
    name: Key[str]
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    numbers: set[int] = set()
    maybe: Optional[RedisSet[int]] = None
    jobs: RedisPriorityQueue[Job] = Field(default_factory=RedisPriorityQueue)
    pool: Optional[RedisPriorityQueue[str]] = None
    kind: SafeLoad[int | None] = None
    shelves: list[Shelf] = []
    fans: set[Reference[Shelf]] = set()

Worker.Meta.ttl = 60
Worker.Meta.refresh_ttl = ActionGroup.READ | ActionGroup.UPDATE

async def right(shelf: Shelf) -> None:
    worker = Worker(name="x", tags={"a"}, numbers={1})
    worker.tags.add("b")
    worker.tags |= {"c"}
    worker.tags = {"d"}
    worker.tags = worker.tags & {"d"}
    worker.maybe = {1}
    worker.maybe = None
    await worker.tags.aadd_many(["e"])
    await worker.jobs.apush(Job(), 1, only_if="new")
    await worker.jobs.apush_many([PriorityQueueItem(Job(), 1.5)])
    async with worker.apipeline() as same:
        await same.tags.aadd("f")
        await same.jobs.apush(Job(), 2)

async def shown(worker: Worker, shelf: Shelf) -> None:
    reveal_type(worker.tags)
    reveal_type(worker.numbers)
    reveal_type(await worker.tags.apop())
    reveal_type(await worker.tags.apop_many(2))
    reveal_type(await worker.tags.aunion(shelf.labels, worker.shelves[0].labels))
    reveal_type([tag async for tag in worker.tags.aiter_members()])
    reveal_type([tag for tag in worker.tags])
    reveal_type(await worker.jobs.apop(timeout=1))
    reveal_type(await worker.jobs.apop_many(2))
    reveal_type(await worker.jobs.apop_item())
    reveal_type(await worker.jobs.aitems())
    if worker.maybe is not None and worker.pool is not None:
        reveal_type(await worker.maybe.amembers())
        reveal_type(await worker.pool.apeek())
    reveal_type((await Worker.aget_or_create(worker)).value)
    reveal_type(worker.kind)
    reveal_type(worker.failed_fields)

async def wrong(worker: Worker) -> None:
    await worker.tags.aadd(1)
    worker.tags.add(1)
    await worker.tags.aadd_many([1])
    worker.tags = {1}
    worker.tags = "text"
    worker.maybe = {"x"}
    await worker.tags.aunion({"x"})
    await worker.jobs.apush("x", 1)
    await worker.jobs.apush(Job(), "high")
    await worker.jobs.apush(Job(), 1, only_if="never")
    await worker.jobs.apush_many([Job()])
    worker.jobs = [Job()]
    Worker(name="x", tags=[1])
"""

REVEALED = [
    "RedisSet[str]",
    "set[int]",
    "str | None",
    "set[str]",
    "set[str]",
    "list[str]",
    "list[str]",
    "Job | None",
    "list[Job]",
    "PriorityQueueItem[Job] | None",
    "list[PriorityQueueItem[Job]]",
    "set[int]",
    "str | None",
    "Worker",
    "int | None",
    "set[str]",
]


def test_special_fields_are_checked(tmp_path: Path) -> None:
    checked = check(PROGRAM, tmp_path)
    assert checked.revealed == REVEALED
    refused = {line for line, _ in checked.errors}
    first = PROGRAM.splitlines().index("async def wrong(worker: Worker) -> None:") + 2
    assert refused == set(range(first, len(PROGRAM.splitlines()) + 1)), checked.errors
