"""Turn bursts of events into few deliveries, the first of them at once."""

import asyncio
from collections.abc import Callable
from contextvars import Context


class Coalescer:
    """Deliver a marked key at once, then at most once a window for as long as it keeps being marked.

    The leading edge is immediate, so that a single change shows without delay; the trailing edge is never
    lost, so that the last of a burst shows too.
    """

    def __init__(self, deliver: Callable[[str], None], window: float) -> None:
        """Prepare to call `deliver`, at most once in `window` seconds for each key."""
        self._deliver = deliver
        self._window = window
        self._cooling: dict[str, asyncio.TimerHandle] = {}
        self._waiting: set[str] = set()

    def mark(self, key: str) -> None:
        """Say that the key changed; must be called on the event loop."""
        if key in self._cooling:
            self._waiting.add(key)
        else:
            self._fire(key)

    def forget(self, key: str) -> None:
        """Drop what is waiting for the key."""
        self._waiting.discard(key)
        if timer := self._cooling.pop(key, None):
            timer.cancel()

    def clear(self) -> None:
        """Drop everything that is waiting."""
        for key in tuple(self._cooling):
            self.forget(key)

    def _fire(self, key: str) -> None:
        loop = asyncio.get_running_loop()
        self._cooling[key] = loop.call_later(self._window, self._cooled, key, context=Context())
        self._deliver(key)

    def _cooled(self, key: str) -> None:
        del self._cooling[key]
        if key in self._waiting:
            self._waiting.discard(key)
            self._fire(key)
