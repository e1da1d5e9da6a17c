"""Values that no Redis type stands for, and that may change in place while a pipeline is open.

A dict in an `Any` field, a dataclass or a set changes without telling anybody. So what a block reads is
looked at again at its end, and written where it is another than it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from rapyer.errors import CantSerializeRedisValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource


class Holder(Protocol):
    """A model, a list or a dict that holds such values."""

    def _rapyer_root(self) -> Any:
        """Return the top-level model."""
        ...

    def _rapyer_snapshot(self) -> Callable[[], None]:
        """Return what restores the present state."""
        ...

    def _rapyer_place_of(self, name: Any, value: Any) -> Any:
        """Return where it holds the value: a name, a key or a position; None where it holds it no more."""
        ...

    def _rapyer_text_of(self, name: Any, value: Any) -> bytes:
        """Return the stored text of a value, checked as one that is assigned."""
        ...

    def _rapyer_write_of(self, place: Any, text: bytes) -> Command[Any]:
        """Return what writes a stored text to a place."""
        ...

    def _rapyer_put_back(self, place: Any, text: bytes) -> None:
        """Hold the value of a stored text at a place."""
        ...


class Watch:
    """What one block has read of such values.

    Values are kept as the text that they would be stored as when they were first met.
    """

    def __init__(self) -> None:
        self._met: dict[tuple[int, int], tuple[Holder, Any, Any, bytes | None]] = {}

    def meet(self, holder: Holder, name: Any, value: Any) -> None:
        """Keep the present state of a value, unless an earlier one is kept already."""
        known = (id(holder), id(value))
        if known not in self._met:
            self._met[known] = (holder, name, value, _text(holder, name, value))

    def changed(self) -> Iterator[tuple[Holder, Any, bytes]]:
        """Give what has changed since it was met or last given, with its place and its text now.

        Raises:
            ValidationError: A value does not fit its field any more.
            CantSerializeRedisValueError: A value cannot be stored any more.
        """
        for known, (holder, name, value, before) in list(self._met.items()):
            place = holder._rapyer_place_of(name, value)
            if place is None or _text(holder, name, value) == before:
                continue
            text = holder._rapyer_text_of(name, value)
            self._met[known] = (holder, name, value, text)
            yield holder, place, text

    def put_back(self) -> None:
        """Bring every value that has changed back to what it was when it was met."""
        for holder, name, value, before in self._met.values():
            place = holder._rapyer_place_of(name, value)
            if place is not None and before is not None and _text(holder, name, value) != before:
                holder._rapyer_put_back(place, before)


def source_of(holder: Holder) -> ClientSource:
    """Return where the commands of what holds a value go."""
    source: ClientSource = holder._rapyer_root()._rapyer_source()
    return source


def _text(holder: Holder, name: Any, value: Any) -> bytes | None:
    try:
        return holder._rapyer_text_of(name, value)
    except (CantSerializeRedisValueError, ValueError):
        return None
