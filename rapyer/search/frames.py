"""Instances and rows as tables of pandas, polars and Arrow.

None of the three is needed by anything else, so each is imported when a table of it is asked for.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel

from rapyer.errors import (
    MissingPackageError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.fields.geo import GeoPoint
from rapyer.model.schema import spec_of
from rapyer.model.state import StoredModel
from rapyer.types.base import native_of
from rapyer.types.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas
    import polars
    import pyarrow

ENTRY_KEY, ENTRY_VALUE = "key", "value"
"""What an entry of a dict is called in tables, where a dict is a list of entries."""

_INT64 = 2**63
_MICROSECOND = dt.timedelta(microseconds=1)
_KINDS = (bool, int, float, str, bytes, Decimal, dt.datetime, dt.date, dt.time, dt.timedelta, list, dict)
"""The types of cells; those that are also others come before them."""


def to_pandas(
    items: Iterable[Any], *, model: type[StoredModel] | None = None, key: str | None = None
) -> pandas.DataFrame:
    """Return instances or rows as a pandas DataFrame; ints, text and times stay exactly what they are.

    Ints that may be missing become `Int64`, bools `boolean`. Dicts and lists stay Python objects, models
    become dicts, sets sorted lists, Enums their values, and UUIDs, places and references text.

    Args:
        items: Instances, the rows of aggregates and selections, dataclasses or mappings.
        model: The class whose columns there are to be where there is no item.
        key: The name of a column for the keys of instances; None for none.

    Raises:
        MissingPackageError: pandas is not installed.
        UnsupportedArgumentTypeError: One is none of those.
    """
    pandas = _package("pandas")
    columns = _columns(items, model, key, _plain)
    series = {name: _pandas_column(pandas, values) for name, values in columns.items()}
    return pandas.DataFrame(series, columns=list(columns))


def to_polars(
    items: Iterable[Any], *, model: type[StoredModel] | None = None, key: str | None = None
) -> polars.DataFrame:
    """Return instances or rows as a polars DataFrame.

    As `to_pandas`, but models become structs and dicts lists of entries (`key`, `value`); times with a zone
    are in UTC.

    Args:
        items: As for `to_pandas`.
        model: As for `to_pandas`.
        key: As for `to_pandas`.

    Raises:
        MissingPackageError: polars is not installed.
        UnsupportedArgumentTypeError: A column has values of several types, or an item is none of those.
    """
    package = _package("polars")
    columns = _columns(items, model, key, _entries)
    frame: polars.DataFrame = package.DataFrame(
        [_typed(partial(_polars_series, package), name, values) for name, values in columns.items()]
    )
    return frame


def to_arrow(
    items: Iterable[Any], *, model: type[StoredModel] | None = None, key: str | None = None
) -> pyarrow.Table:
    """Return instances or rows as an Arrow Table, with the same values as `to_polars`.

    Args:
        items: As for `to_pandas`.
        model: As for `to_pandas`.
        key: As for `to_pandas`.

    Raises:
        MissingPackageError: pyarrow is not installed.
        UnsupportedArgumentTypeError: A column has values of several types, or an item is none of those.
    """
    pyarrow = _package("pyarrow")
    columns = _columns(items, model, key, _entries)
    return pyarrow.table(
        {name: _typed(lambda _, held: pyarrow.array(held), name, values) for name, values in columns.items()}
    )


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{name} is not installed", hint=f"run `pip install {name}`, or install rapyer-nb[frames]"
        ) from error


def _columns(
    items: Iterable[Any], model: type[StoredModel] | None, key: str | None, cell: Callable[[Any], Any]
) -> dict[str, list[Any]]:
    if isinstance(items, str | bytes | Mapping | BaseModel) or not isinstance(items, Iterable):
        raise UnsupportedArgumentTypeError(
            f"{items!r} is no list of instances or rows", hint="give what `await User.afind(…)` returns"
        )
    rows = []
    for item in items:
        row = _row(item)
        if key is not None and isinstance(item, StoredModel):
            if key in row:
                raise UnsupportedArgumentValueError(
                    f"{type(item).__name__} has a field {key!r}, so its keys need another column",
                    model=type(item).__name__,
                    field=key,
                    hint='give another name: key="redis_key"',
                )
            row = {key: str(item._rapyer_key()), **row}
        rows.append(row)
    names: dict[str, None] = dict.fromkeys(_fields_of(model) if model is not None else ())
    if model is not None and key is not None:
        names = {key: None, **names}
    for row in rows:
        if len(row) != len(names) or row.keys() != names.keys():
            names |= dict.fromkeys(row)
    return {name: [cell(row.get(name)) for row in rows] for name in names}


def _row(item: Any) -> dict[str, Any]:
    if isinstance(item, BaseModel):
        return {name: getattr(item, name) for name in _fields_of(type(item))}
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return dict(zip(item._fields, item, strict=True))
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    raise UnsupportedArgumentTypeError(
        f"{item!r} makes no row of a table", hint="give instances, rows, dataclasses or mappings"
    )


def _fields_of(model: type[BaseModel]) -> list[str]:
    """Return the fields of a model whose values it holds: not its queues."""
    if not issubclass(model, StoredModel):
        return list(model.model_fields)
    special = {name: field.special for name, field in spec_of(model).fields.items()}
    return [name for name, kind in special.items() if kind is None or issubclass(kind, set)]


def _plain(value: Any) -> Any:
    """Return a value as a cell of pandas has it."""
    return _cell(value, lambda held: {name: _plain(one) for name, one in held.items()})


def _entries(value: Any) -> Any:
    """Return a value as a typed column has it: no dicts, as their names would be parts of the type."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.timezone.utc)
    return _cell(
        value,
        lambda held: [{ENTRY_KEY: _entries(name), ENTRY_VALUE: _entries(one)} for name, one in held.items()],
        _entries,
    )


def _cell(value: Any, of_dict: Callable[[Any], Any], of_part: Callable[[Any], Any] | None = None) -> Any:
    part = of_part or _plain
    if isinstance(value, Enum):
        return part(value.value)
    if isinstance(value, Reference):
        return str(value.target_key)
    if isinstance(value, UUID | GeoPoint | PurePath):
        return str(value)
    if isinstance(value, BaseModel):
        return {name: part(getattr(value, name)) for name in _fields_of(type(value))}
    if isinstance(value, dict):
        return of_dict(value)
    if isinstance(value, set | frozenset):
        return sorted((part(one) for one in value), key=lambda one: (str(type(one)), one))
    if isinstance(value, list | tuple):
        return [part(one) for one in value]
    return native_of(value)


def _pandas_column(pandas: Any, values: list[Any]) -> Any:
    kinds = {type(value) for value in values}
    missing = type(None) in kinds
    kinds.discard(type(None))
    if kinds == {int} and all(-_INT64 <= value < _INT64 for value in values if value is not None):
        return pandas.Series(pandas.array(values, dtype="Int64" if missing else "int64"))
    if kinds == {bool}:
        return pandas.Series(pandas.array(values, dtype="boolean" if missing else "bool"))
    if kinds <= {float} or kinds <= {str} or kinds in ({dt.datetime}, {dt.timedelta}):
        return pandas.Series(values, dtype=object if not kinds else None)
    return pandas.Series(values, dtype=object)


def _typed(make: Callable[[str, list[Any]], Any], name: str, values: list[Any]) -> Any:
    try:
        if not isinstance(name, str):
            raise TypeError("its name is no text")
        _check_kinds(values)
        return make(name, values)
    except Exception as error:  # each package has its own, some of which are no ordinary errors of Python
        raise UnsupportedArgumentTypeError(
            f"the column {name!r} has values that no single type fits: {str(error).splitlines()[0]}",
            field=name,
            hint="use to_pandas, whose columns may hold any objects",
        ) from error


def _check_kinds(values: Iterable[Any]) -> None:
    """Refuse what the packages would take for one type, and change without a word."""
    there = [value for value in values if value is not None]
    kinds = {next((kind for kind in _KINDS if isinstance(value, kind)), type(value)) for value in there}
    if len(kinds) > 1 and kinds != {int, float}:
        raise TypeError(f"values of the types {', '.join(sorted(kind.__name__ for kind in kinds))}")
    if kinds == {dt.datetime} and len({value.tzinfo is None for value in there}) > 1:
        raise TypeError("times with a zone and times without one")
    if kinds == {dt.timedelta} and any(not -_INT64 <= value // _MICROSECOND < _INT64 for value in there):
        raise TypeError("time spans beyond 64 bits of microseconds")
    if kinds == {list}:
        _check_kinds(one for value in there for one in value)
    if kinds == {dict}:
        for members in _members(there).values():
            _check_kinds(members)


def _members(held: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for value in held for name in value)
    return {name: [value.get(name) for value in held] for name in names}


def _polars_series(package: Any, name: str, values: list[Any]) -> Any:
    # Of nested values polars looks at the first, and would leave out or cut off what does not fit that.
    # Of long spans it would keep milliseconds.
    guessed = not any(isinstance(value, list | dict | dt.timedelta) for value in values)
    return package.Series(name, values, dtype=None if guessed else _polars_type(package, values))


def _polars_type(package: Any, values: Iterable[Any]) -> Any:
    there = [value for value in values if value is not None]
    first = next(iter(there), None)
    if isinstance(first, dt.timedelta):
        return package.Duration("us")
    if isinstance(first, list):
        return package.List(_polars_type(package, (one for value in there for one in value)))
    if isinstance(first, dict):
        held = _members(there)
        return package.Struct({name: _polars_type(package, members) for name, members in held.items()})
    return package.Series(there).dtype
