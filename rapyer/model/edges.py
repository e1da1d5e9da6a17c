"""Where a class holds references: the edges of the graph of its stored instances."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.fields.cascade import CascadeDelete, CascadeTTL, cascade_marker
from rapyer.types.base import Linkable
from rapyer.types.opaque import Opaque
from rapyer.types.reference import RelationalFieldType, is_reference, merged_references
from rapyer.types.special import SpecialFieldType
from rapyer.types.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.model.companions import Companion
    from rapyer.model.schema import ModelSpec
    from rapyer.model.state import StoredModel


class Marks(NamedTuple):
    """What was said of the references of a place."""

    ttl: CascadeTTL | None = None
    delete: CascadeDelete | None = None

    def within(self, outer: Marks) -> Marks:
        """Return these, and of what they say nothing what was said around the place."""
        return Marks(self.ttl or outer.ttl, self.delete or outer.delete)


@dataclass(frozen=True)
class Edge:
    """A place where a class holds references.

    Attributes:
        field: The place as a dotted name, such as `address.city` or `authors`.
        store: What holds the keys: the "document"; "texts" in the document that hold them as JSON text, which
            is how sets inside lists and dicts stand there; or a "set" or a "queue" under a key of its own.
        path: Their path in the document, with wildcards; empty outside of it.
        companion: The set or queue outside of the document, or None.
        targets: What they may name.
        marks: How far times to live and deletions follow them, where that was said of this field.
    """

    field: str
    store: Literal["document", "texts", "set", "queue"]
    path: JsonPath
    companion: Companion | None
    targets: Targets
    marks: Marks

    @property
    def marker(self) -> CascadeTTL | None:
        """How far times to live follow the references, if that was said of this field."""
        return self.marks.ttl

    @property
    def deletion(self) -> CascadeDelete | None:
        """How far a deletion follows the references; None where it does not."""
        mark = self.marks.delete
        return mark if mark is not None and mark.enabled else None

    def is_below(self, path: str) -> bool:
        """Tell whether it is a field, or a part of one, given as a dotted name."""
        return self.field == path or self.field.startswith(f"{path}.")


def edges_of(cls: type[StoredModel]) -> tuple[Edge, ...]:
    """Return every place where a class, or a model nested in it, holds references."""
    spec = cls.__rapyer_spec__
    return (*_document_edges(spec), *_companion_edges(spec))


def _companion_edges(spec: ModelSpec) -> Iterator[Edge]:
    for companion in spec.companions:
        store: Any = "set" if getattr(companion.kind, "native", None) is set else "queue"
        marks = _marks_in(companion.shape.annotation)
        for targets, inner in _references(companion.elements.annotation):
            yield Edge(companion.name, store, JsonPath(""), companion, targets, inner.within(marks))


def _document_edges(spec: ModelSpec) -> Iterator[Edge]:
    walk = _Walk({companion.path for companion in spec.companions})
    yield from walk.model(spec, _start(spec, ROOT), ())


def _start(spec: ModelSpec, path: JsonPath) -> JsonPath:
    """Return what the paths of a model's fields start with: such that they match at any depth if it nests."""
    return JsonPath(f"{path}.") if _holds(spec, spec, ()) else path


@dataclass
class _Walk:
    """A walk over the annotations of a class, down to its references.

    Attributes:
        outside: The paths of what stands outside of the document.
    """

    outside: set[tuple[str, ...]]

    def model(
        self, spec: ModelSpec, path: JsonPath, names: tuple[str, ...], above: tuple[ModelSpec, ...] = ()
    ) -> Iterator[Edge]:
        for name, field in spec.fields.items():
            where = (*names, name)
            # What has a key of its own in a model stands in the document in models of its kind nested there.
            if field.stored and (where not in self.outside or ".." in f"{path}."):
                annotation = field.shape.annotation
                yield from self.place(annotation, path.child(name), where, Marks(), (*above, spec))

    def place(
        self,
        annotation: Any,
        path: JsonPath,
        names: tuple[str, ...],
        marks: Marks,
        above: tuple[ModelSpec, ...],
    ) -> Iterator[Edge]:
        """Find the references of a place.

        Args:
            annotation: What it holds.
            path: Where it is in the document.
            names: The names of the fields that lead to it.
            marks: What was said around it.
            above: The plans of the classes around it.
        """
        origin, arguments = get_origin(annotation), get_args(annotation)
        kind: Any = origin if isinstance(origin, type) else annotation
        if origin is Annotated:
            if not any(isinstance(item, Opaque) and not item.native for item in arguments[1:]):
                inner = _marks_in(annotation).within(marks)
                yield from self.place(arguments[0], path, names, inner, above)
        elif origin in {Union, types.UnionType}:
            for member in arguments:
                yield from self.place(member, path, names, marks, above)
        elif not isinstance(kind, type):
            return
        elif issubclass(kind, RelationalFieldType):
            yield Edge(".".join(names), "document", path, None, Targets(*arguments), marks)
        elif issubclass(kind, SpecialFieldType):
            for targets, inner in _references(arguments[0] if arguments else Any):
                yield Edge(
                    ".".join(names), "texts", JsonPath(f"{path}[*]"), None, targets, inner.within(marks)
                )
        elif getattr(kind, "native", None) is list and arguments:
            yield from self.place(arguments[0], JsonPath(f"{path}[*]"), names, marks, above)
        elif issubclass(kind, tuple | frozenset):
            for at, member in enumerate(arguments):
                every = kind is frozenset or Ellipsis in arguments
                where = JsonPath(f"{path}[{'*' if every else at}]")
                yield from self.place(member, where, names, marks, above)
        elif getattr(kind, "native", None) is dict and arguments:
            yield from self.place(arguments[1], JsonPath(f"{path}.*"), names, marks, above)
        elif issubclass(kind, Linkable):
            yield from self._nested(kind.__rapyer_spec__, path, names, above)  # type: ignore[attr-defined]  # a model

    def _nested(
        self, spec: ModelSpec, path: JsonPath, names: tuple[str, ...], above: tuple[ModelSpec, ...]
    ) -> Iterator[Edge]:
        if not any(spec is outer for outer in above):  # else the paths of the outer one reach it
            yield from self.model(spec, _start(spec, path), names, above)


def _holds(spec: ModelSpec, wanted: ModelSpec, seen: tuple[ModelSpec, ...]) -> bool:
    """Tell whether models of a class may hold, at any depth, models of another."""
    held = [inner for field in spec.fields.values() for inner in _models_in(field.shape.annotation)]
    if any(inner is wanted for inner in held):
        return True
    known = (*seen, spec)
    return any(_holds(inner, wanted, known) for inner in held if not any(inner is one for one in known))


def _models_in(annotation: Any) -> Iterator[ModelSpec]:
    if isinstance(annotation, type) and issubclass(annotation, Linkable):
        yield annotation.__rapyer_spec__  # type: ignore[attr-defined]  # a model
    elif not is_reference(annotation):
        for argument in get_args(annotation):
            yield from _models_in(argument)


def _references(annotation: Any) -> Iterator[tuple[Targets, Marks]]:
    """Find the references that the elements of a set or queue may be."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for targets, inner in _references(arguments[0]):
            yield targets, inner.within(_marks_in(annotation))
    elif origin in {Union, types.UnionType}:
        for member in merged_references(arguments):
            yield from _references(member)
    elif is_reference(annotation):
        yield Targets(*arguments), Marks()


def _marks_in(annotation: Any) -> Marks:
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return Marks(cascade_marker(metadata, CascadeTTL), cascade_marker(metadata, CascadeDelete))
