"""Results in an order, from an offset on, by a real index."""

from __future__ import annotations

import datetime as dt
import logging
import random
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index, Key
from rapyer.errors import (
    BadFilterError,
    KeyNotFound,
    NotIndexedError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.fields import GeoPoint  # noqa: TC001 - pydantic reads it
from rapyer.search.find import matching
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.session.clients import ClientSource


class SortedColor(Enum):
    RED = "red"
    BLUE = "blue"


class SortedHome(BaseModel):
    city: Index[str] = ""
    floor: Index[int | None] = None


class SortedRow(AtomicRedisModel):
    name: Key[str]
    number: Index[int] = 0
    big: Index[int | None] = None
    real: Index[float | None] = None
    money: Index[Decimal | None] = None
    text: Index[str | None] = None
    flag: Index[bool | None] = None
    at: Index[dt.datetime | None] = None
    day: Index[dt.date | None] = None
    span: Index[dt.timedelta | None] = None
    color: Index[SortedColor | None] = None
    uid: Index[UUID | None] = None
    home: SortedHome | None = None
    tags: Index[list[str]] = []
    place: Index[GeoPoint | None] = None
    note: str = ""


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(SortedRow, source)


_TEXTS = ["", " ", "a", "B", "b", "é", "日本", "\U0001f600", "a\nb", '"', "null", "{x}", "10", "9"]


def _row(at: int, chance: random.Random) -> SortedRow:
    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.2 else value

    return SortedRow(
        name=f"n{at:03}",
        number=chance.randrange(-5, 5),
        big=maybe(2**53 + chance.randrange(-3, 4)),
        real=maybe(chance.choice([-1.5, 0.1, 0.1 + 2**-55, 1e300, 2.0])),
        money=maybe(Decimal(chance.randrange(1000)) / 100),
        text=maybe(chance.choice(_TEXTS)),
        flag=maybe(chance.random() < 0.5),
        at=maybe(dt.datetime(2024, 1, 1) + dt.timedelta(microseconds=chance.randrange(100))),
        day=maybe(dt.date(1960, 1, 1) + dt.timedelta(days=chance.randrange(9000))),
        span=maybe(dt.timedelta(microseconds=chance.randrange(-9, 9))),
        color=maybe(chance.choice(list(SortedColor))),
        uid=maybe(UUID(int=chance.getrandbits(128))),
        home=maybe(SortedHome(city=chance.choice("abc"), floor=maybe(chance.randrange(3)))),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value


_VALUES: dict[str, Callable[[Any], Any]] = {
    "home.city": lambda row: None if row.home is None else row.home.city,
    "home.floor": lambda row: None if row.home is None else row.home.floor,
} | {
    name: (lambda row, name=name: _plain(getattr(row, name)))
    for name in ("number", "big", "real", "money", "text", "flag", "at", "day", "span", "color", "uid")
}


def _expected(rows: list[Any], *names: str) -> list[str]:
    """The keys in order, said in another way: one comparison after the other."""
    result = sorted(rows, key=lambda row: row.key)
    for name in reversed(names):
        value = _VALUES[name.removeprefix("-")]
        there = sorted(
            (row for row in result if value(row) is not None), key=value, reverse=name.startswith("-")
        )
        result = there + [row for row in result if value(row) is None]
    return [row.key for row in result]


async def _stored(count: int = 120) -> list[Any]:
    chance = random.Random(7)
    return await SortedRow.ainsert(*(_row(at, chance) for at in range(count)))


@pytest.mark.parametrize("count", [40, 120])
@pytest.mark.parametrize("name", sorted(_VALUES))
async def test_results_come_sorted_by_a_field_of_any_kind(name: str, count: int) -> None:
    """Missing values come last in both directions, and what is equal in the order of the keys."""
    rows = await _stored(count)
    for sort_by in (name, f"-{name}"):
        expected = _expected(rows, sort_by)
        assert [row.key for row in await SortedRow.afind(sort_by=sort_by)] == expected
        assert await SortedRow.afind_keys(sort_by=sort_by) == expected
        part = await SortedRow.afind(sort_by=sort_by, offset=7, max_results=20)
        assert [row.key for row in part] == expected[7:27]
        assert [row.key for row in part] == [
            row.key for row in await SortedRow.afind(sort_by=sort_by, offset=7, max_results=20, only="key")
        ]
        assert [row.key async for row in SortedRow.aiter_find(sort_by=sort_by, batch=50)] == expected


async def test_results_come_sorted_by_several_fields_and_filtered() -> None:
    rows = await _stored()
    kept = [row for row in rows if row.number > -2]
    expected = _expected(kept, "flag", "-number", "home.city")
    sort_by = (SortedRow.flag, "-number", SortedRow.home.city)  # type: ignore[union-attr]  # an operand here
    found = await SortedRow.afind(SortedRow.number > -2, sort_by=sort_by)
    assert [row.key for row in found] == expected
    found = await SortedRow.afind(SortedRow.number > -2, sort_by=sort_by, offset=len(kept) - 3)
    assert [row.key for row in found] == expected[-3:]
    assert found[0] == next(row for row in rows if row.key == found[0].key)


async def test_an_offset_alone_goes_by_the_keys() -> None:
    rows = await _stored(30)
    expected = sorted(row.key for row in rows)
    found = [row.key for row in await SortedRow.afind(offset=5, max_results=10)]
    assert found == expected[5:15]
    assert await SortedRow.afind_keys(offset=28) == expected[28:]
    assert await SortedRow.afind(offset=30) == []
    assert await SortedRow.afind(SortedRow.number < 99, offset=3, max_results=0) == []


@pytest.mark.parametrize("sort_by", ["number", "-number", "big", "-big"])
async def test_a_document_of_an_older_class_has_the_default(raw: Any, sort_by: str) -> None:
    """Where a document lacks the number, it is sorted by what an instance of it holds."""
    rows = await _stored(40)
    for row in rows[::7]:
        await raw.execute_command("JSON.DEL", row.key, f"$.{sort_by.removeprefix('-')}")
    expected = _expected(await SortedRow.afind(), sort_by)
    for limit in (None, 12, 39):
        found = await SortedRow.afind(sort_by=sort_by, max_results=limit)
        assert [row.key for row in found] == expected[:limit]
        page = await SortedRow.apage(sort_by=sort_by, size=limit or 50)
        assert [row.key for row in page.models] == expected[:limit]


async def test_keys_are_found_by_filters() -> None:
    rows = await _stored(60)
    found = await SortedRow.afind_keys(SortedRow.number > 0, SortedRow.text != "a")
    assert set(found) == {row.key for row in rows if row.number > 0 and row.text != "a"}
    big = await SortedRow.afind_keys(SortedRow.big == 2**53 + 1)
    assert set(big) == {row.key for row in rows if row.big == 2**53 + 1}
    assert len(await SortedRow.afind_keys(SortedRow.number > -9, max_results=7)) == 7
    with pytest.raises(UnsupportedArgumentTypeError, match=r"SortedRow.afind_keys cannot use 'n001'"):
        await SortedRow.afind_keys("n001", max_results=1)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(BadFilterError, match="a field alone is no filter"):
        await SortedRow.afind_keys(SortedRow.number)


async def test_instances_under_keys_are_sorted_too() -> None:
    rows = await _stored(20)
    keys = [row.key for row in rows]
    first = await SortedRow.afind_one(SortedRow.number > -9, sort_by="-number")
    assert first is not None
    assert first.key == _expected(rows, "-number")[0]
    found = await SortedRow.afind(*keys, sort_by="-number", max_results=5)
    assert [row.key for row in found] == _expected(rows, "-number")[:5]
    assert [row.key for row in await SortedRow.afind(*reversed(keys), offset=18)] == [keys[1], keys[0]]
    for sort_by in (None, "number"):
        with pytest.raises(KeyNotFound, match="no SortedRow is stored under SortedRow:absent"):
            await SortedRow.afind(*keys, "absent", sort_by=sort_by, offset=1, only="name")
        with pytest.raises(KeyNotFound, match="no SortedRow is stored under SortedRow:absent"):
            await SortedRow.afind(*keys, "absent", sort_by=sort_by, max_results=30)
    with pytest.raises(KeyNotFound, match="no SortedRow is stored under SortedRow:absent"):
        await SortedRow.afind(*keys, "absent", sort_by="number")


async def test_what_vanishes_is_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A document that is deleted after its key was found is left out, and counted in the one warning."""
    rows = await _stored(60)

    async def find_and_lose(*args: Any, **options: Any) -> Any:
        found = await matching(*args, **options)
        await rows[3].adelete()
        return found

    monkeypatch.setattr("rapyer.search.pages.matching", find_and_lose)
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        found = await SortedRow.afind(sort_by=("text", "number"), offset=0, max_results=90)
    assert {row.key for row in found} == {row.key for row in rows} - {rows[3].key}
    assert [record.message for record in caplog.records] == [
        "SortedRow.afind left out 1 of its documents: 0 corrupt, 1 gone (SortedRow:n003)"
    ]


async def test_what_does_not_fit_the_class_is_told_of(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    rows = await _stored(10)
    await raw.execute_command("JSON.SET", rows[0].key, "$.note", "5")
    await raw.execute_command("JSON.SET", rows[1].key, "$.money", '"much"')
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        found = await SortedRow.afind(*rows, sort_by="money")
    assert {row.key for row in found} == {row.key for row in rows[2:]}
    assert "SortedRow.afind left out 2 of its documents: 2 corrupt" in caplog.text


@pytest.mark.parametrize(
    ("sort_by", "error", "told"),
    [
        ("agee", UnknownFieldError, "unknown field 'agee' on SortedRow"),
        ("-", UnknownFieldError, "unknown field '' on SortedRow"),
        ("numbr", UnknownFieldError, "number"),
        ("home.street", UnknownFieldError, "unknown field 'street' on .*SortedHome"),
        ("number.x", BadFilterError, "SortedRow.number holds no model"),
        ("note", NotIndexedError, r"SortedRow.note has no index, .* declare it as `note: Index\[…\]`"),
        ("tags", BadFilterError, "SortedRow.tags holds several values, by which results cannot be sorted"),
        ("place", BadFilterError, "SortedRow.place is indexed as place, by which results cannot be sorted"),
        ("home", BadFilterError, 'SortedRow.home holds models, .* select its fields, such as "home.city"'),
        (3, BadFilterError, "3 is no field; give names, or fields such as SortedRow.age"),
        ([3], BadFilterError, "3 is no field; give names, or fields such as SortedRow.age"),
    ],
)
async def test_what_cannot_be_sorted_by_is_refused(sort_by: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        await SortedRow.afind(sort_by=sort_by)
    with pytest.raises(error, match=told):
        await SortedRow.apage(sort_by=sort_by)
    with pytest.raises(error, match=told):
        await SortedRow.afind_keys(sort_by=sort_by)


async def test_numbers_are_checked() -> None:
    bad: Any
    for bad in ("5", 1.5, True, None):
        with pytest.raises(UnsupportedArgumentTypeError, match=r"offset is .*; give a whole number"):
            await SortedRow.afind(offset=bad)
    with pytest.raises(UnsupportedArgumentValueError, match="offset is -1; give 0 or more"):
        await SortedRow.afind(offset=-1)
    with pytest.raises(UnsupportedArgumentValueError, match="max_results is -1"):
        await SortedRow.afind(sort_by="number", max_results=-1)
    with pytest.raises(UnsupportedArgumentValueError, match="on_corrupt is 'hide'"):
        await SortedRow.afind(sort_by="number", on_corrupt="hide")  # type: ignore[call-overload]  # likewise
