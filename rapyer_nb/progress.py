"""Progress bars for what takes longer than a second: a widget in a notebook, text in a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

PATIENCE: Final = 1.0
"""Seconds that pass before a bar is shown."""


class ProgressBar:
    """How far something is, shown once it has taken a second, and gone again when it ends.

    It sends nothing. `advance` and `reach` fit where the library takes a callback.

    Args:
        total: How much there is to do; `None` where nobody knows.
        what: What is done, in a word or two.
        unit: What is counted.
        patience: Seconds that pass before it is shown; one by default.
    """

    def __init__(
        self, total: int | None, what: str, *, unit: str = "documents", patience: float | None = None
    ) -> None:
        self.total = total
        self.done = 0
        self._what = what
        self._unit = unit
        self._patience = PATIENCE if patience is None else patience
        self._bar: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Start to count the seconds."""
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._show)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away; in a notebook it stays, in red, where the work was interrupted or failed."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._bar is not None:
            if error is None:
                self._bar.total = self._bar.n  # what ends below its total looks like a failure
            self._bar.close()

    @property
    def shown(self) -> bool:
        """Whether it took long enough to be shown."""
        return self._bar is not None

    def advance(self, number: int = 1) -> None:
        """Say that so much more is done."""
        self.reach(self.done + number)

    def reach(self, done: int, total: int | None = None) -> None:
        """Say how much is done, and of how much, where that is known now."""
        grown = total is not None and total != self.total
        self.total = total if grown else self.total
        step, self.done = done - self.done, done
        if self._bar is None:
            return
        if grown:
            self._bar.reset(total=self.total)
            step = done
        self._bar.update(step)

    def say(self, what: str) -> None:
        """Change what stands before the bar."""
        self._what = what
        if self._bar is not None:
            self._bar.set_description(what)

    def _show(self) -> None:
        if self._closed:
            return
        from tqdm.auto import tqdm  # it imports the widgets

        self._bar = tqdm(
            total=self.total, initial=self.done, desc=self._what, unit=f" {self._unit}", leave=False
        )


def progress(
    total: int | None, what: str, *, unit: str = "documents", patience: float | None = None
) -> ProgressBar:
    """Return a progress bar for an `async with` block.

    It is a widget in a notebook and text in a terminal (`tqdm.auto`), is shown only where the block takes
    longer than a second, and goes away at the end of the block.

        async with progress(len(keys), "restoring") as bar:
            for key in keys:
                …
                bar.advance()

    Args:
        total: How much there is to do; `None` where nobody knows.
        what: What is done, in a word or two.
        unit: What is counted.
        patience: Seconds that pass before it is shown; one by default.
    """
    return ProgressBar(total, what, unit=unit, patience=patience)
