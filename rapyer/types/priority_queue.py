"""Priority queues in Redis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic_core import PydanticCustomError, core_schema

from rapyer.actions import ActionGroup, action
from rapyer.commands import keys
from rapyer.commands.queues import CONDITIONS, OnlyIf
from rapyer.commands.queues_fifo import queue_at
from rapyer.errors import (
    NumberDomainError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    UnsupportedOperationError,
)
from rapyer.types.queue_access import PriorityQueueItem, QueueAccess
from rapyer.types.special import SpecialFieldType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import GetCoreSchemaHandler, SerializationInfo
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.commands.command import Command
    from rapyer.commands.queues import Queue

T = TypeVar("T")

__all__ = ("PriorityQueueItem", "RedisPriorityQueue")

_MOST = 1 << 53
"""More values than a queue can hold, and a number that every command takes."""

_TAKING = (ActionGroup.UPDATE, ActionGroup.ERASE, ActionGroup.READ)


class RedisPriorityQueue(SpecialFieldType, Generic[T]):
    """A queue field: every value is in it once, and the one of the lowest priority comes first.

    The queue is in Redis alone, under a key of its own, so there is nothing to save or load. Values of the
    same priority come in the order of their stored text; with the mark `FifoTies` in that of their arrival.

    Priorities are 64-bit floats: negative and infinite ones are fine, and integers beyond 2**53 are rounded.
    With the mark they are whole numbers from -2**31 to 2**31.

    A value that a pop takes is given to one caller alone. One that does not fit the type any more stays in
    the queue, and the caller is told; `skip_corrupt=True` leaves it there and goes on.
    """

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    compares_places: ClassVar[bool] = True

    def __init__(self, items: Any = None) -> None:
        if items and not isinstance(items, RedisPriorityQueue):
            raise UnsupportedOperationError(
                "a RedisPriorityQueue cannot be made with items, as they are in Redis alone",
                hint="push them through the field of a model: `await job.tasks.apush_many(…)`",
            )

    # --- for pydantic and the model ----------------------------------------------------------------------

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            core_schema.no_info_plain_validator_function(cls._from_json),
            core_schema.no_info_plain_validator_function(cls._from_python),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dump, info_arg=True, return_schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return {"type": "null", "description": "A queue, whose items are in Redis alone."}

    @classmethod
    def _from_python(cls, value: Any) -> RedisPriorityQueue[T]:
        if not isinstance(value, RedisPriorityQueue):
            raise PydanticCustomError(
                "rapyer_queue",
                "a queue field takes a RedisPriorityQueue(); push its items when the model has one",
            )
        return cls()  # each instance its own, as the one it got may belong to another field

    @classmethod
    def _from_json(cls, value: Any) -> RedisPriorityQueue[T]:
        # The first is what stands for a queue in a stored document, the second what a dump makes of it.
        return cls() if value in ([], None) else cls._from_python(value)

    @classmethod
    def _rapyer_read_companion(cls, key: str, *, optional: bool) -> Command[Any] | None:
        return keys.exists(key) if optional else None

    @classmethod
    def _rapyer_document_text(cls, reply: Any) -> bytes | None:
        return None if reply is False else b"[]"

    @classmethod
    def _rapyer_wrap(cls, value: Any) -> Self:
        return cls()

    def _rapyer_keep(self, fresh: Any) -> Any:
        return self if isinstance(fresh, RedisPriorityQueue) else fresh

    @action(ActionGroup.UPDATE, refreshes=False)
    async def asave_special(self) -> Self:
        """Do nothing: the queue is in Redis already."""
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), ()

    def __eq__(self, other: object) -> bool:
        """Tell whether both are the same queue in Redis; those that belong to no model are all the same."""
        if not isinstance(other, RedisPriorityQueue):
            return NotImplemented
        return self._rapyer_where() == other._rapyer_where()

    __hash__ = None  # type: ignore[assignment]  # its place may change

    def __repr__(self) -> str:
        where = self._rapyer_where()
        return f"{type(self).__name__}({'' if where is None else f'<{where}>'})"

    def _rapyer_where(self) -> str | None:
        return self.special_key if hasattr(self, "_rapyer_owner") else None

    def _rapyer_place(self) -> Queue:
        return queue_at(self.special_key, self.key, fifo=self._rapyer_shape.fifo)

    def _rapyer_stored(self) -> QueueAccess[T]:
        source = self._rapyer_root()._rapyer_source()
        return QueueAccess(self._rapyer_place(), self._rapyer_elements, source, self._rapyer_do)

    # --- putting in --------------------------------------------------------------------------------------

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    async def apush(self, value: T, priority: float, *, only_if: OnlyIf | None = None) -> bool | None:
        """Push a value; one that is in the queue moves (ZADD, in a script that lets a new key expire too).

        Args:
            value: The value.
            priority: Its priority.
            only_if: "new" to leave a value where it is if it is in the queue; "lower" or "higher" to move it
                only that way. A value that is not in the queue is pushed by all three.

        Returns:
            With `only_if`, whether the value was pushed or has moved; else, and in a pipeline, None.

        Raises:
            ValidationError: The value does not fit; nothing is pushed.
            NumberDomainError: The priority is NaN or no number, or with `FifoTies` not whole; a `ValueError`.
            NumberRangeError: With `FifoTies`, there are two million of the priority; an `OverflowError`.
            UnlinkedValueError: The queue belongs to no model.
            UnknownOutcomeError: The reply was lost, so it may have been pushed.
        """
        changed = await self._rapyer_push([PriorityQueueItem(value, priority)], only_if)
        return None if only_if is None or changed is None else changed > 0

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    async def apush_many(
        self, items: Iterable[PriorityQueueItem[T]], *, only_if: OnlyIf | None = None
    ) -> int | None:
        """Push many items in one command, as `apush` does; for none nothing is sent.

        Args:
            items: The items. A value that comes several times is pushed once, with the priority that it would
                have in the end if they were pushed one after the other.
            only_if: As `apush` takes it.

        Returns:
            With `only_if`, how many values were pushed or have moved; else, and in a pipeline, None.

        Raises:
            UnsupportedArgumentTypeError: One is no `PriorityQueueItem`; a `TypeError`.
            Exception: What `apush` raises, and nothing is pushed.
        """
        changed = await self._rapyer_push(items, only_if)
        return None if only_if is None else changed

    async def _rapyer_push(self, items: Iterable[Any], only_if: Any) -> int | None:
        place = self._rapyer_place()
        if only_if not in CONDITIONS:
            raise UnsupportedArgumentValueError(
                f"only_if is {only_if!r}", key=place.key, hint='give "new", "lower" or "higher"'
            )
        pushed = list(items)
        for item in pushed:
            if not isinstance(item, PriorityQueueItem):
                raise UnsupportedArgumentTypeError(
                    f"apush_many takes PriorityQueueItem(value, priority), not {item!r}", key=place.key
                )
        elements = self._rapyer_elements
        texts = elements.texts(elements.validate_many(item.value for item in pushed))
        priorities = [
            place.check_priority(self._rapyer_priority(item.priority), self.field_path) for item in pushed
        ]
        if not pushed:
            return 0
        changed: int | None = await self._rapyer_do(place.push(zip(texts, priorities, strict=True), only_if))
        return changed

    def _rapyer_priority(self, priority: Any) -> float:
        try:
            number = float(priority)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number):
            raise NumberDomainError(
                f"a priority is a number, not {priority!r}", key=self.key, field=self.field_path
            )
        return number

    # --- taking out --------------------------------------------------------------------------------------

    @action(*_TAKING)
    async def apop(self, *, timeout: float | None = None, skip_corrupt: bool = False) -> T | None:  # noqa: ASYNC109 - how long Redis is waited for is its meaning
        """Take out and return the value of the lowest priority (ZPOPMIN), at once in a pipeline too.

        While it waits, nothing is taken, and other commands go on. A call that is cancelled takes nothing,
        or puts back what it had got.

        Args:
            timeout: Seconds to wait for a value where there is none; `math.inf` for ever; None not to wait.
            skip_corrupt: Whether to pass over what does not fit, with a warning on the logger `rapyer`.

        Returns:
            The value; None where there is none.

        Raises:
            CorruptedModelError: It does not fit; it stays in the queue.
            ValueError: The timeout is negative or NaN.
            UnknownOutcomeError: The reply was lost, so a value may have been taken that nobody got;
                `Meta.exactly_once` prevents it.
        """
        item = await self.apop_item(timeout=timeout, skip_corrupt=skip_corrupt)
        return None if item is None else item.value

    @action(*_TAKING)
    async def apop_max(self, *, timeout: float | None = None, skip_corrupt: bool = False) -> T | None:  # noqa: ASYNC109 - as above
        """Take out and return the value of the highest priority (ZPOPMAX); all else is as with `apop`."""
        item = await self.apop_item(highest=True, timeout=timeout, skip_corrupt=skip_corrupt)
        return None if item is None else item.value

    @action(*_TAKING)
    async def apop_item(
        self,
        *,
        highest: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
        skip_corrupt: bool = False,
    ) -> PriorityQueueItem[T] | None:
        """Take out and return a value with its priority; all else is as with `apop`.

        Args:
            highest: Whether to take the value of the highest priority instead of the lowest.
            timeout: As `apop` takes it.
            skip_corrupt: As `apop` takes it.
        """
        stored, seconds = self._rapyer_stored(), _seconds(timeout)
        popped = await stored.pop(1, highest=highest, skip_corrupt=skip_corrupt, seconds=seconds)
        return popped[0] if popped else None

    @action(*_TAKING)
    async def apop_many(self, count: int, *, highest: bool = False, skip_corrupt: bool = False) -> list[T]:
        """Take out and return the values of the lowest priorities, these first, in one step.

        Args:
            count: The most values; 0 or more.
            highest: Whether to take those of the highest priorities, the highest first.
            skip_corrupt: As `apop` takes it.

        Raises:
            ValueError: The count is negative.
            Exception: What `apop` raises; then all stay in the queue.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"the number of values to pop is 0 or more, not {count!r}")
        stored = self._rapyer_stored()
        if count == 0:
            return []
        most = min(count, _MOST)
        popped = await stored.pop(most, highest=highest, skip_corrupt=skip_corrupt, seconds=None)
        return [item.value for item in popped]

    @action(*_TAKING)
    async def apop_corrupt(self) -> list[PriorityQueueItem[str | bytes]]:
        """Take out and return all that does not fit the type of the queue, as it is stored.

        The queue is read page by page (ZRANGE), and what was found is taken out in a script.

        Returns:
            The stored texts, bytes where they are no text, with their priorities.
        """
        return await self._rapyer_stored().pop_corrupt()

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    async def aremove(self, value: T) -> bool | None:
        """Remove a value (ZREM).

        Returns:
            Whether it was there; None in a pipeline, where the command is queued.
        """
        place, elements = self._rapyer_place(), self._rapyer_elements
        removed = await self._rapyer_do(place.remove(elements.text(elements.validate(value))))
        return None if removed is None else removed > 0

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    async def aclear(self) -> None:
        """Remove all values (DEL)."""
        await self._rapyer_do(self._rapyer_place().clear())

    # --- looking -----------------------------------------------------------------------------------------

    @action(ActionGroup.READ)
    async def apeek(self) -> T | None:
        """Return the value of the lowest priority and leave it there (ZRANGE); None where there is none.

        Raises:
            CorruptedModelError: It does not fit.
        """
        item = await self.apeek_item()
        return None if item is None else item.value

    @action(ActionGroup.READ)
    async def apeek_item(self, *, highest: bool = False) -> PriorityQueueItem[T] | None:
        """Return the value that would be popped next, with its priority; raises as `apeek` does.

        Args:
            highest: Whether to look at that of the highest priority instead of the lowest.
        """
        stored = self._rapyer_stored()
        items = stored.items(await self._rapyer_do(stored.place.page(0, 1, highest=highest)))
        return items[0] if items else None

    @action(ActionGroup.READ)
    async def asize(self) -> int:
        """Return how many values there are (ZCARD)."""
        size: int = await self._rapyer_do(self._rapyer_place().size())
        return size

    @action(ActionGroup.READ)
    async def aitems(self, *, skip_corrupt: bool = False) -> list[PriorityQueueItem[T]]:
        """Return all values with their priorities, the lowest first (ZRANGE).

        Args:
            skip_corrupt: Whether to leave out what does not fit, with a warning on the logger `rapyer`.

        Raises:
            CorruptedModelError: One does not fit.
        """
        stored = self._rapyer_stored()
        return stored.items(await self._rapyer_do(stored.place.page(0, 0)), skip_corrupt=skip_corrupt)

    @action(ActionGroup.READ)
    async def arange(
        self, low: float = -math.inf, high: float = math.inf, *, skip_corrupt: bool = False
    ) -> list[PriorityQueueItem[T]]:
        """Return the values whose priority is in a range, the lowest first (ZRANGE BYSCORE).

        Args:
            low: The lowest priority, which is in the range.
            high: The highest priority, which is in the range.
            skip_corrupt: As `aitems` takes it.

        Raises:
            NumberDomainError: An end is NaN or no number; a `ValueError`.
            CorruptedModelError: A value does not fit.
        """
        stored = self._rapyer_stored()
        command = stored.place.between(self._rapyer_priority(low), self._rapyer_priority(high))
        return stored.items(await self._rapyer_do(command), skip_corrupt=skip_corrupt)


RedisPriorityQueue.native = RedisPriorityQueue


def _dump(value: Any, info: SerializationInfo) -> Any:
    return None if info.mode_is_json() else value.clone()


def _seconds(timeout: Any) -> float | None:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"a timeout is a number of seconds, or None, not {timeout!r}")
    if not timeout >= 0:
        raise ValueError(f"a timeout is 0 seconds or more, not {timeout!r}")
    return timeout
