"""Every operation that talks to Redis, each as something to do with a stored document."""

from __future__ import annotations

import inspect
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel

import rapyer
import rapyer.types
from rapyer import AtomicRedisModel, FifoTies, Index, apipeline
from rapyer.cascade import CascadeDelete
from rapyer.frames import to_pandas
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=timezone.utc)


class FaultInner(BaseModel):
    text: str = "i"
    items: list[int] = [1]
    tags: set[str] = {"i"}


class FaultDoc(AtomicRedisModel):
    number: int = 10
    real: float = 2.5
    text: str = "a"
    raw: bytes = b"r"
    flag: bool = False
    when: datetime = START
    items: list[int] = [1, 2, 3]
    mapping: dict[str, int] = {"a": 1, "b": 2}
    inner: FaultInner = FaultInner()
    members: list[FaultInner] = [FaultInner()]
    tags: set[str] = {"a", "b"}
    one: set[str] = {"x"}
    groups: dict[str, set[str]] = {"g": {"a", "b"}}
    jobs: RedisPriorityQueue[int] = RedisPriorityQueue()
    damaged: RedisPriorityQueue[int] = RedisPriorityQueue()
    ordered: Annotated[RedisPriorityQueue[int], FifoTies] = RedisPriorityQueue()
    friend: Reference[FaultDoc] = Reference("FaultDoc:1")
    friends: Annotated[set[Reference[FaultDoc]], CascadeDelete()] = {Reference("FaultDoc:1")}


class FaultIndexed(AtomicRedisModel):
    number: Annotated[int, Index] = 0


LOW: Any = FaultIndexed.number < 5
NEW_ROWS = to_pandas([FaultIndexed(number=11), FaultIndexed(number=12)])


def new(pk: str) -> Any:
    """Return a new document with a primary key."""
    doc = FaultDoc(text="new")
    doc.pk = pk
    return doc


async def _lock(lock: Any) -> None:
    async with lock as doc:
        doc.text = "locked"


async def _set(value: Any, change: Callable[[], Any]) -> None:
    change()
    await value()


async def _careful(doc: Any, **options: bool) -> None:
    FaultDoc.Meta.remember_loaded = True
    await doc.aload()
    doc.text, doc.number = "b", 11
    doc.items.append(4)
    await doc.asave(**options)


async def _model_pipeline(doc: Any) -> None:
    async with doc.apipeline():
        doc.number += 1


async def _mixed_pipeline(doc: Any) -> None:
    async with apipeline(doc):
        doc.number += 5
        doc.number *= 3
        doc.real *= 1.5
        doc.text += "b"
        doc.items.append(4)
        doc.items.insert(0, 9)
        doc.items.pop()
        doc.items.sort()
        doc.mapping["c"] = 3
        del doc.mapping["a"]
        doc.inner.text = "in"
        doc.members[0].items.append(7)
        doc.flag = True


async def _idempotent_pipeline(doc: Any) -> None:
    async with apipeline(doc):
        doc.text = "b"
        doc.mapping["c"] = 3
        await doc.aset_ttl(100)


async def _ordered_pipeline(doc: FaultDoc) -> None:
    async with doc.apipeline():
        await doc.ordered.apush(7, 2)
        await doc.ordered.apush(6, 2)
        doc.number += 1


async def _async_pipeline(doc: Any) -> None:
    async with apipeline(doc):
        await doc.number.aincrease(2)
        await doc.items.aextend([4, 5])
        await doc.mapping.adel_item("a")
        await doc.jobs.apush(4, 4)
        await doc.jobs.aremove(1)
        await doc.asave()


async def _reading_pipeline(doc: Any) -> None:
    async with apipeline():
        await FaultDoc.aget(doc.key)


async def _inner_pipeline(doc: Any) -> None:
    async with doc.inner.apipeline():
        doc.inner.items.append(2)
        doc.inner.text += "!"


async def _set_pipeline(doc: Any) -> None:
    async with apipeline(doc):
        doc.tags ^= {"b", "c"}
        doc.tags |= {"d"}
        doc.one &= {"y"}
        doc.inner.tags.discard("i")
        doc.groups["g"] ^= {"a", "c"}
        doc.members[0].tags = {"m"}
        await doc.inner.tags.aadd("j")


async def _set_save(doc: Any) -> None:
    doc.tags.add("c")
    doc.tags.discard("a")
    doc.inner.tags.add("j")
    await doc.asave()


async def _gone_save(doc: Any) -> None:
    await FaultDoc.adelete_by_key(doc.key)
    await doc.asave()


async def _set_lock(doc: Any) -> None:
    async with doc.alock("edit", save_at_end=True):
        doc.tags ^= {"a", "c"}
        doc.inner.tags.clear()


async def _fetched(doc: Any) -> None:
    await doc.friend.aunload()
    assert (await doc.friend.afetch()).text == "a"


async def _all_fetched(doc: Any) -> None:
    result = await rapyer.afetch_all(doc, FaultDoc.friend, FaultDoc.friends)
    assert (result.resolved, result.dangling) == (2, ())
    assert doc.friend.text == next(iter(doc.friends)).text == "a"


async def _checked_references(doc: Any) -> None:
    report = await rapyer.acheck_references(FaultDoc)
    assert (report.instances, report.references, report.ok) == (1, 2, True)


async def _found_referrers(doc: Any) -> None:
    found = await rapyer.areferrers(doc, FaultDoc.friend, FaultDoc.friends)
    assert [model.key for model in found] == [doc.key]


async def _members(tags: Any) -> list[Any]:
    return [member async for member in tags.aiter_members()]


async def _streamed() -> list[Any]:
    return [found async for found in FaultDoc.aiter_find(batch=1)]


async def _indexed(operation: Callable[[], Any]) -> None:
    await FaultIndexed.acreate_index()
    await operation()


async def _counted_update() -> None:
    FaultIndexed.Meta.exactly_once = True
    try:
        result = await FaultIndexed.aupdate_many(LOW, number=7)
    finally:
        FaultIndexed.Meta.exactly_once = False
    assert (result.matched, result.updated) == (2, 2)


async def _nested_pipeline(doc: Any) -> None:
    async with apipeline(doc):
        doc.items.append(4)
        async with apipeline(use_existing_pipe=True):
            doc.number += 1


async def _expiring(operation: Callable[[], Any]) -> None:
    FaultDoc.Meta.ttl = 100
    try:
        await operation()
    finally:
        FaultDoc.Meta.ttl = None


OPERATIONS: dict[str, Any] = {
    "AtomicRedisModel.asave": lambda d: _set(d.asave, lambda: setattr(d, "text", "b")),
    "asave if unchanged": lambda d: _careful(d, if_unchanged=True),
    "asave of what changed": lambda d: _careful(d, only_changed=True),
    "asave of what changed, if unchanged": lambda d: _careful(d, only_changed=True, if_unchanged=True),
    "AtomicRedisModel.aload": lambda d: d.aload(),
    "AtomicRedisModel.adelete": lambda d: d.adelete(),
    "adelete of all that marked fields name": lambda d: d.adelete(cascade=True),
    "adelete_many of all that marked fields name": lambda d: FaultDoc.adelete_many(d, cascade=True),
    "AtomicRedisModel.aupdate": lambda d: d.aupdate(text="b", number=3),
    "AtomicRedisModel.aset_ttl": lambda d: d.aset_ttl(100),
    "AtomicRedisModel.aduplicate": lambda d: d.aduplicate(),
    "AtomicRedisModel.aduplicate_many": lambda d: d.aduplicate_many(3),
    "AtomicRedisModel.apipeline": _model_pipeline,
    "AtomicRedisModel.alock": lambda d: _lock(d.alock("edit", save_at_end=True)),
    "AtomicRedisModel.alock_from_key": lambda d: _lock(FaultDoc.alock_from_key(d.key, save_at_end=True)),
    "AtomicRedisModel.aget": lambda d: FaultDoc.aget(d.key),
    "AtomicRedisModel.adelete_by_key": lambda d: FaultDoc.adelete_by_key(d.key),
    "AtomicRedisModel.adelete_many": lambda d: FaultDoc.adelete_many(d.key, "FaultDoc:gone"),
    "AtomicRedisModel.aexists": lambda d: FaultDoc.aexists(d.key),
    "AtomicRedisModel.ainsert": lambda d: FaultDoc.ainsert(new("2"), new("3")),
    "AtomicRedisModel.aget_or_create": lambda d: FaultDoc.aget_or_create(new("2")),
    "AtomicRedisModel.afind": lambda d: FaultDoc.afind(),
    "AtomicRedisModel.afind_one": lambda d: FaultDoc.afind_one(d.key),
    "AtomicRedisModel.afind_keys": lambda d: FaultDoc.afind_keys(),
    "AtomicRedisModel.acount": lambda d: FaultDoc.acount(),
    "AtomicRedisModel.aupdate_many": lambda d: _indexed(lambda: FaultIndexed.aupdate_many(LOW, number=7)),
    "updating by filters, exactly once": lambda d: _indexed(_counted_update),
    "deleting by filters": lambda d: _indexed(lambda: FaultIndexed.adelete_many(LOW)),
    "AtomicRedisModel.apage": lambda d: FaultDoc.apage(),
    "AtomicRedisModel.aggregate": lambda d: FaultDoc.aggregate().by("text").arows(),
    "AtomicRedisModel.afrom_frame": lambda d: FaultIndexed.afrom_frame(NEW_ROWS),
    "AtomicRedisModel.aiter_find": lambda d: _streamed(),
    "AtomicRedisModel.acreate_index": lambda d: FaultIndexed.acreate_index(),
    "AtomicRedisModel.adelete_index": lambda d: FaultIndexed.adelete_index(),
    "RedisType.asave": lambda d: _set(d.items.asave, lambda: d.items.append(4)),
    "RedisType.aload": lambda d: d.items.aload(),
    "RedisInt.aincrease": lambda d: d.number.aincrease(5),
    "RedisFloat.aincrease": lambda d: d.real.aincrease(0.5),
    "RedisList.aappend": lambda d: d.items.aappend(4),
    "RedisList.aextend": lambda d: d.items.aextend([4, 5]),
    "RedisList.ainsert": lambda d: d.items.ainsert(1, 9),
    "RedisList.apop": lambda d: d.items.apop(0),
    "RedisList.aclear": lambda d: d.items.aclear(),
    "RedisList.aremove": lambda d: d.items.aremove(2),
    "RedisList.aset": lambda d: d.items.aset(1, 9),
    "RedisList.aindex": lambda d: d.items.aindex(2),
    "RedisDict.aset_item": lambda d: d.mapping.aset_item("c", 3),
    "RedisDict.adel_item": lambda d: d.mapping.adel_item("a"),
    "RedisDict.aupdate": lambda d: d.mapping.aupdate({"c": 3}, a=5),
    "RedisDict.apop": lambda d: d.mapping.apop("a"),
    "RedisDict.apopitem": lambda d: d.mapping.apopitem(),
    "RedisDict.aclear": lambda d: d.mapping.aclear(),
    "RedisDict.aget": lambda d: d.mapping.aget("a"),
    "RedisDict.asetdefault": lambda d: d.mapping.asetdefault("c", 3),
    "Reference.afetch": _fetched,
    "Reference.aunload": lambda d: d.friend.aunload(),
    "rapyer.afetch_all": _all_fetched,
    "rapyer.acheck_references": _checked_references,
    "rapyer.areferrers": _found_referrers,
    "rapyer.aget_or_create": lambda d: rapyer.aget_or_create(d),
    "rapyer.aindex_plan": lambda d: rapyer.aindex_plan(FaultIndexed),
    "rapyer.aget": lambda d: rapyer.aget(d.key),
    "rapyer.afind": lambda d: rapyer.afind(d.key),
    "rapyer.afind_one": lambda d: rapyer.afind_one(d.key),
    "rapyer.aexists": lambda d: rapyer.aexists(d.key),
    "rapyer.ainsert": lambda d: rapyer.ainsert(new("2"), new("3")),
    "rapyer.apipeline": _mixed_pipeline,
    "rapyer.adelete_many": lambda d: rapyer.adelete_many(d.key),
    "rapyer.alock_from_key": lambda d: _lock(rapyer.alock_from_key(d.key, save_at_end=True)),
    "pipeline of idempotent writes": _idempotent_pipeline,
    "pipeline of async methods": _async_pipeline,
    "pipeline of an inner model": _inner_pipeline,
    "pipeline in a pipeline": _nested_pipeline,
    "time to live, started anew": lambda d: _expiring(d.refresh_ttl),
    "time to live, of a read": lambda d: _expiring(lambda: FaultDoc.aget(d.key)),
    "time to live, of a save": lambda d: _expiring(lambda: _set(d.asave, lambda: setattr(d, "text", "b"))),
    "time to live, of a first save": lambda d: _expiring(new("2").asave),
    "time to live, of an increment": lambda d: _expiring(lambda: d.number.aincrease(5)),
    "time to live, of a pipeline": lambda d: _expiring(lambda: _async_pipeline(d)),
    "time to live, of reads in a pipeline": lambda d: _expiring(lambda: _reading_pipeline(d)),
    "StoredSet.aadd": lambda d: d.tags.aadd("c"),
    "StoredSet.aadd_many": lambda d: d.tags.aadd_many(["a", "c", "d"]),
    "StoredSet.aremove": lambda d: d.tags.aremove("a"),
    "StoredSet.apop": lambda d: d.one.apop(),
    "StoredSet.apop_many": lambda d: d.tags.apop_many(5),
    "StoredSet.aclear": lambda d: d.tags.aclear(),
    "StoredSet.acontains": lambda d: d.tags.acontains("a"),
    "StoredSet.acontains_many": lambda d: d.tags.acontains_many(["a", "z"]),
    "StoredSet.amembers": lambda d: d.tags.amembers(),
    "StoredSet.aiter_members": lambda d: _members(d.tags),
    "StoredSet.asize": lambda d: d.tags.asize(),
    "StoredSet.aunion": lambda d: d.tags.aunion(d.one),
    "StoredSet.aintersect": lambda d: d.tags.aintersect(d.one),
    "StoredSet.adifference": lambda d: d.tags.adifference(d.one, d.groups["g"]),
    "StoredSet.asymmetric_difference": lambda d: d.tags.asymmetric_difference(d.one),
    "RedisPriorityQueue.apush": lambda d: d.jobs.apush(4, 0, only_if="new"),
    "RedisPriorityQueue.apush_many": lambda d: d.jobs.apush_many([PriorityQueueItem(n, -n) for n in (1, 4)]),
    "RedisPriorityQueue.apop": lambda d: d.jobs.apop(timeout=1),
    "RedisPriorityQueue.apop_max": lambda d: d.jobs.apop_max(),
    "RedisPriorityQueue.apop_item": lambda d: d.jobs.apop_item(highest=True),
    "RedisPriorityQueue.apop_many": lambda d: d.jobs.apop_many(2),
    "RedisPriorityQueue.apop_corrupt": lambda d: d.damaged.apop_corrupt(),
    "RedisPriorityQueue.aremove": lambda d: d.jobs.aremove(2),
    "RedisPriorityQueue.aclear": lambda d: d.jobs.aclear(),
    "RedisPriorityQueue.apeek": lambda d: d.jobs.apeek(),
    "RedisPriorityQueue.apeek_item": lambda d: d.jobs.apeek_item(),
    "RedisPriorityQueue.aitems": lambda d: d.jobs.aitems(),
    "RedisPriorityQueue.arange": lambda d: d.jobs.arange(1, 2),
    "RedisPriorityQueue.asize": lambda d: d.jobs.asize(),
    "RedisPriorityQueue.asave_special": lambda d: d.jobs.asave_special(),
    "queue in order, apush": lambda d: d.ordered.apush(3, 2),
    "queue in order, apush_many": lambda d: d.ordered.apush_many(
        [PriorityQueueItem(n, 2) for n in (9, 1, 8)]
    ),
    "queue in order, numbered anew": lambda d: d.ordered.apush(9, 5),
    "queue in order, apop_max": lambda d: d.ordered.apop_max(),
    "queue in order, apop_many": lambda d: d.ordered.apop_many(2, highest=True),
    "queue in order, that passes over": lambda d: d.ordered.apop_max(skip_corrupt=True),
    "queue in order, apeek_item": lambda d: d.ordered.apeek_item(highest=True),
    "queue in order, pipeline": _ordered_pipeline,
    "RedisSet.asave_special": lambda d: _set(d.tags.asave_special, lambda: d.tags.update(["c"])),
    "SpecialFieldType.adelete_special": lambda d: d.tags.adelete_special(),
    "SpecialFieldType.aduplicate_special": lambda d: d.tags.aduplicate_special("FaultDoc:2"),
    "pipeline of sets": _set_pipeline,
    "set asave": _set_save,
    "set asave of a deleted document": _gone_save,
    "set lock": _set_lock,
    "set in a dict": lambda d: d.groups["g"].aadd("c"),
    "set in a dict, apop": lambda d: d.groups["g"].apop(),
    "set in a list": lambda d: d.members[0].tags.aremove("i"),
    "inner asave": lambda d: _set(d.inner.asave, lambda: setattr(d.inner, "text", "b")),
    "inner list": lambda d: d.inner.items.aappend(5),
    "element of a list": lambda d: d.members[0].items.aappend(5),
}

PIPELINES = tuple(name for name in OPERATIONS if "pipeline" in name)

NOT_SENT = {"add", "all_keys", "append"}
"""Names that begin as the asynchronous ones do and are none."""


def public_operations() -> set[str]:
    """Return the name of every asynchronous operation of the public classes and of the package."""
    found = {f"rapyer.{name}" for name in rapyer.__all__ if name.startswith("a") and name != "actions"}
    for offered in (AtomicRedisModel, *(getattr(rapyer.types, name) for name in rapyer.types.__all__)):
        for name in dir(offered) if inspect.isclass(offered) else ():
            owner = next((cls for cls in offered.__mro__ if name in cls.__dict__), None)
            if name.startswith("a") and owner is not None and owner.__module__.startswith("rapyer."):
                is_model = issubclass(AtomicRedisModel, owner)
                found.add(f"{'AtomicRedisModel' if is_model else owner.__name__}.{name}")
    return {name for name in found if name.partition(".")[2] not in NOT_SENT}
