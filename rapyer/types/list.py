"""Lists whose changes run in Redis."""

from __future__ import annotations

import copy
import logging
import operator
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from rapyer.actions import ActionGroup, action
from rapyer.commands import json
from rapyer.errors import CorruptedModelError
from rapyer.session.executor import run
from rapyer.session.scope import open_batch, settle_open
from rapyer.types.container import RedisContainer
from rapyer.types.followed import following
from rapyer.types.list_elements import ListElements
from rapyer.types.scalar import RedisScalar
from rapyer.types.special import SpecialFieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Self


T = TypeVar("T")

_FAR = 2**53
"""A position beyond the end of any list."""

_ADDS = ActionGroup.UPDATE | ActionGroup.APPEND
_TAKES = ActionGroup.UPDATE | ActionGroup.ERASE

logger = logging.getLogger("rapyer")


class RedisList(ListElements[T]):
    """A list field: behaves as `list`, checks every element, and changes atomically in Redis.

    Sync methods change the local list, and in a pipeline queue the same change; methods that start with
    `a` change Redis at once. Reading an element by position gives a value that knows its place; its path
    follows the element when others are inserted or removed before it.
    """

    __slots__ = ()

    @action(_ADDS)
    def append(self, item: Any) -> None:
        """Add an element at the end; in a pipeline JSON.ARRAPPEND is queued."""
        shape = self._rapyer_items()
        if shape is not None:
            item = shape.validate(item)
        if open_batch() is not None:
            self._rapyer_queue(lambda key, path: json.append(key, path, [self._rapyer_dumped(item)]), _ADDS)
            self._rapyer_met(item, None)
        super().append(shape.wrap(item, self, None) if shape is not None and shape.deep else item)

    @action(_ADDS)
    def extend(self, iterable: Iterable[Any]) -> None:
        """Add elements at the end; in a pipeline one JSON.ARRAPPEND is queued."""
        items = [self._rapyer_checked(item) for item in iterable]
        if items:
            self._rapyer_queue(
                lambda key, path: json.append(key, path, map(self._rapyer_dumped, items)), _ADDS
            )
            super().extend([self._rapyer_placed(item, None) for item in items])

    @action(_ADDS)
    def insert(self, index: SupportsIndex, item: Any) -> None:
        """Insert an element before a position; in a pipeline a script does so with the stored list.

        A position beyond either end is clamped, here and there.
        """
        item, position = self._rapyer_checked(item), operator.index(index)
        self._rapyer_queue(
            lambda key, path: json.insert(key, path, position, [self._rapyer_dumped(item)]), _ADDS
        )
        super().insert(position, self._rapyer_placed(item, None))

    @action(ActionGroup.UPDATE)
    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._set_range(index, value)
            return
        present = super().__getitem__(index)  # IndexError before anything is queued
        if value is present and isinstance(value, RedisContainer | SpecialFieldType):
            return  # `user.sets[0] |= …` has changed the set in place already
        if (
            isinstance(value, RedisScalar)
            and value._rapyer_is_applied(self, None)
            and self._position(value) == range(len(self))[index]
        ):
            queued: Any = value  # `user.scores[0] += 1` has queued itself
            super().__setitem__(index, queued)
            return
        value = self._rapyer_checked(value)
        self._rapyer_queue(
            lambda key, path: json.set_value(key, path.item(int(index)), self._rapyer_dumped(value))
        )
        super().__setitem__(index, self._rapyer_placed(value, None))

    def _set_range(self, index: slice, values: Iterable[Any]) -> None:
        checked = [self._rapyer_checked(item) for item in values]
        if index.step not in {None, 1}:
            placed = [self._rapyer_placed(item, None) for item in checked]
            self._rewrite(lambda: list.__setitem__(self, index, placed))
            return
        start, stop = _bounds(index)
        self._rapyer_queue(
            lambda key, path: json.splice(key, path, start, stop, map(self._rapyer_dumped, checked))
        )
        super().__setitem__(index, [self._rapyer_placed(item, None) for item in checked])

    @action(_ADDS)
    def __iadd__(self, other: Iterable[Any]) -> Self:  # type: ignore[override]  # Self
        self.extend(other)
        return self

    @action(ActionGroup.UPDATE)
    def __imul__(self, times: SupportsIndex) -> Self:
        # Each element has one place, so that all but the first are copies.
        once, count = list(self), operator.index(times)
        more = [copy.deepcopy(element) for _ in range(count - 1) for element in once]
        kept = once if count > 0 else []
        after = kept + [self._rapyer_placed(element, None) for element in more]
        self._rewrite(lambda: list.__setitem__(self, slice(None), after))
        return self

    @action(_TAKES)
    def clear(self) -> None:
        """Remove every element; in a pipeline JSON.SET of an empty array is queued."""
        self._rapyer_queue(lambda key, path: json.set_value(key, path, b"[]"), _TAKES)
        super().clear()

    @action(_TAKES)
    def pop(self, index: SupportsIndex = -1) -> Any:
        """Remove and return an element of the local list; in a pipeline JSON.DEL of its path is queued."""
        position = operator.index(index)
        element = super().__getitem__(position) if self else list.pop(self)
        self._rapyer_queue(lambda key, path: json.delete_range(key, path.at_most(position)), _TAKES)
        super().pop(position)
        return element

    @action(_TAKES)
    def remove(self, value: Any) -> None:
        """Remove the first element that equals the value; in a pipeline a script does so."""
        index = self.index(value)
        element = super().__getitem__(index)
        settle_open()  # it is looked for as it is stored
        self._rapyer_queue(lambda key, path: json.remove(key, path, self._rapyer_dumped(element)), _TAKES)
        super().pop(index)

    @action(_TAKES)
    def __delitem__(self, index: Any) -> None:
        if not isinstance(index, slice):
            self.pop(index)
        elif index.step in {None, 1}:
            start, stop = _bounds(index)
            self._rapyer_queue(lambda key, path: json.splice(key, path, start, stop), _TAKES)
            super().__delitem__(index)
        else:
            self._rewrite(lambda: list.__delitem__(self, index), _TAKES)

    @action(_TAKES)
    def remove_range(self, start: int, end: int) -> None:
        """Remove the elements from one position up to another, as `del items[start:end]` does.

        In a pipeline a script is queued that does so, and the local list changes too. Outside of one nothing
        happens but a warning.
        """
        if open_batch() is None:
            logger.warning("remove_range does nothing outside of a pipeline: use it within `apipeline()`")
            return
        del self[start:end]

    @action(ActionGroup.UPDATE)
    def sort(self, **options: Any) -> None:
        """Sort the local list; in a pipeline the whole list is written."""
        self._rewrite(lambda: list.sort(self, **options))

    @action(ActionGroup.UPDATE)
    def reverse(self) -> None:
        """Reverse the local list; in a pipeline the whole list is written."""
        self._rewrite(lambda: list.reverse(self))

    def _rewrite(self, change: Callable[[], None], groups: ActionGroup = ActionGroup.UPDATE) -> None:
        if not self._rapyer_queues():
            change()
            return
        # No Redis command does this in place, so a pipeline writes the list as it stands here.
        undo = self._rapyer_snapshot()
        change()
        after = list(self)
        undo()
        self._rapyer_queue(
            lambda key, path: json.set_value(key, path, self._rapyer_shape.dump(after)), groups
        )
        list.__setitem__(self, slice(None), after)

    @action(_ADDS)
    async def aappend(self, item: Any) -> None:
        """Append to the stored and the local list (JSON.ARRAPPEND).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The item does not fit.
        """
        await self.aextend([item])

    @action(_ADDS)
    @following()
    async def aextend(self, iterable: Iterable[Any]) -> None:
        """Append several elements to the stored and the local list (one JSON.ARRAPPEND).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: An item does not fit; nothing is appended.
        """
        items = [self._rapyer_checked(item) for item in iterable]
        if items:
            await self._rapyer_do(
                json.append(self.key, self._rapyer_target(), map(self._rapyer_dumped, items))
            )
            super().extend([self._rapyer_placed(item, None) for item in items])

    @action(_ADDS)
    @following()
    async def ainsert(self, index: SupportsIndex, item: Any) -> None:
        """Insert an element before a position of the stored and the local list (JSON.ARRINSERT).

        Args:
            index: The position; beyond the ends of either list it is clamped, as Python does.
            item: The element.

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The item does not fit.
        """
        item, position = self._rapyer_checked(item), operator.index(index)
        await self._rapyer_do(
            json.insert(self.key, self._rapyer_target(), position, [self._rapyer_dumped(item)])
        )
        super().insert(position, self._rapyer_placed(item, None))

    @action(ActionGroup.UPDATE)
    @following()
    async def aset(self, index: SupportsIndex, value: Any) -> None:
        """Set an element of the stored and the local list (JSON.SET of its path).

        Raises:
            KeyNotFound: The model is not stored.
            ElementIndexError: The stored list has no such position; an `IndexError`.
            ValidationError: The value does not fit.
        """
        value, position = self._rapyer_checked(value), operator.index(index)
        path = self._rapyer_target().item(position)
        await self._rapyer_do(json.set_value(self.key, path, self._rapyer_dumped(value)))
        if -len(self) <= position < len(self):
            super().__setitem__(position, self._rapyer_placed(value, None))

    @action(_TAKES)
    @following()
    async def aremove(self, value: Any) -> None:
        """Remove the first element that equals the value from the stored and the local list (a script).

        Raises:
            KeyNotFound: The model is not stored.
            ValueError: No element of the stored list equals the value.
        """
        value = self._rapyer_checked(value)
        position = await self._rapyer_do(
            json.remove(self.key, self._rapyer_target(), self._rapyer_dumped(value))
        )
        if value in self:
            super().remove(value)
        if position == -1:
            raise ValueError(f"{value!r} is not in the list stored at {self.key} {self.json_path}")

    @action(ActionGroup.READ)
    async def aindex(self, value: Any) -> int:
        """Return the position of the first element of the stored list that equals the value (JSON.ARRINDEX).

        Raises:
            KeyNotFound: The model is not stored.
            ValueError: No element equals the value.
        """
        value = self._rapyer_checked(value)
        position: int = await self._rapyer_do(
            json.index_of(self.key, self.json_path, self._rapyer_dumped(value))
        )
        if position < 0:
            raise ValueError(f"{value!r} is not in the list stored at {self.key} {self.json_path}")
        return position

    @action(_TAKES, ActionGroup.READ)
    @following()
    async def apop(self, index: SupportsIndex = -1) -> Any:
        """Take an element out of the stored list (JSON.ARRPOP), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            The element that Redis held, or None where the list is empty.

        Raises:
            KeyNotFound: The model is not stored.
            ElementIndexError: The stored list has no such position; an `IndexError`.
            CorruptedModelError: What was stored there does not fit; it is put back.
        """
        position = operator.index(index)
        path = self._rapyer_target()
        text = await self._rapyer_do(json.pop(self.key, path, position))
        try:
            element = None if text is None else self._rapyer_read(text)
        except CorruptedModelError:
            # Inserting goes before a position, so that the last place is beyond the end.
            back = position if position >= 0 else (position + 1 or _FAR)
            await run(self._rapyer_root()._rapyer_source(), json.insert(self.key, path, back, [text]))
            raise
        if -len(self) <= position < len(self):
            super().pop(position)
        return element

    @action(_TAKES)
    @following(whole=True)
    async def aclear(self) -> None:
        """Remove every element of the stored and the local list (JSON.SET).

        Raises:
            KeyNotFound: The model is not stored.
        """
        await self._rapyer_do(json.set_value(self.key, self._rapyer_target(), b"[]"))
        super().clear()


def _bounds(index: slice) -> tuple[int, int]:
    start = 0 if index.start is None else operator.index(index.start)
    return start, _FAR if index.stop is None else operator.index(index.stop)
