"""A notebook in this process: an IPython shell whose cells are run one by one, and what each of them showed."""

from __future__ import annotations

import asyncio
import atexit
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import redis
from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

MODELS = """
from rapyer import AtomicRedisModel, Index

class User(AtomicRedisModel):
    name: Index[str]
    age: Index[int] = 0
    status: Index[str] = "active"
    tags: list[str] = []

ada = User(name="Ada", age=36)
bob = User(name="Bob", age=12, status="new")
await ada.asave()
await bob.asave()
"""

_RUN = asyncio.run

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PROMPT = re.compile(r"^Out\[\d+\]: ?", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """What one cell gave: its value, its error, what it printed and displayed."""

    value: Any
    error: BaseException | None
    printed: str
    displayed: list[dict[str, str]]

    @property
    def text(self) -> str:
        """Everything that a reader sees, as text without colours."""
        parts = [self.printed, *(data.get("text/plain", "") for data in self.displayed)]
        return _PROMPT.sub("", _COLOURS.sub("", "\n".join(parts)))

    @property
    def html(self) -> str:
        """Everything that was displayed as HTML."""
        return "\n".join(data.get("text/html", "") for data in self.displayed)


@dataclass
class Notebook:
    """A shell whose cells are run."""

    shell: InteractiveShell

    def cell(self, source: str) -> Shown:
        """Run a cell and return what it gave; an error in it is returned, not raised."""
        with capture_output() as captured:
            result = self.shell.run_cell(source, store_history=True)
        displayed = [output.data for output in captured.outputs]
        if result.result is not None:
            # What a kernel sends for the last expression; this shell only prints its text.
            bundle = self.shell.display_formatter.format(result.result)[0]
            displayed.append({"text/html": bundle.get("text/html", "")})
        error = result.error_before_exec or result.error_in_exec
        return Shown(result.result, error, captured.stdout + captured.stderr, displayed)

    def run(self, source: str) -> Any:
        """Run a cell that must succeed, and return its value."""
        shown = self.cell(source)
        if shown.error is not None:
            raise AssertionError(f"the cell failed: {shown.text}") from shown.error
        return shown.value

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


@contextmanager
def bare_notebook() -> Iterator[Notebook]:
    """Open a notebook without the extension, and clean up after it."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    try:
        yield Notebook(shell)
    finally:
        shell.extension_manager.unload_extension("rapyer_nb")
        shell.reset(new_session=False)
        atexit.unregister(shell.atexit_operations)  # else hundreds of shells are reset again at the end
        InteractiveShell.clear_instance()
        loop = get_asyncio_loop()
        loop.run_until_complete(_finished())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        # The bridge may have applied nest-asyncio, with which asyncio.run leaves its loops open.
        asyncio.run = _RUN


@contextmanager
def open_notebook(url: str, monkeypatch: pytest.MonkeyPatch, setup: str = MODELS) -> Iterator[Notebook]:
    """Open a notebook with the extension loaded, on an empty server, with the models defined."""
    empty(url)
    monkeypatch.setenv("RAPYER_REDIS_URL", url)
    with bare_notebook() as notebook:
        notebook.run("%load_ext rapyer_nb")
        notebook.run(setup)
        yield notebook


def empty(url: str) -> None:
    """Delete everything on a server, its indexes included."""
    with redis.Redis.from_url(url) as client:
        client.flushall()


async def _finished() -> None:
    """Wait for the tasks that nobody waits for, such as those that close connections."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    for end in ends:
        # Closing a source cancels what waits for messages on it.
        if isinstance(end, BaseException) and not isinstance(end, asyncio.CancelledError):
            raise end
