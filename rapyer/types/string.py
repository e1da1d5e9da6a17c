"""Text that can be appended to in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema, to_json

from rapyer.commands import json
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


class RedisStr(RedisScalar, str):
    """A text field: behaves as `str`. In a pipeline `+=` appends in Redis (JSON.STRAPPEND)."""

    __slots__ = ("_rapyer_applied", "_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(
            min_length=0
        )  # with a constraint, pydantic refuses text that is no UTF-8

    if not TYPE_CHECKING:  # for a type checker, `user.name += "x"` is what str says of it

        def __iadd__(self, other: Any) -> Any:
            return self._rapyer_operate(
                str.__add__(self, other), lambda key, path: json.append_text(key, path, to_json(str(other)))
            )
