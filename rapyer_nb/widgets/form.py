"""The plan of a form: which fields it has, where they are stored, how they are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from annotated_types import MaxLen
from pydantic import BaseModel

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.model.companions import Companion, tree_of
from rapyer.model.schema import FieldSpec, spec_of
from rapyer.types import RedisPriorityQueue
from rapyer.types.reference import is_reference
from rapyer_nb.widgets.binding import Stored
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.controls import without_none
from rapyer_nb.widgets.places import DocumentPlace, Place, QueuePlace, SetPlace
from rapyer_nb.widgets.stores import (
    FieldStore,
    PresenceStore,
    QueueStore,
    ReferenceStore,
    SetStore,
    TimeStore,
)

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel


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
        return self.annotation is Presence or without_none(self.annotation) is not None

    @property
    def label(self) -> str:
        """What stands beside the control."""
        return self.spec.info.title or self.names[-1]

    @property
    def tooltip(self) -> str:
        """What explains the field."""
        return self.spec.info.description or ""

    @property
    def max_length(self) -> int | None:
        """The most characters that the field takes."""
        return next((item.max_length for item in self.spec.info.metadata if isinstance(item, MaxLen)), None)


@dataclass(frozen=True)
class GroupPlan:
    """The fields of a model inside the model; `presence` is there where it may be null."""

    label: str
    presence: FieldPlan | None
    entries: tuple[FieldPlan | GroupPlan, ...]
    spec: FieldSpec


def plan_form(model: AtomicRedisModel, key: str | None = None) -> tuple[FieldPlan | GroupPlan, ...]:
    """Return the fields and groups of a model's form, in the order of their declaration.

    Args:
        model: The model.
        key: Its key, where it does not know it yet.
    """
    return _Planner(model, str(model.key) if key is None else key).plan(type(model), (), ROOT, ())


class _Planner:
    """Makes the plan for one model."""

    def __init__(self, model: AtomicRedisModel, key: str) -> None:
        self._model = model
        self._key = key
        self._companions = {one.path: one for one in spec_of(model).companions}

    def plan(
        self, cls: Any, names: tuple[str, ...], path: JsonPath, above: tuple[Any, ...]
    ) -> tuple[FieldPlan | GroupPlan, ...]:
        """Plan the fields of a class.

        Args:
            cls: The class.
            names: The names that lead to it.
            path: Its path in the document.
            above: The classes that it is nested in.
        """
        inside = (*above, cls)
        entries: list[FieldPlan | GroupPlan] = []
        for name, spec in spec_of(cls).fields.items():
            if not spec.stored:
                continue
            way, place = (*names, name), path.child(name)
            title, converted = spec.info.title or name, spec.info.annotation
            inner = without_none(converted)
            if _is_model(converted) and converted not in inside:
                entries.append(GroupPlan(title, None, self.plan(converted, way, place, inside), spec))
            elif _is_model(inner) and inner not in inside:
                presence = self._presence(way, place, spec, inner)
                entries.append(GroupPlan(title, presence, self.plan(inner, way, place, inside), spec))
            else:  # a model nested in its own kind would have no end
                zoned = (path, name) if name in spec_of(cls).notes else None
                entries.append(self._field(way, DocumentPlace(self._key, place, zoned), spec, cls))
        return tuple(entries)

    def _presence(self, way: tuple[str, ...], path: JsonPath, spec: FieldSpec, inner: Any) -> FieldPlan:
        below = tuple(one for one in self._companions.values() if one.below(way))
        store = PresenceStore(self._model, way, spec, inner, tree_of(below, way))
        return FieldPlan(way, DocumentPlace(self._key, path), spec, Presence, store)

    def _field(self, way: tuple[str, ...], place: DocumentPlace, spec: FieldSpec, cls: Any) -> FieldPlan:
        editable = not (spec.is_key or spec.info.frozen or cls.model_config.get("frozen"))
        companion = self._companions.get(way)
        if companion is not None:
            return self._companion(way, place.path, spec, companion, editable=editable)
        annotation = spec.annotation
        refers = is_reference(without_none(annotation) or annotation)
        kind = TimeStore if place.zoned is not None else FieldStore
        store = (ReferenceStore if refers else kind)(self._model, way, spec)
        return FieldPlan(way, place, spec, annotation, store, editable)

    def _companion(
        self, way: tuple[str, ...], path: JsonPath, spec: FieldSpec, companion: Companion, *, editable: bool
    ) -> FieldPlan:
        beside = companion.key(self._key)
        if issubclass(companion.kind, RedisPriorityQueue):
            place = QueuePlace(self._key, path, beside, companion.shape.fifo)
            store = QueueStore(self._model, way, spec)
            return FieldPlan(way, place, spec, companion.kind, store, editable=False)
        annotation = without_none(spec.annotation) or spec.annotation  # None and an empty set look alike
        set_place, set_store = SetPlace(self._key, path, beside), SetStore(self._model, way, spec)
        return FieldPlan(way, set_place, spec, annotation, set_store, editable)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
