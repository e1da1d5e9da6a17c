"""What `%rapyer_find` can be asked for beside a filter: order, parts, fields, forms, numbers and plans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pandas
import polars
import pytest
import redis

from rapyer_nb.views import ResultList, Table
from rapyer_nb.views.explanation import ExplanationView
from tests.nb.notebook import Notebook, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import datetime as dt
import rapyer_nb
from pydantic import BaseModel
from rapyer import AtomicRedisModel, Index, Key

class Home(BaseModel):
    city: Index[str] = ""
    street: str = ""

class Sale(AtomicRedisModel):
    id: Key[int]
    number: Index[int]
    city: Index[str] = ""
    price: Index[float] = 0.0
    paid: Index[dt.date | None] = None
    note: str = ""
    home: Home = Home()

class Unlisted(AtomicRedisModel):
    name: str = ""

cities = ["Oslo", "Rome", "Paris"]
await Sale.ainsert(*(
    Sale(id=at, number=at, city=cities[at % 3], price=at % 40, paid=dt.date(2024, 1, 1) if at % 2 else None,
         home=Home(city=cities[at % 2]))
    for at in range(120)
))
await Unlisted(name="x").asave()
"""


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        open_notebook(rapyer_redis_url, monkeypatch, SETUP) as opened,
    ):
        yield opened


def numbers(found: Any) -> list[int]:
    return [sale.number for sale in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Sale price < 3 --sort price,number --limit 4", [0, 40, 80, 1]),
        ("Sale price < 3 --sort=-price,-number --limit 2", [82, 42]),
        ("Sale price < 3 --sort -price,number --limit 2", [2, 42]),
        ('Sale price < 3 --sort "-price, number" --limit 2', [2, 42]),
        ("Sale --sort price,number --limit 2 --offset 3", [1, 41]),
        ("Sale price == 5 --sort number", [5, 45, 85]),
        ("Sale price == 5 --offset 1 --sort number", [45, 85]),
        ("Sale number < 3 and home.city == 'Rome'", [1]),
        ("Sale price == 5 --sort $order --limit $few", [85, 45]),
        ("Sale number < 4 --sort paid,-number", [3, 1, 2, 0]),
        ("Sale number < 4 --sort home.city,number", [0, 2, 1, 3]),
        ('Sale paid == "2024-01-01" and number in {1, 2, 3} --sort number', [1, 3]),
    ],
)
def test_order_and_parts(notebook: Notebook, line: str, expected: list[int]) -> None:
    notebook.run("order = '-number'\nfew = 2")
    assert numbers(notebook.run(f"%rapyer_find {line}")) == expected


def test_the_total_is_that_of_all_matches(notebook: Notebook) -> None:
    for options in ("--limit 2", "--sort price --limit 2", "--sort city --limit 2", "--offset 40 --limit 2"):
        found = notebook.run(f"%rapyer_find Sale city == 'Oslo' {options}")
        assert (found.total, len(found)) == (40, 2 if "40" not in options else 0)
    shown = notebook.cell("%rapyer_find Sale city == 'Oslo' --sort number --limit 5 --offset 20").text
    assert "5 of 40, from 21 on, " in shown


def test_the_server_is_asked_for_no_more_than_is_shown(notebook: Notebook, rapyer_redis_url: str) -> None:
    notebook.run("%rapyer_find Sale --limit 1")  # the index is there
    with redis.Redis.from_url(rapyer_redis_url, decode_responses=True) as client, client.monitor() as monitor:
        notebook.run("%rapyer_find Sale price > 3 --limit 7")
        notebook.run("%rapyer_find Sale price > 3 --sort price --limit 7")
        notebook.run("%rapyer_find Sale price > 3 --sort price --limit 7 --fields number")
        notebook.run("%rapyer_find Sale price > 3 --count")
        client.ping()
        sent = []
        while not (command := monitor.next_command()["command"]).startswith("PING"):
            sent.append(command.split())
    searches = [words for words in sent if words[0] == "FT.SEARCH"]
    limits = [words[words.index("LIMIT") + 1 :][:2] for words in searches if "LIMIT" in words]
    assert limits[0] == ["0", "7"] and set(map(tuple, limits[1:])) == {("0", "0")}
    sorting = [words for words in sent if words[0] == "FT.AGGREGATE"]
    assert len(sorting) == 2 and all("7" in words for words in sorting)
    reads = [words for words in sent if words[0] == "JSON.MGET"]
    assert [(len(words), words[-1]) for words in reads] == [(9, "$.number")], "seven keys and a path"


def test_only_some_fields(notebook: Notebook) -> None:
    found = notebook.run("%rapyer_find Sale price == 5 --fields key,number,home.city --sort number")
    assert isinstance(found, ResultList)
    assert [(row.key, row.number, row.home_city) for row in found] == [
        ("Sale:5", 5, "Rome"),
        ("Sale:45", 45, "Rome"),
        ("Sale:85", 85, "Rome"),
    ]
    shown = notebook.cell("%rapyer_find Sale price == 5 --fields number,home.city --sort number")
    assert "number  home_city" in shown.text and "45      Rome" in shown.text
    assert '<th scope="col">home_city</th>' in shown.html and "note" not in shown.html
    dicts = notebook.run("%rapyer_find Sale price == 5 --fields number --sort number --as dict")
    assert dicts == [{"number": 5}, {"number": 45}, {"number": 85}]


def test_frames(notebook: Notebook) -> None:
    frame = notebook.run("%rapyer_find Sale price == 5 --sort number --as pandas")
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["key"]) == ["Sale:5", "Sale:45", "Sale:85"]
    assert frame["number"].sum() == 135
    other = notebook.run("%rapyer_find Sale price == 5 --sort number --fields number,price --as polars")
    assert isinstance(other, polars.DataFrame)
    assert other.to_dict(as_series=False) == {"number": [5, 45, 85], "price": [5.0, 5.0, 5.0]}


def test_empty_frames_have_their_columns(notebook: Notebook) -> None:
    frame = notebook.run("%rapyer_find Sale price == 500 --as pandas")
    assert list(frame.columns) == ["key", "id", "number", "city", "price", "paid", "note", "home"]
    assert len(frame) == 0
    few = notebook.run("%rapyer_find Sale price == 500 --fields number,home.city --as pandas")
    assert (list(few.columns), len(few)) == (["number", "home_city"], 0)
    assert notebook.run("%rapyer_find Sale price == 500 --fields number --as polars").columns == ["number"]


def test_a_table_shows_more_rows_than_the_limit_of_the_display(notebook: Notebook) -> None:
    table = notebook.run("%rapyer_find Sale --as table")
    assert isinstance(table, Table)
    assert len(table.rows) == 120
    assert "120 of 120, " in table.text()
    assert "(first 20 shown)" in notebook.cell("%rapyer_find Sale").text


def test_the_default_form_can_be_configured(notebook: Notebook) -> None:
    notebook.run("%config RapyerMagics.default_form = 'dict'")
    try:
        assert notebook.run("%rapyer_find Sale number == 5 --fields city") == [{"city": "Paris"}]
        assert notebook.run("%rapyer_find Sale number == 5 --as list")[0].city == "Paris"
    finally:
        notebook.run("%config RapyerMagics.default_form = 'list'")


def test_explain(notebook: Notebook) -> None:
    shown = notebook.cell("told = %rapyer_find Sale price > 5 and city != 'Oslo' --explain\ntold")
    assert isinstance(shown.value, ExplanationView)
    assert "documents found in" in shown.text


def test_corrupt_documents_can_be_errors(notebook: Notebook, rapyer_redis_url: str) -> None:
    with redis.Redis.from_url(rapyer_redis_url) as client:
        client.json().set("Sale:900", "$", {"id": 900, "number": 900, "price": 999, "note": 5})
        try:
            for options in ("", "--limit 5", "--sort number --limit 3", "--sort number", "--offset 0"):
                found = notebook.run(f"%rapyer_find Sale price == 999 {options}")
                assert (found, found.skipped) == ([], ("Sale:900",)), options
            shown = notebook.cell("%rapyer_find Sale price == 999 --on-corrupt raise").text
            assert shown.startswith("CorruptedModelError: ") and "Sale:900" in shown
            assert "\n" not in shown.strip()
        finally:
            client.delete("Sale:900")


def test_a_class_without_an_index(notebook: Notebook) -> None:
    assert [one.name for one in notebook.run("%rapyer_find Unlisted --limit 5")] == ["x"]
    assert notebook.run("%rapyer_find Unlisted --count") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Sale --sort pric", "UnknownFieldError: unknown field 'pric' on Sale; did you mean 'price'?"),
        ("Sale --sort note", "NotIndexedError: Sale.note has no index, so results cannot be sorted by it; declare it as `note: Index[…]`"),
        ("Sale --fields numbr", "UnknownFieldError: unknown field 'numbr' on Sale; did you mean 'number'?"),
        ("Sale --fields home", "BadFilterError: Sale.home holds models, which cannot be selected; select its fields, such as \"home.city\""),
        ("Sale --offset -1", "NotebookError: %rapyer_find: argument --offset: a whole number from 0 is needed, not '-1'; %rapyer_find? shows the help"),
        ("Sale --as excel", "NotebookError: %rapyer_find: --as cannot be 'excel'; there are list, table, pandas, polars, dict"),
        ("Sale --as panda", "NotebookError: %rapyer_find: --as cannot be 'panda'; did you mean 'pandas'?"),
        ("Sale --count --sort price", "NotebookError: %rapyer_find: --count and --sort exclude each other; leave one out"),
        ("Sale --count --explain", "NotebookError: %rapyer_find: --count and --explain exclude each other; leave one out"),
        ("Sale --explain --as dict", "NotebookError: %rapyer_find: --explain and --as exclude each other; leave one out"),
        ("Sale --live --as dict", "NotebookError: %rapyer_find: --live and --as exclude each other; leave one out"),
        ("Sale --sort", "NotebookError: %rapyer_find: --sort needs a value; %rapyer_find? shows the help"),
        ("Sale price > 3 --sort city --limit", "NotebookError: %rapyer_find: --limit needs a value; %rapyer_find? shows the help"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    assert notebook.cell(f"x = %rapyer_find {line}").text.strip() == message


def test_in_python_it_is_the_same(notebook: Notebook) -> None:
    pairs = {
        "Sale price < 3 --sort -price,number --limit 3 --offset 1": (
            "Sale, 'price < 3', sort=['-price', 'number'], limit=3, offset=1"
        ),
        "Sale price == 5 --sort number --fields number,home.city": (
            "Sale, Sale.price == 5, sort=Sale.number, fields=(Sale.number, Sale.home.city)"
        ),
        "Sale price == 5 --sort number --fields number --as dict": (
            "Sale, Sale.price == 5, sort='number', fields='number', form='dict'"
        ),
    }
    for line, arguments in pairs.items():
        assert notebook.run(f"%rapyer_find {line}") == notebook.run(f"await rapyer_nb.find({arguments})")
    assert notebook.run("await rapyer_nb.count(Sale, 'price < 3')") == 9
    assert notebook.run("await rapyer_nb.count(Sale)") == 120
    table = notebook.run("await rapyer_nb.find(Sale, form='table', limit=3)")
    assert isinstance(table, Table) and len(table.rows) == 3
    shown = notebook.cell("await rapyer_nb.find(Sale, form='panda')").text
    assert "NotebookError: unknown form 'panda'; did you mean 'pandas'?" in shown


def test_it_works_in_a_pipeline_and_reads_what_is_stored(notebook: Notebook) -> None:
    notebook.run(
        "from rapyer import apipeline\n"
        "async with apipeline():\n"
        "    found = %rapyer_find Sale price == 5 --sort number --limit 2\n"
        "    found[0].note = 'seen'\n"
        "again = %rapyer_find Sale number == 5"
    )
    assert notebook["again"][0].note == "seen"


def test_hostile_values_neither_run_nor_flood(notebook: Notebook) -> None:
    notebook.run(
        "class Wild(AtomicRedisModel):\n    name: Index[str] = ''\n    more: list[int] = []\n"
        "await Wild(name='<img src=x onerror=alert(1)>\\x1b[31m').asave()\n"
        "await Wild(name='long', more=list(range(100_000))).asave()\n"
        "await Wild(name='x' * 1_000_000).asave()"
    )
    for line in ("Wild", "Wild --fields name,more", "Wild --as dict", "Wild --as table"):
        shown = notebook.cell(f"%rapyer_find {line}")
        assert "<img" not in shown.html and "\x1b" not in shown.html + shown.text
        assert len(shown.html) < 20_000 and len(shown.text) < 5_000, line


def test_what_is_left_out_is_logged(
    notebook: Notebook, rapyer_redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with redis.Redis.from_url(rapyer_redis_url) as client, caplog.at_level(logging.WARNING, "rapyer"):
        client.json().set("Sale:901", "$", {"id": 901, "number": 901, "price": 998, "note": 5})
        try:
            notebook.run("%rapyer_find Sale price == 998 --sort number")
        finally:
            client.delete("Sale:901")
    assert "Sale.afind left out 1 of its documents: 1 corrupt, 0 gone (Sale:901)" in caplog.text
