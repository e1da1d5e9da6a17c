"""The marker for fields that can be searched, and how they are to be indexed."""

from __future__ import annotations

import types
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

_ALGORITHMS = ("FLAT", "HNSW")
_METRICS = ("COSINE", "L2", "IP")
_NUMBERS = ("FLOAT32", "FLOAT64")
_PHONETIC = ("dm:en", "dm:fr", "dm:pt", "dm:es")


@dataclass(frozen=True, slots=True)
class IndexAnnotation:
    """Marks a field that is indexed, and so can stand in expressions: `Annotated[int, IndexAnnotation()]`.

    Attributes:
        text: Whether text is indexed word by word, too.
        weight: How much a match of its words counts, compared with other fields.
        language: The language whose forms of a word count as one, such as "french"; None compares words.
        phonetic: By which rules words that sound alike count as one, such as "dm:en"; None for none.
        suffix: Whether `contains` and `suffix` may look into the text.
        dim: How many numbers a vector has; it makes a `list[float]` a vector.
        algorithm: How vectors are compared: with each ("FLAT"), or with those likely to be near ("HNSW").
        metric: What their distance is: "COSINE", "L2" or "IP".
        type: The numbers of vectors in the index: "FLOAT32" or "FLOAT64".

    Raises:
        ValueError: An option has no such value.
    """

    text: bool = False
    weight: float = 1.0
    language: str | None = None
    phonetic: str | None = None
    suffix: bool = False
    dim: int | None = None
    algorithm: str = "FLAT"
    metric: str = "COSINE"
    type: str = "FLOAT32"

    def __post_init__(self) -> None:
        """Check the options."""
        _one_of("algorithm", self.algorithm, _ALGORITHMS)
        _one_of("metric", self.metric, _METRICS)
        _one_of("type", self.type, _NUMBERS)
        if self.phonetic is not None:
            _one_of("phonetic", self.phonetic, _PHONETIC)
        if self.dim is not None and (type(self.dim) is not int or self.dim < 1):
            raise ValueError(f"Index(dim={self.dim!r}) is no number of dimensions; give a whole one from 1")
        if not self.weight > 0:
            raise ValueError(f"Index(weight={self.weight!r}) is no weight; give a positive number")
        if not self.text and (self.weight != 1.0 or self.language or self.phonetic):
            raise ValueError("Index(weight=, language=, phonetic=) are about words; give text=True, too")

    def __repr__(self) -> str:
        given = [(one.name, getattr(self, one.name)) for one in fields(self)]
        defaults = {one.name: one.default for one in fields(self)}
        shown = [f"{name}={value!r}" for name, value in given if value != defaults[name]]
        return f"Index({', '.join(shown)})"


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"Index({name}={value!r}) is unknown; give one of {', '.join(allowed)}")


if TYPE_CHECKING:
    Index = Annotated[T, IndexAnnotation()]
else:

    class Index(IndexAnnotation):
        """Marks a field that is indexed: `Index[int]`, `Index(int)`, `Annotated[str, Index(text=True)]`."""

        __slots__ = ()

        def __new__(cls, annotated=None, **options):
            """Return `Annotated[annotated, …]`, or the bare marker where no type is given."""
            marker = IndexAnnotation(**options)
            return marker if annotated is None else Annotated[annotated, marker]

        def __class_getitem__(cls, annotated):
            return Annotated[annotated, IndexAnnotation()]


def index_marker(metadata: Any) -> IndexAnnotation | None:
    """Return the index that a piece of field metadata asks for, given as an instance or as the bare class."""
    if isinstance(metadata, IndexAnnotation):
        return metadata
    if isinstance(metadata, type) and issubclass(metadata, IndexAnnotation):
        return IndexAnnotation()
    return None


def index_of(annotation: Any, metadata: Iterable[Any]) -> IndexAnnotation | None:
    """Return the index that a field asks for, in its metadata or within a union: `Index[int] | None`."""
    found = next((one for one in map(index_marker, metadata) if one is not None), None)
    if found is not None or get_origin(annotation) not in {Union, types.UnionType}:
        return found
    inside = [get_args(one)[1:] for one in get_args(annotation) if get_origin(one) is Annotated]
    return next((one for item in inside for one in map(index_marker, item) if one is not None), None)
