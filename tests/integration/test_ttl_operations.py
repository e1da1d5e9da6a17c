"""Each operation starts the time to live anew for its action groups, and for no others."""

from __future__ import annotations

import datetime as dt
import operator
from typing import TYPE_CHECKING, Annotated, Any

import pytest

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, Index
from rapyer.frames import to_pandas
from rapyer.types import PriorityQueueItem, RedisDatetimeTimestamp, RedisPriorityQueue
from tests.action_table import rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

HOUR = dt.timedelta(hours=1)
TTL = 1000
LEFT = 50
"""Seconds that are left before the operation."""


class TtlEvery(AtomicRedisModel):
    text: str = "t"
    number: int = 7
    real: float = 1.5
    raw: bytes = b"r"
    at: dt.datetime = dt.datetime(2024, 1, 1)
    stamp: RedisDatetimeTimestamp = RedisDatetimeTimestamp(2024, 1, 1)
    lst: list[int] = [3, 1, 2]
    dct: dict[str, int] = {"a": 1}
    members: set[int] = {1, 2}
    jobs: RedisPriorityQueue[int] = RedisPriorityQueue()
    rank: Annotated[int, Index()] = 1


def _on(field: str, change: Callable[[Any, Any], Any], operand: Any) -> Callable[[Any], None]:
    """Return what applies an in-place operator to a field."""

    def apply(model: Any) -> None:
        setattr(model, field, change(getattr(model, field), operand))

    return apply


async def _save_set(model: Any) -> None:
    model.members.add(3)
    await model.members.asave_special()


async def _stream() -> None:
    async for _ in TtlEvery.aiter_find(batch=1):
        pass


async def _update_many() -> None:
    await TtlEvery.acreate_index()
    await TtlEvery.aupdate_many(TtlEvery.rank == 1, number=8)


async def _page(model: Any) -> None:
    async for _ in model.members.aiter_members():
        pass


def _set_item(model: Any) -> None:
    model.lst[0] = 5


def _set_member(model: Any) -> None:
    model.dct["b"] = 5


def _numbers(field: str, operand: Any) -> dict[str, Callable[[Any], Any]]:
    symbols = {name: getattr(operator, name.strip("_")) for name in ("__iadd__", "__isub__", "__imul__")}
    symbols |= {
        name: getattr(operator, name.strip("_")) for name in ("__ifloordiv__", "__imod__", "__ipow__")
    }
    if field == "real":
        symbols["__itruediv__"] = operator.itruediv
    found: dict[str, Callable[[Any], Any]] = {
        name: _on(field, change, operand) for name, change in symbols.items()
    }
    return found | {"aincrease": lambda m: getattr(m, field).aincrease(operand)}


OPERATIONS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "AtomicRedisModel": {
        "aget": lambda m: TtlEvery.aget(m.key),
        "afind": lambda m: TtlEvery.afind(m.key),
        "afind_one": lambda m: TtlEvery.afind_one(m.key),
        "apage": lambda m: TtlEvery.apage(size=5),
        "aiter_find": lambda m: _stream(),
        "aload": lambda m: m.aload(),
        "aget_or_create": lambda m: TtlEvery.aget_or_create(m),
        "asave": lambda m: m.asave(),
        "ainsert": lambda m: TtlEvery.ainsert(m),
        "afrom_frame": lambda m: TtlEvery.afrom_frame(to_pandas([m], key="key"), key="key"),
        "aupdate": lambda m: m.aupdate(number=8, text="u"),
        "aupdate_many": lambda m: _update_many(),
        "update": lambda m: m.update(number=8),
    },
    "rapyer": {
        "aget": lambda m: rapyer.aget(m.key),
        "afind": lambda m: rapyer.afind(m.key),
        "afind_one": lambda m: rapyer.afind_one(m.key),
        "ainsert": lambda m: rapyer.ainsert(m),
        "aget_or_create": lambda m: rapyer.aget_or_create(m),
    },
    "every field in the document": {"asave": lambda m: m.text.asave(), "aload": lambda m: m.dct.aload()},
    "RedisStr": {"__iadd__": _on("text", operator.iadd, "x"), "__imul__": _on("text", operator.imul, 2)},
    "RedisBytes": {"__iadd__": _on("raw", operator.iadd, b"x")},
    "RedisInt": _numbers("number", 2),
    "RedisFloat": _numbers("real", 2.0),
    "RedisDatetime": {
        "__iadd__": _on("at", operator.iadd, HOUR),
        "__isub__": _on("at", operator.isub, HOUR),
    },
    "RedisDatetimeTimestamp": {
        "__iadd__": _on("stamp", operator.iadd, HOUR),
        "__isub__": _on("stamp", operator.isub, HOUR),
    },
    "RedisList": {
        "__setitem__": _set_item,
        "__iadd__": _on("lst", operator.iadd, [4]),
        "__imul__": _on("lst", operator.imul, 2),
        "__delitem__": lambda m: m.lst.__delitem__(slice(0, 2)),
        "append": lambda m: m.lst.append(4),
        "extend": lambda m: m.lst.extend([4]),
        "insert": lambda m: m.lst.insert(0, 4),
        "clear": lambda m: m.lst.clear(),
        "pop": lambda m: m.lst.pop(),
        "remove": lambda m: m.lst.remove(1),
        "remove_range": lambda m: m.lst.remove_range(0, 1),
        "sort": lambda m: m.lst.sort(),
        "reverse": lambda m: m.lst.reverse(),
        "aappend": lambda m: m.lst.aappend(4),
        "aextend": lambda m: m.lst.aextend([4]),
        "ainsert": lambda m: m.lst.ainsert(0, 4),
        "aset": lambda m: m.lst.aset(0, 4),
        "aremove": lambda m: m.lst.aremove(1),
        "aindex": lambda m: m.lst.aindex(1),
        "apop": lambda m: m.lst.apop(),
        "aclear": lambda m: m.lst.aclear(),
    },
    "RedisDict": {
        "__setitem__": _set_member,
        "__delitem__": lambda m: m.dct.__delitem__("a"),
        "__ior__": _on("dct", operator.ior, {"b": 2}),
        "update": lambda m: m.dct.update(b=2),
        "setdefault": lambda m: m.dct.setdefault("b", 2),
        "pop": lambda m: m.dct.pop("a"),
        "popitem": lambda m: m.dct.popitem(),
        "clear": lambda m: m.dct.clear(),
        "aget": lambda m: m.dct.aget("a"),
        "aset_item": lambda m: m.dct.aset_item("b", 2),
        "adel_item": lambda m: m.dct.adel_item("a"),
        "aupdate": lambda m: m.dct.aupdate({"b": 2, "c": 3}),
        "asetdefault": lambda m: m.dct.asetdefault("b", 2),
        "apop": lambda m: m.dct.apop("a"),
        "apopitem": lambda m: m.dct.apopitem(),
        "aclear": lambda m: m.dct.aclear(),
    },
    "RedisSet": {
        "add": lambda m: m.members.add(3),
        "update": lambda m: m.members.update([3]),
        "discard": lambda m: m.members.discard(1),
        "remove": lambda m: m.members.remove(1),
        "clear": lambda m: m.members.clear(),
        "difference_update": lambda m: m.members.difference_update([1]),
        "intersection_update": lambda m: m.members.intersection_update([1]),
        "symmetric_difference_update": lambda m: m.members.symmetric_difference_update([1, 3]),
        "aadd": lambda m: m.members.aadd(3),
        "aadd_many": lambda m: m.members.aadd_many([3, 4]),
        "aremove": lambda m: m.members.aremove(1),
        "aclear": lambda m: m.members.aclear(),
        "apop": lambda m: m.members.apop(),
        "apop_many": lambda m: m.members.apop_many(1),
        "acontains": lambda m: m.members.acontains(1),
        "acontains_many": lambda m: m.members.acontains_many([1]),
        "amembers": lambda m: m.members.amembers(),
        "aiter_members": _page,
        "asize": lambda m: m.members.asize(),
        "aunion": lambda m: m.members.aunion(),
        "aintersect": lambda m: m.members.aintersect(),
        "adifference": lambda m: m.members.adifference(),
        "asymmetric_difference": lambda m: m.members.asymmetric_difference(m.members),
        "asave_special": _save_set,
    },
    "RedisPriorityQueue": {
        "apush": lambda m: m.jobs.apush(9, 1),
        "apush_many": lambda m: m.jobs.apush_many([PriorityQueueItem(9, 1)]),
        "apop": lambda m: m.jobs.apop(),
        "apop_max": lambda m: m.jobs.apop_max(),
        "apop_item": lambda m: m.jobs.apop_item(),
        "apop_many": lambda m: m.jobs.apop_many(1),
        "apop_corrupt": lambda m: m.jobs.apop_corrupt(),
        "aremove": lambda m: m.jobs.aremove(1),
        "aclear": lambda m: m.jobs.aclear(),
        "apeek": lambda m: m.jobs.apeek(),
        "apeek_item": lambda m: m.jobs.apeek_item(),
        "asize": lambda m: m.jobs.asize(),
        "aitems": lambda m: m.jobs.aitems(),
        "arange": lambda m: m.jobs.arange(),
    },
}
OTHER_KEYS = {"aduplicate", "aduplicate_many", "afetch_all", "areferrers"}
"""These concern other models alone: the copies, what is referred to, or what refers to one."""

FOUND = {"aget_or_create": ActionGroup.READ | ActionGroup.FETCH}
"""What is CREATE where nothing is stored is not where something is."""

ROWS = [row for row in rows() if row.action.refreshes and row.name not in OTHER_KEYS]


@pytest.fixture(autouse=True)
async def _ttl(source: Any) -> Any:
    yield
    TtlEvery.Meta.ttl, TtlEvery.Meta.refresh_ttl = None, True


def test_every_operation_is_here() -> None:
    assert {(row.source, row.name) for row in ROWS} == {
        (source, name) for source, operations in OPERATIONS.items() for name in operations
    }


async def _run(operation: Callable[[Any], Any], model: Any, *, is_async: bool) -> None:
    if is_async:
        await operation(model)
        return
    async with rapyer.apipeline():
        operation(model)


async def _is_refreshed(raw: Redis, operation: Callable[[Any], Awaitable[Any]], *, is_async: bool) -> bool:
    model = await TtlEvery().asave()
    await model.jobs.apush_many([PriorityQueueItem(1, 1), PriorityQueueItem(2, 2)])
    for key in model.all_keys:
        await raw.expire(key, LEFT)
    await _run(operation, model, is_async=is_async)
    left = {await raw.ttl(key) for key in model.all_keys} - {-2}  # what was emptied is gone
    assert all(LEFT - 5 < each <= LEFT or TTL - 5 < each <= TTL for each in left), left
    refreshed = {each > LEFT for each in left}
    assert len(refreshed) == 1, "all keys of a model are treated alike"
    return refreshed.pop()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}.{row.name}")
async def test_the_time_starts_anew_for_the_operations_groups_alone(raw: Redis, row: Any) -> None:
    """§13.46, for sync methods in a pipeline too."""
    operation = OPERATIONS[row.source][row.name]
    TtlEvery.Meta.ttl = TTL
    groups = FOUND.get(row.name, row.action.groups)
    own = [group for group in ActionGroup if group in groups]
    others = ActionGroup.all(for_ttl=True) & ~groups
    for chosen, expected in [
        *((group, True) for group in own),
        (others, False),
        (False, False),
        (True, True),
    ]:
        TtlEvery.Meta.refresh_ttl = chosen
        assert await _is_refreshed(raw, operation, is_async=row.is_async) is expected, chosen


QUIET = {
    "aexists": lambda m: TtlEvery.aexists(m.key),
    "afind_keys": lambda m: TtlEvery.afind_keys(),
    "acount": lambda m: TtlEvery.acount(),
    "aggregate": lambda m: TtlEvery.aggregate().by("number").arows(),
    "rapyer.aexists": lambda m: rapyer.aexists(m.key),
    "adelete of another": lambda m: TtlEvery.adelete_by_key("another"),
    "adelete_many of others": lambda m: TtlEvery.adelete_many("another"),
    "rapyer.adelete_many of others": lambda m: rapyer.adelete_many("TtlEvery:another"),
    "aduplicate": lambda m: m.aduplicate(),
    "sync outside of a pipeline": lambda m: _nothing(m.lst.append(1)),
}


async def _nothing(result: None) -> None:
    return result


@pytest.mark.parametrize("operation", QUIET.values(), ids=QUIET.keys())
async def test_what_never_starts_the_time_anew(raw: Redis, operation: Any) -> None:
    """§13.50."""
    TtlEvery.Meta.ttl = TTL
    assert await _is_refreshed(raw, operation, is_async=True) is False
