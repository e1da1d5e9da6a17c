"""Time to live: what gets one, what starts it anew, and how that reaches Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, ValidationError

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, Index, Key, RedisConfig
from rapyer.errors import InnerModelError, InvalidRefreshTtlError, KeyNotFound, WrongTypeError
from rapyer.model.registry import registry
from rapyer.session import observe
from rapyer.session.clients import ClientSource
from rapyer.session.wire import round_trip
from rapyer.types import RedisInt, RedisSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

NEVER = ActionGroup(0)
TTL, LEFT = 1000, 50


class TtlCounter(BaseModel):
    number: int = 0
    marks: set[str] = set()


class TtlSession(AtomicRedisModel):
    user: str = "ada"
    visits: int = 0
    events: list[str] = []
    seen: set[str] = {"x"}
    counter: TtlCounter = TtlCounter()


class TtlPlain(AtomicRedisModel):
    name: str = "n"
    visits: int = 0


class TtlKeyed(AtomicRedisModel):
    name: Annotated[str, Key] = "ada"
    tags: set[str] = {"x"}


class TtlIndexed(AtomicRedisModel):
    number: Annotated[int, Index()] = 1
    label: str = "l"


class TtlInnerOwn(AtomicRedisModel):
    Meta = RedisConfig(ttl=77)
    number: int = 0


class TtlOuter(AtomicRedisModel):
    inner: TtlInnerOwn = TtlInnerOwn()


class TtlElsewhere(AtomicRedisModel):
    number: int = 0


MODELS = (TtlSession, TtlPlain, TtlKeyed, TtlIndexed, TtlOuter, TtlElsewhere)


@pytest.fixture(autouse=True)
def _meta() -> Iterator[None]:
    for model in MODELS:
        model.Meta.ttl, model.Meta.refresh_ttl = TTL, True
    yield
    for model in MODELS:
        model.Meta.ttl, model.Meta.refresh_ttl = None, True


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the commands of each write."""
    sent: list[list[str]] = []

    async def noting(client: Any, requests: Any) -> Any:
        sent.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", noting)
    return sent


async def shortened(raw: Redis, model: Any) -> Any:
    """Let all keys of a model have little time left, and return it."""
    for key in model.all_keys:
        await raw.expire(key, LEFT)
    return model


async def left(raw: Redis, model: Any) -> set[str]:
    """Return what the times left of a model's keys are, in words."""
    found = {await raw.ttl(key) for key in model.all_keys} - {-2}
    words = {
        "full" if TTL - 5 < each <= TTL else "little" if LEFT - 5 < each <= LEFT else each for each in found
    }
    return {str(word) for word in words}


def session(**fields: Any) -> TtlSession:
    return TtlSession(counter=TtlCounter(marks={"a"}), **fields)


# --- creating ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [True, False, NEVER, ActionGroup.READ])
async def test_whatever_is_created_gets_a_time_to_live(raw: Redis, chosen: Any) -> None:
    TtlSession.Meta.refresh_ttl = TtlPlain.Meta.refresh_ttl = chosen
    saved = await session().asave()
    inserted = (await TtlSession.ainsert(session(), session()))[1]
    of_all = await rapyer.ainsert(session(), TtlPlain())
    new = await TtlSession.ainsert(session(), on_conflict="error")
    queued = session()
    async with rapyer.apipeline():
        await queued.asave()
    copy = await saved.aduplicate()
    copies = await saved.aduplicate_many(2)
    for model in (saved, inserted, *of_all, *new, queued, copy, *copies):
        assert await left(raw, model) == {"full"}
    assert len(saved.all_keys) == 3


async def test_saving_again_leaves_the_time_where_saves_do_not_refresh(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = ActionGroup.READ
    model = await shortened(raw, await session().asave())
    model.seen.add("y")
    await model.asave()
    await TtlSession.ainsert(model)
    assert await left(raw, model) == {"little"}


async def test_saving_gives_a_time_to_what_has_none(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = False
    TtlSession.Meta.ttl = None
    model = await session().asave()
    assert await left(raw, model) == {"-1"}
    TtlSession.Meta.ttl = TTL
    await model.visits.aincrease()  # type: ignore[attr-defined]
    assert await left(raw, model) == {"-1"}
    await model.asave()
    assert await left(raw, model) == {"full"}


async def test_inserting_is_creating_for_the_package_too(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = ActionGroup.CREATE
    model = await shortened(raw, await session().asave())
    await rapyer.ainsert(model)
    assert await left(raw, model) == {"full"}


async def test_each_class_has_its_own_time(raw: Redis) -> None:
    """§13.55."""
    TtlPlain.Meta.ttl = 300
    TtlIndexed.Meta.ttl = None
    models = await rapyer.ainsert(session(), TtlPlain(), session(), TtlIndexed())
    ttls = [await raw.ttl(model.key) for model in models]
    assert ttls == [pytest.approx(TTL, abs=3), pytest.approx(300, abs=3), pytest.approx(TTL, abs=3), -1]


async def test_copies_get_the_full_time_and_the_source_keeps_its_own(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    copy = await model.aduplicate()
    assert await left(raw, copy) == {"full"}
    assert await left(raw, model) == {"little"}


# --- one round trip, one transaction ----------------------------------------------------------------------------


async def test_a_write_and_its_time_are_one_transaction(writes: list[list[str]]) -> None:
    model = await TtlPlain().asave()
    await model.asave()
    await model.name.asave()  # type: ignore[attr-defined]
    await model.aupdate(name="x")
    assert writes == [
        ["MULTI", "JSON.SET", "EVAL", "EXEC"],
        ["MULTI", "JSON.SET", "EXPIRE", "EXEC"],
        ["MULTI", "JSON.SET", "EXPIRE", "EXEC"],
        ["MULTI", "JSON.SET", "EXPIRE", "EXEC"],
    ]


async def test_all_keys_are_renewed_in_the_same_transaction(writes: list[list[str]]) -> None:
    model = await session().asave()
    writes.clear()
    await model.events.aappend("x")  # type: ignore[attr-defined]
    assert writes == [["MULTI", "JSON.ARRAPPEND", "EXPIRE", "EXPIRE", "EXPIRE", "EXEC"]]


async def test_a_read_and_its_time_are_one_round_trip(writes: list[list[str]]) -> None:
    models = await TtlPlain.ainsert(TtlPlain(), TtlPlain(), TtlPlain())
    writes.clear()
    await TtlPlain.aget(models[0].key)
    await TtlPlain.afind(*models)
    await rapyer.aget(models[0].key)
    await models[0].name.aload()  # type: ignore[attr-defined]
    assert writes == [
        ["MULTI", "JSON.GET", "EVAL", "EXEC"],
        ["MULTI", "JSON.MGET", "EVAL", "EXEC"],
        ["MULTI", "JSON.GET", "EVAL", "EXEC"],
        ["MULTI", "JSON.GET", "EXPIRE", "EXEC"],
    ]


@pytest.mark.parametrize("chosen", [False, ActionGroup.READ])
async def test_what_starts_nothing_anew_costs_nothing(writes: list[list[str]], chosen: Any) -> None:
    model = await TtlPlain().asave()
    writes.clear()
    TtlPlain.Meta.refresh_ttl = chosen
    await model.name.asave()  # type: ignore[attr-defined]
    await model.aupdate(name="x")
    assert writes == [["JSON.SET"], ["JSON.SET"]]


async def test_a_refused_write_raises_its_own_error(raw: Redis) -> None:
    model = await TtlPlain().asave()
    await raw.json().delete(model.key, "$.visits")
    with pytest.raises(KeyNotFound):
        await model.visits.aincrease()  # type: ignore[attr-defined]


async def test_the_script_is_found_again_after_the_server_forgot_it(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    await raw.script_flush()
    await TtlSession.aget(model.key)
    assert await left(raw, model) == {"full"}


async def test_exactly_once_keeps_the_time(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    TtlSession.Meta.exactly_once = True
    try:
        await model.visits.aincrease(2)
        await TtlSession.aget(model.key)
        async with model.apipeline():
            model.visits += 1
    finally:
        TtlSession.Meta.exactly_once = False
    assert (await TtlSession.aget(model.key)).visits == 3
    assert await left(raw, model) == {"full"}


# --- what is somebody else's ------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", [True, False])
async def test_a_key_of_another_type_gets_no_time_to_live(raw: Redis, chosen: bool) -> None:
    TtlPlain.Meta.refresh_ttl = chosen
    await raw.set("TtlPlain:1", "theirs")
    model = TtlPlain()
    model.pk = "1"
    for operation in (
        lambda: TtlPlain.aget("1"),
        lambda: TtlPlain.afind("1"),
        lambda: rapyer.aget("TtlPlain:1"),
        model.asave,
        lambda: TtlPlain.ainsert(model),
        lambda: model.visits.aincrease(),  # type: ignore[attr-defined]
    ):
        with pytest.raises(WrongTypeError):
            await operation()
    await model.refresh_ttl()
    await model.aset_ttl(5)
    assert await raw.ttl("TtlPlain:1") == -1


# --- pipelines --------------------------------------------------------------------------------------------------


async def test_a_pipeline_renews_each_model_once(writes: list[list[str]], raw: Redis) -> None:
    first, second = await TtlPlain().asave(), await TtlPlain().asave()
    writes.clear()
    async with rapyer.apipeline() as pipe:
        for model in (first, second):
            await model.asave()
            await model.visits.aincrease()  # type: ignore[attr-defined]
            model.visits += 1
            model.name = "x"
            await TtlPlain.afind_keys()
            await model.name.aload()  # type: ignore[attr-defined]
        assert len(pipe.commands) == 8
    (*reads, block) = writes
    assert reads == [["SCAN"], ["JSON.GET"]] * 2
    assert len(block) == 2 + 8 + 2
    assert len(pipe.results) == 8


async def test_two_instances_of_one_key_are_renewed_once(writes: list[list[str]]) -> None:
    """§13.48."""
    model = await TtlPlain().asave()
    twin = await TtlPlain.aget(model.key)
    writes.clear()
    async with rapyer.apipeline():
        await model.visits.aincrease()  # type: ignore[attr-defined]
        await twin.visits.aincrease()  # type: ignore[attr-defined]
    assert len(writes[0]) == 2 + 2 + 1
    writes.clear()
    await TtlPlain.ainsert(model, twin)
    assert writes == [["EVALSHA"]]


async def test_reads_in_a_pipeline_renew_at_its_end(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    async with rapyer.apipeline():
        await TtlSession.aget(model.key)
        await model.events.apop()
        assert await left(raw, model) == {"little"}
    assert await left(raw, model) == {"full"}


async def test_a_failed_block_renews_nothing(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    with pytest.raises(LookupError):
        async with rapyer.apipeline():
            await TtlSession.aget(model.key)
            await model.visits.aincrease()
            raise LookupError
    assert await left(raw, model) == {"little"}


async def test_a_joined_block_that_fails_takes_its_renewals_with_it(raw: Redis) -> None:
    first, second = (
        await shortened(raw, await session().asave()),
        await shortened(raw, await session().asave()),
    )
    async with rapyer.apipeline():
        await first.visits.aincrease()
        with pytest.raises(LookupError):
            async with rapyer.apipeline(use_existing_pipe=True):
                await second.visits.aincrease()
                raise LookupError
    assert await left(raw, first) == {"full"}
    assert await left(raw, second) == {"little"}


async def test_a_read_that_outlives_its_pipeline_renews_at_once(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    go = asyncio.Event()

    async def late() -> None:
        await go.wait()
        await TtlSession.aget(model.key)

    async with rapyer.apipeline():
        task = asyncio.create_task(late())
    go.set()
    await task
    assert await left(raw, model) == {"full"}


async def test_the_entry_of_a_pipeline_is_a_fetch(raw: Redis) -> None:
    model = await session().asave()
    cases: list[tuple[bool | ActionGroup, str]] = [
        (ActionGroup.FETCH, "full"),
        (ActionGroup.READ, "full"),
        (ActionGroup.UPDATE, "little"),
        (True, "full"),
    ]
    for chosen, expected in cases:
        TtlSession.Meta.refresh_ttl = chosen
        await shortened(raw, model)
        async with model.apipeline():
            pass
        assert await left(raw, model) == {expected}
        await shortened(raw, model)
        async with rapyer.apipeline(model):
            pass
        assert await left(raw, model) == {expected}
    await shortened(raw, model)
    async with rapyer.apipeline():
        pass
    assert await left(raw, model) == {"little"}


async def test_an_own_time_wins_over_what_came_before_it_in_the_block(raw: Redis) -> None:
    model = await session().asave()
    async with rapyer.apipeline():
        await model.asave()
        await model.visits.aincrease()  # type: ignore[attr-defined]
        await model.aset_ttl(7200)
    assert {await raw.ttl(key) for key in model.all_keys} <= {7199, 7200}
    async with rapyer.apipeline():
        await model.aset_ttl(7200)
        await model.visits.aincrease()  # type: ignore[attr-defined]
    assert await left(raw, model) == {"full"}


async def test_the_models_that_a_failed_transaction_loads_again_are_not_renewed(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = ActionGroup.READ
    model = await shortened(raw, await session().asave())
    with pytest.raises(rapyer.errors.TransactionError):
        async with rapyer.apipeline():
            model.visits += 1
            await raw.json().delete(model.key, "$.events")
            model.events.append("x")
            model.user = "b"
    assert await left(raw, model) == {"little"}


async def test_models_of_another_server_are_renewed_there(raw: Redis, rapyer_redis_url: str) -> None:
    elsewhere = ClientSource.from_url(rapyer_redis_url)
    TtlElsewhere.Meta.redis = elsewhere
    here, there = await session().asave(), await TtlElsewhere().asave()
    for model in (here, there):
        await shortened(raw, model)
    async with rapyer.apipeline():
        await here.visits.aincrease()  # type: ignore[attr-defined]
        await TtlElsewhere.aget(there.key)
    async with rapyer.apipeline():
        await TtlElsewhere.aget(there.key)
    for model in (here, there):
        assert await left(raw, model) == {"full"}
    await elsewhere.aclose()
    TtlElsewhere.Meta.redis = None
    registry.forget_own_sources()


# --- whose Meta -------------------------------------------------------------------------------------------------


async def test_the_outermost_model_decides(raw: Redis) -> None:
    model = await shortened(raw, await session().asave())
    await model.counter.number.aincrease()
    assert await left(raw, model) == {"full"}
    await shortened(raw, model)
    await model.counter.marks.aadd("b")
    assert await left(raw, model) == {"full"}
    TtlSession.Meta.refresh_ttl = ActionGroup.READ
    await shortened(raw, model)
    await model.counter.asave()
    assert await left(raw, model) == {"little"}
    await model.counter.aload()
    assert await left(raw, model) == {"full"}


async def test_the_meta_of_a_nested_class_plays_no_part(raw: Redis) -> None:
    outer = await TtlOuter().asave()
    await raw.expire(outer.key, LEFT)
    await outer.inner.number.aincrease()  # type: ignore[attr-defined]
    assert await left(raw, outer) == {"full"}
    TtlOuter.Meta.ttl = None
    await raw.persist(outer.key)
    await outer.inner.number.aincrease()  # type: ignore[attr-defined]
    await outer.inner.asave()
    assert await raw.ttl(outer.key) == -1


async def test_a_child_decides_for_itself(raw: Redis) -> None:
    """§13.49."""

    class TtlParent(AtomicRedisModel):
        Meta = RedisConfig(ttl=TTL, init_with_rapyer=False)
        number: int = 0

    class TtlChild(TtlParent):
        Meta = RedisConfig(refresh_ttl=False, init_with_rapyer=False)

    parent, child = await TtlParent().asave(), await TtlChild().asave()
    for model in (parent, child):
        await shortened(raw, model)
        await model.number.aincrease()  # type: ignore[attr-defined]
    assert (await left(raw, parent), await left(raw, child)) == ({"full"}, {"little"})


async def test_meta_may_change_at_any_time(raw: Redis, source: ClientSource) -> None:
    await rapyer.init_rapyer(source)
    TtlSession.Meta.ttl = None
    model = await session().asave()
    assert await left(raw, model) == {"-1"}
    TtlSession.Meta.ttl = TTL  # not refused after init_rapyer, as classes may be tuned in a running program
    await model.visits.aincrease()  # type: ignore[attr-defined]
    assert await left(raw, model) == {"full"}
    TtlSession.Meta.refresh_ttl = ActionGroup.READ
    await shortened(raw, model)
    await model.visits.aincrease()  # type: ignore[attr-defined]
    assert await left(raw, model) == {"little"}


async def test_init_sets_it_for_all(source: ClientSource) -> None:
    before = {model: (model.Meta.ttl, model.Meta.refresh_ttl) for model in rapyer.find_redis_models()}
    try:
        await rapyer.init_rapyer(source, refresh_ttl=ActionGroup.UPDATE)
        assert {model.Meta.refresh_ttl for model in MODELS} == {ActionGroup.UPDATE}
        await rapyer.init_rapyer(source)
        assert {model.Meta.refresh_ttl for model in MODELS} == {ActionGroup.UPDATE}
        await rapyer.init_rapyer(source, refresh_ttl=False)
        assert {model.Meta.refresh_ttl for model in MODELS} == {False}
        with pytest.raises(InvalidRefreshTtlError):
            await rapyer.init_rapyer(ttl=5, refresh_ttl=ActionGroup.DELETE)
        with pytest.raises(ValidationError):
            await rapyer.init_rapyer(ttl=0, refresh_ttl=True)
        assert {model.Meta.refresh_ttl for model in MODELS} == {False}
        assert TtlSession.Meta.ttl == TTL
    finally:
        for model, (ttl, refresh) in before.items():
            model.Meta.ttl, model.Meta.refresh_ttl = ttl, refresh


# --- operations of more than one step ---------------------------------------------------------------------------


async def test_what_raises_before_it_sends_renews_nothing(raw: Redis) -> None:
    """§13.47."""
    model = await shortened(raw, await session().asave())
    with pytest.raises(ValidationError):
        await model.events.aappend(3)
    with pytest.raises(ValidationError):
        await model.aupdate(visits="x")
    with pytest.raises(TypeError):
        await model.visits.aincrease("1")
    assert await left(raw, model) == {"little"}
    await model.visits.aincrease()
    assert await left(raw, model) == {"full"}


async def test_a_search_renews_what_it_returns(raw: Redis, source: ClientSource) -> None:
    await rapyer.init_rapyer(source)
    TtlIndexed.Meta.ttl = TTL
    found, other = await TtlIndexed.ainsert(TtlIndexed(number=1), TtlIndexed(number=2))
    for search in (
        lambda: TtlIndexed.afind_one(TtlIndexed.number == 1),
        lambda: TtlIndexed.afind(TtlIndexed.number == 1, max_results=5),
        lambda: TtlIndexed.afind(TtlIndexed.number == 1),
    ):
        await shortened(raw, found)
        await shortened(raw, other)
        assert await search()
        assert await left(raw, found) == {"full"}
        assert await left(raw, other) == {"little"}
    await TtlIndexed.afind()
    assert await left(raw, other) == {"full"}
    await shortened(raw, other)
    await TtlIndexed.adelete_many(TtlIndexed.number == 1)
    assert await left(raw, other) == {"little"}


async def test_a_lock_fetches_and_saves(raw: Redis) -> None:
    model = await session().asave()
    for chosen, at_start, at_end in [
        (ActionGroup.FETCH, "full", "full"),
        (ActionGroup.UPDATE, "little", "full"),
        (ActionGroup.CREATE, "little", "full"),
        (ActionGroup.ERASE, "little", "little"),
    ]:
        TtlSession.Meta.refresh_ttl = chosen
        await shortened(raw, model)
        async with model.alock(save_at_end=True):
            assert await left(raw, model) == {at_start}
            model.visits += 1
        assert await left(raw, model) == {at_end}
    TtlSession.Meta.refresh_ttl = True
    await shortened(raw, model)
    async with TtlSession.alock_from_key(model.key):
        assert await left(raw, model) == {"full"}
    await shortened(raw, model)
    async with rapyer.alock_from_key(model.key):
        assert await left(raw, model) == {"full"}


async def test_algebra_renews_the_receiver_alone(raw: Redis) -> None:
    """§13.25."""
    first, second = (
        await shortened(raw, await session().asave()),
        await shortened(raw, await session().asave()),
    )
    assert isinstance(first.seen, RedisSet)
    for combined in (first.seen.aunion, first.seen.aintersect, first.seen.adifference):
        await shortened(raw, first)
        await combined(second.seen)
        assert await left(raw, first) == {"full"}
    assert await left(raw, second) == {"little"}


# --- by hand ----------------------------------------------------------------------------------------------------


async def test_an_own_time_to_live(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = False
    model = await session().asave()
    assert await model.aset_ttl(7200) is None
    assert {await raw.ttl(key) for key in model.all_keys} <= {7199, 7200}
    assert await session().aset_ttl(5) is None


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, None, "60"])
async def test_a_time_to_live_is_a_positive_int(raw: Redis, bad: Any) -> None:
    model = await session().asave()
    with pytest.raises(ValueError, match="a time to live is a positive int of seconds, not"):
        await model.aset_ttl(bad)
    assert await left(raw, model) == {"full"}


async def test_an_own_time_in_a_pipeline_waits_for_its_end(raw: Redis) -> None:
    """§13.51."""
    model = await shortened(raw, await session().asave())
    async with rapyer.apipeline():
        await model.aset_ttl(7200)
        assert await left(raw, model) == {"little"}
    assert {await raw.ttl(key) for key in model.all_keys} <= {7199, 7200}
    with pytest.raises(InnerModelError, match="Can only set TTL from top level model") as caught:
        await model.counter.aset_ttl(5)
    assert isinstance(caught.value, RuntimeError)


async def test_renewing_by_hand(raw: Redis) -> None:
    TtlSession.Meta.refresh_ttl = False
    model = await shortened(raw, await session().asave())
    await model.refresh_ttl_if_needed()
    assert await left(raw, model) == {"little"}
    await model.refresh_ttl()
    assert await left(raw, model) == {"full"}
    await shortened(raw, model)
    await model.counter.refresh_ttl()
    assert await left(raw, model) == {"full"}
    TtlSession.Meta.ttl = None
    await shortened(raw, model)
    await model.refresh_ttl()
    assert await left(raw, model) == {"little"}


async def test_renewing_by_hand_for_a_kind_of_operation(raw: Redis) -> None:
    """§13.52."""
    TtlSession.Meta.refresh_ttl = ActionGroup.UPDATE
    model = await shortened(raw, await session().asave())
    await model.refresh_ttl_if_needed(action=ActionGroup.READ)
    assert await left(raw, model) == {"little"}
    await model.refresh_ttl_if_needed(action=ActionGroup.READ | ActionGroup.UPDATE)
    assert await left(raw, model) == {"full"}
    await shortened(raw, model)
    await model.refresh_ttl_if_needed()
    assert await left(raw, model) == {"full"}
    assert TtlSession.should_refresh()
    assert model.should_refresh_for_action(ActionGroup.UPDATE)
    assert not TtlSession.should_refresh_for_action(ActionGroup.READ)


async def test_renewing_by_hand_in_a_pipeline(raw: Redis) -> None:
    model = await session().asave()
    await shortened(raw, model)
    async with rapyer.apipeline() as pipe:
        await model.refresh_ttl(can_use_pipeline=True)
        await model.refresh_ttl_if_needed(can_use_pipeline=True)
        assert await left(raw, model) == {"little"}
        await model.refresh_ttl()
        assert await left(raw, model) == {"full"}
        await shortened(raw, model)
        assert pipe.commands == ()
    assert await left(raw, model) == {"full"}


def test_all_keys_are_those_of_the_moment() -> None:
    model = TtlKeyed(name="a")
    assert model.all_keys == ["TtlKeyed:a", "__rapyer_special__:TtlKeyed:a:tags"]
    model.name = "b"
    assert model.all_keys == ["TtlKeyed:b", "__rapyer_special__:TtlKeyed:b:tags"]
    inner = session().counter
    assert inner.all_keys[2].endswith(":counter.marks")  # type: ignore[attr-defined]


async def test_the_keys_of_the_moment_are_renewed_and_deleted(raw: Redis) -> None:
    model = TtlKeyed(name="a")
    assert model.all_keys[0] == "TtlKeyed:a"
    model.name = "b"
    await model.asave()
    assert await left(raw, model) == {"full"}
    await TtlKeyed.adelete_many(model)
    assert await raw.keys("*") == []


class TtlNamed(AtomicRedisModel):
    refresh_ttl: int = 1  # type: ignore[assignment]  # a field may have the name of a method, here and below
    all_keys: str = "mine"  # type: ignore[assignment]
    should_refresh: bool = False  # type: ignore[assignment]


async def test_fields_may_have_the_names_of_these_methods(raw: Redis) -> None:
    TtlNamed.Meta.ttl = TTL
    model = await TtlNamed().asave()
    assert isinstance(model.refresh_ttl, RedisInt)
    await model.refresh_ttl.aincrease()
    assert (await TtlNamed.aget(model.key)).all_keys == "mine"
    assert await raw.ttl(model.key) > LEFT


async def test_no_time_to_live_no_command(writes: list[list[str]], source: ClientSource) -> None:
    TtlPlain.Meta.ttl = None
    model = await TtlPlain().asave()
    await TtlPlain.aget(model.key)
    await model.visits.asave()  # type: ignore[attr-defined]
    async with model.apipeline():
        model.visits += 1
    assert writes == [["JSON.SET"], ["JSON.GET"], ["JSON.SET"], ["JSON.GET"], ["MULTI", "EVAL", "EXEC"]]
