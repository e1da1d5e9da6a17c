"""How many round trips queries take, and what stays in memory."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, Index, Key
from rapyer.search.index import ensure_index
from tests.integration.test_costs import sent as sent  # the fixture that counts what is sent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.session.clients import ClientSource
    from tests.integration.test_costs import Sent


class TripRow(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 0
    nick: Index[str | None] = None
    score: Index[float | None] = None
    note: str = "x" * 100


class TripPlain(AtomicRedisModel):
    name: Key[str]
    note: str = "x" * 1000


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(TripRow, source)


async def _rows(count: int) -> list[TripRow]:
    scores = [None, 0.5, 1.5]
    made = (
        TripRow(name=f"{at:04}", age=at % 7, nick=f"n{at % 5}", score=scores[at % 3]) for at in range(count)
    )
    return await TripRow.ainsert(*made)


_FEW: dict[str, Callable[[], Awaitable[Any]]] = {
    "filter": lambda: TripRow.afind(TripRow.age >= 0),
    "filter, at most": lambda: TripRow.afind(TripRow.age >= 0, max_results=50),
    "all": lambda: TripRow.afind(),
    "all, at most": lambda: TripRow.afind(max_results=7),
    "sorted by a number": lambda: TripRow.afind(TripRow.age >= 0, sort_by="age"),
    "sorted by a text": lambda: TripRow.afind(TripRow.age >= 0, sort_by="-nick"),
    "sorted by several": lambda: TripRow.afind(TripRow.age >= 0, sort_by=("nick", "-age")),
    "first by a number": lambda: TripRow.afind(TripRow.age >= 0, sort_by="-age", max_results=10),
    "first by a text": lambda: TripRow.afind(TripRow.age >= 0, sort_by="nick", max_results=10),
    "first of all by several": lambda: TripRow.afind(sort_by=("nick", "age"), max_results=10, offset=3),
    "one": lambda: TripRow.afind_one(TripRow.age >= 0, sort_by="-age"),
    "offset": lambda: TripRow.afind(TripRow.age >= 0, offset=5),
    "keys": lambda: TripRow.afind_keys(TripRow.age >= 0, sort_by="age"),
    "all keys": lambda: TripRow.afind_keys(),
    "keys, at most": lambda: TripRow.afind_keys(max_results=3),
    "first keys": lambda: TripRow.afind_keys(sort_by="-age", max_results=3),
    "count": lambda: TripRow.acount(TripRow.nick == "n1"),
    "count of all": lambda: TripRow.acount(),
    "page": lambda: TripRow.apage(TripRow.age >= 0, sort_by="-age"),
    "page of all": lambda: TripRow.apage(sort_by="age", size=50),
    "page by a text": lambda: TripRow.apage(sort_by="nick", size=10),
    "page by key": lambda: TripRow.apage(size=10),
}


@pytest.mark.parametrize("name", _FEW)
async def test_few_documents_come_with_the_search_reply(sent: Sent, name: str) -> None:
    """What up to 50 documents match is one round trip, sorted and cut or not."""
    await _rows(50)
    await TripRow.acount(TripRow.age == 1)  # the index is known to be complete from here on
    sent.writes.clear()
    assert await _FEW[name]()
    assert len(sent.writes) == 1, sent.writes


@pytest.mark.parametrize(
    ("find", "trips"),
    [
        pytest.param(lambda: TripRow.afind(TripRow.age >= 0), 2, id="keys, documents"),
        pytest.param(lambda: TripRow.afind(), 2, id="the same of all"),
        pytest.param(lambda: TripRow.afind(TripRow.age >= 0, sort_by="nick"), 2, id="the same sorted"),
        pytest.param(
            lambda: TripRow.afind(TripRow.age >= 0, sort_by="-age", max_results=50), 1, id="sorted there"
        ),
        pytest.param(
            lambda: TripRow.afind(TripRow.age >= 0, sort_by="-age", max_results=99), 2, id="keys in order"
        ),
        pytest.param(lambda: TripRow.apage(sort_by="age"), 1, id="a page"),
        pytest.param(
            lambda: TripRow.afind(TripRow.age >= 0, sort_by="nick", max_results=9), 3, id="keys, values, nine"
        ),
        pytest.param(lambda: TripRow.afind(TripRow.age >= 0, only="age"), 2, id="keys, a field"),
    ],
)
async def test_many_documents_are_read_by_key(
    sent: Sent, find: Callable[[], Awaitable[Any]], trips: int
) -> None:
    await _rows(300)
    await TripRow.acount(TripRow.age == 1)
    sent.writes.clear()
    assert await find()
    assert len(sent.writes) == trips, sent.writes


async def test_a_page_behind_another_is_two_trips(sent: Sent) -> None:
    """What is equal to the last of the page before is known by key, so the documents are read by key."""
    rows = await _rows(200)
    page = await TripRow.apage(TripRow.age >= 0, sort_by="age", size=20)
    sent.writes.clear()
    following = await TripRow.apage(TripRow.age >= 0, sort_by="age", size=20, after=page.after)
    expected = sorted(rows, key=lambda row: (row.age, row.key))
    assert page.models + following.models == expected[:40]
    assert len(sent.writes) == 2


async def test_what_is_missing_stands_last_in_as_few_trips(sent: Sent) -> None:
    rows = await _rows(90)
    await TripRow.acount(TripRow.age == 1)
    sent.writes.clear()
    found = await TripRow.afind(TripRow.age >= 0, sort_by="-score", max_results=40)
    assert len(sent.writes) == 1
    assert [row.score for row in found] == [1.5] * 30 + [0.5] * 10
    assert await TripRow.afind(TripRow.age >= 0, sort_by="score", offset=60, max_results=40) == rows[::3]


async def test_listing_by_scan_reads_while_it_looks(sent: Sent) -> None:
    """Documents are read while the next keys are looked for, in the order in which they are met."""
    await TripPlain.ainsert(*(TripPlain(name=f"{at}") for at in range(3000)))
    sent.writes.clear()
    assert len(await TripPlain.afind()) == 3000
    names = [names[0] for names in sent.writes]
    assert set(names) == {"SCAN", "JSON.MGET"}
    assert names.index("JSON.MGET") < len(names) - names[::-1].index("SCAN")
    sent.writes.clear()
    assert len(await TripPlain.afind(max_results=10)) == 10
    assert [names[0] for names in sent.writes] == ["SCAN", "JSON.MGET"]
    sent.writes.clear()
    async for _ in TripPlain.aiter_find(batch=100):
        break
    assert len(sent.writes) < 6


async def _peak(batch: int) -> int:
    """Return how many bytes a stream takes at the most, and check that the instances go again."""
    gc.collect()
    tracemalloc.start()
    try:
        alive = number = 0
        async for row in TripPlain.aiter_find(batch=batch):
            number += 1
            if number % 190 == 0:
                alive = max(alive, sum(isinstance(one, TripPlain) for one in gc.get_objects()))
            del row
        assert alive <= 2 * batch + 1
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_a_stream_takes_the_memory_of_two_batches() -> None:
    """Ten times as many documents take as much memory, but for their keys."""
    await TripPlain.ainsert(*(TripPlain(name=f"{at}") for at in range(200)))
    few = await _peak(50)
    await TripPlain.ainsert(*(TripPlain(name=f"{at}") for at in range(200, 2000)))
    many = await _peak(50)
    assert many - few < 1800 * 400  # the documents have 1,000 bytes each, and instances more
