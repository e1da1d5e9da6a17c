"""`timeline(User)`: the last changes as they happen, while other cells run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer_nb.errors import NotebookError
from rapyer_nb.seeing import Follower, Journal, Subject
from rapyer_nb.widgets.control import button, classed
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.live import Watch

LIMIT: Final = 20
"""How many changes are shown."""

_SHEET: Final = """<style>
.rpy-editor.rpy-wide.rpy-timeline { width: auto; min-width: min(320px, 100%); max-width: 760px; margin: 4px;
  flex: 0 0 auto; }
.widget-hbox > .rpy-editor.rpy-wide.rpy-timeline { flex: 2 1 340px; }
.rpy-timeline > * { flex: 0 0 auto; }
.rpy-editor .rpy-log { max-height: 260px; overflow: auto; }
.rpy-editor .rpy-log [role=log]:focus-visible { outline: 2px solid var(--jp-brand-color1, #2196f3); }
.rpy-timeline .rpy-tools { justify-content: flex-end; margin: 2px 0 0; }
</style>"""


class Timeline(LiveView):
    """The last changes since it was made; the latest stands at the top.

    Each is told with its time, the key, the field, what was there before and is there now, and how it was
    heard of. While no page shows it, it does not listen; what changed meanwhile is told when one does again,
    as one change of each document. `Pause` holds what is shown, so that it can be read.
    """

    sheet = _SHEET

    def __init__(self, follower: Follower, limit: int = LIMIT) -> None:
        """Show an empty log, and start to follow; needs a running event loop.

        Args:
            follower: Tells what has changed.
            limit: How many changes are shown.
        """
        self.follower = follower
        self._limit = limit
        self._held_at: int | None = None
        about = follower.journal.about
        html = follower.journal.moments(limit).html()
        super().__init__((Timeline, about, follower.source), "Changes", about, html)
        classed(self._table, "rpy-log")
        self.add_class("rpy-timeline")

    def tools(self) -> Sequence[W.Widget]:
        """Return the button that holds what is shown."""
        self._pause = button("Pause", "Hold what is shown, so that it can be read")
        self._pause.on_click(lambda _: self.post(self._toggle))
        return (classed(W.HBox([self._pause]), "rpy-tools"),)

    @property
    def journal(self) -> Journal:
        """The changes so far."""
        return self.follower.journal

    def watch(self) -> tuple[Watch, ...]:
        """Listen to what is followed."""
        watches = self.follower.watch(self.refresh, self.feed_changed)
        state, *others = self.follower.feed_states()
        if not others and state.status in ("live", "polling"):  # others listen already: it does not change
            self._enter(state.status, state.reason)
        return watches

    def doubt(self) -> None:
        """Let everything be read at the next look."""
        self.follower.doubt()

    async def look(self) -> None:
        """Read what may have changed, and show what has."""
        if await self.follower.look():
            self._render()

    def text(self) -> str:
        """Return the log at this moment, as text."""
        return self.journal.text()

    def _render(self) -> None:
        if self._held_at is None:
            self.show(self.journal.moments(self._limit).html())
        else:
            waiting = self.journal.total - self._held_at
            self.say("muted", f"paused; {waiting:,} new" if waiting else "paused")

    def _toggle(self) -> None:
        held = self._held_at is None
        self._held_at = self.journal.total if held else None
        self._pause.description = "Resume" if held else "Pause"
        self._pause.tooltip = (
            "Show the latest changes" if held else "Hold what is shown, so that it can be read"
        )
        if not held:
            self.say("muted", "")
        self._render()


def follow_changes(follower: Follower) -> Timeline:
    """Return a log that goes on by itself, and is closed with the other widgets; see `Timeline`."""
    log = Timeline(follower)
    following.add(log)
    return log


def timeline(*watched: Any, limit: int = LIMIT) -> Timeline:
    """Return the last changes as they happen: `timeline(User)`, `timeline(user)`.

    Listens as `rapyer.awatch` does, over the connection that all widgets share, and reads documents at first
    and when they have changed (SCAN; scripts of JSON.GET, SMEMBERS, ZRANGE).

    Args:
        watched: Classes, instances and keys.
        limit: How many changes are shown; the thousand last are kept in its `journal`.

    Raises:
        NotebookError: Nothing is given to be watched, the limit is no positive whole number, or no event loop
            runs.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key.
    """
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise NotebookError(f"the limit is {limit!r}", hint="give a positive whole number")
    subject = Subject.of(watched)
    return following.opened("timeline()", lambda: Timeline(Follower(subject, Journal(subject.about)), limit))
