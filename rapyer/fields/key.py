"""The primary key of a model: the marker for its field, and the type of a Redis key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

T = TypeVar("T")


class RapyerKey(str):
    """The full Redis key of a model, such as `User:42`; a `str` that is known to be one."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


class KeyAnnotation:
    """Marks the field whose value is the primary key: `Annotated[str, KeyAnnotation]`."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        # An empty text would make the key `User:`; a class method, because the marker may be the bare class.
        schema = handler(source)
        if schema["type"] == "str" and not schema.get("min_length"):
            schema = {**schema, "min_length": 1}
        return schema

    def __repr__(self) -> str:
        return "Key()"


if TYPE_CHECKING:
    Key = Annotated[T, KeyAnnotation()]
else:

    class Key(KeyAnnotation):
        """Marks the field whose value is the primary key: `Key[str]`, `Key(str)` or `Annotated[str, Key]`."""

        __slots__ = ()

        def __new__(cls, annotated=None):
            """Return `Annotated[annotated, …]`, or the bare marker where no type is given."""
            return KeyAnnotation() if annotated is None else Annotated[annotated, KeyAnnotation()]

        def __class_getitem__(cls, annotated):
            return Annotated[annotated, KeyAnnotation()]


def is_key_marker(metadata: object) -> bool:
    """Tell whether a piece of field metadata marks the key field, as an instance or as the bare class."""
    if isinstance(metadata, type):
        return issubclass(metadata, KeyAnnotation)
    return isinstance(metadata, KeyAnnotation)
