"""The plan of indexes on a cluster: each primary has an index of its own, and is brought up to date by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel
from rapyer.fields import Index, Key
from rapyer.model.registry import registry
from rapyer.search.find import find_keys
from rapyer.search.index import versioned_name

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class SlotShelf(AtomicRedisModel):
    code: Annotated[str, Key()]
    floor: Annotated[int, Index()] = 0
    room: int = 0


class SlotShelfNext(AtomicRedisModel):
    code: Annotated[str, Key()]
    floor: int = 0
    room: Annotated[int, Index()] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "SlotShelf"


async def _shelves(number: int = 600) -> None:
    await SlotShelf.ainsert(*(SlotShelf(code=str(at), floor=at % 5, room=at % 7) for at in range(number)))


def _names(nodes: TestCluster) -> list[list[str]]:
    return [sorted(node.ask("FT._LIST")) for node in nodes.primaries]


async def test_each_primary_is_planned_and_changed(nodes: TestCluster) -> None:
    await _shelves()
    first = await rapyer.aindex_plan(SlotShelf)
    assert [each.state for each in first.indexes] == ["missing"] * 3
    assert set(await first.apply()) == set(first.steps)
    plan = await rapyer.aindex_plan(SlotShelfNext)
    assert [step.action for step in plan.steps] == ["create", "fill", "switch"] * 3
    assert len({step.place for step in plan.steps}) == 3
    assert sum(each.documents for each in plan.indexes) == 600
    assert set(await plan.apply()) == set(plan.steps)
    new = versioned_name(SlotShelfNext)
    assert all(len(own) == 1 and own[0].startswith(f"{new}:built:{{") for own in _names(nodes))
    assert len(await SlotShelfNext.afind(SlotShelfNext.room == 3)) == len(range(3, 600, 7))
    assert not await rapyer.aindex_plan(SlotShelfNext)


async def test_one_primary_may_be_behind(nodes: TestCluster) -> None:
    await _shelves()
    await SlotShelf.acreate_index()
    await (await rapyer.aindex_plan(SlotShelfNext)).apply(keep_old=True)
    behind = nodes.primaries[1]
    (built,) = [name for name in behind.ask("FT._LIST") if ":built:" in name]
    behind.ask("FT.DROPINDEX", built)
    plan = await rapyer.aindex_plan(SlotShelfNext)
    assert sorted(each.state for each in plan.indexes) == ["changed", "not switched", "not switched"]
    await plan.apply()
    assert len(await SlotShelfNext.afind(SlotShelfNext.room == 3)) == len(range(3, 600, 7))


async def test_old_indexes_are_dropped_everywhere(nodes: TestCluster) -> None:
    await SlotShelf.acreate_index()
    before = _names(nodes)
    await (await rapyer.aindex_plan(SlotShelfNext)).apply(keep_old=True)
    plan = await rapyer.aindex_plan(SlotShelf)
    assert [step.action for step in plan.steps] == ["drop"] * 3
    assert len(await plan.drop_unused()) == 3
    assert _names(nodes) == before


async def test_answers_are_complete_meanwhile() -> None:
    await _shelves()
    registry.allow_redefinition = False
    await SlotShelf.acreate_index()
    ended = False
    answers = 0

    async def read(model: Any, field: str, modulus: int) -> None:
        nonlocal answers
        value = 0
        while not ended:
            value = (value + 1) % modulus
            found = await find_keys(model, getattr(model, field) == value)
            assert sorted(found) == sorted(f"SlotShelf:{at}" for at in range(value, 600, modulus))
            answers += 1

    async def change() -> None:
        nonlocal ended
        try:
            for model in (SlotShelfNext, SlotShelf, SlotShelfNext):
                before = answers
                await (await rapyer.aindex_plan(model)).apply()
                while answers < before + 10:  # noqa: ASYNC110 - a counter tells nobody
                    await asyncio.sleep(0.01)
        finally:
            ended = True

    await asyncio.gather(change(), read(SlotShelf, "floor", 5), read(SlotShelfNext, "room", 7))
    assert answers >= 30
