"""`%rapyer_find` as a user sees it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import redis

import rapyer_nb
from rapyer.model.registry import registry
from rapyer_nb.views import ResultList

if TYPE_CHECKING:
    from tests.nb.notebook import Notebook


def names(found: ResultList[object]) -> list[str]:
    return sorted(user.name for user in found)  # type: ignore[attr-defined]


def test_real_models_are_found_and_can_be_changed(notebook: Notebook) -> None:
    found = notebook.run('users = %rapyer_find User age >= 18 and status == "active" --limit 20\nusers')
    assert isinstance(found, ResultList)
    assert found == [notebook["ada"]]
    assert type(found[0]) is notebook["User"]
    notebook.run("await users[0].tags.aappend('x')\nawait ada.aload()")
    assert notebook["ada"].tags == ["x"]


def test_the_last_line_shows_a_table_and_an_assignment_shows_nothing(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_find User age > 0")
    assert "2 of 2, " in shown.text
    assert "<caption>User</caption>" in shown.html
    assert notebook.cell("users = %rapyer_find User age > 0").text == ""
    assert notebook.cell("%rapyer_find User age > 0;").text == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("User", ["Ada", "Bob"]),
        ("User where age > 20", ["Ada"]),
        ("User age > 20", ["Ada"]),
        ("User 10 < age < 20", ["Bob"]),
        ('User name == "Ada" or name == "Bob"', ["Ada", "Bob"]),
        ('User not name == "Ada"', ["Bob"]),
        ('User status in {"new", "other"}', ["Bob"]),
        ('User status not in ("new", "other")', ["Ada"]),
        ("User age < $limit", ["Bob"]),
        ("User age < {limit + 20}", ["Ada", "Bob"]),
        ("User name == $person.name", ["Ada"]),
        ('User name == "$limit"', []),
        ("models.User age > 20", ["Ada"]),
        ("--limit 5 User age > 20", ["Ada"]),
        ("User --limit=5 age > 20", ["Ada"]),
        ("User age > 20 --limit $limit", ["Ada"]),
    ],
)
def test_filters(notebook: Notebook, line: str, expected: list[str]) -> None:
    notebook.run("import types\nlimit = 20\nperson = ada\nmodels = types.SimpleNamespace(User=User)")
    assert names(notebook.run(f"%rapyer_find {line}")) == expected


def test_values_are_never_pasted_as_text(notebook: Notebook) -> None:
    notebook.run("""evil = '" or age > 0 or name == "'\nawait User(name=evil, age=1).asave()""")
    assert names(notebook.run("%rapyer_find User name == $evil")) == ['" or age > 0 or name == "']
    assert names(notebook.run("%rapyer_find User name == {evil}")) == ['" or age > 0 or name == "']


def test_local_variables_are_seen_in_functions(notebook: Notebook) -> None:
    notebook.run(
        """
limit = 0
def older(limit):
    found = %rapyer_find User age > $limit
    return found

async def aolder(limit):
    found = %rapyer_find User age > $limit
    return found

counts = len(older(20)), len(await aolder(20)), len(older(0))
"""
    )
    assert notebook["counts"] == (1, 1, 2)


def test_the_limit_goes_to_the_server_and_the_total_is_kept(notebook: Notebook) -> None:
    notebook.run("await User.ainsert(*[User(name=f'n{i}', age=50) for i in range(100)])")
    found = notebook.run("%rapyer_find User age == 50 --limit 7")
    assert (len(found), found.total) == (7, 100)
    assert "7 of 100, " in found.view().text()
    assert len(notebook.run("%rapyer_find User age == 50")) == 100


def test_no_more_rows_are_shown_than_configured(notebook: Notebook) -> None:
    notebook.run("await User.ainsert(*[User(name=f'n{i}', age=50) for i in range(100)])")
    notebook.run("%config RapyerMagics.display_limit = 3")
    shown = notebook.cell("%rapyer_find User age == 50")
    assert "100 of 100 (first 3 shown), " in shown.text
    assert shown.html.count("<tr>") == 4


def test_count(notebook: Notebook) -> None:
    assert notebook.run("%rapyer_find User age > 20 --count") == 1
    assert notebook.run("%rapyer_find User --count") == 2


def test_as_dict(notebook: Notebook) -> None:
    found = notebook.run("%rapyer_find User age > 20 --as dict")
    assert found == [{"name": "Ada", "age": 36, "status": "active", "tags": []}]
    assert found.total == 1


def test_quiet_shows_the_numbers_only(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_find User age > 20 --quiet")
    assert "1 of 1, " in shown.text
    assert "Ada" not in shown.text


def test_classes_of_later_cells_and_classes_defined_again(notebook: Notebook) -> None:
    notebook.run(
        "class Pet(AtomicRedisModel):\n    name: Index[str]\nawait Pet(name='Rex').asave()\n"
        "pets = %rapyer_find Pet name == 'Rex'"
    )
    assert len(notebook["pets"]) == 1
    notebook.run(
        "class Pet(AtomicRedisModel):\n    name: Index[str]\n    legs: Index[int] = 4\nrex = Pet(name='Rex')"
    )
    notebook.run("await rex.asave()")
    assert [pet.legs for pet in notebook.run("%rapyer_find Pet legs == 4")] == [4]


def test_a_class_that_is_not_in_the_namespace_is_found_by_its_name(notebook: Notebook) -> None:
    notebook.run(
        "def make():\n    class Hidden(AtomicRedisModel):\n        size: Index[int] = 1\n    return Hidden\nmake()"
    )
    assert notebook.run("%rapyer_find Hidden --count") == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Usr age > 3", "NotebookError: unknown model 'Usr'; did you mean 'User'?"),
        ("User agee > 3", "NotebookError: unknown field 'agee' on User; did you mean 'age'?"),
        ("User tags == 3", "NotIndexedError: User.tags has no index, so it cannot be searched; declare it as `tags: Index[…]`"),
        ("User age == 'x'", "BadFilterError: User.age compares with a number, not with 'x'"),
        ("User age > 3 --limt 3", "NotebookError: %rapyer_find: unknown option '--limt'; did you mean '--limit'?"),
        ("User --zzz", "NotebookError: %rapyer_find: unknown option '--zzz'; %rapyer_find? shows the help"),
        ("User --limit", "NotebookError: %rapyer_find: --limit needs a value; %rapyer_find? shows the help"),
        ("User --limit x", "NotebookError: %rapyer_find: argument --limit: a positive whole number is needed, not 'x'; %rapyer_find? shows the help"),
        ("User --limit 0", "NotebookError: %rapyer_find: argument --limit: a positive whole number is needed, not '0'; %rapyer_find? shows the help"),
        ("User --count=3", "NotebookError: %rapyer_find: --count takes no value; %rapyer_find? shows the help"),
        ("", "NotebookError: %rapyer_find: the following arguments are required: MODEL; %rapyer_find? shows the help"),
        ("User --limit $nothing", "NotebookError: there is no variable 'nothing'; did you mean 'something'?"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    notebook.run("number = 3\nsomething = 4")
    for source in (
        f"%rapyer_find {line}",
        f"x = %rapyer_find {line}",
        f"def f():\n    %rapyer_find {line}\nf()",
    ):
        assert notebook.cell(source).text.strip() == message


def test_the_known_models_are_listed_where_no_name_is_like_it(notebook: Notebook) -> None:
    registry._models = {"User": registry._models["User"]}  # other tests have models, too
    notebook.run("number = 3")
    pattern = r"NotebookError: {}; there are (\w+, )*User"
    assert re.fullmatch(
        pattern.format("unknown model 'Zebra'"), notebook.cell("%rapyer_find Zebra").text.strip()
    )
    said = notebook.cell("%rapyer_find number").text.strip()
    assert re.fullmatch(pattern.format("'number' is an int, not a model class"), said)


def test_the_traceback_of_a_mistake_can_be_seen(notebook: Notebook) -> None:
    assert "Traceback" not in notebook.cell("%rapyer_find Usr").text
    assert "Traceback" in notebook.cell("%tb").text
    notebook.run("%config RapyerMagics.short_errors = False")
    assert "Traceback" in notebook.cell("%rapyer_find Usr").text
    assert "Traceback" in notebook.cell("%rapyer_find User tags == 3").text


def test_mistakes_can_be_caught_by_their_type(notebook: Notebook) -> None:
    notebook.run(
        "from rapyer.errors import NotIndexedError\ntry:\n    %rapyer_find User tags == 3\n"
        "except NotIndexedError as error:\n    caught = error.field"
    )
    assert notebook["caught"] == "tags"


def test_the_help_has_examples(notebook: Notebook) -> None:
    text = notebook.cell("print(get_ipython().find_line_magic('rapyer_find').__doc__)").text
    assert "%rapyer_find [--sort FIELDS] [--limit N]" in text
    assert "%%rapyer_find" not in text
    assert 'age >= 18 and status == "active" --limit 20' in text


def test_the_same_in_python(notebook: Notebook) -> None:
    notebook.run("import rapyer_nb\nlimit = 20")
    assert notebook.run("found = await rapyer_nb.find(User, User.age > 20, limit=5)\nfound") == [
        notebook["ada"]
    ]
    assert notebook.run("found = await rapyer_nb.find(User, 'age > $limit')\nfound.total") == 1
    assert notebook.run("(await rapyer_nb.find(User, 'age > $n', variables={'n': 1})).total") == 2
    assert notebook.run("(await rapyer_nb.find(User)).total") == 2
    assert "find" in dir(rapyer_nb)


def test_documents_that_do_not_fit_are_left_out_and_counted(
    notebook: Notebook, rapyer_redis_url: str
) -> None:
    with redis.Redis.from_url(rapyer_redis_url) as client:
        client.json().set("User:bad", "$", {"name": ["no"], "age": 50})
    found = notebook.run("%rapyer_find User age > 20 --limit 10")
    assert found == [notebook["ada"]]
    assert found.skipped == ("User:bad",)
    assert "1 document skipped as gone or corrupt (.skipped)" in found.view().text()


def test_after_a_teardown_the_notebook_connects_anew(notebook: Notebook) -> None:
    notebook.run("from rapyer import teardown_rapyer\nawait teardown_rapyer()")
    assert notebook.run("%rapyer_find User --count") == 2
