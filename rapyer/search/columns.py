"""The values of some fields of many documents, read without the rest of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic_core import from_json, to_json

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.commands import json
from rapyer.errors import (
    CantSerializeRedisValueError,
    CorruptedModelError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.fields.index import index_marker
from rapyer.fields.key import is_key_marker
from rapyer.model import load
from rapyer.model.portions import chunks_of, overlapped
from rapyer.search.evaluate import values_at
from rapyer.search.expression import FieldOperand, ModelOperand, operand
from rapyer.search.located import Located
from rapyer.session.executor import read_each
from rapyer.types.base import native_of
from rapyer.types.indexed import Indexed, IndexedLiteral, NoNul, options_of
from rapyer.types.zones import joined, paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.errors import ModelError
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

_NOWHERE = JsonPath(ROOT.child("__rapyer_nothing__"))
"""A path that no document has; asking for it tells which documents are there."""

_PLAIN = (int, float, str, bool)


class Column(Located):
    """A field of which all values are read, those of elements one by one."""

    @property
    def path(self) -> str:
        """The dotted path."""
        return self.place.name

    @property
    def kinds(self) -> frozenset[type] | None:
        """The types of its values, those of elements for lists and dicts; None where they are not known."""
        found = _kinds_of(self.field.annotation)
        return frozenset(found) if found and all(isinstance(kind, type) for kind in found) else None

    @property
    def plain(self) -> type | None:
        """The type of its values where they are in JSON what they are in Python; else None."""
        if self.place.many or not all(map(_is_mark, self.field.info.metadata)):
            return None
        return next((kind for kind in _PLAIN if self.field.annotation in (kind, kind | None)), None)

    @property
    def unchanged(self) -> bool:
        """Whether nothing that the field is declared with may make other values of those that are stored."""
        told = (_is_mark(item) or _keeps(item) for item in self.field.info.metadata)
        return all(told) and not _is_told_more(self.field.annotation)

    def read(self, keys: Sequence[str], found: Sequence[bytes | None]) -> list[Any]:
        """Return the values out of what JSON.MGET gave for the path, a tuple for each document.

        In the place of those that do not fit the field stands the error, and None for a document that is
        gone.
        """
        plain, texts = self.plain, [one or b"[]" for one in found]
        try:
            parsed = from_json(b"[%b]" % b",".join(texts)) if plain is not None else [()] * len(texts)
        except ValueError:  # as one of them is no text that Python has
            plain, parsed = None, [()] * len(texts)
        values: list[Any] = []
        for key, text, one in zip(keys, found, parsed, strict=True):
            if plain is not None and one and type(one[0]) is plain:
                values.append((one[0],))
            elif text is None:
                values.append(None)
            else:
                values.append(self._read(key, text))
        return values

    def _read(self, key: str, text: bytes) -> tuple[Any, ...] | CorruptedModelError:
        try:
            if not self.place.many:
                whole = text if self.noted is None else joined(text) or b"[]"
                return tuple(_flat(self._loaded(key, whole[1:-1]))) if whole != b"[]" else ()
            several = from_json(text) if self.noted is None else paired(from_json(text))
            each = [self._loaded(key, to_json(one)) for one in several]
        except CorruptedModelError as error:
            return error
        return tuple(value for one in each for value in _flat(one))

    def _loaded(self, key: str, text: bytes) -> Any:
        if text == b"null":
            return None
        try:
            return self.field.shape.load_safely(text, f"{key} {self.place.path}")
        except (CorruptedModelError, CantSerializeRedisValueError) as error:
            raise CorruptedModelError(
                error.message, key=key, field=self.path, model=self.field.model, hint=error.hint
            ) from error


@dataclass
class Rows:
    """What was read of many documents.

    Attributes:
        keys: The keys of those that were there and could be read.
        values: For each of them, the values of each column.
        missing: The keys of those that were gone.
        corrupt: What was wrong with the others.
    """

    keys: list[str]
    values: list[tuple[tuple[Any, ...], ...]]
    missing: list[str]
    corrupt: list[ModelError]

    def take(self, keys: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Take what was read of more documents: for each column what `Column.read` gave."""
        for key, *values in zip(keys, *columns, strict=True):
            wrong = [one for one in values if isinstance(one, CorruptedModelError)]
            if None in values:
                self.missing.append(key)
            elif wrong:
                self.corrupt.append(wrong[0])
            else:
                self.keys.append(key)
                self.values.append(tuple(values))

    def left_out(self) -> load.Loaded:
        """Return what was left out, as a find tells it."""
        return load.Loaded([], tuple(self.missing), tuple(self.corrupt))


def column_of(cls: type[StoredModel], given: Any, asker: str) -> Column:
    """Return the field of a class that is meant.

    Args:
        cls: The class.
        given: `User.age`, or its dotted path.
        asker: Who asks, for messages.

    Raises:
        UnknownFieldError: The class has no such field.
        UnsupportedArgumentTypeError: It is no field, or a model that has fields itself.
        UnsupportedArgumentValueError: It is a field of another class, or one that is not stored.
    """
    found = _by_path(cls, given) if isinstance(given, str) else given
    if isinstance(found, ModelOperand):
        raise UnsupportedArgumentTypeError(
            f"{asker} was given {found._place.name}, which is a model with fields of its own",
            model=cls.__name__,
            field=found._place.name,
            hint="name one of its fields",
        )
    if not isinstance(found, FieldOperand):
        raise UnsupportedArgumentTypeError(
            f"{asker} was given {given!r}", model=cls.__name__, hint="give a field, such as User.age"
        )
    if not issubclass(cls, found._root):
        other = f"{found._root.__name__}.{found._place.name}"
        raise UnsupportedArgumentValueError(
            f"{asker} was given {other}, which is no field of {cls.__name__}", model=cls.__name__
        )
    column = Column(found._field, found._place, found._noted)
    if not column.field.stored:
        raise UnsupportedArgumentValueError(
            f"{column.name} is not stored, so {asker} cannot read it", model=cls.__name__, field=column.path
        )
    return column


async def read_columns(
    cls: type[StoredModel], source: ClientSource, keys: Sequence[str], columns: Sequence[Column]
) -> Rows:
    """Read some fields of documents, and nothing else of them (JSON.MGET, one for each field and 500 keys).

    The fields of 500 documents are read in one transaction. Where one of them lives beside the documents,
    they are read as instances.
    """
    rows = Rows([], [], [], [])
    if any(column.field.special is not None for column in columns):
        loaded = await load.load_many(cls, source, keys)
        held = [[_held(model, column) for model in loaded.models] for column in columns]
        rows.take([str(model._rapyer_key()) for model in loaded.models], held)
        return Rows(rows.keys, rows.values, list(loaded.missing), list(loaded.corrupt))
    paths = [column.asked for column in columns] or [_NOWHERE]

    async def read(chunk: Sequence[str]) -> list[Any]:
        return await read_each(source, [json.get_values(chunk, path) for path in paths])

    async for chunk, replies in overlapped(chunks_of(keys), read):
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        if columns:
            rows.take(chunk, [column.read(chunk, one) for column, one in zip(columns, replies, strict=True)])
        else:
            rows.keys += (key for key, one in zip(chunk, replies[0], strict=True) if one is not None)
            rows.missing += (key for key, one in zip(chunk, replies[0], strict=True) if one is None)
    return rows


def _is_mark(item: Any) -> bool:
    return is_key_marker(item) or index_marker(item) is not None or isinstance(item, NoNul)


def _keeps(item: Any) -> bool:
    """Tell whether metadata changes no value: a form in documents, or a limit such as Ge(0)."""
    return isinstance(item, Indexed | IndexedLiteral) or type(item).__module__ == "annotated_types"


def _is_told_more(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated or any(map(_is_told_more, get_args(annotation)))


def _by_path(cls: type[StoredModel], path: str) -> Any:
    first, *others = path.split(".")
    found = operand(cls, first)
    for name in others:
        if not isinstance(found, ModelOperand):
            raise UnknownFieldError(
                f"unknown field {path!r} on {cls.__name__}",
                field=path,
                model=cls.__name__,
                hint=f"{path.removesuffix(f'.{name}')!r} is no model with fields",
            )
        found = getattr(found, name)
    return found


def _held(model: Any, column: Column) -> tuple[Any, ...]:
    return tuple(native_of(value) for value in values_at(model, column.path))


def _flat(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list | set | frozenset):
        return [one for item in value for one in _flat(item)]
    if isinstance(value, dict):
        return [one for item in value.values() for one in _flat(item)]
    return [value]


def _kinds_of(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for option in options_of(annotation):
        if option is type(None):
            continue
        origin = get_origin(option)
        native = getattr(origin or option, "native", origin or option)
        if native in {list, set, frozenset, dict}:
            arguments = get_args(option)
            found += _kinds_of(arguments[-1]) if arguments else [Any]
        else:
            found.append(native)
    return found
