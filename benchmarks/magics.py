"""What a magic costs above the library's own call: the first of many documents."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from benchmarks.checks import found
from benchmarks.stored import BenchNarrow
from benchmarks.subject import made
from benchmarks.timing import Work

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = "lib"
SIZE = 100_000
LIMIT = 20

_PER_INSERT = 1000
_QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    f"%rapyer_find {LIMIT} of {SIZE}": ("", {}),
    f"%rapyer_find {LIMIT} sorted of {SIZE}": ("--sort -age", {"sort_by": "-age"}),
    f"%rapyer_find {LIMIT} rows of {SIZE}": ("--fields name,score,age", {"only": ("name", "score", "age")}),
}
"""By the operation: the options of the magic, and those of the call."""


def names() -> list[str]:
    """Return the operations."""
    return list(_QUESTIONS)


@contextmanager
def notebook() -> Iterator[InteractiveShell]:
    """Open a shell with the extension, which uses the connection that there is."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    shell.extension_manager.load_extension("rapyer_nb")
    try:
        yield shell
    finally:
        shell.extension_manager.unload_extension("rapyer_nb")
        InteractiveShell.clear_instance()


async def find_work(shell: InteractiveShell) -> tuple[dict[str, Work], dict[str, Work]]:
    """Store many documents; return what finds some of them by the magic, and by the library."""
    for start in range(0, SIZE, _PER_INSERT):
        await BenchNarrow.ainsert(*(made("3f", number) for number in range(start, start + _PER_INSERT)))
    magics, calls = {}, {}
    for name, (line, options) in _QUESTIONS.items():
        magics[name] = Work(_by_magic(shell, line), found(LIMIT, 7))
        calls[name] = Work(_by_library(options), found(LIMIT, 7))
    return magics, calls


def _by_magic(shell: Any, options: str) -> Any:
    line = f"BenchNarrow age == 7 --limit {LIMIT} {options}"

    async def run(times: int) -> list[Any]:
        for _ in range(times):
            models = await shell.rapyer.line_magic("rapyer_find", line)
        return list(models)

    return run


def _by_library(options: dict[str, Any]) -> Any:
    condition: Any = BenchNarrow.age == 7

    async def run(times: int) -> list[Any]:
        for _ in range(times):
            models = await BenchNarrow.afind(condition, max_results=LIMIT, **options)
        return list(models)

    return run
