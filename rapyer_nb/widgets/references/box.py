"""What a reference's control looks up: what is stored under the key, candidates, and the target's form."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, ClassVar, Final

import ipywidgets as W

from rapyer.errors import ModelError, UnknownTargetError
from rapyer.model.references import target_of
from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer_nb.errors import one_line
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import Request, button, classed, label, line
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.references.candidates import candidates
from rapyer_nb.widgets.references.summaries import summaries
from rapyer_nb.widgets.rereading import Rereading

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer.types.targets import Targets
    from rapyer_nb.widgets.control import Session
    from rapyer_nb.widgets.following import Following
    from rapyer_nb.widgets.references.picker import Picker

PAUSE: Final = 0.25
"""Seconds without a keystroke after which candidates are looked for."""
DANGLING: Final = "nothing is stored under this key"


class ReferenceBox(Rereading):
    """A text to pick a key with, a line about its target, and the target's form while it is open.

    It follows the target's key, not the field that holds the reference: that is up to the form.

    Attributes:
        told: What it says of the target, as kind and text.
        opened: The form of the target; None while it is not open.
    """

    looks: ClassVar[str] = "look at the target"

    def __init__(self, request: Request, targets: Targets, picker: Picker, session: Session) -> None:
        """Build it, without a key; needs a running event loop.

        Args:
            request: What the control is for.
            targets: What may be referred to.
            picker: Where the user types.
            session: Where the target is, and what makes its form.
        """
        super().__init__((ReferenceBox, id(self)))
        self.told = ("muted", "")
        self.opened: Following | None = None
        self._targets = targets
        self._session = session
        self._picker = picker
        self._name = request.text
        self._text = ""
        self._target: tuple[Any, str] | None = None
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._search: asyncio.Task[None] | None = None
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self._inside = classed(W.VBox([]), "rpy-opened")
        self._open = button("Open", f"Open the target of {self._name}")
        self._open.on_click(lambda _: self.post(self.toggle))
        self._open.disabled = True
        named = [] if request.bare else [label(request)]
        self.build([line(*named, classed(picker, "rpy-main"), self._open), self._note, self._inside])
        self.add_class("rpy-reference")
        following.add(self)
        picker.observe(lambda _: self.post(self.typed), "query")
        picker.hear("look", lambda: self.post(self.search))
        picker.hear("left", lambda: self.post(self._left))

    # The target ---------------------------------------------------------------------------------------------

    def point(self, text: str) -> None:
        """Follow another key.

        Args:
            text: What the reference is stored as: a key, or a primary key where one class alone is meant.
        """
        if text == self._text:
            return
        self._text = text
        self._target = None
        self._shut()
        self._stop_following()
        self._tell("muted", "")
        if text and not self._is_paused:
            self.follow()

    def taken(self) -> None:
        """Follow the key that the user took, written out in full."""
        key = self._picker.value
        try:
            full = target_of(key, self._targets)[1] if key else key
        except ModelError:
            full = key
        if full != key:
            self._picker.take(full)
        self.point(full)

    def follow(self) -> None:
        """Watch the key of the target, as far as it is known what that is."""
        self._is_paused = False
        if not self._text:
            return
        try:
            self._target = target_of(self._text, self._targets)
        except ModelError as error:
            self._tell("warn", str(error))
            return
        self._watches = (feed_for(self._source).watch(self._target[1], self.refresh),)
        self.spawn(self.catch_up(self._watches))

    @property
    def _source(self) -> ClientSource:
        """The server of the target."""
        with using(self._session.source):
            return self._session.source if self._target is None else registry.source_for(self._target[0])

    async def look(self) -> None:
        """Read what the line tells of the target (JSON.MGET)."""
        target = self._target
        if target is None:
            return
        cls, key = target
        found = (await summaries(self._source, cls, [key])).get(key)
        if self._closed or target != self._target:
            return
        self._open.disabled = found is None and self.opened is None
        self._tell(*(("warn", DANGLING) if found is None else ("muted", f"→ {found}")))

    def paused(self) -> None:
        """Remember that no page shows it."""
        self._is_paused = True

    @property
    def is_hidden(self) -> bool:
        """Whether it was shown, and is shown nowhere any more."""
        return self._was_shown and self._is_paused

    def _tell(self, kind: str, text: str) -> None:
        self.told = (kind, text)
        if not text or kind != "muted":
            self._open.disabled = self.opened is None
        self.say("muted", "")

    def say(self, kind: str, text: str) -> None:
        """Show a message in place of what is told of the target; an empty one shows that again."""
        if self._closed:
            return
        html = style.message(*((kind, text) if text else self.told))
        if self._note.value != html:
            self._note.value = html

    # Its form -----------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Open the form of the target below, or close it."""
        if self.opened is not None:
            self._shut()
            self.refresh()
        elif self._target is not None:
            self._open.disabled = True
            self.spawn(self._show_form(*self._target))

    async def _show_form(self, cls: Any, key: str) -> None:
        try:
            with using(self._session.source):
                model = await cls._rapyer_fetch(key)
                if self._closed or self.opened is not None or self._target != (cls, key):
                    return
                form = self._session.open(model)
        finally:
            self._open.disabled = self._target is None
        form.place = (*form.place, id(self))  # so that none of elsewhere takes its place
        following.add(form)
        self.opened = form
        self._inside.children = (form,)
        self._open.description = "Close"
        self._open.tooltip = f"Close the target of {self._name}"

    def _shut(self) -> None:
        form, self.opened = self.opened, None
        if form is None:
            return
        self._inside.children = ()
        self._open.description = "Open"
        self._open.tooltip = f"Open the target of {self._name}"
        form.close()

    # Candidates ---------------------------------------------------------------------------------------------

    def typed(self) -> None:
        """Look for candidates once nothing more is typed for a moment."""
        self._forget_search()
        if self._picker.is_searching:
            self._timer = self.loop.call_later(PAUSE, self.post, self.search, context=Context())

    def search(self) -> None:
        """Look for candidates now, in place of an earlier search."""
        self._forget_search()
        self.spawn(self._find(self._picker.query if self._picker.is_searching else ""))

    def _forget_search(self) -> None:
        for one in (self._timer, self._search):
            if one is not None:
                one.cancel()
        self._timer = self._search = None

    async def _find(self, text: str | None) -> None:
        self._search = asyncio.current_task()
        try:
            found = await candidates(self._session.source, self._targets, text or "")
        except UnknownTargetError as error:
            self._picker.offer([], one_line(error))
        except Exception as error:  # no connection: the next keystroke looks again
            self._picker.offer([], f"cannot search: {one_line(error)}")
        else:
            self._picker.offer(found.options, found.status)

    def _left(self) -> None:
        """Take what was typed if it is a full key, now that the user is elsewhere; else it stays as it is."""
        text = (self._picker.query or "").strip()
        try:
            prefixes = self._targets.by_prefix()
        except UnknownTargetError:
            return
        if any(text.startswith(f"{prefix}:") and len(text) > len(prefix) + 1 for prefix in prefixes):
            self._picker.take(text)

    def _release(self) -> None:
        self._forget_search()
        super()._release()

    def close(self) -> None:
        """Close it, and the form that it has opened."""
        if not getattr(self, "_closed", True) and self.opened is not None:
            self.opened.close()
        super().close()
