"""Widgets that follow Redis: the loop they live on, what they do when the page drops them, and their end."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets as W

from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.widgets.control import close_tree
from rapyer_nb.widgets.sight import Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer_nb.live import Watch
    from rapyer_nb.widgets.page import Page

# Parts of widgets are instances of classes in here.
_PACKAGE = __name__.rpartition(".")[0]


class Following(W.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A widget that shows what is in Redis, and follows it.

    It lives on the event loop on which it was made: what happens in the page arrives in other threads and is
    handed over. It pauses while no page shows it, and reads everything again when one does.
    """

    def __init__(self, place: tuple[Any, ...]) -> None:
        """Prepare an empty box; needs a running event loop.

        Args:
            place: What it shows; of two that show the same, the older goes when no page shows it any more.
        """
        self.loop = asyncio.get_running_loop()
        self.place = place
        self.page: Page | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: tuple[Watch, ...] = ()
        self._closed = True  # until it is built: where making it fails, there is nothing to close
        self._was_shown = False

    def build(self, children: Sequence[W.Widget]) -> None:
        """Make the widget, of these parts; from then on the front end counts its views."""
        super().__init__(children)
        self._closed = False
        self._view_count = 0
        self.observe(lambda change: self.post(self._viewed, change["new"]), "_view_count")

    def follow(self) -> None:
        """Start to watch; to be written by each widget, which sets `_watches`."""
        raise NotImplementedError

    def paused(self) -> None:
        """Show that it does not follow any more, as no page shows it; to be written by each widget."""
        raise NotImplementedError

    def say(self, kind: str, text: str) -> None:
        """Show a message; to be written by each widget."""
        raise NotImplementedError

    # The loop ----------------------------------------------------------------------------------------------

    def post(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run a function on the widget's loop, from whatever thread; what it raises is shown."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._guarded, work, arguments, context=Context())

    def _guarded(self, work: Callable[..., None], arguments: Sequence[Any]) -> None:
        if self._closed:
            return
        try:
            work(*arguments)
        except Exception as error:  # ipywidgets and asyncio would only log it
            self.say("error", one_line(error))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task of the widget, in an empty context, until it ends or the widget does."""
        task: asyncio.Task[None] = Context().run(self.loop.create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._closed:
            self.say("error", one_line(error))

    def mark(self) -> Mark:
        """Return what is reached when the user sees all that is shown in this step of the loop."""
        return Mark(seen=True) if self.page is None else self.page.mark()

    # Coming and going ---------------------------------------------------------------------------------------

    def _viewed(self, views: int) -> None:
        if views > 0:
            self._was_shown = True
            if not self._watches:
                self.follow()
        elif self._was_shown:
            self._stop_following()
            self.paused()
            if following.superseded(self):
                self.close()

    def _stop_following(self) -> None:
        watches, self._watches = self._watches, ()
        for watch in watches:
            watch.close()

    @property
    def is_hidden(self) -> bool:
        """Whether it was shown, and is shown nowhere any more."""
        return self._was_shown and not self._watches

    def close(self) -> None:
        """Stop following, cancel what is under way, and close every widget inside."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        following.discard(self)
        if _is_current(self.loop):
            self._release()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._release, context=Context())
        for widget in _held_by(self):
            close_tree(widget)
        self.layout.close()
        super().close()

    def _release(self) -> None:
        self._stop_following()
        for task in self._tasks:
            task.cancel()


Opened = TypeVar("Opened", bound=Following)


class OpenWidgets:
    """The open widgets that follow Redis, so that they can be replaced and closed."""

    def __init__(self) -> None:
        self._open: list[Following] = []

    def add(self, widget: Following) -> None:
        """Remember a widget, and close those of the same place that no page shows any more."""
        for other in [other for other in self._open if other.is_hidden and other.place == widget.place]:
            other.close()
        self._open.append(widget)

    def opened(self, name: str, make: Callable[[], Opened]) -> Opened:
        """Make a widget and remember it.

        Args:
            name: What the user calls to get it.
            make: Makes it.

        Raises:
            NotebookError: No event loop runs.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            hint = "use it in a notebook's cell"
            raise NotebookError(f"{name} needs a running event loop", hint=hint) from None
        widget = make()
        self.add(widget)
        return widget

    def superseded(self, widget: Following) -> bool:
        """Tell whether a newer widget of the same place is open."""
        if widget not in self._open:
            return True
        newer = self._open[self._open.index(widget) + 1 :]
        return any(other.place == widget.place for other in newer)

    def discard(self, widget: Following) -> None:
        """Forget a widget."""
        self._open = [other for other in self._open if other is not widget]

    def close_all(self) -> None:
        """Close every widget."""
        for widget in tuple(self._open):
            widget.close()

    def __len__(self) -> int:
        return len(self._open)


def _held_by(owner: Following) -> list[W.Widget]:
    """Return the widgets that a widget's parts hold, also those that are not on show at the moment.

    ipywidgets keeps every widget until it is closed. Other widgets that follow Redis are left to themselves,
    unless they are on show inside.
    """
    found: list[W.Widget] = list(owner.children)
    seen = {id(owner)}
    parts: list[Any] = list(vars(owner).values())
    while parts:
        part = parts.pop()
        if id(part) in seen or isinstance(part, Following):
            continue
        seen.add(id(part))
        if isinstance(part, W.Widget):
            found.append(part)
        elif isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, (list, tuple, set)):
            parts.extend(part)
        elif type(part).__module__.startswith(_PACKAGE) and hasattr(part, "__dict__"):
            parts.extend(vars(part).values())
    return found


def _is_current(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


following = OpenWidgets()


def close_all() -> None:
    """Close every widget that is open."""
    following.close_all()
