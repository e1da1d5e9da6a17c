"""`%%rapyer_pipeline` as a user sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import redis

from tests.nb.notebook import Notebook, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def notebook(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with open_notebook(rapyer_redis_url, monkeypatch) as opened:
        yield opened


@pytest.fixture
def server(rapyer_redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(rapyer_redis_url, decode_responses=True) as client:
        yield client


def stored(notebook: Notebook, name: str) -> object:
    return notebook.run(f"(await User.aget({name}.key)).model_dump()")


def test_the_body_is_one_transaction(notebook: Notebook, server: redis.Redis) -> None:
    server.config_resetstat()
    shown = notebook.cell(
        "%%rapyer_pipeline ada bob\nada.age += 1\nbob.age += 1\nawait bob.tags.aappend('x')\nbob.name = 'B'"
    )
    assert re.fullmatch(r"\s*4 commands, 1 round trip, [\d.]+ m?s\s*", shown.text)
    calls = server.info("commandstats")
    assert calls["cmdstat_exec"]["calls"] == 1
    assert stored(notebook, "ada")["age"] == 37  # type: ignore[index]
    assert stored(notebook, "bob") == {"name": "B", "age": 13, "status": "new", "tags": ["x"]}


def test_models_are_read_anew_first(notebook: Notebook, server: redis.Redis) -> None:
    server.json().set(notebook["ada"].key, "$.age", 50)
    notebook.run("%%rapyer_pipeline ada\nada.age += 1")
    assert server.json().get(notebook["ada"].key, "$.age") == [51]


def test_await_assignments_and_the_last_expression(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_pipeline --quiet\nimport asyncio\nawait asyncio.sleep(0)\ntwice = [await asyncio.sleep(0, n) for n in (1, 2)]\ntwice"
    )
    assert shown.value == [1, 2]
    assert notebook["twice"] == [1, 2]
    assert notebook.run("_") == [1, 2]
    assert notebook.cell("%%rapyer_pipeline --quiet\ntwice;").text == ""
    assert notebook.cell("%%rapyer_pipeline --quiet\nx = 1").text == ""


def test_other_magics_work_in_the_body(notebook: Notebook) -> None:
    notebook.run(
        "%%rapyer_pipeline\nusers = %rapyer_find User age > 0\nfor user in users:\n    user.status = 'seen'\n"
        "%time pass\ndef f():\n    found = %rapyer_find User age > 20\n    return found\ncount = len(f())"
    )
    assert notebook["count"] == 1
    assert notebook.run("%rapyer_find User status == 'seen' --count") == 2


def test_lists_of_models_and_parts_of_variables_can_be_named(notebook: Notebook) -> None:
    notebook.run("users = %rapyer_find User\nteam = {'lead': ada}")
    shown = notebook.cell("%%rapyer_pipeline users\nfor user in users:\n    user.age = 1")
    assert "2 commands" in shown.text
    notebook.run('%%rapyer_pipeline team["lead"] users[0]\nteam["lead"].age += 1')
    assert stored(notebook, "ada")["age"] == 2  # type: ignore[index]


def test_an_empty_pipeline_says_so(notebook: Notebook) -> None:
    assert notebook.cell("%%rapyer_pipeline ada\npass").text.strip() == "no commands, nothing was sent"


def test_an_exception_discards_everything_and_says_so(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\nada.age = 99\nawait ada.tags.aappend('lost')\n1/0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert "✕ pipeline discarded: 2 commands not sent, models taken back to what they were" in shown.text
    assert notebook.run("ada.age, ada.tags") == (36, [])
    assert stored(notebook, "ada") == {"name": "Ada", "age": 36, "status": "active", "tags": []}


def test_the_traceback_points_at_the_body(notebook: Notebook) -> None:
    notebook.run("def helper(x):\n    return 1 / x")
    shown = notebook.cell("%%rapyer_pipeline ada\n\nada.age = 1\nhelper(0)")
    number = notebook.shell.execution_count - 1
    assert re.search(rf"Cell In\[{number}\], line 4\b.*----> 4 helper\(0\)", shown.text, re.DOTALL)
    assert "# %%rapyer_pipeline ada" in shown.text
    assert "rapyer_nb/" not in shown.text
    assert "contextlib" not in shown.text


def test_a_syntax_error_points_at_the_body(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\n\nada.age = 1\nada.age = = 2")
    number = notebook.shell.execution_count - 1
    assert (
        f"Cell In[{number}], line 4\n    ada.age = = 2\n              ^\nSyntaxError: invalid syntax"
        in shown.text
    )
    assert "Traceback" not in shown.text
    shown = notebook.cell("%%rapyer_pipeline ada\nreturn 3")
    assert "line 2" in shown.text
    assert "SyntaxError: 'return' outside function" in shown.text
    assert notebook["ada"].age == 36


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adda", "NotebookError: there is no variable 'adda'; did you mean 'ada'?"),
        ("User", "NotebookError: 'User' is a class, not a model; name variables that hold models"),
        ("number", "NotebookError: 'number' is an int, not a model; name variables that hold models"),
        ("ada --quit", "NotebookError: %%rapyer_pipeline: unknown option '--quit'; did you mean '--quiet'?"),
    ],
)
def test_mistakes_in_the_line_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    notebook.run("number = 3")
    assert notebook.cell(f"%%rapyer_pipeline {line}\nada.age = 1").text.strip() == message


def test_a_model_that_is_not_stored_is_named_in_one_line(notebook: Notebook) -> None:
    notebook.run("eve = User(name='Eve')")
    text = notebook.cell("%%rapyer_pipeline eve\neve.age = 3").text.strip()
    assert text.startswith("KeyNotFound: ")
    assert "\n" not in text
    assert notebook["eve"].key in text


def test_a_librarys_error_out_of_the_body_keeps_its_traceback(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\nada.nonsense = 3\nawait User.aget('User:none')")
    assert "----> 3 await User.aget('User:none')" in shown.text or "----> 2 ada.nonsense" in shown.text


@pytest.mark.parametrize("way", ["%%time\n", "%%capture shown\n"])
def test_under_other_cell_magics(notebook: Notebook, way: str) -> None:
    shown = notebook.cell(f"{way}%%rapyer_pipeline ada\nawait ada.aupdate(age=40)\nx = 1")
    assert shown.error is None, shown.text
    assert notebook["x"] == 1
    assert stored(notebook, "ada")["age"] == 40  # type: ignore[index]


def test_by_hand_in_a_function(notebook: Notebook) -> None:
    notebook.run(
        "def f():\n    return get_ipython().run_cell_magic('rapyer_pipeline', 'ada --quiet', 'ada.age = 3\\nada.age')\nx = f()"
    )
    assert notebook["x"] == 3
    assert stored(notebook, "ada")["age"] == 3  # type: ignore[index]


def test_a_command_that_fails_in_the_transaction_is_one_line(notebook: Notebook, server: redis.Redis) -> None:
    notebook.shell.user_ns["server"] = server
    shown = notebook.cell("%%rapyer_pipeline ada\nada.age += 1\nserver.delete(ada.key)")
    assert type(shown.error).__name__ in {"TransactionError", "KeyNotFound"}
    assert "\n" not in shown.text.strip()
    assert notebook["ada"].key in shown.text
    assert notebook["ada"].age == 36
