"""What a model's own validators see of a stored document: values, not what stands for them in Redis.

Validators that run before pydantic's own (`before`, `wrap`, `plain`, and those of the whole model) get what
was given. For a stored document that would be base64 text where a pickle stands, or ISO text for a time. So
where a class has such validators its documents are read in two steps: the values first, without them, and
then the instance, as if it were made of these values in Python. Classes without them pay nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import core_schema, to_json

from rapyer.codec import adapters
from rapyer.codec.context import STORED, Tolerant, is_stored_form
from rapyer.model.schema import is_looked_at
from rapyer.types.convert import without_second_dump
from rapyer.types.float import RedisFloat
from rapyer.types.integer import RedisInt
from rapyer.types.string import RedisStr
from rapyer.types.unread import carried

if TYPE_CHECKING:
    from pydantic import ValidationInfo
    from pydantic_core import CoreSchema

    from rapyer.model.schema import FieldSpec
    from rapyer.model.state import StoredModel

_FIRST = {"before", "wrap", "plain"}
_AS_STORED = (RedisStr, RedisInt, RedisFloat)
"""Types whose values stand in JSON as they are in Python."""


def with_values_seen(cls: type[StoredModel], schema: CoreSchema) -> CoreSchema:
    """Return the schema of a class, reading stored documents in two steps if its validators ask for it."""
    if not _looks_at_input(cls):
        return schema
    _dump_once(schema)

    def load(value: Any, handler: Any, info: ValidationInfo) -> Any:
        if info.mode != "json" or not isinstance(value, dict) or not is_stored_form(info):
            return handler(value)
        if not isinstance(info.context, Tolerant):
            return _made(cls, value, info.context, _Reading())
        try:
            return _made(cls, value, info.context, _Reading(Tolerant()))
        except ValidationError:
            return _made(cls, value, info.context, _Reading(Tolerant(), everything=True))

    return core_schema.with_info_wrap_validator_function(load, schema)


def _dump_once(schema: Any) -> None:
    """Let the fields that have a plain validator be dumped once (`without_second_dump`)."""
    while schema is not None and schema["type"] != "model-fields":
        schema = schema.get("schema")
    for field in schema["fields"].values() if schema else ():
        part = field
        while part is not None:
            part = without_second_dump(part).get("schema")


class _Reading(NamedTuple):
    """How values are read before there is an instance.

    Attributes:
        apart: Takes note of those that cannot be decoded; None where such a value is an error.
        everything: Whether that goes for values of another form, too, which the validators may accept.
    """

    apart: Tolerant | None = None
    everything: bool = False


def _made(cls: type[StoredModel], document: dict[str, Any], context: Any, reading: _Reading) -> Any:
    values = {name: _decoded(cls, name, stored, reading) for name, stored in document.items()}
    made = cls.__pydantic_validator__.validate_python(values, context=context, by_alias=False, by_name=True)
    if reading.apart is not None and isinstance(made, cls):
        carried(values, made.__dict__, reading.apart)
        context.take(reading.apart, made.__dict__)
    return made


def _decoded(cls: type[StoredModel], name: str, stored: Any, reading: _Reading) -> Any:
    field = cls.__rapyer_spec__.fields.get(name)
    if field is None or not field.stored or field.info.annotation in _AS_STORED:
        return stored
    text = to_json(stored)
    try:
        return _read(field, text, STORED)
    except ValidationError as error:
        refused = adapters.undecodable_within(error, name)
    if reading.apart is not None and (reading.everything or refused is not None):
        alone = Tolerant()
        try:
            value = _read(field, text, alone)
        except ValidationError as error:
            refused = adapters.undecodable_within(error, name)
        else:
            reading.apart.take(alone)
            return value
    if refused is not None:
        raise refused
    return stored  # of another form, which the validators may be there to accept


def _read(field: FieldSpec, text: bytes, context: Any) -> Any:
    return field.unseen.validator.validate_json(text, context=context, by_alias=False, by_name=True)


def _looks_at_input(cls: type[StoredModel]) -> bool:
    decorators = cls.__pydantic_decorators__
    differing = {name for name, info in cls.model_fields.items() if info.annotation not in _AS_STORED}
    if any(validator.info.mode in _FIRST for validator in decorators.model_validators.values()):
        return bool(differing)
    validators: list[Any] = [*decorators.field_validators.values(), *decorators.validators.values()]
    named = {name for one in validators if one.info.mode in _FIRST for name in one.info.fields}
    annotated = {name for name in differing if is_looked_at(cls.model_fields[name])}
    return bool(differing if "*" in named else (differing & named) | annotated)
