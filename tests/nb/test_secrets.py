"""No password is in anything that a notebook shows, raises or saves."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import nbformat
import pytest
import redis
from nbclient import NotebookClient

from rapyer_nb.errors import NotebookError
from rapyer_nb.server import EmbeddedServer, start_embedded
from rapyer_nb.sources import NotebookSource, Target
from tests.nb.notebook import Notebook, Shown, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG = "wr0ng/pass@word#x?"


@pytest.fixture
def guarded() -> Iterator[EmbeddedServer]:
    """A server with a password, which the test may change."""
    with start_embedded(shared=False, port=0) as server:
        yield server


@pytest.fixture
def notebook(guarded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    with open_notebook(guarded.url, monkeypatch) as opened:
        port = guarded.port
        opened.shell.user_ns.update(
            url=guarded.url,
            wrong=f"redis://:{quote(WRONG, safe='')}@127.0.0.1:{port}/0",
            raw=f"redis://:{WRONG}@127.0.0.1:{port}/0",
            user=f"redis://{quote(WRONG, safe='')}@127.0.0.1:1/0",
            option=f"redis://:{quote(WRONG, safe='')}@127.0.0.1:{port}/0?colour=red",
            closed=f"redis://:{quote(WRONG, safe='')}@127.0.0.1:1/0?db=1",
            sock=f"unix://:{quote(WRONG, safe='')}@/nowhere/at/all.sock",
            bare=WRONG,
            word="wr0ngpassword",
        )
        yield opened


def password_of(url: str) -> str:
    password = url.partition("//:")[2].partition("@")[0]
    assert len(password) > 10
    return password


def everything(shown: Shown) -> str:
    """Return all that a cell gave, its errors with all that they are chained to, and what values look like."""
    texts = [shown.text, shown.html, repr(shown.value), str(shown.value)]
    errors = [] if shown.error is None else [shown.error]
    texts += traceback.format_exception(errors[0]) if errors else []
    for error in errors:
        texts += [repr(error), repr(vars(error))]
        errors += [one for one in (error.__cause__, error.__context__) if one and one not in errors]
    return "\n".join(texts)


def check(notebook: Notebook, cell: str, *secrets: str) -> Shown:
    shown = notebook.cell(cell)
    text = everything(shown)
    for secret in (*secrets, "wr0ng"):
        assert secret not in text, cell
    return shown


GOOD = (
    "%rapyer_connect",
    "%rapyer_connect $url",
    "%rapyer_connect $url --alias guarded --ttl 100",
    "%rapyer_connect --list",
    "%rapyer_connect guarded",
    "%rapyer_find User --alias default",
    "%%rapyer_pipeline ada --alias guarded\nada.age += 1",
    "get_ipython().rapyer.surroundings.state.connections",
    "get_ipython().rapyer.surroundings.state.source, vars(get_ipython().rapyer.surroundings.state.source)",
    "get_ipython().rapyer.surroundings.state.settings",
    "User.Meta",
    "class Guarded(AtomicRedisModel):\n    Meta = __import__('rapyer').RedisConfig(redis=url)\nGuarded.Meta",
    "import asyncio\nawait asyncio.sleep(0)\n__import__('rapyer').model.registry.registry.source.client()",
    "import rapyer_nb\nrapyer_nb.connections(), rapyer_nb.connect(url), list(rapyer_nb.connections())",
)


@pytest.mark.parametrize("mode", ["Context", "Verbose"])
def test_nothing_that_is_shown(notebook: Notebook, guarded: EmbeddedServer, mode: str) -> None:
    notebook.run(f"%xmode {mode}")
    for cell in GOOD:
        shown = check(notebook, cell, password_of(guarded.url))
        assert shown.error is None, shown.text


BAD = {
    "%rapyer_connect $wrong": "refuses the connection: invalid username-password pair or user is disabled",
    "%rapyer_connect $raw": "is no Redis URL; in a password, write @ / ? # as %40 %2F %3F %23",
    "%rapyer_connect $user": "redis://***@127.0.0.1:1/0 (from %rapyer_connect) cannot be reached",
    "%rapyer_connect $option": "has an option in its URL that Redis does not know",
    "%rapyer_connect $closed --alias other": "Connection refused",
    "%rapyer_connect $sock": "unix://:***@/nowhere/at/all.sock (from %rapyer_connect) cannot be reached",
    "%rapyer_connect $bare": "is neither a Redis URL nor the name of a connection",
    "%rapyer_connect $word": "is neither a Redis URL nor the name of a connection",
}
# A verbose traceback shows the user's own variables, here the URL itself, which is not ours to prevent.
IN_PYTHON = {
    "import rapyer_nb\nrapyer_nb.connect(wrong)": "refuses the connection",
    "import rapyer_nb\nrapyer_nb.connect(bare)": "is neither a Redis URL",
}


@pytest.mark.parametrize(("mode", "short"), [("Context", True), ("Verbose", False)])
def test_no_error(notebook: Notebook, guarded: EmbeddedServer, mode: str, short: bool) -> None:
    notebook.run(f"%xmode {mode}")
    notebook.run(f"%config RapyerMagics.short_errors = {short}")
    for cell, message in (BAD if mode == "Verbose" else BAD | IN_PYTHON).items():
        shown = check(notebook, cell, password_of(guarded.url))
        assert message in shown.text, cell
        assert check(notebook, "%tb", password_of(guarded.url)).text.count("Error") > 0
    assert notebook.run("%rapyer_find User --count") == 2


@pytest.mark.parametrize("mode", ["Context", "Verbose"])
def test_no_error_of_a_connection_that_breaks_later(
    notebook: Notebook, guarded: EmbeddedServer, mode: str
) -> None:
    notebook.run(f"%xmode {mode}\n%config RapyerMagics.short_errors = False")
    notebook.run("%rapyer_connect $url")
    with redis.Redis.from_url(guarded.url) as client:
        client.config_set("requirepass", "an0ther")
        client.client_kill_filter(_type="normal", skipme=True)
        for cell in ("await ada.asave()", "%rapyer_find User", "%%rapyer_pipeline\nawait ada.asave()", "%tb"):
            shown = check(notebook, cell, password_of(guarded.url))
            assert "invalid username-password pair" in shown.text, cell
            assert "send_command" not in shown.text, cell
        client.config_set("requirepass", password_of(guarded.url))
        client.shutdown(nosave=True)
    for cell in ("await ada.asave()", "%rapyer_find User", "%tb", "%rapyer_connect"):
        shown = check(notebook, cell, password_of(guarded.url))
        assert f"Error 111 connecting to 127.0.0.1:{guarded.port}. Conn" in shown.text, cell


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%rapyer_connect $url --alias $bare", "the name of a connection is letters, digits"),
        ("%rapyer_find User --alias $bare", "there is no connection of that name; there are default"),
        ("%rapyer_connect --close $bare", "there is no connection of that name; there are default"),
    ],
)
def test_what_cannot_be_a_name_is_not_shown(notebook: Notebook, cell: str, message: str) -> None:
    assert message in check(notebook, cell).text


def test_a_password_in_the_cell_is_warned_of(notebook: Notebook, guarded: EmbeddedServer) -> None:
    shown = check(notebook, f"%rapyer_connect {guarded.url}", password_of(guarded.url))
    warning = "⚠ the password is saved with this cell: take the URL from a variable ($url) or the environment"
    assert shown.text.strip().endswith(warning)
    assert warning not in notebook.cell("%rapyer_connect $url").text


def test_no_file_that_is_wrong(
    tmp_path: Path, notebook: Notebook, guarded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    urls = f'a = "redis://:{WRONG}@host"\nb = ["{guarded.url}"]\n'
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.rapyer_nb]\nttl = "{WRONG}"\nfeedback = "{WRONG}"\n[tool.rapyer_nb.connections]\n{urls}'
    )
    notebook.run("%unload_ext rapyer_nb")
    with pytest.warns(UserWarning) as told:
        notebook.shell.extension_manager.load_extension("rapyer_nb")
    said = "\n".join(str(one.message) for one in told)
    assert "[tool.rapyer_nb] ttl" in said
    assert "feedback is no value for it" in said
    assert "wr0ng" not in said
    assert password_of(guarded.url) not in said
    check(notebook, "%rapyer_connect a", password_of(guarded.url))
    check(notebook, "%rapyer_connect --list", password_of(guarded.url))


def test_no_saved_notebook(tmp_path: Path, guarded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPYER_REDIS_URL", guarded.url)
    monkeypatch.setenv("WRONG_URL", f"redis://:{quote(WRONG, safe='')}@127.0.0.1:{guarded.port}/0")
    sources = [
        "import os\n%load_ext rapyer_nb\nurl, wrong = os.environ['RAPYER_REDIS_URL'], os.environ['WRONG_URL']",
        "from rapyer import AtomicRedisModel, Index\nclass Saved(AtomicRedisModel):\n    name: Index[str] = ''",
        "%xmode Verbose\n%config RapyerMagics.short_errors = False",
        *(cell.replace("User", "Saved").replace("ada", "Saved()") for cell in GOOD if "ada" not in cell),
        "%rapyer_connect $wrong",
        "%rapyer_connect $wrong --alias other",
        "%tb",
    ]
    written: Any = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(
        written, allow_errors=True, timeout=60, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    text = nbformat.writes(written)
    assert "wr0ng" not in text
    assert password_of(guarded.url) not in text
    assert text.count("refuses the connection") >= 3
    assert f"redis://:***@127.0.0.1:{guarded.port}/0" in text


@pytest.mark.parametrize(
    "url",
    [
        "redis://:wr0ng/x@host",
        "redis://:wr0ng#x@host",
        "redis://:12?wr0ng@host",
        "redis://host?password=wr0ng@x",
        "unix://:wr0ng/x@/tmp/socket",
        "redis://:wr0ng/x@host:port",
    ],
)
def test_a_url_whose_password_could_be_taken_for_a_host_is_refused_unseen(url: str) -> None:
    with pytest.raises(NotebookError) as refused:
        NotebookSource(lambda: Target(url, "SOME_URL")).open()
    assert str(refused.value).startswith("what SOME_URL gives is no Redis URL; in a password, write @ / ? #")
    assert "wr0ng" not in "".join(traceback.format_exception(refused.value))
