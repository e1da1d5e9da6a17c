"""What `pyproject.toml` and the environment say of notebooks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rapyer_nb.errors import NotebookError
from rapyer_nb.settings import Settings, SettingsWarning, read_settings, resolved
from tests.nb.notebook import MODELS, Notebook, bare_notebook, empty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, without variables of ours."""
    for name in ("RAPYER_REDIS_URL", "REDIS_URL", "RAPYER_NB_TTL", "RAPYER_NB_DISPLAY_LIMIT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


@contextmanager
def loaded() -> Iterator[Notebook]:
    with bare_notebook() as notebook:
        notebook.run("%load_ext rapyer_nb")
        yield notebook


def test_without_a_file_nothing_is_set(folder: Path) -> None:
    assert read_settings(folder, {}) == Settings()


def test_all_that_can_be_set(folder: Path) -> None:
    write(
        folder,
        '[tool.rapyer_nb]\nurl = "$SOME_URL"\nttl = 60\ndisplay_limit = 5\n'
        '[tool.rapyer_nb.connections]\narchive = "redis://archive/0"\n',
    )
    expected = Settings("$SOME_URL", 60, {"archive": "redis://archive/0"}, {"display_limit": 5})
    assert read_settings(folder, {}) == expected
    (folder / "notebooks").mkdir()
    assert read_settings(folder / "notebooks", {}) == expected
    assert read_settings(folder, {"RAPYER_NB_TTL": "5"}).ttl == 5
    assert "archive" not in repr(expected)
    assert "SOME_URL" not in repr(expected)


@pytest.mark.parametrize(
    ("text", "environment", "problem"),
    [
        ("[tool.rapyer_nb\n", {}, "pyproject.toml is no valid TOML; its settings are not used"),
        ("[tool]\nrapyer_nb = 5", {}, "pyproject.toml: [tool.rapyer_nb] is not a table"),
        ("[tool.rapyer_nb]\nurl = 5", {}, "pyproject.toml: [tool.rapyer_nb] url is not a text"),
        (
            "[tool.rapyer_nb]\nttl = 'secret'",
            {},
            "pyproject.toml: [tool.rapyer_nb] ttl is not a positive number of seconds",
        ),
        (
            "[tool.rapyer_nb]\nttl = true",
            {},
            "pyproject.toml: [tool.rapyer_nb] ttl is not a positive number of seconds",
        ),
        (
            "[tool.rapyer_nb]\nconnections = 5",
            {},
            "pyproject.toml: [tool.rapyer_nb.connections] is not a table",
        ),
        (
            "[tool.rapyer_nb.connections]\n'a b' = 'redis://x'",
            {},
            "pyproject.toml: a connection cannot be called 'a b'",
        ),
        (
            "[tool.rapyer_nb.connections]\na = 5",
            {},
            "pyproject.toml: the URL of the connection 'a' is not a text",
        ),
        (
            "[tool.rapyer_nb]\nttl = 9000000000000001",
            {},
            "pyproject.toml: [tool.rapyer_nb] ttl is not a positive number of seconds",
        ),
        (
            "",
            {"RAPYER_NB_TTL": "99999999999999999999"},
            "RAPYER_NB_TTL is no positive number of seconds",
        ),
        ("", {"RAPYER_NB_TTL": "soon"}, "RAPYER_NB_TTL is no positive number of seconds"),
    ],
)
def test_what_is_wrong_is_named_and_counts_for_nothing(
    folder: Path, text: str, environment: dict[str, str], problem: str
) -> None:
    write(folder, text)
    assert read_settings(folder, environment) == Settings(problems=(problem,))


def test_a_file_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "pyproject.toml").write_bytes(b"\xff\xfe")
    problem = "pyproject.toml is no valid TOML; its settings are not used"
    assert read_settings(folder, {}).problems == (problem,)


@pytest.mark.parametrize("url", ["$PLACE", "${PLACE}"])
def test_a_url_can_be_a_variable(url: str) -> None:
    assert resolved(url, "pyproject.toml", {"PLACE": "redis://x"}) == "redis://x"
    assert resolved("redis://:$a@x", "pyproject.toml", {}) == "redis://:$a@x"
    message = "PLACE is not set, from which pyproject.toml takes a URL; set PLACE, or use %rapyer_connect URL"
    with pytest.raises(NotebookError, match=message):
        resolved(url, "pyproject.toml", {})


def test_the_project_names_the_server(
    folder: Path, second: EmbeddedServer, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(rapyer_redis_url)
    write(
        folder,
        '[tool.rapyer_nb]\nurl = "$SECOND"\nttl = 50\n[tool.rapyer_nb.connections]\n'
        f'archive = "{rapyer_redis_url}"\nlost = "$NOWHERE"\ndown = "redis://:secret@127.0.0.1:1/0"\n',
    )
    monkeypatch.setenv("SECOND", second.url)
    with loaded() as notebook:
        rows = notebook.cell("%rapyer_connect --list").text.splitlines()
        assert [row.split() for row in rows[1:6]] == [
            ["in", "use", "name", "address", "time", "to", "live", "from"],
            ["✓", "default", "not", "connected", "yet", "50", "s"],
            ["archive", "not", "connected", "yet", "pyproject.toml", "(archive)"],
            ["lost", "not", "connected", "yet", "pyproject.toml", "(lost)"],
            ["down", "not", "connected", "yet", "pyproject.toml", "(down)"],
        ]
        notebook.run(MODELS)
        assert notebook.cell("%rapyer_connect").text.strip() == (
            f"{second.describe()} · Redis {second.version} · what is stored expires after 50 s · "
            "from pyproject.toml"
        )
        assert (
            notebook.run(
                "import redis\nredis.Redis.from_url(__import__('os').environ['SECOND']).ttl(ada.key)"
            )
            > 40
        )
        assert notebook.run("%rapyer_find User --count --alias archive") == 0
        assert notebook.cell("%rapyer_find User --alias lost").text.strip() == (
            "NotebookError: NOWHERE is not set, from which pyproject.toml (lost) takes a URL; "
            "set NOWHERE, or use %rapyer_connect URL"
        )
        assert notebook.cell("%rapyer_connect down").text.strip() == (
            "NotebookError: redis://:***@127.0.0.1:1/0 (from pyproject.toml (down)) cannot be reached: Error 111 "
            "connecting to 127.0.0.1:1. Connection refused; start that server, change pyproject.toml (down), "
            "or use %rapyer_connect --embedded"
        )
        notebook.run("%rapyer_connect archive")
        notebook.run("%rapyer_connect --close archive")
        assert "archive" in notebook.cell("%rapyer_connect --list").text


def test_the_environment_goes_before_the_project(
    folder: Path, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, '[tool.rapyer_nb]\nurl = "redis://127.0.0.1:1/0"\ndisplay_limit = 5\nshort_errors = false')
    monkeypatch.setenv("REDIS_URL", rapyer_redis_url)
    monkeypatch.setenv("RAPYER_NB_DISPLAY_LIMIT", "7")
    with loaded() as notebook:
        assert notebook.cell("%rapyer_connect").text.strip().endswith("from REDIS_URL")
        toolkit = notebook.run("get_ipython().rapyer")
        assert (toolkit.display_limit, toolkit.short_errors, toolkit.feedback) == (7, False, True)


def test_the_configuration_of_ipython_goes_before_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "[tool.rapyer_nb]\nfeedback = false\ndisplay_limit = 5\n")
    with bare_notebook() as notebook:
        notebook.shell.config.RapyerMagics.display_limit = 9
        notebook.run("%load_ext rapyer_nb")
        toolkit = notebook.run("get_ipython().rapyer")
        assert (toolkit.display_limit, toolkit.feedback) == (9, False)


@pytest.mark.parametrize(
    ("text", "variable", "message"),
    [
        (
            "display_limt = 5",
            "",
            r"unknown setting 'display_limt' in \[tool.rapyer_nb\]; did you mean 'display_limit'\?",
        ),
        (
            "display_limit = 0",
            "",
            r"pyproject.toml: \[tool.rapyer_nb\] display_limit is no value for it: an int",
        ),
        ("bridge = 'tunnel'", "", r"bridge is no value for it: one of auto, nest, thread, off"),
        ("", "many", "RAPYER_NB_DISPLAY_LIMIT is no value for it: an int"),
    ],
)
def test_a_wrong_option_is_told_when_the_extension_is_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, variable: str, message: str
) -> None:
    write(folder, f"[tool.rapyer_nb]\n{text}\n")
    monkeypatch.setenv("RAPYER_NB_DISPLAY_LIMIT", variable)
    with bare_notebook() as notebook, pytest.warns(SettingsWarning, match=message):
        notebook.shell.extension_manager.load_extension("rapyer_nb")
        assert notebook.run("get_ipython().rapyer.display_limit") == 20


def test_every_option_says_what_it_is(folder: Path) -> None:
    with loaded() as notebook:
        toolkit = notebook.run("get_ipython().rapyer")
        traits = toolkit.traits(config=True)
        assert {"bridge", "default_form", "display_limit", "feedback", "short_errors"} <= set(traits)
        shown = " ".join(notebook.cell("%config RapyerMagics").text.split())
        for name, trait in traits.items():
            assert len(trait.help) > 20, name
            assert trait.help[:30] in shown


def test_loading_without_any_server_is_quiet_and_the_first_use_says_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    with bare_notebook() as notebook:
        assert notebook.cell("%load_ext rapyer_nb").text == ""
        notebook.run(
            "from rapyer import AtomicRedisModel\nclass Early(AtomicRedisModel):\n    name: str = ''"
        )
        cure = "start that server, change REDIS_URL, or use %rapyer_connect --embedded"
        for cell in (
            "await Early().asave()",
            "%rapyer_find Early",
            "%%rapyer_pipeline\nawait Early().asave()",
        ):
            shown = notebook.cell(cell)
            assert isinstance(shown.error, NotebookError)
            assert shown.text.strip().splitlines()[-1].endswith(cure), cell
            assert "secret" not in shown.text
