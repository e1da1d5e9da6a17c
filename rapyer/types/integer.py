"""Integers whose arithmetic runs in Redis."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import CoreSchema, core_schema

from rapyer.actions import action
from rapyer.commands import compute, json
from rapyer.errors import NumberRangeError
from rapyer.types.number import COMPUTES, RedisNumber

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""The range that RedisJSON holds exactly."""

_LONGEST = 1024
"""Bits of an operand, at the most."""


class RedisInt(RedisNumber, int):
    """An integer field: behaves as `int`, and counts atomically in Redis.

    In a pipeline `+=`, `-=`, `*=`, `//=`, `%=` and `**=` work on the value that Redis holds then, so
    concurrent changes are kept. They are exact over 64 bits, and refused beyond them.
    """

    native: ClassVar[type] = int

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.int_schema(ge=LOWEST, le=HIGHEST)

    @action(COMPUTES)
    async def aincrease(self, amount: int = 1) -> int | None:
        """Add to the stored value atomically (JSON.NUMINCRBY, in a script that keeps the sum to 64 bits).

        The local value stays as it is.

        Args:
            amount: What to add; may be negative.

        Returns:
            The new stored value, or None in a pipeline, where the command is queued.

        Raises:
            KeyNotFound: The model is not stored.
            KeyChangedError: The field is the key field.
            TypeError: The amount is no integer.
            NumberRangeError: The amount or the new value exceeds 64 bits; an `OverflowError`.
            NumberDomainError: Another program has stored a number with a point; it stays as it is.
        """
        self._rapyer_refuse_key_field()
        new: int | None = await self._rapyer_do(
            json.increment(self.key, self._rapyer_target(), self._amount(amount))
        )
        return new

    increase = aincrease

    if not TYPE_CHECKING:

        @action(COMPUTES)
        def __ipow__(self, other: Any) -> Any:
            return self._compute("**", _power, other)

    def _add(self, other: Any, sign: int) -> Any:
        amount = self._amount(sign * self._integer(other))
        return self._rapyer_operate(
            self._held(int(self) + amount), lambda key, path: json.increment(key, path, amount), COMPUTES
        )

    def _compute(self, symbol: str, function: Callable[[int, int], Any], other: Any) -> Any:
        if not self._rapyer_queues():
            return (operator.pow if function is _power else function)(int(self), other)
        operand = self._integer(other)
        return self._rapyer_operate(
            self._held(function(int(self), operand)),
            lambda key, path: compute.integer(key, path, symbol, operand),
            COMPUTES,
        )

    def _held(self, result: Any) -> Any:
        if isinstance(result, int) and not LOWEST <= result <= HIGHEST:
            raise self._exceeded("a 64-bit int")
        return result

    def _integer(self, operand: Any) -> int:
        if not isinstance(operand, int):
            raise TypeError(f"{self._place()} holds an int, so it cannot change by {operand!r}")
        if operand.bit_length() > _LONGEST:
            raise NumberRangeError(f"{self._place()} cannot change by a number of so many digits")
        return int(operand)

    def _amount(self, amount: Any) -> int:
        if not LOWEST <= self._integer(amount) <= HIGHEST:
            raise NumberRangeError(f"{self._place()} holds a 64-bit int, so it cannot change by {amount}")
        return int(amount)


def _power(base: int, exponent: int) -> Any:
    # Python would compute any number of digits; this is out of range long before.
    return HIGHEST + 1 if exponent > 63 and abs(base) > 1 else base**exponent
