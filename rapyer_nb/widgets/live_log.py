"""A log of changes that goes on while other cells run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.live_view import LiveView

if TYPE_CHECKING:
    from rapyer_nb.live import Watch
    from rapyer_nb.seeing import Follower, Journal


class LiveLog(LiveView):
    """What has changed since it was made; the latest change stands at the top.

    While no page shows it, it does not listen; what changes meanwhile is told when one does again.
    """

    def __init__(self, follower: Follower) -> None:
        """Show an empty log, and start to follow; needs a running event loop.

        Args:
            follower: Tells what has changed; prepared.
        """
        self.follower = follower
        about = follower.journal.about
        super().__init__((LiveLog, about, follower.source), "Changes", about, follower.journal.html())

    @property
    def journal(self) -> Journal:
        """The changes so far."""
        return self.follower.journal

    def watch(self) -> tuple[Watch, ...]:
        """Listen to what is followed."""
        return self.follower.watch(self.refresh, self.feed_changed)

    def doubt(self) -> None:
        """Let everything be read at the next look."""
        self.follower.doubt()

    async def look(self) -> None:
        """Read what may have changed, and show what has."""
        if await self.follower.look():
            self.show(self.journal.html())

    def text(self) -> str:
        """Return the log at this moment, as text."""
        return self.journal.text()


def follow_changes(follower: Follower) -> LiveLog:
    """Return a log that goes on by itself, and is closed with the other widgets; see `LiveLog`."""
    log = LiveLog(follower)
    following.add(log)
    return log
