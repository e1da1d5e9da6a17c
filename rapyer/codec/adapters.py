"""Validating and dumping single values through pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import InitErrorDetails

from rapyer.codec.context import STORED
from rapyer.errors import CorruptedModelError

_CONFIG = ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True)


def adapter_for(annotation: Any) -> TypeAdapter[Any]:
    """Return the adapter of an annotation; infinities and NaN, which JSON cannot hold, are refused."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return TypeAdapter(annotation)
    return TypeAdapter(annotation, config=_CONFIG)


def validate(adapter: TypeAdapter[Any], value: Any, place: str) -> Any:
    """Validate a value for a place in a model.

    Raises:
        ValidationError: The value does not fit; the error's title names the place.
    """
    try:
        return adapter.validator.validate_python(value)
    except ValidationError as error:
        raise placed(error, place) from None


def dump(adapter: TypeAdapter[Any], value: Any) -> bytes:
    """Return the stored JSON text of a validated value."""
    return adapter.serializer.to_json(value, context=STORED)


def load(adapter: TypeAdapter[Any], text: bytes, place: str) -> Any:
    """Return the value of a stored JSON text.

    Raises:
        CorruptedModelError: The text does not fit the annotation.
    """
    try:
        return adapter.validator.validate_json(text, context=STORED)
    except ValidationError as error:
        raise CorruptedModelError(
            f"the value stored at {place} does not fit: {error}", field=place
        ) from error


def placed(error: ValidationError, place: str) -> ValidationError:
    """Return the error with a title that names the place it is about."""
    details = [
        InitErrorDetails(type=line["type"], loc=line["loc"], input=line["input"], ctx=line.get("ctx", {}))
        for line in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(place, details)
