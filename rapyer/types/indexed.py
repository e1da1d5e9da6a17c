"""Values of indexed fields that are no Redis types: the form in the document that the server can index."""

from __future__ import annotations

import datetime as dt
import types
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema, to_json

from rapyer.codec.context import is_stored_form
from rapyer.codec.numbers import as_stored
from rapyer.codec.pickled import looks_pickled
from rapyer.errors import CantSerializeRedisValueError
from rapyer.fields.geo import GeoPoint
from rapyer.types.literals import OpaqueLiteral
from rapyer.types.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, ValidationInfo

_EPOCH = dt.date(1970, 1, 1).toordinal()
_MIDNIGHT = dt.datetime(1970, 1, 1)
_MICROSECOND = dt.timedelta(microseconds=1)
_MOST = 2**63


@dataclass(frozen=True, slots=True)
class IndexedForm:
    """How values of a type stand in the document of an indexed field.

    Attributes:
        store: Gives the JSON value; raises ValueError with the reason for one that has none.
        load: Gives the value back.
        number: Whether the JSON value is a number; else it is text.
    """

    store: Callable[[Any], Any]
    load: Callable[[Any], Any]
    number: bool


def _microseconds(value: dt.timedelta) -> int:
    number = value // _MICROSECOND
    if not -_MOST <= number < _MOST:
        raise ValueError("is longer than 64 bits of microseconds")
    return number


def _time_of_day(value: dt.time) -> int:
    if value.tzinfo is not None:
        raise ValueError("has a time zone, which an indexed time cannot keep")
    return (dt.datetime.combine(_MIDNIGHT, value) - _MIDNIGHT) // _MICROSECOND


def _time_at(number: int) -> dt.time:
    if not 0 <= number < 86_400_000_000:
        raise ValueError("no day has so many microseconds")
    return (_MIDNIGHT + number * _MICROSECOND).time()


def decimal_number(value: Decimal) -> float:
    """Return the number that stands for a decimal in a document.

    Raises:
        ValueError: It is no finite number, or has more digits than the number gives back.
    """
    if not value.is_finite():
        raise ValueError("is no finite number")
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError("has more digits than an indexed number keeps, which is 15 at least")
    if as_stored(number) != number:
        raise ValueError("is one of the numbers that the server's JSON rounds")
    return number


_FORMS: dict[Any, IndexedForm] = {
    UUID: IndexedForm(str, UUID, number=False),
    GeoPoint: IndexedForm(str, str, number=False),
    Decimal: IndexedForm(decimal_number, lambda number: Decimal(repr(number)), number=True),
    dt.date: IndexedForm(
        lambda day: day.toordinal() - _EPOCH,
        lambda number: dt.date.fromordinal(number + _EPOCH),
        number=True,
    ),
    dt.time: IndexedForm(_time_of_day, _time_at, number=True),
    dt.timedelta: IndexedForm(_microseconds, lambda number: number * _MICROSECOND, number=True),
}


def form_of(kind: Any) -> IndexedForm | None:
    """Return how values of a type stand in the document of an indexed field; None where it has no such form.

    Args:
        kind: The type, without None and without metadata.
    """
    if isinstance(kind, type) and issubclass(kind, Enum):
        return IndexedForm(lambda member: member.value, kind, number=False)
    return _FORMS.get(kind)


def indexed_mark(annotation: Any) -> tuple[type[Opaque], IndexedForm | None] | None:
    """Return the mark for values of an indexed field, and their form; None where they have none."""
    kind = _only_of(annotation)
    if get_origin(kind) is Literal:
        return (IndexedLiteral, None)
    if get_origin(kind) is frozenset:
        return (IndexedSet, form_of(_only_of(get_args(kind)[0])))
    native = getattr(kind, "native", kind)
    if native in {str, int, float, dt.datetime}:
        return (IndexedText if native is str else IndexedJson, None)
    form = form_of(kind)
    return None if form is None else (Indexed, form)


def _only_of(annotation: Any) -> Any:
    """Return the one type that an annotation allows besides None; None where there are several."""
    kinds = [kind for kind in options_of(annotation) if kind is not type(None)]
    return kinds[0] if len(kinds) == 1 else None


def options_of(annotation: Any) -> tuple[Any, ...]:
    """Return the types that an annotation allows, each without metadata."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in {Union, types.UnionType}:
        return (annotation,)
    return tuple(option for member in get_args(annotation) for option in options_of(member))


class Indexed(Opaque):
    """Marks values of an indexed field: written as JSON that the server can index, whatever `Meta` says.

    The other forms, JSON and pickles as fields without an index have them, are read, too.
    """

    form: IndexedForm

    def _stored(self, value: Any, handler: Any) -> Any:
        if value is None:
            return None
        try:
            return self.form.store(value)
        except ValueError as error:
            raise CantSerializeRedisValueError(
                f"{self.place} holds {value!r}, which {error}",
                field=self.place,
                hint="store it in a field without an Index",
            ) from None

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        if self.form.number and type(value) in {int, float} and is_stored_form(info):
            try:
                value = self.form.load(value)
            except (OverflowError, TypeError, ValueError) as error:
                return self._unreadable(value, handler, info, error)
            return self._adapter.validator.validate_python(value)
        return super()._load(value, handler, info)

    def _unreadable(self, value: Any, handler: Any, info: ValidationInfo, error: Exception) -> Any:
        # As text it is no value of any form, so what is to be left out is, and the rest is refused.
        return super()._load(f"{value} ({error})", handler, info)


class IndexedSet(Indexed):
    """Marks frozensets of an indexed field: written as arrays of their elements' forms, in order."""

    form: IndexedForm | None = None  # type: ignore[assignment]  # None where elements are JSON as they are

    def _stored(self, value: Any, handler: Any) -> Any:
        if value is None:
            return None
        if self.form is None:
            elements = handler(value)
        else:
            elements = [super(IndexedSet, self)._stored(element, handler) for element in value]
        return sorted(elements, key=to_json)

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        if self.form is None or not self.form.number or type(value) is not list or not is_stored_form(info):
            return Opaque._load(self, value, handler, info)
        try:
            elements = [self.form.load(one) if type(one) in {int, float} else one for one in value]
        except (OverflowError, TypeError, ValueError) as error:
            return self._unreadable(value, handler, info, error)
        return self._adapter.validator.validate_python(frozenset(elements))


class IndexedJson(Opaque):
    """Marks numbers and times, or None, in a list or dict that is indexed: written as JSON."""

    def _stored(self, value: Any, handler: Any) -> Any:
        return handler(value)


class IndexedText(IndexedJson):
    """Marks text, or None, in a list or dict that is indexed: written as it is.

    A pickle of text, as a field without an index has it, is read, too; so text that is one is not written.
    """

    def _stored(self, value: Any, handler: Any) -> Any:
        if self._pickled(value) is not value:
            raise CantSerializeRedisValueError(
                f"{self.place} holds {value!r}, which would be read as the pickle that it is",
                field=self.place,
                hint="store it in a list of str, without None",
            )
        return value

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        if type(value) is not str or not is_stored_form(info):
            return super()._load(value, handler, info)
        return self._from_json(self._pickled(value), handler, info)

    def _pickled(self, value: Any) -> Any:
        if not isinstance(value, str) or not looks_pickled(value):
            return value
        try:
            return self._unpickled(value)
        except (ValidationError, PydanticCustomError):
            return value  # it only begins like one


class IndexedLiteral(OpaqueLiteral):
    """Marks a `Literal` of an indexed field: written as JSON; the pickled form is read, too."""

    def _stored(self, value: Any, handler: Any) -> Any:
        return value


@dataclass(frozen=True, slots=True)
class NoNul:
    """Refuses text with a NUL, as the server indexes text up to its first one; it goes last in the metadata.

    Documents are read whatever they hold.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        without_nul = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=r"^[^\x00]*$"),
            "text_for_index",
            custom_error_message="Input should be text without a NUL character, which ends text in an index",
        )
        return core_schema.json_or_python_schema(plain, core_schema.chain_schema([plain, without_nul]))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return handler(schema["json_schema"])


NO_NUL = NoNul()
