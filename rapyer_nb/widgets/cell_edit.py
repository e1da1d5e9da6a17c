"""A cell of a table that somebody edits: what the page shows of it, and the binding that decides."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rapyer.errors import RapyerError
from rapyer_nb.widgets.binding import FieldBinding
from rapyer_nb.widgets.history import Edit
from rapyer_nb.widgets.phases import Missing, Phase, Todo, Write
from rapyer_nb.widgets.undoing import take_back

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer_nb.widgets.cell_kinds import CellKind
    from rapyer_nb.widgets.columns import Column
    from rapyer_nb.widgets.form import FieldPlan
    from rapyer_nb.widgets.locking import Holder


class Host(Protocol):
    """What a cell needs of its table."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine as a task of the table."""

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step."""

    async def holder(self, model: AtomicRedisModel) -> Holder | None:
        """Return who holds the lock on an object; None while it is free."""

    def record(self, edit: Edit) -> None:
        """Remember an edit that went in, to be taken back."""

    def saved(self, edit: CellEdit) -> None:
        """Show what was written."""

    def ended(self, edit: CellEdit) -> None:
        """Forget the edit; the cell shows its value again."""

    def draw_edits(self) -> None:
        """Show how the edits stand."""


class CellEdit:
    """One cell from the moment that it is opened until its value is written, or given up.

    All its methods run on the table's loop. It begins with what the user saw in the cell, so that a write
    goes in only if that is still there.
    """

    def __init__(
        self,
        key: str,
        column: Column,
        kind: CellKind,
        plan: FieldPlan,
        model: AtomicRedisModel,
        host: Host,
    ) -> None:
        """Begin to edit; sends nothing.

        Args:
            key: The document.
            column: The column.
            kind: How its cells are edited.
            plan: The field of the document.
            model: What the row shows.
            host: The table.
        """
        self.key = key
        self.column = column
        self.plan = plan
        self._kind = kind
        self._model = model
        self._host = host
        self._number = 0  # how many times something was typed, as far as the kernel has heard
        self._changes = 0  # how many times another value was put into the input
        self._wanted = False  # whether the user has left what was typed to be written
        self.binding = self._begun(column.value(model))
        self._text = self._kind.text(column.value(model))

    def _begun(self, seen: Any) -> FieldBinding:
        """Return a binding for somebody who sees a value."""
        binding = FieldBinding(self.plan.names[-1], self.plan.stored, None)
        binding.loaded(b"[" + self.plan.stored.dump(seen) + b"]")
        return binding

    @property
    def is_busy(self) -> bool:
        """Whether a write is on its way."""
        return self.binding.phase is Phase.SAVING

    def state(self) -> dict[str, Any]:
        """Return the edit as the page knows it."""
        phase = self.binding.phase
        note = None if phase is Phase.DIRTY else self.binding.note  # which was about what stood there before
        if note is None and phase is Phase.SAVING:
            kind, text = "muted", "saving…"
        else:
            kind, text = ("muted", "") if note is None else (note.kind, note.text)
        sign = {"error": "✕ ", "warn": "⚠ "}.get(kind, "")
        return {
            "key": self.key,
            "column": self.column.name,
            "n": self._number,
            "rev": self._changes,
            "value": self._text,
            "kind": kind,
            "note": sign + text if text else "",
            "invalid": phase in (Phase.INVALID, Phase.FAILED),
            "choice": phase is Phase.CONFLICT,
        }

    # Told by the page ---------------------------------------------------------------------------------------

    def typed(self, number: int, text: str | None, saw: str | None) -> None:
        """Take what the input holds now; nothing is written.

        Args:
            number: How many times something was typed; what arrives late counts for nothing.
            text: What the input holds.
            saw: The value on which the user began to type.
        """
        if number < self._number:
            return
        self._wanted = self._wanted and number == self._number
        self._number, self._text = number, text
        if self.binding.phase is Phase.CLEAN and saw != self._kind.text(self.binding.value):
            self._go_back(saw)
        self.binding.edited(self._kind.draft(text))

    def commit(self, number: int, text: str | None, saw: str | None) -> None:
        """Take what the input holds, and write it (JSON.GET and JSON.SET in a script)."""
        self.typed(number, text, saw)
        self._wanted = True
        if self.binding.phase is Phase.FAILED:
            self._do(self.binding.retry())
        else:
            self._do(self.binding.due())
        if self.binding.phase is Phase.CLEAN:
            self._host.ended(self)

    def keep_mine(self) -> None:
        """Write what the user typed over what Redis has now."""
        self._wanted = True
        self._do(self.binding.keep_mine())

    def take_theirs(self) -> None:
        """Let what Redis has now stand."""
        self.binding.take_theirs()
        self._host.ended(self)

    # Told by the table --------------------------------------------------------------------------------------

    def read(self, raw: bytes | None, epoch: int) -> None:
        """Take what a read gave, unless a write was under way meanwhile.

        Args:
            raw: What is there; None where the document is gone.
            epoch: The binding's epoch when the read was sent.
        """
        if raw is None or epoch != self.binding.epoch:
            return
        todo = self.binding.loaded(raw)
        if todo.show and not isinstance(self.binding.value, Missing):
            self._text = self._kind.text(self.binding.value)
            self._changes += 1
        elif self._wanted and todo.start_timer:  # a conflict is over whose other side took its change back
            self._do(self.binding.due())

    def reconnected(self) -> None:
        """Send again what did not get through."""
        self._do(self.binding.retry())

    # Doing what the binding says ----------------------------------------------------------------------------

    def _go_back(self, saw: str | None) -> None:
        """Stand where the user stands, who typed before a newer value was shown."""
        now = self.binding.raw
        try:
            binding = self._begun(self._kind.draft(saw))
        except (ValueError, TypeError):  # it is no value of the field; what is typed counts against the newer
            return
        binding.edited(self._kind.draft(self._text))
        binding.loaded(now)
        self.binding = binding

    def _do(self, todo: Todo) -> None:
        if todo.write is not None:
            self._host.spawn(self._write(todo.write))

    async def _write(self, write: Write) -> None:
        try:
            if (holder := await self._host.holder(self._model)) is not None:
                raise RapyerError(f"locked {holder.told()}")
            result = await self.plan.place.write(self._host.send, write)
        except Exception as error:  # whatever it is, the user must see it here: nobody else looks
            reason = str(error) if isinstance(error, RapyerError) else f"{type(error).__name__}: {error}"
            self.binding.failed(reason)
        else:
            if result.status == "written":
                before, name = write.expected[1:-1], f"{self.key}: {self.column.name}"
                self._host.record(Edit(name, partial(self._undo, before, write.value)))
                self._written(self.binding.written())
            elif result.status == "changed":
                todo = self.binding.changed(result.current or b"[]")
                if todo.store:  # somebody wrote the same
                    self._written(todo)
                else:
                    self._do(todo)
            else:
                self.binding.failed("the document was deleted")
        self._host.draw_edits()

    async def _undo(self, before: bytes, after: bytes) -> str | None:
        """Write back what was there before, if what was written is still there and nobody holds the lock."""
        if (holder := await self._host.holder(self._model)) is not None:
            return f"it is locked {holder.told()}"
        return await take_back(self.plan, self._host.send, before, after)

    def _written(self, todo: Todo) -> None:
        self._host.saved(self)
        if not todo.start_timer:
            self._host.ended(self)
        elif self._wanted:  # typed further meanwhile, and left
            self._do(self.binding.due())
