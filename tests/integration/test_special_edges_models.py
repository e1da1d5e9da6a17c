"""Models with special fields as a whole: created once by many, loaded leniently, deleted by the number, without scripts."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any
from uuid import UUID  # noqa: TC003 - pydantic needs it at run time

import pytest
from pydantic import BaseModel, Field
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

import rapyer
from rapyer import AtomicRedisModel, GetOrCreateStatus, Key, RedisConfig, SafeLoad
from rapyer.errors import (
    CantSerializeRedisValueError,
    CorruptedModelError,
)
from rapyer.session.clients import ClientSource
from rapyer.session.scope import open_batch
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("source")

BAD = "gASVnonsense"


class EdgeWholePart(BaseModel):
    tags: set[str] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class EdgeWhole(AtomicRedisModel):
    name: Key[str]
    number: int = 0
    tags: set[str] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    part: EdgeWholePart = EdgeWholePart()


class EdgeShade(enum.Enum):
    DARK = "dark"


class EdgeSafePart(BaseModel):
    things: SafeLoad[list[Any]] = []


class EdgeSafe(AtomicRedisModel):
    name: Key[str]
    shade: SafeLoad[EdgeShade | None] = None
    ident: SafeLoad[UUID | None] = None
    things: SafeLoad[list[Any]] = []
    named: SafeLoad[dict[str, Any]] = {}
    deep: SafeLoad[list[list[Any]]] = []
    part: EdgeSafePart = EdgeSafePart()


class EdgeUnsafe(AtomicRedisModel):
    name: Key[str]
    shade: EdgeShade | None = None
    things: list[Any] = []
    named: dict[str, Any] = {}


class EdgeSafeAll(EdgeUnsafe):
    Meta = RedisConfig(safe_load_all=True)


class EdgeScripted(AtomicRedisModel):
    Meta = RedisConfig(ttl=100)
    name: Key[str]
    items: list[int] = [1, 2, 3, 4, 5]
    limits: dict[str, int] = {"a": 1}
    number: int = 10
    real: float = 3.0
    text: str = "ab"
    tags: set[str] = set()


# --- creating ---------------------------------------------------------------------------------------------------


async def test_of_eight_drafts_at_once_one_is_stored_with_its_sets() -> None:
    async def offer(number: int) -> Any:
        draft = EdgeWhole(
            name="a", number=number, tags={str(number)}, part=EdgeWholePart(tags={f"p{number}"})
        )
        return await (rapyer if number % 2 else EdgeWhole).aget_or_create(draft)

    results = await asyncio.gather(*map(offer, range(8)))
    assert Counter(result.status for result in results) == {
        GetOrCreateStatus.CREATED: 1,
        GetOrCreateStatus.FOUND: 7,
    }
    seen = {(one.value.number, *sorted(one.value.tags), *sorted(one.value.part.tags)) for one in results}
    (only,) = seen
    assert only == (only[0], str(only[0]), f"p{only[0]}")
    stored = await EdgeWhole.aget("a")
    assert all(result.value == stored for result in results)


async def test_what_is_found_keeps_its_members_and_what_is_created_takes_over_no_others(raw: Redis) -> None:
    tags, jobs = (f"__rapyer_special__:EdgeWhole:a:{name}" for name in ("tags", "jobs"))
    inner = "__rapyer_special__:EdgeWhole:a:part.tags"
    await raw.sadd(tags, '"stale"')
    await raw.sadd(inner, '"stale"')
    await raw.zadd(jobs, {'"kept"': 1})
    created: Any = (await EdgeWhole.aget_or_create(EdgeWhole(name="a", tags={"new"}))).value
    assert await raw.smembers(tags) == {'"new"'}
    assert await raw.exists(inner) == 0
    assert await created.jobs.aitems() == [PriorityQueueItem("kept", 1.0)]
    await created.part.tags.aadd("later")
    found: Any = await EdgeWhole.aget_or_create(
        EdgeWhole(name="a", tags={"other"}, part=EdgeWholePart(tags={"other"}))
    )
    assert (found.status, found.value.tags, found.value.part.tags) == ("found", {"new"}, {"later"})
    assert await raw.smembers(tags) == {'"new"'}
    assert await found.value.jobs.apop() == "kept"


@pytest.mark.parametrize(
    "create", ["asave", "ainsert", "package", "aduplicate", "aget_or_create", "pipeline"]
)
async def test_every_way_to_create_a_model_stores_what_is_nested(raw: Redis, create: str) -> None:
    model: Any = EdgeWhole(name="a", tags={"t"}, part=EdgeWholePart(tags={"p"}))
    if create == "asave":
        await model.asave()
    elif create == "ainsert":
        await EdgeWhole.ainsert(model)
    elif create == "package":
        await rapyer.ainsert(model)
    elif create == "aduplicate":
        source: Any = await EdgeWhole(name="b", tags={"t"}, part=EdgeWholePart(tags={"p"})).asave()
        await source.part.jobs.apush("j", 1)
        model = await source.aduplicate(name="a")
        assert await model.part.jobs.apop() == "j"
        assert await source.part.jobs.asize() == 1
    elif create == "aget_or_create":
        await EdgeWhole.aget_or_create(model)
    else:
        async with rapyer.apipeline():
            await model.asave()
    assert await raw.smembers("__rapyer_special__:EdgeWhole:a:tags") == {'"t"'}
    assert await raw.smembers("__rapyer_special__:EdgeWhole:a:part.tags") == {'"p"'}
    document: Any = await raw.json().get("EdgeWhole:a")
    assert document == {"name": "a", "number": 0, "part": {}}
    await model.part.jobs.apush("x", 1)
    loaded: Any = await EdgeWhole.aget("a")
    assert (loaded.tags, loaded.part.tags, await loaded.part.jobs.apop()) == ({"t"}, {"p"}, "x")


async def test_a_record_that_does_not_fit_is_named_by_all_who_would_load_it(raw: Redis) -> None:
    doc = await EdgeWhole(name="a").asave()
    await raw.json().set(doc.key, "$.number", "many")
    for load in (
        lambda: EdgeWhole.aget_or_create(EdgeWhole(name="a")),
        lambda: rapyer.aget_or_create(EdgeWhole(name="a")),
        lambda: EdgeWhole.aget("a"),
        doc.aload,
    ):
        with pytest.raises(
            CorruptedModelError, match=r"the document stored under EdgeWhole:a does not fit EdgeWhole"
        ) as raised:
            await load()
        assert raised.value.key == "EdgeWhole:a"
    assert await raw.json().get(doc.key, "$.number") == ["many"]


# --- loading leniently ------------------------------------------------------------------------------------------

ONE = "gARLAS4="
"""A pickled 1."""

SPOILED: list[tuple[dict[str, Any], set[str], dict[str, Any]]] = [
    ({"shade": BAD}, {"shade"}, {"shade": None}),
    ({"shade": BAD, "ident": BAD}, {"shade", "ident"}, {"shade": None, "ident": None}),
    ({"things": [ONE, BAD, ONE]}, set(), {"things": [1, 1]}),
    ({"named": {"x": BAD, "y": ONE}}, set(), {"named": {"y": 1}}),
    ({"deep": [[BAD, ONE], [BAD]]}, set(), {"deep": [[1], []]}),
    ({"part": {"things": [BAD, ONE]}}, set(), {}),
]


@pytest.mark.parametrize("way", ["aget", "aload", "afind", "aget_or_create"])
@pytest.mark.parametrize(("spoiled", "failed", "expected"), SPOILED)
async def test_whatever_is_marked_loads_without_what_cannot_be_read_in_every_way(
    raw: Redis, caplog: pytest.LogCaptureFixture, way: str, spoiled: Any, failed: Any, expected: Any
) -> None:
    await EdgeSafe(name="a").asave()
    for field, value in spoiled.items():
        await raw.json().set("EdgeSafe:a", f"$.{field}", value)
    with caplog.at_level(logging.WARNING, "rapyer"):
        if way == "aget":
            doc: Any = await EdgeSafe.aget("a")
        elif way == "aload":
            doc = await EdgeSafe(name="a").aload()
        elif way == "afind":
            (doc,) = await EdgeSafe.afind("a")
        else:
            doc = (await EdgeSafe.aget_or_create(EdgeSafe(name="a"))).value
    assert doc.failed_fields == failed
    assert {name: getattr(doc, name) for name in expected} == expected
    assert doc.part.things == ([1] if "part" in spoiled else [])
    assert len([line for line in caplog.messages if "left out what cannot be read" in line]) == 1
    await doc.asave()
    for field, value in spoiled.items():
        assert await raw.json().get("EdgeSafe:a", f"$.{field}") == [value]


@pytest.mark.parametrize("way", ["aget", "aload", "afind", "aget_or_create"])
@pytest.mark.parametrize(("field", "value"), [("shade", BAD), ("things", [BAD]), ("named", {"x": BAD})])
async def test_what_is_not_marked_raises_in_every_way_unless_the_class_is(
    raw: Redis, way: str, field: str, value: Any
) -> None:
    for cls, safe in ((EdgeUnsafe, False), (EdgeSafeAll, True)):
        draft: Any = await cls(name="a").asave()
        await raw.json().set(draft.key, f"$.{field}", value)
        ways: dict[str, Any] = {
            "aget": lambda cls=cls: cls.aget("a"),
            "aload": draft.aload,
            "afind": lambda cls=cls: cls.afind("a", on_corrupt="raise"),
            "aget_or_create": lambda cls=cls: cls.aget_or_create(cls(name="a")),
        }
        if safe:
            assert await ways[way]()
            continue
        with pytest.raises(
            CantSerializeRedisValueError, match=rf"EdgeUnsafe\.{field}.* cannot be loaded from EdgeUnsafe:a"
        ) as raised:
            await ways[way]()
        assert raised.value.key == "EdgeUnsafe:a"
        if way == "afind":
            assert await cls.afind("a") == []


async def test_what_was_made_or_read_without_a_fault_has_no_failed_fields() -> None:
    doc = EdgeSafe(name="a", shade=EdgeShade.DARK, things=[1, None], named={"x": 1})
    assert doc.failed_fields == set()
    await doc.asave()
    for loaded in (
        await EdgeSafe.aget("a"),
        await doc.aload(),
        *await EdgeSafe.afind(),
        (await EdgeSafe.aget_or_create(EdgeSafe(name="a"))).value,
        await doc.aduplicate(name="b"),
    ):
        assert loaded.failed_fields == set()
    assert type(doc.failed_fields) is set
    assert EdgeSafe(name="c").failed_fields is not EdgeSafe(name="d").failed_fields


# --- deleting ---------------------------------------------------------------------------------------------------


async def _wholes(*names: str) -> list[Any]:
    models: list[Any] = [EdgeWhole(name=name, tags={"t"}, part=EdgeWholePart(tags={"p"})) for name in names]
    await EdgeWhole.ainsert(*models)
    for model in models:
        await model.jobs.apush("j", 1)
    return models


async def test_deleting_by_mixed_forms_counts_each_model_once_and_all_its_keys(raw: Redis) -> None:
    models = await _wholes(*"abcde")
    stale = models[4]
    await EdgeWhole.adelete_by_key("e")
    result = await EdgeWhole.adelete_many(
        models[0], "b", "EdgeWhole:c", models[3], stale, "never", models[0].key
    )
    assert (result.models_deleted, result.keys_deleted, result.models_missing) == (4, 16, 2)
    assert result.was_committed is True
    assert await raw.keys("*") == []


@pytest.mark.parametrize(("cls", "size"), [(EdgeUnsafe, 2), (EdgeScripted, 4)])
async def test_five_models_in_batches_of_two_are_three_transactions(
    raw: Redis, rapyer_redis_url: str, cls: Any, size: int
) -> None:
    await cls.ainsert(*(cls(name=name) for name in "abcde"))
    cls.Meta.max_delete_per_transaction = size  # keys: a model of the second class has two of them
    async with sent_to(rapyer_redis_url) as sent:
        result = await cls.adelete_many(*"abcde")
        words = [line.split(" ") for line in await sent.lines()]
    assert (result.models_deleted, result.keys_deleted) == (5, 5)
    batches = [sum(f"{cls.__name__}:{name}" in line for name in "abcde") for line in words]
    assert [number for number in batches if number] == [2, 2, 1]
    assert await raw.keys("*") == []


@pytest.mark.parametrize("by", ["class", "package"])
async def test_a_delete_says_whether_it_has_happened(raw: Redis, by: str) -> None:
    delete = EdgeWhole.adelete_many if by == "class" else rapyer.adelete_many
    models = await _wholes(*"abc")
    assert (await delete(models[0])).was_committed is True
    async with rapyer.apipeline():
        result = await delete(models[1], models[2])
        assert (result.models_deleted, result.was_committed) == (2, False)
        assert await raw.exists(models[1].key, models[2].key) == 2
    assert await raw.keys("*") == []
    (model,) = await _wholes("d")
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            assert (await delete(model)).was_committed is False
            raise ZeroDivisionError
    assert len(await raw.keys("*")) == 4
    empty = EdgeWhole(name="empty")
    await empty.asave()
    assert await empty.adelete() is True
    assert await raw.keys("*empty*") == []


# --- scripts ----------------------------------------------------------------------------------------------------


async def test_a_pipeline_of_scripts_runs_once_and_in_order_on_a_server_that_forgot_them(raw: Redis) -> None:
    doc: Any = await EdgeScripted(name="a", tags={"x", "y"}).asave()
    await raw.persist(doc.key)
    await raw.script_flush()
    async with doc.apipeline() as same:
        same.items.remove_range(1, 3)
        same.limits.pop("a")
        same.limits["b"] = 2
        same.number *= 3
        same.number += 4
        same.number //= 2
        same.real *= 2
        same.real += 1
        same.text *= 2
        same.text += "c"
        same.tags &= {"x"}
        same.tags ^= {"z"}
    stored: Any = await EdgeScripted.aget("a")
    assert stored == doc
    assert (stored.items, stored.limits, stored.number, stored.real) == ([1, 4, 5], {"b": 2}, 17, 7.0)
    assert (stored.text, stored.tags) == ("ababc", {"x", "z"})
    assert all([90 < await raw.ttl(key) <= 100 for key in doc.all_keys])


@pytest.fixture
async def unscripted(raw: Redis, rapyer_redis_url: str) -> AsyncIterator[ClientSource]:
    """The server for a user that may name scripts, but neither send nor load any."""
    rules = ("reset", "on", ">secret", "~*", "&*", "+@all", "-eval", "-script")
    await raw.execute_command("ACL", "SETUSER", "unscripted", *rules)  # type: ignore[no-untyped-call]
    await raw.script_flush()
    client: Redis = Redis.from_url(rapyer_redis_url, username="unscripted", password="secret")
    EdgeScripted.Meta.redis = ClientSource.from_client(client)
    yield EdgeScripted.Meta.redis
    await EdgeScripted.Meta.redis.aclose()
    EdgeScripted.Meta.redis = None
    await client.aclose()
    await raw.execute_command("ACL", "DELUSER", "unscripted")  # type: ignore[no-untyped-call]


async def test_a_server_that_takes_no_scripts_is_told_and_nothing_stays_open(
    raw: Redis, unscripted: ClientSource
) -> None:
    EdgeScripted.Meta.ttl = None
    doc: Any = await EdgeScripted(name="a").asave()
    told = "(script .*|SADD): User unscripted has no permissions to run the 'eval' command; let the server's administrator extend this user's ACL"
    for operation in (
        lambda: doc.limits.apop("a"),
        lambda: doc.tags.aadd("x"),
        lambda: EdgeScripted.aget_or_create(EdgeScripted(name="b")),
    ):
        with pytest.raises(NoPermissionError, match=told):
            await operation()
        assert open_batch() is None
    with pytest.raises(NoPermissionError, match=told):
        async with doc.apipeline() as same:
            same.text = "lost"
            same.number *= 2
            same.items.remove_range(0, 2)
            same.tags.add("x")
    assert open_batch() is None
    assert (doc.text, doc.number, doc.items, doc.tags) == ("ab", 10, [1, 2, 3, 4, 5], set())
    assert await raw.keys("*") == [doc.key]
    assert await EdgeScripted.aget("a") == doc
    async with doc.apipeline():
        doc.text = "kept"  # what needs no script goes on
    assert (await EdgeScripted.aget("a")).text == "kept"
