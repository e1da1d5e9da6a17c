"""Some fields of documents instead of all: which, where they stand, and rows of their values."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rapyer.codec import adapters
from rapyer.codec.paths import JsonPath
from rapyer.commands import json
from rapyer.errors import BadFilterError, CorruptedModelError, UnknownFieldError
from rapyer.model.expiry import renewal_of
from rapyer.model.load import UNREADABLE, Loaded
from rapyer.model.schema import spec_of
from rapyer.model.suggest import suggestion
from rapyer.search.expression import FieldOperand, ModelOperand, place_of
from rapyer.search.located import Located
from rapyer.search.places import Place, inner_of
from rapyer.session.executor import read_each
from rapyer.types.unread import report
from rapyer.types.zones import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rapyer.errors import ModelError
    from rapyer.model.schema import FieldSpec
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

KEY = "key"
"""What a selection calls the full key of a document."""

_NOWHERE = b"[]"


class Column(Located):
    """One field of a selection."""

    def found(self, replies: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """Return what such reads gave as arrays of the field's values alone."""
        return replies if self.noted is None else [joined(reply) for reply in replies]

    @property
    def attribute(self) -> str:
        """What the rows call it."""
        return self.place.name.replace(".", "_")

    @cached_property
    def _several(self) -> Any:
        annotation: Any = self.field.shape.annotation
        return adapters.adapter_for(list[annotation])

    def read_all(self, found: Sequence[bytes]) -> list[Any] | None:
        """Return the values of many such arrays, read in one step; None where one of them needs a look.

        Args:
            found: What the field's path gave in each document.
        """
        if _NOWHERE in found:
            return None
        text = b"[%s]" % b",".join([one[1:-1] for one in found])
        try:
            values: list[Any] = adapters.load(self._several, text, self.place.name)
        except CorruptedModelError:
            return None
        return values

    def read(self, found: bytes) -> Any:
        """Return the value of the JSON array that the field's path gave.

        Raises:
            CorruptedModelError: The value does not fit the field.
            CantSerializeRedisValueError: It cannot be decoded.
        """
        if found != _NOWHERE:
            return self._loaded(found[1:-1])
        if self.place.optional or not self.field.info.is_required():
            return None if self.place.optional else self.field.info.get_default(call_default_factory=True)
        raise CorruptedModelError(f"there is no value of {self.name}", field=self.place.name)

    def _loaded(self, text: bytes) -> Any:
        try:
            return self.field.load_stored(text)
        except CorruptedModelError:  # what is safe to leave out is, as where whole documents are read
            value, context = adapters.load_tolerantly(self.field.adapter.validator, text, self.name)
            report(self.name, context)
            return value


@dataclass(frozen=True, slots=True)
class Projection:
    """A selection of fields of a class.

    Attributes:
        columns: The fields; None stands for the key of the document.
        row: Makes a row of the values: a frozen dataclass.
    """

    columns: tuple[Column | None, ...]
    row: Callable[..., Any]

    def rows(self, keys: Sequence[str], found: Sequence[Sequence[bytes | None]]) -> Loaded:
        """Return the rows of some documents, each as a pair with its key.

        Args:
            keys: The keys.
            found: For each field, what its path gave for each of the keys; None where there is no document.
        """
        if not any(None in texts for texts in found):
            at_once = self._at_once(keys, found)
            if at_once is not None:
                return Loaded(at_once, (), ())
        loaded: list[tuple[str, Any]] = []
        missing: list[str] = []
        corrupt: list[ModelError] = []
        each = zip(*found, strict=True) if found else (() for _ in keys)
        for key, texts in zip(keys, each, strict=True):
            if None in texts:
                missing.append(key)
                continue
            at = iter(texts)
            try:
                values = [key if column is None else column.read(next(at)) for column in self.columns]
            except UNREADABLE as error:
                corrupt.append(_of_document(error, key))
                continue
            loaded.append((key, self.row(*values)))
        return Loaded(loaded, tuple(missing), tuple(corrupt))

    def _at_once(self, keys: Sequence[str], found: Sequence[Sequence[Any]]) -> list[tuple[str, Any]] | None:
        """Return the rows, read a field at a time; None where a value is missing or does not fit."""
        at = iter(found)
        columns: list[Sequence[Any]] = []
        for column in self.columns:
            values = keys if column is None else column.read_all(next(at))
            if values is None:
                return None
            columns.append(values)
        return list(zip(keys, map(self.row, *columns), strict=True))


def projection_of(cls: type[StoredModel], only: Any) -> Projection:
    """Return the selection of fields that `only` asks for.

    Args:
        cls: The class.
        only: Names such as "age" or "home.city", or fields such as `User.age`, one or several; "key" for the
            full key of each document.

    Raises:
        UnknownFieldError: The class has no such field.
        BadFilterError: The field is no part of the document, holds models, or is named twice; or none is.
    """
    names = tuple(name_of(cls, one) for one in several(only))
    known: Projection | None = spec_of(cls).projections.get(names)
    if known is None:
        columns = tuple(None if _is_key(cls, name) else column_of(cls, name) for name in names)
        attributes = [KEY if column is None else column.attribute for column in columns]
        if not names or len(set(attributes)) < len(attributes):
            raise BadFilterError(
                f"only={only!r} selects {'one field twice' if names else 'nothing'} of {cls.__name__}",
                model=cls.__name__,
                hint='give different fields, such as only=("name", "age")',
            )
        known = Projection(columns, _row_class(cls, attributes, columns))
        spec_of(cls).projections[names] = known
    return known


def several(given: Any) -> Iterable[Any]:
    """Return names or fields as several, where one was given."""
    return given if isinstance(given, list | tuple) else (given,)


def name_of(cls: type[StoredModel], given: Any) -> str:
    """Return the dotted name of a field that is given by name or as `User.age`.

    Raises:
        BadFilterError: It is neither, or a field of another class.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, FieldOperand | ModelOperand):
        raise BadFilterError(
            f"{given!r} is no field", hint=f"give names, or fields such as {cls.__name__}.age"
        )
    root, name = place_of(given)
    if not issubclass(cls, root):
        raise BadFilterError(
            f"{root.__name__}.{name} is no field of {cls.__name__}", field=name, model=cls.__name__
        )
    return name


def column_of(cls: type[StoredModel], name: str) -> Column:
    """Return the field of a class to which a dotted name leads.

    Raises:
        UnknownFieldError: There is none.
        BadFilterError: It is no part of the document, or within a list or dict, or it holds models.
    """
    model, place = cls, Place()
    *way, last = name.split(".")
    for step in way:
        field = _field_of(model, step)
        inner = inner_of(field, place.field(step))
        if inner is None or inner[1].many:
            why = "holds no model" if inner is None else "holds several models"
            raise _refused(field, name, f"{why}, so {name} is no single value", "select the field as a whole")
        model, place = inner
    field = _field_of(model, last)
    at = place.field(last)
    inner = inner_of(field, at)
    if inner is not None:
        some = next(iter(spec_of(inner[0]).fields), "…")
        hint = "load the instances" if inner[1].many else f'select its fields, such as "{name}.{some}"'
        raise _refused(field, name, "holds models, which cannot be selected", hint)
    if field.special is not None or not field.stored:
        why = "has a key of its own" if field.special is not None else "is not stored"
        raise _refused(field, name, f"{why}, so it is no part of the document", "load the instances")
    return Column(field, at, place.path if last in spec_of(model).notes else None)


async def read_rows(
    cls: type[StoredModel], source: ClientSource, keys: Sequence[str], selection: Projection
) -> Loaded:
    """Read some fields of documents (one JSON.MGET for each field, in a transaction).

    Args:
        cls: The class.
        source: Where its commands go.
        keys: At most as many as one read is to have.
        selection: The fields.

    Returns:
        The rows, each as a pair with its key.
    """
    columns = [column for column in selection.columns if column is not None]
    # A selection of nothing but the key asks for what every document has.
    paths = [column.asked for column in columns] or [JsonPath("$.*")]
    commands = [json.get_values(keys, path) for path in paths]
    found = (
        await read_each(source, commands, renewal=renewal_of(cls, keys)) if keys else [[] for _ in columns]
    )
    for reply in found:
        if isinstance(reply, Exception):
            raise reply
    given = [column.found(replies) for column, replies in zip(columns, found, strict=False)]
    return selection.rows(keys, given or found)


def _of_document(error: ModelError, key: str) -> ModelError:
    """Return an error about a value as one about the document that it stands in."""
    return type(error)(f"{key}: {error.message}", key=key, field=error.field, hint=error.hint)


def _is_key(cls: type[StoredModel], name: str) -> bool:
    return name == KEY and KEY not in spec_of(cls).fields


def _field_of(model: type[StoredModel], name: str) -> FieldSpec:
    fields = spec_of(model).fields
    if name not in fields:
        raise UnknownFieldError(
            f"unknown field {name!r} on {model.__name__}",
            field=name,
            model=model.__name__,
            hint=suggestion(name, fields),
        )
    return fields[name]


def _refused(field: FieldSpec, name: str, why: str, hint: str) -> BadFilterError:
    return BadFilterError(f"{field.model}.{field.name} {why}", field=name, model=field.model, hint=hint)


def _row_class(cls: type[StoredModel], names: list[str], columns: Sequence[Column | None]) -> type[Any]:
    kinds = [str if column is None else _annotation(column) for column in columns]
    pairs = list(zip(names, kinds, strict=True))
    return make_dataclass(f"{cls.__name__}Row", pairs, frozen=True, slots=True)


def _annotation(column: Column) -> Any:
    declared = column.field.annotation
    return declared | None if column.place.optional and isinstance(declared, type) else declared
