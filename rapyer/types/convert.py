"""From the annotations that users write to the Redis types."""

from __future__ import annotations

import datetime as dt
import types
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from rapyer.types.boolean import STORED_BOOL
from rapyer.types.bytes import RedisBytes
from rapyer.types.datetime import RedisDatetime
from rapyer.types.dict import RedisDict
from rapyer.types.float import RedisFloat
from rapyer.types.integer import RedisInt
from rapyer.types.list import RedisList
from rapyer.types.string import RedisStr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCALARS: Mapping[Any, Any] = {
    str: RedisStr,
    int: RedisInt,
    float: RedisFloat,
    bytes: RedisBytes,
    dt.datetime: RedisDatetime,
    bool: STORED_BOOL,
}
"""The Redis type for each plain scalar."""


def convert(annotation: Any, model: Callable[[type[BaseModel]], type[BaseModel]]) -> Any:
    """Return an annotation with plain types replaced by Redis types; what is none stays as it is.

    Args:
        annotation: A resolved annotation.
        model: Returns the class that stands for a model class nested in another.
    """
    if annotation is list:
        return RedisList[Any]
    if annotation is dict:
        return RedisDict[Any, Any]
    origin = get_origin(annotation)
    if origin is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return model(annotation)
        return SCALARS.get(annotation, annotation) if isinstance(annotation, type) else annotation
    arguments = get_args(annotation)
    if origin is Annotated:
        return Annotated[(convert(arguments[0], model), *arguments[1:])]
    if origin in {Union, types.UnionType}:
        return Union[tuple(convert(member, model) for member in arguments)]  # noqa: UP007 - built at run time
    if origin in {list, RedisList}:
        return RedisList[convert(arguments[0], model)]  # type: ignore[misc]
    if origin in {dict, RedisDict}:
        key, value = arguments
        return RedisDict[key, convert(value, model)]  # type: ignore[valid-type,misc]
    return annotation
