"""Interrupts: the kernel's stop button while a magic waits, asks, or runs a body; and what is shown then."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import redis

from rapyer_nb.errors import NotebookError
from rapyer_nb.interrupts import Interrupted, interruptible, waking
from rapyer_nb.magics.asking import agreed
from rapyer_nb.server import start_embedded
from tests.nb.notebook import MODELS, Notebook, empty
from tests.nb.queued_cells import kernel
from tests.nb.server_processes import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDLESS = "import time\nprint('started', flush=True)\nfor _ in range(9000):\n    time.sleep(0.01)"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Stopping:
    """A kernel in which cells are run, and stopped."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.error = ""
        self.text = ""
        self._stopping: list[threading.Thread] = []
        self._pid = int(self.run("import os\nseen = os.getpid()"))

    def run(
        self,
        source: str,
        *,
        stop: bool | Callable[[], bool] = False,
        idle: float = 0,
        answer: str | None = None,
    ) -> Any:
        """Run a cell, and return the value of `seen` after it.

        Args:
            source: The cell.
            stop: Whether it is stopped when it has shown or asked something; or what must come true for that.
            idle: Seconds of which nothing happens before it is stopped, so that its loop sleeps.
            answer: What is answered to a question, some time after the stop button.
        """
        self.error = self.text = ""
        asked: list[str] = []

        def end() -> None:
            assert not callable(stop) or eventually(stop)
            time.sleep(idle)
            os.kill(self._pid, signal.SIGINT)  # what the button does, from a thread without a loop

        def told(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "error":
                self.error = _COLOURS.sub("", "\n".join(content["traceback"]))
            if message["msg_type"] in ("stream", "display_data"):
                self.text += content.get("text") or content["data"].get("text/plain", "")
                if stop is True and answer is None and not self._stopping:
                    self._stop(end)

        def ask(message: dict[str, Any]) -> None:
            asked.append(message["content"]["prompt"])
            self._stop(end)

        if callable(stop):
            self._stop(end)
        reply = self._client.execute_interactive(
            source,
            timeout=60,
            allow_stdin=answer is not None,
            stdin_hook=ask,
            output_hook=told,
            user_expressions={"seen": "seen"},
        )
        for thread in self._stopping:
            thread.join()
        if stop:
            assert self._stopping, self.text
            assert reply["content"]["status"] == "error", self.text
        self._stopping.clear()
        if asked and answer is not None:
            self._client.input(answer)
        seen = reply["content"].get("user_expressions", {}).get("seen", {})
        return seen.get("data", {}).get("text/plain")

    def _stop(self, end: Callable[[], None]) -> None:
        thread = threading.Thread(target=end)
        self._stopping.append(thread)
        thread.start()


@pytest.fixture
def stopping(rapyer_redis_url: str) -> Iterator[Stopping]:
    with kernel_on(rapyer_redis_url) as found:
        yield found


@contextmanager
def kernel_on(url: str) -> Iterator[Stopping]:
    empty(url)
    with kernel(env=os.environ | {"RAPYER_REDIS_URL": url}) as (_, client):
        found = Stopping(client)
        found.run("%load_ext rapyer_nb\nseen = None")
        found.run(MODELS)
        yield found


# In a kernel -------------------------------------------------------------------------------------------------


def test_a_magic_that_waits_on_a_quiet_server_is_stopped(stopping: Stopping) -> None:
    stopping.run("%rapyer_watch ada --seconds 300", stop=True, idle=2)
    assert stopping.error == "%rapyer_watch was interrupted"
    assert stopping.run("seen = (await User.aget(ada.key)).age") == "36"


def test_a_find_on_a_server_that_hangs_is_stopped(tmp_path: Any) -> None:
    with start_embedded(shared=False) as server, kernel_on(server.url) as stopping:
        stopping.run("users = %rapyer_find User")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            stopping.run("print('asking')\n%rapyer_find User", stop=True, idle=0.5)
            assert stopping.error == "%rapyer_find was interrupted"
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert stopping.run("users = %rapyer_find User\nseen = len(users)") == "2"


@pytest.mark.parametrize(
    "line", ["%rapyer_delete ada", "%rapyer_delete User --where age > 0", "%rapyer_restore before"]
)
def test_a_question_is_stopped_and_a_later_yes_does_nothing(stopping: Stopping, line: str) -> None:
    stopping.run("%rapyer_snapshot before\nawait ada.aupdate(age=37)")
    stopping.run(line, stop=True, answer="y")
    assert stopping.error == f"NotebookError: {line.split()[0]}: interrupted, nothing was done"
    assert stopping.run("seen = (await User.aget(ada.key)).age, await User.acount()") == "(37, 2)"


def test_waiting_for_a_lock_is_stopped(stopping: Stopping, rapyer_redis_url: str) -> None:
    stopping.run(
        "import asyncio\nfree = asyncio.Event()\nheld = asyncio.Event()\n"
        "async def hold():\n    async with ada.alock():\n        held.set()\n        await free.wait()\n"
        "holder = asyncio.create_task(hold())\nawait held.wait()"
    )
    with redis.Redis.from_url(rapyer_redis_url) as server:
        before = server.dbsize()
        stopping.run("%%rapyer_lock ada\nseen = 'locked'", stop=lambda: server.dbsize() > before, idle=0.5)
    assert stopping.error == "%%rapyer_lock was interrupted"
    taken = "free.set()\nawait holder\nasync with ada.alock(wait=30):\n    seen = 5"
    assert stopping.run(taken) == "5"


@pytest.mark.parametrize("header", ["%%rapyer_trace", "%%rapyer_pipeline ada", "%%rapyer_lock ada --save"])
def test_a_body_that_does_not_await_is_stopped_at_once(stopping: Stopping, header: str) -> None:
    start = time.monotonic()
    stopping.run(f"{header}\nada.age = 99\n{ENDLESS}", stop=True)
    assert time.monotonic() - start < 60  # of the 90 that it would take
    assert stopping.error == f"{header.split()[0]} was interrupted"
    assert stopping.run("seen = (await User.aget(ada.key)).age") == "36"
    assert stopping.run("async with ada.alock(wait=30):\n    seen = 5") == "5"


@pytest.mark.parametrize("header", ["%%rapyer_trace", "%%rapyer_pipeline ada"])
def test_a_body_that_awaits_is_stopped(stopping: Stopping, header: str) -> None:
    body = "import asyncio\nada.age = 99\nprint('started')\nawait asyncio.sleep(300)"
    stopping.run(f"{header}\n{body}", stop=True, idle=0.5)
    assert stopping.error == f"{header.split()[0]} was interrupted"
    assert stopping.run("seen = (await User.aget(ada.key)).age") == "36"


@pytest.mark.parametrize("first", [1, 2])
def test_a_race_whose_body_does_not_await_is_stopped(stopping: Stopping, first: int) -> None:
    """The first run is alone, the second one of those at the same time."""
    stopping.run("runs = []")
    body = f"runs.append(ada.name)\nif len(runs) == {first}:\n" + "\n".join(
        f"    {line}" for line in ENDLESS.splitlines()
    )
    stopping.run(f"%%rapyer_race n=1000\n{body}", stop=True)
    assert stopping.error == "%%rapyer_race was interrupted"
    assert int(stopping.run("seen = len(runs)") or "0") < 1000


def test_in_a_function_it_is_stopped(stopping: Stopping) -> None:
    stopping.run("%config RapyerMagics.bridge = 'thread'")
    stopping.run("def watched():\n    %rapyer_watch ada --seconds 300\nwatched()", stop=True, idle=1)
    assert stopping.error == "%rapyer_watch was interrupted"
    assert stopping.run("seen = (await User.aget(ada.key)).age") == "36"


# In a terminal -----------------------------------------------------------------------------------------------


def test_ctrl_c_in_a_body_that_does_not_await(notebook: Notebook) -> None:
    body = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nseen = 1"
    for before in ("", "def f():\n    get_ipython().run_cell_magic('rapyer_trace', '', BODY)\nf()"):
        notebook.shell.user_ns["BODY"] = body
        shown = notebook.cell(before or f"%%rapyer_trace\n{body}")
        assert isinstance(shown.error, KeyboardInterrupt if before else asyncio.CancelledError)
        assert "%%rapyer_trace was interrupted" in shown.text.splitlines()
        assert "seen" not in notebook.shell.user_ns
    assert "Traceback" in notebook.cell("%tb").text


def test_a_cancellation_of_the_users_own_keeps_its_traceback(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_trace\nimport asyncio\ntask = asyncio.create_task(asyncio.sleep(9))\ntask.cancel()\nawait task"
    )
    assert isinstance(shown.error, asyncio.CancelledError)
    assert ("was interrupted" in shown.text) == (sys.version_info < (3, 11))


def test_ctrl_c_instead_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> str:
        signal.raise_signal(signal.SIGINT)
        return "y"

    monkeypatch.setattr("builtins.input", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(NotebookError, match="%magic: interrupted, nothing was done"):
        agreed("sure?", "%magic")
    assert signal.getsignal(signal.SIGINT) is before


def test_where_there_are_no_interrupts_it_is_only_called() -> None:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(interruptible(lambda: 7)))
    thread.start()
    thread.join()
    assert seen == [7]


def test_what_it_raises_is_raised_and_the_handler_comes_back() -> None:
    noted: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: noted.append(number))
    try:
        with pytest.raises(ZeroDivisionError):
            interruptible(lambda: 1 // 0)
        with pytest.raises(Interrupted):
            interruptible(lambda: signal.raise_signal(signal.SIGINT))
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert noted == [signal.SIGINT]


async def test_a_loop_that_waits_is_woken_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, noted = asyncio.get_running_loop(), asyncio.Event()
    started: list[float] = []
    call_later = loop.call_later

    def counted(delay: float, *rest: Any, **options: Any) -> asyncio.TimerHandle:
        started.append(delay)
        if len(started) == 3:
            noted.set()
        return call_later(delay, *rest, **options)

    monkeypatch.setattr(loop, "call_later", counted)
    with waking():
        await asyncio.wait_for(noted.wait(), 30)
    ticks = len(started)
    for _ in range(3):
        await asyncio.sleep(0.1)
    assert len(started) == ticks + 3  # the sleeps
