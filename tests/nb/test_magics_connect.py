"""`%rapyer_connect` as a user sees it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rapyer.model.registry import registry
from rapyer_nb.errors import NotebookError
from rapyer_nb.server import EmbeddedServer, start_embedded
from tests.nb.notebook import Notebook, bare_notebook
from tests.nb.server_processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def other() -> Iterator[EmbeddedServer]:
    """A second server, with a password."""
    with start_embedded(shared=False, port=0) as server:
        yield server


def test_without_arguments_it_shows_what_is_used(notebook: Notebook, rapyer_redis: EmbeddedServer) -> None:
    shown = notebook.cell("%rapyer_connect")
    assert (
        shown.text.strip()
        == f"{rapyer_redis.describe()} · Redis {rapyer_redis.version} · from RAPYER_REDIS_URL"
    )
    assert f"<code>{rapyer_redis.describe()}</code>" in shown.html
    assert notebook.cell("connection = %rapyer_connect").text == ""


def test_the_order_of_the_variables(
    notebook: Notebook, other: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.run("%unload_ext rapyer_nb")
    monkeypatch.setenv("REDIS_URL", other.url)
    notebook.run("%load_ext rapyer_nb")
    assert notebook.cell("%rapyer_connect").text.strip().endswith("from RAPYER_REDIS_URL")
    notebook.run("%unload_ext rapyer_nb")
    monkeypatch.setenv("RAPYER_REDIS_URL", "")
    notebook.run("%load_ext rapyer_nb")
    assert notebook.cell("%rapyer_connect").text.strip().endswith("from REDIS_URL")


@pytest.mark.parametrize("line", ["$url", "{url}", "{server.url}", "$server.url"])
def test_another_server_without_its_password_being_shown(
    notebook: Notebook, other: EmbeddedServer, line: str
) -> None:
    notebook.shell.user_ns.update(url=other.url, server=other)
    shown = notebook.cell(f"%rapyer_connect {line}")
    assert shown.error is None, shown.text
    password = other.url.partition(":")[2].partition(":")[2].partition("@")[0]
    assert len(password) > 10
    assert shown.text.strip() == f"{other.describe()} · Redis {other.version} · from %rapyer_connect"
    assert "***" in shown.text
    for text in (shown.text, shown.html, repr(registry.source), notebook.cell("%rapyer_connect").text):
        assert password not in text
    assert notebook.run("%rapyer_find User --count") == 0
    notebook.run("await ada.asave()")
    assert notebook.run("%rapyer_find User --count") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "redis://:secret@127.0.0.1:1/0",
            "NotebookError: redis://:***@127.0.0.1:1/0 (from %rapyer_connect) cannot be reached: Error 111 connecting "
            "to 127.0.0.1:1. Connection refused; check the address, or use %rapyer_connect --embedded",
        ),
        (
            "redis://user:secret:with@colon@host:port/0",
            "NotebookError: what %rapyer_connect gives is no Redis URL; the form is "
            "redis://user:password@host:port/db, with rediss:// for TLS, or unix:///path",
        ),
        (
            "http://secret@host",
            "NotebookError: what %rapyer_connect gives is no Redis URL; the form is "
            "redis://user:password@host:port/db, with rediss:// for TLS, or unix:///path",
        ),
        (
            "redis://secret --embedded",
            "NotebookError: %rapyer_connect: a URL and --embedded exclude each other; leave one out",
        ),
        (
            "a b",
            "NotebookError: %rapyer_connect: unrecognized arguments: b; %rapyer_connect? shows the help",
        ),
        (
            "--embeded",
            "NotebookError: %rapyer_connect: unknown option '--embeded'; did you mean '--embedded'?",
        ),
    ],
)
def test_mistakes_are_one_line_and_keep_the_connection(notebook: Notebook, line: str, message: str) -> None:
    source = registry.source
    shown = notebook.cell(f"%rapyer_connect {line}")
    assert shown.text.strip() == message
    assert registry.source is source
    assert notebook.run("%rapyer_find User --count") == 2


def test_a_wrong_password_is_one_line(notebook: Notebook, other: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = f"redis://:wrong-secret@127.0.0.1:{other.port}/0"
    shown = notebook.cell("%rapyer_connect $url")
    assert shown.text.strip() == (
        f"NotebookError: redis://:***@127.0.0.1:{other.port}/0 (from %rapyer_connect) refuses the connection: "
        "invalid username-password pair or user is disabled; check the address, or use %rapyer_connect --embedded"
    )


@pytest.fixture
def plain_server(rapyer_redis: EmbeddedServer) -> Iterator[str]:
    """The same redis-server as that of the session, without its modules; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as folder:
        path = Path(folder, "s")
        command = [
            rapyer_redis.executable,
            "--port",
            "0",
            "--unixsocket",
            path,
            "--save",
            "",
            "--dir",
            folder,
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            assert eventually(path.exists)
            yield f"unix://{path}"
        finally:
            process.terminate()
            process.wait()


def test_a_server_without_the_modules_is_told(notebook: Notebook, plain_server: str) -> None:
    shown = notebook.cell(f"%rapyer_connect {plain_server}")
    assert "⚠ without JSON and Search" in shown.text


def test_the_embedded_server_can_be_asked_for(
    project: Path, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("REDIS_URL", rapyer_redis_url)
    with bare_notebook() as notebook:
        notebook.run("%load_ext rapyer_nb")
        assert notebook.cell("%rapyer_connect --embedded").text.strip().endswith("· from the embedded server")


def test_the_same_in_python(notebook: Notebook, other: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = other.url
    notebook.run("import rapyer_nb\nbefore = rapyer_nb.connect()\nafter = rapyer_nb.connect(url)")
    assert str(notebook["before"]).endswith("from RAPYER_REDIS_URL")
    assert str(notebook["after"]).startswith(other.describe())
    assert notebook.run("%rapyer_find User --count") == 0
    notebook.run("import asyncio\nawait asyncio.sleep(0)\nafter = rapyer_nb.connect()")
    notebook.run("%unload_ext rapyer_nb")
    shown = notebook.cell("rapyer_nb.connect()")
    assert isinstance(shown.error, NotebookError)
    assert (
        shown.text.strip() == "NotebookError: there is no notebook to connect; run %load_ext rapyer_nb first"
    )
