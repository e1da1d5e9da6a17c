"""What the immutable field types share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.session.scope import Batch, open_batch
from rapyer.types.base import RedisType

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command


class RedisScalar(RedisType):
    """A value that an operator replaces instead of changing it."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _rapyer_applied: Batch

    def _rapyer_operate(self, result: Any, build: Callable[[str, JsonPath], Command[Any]]) -> Any:
        """Return the result of an in-place operator, and queue the same operation in an open pipeline.

        The result then carries a mark, so that assigning it to its field does not write it a second time.
        """
        if result is NotImplemented or not self._rapyer_queue(build):
            return result
        batch = open_batch()
        marked = type(self)._rapyer_adopt(result, self._rapyer_owner, self._rapyer_name, self._rapyer_shape)
        if batch is not None:
            marked._rapyer_applied = batch
        return marked

    def _rapyer_is_applied(self, owner: Any, name: str) -> bool:
        """Tell whether the open pipeline has the operation that led to this value of that field already."""
        batch = open_batch()
        return (
            batch is not None
            and getattr(self, "_rapyer_applied", None) is batch
            and self._rapyer_owner is owner
            and self._rapyer_name == name
        )
