"""Booleans: JSON true and false, and the pickled form that other writers use (decision D15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic_core import CoreSchema, core_schema

from rapyer.codec.context import is_stored_form
from rapyer.codec.pickled import load_pickled_literal
from rapyer.errors import CantSerializeRedisValueError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo


class _ReadsPickledBool:
    """Lets a stored bool be a pickle, too; what is a bool already never gets that far."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        pickled = core_schema.with_info_plain_validator_function(_load)
        plain = handler(source)
        either = core_schema.union_schema(
            [plain, pickled], mode="left_to_right", custom_error_type="bool_parsing"
        )
        return core_schema.json_or_python_schema(
            either, plain, serialization=core_schema.simple_ser_schema("bool")
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return handler(schema["python_schema"])


def _load(value: Any, info: ValidationInfo) -> bool:
    loaded = None
    if is_stored_form(info) and isinstance(value, str):
        try:
            loaded = load_pickled_literal(value)
        except CantSerializeRedisValueError as error:
            raise ValueError(str(error)) from error
    if not isinstance(loaded, bool):
        raise ValueError("the value is no bool")
    return loaded


STORED_BOOL = Annotated[bool, _ReadsPickledBool()]
"""What `bool` becomes in a model."""
