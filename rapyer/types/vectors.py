"""Vectors of indexed fields: lists of numbers, of as many as the index has, taken from arrays as well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rapyer.codec.context import FAILURE, is_stored_form
from rapyer.errors import CantSerializeRedisValueError
from rapyer.types.indexed import options_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo

    from rapyer.fields.index import IndexAnnotation

_LARGEST = {"FLOAT32": (2 - 2**-23) * 2.0**127, "FLOAT64": math.inf}


def is_vector(annotation: Any) -> bool:
    """Tell whether an annotation allows lists of numbers, and nothing else but None."""
    held = [option for option in options_of(annotation) if option is not type(None)]
    origin = get_origin(held[0]) if len(held) == 1 else None
    numbers = [options_of(argument) for argument in get_args(held[0])] if origin is not None else []
    kinds = [getattr(one, "native", one) for options in numbers for one in options]
    return getattr(origin, "native", origin) is list and kinds in ([float], [int])


def numbers_of(value: Any) -> Any:
    """Return what an array, of numpy or another package, holds; other values as they are."""
    return value.tolist() if hasattr(value, "tolist") else value


def flaw_in(numbers: Sequence[float], dim: int, kind: str) -> str | None:
    """Return why numbers are no vector that an index can hold; None where they are one.

    Args:
        numbers: The numbers.
        dim: How many the index has.
        kind: How it holds them: "FLOAT32" or "FLOAT64".
    """
    if len(numbers) != dim:
        return f"the vector has {len(numbers)} numbers and not {dim}"
    largest = _LARGEST[kind]
    for number in numbers:
        if not math.isfinite(number):
            return f"the vector has {number} in it, which is no number"
        if abs(number) > largest:
            return f"the vector has {number} in it, which is beyond {kind}"
    return None


@dataclass(frozen=True, slots=True)
class Vector:
    """Checks that lists of numbers are vectors of the field's index, and takes arrays for them.

    Documents are read whatever they hold.

    Attributes:
        index: What the index is declared with.
        place: The field, such as `User.vector`.
    """

    index: IndexAnnotation
    place: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        return core_schema.json_or_python_schema(
            plain,
            core_schema.with_info_wrap_validator_function(self._validate, plain),
            serialization=core_schema.wrap_serializer_function_ser_schema(
                self._dump, info_arg=True, schema=plain, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return handler(schema["json_schema"])

    def _validate(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        taken = handler(numbers_of(value))
        flaw = None if taken is None or is_stored_form(info) else self._flaw(taken)
        if flaw is not None:
            raise PydanticCustomError("vector", "{flaw}", {"flaw": flaw})
        return taken

    def _dump(self, value: Any, handler: Any, info: SerializationInfo) -> Any:
        flaw = None if value is None or not is_stored_form(info) else self._flaw(value)
        if flaw is None:
            return handler(value)
        error = CantSerializeRedisValueError(
            f"{self.place} cannot be stored: {flaw}",
            field=self.place,
            hint="no search would find the document",
        )
        FAILURE.set(error)
        raise error

    def _flaw(self, numbers: Sequence[float]) -> str | None:
        return flaw_in(numbers, self.index.dim or 0, self.index.type)
