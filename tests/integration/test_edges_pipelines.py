"""Pipelines at their edges: what others do meanwhile, every kind of field, blocks in blocks."""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
import enum
import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, List, Optional  # noqa: UP035

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, Index, RedisConfig, apipeline
from rapyer.errors import KeyNotFound
from rapyer.session.scope import open_batch
from rapyer.types import RedisDatetimeTimestamp  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")

START = dt.datetime(2024, 1, 1, 12, tzinfo=dt.timezone.utc)


class PipeEdgeTone(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class PipeEdgePoint:
    x: int = 0
    trail: list[int] = field(default_factory=list)


class PipeEdgeInner(BaseModel):
    text: str = "i"
    items: list[int] = [1]


class PipeEdgeBase(AtomicRedisModel):
    number: int = 10
    real: float = 2.5
    text: str = "ab"
    raw: bytes = b"r"
    at: dt.datetime = START
    stamp: RedisDatetimeTimestamp = dt.datetime(2024, 1, 1)  # type: ignore[assignment]
    items: list[int] = [1, 2, 3]
    mapping: dict[str, int] = {"a": 1}


class PipeEdgeDoc(PipeEdgeBase):
    flag: bool = False
    tone: PipeEdgeTone = PipeEdgeTone.RED
    day: dt.date = dt.date(2024, 1, 1)
    pair: tuple[int, str] = (1, "a")
    anything: Any = None
    any_list: List[Any] = []  # noqa: UP006
    any_dict: Dict[str, Any] = {}  # noqa: UP006
    point: PipeEdgePoint = PipeEdgePoint()
    queue: collections.deque[int] = collections.deque([1])
    inner: PipeEdgeInner = PipeEdgeInner()
    maybe: Optional[PipeEdgeInner] = None  # noqa: UP045


class PipeEdgeFound(AtomicRedisModel):
    number: Index[int] = 0
    kind: Index[str] = "a"


class PipeEdgeShort(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    number: int = 2
    text: str = "ab"


async def saved(**values: Any) -> Any:
    return await PipeEdgeDoc(**values).asave()


async def stored(doc: Any) -> Any:
    return await type(doc).aget(doc.key)


# Each operation, what somebody else writes meanwhile, and what Redis holds then: both changes.
BOTH: dict[str, tuple[str, Any, Any, Any]] = {
    "int +=": ("number", lambda v: operator.iadd(v, 1), 100, 101),
    "int -=": ("number", lambda v: operator.isub(v, 1), 100, 99),
    "int *=": ("number", lambda v: operator.imul(v, 3), 100, 300),
    "int //=": ("number", lambda v: operator.ifloordiv(v, 3), 100, 33),
    "int %=": ("number", lambda v: operator.imod(v, 7), 100, 2),
    "int **=": ("number", lambda v: operator.ipow(v, 2), 100, 10_000),
    "float +=": ("real", lambda v: operator.iadd(v, 0.5), 100.25, 100.75),
    "float -=": ("real", lambda v: operator.isub(v, 0.5), 100.25, 99.75),
    "float *=": ("real", lambda v: operator.imul(v, 2), 100.25, 200.5),
    "float /=": ("real", lambda v: operator.itruediv(v, 4), 100.5, 25.125),
    "float //=": ("real", lambda v: operator.ifloordiv(v, 7), 100.5, 14.0),
    "float %=": ("real", lambda v: operator.imod(v, 7), 100.5, 2.5),
    "float **=": ("real", lambda v: operator.ipow(v, 2), 100.5, 10100.25),
    "str +=": ("text", lambda v: operator.iadd(v, "!"), "theirs", "theirs!"),
    "str *=": ("text", lambda v: operator.imul(v, 2), "theirs", "theirstheirs"),
    "datetime +=": (
        "at",
        lambda v: operator.iadd(v, dt.timedelta(microseconds=1)),
        START.replace(year=2030),
        START.replace(year=2030, microsecond=1),
    ),
    "datetime -=": (
        "at",
        lambda v: operator.isub(v, dt.timedelta(hours=1)),
        START.replace(year=2030),
        START.replace(year=2030, hour=11),
    ),
    "timestamp +=": (
        "stamp",
        lambda v: operator.iadd(v, dt.timedelta(hours=1)),
        dt.datetime(2030, 1, 1),
        dt.datetime(2030, 1, 1, 1),
    ),
    "append": ("items", lambda v: v.append(4), [9], [9, 4]),
    "extend": ("items", lambda v: v.extend([4, 5]), [9], [9, 4, 5]),
    "insert": ("items", lambda v: v.insert(0, 4), [9], [4, 9]),
    "set item": ("items", lambda v: v.__setitem__(0, 4), [9, 8], [4, 8]),
    "clear": ("items", lambda v: v.clear(), [9], []),
    "dict set": ("mapping", lambda v: v.__setitem__("a", 7), {"a": 9, "z": 9}, {"a": 7, "z": 9}),
    "dict update": ("mapping", lambda v: v.update(b=2), {"z": 9}, {"z": 9, "b": 2}),
    "dict del": ("mapping", lambda v: v.__delitem__("a"), {"a": 9, "z": 9}, {"z": 9}),
    "dict pop": ("mapping", lambda v: v.pop("a"), {"a": 9, "z": 9}, {"z": 9}),
}


@pytest.mark.parametrize(("name", "change", "theirs", "both"), BOTH.values(), ids=BOTH.keys())
async def test_changes_by_others_survive_and_edits_before_the_block_are_ignored(
    name: str, change: Any, theirs: Any, both: Any
) -> None:
    """Operators act on what Redis holds at EXEC: neither a change by others nor ours is lost."""
    doc, other = await saved(), PipeEdgeDoc()
    before = getattr(PipeEdgeDoc(), name)
    setattr(doc, name, getattr(PipeEdgeDoc(number=5, real=5, text="5", items=[5], mapping={"q": 5}), name))
    other.pk = doc.pk
    async with doc.apipeline() as pipe:
        assert pipe is doc
        assert getattr(doc, name) == before, "the block begins with what Redis holds"
        await asyncio.create_task(_write(other, name, theirs))
        result = change(getattr(doc, name))
        if result is not None and name not in {"items", "mapping"}:
            setattr(doc, name, result)
        assert getattr(await stored(doc), name) == theirs
    assert getattr(await stored(doc), name) == both


async def _write(other: Any, name: str, value: Any) -> None:
    # Another client: its commands are no part of the pipeline that the task was started in.
    text = PipeEdgeDoc.__rapyer_spec__.fields[name].dump_stored(value)
    await other.redis_client.execute_command("JSON.SET", other.key, f"$.{name}", text)


ASSIGNED: dict[str, Any] = {
    "number": 7,
    "real": 0.5,
    "text": "new",
    "raw": b"\xff",
    "at": START.replace(year=2025),
    "stamp": dt.datetime(2025, 1, 1),
    "items": [7, 8],
    "mapping": {"k.l": 2},
    "flag": True,
    "tone": PipeEdgeTone.BLUE,
    "day": dt.date(2025, 1, 1),
    "pair": (2, "b"),
    "anything": {"a": [1, None]},
    "any_list": [1, "x", None, {"k": b"b"}],
    "any_dict": {"a": None, "b": [1.5]},
    "point": PipeEdgePoint(3, [4]),
    "queue": collections.deque([5, 6]),
    "inner": PipeEdgeInner(text="new", items=[9]),
    "maybe": PipeEdgeInner(text="there"),
}


@pytest.mark.parametrize("name", ASSIGNED)
async def test_assigning_to_a_field_of_every_kind_is_queued(name: str) -> None:
    """Assignment in a block reaches Redis at its end, for own and inherited fields of every kind."""
    doc = await saved()
    async with doc.apipeline():
        setattr(doc, name, ASSIGNED[name])
        assert getattr(await stored(doc), name) == getattr(PipeEdgeDoc(), name)
    assert getattr(await stored(doc), name) == getattr(doc, name) == ASSIGNED[name]
    if name == "inner":
        doc.inner.items.append(1)
        await doc.inner.items.asave()
        assert (await stored(doc)).inner.items == [9, 1]


VALUES = [None, {"a": 1}, [1, [2]], "s", 1, 1.5, True, {"n": [{"m": None}]}]


async def test_lists_and_dicts_of_anything_take_everything() -> None:
    """Append, extend, insert, set, update, clear and `+=` on `List[Any]` and `Dict[str, Any]`."""
    doc = await saved()
    async with doc.apipeline():
        for value in VALUES:
            doc.any_list.append(value)
        doc.any_list.extend(VALUES)
        doc.any_list += VALUES
        for place, value in enumerate(VALUES):
            doc.any_list.insert(0, value)
            doc.any_list[-1 - place] = value
            doc.any_dict[f"k{place}"] = value
        doc.any_dict.update({"u.v": VALUES}, w=None)
    after = await stored(doc)
    assert after.any_list == doc.any_list
    assert len(after.any_list) == 4 * len(VALUES)
    assert (
        after.any_dict
        == doc.any_dict
        == {f"k{n}": v for n, v in enumerate(VALUES)}
        | {
            "u.v": VALUES,
            "w": None,
        }
    )
    async with doc.apipeline():
        doc.any_list.clear()
        doc.any_dict.clear()
        doc.any_list.append({})
    assert ((await stored(doc)).any_list, (await stored(doc)).any_dict) == ([{}], {})


async def test_blocks_in_blocks_of_both_kinds() -> None:
    """Own and shared blocks in each other, three deep: each own one commits at its end, shared ones with theirs."""
    doc = await saved()
    async with apipeline():
        doc.number += 1
        async with apipeline(use_existing_pipe=True):
            doc.text = "shared"
            async with apipeline():
                doc.flag = True
                async with apipeline(use_existing_pipe=True):
                    doc.real = 9.0
                assert (await stored(doc)).flag is False
            assert ((await stored(doc)).flag, (await stored(doc)).real) == (True, 9.0)
            with pytest.raises(ZeroDivisionError):
                async with doc.apipeline(use_existing_pipe=True):
                    doc.items.append(99)
                    raise ZeroDivisionError
        assert ((await stored(doc)).number, (await stored(doc)).text) == (10, "ab")
    after = await stored(doc)
    assert (after.number, after.text, after.flag, after.real, after.items) == (
        11,
        "shared",
        True,
        9.0,
        [1, 2, 3],
    )
    assert after == doc
    assert open_batch() is None


async def test_bulk_deletes_by_filters_are_queued(source: ClientSource) -> None:
    """In a block `adelete_many` by one filter and by many finds at once, deletes at the end, and says so."""
    await PipeEdgeFound.acreate_index()
    await PipeEdgeFound.ainsert(*(PipeEdgeFound(number=n, kind="ab"[n % 2]) for n in range(40)))
    async with apipeline():
        one = await PipeEdgeFound.adelete_many(PipeEdgeFound.number >= 30)
        many = await PipeEdgeFound.adelete_many(PipeEdgeFound.number < 20, PipeEdgeFound.kind == "b")
        assert [(r.models_deleted, r.was_committed) for r in (one, many)] == [(10, False), (10, False)]
        assert len(await PipeEdgeFound.afind_keys()) == 40
    assert len(await PipeEdgeFound.afind_keys()) == 20


async def test_forgotten_scripts_and_one_time_to_live(raw: Redis) -> None:
    """After SCRIPT FLUSH a block of scripts and plain commands runs in order, and sets the time to live once."""
    doc: Any = await PipeEdgeShort().asave()
    await raw.expire(doc.key, 10)
    await raw.script_flush()
    async with doc.apipeline() as same:
        same.number *= 3
        same.number += 4
        same.number //= 3
        same.text *= 2
        same.text += "c"
        await same.asave()
        batch = open_batch()
        assert batch is not None
        assert len(batch.renewals()[0]) == 1
    assert ((await stored(doc)).number, (await stored(doc)).text) == (doc.number, doc.text) == (3, "ababc")
    assert 90 < await raw.ttl(doc.key) <= 100


async def test_what_asynchronous_operations_return_in_a_block() -> None:
    """Writes return what they can know (the model, None, True), reads what Redis holds without the queue."""
    doc, other = await saved(), PipeEdgeDoc()
    async with doc.apipeline():
        assert await doc.asave() is doc
        assert await doc.text.asave() == "ab"
        assert await doc.inner.asave() is doc.inner
        nothing = (
            doc.aupdate(number=5),
            doc.aset_ttl(100),
            doc.number.aincrease(),
            doc.real.aincrease(),
            doc.items.aappend(4),
            doc.items.aextend([5]),
            doc.items.ainsert(0, 0),
            doc.items.aclear(),
            doc.mapping.aset_item("b", 2),
            doc.mapping.aupdate(c=3),
            doc.mapping.adel_item("a"),
            doc.mapping.aclear(),
        )
        assert [await call for call in nothing] == [None] * len(nothing)
        assert await PipeEdgeDoc.ainsert(other) == [other]
        assert (await doc.number.aload(), (await PipeEdgeDoc.aget(doc.key)).number) == (10, 10)
        assert (await PipeEdgeDoc.aexists(doc), await PipeEdgeDoc.aexists(other)) == (True, False)
        assert await rapyer.afind_one(other.key) is None
        assert (await other.adelete(), await PipeEdgeDoc.adelete_by_key("nobody")) == (True, True)
    after = await stored(doc)
    assert (after.number, after.real, after.items, after.mapping) == (6, 3.5, [], {})
    with pytest.raises(KeyNotFound):
        await PipeEdgeDoc.aget(other.key)


async def test_fifty_pipelines_of_twenty_increments_make_a_thousand() -> None:
    """50 workers, each 20 blocks with `+=` and a dict item: all 1000 increments and items are there."""
    doc = await saved(number=0, mapping={})

    async def work(worker: int) -> None:
        mine = await stored(doc)
        for turn in range(20):
            async with apipeline():
                mine.number += 1
                mine.mapping[f"{worker}/{turn}"] = turn

    await asyncio.gather(*(work(worker) for worker in range(50)))
    after = await stored(doc)
    assert (after.number, len(after.mapping)) == (1000, 1000)
