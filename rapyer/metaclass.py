"""`User.age` as an operand of expressions."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, PrivateAttr
from typing_extensions import dataclass_transform

from rapyer.model.schema import spec_of
from rapyer.search.expression import operand

_building: ContextVar[bool] = ContextVar("rapyer_building", default=False)

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass

    from rapyer.model.state import StoredModel
else:
    ModelMetaclass = type(BaseModel)


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class RapyerMeta(ModelMetaclass):
    """Answers for a field's name on the class, which pydantic leaves empty.

    While pydantic builds a class it looks for defaults and shadowed names in just that way; then there is
    no answer, so that fields keep their defaults and may be declared anew in subclasses.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **kwargs: Any) -> Any:
        """Build the class with operands switched off."""
        token = _building.set(True)
        try:
            return super().__new__(mcs, name, bases, namespace, **kwargs)
        finally:
            _building.reset(token)

    if not TYPE_CHECKING:

        def __getattr__(cls, name):
            if not name.startswith("__") and not _building.get():
                spec = cls.__dict__.get("__rapyer_spec__")
                if spec is not None and name in spec.fields:
                    return operand(cls, name)
            return super().__getattr__(name)


class ShadowedField:
    """Stands on a class for a field that is named like a method, which would hide it otherwise."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: StoredModel | None, owner: type[StoredModel]) -> Any:
        if instance is not None:
            return instance._rapyer_read(self._name, spec_of(instance).fields[self._name])
        if _building.get():
            raise AttributeError(self._name)
        return operand(owner, self._name)


def expose_shadowed(cls: type[StoredModel]) -> None:
    """Make the fields readable that are named like methods of the class's bases."""
    for name in spec_of(cls).fields:
        if any(name in vars(base) for base in cls.__mro__):
            type.__setattr__(cls, name, ShadowedField(name))
