"""What holds of sets, queues, references and times to live, whatever they are combined with."""

from __future__ import annotations

import base64
import pickle
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import Redis

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, CascadeResult, Key, RedisConfig, init_rapyer
from rapyer.cascade import CascadeTTL
from rapyer.config import MOST_SECONDS
from rapyer.errors import UnsupportedArgumentTypeError, WrongClassError
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.types import PriorityQueueItem, RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")
TTL, CHILD, LEFT = 1000, 300, 50


class GuaranteePart(BaseModel):
    number: int = 0
    marks: set[str] = {"m"}


class GuaranteeLeaf(AtomicRedisModel):
    Meta = RedisConfig(ttl=CHILD)
    name: str = ""
    tags: set[str] = {"x"}
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class GuaranteePoet(GuaranteeLeaf):
    verses: int = 1


class GuaranteeRoot(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    number: int = 0
    part: GuaranteePart = GuaranteePart()
    tags: set[str] = {"x"}
    leaf: Annotated[Reference[GuaranteeLeaf] | None, CascadeTTL()] = None
    leaves: Annotated[set[Reference[GuaranteeLeaf]], CascadeTTL()] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class GuaranteeTuples(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    any_number: Annotated[tuple[Reference[GuaranteeLeaf], ...], CascadeTTL()] = ()
    pair: Annotated[tuple[Reference[GuaranteeLeaf], str, Reference[GuaranteeRoot]] | None, CascadeTTL()] = (
        None
    )
    frozen: Annotated[frozenset[Reference[GuaranteeLeaf]], CascadeTTL()] = frozenset()
    inside: Annotated[list[tuple[Reference[GuaranteeLeaf] | None, str]], CascadeTTL()] = []
    whole: tuple[Reference[GuaranteeLeaf], float] | None = None


class GuaranteeHolders(AtomicRedisModel):
    """Refers, from inside of lists and dicts, to models that have sets and queues."""

    listed: list[Reference[GuaranteeRoot]] = []
    by_name: dict[str, Reference[GuaranteeRoot] | None] = {}
    nested: dict[str, list[Reference["GuaranteeLater"]]] = {}  # noqa: UP037 - the quotes are what is tested


class GuaranteeLater(AtomicRedisModel):
    holder: Reference[GuaranteeHolders] | None = None
    jobs: RedisPriorityQueue[Reference[GuaranteeHolders]] = Field(default_factory=RedisPriorityQueue)


class GuaranteeBox(AtomicRedisModel, Generic[T]):
    Meta = RedisConfig(ttl=TTL)
    one: Annotated[Reference[T] | None, CascadeTTL()] = None
    many: Annotated[set[Reference[T]], CascadeTTL()] = set()
    queued: Annotated[RedisPriorityQueue[Reference[T]], CascadeTTL()] = Field(
        default_factory=RedisPriorityQueue
    )


class GuaranteeFirst(AtomicRedisModel):
    name: Key[str]
    tags: set[str] = {"x"}


class GuaranteeSecond(AtomicRedisModel):
    name: Key[str]
    number: int = 0


async def short(raw: Redis, *models: Any) -> None:
    for model in models:
        for key in model.all_keys:
            await raw.expire(key, LEFT)


async def left(raw: Redis, *models: Any) -> set[int]:
    """The seconds that all keys of models have left, to the nearest ten; keys that do not exist are left out."""
    found = {await raw.ttl(key) for model in models for key in model.all_keys} - {-2}
    return {round(one, -1) if one > 0 else one for one in found}


async def leaves(number: int) -> list[Any]:
    return [await GuaranteeLeaf(name=str(one)).asave() for one in range(number)]


# --- time to live -----------------------------------------------------------------------------------------------


async def test_a_time_that_init_sets_counts_for_every_operation_from_then_on(
    raw: Redis, source: ClientSource
) -> None:
    """W2, W28: also for operations on fields and nested models, of instances that are here already."""
    GuaranteeRoot.Meta.ttl = None
    model: Any = await GuaranteeRoot().asave()
    assert await left(raw, model) == {-1}
    await init_rapyer(source, ttl=500, refresh_ttl=ActionGroup.UPDATE)
    operations: tuple[Callable[[], Any], ...] = (
        lambda: model.number.aincrease(),
        lambda: model.part.number.aincrease(),
        lambda: model.part.marks.aadd("y"),
        lambda: model.part.asave(),
        lambda: model.tags.aremove("x"),
        lambda: model.aupdate(number=3),
        lambda: model.jobs.apush("job", 1),
    )
    for operation in operations:
        await short(raw, model)
        await operation()
        assert await left(raw, model) == {500}
    await short(raw, model)
    await model.tags.amembers()
    assert await left(raw, model) == {LEFT}


@pytest.mark.parametrize("chosen", [True, False, ActionGroup(0), ActionGroup.READ])
async def test_what_is_created_ends_with_all_that_it_will_ever_have(raw: Redis, chosen: Any) -> None:
    """W1, W4: sets and queues that get their first element later have the time of the document."""
    GuaranteeRoot.Meta.refresh_ttl = chosen
    saved: Any = await GuaranteeRoot(tags=set()).asave()
    created: Any = (await GuaranteeRoot.aget_or_create(GuaranteeRoot(tags=set()))).value
    inserted: Any = (await rapyer.ainsert(GuaranteeRoot(tags=set())))[0]
    copied: Any = await saved.aduplicate()
    for model in (saved, created, inserted, copied):
        assert await left(raw, model) == {TTL}
        await model.tags.aadd("late")
        await model.part.marks.aadd("late")
        async with rapyer.apipeline():
            await model.jobs.apush("late", 1)
            model.tags |= {"later"}
            model.part.marks ^= {"late", "latest"}
        assert len([key for key in model.all_keys if await raw.exists(key)]) == 4
        assert await left(raw, model) == {TTL}


@pytest.mark.parametrize("chosen", [True, False])
async def test_a_model_that_is_deleted_and_stored_again_in_a_pipeline_ends(raw: Redis, chosen: Any) -> None:
    GuaranteeRoot.Meta.refresh_ttl = chosen
    model: Any = await GuaranteeRoot().asave()
    await short(raw, model)
    async with rapyer.apipeline():
        await model.adelete()
        await model.asave()
        model.tags.add("y")
    assert await left(raw, model) == {TTL}
    async with rapyer.apipeline():
        model.number += 1
        await model.adelete()
    assert not any([await raw.exists(key) for key in model.all_keys])


@pytest.mark.parametrize("seconds", [MOST_SECONDS + 1, 2**63, 10**30])
async def test_a_time_that_redis_cannot_hold_is_refused(raw: Redis, seconds: int) -> None:
    """It would be refused by the server beside a write that is done, and nothing would ever end."""
    with pytest.raises(ValidationError, match=f"ttl\n  Input should be less than or equal to {MOST_SECONDS}"):
        GuaranteeLeaf.Meta.ttl = seconds
    model = await GuaranteeLeaf().asave()
    with pytest.raises(ValueError, match=f"a time to live is at most {MOST_SECONDS} seconds, not {seconds}"):
        await model.aset_ttl(seconds)
    assert await left(raw, model) == {CHILD}


async def test_the_longest_time_is_set(raw: Redis) -> None:
    GuaranteeLeaf.Meta.ttl = MOST_SECONDS
    (leaf,) = await leaves(1)
    root = await GuaranteeRoot(leaf=leaf).asave()
    await root.aset_ttl(MOST_SECONDS, cascade=True)
    for key in (root.key, leaf.key, leaf.tags.special_key):
        assert await raw.ttl(key) > MOST_SECONDS - 60


# --- times to live that reach other models ----------------------------------------------------------------------


async def test_a_pipeline_passes_a_time_on_once_and_for_all_it_has_changed(raw: Redis) -> None:
    """W18: whatever the block has set and added is followed, because that comes last."""
    found = await leaves(3)
    root: Any = await GuaranteeRoot(leaf=found[0]).asave()
    await short(raw, root, *found)
    async with rapyer.apipeline():
        root.leaf = found[1]
        root.leaves.add(found[2].key)
        await root.aupdate(number=2)
        assert await left(raw, root, *found) == {LEFT}
    assert await left(raw, root) == {TTL}
    assert await left(raw, found[1], found[2]) == {CHILD}
    assert await left(raw, found[0]) == {LEFT}


async def test_a_generic_class_passes_its_time_on_to_its_argument(raw: Redis) -> None:
    """W24"""

    class GuaranteeBoxed(GuaranteeBox[GuaranteeLeaf]):
        pass

    for cls in (GuaranteeBox[GuaranteeLeaf], GuaranteeBoxed):
        found = await leaves(3)
        made: Any = cls
        box = await made(one=found[0], many=[found[1]]).asave()
        await box.queued.apush(found[2], 1)
        await short(raw, *found)
        assert (await box.aset_ttl(TTL, cascade=True)).mismatched_class == 0
        assert await left(raw, *found) == {CHILD}
        assert await (await box.queued.apeek()).afetch() == found[2]


async def test_a_class_that_was_defined_again_is_still_reached(raw: Redis) -> None:
    """As in a notebook, where a cell runs again: keys and name are the same, options and methods the newer ones."""

    class GuaranteeAgain(AtomicRedisModel):
        Meta = RedisConfig(ttl=CHILD)

    class GuaranteeAgainHolder(AtomicRedisModel):
        Meta = RedisConfig(ttl=TTL)
        one: Annotated[Reference[GuaranteeAgain] | None, CascadeTTL()] = None
        named: Annotated[Reference["GuaranteeAgain"] | None, CascadeTTL()] = None  # noqa: UP037

    class GuaranteeAgain(AtomicRedisModel):  # type: ignore[no-redef]  # noqa: F811
        Meta = RedisConfig(ttl=400)
        number: int = 5

    one, named = await GuaranteeAgain().asave(), await GuaranteeAgain().asave()
    holder = await GuaranteeAgainHolder(one=Reference(one), named=Reference(named)).asave()
    await short(raw, one, named)
    assert await holder.aset_ttl(TTL, cascade=True) == CascadeResult()
    assert await left(raw, one, named) == {400}
    loaded: Any = await GuaranteeAgainHolder.aget(holder.key)
    assert await loaded.one.afetch() == one
    fetched: Any = await GuaranteeAgainHolder.aget(holder.key)
    assert (
        await rapyer.afetch_all(fetched, GuaranteeAgainHolder.one, GuaranteeAgainHolder.named)
    ).resolved == 2
    for reference in (loaded.one, fetched.one, fetched.named):
        assert type(reference.value) is GuaranteeAgain


# --- references -------------------------------------------------------------------------------------------------


async def test_what_a_reference_names_may_have_sets_and_queues_wherever_the_reference_stands() -> None:
    later: Any = await GuaranteeLater().asave()
    root: Any = await GuaranteeRoot().asave()
    await root.jobs.apush("job", 1)
    holder = await GuaranteeHolders(
        listed=[root], by_name={"a": root, "b": None}, nested={"c": [Reference(later)]}
    ).asave()
    await later.jobs.apush(holder, 1)
    loaded: Any = await GuaranteeHolders.aget(holder.key)
    assert await (await loaded.listed[0].afetch()).jobs.apeek() == "job"
    assert (await loaded.by_name["a"].afetch()).tags == {"x"}
    fetched = await loaded.nested["c"][0].afetch()
    assert await (await fetched.jobs.apop()).afetch() == holder


async def test_references_in_tuples_and_frozensets_are_keys_in_the_document(raw: Redis) -> None:
    """W13: as in lists, so that they are fetched together, checked, and passed a time on."""
    found = await leaves(6)
    root = await GuaranteeRoot().asave()
    fields: dict[str, Any] = {
        "any_number": [found[0], found[1].key],
        "pair": (found[2], "text", root),
        "frozen": [found[3], found[3].key],
        "inside": [(found[4], "a"), (None, "b")],
        "whole": (found[5], 0.5),
    }
    model: Any = await GuaranteeTuples(**fields).asave()
    stored: Any = await raw.json().get(model.key)
    assert stored["any_number"] == [found[0].key, found[1].key]
    assert stored["pair"] == [found[2].key, "text", root.key]
    assert stored["frozen"] == [found[3].key]
    assert stored["inside"] == [[found[4].key, "a"], [None, "b"]]
    loaded: Any = await GuaranteeTuples.aget(model.key)
    assert loaded == model
    assert (type(loaded.any_number), type(loaded.frozen)) == (tuple, frozenset)
    assert await loaded.whole[0].afetch() == found[5]
    await short(raw, root, *found)
    assert (await model.aset_ttl(TTL, cascade=True)).mismatched_class == 0
    assert await left(raw, root) == {TTL}
    assert await left(raw, *found[:5]) == {CHILD}
    await raw.delete(found[4].key)
    followed = [getattr(GuaranteeTuples, name) for name in ("any_number", "pair", "frozen", "inside")]
    result = await rapyer.afetch_all(loaded, *followed)
    assert (result.resolved, [one.target_key for one in result.dangling]) == (5, [found[4].key])
    report = await rapyer.acheck_references(GuaranteeTuples)
    assert (report.references, report.dangling, report.mismatched) == (6, 1, 0)
    assert report.broken[0].field == "inside"
    with pytest.raises(
        UnsupportedArgumentTypeError,
        match="whole holds no references that can be followed; those in values that are stored as a whole",
    ):
        await rapyer.afetch_all(loaded, GuaranteeTuples.whole)


async def test_tuples_of_references_are_written_in_every_way() -> None:
    found = await leaves(2)
    model: Any = await GuaranteeTuples(any_number=(found[0],)).asave()
    await model.aupdate(any_number=[found[1].key, found[0]])
    await model.inside.aappend((found[0].key, "a"))
    async with model.apipeline():
        model.frozen = frozenset({Reference[GuaranteeLeaf](found[0])})
        model.inside.append((Reference(found[1].key), "b"))
        model.inside[0] = (None, "c")
    loaded: Any = await GuaranteeTuples.aget(model.key)
    assert loaded == model
    assert [one.target_key for one in loaded.any_number] == [found[1].key, found[0].key]
    assert [text for _, text in loaded.inside] == ["c", "b"]
    assert await model.inside[1][0].afetch() == await loaded.inside[1][0].afetch() == found[1]
    with pytest.raises(ValidationError, match="Input should be a model, its key, another reference"):
        model.any_number = (5,)


async def test_tuples_of_references_are_read_from_pickles_and_stored_as_keys(raw: Redis) -> None:
    (leaf,) = await leaves(1)
    reference = Reference[GuaranteeLeaf](leaf.key)
    pickled = [base64.b64encode(pickle.dumps(one)).decode() for one in ((reference,), (reference, "a"))]
    await raw.json().set("GuaranteeTuples:1", "$", {"any_number": pickled[0], "inside": [pickled[1]]})
    loaded: Any = await GuaranteeTuples.aget("1")
    assert await loaded.any_number[0].afetch() == await loaded.inside[0][0].afetch() == leaf
    await loaded.asave()
    stored: Any = await raw.json().get("GuaranteeTuples:1")
    assert (stored["any_number"], stored["inside"]) == ([leaf.key], [[leaf.key, "a"]])


async def test_a_base_class_never_takes_the_key_of_a_subclass_for_its_own(raw: Redis) -> None:
    """W12: nothing is stored a second time under the name of the base class."""
    poet: Any = await GuaranteePoet(name="Sappho", verses=7).asave()
    before = set(await raw.keys("*"))
    calls: tuple[Callable[[], Any], ...] = (
        lambda: GuaranteeLeaf.aget(poet.key),
        lambda: GuaranteeLeaf.afind(poet.key),
        lambda: GuaranteeLeaf.afind_one(poet.key),
        lambda: GuaranteeLeaf.adelete_by_key(poet.key),
        lambda: GuaranteeLeaf.adelete_many(poet),
    )
    for call in calls:
        with pytest.raises(WrongClassError, match=f"{poet.key} is no key of GuaranteeLeaf"):
            await call()
    with pytest.raises(WrongClassError):
        async with GuaranteeLeaf.alock_from_key(poet.key):
            pass
    found = await GuaranteeLeaf.aget_or_create(poet)
    through = await Reference[GuaranteeLeaf](poet.key).afetch()
    (listed,) = await rapyer.afind(poet.key)
    assert await GuaranteeLeaf.ainsert(poet) == [poet]  # an instance is stored as what it is
    for each in (found.value, through, await rapyer.aget(poet.key), listed):
        assert (type(each), each) == (GuaranteePoet, poet)
        await each.asave()
    assert set(await raw.keys("*")) == before


# --- clients ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def elsewhere(source: ClientSource) -> AsyncIterator[Redis]:
    """Another database of the server, as a client that two classes have of their own; nothing else is bound."""
    options = source.client().connection_pool.connection_kwargs
    client = Redis(unix_socket_path=options["path"], db=1, decode_responses=True)
    await client.flushdb()
    GuaranteeFirst.Meta.redis = GuaranteeSecond.Meta.redis = client
    registry.unbind()
    yield client
    GuaranteeFirst.Meta.redis = GuaranteeSecond.Meta.redis = None
    registry.forget_own_sources()
    await client.flushdb()
    await client.aclose()


async def test_functions_of_the_package_go_where_the_classes_of_their_arguments_say(elsewhere: Redis) -> None:
    """W19: also if there is no other connection, and the default one leads nowhere."""
    stored: Any = await rapyer.ainsert(GuaranteeFirst(name="a"), GuaranteeSecond(name="b"))
    first, second = stored
    assert set(await elsewhere.keys("Guarantee*")) == {first.key, second.key}
    async with rapyer.apipeline(first, second):
        first.tags.add("y")
        second.number += 1
    async with rapyer.apipeline():
        await second.number.aincrease()
        await first.tags.aadd("z")
    found: Any = await rapyer.afind(first.key, second.key)
    assert [(type(one), one.key) for one in found] == [
        (GuaranteeFirst, first.key),
        (GuaranteeSecond, second.key),
    ]
    assert (found[0].tags, found[1].number) == ({"x", "y", "z"}, 2)
    assert await rapyer.afind_one(second.key) == await rapyer.aget(second.key) == found[1]
    assert await rapyer.aexists(first.key)
    async with rapyer.alock_from_key(second.key, save_at_end=True) as locked:
        locked.number = 9  # type: ignore[union-attr]  # which class the key is of, and that it is stored
    assert (await GuaranteeSecond.aget("b")).number == 9
    assert (await rapyer.aget_or_create(GuaranteeFirst(name="c"))).status == "created"
    assert (await rapyer.adelete_many(first, second.key, "GuaranteeFirst:c")).keys_deleted == 5
    assert not any([await elsewhere.exists(key) for key in (*first.all_keys, *second.all_keys)])


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decoded", [True, False])
async def test_every_client_serves_sets_queues_and_references(
    raw: Redis, rapyer_redis_url: str, protocol: int, decoded: bool
) -> None:
    """W20"""
    client = Redis.from_url(rapyer_redis_url, protocol=protocol, decode_responses=decoded)
    registry.bind(ClientSource.from_client(client))
    (leaf,) = await leaves(1)
    root: Any = await GuaranteeRoot(leaf=leaf, leaves={Reference(leaf.key)}).asave()
    await root.jobs.apush_many([PriorityQueueItem("é", 1.5), PriorityQueueItem("b", 2)])
    assert await GuaranteeRoot.afind_keys() == [root.key]
    every: Any = await GuaranteeRoot.afind()
    (found,) = every
    assert found == root
    assert await found.jobs.aitems() == [PriorityQueueItem("é", 1.5), PriorityQueueItem("b", 2.0)]
    assert [one async for one in found.tags.aiter_members()] == ["x"]
    assert await found.tags.aunion(found.part.marks) == {"x", "m"}
    assert (await rapyer.afetch_all(found, GuaranteeRoot.leaf, GuaranteeRoot.leaves)).resolved == 2
    assert (await rapyer.acheck_references(GuaranteeRoot)).references == 2
    await short(raw, leaf)
    assert (await root.aset_ttl(TTL, cascade=True)).dangling_children == 0
    assert await left(raw, leaf) == {CHILD}
    assert await (await root.aduplicate()).jobs.apop() == "é"
    assert (await rapyer.adelete_many(root, leaf)).models_deleted == 2
    await client.aclose()
