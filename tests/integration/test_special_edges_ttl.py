"""Time to live and its cascade where they meet their limits: once per call, never for deletes, however deep."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, CascadeResult, RedisConfig, init_rapyer
from rapyer.cascade import CascadeTTL
from rapyer.errors import InvalidRefreshTtlError
from rapyer.model.registry import registry
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, Reference
from tests.action_table import rows
from tests.integration.test_ttl_operations import OPERATIONS, OTHER_KEYS, TtlEvery
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")

TTL, CHILD, OTHER, LEFT = 1000, 300, 400, 50
FLOWING = ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT")


class EdgeTtlPart(BaseModel):
    marks: set[str] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class EdgeTtlDoc(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    number: int = 0
    tags: set[str] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    part: EdgeTtlPart = EdgeTtlPart()


class EdgeTtlOther(AtomicRedisModel):
    Meta = RedisConfig(ttl=OTHER)
    number: int = 0


@pytest.fixture(autouse=True)
def _every() -> Iterator[None]:
    TtlEvery.Meta.ttl, TtlEvery.Meta.refresh_ttl = TTL, True
    yield
    TtlEvery.Meta.ttl, TtlEvery.Meta.refresh_ttl = None, True


async def doc() -> Any:
    """A stored model, of which each key exists."""
    model: Any = await EdgeTtlDoc(tags={"a"}, part=EdgeTtlPart(marks={"m"})).asave()
    await model.jobs.apush("j", 1)
    await model.part.jobs.apush("p", 1)
    return model


async def renewals(url: str, operation: Callable[[], Awaitable[Any]]) -> Counter[str]:
    """Return how often each key got a time to live while an operation ran, inside of scripts too."""
    async with sent_to(url, scripts=True) as sent:
        await operation()
        words = [line.split(" ") for line in await sent.lines()]
    return Counter(line[1] for line in words if line[0].upper() in FLOWING)


async def left(raw: Redis, *models: Any) -> list[int]:
    """The tens of seconds that keys, or the documents of models, have left, rounded up, so that none is lost."""
    rest = [await raw.pttl(model if isinstance(model, str) else model.key) for model in models]
    return [-(-one // 10_000) * 10 if one > 0 else one for one in rest]


async def short(raw: Redis, *models: Any) -> None:
    for model in models:
        for key in model.all_keys:
            await raw.expire(key, LEFT)


# --- once for each call -----------------------------------------------------------------------------------------

AWAITED = [row for row in rows() if row.is_async and row.action.refreshes and row.name not in OTHER_KEYS]


@pytest.mark.parametrize("row", AWAITED, ids=lambda row: f"{row.source}.{row.name}")
async def test_an_operation_renews_its_model_once_or_never(rapyer_redis_url: str, row: Any) -> None:
    operation = OPERATIONS[row.source][row.name]
    for chosen, times in ((ActionGroup.all(for_ttl=True), 1), (ActionGroup(0), 0)):
        TtlEvery.Meta.refresh_ttl = chosen
        model: Any = await TtlEvery().asave()
        await model.jobs.apush_many([PriorityQueueItem(1, 1), PriorityQueueItem(2, 2)])
        sent = await renewals(rapyer_redis_url, lambda model=model: operation(model))
        assert sent[model.key] == times, chosen
        if not times:
            assert set(sent) <= set(model.all_keys[1:])  # a key that is new ends with its model


async def test_a_call_with_two_instances_of_one_key_renews_it_once_and_others_once_each(
    rapyer_redis_url: str,
) -> None:
    first, second = await EdgeTtlDoc().asave(), await EdgeTtlDoc().asave()
    twin = await EdgeTtlDoc.aget(first.key)
    other = await EdgeTtlOther().asave()
    operations: list[tuple[Callable[[], Awaitable[Any]], tuple[int, int, int]]] = [
        (lambda: EdgeTtlDoc.ainsert(first, twin, second), (1, 1, 0)),
        (lambda: rapyer.ainsert(first, twin, other), (1, 0, 1)),
        (lambda: EdgeTtlDoc.afind(first.key, twin.key, second.key), (1, 1, 0)),
        (lambda: rapyer.afind(first.key, second.key, twin.key, other.key), (1, 1, 1)),
    ]
    for operation, expected in operations:
        sent = await renewals(rapyer_redis_url, operation)
        assert (sent[first.key], sent[second.key], sent[other.key]) == expected


async def test_deletes_and_an_own_time_renew_nothing(raw: Redis, rapyer_redis_url: str) -> None:
    model = await doc()
    sent = await renewals(rapyer_redis_url, lambda: model.aset_ttl(7200))
    assert sent == dict.fromkeys(model.all_keys, 1)
    assert await left(raw, *model.all_keys) == [7200] * 5
    for delete in (
        lambda model: model.adelete(),
        lambda model: EdgeTtlDoc.adelete_by_key(model.key),
        lambda model: EdgeTtlDoc.adelete_many(model),
        lambda model: rapyer.adelete_many(model.key),
    ):
        model, bystander = await doc(), await doc()
        await short(raw, bystander)
        assert await renewals(rapyer_redis_url, lambda d=delete, m=model: d(m)) == {}
        assert await left(raw, *model.all_keys, bystander) == [-2] * 5 + [LEFT]
        async with rapyer.apipeline():
            await delete(bystander)
        assert await left(raw, *bystander.all_keys) == [-2] * 5


async def test_sets_and_queues_of_nested_models_are_renewed_with_their_model(raw: Redis) -> None:
    model = await doc()
    for operation in (
        lambda: model.number.aincrease(),
        lambda: model.part.marks.acontains("m"),
        lambda: model.part.jobs.apeek(),
        lambda: model.part.asave(),
        lambda: model.refresh_ttl(),
        lambda: model.refresh_ttl_if_needed(),
    ):
        await short(raw, model)
        await operation()
        assert await left(raw, *model.all_keys) == [TTL] * 5


# --- which class decides, and on what ---------------------------------------------------------------------------


async def test_a_child_decides_on_each_operation_for_itself_whatever_its_parent_does(raw: Redis) -> None:
    class EdgeTtlParent(AtomicRedisModel):
        Meta = RedisConfig(ttl=TTL, refresh_ttl=ActionGroup.UPDATE, init_with_rapyer=False)
        number: int = 0
        tags: set[str] = {"a"}

    class EdgeTtlChild(EdgeTtlParent):
        Meta = RedisConfig(ttl=OTHER, refresh_ttl=ActionGroup.READ, init_with_rapyer=False)
        own: int = 0

    class EdgeTtlGrandchild(EdgeTtlChild):
        pass

    writes: list[Callable[[Any], Awaitable[Any]]] = [
        lambda model: model.asave(),
        lambda model: model.aupdate(number=1),
        lambda model: model.number.aincrease(),
        lambda model: model.tags.aadd("b"),
    ]
    reads: list[Callable[[Any], Awaitable[Any]]] = [
        lambda model: model.aload(),
        lambda model: type(model).aget(model.key),
        lambda model: model.number.aload(),
        lambda model: model.tags.amembers(),
    ]
    for cls, written, read in (
        (EdgeTtlParent, TTL, LEFT),
        (EdgeTtlChild, LEFT, OTHER),
        (EdgeTtlGrandchild, LEFT, OTHER),
    ):
        model = await cls().asave()
        for operations, expected in ((writes, written), (reads, read)):
            for operation in operations:
                await short(raw, model)
                await operation(model)
                assert await left(raw, *model.all_keys) == [expected] * 2, cls
    child: Any = await EdgeTtlChild().asave()
    for operation in (lambda: child.own.aincrease(), lambda: child.own.asave()):
        await short(raw, child)
        await operation()
        assert await left(raw, child) == [LEFT]


def test_a_class_cannot_be_defined_to_start_anew_after_a_delete() -> None:
    known = registry.snapshot()
    for bad in (ActionGroup.DELETE, ActionGroup.all(), ActionGroup.READ | ActionGroup.DELETE):
        with pytest.raises(InvalidRefreshTtlError, match=r"cannot name ActionGroup\.DELETE"):

            class EdgeTtlBad(AtomicRedisModel):
                Meta = RedisConfig(ttl=TTL, refresh_ttl=bad)

        with pytest.raises(InvalidRefreshTtlError, match=r"use ActionGroup\.all\(for_ttl=True\)"):
            EdgeTtlDoc.Meta.refresh_ttl = bad
    assert EdgeTtlDoc.Meta.refresh_ttl is True
    assert registry.snapshot() == known


async def test_all_groups_that_a_refresh_may_name_are_those_of_every_operation(raw: Redis) -> None:
    class EdgeTtlAll(AtomicRedisModel):
        Meta = RedisConfig(ttl=TTL, refresh_ttl=ActionGroup.all(for_ttl=True), init_with_rapyer=False)
        number: int = 0

    model: Any = await EdgeTtlAll().asave()
    for operation in (model.aload, model.asave, model.number.aincrease):
        await short(raw, model)
        await operation()
        assert await left(raw, model) == [TTL]


async def test_a_bulk_insert_of_several_classes_gives_each_its_time_and_all_their_keys(raw: Redis) -> None:
    docs = [EdgeTtlDoc(tags={"a"}, part=EdgeTtlPart(marks={"m"})) for _ in range(2)]
    others = [EdgeTtlOther() for _ in range(2)]
    await rapyer.ainsert(docs[0], others[0], docs[1], others[1])
    for one in docs:
        assert await left(raw, *await raw.keys(f"*{one.key}*")) == [TTL] * 3
    assert await left(raw, *others) == [OTHER] * 2


# --- the cascade ------------------------------------------------------------------------------------------------


def child(ttl: int = CHILD) -> RedisConfig:
    return RedisConfig(ttl=ttl, refresh_ttl=False)


class EdgeFlowNode(AtomicRedisModel):
    Meta = child()
    next: Reference["EdgeFlowNode"] | None = None  # noqa: UP037 - the quotes are what is tested
    marked: Annotated[Reference["EdgeFlowNode"] | None, CascadeTTL(depth=5)] = None  # noqa: UP037


class EdgeFlowEntry(AtomicRedisModel):
    Meta = child(TTL)
    none: Annotated[Reference[EdgeFlowNode] | None, CascadeTTL(depth=0)] = None
    two: Annotated[Reference[EdgeFlowNode] | None, CascadeTTL(depth=2)] = None
    ones: Annotated[set[Reference[EdgeFlowNode]], CascadeTTL(depth=1)] = set()
    threes: Annotated[set[Reference[EdgeFlowNode]], CascadeTTL(depth=3)] = set()


class EdgeFlowLeaf(AtomicRedisModel):
    Meta = child()
    tags: set[str] = set()


class EdgeFlowTwig(AtomicRedisModel):
    Meta = child(OTHER)
    number: int = 0


class EdgeFlowUnion(AtomicRedisModel):
    Meta = child(TTL)
    one: Annotated[Reference[EdgeFlowLeaf | EdgeFlowTwig] | None, CascadeTTL()] = None
    many: Annotated[list[Reference[EdgeFlowLeaf | EdgeFlowTwig]], CascadeTTL()] = []
    named: Annotated[dict[str, Reference[EdgeFlowLeaf | EdgeFlowTwig]], CascadeTTL()] = {}
    members: Annotated[set[Reference[EdgeFlowLeaf | EdgeFlowTwig]], CascadeTTL()] = set()
    queued: Annotated[RedisPriorityQueue[Reference[EdgeFlowLeaf | EdgeFlowTwig]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )


class EdgeFlowSide(AtomicRedisModel):
    Meta = child()
    leaf: Annotated[Reference[EdgeFlowLeaf] | None, CascadeTTL()] = None


class EdgeFlowTop(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    left: Annotated[Reference[EdgeFlowSide] | None, CascadeTTL()] = None
    right: Annotated[Reference[EdgeFlowSide] | None, CascadeTTL()] = None
    members: Annotated[set[Reference[EdgeFlowSide]], CascadeTTL()] = set()


@pytest.fixture
def only_these_classes() -> Iterator[None]:
    """Let a default hold for the classes of this module alone."""
    registry._models = {cls.__name__: cls for cls in registry.snapshot() if cls.__module__ == __name__}
    yield
    registry.cascade_by_default(None)


async def chain(number: int) -> list[Any]:
    nodes: list[Any] = []
    for _ in range(number):
        nodes.insert(0, await EdgeFlowNode(next=nodes[0] if nodes else None).asave())
    return nodes


@pytest.mark.usefixtures("only_these_classes")
async def test_a_marked_reference_opens_its_own_depth_behind_one_that_allowed_none(
    raw: Redis, source: ClientSource
) -> None:
    await init_rapyer(source, cascade_ttl=CascadeTTL(depth=0))
    nodes = await chain(8)
    bridge: Any = await EdgeFlowNode(marked=nodes[0], next=nodes[7]).asave()
    await short(raw, bridge, *nodes)
    entry = await EdgeFlowEntry(none=bridge).asave()
    await entry.aset_ttl(TTL, cascade=True)
    assert await left(raw, bridge, *nodes) == [CHILD] + [CHILD] * 6 + [LEFT] * 2


@pytest.mark.usefixtures("only_these_classes")
@pytest.mark.parametrize(
    ("places", "reached"),
    [
        (("none", "two"), 3),
        (("none", "ones"), 2),
        (("two", "ones"), 3),
        (("two", "threes"), 4),
        (("none", "two", "ones", "threes"), 4),
    ],
)
async def test_a_child_that_is_reached_in_the_document_and_through_a_set_goes_by_the_larger_depth(
    raw: Redis, source: ClientSource, places: tuple[str, ...], reached: int
) -> None:
    await init_rapyer(source, cascade_ttl=CascadeTTL(depth=0))
    nodes = await chain(5)
    await short(raw, *nodes)
    fields: Any = {name: [nodes[0]] if name.endswith("s") else nodes[0] for name in places}
    await (await EdgeFlowEntry(**fields).asave()).aset_ttl(TTL, cascade=True)
    assert await left(raw, *nodes) == [CHILD] * reached + [LEFT] * (5 - reached)


async def test_a_child_that_is_reached_in_several_ways_gets_its_time_once(
    raw: Redis, rapyer_redis_url: str
) -> None:
    leaf = await EdgeFlowLeaf(tags={"x"}).asave()
    sides = [await EdgeFlowSide(leaf=leaf).asave() for _ in range(2)]
    top: Any = await EdgeFlowTop(left=sides[0], right=sides[1], members=sides).asave()
    keys = [*leaf.all_keys, *(side.key for side in sides), *top.all_keys]
    for operation in (lambda: top.aset_ttl(TTL, cascade=True), top.asave, top.aload):
        await short(raw, leaf, *sides)
        sent = await renewals(rapyer_redis_url, operation)
        assert {key: sent[key] for key in keys} == dict.fromkeys(keys, 1)
        assert await left(raw, leaf, *sides) == [CHILD] * 3


async def _fill(union: Any, place: str, texts: list[Any]) -> None:
    """Let a field of each shape refer to some keys."""
    if place == "queued":
        await union.queued.apush_many(PriorityQueueItem(text, n) for n, text in enumerate(texts))
    elif place == "members":
        await union.members.aadd_many(texts)
    elif place == "named":
        await union.aupdate(named={str(n): text for n, text in enumerate(texts)})
    else:
        await union.aupdate(**{place: texts[0] if place == "one" else texts})


@pytest.mark.parametrize("place", ["one", "many", "named", "members", "queued"])
async def test_a_union_in_each_shape_goes_by_the_class_in_the_key(raw: Redis, place: str) -> None:
    found = [await EdgeFlowLeaf(tags={"x"}).asave(), await EdgeFlowTwig().asave()]
    foreign = await EdgeFlowNode().asave()
    colons = EdgeFlowTwig()
    colons.pk = "a:b::c"
    await colons.asave()
    for texts, result, times in (
        ([found[0]], CascadeResult(), [CHILD, LEFT, LEFT, LEFT]),
        ([found[1].key], CascadeResult(), [LEFT, OTHER, LEFT, LEFT]),
        ([colons], CascadeResult(), [LEFT, LEFT, LEFT, OTHER]),
        ([foreign.key], CascadeResult(mismatched_class=1), [LEFT] * 4),
        (["no colon"], CascadeResult(), [LEFT] * 4),
    ):
        await short(raw, *found, foreign, colons)
        union: Any = await EdgeFlowUnion().asave()
        await _fill(union, place, list(texts))
        outcome = await union.aset_ttl(TTL, cascade=True)
        assert (outcome.dangling_children, outcome.mismatched_class) == (0, result.mismatched_class)
        assert await left(raw, *found, foreign, colons) == times
    if place != "one":
        await short(raw, *found)
        union = await EdgeFlowUnion().asave()
        await _fill(union, place, [*found, foreign.key])
        assert (await union.aset_ttl(TTL, cascade=True)).mismatched_class == 1
        assert await left(raw, *found) == [CHILD, OTHER]


async def test_a_model_that_refers_to_nothing_has_its_own_keys_renewed_and_zeros(raw: Redis) -> None:
    top: Any = await EdgeFlowTop().asave()
    union: Any = await EdgeFlowUnion().asave()
    for model in (top, union):
        await short(raw, model)
        assert await model.aset_ttl(2000, cascade=True) == CascadeResult()
        assert await left(raw, model) == [2000]
