"""Models some of whose fields could not be read (`SafeLoad`): None here, and in Redis what they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rapyer.types.unread import attached, failed_in, restored, unread_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.codec.context import Tolerant
    from rapyer.codec.paths import JsonPath
    from rapyer.model.schema import ModelSpec


def set_unread(model: Any, unread: dict[str, Any] | None) -> None:
    """Keep stored values beside a model; an empty dict where something in what it holds lacks some."""
    object.__setattr__(model, "_rapyer_unread", unread)


class UnreadFields:
    """The part of a model that keeps what could not be read.

    The stored values are in `_rapyer_unread`. A field that is assigned is among the fields set from then on,
    as pydantic counts them, and one that could not be read is taken out of those; so that tells which of the
    stored values still stand.
    """

    __slots__ = ()

    # Kept in the attribute dictionary, as the place is: the class answers for all the others.
    _rapyer_unread: ClassVar[Any] = None

    if TYPE_CHECKING:
        __rapyer_spec__: ClassVar[ModelSpec]
        __pydantic_fields_set__: set[str]

    def _rapyer_attach(self, raw: Any, context: Tolerant) -> None:
        """Keep what could not be read of the instance, which was just made, and of what it holds.

        Args:
            raw: What it was read from, as JSON values.
            context: What could not be read.
        """
        if not isinstance(raw, dict):
            return  # a validator has made it of something else
        values = self.__dict__
        unread = context.of(values)
        own = {name: raw[name] for name in unread.fields if name in raw}
        below = False
        for name, field in self.__rapyer_spec__.fields.items():
            if field.stored and name in values and name in raw and name not in own:
                values[name] = attached(field.shape, values[name], raw[name], unread, name, context)
                below = below or unread_of(values[name]) is not None
        if own or below:
            set_unread(self, own)
            self.__pydantic_fields_set__.difference_update(own)

    def _rapyer_keep_unread(self, unread: Any) -> None:
        """Keep what could not be read of what the instance was refreshed with; None for nothing."""
        set_unread(self, None if unread is None else dict(unread))

    def _rapyer_kept(self) -> dict[str, Any]:
        """Return the stored values of the fields that could not be read and were not assigned since."""
        unread: dict[str, Any] = unread_of(self) or {}
        return {name: raw for name, raw in unread.items() if name not in self.__pydantic_fields_set__}

    def _rapyer_restored(self, dumped: dict[str, Any]) -> dict[str, Any]:
        """Return the stored form of the instance with what could not be read put back."""
        values, kept = self.__dict__, self._rapyer_kept()
        return {
            name: kept[name] if name in kept else restored(values.get(name), member)
            for name, member in dumped.items()
        }

    def _rapyer_failed(self, path: JsonPath) -> Iterator[str]:
        """Return the dotted names of the fields, also of what it holds, that could not be read."""
        kept = self._rapyer_kept()
        for name in kept:
            yield path.child(name)[1:].removeprefix(".")
        for name, value in self.__dict__.items():
            if name not in kept:
                yield from failed_in(value, path.child(name))
