"""What stands above the fields of a form: name and state, buttons, and what there is to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.notice import Choice, Notice
from rapyer_nb.widgets.page import Page
from rapyer_nb.widgets.toolbar import Situation, Toolbar, Tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.expiry import ExpiryLine, Life
    from rapyer_nb.widgets.locking import FormLock


class FormHead:
    """The part above the fields.

    Attributes:
        state: How live the form is.
        notice: What there is to say of the object as a whole.
        page: The part that runs in the page.
        widgets: Its parts, in order.
    """

    def __init__(
        self, title: str, key: str, tools: Tools, expiry: ExpiryLine, post: Callable[..., None]
    ) -> None:
        """Make it.

        Args:
            title: The name of the class.
            key: The key of the object.
            tools: What the buttons do.
            expiry: The line of the time to live, which is shown when the user wants it.
            post: Runs a function on the form's loop.
        """
        self.state = ""
        self._reason = ""
        self._about = (title, key)
        self._aside = ""
        self._line = W.HTML()
        self._toolbar = Toolbar(tools, post)
        self._expiry = expiry
        self._edit_anyway = tools.edit_anyway
        self.notice = Notice(post)
        self.page = Page(post)
        self.widgets = (self._line, self._toolbar.widget, expiry.widget, self.page, self.notice.widget)

    def enter(self, state: str, reason: str = "") -> None:
        """Show how live the form is."""
        if state != self.state:
            self.state, self._reason = state, reason
            self._show_line()

    def show(self, now: Situation, life: Life | None, lock: FormLock) -> None:
        """Show what is known of the object.

        Args:
            now: What the buttons depend on.
            life: How long it lives; None where it is not stored.
            lock: Its lock.
        """
        self._aside = style.lock_badge(mine=lock.is_mine) if lock.is_others or lock.is_mine else ""
        if life is not None:
            self._aside += life.html()
        self._show_line()
        self._expiry.show(life)
        self._toolbar.show(now)
        if now.stored:
            self._show_lock(now, lock)

    def _show_line(self) -> None:
        self._line.value = style.header(*self._about, self.state, self._reason, self._aside)

    def _show_lock(self, now: Situation, lock: FormLock) -> None:
        if lock.holder is None or lock.is_mine:
            self.notice.say("muted", "")
        elif not lock.blocks:
            self.notice.say("warn", f"locked {lock.holder.told()}; you edit it all the same")
        else:
            anyway = Choice("Edit anyway", "Write although somebody holds the lock", self._edit_anyway)
            words = f"locked {lock.holder.told()}; edits wait until it is released"
            self.notice.say("lock", words, *(() if now.read_only else (anyway,)))
