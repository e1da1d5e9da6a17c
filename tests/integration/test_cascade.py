"""TTL cascade: which models a time to live reaches along references, and what it does to theirs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, CascadeResult, RedisConfig, init_rapyer
from rapyer.cascade import CascadeTTL
from rapyer.errors import InnerModelError
from rapyer.model.registry import registry
from rapyer.session import observe
from rapyer.types import RedisSet, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source", "only_these_classes")

ROOT, CHILD, LEFT = 1000, 300, 50


def meta(ttl: int = CHILD, **options: Any) -> RedisConfig:
    return RedisConfig(ttl=ttl, refresh_ttl=False, **options)


class CascadeLeaf(AtomicRedisModel):
    Meta = meta()
    name: str = ""
    tags: set[str] = set()
    marks: set[int] = set()


class CascadeTwig(AtomicRedisModel):
    Meta = meta(400)
    number: int = 0


class CascadeSubLeaf(CascadeLeaf):
    Meta = meta(500)


class CascadePart(BaseModel):
    leaf: Annotated[Reference[CascadeLeaf] | None, CascadeTTL()] = None
    leaves: Annotated[set[Reference[CascadeLeaf]], CascadeTTL()] = set()


class CascadeRoot(AtomicRedisModel):
    Meta = meta(ROOT)
    leaf: Annotated[Reference[CascadeLeaf] | None, CascadeTTL()] = None
    many: Annotated[list[Reference[CascadeLeaf]], CascadeTTL()] = []
    by_name: Annotated[dict[str, Reference[CascadeLeaf]], CascadeTTL()] = {}
    deep: dict[str, list[Annotated[Reference[CascadeLeaf], CascadeTTL]]] = {}
    members: Annotated[RedisSet[Reference[CascadeLeaf]], CascadeTTL()] = RedisSet()
    maybe: Annotated[set[Reference[CascadeLeaf]] | None, CascadeTTL()] = None
    part: CascadePart = CascadePart()
    parts: list[CascadePart] = []
    unmarked: Reference[CascadeLeaf] | None = None
    out: Annotated[Reference[CascadeLeaf] | None, CascadeTTL(enabled=False)] = None
    notes: set[str] = set()


class CascadeUnion(AtomicRedisModel):
    Meta = meta(ROOT)
    one: Annotated[Reference[CascadeLeaf | CascadeTwig] | None, CascadeTTL()] = None
    many: Annotated[list[Reference[CascadeLeaf | CascadeTwig]], CascadeTTL()] = []
    by_name: Annotated[dict[str, Reference[CascadeLeaf] | Reference[CascadeTwig]], CascadeTTL()] = {}
    members: Annotated[set[Reference[CascadeLeaf | CascadeTwig]], CascadeTTL()] = set()


class CascadeNode(AtomicRedisModel):
    """Its own references carry no marker, so budgets count."""

    Meta = meta()
    next: Reference["CascadeNode"] | None = None  # noqa: UP037 - the quotes are what is tested
    nexts: set[Reference["CascadeNode"]] = set()  # noqa: UP037
    marked: Annotated[Reference["CascadeNode"] | None, CascadeTTL(depth=5)] = None  # noqa: UP037


class CascadeHolder(BaseModel):
    node: Reference[CascadeNode] | None = None


class CascadeEntry(AtomicRedisModel):
    Meta = meta(ROOT)
    two: Annotated[Reference[CascadeNode] | None, CascadeTTL(depth=2)] = None
    none: Annotated[Reference[CascadeNode] | None, CascadeTTL(depth=0)] = None
    one: Annotated[set[Reference[CascadeNode]], CascadeTTL(depth=1)] = set()
    plain: Reference[CascadeNode] | None = None
    holder: CascadeHolder = CascadeHolder()


class CascadeLoop(AtomicRedisModel):
    Meta = meta()
    other: Annotated[Reference["CascadeLoop"] | None, CascadeTTL()] = None  # noqa: UP037
    others: Annotated[set[Reference["CascadeLoop"]], CascadeTTL()] = set()  # noqa: UP037


class CascadeTree(AtomicRedisModel):
    Meta = meta()
    leaf: Annotated[Reference[CascadeLeaf] | None, CascadeTTL()] = None
    leaves: Annotated[set[Reference[CascadeLeaf]], CascadeTTL()] = set()
    below: list[CascadeTree] = []


class CascadeLively(AtomicRedisModel):
    Meta = RedisConfig(ttl=ROOT)
    name: str = ""
    leaf: Annotated[Reference[CascadeLeaf] | None, CascadeTTL()] = None
    members: Annotated[set[Reference[CascadeLeaf]], CascadeTTL()] = set()


@pytest.fixture
def only_these_classes() -> None:
    """Let the default hold for the classes of this module alone."""
    registry._models = {cls.__name__: cls for cls in registry.snapshot() if cls.__module__ == __name__}
    registry.cascade_by_default(None)


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the commands of each round trip from here on."""
    sent: list[list[str]] = []
    round_trip = observe.round_trip

    async def counting(client: Redis, requests: Any) -> Any:
        sent.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", counting)
    return sent


async def short(raw: Redis, *models: Any) -> None:
    """Let models end soon, with all that belongs to them."""
    for model in models:
        for key in model.all_keys:
            await raw.expire(key, LEFT)


async def left(raw: Redis, *models: Any) -> list[int]:
    """The seconds that models have left; just before a second ends they count as it."""
    rest = [await raw.pttl(model if isinstance(model, str) else model.key) for model in models]
    return [-(-one // 1000) if one > 0 else one for one in rest]


async def leaves(raw: Redis, number: int) -> list[Any]:
    made = [await CascadeLeaf(name=str(one), tags={"x"}, marks={1}).asave() for one in range(number)]
    await short(raw, *made)
    return made


async def test_the_root_gets_what_was_asked_for_and_the_others_their_own(raw: Redis) -> None:
    """§13.56."""
    (leaf,) = await leaves(raw, 1)
    root = await CascadeRoot(leaf=leaf, notes={"n"}).asave()
    assert await root.aset_ttl(2000, cascade=True) == CascadeResult()
    assert await left(raw, root, root.notes.special_key) == [2000, 2000]
    assert await left(raw, *leaf.all_keys) == [CHILD] * 3


async def test_every_place_of_a_reference_is_followed(raw: Redis) -> None:
    found: Any = await leaves(raw, 12)
    root: Any = CascadeRoot(
        leaf=found[0],
        many=[found[1]],
        by_name={"a.b": found[2]},
        deep={"x": [found[3]]},
        members=[found[4]],
        maybe=[found[5]],
        part=CascadePart(leaf=found[6], leaves=[found[7]]),
        parts=[CascadePart(leaf=found[8]), CascadePart(leaves=[found[9]])],
        unmarked=found[10],
        out=found[11],
    )
    await root.asave()
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, *found) == [CHILD] * 10 + [LEFT] * 2


async def test_w17_sets_of_nested_models_are_followed(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    root = await CascadeRoot(part=CascadePart(leaves=[leaf])).asave()
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, leaf) == [CHILD]


async def test_models_nested_in_their_own_kind_are_followed(raw: Redis) -> None:
    found: Any = await leaves(raw, 5)
    inner = CascadeTree(leaf=found[0], leaves=[found[1]])
    tree: Any = CascadeTree(
        leaf=found[2], leaves=[found[3]], below=[CascadeTree(below=[inner], leaf=found[4])]
    )
    await tree.asave()
    assert await tree.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, *found) == [CHILD] * 5


async def chain(number: int) -> list[Any]:
    nodes: list[Any] = []
    for _ in range(number):
        nodes.insert(0, await CascadeNode(next=nodes[0] if nodes else None).asave())
    return nodes


async def test_a_depth_is_that_many_more_unmarked_hops(raw: Redis, source: ClientSource) -> None:
    """§13.57."""
    await init_rapyer(source, cascade_ttl=CascadeTTL(depth=0))
    nodes = await chain(4)
    await short(raw, *nodes)
    entry = await CascadeEntry(two=nodes[0]).asave()
    await entry.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *nodes) == [CHILD, CHILD, CHILD, LEFT]


async def test_without_a_default_unmarked_references_are_not_followed(raw: Redis) -> None:
    nodes = await chain(3)
    await short(raw, *nodes)
    entry = await CascadeEntry(two=nodes[0], plain=nodes[1]).asave()
    await entry.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *nodes) == [CHILD, LEFT, LEFT]


async def test_the_default_allows_that_many_hops_from_the_root(raw: Redis, source: ClientSource) -> None:
    nodes = await chain(5)
    for depth, expected in ((0, 1), (1, 2), (None, 5)):
        await init_rapyer(source, cascade_ttl=CascadeTTL(depth=depth))
        await short(raw, *nodes)
        entry = await CascadeEntry(plain=nodes[0]).asave()
        await entry.aset_ttl(ROOT, cascade=True)
        assert await left(raw, *nodes) == [CHILD] * expected + [LEFT] * (5 - expected)


async def test_a_marked_reference_is_followed_whatever_is_left(raw: Redis) -> None:
    """§13.58."""
    nodes = await chain(2)
    bridge: Any = await CascadeNode(marked=nodes[0]).asave()
    await short(raw, bridge, *nodes)
    entry = await CascadeEntry(none=bridge).asave()
    await entry.aset_ttl(ROOT, cascade=True)
    assert await left(raw, bridge, nodes[0]) == [CHILD, CHILD]


async def test_siblings_have_budgets_of_their_own_and_a_shared_child_the_larger(
    raw: Redis, source: ClientSource
) -> None:
    """§13.59."""
    await init_rapyer(source, cascade_ttl=CascadeTTL(depth=0))
    apart, other, shared = await chain(3), await chain(3), await chain(4)
    await short(raw, *apart, *other, *shared)
    entry = await CascadeEntry(two=apart[0], none=other[0]).asave()
    await entry.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *apart, *other) == [CHILD] * 4 + [LEFT] * 2
    for fields in ({"two": shared[0], "none": shared[0]}, {"none": shared[0], "one": [shared[0]]}):
        await short(raw, *shared)
        await (await CascadeEntry(**fields).asave()).aset_ttl(ROOT, cascade=True)
        reached = 3 if "two" in fields else 2
        assert await left(raw, *shared) == [CHILD] * reached + [LEFT] * (4 - reached)


async def test_cycles_and_loops_end(raw: Redis) -> None:
    """§13.60."""
    one, two = await CascadeLoop().asave(), await CascadeLoop().asave()
    await one.aupdate(other=two)
    await two.aupdate(other=one)
    await short(raw, one, two)
    assert await one.aset_ttl(ROOT, cascade=True) == CascadeResult(dangling_special=1)
    assert await left(raw, one, two) == [ROOT, CHILD]
    await one.aupdate(other=one)
    assert await one.aset_ttl(ROOT, cascade=True) == CascadeResult()
    for looped in (one, two):
        await looped.others.aadd(one)
    assert await one.aset_ttl(900, cascade=True) == CascadeResult()
    assert await left(raw, one, one.others.special_key) == [900, 900]


async def test_a_diamond_is_reached_once(raw: Redis) -> None:
    """§13.61."""
    bottom = await CascadeLoop().asave()
    sides = [await CascadeLoop(other=bottom).asave() for _ in range(2)]
    top = await CascadeLoop(others=sides).asave()
    await short(raw, bottom, *sides)
    assert await top.aset_ttl(ROOT, cascade=True) == CascadeResult(dangling_special=3)
    assert await left(raw, bottom, *sides) == [CHILD] * 3


async def test_a_child_of_another_redis_type_is_kept_and_not_followed(raw: Redis) -> None:
    """§13.62."""
    await raw.set("CascadeLoop:text", "x", ex=LEFT)
    top = await CascadeLoop(other="CascadeLoop:text").asave()
    assert await top.aset_ttl(ROOT, cascade=True) == CascadeResult(dangling_special=1)
    assert await left(raw, "CascadeLoop:text") == [CHILD]


async def test_what_is_missing_is_counted(raw: Redis) -> None:
    """§13.63."""
    missing = await CascadeRoot(leaf="CascadeLeaf:none", many=["CascadeLeaf:none"]).asave()
    expected = CascadeResult(dangling_children=1, dangling_special=2)
    assert await missing.aset_ttl(ROOT, cascade=True) == expected
    bare = await CascadeRoot(leaf=await CascadeLeaf().asave()).asave()
    assert await bare.aset_ttl(ROOT, cascade=True) == CascadeResult(dangling_special=2)


async def test_a_union_leads_to_each_of_its_classes(raw: Redis) -> None:
    """§13.64."""
    found = [await CascadeLeaf(tags={"x"}, marks={1}).asave() for _ in range(4)]
    twigs = [await CascadeTwig().asave() for _ in range(4)]
    await short(raw, *found, *twigs)
    for place, (leaf, twig) in enumerate(zip(found, twigs, strict=True)):
        fields: list[Any] = [
            {"one": leaf},
            {"many": [leaf, twig]},
            {"by_name": {"a": leaf, "b": twig}},
            {"members": [leaf, twig]},
        ]
        union = await CascadeUnion(**fields[place]).asave()
        assert await union.aset_ttl(ROOT, cascade=True) == CascadeResult()
    alone = await CascadeUnion(one=twigs[0]).asave()
    await alone.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *found, *twigs) == [CHILD] * 4 + [400] * 4


async def test_a_key_of_another_class_is_counted_and_let_be(raw: Redis) -> None:
    """§13.64."""
    foreign = await CascadeNode().asave()
    await short(raw, foreign)
    union = await CascadeUnion(one=foreign.key, many=[foreign.key, "no colon"]).asave()
    assert await union.aset_ttl(ROOT, cascade=True) == CascadeResult(mismatched_class=2)
    only = await CascadeRoot(leaf=foreign.key).asave()
    assert await only.aset_ttl(ROOT, cascade=True) == CascadeResult(mismatched_class=1)
    assert await left(raw, foreign) == [LEFT]


async def test_subclasses_live_as_long_as_their_own_class_says(raw: Redis) -> None:
    sub = await CascadeSubLeaf(tags={"x"}, marks={1}).asave()
    await short(raw, sub)
    root = await CascadeRoot(leaf=sub).asave()
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, *sub.all_keys) == [500] * 3


async def test_a_primary_key_may_hold_colons(raw: Redis) -> None:
    """§13.65."""
    leaf = CascadeTwig()
    leaf.pk = "a:b:c"
    await leaf.asave()
    await short(raw, leaf)
    union = await CascadeUnion(one=leaf).asave()
    assert await union.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, leaf) == [400]


async def test_a_bare_primary_key_is_one_of_the_only_class(raw: Redis) -> None:
    node = await CascadeNode().asave()
    await short(raw, node)
    entry = await CascadeEntry(none=str(node.pk)).asave()
    assert (await entry.aset_ttl(ROOT, cascade=True)).dangling_children == 0
    assert await left(raw, node) == [CHILD]


async def test_a_field_that_opts_out_beats_the_default(raw: Redis, source: ClientSource) -> None:
    """§13.66."""
    found = await leaves(raw, 2)
    await init_rapyer(source, cascade_ttl=CascadeTTL())
    root = await CascadeRoot(unmarked=found[0], out=found[1]).asave()
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *found) == [CHILD, LEFT]


async def test_a_nested_model_is_no_hop(raw: Redis, source: ClientSource) -> None:
    """§13.67."""
    await init_rapyer(source, cascade_ttl=CascadeTTL(depth=0))
    nodes = await chain(2)
    await short(raw, *nodes)
    entry = await CascadeEntry(holder=CascadeHolder(node=nodes[0])).asave()
    await entry.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *nodes) == [CHILD, LEFT]


async def test_members_that_are_no_references_are_skipped(raw: Redis) -> None:
    """§13.68."""
    (leaf,) = await leaves(raw, 1)
    root: Any = await CascadeRoot(members=[leaf]).asave()
    await raw.sadd(root.members.special_key, "no json", "5", "null", "[1]", '""')
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, leaf) == [CHILD]
    await raw.set(root.members.special_key, "text")
    await short(raw, leaf)
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, leaf) == [LEFT]


async def test_saving_a_model_re_arms_the_members_of_its_set(raw: Redis) -> None:
    """§13.69."""
    found = await leaves(raw, 2)
    lively = await CascadeLively(members=found).asave()
    assert await left(raw, lively, *found) == [ROOT, CHILD, CHILD]


async def test_an_assignment_at_the_same_time_is_seen_before_or_after(raw: Redis) -> None:
    """§13.70."""
    found = await leaves(raw, 2)
    root: Any = await CascadeRoot(leaf=found[0]).asave()

    async def reassign() -> None:
        other = await CascadeRoot.aget(root.key)
        for number in range(30):
            await other.aupdate(leaf=found[number % 2].key)

    async def re_arm() -> list[Any]:
        return [await root.aset_ttl(ROOT, cascade=True) for _ in range(30)]

    _, results = await asyncio.gather(reassign(), re_arm())
    assert results == [CascadeResult()] * 30


async def test_without_cascade_no_reference_is_followed(raw: Redis) -> None:
    """§13.71."""
    (leaf,) = await leaves(raw, 1)
    root = await CascadeRoot(leaf=leaf, notes={"n"}).asave()
    assert await root.aset_ttl(2000) is None
    assert await left(raw, root, root.notes.special_key, leaf) == [2000, 2000, LEFT]


async def test_a_class_without_edges_has_its_own_keys_re_armed_and_zeros(raw: Redis) -> None:
    """§13.72, of a class where nothing is to be followed."""
    leaf = await CascadeLeaf(tags={"x"}).asave()
    assert await leaf.aset_ttl(2000, cascade=True) == CascadeResult()
    assert await left(raw, leaf, leaf.tags.special_key) == [2000, 2000]


async def test_a_new_init_turns_the_default_off(raw: Redis, source: ClientSource) -> None:
    """§13.73."""
    (leaf,) = await leaves(raw, 1)
    await init_rapyer(source, ttl=700, cascade_ttl=CascadeTTL())
    root = await CascadeRoot(unmarked=leaf).asave()
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, leaf) == [700]
    await short(raw, leaf)
    await init_rapyer(source, ttl=800)
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, leaf) == [LEFT]


async def test_w16_what_lives_longer_is_never_shortened(raw: Redis) -> None:
    found = await leaves(raw, 3)
    await raw.expire(found[0].key, 5000)
    await raw.persist(found[1].key)
    await raw.persist(found[2].tags.special_key)
    root = await CascadeRoot(many=found).asave()
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, *found, found[2].tags.special_key) == [5000, CHILD, CHILD, CHILD]


async def test_every_refresh_of_the_root_goes_on(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    lively: Any = await CascadeLively(leaf=leaf).asave()
    for operate in (
        lambda: lively.asave(),
        lambda: lively.aupdate(name="x"),
        lambda: lively.aload(),
        lambda: CascadeLively.aget(lively.key),
        lambda: CascadeLively.afind(lively.key),
        lambda: rapyer.aget(lively.key),
        lambda: lively.members.asize(),
        lambda: lively.refresh_ttl(),
    ):
        await short(raw, leaf, lively)
        await operate()
        assert await left(raw, lively, leaf) == [ROOT, CHILD]


async def test_storing_in_any_way_goes_on(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    lively: Any = await CascadeLively(leaf=leaf).asave()

    async def copied_in_a_pipeline() -> None:
        async with rapyer.apipeline():
            await lively.aduplicate()

    for operate in (
        lambda: CascadeLively.ainsert(lively),
        lambda: rapyer.ainsert(CascadeLively(leaf=leaf), CascadeLively(leaf=leaf)),
        lambda: CascadeLively.ainsert(CascadeLively(leaf=leaf), on_conflict="error"),
        lambda: CascadeLively.ainsert(CascadeLively(leaf=leaf), on_conflict="skip"),
        lambda: CascadeLively.aget_or_create(CascadeLively(leaf=leaf)),
        lambda: CascadeLively.aget_or_create(lively),
        lambda: lively.aduplicate(),
        lambda: lively.aduplicate_many(2),
        copied_in_a_pipeline,
    ):
        await short(raw, leaf)
        await operate()
        assert await left(raw, leaf) == [CHILD]


async def test_the_cascade_is_part_of_the_operation_itself(raw: Redis, writes: list[list[str]]) -> None:
    (leaf,) = await leaves(raw, 1)
    lively = await CascadeLively(leaf=leaf).asave()
    writes.clear()
    await lively.aupdate(name="x")
    assert writes == [["MULTI", "JSON.SET", "EVAL", "EXEC"]]


async def test_w15_a_class_without_edges_needs_no_script(raw: Redis, writes: list[list[str]]) -> None:
    leaf = await CascadeLeaf(tags={"x"}).asave()
    leaf.Meta.refresh_ttl = True
    writes.clear()
    await leaf.aupdate(name="y")
    assert writes == [["MULTI", "JSON.SET", "EXPIRE", "EXPIRE", "EXPIRE", "EXEC"]]


async def test_w15_a_server_that_forgot_its_scripts_gets_them_again(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    lively = await CascadeLively(leaf=leaf).asave()
    for flush in (raw.script_flush, raw.function_flush):
        await short(raw, leaf)
        await flush()
        assert await lively.aset_ttl(ROOT, cascade=True) == CascadeResult()
        await short(raw, leaf)
        await flush()
        await lively.aupdate(name="x")
        assert await left(raw, leaf) == [CHILD]


async def test_w15_nothing_is_left_on_the_server(raw: Redis, source: ClientSource) -> None:
    await init_rapyer(source, cascade_ttl=CascadeTTL())
    root = await CascadeRoot(leaf=await CascadeLeaf().asave()).asave()
    await root.aset_ttl(ROOT, cascade=True)
    assert await raw.function_list() == []


async def test_in_a_pipeline_it_is_queued(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    root = await CascadeRoot(leaf=leaf).asave()
    await short(raw, root)
    async with root.apipeline():
        assert await root.aset_ttl(2000, cascade=True) is None
        assert await left(raw, root, leaf) == [LEFT, LEFT]
    assert await left(raw, root, leaf) == [2000, CHILD]
    lively: Any = await CascadeLively(leaf=leaf).asave()
    async with lively.apipeline():
        await short(raw, leaf)
        await lively.aupdate(name="x")
        lively.name = "y"
        assert await left(raw, leaf) == [LEFT]
    assert await left(raw, leaf) == [CHILD]


async def test_a_missing_root_leads_nowhere(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    root = CascadeRoot(leaf=leaf)
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, leaf) == [LEFT]


async def test_a_root_of_another_redis_type_is_let_be(raw: Redis) -> None:
    await raw.set("CascadeLively:text", "x", ex=LEFT)
    with pytest.raises(rapyer.errors.WrongTypeError):
        await CascadeLively.aget("text")
    assert await left(raw, "CascadeLively:text") == [LEFT]


async def test_an_inner_model_and_odd_times_are_refused(raw: Redis) -> None:
    tree: Any = await CascadeTree(below=[CascadeTree()]).asave()
    with pytest.raises(InnerModelError, match="Can only set TTL from top level model"):
        await tree.below[0].aset_ttl(5, cascade=True)
    for odd in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="a time to live is a positive int of seconds"):
            await tree.aset_ttl(odd, cascade=True)
    assert await raw.exists(tree.key)


async def test_a_class_that_comes_after_init_takes_part(raw: Redis, source: ClientSource) -> None:
    await init_rapyer(source, cascade_ttl=CascadeTTL())

    class CascadeLate(CascadeLeaf):
        Meta = meta(600)

    late = await CascadeLate(tags={"x"}, marks={2}).asave()
    await short(raw, late)
    root = await CascadeRoot(leaf=late, unmarked=late).asave()
    assert await root.aset_ttl(ROOT, cascade=True) == CascadeResult()
    assert await left(raw, *late.all_keys) == [600] * 3


async def test_the_time_of_a_class_counts_as_it_stands(raw: Redis) -> None:
    (leaf,) = await leaves(raw, 1)
    root = await CascadeRoot(leaf=leaf).asave()
    CascadeLeaf.Meta.ttl = 777
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, leaf) == [777]
    CascadeLeaf.Meta.ttl = None
    await short(raw, leaf)
    await root.aset_ttl(ROOT, cascade=True)
    assert await left(raw, leaf) == [LEFT]


async def test_many_roots_are_one_script(raw: Redis, writes: list[list[str]]) -> None:
    found = await leaves(raw, 10)
    await CascadeLively.ainsert(*(CascadeLively(leaf=leaf) for leaf in found))
    keys = await CascadeLively.afind_keys()
    await short(raw, *found)
    writes.clear()
    await CascadeLively.afind(*keys)
    assert sum(sent.count("EVAL") + sent.count("EVALSHA") for sent in writes) == 1
    assert await left(raw, *found) == [CHILD] * 10
