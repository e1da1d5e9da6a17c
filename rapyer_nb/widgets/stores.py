"""How the values of the form's fields are checked and stored, with the model's help."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from rapyer.types import RedisPriorityQueue, Reference, zones
from rapyer.types.base import native_of

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer.model.schema import FieldSpec

_UNSET = object()


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
        return native_of(getattr(trial, self._names[-1]))

    def dump(self, value: Any) -> bytes:
        """Return the stored JSON text."""
        return self._spec.dump_stored(value)

    def load(self, text: bytes) -> Any:
        """Return the value of a stored JSON text."""
        return self._spec.load_stored(text)

    def keep(self, text: bytes) -> None:
        """Give the Python object the value of a stored JSON text; nothing is sent or queued.

        Raises:
            ValidationError: A validator of the model does not take it.
        """
        value = self._spec.load_stored(text)
        owner = local_value(self._model, self._names[:-1])
        if owner is not None and native_of(getattr(owner, self._names[-1], _UNSET)) != value:
            setattr(owner, self._names[-1], copy.deepcopy(value))


class TimeStore(FieldStore):
    """Stores the values of an indexed time with what stands beside it."""

    def dump(self, value: Any) -> bytes:
        """Return the stored JSON text, or that of a pair with what stands beside it."""
        text, note = super().dump(value), None if value is None else zones.beside(value)
        return text if note is None else b"[%s,%s]" % (text, to_json(note))


class SetStore(FieldStore):
    """Stores a set that has a key of its own, where an empty one and None look alike."""

    def keep(self, text: bytes) -> None:
        """Give the Python object the set, which is from then on what it knows to be in Redis."""
        value = self._spec.load_stored(text)
        owner = local_value(self._model, self._names[:-1])
        if owner is None:
            return
        if value or getattr(owner, self._names[-1]) is not None:
            super().keep(text)
        self._model._rapyer_note(self._names, value)


class ReferenceStore(FieldStore):
    """Stores a reference; the form shows and takes the key of its target."""

    def check(self, draft: Any) -> Any:
        """Return the key that the model would take.

        Raises:
            ValidationError: The model does not take it.
            ValueError: It is empty.
        """
        if draft == "":
            raise ValueError("give the key of what is referred to")
        return shown_key(super().check(draft))

    def load(self, text: bytes) -> Any:
        """Return the key in a stored JSON text."""
        return shown_key(super().load(text))


class QueueStore(FieldStore):
    """Only shows a queue: its values are in Redis alone."""

    def load(self, text: bytes) -> Any:
        """Return the words that stand for the queue."""
        return from_json(text)

    def keep(self, text: bytes) -> None:
        """Do nothing: the Python object has no values to keep."""


class PresenceStore:
    """Stores whether an optional model inside the model is there: True, or None for null.

    Args:
        model: The model.
        names: The names that lead to the optional one.
        spec: Its field.
        inner: Its class.
        outside: What is left out of its JSON, as pydantic takes it: sets and queues have keys of their own.
    """

    def __init__(
        self,
        model: AtomicRedisModel,
        names: tuple[str, ...],
        spec: FieldSpec,
        inner: type[BaseModel],
        outside: dict[str, Any] | None,
    ) -> None:
        self._field = FieldStore(model, names, spec)
        self._spec = spec
        self._inner = inner
        self._outside = outside

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
        return b"null" if value is None else self._spec.dump_stored(self._inner(), self._outside)

    def load(self, text: bytes) -> Any:
        """Return None for null and True for anything else."""
        return None if text == b"null" else True

    def keep(self, text: bytes) -> None:
        """Give the Python object the whole model inside of it."""
        self._field.keep(text)


def local_value(model: AtomicRedisModel, names: tuple[str, ...]) -> Any:
    """Return what the Python object has there; None where something on the way is null."""
    value: Any = model
    for name in names:
        value = getattr(value, name, None)
    return value


def shown(value: Any) -> Any:
    """Return a value read from a model as the form's controls show it."""
    return "" if isinstance(value, RedisPriorityQueue) else shown_key(native_of(value))


def shown_key(value: Any) -> Any:
    """Return the key of a reference, and anything else as it is."""
    return value.target_key if isinstance(value, Reference) else value
