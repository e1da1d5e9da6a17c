"""Which fields of a class are indexed, where their values stand in a document, and as what kind."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin
from uuid import UUID

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.errors import UnsupportedIndexedFieldError
from rapyer.fields.geo import GeoPoint
from rapyer.model.schema import spec_of
from rapyer.model.state import StoredModel
from rapyer.search import kinds
from rapyer.types.indexed import options_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer.commands.command import Arg
    from rapyer.fields.index import IndexAnnotation
    from rapyer.model.schema import FieldSpec
    from rapyer.search.kinds import IndexKind
    from rapyer.types.shape import Shape

_KINDS: dict[Any, IndexKind] = {
    int: kinds.INTEGER,
    float: kinds.FLOAT,
    Decimal: kinds.DECIMAL,
    bool: kinds.BOOL,
    dt.datetime: kinds.TIME,
    dt.date: kinds.DATE,
    dt.time: kinds.TIME_OF_DAY,
    dt.timedelta: kinds.SPAN,
    UUID: kinds.UNIQUE,
    GeoPoint: kinds.PLACE,
}
_SEVERAL = {list: "[*]", dict: ".*", frozenset: "[*]"}
_THIS = JsonPath("@")


@dataclass(frozen=True, slots=True)
class Place:
    """Where values of a field stand in a document.

    Attributes:
        name: The names of the fields that lead there, with dots.
        path: The JSON path.
        optional: Whether something on the way may be None, or empty.
        many: Whether lists or dicts are on the way, so that there may be several values.
        outer: The path of the last of those.
        inside: The path from one of its elements.
    """

    name: str = ""
    path: JsonPath = ROOT
    optional: bool = False
    many: bool = False
    outer: JsonPath = ROOT
    inside: JsonPath = _THIS

    def field(self, name: str) -> Place:
        """Return the place of a field of the model here."""
        dotted = f"{self.name}.{name}" if self.name else name
        return replace(self, name=dotted, path=self.path.child(name), inside=self.inside.child(name))

    def each(self, sign: str) -> Place:
        """Return the place of all elements of the list or dict here."""
        path = JsonPath(self.path + sign)
        return replace(self, path=path, optional=True, many=True, outer=self.path, inside=_THIS)

    @property
    def without_nulls(self) -> JsonPath:
        """The path of the values that are not None; only where there may be several."""
        return JsonPath(f"{self.outer}[?({self.inside}!=null)]{self.inside[1:]}")

    def without_empty(self, holder: JsonPath) -> JsonPath:
        """Return the path of the texts that are not empty.

        Args:
            holder: The path of the object that a single text is a member of.
        """
        if self.many:
            return JsonPath(f'{self.outer}[?({self.inside}>"")]{self.inside[1:]}')
        return JsonPath(f'{holder}[?(@>"" && @=={self.path})]')

    def null_of(self, holder: JsonPath) -> JsonPath:
        """Return a path that leads to something where the value is null, and else nowhere.

        Args:
            holder: The path of the object that the value is a member of.
        """
        return JsonPath(f"{holder}[?(@==null && {self.path}==null)]")


def declared(
    cls: type[StoredModel], place: Place | None = None, inside: tuple[type, ...] = ()
) -> Iterator[tuple[str, str, IndexKind]]:
    """Yield name, JSON path and kind of each attribute of the index of a class, inner models included.

    Raises:
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    here = place or Place()
    for field in spec_of(cls).fields.values():
        at = here.field(field.name)
        inner = inner_of(field, at)
        if inner is not None:
            model, where = inner
            if model not in inside:  # a class that holds its own kind is followed once
                yield from declared(model, where, (*inside, model))
        elif field.index is not None:
            yield from _attributes(field, at, here.path)


def options_for(cls: type[StoredModel], attributes: Iterable[IndexKind]) -> tuple[Arg, ...]:
    """Return the words that FT.CREATE takes for the index of a class as a whole.

    With full text no word is left out, as "the" would be by default, and all words are of one language.

    Raises:
        UnsupportedIndexedFieldError: The fields are of several languages.
    """
    options = [kind.options for kind in attributes if kind.family == "words" and kind.options is not None]
    languages = sorted({one.language for one in options if one.language is not None})
    if len(languages) > 1:
        raise UnsupportedIndexedFieldError(
            f"{cls.__name__} has fields of several languages: {', '.join(languages)}",
            model=cls.__name__,
            hint="give all of them the same language, as an index has only one",
        )
    words: tuple[Arg, ...] = ("STOPWORDS", 0) if options else ()
    return ("LANGUAGE", languages[0], *words) if languages else words


def inner_of(field: FieldSpec, place: Place) -> tuple[type[StoredModel], Place] | None:
    """Return the model class that a field holds, itself or in lists and dicts, and where its fields stand."""
    return _model_in(field.shape, place)


def kind_at(field: FieldSpec, place: Place) -> tuple[IndexKind, Place]:
    """Return the kind of index of an indexed field, and where its values stand.

    Raises:
        UnsupportedIndexedFieldError: Values of the field's type cannot be indexed.
    """
    if field.index is None:
        raise _unsupported(field)
    found = _kind(field, field.annotation, place, field.index)
    if found is None:
        raise _unsupported(field)
    return found


def _attributes(field: FieldSpec, place: Place, holder: JsonPath) -> Iterator[tuple[str, str, IndexKind]]:
    kind, where = kind_at(field, place)
    yield where.name, where.without_nulls if where.many and kind.nulls else where.path, kind
    if kind.nulls and not where.many:
        yield none_beside(where.name), where.null_of(holder), kinds.NULL
    if kind.options is not None and kind.options.suffix:
        yield endings_of(where.name), where.without_empty(holder), kinds.ENDINGS
    if kind.options is not None and kind.options.text:
        yield words_of(where.name, kind.options), where.path, kinds.words(kind.options)


def none_beside(name: str) -> str:
    """Return the name of the attribute that tells where the value of another is null."""
    return f"{name}:none"


def endings_of(name: str) -> str:
    """Return the name of the attribute with the endings of a text, by which `contains` looks into it.

    It leaves out empty texts: with one there, the server ends itself when it tidies up its index.
    """
    return f"{name}:endings"


def words_of(name: str, options: IndexAnnotation) -> str:
    """Return the name of the attribute with the words of a text.

    What the server does not tell, the language and the phonetics, is a part of it, so that a change shows.
    """
    phonetic = f":{options.phonetic}" if options.phonetic else ""
    return f"{name}:{options.language or 'words'}{phonetic}"


def _model_in(shape: Shape, place: Place) -> tuple[type[StoredModel], Place] | None:
    optional = place.optional or type(None) in shape.options
    for option in shape.options:
        if isinstance(option, type) and issubclass(option, StoredModel):
            return option, replace(place, optional=optional)
        native = getattr(get_origin(option) or option, "native", None)
        if native in {list, dict}:
            held = shape.elements if native is list else shape.members
            found = _model_in(held, place.each(_SEVERAL[native]))
            if found is not None:
                return found
    return None


def _kind(
    field: FieldSpec, annotation: Any, place: Place, options: IndexAnnotation
) -> tuple[IndexKind, Place] | None:
    given = options_of(annotation)
    held = [option for option in given if option is not type(None)]
    nullable = len(held) < len(given) or (field.info.default is None and not place.many)
    if len(held) != 1:
        return None
    (only,) = held
    origin = get_origin(only)
    native = getattr(origin or only, "native", origin or only)
    if native in _SEVERAL and options.dim is None:
        arguments = get_args(only)
        wider = replace(place, optional=True)
        return _kind(field, arguments[-1], wider.each(_SEVERAL[native]), options) if arguments else None
    kind = _kind_of(only, native, options)
    if kind is None or (place.many and (kind.family == "vector" or kind.is_flag)):
        return None  # of these the server takes one only, and would leave out the document
    return kind.at(nullable=nullable, optional=place.optional, many=place.many), place


def _kind_of(only: Any, native: Any, options: IndexAnnotation) -> IndexKind | None:
    if options.dim is not None:
        numbers = native is list and get_args(only) in {(float,), (int,)}
        return kinds.vector(options) if numbers else None
    if native is str:
        return kinds.exact_text(options)
    if options.text or options.suffix:
        return None
    if native is Literal:
        chosen = {value: value for value in get_args(only) if value is not None}
        return kinds.choice("choice", chosen, ordered=True)
    if isinstance(native, type) and issubclass(native, Enum):
        members = {member: member.value for member in native}
        return kinds.choice(native.__name__, members, ordered=issubclass(native, int))
    return _KINDS.get(native)


def _unsupported(field: FieldSpec) -> UnsupportedIndexedFieldError:
    options = field.index
    about = "" if options is None or repr(options) == "Index()" else f" with {options!r}"
    hint = (
        "index an int, a float, a str or a datetime, a Decimal, a bool, a date, a time, a timedelta, an Enum "
        "or Literal of texts or of numbers, a UUID, a GeoPoint, optional or in a list, dict or frozenset, or "
        "with dim a list[float]"
    )
    return UnsupportedIndexedFieldError(
        f"{field.model}.{field.name} has an Index{about}, but values of {field.annotation} cannot be indexed"
        f"{' like that' if about else ''}",
        model=field.model,
        field=field.name,
        hint=hint,
    )
