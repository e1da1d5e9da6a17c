"""The marker for fields that can be searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

T = TypeVar("T")


class IndexAnnotation:
    """Marks a field that is indexed, and so can stand in expressions: `Annotated[int, IndexAnnotation()]`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Index()"


if TYPE_CHECKING:
    Index = Annotated[T, IndexAnnotation()]
else:

    class Index(IndexAnnotation):
        """Marks a field that is indexed: `Index[int]`, `Index(int)` or `Annotated[int, Index]`."""

        __slots__ = ()

        def __new__(cls, annotated=None):
            """Return `Annotated[annotated, …]`, or the bare marker where no type is given."""
            return IndexAnnotation() if annotated is None else Annotated[annotated, IndexAnnotation()]

        def __class_getitem__(cls, annotated):
            return Annotated[annotated, IndexAnnotation()]


def index_marker(metadata: object) -> IndexAnnotation | None:
    """Return the index that a piece of field metadata asks for, given as an instance or as the bare class."""
    if isinstance(metadata, IndexAnnotation):
        return metadata
    if isinstance(metadata, type) and issubclass(metadata, IndexAnnotation):
        return IndexAnnotation()
    return None
