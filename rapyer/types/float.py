"""Floating-point numbers whose arithmetic runs in Redis."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.commands import json
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


class RedisFloat(RedisScalar, float):
    """A float field: behaves as `float`, and counts atomically in Redis.

    In a pipeline `+=` and `-=` are queued as JSON.NUMINCRBY; the others run in a script.
    Infinities and NaN are refused: JSON has none.
    """

    __slots__ = ("_rapyer_applied", "_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = float

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.float_schema(allow_inf_nan=False)

    async def aincrease(self, amount: float = 1.0) -> float | None:
        """Add to the stored value atomically (JSON.NUMINCRBY); the local value stays as it is.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new stored value, or None in a pipeline, where the command is queued.

        Raises:
            KeyNotFound: The model is not stored.
            TypeError: The amount is no number.
            ValueError: The amount is infinite or NaN.
        """
        command = json.increment(self.key, self.json_path, self._amount(amount))
        new = await self._rapyer_do(command)
        return None if new is None else float(new)

    increase = aincrease

    if not TYPE_CHECKING:  # for a type checker, `user.age += 1` is what float says of it

        def __iadd__(self, other: Any) -> Any:
            return self._rapyer_operate(
                float.__add__(self, other), lambda key, path: json.increment(key, path, self._amount(other))
            )

        def __isub__(self, other: Any) -> Any:
            return self._rapyer_operate(
                float.__sub__(self, other), lambda key, path: json.increment(key, path, -self._amount(other))
            )

        def __imul__(self, other: Any) -> Any:
            return self._compute("*", operator.mul, other)

        def __itruediv__(self, other: Any) -> Any:
            return self._compute("/", operator.truediv, other)

        def __ifloordiv__(self, other: Any) -> Any:
            return self._compute("//", operator.floordiv, other)

        def __imod__(self, other: Any) -> Any:
            return self._compute("%", operator.mod, other)

        def __ipow__(self, other: Any) -> Any:
            return self._compute("**", operator.pow, other)

    def _compute(self, symbol: str, function: Any, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return self._rapyer_operate(
            function(float(self), other),
            lambda key, path: json.arithmetic(key, path, symbol, self._amount(other), kind="float"),
        )

    def _amount(self, amount: Any) -> float:
        if not isinstance(amount, int | float):
            raise TypeError(f"{self._rapyer_shape.place} holds a float, so it cannot change by {amount!r}")
        if not math.isfinite(amount):
            raise ValueError(
                f"{self._rapyer_shape.place} holds a finite float, so it cannot change by {amount}"
            )
        return float(amount)
