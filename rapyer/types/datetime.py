"""Points in time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.actions import ActionGroup, action
from rapyer.codec.context import is_stored_form
from rapyer.commands import compute, json
from rapyer.types import zones
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command

_COMPUTES = ActionGroup.UPDATE | ActionGroup.ARITHMETIC


class RedisDatetime(RedisScalar, dt.datetime):
    """A point in time: behaves as `datetime`; stored as ISO 8601 text with its offset and microseconds.

    In a pipeline `+=` and `-=` of a `timedelta` move the time that Redis holds, in a script.
    """

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
        result = self.clone() + other
        return RedisDatetime._rapyer_wrap(result) if isinstance(result, dt.datetime) else result

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        result: Any = self.clone() - (other.clone() if isinstance(other, RedisDatetime) else other)
        return RedisDatetime._rapyer_wrap(result) if isinstance(result, dt.datetime) else result

    if not TYPE_CHECKING:  # for a type checker, `event.start += hour` is what datetime says of it

        @action(_COMPUTES)
        def __iadd__(self, other: Any) -> Any:
            return self._shift(other) if isinstance(other, dt.timedelta) else NotImplemented

        @action(_COMPUTES)
        def __isub__(self, other: Any) -> Any:
            return self._shift(-other) if isinstance(other, dt.timedelta) else NotImplemented

    def _shift(self, span: dt.timedelta) -> Any:
        result = self.clone() + span
        if not self._rapyer_queues():
            return self._rapyer_wrap(result)
        return self._rapyer_operate(
            result, lambda key, path: self._shift_command(key, path, span, result), _COMPUTES
        )

    def _shift_command(
        self, key: str, path: JsonPath, span: dt.timedelta, result: dt.datetime
    ) -> Command[Any]:
        return compute.shift_time(key, path, span, _offset(self.clone()), _offset(result))


class RedisDatetimeTimestamp(RedisDatetime):
    """A point in time, stored as seconds since 1970: what a `datetime` field with an index becomes.

    A time without a zone is taken as local time. What the number does not tell, the zone first of all, stands
    beside it in the model's object (`rapyer.types.zones`); in a list or dict there is no such place.
    """

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = core_schema.datetime_schema()
        return core_schema.with_info_wrap_validator_function(
            _from_seconds,
            plain,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                _to_seconds, info_arg=True, schema=plain
            ),
        )

    def _rapyer_write_commands(self) -> Sequence[Command[Any]]:
        commands = super()._rapyer_write_commands()
        place = self._rapyer_zone_place()
        return commands if place is None else (*commands, zones.write_beside(self.key, *place, self))

    def _rapyer_read_command(self) -> Command[bytes | None]:
        place = self._rapyer_zone_place()
        if place is None:
            return super()._rapyer_read_command()
        read = json.get(self.key, zones.path_with_zone(*place))
        return replace(read, decode=lambda reply: zones.joined(read.decode(reply)))

    def _rapyer_zone_place(self) -> tuple[JsonPath, str] | None:
        """Return the path of the object that the value is in, and its name there; None in a list or dict."""
        place = getattr(self._rapyer_holder(), "_rapyer_zone_place", None)
        found: tuple[JsonPath, str] | None = None if place is None else place(self._rapyer_name)
        return found

    def _shift_command(
        self, key: str, path: JsonPath, span: dt.timedelta, result: dt.datetime
    ) -> Command[Any]:
        # The seconds between the two: a local time that crosses a change of the clocks moves by others.
        utc = dt.timezone.utc
        elapsed = result.astimezone(utc) - self.clone().astimezone(utc)
        return json.increment(key, path, elapsed.total_seconds())


def _offset(moment: dt.datetime) -> str:
    return moment.replace(microsecond=0).isoformat()[19:]


def _from_seconds(value: Any, handler: Any, info: ValidationInfo) -> dt.datetime:
    if is_stored_form(info):
        value = zones.moment_of(value)
    validated: dt.datetime = handler(value)
    return validated


def _to_seconds(value: dt.datetime, handler: Any, info: SerializationInfo) -> Any:
    return zones.seconds_of(value) if is_stored_form(info) else handler(value)
