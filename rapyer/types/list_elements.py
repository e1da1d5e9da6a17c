"""Lists whose elements know their place, wherever they move to."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from rapyer.errors import UnlinkedValueError
from rapyer.types.base import BaseRedisType
from rapyer.types.container import is_plain
from rapyer.types.loose import LooseElements

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.types.base import Owner
    from rapyer.types.shape import Shape

T = TypeVar("T")


class ListElements(LooseElements, list[T], Generic[T]):
    """The part of `RedisList` that links its elements, and brings it back to what it was."""

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape", "_rapyer_unread", "_rapyer_wrapped")

    native: ClassVar[type] = list
    _rapyer_wrapped: bool

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        held = get_args(source) or (Any,)
        return handler.generate_schema(list[held])  # type: ignore[valid-type]  # built at run time

    @classmethod
    def _rapyer_adopt(cls, value: Any, owner: Owner, name: Any, shape: Shape) -> Self:
        adopted = super()._rapyer_adopt(value, owner, name, shape)
        if adopted is not value and shape.elements.deep:
            for index, element in enumerate(list.__iter__(adopted)):
                list.__setitem__(adopted, index, shape.elements.wrap(element, adopted, None))
        return adopted

    def clone(self) -> list[T]:
        """Return a plain list of plain values."""
        return [
            element._rapyer_plain() if isinstance(element, BaseRedisType) else element for element in self
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return [copy.deepcopy(element, memo) for element in self]

    def _rapyer_items(self) -> Shape | None:
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        return None if shape is None else shape.elements

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        return self.json_path.item(self._position(child))

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        index = self._position(child)
        super().__setitem__(index, self._rapyer_placed(child._rapyer_keep(value), None))
        return self[index]

    def _rapyer_fill(self, fresh: Any) -> None:
        super().__setitem__(slice(None), [self._rapyer_placed(element, None) for element in fresh])

    def _position(self, child: Any) -> int:
        # An element that was read by position stands in the list itself, so it is found wherever it moved to.
        # The result of an operator may not stand there yet; what it was made from does.
        while child is not None:
            for index, element in enumerate(list.__iter__(self)):
                if element is child:
                    return index
            child = getattr(child, "_rapyer_applied", (None, None))[1]
        raise UnlinkedValueError("the element is no longer in the list", hint="read it from the list again")

    def _rapyer_snapshot(self) -> Callable[[], None]:
        before = list(list.__iter__(self))

        def restore() -> None:
            list.__setitem__(self, slice(None), before)

        return restore

    def __getitem__(self, index: Any) -> Any:
        element = super().__getitem__(index)
        items = self._rapyer_items()
        if items is None or isinstance(index, slice) or type(element) not in items.wrappers:
            if items is not None and items.loose:
                self._rapyer_met_all() if isinstance(index, slice) else self._rapyer_met(element, None)
            return element
        wrapped = items.wrap(element, self, None)
        if wrapped is not element:
            super().__setitem__(index, wrapped)
            self._rapyer_wrapped = True
        return wrapped

    def _rapyer_is_plain(self) -> bool:
        if getattr(self, "_rapyer_wrapped", False):
            return False
        items = self._rapyer_items()
        return items is None or not items.deep or all(map(is_plain, self))
