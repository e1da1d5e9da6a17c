"""Computed fields in stored documents: they are written like fields, and are none when read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from rapyer.codec.context import is_stored_form

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import CoreSchema


def without_computed(cls: type[BaseModel], schema: CoreSchema) -> CoreSchema:
    """Return the schema of a class that lets the computed fields of a stored document pass.

    Where unknown names are ignored nothing has to be done; where a class forbids or keeps them, its own
    computed fields would be taken for such.
    """
    names = frozenset(cls.__pydantic_decorators__.computed_fields)
    if not names or cls.model_config.get("extra") not in {"allow", "forbid"}:
        return schema

    def drop(value: Any, info: core_schema.ValidationInfo[Any]) -> Any:
        if isinstance(value, dict) and is_stored_form(info):
            return {name: item for name, item in value.items() if name not in names}
        return value

    return core_schema.with_info_before_validator_function(drop, schema)
