"""Running notebooks headless, without touching their files."""

import importlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from nbclient import NotebookClient
    from nbformat import NotebookNode
    from tqdm import tqdm

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class UnrunnableNotebook(Exception):
    """A notebook cannot be run at all; the message says why."""


class Ran(NamedTuple):
    """What became of a notebook.

    `cells` counts the code cells that ran, `seconds` is the time it took, `failure` says what failed and
    `failed_at` which cell it was, counting all cells of the notebook from 1.
    """

    path: Path
    cells: int
    seconds: float
    failure: str | None = None
    failed_at: int | None = None


def run_notebooks(
    paths: Sequence[Path],
    *,
    environment: Mapping[str, str],
    timeout: int | None = None,
    output: Path | None = None,
    progress: TextIO | None = None,
) -> Iterator[Ran]:
    """Run notebooks one after the other, each in a kernel of its own, up to the first cell that fails.

    The kernels start in the directories of their notebooks. Nothing is written there.

    Args:
        paths: the notebooks.
        environment: the whole environment of the kernels.
        timeout: seconds that a cell may take; without it any time.
        output: directory for copies with the outputs, also of a notebook that failed.
        progress: stream for a progress bar over all cells; without it none is shown.

    Yields:
        A result for each notebook; the one with a `failure` is the last.

    Raises:
        UnrunnableNotebook: a file is missing or no notebook, or a copy would replace a notebook.
    """
    books = [(path, read_notebook(path)) for path in paths]
    copies = _copies(paths, output)
    with _bar(sum(len(code_cells(book)) for _, book in books), progress) as bar:
        for (path, book), copy in zip(books, copies, strict=True):
            bar.set_description(path.name)
            ran = _run(path, book, environment, timeout, bar.update)
            if copy is not None:
                _write(book, copy)
            bar.clear()  # the line of the result takes its place
            yield ran
            if ran.failure is not None:
                return


def read_notebook(path: Path) -> "NotebookNode":
    """Read a notebook of any version as the newest.

    Raises:
        UnrunnableNotebook: there is none, or it is not a notebook.
    """
    try:
        book: NotebookNode = _nbformat().read(path, as_version=4)
    except OSError as error:
        raise UnrunnableNotebook(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        raise UnrunnableNotebook(f"{path} is not a notebook: {str(error).splitlines()[0][:200]}") from error
    return book


def code_cells(book: "NotebookNode") -> list["NotebookNode"]:
    """Return the cells that a run executes: code that is not blank."""
    return [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]


def plain(text: str) -> str:
    """Return text without the colours of a terminal."""
    return _ANSI.sub("", text)


def _run(
    path: Path,
    book: "NotebookNode",
    environment: Mapping[str, str],
    timeout: int | None,
    tick: Callable[[], object],
) -> Ran:
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    begun: list[int] = []

    def begin(cell: "NotebookNode", cell_index: int) -> None:
        begun.append(cell_index)

    def end(cell: "NotebookNode", cell_index: int, execute_reply: object) -> None:
        tick()

    client = _client(path, book, timeout, begin, end)
    started = time.perf_counter()
    failure = None
    try:
        _quieten(client)
        client.execute(env=dict(environment))
    except CellExecutionError as error:
        failure = str(error)
    except CellTimeoutError as error:
        failure = f"a cell took longer than {timeout} s\n{error}"
    except DeadKernelError:
        failure = "the kernel died"
    except NoSuchKernel as error:
        raise UnrunnableNotebook(f"{path} wants the kernel {error.name!r}, which is not installed") from error
    failed_at = begun[-1] + 1 if failure and begun else None
    return Ran(path, len(begun), time.perf_counter() - started, failure, failed_at)


def _client(
    path: Path,
    book: "NotebookNode",
    timeout: int | None,
    begin: Callable[..., None],
    end: Callable[..., None],
) -> "NotebookClient":
    from nbclient import NotebookClient

    return NotebookClient(
        book,
        timeout=timeout,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        on_cell_execute=begin,
        on_cell_executed=end,
    )


def _quieten(client: "NotebookClient") -> None:
    """Keep the kernel's log out of ours: ipykernel 7 begins each run with a warning about its transport."""
    client.create_kernel_manager()
    if client.km is not None and client.km.ipykernel:
        client.extra_arguments = ["--IPKernelApp.log_level=CRITICAL"]


def _copies(paths: Sequence[Path], output: Path | None) -> list[Path | None]:
    if output is None:
        return [None for _ in paths]
    copies = [output / path.name for path in paths]
    originals = {path.resolve() for path in paths}
    for copy in copies:
        if copy.resolve() in originals:
            raise UnrunnableNotebook(
                f"{copy} is a notebook of this run: choose another directory for the output"
            )
        if copies.count(copy) > 1:
            raise UnrunnableNotebook(f"two notebooks would both be written to {copy}")
    return list(copies)


def _write(book: "NotebookNode", copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    _nbformat().write(book, copy)


def _nbformat() -> Any:
    # Its functions carry no types, and it is slow to import.
    return importlib.import_module("nbformat")


@contextmanager
def _bar(cells: int, progress: TextIO | None) -> Iterator["tqdm[int]"]:
    from tqdm import tqdm

    with tqdm(
        total=cells, unit="cell", file=progress, disable=progress is None, leave=False, mininterval=0
    ) as bar:
        yield bar
