"""What is on show and keeps in step with Redis: a head that says how live it is, a body, and a line below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.page import Page
from rapyer_nb.widgets.rereading import Rereading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.live import FeedState, Watch


class LiveView(Rereading):
    """What has a head, a body as HTML, and a line below.

    Attributes:
        sheet: More rules for how it looks.
    """

    sheet: ClassVar[str] = ""

    def __init__(self, place: tuple[Any, ...], title: str, about: str, html: str) -> None:
        """Show something, and start to follow it; needs a running event loop.

        Args:
            place: What it shows; of two that show the same, the older goes when no page shows it any more.
            title: What stands in the heading.
            about: What stands behind that, as code.
            html: What it shows at first.
        """
        super().__init__(place)
        self._title = title
        self._about = about
        self._state = ""
        self._head = W.HTML()
        self._table = W.HTML(html)
        self._foot = W.HTML(style.message("muted", "", "foot"))
        sheet = W.HTML(style.STYLE + self.sheet)
        self.build([sheet, self._head, Page(self.post), self._table, *self.tools(), self._foot])
        self.add_class("rpy-editor")
        self.add_class("rpy-wide")
        self._enter("connecting")
        self.follow()

    def tools(self) -> Sequence[W.Widget]:
        """Return what stands between the body and the line below; for one that has something there."""
        return ()

    def watch(self) -> tuple[Watch, ...]:
        """Start to listen, such that `refresh` and `feed_changed` are called; to be written by each."""
        raise NotImplementedError

    def text(self) -> str:
        """Return what it shows at this moment, as text; to be written by each."""
        raise NotImplementedError

    def follow(self) -> None:
        """Start to listen."""
        if self._was_shown:
            self._enter("connecting")
        self._watches = self.watch()
        self.spawn(self.catch_up(self._watches))

    def paused(self) -> None:
        """Show that no page shows it."""
        self._enter("suspended")

    def feed_changed(self, state: FeedState) -> None:
        """Show how changes are heard of now."""
        if self._closed or not self._watches:
            return
        self._enter(state.status, state.reason)
        if state.status == "disconnected":
            since = time.strftime("%H:%M:%S", time.localtime(state.since))
            self.say("warn", f"no connection since {since}: what is shown may be out of date")
        elif state.status in ("live", "polling") and not self._failed:
            self.say("muted", "")

    def show(self, html: str) -> None:
        """Show something else."""
        if not self._closed:
            self._table.value = html

    def _enter(self, state: str, reason: str = "") -> None:
        if state != self._state:
            self._state = state
            self._head.value = style.header(self._title, self._about, state, reason)

    def say(self, kind: str, text: str) -> None:
        """Show a message below; its place stays when the text goes."""
        self._foot.value = style.message(kind, text, "foot")

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options) or {}
        return {**bundle, "text/plain": self.text()}
