"""The row of a field in a place that moves: an entry of a collection, or a part of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import from_json, to_json

from rapyer.commands.json import SetIfResult
from rapyer.model.schema import FieldSpec
from rapyer_nb.widgets.collections.places import REASONS
from rapyer_nb.widgets.collections.spot import SpotPlace
from rapyer_nb.widgets.field import FieldRow
from rapyer_nb.widgets.history import Edit
from rapyer_nb.widgets.phases import Write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Command
    from rapyer_nb.widgets.collections.beside import EntriesPlace
    from rapyer_nb.widgets.collections.page import Entry
    from rapyer_nb.widgets.collections.places import Undo
    from rapyer_nb.widgets.control import Control
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import FieldPlan
    from rapyer_nb.widgets.places import Send

_MATCH = slice(1, -1)

PRIORITY = FieldSpec(
    "", float, FieldInfo.from_annotation(float), "", None, is_key=False, stored=True, config={}
)
"""What the form asks of a priority."""


async def _not_done(send: Send) -> str | None:
    return "nothing was changed"


class Seat(Protocol):
    """What the field of an entry asks of the entry's row."""

    @property
    def former(self) -> Entry | None:
        """The entry that the user still looked at when this was done, if it was another one."""

    @property
    def is_recalled(self) -> bool:
        """Whether the row is about to show that one again."""

    def recall(self) -> None:
        """Show that one again."""


class EntryFieldRow(FieldRow):
    """A field whose place is known by the text of the entry that it is, or is in."""

    def __init__(
        self,
        plan: FieldPlan,
        control: Control,
        host: Host,
        local: Any,
        rebased: Callable[[bytes], None] = lambda _: None,
        seat: Seat | None = None,
    ) -> None:
        """Make the row.

        Args:
            plan: What the field is.
            control: Its control.
            host: The form.
            local: What it shows at first.
            rebased: Is told the text of the entry after a write.
            seat: The row of the entry that it is.
        """
        super().__init__(plan, control, host, local)
        self._rebased = rebased
        self._seat = seat

    def shows(self, raw: bytes, *, certain: bool) -> None:
        """Take the text of the whole entry.

        Args:
            raw: The text, as JSON.GET of its path gives it.
            certain: Whether it is the entry that was here before.
        """
        self.shows_part(self._part(raw), certain=certain)

    def _part(self, raw: bytes) -> bytes:
        place: Any = self.plan.place
        part: bytes = place.part(raw)
        return part

    def shows_part(self, part: bytes, *, certain: bool) -> None:
        """Take the text of the field, as JSON.GET of its path gives it; see `shows`."""
        was_pending = self.is_pending
        self._edited(False)  # what the user typed and the loop has not heard of yet must not be overwritten
        if self._seat is not None and self.is_pending and not was_pending:
            # Typed after it was decided that the row goes on with another entry: not into that one.
            if self._seat.former is not None:
                self._seat.recall()
            if self._seat.is_recalled:
                return
            certain = certain and part == self.binding.raw
        self._take(part, self.binding.found_again if certain else self.binding.unsettled)

    def _edited_before(self, former: tuple[bytes, Any], draft: Any) -> None:
        """Take what was typed into the entry that stood here before: the row goes on with that one."""
        if self._seat is None or self._seat.former is None:
            super()._edited_before(former, draft)
            return
        self._do(self.binding.recalled(*former, draft))
        self._seat.recall()

    def _changed(self, current: bytes) -> None:
        self._do(self.binding.unsettled(self._part(current)))

    def _edit(self, write: Write, result: SetIfResult) -> Edit:
        if isinstance(result, Moved):
            return Edit(self.plan.name, partial(self._move_back, result.undo))
        place: Any = self.plan.place
        current = result.current or b"[]"
        after = SpotPlace(place.spot.seen(current), place.zoned)
        self.plan = replace(self.plan, place=after)
        self._rebased(current)
        return Edit(self.plan.name, partial(self._take_back, after, write.expected[_MATCH]))

    async def _take_back(self, place: SpotPlace, before: bytes) -> str | None:
        if not before:
            return "nothing was stored there before"
        result = await place.write(self._host.send, Write(b"", before))
        self._host.refresh()
        return REASONS.get(result.status)

    async def _move_back(self, undo: Undo) -> str | None:
        try:
            return await undo(self._host.send)
        finally:
            self._host.refresh()


@dataclass(frozen=True, slots=True)
class Moved(SetIfResult):
    """What became of a change of a priority.

    Attributes:
        undo: Takes it back.
    """

    undo: Undo = _not_done


class PriorityPlace:
    """The priority of an entry of a queue.

    Args:
        queue: The queue.
        entry: The entry.
    """

    beside: ClassVar[None] = None

    def __init__(self, queue: EntriesPlace, entry: Entry) -> None:
        self.queue = queue
        self.entry = entry

    def reads(self) -> Sequence[Command[Any]]:
        """Return nothing: the whole queue is read."""
        return ()

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return nothing."""
        return b"[]"

    def part(self, raw: bytes) -> bytes:
        """Return the priority; the whole entry says nothing else."""
        return raw

    async def write(self, send: Send, write: Write) -> SetIfResult:
        """ZADD in a script, if the entry still has the priority that was seen."""
        done = await self.queue.move(send, self.entry, float(from_json(write.value)))
        if done.status != "written" or done.undo is None:
            return SetIfResult("changed", b"[]")
        return Moved("written", b"[]", done.undo)


class PriorityStore:
    """How priorities are checked."""

    def __init__(self, queue: EntriesPlace) -> None:
        self._queue = queue
        self._adapter = TypeAdapter(float)

    def check(self, draft: Any) -> float:
        """Return the priority.

        Raises:
            ValueError: The queue has no place for it.
        """
        number: float = self._adapter.validate_python(draft)
        return self._queue.queue.check_priority(number, self._queue.path[2:])

    def dump(self, value: Any) -> bytes:
        """Return its JSON text."""
        return to_json(value, inf_nan_mode="constants")

    def load(self, text: bytes) -> float:
        """Return the priority of a JSON text."""
        return float(from_json(text))

    def keep(self, text: bytes) -> None:
        """Do nothing: the Python object has no priorities."""


def priority_raw(queue: EntriesPlace, entry: Entry) -> bytes:
    """Return the priority of an entry, as JSON.GET would give it."""
    return to_json([queue.queue.priority(entry.score or 0.0)], inf_nan_mode="constants")
