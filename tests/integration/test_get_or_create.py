"""`aget_or_create`: what is stored under an instance's key, or the instance, stored; whatever others do meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import (
    ActionGroup,
    AtomicRedisModel,
    GetOrCreateResult,
    GetOrCreateStatus,
    Key,
    RedisConfig,
    aget_or_create,
)
from rapyer.errors import (
    CantSerializeRedisValueError,
    CorruptedModelError,
    InnerModelError,
    InvalidKeyError,
    RapyerError,
    StaleModelError,
    UnsupportedArgumentTypeError,
    WrongClassError,
    WrongTypeError,
)
from rapyer.fields.cascade import CascadeTTL
from rapyer.types import Reference  # noqa: TC001 - pydantic needs it at run time
from tests.integration.watching import sent_to

pytestmark = pytest.mark.usefixtures("source")

TAGS = "__rapyer_special__:GocDoc:a:tags"
INNER = "__rapyer_special__:GocDoc:a:part.labels"


class GocPart(BaseModel):
    number: int = 0
    labels: set[int] = set()


class GocDoc(AtomicRedisModel):
    name: Key[str]
    visits: int = 0
    tags: set[str] = set()
    maybe: set[str] | None = None
    part: GocPart = GocPart()


class GocPlain(AtomicRedisModel):
    name: Key[str]
    visits: int = 0


class GocChild(GocPlain):
    extra: str = "x"


class GocKind(AtomicRedisModel):
    name: Key[str]
    number: UUID = UUID(int=1)


class GocTarget(AtomicRedisModel):
    Meta = RedisConfig(ttl=500)
    name: Key[str]


class GocOwner(AtomicRedisModel):
    Meta = RedisConfig(ttl=300)
    name: Key[str]
    target: Annotated[Reference[GocTarget], CascadeTTL()] | None = None
    tags: set[str] = set()


async def test_it_stores_the_instance_where_nothing_is_stored(raw: Any) -> None:
    draft = GocDoc(name="a", visits=3, tags={"x", "y"}, part=GocPart(labels={1}))
    result = await GocDoc.aget_or_create(draft)
    assert (result.status, result.created) == (GocStatus.CREATED, True)
    assert result.value is draft
    assert await GocDoc.aget("a") == draft
    assert await raw.smembers(TAGS) == {'"x"', '"y"'}
    assert await raw.smembers(INNER) == {"1"}


GocStatus = GetOrCreateStatus


async def test_it_gives_what_is_stored_and_leaves_both_as_they_are(raw: Any) -> None:
    """§13.76"""
    await GocDoc(name="a", visits=3, tags={"x"}, maybe={"m"}, part=GocPart(number=2, labels={1, 2})).asave()
    before = await raw.json().get("GocDoc:a")
    draft = GocDoc(name="a", visits=9, tags={"new"})
    result = await aget_or_create(draft)
    assert (result.status, result.created) == (GocStatus.FOUND, False)
    found = result.value
    assert found is not draft
    assert type(found) is GocDoc
    assert (found.visits, found.tags, found.maybe) == (3, {"x"}, {"m"})
    assert (found.part.number, found.part.labels) == (2, {1, 2})
    assert (draft.visits, draft.tags) == (9, {"new"})
    assert await raw.json().get("GocDoc:a") == before
    await found.tags.aadd("more")  # type: ignore[attr-defined]
    assert await raw.smembers(TAGS) == {'"x"', '"more"'}


async def test_what_was_found_knows_what_the_server_holds(raw: Any) -> None:
    await GocDoc(name="a", tags={"x", "y"}).asave()
    found = (await GocDoc.aget_or_create(GocDoc(name="a"))).value
    await raw.sadd(TAGS, '"z"')
    found.tags.discard("x")
    await found.asave()
    assert await raw.smembers(TAGS) == {'"y"', '"z"'}


async def test_what_was_created_knows_what_the_server_holds(raw: Any) -> None:
    created = (await GocDoc.aget_or_create(GocDoc(name="a", tags={"x", "y"}))).value
    await raw.sadd(TAGS, '"z"')
    created.tags.discard("x")
    await created.asave()
    assert await raw.smembers(TAGS) == {'"y"', '"z"'}


@pytest.mark.parametrize("callers", [8, 50])
async def test_of_many_callers_at_once_one_stores_and_all_get_the_same(callers: int) -> None:
    """§13.75"""
    drafts = [GocDoc(name="a", visits=n, tags={str(n)}, part=GocPart(labels={n})) for n in range(callers)]
    results = await asyncio.gather(*map(GocDoc.aget_or_create, drafts))
    assert Counter(result.status for result in results) == {
        GocStatus.CREATED: 1,
        GocStatus.FOUND: callers - 1,
    }
    (winner,) = (result.value for result in results if result.created)
    assert all(result.value == winner for result in results)
    stored = await GocDoc.aget("a")
    assert (stored, stored.tags, stored.part.labels) == (winner, {str(winner.visits)}, {winner.visits})


async def test_sets_that_were_left_over_are_replaced(raw: Any) -> None:
    """§13.76"""
    await raw.sadd(TAGS, '"old"')
    await raw.set(INNER, "another type")
    await raw.sadd("__rapyer_special__:GocDoc:a:maybe", '"old"')
    assert (await GocDoc.aget_or_create(GocDoc(name="a", tags={"new"}))).created
    stored = await GocDoc.aget("a")
    assert (stored.tags, stored.maybe, stored.part.labels) == ({"new"}, None, set())


async def test_sets_of_any_size_are_stored() -> None:
    members = {str(number) for number in range(12_345)}
    await GocDoc.aget_or_create(GocDoc(name="a", tags=members))
    assert (await GocDoc.aget("a")).tags == members
    assert (await GocDoc.aget_or_create(GocDoc(name="a"))).value.tags == members


async def test_nothing_is_left_of_a_document_that_the_server_refuses(raw: Any) -> None:
    class GocDeep(AtomicRedisModel):
        name: Key[str]
        tags: set[str] = set()

    draft = GocDeep(name="a", tags={"x"})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rapyer.model.get_or_create.document_to_store", lambda model: b"[" * 500 + b"]" * 500)
        with pytest.raises(Exception, match="recursion|depth|nest"):
            await GocDeep.aget_or_create(draft)
    assert await raw.keys("*GocDeep*") == []


# --- which class -----------------------------------------------------------------------------------------


async def test_the_instance_decides_on_the_class() -> None:
    """W12: an instance of a subclass is stored and found as one."""
    created = await GocPlain.aget_or_create(GocChild(name="a", extra="e"))
    assert (type(created.value), created.value.key) == (GocChild, "GocChild:a")
    found = (await GocPlain.aget_or_create(GocChild(name="a"))).value
    assert (type(found), found.extra, found.key) == (GocChild, "e", "GocChild:a")
    assert (await aget_or_create(GocPlain(name="a"))).created
    with pytest.raises(WrongClassError, match="GocChild.aget_or_create was given a GocPlain; use rapyer"):
        await GocChild.aget_or_create(GocPlain(name="a"))


async def test_an_instance_without_a_key_field() -> None:
    class GocUuid(AtomicRedisModel):
        number: int = 0

    draft = GocUuid(number=1)
    assert (await GocUuid.aget_or_create(draft)).created
    again = await aget_or_create(draft)
    assert (again.created, again.value, again.value.key) == (False, draft, draft.key)


# --- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, "GocDoc:a", GocDoc, GocPart(), 1])
async def test_what_is_no_model_is_refused(given: Any) -> None:
    for operation in (GocDoc.aget_or_create, rapyer.aget_or_create):
        with pytest.raises(UnsupportedArgumentTypeError, match="aget_or_create cannot use ") as raised:
            await operation(given)
        assert isinstance(raised.value, TypeError)
        assert isinstance(raised.value, RapyerError)
        assert "give it an instance, which is stored where there is none" in str(raised.value)


async def test_an_inner_model_is_refused(raw: Any) -> None:
    outer = await GocDoc(name="a").asave()
    for operation in (AtomicRedisModel.aget_or_create, rapyer.aget_or_create):
        with pytest.raises(
            InnerModelError, match=r"needs a top level model, and GocDoc:a \$.part is an inner one"
        ) as raised:
            await operation(outer.part)  # type: ignore[type-var]
        assert isinstance(raised.value, RuntimeError)
        assert (raised.value.key, raised.value.field) == ("GocDoc:a", "part")
    assert await raw.keys("*") == ["GocDoc:a"]


async def test_what_is_stored_must_fit_the_class(raw: Any) -> None:
    """§13.77"""
    await raw.json().set("GocDoc:a", "$", {"name": "a", "visits": "many"})
    with pytest.raises(CorruptedModelError, match="the document stored under GocDoc:a does not fit GocDoc"):
        await GocDoc.aget_or_create(GocDoc(name="a"))
    await raw.json().set("GocDoc:a", "$", {"name": "other"})
    with pytest.raises(CorruptedModelError, match="says that its name is 'other'"):
        await GocDoc.aget_or_create(GocDoc(name="a"))
    await raw.json().set("GocKind:a", "$", {"name": "a", "number": "gASVnonsense"})
    with pytest.raises(CantSerializeRedisValueError, match="GocKind.number cannot be loaded from GocKind:a"):
        await GocKind.aget_or_create(GocKind(name="a"))


async def test_a_member_of_a_stored_set_must_fit(raw: Any) -> None:
    await GocDoc(name="a").asave()
    await raw.sadd(INNER, '"text"')
    with pytest.raises(CorruptedModelError, match="does not fit GocDoc"):
        await GocDoc.aget_or_create(GocDoc(name="a"))


async def test_keys_of_other_types(raw: Any) -> None:
    await raw.set("GocDoc:a", "text")
    with pytest.raises(
        WrongTypeError, match="GocDoc:a holds another Redis type than a JSON document"
    ) as raised:
        await GocDoc.aget_or_create(GocDoc(name="a"))
    assert raised.value.key == "GocDoc:a"
    await raw.delete("GocDoc:a")
    await GocDoc(name="a").asave()
    await raw.set(INNER, "text")
    with pytest.raises(WrongTypeError, match=f"{INNER} holds another Redis type than the RedisSet") as raised:
        await GocDoc.aget_or_create(GocDoc(name="a"))
    assert (raised.value.key, raised.value.field) == ("GocDoc:a", "part.labels")
    assert await raw.get(INNER) == "text"


async def test_what_is_beyond_the_limits_is_not_created(raw: Any) -> None:
    GocPlain.Meta.max_document_bytes = 30
    with pytest.raises(CantSerializeRedisValueError, match="more than the 30 of GocPlain.Meta.max_document"):
        await GocPlain.aget_or_create(GocPlain(name="a" * 30))
    GocPlain.Meta.max_document_bytes, GocPlain.Meta.max_key_bytes = None, 20
    with pytest.raises(InvalidKeyError, match="more than the 20 of GocPlain.Meta.max_key_bytes"):
        await GocPlain.aget_or_create(GocPlain(name="a" * 30))
    assert await raw.keys("*") == []
    assert (await GocPlain.aget_or_create(GocPlain(name="a"))).created


async def test_a_draft_that_cannot_be_stored_leaves_nothing(raw: Any) -> None:
    class GocOpen(AtomicRedisModel):
        name: Key[str]
        tags: set[str] = set()
        anything: Any = None

    with pytest.raises(CantSerializeRedisValueError, match="GocOpen.anything"):
        await GocOpen.aget_or_create(GocOpen(name="a", tags={"x"}, anything=lambda: None))
    assert await raw.keys("*") == []


@pytest.mark.parametrize("queued", [False, True])
async def test_both_remember_what_is_stored(raw: Any, queued: bool) -> None:
    GocDoc.Meta.remember_loaded = True
    if queued:
        async with rapyer.apipeline():
            created = (await GocDoc.aget_or_create(GocDoc(name="a", visits=1, tags={"x"}))).value
            found = (await GocDoc.aget_or_create(GocDoc(name="a"))).value
    else:
        created = (await GocDoc.aget_or_create(GocDoc(name="a", visits=1, tags={"x"}))).value
        found = (await GocDoc.aget_or_create(GocDoc(name="a"))).value
    created.visits = 2
    await created.asave(if_unchanged=True)
    found.visits = 3
    with pytest.raises(StaleModelError, match="GocDoc:a has changed since it was loaded: visits"):
        await found.asave(if_unchanged=True)
    await raw.json().set("GocDoc:a", "$.visits", 9)
    created.part.number = 4
    await created.asave(only_changed=True)
    stored = await GocDoc.aget("a")
    assert (stored.visits, stored.part.number, stored.tags) == (9, 4, {"x"})


# --- time to live ----------------------------------------------------------------------------------------

ALL = ("GocDoc:a", TAGS, INNER)


async def _times(raw: Any) -> set[int]:
    return {await raw.ttl(key) for key in ALL}


@pytest.mark.parametrize("refresh", [True, False, ActionGroup.READ, ActionGroup.CREATE, ActionGroup.UPDATE])
async def test_what_is_stored_gets_its_time_to_live_in_any_case(raw: Any, refresh: Any) -> None:
    GocDoc.Meta.ttl, GocDoc.Meta.refresh_ttl = 100, refresh
    await aget_or_create(GocDoc(name="a", tags={"x"}, part=GocPart(labels={1})))
    assert await _times(raw) == {100}


@pytest.mark.parametrize(
    ("refresh", "seconds"),
    [
        (True, 100),
        (ActionGroup.READ, 100),
        (ActionGroup.FETCH, 100),
        (False, 50),
        (ActionGroup.CREATE | ActionGroup.UPDATE, 50),
    ],
)
async def test_what_is_found_starts_anew_as_a_read(raw: Any, refresh: Any, seconds: int) -> None:
    doc = await GocDoc(name="a", tags={"x"}, part=GocPart(labels={1})).asave()
    await doc.aset_ttl(50)
    GocDoc.Meta.ttl, GocDoc.Meta.refresh_ttl = 100, refresh
    await GocDoc.aget_or_create(GocDoc(name="a"))
    assert await _times(raw) == {seconds}


async def test_without_a_time_to_live_none_is_changed(raw: Any) -> None:
    await GocDoc.aget_or_create(GocDoc(name="a", tags={"x"}, part=GocPart(labels={1})))
    assert await _times(raw) == {-1}
    for key in ALL:
        await raw.expire(key, 50)
    await GocDoc.aget_or_create(GocDoc(name="a"))
    assert await _times(raw) == {50}


async def test_it_is_one_script_and_one_round_trip(raw: Any, rapyer_redis_url: str) -> None:
    GocDoc.Meta.ttl = 100
    await GocDoc.aget_or_create(GocDoc(name="b"))
    async with sent_to(rapyer_redis_url) as sent:
        await GocDoc.aget_or_create(GocDoc(name="a", tags={"x"}))
        await GocDoc.aget_or_create(GocDoc(name="a", tags={"x"}))
        assert await sent.names() == ["EVALSHA", "EVALSHA"]


@pytest.mark.parametrize(
    ("refresh", "created", "found"),
    [
        (True, 500, 500),
        (False, 40, 40),
        (ActionGroup.CREATE, 500, 40),
        (ActionGroup.READ, 40, 500),
    ],
)
async def test_a_cascade_goes_on_from_it(raw: Any, refresh: Any, created: int, found: int) -> None:
    await GocTarget(name="t").asave()
    GocOwner.Meta.refresh_ttl = refresh
    for expected in (created, found):
        await raw.expire("GocTarget:t", 40)
        await GocOwner.aget_or_create(GocOwner(name="o", target="GocTarget:t", tags={"x"}))  # type: ignore[arg-type]
        assert await raw.ttl("GocTarget:t") == expected
        assert await raw.ttl("GocOwner:o") == await raw.ttl("__rapyer_special__:GocOwner:o:tags") == 300


# --- pipelines, lost scripts -----------------------------------------------------------------------------


async def test_in_a_pipeline_it_runs_at_once(raw: Any) -> None:
    async with rapyer.apipeline() as pipeline:
        created = await GocDoc.aget_or_create(GocDoc(name="a", tags={"x"}))
        assert created.created
        assert await raw.exists("GocDoc:a", TAGS) == 2
        found = await rapyer.aget_or_create(GocDoc(name="a"))
        assert (found.created, found.value.tags) == (False, {"x"})
        assert pipeline.commands == ()
        found.value.visits += 5
    assert (await GocDoc.aget("a")).visits == 5


async def test_a_pipeline_that_fails_does_not_take_it_back(raw: Any) -> None:
    draft = GocPlain(name="a", visits=1)
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            draft.visits = 2
            assert (await GocPlain.aget_or_create(draft)).created
            draft.visits = 3
            raise ZeroDivisionError
    stored = await GocPlain.aget("a")
    assert (stored.visits, draft.visits) == (2, 2)  # it is what Redis holds


async def test_after_script_flush_it_runs_once(raw: Any) -> None:
    await raw.script_flush()
    assert (await GocDoc.aget_or_create(GocDoc(name="a"))).created
    await raw.script_flush()
    assert not (await GocDoc.aget_or_create(GocDoc(name="a"))).created


async def test_with_exactly_once_too(raw: Any) -> None:
    GocDoc.Meta.exactly_once = True
    results = await asyncio.gather(
        *(GocDoc.aget_or_create(GocDoc(name="a", visits=n, tags={str(n)})) for n in range(8))
    )
    assert Counter(result.created for result in results) == {True: 1, False: 7}
    assert len({json.dumps(sorted(result.value.tags)) for result in results}) == 1


def test_the_result_is_a_frozen_model_that_keeps_the_instance() -> None:
    draft = GocPlain(name="a")
    for kind in (GetOrCreateResult, GetOrCreateResult[GocPlain]):
        result: Any = kind(value=draft, status=GetOrCreateStatus.CREATED)
        assert result.value is draft
        assert result.model_dump() == {
            "value": {"name": "a", "visits": 0},
            "status": GetOrCreateStatus.CREATED,
        }
        with pytest.raises(ValueError, match="frozen"):
            result.value = None
    assert GetOrCreateStatus("found") is GetOrCreateStatus.FOUND
    assert (GetOrCreateStatus.CREATED, GetOrCreateStatus.FOUND) == ("created", "found")
