"""What a model does for values that may change in place without telling (`rapyer.session.watch`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from rapyer.commands import json
from rapyer.errors import UnlinkedValueError
from rapyer.session.scope import open_batch
from rapyer.types.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.codec.paths import JsonPath
    from rapyer.fields.key import RapyerKey
    from rapyer.model.schema import ModelSpec
    from rapyer.model.state import StoredModel

_attributes: Any = BaseModel.__dict__["__dict__"].__get__


class HoldsLoose:
    """The part of a model that holds values of types that are no Redis types."""

    __slots__ = ()

    if TYPE_CHECKING:
        __rapyer_spec__: ClassVar[ModelSpec]
        __pydantic_extra__: dict[str, Any] | None

        def _rapyer_key(self) -> RapyerKey: ...

        def _rapyer_path(self) -> JsonPath: ...

        def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath: ...

        def _rapyer_root(self) -> StoredModel: ...

        def _rapyer_snapshot(self) -> Callable[[], None]: ...

    def _rapyer_met(self, name: str, value: Any) -> None:
        """Let the open pipeline look at a value again at its end: it may change in place."""
        batch = open_batch()
        if batch is not None:
            batch.meet(self, name, value)

    def _rapyer_place_of(self, name: str, value: Any) -> str | None:
        """Return the name under which the model holds the value, or None where it holds it no more."""
        held = self.__dict__.get(name, (self.__pydantic_extra__ or {}).get(name))
        try:
            return name if held is value and self._rapyer_path() else None
        except UnlinkedValueError:  # the model itself is held no more
            return None

    def _rapyer_text_of(self, name: str, value: Any) -> bytes:
        """Return the stored text of a value, checked as one that is assigned."""
        shape = _shape_of(self, name)
        return shape.dump(shape.validate(value))

    def _rapyer_write_of(self, place: str, text: bytes) -> Any:
        """Return what writes a stored text to a field."""
        return json.set_value(self._rapyer_key(), self._rapyer_path_of(place, None), text)

    def _rapyer_put_back(self, place: str, text: bytes) -> None:
        """Hold the value of a stored text in a field."""
        values: Any = self.__dict__ if place in self.__rapyer_spec__.fields else self.__pydantic_extra__
        values[place] = _shape_of(self, place).load(text)
        _attributes(self).pop(place, None)


def extra_shape(cls: type[HoldsLoose], name: str) -> Shape:
    """Return how a value is stored that `extra="allow"` lets in."""
    return Shape(Any, f"{cls.__name__}.{name}")


def _shape_of(model: HoldsLoose, name: str) -> Shape:
    field = model.__rapyer_spec__.fields.get(name)
    return extra_shape(type(model), name) if field is None else field.shape
