"""Values in lists and dicts that may change in place without telling (`rapyer.session.watch`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rapyer.commands import json
from rapyer.errors import UnlinkedValueError
from rapyer.session.scope import open_batch
from rapyer.types.container import RedisContainer

if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, ValuesView

    from rapyer.commands.command import Command

_MISSING: Any = object()


class HoldsLoose(RedisContainer):
    """The part that lists and dicts share."""

    if not TYPE_CHECKING:
        __slots__ = ()

    def _rapyer_text_of(self, name: Any, value: Any) -> bytes:
        """Return the stored text of a value, checked as one that is put in."""
        return self._rapyer_dumped(self._rapyer_checked(value))

    def _rapyer_is_held(self) -> bool:
        """Tell whether the container still stands in its model."""
        try:
            return bool(self.json_path)
        except UnlinkedValueError:
            return False

    def _rapyer_looks(self) -> bool:
        """Tell whether a pipeline is open that has to know of what is read."""
        items = self._rapyer_items() if open_batch() is not None else None
        return items is not None and items.loose


class LooseElements(HoldsLoose):
    """What a list does for such elements."""

    if not TYPE_CHECKING:
        __slots__ = ()

        def __iter__(self) -> Iterator[Any]:
            self._rapyer_met_all()
            return list.__iter__(self)

    def _rapyer_met_all(self) -> None:
        """Let the open pipeline look at all elements again at its end."""
        if self._rapyer_looks():
            for element in list.__iter__(_as_list(self)):
                self._rapyer_met(element, None)

    def _rapyer_place_of(self, name: Any, value: Any) -> int | None:
        """Return the present position of an element, or None where the list holds it no more."""
        elements = enumerate(list.__iter__(_as_list(self)))
        place = next((index for index, element in elements if element is value), None)
        return place if self._rapyer_is_held() else None

    def _rapyer_write_of(self, place: int, text: bytes) -> Command[Any]:
        """Return what writes a stored text to a position."""
        return json.set_value(self.key, self._rapyer_target().item(place), text)

    def _rapyer_put_back(self, place: int, text: bytes) -> None:
        """Hold the value of a stored text at a position of the local list."""
        list.__setitem__(_as_list(self), place, self._rapyer_read(text))


class LooseMembers(HoldsLoose):
    """What a dict does for such members."""

    if not TYPE_CHECKING:
        __slots__ = ()

        def values(self) -> ValuesView[Any]:
            """Return a view of the members of the local dict."""
            self._rapyer_met_all()
            return dict.values(self)

        def items(self) -> ItemsView[Any, Any]:
            """Return a view of the keys and members of the local dict."""
            self._rapyer_met_all()
            return dict.items(self)

    def _rapyer_met_all(self) -> None:
        """Let the open pipeline look at all members again at its end."""
        if self._rapyer_looks():
            for key, member in dict.items(_as_dict(self)):
                self._rapyer_met(member, key)

    def _rapyer_place_of(self, name: Any, value: Any) -> Any:
        """Return the key of a member, or None where the dict holds it no more."""
        held = dict.get(_as_dict(self), name, _MISSING)
        return name if held is value and self._rapyer_is_held() else None

    def _rapyer_write_of(self, place: Any, text: bytes) -> Command[Any]:
        """Return what writes a stored text under a key."""
        return json.set_member(self.key, self._rapyer_target(), self._member(place), text)

    def _rapyer_put_back(self, place: Any, text: bytes) -> None:
        """Hold the value of a stored text under a key of the local dict."""
        dict.__setitem__(_as_dict(self), place, self._rapyer_read(text))

    def _member(self, key: Any) -> str:
        """Return the JSON member name of a key."""
        raise NotImplementedError


def _as_list(container: LooseElements) -> list[Any]:
    return cast("list[Any]", container)


def _as_dict(container: LooseMembers) -> dict[Any, Any]:
    return cast("dict[Any, Any]", container)
