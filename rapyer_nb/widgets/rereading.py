"""Widgets that read again when what they show has changed, one read at a time, until one succeeds."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rapyer_nb.errors import one_line
from rapyer_nb.widgets.following import Following

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from rapyer_nb.live import Watch

RETRY_READ: Final = 1.0
"""Seconds until a failed read is tried again; the feed, when it reconnects, asks sooner."""

# Seconds after an end at which to look whether it has come.
_LATER: Final = 0.05


class Rereading(Following):
    """A widget that looks again when what it shows has changed.

    Attributes:
        looks: What it does then, as a verb, for messages.
    """

    looks: ClassVar[str] = "read"

    def __init__(self, place: tuple[Any, ...]) -> None:
        """Prepare an empty box, as `Following` does."""
        super().__init__(place)
        self._reading = False
        self._again = False
        self._failed = False
        self._alarm: asyncio.TimerHandle | None = None

    async def look(self) -> None:
        """Look again, and show what there is; to be written by each."""
        raise NotImplementedError

    def doubt(self) -> None:
        """Let everything count as changed; for one whose `look` goes only where changes were heard of."""

    async def catch_up(self, watches: Sequence[Watch]) -> None:
        """Look at everything once changes are heard: what came before that was not."""
        for watch in watches:
            await watch.ready()  # a feed that others listen to already tells a newcomer nothing by itself
        if watches is self._watches:
            self.doubt()
            self.refresh()

    def refresh(self) -> None:
        """Look again, soon: calls that come while it is looking become one."""
        if self._closed or not self._watches:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        self.spawn(self._read())

    def refresh_in(self, seconds: float | None) -> None:
        """Look again when something ends of which nobody need tell.

        Args:
            seconds: When that is; None for never. What was said before no longer counts.
        """
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = None
        if seconds is not None and not self._closed:
            self._alarm = self.loop.call_later(seconds + _LATER, self.post, self.refresh, context=Context())

    def _release(self) -> None:
        self.refresh_in(None)
        super()._release()

    async def _read(self) -> None:
        try:
            while True:
                self._again = False
                await self.look()
                if self._failed:
                    self._failed = False
                    self.say("muted", "")
                if not self._again:
                    return
        except Exception as error:  # no connection, an index that is gone, another type: it goes on trying
            self._failed = True
            self.say("error", f"cannot {self.looks}: {one_line(error)}")
            self.loop.call_later(RETRY_READ, self.post, self.refresh, context=Context())
        finally:
            self._reading = False
