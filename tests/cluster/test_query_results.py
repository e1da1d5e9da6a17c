"""Sorting, pages, counts and selections on a cluster: what all primaries give is one result."""

from __future__ import annotations

import dataclasses
import random

import pytest

from rapyer import AtomicRedisModel, Index, Key

pytestmark = pytest.mark.usefixtures("source")


class SlotResult(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 0
    nick: Index[str | None] = None
    note: str = ""


async def _stored(count: int = 400) -> list[SlotResult]:
    chance = random.Random(2)
    return await SlotResult.ainsert(
        *(
            SlotResult(name=f"{at}", age=chance.randrange(20), nick=chance.choice([None, "a", "b"]))
            for at in range(count)
        )
    )


def _by_age(rows: list[SlotResult]) -> list[str]:
    return [row.key for row in sorted(rows, key=lambda row: (-row.age, row.key.encode()))]


async def test_results_of_all_primaries_are_one_order() -> None:
    rows = await _stored()
    expected = _by_age(rows)
    assert [row.key for row in await SlotResult.afind(sort_by="-age")] == expected
    part = await SlotResult.afind(SlotResult.age >= 0, sort_by="-age", offset=30, max_results=100)
    assert [row.key for row in part] == expected[30:130]
    assert [row.key async for row in SlotResult.aiter_find(sort_by="-age", batch=70)] == expected
    assert await SlotResult.afind_keys(SlotResult.age >= 0, sort_by="-age", max_results=7) == expected[:7]


@pytest.mark.parametrize("sort_by", ["-age", ("nick", "-age"), None])
async def test_pages_of_all_primaries_have_no_gap_and_no_repeat(sort_by: str | None) -> None:
    await _stored()
    expected = await SlotResult.afind_keys(sort_by=sort_by, offset=0, max_results=1000)
    page = await SlotResult.apage(size=64, sort_by=sort_by)
    shown = [row.key for row in page.models]
    while page.after is not None:
        await SlotResult(name=f"new{len(shown)}", age=5).asave()
        await SlotResult.adelete_by_key(f"new{len(shown)}")
        page = await SlotResult.apage(size=64, sort_by=sort_by, after=page.after)
        shown += [row.key for row in page.models]
    assert shown == (sorted(expected) if sort_by is None else expected)
    assert page.total == 400


async def test_all_primaries_are_counted() -> None:
    rows = await _stored()
    assert await SlotResult.acount() == 400
    assert await SlotResult.acount(SlotResult.age < 5) == sum(row.age < 5 for row in rows)


async def test_fields_are_read_from_all_primaries() -> None:
    rows = await _stored()
    found = await SlotResult.afind(SlotResult.age > 9, only=("key", "age", "nick"), sort_by="-age")
    by_key = {row.key: row for row in rows if row.age > 9}
    assert [row.key for row in found] == _by_age(list(by_key.values()))
    assert [dataclasses.astuple(row) for row in found] == [
        (row.key, by_key[row.key].age, by_key[row.key].nick) for row in found
    ]
