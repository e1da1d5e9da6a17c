"""What each operation of a queue field does to Redis and to whoever else looks."""

from __future__ import annotations

import datetime as dt
import enum
import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar

import pytest
from pydantic import BaseModel, Field, ValidationError

from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import (
    CantSerializeRedisValueError,
    NumberDomainError,
    RapyerError,
    UnlinkedValueError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    WrongTypeError,
)
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, Reference
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")
INF = math.inf


class QueueColour(enum.Enum):
    RED = "red"


class QueueTarget(AtomicRedisModel):
    name: str = "t"


class QueueJob(BaseModel):
    name: str = "j"
    tries: int = 0


class QueueRedisJob(AtomicRedisModel):
    name: str = "j"
    tags: set[str] = set()


class QueueDesk(AtomicRedisModel):
    title: str = "desk"
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    numbers: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue)


class QueueKinds(AtomicRedisModel):
    texts: RedisPriorityQueue[str] = RedisPriorityQueue()
    numbers: RedisPriorityQueue[int] = RedisPriorityQueue()
    reals: RedisPriorityQueue[float] = RedisPriorityQueue()
    flags: RedisPriorityQueue[bool] = RedisPriorityQueue()
    moments: RedisPriorityQueue[dt.datetime] = RedisPriorityQueue()
    prices: RedisPriorityQueue[Decimal] = RedisPriorityQueue()
    raws: RedisPriorityQueue[bytes] = RedisPriorityQueue()
    colours: RedisPriorityQueue[QueueColour] = RedisPriorityQueue()
    pairs: RedisPriorityQueue[tuple[int, str]] = RedisPriorityQueue()
    unions: RedisPriorityQueue[int | str] = RedisPriorityQueue()
    lists: RedisPriorityQueue[list[int]] = RedisPriorityQueue()
    mappings: RedisPriorityQueue[dict[str, int]] = RedisPriorityQueue()
    maybe: RedisPriorityQueue[Optional[int]] = RedisPriorityQueue()  # noqa: UP045
    jobs: RedisPriorityQueue[QueueJob] = RedisPriorityQueue()
    redis_jobs: RedisPriorityQueue[QueueRedisJob] = RedisPriorityQueue()
    targets: RedisPriorityQueue[Reference[QueueTarget]] = RedisPriorityQueue()
    anything: RedisPriorityQueue = RedisPriorityQueue()  # type: ignore[type-arg]


class QueueBox(AtomicRedisModel, Generic[T]):
    queue: RedisPriorityQueue[T] = Field(default_factory=RedisPriorityQueue)


Item = PriorityQueueItem


async def desk(*tasks: tuple[str, float]) -> QueueDesk:
    model = await QueueDesk().asave()
    await model.tasks.apush_many(Item(*task) for task in tasks)
    return model


async def stored(raw: Redis, queue: RedisPriorityQueue[Any]) -> list[tuple[str, float]]:
    return await raw.zrange(queue.special_key, 0, -1, withscores=True)  # type: ignore[return-value]


# --- values ----------------------------------------------------------------------------------------------

JOB = QueueJob(name="é", tries=2)
VALUES: list[tuple[str, Any, str]] = [
    ("texts", "a", '"a"'),
    ("texts", 'é "q"', '"\\u00e9 \\"q\\""'),
    ("numbers", 1, "1"),
    ("numbers", 2**70, "1180591620717411303424"),
    ("numbers", "3", "3"),
    ("reals", 1, "1.0"),
    ("reals", 1e-7, "1e-07"),
    ("reals", INF, "Infinity"),
    ("flags", True, "true"),
    ("moments", dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), '"2024-01-01T00:00:00Z"'),
    ("prices", Decimal("1.10"), '"1.10"'),
    ("raws", b"\xff", '"gASVBQAAAAAAAABDAf+ULg=="'),
    ("colours", QueueColour.RED, '"red"'),
    ("pairs", (1, "a"), '[1, "a"]'),
    ("unions", 1, "1"),
    ("unions", "1", '"1"'),
    ("lists", [1, 2], "[1, 2]"),
    ("lists", [], "[]"),
    ("mappings", {"a": 4}, '{"a": 4}'),
    ("maybe", None, "null"),
    ("jobs", JOB, '{"name": "\\u00e9", "tries": 2}'),
    ("anything", {"a": [1, None]}, '{"a": [1, null]}'),
]


@pytest.mark.parametrize(("name", "value", "text"), VALUES)
async def test_members_are_the_json_text_of_the_values(raw: Redis, name: str, value: Any, text: str) -> None:
    """§2.1, §3.2, §13.28."""
    model = await QueueKinds().asave()
    queue: RedisPriorityQueue[Any] = getattr(model, name)
    await queue.apush(value, 1.5)
    assert await stored(raw, queue) == [(text, 1.5)]
    item = await queue.apeek_item()
    assert item is not None
    assert item == Item(type(item.value)(value) if name in {"numbers", "reals"} else value, 1.5)
    assert await queue.aremove(value) is True
    assert await queue.asize() == 0


@pytest.mark.parametrize(
    ("name", "pushed", "popped"),
    [
        ("texts", [("c", 3), ("a", 1), ("b", 2)], ["a", "b", "c"]),
        ("numbers", [(5, 0), (6, -1), (7, INF), (8, -INF)], [8, 6, 5, 7]),
        ("reals", [(0.5, 2), (1.5, 1)], [1.5, 0.5]),
        ("flags", [(True, 2), (False, 1)], [False, True]),
    ],
)
async def test_values_come_by_ascending_priority(name: str, pushed: Any, popped: Any) -> None:
    """§13.28."""
    queue: RedisPriorityQueue[Any] = getattr(await QueueKinds().asave(), name)
    for value, priority in pushed:
        await queue.apush(value, priority)
    out = [await queue.apop() for _ in pushed]
    assert (out, [type(value) for value in out]) == (popped, [type(value) for value in popped])
    assert await queue.apop() is None


async def test_values_of_one_priority_come_in_the_order_of_their_text() -> None:
    model = await QueueDesk().asave()
    await model.numbers.apush_many([Item(9, 1), Item(10, 1)])
    await model.tasks.apush_many([Item("b", 1), Item("B", 1)])
    assert await model.numbers.apop_many(2) == [10, 9]
    assert await model.tasks.apop_many(2) == ["B", "b"]


async def test_models_as_values_come_back_as_models() -> None:
    model = await QueueKinds().asave()
    await model.jobs.apush(JOB, 1)
    popped = await model.jobs.apop()
    assert isinstance(popped, QueueJob)
    assert popped == JOB
    await model.redis_jobs.apush(QueueRedisJob(name="r", tags={"x"}), 1)
    job = await model.redis_jobs.apop()
    assert isinstance(job, QueueRedisJob)
    assert (job.name, job.tags) == ("r", {"x"})


async def test_references_are_taken_in_every_form() -> None:
    model, target = await QueueKinds().asave(), await QueueTarget().asave()
    for form in (target, target.key, Reference(target), {"$ref": "QueueTarget", "$id": str(target.pk)}):
        await model.targets.apush(form, 1)  # type: ignore[arg-type]
    assert await model.targets.asize() == 1
    popped = await model.targets.apop()
    assert popped is not None
    assert await popped.afetch() == target
    await model.targets.apush(target, 1)  # type: ignore[arg-type]
    assert await model.targets.aremove(target) is True  # type: ignore[arg-type]


async def test_a_generic_class_checks_values_by_its_argument(raw: Redis) -> None:
    """W24."""
    box = await QueueBox[int]().asave()
    await box.queue.apush("5", 1)  # type: ignore[arg-type]
    assert await stored(raw, box.queue) == [("5", 1.0)]
    assert box.queue.special_key == f"__rapyer_special__:QueueBox[int]:{box.pk}:queue"
    assert await (await QueueBox[int].aget(box.key)).queue.apop() == 5
    with pytest.raises(ValidationError, match="queue"):
        await box.queue.apush("x", 1)  # type: ignore[arg-type]


# --- pushing ---------------------------------------------------------------------------------------------


async def test_apush_gives_nothing_and_moves_a_value_that_is_there(raw: Redis) -> None:
    model = await desk()
    assert await model.tasks.apush("a", 1) is None
    assert await model.tasks.apush("a", 7) is None
    assert await stored(raw, model.tasks) == [('"a"', 7.0)]


async def test_apush_many_is_one_command(raw: Redis, rapyer_redis_url: str) -> None:
    model = await desk(("first", 0))  # the server knows the script
    async with sent_to(rapyer_redis_url) as sent:
        await model.tasks.apush_many(Item(task, n) for n, task in enumerate("cabc"))
        assert len(await sent.lines()) == 1
    assert await stored(raw, model.tasks) == [('"first"', 0.0), ('"a"', 1.0), ('"b"', 2.0), ('"c"', 3.0)]


async def test_nothing_is_sent_for_no_items(rapyer_redis_url: str) -> None:
    """§13.30."""
    model = await desk(("a", 1))
    async with sent_to(rapyer_redis_url) as sent:
        assert await model.tasks.apush_many([]) is None
        assert await model.tasks.apush_many(iter(()), only_if="new") == 0
        assert await model.tasks.apop_many(0) == []
        assert await sent.names() == []
    async with apipeline() as pipe:
        await model.tasks.apush_many([])
        assert pipe.commands == ()


async def test_many_thousand_items_are_pushed_and_popped() -> None:
    model = await desk()
    await model.numbers.apush_many(Item(n, -n) for n in range(20_000))
    assert await model.numbers.asize() == 20_000
    assert await model.numbers.apop_many(20_000) == list(range(20_000))[::-1]


@pytest.mark.parametrize(
    ("only_if", "expected", "changed"),
    [
        ("new", {"a": 5.0, "b": 5.0, "z": 3.0}, (False, False, True)),
        ("lower", {"a": 3.0, "b": 5.0, "z": 3.0}, (True, False, True)),
        ("higher", {"a": 5.0, "b": 8.0, "z": 3.0}, (False, True, True)),
        (None, {"a": 3.0, "b": 8.0, "z": 3.0}, (None, None, None)),
    ],
)
async def test_apush_only_if(only_if: Any, expected: Any, changed: Any) -> None:
    pushes = [("a", 3), ("b", 8), ("z", 3)]
    model = await desk(("a", 5), ("b", 5))
    got = [await model.tasks.apush(task, priority, only_if=only_if) for task, priority in pushes]
    assert tuple(got) == changed
    assert {item.value: item.priority for item in await model.tasks.aitems()} == expected
    other = await desk(("a", 5), ("b", 5))
    count = await other.tasks.apush_many((Item(*push) for push in pushes), only_if=only_if)
    assert count == (None if only_if is None else sum(changed))
    assert {item.value: item.priority for item in await other.tasks.aitems()} == expected


@pytest.mark.parametrize(
    ("only_if", "expected", "changed"),
    [
        (None, {"a": 4.0, "b": 2.0, "z": 6.0}, None),
        ("new", {"a": 5.0, "b": 5.0, "z": 1.0}, 1),
        ("lower", {"a": 4.0, "b": 2.0, "z": 1.0}, 3),
        ("higher", {"a": 9.0, "b": 5.0, "z": 7.0}, 2),
    ],
)
async def test_a_value_that_comes_several_times_is_as_if_pushed_one_after_the_other(
    only_if: Any, expected: Any, changed: int | None
) -> None:
    pushes = [("a", 9), ("a", 4), ("b", 3), ("b", 2), ("z", 1), ("z", 7), ("z", 6)]
    together, apart = await desk(("a", 5), ("b", 5)), await desk(("a", 5), ("b", 5))
    count = await together.tasks.apush_many((Item(*push) for push in pushes), only_if=only_if)
    assert count == changed  # values, not how often they came
    for task, priority in pushes:
        await apart.tasks.apush(task, priority, only_if=only_if)
    for model in (together, apart):
        assert {item.value: item.priority for item in await model.tasks.aitems()} == expected


async def test_an_unknown_condition_is_refused() -> None:
    model = await desk()
    with pytest.raises(
        UnsupportedArgumentValueError, match='only_if is \'newer\'; give "new", "lower" or "higher"'
    ):
        await model.tasks.apush("a", 1, only_if="newer")  # type: ignore[arg-type]
    assert await model.tasks.asize() == 0


@pytest.mark.parametrize("bad", [math.nan, "nan", None, "x", object(), 10**400, dt.datetime(2024, 1, 1)])
async def test_a_priority_that_is_no_number_is_refused(raw: Redis, bad: Any) -> None:
    model = await desk()
    with pytest.raises(NumberDomainError, match="a priority is a number, not") as caught:
        await model.tasks.apush("a", bad)
    assert isinstance(caught.value, ValueError)
    assert (caught.value.key, caught.value.field) == (model.key, "tasks")
    with pytest.raises(ValueError, match="a priority is a number, not"):
        await model.tasks.apush_many([Item("a", 1), Item("b", bad)])
    assert await raw.exists(model.tasks.special_key) == 0


@pytest.mark.parametrize(
    ("priority", "score"),
    [
        (True, 1.0),
        (INF, INF),
        (-INF, -INF),
        ("2.5", 2.5),
        (Decimal("1.5"), 1.5),
        (2**53 + 1, 2.0**53),
        (-0.0, 0.0),
        (1e-300, 1e-300),
    ],
)
async def test_priorities_are_doubles(priority: Any, score: float) -> None:
    model = await desk()
    await model.tasks.apush("a", priority)
    assert await model.tasks.aitems() == [Item("a", score)]


async def test_a_bad_value_is_refused_before_anything_is_sent(raw: Redis) -> None:
    model = await desk()
    attempts: tuple[Any, ...] = (
        lambda: model.numbers.apush("x", 1),  # type: ignore[arg-type]
        lambda: model.numbers.apush_many([Item(1, 1), Item("x", 1)]),  # type: ignore[arg-type]
        lambda: model.numbers.aremove("x"),  # type: ignore[arg-type]
    )
    for attempt in attempts:
        with pytest.raises(ValidationError, match=r"QueueDesk\.numbers"):
            await attempt()
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"takes PriorityQueueItem\(value, priority\), not \(1, 2\)"
    ):
        await model.numbers.apush_many([(1, 2)])  # type: ignore[list-item]
    kinds = await QueueKinds().asave()
    with pytest.raises(
        CantSerializeRedisValueError, match=r"QueueKinds\.anything holds an element that cannot be stored"
    ):
        await kinds.anything.apush(object(), 1)
    assert await raw.keys("__rapyer_special__:*") == []


# --- popping ---------------------------------------------------------------------------------------------


async def test_apop_takes_the_lowest_and_apop_max_the_highest() -> None:
    model = await desk(("a", 1), ("b", 2), ("c", 3))
    assert await model.tasks.apop() == "a"
    assert await model.tasks.apop_max() == "c"
    assert await model.tasks.aitems() == [Item("b", 2.0)]
    assert await model.tasks.apop_max() == "b"
    assert (await model.tasks.apop_max(), await model.tasks.apop()) == (None, None)


async def test_items_come_with_their_priorities() -> None:
    model = await desk(("a", -INF), ("b", 2.25), ("c", 3))
    assert await model.tasks.apeek_item() == Item("a", -INF)
    assert await model.tasks.apeek_item(highest=True) == Item("c", 3.0)
    assert await model.tasks.apop_item() == Item("a", -INF)
    assert await model.tasks.apop_item(highest=True) == Item("c", 3.0)
    assert await model.tasks.apop_item() == Item("b", 2.25)
    assert await model.tasks.apop_item() is None
    assert await model.tasks.apeek_item() is None


async def test_an_item_tells_none_from_nothing() -> None:
    model = await QueueKinds().asave()
    await model.maybe.apush(None, 1)
    assert await model.maybe.apop_item() == Item(None, 1.0)
    assert await model.maybe.apop_item() is None


async def test_apop_many_takes_at_most_so_many_in_order() -> None:
    model = await desk(("a", 1), ("b", 2), ("c", 3), ("d", 4))
    assert await model.tasks.apop_many(2) == ["a", "b"]
    assert await model.tasks.apop_many(1, highest=True) == ["d"]
    assert await model.tasks.apop_many(9) == ["c"]
    assert await model.tasks.apop_many(9) == []
    for much in (2**31, sys.maxsize, 2**63, 10**30):
        await model.tasks.apush_many([Item("e", 1), Item("f", 2)])
        assert await model.tasks.apop_many(much) == ["e", "f"]
        await model.tasks.apush_many([Item("e", 1), Item("f", 2)])
        assert await model.tasks.apop_many(much, highest=True, skip_corrupt=True) == ["f", "e"]
    for count in (-1, 1.5, True, None):
        with pytest.raises(ValueError, match="the number of values to pop is 0 or more, not"):
            await model.tasks.apop_many(count)  # type: ignore[arg-type]


async def test_an_emptied_queue_has_no_key(raw: Redis) -> None:
    model = await desk(("a", 1))
    await model.tasks.apop()
    assert await raw.exists(model.tasks.special_key) == 0
    await model.tasks.apush("b", 1)
    await model.tasks.aclear()
    assert await raw.exists(model.tasks.special_key) == 0
    await model.tasks.aclear()


# --- looking and removing --------------------------------------------------------------------------------


async def test_looking_leaves_the_queue_as_it_is() -> None:
    """§13.29."""
    model = await desk(("b", 2), ("a", 1))
    assert await model.tasks.apeek() == "a"
    assert await model.tasks.aitems() == [Item("a", 1.0), Item("b", 2.0)]
    assert {type(item.priority) for item in await model.tasks.aitems()} == {float}
    assert await model.tasks.asize() == 2
    empty = await desk()
    assert (await empty.tasks.apeek(), await empty.tasks.aitems(), await empty.tasks.asize()) == (None, [], 0)


async def test_arange_gives_what_lies_between_two_priorities() -> None:
    model = await desk(("a", -INF), ("b", 1), ("c", 2.5), ("d", INF))
    assert [item.value for item in await model.tasks.arange()] == ["a", "b", "c", "d"]
    assert await model.tasks.arange(1, 2.5) == [Item("b", 1.0), Item("c", 2.5)]
    assert await model.tasks.arange(high=1) == [Item("a", -INF), Item("b", 1.0)]
    assert await model.tasks.arange(low=2) == [Item("c", 2.5), Item("d", INF)]
    assert await model.tasks.arange(3, 1) == []
    with pytest.raises(NumberDomainError, match="a priority is a number, not nan"):
        await model.tasks.arange(math.nan)


async def test_aremove_tells_whether_the_value_was_there() -> None:
    """§13.30."""
    model = await desk(("a", 1))
    assert await model.tasks.aremove("a") is True
    assert await model.tasks.aremove("a") is False


# --- pipelines -------------------------------------------------------------------------------------------


async def test_writes_wait_for_the_end_of_a_pipeline(raw: Redis) -> None:
    model = await desk(("a", 1), ("b", 2))
    async with model.apipeline() as piped:
        assert await piped.tasks.apush("c", 3, only_if="new") is None
        assert await piped.tasks.apush_many([Item("d", 4)], only_if="new") is None
        assert await piped.tasks.aremove("b") is None
        await piped.numbers.aclear()
        assert await raw.zcard(model.tasks.special_key) == 2
    assert [value for value, _ in await stored(raw, model.tasks)] == ['"a"', '"c"', '"d"']
    async with apipeline() as pipe:
        await model.tasks.apush("e", 5)
        await model.tasks.aremove("gone")
    assert pipe.results == (1, 0)


async def test_reads_and_pops_in_a_pipeline_are_real(raw: Redis) -> None:
    """§13.33."""
    model = await desk(("a", 1), ("b", 2))
    async with apipeline():
        await model.tasks.apush("z", 0)
        assert await model.tasks.asize() == 2
        assert await model.tasks.apeek() == "a"
        assert [item.value for item in await model.tasks.aitems()] == ["a", "b"]
        assert [item.value for item in await model.tasks.arange(2)] == ["b"]
        assert await model.tasks.apop() == "a"
        assert await model.tasks.apop_max(timeout=0.1) == "b"
        assert await model.tasks.apop(timeout=0) is None
    assert await stored(raw, model.tasks) == [('"z"', 0.0)]


async def test_what_a_failed_block_popped_is_gone_and_what_it_pushed_is_not_there(raw: Redis) -> None:
    model = await desk(("a", 1), ("b", 2))
    with pytest.raises(LookupError):
        async with model.apipeline():
            await model.tasks.apush("z", 0)
            await model.tasks.apop()
            raise LookupError
    assert await stored(raw, model.tasks) == [('"b"', 2.0)]


async def test_a_bad_value_raises_at_its_line_of_a_pipeline() -> None:
    model = await desk()
    async with apipeline() as pipe:
        with pytest.raises(ValidationError):
            await model.numbers.apush("x", 1)  # type: ignore[arg-type]
        with pytest.raises(NumberDomainError):
            await model.numbers.apush(1, math.nan)
        assert pipe.commands == ()


# --- errors ----------------------------------------------------------------------------------------------


async def test_a_queue_that_belongs_to_no_model_says_so() -> None:
    """W25."""
    model = await desk()
    for queue in (RedisPriorityQueue[str](), model.tasks.clone()):
        for attempt in (
            lambda queue=queue: queue.apush("a", 1),
            lambda queue=queue: queue.apush_many([]),
            lambda queue=queue: queue.apop(),
            lambda queue=queue: queue.apop_many(0),
            lambda queue=queue: queue.apeek(),
            lambda queue=queue: queue.asize(),
            lambda queue=queue: queue.aitems(),
            lambda queue=queue: queue.aclear(),
        ):
            with pytest.raises(
                UnlinkedValueError, match="this RedisPriorityQueue belongs to no model"
            ) as caught:
                await attempt()
            assert isinstance(caught.value, RapyerError)


async def test_another_redis_type_under_the_key_is_named(raw: Redis) -> None:
    model = await desk()
    await raw.set(model.tasks.special_key, "text")
    attempts: tuple[Any, ...] = (
        lambda: model.tasks.apush("a", 1),
        lambda: model.tasks.apop(),
        lambda: model.tasks.aitems(),
        lambda: model.tasks.asize(),
    )
    for attempt in attempts:
        with pytest.raises(WrongTypeError, match="holds another Redis type") as caught:
            await attempt()
        assert caught.value.key == model.tasks.special_key
    assert await QueueDesk.aget(model.key) == model  # a queue is not read with its model
