"""The kinds of index a field can have: what it declares, and which values it compares with."""

from __future__ import annotations

import datetime as dt
import math
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from rapyer.errors import BadFilterError, UnsupportedIndexedFieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.commands.command import Arg
    from rapyer.model.schema import FieldSpec


@dataclass(frozen=True, slots=True)
class IndexKind:
    """One kind of index.

    Attributes:
        name: What messages call it.
        schema: The words that FT.CREATE takes for it.
        ordered: Whether `<`, `<=`, `>` and `>=` make sense.
        encode: Turns a value into what queries hold; raises TypeError for a value of the wrong type.
    """

    name: str
    schema: tuple[Arg, ...]
    ordered: bool
    encode: Callable[[Any], str]


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("a number")
    if not math.isfinite(value):
        raise BadFilterError(f"{value} is no number that can be searched for")
    return repr(float(value)) if isinstance(value, float) else str(int(value))


def _time(value: Any) -> str:
    if not isinstance(value, dt.datetime):
        raise TypeError("a datetime")
    return repr(value.timestamp())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a str")
    return str(value)


NUMERIC = IndexKind("number", ("NUMERIC",), ordered=True, encode=_number)
TIME = IndexKind("time", ("NUMERIC",), ordered=True, encode=_time)
EXACT = IndexKind("exact text", ("TAG", "CASESENSITIVE", "INDEXEMPTY"), ordered=False, encode=_text)

_KINDS = {int: NUMERIC, float: NUMERIC, str: EXACT, dt.datetime: TIME}


def kind_of(field: FieldSpec) -> IndexKind:
    """Return the kind of index of an indexed field.

    Raises:
        UnsupportedIndexedFieldError: Values of the field's type cannot be indexed.
    """
    options = {_native(option) for option in _members(field.annotation)} - {type(None)}
    kinds = {_KINDS.get(option) for option in options}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        raise UnsupportedIndexedFieldError(
            f"{field.model}.{field.name} has an Index, but values of {field.annotation} cannot be indexed",
            model=field.model,
            field=field.name,
            hint="index an int, a float, a str or a datetime, optional or not",
        )
    return kind


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)


def _native(annotation: Any) -> Any:
    return getattr(annotation, "native", annotation)
