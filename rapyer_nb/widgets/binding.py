"""What happens between one field of a form and its place in Redis, as a state machine without widgets.

A binding knows the text in Redis that the user has seen (`raw`), the value of it, and what the user has
typed since (`draft`). Its methods are told what happened and return what is to be done; whoever owns the
binding does that: puts a value into the control, starts or stops the timer, sends the guarded write.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from rapyer.errors import CorruptedModelError


class Phase(enum.Enum):
    """Where a field stands."""

    UNREAD = "not read yet"
    CLEAN = "the form shows what Redis has"
    DIRTY = "the user typed, and the write waits for a pause"
    SAVING = "the write is on its way"
    INVALID = "what the user typed cannot be written"
    CONFLICT = "the value changed in Redis while the user typed"
    FAILED = "the write did not get through"


class Missing(enum.Enum):
    """What stands in for a value where there is none."""

    ABSENT = "the document has no such field"
    UNREADABLE = "the stored text is no value of the field"


@dataclass(frozen=True, slots=True)
class Unfit:
    """What a control holds while it holds no value at all, such as an empty date."""

    reason: str


class Stored(Protocol):
    """How the values of a field are checked and stored."""

    def check(self, draft: Any) -> Any:
        """Return the value that the user means.

        Raises:
            ValidationError: It does not fit the field.
        """

    def dump(self, value: Any) -> bytes:
        """Return the JSON text of a checked value."""

    def load(self, text: bytes) -> Any:
        """Return the value of a JSON text.

        Raises:
            CorruptedModelError: The text does not fit the field.
        """


@dataclass(frozen=True, slots=True)
class Note:
    """A message under a field."""

    kind: str
    """One of ok, muted, warn, error."""
    text: str


@dataclass(frozen=True, slots=True)
class Write:
    """A guarded write: the value goes in only if the text there is still the expected one."""

    expected: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Todo:
    """What the owner of a binding has to do now."""

    show: bool = False
    """Put the binding's value into the control."""
    store: bool = False
    """Put the binding's value into the local object."""
    start_timer: bool = False
    stop_timer: bool = False
    write: Write | None = None


NOTHING = Todo()
_MATCH = slice(1, -1)  # a `$` path is answered with an array of its matches
MAX_SHOWN = 60


class FieldBinding:
    """One field's side of the live form."""

    def __init__(self, name: str, stored: Stored, draft: Any) -> None:
        """Begin with what the control shows before Redis was asked.

        Args:
            name: The field's name.
            stored: Converts between values and stored text.
            draft: What the control holds now.
        """
        self._name = name
        self._stored = stored
        self.phase = Phase.UNREAD
        self.raw: bytes = b""
        self.value: Any = Missing.ABSENT
        self.draft = draft
        self.theirs: bytes | None = None
        self.note: Note | None = None
        # Goes up when a write begins and when it ends: a read that was under way meanwhile tells nothing.
        self.epoch = 0
        self._sent: Any = None
        self._sent_text = b""
        self._edited_since = False

    # What Redis says ----------------------------------------------------------------------------------------

    def loaded(self, raw: bytes) -> Todo:
        """Take the text that a read gave.

        Args:
            raw: What JSON.GET of the field's path returned, an array of the matches.
        """
        if self.phase is Phase.SAVING:
            return NOTHING
        if raw == self.raw:
            return self._settled() if self.phase is Phase.CONFLICT else NOTHING
        value = self._load(raw)
        if self.phase in (Phase.UNREAD, Phase.CLEAN):
            return self._accept(raw, value)
        if same(value, self.draft):
            return self._agree(raw, value)
        if same(value, self.value):  # other text, same meaning: nobody changed anything
            self.raw = raw
            return self._settled() if self.phase is Phase.CONFLICT else NOTHING
        return self._collide(raw)

    def written(self) -> Todo:
        """Take the news that the write went in."""
        self.epoch += 1
        self.raw = b"[" + self._sent_text + b"]"
        self.value = self._sent
        self.note = None
        if self._edited_since:
            self.phase = Phase.DIRTY
            return Todo(store=True, start_timer=True)
        self.phase = Phase.CLEAN
        return Todo(store=True)

    def changed(self, raw: bytes) -> Todo:
        """Take the news that nothing was written, because the text there is another one.

        Args:
            raw: The text there now.
        """
        self.epoch += 1
        value = self._load(raw)
        if same(value, self._sent):  # an earlier attempt went in, or somebody wrote the same
            self._sent_text = raw[_MATCH]
            return self.written()
        if same(value, self.value) and raw != self.raw:
            self.raw = raw
            self.phase = Phase.DIRTY
            return self.due()
        return self._collide(raw)

    def failed(self, reason: str) -> Todo:
        """Take the news that it is not known whether the write went in."""
        self.epoch += 1
        self.phase = Phase.FAILED
        self.note = Note("error", f"not saved: {reason}")
        return NOTHING

    def forget(self) -> None:
        """Take the news that the place is gone; what is read there next is new."""
        self.epoch += 1
        self.phase, self.raw, self.value = Phase.UNREAD, b"", Missing.ABSENT
        self.theirs, self.note = None, None

    # What the user does -------------------------------------------------------------------------------------

    def edited(self, draft: Any) -> Todo:
        """Take what the control holds now."""
        if same(draft, self.draft):
            return NOTHING
        self.draft = draft
        if self.phase is Phase.SAVING:
            self._edited_since = True
            return NOTHING
        if self.phase is Phase.CONFLICT:
            theirs = self._load(self.theirs or b"[]")
            return self._agree(self.theirs or b"[]", theirs) if same(theirs, draft) else NOTHING
        if self.phase is Phase.UNREAD:
            return NOTHING
        if same(draft, self.value):
            self.phase, self.note = Phase.CLEAN, None
            return Todo(stop_timer=True)
        self.phase = Phase.DIRTY
        return Todo(start_timer=True)

    def due(self) -> Todo:
        """Write what the user typed: the pause is over."""
        if self.phase is not Phase.DIRTY:
            return NOTHING
        if isinstance(self.draft, Unfit):
            return self._refuse(self.draft.reason)
        try:
            value = self._stored.check(self.draft)
            text = self._stored.dump(value)
        except ValidationError as error:
            return self._refuse(explain(error, self._name))
        except (ValueError, TypeError) as error:
            return self._refuse(str(error))
        if same(value, self.value):
            self.phase, self.note = Phase.CLEAN, None
            return NOTHING
        self.phase, self.note = Phase.SAVING, None
        self.epoch += 1
        self._sent, self._sent_text, self._edited_since = value, text, False
        return Todo(write=Write(self.raw, text))

    def keep_mine(self) -> Todo:
        """Write what the user typed over what Redis has now."""
        if self.phase is not Phase.CONFLICT or self.theirs is None:
            return NOTHING
        self.raw, self.value = self.theirs, self._load(self.theirs)
        self.theirs, self.note = None, None
        self.phase = Phase.DIRTY
        return self.due()

    def take_theirs(self) -> Todo:
        """Show what Redis has now instead of what the user typed."""
        if self.phase is not Phase.CONFLICT or self.theirs is None:
            return NOTHING
        theirs, self.theirs = self.theirs, None
        return self._accept(theirs, self._load(theirs))

    def retry(self) -> Todo:
        """Try again what did not get through."""
        if self.phase is not Phase.FAILED:
            return NOTHING
        self.phase = Phase.DIRTY
        return self.due()

    # Between the two ----------------------------------------------------------------------------------------

    def _accept(self, raw: bytes, value: Any) -> Todo:
        known = self.phase is not Phase.UNREAD and same(value, self.value) and same(value, self.draft)
        self.raw, self.value, self.phase = raw, value, Phase.CLEAN
        if value is Missing.UNREADABLE:
            self.note = Note("error", f"what is stored does not fit this field: {shortened(raw[_MATCH])}")
            return NOTHING
        if value is Missing.ABSENT:
            self.note = Note("muted", "not stored yet")
            return NOTHING
        if known:
            return NOTHING
        self.note = None
        self.draft = value
        return Todo(show=True, store=True, stop_timer=True)

    def _agree(self, raw: bytes, value: Any) -> Todo:
        self.raw, self.value, self.phase = raw, value, Phase.CLEAN
        self.theirs, self.note = None, None
        return Todo(store=True, stop_timer=True)

    def _collide(self, raw: bytes) -> Todo:
        self.phase, self.theirs = Phase.CONFLICT, raw
        value = self._load(raw)
        shown = shortened(raw[_MATCH]) if isinstance(value, Missing) else shortened(repr(value))
        self.note = Note("warn", f"is now {shown} in Redis; your edit is not saved")
        return Todo(stop_timer=True)

    def _settled(self) -> Todo:
        """End a conflict whose other side took its change back."""
        self.phase, self.theirs, self.note = Phase.DIRTY, None, None
        return Todo(start_timer=True)

    def _refuse(self, reason: str) -> Todo:
        self.phase, self.note = Phase.INVALID, Note("error", reason)
        return Todo(stop_timer=True)

    def _load(self, raw: bytes) -> Any:
        text = raw[_MATCH]
        if not text:
            return Missing.ABSENT
        try:
            return self._stored.load(text)
        except (CorruptedModelError, ValueError, TypeError):
            return Missing.UNREADABLE


def explain(error: ValidationError, field: str) -> str:
    """Return what pydantic found wrong, in one line, with the place where it is not the field itself."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        steps = item["loc"][1:] if item["loc"][:1] == (field,) else item["loc"]
        place = "".join(f"[{step!r}]" for step in steps)
        found.append(f"{place}: {item['msg']}" if place else item["msg"])
    return "; ".join(found)


def shortened(text: str | bytes) -> str:
    """Return the text cut to what fits into a message."""
    whole = text.decode(errors="replace") if isinstance(text, bytes) else text
    return whole if len(whole) <= MAX_SHOWN else f"{whole[: MAX_SHOWN - 1]}…"


def same(one: Any, other: Any) -> bool:
    """Tell whether two values look the same to who edits them."""
    # In Python True equals 1, and noon in Paris equals eleven in London; who edits them sees a difference.
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if (
        isinstance(one, dt.datetime)
        and isinstance(other, dt.datetime)
        and one.utcoffset() != other.utcoffset()
    ):
        return False
    return bool(one == other)
