"""`edit(model)`: a form that stays in step with Redis, both ways."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer import AtomicRedisModel
from rapyer.model.registry import registry
from rapyer.session.executor import execute, perform_now
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.live import FeedState, feed_for
from rapyer_nb.widgets import style
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import Request, classed, line
from rapyer_nb.widgets.controls import controls, read_only
from rapyer_nb.widgets.field import FieldRow
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.form import FieldPlan, GroupPlan, plan_form
from rapyer_nb.widgets.rereading import Rereading
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from rapyer.commands.command import Command


class ModelEditor(Rereading):
    """The form of one stored model."""

    def __init__(self, model: AtomicRedisModel) -> None:
        """Build the form and start to follow the model's key; needs a running event loop."""
        source = registry.source_for(type(model))
        super().__init__((str(model.key), source))
        self.model = model
        self.key = str(model.key)
        self.source = source
        self._stored = False
        self._groups: list[tuple[FieldRow, list[FieldRow]]] = []
        self._rows: list[FieldRow] = []
        self._state = ""
        self._head = W.HTML()
        self._foot = W.HTML(style.message("muted", "", "foot"))
        body = [self._build(entry) for entry in plan_form(model)]
        self.build([W.HTML(style.STYLE), self._head, classed(W.VBox(body), "rpy-rows"), self._foot])
        self.add_class("rpy-editor")
        self._enter("connecting")
        self.follow()

    # Building -----------------------------------------------------------------------------------------------

    def _build(self, entry: FieldPlan | GroupPlan) -> W.DOMWidget:
        if isinstance(entry, FieldPlan):
            return self._row(entry).widget
        head = [classed(W.HTML(style.group_head(entry.label)), "rpy-main")]
        presence = None if entry.presence is None else self._row(entry.presence)
        if presence is not None:
            head.append(presence.widget)
        before = len(self._rows)
        inside = [self._build(inner) for inner in entry.entries]
        if presence is not None:
            self._groups.append((presence, self._rows[before:]))
        return classed(W.VBox([line(*head), *inside]), "rpy-group")

    def _row(self, plan: FieldPlan) -> FieldRow:
        request = Request(
            plan.name,
            plan.annotation,
            label=plan.label,
            tooltip=plan.tooltip,
            max_length=plan.max_length,
            post=self.post,
        )
        control = controls.build(request) if plan.editable else read_only(request)
        local = shown(local_value(self.model, plan.names))
        if plan.annotation is Presence:
            local = None if local is None else True
        row = FieldRow(plan, control, self, local)
        self._rows.append(row)
        return row

    # Following Redis ----------------------------------------------------------------------------------------

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step, and return their decoded replies."""
        return await perform_now(self.source, *commands)

    def follow(self) -> None:
        """Watch the document, and what lives beside it."""
        if self._was_shown:
            self._enter("connecting")
        feed = feed_for(self.source)
        beside = [row.plan.place.beside for row in self._rows]
        self._watches = (
            feed.watch(self.key, self.refresh, self._feed_changed),
            *(feed.watch(key, self.refresh) for key in beside if key is not None),
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
            self.say("warn", f"no connection since {since}: what is shown may be out of date")
        elif state.status in ("live", "polling"):
            self.say("muted", "")
            for row in self._rows:
                row.retry()

    async def look(self) -> None:
        """Read all fields, in one round trip, and show them."""
        epochs = [row.binding.epoch for row in self._rows]
        commands = [row.plan.place.reads() for row in self._rows]
        replies = iter(await execute(self.source, [one for each in commands for one in each]))
        found = [
            row.plan.place.raw([next(replies) for _ in each])
            for row, each in zip(self._rows, commands, strict=True)
        ]
        self._take(found, epochs)

    def _take(self, found: list[bytes | None], epochs: list[int]) -> None:
        failed, self._failed = self._failed, False
        if self._closed:
            return
        if any(raw is None for raw in found):
            self._enter("deleted" if self._stored else "absent")
            for row in self._rows:
                row.enable(False)
            self.say(*self._gone())
            return
        if failed or self._state in ("deleted", "absent"):
            self.say("muted", "")
        self._stored = True
        state = feed_for(self.source).state
        if self._state != "disconnected":
            self._enter(state.status, state.reason)
        for row, raw, epoch in zip(self._rows, found, epochs, strict=True):
            if row in self._inside_null():
                row.forget()
            else:
                row.read(raw or b"[]", epoch)
        null = self._inside_null()
        for row in self._rows:
            row.enable(row not in null)

    def _gone(self) -> tuple[str, str]:
        if self._stored:
            return "error", "deleted in Redis: nothing can be edited until it is stored again"
        return "warn", "not stored yet: await its asave() and it can be edited here"

    def _inside_null(self) -> set[FieldRow]:
        """Return the rows of groups that are null: their places do not exist."""
        return {row for presence, inside in self._groups if presence.is_null for row in inside}

    def keep(self, plan: FieldPlan, text: bytes) -> None:
        """Give the Python object the value that stands in Redis now, so that the next cell sees it."""
        if plan.spec.is_key:
            return  # it names the document that this form edits
        try:
            plan.stored.keep(text)
        except Exception as error:  # a validator of the user's; the form itself is right
            self.say("warn", f"the Python object keeps its {plan.name}: {one_line(error)}")

    # Showing ------------------------------------------------------------------------------------------------

    def _enter(self, state: str, reason: str = "") -> None:
        if state == self._state:
            return
        self._state = state
        self._head.value = style.header(type(self.model).__name__, self.key, state, reason)

    def say(self, kind: str, text: str) -> None:
        """Show a message at the end of the form; its place stays when the text goes."""
        stamp = f" {time.strftime('%H:%M:%S')}" if kind == "ok" else ""
        self._foot.value = style.message(kind, f"{text}{stamp}", "foot")

    # Coming and going ---------------------------------------------------------------------------------------

    def paused(self) -> None:
        """Show that no page shows it."""
        self._enter("suspended")

    def _release(self) -> None:
        for row in self._rows:
            row.stop()
        super()._release()


def edit(model: AtomicRedisModel) -> ModelEditor:
    """Return a form for a stored model: typing in it changes Redis, and a change in Redis shows in it.

    Each field writes only its own part of the document, and only if that part is still what the form showed
    (JSON.GET and JSON.SET in a script). Of a set it sends what was added and removed (SADD, SREM); queues are
    only shown. The form follows the keys by one connection for each server, shared by all forms. The Python
    object gets the values that the form shows.

    Running the cell again makes a new form; the old one pauses when the page drops it, and is then closed.

    Args:
        model: An instance of a model class, usually one that is stored; the form waits for one that is not.

    Raises:
        NotebookError: It is no model instance, it lives inside another one, or no event loop runs.
    """
    given: object = model
    if not isinstance(given, AtomicRedisModel):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
        raise NotebookError(f"edit() takes one model, not {what}", hint="use edit(user) with an instance")
    if model.is_inner_model():
        raise NotebookError(
            f"this {type(model).__name__} lives inside {model.key}", hint="edit the model that holds it"
        )
    try:
        editor = ModelEditor(model)
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise
        raise NotebookError("edit() needs a running event loop", hint="use it in a notebook's cell") from None
    following.add(editor)
    return editor
