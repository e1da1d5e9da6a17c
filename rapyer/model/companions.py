"""Companions: fields of a model that live under keys of their own, beside its document.

Which they are follows from the class: a special field of the model itself, or of a model nested in it, is
one. A field in a list or dict is none, for it has no fixed place, and neither is one of a model that is
nested in its own kind, of which there may be any number; such fields are part of the document.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from rapyer.model.registry import registry
from rapyer.types.special import SpecialFieldType, companion_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.model.schema import FieldSpec, ModelSpec
    from rapyer.model.state import StoredModel
    from rapyer.types.elements import Elements
    from rapyer.types.shape import Shape


@dataclass(frozen=True)
class Companion:
    """One special field of a model class that lives under a key of its own.

    Attributes:
        path: The names of the fields that lead to it.
        kind: Its type.
        nullable: Whether the field itself may be None.
        optional: Whether the field, or a model on the way to it, may be None.
        shape: How its values are checked and wrapped.
        model: The class, whose server decides what keys look like.
    """

    path: tuple[str, ...]
    kind: type[SpecialFieldType]
    nullable: bool
    optional: bool
    shape: Shape
    model: type[StoredModel] = attribute(compare=False, repr=False)

    @property
    def elements(self) -> Elements:
        """How its elements are checked and written."""
        return self.shape.entries

    @property
    def name(self) -> str:
        """The path as one text, such as `inner.tags`."""
        return ".".join(self.path)

    def key(self, main_key: str) -> str:
        """Return its Redis key, given that of the model."""
        return companion_key(main_key, self.path, tagged=registry.source_for(self.model).is_cluster)

    def value_in(self, model: Any, start: int = 0) -> Any:
        """Return the local value in an instance; None where it, or a model on the way to it, is None.

        Args:
            model: The instance.
            start: How many names of the path lead to it.
        """
        for name in self.path[start:]:
            if model is None:
                return None
            model = model.__dict__.get(name)
        return model

    def below(self, path: tuple[str, ...]) -> bool:
        """Tell whether it is what a path leads to, or a part of that."""
        return self.path[: len(path)] == path


def companions_of(
    spec: ModelSpec, path: tuple[str, ...] = (), *, optional: bool = False, above: tuple[ModelSpec, ...] = ()
) -> Iterator[Companion]:
    """Find the companions of a class.

    Args:
        spec: The plan of the class.
        path: The names that lead to it, for a nested class.
        optional: Whether a model on the way to it may be None.
        above: The plans of the classes that it is nested in.
    """
    model = (*above, spec)[0].model
    for field in spec.fields.values():
        held, nullable = held_class(field.info.annotation)
        where = (*path, field.name)
        if not field.stored or held is None:
            continue
        if issubclass(held, SpecialFieldType):
            yield Companion(where, held, nullable, nullable or optional, field.shape, model)
            continue
        inner = getattr(held, "__rapyer_spec__", None)
        if inner is not None and not any(inner is outer for outer in (spec, *above)):
            yield from companions_of(inner, where, optional=nullable or optional, above=(*above, spec))


def specs_in(spec: ModelSpec, seen: tuple[ModelSpec, ...] = ()) -> Iterator[ModelSpec]:
    """Yield the plan of a class, and those of all models in it, also in lists, dicts and choices."""
    yield spec
    above = (*seen, spec)
    for field in spec.fields.values():
        for held in _classes(field.info.annotation):
            inner = getattr(held, "__rapyer_spec__", None)
            if inner is not None and not any(inner is outer for outer in above):
                yield from specs_in(inner, above)


def _classes(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _classes(part)


def held_class(annotation: Any) -> tuple[type | None, bool]:
    """Return the one class that an annotation allows, and whether it allows None too.

    The class is None where there are several, or none.
    """
    options = list(_options(annotation))
    held = [option for option in options if option is not type(None)]
    only = (get_origin(held[0]) or held[0]) if len(held) == 1 else None
    return (only if isinstance(only, type) else None), len(held) < len(options)


def _options(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for member in get_args(annotation):
            yield from _options(member)
    else:
        yield annotation


def is_special(annotation: Any) -> bool:
    """Tell whether an annotation names a special field type itself, and not only what becomes one."""
    held, _ = held_class(annotation)
    return held is not None and issubclass(held, SpecialFieldType)


def tree_of(companions: tuple[Companion, ...], path: tuple[str, ...] = ()) -> dict[str, Any] | None:
    """Return what pydantic is to leave out of the JSON of a model, or of what a path in it leads to.

    None where there is nothing to leave out.
    """
    tree: dict[str, Any] = {}
    for companion in companions:
        if companion.below(path) and companion.path != path:
            *way, last = companion.path[len(path) :]
            branch = tree
            for name in way:
                branch = branch.setdefault(name, {})
            branch[last] = True
    return tree or None


def keys_under(spec: ModelSpec, key: str) -> list[str]:
    """Return a key of a class and those of the companions that belong to it."""
    return [key, *(companion.key(key) for companion in spec.companions)]


def field_holds(field: FieldSpec) -> type[SpecialFieldType] | None:
    """Return the special type of a field, None where it is none."""
    held, _ = held_class(field.info.annotation)
    return held if held is not None and issubclass(held, SpecialFieldType) else None
