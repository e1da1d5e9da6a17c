"""Saving a copy that may be stale: `asave(if_unchanged=True)` and `asave(only_changed=True)`."""

from __future__ import annotations

import asyncio
import copy
import pickle
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field

import rapyer
from rapyer import AtomicRedisModel, Index, Key, RedisConfig
from rapyer.errors import (
    ConfigError,
    InnerModelError,
    KeyNotFound,
    PipelineOpenError,
    StaleModelError,
    WrongTypeError,
)
from tests.integration.test_costs import Sent, sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")
__all__ = ("sent",)


class StaleColour(Enum):
    RED = "red"
    BLUE = "blue"


class StalePart(BaseModel):
    x: int = 0
    items: list[int] = []


class StaleDoc(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    name: Index[str] = "n"
    age: int = 30
    score: float = 0.1
    tags: list[str] = ["a"]
    limits: dict[str, int] = {"day": 1}
    part: StalePart = StalePart()
    parts: list[StalePart] = [StalePart()]
    maybe: str | None = None
    hidden: int = Field(default=1, exclude=True)


class StaleForgetful(AtomicRedisModel):
    name: str = "n"
    age: int = 0


class StaleKeyed(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    name: Key[str]
    number: int = 0


class StaleWhole(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    at: datetime = datetime(2024, 1, 1, tzinfo=timezone.utc)
    colour: StaleColour = StaleColour.RED
    seen: set[int] = {1, 2}
    anything: Any = None
    several: list[Any] = []
    pair: tuple[int, str] = (1, "a")


class StaleOpen(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    model_config = ConfigDict(extra="allow")
    number: int = 0

    @computed_field
    def double(self) -> int:
        return 2 * self.number


async def two() -> tuple[Any, Any]:
    """Return two instances of one stored document: ours, and somebody else's."""
    doc = await StaleDoc().asave()
    return await StaleDoc.aget(doc.key), await StaleDoc.aget(doc.key)


WAYS: dict[str, Callable[[Any], Awaitable[Any]]] = {}


def way(load: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """Register a way to get an instance that knows what is stored."""
    WAYS[load.__name__] = load
    return load


@way
async def aget(key: Any) -> Any:
    return await StaleDoc.aget(key)


@way
async def module_aget(key: Any) -> Any:
    return await rapyer.aget(key)


@way
async def aload(key: Any) -> Any:
    doc: Any = StaleDoc()
    doc.pk = key.partition(":")[2]
    return await doc.aload()


@way
async def afind(key: Any) -> Any:
    return (await StaleDoc.afind(key))[0]


@way
async def afind_all(key: Any) -> Any:
    return (await StaleDoc.afind())[0]


@way
async def afind_expression(key: Any) -> Any:
    await StaleDoc.acreate_index()
    return (await StaleDoc.afind(StaleDoc.name == "n"))[0]


@way
async def module_afind(key: Any) -> Any:
    return (await rapyer.afind(key))[0]


@way
async def lock(key: Any) -> Any:
    async with StaleDoc.alock_from_key(key) as doc:
        return doc


@way
async def instance_lock(key: Any) -> Any:
    doc = await StaleDoc.aget(key)
    await StaleDoc(**{}).asave()
    async with doc.alock() as same:
        return same


@way
async def pipeline_load(key: Any) -> Any:
    doc = await aload(key)
    async with doc.apipeline():
        doc.age += 0
    return doc


@way
async def asave_of_its_own(key: Any) -> Any:
    doc = await StaleDoc.aget(key)
    doc.score = 0.30000000000000004
    return await doc.asave()


@way
async def ainsert(key: Any) -> Any:
    doc: Any = StaleDoc(name="inserted")
    doc.pk = key.partition(":")[2]
    return (await StaleDoc.ainsert(doc))[0]


@way
async def ainsert_new(key: Any) -> Any:
    return (await StaleDoc.ainsert(StaleDoc(), on_conflict="error"))[0]


@way
async def aduplicate(key: Any) -> Any:
    return await (await StaleDoc.aget(key)).aduplicate()


@way
async def saved_in_a_pipeline(key: Any) -> Any:
    doc: Any = StaleDoc()
    async with rapyer.apipeline():
        await doc.asave()
        doc.tags.append("later")
        doc.age += 1
    return doc


@way
async def inserted_in_a_pipeline(key: Any) -> Any:
    doc: Any = StaleDoc()
    async with rapyer.apipeline():
        await rapyer.ainsert(doc)
        doc.part.x = 4
    return doc


@way
async def a_copy(key: Any) -> Any:
    return copy.copy(await StaleDoc.aget(key))


@way
async def a_deep_copy(key: Any) -> Any:
    return (await StaleDoc.aget(key)).model_copy(deep=True)


@way
async def a_pickle(key: Any) -> Any:
    return pickle.loads(pickle.dumps(await StaleDoc.aget(key)))


@pytest.mark.parametrize("name", sorted(WAYS))
async def test_saving_if_unchanged(name: str) -> None:
    doc = await WAYS[name]((await StaleDoc().asave()).key)
    for age in (40, 41, 42):
        doc.age = age
        assert await doc.asave(if_unchanged=True) is doc
        assert await StaleDoc.aget(doc.key) == doc
    other: Any = await StaleDoc.aget(doc.key)
    await other.tags.aappend("theirs")
    stored = await StaleDoc.aget(doc.key)
    doc.age = 50
    with pytest.raises(StaleModelError) as raised:
        await doc.asave(if_unchanged=True)
    assert raised.value.fields == ("tags",)
    assert await StaleDoc.aget(doc.key) == stored


@pytest.mark.parametrize("name", sorted(WAYS))
async def test_saving_only_what_changed(name: str, sent: Sent) -> None:
    doc = await WAYS[name]((await StaleDoc().asave()).key)
    sent.writes.clear()
    await doc.asave(only_changed=True)
    assert sent.writes == []
    doc.age, doc.tags = 40, [*doc.tags, "ours"]
    other: Any = await StaleDoc.aget(doc.key)
    other.name, other.part.x = "theirs", 7
    await other.asave()
    sent.writes.clear()
    assert await doc.asave(only_changed=True) is doc
    assert sent.writes == [["MULTI", "JSON.SET", "JSON.SET", "EXEC"]]
    stored: Any = await StaleDoc.aget(doc.key)
    assert (stored.age, stored.tags, stored.name, stored.part.x) == (40, doc.tags, "theirs", 7)
    with pytest.raises(StaleModelError) as raised:
        await doc.asave(if_unchanged=True)  # it has not seen what the other one wrote
    assert set(raised.value.fields) == {"name", "part"}


async def test_the_error_says_what_differs() -> None:
    ours, theirs = await two()
    await theirs.aupdate(name="theirs", age=1)
    ours.age = 2
    with pytest.raises(
        StaleModelError,
        match=f"{ours.key} has changed since it was loaded: name, age; nothing was written; "
        r"load it again \(aload\) and repeat the change",
    ) as raised:
        await ours.asave(if_unchanged=True)
    assert (raised.value.key, raised.value.model, raised.value.field) == (ours.key, "StaleDoc", "name")
    assert raised.value.fields == ("name", "age")
    await ours.aload()
    ours.age = 2
    await ours.asave(if_unchanged=True)
    stored: Any = await StaleDoc.aget(ours.key)
    assert (stored.name, stored.age) == ("theirs", 2)


async def test_a_document_that_is_gone_stays_gone(raw: Redis) -> None:
    StaleDoc.Meta.ttl = 100
    ours, theirs = await two()
    await theirs.adelete()
    ours.age = 2
    with pytest.raises(
        KeyNotFound, match=f"{ours.key} was deleted since it was loaded; nothing was written; save it without"
    ):
        await ours.asave(if_unchanged=True)
    with pytest.raises(KeyNotFound, match=f"nothing is stored under {ours.key}"):
        await ours.asave(only_changed=True)
    ours.age = 30
    with pytest.raises(KeyNotFound):
        await ours.asave(only_changed=True)  # the time to live alone
    assert await raw.exists(ours.key) == 0
    await ours.adelete()
    with pytest.raises(StaleModelError, match="was neither loaded from"):
        await ours.asave(if_unchanged=True)


async def test_another_type_under_the_key(raw: Redis) -> None:
    ours, _ = await two()
    await raw.set(ours.key, "text")
    ours.age = 2
    for options in ({"if_unchanged": True}, {"only_changed": True}):
        with pytest.raises(WrongTypeError):
            await ours.asave(**options)
    assert await raw.get(ours.key) == "text"


async def test_both_options() -> None:
    ours, theirs = await two()
    ours.age = 2
    await ours.asave(if_unchanged=True, only_changed=True)
    assert (await StaleDoc.aget(ours.key)).age == 2
    with pytest.raises(StaleModelError) as raised:
        await theirs.asave(if_unchanged=True, only_changed=True)  # also where there is nothing to write
    assert raised.value.fields == ("age",)
    await ours.asave(if_unchanged=True, only_changed=True)


async def test_both_options_send_the_changed_fields_alone(sent: Sent) -> None:
    ours: Any = await StaleDoc(tags=["x" * 1000]).asave()
    await ours.aload()
    ours.age = 2
    sent.bytes = 0
    await ours.asave(if_unchanged=True, only_changed=True)
    first = sent.bytes
    ours.age = 3
    await ours.asave(if_unchanged=True)
    assert first < 4200  # the document that is expected goes with it, and the script for the first time


async def test_an_unchanged_document_takes_one_round_trip(sent: Sent) -> None:
    await (await StaleDoc().asave()).asave(if_unchanged=True)  # the server has the script from here on
    ours: Any = await StaleDoc.aget((await StaleDoc().asave()).key)
    sent.writes.clear()
    ours.age = 2
    await ours.asave(if_unchanged=True)
    assert sent.writes == [["EVALSHA"]]


async def test_the_time_to_live_starts_anew(raw: Redis, sent: Sent) -> None:
    StaleDoc.Meta.ttl = 100
    for options in (
        {"if_unchanged": True},
        {"only_changed": True},
        {"if_unchanged": True, "only_changed": True},
    ):
        ours, _ = await two()
        await raw.expire(ours.key, 10)
        await ours.asave(**options)
        assert await raw.ttl(ours.key) > 10
    sent.writes.clear()
    await ours.asave(only_changed=True)
    assert sent.writes == [["EXPIRE"]]


async def test_without_the_option_of_the_class() -> None:
    doc = await StaleForgetful().asave()
    for option in ("if_unchanged", "only_changed"):
        with pytest.raises(
            ConfigError,
            match=rf"StaleForgetful.asave\({option}=True\) needs the option remember_loaded of StaleForgetful.Meta; "
            r"set Meta = RedisConfig\(remember_loaded=True\)",
        ) as raised:
            await doc.asave(**{option: True})
        assert raised.value.model == "StaleForgetful"
    assert not hasattr(await StaleForgetful.aget(doc.key), "_rapyer_loaded")


async def test_what_was_neither_loaded_nor_saved() -> None:
    doc = StaleDoc()
    with pytest.raises(
        StaleModelError, match=f"this StaleDoc was neither loaded from {doc.key} nor saved there"
    ) as raised:
        await doc.asave(if_unchanged=True)
    assert raised.value.fields == ()
    with pytest.raises(StaleModelError, match=r"only_changed=True has nothing to go by; load it first"):
        await doc.asave(only_changed=True)
    assert await StaleDoc.afind_keys() == []
    other = (await StaleKeyed(name="a").asave()).model_copy()
    other.name = "b"
    with pytest.raises(StaleModelError, match="this StaleKeyed was neither loaded from StaleKeyed:b"):
        await other.asave(only_changed=True)


async def test_inner_models_and_pipelines() -> None:
    ours, _ = await two()
    with pytest.raises(
        InnerModelError, match=r"\$.part is an inner model, which if_unchanged=True does not know; save the"
    ):
        await ours.part.asave(if_unchanged=True)
    async with rapyer.apipeline():
        with pytest.raises(
            PipelineOpenError,
            match="if_unchanged=True needs the server's answer, which a pipeline has only at",
        ):
            await ours.asave(if_unchanged=True)


async def test_only_what_changed_in_a_pipeline() -> None:
    ours, theirs = await two()
    await theirs.aupdate(name="theirs")
    ours.maybe = "before the block"
    async with rapyer.apipeline() as pipe:
        ours.age += 1
        await ours.asave(only_changed=True)
        ours.tags.append("b")
        assert [(command.name, command.place) for command in pipe.commands] == [
            ("JSON.NUMINCRBY", "$.age"),
            ("JSON.SET", "$.maybe"),
            ("JSON.ARRAPPEND", "$.tags"),
        ]
    stored: Any = await StaleDoc.aget(ours.key)
    assert (stored.name, stored.age, stored.maybe, stored.tags) == (
        "theirs",
        31,
        "before the block",
        ["a", "b"],
    )
    with pytest.raises(StaleModelError) as raised:
        await ours.asave(if_unchanged=True)
    assert raised.value.fields == ("name",)


# --- operations of the instance's own ------------------------------------------------------------------------


async def _lock_saves(doc: Any) -> None:
    async with doc.alock(save_at_end=True):
        doc.tags.append("b")
        doc.age = 5


async def _inner_lock_saves(doc: Any) -> None:
    async with doc.part.alock(save_at_end=True):
        doc.part.x = 5


async def _pipeline(doc: Any) -> None:
    async with doc.apipeline():
        doc.age += 5
        doc.tags.append("b")
        doc.limits["night"] = 2
        doc.part.items.append(3)
        doc.parts[0].x = 4
        doc.name = "new"


async def _pipeline_in_a_pipeline(doc: Any) -> None:
    async with doc.apipeline():
        doc.age += 5
        async with rapyer.apipeline():
            doc.tags.append("b")
        async with rapyer.apipeline(use_existing_pipe=True):
            doc.tags.append("c")


async def _field_loads(doc: Any) -> None:
    other: Any = await StaleDoc.aget(doc.key)
    await other.tags.aappend("theirs")
    await other.aupdate(age=99)
    await other.part.aupdate(x=3)
    await doc.tags.aload()
    await doc.age.aload()
    await doc.part.aload()


async def _inner_save(doc: Any) -> None:
    doc.part.x = 8
    await doc.part.asave()
    doc.tags.append("b")
    await doc.tags.asave()
    doc.parts[0].x = 3
    await doc.parts.asave()


OWN: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "aappend": lambda doc: doc.tags.aappend("b"),
    "aextend": lambda doc: doc.tags.aextend(["b", "c"]),
    "list ainsert": lambda doc: doc.tags.ainsert(0, "b"),
    "aset": lambda doc: doc.tags.aset(0, "b"),
    "aremove": lambda doc: doc.tags.aremove("a"),
    "list apop": lambda doc: doc.tags.apop(),
    "list aclear": lambda doc: doc.tags.aclear(),
    "aset_item": lambda doc: doc.limits.aset_item("night", 2),
    "dict aupdate": lambda doc: doc.limits.aupdate(night=2, day=3),
    "adel_item": lambda doc: doc.limits.adel_item("day"),
    "asetdefault": lambda doc: doc.limits.asetdefault("night", 2),
    "dict apop": lambda doc: doc.limits.apop("day"),
    "apopitem": lambda doc: doc.limits.apopitem(),
    "dict aclear": lambda doc: doc.limits.aclear(),
    "aupdate": lambda doc: doc.aupdate(age=5, tags=["z"]),
    "inner aupdate": lambda doc: doc.part.aupdate(x=5),
    "inner list": lambda doc: doc.part.items.aappend(5),
    "list of models": lambda doc: doc.parts[0].items.aappend(5),
    "inner save": _inner_save,
    "lock": _lock_saves,
    "lock of an inner model": _inner_lock_saves,
    "pipeline": _pipeline,
    "pipeline in a pipeline": _pipeline_in_a_pipeline,
    "loads of fields": _field_loads,
    "aset_ttl": lambda doc: doc.aset_ttl(100),
}


@pytest.mark.parametrize("name", sorted(OWN))
async def test_operations_of_its_own_are_no_change_by_others(name: str, sent: Sent) -> None:
    ours, _ = await two()
    await OWN[name](ours)
    assert await StaleDoc.aget(ours.key) == ours
    sent.writes.clear()
    await ours.asave(only_changed=True)
    assert sent.writes == []
    await ours.asave(if_unchanged=True)
    assert await StaleDoc.aget(ours.key) == ours


@pytest.mark.parametrize("name", sorted(set(OWN) - {"loads of fields"}))
async def test_operations_of_its_own_hide_no_change_by_others(name: str) -> None:
    ours, theirs = await two()
    await theirs.aupdate(maybe="theirs", score=2.5)
    async with theirs.apipeline():
        theirs.parts.append(StalePart(x=9))
    await OWN[name](ours)
    stored = await StaleDoc.aget(ours.key)
    fresh = "pipeline" in name or name == "lock"  # these load the document
    if not fresh:
        with pytest.raises(StaleModelError) as raised:
            await ours.asave(if_unchanged=True)
        expected = {"maybe", "score", "parts"} - ({"parts"} if name == "inner save" else set())
        assert set(raised.value.fields) == expected
        assert await StaleDoc.aget(ours.key) == stored
    ours.hidden = 3
    await ours.asave(only_changed=True)
    assert await StaleDoc.aget(ours.key) == stored


async def test_loads_of_fields_see_what_others_changed_there() -> None:
    ours, theirs = await two()
    await theirs.aupdate(maybe="theirs", tags=["t"])
    await ours.tags.aload()
    with pytest.raises(StaleModelError) as raised:
        await ours.asave(if_unchanged=True)
    assert raised.value.fields == ("maybe",)


async def test_an_increment_leaves_the_local_value_behind() -> None:
    ours, _ = await two()
    await ours.age.aincrease(5)
    ours.name = "new"
    with pytest.raises(StaleModelError) as raised:
        await ours.asave(if_unchanged=True)  # it would take the increment back
    assert raised.value.fields == ("age",)
    await ours.asave(only_changed=True)
    stored: Any = await StaleDoc.aget(ours.key)
    assert (stored.age, stored.name) == (35, "new")
    await ours.age.aload()
    await ours.asave(if_unchanged=True)


async def test_local_changes_are_not_lost_to_operations_on_the_same_field() -> None:
    ours, _ = await two()
    ours.tags.append("local")
    await ours.tags.aappend("stored")
    await ours.asave(only_changed=True)
    assert (await StaleDoc.aget(ours.key)).tags == ["a", "local", "stored"]
    async with rapyer.apipeline():
        ours.limits["x"] = 1
    ours.limits["local"] = 5
    async with rapyer.apipeline():
        ours.limits["y"] = 2
    await ours.asave(only_changed=True)
    assert (await StaleDoc.aget(ours.key)).limits == {"day": 1, "x": 1, "local": 5, "y": 2}


async def test_pops_in_a_pipeline_run_at_once(sent: Sent) -> None:
    for queued in (False, True):
        doc: Any = await StaleDoc(tags=["a", "b", "c"]).asave()
        async with rapyer.apipeline():
            assert await doc.tags.apop() == "c"
            if queued:
                doc.tags.append("d")
            assert await doc.limits.apop("day") == 1
        assert await StaleDoc.aget(doc.key) == doc
        sent.writes.clear()
        await doc.asave(only_changed=True)
        assert sent.writes == []
        await doc.asave(if_unchanged=True)
    whole: Any = await StaleWhole(several=[[1], [2]]).asave()
    async with rapyer.apipeline():
        assert whole.several[0] == [1]  # which the pipeline looks at again at its end
        await whole.several.apop()
    await whole.asave(if_unchanged=True)


@pytest.mark.parametrize("loads", [False, True])
async def test_values_that_a_pipeline_finds_changed_in_place(loads: bool, sent: Sent) -> None:
    doc: Any = await StaleWhole(anything={"a": [1]}, several=[{"x": 1}]).asave()
    doc = await StaleWhole.aget(doc.key)
    async with doc.apipeline() if loads else rapyer.apipeline():
        doc.anything["a"].append(2)
        doc.several[0]["x"] += 1
    assert await StaleWhole.aget(doc.key) == doc
    sent.writes.clear()
    await doc.asave(only_changed=True)
    assert sent.writes == []
    await doc.asave(if_unchanged=True)


async def test_what_a_pipeline_overwrites_is_stored() -> None:
    ours, _ = await two()
    ours.name, ours.age = "local", 5
    async with rapyer.apipeline():
        ours.name = "queued"
    await ours.asave(only_changed=True)
    await ours.asave(if_unchanged=True)
    stored: Any = await StaleDoc.aget(ours.key)
    assert (stored.name, stored.age) == ("queued", 5)


async def test_a_pipeline_that_fails_changes_nothing_that_is_known() -> None:
    ours, theirs = await two()
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            ours.age = 5
            await ours.asave()
            await ours.adelete()
            raise ZeroDivisionError
    await ours.asave(if_unchanged=True)
    await theirs.adelete()
    with pytest.raises(KeyNotFound):
        async with rapyer.apipeline():
            ours.tags.append("b")
    assert ours.tags == ["a"]
    with pytest.raises(KeyNotFound):
        await ours.asave(if_unchanged=True)


async def test_deleting_in_a_pipeline_forgets() -> None:
    ours, _ = await two()
    async with rapyer.apipeline():
        ours.age = 5
        await ours.asave()
        await ours.adelete()
    with pytest.raises(StaleModelError, match="neither loaded"):
        await ours.asave(only_changed=True)


async def test_a_failed_operation_leaves_what_is_known() -> None:
    ours, theirs = await two()
    await theirs.tags.aclear()
    with pytest.raises(ValueError, match="is not in the list"):
        await ours.tags.aremove("a")
    with pytest.raises(rapyer.errors.ElementIndexError):
        await ours.tags.aset(5, "x")
    await ours.asave(only_changed=True)
    await ours.asave(if_unchanged=True)


# --- forms of values -----------------------------------------------------------------------------------------


async def test_floats_that_the_server_rounds() -> None:
    doc: Any = await StaleDoc().asave()
    value = 0.1
    for _ in range(200):
        value = value * 1.37 + 1e-7
        doc.score = value
        await doc.asave(if_unchanged=True)
    await doc.parts.asave()
    doc.score = value * (1 + 1e-12)
    await doc.asave(only_changed=True)
    assert (await StaleDoc.aget(doc.key)).score == pytest.approx(value * (1 + 1e-12), rel=1e-15)


async def test_values_that_are_stored_whole() -> None:
    for plain in (False, True):
        StaleWhole.Meta.prefer_normal_json_dump = plain
        doc: Any = await StaleWhole(anything={"a": [1, 2.5, None, {"b": {3}}]}).asave()
        await doc.asave(if_unchanged=True)
        other: Any = await StaleWhole.aget(doc.key)
        await other.asave(only_changed=True)
        other.colour = StaleColour.BLUE
        other.anything["a"].append(5)
        await other.asave(only_changed=True, if_unchanged=True)
        with pytest.raises(StaleModelError) as raised:
            await doc.asave(if_unchanged=True)
        assert set(raised.value.fields) == {"colour", "anything"}
        assert await StaleWhole.aget(doc.key) == other


async def test_another_form_of_the_same_value_is_no_change(raw: Redis, sent: Sent) -> None:
    StaleWhole.Meta.prefer_normal_json_dump = True
    doc: Any = await StaleWhole().asave()
    StaleWhole.Meta.prefer_normal_json_dump = False
    doc = await StaleWhole.aget(doc.key)
    sent.writes.clear()
    await doc.asave(only_changed=True)
    assert sent.writes == []
    ours: Any = await StaleDoc().asave()
    await raw.execute_command("JSON.SET", ours.key, "$.score", "7")  # type: ignore[no-untyped-call]
    await raw.execute_command("JSON.DEL", ours.key, "$.maybe")  # type: ignore[no-untyped-call]
    await raw.execute_command("JSON.SET", ours.key, "$.unknown", "[1]")  # type: ignore[no-untyped-call]
    ours = await StaleDoc.aget(ours.key)
    sent.writes.clear()
    await ours.asave(only_changed=True)
    assert sent.writes == []
    ours.age = 3
    await ours.asave(only_changed=True, if_unchanged=True)
    assert await raw.execute_command("JSON.GET", ours.key, "$.unknown") == "[[1]]"  # type: ignore[no-untyped-call]
    await raw.execute_command("JSON.SET", ours.key, "$.unknown", "[2]")  # type: ignore[no-untyped-call]
    with pytest.raises(StaleModelError) as raised:
        await ours.asave(if_unchanged=True)
    assert raised.value.fields == ("unknown",)


async def test_true_is_no_one_and_one_no_float(raw: Redis) -> None:
    doc: Any = await StaleWhole(anything=1).asave()
    for text in ("true", "1.0", '"1"', "null"):
        await raw.execute_command("JSON.SET", doc.key, "$.anything", text)  # type: ignore[no-untyped-call]
        with pytest.raises(StaleModelError) as raised:
            await doc.asave(if_unchanged=True)
        assert raised.value.fields == ("anything",)


async def test_extra_and_computed_fields() -> None:
    doc: Any = await StaleOpen(**{"a b": 1, "back\\slash": [1]}).asave()  # type: ignore[arg-type]
    other: Any = await StaleOpen.aget(doc.key)
    setattr(doc, "back\\slash", [2])
    doc.number = 4
    await doc.asave(only_changed=True)
    await doc.asave(if_unchanged=True)
    with pytest.raises(StaleModelError) as raised:
        await other.asave(if_unchanged=True)
    assert set(raised.value.fields) == {"number", "double", "back\\slash"}
    await other.aload()
    setattr(other, "back\\slash", [3])
    delattr(other, "a b")
    await other.asave(only_changed=True, if_unchanged=True)
    stored = await StaleOpen.aget(doc.key)
    assert stored == other
    assert stored.redis_dump() == {"number": 4, "double": 8, "back\\slash": [3]}
    delattr(other, "back\\slash")
    await other.asave(only_changed=True)
    assert (await StaleOpen.aget(doc.key)).redis_dump() == {"number": 4, "double": 8}


async def test_key_fields() -> None:
    doc: Any = await StaleKeyed(name="k").asave()
    doc.number = 1
    await doc.asave(if_unchanged=True)
    other: Any = await StaleKeyed.aget("k")
    other.number = 2
    await other.asave(only_changed=True)
    with pytest.raises(StaleModelError):
        await doc.asave(if_unchanged=True)


# --- races ---------------------------------------------------------------------------------------------------


async def test_many_writers_lose_nothing() -> None:
    doc = await StaleDoc(age=0).asave()

    async def count() -> None:
        for _ in range(10):
            while True:
                mine: Any = await StaleDoc.aget(doc.key)
                mine.age += 1
                mine.tags.append(str(mine.age))
                try:
                    await mine.asave(if_unchanged=True)
                except StaleModelError as error:
                    assert set(error.fields) == {"age", "tags"}
                else:
                    break

    await asyncio.gather(*(count() for _ in range(5)))
    stored: Any = await StaleDoc.aget(doc.key)
    assert stored.age == 50
    assert stored.tags == ["a", *map(str, range(1, 51))]


async def test_writers_of_different_fields_lose_nothing() -> None:
    doc = await StaleDoc().asave()
    names = ("name", "maybe")

    async def write(name: str) -> None:
        mine: Any = await StaleDoc.aget(doc.key)
        for number in range(20):
            setattr(mine, name, f"{name} {number}")
            await mine.asave(only_changed=True)

    await asyncio.gather(*map(write, names))
    stored: Any = await StaleDoc.aget(doc.key)
    assert (stored.name, stored.maybe) == ("name 19", "maybe 19")


async def test_a_change_while_the_save_is_on_its_way_is_not_taken_for_saved() -> None:
    doc: Any = await StaleDoc().asave()
    for options in ({}, {"only_changed": True}, {"if_unchanged": True}):
        doc.age += 1
        saving = asyncio.ensure_future(doc.asave(**options))
        await asyncio.sleep(0)
        doc.name += "!"
        await saving
        await doc.asave(only_changed=True)
        assert await StaleDoc.aget(doc.key) == doc
