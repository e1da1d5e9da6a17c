"""What the immutable field types share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.actions import ActionGroup
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

    _rapyer_applied: tuple[Batch, RedisScalar, Command[Any]]
    """The pipeline that has the operation which led to this value, the value before it, and the command."""

    def _rapyer_operate(
        self,
        result: Any,
        build: Callable[[str, JsonPath], Command[Any]],
        groups: ActionGroup = ActionGroup.UPDATE,
    ) -> Any:
        """Queue an in-place operator in the open pipeline and return its result.

        The result is checked before anything is queued. It then carries a mark, so that assigning it to its
        place does not write it a second time.
        """
        result = self._rapyer_shape.validate(result)
        self._rapyer_refuse_key_field()
        self._rapyer_queue(build, groups)
        marked = type(self)._rapyer_adopt(result, self._rapyer_owner, self._rapyer_name, self._rapyer_shape)
        batch = open_batch()
        if batch is not None:
            marked._rapyer_applied = (batch, self, batch.commands[-1])
        return marked

    def _rapyer_refuse_key_field(self) -> None:
        """Refuse to change in Redis what is the key field of a document."""
        check = getattr(self._rapyer_holder(), "_rapyer_check_operation", None)
        if check is not None:
            check(self._rapyer_name)

    def _rapyer_withdraw(self) -> None:
        """Take the operation that led to this value out of its pipeline: the model refuses the result."""
        batch, _, command = self._rapyer_applied
        batch.withdraw(command)

    def _rapyer_is_applied(self, owner: Any, name: Any) -> bool:
        """Tell whether the open pipeline has the operation that led to this value of that place already."""
        batch = open_batch()
        return (
            batch is not None
            and hasattr(self, "_rapyer_applied")
            and self._rapyer_applied[0] is batch
            and self._rapyer_owner is owner
            and self._rapyer_name == name
        )
