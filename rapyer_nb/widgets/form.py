"""The plan of a form: which fields it has, where they are stored, how they are checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from pydantic import SecretBytes, SecretStr

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.model.companions import Companion, held_class, tree_of
from rapyer.model.schema import FieldSpec, spec_of
from rapyer.types import RedisDict, RedisList, RedisPriorityQueue
from rapyer_nb.widgets.annotations import annotation_of, is_model, reference_in, takes_none, without_none
from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.collections.beside import EntriesPlace, MembersPlace
from rapyer_nb.widgets.collections.items import Items, items_of
from rapyer_nb.widgets.collections.places import DictPlace, ListPlace
from rapyer_nb.widgets.collections.spot import Spot, SpotPlace
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import Request
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.phases import Stored
from rapyer_nb.widgets.places import DocumentPlace, Place, QueuePlace, SetPlace
from rapyer_nb.widgets.requests import wish_of
from rapyer_nb.widgets.stores import (
    FieldStore,
    PresenceStore,
    QueueStore,
    ReferenceStore,
    SetStore,
    TimeStore,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rapyer import AtomicRedisModel
    from rapyer.types.shape import Shape
    from rapyer_nb.widgets.collections.places import CollectionPlace
    from rapyer_nb.widgets.control import Session


class Kept(Stored, Protocol):
    """How the values of a field are checked and stored, and given to the Python object."""

    def keep(self, text: bytes) -> None:
        """Give the Python object the value of a stored JSON text; nothing is sent or queued."""


@dataclass(frozen=True)
class FieldPlan:
    """One field of the form.

    Attributes:
        names: The names on the way from the model to the value, such as `("address", "city")`.
        place: Where it is in Redis.
        spec: What the library knows of it.
        annotation: What chooses the control; `Presence` for that of an optional group.
        stored: How its values are checked and stored.
        editable: Whether the user may change it.
    """

    names: tuple[str, ...]
    place: Place
    spec: FieldSpec
    annotation: Any
    stored: Kept
    editable: bool = True

    @property
    def name(self) -> str:
        """The dotted name, unique in the form."""
        return ".".join(self.names)

    @property
    def nullable(self) -> bool:
        """Whether its control can show None."""
        return self.annotation is Presence or takes_none(self.annotation)

    @property
    def secret(self) -> bool:
        """Whether its values are not to be shown."""
        kind = without_none(self.annotation) or self.annotation
        return kind in (SecretStr, SecretBytes) or wish_of(self.spec.info) == "password"

    @property
    def label(self) -> str:
        """What stands beside the control."""
        return self.spec.info.title or self.names[-1]

    @property
    def tooltip(self) -> str:
        """What explains the field."""
        return self.spec.info.description or ""

    def request(
        self,
        post: Callable[..., None],
        wishes: Mapping[str, Any] = MappingProxyType({}),
        session: Session | None = None,
    ) -> Request:
        """Return what a control is wanted for.

        Args:
            post: Runs a function on the form's loop.
            wishes: The controls that the caller asks for, by the names of their fields.
            session: Where the control can look into Redis.
        """
        info = self.spec.info
        return Request(
            self.name,
            self.annotation,
            label=self.label,
            tooltip=self.tooltip,
            bounds=Bounds().with_metadata(info.metadata),
            example=str(next(iter(info.examples or ()), "")),
            wish=None if self.annotation is Presence else wishes.get(self.name, wish_of(info)),
            adapter=self.spec.adapter if self.annotation is not Presence else None,
            post=post,
            session=session,
        )


@dataclass(frozen=True)
class ComputedPlan:
    """A computed field, which the form only shows.

    Attributes:
        names: The names on the way from the model to it.
        label: What stands beside it.
        tooltip: What explains it.
    """

    names: tuple[str, ...]
    label: str
    tooltip: str

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.names)


@dataclass(frozen=True)
class CollectionPlan:
    """A list, dict, set or queue of the form, which shows a page at a time.

    Attributes:
        names: The names on the way from the model to it.
        place: Where it is in Redis.
        spec: What the library knows of the field.
        items: What its entries are.
        stored: How the Python object is given all of it; None where that has no values.
        editable: Whether the user may change it.
        nullable: Whether it may be null.
        short: The field that edits it as a whole while it is short; None where none can.
    """

    names: tuple[str, ...]
    place: CollectionPlace
    spec: FieldSpec
    items: Items
    stored: Kept | None = None
    editable: bool = True
    nullable: bool = False
    short: FieldPlan | None = None

    @property
    def name(self) -> str:
        """The dotted name, unique in the form."""
        return ".".join(self.names)

    @property
    def label(self) -> str:
        """What stands beside it."""
        return self.spec.info.title or self.names[-1]

    @property
    def tooltip(self) -> str:
        """What explains the field."""
        return self.spec.info.description or ""


@dataclass(frozen=True)
class GroupPlan:
    """The fields of a model inside the model; `presence` is there where it may be null."""

    label: str
    presence: FieldPlan | None
    entries: tuple[AnyPlan, ...]
    spec: FieldSpec


AnyPlan: TypeAlias = "FieldPlan | CollectionPlan | GroupPlan | ComputedPlan"
"""What a form has one below the other."""


def fields_in(entries: Iterable[AnyPlan]) -> Iterator[FieldPlan | CollectionPlan]:
    """Yield the fields of a form, also those in groups."""
    for entry in entries:
        if isinstance(entry, GroupPlan):
            yield from fields_in(entry.entries)
        elif not isinstance(entry, ComputedPlan):
            yield entry


def plan_form(model: AtomicRedisModel, *, whole: frozenset[str] = frozenset()) -> tuple[AnyPlan, ...]:
    """Return the fields and groups of a model's form, in the order of their declaration.

    Args:
        model: The model.
        whole: The names of collections that are edited as a whole, by a control that was asked for.
    """
    companions = {one.path: one for one in spec_of(model).companions}
    spot = Spot(str(model.key), ROOT)
    return _Planner(model, spot, companions, whole=whole).plan(type(model), (), ROOT, ())


def plan_fields(model: AtomicRedisModel, key: str) -> tuple[FieldPlan, ...]:
    """Return the fields of a model, also those in groups; each collection is one field.

    Args:
        model: The model.
        key: Its key; empty for one that does not exist yet.
    """
    companions = {one.path: one for one in spec_of(model).companions}
    entries = _Planner(model, Spot(key, ROOT), companions, paged=False).plan(type(model), (), ROOT, ())
    return tuple(plan for plan in fields_in(entries) if isinstance(plan, FieldPlan))


def plan_draft(
    model: Any, *, inside: bool = False, whole: frozenset[str] = frozenset()
) -> tuple[AnyPlan, ...]:
    """Return the fields and groups of a model that does not exist yet.

    Args:
        model: An instance with its defaults.
        inside: Whether it is to be an entry of a collection.
        whole: The names of collections that are edited as a whole, by a control that was asked for.
    """
    companions = {} if inside else {one.path: one for one in spec_of(model).companions}
    return _Planner(model, Spot("", ROOT), companions, whole=whole).plan(type(model), (), ROOT, ())


def plan_entry(model: Any, spot: Spot, name: str) -> tuple[AnyPlan, ...]:
    """Return the fields and groups of a model that is an entry of a collection.

    Args:
        model: The entry, as an instance of its own.
        spot: Where it is.
        name: The name of the entry, such as `items[3]`.
    """
    return _Planner(model, spot, {}, (name,)).plan(type(model), (), spot.path, ())


def plan_inner(
    names: tuple[str, ...], spot: Spot, declared: Any, shape: Shape, spec: FieldSpec, *, editable: bool
) -> CollectionPlan:
    """Return the plan of a list or dict in a document.

    Args:
        names: The names that lead to it.
        spot: Where it is.
        declared: Its annotation as the user wrote it.
        shape: How it is stored.
        spec: The field that it is, or the like.
        editable: Whether the user may change it.
    """
    held, nullable = held_class(shape.annotation)
    place = (DictPlace if held is not None and issubclass(held, RedisDict) else ListPlace)(spot)
    items = items_of(declared, shape, shape.place)
    return CollectionPlan(names, place, spec, items, editable=editable, nullable=nullable)


class _Planner:
    """Makes the plan for one model.

    Args:
        model: The model.
        spot: Where it is.
        companions: Its fields that live beside it.
        prefix: The names that lead to it.
        paged: Whether collections are shown a page at a time.
        whole: The names of those that are not.
    """

    def __init__(
        self,
        model: Any,
        spot: Spot,
        companions: dict[tuple[str, ...], Companion],
        prefix: tuple[str, ...] = (),
        *,
        paged: bool = True,
        whole: frozenset[str] = frozenset(),
    ) -> None:
        self._whole = whole
        self._model = model
        self._spot = spot
        self._key = spot.key
        self._companions = companions
        self._prefix = prefix
        self._paged = paged

    def plan(
        self, cls: Any, names: tuple[str, ...], path: JsonPath, above: tuple[Any, ...]
    ) -> tuple[AnyPlan, ...]:
        """Plan the fields of a class.

        Args:
            cls: The class.
            names: The names that lead to it.
            path: Its path in the document.
            above: The classes that it is nested in.
        """
        inside = (*above, cls)
        entries: list[AnyPlan] = []
        for name, spec in spec_of(cls).fields.items():
            if not spec.stored:
                continue
            way, place = (*names, name), path.child(name)
            title, converted = spec.info.title or name, spec.info.annotation
            inner = without_none(converted)
            if is_model(converted) and converted not in inside:
                entries.append(GroupPlan(title, None, self.plan(converted, way, place, inside), spec))
            elif is_model(inner) and inner not in inside:
                presence = self._presence(way, spec, inner)
                entries.append(GroupPlan(title, presence, self.plan(inner, way, place, inside), spec))
            else:  # a model nested in its own kind would have no end
                zoned = (path, name) if name in spec_of(cls).notes else None
                entries.append(self._field(way, zoned, spec, cls))
        if self._spot.entry is None:
            for name, info in cls.model_computed_fields.items():
                entries.append(ComputedPlan((*names, name), info.title or name, info.description or ""))
        return tuple(entries)

    def _spot_of(self, way: tuple[str, ...]) -> Spot:
        return reduce(Spot.child, way, self._spot)

    def _place(self, way: tuple[str, ...], zoned: tuple[JsonPath, str] | None = None) -> Place:
        spot = self._spot_of(way)
        if spot.entry is None:
            return DocumentPlace(self._key, spot.path, zoned)
        return SpotPlace(spot, zoned)

    def _presence(self, way: tuple[str, ...], spec: FieldSpec, inner: Any) -> FieldPlan:
        below = tuple(one for one in self._companions.values() if one.below(way))
        store = PresenceStore(self._model, way, spec, inner, tree_of(below, way))
        return FieldPlan((*self._prefix, *way), self._place(way), spec, Presence, store)

    def _field(
        self, way: tuple[str, ...], zoned: tuple[JsonPath, str] | None, spec: FieldSpec, cls: Any
    ) -> AnyPlan:
        is_vector = spec.index is not None and spec.index.dim is not None
        editable = not (spec.is_key or is_vector or spec.info.frozen or cls.model_config.get("frozen"))
        companion = self._companions.get(way)
        if companion is not None:
            return self._companion(way, self._spot_of(way).path, spec, companion, editable=editable)
        annotation = annotation_of(spec)
        if is_model(without_none(spec.info.annotation) or spec.info.annotation):
            annotation = object  # one in its own kind, of which this form shows only that it is there
        refers = reference_in(annotation) is not None
        kind = TimeStore if zoned is not None else FieldStore
        store = (ReferenceStore if refers else kind)(self._model, way, spec)
        names = (*self._prefix, *way)
        field = FieldPlan(names, self._place(way, zoned), spec, annotation, store, editable)
        held, _ = held_class(spec.shape.annotation)
        if held is None or not issubclass(held, (RedisList, RedisDict)) or not self._is_paged(way, spec):
            return field
        plan = plan_inner(names, self._spot_of(way), annotation, spec.shape, spec, editable=editable)
        short = field if issubclass(held, RedisList) and controls.knows(annotation) else None
        return replace(plan, stored=store, short=short)

    def _companion(
        self, way: tuple[str, ...], path: JsonPath, spec: FieldSpec, companion: Companion, *, editable: bool
    ) -> AnyPlan:
        beside = companion.key(self._key)
        annotation = without_none(spec.annotation) or spec.annotation  # None and an empty set look alike
        items = items_of(annotation, companion.elements, companion.name)
        if issubclass(companion.kind, RedisPriorityQueue):
            fifo = companion.shape.fifo
            if self._paged:
                return CollectionPlan(
                    way, EntriesPlace(self._key, path, beside, fifo), spec, items, editable=editable
                )
            place = QueuePlace(self._key, path, beside, fifo)
            store = QueueStore(self._model, way, spec)
            return FieldPlan(way, place, spec, companion.kind, store, editable=False)
        set_place, set_store = SetPlace(self._key, path, beside), SetStore(self._model, way, spec)
        field = FieldPlan(way, set_place, spec, annotation, set_store, editable)
        if not self._is_paged(way, spec):
            return field
        members = MembersPlace(self._key, path, beside)
        short = field if controls.knows(annotation) else None
        return CollectionPlan(way, members, spec, items, set_store, editable, short=short)

    def _is_paged(self, way: tuple[str, ...], spec: FieldSpec) -> bool:
        """Tell whether a collection is shown a page at a time, and not by a control that was asked for."""
        return self._paged and ".".join(way) not in self._whole and wish_of(spec.info) is None
