"""`edit(model)`: a form that stays in step with Redis, both ways."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer import AtomicRedisModel
from rapyer.actions import ActionGroup
from rapyer.model.registry import registry
from rapyer.session.executor import execute, perform_now
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.live import FeedState, feed_for
from rapyer_nb.views.brief import printable
from rapyer_nb.widgets import expiry, style
from rapyer_nb.widgets.body import Body
from rapyer_nb.widgets.collections.row import CollectionRow
from rapyer_nb.widgets.computed import ComputedRows
from rapyer_nb.widgets.control import Session, classed, toggle_class
from rapyer_nb.widgets.expiry import ExpiryLine, Life
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.form import CollectionPlan, FieldPlan, fields_in, plan_form
from rapyer_nb.widgets.header import FormHead
from rapyer_nb.widgets.history import Edit, History
from rapyer_nb.widgets.locking import FormLock
from rapyer_nb.widgets.notice import Choice
from rapyer_nb.widgets.requests import checked_wishes
from rapyer_nb.widgets.rereading import Rereading
from rapyer_nb.widgets.restoring import give_back, store_again
from rapyer_nb.widgets.stores import local_value, shown
from rapyer_nb.widgets.toolbar import Situation, Tools
from rapyer_nb.widgets.undoing import Undoing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from rapyer.commands.command import Command

DEFAULT_ACTION: Final = "default"
_GONE: Final = frozenset({"deleted", "expired"})


class ModelEditor(Rereading):
    """The form of one stored model.

    Attributes:
        model: The Python object; it gets the values that the form shows.
        key: Its key.
        source: Where it is stored.
    """

    def __init__(
        self,
        model: AtomicRedisModel,
        *,
        read_only: bool = False,
        action: str = DEFAULT_ACTION,
        widgets: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the form and start to follow the model's key; the arguments are those of `edit`."""
        source = registry.source_for(type(model))
        super().__init__((str(model.key), source))
        self.model = model
        self.key = str(model.key)
        self.source = source
        self._stored = False
        self._present = False
        self._read_only = read_only
        self._correcting: frozenset[str] = frozenset()
        self._history = History()
        self._undoing = Undoing(self._history, self.say, self._show)
        self._lock = FormLock(model, source, action)
        self._life: Life | None = None
        self._foot = W.HTML(style.message("muted", "", "foot"))
        self.session = Session(source, lambda target: ModelEditor(target, read_only=self._read_only))
        self._computed = ComputedRows(model, self.post)
        entries = plan_form(model, whole=frozenset(widgets or ()))
        wishes = checked_wishes(widgets, fields_in(entries), f"edit(): {type(model).__name__}")
        self._expiry = ExpiryLine(model, source, lambda *what: self.spawn(self._change(*what)), self.post)
        tools = Tools(
            self._undo, self._toggle_read_only, self._toggle_lock, self._toggle_expiry, self._edit_anyway
        )
        self._head = FormHead(type(model).__name__, self.key, tools, self._expiry, self.post)
        self.page = self._head.page
        self._body = Body(
            entries, self, CollectionRow, self._local, wishes=wishes, computed=self._computed.row
        )
        self._rows: list[Any] = self._body.rows
        rows = classed(W.VBox(self._body.widgets), "rpy-rows")
        self.build([W.HTML(style.STYLE), *self._head.widgets, rows, self._foot])
        self.add_class("rpy-editor")
        self._head.enter("connecting")
        self._show()
        self.follow()

    # Following Redis ----------------------------------------------------------------------------------------

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step, and return their decoded replies.

        A time to live starts anew where the model's own updates do that.
        """
        renewal = self.model._rapyer_renewal(ActionGroup.UPDATE)
        return await perform_now(self.source, *commands, renewal=renewal)

    def follow(self) -> None:
        """Watch the document, what lives beside it, and its lock."""
        if self._was_shown:
            self._head.enter("connecting")
        feed = feed_for(self.source)
        beside = [row.plan.place.beside for row in self._rows]
        self._watches = (
            feed.watch(self.key, self.refresh, self._feed_changed),
            *(feed.watch(key, self.refresh) for key in (*beside, self._lock.key) if key is not None),
        )
        self.spawn(self.catch_up(self._watches))
        if feed.state.status in ("live", "polling"):
            self._feed_changed(feed.state)

    def _feed_changed(self, state: FeedState) -> None:
        if self._closed or not self._watches:
            return
        self._head.enter(state.status, state.reason)
        if state.status == "disconnected":
            since = time.strftime("%H:%M:%S", time.localtime(state.since))
            self.say("warn", f"no connection since {since}: what is shown may be out of date")
        elif state.status in ("live", "polling"):
            self.say("muted", "")
            for row in self._rows:
                row.retry()

    async def look(self) -> None:
        """Read all fields, the lock, and how long the object lives, in one round trip, and show them."""
        epochs = [row.epoch for row in self._rows]
        commands = [row.reads() for row in self._rows]
        commands += [self._lock.reads(), expiry.reads(self.key)]
        replies = iter(await execute(self.source, [one for each in commands for one in each]))
        answers = [[next(replies) for _ in each] for each in commands]
        *fields, lock, (left,) = answers
        if self._closed:
            return
        self._lock.take(lock)
        found = [row.found(each) for row, each in zip(self._rows, fields, strict=True)]
        self._take(found, epochs, expiry.life(left))

    def _take(self, found: list[Any], epochs: list[int], life: Life | None) -> None:
        failed, self._failed = self._failed, False
        if any(one is None for one in found):
            self._vanish()
            return
        if failed:
            self.say("muted", "")
        self._stored = self._present = True
        self._correcting = frozenset()
        self._life = life
        state = feed_for(self.source).state
        if self._state != "disconnected":
            self._head.enter(state.status, state.reason)
        for row, one, epoch in zip(self._rows, found, epochs, strict=True):
            if row in self._body.null:
                row.forget()
            else:
                row.take(one, epoch)
        self._show()

    def _local(self, plan: FieldPlan) -> Any:
        return shown(local_value(self.model, plan.names))

    def keep(self, plan: FieldPlan | CollectionPlan, text: bytes) -> None:
        """Give the Python object the value that stands in Redis now, so that the next cell sees it."""
        if plan.spec.is_key or plan.stored is None:
            return  # it names the document that this form edits
        try:
            plan.stored.keep(text)
        except Exception as error:  # a validator of the user's; the form itself is right
            self.say("warn", f"the Python object keeps its {plan.name}: {one_line(error)}")
        self._computed.changed()

    # The object is not there --------------------------------------------------------------------------------

    def _vanish(self) -> None:
        self._present = False
        self._history.forget()
        if not self._stored:
            self._head.enter("absent")
            told, choice = "not stored yet", Choice("Store it", "Store what is shown", self._store)
            self._head.notice.say("warn", f"{told}: it can be edited here once it is stored", choice)
        else:
            if self._state not in _GONE:
                self._head.enter("expired" if self._life is not None and self._life.is_over else "deleted")
            told = "expired: its time to live is over" if self._state == "expired" else "deleted in Redis"
            choice = Choice("Recreate", "Store again what is shown", self._store)
            self._head.notice.say("error", f"{told}; what is shown is what it was", choice)
        self._show()

    def _store(self) -> None:
        null = self._body.null
        unfit = give_back(row for row in self._rows if row not in null)
        if unfit:
            self.say("error", f"not stored: correct {', '.join(unfit)}")
            self._correcting = frozenset(unfit)  # which needs fields that can be edited
            self._show()
            return
        self.spawn(store_again(self.model, self.source, self.say, self.refresh))

    # What the buttons do ------------------------------------------------------------------------------------

    def record(self, edit: Edit) -> None:
        """Remember an edit that went in, to be taken back."""
        self._history.record(edit)
        self._show()

    def _undo(self) -> None:
        if self._can_write:
            self.spawn(self._undoing.run())

    @property
    def read_only(self) -> bool:
        """Whether the form only shows; it may be set."""
        return self._read_only

    @read_only.setter
    def read_only(self, on: bool) -> None:
        self.post(self._only_show, on)

    def _toggle_read_only(self) -> None:
        self._only_show(not self._read_only)

    def _only_show(self, on: bool) -> None:
        if on:
            for row in self._rows:
                row.save()
            self._expiry.hide()
        self._read_only = on
        self._show()

    def _toggle_lock(self) -> None:
        if self._lock.is_mine:
            self._lock.release()
        else:
            self.spawn(self._lock.hold(self._lock_changed, self.say))

    def _lock_changed(self) -> None:
        if not self._closed:
            self._show()
            self.refresh()

    def _edit_anyway(self) -> None:
        self._lock.ignore()
        self._show()

    def _toggle_expiry(self) -> None:
        (self._expiry.hide if self._expiry.is_open else self._expiry.open)()
        self._show()

    async def _change(self, done: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:  # whatever it is, the user must see it
            self.say("error", f"not changed: {one_line(error)}")
        else:
            self.say("ok", f"{self.key} {done}")
        self.refresh()

    # Showing ------------------------------------------------------------------------------------------------

    @property
    def _state(self) -> str:
        return self._head.state

    @property
    def _can_write(self) -> bool:
        return self._present and not self._read_only and not self._lock.blocks

    def _show(self) -> None:
        """Let fields, buttons and messages fit what is known now."""
        if self._closed:
            return
        null = self._body.null
        for row in self._rows:
            row.enable(self._can_write and row not in null or row.plan.name in self._correcting)
        life = self._life if self._present else None
        self._head.show(self._situation(), life, self._lock)
        toggle_class(self, "rpy-reading", self._read_only)
        lease = self._lock.holder.lease if self._lock.is_others and self._lock.holder else None
        ends = [end for end in (None if life is None else life.remaining, lease) if end is not None]
        self.refresh_in(min(ends, default=None))

    def _situation(self) -> Situation:
        return Situation(
            last=None if self._history.last is None else self._history.last.name,
            writable=self._can_write and not self._undoing.is_busy,
            read_only=self._read_only,
            stored=self._present,
            locked=self._lock.is_mine,
            lockable=not self._lock.is_others and not self._read_only,
            expiry=self._expiry.is_open,
        )

    def say(self, kind: str, text: str) -> None:
        """Show a message at the end of the form; its place stays when the text goes."""
        stamp = f" {time.strftime('%H:%M:%S')}" if kind == "ok" else ""
        self._foot.value = style.message(kind, f"{text}{stamp}", "foot")

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options) or {}
        names = ", ".join(row.plan.name for row in self._rows)
        return {**bundle, "text/plain": f"a form for {printable(self.key)}: {names}"}

    # Coming and going ---------------------------------------------------------------------------------------

    def paused(self) -> None:
        """Show that no page shows it."""
        self.refresh_in(None)
        self._head.enter("suspended")

    def _release(self) -> None:
        for row in self._rows:
            row.stop()
        super()._release()


def edit(
    model: AtomicRedisModel,
    *,
    read_only: bool = False,
    action: str = DEFAULT_ACTION,
    widgets: Mapping[str, Any] | None = None,
) -> ModelEditor:
    """Return a form for a stored model: typing in it changes Redis, and a change in Redis shows in it.

    Each field writes only its own part of the document, and only if that part is still what the form showed
    (JSON.GET and JSON.SET in a script). Lists, dicts, sets and queues show a page at a time, and are changed
    entry by entry. The form follows the keys by one connection for each server, shared by all forms. The
    Python object gets the values that the form shows.

    While somebody holds the model's lock (`alock`) the form does not write, unless the user wants it to;
    it can take the lock itself. It shows how long the object lives (PTTL), and changes that (EXPIRE,
    PERSIST). The last edits can be taken back, each if what it left is still there.

    Running the cell again makes a new form; the old one pauses when the page drops it, and is then closed.

    Args:
        model: An instance, usually one that is stored; the form offers to store one that is not.
        read_only: Only show the values, and follow them; the form has a button that lets them be edited.
        action: What the lock is for that the form heeds and takes; locks for other actions are independent.
        widgets: For a field, such as `address.city`, the control to take: its name, a widget, or a factory.

    Raises:
        NotebookError: It is no model of its own, no event loop runs, or there is no such field or control.
    """
    given: object = model
    if not isinstance(given, AtomicRedisModel):
        what = f"the class {given.__name__}" if isinstance(given, type) else f"a {type(given).__name__}"
        raise NotebookError(f"edit() takes one model, not {what}", hint="use edit(user) with an instance")
    if model.is_inner_model():
        raise NotebookError(
            f"this {type(model).__name__} lives inside {model.key}", hint="edit the model that holds it"
        )
    return following.opened(
        "edit()", lambda: ModelEditor(model, read_only=read_only, action=action, widgets=widgets)
    )
