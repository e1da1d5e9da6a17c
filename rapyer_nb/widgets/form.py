"""The plan of a form: which fields it has, where they are stored, how they are checked."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from annotated_types import MaxLen
from pydantic import BaseModel

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.model.schema import FieldSpec, spec_of
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.controls import without_none

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel

_UNSET = object()


@dataclass(frozen=True)
class FieldPlan:
    """One field of the form.

    Attributes:
        names: The names on the way from the model to the value, such as `("address", "city")`.
        path: Its place in the document.
        spec: What the library knows of it.
        annotation: What chooses the control; `Presence` for that of an optional group.
        stored: How its values are checked and stored.
        editable: Whether the user may change it.
    """

    names: tuple[str, ...]
    path: JsonPath
    spec: FieldSpec
    annotation: Any
    stored: FieldStore | PresenceStore
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


class FieldStore:
    """Checks and stores the values of one field with the whole model's help."""

    def __init__(self, model: AtomicRedisModel, names: tuple[str, ...], spec: FieldSpec) -> None:
        self._model = model
        self._names = names
        self._spec = spec

    def check(self, draft: Any) -> Any:
        """Return the value that the model would take, by assigning it to a copy: validators run, too.

        Raises:
            ValidationError: The model does not take it.
        """
        owner = local_value(self._model, self._names[:-1])
        if not isinstance(owner, BaseModel):
            return self._spec.adapter.validate_python(draft)
        trial = owner.model_copy()
        setattr(trial, self._names[-1], draft)
        return plain(getattr(trial, self._names[-1]))

    def dump(self, value: Any) -> bytes:
        """Return the stored JSON text."""
        return self._spec.dump_stored(value)

    def load(self, text: bytes) -> Any:
        """Return the value of a stored JSON text."""
        return self._spec.load_stored(text)


class PresenceStore:
    """Stores whether an optional model inside the model is there: True, or None for null."""

    def __init__(self, spec: FieldSpec, inner: type[BaseModel]) -> None:
        self._spec = spec
        self._inner = inner

    def check(self, draft: Any) -> Any:
        """Return the draft, if it can be: a model that appears begins with its defaults.

        Raises:
            ValidationError: Some of its fields have no default.
        """
        if draft is not None:
            self._inner()
        return draft

    def dump(self, value: Any) -> bytes:
        """Return null, or the stored form of the model's defaults."""
        return b"null" if value is None else self._spec.dump_stored(self._inner())

    def load(self, text: bytes) -> Any:
        """Return None for null and True for anything else."""
        return None if text == b"null" else True


def plan_form(model: AtomicRedisModel) -> tuple[FieldPlan | GroupPlan, ...]:
    """Return the fields and groups of a model's form, in the order of their declaration."""
    return _plan(model, type(model), (), ROOT)


def _plan(
    model: AtomicRedisModel, cls: Any, names: tuple[str, ...], path: JsonPath
) -> tuple[FieldPlan | GroupPlan, ...]:
    entries: list[FieldPlan | GroupPlan] = []
    for name, spec in spec_of(cls).fields.items():
        if not spec.stored:
            continue
        place, way = path.child(name), (*names, name)
        converted = spec.info.annotation
        inner = without_none(converted)
        if _is_model(converted):
            entries.append(GroupPlan(spec.info.title or name, None, _plan(model, converted, way, place)))
        elif _is_model(inner):
            presence = FieldPlan(way, place, spec, Presence, PresenceStore(spec, inner))
            entries.append(GroupPlan(spec.info.title or name, presence, _plan(model, inner, way, place)))
        else:
            store = FieldStore(model, way, spec)
            editable = not (spec.is_key or spec.info.frozen or cls.model_config.get("frozen"))
            entries.append(FieldPlan(way, place, spec, spec.annotation, store, editable))
    return tuple(entries)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def local_value(model: AtomicRedisModel, names: tuple[str, ...]) -> Any:
    """Return what the Python object has there; None where something on the way is null."""
    value: Any = model
    for name in names:
        value = getattr(value, name, None)
    return value


def store_locally(model: AtomicRedisModel, names: tuple[str, ...], value: Any) -> None:
    """Give the Python object the value that the form shows; nothing is sent or queued.

    Raises:
        ValidationError: A validator of the model does not take it.
    """
    owner = local_value(model, names[:-1])
    if owner is None or plain(getattr(owner, names[-1], _UNSET)) == value:
        return
    setattr(owner, names[-1], copy.deepcopy(value))


def plain(value: Any) -> Any:
    """Return a value read from a model as the plain Python value."""
    clone = getattr(value, "clone", None)
    return value if clone is None else clone()
