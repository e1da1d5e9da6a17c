"""What differs between a server's indexes and the classes, as a plan; and applying it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel
from rapyer.codec.replies import index_attributes, index_state
from rapyer.errors import NotIndexedError
from rapyer.fields import Index, Key
from rapyer.model.registry import registry
from rapyer.search import migrate
from rapyer.search.find import find_keys
from rapyer.search.index import target_on, versioned_name
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from redis.asyncio import Redis


class PlanTown(AtomicRedisModel):
    code: Annotated[str, Key()]
    name: Annotated[str, Index()] = ""
    people: Annotated[int, Index()] = 0
    area: float = 0


class PlanTownWithArea(AtomicRedisModel):
    """The same documents with another schema: `area` is new, `people` is gone."""

    code: Annotated[str, Key()]
    name: Annotated[str, Index()] = ""
    people: int = 0
    area: Annotated[float, Index()] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "PlanTown"


class PlanTownPlain(AtomicRedisModel):
    """The same documents, without any index."""

    code: Annotated[str, Key()]

    @classmethod
    def class_key_initials(cls) -> str:
        return "PlanTown"


class PlanReading(AtomicRedisModel):
    value: Annotated[float, Index()] = 0


class PlanBare(AtomicRedisModel):
    value: float = 0


NAME, OLD, NEW = "idx:PlanTown", versioned_name(PlanTown), versioned_name(PlanTownWithArea)


async def _towns(number: int = 30) -> None:
    await PlanTown.ainsert(
        *(PlanTown(code=str(at), name=f"n{at % 3}", people=at, area=at / 2) for at in range(number))
    )


async def _real(raw: Redis, name: str) -> str:
    info: Any = await raw.execute_command("FT.INFO", name)  # type: ignore[no-untyped-call]
    return index_state(info).name


async def _indexes(raw: Redis) -> list[str]:
    names: Any = await raw.execute_command("FT._LIST")  # type: ignore[no-untyped-call]
    return sorted(name.decode() if isinstance(name, bytes) else name for name in names)


async def _make(raw: Redis, *schema: str, name: str = NAME, prefix: str = "PlanTown:") -> None:
    """Make an index as another program would, and wait until it is complete."""
    await raw.execute_command(  # type: ignore[no-untyped-call]
        "FT.CREATE", name, "ON", "JSON", "PREFIX", 1, prefix, "SCHEMA", *schema
    )
    assert await migrate.filled(ClientSource.from_client(raw), name)


TEXT_NAME = ("$.name", "AS", "name", "TEXT")
PEOPLE = ("$.people", "AS", "people", "NUMERIC")


async def test_nothing_is_there_yet(source: ClientSource, raw: Redis) -> None:
    await _towns()
    plan = await rapyer.aindex_plan(PlanTown)
    assert str(plan) == (
        "1 of 1 indexes to be changed\n"
        "PlanTown: idx:PlanTown is missing, 0 documents\n"
        "    1. create  idx:PlanTown  as there is none\n"
        f"    2. fill    {OLD}  with all documents; then searches use it"
    )
    assert bool(plan)
    assert await _indexes(raw) == []
    with pytest.raises(NotIndexedError, match="the index of PlanTown does not exist on the server"):
        await PlanTown.afind(PlanTown.people > 3)
    assert await plan.apply() == plan.steps
    assert await _indexes(raw) == [NAME]
    assert len(await PlanTown.afind(PlanTown.people >= 20)) == 10
    after = await rapyer.aindex_plan(PlanTown)
    assert str(after) == "nothing to be changed\nPlanTown: idx:PlanTown is up to date, 30 documents"
    assert not after
    assert await after.apply() == ()


async def test_a_changed_schema(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await PlanTown.acreate_index()
    plan = await rapyer.aindex_plan(PlanTownWithArea)
    assert str(plan) == (
        "1 of 1 indexes to be changed\n"
        "PlanTownWithArea: idx:PlanTown is changed, 30 documents\n"
        "    + area: NUMERIC\n"
        "    - people: NUMERIC\n"
        f"    1. create  {NEW}:built  beside idx:PlanTown\n"
        f"    2. fill    {NEW}  with all documents; then searches use it\n"
        f"    3. switch  idx:PlanTown  to {NEW}, which drops the index that has the name now, in one step"
    )
    assert await plan.apply() == plan.steps
    assert await _indexes(raw) == [f"{NEW}:built"]
    assert await _real(raw, NAME) == await _real(raw, NEW) == f"{NEW}:built"
    assert len(await PlanTownWithArea.afind(PlanTownWithArea.area < 5)) == 10
    assert not await rapyer.aindex_plan(PlanTownWithArea)
    # And back: now the name is an alias that moves.
    back = await rapyer.aindex_plan(PlanTown)
    assert [(step.action, step.index) for step in back.steps] == [
        ("create", f"{OLD}:built"),
        ("fill", OLD),
        ("switch", NAME),
    ]
    assert back.steps[-1].about == f"to {OLD}, which drops {NEW}:built, in one step"
    assert await back.apply() == back.steps
    assert await _indexes(raw) == [f"{OLD}:built"]
    assert len(await PlanTown.afind(PlanTown.people >= 20)) == 10


async def test_the_old_index_may_stay(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await PlanTown.acreate_index()
    plan = await rapyer.aindex_plan(PlanTownWithArea)
    done = await plan.apply(keep_old=True)
    assert [step.action for step in done] == ["create", "fill"]
    assert await _indexes(raw) == [NAME, f"{NEW}:built"]
    # Both versions of the class find what they ask for.
    assert len(await PlanTown.afind(PlanTown.people >= 20)) == 10
    assert len(await PlanTownWithArea.afind(PlanTownWithArea.area < 5)) == 10
    for model, other in ((PlanTown, f"{NEW}:built"), (PlanTownWithArea, NAME)):
        left = await rapyer.aindex_plan(model)
        state = "up to date" if model is PlanTown else "not switched"
        assert left.indexes[0].state == state
        assert left.steps[-1].index == other
    (kept,) = (await rapyer.aindex_plan(PlanTown)).steps
    assert (kept.action, kept.about) == ("drop", "as PlanTown declares other fields")
    dropped = await (await rapyer.aindex_plan(PlanTown)).drop_unused()
    assert dropped == (kept,)
    assert await _indexes(raw) == [NAME]


async def test_what_is_in_use_again_is_not_dropped(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await PlanTown.acreate_index()
    await (await rapyer.aindex_plan(PlanTownWithArea)).apply(keep_old=True)
    stale = await rapyer.aindex_plan(PlanTown)
    assert [step.action for step in stale.steps] == ["drop"]
    await (await rapyer.aindex_plan(PlanTownWithArea)).apply()  # meanwhile the name has moved on to it
    assert await stale.drop_unused() == ()
    assert await _indexes(raw) == [f"{NEW}:built"]


async def test_a_class_that_declares_no_field_any_more(source: ClientSource, raw: Redis) -> None:
    await PlanTown.acreate_index()
    await (await rapyer.aindex_plan(PlanTownWithArea)).apply(keep_old=True)
    plan = await rapyer.aindex_plan(PlanTownPlain)
    assert [(step.action, step.index) for step in plan.steps] == [("drop", NAME), ("drop", f"{NEW}:built")]
    assert plan.indexes[0].state == "not declared"
    assert await plan.apply() == plan.steps
    assert await _indexes(raw) == []
    assert (await rapyer.aindex_plan(PlanTownPlain)).indexes == ()
    # An index of the name over other keys is somebody else's.
    await _make(raw, *PEOPLE, prefix="Other:")
    assert (await rapyer.aindex_plan(PlanTownPlain)).indexes == ()


async def test_all_classes_are_looked_at(source: ClientSource) -> None:
    registry._models = {cls.__name__: cls for cls in (PlanTown, PlanReading, PlanBare)}
    await PlanReading(value=1).asave()
    plan = await rapyer.aindex_plan()
    found = {each.model: each.state for each in plan.indexes}
    assert found["PlanReading"] == "missing"
    assert "PlanBare" not in found
    only = await rapyer.aindex_plan(PlanReading)
    await only.apply()
    (after,) = (await rapyer.aindex_plan(PlanReading)).indexes
    assert (after.state, after.documents, after.failures) == ("up to date", 1, 0)


async def test_an_index_of_the_older_library_is_recognised(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await _make(raw, *TEXT_NAME, *PEOPLE)
    plan = await rapyer.aindex_plan(PlanTown)
    (found,) = plan.indexes
    assert found.older
    assert str(found).splitlines()[:2] == [
        "PlanTown: idx:PlanTown is changed, 30 documents, made by rapyer 1.3.6",
        "    ~ name: TEXT, now TAG CASESENSITIVE INDEXEMPTY",
    ]
    await plan.apply()
    assert len(await PlanTown.afind(PlanTown.name == "n1")) == 10
    assert await _real(raw, NAME) == f"{OLD}:built"


async def test_an_index_with_the_same_fields_is_taken_over_as_it_is(source: ClientSource, raw: Redis) -> None:
    await PlanReading(value=2).asave()
    await _make(raw, "$.value", "AS", "value", "NUMERIC", name="idx:PlanReading", prefix="PlanReading:")
    plan = await rapyer.aindex_plan(PlanReading)
    (found,) = plan.indexes
    assert [step.action for step in plan.steps] == ["fill"]
    assert (found.state, found.older) in {("complete, but not in use", False), ("building", False)}
    await plan.apply()
    assert await _indexes(raw) == ["idx:PlanReading"]
    assert [one.value for one in await PlanReading.afind(PlanReading.value == 2)] == [2]


async def test_values_that_do_not_fit_are_told(source: ClientSource, raw: Redis) -> None:
    await _towns(3)
    await raw.json().set("PlanTown:odd", "$", {"code": "odd", "people": "many"})
    await PlanTown.acreate_index()
    (found,) = (await rapyer.aindex_plan(PlanTown)).indexes
    assert (found.documents, found.failures) == (3, 1)
    assert str(found).endswith(
        "3 documents, and 1 document with values that do not fit it, which no search finds"
    )


async def test_progress_is_told(source: ClientSource) -> None:
    await _towns(2000)
    told: list[tuple[str, float]] = []
    plan = await rapyer.aindex_plan(PlanTown)
    await plan.apply(report=lambda step, part: told.append((step.action, part)))
    assert told[:2] == [("create", 0.0), ("create", 1.0)]
    assert told[-1] == ("fill", 1.0)
    parts = [part for action, part in told if action == "fill"]
    assert parts == sorted(parts)


async def test_init_leaves_an_unchanged_index_alone(source: ClientSource, raw: Redis) -> None:
    registry._models = {"PlanTown": PlanTown}
    await _towns()
    for _ in range(3):
        await rapyer.init_rapyer(source)
    ids = await _real(raw, NAME), await _indexes(raw)
    assert ids == (NAME, [NAME])
    commands: list[str] = []
    async with raw.monitor() as monitor:
        await rapyer.init_rapyer(source)
        await raw.ping()
        while (said := (await monitor.next_command())["command"]) != "PING":
            commands.append(said)
    # What it may not do is asked for with names that no index has.
    sent = {said.split()[0] for said in commands if "0000000000" not in said and "return 1" not in said}
    assert "FT.INFO" in sent
    assert not sent & {"FT.CREATE", "FT.DROPINDEX", "FT.ALIASADD", "FT.ALIASUPDATE", "EVAL"}


async def test_init_replaces_a_changed_index_or_lets_it_be(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await _make(raw, *TEXT_NAME, *PEOPLE)
    registry._models = {"PlanTown": PlanTown}
    await rapyer.init_rapyer(source, override_old_idx=False)
    assert await _indexes(raw) == [NAME, f"{OLD}:built"]
    words = "FT.SEARCH", NAME, "@name:n1", "NOCONTENT"
    found: Any = await raw.execute_command(*words)  # type: ignore[no-untyped-call]
    assert found[0] == 10  # the other program's queries work on
    assert len(await PlanTown.afind(PlanTown.name == "n1")) == 10
    await rapyer.init_rapyer(source)
    assert await _indexes(raw) == [f"{OLD}:built"]
    info: Any = await raw.execute_command("FT.INFO", NAME)  # type: ignore[no-untyped-call]
    assert {row["attribute"]: row["type"] for row in index_attributes(info)} == {
        "name": "TAG",
        "people": "NUMERIC",
    }


async def test_both_versions_of_a_class_live_side_by_side(source: ClientSource, raw: Redis) -> None:
    await _towns()
    registry.auto_index, registry.allow_redefinition = True, False
    assert len(await PlanTown.afind(PlanTown.people >= 20)) == 10
    assert len(await PlanTownWithArea.afind(PlanTownWithArea.area < 5)) == 10
    assert await _indexes(raw) == [NAME, f"{NEW}:built"]
    # The new version takes over the name; the old one makes its index again when it next needs it.
    await PlanTownWithArea.acreate_index()
    assert await _indexes(raw) == [f"{NEW}:built"]
    assert len(await PlanTown.afind(PlanTown.people >= 20)) == 10
    assert await _indexes(raw) == sorted([f"{NEW}:built", f"{OLD}:built"])
    assert await _real(raw, NAME) == f"{NEW}:built"


async def test_the_name_alone_was_dropped(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await _make(raw, *TEXT_NAME)
    await PlanTown.acreate_index()
    await raw.execute_command("FT.ALIASDEL", NAME)  # type: ignore[no-untyped-call]
    plan = await rapyer.aindex_plan(PlanTown)
    assert [str(step) for step in plan.steps] == [f"switch  {NAME}  to {OLD}"]
    await plan.apply()
    assert await _real(raw, NAME) == f"{OLD}:built"


async def test_deleting_removes_all_of_it(source: ClientSource, raw: Redis) -> None:
    await _towns()
    await _make(raw, *TEXT_NAME)
    assert await PlanTown.acreate_index()
    assert await PlanTown.adelete_index()
    assert await _indexes(raw) == []
    assert not await PlanTown.adelete_index()
    assert len(await PlanTown.afind()) == 30


async def test_an_index_replaced_at_the_last_moment_gets_no_wrong_name(
    source: ClientSource, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _towns()
    await PlanTown.acreate_index()
    await PlanTown.adelete_index()
    await _make(raw, "$.name", "AS", "name", "TAG", "CASESENSITIVE", "INDEXEMPTY", *PEOPLE)
    establish, replaced = migrate.establish, 0

    async def then_replaced(*args: Any) -> str:
        nonlocal replaced
        found = await establish(*args)
        if not replaced:
            replaced += 1
            await raw.execute_command("FT.DROPINDEX", NAME)  # type: ignore[no-untyped-call]
            await _make(raw, *TEXT_NAME, *PEOPLE)
        return found

    monkeypatch.setattr(migrate, "establish", then_replaced)
    await PlanTown.acreate_index()
    assert await _real(raw, OLD) == f"{OLD}:built"
    assert len(await PlanTown.afind(PlanTown.name == "n1")) == 10


async def test_an_index_that_is_dropped_all_the_time(
    source: ClientSource, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    establish = migrate.establish

    async def then_dropped(*args: Any) -> str:
        found = await establish(*args)
        await raw.execute_command("FT.DROPINDEX", found)  # type: ignore[no-untyped-call]
        return found

    monkeypatch.setattr(migrate, "establish", then_dropped)
    with pytest.raises(NotIndexedError, match="the index of PlanTown does not exist on the server"):
        await PlanTown.acreate_index()
    plan = await rapyer.aindex_plan(PlanTown)
    with pytest.raises(
        NotIndexedError, match=rf"the index {OLD} is dropped again and again; end the program"
    ):
        await plan.apply()


async def test_many_at_once_make_one_index(source: ClientSource, raw: Redis) -> None:
    await _towns(3000)
    registry.auto_index = True
    everyone: Any = PlanTown.people >= 0
    found = await asyncio.gather(*(find_keys(PlanTown, everyone) for _ in range(8)))
    assert {len(keys) for keys in found} == {3000}
    assert await _indexes(raw) == [NAME]
    assert target_on(source, PlanTown).body == f"{OLD}:built"
