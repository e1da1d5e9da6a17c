"""Floating-point numbers whose arithmetic runs in Redis."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.actions import action
from rapyer.commands import compute, json
from rapyer.errors import NumberDomainError
from rapyer.types.number import COMPUTES, RedisNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler


class RedisFloat(RedisNumber, float):
    """A float field: behaves as `float`, and counts atomically in Redis.

    In a pipeline `+=` and `-=` are queued as JSON.NUMINCRBY; `*=`, `/=`, `//=`, `%=` and `**=` run in a
    script, with the results that Python gives. Infinities and NaN are refused: JSON has none.
    """

    __slots__ = ("_rapyer_applied", "_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = float

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.float_schema(allow_inf_nan=False)

    @action(COMPUTES)
    async def aincrease(self, amount: float = 1.0) -> float | None:
        """Add to the stored value atomically (JSON.NUMINCRBY); the local value stays as it is.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new stored value, or None in a pipeline, where the command is queued.

        Raises:
            KeyNotFound: The model is not stored.
            KeyChangedError: The field is the key field.
            TypeError: The amount is no number.
            NumberDomainError: The amount is infinite or NaN; a `ValueError`.
            NumberRangeError: The new value would be infinite; an `OverflowError`.
        """
        self._rapyer_refuse_key_field()
        command = json.increment(self.key, self._rapyer_target(), self._amount(amount))
        new = await self._rapyer_do(command)
        return None if new is None else float(new)

    increase = aincrease

    if not TYPE_CHECKING:

        @action(COMPUTES)
        def __itruediv__(self, other: Any) -> Any:
            return self._compute("/", operator.truediv, other)

    def _add(self, other: Any, sign: int) -> Any:
        amount = sign * self._amount(other)
        return self._rapyer_operate(
            self._held(float(self) + amount), lambda key, path: json.increment(key, path, amount), COMPUTES
        )

    def _compute(self, symbol: str, function: Callable[[float, float], Any], other: Any) -> Any:
        if not self._rapyer_queues():
            return function(float(self), other)
        before, operand = float(self), self._amount(other)
        after = self._held(function(before, operand))
        return self._rapyer_operate(
            after, lambda key, path: compute.real(key, path, symbol, operand, before, after), COMPUTES
        )

    def _held(self, result: Any) -> Any:
        if isinstance(result, float) and not math.isfinite(result):
            raise self._exceeded("a finite float")
        return result

    def _amount(self, amount: Any) -> float:
        if not isinstance(amount, int | float):
            raise TypeError(f"{self._place()} holds a float, so it cannot change by {amount!r}")
        if not math.isfinite(amount):
            raise NumberDomainError(f"{self._place()} holds a finite float, so it cannot change by {amount}")
        return float(amount)
