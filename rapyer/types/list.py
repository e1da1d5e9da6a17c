"""Lists whose changes run in Redis."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, SupportsIndex, TypeVar, get_args

from rapyer.commands import json
from rapyer.errors import UnlinkedValueError
from rapyer.types.container import RedisContainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.types.base import Owner
    from rapyer.types.shape import Shape

T = TypeVar("T")


class RedisList(RedisContainer, list[T], Generic[T]):
    """A list field: behaves as `list`, checks every element, and changes atomically in Redis.

    Sync methods change the local list, and in a pipeline queue the same change; methods that start with
    `a` change Redis at once. Reading an element by position gives a value that knows its place; its path
    follows the element when others are inserted or removed before it.
    """

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = list

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(list[get_args(source) or (Any,)])  # type: ignore[misc]

    @classmethod
    def _rapyer_adopt(cls, value: Any, owner: Owner, name: Any, shape: Shape) -> Self:
        adopted = super()._rapyer_adopt(value, owner, name, shape)
        if adopted is not value and shape.items.deep:
            for index, element in enumerate(adopted):
                list.__setitem__(adopted, index, shape.items.wrap(element, adopted, None))
        return adopted

    def clone(self) -> list[T]:
        """Return a plain list of plain values."""
        return [getattr(element, "clone", lambda element=element: element)() for element in self]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return [copy.deepcopy(element, memo) for element in self]

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        return self.json_path.item(self._position(child))

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        index = self._position(child)
        super().__setitem__(index, self._rapyer_placed(value, None))
        return self[index]

    def _position(self, child: Any) -> int:
        # An element that was read by position stands in the list itself, so it is found wherever it moved to.
        for index, element in enumerate(self):
            if element is child:
                return index
        raise UnlinkedValueError("the element is no longer in the list", hint="read it from the list again")

    def _rapyer_snapshot(self) -> Callable[[], None]:
        before = list(self)

        def restore() -> None:
            list.__setitem__(self, slice(None), before)

        return restore

    def __getitem__(self, index: Any) -> Any:
        element = super().__getitem__(index)
        items = self._rapyer_items()
        if items is None or isinstance(index, slice) or type(element) not in items.wrappers:
            return element
        wrapped = items.wrap(element, self, None)
        if wrapped is not element:
            super().__setitem__(index, wrapped)
        return wrapped

    def append(self, item: Any) -> None:
        """Add an element at the end; in a pipeline JSON.ARRAPPEND is queued."""
        item = self._rapyer_checked(item)
        self._rapyer_queue(lambda key, path: json.append(key, path, [self._rapyer_dumped(item)]))
        super().append(self._rapyer_placed(item, None))

    def extend(self, iterable: Iterable[Any]) -> None:
        """Add elements at the end; in a pipeline one JSON.ARRAPPEND is queued."""
        items = [self._rapyer_checked(item) for item in iterable]
        if items:
            self._rapyer_queue(lambda key, path: json.append(key, path, map(self._rapyer_dumped, items)))
            super().extend(self._rapyer_placed(item, None) for item in items)

    def insert(self, index: SupportsIndex, item: Any) -> None:
        """Insert an element before a position; in a pipeline JSON.ARRINSERT is queued."""
        item = self._rapyer_checked(item)
        position = self._clamped(index)
        self._rapyer_queue(lambda key, path: json.insert(key, path, position, [self._rapyer_dumped(item)]))
        super().insert(position, self._rapyer_placed(item, None))

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            checked = [self._rapyer_checked(item) for item in value]
            self._rewrite(
                lambda: list.__setitem__(self, index, [self._rapyer_placed(item, None) for item in checked])
            )
            return
        value = self._rapyer_checked(value)
        super().__getitem__(index)  # IndexError before anything is queued
        self._rapyer_queue(
            lambda key, path: json.set_value(key, path.item(int(index)), self._rapyer_dumped(value))
        )
        super().__setitem__(index, self._rapyer_placed(value, None))

    def __iadd__(self, other: Iterable[Any]) -> Self:  # type: ignore[misc,override]
        self.extend(other)
        return self

    def __imul__(self, times: SupportsIndex) -> Self:
        self._rewrite(lambda: list.__setitem__(self, slice(None), self.clone() * int(times)))
        self._relink()
        return self

    def clear(self) -> None:
        """Remove every element; in a pipeline JSON.SET of an empty array is queued."""
        self._rapyer_queue(lambda key, path: json.set_value(key, path, b"[]"))
        super().clear()

    def pop(self, index: SupportsIndex = -1) -> Any:
        """Remove and return an element of the local list; in a pipeline JSON.ARRPOP is queued."""
        element = super().__getitem__(index)
        self._rapyer_queue(lambda key, path: json.pop(key, path, int(index), immediate=False))
        super().pop(index)
        return element

    def remove(self, value: Any) -> None:
        """Remove the first element that equals the value; in a pipeline JSON.ARRPOP is queued."""
        self.pop(self.index(value))

    def __delitem__(self, index: Any) -> None:
        if isinstance(index, slice):
            self._rewrite(lambda: list.__delitem__(self, index))
        else:
            self.pop(index)

    def sort(self, **options: Any) -> None:
        """Sort the local list; in a pipeline the whole list is written."""
        self._rewrite(lambda: list.sort(self, **options))

    def reverse(self) -> None:
        """Reverse the local list; in a pipeline the whole list is written."""
        self._rewrite(lambda: list.reverse(self))

    def _rewrite(self, change: Callable[[], None]) -> None:
        # No Redis command does this in place, so a pipeline writes the list as it stands here.
        undo = self._rapyer_snapshot()
        change()
        after = list(self)
        undo()
        self._rapyer_queue(lambda key, path: json.set_value(key, path, self._rapyer_shape.dump(after)))
        list.__setitem__(self, slice(None), after)

    def _relink(self) -> None:
        for index, element in enumerate(self):
            list.__setitem__(self, index, self._rapyer_placed(element, None))

    def _clamped(self, index: SupportsIndex) -> int:
        # Python clamps a position beyond the end; Redis refuses it.
        position = int(index)
        return max(0, position + len(self)) if position < 0 else min(position, len(self))

    async def aappend(self, item: Any) -> None:
        """Append to the stored and the local list (JSON.ARRAPPEND).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The item does not fit.
        """
        await self.aextend([item])

    async def aextend(self, iterable: Iterable[Any]) -> None:
        """Append several elements to the stored and the local list (one JSON.ARRAPPEND).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: An item does not fit; nothing is appended.
        """
        items = [self._rapyer_checked(item) for item in iterable]
        if items:
            await self._rapyer_do(json.append(self.key, self.json_path, map(self._rapyer_dumped, items)))
            super().extend(self._rapyer_placed(item, None) for item in items)

    async def ainsert(self, index: SupportsIndex, item: Any) -> None:
        """Insert an element before a position of the stored and the local list (JSON.ARRINSERT).

        Args:
            index: The position; beyond the ends it is clamped, as Python does.
            item: The element.

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The item does not fit.
        """
        item, position = self._rapyer_checked(item), self._clamped(index)
        await self._rapyer_do(json.insert(self.key, self.json_path, position, [self._rapyer_dumped(item)]))
        super().insert(position, self._rapyer_placed(item, None))

    async def apop(self, index: int = -1) -> Any:
        """Take an element out of the stored list (JSON.ARRPOP), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            The element that Redis held, or None where the list is empty.

        Raises:
            KeyNotFound: The model is not stored.
        """
        text = await self._rapyer_do(json.pop(self.key, self.json_path, index))
        if -len(self) <= index < len(self):
            super().pop(index)
        items = self._rapyer_items()
        return None if text is None or items is None else items.load(text)

    async def aclear(self) -> None:
        """Remove every element of the stored and the local list (JSON.SET).

        Raises:
            KeyNotFound: The model is not stored.
        """
        await self._rapyer_do(json.set_value(self.key, self.json_path, b"[]"))
        super().clear()
