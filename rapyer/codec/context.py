"""The pydantic context that asks for a value's stored form."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import SerializationInfo, ValidationInfo

    from rapyer.errors import CantSerializeRedisValueError

REDIS_DUMP_FLAG_NAME = "__rapyer_dumped__"

STORED: dict[str, Any] = {REDIS_DUMP_FLAG_NAME: True}
"""Pass as `context` to validate or dump the form that stands in Redis instead of the ordinary one."""


def is_stored_form(info: ValidationInfo | SerializationInfo) -> bool:
    """Tell whether a validator or serializer is at work on the stored form."""
    context = info.context
    return context is STORED or asks_for_stored_form(context)


def asks_for_stored_form(context: Any) -> bool:
    """Tell whether a pydantic context asks for the stored form."""
    return isinstance(context, dict) and bool(context.get(REDIS_DUMP_FLAG_NAME))


@dataclass
class Unread:
    """What could not be read of one instance.

    Attributes:
        values: The values of the instance, as pydantic makes it: the very dict.
        fields: The names of the fields that are None for it.
        dropped: For each field that holds elements, what was left out of them.
    """

    values: Any
    fields: list[str] = field(default_factory=list)
    dropped: dict[str, list[Any]] = field(default_factory=dict)


class Tolerant(dict[str, Any]):
    """The context to read the stored form by, where what cannot be read is to be left out if that is wanted.

    Attributes:
        unread: What was left out, for each instance by the identity of its values; under None what belongs
            to no instance, as a list or dict was read alone.
        reasons: What was wrong with it, each with its place.
    """

    def __init__(self) -> None:
        super().__init__(STORED)
        self.unread: dict[int | None, Unread] = {}
        self.reasons: list[str] = []

    def note(self, info: ValidationInfo, place: str, reason: str) -> tuple[Unread, str]:
        """Note that something could not be read.

        Args:
            info: What the validator was told.
            place: The field, such as `User.color`.
            reason: What is wrong.

        Returns:
            What could not be read of the same instance, and the name of the field.
        """
        values = getattr(info, "data", None)  # missing where no model is being read
        self.reasons.append(f"{place} ({reason})")
        found = self.unread.setdefault(None if values is None else id(values), Unread(values))
        return found, place.rpartition(".")[2]

    def take(self, apart: Tolerant, values: Any = None) -> None:
        """Take over what could not be read of values that were read before there was an instance of them.

        Args:
            apart: By what they were read.
            values: The values of the instance that was made of them; None where there is none yet.
        """
        self.reasons += apart.reasons
        alone = apart.unread.pop(None, None)
        self.unread |= apart.unread
        if alone is not None:
            found = self.unread.setdefault(None if values is None else id(values), Unread(values))
            found.fields += alone.fields
            found.dropped |= alone.dropped

    def of(self, values: Any) -> Unread:
        """Return what could not be read of the instance with these values."""
        found = self.unread.get(None if values is None else id(values))
        return Unread(values) if found is None else found


FAILURE: ContextVar[CantSerializeRedisValueError | None] = ContextVar("rapyer_failure", default=None)
"""Why the latest dump of a stored form failed: pydantic passes on only the text of a serializer's error."""
