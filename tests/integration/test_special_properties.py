"""Any sequence of operations on sets and queues leaves Redis, the local object and a plain model of it equal."""

from __future__ import annotations

import datetime as dt
import enum
import heapq
import json
import math
import operator
import uuid  # noqa: TC003 - pydantic needs it at run time
from contextlib import suppress
from decimal import Decimal  # noqa: TC003 - as above
from typing import TYPE_CHECKING, Any, Optional

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from rapyer import AtomicRedisModel
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, RedisSet
from tests.integration.test_types_properties import run, unhurried

if TYPE_CHECKING:
    from collections.abc import Callable

ELEMENT = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(["", "1", "a", '"', "\\", "é", "null", 2**62]),
    st.text(st.characters(codec="utf-8"), max_size=3),
)
ELEMENTS = st.sets(ELEMENT, max_size=4)


class PropertyKind(enum.Enum):
    one = 1
    text = "1"


class PropertyInner(AtomicRedisModel):
    labels: set[int | str] = set()


class PropertySets(AtomicRedisModel):
    tags: set[int | str] = set()
    others: RedisSet[int | str] = Field(default_factory=set)
    maybe: Optional[RedisSet[int | str]] = None  # noqa: UP045 - as users write it
    inner: PropertyInner = PropertyInner()
    rows: list[set[int | str]] = [set(), set()]
    named: dict[str, set[int | str]] = {"a": set()}
    models: list[PropertyInner] = [PropertyInner()]
    called: dict[str, PropertyInner] = {"b": PropertyInner()}


PLACES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "tags": (lambda doc: doc, "tags"),
    "others": (lambda doc: doc, "others"),
    "maybe": (lambda doc: doc, "maybe"),
    "inner": (lambda doc: doc.inner, "labels"),
    "row": (lambda doc: doc.rows, 1),
    "named": (lambda doc: doc.named, "a"),
    "model": (lambda doc: doc.models[0], "labels"),
    "called": (lambda doc: doc.called["b"], "labels"),
}
"""For each place of a set what holds it, and its name, position or member there."""

WITH_KEYS = ["tags", "others", "maybe", "inner"]

AT = st.sampled_from(list(PLACES))


def steps(place: Any, **kinds: Any) -> Any:
    """Return a strategy for steps: `(place, operation, argument)`."""
    return st.one_of(
        [st.tuples(place, st.just(name), argument) for name, argument in kinds.items()],
    )


SYNC = {
    "add": ELEMENT,
    "discard": ELEMENT,
    "remove": ELEMENT,
    "update": ELEMENTS,
    "difference_update": ELEMENTS,
    "intersection_update": ELEMENTS,
    "symmetric_difference_update": ELEMENTS,
    "clear": st.none(),
    "|=": ELEMENTS,
    "&=": ELEMENTS,
    "-=": ELEMENTS,
    "^=": ELEMENTS,
    "=": ELEMENTS,
}
WRITES = {"aadd": ELEMENT, "aadd_many": ELEMENTS, "aremove": ELEMENT, "aclear": st.none()}
READS = {
    "apop": st.none(),
    "apop_many": st.integers(0, 3),
    "acontains": ELEMENT,
    "acontains_many": st.lists(ELEMENT, max_size=3),
    "amembers": st.none(),
    "aiter_members": st.none(),
    "asize": st.none(),
    "aunion": st.lists(AT, max_size=2),
    "aintersect": st.lists(AT, max_size=2),
    "adifference": st.lists(AT, max_size=2),
    "asymmetric_difference": st.lists(AT, max_size=2),
    "asave_special": st.none(),
}
IN_PLACE = {"|=": operator.ior, "&=": operator.iand, "-=": operator.isub, "^=": operator.ixor}
ALGEBRA = {
    "aunion": operator.or_,
    "aintersect": operator.and_,
    "adifference": operator.sub,
    "asymmetric_difference": operator.xor,
}

BLOCKS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["pipeline", "failed"]), st.lists(steps(AT, **SYNC, **WRITES), max_size=8)),
        st.tuples(st.just("save"), st.lists(steps(AT, **SYNC), max_size=6)),
        st.tuples(st.just("async"), st.lists(steps(AT, **WRITES, **READS), max_size=6)),
    ),
    min_size=1,
    max_size=4,
)
START = st.fixed_dictionaries(dict.fromkeys(PLACES, ELEMENTS))

Plain = dict[str, set[Any]]


def held(doc: Any, place: str) -> Any:
    holder, name = PLACES[place]
    owner = holder(doc)
    return getattr(owner, name) if isinstance(name, str) and not isinstance(owner, dict) else owner[name]


def assign(doc: Any, place: str, value: Any) -> None:
    holder, name = PLACES[place]
    owner = holder(doc)
    if isinstance(name, str) and not isinstance(owner, dict):
        setattr(owner, name, value)
    else:
        owner[name] = value


def contents(doc: Any) -> Plain:
    return {place: set(held(doc, place) or ()) for place in PLACES}


def change(doc: Any, plain: Plain, step: tuple[str, str, Any], *, queued: bool) -> None:
    """Do one synchronous step on a model's set and on the plain one."""
    place, name, argument = step
    value, expected = held(doc, place), plain[place]
    if name == "=" or value is None:
        given = argument if isinstance(argument, set) else {argument} - {None}
        assign(doc, place, given)
        plain[place] = set(given)
    elif name in IN_PLACE:
        assign(doc, place, IN_PLACE[name](value, argument))
        plain[place] = IN_PLACE[name](expected, argument)
    elif name == "clear":
        value.clear()
        expected.clear()
    elif name == "remove" and argument not in expected:
        try:
            value.remove(argument)
        except KeyError:
            assert not queued
        else:
            assert queued  # as only Redis knows
    else:
        getattr(value, name)(argument)
        getattr(expected, name)(argument)


async def write(doc: Any, plain: Plain, step: tuple[str, str, Any], *, queued: bool) -> None:
    """Do one asynchronous change on a model's set and on the plain one."""
    place, name, argument = step
    value, expected = held(doc, place), plain[place]
    if name == "aadd":
        assert await value.aadd(argument) is None
        expected.add(argument)
    elif name == "aadd_many":
        await value.aadd_many(argument)
        expected.update(argument)
    elif name == "aremove":
        assert await value.aremove(argument) is (None if queued else argument in expected)
        expected.discard(argument)
    else:
        await value.aclear()
        expected.clear()


async def look(doc: Any, plain: Plain, step: tuple[str, str, Any]) -> None:
    """Read or pop from a model's set, and compare with the plain one."""
    place, name, argument = step
    value, expected = held(doc, place), plain[place]
    if name == "apop":
        popped = await value.apop()
        assert popped in expected if expected else popped is None
        expected.discard(popped)
    elif name == "apop_many":
        popped = await value.apop_many(argument)
        assert popped <= expected
        assert len(popped) == min(argument, len(expected))
        expected -= popped
    elif name == "acontains":
        assert await value.acontains(argument) is (argument in expected)
    elif name == "acontains_many":
        assert await value.acontains_many(argument) == [each in expected for each in argument]
    elif name == "amembers":
        assert await value.amembers() == expected
    elif name == "aiter_members":
        assert {each async for each in value.aiter_members()} == expected
    elif name == "asize":
        assert await value.asize() == len(expected)
    elif name == "asave_special":
        assert await value.asave_special() is value
    else:
        operands = [held(doc, other) for other in argument if held(doc, other) is not None]
        for other in argument:
            expected = ALGEBRA[name](expected, plain[other])
        if len(operands) == len(argument):
            assert await getattr(value, name)(*operands) == expected


class Failed(Exception):
    """What a block ends in."""


async def pipeline(doc: Any, plain: Plain, block: list[Any], *, fails: bool = False) -> None:
    """Do a block of steps in a pipeline, which is taken back at its end if it is to fail."""
    async with doc.apipeline():
        for step in block:
            if step[1] in SYNC:
                change(doc, plain, step, queued=True)
            elif held(doc, step[0]) is not None:  # an optional set that is empty was loaded as None
                await write(doc, plain, step, queued=True)
        if fails:
            raise Failed


async def play(start: Plain, blocks: list[tuple[str, list[Any]]]) -> None:
    doc: Any = PropertySets()
    for place, elements in start.items():
        assign(doc, place, set(elements))
    await doc.asave()
    plain = {place: set(elements) for place, elements in start.items()}
    for kind, block in blocks:
        if kind == "pipeline":
            await pipeline(doc, plain, block)
        elif kind == "failed":
            with suppress(Failed):
                await pipeline(
                    doc, {place: set(elements) for place, elements in plain.items()}, block, fails=True
                )
        elif kind == "save":
            for step in block:
                change(doc, plain, step, queued=False)
            await doc.asave()
        else:
            for step in block:
                if held(doc, step[0]) is not None:
                    await (
                        write(doc, plain, step, queued=False) if step[1] in WRITES else look(doc, plain, step)
                    )
        assert contents(doc) == plain
        assert contents(await PropertySets.aget(doc.key)) == plain


@unhurried
@given(start=START, blocks=BLOCKS)
def test_sets(start: Plain, blocks: Any, rapyer_redis_url: str) -> None:
    run(lambda: play(start, blocks), rapyer_redis_url)


TWO = st.lists(
    st.one_of(
        st.tuples(st.just("mine"), steps(st.sampled_from(WITH_KEYS), **SYNC)),
        st.tuples(st.just("mine, queued"), st.lists(steps(st.sampled_from(WITH_KEYS), **SYNC), max_size=3)),
        st.tuples(st.just("mine, in Redis"), steps(st.sampled_from(WITH_KEYS), **WRITES)),
        st.tuples(st.just("theirs"), steps(st.sampled_from(WITH_KEYS), **WRITES)),
        st.tuples(st.sampled_from(["save", "save inner", "load", "lock"]), st.none()),
    ),
    max_size=10,
)


class TwoSides:
    """An instance with local changes, and what somebody else does meanwhile; with plain sets for both."""

    def __init__(self, start: Plain) -> None:
        self.mine = {place: set(start[place]) for place in WITH_KEYS}
        self.known = {place: set(start[place]) for place in WITH_KEYS}
        self.stored = {place: set(start[place]) for place in WITH_KEYS}

    def saved(self, places: list[str]) -> None:
        for place in places:
            mine, known = self.mine[place], self.known[place]
            self.stored[place] |= mine - known
            self.stored[place] -= known - mine
            self.known[place] = set(mine)

    def loaded(self) -> None:
        self.mine = {place: set(stored) for place, stored in self.stored.items()}
        self.known = {place: set(stored) for place, stored in self.stored.items()}

    def in_redis(self, step: tuple[str, str, Any], *sides: Plain) -> None:
        place, name, argument = step
        for side in sides:
            if name in {"aadd", "aadd_many"}:
                side[place] |= argument if name == "aadd_many" else {argument}
            elif name == "aremove":
                side[place] -= {argument}
            else:
                side[place].clear()


async def play_two(start: Plain, moves: list[tuple[str, Any]]) -> None:
    doc: Any = PropertySets()
    for place in WITH_KEYS:
        assign(doc, place, set(start[place]))
    await doc.asave()
    sides = TwoSides(start)
    for kind, step in moves:
        if kind == "mine":
            change(doc, sides.mine, step, queued=False)
        elif kind == "mine, in Redis" and held(doc, step[0]) is not None:
            await write(
                doc, {place: set(elements) for place, elements in sides.stored.items()}, step, queued=False
            )
            sides.in_redis(step, sides.mine, sides.known, sides.stored)
        elif kind == "mine, queued":
            sides.loaded()
            async with doc.apipeline():
                for each in step:
                    change(doc, sides.mine, each, queued=True)
            sides.saved(WITH_KEYS)
        elif kind == "theirs":
            other: Any = await PropertySets.aget(doc.key)
            if held(other, step[0]) is None:
                assign(other, step[0], set())
            await write(
                other, {place: set(elements) for place, elements in sides.stored.items()}, step, queued=False
            )
            sides.in_redis(step, sides.stored)
        elif kind == "save":
            await doc.asave()
            sides.saved(WITH_KEYS)
        elif kind == "save inner":
            await doc.inner.asave()
            sides.saved(["inner"])
        elif kind == "load":
            await doc.aload()
            sides.loaded()
        elif kind == "lock":
            sides.loaded()
            async with doc.alock(save_at_end=True):
                change(doc, sides.mine, ("tags", "add", "locked"), queued=False)
            sides.saved(WITH_KEYS)
        fresh = await PropertySets.aget(doc.key)
        assert {place: set(held(fresh, place) or ()) for place in WITH_KEYS} == sides.stored, (kind, step)
        assert {place: set(held(doc, place) or ()) for place in WITH_KEYS} == sides.mine, (kind, step)


@unhurried
@given(start=START, moves=TWO)
@example(
    start=dict.fromkeys(PLACES, {"a"}),
    moves=[("theirs", ("tags", "aadd", "b")), ("mine", ("tags", "discard", "a")), ("save", None)],
)
def test_what_others_do_to_a_set_stays(start: Plain, moves: Any, rapyer_redis_url: str) -> None:
    run(lambda: play_two(start, moves), rapyer_redis_url)


class PropertyKinds(AtomicRedisModel):
    floats: set[float] = set()
    dates: set[dt.date] = set()
    moments: set[dt.datetime] = set()
    ids: set[uuid.UUID] = set()
    decimals: set[Decimal] = set()
    pairs: set[tuple[int, str | None]] = set()
    texts: set[bytes] = set()
    flags: set[bool | None] = set()
    kinds: set[PropertyKind] = set()
    groups: set[frozenset[int]] = set()
    spans: set[dt.timedelta] = set()
    anything: set[Any] = set()


KINDS = {
    "floats": st.floats(allow_nan=False),
    "dates": st.dates(),
    "moments": st.datetimes() | st.datetimes(timezones=st.just(dt.timezone.utc)),
    "ids": st.uuids(),
    "decimals": st.decimals(allow_nan=False, allow_infinity=False),
    "pairs": st.tuples(st.integers(), st.none() | st.text(st.characters(codec="utf-8"), max_size=3)),
    "texts": st.binary(max_size=4),
    "flags": st.booleans() | st.none(),
    "kinds": st.sampled_from(PropertyKind),
    "groups": st.frozensets(st.integers(-3, 3), max_size=3),
    "spans": st.timedeltas(),
    "anything": st.none()
    | st.text(st.characters(codec="utf-8"), max_size=3)
    | st.tuples(st.integers(), st.integers()),
}


@unhurried
@given(
    start=st.fixed_dictionaries({name: st.sets(kind, max_size=3) for name, kind in KINDS.items()}),
    more=st.fixed_dictionaries({name: st.sets(kind, max_size=2) for name, kind in KINDS.items()}),
)
def test_elements_of_any_kind_come_back(start: Any, more: Any, rapyer_redis_url: str) -> None:
    async def work() -> None:
        doc: Any = await PropertyKinds(**start).asave()
        for name, elements in more.items():
            value = getattr(doc, name)
            await value.aadd_many(elements)
            expected = start[name] | elements
            assert (
                value
                == await value.amembers()
                == getattr(await PropertyKinds.aget(doc.key), name)
                == expected
            )
            assert await value.acontains_many(list(expected)) == [True] * len(expected)
            async with doc.apipeline():
                getattr(doc, name).difference_update(elements)
            assert await value.amembers() == expected - elements
            for element in expected - elements:
                assert await value.aremove(element) is True
            assert await value.asize() == 0

    run(work, rapyer_redis_url)


# --- queues ---------------------------------------------------------------------------------------------------


class PropertyQueueInner(AtomicRedisModel):
    todo: RedisPriorityQueue[int | str] = Field(default_factory=RedisPriorityQueue)


class PropertyQueues(AtomicRedisModel):
    jobs: RedisPriorityQueue[int | str] = Field(default_factory=RedisPriorityQueue)
    inner: PropertyQueueInner = PropertyQueueInner()


class PlainQueue:
    """A priority queue as Python would have it: a heap, where each value stands once."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, bytes, Any]] = []

    def push(self, value: Any, priority: float, only_if: str | None) -> bool:
        """Push or move a value; tell whether that changed anything."""
        now = next((entry[0] for entry in self._heap if entry[2] == value), None)
        if now is not None:
            if only_if == "new" or (only_if == "lower" and priority >= now):
                return False
            if (only_if == "higher" and priority <= now) or priority == now:
                return False
            self.remove(value)
        heapq.heappush(self._heap, (priority, json.dumps(value).encode(), value))
        return True

    def remove(self, value: Any) -> bool:
        before = len(self._heap)
        self._heap = [entry for entry in self._heap if entry[2] != value]
        heapq.heapify(self._heap)
        return len(self._heap) < before

    def pop(self, count: int, *, highest: bool = False) -> list[tuple[Any, float]]:
        if highest:
            entries = heapq.nlargest(count, self._heap, key=lambda entry: entry[:2])
            for entry in entries:
                self.remove(entry[2])
        else:
            entries = [heapq.heappop(self._heap) for _ in range(min(count, len(self._heap)))]
        return [(value, priority) for priority, _, value in entries]

    def items(self) -> list[tuple[Any, float]]:
        return [(value, priority) for priority, _, value in sorted(self._heap)]

    def clear(self) -> None:
        self._heap.clear()


PRIORITY = st.one_of(
    st.integers(-2, 2).map(float), st.sampled_from([0.5, -math.inf, math.inf, 1e308, 5e-324])
)
PUSHED = st.tuples(ELEMENT, PRIORITY)
ONLY_IF = st.sampled_from([None, None, "new", "lower", "higher"])
QUEUE = {
    "apush": st.tuples(PUSHED, ONLY_IF),
    "apush_many": st.tuples(
        st.lists(PUSHED, max_size=4, unique_by=lambda pushed: json.dumps(pushed[0])), ONLY_IF
    ),
    "aremove": ELEMENT,
    "aclear": st.none(),
}
TAKES = {
    "apop": st.none(),
    "apop_max": st.none(),
    "apop_item": st.booleans(),
    "apop_many": st.tuples(st.integers(0, 3), st.booleans()),
    "apeek_item": st.booleans(),
    "apeek": st.none(),
    "arange": st.tuples(PRIORITY, PRIORITY),
    "asize": st.none(),
}
QUEUES = st.sampled_from(["jobs", "inner"])
QUEUE_BLOCKS = st.lists(
    st.one_of(
        st.tuples(st.just("pipeline"), st.lists(steps(QUEUES, **QUEUE), max_size=6)),
        st.tuples(st.just("now"), st.lists(steps(QUEUES, **QUEUE, **TAKES), max_size=8)),
    ),
    min_size=1,
    max_size=4,
)


def pairs(items: Any) -> list[tuple[Any, float]]:
    return [(item.value, item.priority) for item in items if item is not None]


async def put(queue: Any, plain: PlainQueue, step: tuple[str, str, Any], *, queued: bool) -> None:
    """Push, move or remove values of a queue, and of its plain counterpart."""
    _, name, argument = step
    if name == "apush":
        (value, priority), only_if = argument
        expected: Any = plain.push(value, priority, only_if)
        result = await queue.apush(value, priority, only_if=only_if)
        assert result is (None if queued or only_if is None else expected)
    elif name == "apush_many":
        pushed, only_if = argument
        expected = sum(plain.push(value, priority, only_if) for value, priority in pushed)
        result = await queue.apush_many([PriorityQueueItem(*each) for each in pushed], only_if=only_if)
        assert result == (None if only_if is None or (queued and pushed) else expected)
    elif name == "aremove":
        expected = plain.remove(argument)
        assert await queue.aremove(argument) is (None if queued else expected)
    else:
        plain.clear()
        await queue.aclear()


async def take(queue: Any, plain: PlainQueue, step: tuple[str, str, Any]) -> None:
    """Pop from a queue, or look at it, and compare with its plain counterpart."""
    _, name, argument = step
    if name in {"apop", "apop_max"}:
        expected = plain.pop(1, highest=name == "apop_max")
        assert await getattr(queue, name)() == (expected[0][0] if expected else None)
    elif name == "apop_item":
        assert pairs([await queue.apop_item(highest=argument)]) == plain.pop(1, highest=argument)
    elif name == "apop_many":
        count, highest = argument
        popped = plain.pop(count, highest=highest)
        assert await queue.apop_many(count, highest=highest) == [value for value, _ in popped]
    elif name == "apeek_item":
        expected = plain.items()[-1:] if argument else plain.items()[:1]
        assert pairs([await queue.apeek_item(highest=argument)]) == expected
    elif name == "apeek":
        assert await queue.apeek() == next((value for value, _ in plain.items()), None)
    elif name == "arange":
        low, high = argument
        expected = [(value, priority) for value, priority in plain.items() if low <= priority <= high]
        assert pairs(await queue.arange(low, high)) == expected
    else:
        assert await queue.asize() == len(plain.items())


def queue_of(doc: Any, place: str) -> Any:
    return doc.jobs if place == "jobs" else doc.inner.todo


async def play_queues(blocks: list[tuple[str, list[Any]]]) -> None:
    doc: Any = await PropertyQueues().asave()
    plain = {"jobs": PlainQueue(), "inner": PlainQueue()}
    for kind, block in blocks:
        if kind == "pipeline":
            before = {place: queue.items() for place, queue in plain.items()}
            async with doc.apipeline():
                for step in block:
                    await put(queue_of(doc, step[0]), plain[step[0]], step, queued=True)
                for place, items in before.items():
                    assert pairs(await queue_of(doc, place).aitems()) == items  # nothing was sent yet
        else:
            for step in block:
                queue = queue_of(doc, step[0])
                if step[1] in QUEUE:
                    await put(queue, plain[step[0]], step, queued=False)
                else:
                    await take(queue, plain[step[0]], step)
        loaded = await PropertyQueues.aget(doc.key)
        for place, queue in plain.items():
            assert pairs(await queue_of(doc, place).aitems()) == queue.items()
            assert pairs(await queue_of(loaded, place).aitems()) == queue.items()


@unhurried
@given(blocks=QUEUE_BLOCKS)
def test_queues(blocks: Any, rapyer_redis_url: str) -> None:
    run(lambda: play_queues(blocks), rapyer_redis_url)
