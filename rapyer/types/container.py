"""What lists and dicts share: they hold values that know their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rapyer.session.scope import open_batch
from rapyer.types.base import Linkable, RedisType
from rapyer.types.shape import is_changeable
from rapyer.types.unread import take_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.codec.paths import JsonPath
    from rapyer.session.scope import Batch
    from rapyer.session.watch import Holder
    from rapyer.types.shape import Shape


def is_plain(value: Any) -> bool:
    """Tell whether a dump of what a model holds gives plain values: it gives scalars as they are."""
    if isinstance(value, RedisContainer):
        return value._rapyer_is_plain()
    if isinstance(value, Linkable):
        return all(map(is_plain, value.__dict__.values()))
    return not isinstance(value, RedisType)


def plain(dumped: Any) -> Any:
    """Return what a model was dumped to with plain values instead of Redis types."""
    if type(dumped) is dict:
        return {key: plain(value) for key, value in dumped.items()}
    if type(dumped) is list:
        return [plain(value) for value in dumped]
    return dumped.clone() if isinstance(dumped, RedisType) else dumped


class RedisContainer(RedisType):
    """A mutable value, kept by its model as the one local copy."""

    if not TYPE_CHECKING:
        __slots__ = ()

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        """Return the path of a value that the container holds."""
        raise NotImplementedError

    def _rapyer_names_of(self, name: Any) -> None:
        """Return None: what a list or dict holds has no key of its own, as its place may change."""
        return

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        """Put a value that was loaded in place of one the container holds, and return it linked."""
        raise NotImplementedError

    def _rapyer_keep(self, fresh: Any) -> Any:
        """Take over what was loaded for this place and return this object, or else what was loaded."""
        if fresh is self or not isinstance(fresh, self.native):
            return fresh
        self._rapyer_fill(fresh)
        take_over(self, fresh)
        return self

    def _rapyer_fill(self, fresh: Any) -> None:
        """Hold what was loaded instead of the present contents."""
        raise NotImplementedError

    def _rapyer_is_plain(self) -> bool:
        """Tell whether the container holds plain values alone, which dumps give as they are."""
        raise NotImplementedError

    def _rapyer_snapshot(self) -> Callable[[], None]:
        """Return what restores the present state."""
        raise NotImplementedError

    def _rapyer_items(self) -> Shape | None:
        """Return the shape of what the container holds; None where it belongs to no model."""
        raise NotImplementedError

    def _rapyer_read(self, text: bytes) -> Any:
        """Return the value of a stored JSON text that stood in the container."""
        shape = self._rapyer_items()
        return None if shape is None else shape.load(text, f"{self.key} {self.json_path}")

    def _rapyer_checked(self, value: Any) -> Any:
        """Return the value as the container's annotation wants it."""
        shape = self._rapyer_items()
        return value if shape is None else shape.validate(value)

    def _rapyer_placed(self, value: Any, name: Any) -> Any:
        """Return a value that the container is going to hold, linked where it holds more values itself."""
        shape = self._rapyer_items()
        placed = shape.wrap(value, self, name) if shape is not None and shape.deep else value
        self._rapyer_met(placed, name)
        return placed

    def _rapyer_met(self, value: Any, name: Any) -> None:
        """Let the open pipeline look at a value again at its end: it may change in place."""
        batch, items = open_batch(), self._rapyer_items()
        if batch is not None and items is not None and items.loose and is_changeable(value):
            batch.meet(cast("Holder", self), name, value)

    def _rapyer_dumped(self, value: Any) -> bytes:
        shape = self._rapyer_items()
        if shape is None:
            raise TypeError("a container that belongs to no model has no stored form")
        return shape.dump(value)

    def _rapyer_remember(self, batch: Batch) -> None:
        batch.remember(self)
