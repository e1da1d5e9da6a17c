"""Run a coroutine to its end from synchronous code, also while the kernel's event loop is running.

Magics are awaited wherever an `await` can stand (`rapyer_nb.awaiting`). What remains are synchronous
functions, `%time`, `%%time`, `%%capture`, `%timeit`, `ip.run_line_magic()` by hand. The ways, in the order
they are tried:

1. *No loop runs in this thread.* The coroutine runs on the loop that IPython itself uses for cells with an
   `await`, which outlives the call, so that the client made on it is used again.
2. *A loop runs, and nest-asyncio2 >= 1.7.3 is installed.* That loop is made re-entrant, when this is needed
   for the first time and not before: the patch slows asyncio down, holds for the whole process and cannot be
   undone. The user's own client and an open `apipeline()` are kept.
3. *A loop runs, ipykernel is older than 7, and only nest-asyncio is there.* The same with nest-asyncio.
   From ipykernel 7 on all cells run in one `contextvars.Context`, and nest-asyncio then silently loses the
   cells that "Run All" has queued, as does nest-asyncio2 before 1.7.3: it is never applied there. Nor are the
   two mixed: where nest-asyncio has patched asyncio already, nest-asyncio2 is not put on top.
4. *Else* (none of the above, or a loop that cannot be patched, such as uvloop's): a thread with a loop of its
   own. As clients belong to loops, it has a client of its own, and as an open `apipeline()` of the cell must
   not be picked up by it, it starts with an empty context. The kernel's loop stands still meanwhile.

An interrupt (Ctrl-C, the kernel's stop button) cancels the coroutine, waits until it has ended, and raises
`KeyboardInterrupt`; a second one raises at once, as `asyncio.run` does it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import importlib
import importlib.metadata
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar, cast, get_args

from IPython.core.async_helpers import get_asyncio_loop
from IPython.core.getipython import get_ipython

from rapyer.session.using import chosen_source, using
from rapyer_nb.errors import NotebookError
from rapyer_nb.interrupts import in_main_thread, was_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import FrameType

    from rapyer.session.clients import ClientSource

Result = TypeVar("Result")
BridgeMode: TypeAlias = Literal["auto", "nest", "thread", "off"]

BRIDGE_MODES: Final[tuple[BridgeMode, ...]] = get_args(BridgeMode)
_SAFE_NEST_ASYNCIO2: Final = (1, 7, 3)
_SHARED_CONTEXT_KERNEL: Final = 7
_PATIENCE_SECONDS: Final = 1.0


class _LoopPatcher(Protocol):
    """What nest_asyncio and nest_asyncio2 have in common."""

    def apply(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the loop re-entrant."""


def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end from synchronous code, in the first way that works here.

    In a notebook with the extension loaded, the way is the one set by `%config RapyerMagics.bridge`.

    Args:
        coroutine: What to run.

    Returns:
        What the coroutine returns; what it raises is raised.

    Raises:
        NotebookError: No way is open: the bridge is switched off, or the chosen one does not work here.
        KeyboardInterrupt: The user interrupted it; the coroutine was cancelled.
    """
    __tracebackhide__ = True
    toolkit = getattr(get_ipython(), "rapyer", None)
    if toolkit is not None:
        return cast("Result", toolkit.run_sync(coroutine))
    with contextlib.closing(Bridge()) as bridge:
        return bridge.run(coroutine)


class Bridge:
    """Runs coroutines from synchronous code; keeps the thread of the last way, if one was ever needed."""

    def __init__(self) -> None:
        self._thread: _LoopThread | None = None

    def run(self, coroutine: Coroutine[Any, Any, Result], mode: BridgeMode = "auto") -> Result:
        """Run a coroutine to its end.

        Args:
            coroutine: What to run.
            mode: `auto` takes the first way that works; `nest` and `thread` force one of them where a loop
                is running; `off` refuses to run there.

        Returns:
            What the coroutine returns.

        Raises:
            NotebookError: The mode does not allow it or does not work here.
            KeyboardInterrupt: The user interrupted it.
        """
        __tracebackhide__ = True
        try:
            loop = _loop_for(mode)
        except NotebookError:
            coroutine.close()
            raise
        return self._in_thread(coroutine) if loop is None else _run_on(loop, coroutine)

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None

    def _in_thread(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        __tracebackhide__ = True
        if self._thread is None:
            self._thread = _LoopThread()
        return self._thread.run(coroutine)


class _LoopThread:
    """An event loop in a thread of its own, which runs coroutines in an empty context."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rapyer-nb-bridge", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the thread's loop and wait for it."""
        __tracebackhide__ = True
        source = chosen_source()
        job = _Job(coroutine if source is None else _with(source, coroutine))
        # Not run_coroutine_threadsafe: it copies the caller's context, and with it an open pipeline whose
        # client belongs to another loop. Only the server that the caller has chosen goes along.
        self._loop.call_soon_threadsafe(job.start, context=contextvars.Context())
        with _interrupts(lambda: self._loop.call_soon_threadsafe(job.cancel)) as interrupted:
            try:
                return job.outcome.result()
            except concurrent.futures.CancelledError:
                if interrupted():
                    raise KeyboardInterrupt from None
                raise

    def close(self) -> None:
        """Stop the loop, end the thread and close the loop, and with it the clients that belong to it."""
        with contextlib.suppress(Exception):
            # Sources close a loop's client when the loop shuts its generators down.
            self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=_PATIENCE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


class _Job(Generic[Result]):
    """One coroutine on its way through another thread's loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, Result]) -> None:
        self.outcome: concurrent.futures.Future[Result] = concurrent.futures.Future()
        self._coroutine = coroutine
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the coroutine; called on its loop."""
        self._task = asyncio.get_running_loop().create_task(self._main())
        # Settles the outcome also where the task was cancelled before its first step.
        self._task.add_done_callback(lambda _: self.outcome.cancel())

    def cancel(self) -> None:
        """Cancel the coroutine; called on its loop."""
        if self._task is not None:
            self._task.cancel()

    async def _main(self) -> None:
        try:
            result = await self._coroutine
        except asyncio.CancelledError:
            raise
        except (
            BaseException
        ) as error:  # also SystemExit: it belongs to the caller, and would end the loop here
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)


async def _with(source: ClientSource, coroutine: Coroutine[Any, Any, Result]) -> Result:
    with using(source):
        return await coroutine


def _loop_for(mode: BridgeMode) -> asyncio.AbstractEventLoop | None:
    """Return the loop to run on from here, made re-entrant if it is running; `None` for another thread's."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        if not in_main_thread():
            return None
        own: asyncio.AbstractEventLoop = get_asyncio_loop()
        return None if own.is_running() else own
    if mode == "off":
        raise NotebookError(
            "this call would have to await inside synchronous code, and the bridge for that is switched off",
            hint="await it in a cell or an async def, or %config RapyerMagics.bridge = 'auto'",
        )
    patcher = None if mode == "thread" else _patcher(running)
    if patcher is not None:
        patcher.apply(running)
        return running
    if mode == "nest":
        raise NotebookError(
            f"the running event loop ({type(running).__module__}) cannot be made re-entrant here",
            hint="pip install 'nest-asyncio2>=1.7.3', or %config RapyerMagics.bridge = 'thread'",
        )
    return None


def _patcher(loop: asyncio.AbstractEventLoop) -> _LoopPatcher | None:
    if not isinstance(loop, asyncio.BaseEventLoop):
        return None
    patched = hasattr(asyncio, "_nest_patched")
    by_second = hasattr(asyncio, "_nest_asyncio2")
    if (by_second or not patched) and _installed("nest-asyncio2") >= _SAFE_NEST_ASYNCIO2:
        return cast("_LoopPatcher", importlib.import_module("nest_asyncio2"))
    if not by_second and not _kernel_shares_its_context() and _installed("nest-asyncio"):
        return cast("_LoopPatcher", importlib.import_module("nest_asyncio"))
    return None


def _installed(distribution: str) -> tuple[int, ...]:
    """Return the version of a distribution as numbers; an empty tuple if it is not installed."""
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _kernel_shares_its_context() -> bool:
    kernel = sys.modules.get("ipykernel")
    return kernel is not None and cast("int", kernel.version_info[0]) >= _SHARED_CONTEXT_KERNEL


def _run_on(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Result]) -> Result:
    __tracebackhide__ = True
    task = loop.create_task(coroutine)
    with _interrupts(lambda: loop.call_soon_threadsafe(task.cancel)) as interrupted:
        try:
            return loop.run_until_complete(task)
        except asyncio.CancelledError as error:
            if interrupted() or was_interrupted(error):
                raise KeyboardInterrupt from None
            raise
        finally:
            if not task.done():
                task.cancel()
                loop.run_until_complete(asyncio.wait([task], timeout=_PATIENCE_SECONDS))


@contextlib.contextmanager
def _interrupts(cancel: Callable[[], object]) -> Iterator[Callable[[], bool]]:
    """Let the first interrupt cancel and the second raise; yields a function that tells if there was one."""
    handler = signal.getsignal(signal.SIGINT)
    if not in_main_thread() or not callable(handler):
        yield lambda: False
        return
    seen = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if seen.is_set():
            raise KeyboardInterrupt
        seen.set()
        cancel()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield seen.is_set
    finally:
        signal.signal(signal.SIGINT, handler)
