"""`%rapyer_explain`: how a filter is answered, as a user sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from rapyer.search.explanation import Explanation
from rapyer_nb.views.explanation import ExplanationView
from tests.nb.notebook import Notebook, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
from typing import Annotated
import rapyer_nb
from rapyer import AtomicRedisModel, Index

class Told(AtomicRedisModel):
    name: Annotated[str, Index(text=True)] = ""
    age: Index[int] = 0
    vector: Annotated[list[float] | None, Index(dim=2)] = None
    note: str = ""

class Untold(AtomicRedisModel):
    name: str = ""

await Told.ainsert(*(Told(name=f"n{at}", age=at) for at in range(30)))
await rapyer_nb.find(Told, "age > 3")
"""


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        open_notebook(rapyer_redis_url, monkeypatch, SETUP) as opened,
    ):
        yield opened


def test_it_shows_the_query_the_plan_and_the_profile(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_explain Told 5 <= age < 10 and name.matches('n7')")
    lines = shown.text.strip().split("\n")
    assert re.fullmatch(r"Told: 1 document found in [\d.]+ ms", lines[0])
    assert lines[1].startswith("query    ((@age:[$v0 +inf])")
    assert "         $v0 = '5'" in lines
    assert any(line.startswith("plan     idx:Told:") for line in lines)
    assert any(line.startswith("profile  ") for line in lines)
    assert '<details open="open"><summary>Plan of idx:Told:' in shown.html
    assert "<summary>Profile: " in shown.html


def test_the_value_has_everything_as_data(notebook: Notebook) -> None:
    told = notebook.run("told = %rapyer_explain Told age < 7\ntold")
    assert isinstance(told, ExplanationView)
    assert (told.found, told.advice) == (7, ())
    assert told.query == told.explanation.query
    assert isinstance(told.explanation, Explanation)
    assert notebook.cell("told = %rapyer_explain Told age < 7").text == ""


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("Told age != 3", "full scan: every document of the index is looked at"),
        ("Told not age == 3", "full scan: "),
        ("Told name == 'n3'", "text compared as a whole: Told.name has an index of its words"),
        ("Untold", "unindexed: Untold has no index"),
    ],
)
def test_advice(notebook: Notebook, line: str, advice: str) -> None:
    shown = notebook.cell(f"%rapyer_explain {line}")
    assert f"advice   {advice}" in shown.text
    assert f"<ul><li>{advice}" in shown.html


def test_without_an_index_there_is_no_plan(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_explain Untold").text
    assert shown.strip().startswith("Untold: no index answers\nadvice   ")
    assert "plan" not in shown.split("\n")[0]


def test_the_option_of_find_and_python_tell_the_same(notebook: Notebook) -> None:
    by_option = notebook.run("told = %rapyer_find Told where age < 7 --explain\ntold")
    in_python = notebook.run("await rapyer_nb.explain(Told, 'age < 7')")
    by_expression = notebook.run("await rapyer_nb.explain(Told, Told.age < 7)")
    assert by_option.query == in_python.query == by_expression.query
    assert by_option.found == in_python.found == 7


def test_hostile_and_long_values_are_short_and_escaped(notebook: Notebook) -> None:
    notebook.run("evil = '<img src=x onerror=alert(1)>\\x1b[31m' + 'x' * 100_000\nmany = list(range(5_000))")
    for line in ("name == $evil", "age in $many", "vector.nearest([1.0, 2.0])"):
        shown = notebook.cell(f"%rapyer_explain Told {line}")
        assert shown.error is None, shown.text
        assert "<img" not in shown.html and "\x1b" not in shown.html + shown.text
        assert len(shown.html) < 60_000 and len(shown.text) < 40_000
    assert "4900 more" in notebook.cell("%rapyer_explain Told age in $many").text
    assert "<8 bytes>" in notebook.cell("%rapyer_explain Told vector.nearest([1.0, 2.0])").text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Told agee > 3", "NotebookError: unknown field 'agee' on Told; did you mean 'age'?"),
        ("Told note == 'x'", "NotIndexedError: Told.note has no index, so it cannot be searched; declare it as `note: Index[…]`"),
        ("Tld", "NotebookError: unknown model 'Tld'; did you mean 'Told'?"),
        ("", "NotebookError: %rapyer_explain: the following arguments are required: MODEL; %rapyer_explain? shows the help"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    assert notebook.cell(f"%rapyer_explain {line}").text.strip() == message
