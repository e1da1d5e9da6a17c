"""`edit(model)`: a form that stays in step with Redis, both ways."""

from __future__ import annotations

import asyncio
import time
from contextvars import Context
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer import AtomicRedisModel
from rapyer.model.registry import registry
from rapyer.session.executor import execute, perform_now
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.live import FeedState, Watch, feed_for
from rapyer_nb.widgets import style
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import Request, classed, close_tree, line
from rapyer_nb.widgets.controls import controls, read_only
from rapyer_nb.widgets.field import FieldRow
from rapyer_nb.widgets.form import FieldPlan, GroupPlan, plan_form
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer.commands.command import Command

# Seconds until a failed read is tried again; the feed, when it reconnects, asks sooner.
RETRY_READ = 1.0


class ModelEditor(W.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """The form of one stored model.

    It lives on the event loop on which it was made: what happens in the page arrives in other threads and is
    handed over. It pauses while no page shows it, and reads everything again when one does.
    """

    def __init__(self, model: AtomicRedisModel) -> None:
        """Build the form and start to follow the model's key; needs a running event loop."""
        self.loop = asyncio.get_running_loop()
        self.model = model
        self.key = str(model.key)
        self.source = registry.source_for(type(model))
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: tuple[Watch, ...] = ()
        self._reading = False
        self._again = False
        self._read_failed = False
        self._closed = False
        self._was_shown = False
        self._stored = False
        self._groups: list[tuple[FieldRow, list[FieldRow]]] = []
        self._rows: list[FieldRow] = []
        self._state = ""
        self._head = W.HTML()
        self._foot = W.HTML(style.message("muted", "", "foot"))
        body = [self._build(entry) for entry in plan_form(model)]
        super().__init__([W.HTML(style.STYLE), self._head, classed(W.VBox(body), "rpy-rows"), self._foot])
        self.add_class("rpy-editor")
        self._enter("connecting")
        self._view_count = 0  # from here on the front end counts the views
        self.observe(lambda change: self.post(self._viewed, change["new"]), "_view_count")
        self._follow()

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

    # The loop ----------------------------------------------------------------------------------------------

    def post(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run a function on the form's loop, from whatever thread; what it raises is shown in the form."""
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
        """Run a coroutine as a task of the form, in an empty context, until it ends or the form is closed."""
        task: asyncio.Task[None] = Context().run(self.loop.create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._closed:
            self.say("error", one_line(error))

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step, and return their decoded replies."""
        return await perform_now(self.source, *commands)

    # Following Redis ----------------------------------------------------------------------------------------

    def _follow(self) -> None:
        feed = feed_for(self.source)
        beside = [row.plan.place.beside for row in self._rows]
        self._watches = (
            feed.watch(self.key, self.refresh, self._feed_changed),
            *(feed.watch(key, self.refresh) for key in beside if key is not None),
        )
        self.spawn(self._first_read(self._watches))
        if feed.state.status in ("live", "polling"):
            self._feed_changed(feed.state)

    async def _first_read(self, watches: Sequence[Watch]) -> None:
        for watch in watches:
            await watch.ready()  # first listen, then read: in the other order a change in between is lost
        self.refresh()

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

    def refresh(self) -> None:
        """Read all fields again, soon: calls that come while a read is under way become one."""
        if self._closed or not self._watches:
            return
        if self._reading:
            self._again = True
            return
        self._reading = True
        self.spawn(self._read())

    async def _read(self) -> None:
        try:
            while True:
                self._again = False
                epochs = [row.binding.epoch for row in self._rows]
                commands = [row.plan.place.reads() for row in self._rows]
                replies = iter(await execute(self.source, [one for each in commands for one in each]))
                found = [
                    row.plan.place.raw([next(replies) for _ in each])
                    for row, each in zip(self._rows, commands, strict=True)
                ]
                self._take(found, epochs)
                if not self._again:
                    return
        except Exception as error:  # no connection, another type under the key: the form goes on trying
            self._read_failed = True
            self.say("error", f"cannot read: {one_line(error)}")
            self.loop.call_later(RETRY_READ, self.post, self.refresh, context=Context())
        finally:
            self._reading = False

    def _take(self, found: list[bytes | None], epochs: list[int]) -> None:
        if self._closed:
            return
        if any(raw is None for raw in found):
            self._enter("deleted" if self._stored else "absent")
            for row in self._rows:
                row.enable(False)
            self.say(*self._gone())
            return
        if self._read_failed or self._state in ("deleted", "absent"):
            self.say("muted", "")
        self._stored, self._read_failed = True, False
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

    def _viewed(self, views: int) -> None:
        if views > 0:
            self._was_shown = True
            if not self._watches:
                self._enter("connecting")
                self._follow()
        elif self._was_shown:
            self._suspend()
            if editors.superseded(self):
                self.close()

    def _suspend(self) -> None:
        self._stop_following()
        self._enter("suspended")

    def _stop_following(self) -> None:
        watches, self._watches = self._watches, ()
        for watch in watches:
            watch.close()

    @property
    def is_hidden(self) -> bool:
        """Whether it was shown, and is shown nowhere any more."""
        return self._was_shown and not self._watches

    def close(self) -> None:
        """Stop following, cancel what is under way, and close every widget of the form."""
        if getattr(self, "_closed", True):
            return
        self._closed = True
        editors.discard(self)
        if _is_current(self.loop):
            self._release()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._release, context=Context())
        for child in self.children:
            close_tree(child)
        super().close()

    def _release(self) -> None:
        self._stop_following()
        for row in self._rows:
            row.stop()
        for task in self._tasks:
            task.cancel()


class Editors:
    """The open editors, so that they can be replaced and closed."""

    def __init__(self) -> None:
        self._open: list[ModelEditor] = []

    def add(self, editor: ModelEditor) -> None:
        """Remember an editor, and close those of the same document that no page shows any more."""
        for other in [other for other in self._open if other.is_hidden and _same_place(other, editor)]:
            other.close()
        self._open.append(editor)

    def superseded(self, editor: ModelEditor) -> bool:
        """Tell whether a newer editor of the same document is open."""
        if editor not in self._open:
            return True
        newer = self._open[self._open.index(editor) + 1 :]
        return any(_same_place(other, editor) for other in newer)

    def discard(self, editor: ModelEditor) -> None:
        """Forget an editor."""
        self._open = [other for other in self._open if other is not editor]

    def close_all(self) -> None:
        """Close every editor."""
        for editor in tuple(self._open):
            editor.close()

    def __len__(self) -> int:
        return len(self._open)


def _same_place(one: ModelEditor, other: ModelEditor) -> bool:
    return one.key == other.key and one.source is other.source


def _is_current(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


editors = Editors()


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
    editors.add(editor)
    return editor


def close_all() -> None:
    """Close every editor that is open."""
    editors.close_all()
