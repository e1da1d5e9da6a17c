"""From the annotations that users write to the Redis types."""

from __future__ import annotations

import datetime as dt
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainValidator, RootModel

from rapyer.fields.index import index_of
from rapyer.fields.key import RapyerKey
from rapyer.fields.markers import carries, is_marker
from rapyer.fields.safe_load import SafeLoadAnnotation
from rapyer.types.base import BaseRedisType, Linkable
from rapyer.types.boolean import STORED_BOOL
from rapyer.types.bytes import RedisBytes
from rapyer.types.datetime import RedisDatetime, RedisDatetimeTimestamp
from rapyer.types.dict import RedisDict
from rapyer.types.float import RedisFloat
from rapyer.types.indexed import NO_NUL, Indexed, NoNul, indexed_mark
from rapyer.types.integer import RedisInt
from rapyer.types.list import RedisList
from rapyer.types.literals import OpaqueLiteral
from rapyer.types.opaque import Opaque
from rapyer.types.reference import is_reference, merged_references
from rapyer.types.set import RedisSet
from rapyer.types.special import SpecialFieldType
from rapyer.types.string import RedisStr
from rapyer.types.tolerated import Tolerated, ToleratedSet
from rapyer.types.vectors import Vector, is_vector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

SCALARS: Mapping[Any, Any] = {
    str: RedisStr,
    int: RedisInt,
    float: RedisFloat,
    bytes: RedisBytes,
    dt.datetime: RedisDatetime,
    bool: STORED_BOOL,
}
"""The Redis type for each plain scalar."""

_CONTAINERS = {list, dict, RedisList, RedisDict}
_SETS = {set, RedisSet}
_MAYBE_PICKLED = {bool, bytes, RedisBytes}
_TEXT = Annotated[RedisStr, NO_NUL]
_INDEXED: Mapping[Any, Any] = {
    dt.datetime: RedisDatetimeTimestamp,
    RedisDatetime: RedisDatetimeTimestamp,
    str: _TEXT,
    RedisStr: _TEXT,
}
"""What takes the place of types that have another form where a field has an index."""


@dataclass
class Conversion:
    """The conversion of one field's annotation.

    Attributes:
        model: Returns the class that stands for a model class nested in another.
        owner: The model class whose `Meta` says how values of other types are stored.
        place: The field, such as `User.color`.
        opaque: Whether a value of another type was met.
        safe: Whether what cannot be read of the field, or of the element at hand, is to be left out.
        indexed: Whether the field has an index, so that values are stored as the server can index them.
    """

    model: Callable[[type[BaseModel]], type[BaseModel]]
    owner: Any
    place: str
    opaque: bool = False
    safe: bool = False
    indexed: bool = False

    def field(self, annotation: Any, metadata: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return the annotation and metadata of a field, with plain types replaced by Redis types.

        A type that is none is left as it is and marked, last, as stored whole (`Opaque`).
        """
        self.safe = _is_safe(annotation, metadata)
        if not metadata and type(annotation) is type and annotation in SCALARS:
            return SCALARS[annotation], []  # which is what most fields are
        plain = [_dumped_once(item) for item in metadata if not isinstance(item, Opaque | NoNul | Vector)]
        annotation = _unmarked(annotation)
        index = index_of(annotation, metadata)
        self.indexed = index is not None
        if index is not None:
            if index.dim is not None and is_vector(annotation):
                plain.append(Vector(index, self.place))
            annotation = _for_index(annotation)
            if annotation == _TEXT:  # after the field's own constraints, which are those of text
                annotation, plain = RedisStr, [*plain, NO_NUL]
        if _convertible(annotation):
            return self._converted(annotation), [*plain, *self._tolerance(annotation)]
        return annotation, [*plain, self._mark(_annotated(annotation, plain), native=_are_keys(annotation))]

    def _mark(self, annotation: Any, *, element: bool = False, native: bool = False) -> Opaque:
        self.opaque = True
        found = indexed_mark(annotation) if self.indexed and not native else None
        if found is None:
            kind = OpaqueLiteral if get_origin(_core(annotation)) is Literal else Opaque
            return kind(annotation, self.owner, self.place, element=element, native=native, safe=self.safe)
        kind, form = found
        mark = kind(annotation, self.owner, self.place, element=element, safe=self.safe)
        if isinstance(mark, Indexed) and form is not None:
            mark.form = form
        return mark

    def _tolerance(self, annotation: Any, *, element: bool = False) -> list[Opaque]:
        """Return the mark of what has no `Opaque` one, but may be unreadable and is to be left out then."""
        if not (self.safe or self.owner.Meta.safe_load_all):
            return []
        options = _options(annotation)
        held = [option for option in options if option is not type(None)]
        kind = get_origin(held[0]) or held[0] if len(held) == 1 else None
        if kind in _SETS:
            self.opaque = True
            return [ToleratedSet(annotation, self.owner, self.place, element=element)]
        if not (kind is Literal or kind in _MAYBE_PICKLED) or (len(options) == 1 and not element):
            return []  # where it cannot be None, there is nothing to put in its place
        self.opaque = True
        return [Tolerated(annotation, self.owner, self.place, element=element)]

    def _converted(self, annotation: Any) -> Any:
        if annotation in {list, RedisList}:
            return RedisList[self._element(Any)]  # type: ignore[misc]  # built at run time
        if annotation in {dict, RedisDict}:
            return RedisDict[Any, self._element(Any)]  # type: ignore[misc]  # built at run time
        if annotation in _SETS:
            return RedisSet[Any]
        origin = get_origin(annotation)
        arguments = get_args(annotation)
        if origin is None:
            if _is_model(annotation):
                return self.model(annotation)
            return SCALARS.get(annotation, annotation) if isinstance(annotation, type) else annotation
        if origin is Annotated:
            return Annotated[(self._converted(arguments[0]), *arguments[1:])]
        if origin in {Union, types.UnionType}:
            members = merged_references(arguments)
            choice = _is_choice(annotation)
            members = [one if choice and _is_set(one) else self._converted(one) for one in members]
            return Union[tuple(members)]  # noqa: UP007 - built at run time
        if origin in _SETS:
            return RedisSet[arguments[0]]  # type: ignore[valid-type]  # built at run time
        if origin in {list, RedisList}:
            return RedisList[self._element(arguments[0])]  # type: ignore[misc]  # built at run time
        if origin in {dict, RedisDict}:
            key, value = arguments
            return RedisDict[key, self._element(value)]  # type: ignore[valid-type,misc]  # built at run time
        return annotation

    def _element(self, annotation: Any) -> Any:
        """Return the annotation of what a list or dict holds."""
        outer, self.safe = self.safe, self.safe or _is_safe(annotation)
        try:
            return self._marked_element(_unmarked(annotation))
        finally:
            self.safe = outer

    def _marked_element(self, annotation: Any) -> Any:
        core = _core(annotation)
        if get_origin(core) not in {Union, types.UnionType}:
            tolerance = self._tolerance(annotation, element=True)
            if _convertible(annotation):
                return _annotated(self._converted(annotation), tolerance)
            mark = self._mark(annotation, element=True, native=_are_keys(annotation))
            return _annotated(annotation, [mark, *tolerance])
        if any(_is(member, Linkable) or is_reference(member) for member in get_args(core)):
            # Models of ours are JSON, so that what they hold has a place, and references are keys; the other
            # form is only read.
            converted = self._converted(annotation)
            return Annotated[converted, self._mark(converted, element=True, native=True)]
        return Annotated[annotation, self._mark(annotation, element=True)]


class _DumpedOnce(PlainValidator):
    """A plain validator whose values are dumped by the type of the field and by nothing else.

    Pydantic dumps what the type has dumped by that type again, to check it: a time is text by then, and a
    pickle would be pickled.
    """

    def __get_pydantic_core_schema__(self, source_type: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return without_second_dump(super().__get_pydantic_core_schema__(source_type, handler))


def without_second_dump(schema: CoreSchema) -> CoreSchema:
    """Return the schema of a plain validator, changed so that its values are dumped once."""
    schema.get("serialization", {}).pop("return_schema", None)
    return schema


def _is_safe(annotation: Any, metadata: Sequence[Any] = ()) -> bool:
    marker = SafeLoadAnnotation
    return any(is_marker(item, marker) for item in metadata) or carries(annotation, marker)


def _dumped_once(item: Any) -> Any:
    return _DumpedOnce(item.func, item.json_schema_input_type) if isinstance(item, PlainValidator) else item


def _for_index(annotation: Any) -> Any:
    """Return the annotation of a field with an index: times become numbers, and text what it can hold."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        return _INDEXED.get(annotation, annotation) if isinstance(annotation, type) else annotation
    if origin is Annotated:
        held = _for_index(arguments[0])
        if held == _TEXT:
            return Annotated[(RedisStr, *(one for one in arguments[1:] if one != NO_NUL), NO_NUL)]
        return Annotated[(held, *arguments[1:])]
    if origin in {Union, types.UnionType}:
        return Union[tuple(map(_for_index, arguments))]  # noqa: UP007 - built at run time
    if origin in {list, RedisList}:
        return list[_for_index(arguments[0])]  # type: ignore[misc]  # built at run time
    if origin is frozenset:
        return frozenset[_for_index(arguments[0])]  # type: ignore[misc]  # built at run time
    if origin in {dict, RedisDict}:
        return dict[arguments[0], _for_index(arguments[1])]  # type: ignore[valid-type,misc]  # at run time
    return annotation


def _convertible(annotation: Any) -> bool:
    core = _core(annotation)
    origin = get_origin(core)
    if origin in {Union, types.UnionType}:
        members = [member for member in get_args(core) if member is not type(None)]
        if _is_choice(core):
            members = [member for member in members if not _is_set(member)]
        # A bool has a JSON form, but is no Redis type that would let the others have one.
        return any(_convertible(member) and _core(member) is not bool for member in members) or (
            bool(members) and all(_core(member) is bool for member in members)
        )
    if origin is not None:
        return origin in _CONTAINERS | _SETS or _is(origin, SpecialFieldType) or is_reference(core)
    return (
        core in _CONTAINERS | _SETS
        or core in SCALARS
        or _is_model(core)
        or any(_is(core, known) for known in (BaseRedisType, RapyerKey))
        or is_reference(core)
    )


def _is_model(annotation: Any) -> bool:
    # A root model is one value, and has no fields that could have a place.
    return _is(annotation, BaseModel) and not _is(annotation, RootModel)


def _is(annotation: Any, base: type) -> bool:
    core = _core(annotation)
    return isinstance(core, type) and get_origin(core) is None and issubclass(core, base)


def _options(annotation: Any) -> list[Any]:
    """Return what an annotation, or a union, allows, each without its metadata."""
    core = _core(annotation)
    union = get_origin(core) in {Union, types.UnionType}
    return [_core(member) for member in get_args(core)] if union else [core]


def _are_keys(annotation: Any) -> bool:
    """Tell whether values are tuples or frozensets of references, beside texts at most: JSON holds those."""
    held = [option for option in _options(annotation) if option is not type(None)]
    members = [one for option in held for member in get_args(option) for one in _options(member)]
    return (
        all(get_origin(option) in {tuple, frozenset} for option in held)
        and any(map(is_reference, members))
        and all(is_reference(one) or one in {Ellipsis, type(None), str, bool} for one in members)
    )


def _is_choice(union: Any) -> bool:
    """Tell whether a union allows several types besides None; a set in it could not be told from a list."""
    return len([member for member in get_args(union) if member is not type(None)]) > 1


def _is_set(annotation: Any) -> bool:
    core = _core(annotation)
    return core is set or get_origin(core) is set


def _core(annotation: Any) -> Any:
    """Return an annotation without its metadata."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _unmarked(annotation: Any) -> Any:
    """Return an annotation without the mark that an earlier conversion gave it for another owner."""
    if get_origin(annotation) is not Annotated:
        return annotation
    core, *metadata = get_args(annotation)
    return _annotated(core, [item for item in metadata if not isinstance(item, Opaque)])


def _annotated(annotation: Any, metadata: Sequence[Any]) -> Any:
    return Annotated[(annotation, *metadata)] if metadata else annotation
