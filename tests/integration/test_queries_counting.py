"""How many instances filters describe."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, NotIndexedError, UnsupportedArgumentTypeError
from rapyer.search.evaluate import holds
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class CountedRow(AtomicRedisModel):
    age: Index[int | None] = 0
    name: Index[str] = ""
    vec: Index[list[str]] = []
    note: str = ""


class CountedPlain(AtomicRedisModel):
    note: str = ""


class CountedShort(AtomicRedisModel):
    """Its keys start like those of the next class."""

    age: Index[int] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        """Return the prefix."""
        return "counted"


class CountedLonger(AtomicRedisModel):
    age: Index[int] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        """Return the prefix."""
        return "counted:more"


_TEXTS = ["", "a", "a b", '"', "{x}|*", "é"]


async def _rows(source: ClientSource) -> list[Any]:
    await ensure_index(CountedRow, source)
    chance = random.Random(1)
    ages = [None, -1, 0, 1, 2**53, 2**53 + 1]
    return await CountedRow.ainsert(
        *(CountedRow(age=chance.choice(ages), name=chance.choice(_TEXTS)) for _ in range(200))
    )


async def test_the_number_is_that_of_what_holds(source: ClientSource) -> None:
    rows = await _rows(source)
    age: Any = CountedRow.age
    trees = [
        (CountedRow.name == "a") | (age > 0),
        ~(age >= 0),
        age == 2**53 + 1,
        age.is_none(),
        CountedRow.name == "absent",
        *(CountedRow.name == text for text in _TEXTS),
    ]
    for tree in trees:
        expected: Any = tree
        assert await CountedRow.acount(expected) == sum(holds(expected, row) for row in rows)
        assert await CountedRow.acount(expected, age <= 0) == sum(
            holds(expected & (age <= 0), row) for row in rows
        )
    assert await CountedRow.acount() == 200


async def test_counting_reads_no_document(source: ClientSource, raw: Any) -> None:
    await _rows(source)
    await CountedRow.acount(CountedRow.name == "a")
    await raw.config_resetstat()
    await CountedRow.acount(CountedRow.name == "a")
    await CountedRow.acount()
    stats = await raw.info("commandstats")
    assert stats["cmdstat_FT.SEARCH"]["calls"] == 2
    assert not any(name.lower().startswith(("cmdstat_json", "cmdstat_scan")) for name in stats)


@pytest.mark.parametrize("way", ["adelete", "by key", "in a pipeline", "adelete_many"])
async def test_the_index_goes_on_answering_after_a_deletion(source: ClientSource, raw: Any, way: str) -> None:
    rows = await _rows(source)
    if way == "adelete":
        assert await rows[0].adelete()
    elif way == "by key":
        assert await CountedRow.adelete_by_key(rows[0].key)
    elif way == "in a pipeline":
        async with rapyer.apipeline():
            await rows[0].adelete()
    else:
        await CountedRow.adelete_many(rows[0])
    await raw.config_resetstat()
    assert await CountedRow.acount() == 199
    assert len(await CountedRow.afind()) == 199
    stats = await raw.info("commandstats")
    assert not any(name.lower().startswith("cmdstat_scan") for name in stats)


async def test_all_are_counted_without_an_index_too(source: ClientSource, raw: Any) -> None:
    rows = await CountedPlain.ainsert(*(CountedPlain() for _ in range(2500)))
    assert await CountedPlain.acount() == len(rows)
    await raw.execute_command("JSON.SET", rows[0].key, "$.note", "5")
    assert await CountedPlain.acount() == len(rows)


@pytest.mark.usefixtures("source")
async def test_another_class_with_such_keys_is_not_counted(source: ClientSource) -> None:
    await ensure_index(CountedShort, source)
    await CountedShort.ainsert(*(CountedShort(age=at) for at in range(10)))
    await CountedLonger.ainsert(*(CountedLonger(age=at) for at in range(7)))
    assert await CountedShort.acount() == 10
    assert await CountedShort.acount(CountedShort.age < 5) == 5
    assert {row.age for row in await CountedShort.afind(sort_by="age", max_results=8)} == set(range(8))
    page = await CountedShort.apage(size=8, sort_by="-age")
    assert ([row.age for row in page.models], page.total) == ([*range(9, 1, -1)], 10)


async def test_what_is_no_filter_is_refused(source: ClientSource) -> None:
    await _rows(source)
    bad: Any
    for bad in ("key", CountedRow(), 5.5, None):
        with pytest.raises(UnsupportedArgumentTypeError, match=r"CountedRow.acount cannot use .*; give "):
            await CountedRow.acount(bad)
    with pytest.raises(BadFilterError, match="a field alone is no filter"):
        await CountedRow.acount(CountedRow.age)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(NotIndexedError, match="CountedRow.note has no index"):
        await CountedRow.acount(CountedRow.note == "x")


async def test_it_counts_at_once_in_a_pipeline(source: ClientSource) -> None:
    await _rows(source)
    async with rapyer.apipeline():
        await CountedRow(name="new").asave()
        assert await CountedRow.acount() == 200
    assert await CountedRow.acount() == 201
