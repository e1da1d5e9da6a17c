"""Listing without filters: by the index where it holds all documents, else by SCAN; never one less."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, Index, Key
from rapyer.errors import PartialSearchError
from rapyer.search import find
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class ListedRow(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 0
    nick: Index[str] = ""


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(ListedRow, source)


async def _every_way() -> list[list[str]]:
    """Return the names of all, as each way of listing gives them."""
    pages = []
    for sort_by in (None, "age", "-age", "nick"):
        page, names = await ListedRow.apage(size=40, sort_by=sort_by), []
        names += [row.name for row in page.models]
        while page.after is not None:
            page = await ListedRow.apage(size=40, sort_by=sort_by, after=page.after)
            names += [row.name for row in page.models]
        pages.append(names)
    return [
        [row.name for row in await ListedRow.afind()],
        [row.name for row in await ListedRow.afind(max_results=1000)],
        [row.name for row in await ListedRow.afind(sort_by="age")],
        [row.name for row in await ListedRow.afind(sort_by="-age", max_results=1000)],
        [row.name for row in await ListedRow.afind(offset=0, sort_by="nick", max_results=1000)],
        [row.name for row in await ListedRow.afind(only="name")],
        [row.name async for row in ListedRow.aiter_find(batch=30)],
        [row.name async for row in ListedRow.aiter_find(batch=30, sort_by="age")],
        [key.removeprefix("ListedRow:") for key in await ListedRow.afind_keys()],
        [key.removeprefix("ListedRow:") for key in await ListedRow.afind_keys(sort_by="age")],
        *pages,
    ]


async def _rows(count: int) -> list[ListedRow]:
    return await ListedRow.ainsert(*(ListedRow(name=f"{at:04}", age=at % 9) for at in range(count)))


@pytest.mark.parametrize("count", [0, 3, 120])
async def test_all_ways_list_the_same(raw: Any, count: int) -> None:
    """What else stands under such keys is no document, and is no instance."""
    rows = await _rows(count)
    await raw.set("ListedRow:text", "x")
    await raw.hset("ListedRow:hash", "age", "1")
    await raw.sadd("ListedRowx:set", "1")
    for names in await _every_way():
        assert sorted(names) == [row.name for row in rows]
    assert await ListedRow.acount() == count


@pytest.mark.parametrize("count", [3, 120])
async def test_what_the_index_could_not_take_in_is_listed(
    raw: Any, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    """A document that does not fit its index is in no search, but it is counted and told of."""
    rows = await _rows(count)
    await raw.json().set("ListedRow:0000", "$.age", "much")
    kept = [row.name for row in rows[1:]]
    assert await ListedRow.acount(ListedRow.age >= 0) == count - 1
    assert await ListedRow.acount() == count
    assert len(await ListedRow.afind_keys()) == len(await ListedRow.afind_keys(max_results=999)) == count
    assert sorted(row.name for row in await ListedRow.afind()) == kept
    for find_some in (ListedRow.afind(), ListedRow.afind(sort_by="age"), ListedRow.apage(size=500)):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="rapyer"):
            await find_some
        assert "left out 1 of its documents: 1 corrupt, 0 gone (ListedRow:0000)" in caplog.text
    # When it is mended, nothing is missing.
    await raw.json().set("ListedRow:0000", "$.age", 0)
    for names in await _every_way():
        assert sorted(names) == [row.name for row in rows]


async def test_a_document_that_stops_fitting_meanwhile_is_never_missing(raw: Any) -> None:
    """The index is asked what it holds at the same moment as for the keys."""
    await _rows(60)
    ended = False

    async def spoil_and_mend() -> None:
        while not ended:
            await raw.json().set("ListedRow:0007", "$.age", "much")
            await raw.json().set("ListedRow:0007", "$.age", 5)

    task = asyncio.ensure_future(spoil_and_mend())
    try:
        for _ in range(25):
            assert len(await ListedRow.afind_keys()) == 60
            assert await ListedRow.acount() == 60
    finally:
        ended = True
        await task


async def test_without_the_index_all_ways_list_the_same(raw: Any) -> None:
    rows = await _rows(120)
    await raw.execute_command("FT.DROPINDEX", "idx:ListedRow")
    for names in await _every_way():
        assert sorted(names) == [row.name for row in rows]
    assert await ListedRow.acount() == 120


@pytest.mark.parametrize("setting", ["MAXSEARCHRESULTS", "MAXAGGREGATERESULTS"])
async def test_limits_of_the_server_leave_nothing_out(raw: Any, setting: str) -> None:
    rows = await _rows(120)
    before = (await raw.execute_command("FT.CONFIG", "GET", setting))[0][1]
    await raw.execute_command("FT.CONFIG", "SET", setting, 20)
    try:
        for names in await _every_way():
            assert sorted(names) == [row.name for row in rows]
        assert await ListedRow.acount() == 120
        assert len(await ListedRow.afind(ListedRow.age >= 0, max_results=45)) == 45
    finally:
        wide = before if before.isdigit() else 2**31 - 1
        await raw.execute_command("FT.CONFIG", "SET", setting, wide)


async def test_what_no_command_can_give_as_a_whole_is_refused(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _rows(120)
    monkeypatch.setattr(find, "MOST_MATCHES", 100)
    assert len(await ListedRow.afind(ListedRow.age >= 0)) == 120
    before = (await raw.execute_command("FT.CONFIG", "GET", "MAXAGGREGATERESULTS"))[0][1]
    await raw.execute_command("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", 110)
    try:
        with pytest.raises(PartialSearchError, match="120 documents match, of which the server gives 110"):
            await ListedRow.afind(ListedRow.age >= 0)
    finally:
        wide = before if before.isdigit() else 2**31 - 1
        await raw.execute_command("FT.CONFIG", "SET", "MAXAGGREGATERESULTS", wide)
