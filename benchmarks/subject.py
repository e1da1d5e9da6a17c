"""The library's side, written to the names that rapyer 1.3.6 has too, so that `peer.py` can run it."""

from __future__ import annotations

import asyncio
import tracemalloc
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import create_model
from redis.asyncio import Redis

from benchmarks.checks import equals, found, named, positive
from benchmarks.documents import MATCHING, VALUES
from benchmarks.stored import MODELS, BenchWide
from benchmarks.timing import Work
from rapyer import AtomicRedisModel, init_rapyer

if TYPE_CHECKING:
    from collections.abc import Callable

_serial = count()


def made(shape: str, number: int = 7) -> Any:
    """Return a new instance, its key minted."""
    model = MODELS[shape](**VALUES[shape](number))
    assert model.key
    return model


def local_work() -> dict[str, Work]:
    """Return the operations that need no server."""
    works = {f"construct {shape}": _constructing(shape) for shape in MODELS}
    user: Any = made("10f")

    def read(times: int) -> str:
        for _ in range(times):
            user.name  # noqa: B018 - the read is what is measured
        return str(user.name)

    def assign(times: int) -> int:
        for number in range(times):
            user.visits = number
        return int(user.visits) - times

    def append(times: int) -> int:
        tags = user.tags
        tags.clear()
        for _ in range(times):
            tags.append("x")
        return len(tags) - times

    def set_item(times: int) -> int:
        limits = user.limits
        for number in range(times):
            limits["day"] = number
        return int(limits["day"]) - times

    works["read again"] = Work(read, equals("user 7"))
    works["set attribute"] = Work(assign, equals(-1))
    works["list.append local"] = Work(append, equals(0))
    works["dict set local"] = Work(set_item, equals(-1))
    works["define 50 classes"] = Work(_define, equals(50), bulk=True)
    for shape in MODELS:
        works[f"memory {shape}"] = Work(_bytes_each(shape), positive, bulk=True, own_clock=True)
    return works


def _constructing(shape: str) -> Work:
    model, values = MODELS[shape], VALUES[shape]()

    def construct(times: int) -> Any:
        for _ in range(times):
            made = model(**values)
        return made

    return Work(construct, named("user 7"))


def _define(_: int) -> int:
    fields: Any = {f"field{number}": (int, number) for number in range(10)}
    classes: list[Any] = [
        create_model(f"Made{next(_serial)}", __base__=AtomicRedisModel, **fields) for _ in range(50)
    ]
    assert classes[0]().field3 == 3
    return len(classes)


def _bytes_each(shape: str) -> Callable[[int], float]:
    document = made(shape).model_dump_json().encode()
    validate = MODELS[shape].__pydantic_validator__.validate_json

    def run(_: int) -> float:
        validate(document)
        tracemalloc.start()
        kept = [validate(document) for _ in range(1000)]
        used = tracemalloc.get_traced_memory()[0] / len(kept)
        tracemalloc.stop()
        return used

    return run


async def stored_work() -> dict[str, Work]:
    """Store a document of each model and return the operations on single documents."""
    works: dict[str, Work] = {}
    for shape in MODELS:
        works |= _document_work(shape, await made(shape).asave())
    works |= _field_work(await made("10f").asave())
    works |= _pipeline_work(await made("10f").asave())
    if hasattr(AtomicRedisModel, "alock_from_key"):
        works["lock+get+release"] = _lock_work(await made("10f").asave())
    return works


def _document_work(shape: str, user: Any) -> dict[str, Work]:
    model = MODELS[shape]
    doomed: list[Any] = []

    async def save(times: int) -> Any:
        for _ in range(times):
            await user.asave()
        return user

    async def get(times: int) -> Any:
        for _ in range(times):
            loaded = await model.aget(user.key)
        return loaded

    async def load(times: int) -> Any:
        for _ in range(times):
            await user.aload()
        return user

    async def store_doomed(times: int) -> None:
        doomed[:] = [made(shape, number) for number in range(times)]
        await model.ainsert(*doomed)

    async def delete(times: int) -> bool:
        for one in doomed:
            deleted = await one.adelete()
        return bool(deleted)

    async def get_at_once(times: int) -> Any:
        for _ in range(times):
            loaded = await asyncio.gather(*(model.aget(user.key) for _ in range(80)))
        return loaded[-1]

    return {
        f"asave {shape}": Work(save, named("user 7")),
        f"aget {shape}": Work(get, named("user 7")),
        f"aload {shape}": Work(load, named("user 7")),
        f"adelete {shape}": Work(delete, equals(True), before=store_doomed),
        f"aget x80 at once {shape}": Work(get_at_once, named("user 7")),
    }


def _field_work(user: Any) -> dict[str, Work]:
    async def increase(times: int) -> int:
        visits = user.visits
        for _ in range(times):
            new = await visits.aincrease(1)
        return int(new)

    async def append(times: int) -> int:
        for _ in range(times):
            await user.tags.aappend("x")
        return len(user.tags)

    async def set_item(times: int) -> int:
        for number in range(times):
            await user.limits.aset_item("day", number)
        return int(user.limits["day"]) - times

    async def emptied(_: int) -> None:
        user.tags.clear()
        await user.asave()

    return {
        "int increase": Work(increase, positive, before=emptied),
        "list append": Work(append, positive, before=emptied),
        "dict set": Work(set_item, equals(-1), before=emptied),
    }


def _pipeline_work(user: Any) -> dict[str, Work]:
    def piped(operations: int) -> Work:
        async def run(times: int) -> int:
            for _ in range(times):
                async with user.apipeline():
                    for number in range(operations // 4):
                        user.visits += 1
                        user.tags.append("x")
                        user.limits["day"] = number
                        user.name = f"user {number}"
            return len((await type(user).aget(user.key)).tags) - times * operations // 4

        async def emptied(_: int) -> None:
            user.tags.clear()
            await user.asave()

        return Work(run, equals(0), before=emptied)

    return {f"pipeline {operations} ops": piped(operations) for operations in (100, 1000)}


def _lock_work(user: Any) -> Work:
    async def run(times: int) -> Any:
        for _ in range(times):
            async with BenchWide.alock_from_key(user.key, "bench") as locked:
                pass
        return locked

    return Work(run, named("user 7"))


async def bulk_work(shape: str, size: int) -> dict[str, Work]:
    """Store so many documents and return the operations on all of them."""
    model: Any = MODELS[shape]
    stored = [made(shape, number) for number in range(size)]
    for start in range(0, size, 1000):
        await model.ainsert(*stored[start : start + 1000])
    keys = [one.key for one in stored]
    condition: Any = model.age == 7
    fresh: list[Any] = []

    def prepare(_: int) -> None:
        fresh[:] = [made(shape, number) for number in range(size)]

    async def insert(_: int) -> int:
        return len(await model.ainsert(*fresh) or fresh)

    async def clean() -> None:
        for start in range(0, len(fresh), 1000):
            await model.adelete_many(*fresh[start : start + 1000])

    async def prepare_insert(times: int) -> None:
        await clean()
        prepare(times)

    async def prepare_delete(times: int) -> None:
        prepare(times)
        await model.ainsert(*fresh)

    async def find_all(_: int) -> list[Any]:
        return list(await model.afind())

    async def find_keys(_: int) -> list[Any]:
        return list(await model.afind(*keys))

    async def find_matching(_: int) -> list[Any]:
        return list(await model.afind(condition, max_results=size // MATCHING))

    async def delete_many(_: int) -> int:
        return int((await model.adelete_many(*fresh)).keys_deleted)

    works = {
        f"afind all {size} {shape}": Work(find_all, found(size), bulk=True),
        f"afind by keys {size} {shape}": Work(find_keys, found(size), bulk=True),
        f"afind expr 1 of 10 in {size} {shape}": Work(find_matching, found(size // MATCHING, 7), bulk=True),
    }
    if hasattr(model, "adelete_many"):
        works[f"ainsert {size} {shape}"] = Work(insert, equals(size), before=prepare_insert, bulk=True)
        works[f"adelete_many {size} {shape}"] = Work(
            delete_many, equals(size), before=prepare_delete, bulk=True
        )
    return works


async def connect(url: str, *, empty: bool = False) -> None:
    """Bind the models to the server, which makes their indexes, and empty it first if asked."""
    if empty:
        async with Redis.from_url(url) as client:
            await client.flushall()
    await init_rapyer(url)
