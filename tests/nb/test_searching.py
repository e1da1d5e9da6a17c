"""Searching with plain Python arguments: numbers, progress, interrupts, times to live; filters as text."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest

import rapyer_nb
from rapyer import AtomicRedisModel, Index, RedisConfig
from rapyer.fields import GeoPoint
from rapyer.finding import Wanted, find_part
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.searching import Question, asked, filter_text, formed, names_in, search
from rapyer_nb.views.filters import written_filter
from rapyer_nb.views.results import ResultList

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class SearchedRow(AtomicRedisModel):
    name: Annotated[str, Index(text=True, suffix=True)] = ""
    age: Index[int] = 0
    born: Index[dt.date | None] = None
    place: Index[GeoPoint | None] = None
    vector: Annotated[list[float] | None, Index(dim=2)] = None


class SearchedMortal(AtomicRedisModel):
    age: Index[int] = 0

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=100)


P: Any = SearchedRow


@pytest.fixture
async def rows(source: ClientSource) -> list[SearchedRow]:
    await SearchedRow.acreate_index()
    made = [SearchedRow(name=f"n{age}", age=age) for age in range(1200)]
    await SearchedRow.ainsert(*made)
    return made


async def test_progress_is_told_where_documents_are_read_by_key(rows: list[SearchedRow]) -> None:
    for question in (
        Question(SearchedRow),
        Question(SearchedRow, sort="age"),
        Question(SearchedRow, fields="age"),
        Question(SearchedRow, P.name.contains("n")),
    ):
        told: list[tuple[int, int]] = []
        found = await search(question, lambda done, total, told=told: told.append((done, total)))  # type: ignore[misc]
        assert told == [(500, 1200), (1000, 1200), (1200, 1200)]
        assert (len(found), found.total) == (1200, 1200)


async def test_what_takes_long_shows_how_far_it_is(
    rows: list[SearchedRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    class Bar:
        def __init__(self, total: int | None, what: str) -> None:
            told.append(what)

        async def __aenter__(self) -> Bar:
            return self

        async def __aexit__(self, *error: object) -> None:
            told.append("gone")

        def reach(self, done: int, total: int) -> None:
            told.append((done, total))

    monkeypatch.setattr("rapyer_nb.magics.searching.progress", Bar)
    assert len(await rapyer_nb.find(SearchedRow)) == 1200
    assert told == ["finding SearchedRow", (500, 1200), (1000, 1200), (1200, 1200), "gone"]


async def test_an_interrupted_search_leaves_the_connection_usable(rows: list[SearchedRow]) -> None:
    reached = asyncio.Event()
    searching = asyncio.create_task(search(Question(SearchedRow), lambda done, total: reached.set()))
    await reached.wait()
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    found = await search(Question(SearchedRow, P.age < 5, sort="-age", limit=2))
    assert ([row.age for row in found], found.total) == ([4, 3], 5)


async def test_the_library_says_what_it_knows_of_the_rest(rows: list[SearchedRow]) -> None:
    totals = {}
    for name, wanted in {
        "all": Wanted(),
        "first": Wanted(max_results=3),
        "many": Wanted(max_results=300),
        "sorted by the server": Wanted("age", max_results=3),
        "sorted by more": Wanted(("age", "name"), max_results=3),
        "sorted, all": Wanted("age"),
        "offset": Wanted(offset=5, max_results=3),
        "rows": Wanted(max_results=3, only="age"),
    }.items():
        result = await find_part(SearchedRow, (P.age < 1000,), wanted)
        assert len(result.models) == (wanted.max_results or 1000)
        totals[name] = result.total
    assert {name for name, total in totals.items() if total is None} == {
        "sorted by the server",
        "sorted by more",
        "offset",
        "rows",
    }
    assert set(totals.values()) == {1000, None}
    by_key = await find_part(SearchedRow, (rows[0].key, rows[1].key), Wanted(max_results=1))
    assert (by_key.models, by_key.total) == ([rows[0]], 2)


async def test_reading_starts_times_to_live_anew_unless_it_is_not_to(source: ClientSource) -> None:
    await SearchedMortal.acreate_index()
    one = await SearchedMortal(age=1).asave()
    client = source.client()
    for question in (Question(SearchedMortal, limit=5), Question(SearchedMortal, sort="age")):
        await client.expire(one.key, 50)
        assert len(await search(question, renews=False)) == 1
        assert await client.ttl(one.key) <= 50
        assert len(await search(question)) == 1
        assert await client.ttl(one.key) > 50


def test_the_question_as_a_line() -> None:
    question = asked(SearchedRow, "age > $n", {"n": 3}, sort=[P.age, "-name"], limit=5, fields="name")
    assert str(question) == "age > 3 --sort age,-name --limit 5 --fields name"
    assert str(Question(SearchedRow)) == ""


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ((P.age > 3) & ((P.age < 9) | ~(P.name == "x")), "age > 3 and (age < 9 or not name == 'x')"),
        (P.age.between(1, 5), "age.between(1, 5)"),
        (P.born.is_none(), "born is None"),
        (P.name.prefix("a") & P.name.contains("b"), "name.prefix('a') and name.contains('b')"),
        (P.name.matches("red fox"), "name.matches('red fox')"),
        (P.name.fuzzy("fox", 2), "name.fuzzy('fox', 2)"),
        (P.born < dt.date(2020, 1, 1), "born < 18262"),
        (P.place.near(*GeoPoint(2.5, 48), 5), "place.near(2.5, 48, km=5)"),
        (P.vector.nearest([1, 2], k=3), "vector.nearest(…, k=3)"),
        (P.age.one_of([1, 2]), "age == 1 or age == 2"),
        (P.name == "\x1b" * 1000, "name == '" + "\\x1b" * 9 + "\\x…"),
    ],
)  # fmt: skip
def test_a_filter_as_a_line(expression: Any, text: str) -> None:
    assert written_filter(expression) == text


def test_a_long_filter_is_clipped() -> None:
    assert len(written_filter(P.age.one_of(range(10_000)))) == 160
    assert written_filter(None) == ""


def test_words_of_the_line() -> None:
    assert filter_text(["where", "age", ">", "3"]) == "age > 3"
    assert filter_text(["'age > 3'"]) == "age > 3"
    assert filter_text(["where", "\"name == 'x'\""]) == "name == 'x'"
    assert filter_text(["'a'", "in", "tags", "or", "name", "==", "'b'"]) == "'a' in tags or name == 'b'"
    assert filter_text([]) == ""
    assert names_in("-age, name,") == ["-age", "name"]
    assert names_in(None) is None


def test_forms_of_nothing() -> None:
    nothing: ResultList[Any] = ResultList(model=SearchedRow, model_name="SearchedRow")
    assert list(formed(nothing, "pandas").columns) == ["key", "name", "age", "born", "place", "vector"]
    assert formed(nothing, "dict") == []
    assert formed(nothing, "table").text().startswith("no SearchedRow matches, ")
    with pytest.raises(NotebookError, match="unknown form 'polar'; did you mean 'polars'"):
        formed(nothing, "polar")
