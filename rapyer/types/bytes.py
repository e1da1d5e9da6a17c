"""Binary fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.codec.context import is_stored_form
from rapyer.codec.pickled import dump_pickled, load_pickled_literal
from rapyer.errors import CantSerializeRedisValueError
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo


class RedisBytes(RedisScalar, bytes):
    """A binary field: behaves as `bytes`; stored as base64 text (reference-core §9)."""

    native: ClassVar[type] = bytes

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = core_schema.bytes_schema()
        return core_schema.with_info_wrap_validator_function(
            _load,
            plain,
            serialization=core_schema.wrap_serializer_function_ser_schema(_dump, info_arg=True, schema=plain),
        )


def _load(value: Any, handler: Any, info: ValidationInfo) -> bytes:
    if is_stored_form(info) and isinstance(value, str):
        try:
            loaded = load_pickled_literal(value)
        except CantSerializeRedisValueError as error:
            raise ValueError(str(error)) from error
        if not isinstance(loaded, bytes):
            raise ValueError("the stored text holds no bytes")
        return loaded
    validated: bytes = handler(value)
    return validated


def _dump(value: bytes, handler: Any, info: SerializationInfo) -> Any:
    return dump_pickled(bytes(value)) if is_stored_form(info) else handler(bytes(value))
