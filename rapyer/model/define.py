"""What happens once when a model class is defined."""

from __future__ import annotations

from contextvars import ContextVar
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from rapyer.model.companions import is_special
from rapyer.model.places import check_places
from rapyer.model.registry import registry
from rapyer.model.schema import build_spec
from rapyer.types.convert import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.model.state import StoredModel

_changed: ContextVar[list[Any] | None] = ContextVar("rapyer_changed", default=None)
"""The classes converted since the outermost definition began; their schemas are built when all are."""


def define(
    cls: type[StoredModel], inner: Callable[[type[BaseModel], type[StoredModel]], type[BaseModel]]
) -> None:
    """Convert a class's annotations to Redis types, plan its fields, give it its own `Meta` and register it.

    Pydantic has resolved the annotations by then, so it makes no difference how they were written. A class
    whose forward references are open is converted when `model_rebuild` resolves them.

    Args:
        cls: The class.
        inner: Returns the class that stands for a model class nested in another, given the class whose
            `Meta` its values follow.
    """
    _own_meta(cls)
    outer = _changed.get()
    changed = [] if outer is None else outer
    token = _changed.set(changed)
    try:
        declared = _convert_fields(cls, inner, changed)
    finally:
        _changed.reset(token)
    if outer is None:
        _rebuild(changed)
    complete = all(name in declared for name in cls.model_fields)
    type.__setattr__(cls, "__rapyer_spec__", build_spec(cls, declared) if complete else _empty_spec(cls))
    check_places(cls)
    _register(cls)


def _convert_fields(cls: type[StoredModel], inner: Any, changed: list[Any]) -> dict[str, Any]:
    owner = cls.__dict__.get("__rapyer_owner__", cls)
    if owner is not cls:
        registry.add_inner(cls.__dict__["__rapyer_plain__"], owner, cls)  # a model may hold its own kind
    declared = dict(cls.__dict__.get("__rapyer_declared__", {}))
    opaque = False
    for name, info in cls.model_fields.items():
        if not getattr(info, "_complete", True):
            continue
        if info.default is None and not _admits_none(info.annotation):
            # `at: datetime = None`, as people write it: the default is checked, and is to pass.
            info.annotation = Optional[info.annotation]  # type: ignore[assignment]  # noqa: UP045  # any form
            changed.append(cls)
        if name not in declared:
            declared[name] = _declared(cls, name, info)
        if info.exclude is True and not is_special(info.annotation):
            continue
        place = f"{cls.__name__}.{name}" if owner is cls else f"{owner.__name__}.{cls.__name__}.{name}"
        conversion = Conversion(lambda plain: inner(plain, owner), owner, place)
        annotation, metadata = conversion.field(info.annotation, info.metadata)
        opaque = opaque or conversion.opaque or _holds_opaque(annotation)
        if annotation != info.annotation or metadata != info.metadata:
            info.annotation, info.metadata = annotation, metadata
            changed.append(cls)
    deferred = cls.model_config.pop("defer_build", False)
    if deferred and len(declared) == len(cls.model_fields):
        changed.append(cls)
    type.__setattr__(cls, "__rapyer_declared__", declared)
    type.__setattr__(cls, "__rapyer_opaque__", opaque)
    return declared


def _admits_none(annotation: Any) -> bool:
    if annotation in (None, type(None), Any, object) or isinstance(annotation, TypeVar):
        return True
    if get_origin(annotation) in {Union, UnionType, Annotated}:
        return any(map(_admits_none, get_args(annotation)))
    return get_origin(annotation) is Literal and None in get_args(annotation)


def _holds_opaque(annotation: Any) -> bool:
    """Tell whether an annotation names an inner model with values that are stored as its owner says."""
    if isinstance(annotation, type) and "__rapyer_plain__" in annotation.__dict__:
        return bool(annotation.__dict__.get("__rapyer_opaque__", True))  # unknown while it is being made
    return any(map(_holds_opaque, get_args(annotation)))


def _rebuild(changed: list[Any]) -> None:
    # Classes may hold each other, so none may be built with the schema that another had before.
    distinct = list(dict.fromkeys(changed))
    for cls in distinct:
        if "__pydantic_core_schema__" in cls.__dict__:
            type.__delattr__(cls, "__pydantic_core_schema__")
        type.__setattr__(cls, "__pydantic_complete__", False)
    for cls in distinct:
        rebuild: Any = BaseModel.model_rebuild  # not the class's own, which would plan its fields again
        rebuild.__func__(cls, force=True, raise_errors=False)


def _declared(cls: type[StoredModel], name: str, info: Any) -> Any:
    if name in cls.__dict__.get("__annotations__", {}):
        return info.annotation
    inherited = next(
        (base for base in cls.__mro__[1:] if name in base.__dict__.get("__rapyer_declared__", {})), None
    )
    return info.annotation if inherited is None else _inherited(cls, inherited, name, info)


def _inherited(cls: type[StoredModel], base: Any, name: str, info: Any) -> Any:
    # A parametrised generic has the same field with another type; it is not what the base declared.
    same = base.model_fields[name].annotation == info.annotation
    return base.__rapyer_declared__[name] if same else info.annotation


def _empty_spec(cls: type[StoredModel]) -> Any:
    without_fields: Any = _NoFields(cls)
    return build_spec(without_fields, {})


class _NoFields:
    def __init__(self, cls: type[StoredModel]) -> None:
        self.__name__ = cls.__name__
        self.model_fields: dict[str, Any] = {}


def _own_meta(cls: type[StoredModel]) -> None:
    parent = next(base.__dict__["Meta"] for base in cls.__mro__[1:] if "Meta" in base.__dict__)
    own = cls.__dict__.get("Meta")
    type.__setattr__(cls, "Meta", parent.model_copy() if own is None else own.inheriting(parent))


def _register(cls: type[StoredModel]) -> None:
    unbound = cls.__pydantic_generic_metadata__["parameters"]
    if cls.Meta.init_with_rapyer and not unbound:
        registry.add(cls)
