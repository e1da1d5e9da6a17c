"""What controls have in common that show one value alone, to build dashboards from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer import AtomicRedisModel
from rapyer.errors import UnsupportedArgumentTypeError
from rapyer.model.registry import registry
from rapyer.search.expression import FieldOperand, ModelOperand, place_of
from rapyer.session.executor import execute, perform_now
from rapyer.types.base import BaseRedisType, Linkable
from rapyer.watching.subject import bound_place, check_field
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.live import feed_for
from rapyer_nb.views.brief import brief
from rapyer_nb.widgets import style
from rapyer_nb.widgets.form import FieldPlan, plan_fields
from rapyer_nb.widgets.page import Page
from rapyer_nb.widgets.rereading import Rereading

if TYPE_CHECKING:
    from rapyer.commands.command import Command
    from rapyer.watching.subject import Names
    from rapyer_nb.live import FeedState

STYLE: Final = """<style>
.rpy-editor.rpy-single { width: auto; min-width: min(170px, 100%); max-width: 360px; margin: 4px;
  flex: 0 0 auto; padding: 8px 12px 4px; --rpy-label: 0px; }
.widget-hbox > .rpy-editor.rpy-single { flex: 1 1 220px; }
.widget-hbox:has(> .rpy-single) { flex-wrap: wrap; }
.rpy-single .rpy-head { font-size: 13px; padding-bottom: 4px; margin-bottom: 4px; }
.rpy-single .rpy-head code { font-size: 11px; }
.rpy-single .rpy-main > .widget-label, .rpy-single .rpy-line > .rpy-label {
  position: absolute !important; width: 1px !important; height: 1px !important;
  margin: -1px !important; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.rpy-editor.rpy-single .rpy-note-line { margin-left: 0; }
.rpy-editor .rpy-counter { align-items: center; gap: 8px; overflow: visible; }
.rpy-editor .rpy-counter > .rpy-amount { flex: 1 1 0; min-width: 0; text-align: center; }
.rpy-editor .rpy-amount output { font-size: 26px; line-height: 1.4; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.rpy-editor button.rpy-step { min-width: 40px; width: auto; height: 34px; line-height: 30px; padding: 0 10px;
  font-size: 16px; flex: 0 0 auto; border-radius: 4px; border: 1px solid var(--rpy-line);
  background: var(--rpy-back-2); color: var(--rpy-text); }
.rpy-editor button.rpy-step:disabled { opacity: .5; }
</style>"""


class SingleControl(Rereading):
    """A card with one value of a stored model: a head, what shows the value, and a line below.

    Args:
        model: The model.
        plan: What the field is.
    """

    def __init__(self, model: AtomicRedisModel, plan: FieldPlan) -> None:
        self.source = registry.source_for(type(model))
        self.key = str(model._rapyer_key())
        super().__init__((type(self), self.key, plan.names, self.source))
        self.model = model
        self.plan = plan
        self._state = ""
        self._stored = False
        self._head = W.HTML()
        self._foot = W.HTML(style.message("muted", "", "foot"))

    def start(self, *body: W.DOMWidget) -> None:
        """Make the widget, with what shows the value in it, and follow."""
        self.build([W.HTML(style.STYLE + STYLE), self._head, Page(self.post), *body, self._foot])
        self.add_class("rpy-editor")
        self.add_class("rpy-single")
        self._enter("connecting")
        self.follow()

    def show_raw(self, raw: bytes, epoch: int) -> None:
        """Show what was read; to be written by each.

        Args:
            raw: The text at the field's path, as an array of the matches.
            epoch: What `epoch` was when it was asked for.
        """
        raise NotImplementedError

    def enable(self, on: bool) -> None:
        """Let the user change the value, or not; to be written by each."""
        raise NotImplementedError

    @property
    def epoch(self) -> int:
        """Goes up with each write: what was read meanwhile tells nothing."""
        raise NotImplementedError

    # Following Redis ----------------------------------------------------------------------------------------

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step, and return their decoded replies."""
        return await perform_now(self.source, *commands)

    def follow(self) -> None:
        """Watch the document, and what lives beside it."""
        if self._was_shown:
            self._enter("connecting")
        feed, beside = feed_for(self.source), self.plan.place.beside
        self._watches = (
            feed.watch(self.key, self.refresh, self._feed_changed),
            *(feed.watch(key, self.refresh) for key in (beside,) if key is not None),
        )
        self.spawn(self.catch_up(self._watches))
        if feed.state.status in ("live", "polling"):
            self._feed_changed(feed.state)

    def _feed_changed(self, state: FeedState) -> None:
        if self._closed or not self._watches:
            return
        self._enter(state.status, state.reason)
        if state.status == "disconnected":
            since = time.strftime("%H:%M:%S", time.localtime(state.since))
            self.say("warn", f"no connection since {since}: this may be out of date")
        elif state.status in ("live", "polling"):
            self.say("muted", "")
            self.connected()

    def connected(self) -> None:
        """Try again what did not get through; for one that has such."""

    async def look(self) -> None:
        """Read the value, and show it."""
        epoch = self.epoch
        raw = self.plan.place.raw(await execute(self.source, self.plan.place.reads()))
        if self._closed:
            return
        if raw is None:
            self._enter("deleted" if self._stored else "absent")
            self.enable(False)
            self.say(*(("error", "deleted in Redis") if self._stored else ("warn", "not stored yet")))
            return
        if self._state in ("deleted", "absent"):
            self.say("muted", "")
        self._stored = True
        state = feed_for(self.source).state
        if self._state != "disconnected":
            self._enter(state.status, state.reason)
        is_there = raw != b"[]" or len(self.plan.names) == 1
        self.enable(is_there)
        if is_there:
            self.show_raw(raw, epoch)
        else:
            self.say("warn", f"{'.'.join(self.plan.names[:-1])} is null")

    def paused(self) -> None:
        """Show that no page shows it."""
        self._enter("suspended")

    # What a field needs of its form -------------------------------------------------------------------------

    def keep(self, plan: FieldPlan, text: bytes) -> None:
        """Give the Python object the value that stands in Redis now, so that the next cell sees it."""
        try:
            plan.stored.keep(text)
        except Exception as error:  # a validator of the user's; what is shown is right
            self.say("warn", f"the Python object keeps its {plan.name}: {one_line(error)}")

    def _enter(self, state: str, reason: str = "") -> None:
        if state != self._state:
            self._state = state
            self._head.value = style.header(self.plan.label, self.key, state, reason)

    def say(self, kind: str, text: str) -> None:
        """Show a message below; its place stays when the text goes."""
        self._foot.value = style.message(kind, text, "foot")


def located(what: str, where: Any, of: Any) -> tuple[AtomicRedisModel, FieldPlan]:
    """Return the model and the plan of the field that a call names.

    Args:
        what: The name of the function, for messages.
        where: A value read from a model, a field of a class (`User.name`), or the model itself.
        of: The model, or the dotted name of the field.

    Raises:
        NotebookError: It names none, or what is no single field.
    """
    model, names = _place(what, where, of)
    if not names:
        raise NotebookError(
            f"{what}() shows one field, and this is all of {type(model).__name__}",
            hint=f'name it: {what}(user, "name"); edit(user) shows all',
        )
    try:
        check_field(type(model), names)
    except UnsupportedArgumentTypeError as error:
        raise NotebookError(str(error)) from None
    for plan in plan_fields(model, str(model.key)):
        if plan.names == names:
            return model, plan
    raise NotebookError(
        f"{'.'.join(names)} is no field of its own", hint=f"give {what}() a single field, or use edit()"
    )


def _place(what: str, where: Any, of: Any) -> tuple[AtomicRedisModel, Names]:
    if isinstance(where, AtomicRedisModel) and isinstance(of, str):
        return where, tuple(of.split("."))
    if isinstance(where, FieldOperand | ModelOperand) and isinstance(of, AtomicRedisModel):
        return of, tuple(place_of(where)[1].split("."))
    if of is None and isinstance(where, BaseRedisType | Linkable):
        return bound_place(where)
    raise NotebookError(
        f"{what}() cannot know the place of {brief(where, 40)}: plain values know no model",
        hint=f'name the field: {what}(user, "name") or {what}(User.name, user)',
    )
