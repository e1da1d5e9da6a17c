"""What Tab offers in the lines of magics."""

from __future__ import annotations

import ast
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from IPython.core.completer import CompletionContext, provisionalcompleter
from redis.asyncio import Redis

from rapyer.session.clients import ClientSource
from rapyer_nb.completing.meanings import MEANINGS
from rapyer_nb.completing.opening import opening
from rapyer_nb.completing.stored import PATIENCE
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.find import FindMagic
from tests.nb.notebook import Notebook, open_notebook
from tests.nb.queued_cells import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import enum
from typing import Literal
from pydantic import BaseModel
from rapyer import AtomicRedisModel, Index

class Shade(enum.Enum):
    LIGHT = "light"
    DARK = "dark"

class Street(BaseModel):
    name: Index[str] = ""
    number: int = 0

class Home(BaseModel):
    city: Index[str] = ""
    street: Street = Street()

class Tabbed(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0
    bio: Index(str, text=True) = ""
    status: Index[Literal["active", "new"]] = "new"
    shade: Index[Shade] = Shade.DARK
    marks: Index[list[str]] = []
    shades: Index[list[Shade]] = []
    happy: Index[bool] = True
    born: Index[int | None] = None
    secret: str = ""
    home: Home = Home()

class Tabor(AtomicRedisModel):
    size: int = 0

one = Tabor(size=3)
two = [one]
limit = 20
"""


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch, open_notebook(rapyer_redis_url, patch, SETUP) as opened:
        opened.run("for number in range(3):\n    await Tabbed(name=str(number)).asave()")
        opened.run("shot = %rapyer_snapshot before Tabor")
        yield opened


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search for keys take long: machines may be slow."""
    monkeypatch.setattr("rapyer_nb.completing.stored.PATIENCE", 30)


def offered(notebook: Notebook, code: str) -> list[str]:
    """Return what is offered behind some code."""
    with provisionalcompleter():
        found = [*notebook.shell.Completer.completions(code, len(code))]
    return [one.text for one in found]


def written(notebook: Notebook, code: str) -> list[str]:
    """Return the last line as it is with each of the choices."""
    with provisionalcompleter():
        found = [*notebook.shell.Completer.completions(code, len(code))]
    line_start = code.rfind("\n") + 1
    return [(code[: one.start] + one.text + code[one.end :])[line_start:] for one in found]


FORMS = {
    "a statement": "%rapyer_find ",
    "an assignment": "x = %rapyer_find ",
    "several targets": "a, b = %rapyer_find ",
    "an attribute": "x.y = %rapyer_find ",
    "stored": "x << %rapyer_find ",
    "stored and shown": "x = << %rapyer_find ",
    "stored behind the name": "%rapyer_find x << ",
    "in a block": "for i in range(3):\n    x = %rapyer_find ",
    "in a timed cell": "%%time\nx = %rapyer_find ",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_line(notebook: Notebook, form: str) -> None:
    assert {"Tabbed", "Tabor"} <= {*offered(notebook, FORMS[form] + "Tab")}
    last = (FORMS[form] + "Tabbed age >= 18 and ").rpartition("\n")[2]
    assert f"{last}home." in written(notebook, FORMS[form] + "Tabbed age >= 18 and ")


LINES = {
    # options and their choices
    "%rapyer_find Tabbed --li": ["%rapyer_find Tabbed --limit", "%rapyer_find Tabbed --live"],
    "%rapyer_find Tabbed --as p": ["%rapyer_find Tabbed --as pandas", "%rapyer_find Tabbed --as polars"],
    "%rapyer_find Tabbed --as=d": ["%rapyer_find Tabbed --as=dict"],
    "%rapyer_find Tabbed --on-corrupt ": [
        "%rapyer_find Tabbed --on-corrupt skip",
        "%rapyer_find Tabbed --on-corrupt raise",
    ],
    "%rapyer_plot Tabbed age --ki": ["%rapyer_plot Tabbed age --kind"],
    "%%rapyer_pipeline --re": ["%%rapyer_pipeline --reload", "%%rapyer_pipeline --result"],
    "%rapyer_index a": ["%rapyer_index apply"],
    "%%rapyer_race s": ["%%rapyer_race seed="],
    # models
    "%rapyer_schema Tabb": ["%rapyer_schema Tabbed"],
    "%rapyer_models Tabor Tabb": ["%rapyer_models Tabor Tabbed"],
    "%rapyer_index apply Tabo": ["%rapyer_index apply Tabor"],
    # fields
    "%rapyer_find Tabbed ag": ["%rapyer_find Tabbed age"],
    "%rapyer_find Tabbed where ag": ["%rapyer_find Tabbed where age"],
    "%rapyer_find Tabbed (ag": ["%rapyer_find Tabbed (age"],
    "%rapyer_find Tabbed --limit 3 not (age > 3 or na": [
        "%rapyer_find Tabbed --limit 3 not (age > 3 or name"
    ],
    "%rapyer_find Tabbed home.": ["%rapyer_find Tabbed home.city", "%rapyer_find Tabbed home.street."],
    "%rapyer_find Tabbed home.street.": ["%rapyer_find Tabbed home.street.name"],
    "%rapyer_find Tabbed --fields name,home.street.nu": [
        "%rapyer_find Tabbed --fields name,home.street.number"
    ],
    "%rapyer_find Tabbed --sort -ag": ["%rapyer_find Tabbed --sort -age"],
    "%rapyer_find Tabbed --sort age,-bo": ["%rapyer_find Tabbed --sort age,-born"],
    "%rapyer_plot Tabbed ag": ["%rapyer_plot Tabbed age"],
    "%rapyer_plot Tabbed age --by sec": ["%rapyer_plot Tabbed age --by secret"],
    "%rapyer_plot Tabbed age --where age > 3 and ma": ["%rapyer_plot Tabbed age --where age > 3 and marks"],
    "%rapyer_delete Tabbed --where ag": ["%rapyer_delete Tabbed --where age"],
    # operators
    "%rapyer_find Tabbed bio.ma": ["%rapyer_find Tabbed bio.matches("],
    "%rapyer_find Tabbed marks.con": ["%rapyer_find Tabbed marks.contains("],
    "%rapyer_find Tabbed name.": [f"%rapyer_find Tabbed name.{name}(" for name in ("one_of", "prefix")],
    "%rapyer_find Tabbed happy ": ["%rapyer_find Tabbed happy " + sign for sign in ("==", "!=", "in")],
    "%rapyer_find Tabbed born is ": [
        "%rapyer_find Tabbed born is None",
        "%rapyer_find Tabbed born is not None",
    ],
    "%rapyer_find Tabbed age > 3 a": ["%rapyer_find Tabbed age > 3 and"],
    "%rapyer_find Tabbed (age > 3) o": ["%rapyer_find Tabbed (age > 3) or"],
    # values
    "%rapyer_find Tabbed status == ": [
        "%rapyer_find Tabbed status == 'active'",
        "%rapyer_find Tabbed status == 'new'",
    ],
    '%rapyer_find Tabbed status == "a': ['%rapyer_find Tabbed status == "active"'],
    '%rapyer_find Tabbed status in {"new", "': [
        '%rapyer_find Tabbed status in {"new", "active"',
        '%rapyer_find Tabbed status in {"new", "new"',
    ],
    "%rapyer_find Tabbed shade != '": [
        "%rapyer_find Tabbed shade != 'light'",
        "%rapyer_find Tabbed shade != 'dark'",
    ],
    '%rapyer_find Tabbed shades.contains("li': ['%rapyer_find Tabbed shades.contains("light"'],
    "%rapyer_find Tabbed happy == ": [
        "%rapyer_find Tabbed happy == True",
        "%rapyer_find Tabbed happy == False",
    ],
    # names of other things
    "%rapyer_find Tabor --alias de": ["%rapyer_find Tabor --alias default"],
    "%rapyer_connect de": ["%rapyer_connect default"],
    "%rapyer_connect --close de": ["%rapyer_connect --close default"],
    "%rapyer_diff be": ["%rapyer_diff before"],
    "%rapyer_restore ": ["%rapyer_restore before"],
    "%rapyer_find Tabbed age < $lim": ["%rapyer_find Tabbed age < $limit"],
    "%rapyer_find Tabbed --limit $lim": ["%rapyer_find Tabbed --limit $limit"],
    "%rapyer_save on": ["%rapyer_save one"],
    "%rapyer_save one tw": ["%rapyer_save one two"],
    "%%rapyer_lock on": ["%%rapyer_lock one"],
}


@pytest.mark.parametrize("line", LINES)
def test_what_goes_on(notebook: Notebook, line: str) -> None:
    choices = written(notebook, line)
    if line.endswith(" ") or line.endswith("name."):
        # options and others come, too
        assert [one for one in choices if one in LINES[line]] == LINES[line]
    else:
        assert choices == LINES[line]


def test_only_what_makes_sense_is_offered(notebook: Notebook) -> None:
    fields = offered(notebook, "%rapyer_find Tabbed ")
    assert "secret" not in fields
    assert {"name", "home.", "not", "--limit"} <= {*fields}
    assert not {"Tabbed", "print", "limit"} & {*fields}
    assert "--limit" not in offered(notebook, "%rapyer_find Tabbed --limit 3 --l")
    assert "name.matches(" not in offered(notebook, "%rapyer_find Tabbed name.")
    assert "<" not in offered(notebook, "%rapyer_find Tabbed happy ")
    variables = offered(notebook, "%rapyer_find Tabbed age < $")
    assert "limit" in variables
    assert not {"In", "exit", "enum", "get_ipython"} & {*variables}


@pytest.mark.parametrize(
    "code",
    [
        "x = '%rapyer_find Tabb",
        "x = 3 %rapyer_find ",
        "# %rapyer_find Tabb",
        "x = 1\n%%rapyer_trace --re",
        "%rapyer_trace --re",
        "%rapyer_nothing Tabb",
        "%rapyer_find Tabbed age > 3 and nothing.",
        "%rapyer_find Nothing ag",
        "%rapyer_find Tabbed name == 'a",
        "%rapyer_find Tabbed bio.matches('act",
        "%rapyer_find Tabbed $limit.",
    ],
)
def test_elsewhere_nothing_of_ours_is_offered(notebook: Notebook, code: str) -> None:
    (matcher,) = (
        one for one in notebook.shell.Completer.custom_matchers if one.matcher_identifier == "rapyer_nb"
    )
    *before, last = code.split("\n")
    token = notebook.shell.Completer.splitter.split_line(last)
    context = CompletionContext(
        token=token, full_text=code, cursor_position=len(last), cursor_line=len(before), limit=None
    )
    assert matcher(context) == {"completions": []}


# Keys ------------------------------------------------------------------------------------------------------


def test_keys_are_looked_up(notebook: Notebook) -> None:
    keys = notebook.run("sorted([one.key for one in await Tabbed.afind()])")
    pks = [key.partition(":")[2] for key in keys]
    assert offered(notebook, "%rapyer_get Tabbed ")[:3] == pks
    assert offered(notebook, f"x = %rapyer_get Tabbed {pks[0][:8]}") == [pks[0]]
    assert written(notebook, f"%rapyer_get {keys[0][:12]}") == [f"%rapyer_get {keys[0]}"]
    assert written(notebook, "%rapyer_delete Tabbed:") == [f"%rapyer_delete {key}" for key in keys]
    assert offered(notebook, "%%rapyer_lock Tabbed ")[:3] == pks
    assert offered(notebook, f"%rapyer_get Tabbed --alias default {pks[1][:9]}") == [pks[1]]
    assert keys[0] in offered(notebook, "%rapyer_keys Tabbed:")


def test_keys_that_cannot_be_written_are_left_out(notebook: Notebook, rapyer_redis_url: str) -> None:
    odd = ["Tabor:\x1b[31m", "Tabor:a b", "Tabor:" + "x" * 500, "Tabor:(", "Tabor:<img>"]
    with redis.Redis.from_url(rapyer_redis_url) as client:
        for key in odd:
            client.set(key, 1)
        found = offered(notebook, "%rapyer_get Tabor ")
        client.delete(*odd)
    assert [one for one in found if not one.startswith("--")] == ["<img>"]


def test_there_are_never_many_keys(notebook: Notebook, rapyer_redis_url: str) -> None:
    with redis.Redis.from_url(rapyer_redis_url) as client:
        client.mset({f"Tabor:{number}": 1 for number in range(3000)})
        found = offered(notebook, "%rapyer_get Tabor ")
        client.delete(*(f"Tabor:{number}" for number in range(3000)))
    assert len([one for one in found if not one.startswith("--")]) == 50


def test_nothing_is_sent_where_no_connection_is_open(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = notebook.shell.rapyer.surroundings.state.new_source(None)
    monkeypatch.setattr("rapyer_nb.completing.meanings.Asked.source_of", lambda *_: unused)
    assert offered(notebook, "%rapyer_get Tabbed ") == ["--alias"]
    assert not unused.is_open


def test_a_client_of_the_program_is_left_alone(
    notebook: Notebook, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ClientSource.from_client(Redis.from_url(rapyer_redis_url))
    assert source.is_open
    monkeypatch.setattr("rapyer_nb.completing.meanings.Asked.source_of", lambda *_: source)
    assert offered(notebook, "%rapyer_get Tabbed ") == ["--alias"]


@pytest.fixture
def deaf() -> Iterator[int]:
    """A server that takes connections and answers nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_server_that_does_not_answer_holds_nobody_up(
    notebook: Notebook, deaf: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ClientSource.from_url(f"redis://127.0.0.1:{deaf}/0", socket_timeout=60)
    monkeypatch.setattr(ClientSource, "is_open", True)
    monkeypatch.setattr("rapyer_nb.completing.meanings.Asked.source_of", lambda *_: source)
    monkeypatch.setattr("rapyer_nb.completing.stored.PATIENCE", PATIENCE)
    waited: list[float | None] = []
    join = threading.Thread.join

    def noted(self: threading.Thread, timeout: float | None = None) -> None:
        if self.name == "rapyer-completion":
            waited.append(timeout)
        join(self, timeout)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "join", noted)
        started = time.monotonic()
        assert offered(notebook, "%rapyer_get Tabbed ") == ["--alias"]
        assert offered(notebook, "%rapyer_get Tabbed ") == ["--alias"]
    assert waited and {*waited} == {PATIENCE}
    assert PATIENCE <= 0.5
    assert time.monotonic() - started < 20  # not the 60 s that the connection itself would wait
    for thread in threading.enumerate():
        if thread.name == "rapyer-completion":
            thread.join(30)
            assert not thread.is_alive()


# Declarations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAGICS, ids=lambda kind: kind.name)
def test_of_every_argument_it_is_known_what_it_holds(kind: Any) -> None:
    magic = kind()
    arguments = [*magic.arguments.positionals, *magic.arguments.options.values()]
    for action in arguments:
        if action.nargs == 0 or action.choices:
            continue
        held = magic.arguments.held_by(action)
        assert held, action.dest
        for word in held:
            assert word in MEANINGS or word.islower() or "=" in word, (action.dest, word)


def test_a_line_is_read_as_a_whole_one_is() -> None:
    arguments = FindMagic().arguments
    at = opening(arguments, "User --limit 3 age > 3 and na")
    assert (at.action.dest, at.before, at.word) == ("filter", ("age", ">", "3", "and"), "na")
    assert at.given == {"limit": ["3"], "model": ["User"]}
    assert opening(arguments, "User --as=pa").action.dest == "form"
    assert opening(arguments, "User --as ").word == ""
    assert opening(arguments, "User --count ").action.dest == "filter"


# Kernels ---------------------------------------------------------------------------------------------------


def test_a_kernel_answers(rapyer_redis_url: str) -> None:
    with kernel() as (_, client):
        setup = f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb"
        patience = "from rapyer_nb.completing import stored as lookup\nlookup.PATIENCE = 30"
        for cell in (setup, SETUP, patience, "stored = await Tabbed(name='x').asave()"):
            client.execute_interactive(cell, timeout=30, output_hook=lambda message: None)

        def asked(code: str) -> list[str]:
            reply = client.complete(code, len(code), reply=True, timeout=20)["content"]
            return [code[: reply["cursor_start"]] + one for one in reply["matches"]]

        assert asked("%rapyer_find Tabbe") == ["%rapyer_find Tabbed"]
        assert asked("x = %rapyer_find Tabbed age >= 18 and bio.ma") == [
            "x = %rapyer_find Tabbed age >= 18 and bio.matches("
        ]
        assert asked('%rapyer_find Tabbed status == "a') == ['%rapyer_find Tabbed status == "active"']
        assert asked("%%rapyer_trace --q") == ["%%rapyer_trace --quiet"]
        told = client.execute_interactive(
            "", user_expressions={"pk": "stored.key.partition(':')[2]"}, timeout=30
        )
        pk = ast.literal_eval(told["content"]["user_expressions"]["pk"]["data"]["text/plain"])
        keys = asked("%rapyer_get Tabbed ")
        assert f"%rapyer_get Tabbed {pk}" in keys
        assert keys[-1] == "%rapyer_get Tabbed --alias"
        client.execute_interactive("%unload_ext rapyer_nb", timeout=30, output_hook=lambda message: None)
        assert "x = %rapyer_find Tabbed" not in asked("x = %rapyer_find Tabbe")
