"""One field of the form: its control, its message, its timer, and the binding that decides."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as W
from traitlets import TraitError

from rapyer.errors import RapyerError
from rapyer_nb.widgets import style
from rapyer_nb.widgets.binding import FieldBinding, Missing, Note, Phase, Todo, Write
from rapyer_nb.widgets.control import CannotShow, Control, button, classed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rapyer.commands.command import Command
    from rapyer_nb.widgets.form import FieldPlan

# Seconds without a keystroke after which what was typed is written.
DEBOUNCE = 0.3


class Host(Protocol):
    """What a field needs of its form."""

    loop: asyncio.AbstractEventLoop

    def post(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run a function on the form's loop, from whatever thread."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task of the form."""

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step."""

    def keep(self, plan: FieldPlan, text: bytes) -> None:
        """Give the local object what stands in Redis."""

    def say(self, kind: str, text: str) -> None:
        """Show a message at the end of the form."""

    def refresh(self) -> None:
        """Read everything again."""


class FieldRow:
    """The row of one field; all its methods run on the form's loop."""

    def __init__(self, plan: FieldPlan, control: Control, host: Host, local: Any) -> None:
        """Make the row.

        Args:
            plan: What the field is.
            control: Its control.
            host: The form.
            local: What the Python object has, shown until Redis was read.
        """
        self.plan = plan
        self._control = control
        self._host = host
        self._on = False
        self._shown_note: Note | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._hidden = False
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self._choice: W.HBox | None = None
        self.widget = classed(W.VBox([control.widget, self._note]), "rpy-field")
        self.binding = FieldBinding(plan.names[-1], plan.stored, None)
        self._show(local)
        control.enable(False)
        control.listen(lambda immediate: host.post(self._edited, immediate))

    # Told by the form ---------------------------------------------------------------------------------------

    def read(self, raw: bytes, epoch: int) -> None:
        """Take what a read gave, unless a write was under way meanwhile.

        Args:
            raw: The reply.
            epoch: The binding's epoch when the read was sent.
        """
        self._edited(False)  # what the user typed and the loop has not heard of yet must not be overwritten
        if epoch == self.binding.epoch:
            self._do(self.binding.loaded(raw))

    def forget(self) -> None:
        """Take it that nothing was read yet, because the place is gone; what comes there is new."""
        self.stop()
        self.binding.forget()

    def enable(self, on: bool) -> None:
        """Let the user edit the field, as far as it can be edited."""
        on = on and self.plan.editable and not self._hidden
        if on is not self._on:
            self._on = on
            self._control.enable(on)

    def retry(self) -> None:
        """Send again what did not get through."""
        self._do(self.binding.retry())

    def stop(self) -> None:
        """Forget the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def is_null(self) -> bool:
        """Whether the control shows that there is no value."""
        return self._control.get() is None

    # Told by the user ---------------------------------------------------------------------------------------

    def _edited(self, immediate: bool) -> None:
        if not self._on:
            return
        self._do(self.binding.edited(self._control.get()), 0 if immediate else DEBOUNCE)

    def _keep_mine(self) -> None:
        self._do(self.binding.keep_mine())

    def _take_theirs(self) -> None:
        self._do(self.binding.take_theirs())

    # Doing what the binding says ----------------------------------------------------------------------------

    def _do(self, todo: Todo, delay: float = DEBOUNCE) -> None:
        if todo.stop_timer or todo.start_timer:
            self.stop()
        if todo.start_timer:
            self._timer = self._host.loop.call_later(delay, self._host.post, self._due, context=Context())
        if todo.show:
            self._show(self.binding.value)
        if todo.store and not isinstance(self.binding.value, Missing):
            self._host.keep(self.plan, self.binding.raw[1:-1])
        if todo.write is not None:
            self._host.spawn(self._write(todo.write))
        self._render()

    def _due(self) -> None:
        self._timer = None
        self._do(self.binding.due())

    def _show(self, value: Any) -> None:
        self._hidden = False
        try:
            if value is not None or self.plan.nullable:
                self._control.set(value)
        except (CannotShow, TraitError) as error:
            self._hidden = True
            self.binding.note = Note("warn", str(error))
            self.enable(False)
        self.binding.draft = self._control.get()

    async def _write(self, write: Write) -> None:
        try:
            result = await self.plan.place.write(self._host.send, write)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whatever it is, the user must see it here: nobody else looks
            reason = str(error) if isinstance(error, RapyerError) else f"{type(error).__name__}: {error}"
            self._do(self.binding.failed(reason))
            self._host.say("error", f"{self.plan.name}: not saved")
            return
        if result.status == "written":
            self._do(self.binding.written())
            self._host.say("ok", f"{self.plan.name} saved")
        elif result.status == "changed":
            self._do(self.binding.changed(result.current or b"[]"))
        else:
            self._do(self.binding.failed("the document was deleted"))
        self._host.refresh()  # the server may write numbers in another way than we do

    def _render(self) -> None:
        note = self.binding.note
        conflict = self.binding.phase is Phase.CONFLICT
        if note != self._shown_note:
            self._shown_note = note
            self._note.value = style.message(note.kind, note.text) if note else style.message("muted", "")
        if conflict and self._choice is None:
            self._choice = self._buttons()
        children = [
            self.widget.children[0],
            self._note,
            *([self._choice] if conflict and self._choice else []),
        ]
        if len(children) != len(self.widget.children):
            self.widget.children = children

    def _buttons(self) -> W.HBox:
        mine = button("Keep mine", f"Write my value of {self.plan.name} to Redis")
        theirs = button("Take theirs", f"Show what Redis has for {self.plan.name}")
        mine.on_click(lambda _: self._host.post(self._keep_mine))
        theirs.on_click(lambda _: self._host.post(self._take_theirs))
        return classed(W.HBox([mine, theirs]), "rpy-note-line", "rpy-choice")
