"""What a model class is made of: its fields, where they are stored, their index, what they refer to."""

from __future__ import annotations

import types
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from rapyer.errors import FindError
from rapyer.model.edges import edges_of
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.search.index import index_name
from rapyer.search.places import Place, declared, inner_of
from rapyer.types import Reference
from rapyer_nb.seeing.keyspace import life
from rapyer_nb.seeing.overview import renewal_of
from rapyer_nb.views.brief import brief, clipped, printable
from rapyer_nb.views.diagram import Arrow, Diagram
from rapyer_nb.views.report import Report
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer import AtomicRedisModel
    from rapyer.model.companions import Companion
    from rapyer.model.edges import Edge
    from rapyer.model.schema import FieldSpec
    from rapyer.model.state import StoredModel
    from rapyer_nb.views.markup import Markup

_COLUMNS: Final = ("field", "type", "stored at", "index", "notes", "default")
_LENGTH: Final = 100


@dataclass(frozen=True)
class FieldFacts:
    """What is known of a field.

    Attributes:
        name: Its name, that of an inner model's field with dots.
        type: Its type, as it may be written.
        place: Its path in the document, or the key beside the document; empty where it is not stored.
        index: The kinds of its index; empty where it has none.
        default: Its default, as text; empty where a value must be given.
        notes: What else is worth knowing.
        targets: The names of the classes that it refers to.
    """

    name: str
    type: str
    place: str
    index: str
    default: str
    notes: str
    targets: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Structure(View):
    """What a model class is made of.

    Attributes:
        model: The class.
        fields: Its fields, and those of inner models.
        diagram: The classes that can be reached by references; its `mermaid` is the same as text for Mermaid.
        about: A line on keys, index and time to live.
    """

    model: type[AtomicRedisModel]
    fields: tuple[FieldFacts, ...]
    diagram: Diagram
    about: str

    def __len__(self) -> int:
        return len(self.fields)

    def __iter__(self) -> Iterator[FieldFacts]:
        return iter(self.fields)

    def __getitem__(self, name: str) -> FieldFacts:
        return {field.name: field for field in self.fields}[name]

    def text(self) -> str:
        """Return a table of the fields, and the references as a tree."""
        tree = f"\n\nReferences\n{self.diagram.text()}" if self._refers else ""
        return self._report().text().rstrip() + tree

    def body(self) -> Markup:
        """Return a table of the fields, and the references as a drawing."""
        report = self._report().body()
        return type(report)(report + self.diagram.body()) if self._refers else report

    @property
    def _refers(self) -> bool:
        return bool(self.diagram.boxes)

    def _report(self) -> Report:
        rows = [_cells(field) for field in self.fields]
        used = [at for at in range(len(_COLUMNS)) if at < 2 or any(row[at] for row in rows)]
        table = Table(
            f"Fields of {self.model.__name__}",
            [_COLUMNS[at] for at in used],
            [[row[at] for at in used] for row in rows],
        )
        return Report(self.about, [table])


def structure_of(model: type[AtomicRedisModel]) -> Structure:
    """Return what a class is made of; sends nothing."""
    indexes = _indexes(model)
    references = defaultdict(list)
    for edge in edges_of(model):
        references[edge.field].append(edge)
    beside = {companion.name: companion for companion in spec_of(model).companions}
    writer = _Writer(model, indexes, references, beside)
    return Structure(model, tuple(writer.fields(model, Place())), diagram_of(model), _about(model))


def diagram_of(model: type[AtomicRedisModel]) -> Diagram:
    """Return the classes that can be reached from one by references."""
    boxes: dict[str, list[Arrow]] = {}
    queue: list[Any] = [model]
    for one in queue:
        arrows = [Arrow(edge.field, name) for edge in edges_of(one) for name in edge.targets.names]
        if arrows:
            boxes[one.__name__] = arrows
        for arrow in arrows:
            target = registry.by_name(arrow.target)
            if target is not None and target not in queue:
                queue.append(target)
    return Diagram(model.__name__, boxes, f"What {model.__name__} refers to")


@dataclass(frozen=True)
class _Writer:
    """Writes down the fields of a class.

    Attributes:
        model: The class.
        indexes: The kinds of index, by field.
        references: The references, by field.
        beside: The fields that live under keys of their own.
    """

    model: type[AtomicRedisModel]
    indexes: dict[str, list[str]]
    references: dict[str, list[Edge]]
    beside: dict[str, Companion]

    def fields(
        self, cls: type[StoredModel], place: Place, inside: tuple[Any, ...] = ()
    ) -> Iterator[FieldFacts]:
        """Yield the fields of a class that stands at a place, those of inner models after their own."""
        for field in spec_of(cls).fields.values():
            here = place.field(field.name)
            yield self._field(field, here)
            inner = inner_of(field, here)
            if inner is not None and inner[0] not in (cls, *inside):
                yield from self.fields(inner[0], inner[1], (cls, *inside))

    def _field(self, field: FieldSpec, here: Place) -> FieldFacts:
        edges = self.references.get(here.name, [])
        return FieldFacts(
            here.name,
            type_text(field.annotation),
            self._place(field, here),
            ", ".join(self.indexes.get(here.name, [])),
            _default(field),
            ", ".join(self._notes(field, here, edges)),
            tuple(dict.fromkeys(name for edge in edges for name in edge.targets.names)),
        )

    def _place(self, field: FieldSpec, here: Place) -> str:
        if not field.stored:
            return ""
        companion = self.beside.get(here.name)
        # The key of a document is what is not known of a class.
        return str(here.path) if companion is None else companion.key(f"{self.model.class_key_initials()}:…")

    def _notes(self, field: FieldSpec, here: Place, edges: list[Edge]) -> Iterator[str]:
        if field.is_key and "." not in here.name:
            yield "primary key"
        if here.name in self.beside:
            yield "a key of its own"
        if not field.stored:
            yield "not stored"
        if field.info.frozen:
            yield "frozen"
        names = dict.fromkeys(name for edge in edges for name in edge.targets.names)
        if names:
            yield f"→ {', '.join(names)}"
        if any(edge.marker is not None and edge.marker.enabled for edge in edges):
            yield "passes the TTL on"
        if any(edge.deletion for edge in edges):
            yield "deletes along"
        if field.info.description:
            yield field.info.description


def _indexes(model: type[AtomicRedisModel]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    try:
        for name, _, kind in declared(model):
            if kind.family != "null":
                found[name.partition(":")[0]].append(f"{kind.name} ({kind.described()['type']})")
    except FindError as error:
        found[str(getattr(error, "field", ""))].append(f"⚠ {error}")
    return found


def _about(model: type[AtomicRedisModel]) -> str:
    source, ttl = registry.source_for(model), registry.ttl_of(model)
    lives = "lives until it is deleted" if ttl is None else f"lives {life(ttl)}, {renewal_of(model)}"
    index = f"index {index_name(model)}" if _indexes(model) else "no index"
    return f"{model.__name__}: keys {model.class_key_initials()}:…, {index}, {lives}; at {source.describe()}"


def _default(field: FieldSpec) -> str:
    if field.info.default_factory is not None:
        return f"{getattr(field.info.default_factory, '__name__', 'made')}()"
    return "" if field.info.default is PydanticUndefined else brief(field.info.default, 40)


def _cells(field: FieldFacts) -> tuple[str, ...]:
    texts = (field.name, field.type, field.place, field.index, field.notes, field.default)
    return tuple(clipped(printable(text), _LENGTH) for text in texts)


def type_text(annotation: Any) -> str:
    """Return a type as it may be written, without the modules that its names come from."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(arguments[0])
    if origin in {Union, types.UnionType}:
        return " | ".join(map(type_text, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, list):  # the arguments of a Callable
        return f"[{', '.join(map(type_text, annotation))}]"
    if origin is not None and arguments:
        inside = map(_target_text if origin is Reference else type_text, arguments)
        return f"{_named(origin)}[{', '.join(inside)}]"
    return _named(annotation)


def _target_text(annotation: Any) -> str:
    """Return what a reference names; a class that comes later is a literal text there."""
    if get_origin(annotation) is Literal:
        return " | ".join(get_args(annotation))
    return type_text(annotation)


def _named(annotation: Any) -> str:
    forward = getattr(annotation, "__forward_arg__", None)
    name = forward or getattr(annotation, "__name__", None)
    return brief(annotation, 60) if name is None else str(name)
