"""Integers whose arithmetic runs in Redis."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.commands import json
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The range that RedisJSON holds exactly."""


class RedisInt(RedisScalar, int):
    """An integer field: behaves as `int`, and counts atomically in Redis.

    In a pipeline `+=` and `-=` are queued as JSON.NUMINCRBY; `*=`, `//=`, `%=` and `**=` run in a script.
    Each works on the value that Redis holds then, so concurrent changes are kept.
    """

    native: ClassVar[type] = int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.int_schema(ge=LOWEST, le=HIGHEST)

    async def aincrease(self, amount: int = 1) -> int | None:
        """Add to the stored value atomically (JSON.NUMINCRBY); the local value stays as it is.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new stored value, or None in a pipeline, where the command is queued.

        Raises:
            KeyNotFound: The model is not stored.
            TypeError: The amount is no integer.
            OverflowError: The amount exceeds 64 bits.
        """
        new: int | None = await self._rapyer_do(
            json.increment(self.key, self.json_path, self._amount(amount))
        )
        return new

    increase = aincrease

    if not TYPE_CHECKING:  # for a type checker, `user.age += 1` is what int says of it

        def __iadd__(self, other: Any) -> Any:
            return self._rapyer_operate(
                int.__add__(self, other), lambda key, path: json.increment(key, path, self._amount(other))
            )

        def __isub__(self, other: Any) -> Any:
            return self._rapyer_operate(
                int.__sub__(self, other), lambda key, path: json.increment(key, path, -self._amount(other))
            )

        def __imul__(self, other: Any) -> Any:
            return self._compute("*", operator.mul, other)

        def __ifloordiv__(self, other: Any) -> Any:
            return self._compute("//", operator.floordiv, other)

        def __imod__(self, other: Any) -> Any:
            return self._compute("%", operator.mod, other)

        def __ipow__(self, other: Any) -> Any:
            return self._compute("**", operator.pow, other)

    def _compute(self, symbol: str, function: Any, other: Any) -> Any:
        if not isinstance(other, int):
            return function(int(self), other)
        return self._rapyer_operate(
            function(int(self), other),
            lambda key, path: json.arithmetic(key, path, symbol, self._amount(other), kind="int"),
        )

    def _amount(self, amount: Any) -> int:
        if not isinstance(amount, int):
            raise TypeError(f"{self._rapyer_shape.place} holds an int, so it cannot change by {amount!r}")
        if not LOWEST <= amount <= HIGHEST:
            raise OverflowError(
                f"{self._rapyer_shape.place} holds a 64-bit int, so it cannot change by {amount}"
            )
        return amount
