"""The small buttons below the head of a form: undo, read only, lock, expiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ipywidgets as W

from rapyer_nb.widgets.control import classed

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Tools:
    """What the buttons do, each on the form's loop; `edit_anyway` is that of a locked form."""

    undo: Callable[[], None]
    read_only: Callable[[], None]
    lock: Callable[[], None]
    expiry: Callable[[], None]
    edit_anyway: Callable[[], None]


@dataclass(frozen=True)
class Situation:
    """What the buttons depend on.

    Attributes:
        last: The name of the edit that can be taken back; None for none.
        writable: Whether the fields can be edited now.
        read_only: Whether the user wants only to look.
        stored: Whether the object is in Redis.
        locked: Whether the form holds the lock.
        lockable: Whether it may take it.
        expiry: Whether the line of the time to live is shown.
    """

    last: str | None
    writable: bool
    read_only: bool
    stored: bool
    locked: bool
    lockable: bool
    expiry: bool


class Toolbar:
    """The buttons, with a sign and words each."""

    def __init__(self, tools: Tools, post: Callable[..., None]) -> None:
        """Make them.

        Args:
            tools: What they do.
            post: Runs a function on the form's loop.
        """
        self.undo = _tool("Undo", "undo", "Nothing to take back")
        self.read_only = _tool("Read only", "eye", "Only look: the fields show their values as text")
        self.lock = _tool("Lock", "lock", "Keep others that lock this object waiting, until you unlock it")
        self.expiry = _tool("Expiry", "clock-o", "Let it end at some time, or never")
        self.undo.add_class("rpy-undo")
        self.undo.on_click(lambda _: post(tools.undo))
        self.read_only.on_click(lambda _: post(tools.read_only))
        self.lock.on_click(lambda _: post(tools.lock))
        self.expiry.on_click(lambda _: post(tools.expiry))
        self.widget = classed(W.HBox([self.undo, self.read_only, self.lock, self.expiry]), "rpy-tools")

    def show(self, now: Situation) -> None:
        """Let the buttons fit the situation."""
        self.undo.disabled = now.last is None or not now.writable
        last = "Nothing to take back" if now.last is None else f"Take back the last edit: {now.last}"
        self.undo.tooltip = f"{last} (Ctrl+Z outside of a text)"
        self.read_only.description = "Edit" if now.read_only else "Read only"
        self.read_only.icon = "pencil" if now.read_only else "eye"
        self.read_only.tooltip = "Let the fields be edited" if now.read_only else "Show the values as text"
        self.lock.description = "Unlock" if now.locked else "Lock"
        self.lock.icon = "unlock" if now.locked else "lock"
        self.lock.disabled = not now.locked and not (now.lockable and now.stored)
        self.expiry.disabled = not now.stored or now.read_only
        self.expiry.icon = "chevron-up" if now.expiry else "clock-o"


def _tool(text: str, icon: str, tooltip: str) -> W.Button:
    return classed(W.Button(description=text, icon=icon, tooltip=tooltip), "rpy-button", "rpy-tool")
