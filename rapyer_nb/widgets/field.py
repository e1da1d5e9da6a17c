"""One field of the form: its control, its message, its timer, and the binding that decides."""

from __future__ import annotations

import asyncio
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import ipywidgets as W
from pydantic import ValidationError
from traitlets import TraitError

from rapyer.errors import RapyerError
from rapyer_nb.widgets import style
from rapyer_nb.widgets.binding import FieldBinding
from rapyer_nb.widgets.control import CannotShow, Control, button, classed
from rapyer_nb.widgets.history import Edit
from rapyer_nb.widgets.phases import Missing, Note, Phase, Todo, Write
from rapyer_nb.widgets.saying import explain, same
from rapyer_nb.widgets.sight import Sight
from rapyer_nb.widgets.undoing import take_back
from rapyer_nb.widgets.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer.commands.command import Command
    from rapyer.commands.json import SetIfResult
    from rapyer_nb.widgets.control import Session
    from rapyer_nb.widgets.form import CollectionPlan, FieldPlan
    from rapyer_nb.widgets.sight import Mark

# Seconds without a keystroke after which what was typed is written.
DEBOUNCE = 0.3
_MATCH = slice(1, -1)  # a `$` path is answered with an array of its matches


class Host(Protocol):
    """What a field needs of its form."""

    loop: asyncio.AbstractEventLoop
    session: Session
    """Where controls can look into Redis."""

    def post(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run a function on the form's loop, from whatever thread."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task of the form."""

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step."""

    def keep(self, plan: FieldPlan | CollectionPlan, text: bytes) -> None:
        """Give the local object what stands in Redis."""

    def say(self, kind: str, text: str) -> None:
        """Show a message at the end of the form."""

    def refresh(self) -> None:
        """Read everything again."""

    def record(self, edit: Edit) -> None:
        """Remember an edit that went in, to be taken back."""

    def mark(self) -> Mark:
        """Return what is reached when the user sees all that is shown in this step of the loop."""


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
        self._unreadable: Unreadable | None = None
        self._secret = plan.secret or control.secret
        self._given_up = b""
        self._sight: Sight[tuple[bytes, Any]] = Sight()
        self.widget = classed(W.VBox([control.widget, self._note]), "rpy-field")
        self.binding = FieldBinding(plan.names[-1], plan.stored, None, secret=self._secret)
        self._show(local)
        control.enable(False)
        control.listen(lambda immediate: host.post(self._edited, immediate))

    # Told by the form ---------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """A number that goes up when a write begins, and when it ends."""
        return self.binding.epoch

    @property
    def is_pending(self) -> bool:
        """Whether there is something in it that is not in Redis."""
        return self.binding.is_pending

    def reads(self) -> Sequence[Command[Any]]:
        """Return the commands that read it; the first asks the document."""
        return self.plan.place.reads()

    def found(self, replies: Sequence[Any]) -> bytes | None:
        """Return what the replies say is there; None where there is no document."""
        return self.plan.place.raw(replies)

    def take(self, found: bytes, epoch: int) -> None:
        """Take what was found, as `read` does."""
        self.read(found or b"[]", epoch)

    def replan(self, plan: FieldPlan) -> None:
        """Take another plan of the same field: it is in another place now."""
        self.plan = plan
        self.binding.stored = plan.stored

    def read(self, raw: bytes, epoch: int) -> None:
        """Take what a read gave, unless a write was under way meanwhile.

        Args:
            raw: The reply.
            epoch: The binding's epoch when the read was sent.
        """
        self._edited(False)  # what the user typed and the loop has not heard of yet must not be overwritten
        if epoch == self.binding.epoch:
            self._take(raw, self.binding.loaded)

    def _take(self, raw: bytes, tell: Callable[[bytes], Todo]) -> None:
        """Tell the binding what is there, and remember what the user looks at until the page shows it."""
        before, known = (self.binding.raw, self.binding.value), self.binding.phase is Phase.CLEAN
        todo = tell(raw)
        if known and todo.show:
            self._sight.replaced(self._host.mark(), before)
        self._do(todo)

    def forget(self) -> None:
        """Take it that nothing was read yet, because the place is gone; what comes there is new."""
        self.stop()
        self.binding.forget()

    def enable(self, on: bool) -> None:
        """Let the user edit the field, as far as it can be edited."""
        if self._unreadable is not None:
            self._unreadable.enable(on and self.plan.editable)
        read = self.binding.phase is not Phase.UNREAD  # what is typed before that would be overwritten
        on = on and read and self.plan.editable and not self._hidden
        if on is self._on:
            return
        self._on = on
        self._control.enable(on)
        if self._choice is not None:
            self._choice.children[0].disabled = not on  # to keep one's own is to write
        if on:
            self.retry()
        if self.binding.phase is not Phase.DIRTY:
            return
        if on:
            self._due()  # what was typed has waited
        else:
            self.stop()
            self.binding.hold()
            self._render()

    def retry(self) -> None:
        """Send again what did not get through, if the field can be edited, else when it can."""
        if self._on:
            self._do(self.binding.retry())

    def save(self) -> None:
        """Write what was typed at once, without waiting for a pause."""
        self._edited(True)
        if self.binding.phase is Phase.DIRTY and self._on:
            self.stop()
            self._due()

    def shown_text(self) -> tuple[bytes | None, bool]:
        """Return the JSON text of what is shown, None for nothing; and whether it fits, which is noted."""
        try:
            return self.binding.text(), True
        except ValidationError as error:
            self.binding.note = Note("error", explain(error, self.plan.names[-1]))
        except (ValueError, TypeError) as error:
            self.binding.note = Note("error", str(error))
        self._render()
        return None, False

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

    def turned(self) -> None:
        """Take it that the user means what is there now, and not what was there before."""
        self._sight.forget()

    def heard(self) -> None:
        """Take what the user typed and the loop has not heard of yet."""
        self._edited(False)

    def _edited(self, immediate: bool) -> None:
        if not self.plan.editable or self._hidden:
            return
        draft, former = self._control.get(), self._sight.former
        if former is not None and self.binding.phase is Phase.CLEAN and not same(draft, self.binding.draft):
            self._sight.forget()
            self._edited_before(former, draft)
            return
        todo = self.binding.edited(draft)
        if todo.start_timer and not self._on:  # typed just before it was switched off: it waits
            self.binding.hold()
            todo = Todo(stop_timer=True)
        self._do(todo, 0 if immediate else DEBOUNCE)

    def _edited_before(self, former: tuple[bytes, Any], draft: Any) -> None:
        """Take what was typed when the user did not see yet what is there now."""
        theirs = self.binding.raw
        todo = self.binding.recalled(*former, draft)
        told = self.binding.loaded(theirs)
        self._do(told if self.binding.phase is not Phase.DIRTY else todo)

    def _keep_mine(self) -> None:
        self._do(self.binding.keep_mine())

    def _take_theirs(self) -> None:
        self._do(self.binding.take_theirs())

    def _overwrite(self) -> None:
        self._given_up = self.binding.raw
        self._hidden = False
        self.enable(True)
        self._render()

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
        self.stop()
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
            self._host.record(self._edit(write, result))
            if self.binding.phase is Phase.CLEAN:
                self._control.settled()
            self._host.say("ok", f"{self.plan.name} saved")
        elif result.status == "changed":
            self._changed(result.current or b"[]")
        else:
            self._do(self.binding.failed("the document was deleted"))
        self._host.refresh()  # the server may write numbers in another way than we do

    def _changed(self, current: bytes) -> None:
        """Take the news that nothing was written, because the text there is another one."""
        self._do(self.binding.changed(current))

    def _edit(self, write: Write, result: SetIfResult) -> Edit:
        """Return what takes back a write that went in."""
        return Edit(self.plan.name, partial(self._undo, write.expected[_MATCH], write.value))

    async def _undo(self, before: bytes, after: bytes) -> str | None:
        """Write back the text that was there before an edit, if what the edit left is still there."""
        if self.binding.phase not in (Phase.CLEAN, Phase.UNREAD):
            return "what you typed since is not saved yet"
        reason = await take_back(self.plan, self._host.send, before, after)
        self._host.refresh()
        return reason

    def _render(self) -> None:
        note = self.binding.note
        conflict = self.binding.phase is Phase.CONFLICT
        if note != self._shown_note:
            self._shown_note = note
            self._note.value = style.message(note.kind, note.text) if note else style.message("muted", "")
        if conflict and self._choice is None:
            self._choice = self._buttons()
        children = (
            self.widget.children[0],
            self._note,
            *([self._choice] if conflict and self._choice else []),
            *self._what_is_stored(),
        )
        if children != self.widget.children:
            self.widget.children = children

    def _what_is_stored(self) -> tuple[W.DOMWidget, ...]:
        """Return what stands at a value that cannot be read; it is not replaced unless the user wants it."""
        raw = self.binding.raw
        if self.binding.value is not Missing.UNREADABLE or raw == self._given_up:
            if self._unreadable is not None:
                self._unreadable.close()
                self._unreadable = None
            return ()
        if self._unreadable is None:
            self._unreadable = Unreadable(self.plan.name, self._host.post, self._overwrite)
            self._unreadable.enable(self._on)
        self._unreadable.show(raw[1:-1], secret=self._secret)
        self._hidden = True
        self.enable(False)
        return (self._unreadable.widget,)

    def _buttons(self) -> W.HBox:
        mine = button("Keep mine", f"Write my value of {self.plan.name} to Redis")
        theirs = button("Take theirs", f"Show what Redis has for {self.plan.name}")
        mine.disabled = not self._on
        mine.on_click(lambda _: self._host.post(self._keep_mine))
        theirs.on_click(lambda _: self._host.post(self._take_theirs))
        return classed(W.HBox([mine, theirs]), "rpy-note-line", "rpy-choice")
