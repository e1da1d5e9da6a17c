"""`users << %rapyer_find …` and its kin: stored, or stored and shown, wherever they stand."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from rapyer_nb.assigning import Assignment, Storing
from tests.nb.notebook import Notebook, empty
from tests.nb.queued_cells import report, run_queued


def transformed(cell: str) -> str:
    manager = TransformerManager()
    manager.token_transformers.append(Assignment)
    return manager.transform_cell(cell)


FIND = "get_ipython().run_line_magic('rapyer_find', '{}')"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("users << %rapyer_find User", f"users = {FIND.format('User')}\n"),
        ("users<<%rapyer_find User", f"users = {FIND.format('User')}\n"),
        ("users = << %rapyer_find User", f"users = {FIND.format('<< User')}\n"),
        ("users=<< %rapyer_find User", f"users= {FIND.format('<< User')}\n"),
        ("%rapyer_find users << User", f"users = {FIND.format('User')}\n"),
        ("%rapyer_find users= << User", f"users = {FIND.format('<< User')}\n"),
        ("%rapyer_find users = << User", f"users = {FIND.format('<< User')}\n"),
        ("if x: users << %rapyer_find User", f"if x: users = {FIND.format('User')}\n"),
        ("def f():\n    a.b[1] << %rapyer_find User", f"def f():\n    a.b[1] = {FIND.format('User')}\n"),
        (
            "a << %rapyer_find User\nb << %rapyer_find User",
            f"a = {FIND.format('User')}\nb = {FIND.format('User')}\n",
        ),
        ("a << %rapyer_find User x \\\n  > 3\nb = 1", f"a = {FIND.format('User x    > 3')}\nb = 1\n"),
        (
            "%time users << %rapyer_find User",
            "get_ipython().run_line_magic('time', 'users = %rapyer_find User')\n",
        ),
        ("%rapyer_find User x == 1 << 3", f"{FIND.format('User x == 1 << 3')}\n"),
        ("x = 1 << 3\ny <<= 4\nz << rapyer_find", "x = 1 << 3\ny <<= 4\nz << rapyer_find\n"),
        ("'''\nx << %rapyer_find User\n'''", "'''\nx << %rapyer_find User\n'''\n"),
        ("x = 7 << 9 % rapyer_find", "x = 7 << 9 % rapyer_find\n"),
        (
            "!echo it's\nx << %rapyer_find User",
            f'get_ipython().system("echo it\'s")\nx = {FIND.format("User")}\n',
        ),
    ],
)
def test_what_it_becomes(cell: str, code: str) -> None:
    assert transformed(cell) == code


@pytest.mark.parametrize(
    ("line", "storing"),
    [
        ("users << User", Storing("User", "users")),
        ("users= << User", Storing("User", "users", show=True)),
        ("<< User", Storing("User", show=True)),
        ("users <<", Storing("", "users")),
        ("User x == 1", Storing("User x == 1")),
        ("User name == 'a << b'", Storing("User name == 'a << b'")),
    ],
)
def test_what_a_line_says(line: str, storing: Storing) -> None:
    assert Storing.of(line) == storing


@pytest.mark.parametrize("form", ["users << %rapyer_find User", "%rapyer_find users << User"])
def test_stored_and_not_shown(notebook: Notebook, form: str) -> None:
    shown = notebook.cell(form)
    assert (shown.error, shown.text) == (None, "")
    assert {user.name for user in notebook["users"]} == {"Ada", "Bob"}


@pytest.mark.parametrize(
    "form",
    ["users = << %rapyer_find User", "users =<< %rapyer_find User", "%rapyer_find users= << User"],
)
def test_stored_and_shown(notebook: Notebook, form: str) -> None:
    for cell in (form, f"{form}\nother = 1", f"if True:\n    {form}"):
        shown = notebook.cell(cell)
        assert "2 of 2" in shown.text, cell
        assert "<table>" in shown.html, cell
        assert {user.name for user in notebook["users"]} == {"Ada", "Bob"}


def test_in_functions(notebook: Notebook) -> None:
    notebook.run("def f():\n    found << %rapyer_find User\n    return len(found)")
    notebook.run("async def g():\n    %rapyer_find found << User age > 20\n    return len(found)")
    assert notebook.run("f(), await g()") == (2, 1)
    assert "found" not in notebook.shell.user_ns


def test_under_other_magics(notebook: Notebook) -> None:
    notebook.run("%time users << %rapyer_find User")
    assert len(notebook["users"]) == 2
    notebook.run("%%time\nmore << %rapyer_find User")
    assert len(notebook["more"]) == 2
    shown = notebook.cell("%%capture said\nstill = << %rapyer_find User")
    assert shown.text == ""
    assert len(notebook["still"]) == 2
    assert notebook.run("len(said.outputs)") == 1


def test_cell_magics(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline total << --quiet\nawait ada.age.aincrease()\nada.name")
    assert (shown.error, shown.value) == (None, None)
    assert notebook["total"] == "Ada"
    shown = notebook.cell("%%rapyer_pipeline total = << --quiet\nfound << %rapyer_find User\nlen(found)")
    assert (shown.value, notebook["total"], len(notebook["found"])) == (2, 2, 2)


def test_by_hand(notebook: Notebook) -> None:
    notebook.run("get_ipython().run_line_magic('rapyer_find', 'users << User')")
    assert len(notebook["users"]) == 2
    assert len(notebook.run("get_ipython().run_line_magic('rapyer_find', 'users = << User age > 20')")) == 1


def test_an_error_stores_nothing(notebook: Notebook) -> None:
    notebook.run("users = 'before'")
    for form in ("users << %rapyer_find User agee > 3", "%rapyer_find users= << User agee > 3"):
        shown = notebook.cell(form)
        assert "did you mean 'age'?" in shown.text
        assert notebook["users"] == "before"
    notebook.cell("get_ipython().run_line_magic('rapyer_find', 'users << User agee > 3')")
    assert notebook["users"] == "before"


def test_unloading_takes_the_forms_away(notebook: Notebook) -> None:
    notebook.run("%unload_ext rapyer_nb")
    assert isinstance(notebook.cell("users << %rapyer_find User").error, SyntaxError)
    assert Assignment not in notebook.shell.input_transformer_manager.token_transformers


def test_when_all_cells_are_queued(rapyer_redis_url: str) -> None:
    cells = [
        "%load_ext rapyer_nb\n%rapyer_connect $url --alias other",
        "users << %rapyer_find QueuedAssigned --alias other",
        "shown = << %rapyer_find QueuedAssigned --alias other",
        "%%rapyer_pipeline worth = << --alias other --quiet\nlen(users)",
        "assert worth == len(shown) == 1",
    ]
    first = (
        f"url = {rapyer_redis_url!r}\nfrom rapyer import AtomicRedisModel, Index, init_rapyer\n"
        "class QueuedAssigned(AtomicRedisModel):\n    name: Index[str] = ''\n"
        "await init_rapyer(url)\nawait QueuedAssigned(name='one').asave()"
    )
    empty(rapyer_redis_url)
    runs = run_queued([first, *cells])
    assert all(run.ok for run in runs), report(runs)
    assert runs[2].outputs == []
    assert "1 of 1" in runs[3].outputs[0]["text/plain"]
    assert runs[4].outputs[0]["text/plain"] == "1"
