"""Interrupts (Ctrl-C, the kernel's stop button) where the kernel alone would notice them late, or never.

While a cell with an `await` runs, ipykernel only notes an interrupt, for its event loop to cancel the cell. A
loop that waits for the network does not look at that until something wakes it, and code that does not await
keeps it from looking at all. `waking` does the one, `interruptible` is for the other.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Result = TypeVar("Result")

_TICK_SECONDS: Final = 0.1


class Interrupted(asyncio.CancelledError):
    """The user has interrupted code that does not await; to asyncio it is what ends a coroutine."""


def interruptible(work: Callable[[], Result]) -> Result:
    """Call a function that does not await, so that an interrupt ends it at once.

    In other threads than the main one, which get no interrupts, it is only called.

    Args:
        work: The function.

    Raises:
        Interrupted: The user interrupted it. A `KeyboardInterrupt` would end the event loop.
    """
    __tracebackhide__ = True
    before = signal.getsignal(signal.SIGINT)
    if not in_main_thread() or not callable(before):
        return work()
    seen = threading.Event()

    def interrupt(*_: object) -> None:
        seen.set()
        raise KeyboardInterrupt

    try:
        try:
            signal.signal(signal.SIGINT, interrupt)
            return work()
        finally:
            signal.signal(signal.SIGINT, before)
    except KeyboardInterrupt as error:
        if not seen.is_set():
            raise  # the code's own
        raise Interrupted from error


def was_interrupted(error: asyncio.CancelledError) -> bool:
    """Tell whether a coroutine ended since the user interrupted code in it, and not by a cancellation."""
    # Before Python 3.11 a task passes on a new CancelledError.
    return isinstance(error, Interrupted) or isinstance(error.__context__, Interrupted)


@contextmanager
def waking() -> Iterator[None]:
    """Wake the running event loop now and then during the block, so that it sees interrupts."""
    if not in_main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    timer: asyncio.TimerHandle

    def tick() -> None:
        nonlocal timer
        timer = loop.call_later(_TICK_SECONDS, tick)

    tick()
    try:
        yield
    finally:
        timer.cancel()


def in_main_thread() -> bool:
    """Tell whether this is the main thread, the one that gets interrupts."""
    return threading.current_thread() is threading.main_thread()
