"""Safe loading of values that are no such `Opaque` ones, but may be unreadable as well: bool, bytes, sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, core_schema

from rapyer.codec.context import Tolerant
from rapyer.types.opaque import Opaque, reason_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo


class Tolerated(Opaque):
    """Marks an annotation whose stored text may be left out where it cannot be read; it goes last.

    Args:
        annotation: What the values are.
        owner: The model class that the field belongs to.
        place: The field, such as `User.flag`.
        element: Whether the values stand in a list or dict.
    """

    def __init__(self, annotation: Any, owner: Any, place: str, *, element: bool = False) -> None:
        super().__init__(annotation, owner, place, element=element, native=True, safe=True)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        return core_schema.json_or_python_schema(
            core_schema.with_info_wrap_validator_function(self._load, plain), plain
        )

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if not isinstance(info.context, Tolerant) or not isinstance(value, str):
                raise
            return self._left_out(value, handler, info, error)


class ToleratedSet(Tolerated):
    """Marks a set of which those members are left out that cannot be read."""

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        try:
            return handler(value)
        except ValidationError:
            if not isinstance(info.context, Tolerant) or not isinstance(value, list):
                raise
        return handler([member for member in value if self._is_readable(member, handler, info)])

    def _is_readable(self, member: Any, handler: Any, info: ValidationInfo) -> bool:
        try:
            handler([member])
        except ValidationError as error:
            context: Any = info.context
            unread, name = context.note(info, self.place, reason_of(error))
            unread.dropped.setdefault(name, []).append(member)
            return False
        return True
