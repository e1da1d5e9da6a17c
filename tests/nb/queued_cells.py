"""Run a notebook the way "Run All Cells" does: send all cells at once to a real kernel, then look what came.

A runner that waits for each cell before it sends the next, like nbclient, cannot see cells that a kernel loses
from its queue.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel
from jupyter_core.utils import ensure_event_loop

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class CellRun:
    """What became of one cell.

    `started` says that the kernel began with it, `finished` that it was done with it; a cell that was lost has
    neither, one that was skipped after an error in an earlier cell is `aborted`.
    """

    source: str
    started: bool = False
    finished: bool = False
    aborted: bool = False
    error: str | None = None
    text: str = ""
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the cell ran to its end without an error."""
        return self.started and self.finished and not self.aborted and self.error is None


def run_queued(
    notebook: Path | Sequence[str],
    *,
    timeout: float = 60.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stop_on_error: bool = True,
) -> list[CellRun]:
    """Send all code cells of a notebook (or these sources) at once, and return what became of each.

    Args:
        notebook: a notebook file, whose directory is then the kernel's, or the sources of cells.
        timeout: seconds for all of them together; what has not finished by then is returned unfinished.
        cwd: the kernel's directory.
        environment: the kernel's whole environment; without it that of this process.
        stop_on_error: whether an error aborts the cells that wait, as in JupyterLab.
    """
    if isinstance(notebook, Path):
        cwd = cwd or notebook.resolve().parent
        cells = _sources(notebook)
    else:
        cells = list(notebook)
    env = dict(os.environ if environment is None else environment)
    with kernel(cwd=str(cwd or Path.cwd()), env=env) as (_, client):
        runs = {client.execute(source, stop_on_error=stop_on_error): CellRun(source) for source in cells}
        _collect(client, runs, time.monotonic() + timeout)
        return list(runs.values())


@contextmanager
def kernel(**options: Any) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """Start a kernel and a client of it, and end both, with the event loop that the client runs on."""
    loop = ensure_event_loop()
    try:
        manager, client = start_new_kernel(**options)
        try:
            yield manager, client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    finally:
        loop.close()
        asyncio.set_event_loop(None)


def report(runs: Sequence[CellRun]) -> str:
    """Describe the cells that did not run to their end, for the message of a failed test."""
    lines = []
    for number, run in enumerate(runs, 1):
        if not run.ok:
            state = (
                "aborted"
                if run.aborted
                else "lost"
                if not run.started
                else "failed"
                if run.error
                else "hangs"
            )
            lines.append(f"cell {number} {state}: {run.source.strip().splitlines()[0]}\n{run.error or ''}")
    return "\n".join(lines)


def _sources(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [source for source in sources if source.strip()]


def _collect(client: BlockingKernelClient, runs: dict[str, CellRun], deadline: float) -> None:
    answered: set[str] = set()
    while time.monotonic() < deadline:
        if answered >= set(runs) and all(run.finished for run in runs.values()):
            return
        _take_outputs(client, runs)
        _take_replies(client, runs, answered)


def _take_outputs(client: BlockingKernelClient, runs: dict[str, CellRun]) -> None:
    try:
        message = client.get_iopub_msg(timeout=0.05)
    except Empty:
        return
    run = runs.get(message["parent_header"].get("msg_id", ""))
    if run is None:
        return
    kind, content = message["msg_type"], message["content"]
    if kind == "execute_input":
        run.started = True
    elif kind == "status" and content["execution_state"] == "idle":
        run.finished = True
    elif kind == "error":
        run.error = _ANSI.sub("", "\n".join(content["traceback"]))
    elif kind == "stream":
        run.text += content["text"]
    elif kind in ("execute_result", "display_data", "update_display_data"):
        run.outputs.append(content["data"])


def _take_replies(client: BlockingKernelClient, runs: dict[str, CellRun], answered: set[str]) -> None:
    while True:
        try:
            message = client.get_shell_msg(timeout=0)
        except Empty:
            return
        number = message["parent_header"].get("msg_id", "")
        if number in runs:
            answered.add(number)
            runs[number].aborted = message["content"]["status"] == "aborted"
