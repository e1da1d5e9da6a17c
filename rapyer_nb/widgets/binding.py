"""What happens between one field of a form and its place in Redis, as a state machine without widgets.

A binding knows the text in Redis that the user has seen (`raw`), the value of it, and what the user has
typed since (`draft`). Its methods are told what happened and return what is to be done; whoever owns the
binding does that: puts a value into the control, starts or stops the timer, sends the guarded write.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from rapyer.errors import CorruptedModelError
from rapyer_nb.widgets.phases import NOTHING, Missing, Note, Phase, Stored, Todo, Unfit, Write
from rapyer_nb.widgets.saying import explain, same, shortened

_MATCH = slice(1, -1)  # a `$` path is answered with an array of its matches


class FieldBinding:
    """One field's side of the live form."""

    def __init__(self, name: str, stored: Stored, draft: Any, *, secret: bool = False) -> None:
        """Begin with what the control shows before Redis was asked.

        Args:
            name: The field's name.
            stored: Converts between values and stored text.
            draft: What the control holds now.
            secret: Whether messages must not repeat the value.
        """
        self._secret = secret
        self._name = name
        self.stored = stored
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
        self._unsure = False

    @property
    def is_pending(self) -> bool:
        """Whether the user typed something that is not in Redis."""
        return self.phase not in (Phase.UNREAD, Phase.CLEAN)

    # What Redis says ----------------------------------------------------------------------------------------

    def loaded(self, raw: bytes) -> Todo:
        """Take the text that a read gave.

        Args:
            raw: What JSON.GET of the field's path returned, an array of the matches.
        """
        if self.phase is Phase.SAVING:
            return NOTHING
        if self._unsure and self.phase is Phase.CONFLICT:
            return NOTHING if raw == self.theirs else self._doubt(raw)
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

    def unsettled(self, raw: bytes) -> Todo:
        """Take the news that what stands at the place now may be something else: lists move.

        What the user typed is written nowhere then, also where the text is the same as before.

        Args:
            raw: The text there now.
        """
        if self.phase is Phase.SAVING:
            self.epoch += 1
            return self._doubt(raw)
        if self.phase in (Phase.UNREAD, Phase.CLEAN):
            return self.loaded(raw)
        return self._doubt(raw)

    def found_again(self, raw: bytes) -> Todo:
        """Take the news that what the user has edited is in the place that is the field's now."""
        if not self._unsure or self.phase is not Phase.CONFLICT:
            return self.loaded(raw)
        self._unsure = False
        value = self._load(raw)
        if not same(value, self.value):
            return self._agree(raw, value) if same(value, self.draft) else self._collide(raw)
        self.raw = raw
        return self._settled()

    def failed(self, reason: str) -> Todo:
        """Take the news that it is not known whether the write went in."""
        self.epoch += 1
        self.phase = Phase.FAILED
        self.note = Note("error", f"not saved: {reason}")
        return NOTHING

    def forget(self) -> None:
        """Take the news that the place is gone; what is read there next is new."""
        self.epoch += 1
        self.phase, self.raw, self.value, self._unsure = Phase.UNREAD, b"", Missing.ABSENT, False
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
            if self._unsure:
                return NOTHING
            theirs = self._load(self.theirs or b"[]")
            return self._agree(self.theirs or b"[]", theirs) if same(theirs, draft) else NOTHING
        if self.phase is Phase.UNREAD:
            return NOTHING
        if same(draft, self.value):
            self.phase, self.note = Phase.CLEAN, None
            return Todo(stop_timer=True)
        self.phase = Phase.DIRTY
        return Todo(start_timer=True)

    def recalled(self, raw: bytes, value: Any, draft: Any) -> Todo:
        """Take what was typed when the user still saw what was there before.

        Args:
            raw: The text that was there; what is there now is to be told again.
            value: Its value.
            draft: What the control holds now.
        """
        self.raw, self.value, self.note = raw, value, None
        return self.edited(draft)

    def due(self) -> Todo:
        """Write what the user typed: the pause is over."""
        if self.phase is not Phase.DIRTY:
            return NOTHING
        if isinstance(self.draft, Unfit):
            return self._refuse(self.draft.reason, self.draft.kind)
        try:
            value = self.stored.check(self.draft)
            text = self.stored.dump(value)
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
        self.theirs, self.note, self._unsure = None, None, False
        self.phase = Phase.DIRTY
        return self.due()

    def take_theirs(self) -> Todo:
        """Show what Redis has now instead of what the user typed."""
        if self.phase is not Phase.CONFLICT or self.theirs is None:
            return NOTHING
        theirs, self.theirs, self._unsure = self.theirs, None, False
        return self._accept(theirs, self._load(theirs))

    def retry(self) -> Todo:
        """Try again what did not get through."""
        if self.phase is not Phase.FAILED:
            return NOTHING
        self.phase = Phase.DIRTY
        return self.due()

    def text(self) -> bytes | None:
        """Return the JSON text of what the user sees; None where nothing was read, or there is nothing.

        Raises:
            ValidationError: What was typed does not fit the field.
            ValueError: Nor does this.
        """
        if self.phase is Phase.UNREAD:
            return None
        if self.phase is Phase.CLEAN:
            return self.raw[_MATCH] or None
        if isinstance(self.draft, Unfit):
            raise ValueError(self.draft.reason)
        return self.stored.dump(self.stored.check(self.draft))

    def hold(self) -> None:
        """Note that what was typed waits, because it cannot be written now."""
        if self.phase is Phase.DIRTY:
            self.note = Note("warn", "not saved yet: waits until the field can be edited")

    # Between the two ----------------------------------------------------------------------------------------

    def _accept(self, raw: bytes, value: Any) -> Todo:
        known = self.phase is not Phase.UNREAD and same(value, self.value) and same(value, self.draft)
        self.raw, self.value, self.phase = raw, value, Phase.CLEAN
        if value is Missing.UNREADABLE:
            self.note = Note("error", f"what is stored does not fit this field: {self._quoted(raw)}")
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
        shown = self._quoted(raw) if isinstance(value, Missing) or self._secret else shortened(repr(value))
        is_now = "is gone" if value is Missing.ABSENT else f"is now {shown} in Redis"
        self.note = Note("warn", f"{is_now}; your edit is not saved")
        return Todo(stop_timer=True)

    def _quoted(self, raw: bytes) -> str:
        return "another secret" if self._secret else shortened(raw[_MATCH])

    def _doubt(self, raw: bytes) -> Todo:
        """Leave it to the user, though it may well be what was edited."""
        todo = self._collide(raw)
        self._unsure = True
        note = self.note.text if self.note is not None else ""
        self.note = Note("warn", f"the list has changed in Redis: this {note}")
        return todo

    def _settled(self) -> Todo:
        """End a conflict whose other side took its change back."""
        self.phase, self.theirs, self.note = Phase.DIRTY, None, None
        return Todo(start_timer=True)

    def _refuse(self, reason: str, kind: str = "error") -> Todo:
        self.phase, self.note = Phase.INVALID, Note(kind, reason)
        return Todo(stop_timer=True)

    def _load(self, raw: bytes) -> Any:
        text = raw[_MATCH]
        if not text:
            return Missing.ABSENT
        try:
            return self.stored.load(text)
        except (CorruptedModelError, ValueError, TypeError):
            return Missing.UNREADABLE
