"""Times of indexed fields in stored documents: what their numbers do not tell stands beside them.

`rapyer.types.zones` says what that is. Nothing of it is seen on an instance, nor in what pydantic dumps for
others than Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from rapyer.codec.context import is_stored_form
from rapyer.types import zones
from rapyer.types.datetime import RedisDatetimeTimestamp
from rapyer.types.indexed import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

_MARK = "rapyer_zones"


def is_zoned(info: FieldInfo) -> bool:
    """Tell whether the values of a field, its annotation converted, are times stored as numbers."""
    held = [option for option in options_of(info.annotation) if option is not type(None)]
    return info.exclude is not True and held == [RedisDatetimeTimestamp]


def notes_of(fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Return where notes about times stand in documents, for the name of each field with such times.

    Args:
        fields: The fields of a class by name; where one has the name of a note, there is no such note.
    """
    beside = {name: name + zones.BESIDE for name, info in fields.items() if is_zoned(info)}
    return {name: note for name, note in beside.items() if note not in fields}


def with_zones(cls: type[BaseModel], schema: Any) -> None:
    """Let a class read and write in documents what stands beside its times.

    It is done within the schema, as other classes refer to that by its name.

    Args:
        cls: The class.
        schema: The schema that pydantic made of it, resolved.
    """
    notes = notes_of(cls.__pydantic_fields__)
    while schema is not None and schema["type"] != "model":
        schema = schema.get("schema")
    if not notes or schema is None or _MARK in schema.get("metadata", {}):
        return
    schema["metadata"] = {**schema.get("metadata", {}), _MARK: True}
    given = (
        {key: value for key, value in schema.items() if key != "ref"} if "serialization" in schema else None
    )
    schema["schema"] = core_schema.with_info_before_validator_function(_reader(notes), schema["schema"])
    schema["serialization"] = core_schema.wrap_serializer_function_ser_schema(
        _writer(notes), info_arg=True, schema=given
    )


def _reader(notes: Mapping[str, str]) -> Callable[[Any, Any], Any]:
    def read(value: Any, info: core_schema.ValidationInfo[Any]) -> Any:
        if not isinstance(value, dict) or not is_stored_form(info):
            return value
        there = {name: value[beside] for name, beside in notes.items() if beside in value}
        if not there:
            return value
        document = {name: held for name, held in value.items() if name not in notes.values()}
        for name, note in there.items():
            if document.get(name) is not None:
                document[name] = [document[name], note]
        return document

    return read


def _writer(notes: Mapping[str, str]) -> Callable[[Any, Any, Any], Any]:
    def write(model: Any, handler: Any, info: core_schema.SerializationInfo[Any]) -> Any:
        dumped = handler(model)
        if is_stored_form(info) and isinstance(dumped, dict):
            values = model.__dict__
            for name, beside in notes.items():
                moment = values.get(name) if name in dumped else None
                note = None if moment is None else zones.beside(moment)
                if note is not None:
                    dumped[beside] = note
        return dumped

    return write
