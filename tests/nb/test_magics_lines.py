"""What may stand in the lines of magics: model classes by name and value, and numbers that make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.nb.notebook import Notebook, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def notebook(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with open_notebook(rapyer_redis_url, monkeypatch) as opened:
        opened.run("import rapyer_nb")
        yield opened


@pytest.mark.parametrize(
    "line",
    [
        "%rapyer_find AtomicRedisModel",
        "%rapyer_find $AtomicRedisModel",
        "%rapyer_explain AtomicRedisModel",
        "%rapyer_plot AtomicRedisModel age",
        "%rapyer_models AtomicRedisModel",
        "%rapyer_schema AtomicRedisModel",
        "%rapyer_keys AtomicRedisModel",
        "%rapyer_memory AtomicRedisModel",
        "%rapyer_index plan AtomicRedisModel",
        "%rapyer_snapshot before AtomicRedisModel",
        "%rapyer_watch AtomicRedisModel --seconds 0.1",
        "%rapyer_new AtomicRedisModel",
        "%rapyer_edit AtomicRedisModel 3",
        "%rapyer_get AtomicRedisModel 3",
        "%rapyer_ttl AtomicRedisModel 3",
        "%rapyer_delete AtomicRedisModel --where age",
        "%%rapyer_lock AtomicRedisModel 3\n1",
        "await rapyer_nb.find(AtomicRedisModel)",
        "await rapyer_nb.count(AtomicRedisModel)",
        "await rapyer_nb.get(AtomicRedisModel, 3)",
    ],
)
def test_the_base_of_all_models_is_none(notebook: Notebook, line: str) -> None:
    shown = notebook.cell(line)
    message = "NotebookError: AtomicRedisModel is the base of model classes, and none itself; there are "
    (text,) = shown.text.strip().splitlines()
    assert text.startswith(message)
    assert "User" in text


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("n = %rapyer_find WORD age > 20 --count", 1),
        ("n = %rapyer_models WORD\nn = n.rows[0].model.__name__", "User"),
        ("n = %rapyer_schema WORD\nn = n.model.__name__", "User"),
    ],
)
def test_a_model_may_be_a_value(notebook: Notebook, line: str, value: object) -> None:
    notebook.run("cls, classes, name = User, [User], 'User'")
    for word in ("$cls", "{cls}", "{classes[0]}", "$name", "{name}", '"User"'):
        notebook.run(f"n = None\n{line.replace('WORD', word)}")
        assert notebook["n"] == value


@pytest.mark.parametrize(
    "line",
    [
        "%rapyer_get WORD {ada.pk}",
        "%rapyer_ttl WORD {ada.pk}",
        "%rapyer_delete WORD --where age > 20 --yes",
        "%rapyer_watch WORD --seconds 0.05",
        "%%rapyer_lock WORD {ada.pk}\n1",
    ],
)
def test_a_class_before_a_key_may_be_a_value(notebook: Notebook, line: str) -> None:
    notebook.run("cls, classes = User, [User]")
    for word in ("$cls", "{cls}", "{classes[0]}"):
        assert notebook.run(line.replace("WORD", word)) is not None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%rapyer_find $nothing", "there is no variable 'nothing'"),
        ("%rapyer_find $ada", "'$ada' is a User, not a model class"),
        ("%rapyer_find {1 + 1}", "'{1 + 1}' is an int, not a model class"),
        ("%rapyer_find $wrong", "unknown model 'Usr'; did you mean 'User'?"),
        ("await rapyer_nb.find('User')", "a str is no model class; find(User)"),
        ("%rapyer_find User --limit 99999999999999999999999", "is the most that there can be"),
        ("%rapyer_find User --offset 99999999999999999999999", "is the most that there can be"),
        (f"%rapyer_find User --offset {'9' * 5000}", "is the most that there can be"),
        ("%rapyer_find User --limit 0", "a positive whole number is needed, not '0'"),
        ("%rapyer_find User --offset -1", "a whole number from 0 is needed, not '-1'"),
        ("%rapyer_memory User --sample 99999999999999999999999", "is the most that there can be"),
        ("%rapyer_keys --limit 99999999999999999999999", "is the most that there can be"),
        ("%%rapyer_lock ada --lease 0\n1", "0.01 seconds are the least, not '0'"),
        ("%%rapyer_lock ada --lease 1e300\n1", "a number of seconds is needed, not '1e300'"),
        ("%%rapyer_lock ada --lease nan\n1", "a number of seconds is needed, not 'nan'"),
        ("%%rapyer_lock ada --timeout inf\n1", "a number of seconds is needed, not 'inf'"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    notebook.run("wrong = 'Usr'")
    shown = notebook.cell(line)
    assert message in shown.text
    assert len(shown.text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "%rapyer_find User --limit 1000000000000000 --offset 1000000000000000",
        "%rapyer_find User age > 3 --sort age --limit 1000000000000000 --offset 1000000000000000",
        "%rapyer_memory User --sample 1000000000000000",
        "%rapyer_keys --limit 1000000000000000",
        "%%rapyer_lock ada --lease 9000000000000000\n1",
        "%%rapyer_lock ada --lease 0.01\n1",
        "%%rapyer_lock ada --timeout 9000000000000000\n1",
    ],
)
def test_the_ends_of_the_ranges_work(notebook: Notebook, line: str) -> None:
    assert notebook.run(line) is not None


def test_what_ipython_has_added_is_not_suggested(notebook: Notebook) -> None:
    for word, variable in (("$opem", "opem"), ("$Inn", "Inn"), ("$exitt", "exitt")):
        for line in (f"%rapyer_find User age > {word}", f"%rapyer_get {word}"):
            shown = notebook.cell(line).text.strip()
            assert shown == f"NotebookError: there is no variable {variable!r}"
        shown = notebook.cell(f"import rapyer_nb\nawait rapyer_nb.find(User, 'age > {word}')").text
        assert shown.strip().splitlines()[-1] == f"NotebookError: there is no variable {variable!r}"
    assert "did you mean" not in notebook.cell("%rapyer_get opem").text
    notebook.run("open, oldest = 7, 40")
    assert notebook.cell("%rapyer_get $opem").text.strip().endswith("did you mean 'open'?")
    assert notebook.cell("%rapyer_get $oldst").text.strip().endswith("did you mean 'oldest'?")
