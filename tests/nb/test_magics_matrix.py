"""Every magic wherever code can stand: in a shell, in a kernel with all cells queued, in a terminal, in nbclient."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from rapyer_nb.magics import MAGICS
from tests.nb.notebook import Notebook, empty, open_notebook
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETUP = """
from rapyer import AtomicRedisModel, Index

class User(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0

ada, bob = User(name="Ada", age=36), User(name="Bob", age=12)
await User.ainsert(ada, bob)
least, kept, value = 3, [], None
shot = %rapyer_snapshot shot ada
"""


@dataclass(frozen=True)
class Use:
    """How a magic is used, so that it gives the same each time.

    Args:
        line: What stands behind its name.
        check: What then holds of `value`.
        body: The rest of the cell, for a cell magic.
        before: Code that is run before.
    """

    line: str
    check: str
    body: str = ""
    before: str = ""


USES = {
    "rapyer_connect": Use("", "value.address"),
    "rapyer_find": Use("User age > $least --sort -age --limit 1", "[one.name for one in value] == ['Ada']"),
    "rapyer_explain": Use("User age > $least", "value.found == 2"),
    "rapyer_plot": Use("User age --where age > $least", "len(value.points) > 0"),
    "rapyer_pipeline": Use("ada --quiet", "value == ada.age > 36", "ada.age = 37\nada.age"),
    "rapyer_lock": Use("ada --save", "value == ada.age > 36", "ada.age = 38\nada.age"),
    "rapyer_get": Use("$ada.key", "value == await User.aget(ada.key)"),
    "rapyer_save": Use("ada bob", "len(value.keys) == 2"),
    "rapyer_delete": Use(
        "$gone.key --yes", "value.keys == (gone.key,)", before="gone = await User(name='gone').asave()"
    ),
    "rapyer_ttl": Use("ada", "value.key == ada.key and value.left is None"),
    "rapyer_edit": Use("bob", "value.model is bob"),
    "rapyer_new": Use("User", "value.created == []"),
    "rapyer_browse": Use("", "value.table is None"),
    "rapyer_models": Use("User", "value['User'].documents == 2"),
    "rapyer_schema": Use("User", "'age' in value.text()"),
    "rapyer_keys": Use("User", "{one.key for one in value} >= {ada.key, bob.key}"),
    "rapyer_info": Use("", "value.nodes"),
    "rapyer_memory": Use("User", "value['User'].bytes > 0"),
    "rapyer_doctor": Use("User --sample 5", "len(value) > 10"),
    "rapyer_index": Use("plan User", "'User' in value.text()"),
    "rapyer_watch": Use("User --seconds 0.05", "list(value) == []"),
    "rapyer_trace": Use("--quiet", "value == await User.aget(ada.key)", "await User.aget(ada.key)"),
    "rapyer_snapshot": Use("other ada --replace", "len(value) == 1"),
    "rapyer_diff": Use("shot", "value is not None"),
    "rapyer_restore": Use("shot --yes", "value is not None"),
    "rapyer_race": Use("n=3", "value.runs == 3", "ada.age += 1\nawait ada.asave()"),
    "rapyer_help": Use("find", "'Examples' in value.text()"),
}

LINE_CONTEXTS = {
    "at the top": "value = %{magic}",
    "in an if": "if True:\n    value = %{magic}",
    "in a for": "for _ in range(2):\n    value = %{magic}",
    "in an async function": "async def ask():\n    found = %{magic}\n    return found\nvalue = await ask()",
    "in a function": "def ask():\n    found = %{magic}\n    return found\nvalue = ask()",
    "with %time": "%time value = %{magic}",
    "with %%time": "%%time\nvalue = %{magic}",
    "with %%capture": "%%capture out\nvalue = %{magic}",
    "with %timeit": "%timeit -n 1 -r 1 kept.append({call})\nvalue = kept.pop()",
}
CELL_CONTEXTS = {
    "at the top": "%%{magic}",
    "in an if": "if True:\n    {call}",
    "in a for": "for _ in range(2):\n    {call}",
    "in an async function": "async def ask():\n    {call}\nawait ask()",
    "in a function": "def ask():\n    {call}\nask()",
    "with %time": "%time {call}",
    "with %%time": "%%time\n%%{magic}",
    "with %%capture": "%%capture out\n%%{magic}",
    # %timeit sets variables back afterwards
    "with %timeit": "%timeit -n 1 -r 1 kept.append({plain})\nvalue = kept.pop()",
}
NAMES = [kind.name for kind in MAGICS]
KINDS = {kind.name: kind.kind for kind in MAGICS}


def cell(name: str, context: str) -> str:
    """Return a cell that puts the value of a magic into `value`."""
    use = USES[name]
    if KINDS[name] == "line":
        plain = call = f"get_ipython().run_line_magic({name!r}, {use.line!r})"
        code, magic = LINE_CONTEXTS[context], f"{name} {use.line}"
    else:
        plain = f"get_ipython().run_cell_magic({name!r}, {use.line!r}, {use.body!r})"
        call = plain.replace(repr(use.line), repr(f"value << {use.line}"), 1)
        code, magic = CELL_CONTEXTS[context], f"{name} value << {use.line}\n{use.body}"
    return code.replace("{magic}", magic.rstrip()).replace("{call}", call).replace("{plain}", plain)


def cells(name: str, context: str) -> list[str]:
    """Return what is run: what goes before, the use, and a look at what it gave."""
    use = USES[name]
    look = f"seen, value = value, None\nvalue = seen\nassert {use.check}, value\nvalue = None"
    return [*filter(None, [use.before]), cell(name, context), look]


def test_every_magic_has_a_use_and_each_kind_the_same_contexts() -> None:
    assert list(USES) == NAMES
    assert list(LINE_CONTEXTS) == list(CELL_CONTEXTS)


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        open_notebook(rapyer_redis_url, monkeypatch, SETUP) as opened,
    ):
        yield opened


@pytest.mark.parametrize("context", LINE_CONTEXTS)
@pytest.mark.parametrize("name", NAMES)
def test_in_a_shell(notebook: Notebook, name: str, context: str) -> None:
    for one in cells(name, context):
        notebook.run(one)
    assert notebook["value"] is None  # the check has run


def whole_notebook(url: str, contexts: list[str]) -> list[str]:
    """Return the cells that use every magic in some contexts."""
    start = f"import os\nos.environ['RAPYER_REDIS_URL'] = {url!r}\n%load_ext rapyer_nb"
    uses = [one for context in contexts for name in NAMES for one in cells(name, context)]
    return [start, SETUP, *uses, "print('all', 'done')"]


def test_with_all_cells_queued(rapyer_redis_url: str) -> None:
    empty(rapyer_redis_url)
    runs = run_queued(
        [*whole_notebook(rapyer_redis_url, list(LINE_CONTEXTS)), "plot = %rapyer_plot User age\nplot"],
        timeout=110,
    )
    assert all(run.ok for run in runs), report(runs)
    assert runs[-2].text == "all done\n"
    assert "image/png" in runs[-1].outputs[0]


def test_in_a_terminal_which_has_no_loop(rapyer_redis_url: str, tmp_path: Path) -> None:
    empty(rapyer_redis_url)
    path = tmp_path / "cells.ipynb"
    few = ["at the top", "in an async function", "in a function", "with %%time", "with %timeit"]
    nbformat.write(notebook_of(whole_notebook(rapyer_redis_url, few)), path)
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "--quick", str(path)]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "MPLBACKEND": "agg"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stdout + done.stderr, done.stdout[-3000:] + done.stderr[-3000:]
    assert done.stdout.endswith("all done\n")


def test_in_nbclient(rapyer_redis_url: str) -> None:
    empty(rapyer_redis_url)
    made = notebook_of(whole_notebook(rapyer_redis_url, ["at the top"]))
    NotebookClient(made, timeout=60, kernel_name="python3").execute()
    assert made.cells[-1].outputs[0]["text"] == "all done\n"
    assert not [out for one in made.cells for out in one.outputs if out.output_type == "error"]


def notebook_of(sources: list[str]) -> nbformat.NotebookNode:
    """Return a notebook with these cells."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
