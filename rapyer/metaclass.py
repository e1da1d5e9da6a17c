"""`User.age` as an operand of expressions."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import FrameType, FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, Field, PrivateAttr
from typing_extensions import dataclass_transform

from rapyer.model.schema import spec_of
from rapyer.search.expression import operand

T = TypeVar("T", bound=type)

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
        """Build the class with operands switched off, and methods hidden that fields are named like."""
        token = _building.set(True)
        try:
            inherited = _hide_methods(bases, namespace)
            if inherited:
                given = namespace.get("model_config", {}).get("ignored_types", ())
                kwargs.setdefault("ignored_types", (*given, ShadowedField))
            # Its schema is built once, when `define` has converted the annotations, and not before as well.
            if any(isinstance(base, mcs) for base in bases):
                kwargs["defer_build"] = True
            # Pydantic would take the locals of this function for those of the caller.
            kwargs.setdefault("__pydantic_reset_parent_namespace__", False)
            made: Any = super().__new__(mcs, name, bases, namespace, **kwargs)
        finally:
            _building.reset(token)
        _resolve_locally(made, sys._getframe(1))
        return made

    if not TYPE_CHECKING:

        def __getattr__(cls, name):
            spec = None if name.startswith("_") or _building.get() else cls.__dict__.get("__rapyer_spec__")
            if spec is None:
                return super().__getattr__(name)
            return operand(cls, name)  # or an error that says which fields there are


def _resolve_locally(made: Any, caller: FrameType) -> None:
    # Annotations may name what is defined in the same function as the class.
    if not made.__pydantic_complete__ and caller.f_code.co_name != "<module>":
        made.model_rebuild(raise_errors=False, _types_namespace=dict(caller.f_locals))


class ShadowedField:
    """Stands on a class for a field that is named like a method, which would hide it otherwise."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: StoredModel | None, owner: type[StoredModel]) -> Any:
        if instance is not None:
            if self._name not in instance.__dict__:
                raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")
            return instance._rapyer_read(self._name, spec_of(instance).fields[self._name])
        if _building.get():
            raise AttributeError(self._name)
        return operand(owner, self._name)


class OldName:
    """The name that an operation had before, or has in other documents."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.__doc__ = f"The same as `{name}`."

    def __get__(self, instance: Any, owner: type) -> Any:
        return getattr(owner if instance is None else instance, self._name)


class Yielding:
    """A method or property that is invisible while a class is built, so that a field may take its name."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __get__(self, instance: Any, owner: type) -> Any:
        if _building.get():
            raise AttributeError
        return self._wrapped.__get__(instance, owner)


def make_way(cls: T) -> T:
    """Let the public names of a class make way for fields of the classes that inherit it."""
    for name, value in list(vars(cls).items()):
        if not name.startswith("_"):
            setattr(cls, name, Yielding(value))
    return cls


def expose_shadowed(cls: type[StoredModel]) -> None:
    """Make the fields readable that are named like methods of the class's bases."""
    fields = cls.model_fields.keys()
    for name in {name for base in cls.__mro__ for name in fields & vars(base).keys()}:
        type.__setattr__(cls, name, ShadowedField(name))


def _hide_methods(bases: tuple[type, ...], namespace: dict[str, Any]) -> set[str]:
    # Pydantic takes what it finds under a field's name on the class for the field's default: here it would
    # find the method. Returned are the fields among them that the class inherits.
    own = set(namespace.get("__annotations__", ()))
    inherited = {name for base in bases for name in getattr(base, "model_fields", ())} - own
    hidden = {
        name
        for name in own | inherited
        if name not in namespace and not name.startswith("_") and _is_method(bases, name)
    }
    namespace.update({name: ShadowedField(name) for name in hidden})
    return hidden & inherited


def _is_method(bases: tuple[type, ...], name: str) -> bool:
    found = next((vars(c)[name] for base in bases for c in base.__mro__ if name in vars(c)), None)
    return isinstance(found, FunctionType | classmethod | staticmethod | property | Yielding)
