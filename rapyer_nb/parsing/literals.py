"""Values that have no literal, written as text: a day as "2024-12-31", an Enum by the name of its member."""

from __future__ import annotations

import ast
import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from rapyer_nb.errors import NotebookError, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum

    from rapyer_nb.parsing.fields import Field


def _moment(text: str) -> dt.datetime:
    # Python 3.10 knows no Z.
    return dt.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def _span(text: str) -> dt.timedelta:
    if text.strip().isdigit():
        raise ValueError("a number has no unit")
    return _SPANS.validate_python(text)


_SPANS: Final = TypeAdapter(dt.timedelta)
_READ: Final[dict[str, tuple[Callable[[str], Any], str]]] = {
    "time": (_moment, '"2024-12-31 18:30" or datetime(2024, 12, 31, 18, 30)'),
    "date": (dt.date.fromisoformat, '"2024-12-31" or date(2024, 12, 31)'),
    "time of day": (dt.time.fromisoformat, '"18:30" or time(18, 30)'),
    "time span": (_span, '"1:30:00" or timedelta(hours=1, minutes=30)'),
    "decimal": (Decimal, "12.50"),
}
"""By the kind of an index: what reads a text, and how to write such a value."""


def fitted(value: Any, field: Field | None) -> Any:
    """Return what a literal in a filter means where it is compared with a field.

    Args:
        value: The literal's value.
        field: The field; `None` where it is compared with none.

    Raises:
        NotebookError: A text is no value of the field's kind.
    """
    kind = None if field is None else field.kind
    if field is None or kind is None:
        return value
    if isinstance(value, float) and kind.name == "decimal":
        return Decimal(repr(value))
    if not isinstance(value, str):
        return value
    if kind.name in _READ:
        read, example = _READ[kind.name]
        try:
            return read(value)
        except (ValueError, ValidationError, InvalidOperation):
            wanted = f"{field.model}.{field.name} compares with a {kind.name}"
            raise NotebookError(f"{wanted}, and {value!r} is none", hint=f"write {example}") from None
    enum = field.enum
    if enum is not None and value in enum.__members__ and all(value != one.value for one in enum):
        return enum[value]
    return value


def member(node: ast.expr, enum: type[Enum] | None) -> Enum | None:
    """Return the member of an Enum that `Colour.RED` names; `None` where it names something else.

    Raises:
        NotebookError: It has no such member.
    """
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=wanted) if (
            enum is not None and name == enum.__name__
        ):
            if wanted in enum.__members__:
                return enum[wanted]
            hint = suggestion(wanted, enum.__members__, otherwise=f"it has {', '.join(enum.__members__)}")
            raise NotebookError(f"{name} has no member {wanted!r}", hint=hint)
    return None
