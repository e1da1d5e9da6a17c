"""Points in time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from typing_extensions import Self


class RedisDatetime(RedisScalar, dt.datetime):
    """A point in time: behaves as `datetime`; stored as ISO 8601 text with its offset and microseconds."""

    __slots__ = ("_rapyer_applied", "_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = dt.datetime

    def __new__(cls, year: Any, *args: Any, **kwargs: Any) -> Self:
        """Take a datetime, or the arguments that `datetime` takes."""
        if isinstance(year, dt.datetime):
            return cls._rapyer_wrap(year)
        return super().__new__(cls, year, *args, **kwargs)

    @classmethod
    def _rapyer_wrap(cls, value: dt.datetime) -> Self:
        return super().__new__(
            cls,
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            value.tzinfo,
            fold=value.fold,
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.datetime_schema()

    def clone(self) -> dt.datetime:
        """Return the same point in time as a plain `datetime`, time zone included."""
        return dt.datetime.combine(self.date(), self.timetz())

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.clone().__reduce_ex__(protocol)

    def __add__(self, other: Any) -> Any:
        return self.clone() + other

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self.clone() - (other.clone() if isinstance(other, RedisDatetime) else other)
