"""The bars of what may take long: that there is one, what it is told, and that it goes before the cell ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rapyer_nb
from rapyer import AtomicRedisModel, Index
from tests.nb.bars import watched_bars
from tests.nb.desk import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.session.clients import ClientSource


class BarDoc(AtomicRedisModel):
    number: Index[int] = 0


@pytest.fixture
async def docs(source: ClientSource) -> list[BarDoc]:
    docs = [BarDoc(number=number) for number in range(250)]
    await BarDoc.acreate_index()
    await BarDoc.ainsert(*docs)
    return docs


ASKED: dict[str, Callable[[], Awaitable[object]]] = {
    "counting BarDoc": lambda: rapyer_nb.count(BarDoc, "number < 5"),
    "explaining BarDoc": lambda: rapyer_nb.explain(BarDoc, "number < 5"),
}


@pytest.mark.parametrize("what", ASKED)
async def test_what_the_server_works_at_has_a_bar(
    what: str, docs: list[BarDoc], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.searching")
    await ASKED[what]()
    assert [(bar._what, bar.total) for bar in bars] == [(what, None)]
    assert bars[0]._closed


async def test_the_first_search_of_a_live_table_tells_how_far_it_is(
    docs: list[BarDoc], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.searching")
    table = await rapyer_nb.live_table(BarDoc, limit=5)
    assert bars[0]._what == "finding BarDoc"
    assert bars[0]._closed
    before = table.searches
    await docs[0].aupdate(number=-1)
    await until(lambda: table.searches > before, "it searches again", seconds=30)
    assert len(bars) == 1, "what goes on by itself has no bar"
    table.close()


async def test_the_first_reading_of_a_watch_tells_how_far_it_is(
    docs: list[BarDoc], monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.watch")
    await rapyer_nb.watch(BarDoc, seconds=0.01)
    log = await rapyer_nb.watch(BarDoc)
    log.close()
    assert len(bars) == 2
    for bar in bars:
        assert bar._what == "reading BarDoc"
        assert bar.reached == [(100, 250), (200, 250), (250, 250)]
        assert bar._closed
