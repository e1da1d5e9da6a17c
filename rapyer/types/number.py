"""What the two kinds of numbers share: in-place operators that work on the value that Redis holds."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from rapyer.actions import ActionGroup, action
from rapyer.errors import NumberRangeError
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from collections.abc import Callable

COMPUTES = ActionGroup.UPDATE | ActionGroup.ARITHMETIC
"""The groups of all that computes with the stored value."""


class RedisNumber(RedisScalar):
    """A number that a pipeline computes with on the server."""

    if not TYPE_CHECKING:
        __slots__ = ()

        # For a type checker, `user.age += 1` is what int and float say of it.

        @action(COMPUTES)
        def __iadd__(self, other: Any) -> Any:
            return self._add(other, 1) if self._rapyer_queues() else self.native.__add__(self, other)

        @action(COMPUTES)
        def __isub__(self, other: Any) -> Any:
            return self._add(other, -1) if self._rapyer_queues() else self.native.__sub__(self, other)

        @action(COMPUTES)
        def __imul__(self, other: Any) -> Any:
            return self._compute("*", operator.mul, other)

        @action(COMPUTES)
        def __ifloordiv__(self, other: Any) -> Any:
            return self._compute("//", operator.floordiv, other)

        @action(COMPUTES)
        def __imod__(self, other: Any) -> Any:
            return self._compute("%", operator.mod, other)

        @action(COMPUTES)
        def __ipow__(self, other: Any) -> Any:
            return self._compute("**", operator.pow, other)

    def _add(self, other: Any, sign: int) -> Any:
        """Queue the addition of a number, or of its negative."""
        raise NotImplementedError

    def _compute(self, symbol: str, function: Callable[[Any, Any], Any], other: Any) -> Any:
        """Compute locally, and in a pipeline queue the same for Redis."""
        raise NotImplementedError

    def _exceeded(self, holds: str) -> NumberRangeError:
        """Return the error for a result that the field cannot hold."""
        return NumberRangeError(
            f"{self._place()} holds {holds}, and the result exceeds it", key=self.key, field=self.field_path
        )

    def _place(self) -> str:
        return self._rapyer_shape.place if hasattr(self, "_rapyer_owner") else type(self).__name__
