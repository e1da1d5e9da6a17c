"""Loading, reloading and unloading: quiet, without I/O, and nothing is left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, start_embedded
from tests.nb.notebook import MODELS, Notebook, bare_notebook, empty
from tests.nb.server_processes import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    # Nothing listens there: whatever does I/O fails.
    monkeypatch.setenv("RAPYER_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    with bare_notebook() as notebook:
        yield notebook


def traces(notebook: Notebook) -> dict[str, Any]:
    """Return everything that loading the extension may change."""
    shell: Any = notebook.shell
    formatters = shell.display_formatter.formatters
    return {
        "transformers": [
            *shell.input_transformers_cleanup,
            *shell.input_transformers_post,
            *shell.input_transformer_manager.token_transformers,
            *shell.ast_transformers,
        ],
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "magics": {kind: set(names) for kind, names in shell.magics_manager.magics.items()},
        "registry of magics": set(shell.magics_manager.registry),
        "configurables": [type(one).__name__ for one in shell.configurables],
        "formatters": {mime: set(one.type_printers) for mime, one in formatters.items()},
        "mimebundle": set(shell.display_formatter.mimebundle_formatter.type_printers),
        "matchers": [one.matcher_identifier for one in shell.Completer.custom_matchers],
        "attributes": set(vars(shell)),
        "library": (registry.source, registry.bound, registry.auto_index, registry.allow_redefinition),
        "custom exceptions": shell.custom_exceptions,
        "threads": {thread.name for thread in threading.enumerate() if "rapyer" in thread.name},
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: after[name] for name in before if before[name] != after[name]}


def test_loading_is_quiet_and_does_no_io(bare: Notebook) -> None:
    shown = bare.cell("%load_ext rapyer_nb")
    assert shown.error is None
    assert shown.text == ""


def test_unloading_leaves_nothing_behind(bare: Notebook) -> None:
    bare.run("1")
    before = traces(bare)
    bare.shell.extension_manager.load_extension("rapyer_nb")
    assert set(changed(before, traces(bare))) == {
        "transformers", "magics", "registry of magics", "configurables", "formatters", "attributes", "library", "matchers",
    }  # fmt: skip
    bare.shell.extension_manager.unload_extension("rapyer_nb")
    assert changed(before, traces(bare)) == {}


def test_unloading_after_use_leaves_nothing_behind(notebook: Notebook, rapyer_redis_url: str) -> None:
    shell = notebook.shell
    notebook.run("%config")  # makes IPython load magics of its own
    shell.extension_manager.unload_extension("rapyer_nb")
    before = traces(notebook)
    with redis.Redis.from_url(rapyer_redis_url) as client:
        connections = len(client.client_list())
        shell.extension_manager.load_extension("rapyer_nb")
        notebook.run("%config RapyerMagics.bridge = 'thread'")
        notebook.run(
            "import asyncio\ndef f():\n    %rapyer_find User\nawait asyncio.sleep(0)\nf()\nusers = %rapyer_find User"
        )
        assert len(client.client_list()) > connections
        shell.extension_manager.unload_extension("rapyer_nb")
        assert changed(before, traces(notebook)) == {}
        assert len(client.client_list()) == connections


def test_loading_twice_is_harmless(notebook: Notebook) -> None:
    before = traces(notebook)
    notebook.run("%load_ext rapyer_nb")
    rapyer_nb.load_ipython_extension(notebook.shell)
    assert changed(before, traces(notebook)) == {}
    rapyer_nb.unload_ipython_extension(notebook.shell)
    rapyer_nb.unload_ipython_extension(notebook.shell)


def test_reloading(notebook: Notebook) -> None:
    assert notebook.cell("%reload_ext rapyer_nb").text == ""
    assert notebook.run("users = %rapyer_find User\nusers.total") == 2
    assert notebook.run("%reload_ext rapyer_nb\nusers = %rapyer_find User\nusers.total") == 2
    before = traces(notebook)
    notebook.run("%reload_ext rapyer_nb")
    assert set(changed(before, traces(notebook))) <= {"transformers", "library"}
    assert len(notebook.shell.input_transformers_post) == 1


def test_after_unloading_the_magics_are_unknown(notebook: Notebook) -> None:
    notebook.run("%unload_ext rapyer_nb")
    assert "`%rapyer_find` not found" in notebook.cell("%rapyer_find User").text


def test_a_connection_made_before_loading_is_kept(bare: Notebook, rapyer_redis_url: str) -> None:
    empty(rapyer_redis_url)
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    bare.run("%load_ext rapyer_nb")
    assert registry.source is source
    assert registry.auto_index
    assert bare.cell("%rapyer_connect").text.strip().endswith("from init_rapyer")
    bare.run(MODELS)
    assert bare.run("%rapyer_find User --count") == 2
    bare.run("%unload_ext rapyer_nb")
    assert (registry.source, registry.auto_index) == (source, False)


def test_a_connection_made_after_loading_is_kept(bare: Notebook, rapyer_redis_url: str) -> None:
    bare.run("%load_ext rapyer_nb")
    bare.run(f"from rapyer import init_rapyer\nawait init_rapyer('{rapyer_redis_url}')\nawait init_rapyer()")
    source = registry.source
    assert bare.cell("%rapyer_connect").text.strip().endswith("from init_rapyer")
    bare.run("%unload_ext rapyer_nb")
    assert registry.source is source


def test_the_first_use_of_a_server_that_does_not_answer_is_one_clear_line(bare: Notebook) -> None:
    bare.run("%load_ext rapyer_nb")
    bare.run(
        "from rapyer import AtomicRedisModel, Index\nclass User(AtomicRedisModel):\n    name: Index[str] = ''"
    )
    message = (
        "NotebookError: redis://:***@127.0.0.1:1/0 (from RAPYER_REDIS_URL) cannot be reached: Error 111 connecting to "
        "127.0.0.1:1. Connection refused; start that server, change RAPYER_REDIS_URL, or use %rapyer_connect --embedded"
    )
    for source in ("await User().asave()", "%rapyer_find User", "%rapyer_connect", "x = %rapyer_find User"):
        assert bare.cell(source).text.strip() == message


def test_a_server_that_answers_later_is_found(
    bare: Notebook, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.run("%load_ext rapyer_nb")
    assert bare.cell("%rapyer_connect").error is not None
    monkeypatch.setenv("RAPYER_REDIS_URL", rapyer_redis_url)
    assert bare.cell("%rapyer_connect").text.strip().endswith("from RAPYER_REDIS_URL")


def test_a_server_that_goes_away_is_one_line(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapyer_nb.progress.PATIENCE", 1000)  # no bar while it is tried again
    with start_embedded(shared=False) as server:
        notebook.run(f"%rapyer_connect {server.url}")
        notebook.run("%rapyer_find User")
        address = server.describe()
    assert eventually(lambda: notebook.cell("%rapyer_find User").error is not None)
    # While it is tried again, a terminal shows for how long, and wipes that out at the end.
    (text,) = on_screen(notebook.cell("%rapyer_find User").text)
    assert text.endswith(f"({address}); %rapyer_connect chooses another server")


def on_screen(text: str) -> list[str]:
    """Return the lines that a terminal shows in the end, where a carriage return lets it write over one."""
    lines = []
    for written in text.split("\n"):
        shown = ""
        for part in written.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return [line for line in lines if line]


def test_what_is_written_over_is_not_on_the_screen() -> None:
    assert on_screen("one\n\rlonger\r      \r\nstays\rSt\n") == ["one", "Stays"]


def test_models_are_displayed_while_the_extension_is_loaded(notebook: Notebook) -> None:
    shown = notebook.cell("ada")
    assert "<caption>User <code" in shown.html
    assert shown.text.strip().startswith("User(key='User:")
    assert "[User(key=" in notebook.cell("[ada]").text
    notebook.run("%unload_ext rapyer_nb")
    assert notebook.cell("ada").html == ""


def test_a_class_with_a_display_of_its_own_keeps_it(notebook: Notebook) -> None:
    notebook.run(
        "class Own(AtomicRedisModel):\n    def _repr_html_(self):\n        return '<b>own</b>'\n"
        "    def __repr__(self):\n        return 'own text'"
    )
    shown = notebook.cell("Own()")
    assert shown.html.strip() == "<b>own</b>"
    assert "own text" in shown.text


def test_the_embedded_server_is_the_last_choice_and_survives_a_reload(
    project: Path, bare: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fixture `project` checks in the end that no server is left.
    monkeypatch.chdir(project)
    monkeypatch.delenv("RAPYER_REDIS_URL")
    bare.run("%load_ext rapyer_nb")
    bare.run(MODELS)
    assert bare.cell("%rapyer_connect").text.strip().endswith("· from the embedded server")
    bare.run("%reload_ext rapyer_nb")
    bare.run("import time\ntime.sleep(1)  # longer than the server waits for somebody to come back")
    assert bare.run("%rapyer_find User --count") == 2
    assert bare.shell.events.callbacks["post_run_cell"] == []
    bare.run("%unload_ext rapyer_nb")
    assert bare.shell.events.callbacks["post_run_cell"] == []


def test_no_embedded_server_to_be_had_is_one_clear_line(
    bare: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> EmbeddedServer:
        raise EmbeddedServerError("no embedded Redis could be started. Tried:\n  - the wheels: not installed")

    monkeypatch.delenv("RAPYER_REDIS_URL")
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr("rapyer_nb.state.start_embedded", fail)
    bare.run("%load_ext rapyer_nb")
    assert bare.cell("%rapyer_connect").text.strip() == (
        "NotebookError: no Redis to connect to: RAPYER_REDIS_URL and REDIS_URL are not set, and no embedded Redis could "
        "be started. Tried: - the wheels: not installed; set REDIS_URL, or %rapyer_connect URL"
    )


def test_the_names_of_the_package_are_imported_when_used() -> None:
    code = (
        "import sys, rapyer_nb, rapyer_nb.pytest_plugin\n"
        "assert 'IPython' not in sys.modules and 'ipywidgets' not in sys.modules\n"
        "rapyer_nb.find, rapyer_nb.connect, rapyer_nb.edit, rapyer_nb.__version__\n"
        "assert 'pandas' not in sys.modules and 'nest_asyncio2' not in sys.modules\n"
        "try:\n    rapyer_nb.nothing\nexcept AttributeError as error:\n    print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "module 'rapyer_nb' has no attribute 'nothing'\n"


def test_nothing_is_needed_from_the_namespace(notebook: Notebook) -> None:
    assert not {"AtomicRedisModels", "find", "edit", "connect"} & set(notebook.shell.user_ns)
    assert notebook["AtomicRedisModel"] is AtomicRedisModel
