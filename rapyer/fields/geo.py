"""Places on earth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_FARTHEST_NORTH = 85.05112878
"""The latitude up to which Redis knows places."""


class GeoPoint(NamedTuple):
    """A place on earth, in degrees; stored as `"longitude,latitude"`.

    A model takes a `GeoPoint`, a pair of numbers, or the stored text.
    """

    longitude: float
    latitude: float

    def __str__(self) -> str:
        return f"{self.longitude!r},{self.latitude!r}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _place, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "examples": ["2.3522,48.8566"]}


def _place(value: Any) -> GeoPoint:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 2 or any(isinstance(one, bool) for one in parts):
        raise ValueError("a place is a longitude and a latitude, such as GeoPoint(2.3522, 48.8566)")
    try:
        point = GeoPoint(float(parts[0]), float(parts[1]))
    except (TypeError, ValueError):
        raise ValueError("the longitude and latitude of a place are numbers") from None
    if not -180 <= point.longitude <= 180:
        raise ValueError(f"the longitude {point.longitude} is not between -180 and 180")
    if not -_FARTHEST_NORTH <= point.latitude <= _FARTHEST_NORTH:
        raise ValueError(
            f"the latitude {point.latitude} is not between -{_FARTHEST_NORTH} and {_FARTHEST_NORTH}"
        )
    return point
