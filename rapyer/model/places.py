"""Where fields with a key of their own may stand, checked when a class is defined."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

from rapyer.errors import UnsupportedFieldError, UnsupportedIndexedFieldError
from rapyer.fields.fifo_ties import FifoTies
from rapyer.fields.markers import carries, is_marker
from rapyer.types.container import RedisContainer
from rapyer.types.indexed import options_of
from rapyer.types.opaque import Opaque
from rapyer.types.priority_queue import RedisPriorityQueue
from rapyer.types.reference import is_reference
from rapyer.types.set import RedisSet
from rapyer.types.special import SpecialFieldType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.model.schema import FieldSpec, ModelSpec
    from rapyer.model.state import StoredModel

Misplaced: TypeAlias = "tuple[type[SpecialFieldType], str]"
"""A special type, and what it stands in."""

_INLINE = "a list or dict"
_CHOICE = "a choice of several types"
_WHOLE = "an element that may be of another type or None, and is stored whole"
_OWN_KIND = "a model that is nested in its own kind"


def check_places(cls: type[StoredModel]) -> None:
    """Refuse special fields where they have no place.

    Raises:
        UnsupportedFieldError: A type that needs a key of its own stands in a list or dict, or in a model
            there; or a special type in something that is stored as a whole. Or a mark of queues is
            on what is none.
        UnsupportedIndexedFieldError: A special field has an index.
    """
    own = cls.__rapyer_spec__
    for field in own.fields.values():
        _check_mark(cls, field)
        _check_index(cls, field)
        misplaced = _misplaced(field.info.annotation, None, (own,)) if field.stored else None
        if misplaced is None:
            continue
        kind, where = misplaced
        more = ", or an element of a list or dict" if kind.inlines else ", and not of one in a list or dict"
        raise UnsupportedFieldError(
            f"{cls.__name__}.{field.name} holds a {kind.__name__} in {where}",
            field=field.name,
            model=cls.__name__,
            hint=f"let the {kind.__name__} be a field of a model, optional or not{more}",
        )


def _check_mark(cls: type[StoredModel], field: FieldSpec) -> None:
    """Refuse the mark of a queue on what is none."""
    annotation, metadata = field.info.annotation, field.info.metadata
    marked = any(is_marker(item, FifoTies) for item in metadata) or carries(annotation, FifoTies)
    if marked and not _may_be_queue(annotation):
        raise UnsupportedFieldError(
            f"{cls.__name__}.{field.name} is marked FifoTies, and is no queue",
            field=field.name,
            model=cls.__name__,
            hint="the mark is for queues: Annotated[RedisPriorityQueue[int], FifoTies]",
        )


def _check_index(cls: type[StoredModel], field: FieldSpec) -> None:
    """Refuse an index of what has a key of its own."""
    if field.index is None or field.special is None:
        return
    kind, hint = field.special.__name__, "index a field that is a part of the document"
    if issubclass(field.special, RedisSet):
        (held,) = (option for option in options_of(field.info.annotation) if option is not type(None))
        element = next(iter(get_args(held)), Any)
        hint = f"declare it as frozenset[{getattr(element, '__name__', element)}], a part of the document"
    raise UnsupportedIndexedFieldError(
        f"{cls.__name__}.{field.name} has an Index, but a {kind} has a key of its own, which no index sees",
        field=field.name,
        model=cls.__name__,
        hint=hint,
    )


def _may_be_queue(annotation: Any) -> bool:
    origin = get_origin(annotation) or annotation
    if origin is Annotated:
        return _may_be_queue(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return any(map(_may_be_queue, get_args(annotation)))
    if isinstance(origin, TypeVar):
        return True
    return isinstance(origin, type) and issubclass(origin, RedisPriorityQueue)


def _misplaced(annotation: Any, where: str | None, above: tuple[Any, ...]) -> Misplaced | None:
    """Return the special type that an annotation holds where it has no place, and what it is in there.

    Args:
        annotation: The annotation.
        where: What it stands in, if that is something where no fixed path leads to.
        above: The plans of the classes that it is nested in.
    """
    if get_origin(annotation) is Annotated:
        held, *marks = get_args(annotation)
        whole = any(isinstance(mark, Opaque) and not mark.native for mark in marks)
        return _misplaced(held, _WHOLE if whole else where, above)
    if is_reference(annotation):
        return None  # what it names is stored elsewhere
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and issubclass(origin, SpecialFieldType):
        fine = where is None or (origin.inlines and where in {_INLINE, _OWN_KIND})
        return None if fine else (origin, where or "")
    if hasattr(annotation, "__rapyer_spec__"):
        return _in_model(annotation.__rapyer_spec__, where, above)
    members = [member for member in get_args(annotation) if member is not type(None)]
    if origin in {Union, types.UnionType}:
        where = where if len(members) == 1 else (where or _CHOICE)
    elif isinstance(origin, type):
        where = _INLINE if issubclass(origin, RedisContainer) else f"a {origin.__name__} that is stored whole"
    return _first(_misplaced(member, where, above) for member in members)


def _in_model(spec: ModelSpec, where: str | None, above: tuple[Any, ...]) -> Misplaced | None:
    times = sum(spec is one for one in above)
    if times > 1:
        return None
    # A model in a list, or one among several, is a part of the document, and its sets with it.
    where = _INLINE if where is not None else (_OWN_KIND if times else None)
    inside = (field.info.annotation for field in spec.fields.values() if field.stored)
    return _first(_misplaced(held, where, (*above, spec)) for held in inside)


def _first(found: Iterable[Misplaced | None]) -> Misplaced | None:
    return next((one for one in found if one is not None), None)
