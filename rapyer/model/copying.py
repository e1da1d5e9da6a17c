"""Comparing, copying and pickling of instances, which keep what they know of their document."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from rapyer.model.identity import Slots, set_known, set_loaded, set_pk
from rapyer.model.known import Known
from rapyer.model.unread import set_unread

if TYPE_CHECKING:
    from typing_extensions import Self

    from rapyer.model.schema import ModelSpec


class Copying(Slots):
    """The part of a model that makes others of it: copies act on the document of what they were made of."""

    __slots__ = ()

    if TYPE_CHECKING:
        __rapyer_spec__: ClassVar[ModelSpec]
        _rapyer_unread: ClassVar[Any]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseModel):
            return False
        for model in (self, other):
            if isinstance(model, Copying):
                model._rapyer_place_values()
        if (self.__pydantic_extra__ or {}) != (other.__pydantic_extra__ or {}):
            return False
        return self.__dict__ == other.__dict__ or _of_fields(self) == _of_fields(other)

    def _rapyer_place_values(self) -> None:
        """Let the values that are compared by their place know it, as they do once they are read."""
        for one in self.__rapyer_spec__.companions:
            if one.kind.compares_places:
                value: Any = self
                for name in one.path:
                    value = None if value is None else getattr(value, name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        generic = type(self).__pydantic_generic_metadata__
        if generic["origin"] is None:
            return super().__reduce_ex__(protocol)
        # A parametrised class has no name to be imported by.
        return _new_of_generic, (generic["origin"], generic["args"]), self.__getstate__()

    def __getstate__(self) -> dict[Any, Any]:
        own = {"rapyer_pk": getattr(self, "_rapyer_pk", None), "rapyer_unread": self._rapyer_unread}
        known, loaded = getattr(self, "_rapyer_known", None), getattr(self, "_rapyer_loaded", None)
        if known is not None:
            own["rapyer_known"] = (known.key, known.members)
        if loaded is not None:
            own["rapyer_loaded"] = loaded
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        if state.get("rapyer_pk") is not None:
            set_pk(self, state["rapyer_pk"])
        if state.get("rapyer_known") is not None:
            set_known(self, Known(*state["rapyer_known"]))
        if state.get("rapyer_loaded") is not None:
            set_loaded(self, state["rapyer_loaded"])
        if state.get("rapyer_unread") is not None:
            set_unread(self, state["rapyer_unread"])

    def __copy__(self) -> Self:
        copied = super().__copy__()
        for name, field in self.__rapyer_spec__.fields.items():
            value = copied.__dict__.get(name)
            # What an instance holds acts on that instance's document, so two cannot share it.
            if isinstance(value, list | dict | set | Copying) and not field.shape.whole:
                copied.__dict__[name] = deepcopy(value)
        return self._rapyer_same(copied)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self._rapyer_same(super().__deepcopy__(memo))

    def _rapyer_same(self, copied: Self) -> Self:
        """Let a copy stand for the same document."""
        if hasattr(self, "_rapyer_pk"):
            set_pk(copied, self._rapyer_pk)
        if hasattr(self, "_rapyer_loaded"):
            set_loaded(copied, self._rapyer_loaded)
        known: Known | None = getattr(self, "_rapyer_known", None)
        if known is not None:
            set_known(copied, known.copy())
        if self._rapyer_unread is not None:
            set_unread(copied, self._rapyer_unread)
        return copied


def _of_fields(model: BaseModel) -> dict[str, Any]:
    # Beside the fields stands what a `cached_property` has computed.
    fields = type(model).model_fields
    return {name: value for name, value in model.__dict__.items() if name in fields}


def _new_of_generic(origin: Any, arguments: tuple[Any, ...]) -> Any:
    cls = origin[arguments]
    return cls.__new__(cls)
