"""What a binding of a field tells, and is told: values that are none, messages, writes, where it stands."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Protocol


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
    kind: str = "error"
    """How serious that is: one of the kinds of `Note`."""


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
