"""How the values of a field are texts in the cell of a table, and the texts values again."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import typing
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from rapyer.types.base import native_of
from rapyer_nb.widgets.annotations import without_none
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import same

if TYPE_CHECKING:
    from rapyer.model.schema import FieldSpec

LONGEST: Final = 2_000
"""A longer text is edited in the form: the page gets all rows with each change."""

_INPUTS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (str, "text"),
    (int, "integer"),
    ((float, decimal.Decimal), "number"),
    (dt.datetime, "text"),
    (dt.date, "date"),
    ((dt.time, uuid.UUID), "text"),
)


@dataclass(frozen=True)
class CellKind:
    """What the page needs to edit a value in a cell.

    Attributes:
        spec: The field.
        input: What the page shows: text, integer, number, date or choice.
        nullable: Whether there may be no value.
        options: The values of a choice, with what they are called; the page knows them by their numbers.
        plain: Whether the value is a text, which is taken as it is typed.
    """

    spec: FieldSpec
    input: str
    nullable: bool
    options: tuple[tuple[str, Any], ...] = ()
    plain: bool = False

    def text(self, value: Any) -> str | None:
        """Return a value as the page's input has it; None for null."""
        if value is None:
            return None
        if self.input == "choice":
            found = (str(at) for at, (_, option) in enumerate(self.options) if same(option, value))
            return next(found, "")
        if isinstance(value, float):
            return float.__repr__(value)
        return str(value.isoformat() if hasattr(value, "isoformat") else value)

    def draft(self, text: str | None) -> Any:
        """Return what a text stands for; itself where it is no value, so that the model says why."""
        if text is None:
            return None if self.nullable else Unfit("give a value")
        if self.input == "choice":
            at = int(text) if text.isdigit() else -1
            return self.options[at][1] if 0 <= at < len(self.options) else Unfit("choose a value")
        if self.plain:
            return text
        try:
            return native_of(self.spec.adapter.validate_python(text))
        except ValidationError:
            return text

    def why_not(self, value: Any) -> str:
        """Return why a page cannot edit a value without changing it; empty where it can."""
        if self.plain and isinstance(value, str):
            if len(value) > LONGEST:
                return f"{len(value):,} characters are too many for a cell"
            if "\r" in value or "\0" in value:
                return "a page would change its line ends"
        return ""


def kind_of(annotation: Any, spec: FieldSpec) -> CellKind | None:
    """Return how a cell edits values of an annotation; None where it cannot."""
    inner = without_none(annotation)
    nullable, one = inner is not None, annotation if inner is None else inner
    if typing.get_origin(one) is typing.Annotated:
        one = typing.get_args(one)[0]
    if typing.get_origin(one) is typing.Literal:
        options = tuple((str(value), value) for value in typing.get_args(one))
        return CellKind(spec, "choice", nullable, options)
    if not isinstance(one, type):
        return None
    if issubclass(one, enum.Enum):
        return CellKind(spec, "choice", nullable, tuple((member.name, member) for member in one))
    if issubclass(one, bool):
        return CellKind(spec, "choice", nullable, (("true", True), ("false", False)))
    name = next((name for kinds, name in _INPUTS if issubclass(one, kinds)), None)
    return None if name is None else CellKind(spec, name, nullable, plain=issubclass(one, str))
