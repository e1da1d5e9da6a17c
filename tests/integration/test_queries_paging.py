"""Pages and streams of many matches, while other documents are written."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import gc
import json
import logging
import math
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from rapyer import AtomicRedisModel, Index, Key
from rapyer.errors import (
    BadFilterError,
    CorruptedModelError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.result import Page
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from rapyer.session.clients import ClientSource

MATCHES = 25_000


class PagedRow(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 0
    nick: Index[str | None] = None
    score: Index[float | None] = None
    money: Index[Decimal | None] = None
    at: Index[dt.datetime | None] = None
    flag: Index[bool | None] = None
    note: str = ""
    vec: Annotated[list[float] | None, Index(dim=2)] = None


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(PagedRow, source)


async def _store(rows: list[PagedRow]) -> list[PagedRow]:
    for start in range(0, len(rows), 5000):
        await PagedRow.ainsert(*rows[start : start + 5000])
    return rows


@pytest.fixture
async def many(_indexed: None) -> list[PagedRow]:
    """So many rows that nobody writes to."""
    chance = random.Random(3)
    numbers = range(MATCHES)
    return await _store([PagedRow(name=f"kept{at}", age=chance.randrange(90)) for at in numbers])


@pytest.fixture
async def writing(many: list[PagedRow]) -> AsyncIterator[Callable[[], int]]:
    """Somebody who stores, changes and deletes other rows all the time; how often so far."""
    done = 0

    async def write() -> None:
        nonlocal done
        chance = random.Random(4)
        while True:
            others = [
                PagedRow(name=f"other{chance.randrange(500)}", age=chance.randrange(90)) for _ in "abcd"
            ]
            await PagedRow.ainsert(*others)
            await others[0].aupdate(age=chance.randrange(90))
            await others[1].adelete()
            done += 1

    task = asyncio.ensure_future(write())
    yield lambda: done
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _in_order(rows: list[PagedRow], *, descending: bool = False) -> list[str]:
    by_key = sorted(rows, key=lambda row: row.key)
    return [row.key for row in sorted(by_key, key=lambda row: row.age, reverse=descending)]


def _kept(keys: Sequence[str]) -> list[str]:
    return [key for key in keys if key.startswith("PagedRow:kept")]


async def _pages(ask: Callable[[str | None], Awaitable[Page[PagedRow]]]) -> list[Page[PagedRow]]:
    pages = [await ask(None)]
    while pages[-1].after is not None:
        pages.append(await ask(pages[-1].after))
    return pages


async def test_all_matches_come_while_others_write(many: list[PagedRow], writing: Callable[[], int]) -> None:
    """Found, counted, sorted and streamed, 25,000 matches are complete, and none comes twice."""
    for _ in range(2):
        found = [row.key for row in await PagedRow.afind(PagedRow.age >= 0)]
        assert len(found) == len(set(found))
        assert set(_kept(found)) == {row.key for row in many}
        keys = await PagedRow.afind_keys(PagedRow.age >= 0, sort_by="-age")
        assert len(keys) == len(set(keys))
        assert _kept(keys) == _in_order(many, descending=True)
        assert MATCHES <= await PagedRow.acount(PagedRow.age >= 0) <= MATCHES + 500
    ordered: list[Any] = await PagedRow.afind(PagedRow.age >= 0, sort_by="age")
    assert [(row.age, row.key) for row in ordered] == sorted((row.age, row.key) for row in ordered)
    assert _kept([row.key for row in ordered]) == _in_order(many)
    streamed = [row.key async for row in PagedRow.aiter_find(PagedRow.age >= 0, sort_by=PagedRow.age)]
    assert _kept(streamed) == _in_order(many)
    assert len(streamed) == len(set(streamed))
    assert writing() > 5


@pytest.mark.parametrize("sort_by", ["age", "-age", None])
async def test_pages_have_no_gap_and_no_repeat_while_others_write(
    sort_by: str | None, many: list[PagedRow], writing: Callable[[], int]
) -> None:
    pages = await _pages(
        lambda after: PagedRow.apage(PagedRow.age >= 0, size=2500, sort_by=sort_by, after=after)
    )
    shown = [row.key for page in pages for row in page.models]
    expected: list[str] = sorted(row.key for row in many)
    if sort_by is not None:
        expected = _in_order(many, descending=sort_by == "-age")
    assert _kept(shown) == expected
    assert all(MATCHES <= page.total <= MATCHES + 500 for page in pages)
    assert all(2400 < len(page.models) <= 2500 for page in pages[:-1])
    assert writing() > 5


@pytest.mark.parametrize(
    "sort_by",
    [
        "age",
        "-age",
        "nick",
        "-nick",
        "score",
        "-score",
        "money",
        "-money",
        "at",
        "-at",
        "flag",
        ("-flag", "nick", "-age"),
        None,
    ],
)
@pytest.mark.parametrize("filtered", [True, False])
async def test_pages_are_what_find_gives_in_parts(sort_by: Any, filtered: bool) -> None:  # noqa: FBT001
    """Whatever is sorted by, with equal and with missing values, and whatever the size of a page."""
    chance = random.Random(5)

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.3 else value

    rows = [
        PagedRow(
            name=f"{at}",
            age=chance.randrange(-3, 3),
            nick=maybe(chance.choice(["", "a", "ä", "B", "null"])),
            score=maybe(chance.choice([0.1, 0.1 + 2**-56, -2.5, 1e300])),
            money=maybe(Decimal(chance.randrange(5)) / 10),
            at=maybe(dt.datetime(2024, 1, 1) + dt.timedelta(microseconds=chance.randrange(4))),
            flag=maybe(chance.random() < 0.5),
        )
        for at in range(60)
    ]
    await _store(rows)
    filters = (PagedRow.age > -2,) if filtered else ()
    expected = [row.key for row in await PagedRow.afind(*filters, sort_by=sort_by, offset=0, max_results=99)]
    if sort_by is None:
        expected.sort()
    for size in (1, 7, len(expected), 99):
        pages = await _pages(lambda after: PagedRow.apage(*filters, size=size, sort_by=sort_by, after=after))  # noqa: B023
        assert [row.key for page in pages for row in page.models] == expected
        assert len(pages) == -(-len(expected) // size)
        assert {page.total for page in pages} == {len(expected)}


async def test_a_page_follows_a_row_that_is_gone() -> None:
    rows = await _store([PagedRow(name=f"{at}", age=at // 3) for at in range(9)])
    first = await PagedRow.apage(size=4, sort_by="age")
    await first.models[-1].adelete()
    await rows[0].aupdate(age=99)
    second = await PagedRow.apage(size=9, sort_by="age", after=first.after)
    assert [row.name for row in second.models] == ["4", "5", "6", "7", "8", "0"]
    assert (second.after, second.total) == (None, 8)


async def test_numbers_beyond_those_that_the_index_tells_apart() -> None:
    rows = await _store([PagedRow(name=f"{at}", age=2**53 + at % 4) for at in range(20)])
    pages = await _pages(lambda after: PagedRow.apage(size=3, sort_by="-age", after=after))
    assert [row.key for page in pages for row in page.models] == _in_order(rows, descending=True)


async def test_the_server_sorts_by_one_number(raw: Any) -> None:
    """A page, and the first of what is found, cost no read of all values that they are sorted by."""
    await _store([PagedRow(name=f"{at:04}", age=at % 50, nick="x") for at in range(1200)])
    first = await PagedRow.apage(PagedRow.nick == "x", size=10, sort_by="-age")
    await raw.config_resetstat()
    second = await PagedRow.apage(PagedRow.nick == "x", size=10, sort_by="-age", after=first.after)
    found = await PagedRow.afind(PagedRow.nick == "x", sort_by="-age", offset=10, max_results=10)
    assert second.models == found
    stats = await raw.info("commandstats")
    assert stats["cmdstat_json.mget"]["calls"] == 1  # a page behind a mark may begin with equal ones
    assert [name for name in stats if name.lower().startswith("cmdstat_ft.aggregate")] != []


async def test_pages_of_nothing() -> None:
    assert await PagedRow.apage() == Page([], None, 0)
    assert await PagedRow.apage(PagedRow.age > 1, sort_by="age") == Page([], None, 0)


async def test_a_mark_is_checked() -> None:
    await _store([PagedRow(name=f"{at}", age=at, nick="x") for at in range(5)])
    mark = (await PagedRow.apage(size=2, sort_by="age")).after
    assert mark is not None
    for bad in ("", "x", "€", "abcd", mark[:-4], 5):
        with pytest.raises(
            UnsupportedArgumentValueError, match="which is no mark of a page; give the `after`"
        ):
            await PagedRow.apage(sort_by="age", after=bad)  # type: ignore[arg-type]  # that is the point
    for values in (["1"], [True], [[1]], [], [1, 2], [math.nan], [math.inf]):
        text = json.dumps(["age", *values, "PagedRow:1"])
        with pytest.raises(UnsupportedArgumentValueError, match="whose values are not of the fields age"):
            await PagedRow.apage(sort_by="age", after=base64.urlsafe_b64encode(text.encode()).decode())
    for other in ("-age", None, ("age", "nick")):
        with pytest.raises(UnsupportedArgumentValueError, match="a page that is sorted by 'age', not by"):
            await PagedRow.apage(sort_by=other, after=mark)


async def test_arguments_of_pages_are_checked() -> None:
    with pytest.raises(UnsupportedArgumentValueError, match="size is 0; give 1 or more"):
        await PagedRow.apage(size=0)
    with pytest.raises(UnsupportedArgumentTypeError, match="size is '5'; give a whole number"):
        await PagedRow.apage(size="5")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(UnsupportedArgumentTypeError, match=r"PagedRow.apage cannot use 'key'; give filters"):
        await PagedRow.apage("key")  # type: ignore[arg-type]  # likewise
    nearest: Any = PagedRow.vec
    with pytest.raises(BadFilterError, match=r"PagedRow.apage cannot be used with nearest; use afind"):
        await PagedRow.apage(nearest.nearest([1.0, 0.0], k=3))


async def test_the_nearest_come_by_distance_from_an_offset_on() -> None:
    await _store([PagedRow(name=f"{at}", age=-at, vec=[1.0, at / 10]) for at in range(9)])
    vec: Any = PagedRow.vec
    nearest = vec.nearest([1.0, 0.0], k=5)
    assert [row.name for row in await PagedRow.afind(nearest, offset=1, max_results=3)] == ["1", "2", "3"]
    assert [row.name for row in await PagedRow.afind(nearest, sort_by="age")] == ["4", "3", "2", "1", "0"]
    assert [row.name async for row in PagedRow.aiter_find(nearest, batch=2)] == ["0", "1", "2", "3", "4"]


async def test_a_stream_reads_only_as_far_as_it_is_followed(raw: Any) -> None:
    await _store([PagedRow(name=f"{at}", age=at) for at in range(100)])
    await raw.config_resetstat()
    stream = PagedRow.aiter_find(PagedRow.age >= 0, batch=10, sort_by="age")
    async for row in stream:
        if row.age == 15:
            break
    await stream.aclose()
    stats = await raw.info("commandstats")
    # The values to sort by come in one read, then two batches, and at most two that were on their way.
    assert 3 <= stats["cmdstat_json.mget"]["calls"] <= 5
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    del stream
    gc.collect()
    assert await PagedRow.acount() == 100


async def test_a_stream_tells_what_it_left_out(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    rows = await _store([PagedRow(name=f"{at:03}", age=at) for at in range(30)])
    await raw.execute_command("JSON.SET", rows[4].key, "$.nick", "7")
    seen: list[Any] = []
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        async for row in PagedRow.aiter_find(batch=5, sort_by="age"):
            if not seen:
                await rows[29].adelete()
            seen.append(row.age)
    assert seen == [at for at in range(29) if at != 4]
    assert "PagedRow.aiter_find left out 2 of its documents: 1 corrupt, 1 gone" in caplog.text
    with pytest.raises(CorruptedModelError, match="PagedRow:004"):
        async for _ in PagedRow.aiter_find(batch=5, on_corrupt="raise"):
            pass
    with pytest.raises(UnsupportedArgumentValueError, match="batch is 0; give 1 or more"):
        async for _ in PagedRow.aiter_find(batch=0):
            pass


async def test_a_page_tells_what_it_left_out(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    rows = await _store([PagedRow(name=f"{at}", age=at) for at in range(5)])
    await raw.execute_command("JSON.SET", rows[1].key, "$.note", "7")
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        page = await PagedRow.apage(size=3, sort_by="age")
    assert [row.age for row in page.models] == [0, 2]
    assert "PagedRow.apage left out 1 of its documents: 1 corrupt, 0 gone (PagedRow:1)" in caplog.text
    rest = await PagedRow.apage(size=3, sort_by="age", after=page.after, on_corrupt="raise")
    assert [row.age for row in rest.models] == [3, 4]
    with pytest.raises(CorruptedModelError, match="PagedRow:1"):
        await PagedRow.apage(on_corrupt="raise")
