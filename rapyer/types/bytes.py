"""Binary fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, core_schema, to_json

from rapyer.actions import ActionGroup, action
from rapyer.codec import adapters
from rapyer.codec.context import is_stored_form
from rapyer.codec.pickled import dump_pickled, load_pickled_literal
from rapyer.commands import json
from rapyer.errors import CantSerializeRedisValueError
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo

_BYTES = SchemaValidator(core_schema.bytes_schema())

_ADDS = ActionGroup.UPDATE | ActionGroup.APPEND


class RedisBytes(RedisScalar, bytes):
    """A binary field: behaves as `bytes`; stored as the base64 text of a pickle."""

    native: ClassVar[type] = bytes

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = core_schema.bytes_schema()
        # Only JSON goes through Python: constructing a model and dumping it to Python cost nothing more.
        return core_schema.json_or_python_schema(
            core_schema.with_info_plain_validator_function(_load),
            plain,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dump, info_arg=True, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema["python_schema"])

    if not TYPE_CHECKING:  # for a type checker, `user.raw += b"x"` is what bytes says of it

        @action(_ADDS)
        def __iadd__(self, other: Any) -> Any:
            # What is stored cannot be appended to, so the whole local value is written.
            result = bytes.__add__(self, other)
            if not self._rapyer_queues():
                return result
            return self._rapyer_operate(
                result, lambda key, path: json.set_value(key, path, self._rapyer_shape.dump(result)), _ADDS
            )


def _load(value: Any, info: ValidationInfo) -> bytes:
    if not isinstance(value, str):
        validated: bytes = _BYTES.validate_python(value)
        return validated
    if not is_stored_form(info):
        return _from_json(value, info)
    try:
        loaded = load_pickled_literal(value)
    except CantSerializeRedisValueError as error:
        raise adapters.undecodable(error) from error
    if not isinstance(loaded, bytes):
        raise adapters.undecodable(CantSerializeRedisValueError("the stored text holds no bytes"))
    return loaded


def _from_json(value: str, info: ValidationInfo) -> bytes:
    # Behind a Python function pydantic no longer knows that the text came as JSON.
    mode: Any = (info.config or {}).get("val_json_bytes", "utf8")
    reader = SchemaValidator(core_schema.bytes_schema(), CoreConfig(val_json_bytes=mode))
    validated: bytes = reader.validate_json(to_json(value))
    return validated


def _dump(value: bytes, info: SerializationInfo) -> Any:
    return dump_pickled(bytes(value)) if is_stored_form(info) else bytes(value)
