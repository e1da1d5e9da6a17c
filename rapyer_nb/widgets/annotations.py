"""What an annotation says to who looks for a control: what it is of, and whether it may be null."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from rapyer.types.reference import is_reference, merged_references

if TYPE_CHECKING:
    from rapyer.model.schema import FieldSpec

_UNIONS = (typing.Union, types.UnionType)


def without_none(annotation: Any) -> Any:
    """Return X of `Optional[X]`, and None for every other annotation."""
    if typing.get_origin(annotation) not in _UNIONS:
        return None
    members = typing.get_args(annotation)
    others = tuple(member for member in members if member is not type(None))
    if len(others) == len(members):
        return None
    return others[0] if len(others) == 1 else typing.Union[others]  # noqa: UP007 - built at run time


def takes_none(annotation: Any) -> bool:
    """Tell whether None is a value of an annotation."""
    if annotation in (Any, object, type(None)) or without_none(annotation) is not None:
        return True
    if typing.get_origin(annotation) is typing.Annotated:
        return takes_none(typing.get_args(annotation)[0])
    return typing.get_origin(annotation) is typing.Literal and None in typing.get_args(annotation)


def members_of(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a union is of; nothing for other annotations."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in _UNIONS else ()


def is_model(annotation: Any) -> bool:
    """Tell whether an annotation is a class of models."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return what stands behind an alias, a new name of a type or metadata, and the metadata on the way."""
    metadata: tuple[Any, ...] = ()
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation, *found = typing.get_args(annotation)
            metadata = (*metadata, *found)
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        else:
            return annotation, metadata


def annotation_of(spec: FieldSpec) -> Any:
    """Return the annotation that a field's control goes by.

    It is the one that the user wrote; where one of several models may be the value, it is the one that
    names the classes that the values have.
    """
    converted = spec.info.annotation
    held = any(map(is_model, (converted, *members_of(converted))))
    return converted if held else spec.annotation


def holds_reference(annotation: Any) -> bool:
    """Tell whether references are among what an annotation is made of."""
    return is_reference(annotation) or any(map(holds_reference, typing.get_args(annotation)))


def reference_in(annotation: Any) -> Any:
    """Return the annotation of references that one is, None aside: of several all in one; else None."""
    bare = without_none(annotation) or annotation
    members = members_of(bare) or (bare,)
    if not all(map(is_reference, members)):
        return None
    merged = merged_references([unwrapped(member)[0] for member in members])
    return merged[0] if len(merged) == 1 else None


def annotation_in(cls: type[BaseModel], name: str) -> Any:
    """Return the annotation that the control of a field of any model goes by."""
    spec = getattr(cls, "__rapyer_spec__", None)
    return cls.model_fields[name].annotation if spec is None else annotation_of(spec.fields[name])
