"""Text that can be appended to in Redis."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema, to_json

from rapyer.actions import ActionGroup, action
from rapyer.commands import compute, json
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_ADDS = ActionGroup.UPDATE | ActionGroup.APPEND


class RedisStr(RedisScalar, str):
    """A text field: behaves as `str`.

    In a pipeline `+=` appends to the text that Redis holds (JSON.STRAPPEND), and `*=` repeats it in a script.
    """

    __slots__ = ("_rapyer_applied", "_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = str

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(
            min_length=0
        )  # with a constraint, pydantic refuses text that is no UTF-8

    if not TYPE_CHECKING:  # for a type checker, `user.name += "x"` is what str says of it

        @action(_ADDS)
        def __iadd__(self, other: Any) -> Any:
            result = str.__add__(self, other)
            if not self._rapyer_queues():
                return result
            return self._rapyer_operate(
                result, lambda key, path: json.append_text(key, path, to_json(str(other))), _ADDS
            )

        @action(ActionGroup.UPDATE)
        def __imul__(self, times: Any) -> Any:
            result = str.__mul__(self, times)
            if not self._rapyer_queues():
                return result
            return self._rapyer_operate(
                result, lambda key, path: compute.repeat_text(key, path, operator.index(times))
            )
