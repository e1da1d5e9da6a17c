"""Every magic says what it does: its help, its page, its examples, its equal in Python."""

from __future__ import annotations

import html
import importlib.util
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from IPython.utils.capture import capture_output

import rapyer_nb
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.description import Description
from rapyer_nb.magics.models import model_class
from rapyer_nb.magics.searching import filter_text
from rapyer_nb.magics.targets import targets
from rapyer_nb.magics.toolkit import RapyerMagics
from rapyer_nb.magics.topics import TOPICS
from rapyer_nb.parsing import parse_filter
from tests.nb.notebook import Notebook, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
KINDS = pytest.mark.parametrize("kind", MAGICS, ids=lambda kind: kind.name)

SETUP = """
import datetime as dt
from typing import Literal
from pydantic import BaseModel
from rapyer import AtomicRedisModel, Index

class Address(BaseModel):
    city: Index[str] = ""

class User(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0
    status: Index[Literal["active", "new", "old"]] = "new"
    city: Index[str] = ""
    address: Address = Address()
    bio: Index(str, text=True) = ""
    tags: Index[list[str]] = []
    born: Index[dt.date | None] = None
    score: int = 0

class Team(AtomicRedisModel):
    lead: str = ""

class Order(AtomicRedisModel):
    price: Index[float] = 0.0
    city: Index[str] = ""
    paid: Index[dt.datetime | None] = None

class Crew:
    def __init__(self, lead):
        self.lead = lead

user, ada = User(name="Ada"), User(name="Ada")
users, old_team, team = [user, ada], [Team()], Crew(ada)
key, keys = "User:42", ["User:42"]
oldest, limit, hours, url = 99, 3, 2, "redis://localhost:6379/0"
"""


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch, open_notebook(rapyer_redis_url, patch, SETUP) as opened:
        yield opened


@KINDS
def test_the_help(kind: Any) -> None:
    one, magic = Description.of(kind), kind()
    assert one.purpose.endswith("."), "what it does is a sentence"
    assert len(one.purpose) <= 110
    assert len(one.uses) >= 2, "two examples"
    actions = [*magic.arguments.positionals, *magic.arguments.options.values()]
    for action in actions:
        assert action.help, f"{action.dest} is not documented"
        assert (action.option_strings or [action.metavar])[0] in magic.help
    assert "Examples::" in magic.help
    assert one.purpose.split(".")[0] in " ".join(magic.help.split())


@KINDS
def test_the_equal_in_python(kind: Any) -> None:
    equals = Description.of(kind).equals
    own = kind.name.removeprefix("rapyer_")
    # `rapyer_nb.doctor` is a package.
    assert {"doctor": "diagnose"}.get(own, own) == equals[0]
    for name in equals:
        assert name in rapyer_nb.__all__
        function = getattr(rapyer_nb, name)
        assert callable(function)
        assert function.__doc__


@KINDS
def test_every_example_is_understood(notebook: Notebook, kind: Any) -> None:
    magic, variables = kind(), notebook.shell.user_ns
    for line, body in Description.of(kind).uses:
        storing = line.removeprefix("<< ")
        options = magic.arguments.parse_line(storing, variables)
        model = getattr(options, "model", None)
        found = None if model is None else model_class(model, variables)
        for name in getattr(options, "models", []) if kind.name in ("rapyer_models", "rapyer_index") else []:
            assert model_class(name, variables).__name__ == name
        where = getattr(options, "filter", None) or getattr(options, "where", None)
        if where:
            owner = found or model_class(options.words[0], variables)
            assert parse_filter(owner, filter_text(where), variables) is not None
        elif kind.name in ("rapyer_get", "rapyer_delete", "rapyer_edit", "rapyer_lock"):
            assert targets(options.words, variables)
        if body:
            compile(body, "<example>", "exec", flags=0x2000)  # with await at the top


@KINDS
def test_the_help_is_shown(notebook: Notebook, kind: Any) -> None:
    with capture_output() as captured:
        notebook.shell.run_cell(f"{Description.of(kind).name}?")
    text = captured.stdout + "".join(str(one) for one in captured.outputs)
    assert Description.of(kind).purpose.split(",")[0].split(".")[0][:60] in " ".join(text.split())
    help_of_one = rapyer_nb.help(kind.name.removeprefix("rapyer_"))
    assert help_of_one.text() == kind().help
    assert "Examples::" in help_of_one.html()


def test_all_are_in_one_table(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_help")
    for topic, kinds in TOPICS.items():
        assert topic in shown.text
        assert topic in shown.html
        for kind in kinds:
            one = Description.of(kind)
            assert f"{one.name} " in shown.text
            assert one.purpose in shown.text
            assert f"<code>{one.name}</code>" in shown.html
    assert [kind for kinds in TOPICS.values() for kind in kinds] == [*MAGICS[:-1]]
    assert shown.value.text() == rapyer_nb.help().text()
    assert "%rapyer_find? or %rapyer_help find shows the help of one" in shown.text


def test_the_help_of_one_is_legible_as_html(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_help find")
    help_text = shown.value.text()
    assert help_text.count("\n") > 10
    (page,) = re.findall(r"<pre>(.*)</pre>", shown.value.html(), re.DOTALL)
    assert html.unescape(page).splitlines() == help_text.splitlines()
    assert "&amp;lt;" not in page
    assert "\\n" not in page


def test_of_a_magic_that_is_not_there(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_help fnd")
    assert shown.text.strip().endswith("NotebookError: there is no magic 'fnd'; did you mean 'find'?")
    assert notebook.cell("%rapyer_help %%rapyer_trace").error is None


def test_the_page_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("magics_page", DOCS / "magics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (DOCS / "magics.md").read_text(encoding="utf-8")
    assert page == module.page(), "run `python docs/magics.py`"
    for kind in MAGICS:
        assert f'<a id="{kind.name}"></a>' in page
        for option in kind().arguments.options:
            assert f"`{option}" in page
    for name, trait in RapyerMagics.class_own_traits(config=True).items():
        assert f"| `{name}` |" in page
        assert trait.help
    assert "rapyer_nb" in sys.modules
