"""What happens once when a model class is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from rapyer.model.registry import registry
from rapyer.model.schema import build_spec
from rapyer.types.convert import convert

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.model.state import StoredModel


def define(cls: type[StoredModel], inner: Callable[[type[BaseModel]], type[BaseModel]]) -> None:
    """Convert a class's annotations to Redis types, plan its fields, give it its own `Meta` and register it.

    Pydantic has resolved the annotations by then, so it makes no difference how they were written. A class
    whose forward references are open is converted when `model_rebuild` resolves them.

    Args:
        cls: The class.
        inner: Returns the class that stands for a model class nested in another.
    """
    _own_meta(cls)
    declared = dict(cls.__dict__.get("__rapyer_declared__", {}))
    changed = False
    for name, info in cls.model_fields.items():
        if not getattr(info, "_complete", True):
            continue
        inherited = next(
            (base for base in cls.__mro__[1:] if name in base.__dict__.get("__rapyer_declared__", {})), None
        )
        own = name in cls.__dict__.get("__annotations__", {})
        if name not in declared:
            declared[name] = (
                info.annotation if inherited is None or own else _inherited(cls, inherited, name, info)
            )
        if info.exclude is True:
            continue
        converted = convert(info.annotation, inner)
        if converted != info.annotation:
            info.annotation, changed = converted, True
    type.__setattr__(cls, "__rapyer_declared__", declared)
    if changed:
        BaseModel.model_rebuild.__func__(cls, force=True, raise_errors=False)  # type: ignore[attr-defined]
    complete = all(name in declared for name in cls.model_fields)
    type.__setattr__(cls, "__rapyer_spec__", build_spec(cls, declared) if complete else _empty_spec(cls))
    _register(cls)


def _inherited(cls: type[StoredModel], base: Any, name: str, info: Any) -> Any:
    # A parametrised generic has the same field with another type; it is not what the base declared.
    same = base.model_fields[name].annotation == info.annotation
    return base.__rapyer_declared__[name] if same else info.annotation


def _empty_spec(cls: type[StoredModel]) -> Any:
    return build_spec(_NoFields(cls), {})  # type: ignore[arg-type]


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
