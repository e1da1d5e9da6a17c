"""Values that no Redis type stands for, and that may change in place while a pipeline is open.

A dict in an `Any` field, a dataclass or a set changes without telling anybody. So what a block reads is
looked at again at its end, and written where it is another than it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rapyer.errors import CantSerializeRedisValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

Given: TypeAlias = "dict[tuple[int, int], bytes | None]"
"""The texts that values had when a part of a block began."""


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


@dataclass
class _Met:
    """A value that a block has read.

    Attributes:
        holder: What holds it.
        name: Where it did, as the holder named it.
        value: The value.
        first: The text that it would have been stored as when it was met; None where there was none.
        given: That of what was last queued of it.
    """

    holder: Holder
    name: Any
    value: Any
    first: bytes | None
    given: bytes | None

    def text(self) -> bytes | None:
        """Return the text that it would be stored as now."""
        return _text(self.holder, self.name, self.value)


class Watch:
    """What one block has read of such values."""

    def __init__(self) -> None:
        self._met: dict[tuple[int, int], _Met] = {}

    def meet(self, holder: Holder, name: Any, value: Any) -> None:
        """Keep the present state of a value, unless an earlier one is kept already."""
        known = (id(holder), id(value))
        if known not in self._met:
            text = _text(holder, name, value)
            self._met[known] = _Met(holder, name, value, text, text)

    def changed(self) -> Iterator[tuple[Holder, Any, bytes]]:
        """Give what has changed since it was met or last given, with its place and its text now.

        Raises:
            ValidationError: A value does not fit its field any more.
            CantSerializeRedisValueError: A value cannot be stored any more.
        """
        for met in list(self._met.values()):
            place = met.holder._rapyer_place_of(met.name, met.value)
            if place is None or met.text() == met.given:
                continue
            text = met.holder._rapyer_text_of(met.name, met.value)
            yield met.holder, place, text
            met.given = text

    def given(self) -> Given:
        """Return what has been given so far, for `put_back`."""
        return {known: met.given for known, met in self._met.items()}

    def put_back(self, given: Given | None = None) -> None:
        """Bring every value that has changed back to what it was.

        Args:
            given: What had been given then; what was met later goes back to what it was when it was met.
        """
        for known, met in self._met.items():
            met.given = before = met.first if given is None else given.get(known, met.first)
            place = met.holder._rapyer_place_of(met.name, met.value)
            if place is not None and before is not None and met.text() != before:
                met.holder._rapyer_put_back(place, before)


def source_of(holder: Holder) -> ClientSource:
    """Return where the commands of what holds a value go."""
    source: ClientSource = holder._rapyer_root()._rapyer_source()
    return source


def _text(holder: Holder, name: Any, value: Any) -> bytes | None:
    try:
        return holder._rapyer_text_of(name, value)
    except (CantSerializeRedisValueError, ValueError):
        return None
