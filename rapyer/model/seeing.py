"""What a model's own validators see of a stored document: values, not what stands for them in Redis.

Validators that run before pydantic's own (`before`, `wrap`, `plain`, and those of the whole model) get what
was given. For a stored document that would be base64 text where a pickle stands, or ISO text for a time. So
where a class has such validators its documents are read in two steps: the values first, without them, and
then the instance, as if it were made of these values in Python. Classes without them pay nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import core_schema, to_json

from rapyer.codec import adapters
from rapyer.codec.context import STORED, is_stored_form
from rapyer.model.schema import is_looked_at
from rapyer.types.convert import without_second_dump
from rapyer.types.float import RedisFloat
from rapyer.types.integer import RedisInt
from rapyer.types.string import RedisStr

if TYPE_CHECKING:
    from pydantic import ValidationInfo
    from pydantic_core import CoreSchema

    from rapyer.model.state import StoredModel

_FIRST = {"before", "wrap", "plain"}
_AS_STORED = (RedisStr, RedisInt, RedisFloat)
"""Types whose values stand in JSON as they are in Python."""


def with_values_seen(cls: type[StoredModel], schema: CoreSchema, own: CoreSchema) -> CoreSchema:
    """Return the schema of a class, reading stored documents in two steps if its validators ask for it.

    Args:
        cls: The class.
        schema: Its schema; it may be a reference.
        own: The schema that pydantic made, resolved.
    """
    if not _looks_at_input(cls):
        return schema
    _dump_once(own)

    def load(value: Any, handler: Any, info: ValidationInfo) -> Any:
        if info.mode != "json" or not isinstance(value, dict) or not is_stored_form(info):
            return handler(value)
        values = {name: _decoded(cls, name, stored) for name, stored in value.items()}
        return cls.__pydantic_validator__.validate_python(
            values, context=info.context, by_alias=False, by_name=True
        )

    return core_schema.with_info_wrap_validator_function(load, schema)


def _dump_once(schema: Any) -> None:
    """Let the fields that have a plain validator be dumped once (`without_second_dump`)."""
    while schema is not None and schema["type"] != "model-fields":
        schema = schema.get("schema")
    for field in schema["fields"].values() if schema else ():
        part = field
        while part is not None:
            part = without_second_dump(part).get("schema")


def _decoded(cls: type[StoredModel], name: str, stored: Any) -> Any:
    field = cls.__rapyer_spec__.fields.get(name)
    if field is None or not field.stored or field.info.annotation in _AS_STORED:
        return stored
    try:
        return field.unseen.validator.validate_json(
            to_json(stored), context=STORED, by_alias=False, by_name=True
        )
    except ValidationError as error:
        refused = adapters.undecodable_within(error, name)
        if refused is not None:
            raise refused from error
        return stored  # of another form, which the validators may be there to accept


def _looks_at_input(cls: type[StoredModel]) -> bool:
    decorators = cls.__pydantic_decorators__
    differing = {name for name, info in cls.model_fields.items() if info.annotation not in _AS_STORED}
    if any(validator.info.mode in _FIRST for validator in decorators.model_validators.values()):
        return bool(differing)
    validators: list[Any] = [*decorators.field_validators.values(), *decorators.validators.values()]
    named = {name for one in validators if one.info.mode in _FIRST for name in one.info.fields}
    annotated = {name for name in differing if is_looked_at(cls.model_fields[name])}
    return bool(differing if "*" in named else (differing & named) | annotated)
