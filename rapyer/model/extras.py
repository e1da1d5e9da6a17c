"""Values beyond the fields, which `extra="allow"` lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import core_schema

from rapyer.codec.lossless import has_no_number, is_beyond_json

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


def with_extras(cls: type[BaseModel], schema: CoreSchema) -> CoreSchema:
    """Return the schema of a class that takes over the extra values of another class's instance.

    Pydantic reads the fields alone from the attributes of another object, and the plain model that an inner
    one is made of is such an object.
    """
    if cls.model_config.get("extra") != "allow":
        return schema

    def spread(value: Any) -> Any:
        return dict(value) if isinstance(value, BaseModel) and not isinstance(value, cls) else value

    return core_schema.no_info_before_validator_function(spread, schema)


def refuse_unstorable(schema: Any) -> None:
    """Let a class refuse extra values with numbers that the server would change: they are stored as JSON.

    Args:
        schema: The schema that pydantic made of the class, resolved.
    """
    while schema is not None and schema["type"] != "model-fields":
        schema = schema.get("schema")
    if schema is not None:
        given = schema.get("extras_schema") or core_schema.any_schema()
        schema["extras_schema"] = core_schema.no_info_after_validator_function(_storable, given)


def _storable(value: Any) -> Any:
    if has_no_number(value):
        raise ValueError("JSON has no NaN and no infinity")
    if is_beyond_json(value):
        raise ValueError("an integer beyond 64 bits would lose digits")
    return value
