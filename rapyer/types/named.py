"""The classes that an annotation names, which are those a stored pickle of its values may name."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def names_of(annotations: Iterable[Any]) -> Mapping[tuple[str, str], Any]:
    """Return the classes named by annotations, and by the fields of those, by module and qualified name.

    Args:
        annotations: Annotations, classes or functions.
    """
    named: dict[tuple[str, str], Any] = {}
    open_ones = list(annotations)
    seen: list[Any] = []
    while open_ones:
        annotation = open_ones.pop()
        if any(annotation is known for known in seen):
            continue
        seen.append(annotation)
        module, name = getattr(annotation, "__module__", None), getattr(annotation, "__qualname__", None)
        if module not in {None, "typing", "builtins"} and name is not None and callable(annotation):
            named[module, name] = annotation
        open_ones += _parts(annotation)
    return named


def _parts(annotation: Any) -> list[Any]:
    parts = [*get_args(annotation), typing.get_origin(annotation), getattr(annotation, "__supertype__", None)]
    parts.append(getattr(annotation, "__value__", None))  # of `type X = …`
    parts += _fields(annotation) if isinstance(annotation, type) else []
    return [part for part in parts if part is not None and not isinstance(part, str | int | bytes)]


def _fields(cls: type) -> list[Any]:
    if cls.__module__ == "builtins":
        return []
    if issubclass(cls, BaseModel):
        return [info.annotation for info in cls.model_fields.values()]
    try:
        return list(typing.get_type_hints(cls).values())
    except Exception:  # a name that cannot be resolved: its class is not admitted
        return []
