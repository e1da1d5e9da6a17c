"""Tables of pandas, polars and Arrow stored as instances: every row is validated, and none is lost unsaid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, get_origin

from pydantic import ValidationError

from rapyer.errors import (
    ModelError,
    RapyerError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.model import insert
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.model.state import StoredModel
from rapyer.model.suggest import suggestion
from rapyer.result import FrameResult, RefusedRow
from rapyer.search.frames import ENTRY_KEY, ENTRY_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer.types.shape import Shape

M = TypeVar("M", bound="StoredModel")
OnConflict: TypeAlias = Literal["replace", "error", "skip"]

_ENTRY = {ENTRY_KEY, ENTRY_VALUE}


async def store_frame(
    cls: type[StoredModel], frame: Any, on_conflict: OnConflict, *, key: str | None, batch: int, dry_run: bool
) -> FrameResult:
    """Store the rows of a table as instances (script insert, for each portion).

    Args:
        cls: The class.
        frame: The table, or rows as mappings.
        on_conflict: What to do where something is stored under a key: "replace" it, "skip" the row, or refuse
            it ("error").
        key: The column of the keys; None for none.
        batch: How many rows are stored in one step.
        dry_run: Whether to validate only.

    Raises:
        UnknownFieldError: The table has a column that is no field.
        UnsupportedArgumentTypeError: It is no table.
        UnsupportedArgumentValueError: It has no column for a field that needs a value, or an argument makes
            no sense.
    """
    if on_conflict not in {"replace", "error", "skip"}:
        raise UnsupportedArgumentValueError(
            f"on_conflict is {on_conflict!r}", hint='give "replace", "error" or "skip"'
        )
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= insert.MOST:
        raise UnsupportedArgumentValueError(f"batch is {batch!r}", hint=f"give 1 to {insert.MOST}")
    names, portions = _read(frame, batch)
    if names is not None:
        _check_columns(cls, names, key)
    stored = skipped = 0
    refused: list[RefusedRow] = []
    for start, rows in portions:
        models = _validated(cls, start, rows, key, refused)
        if dry_run:
            stored += len(models)
            continue
        outcome = await _stored(cls, [model for _, model, _ in models], on_conflict)
        for number, model, row in models:
            reason = outcome.get(id(model), f"{model._rapyer_key()} is stored already")
            if reason is None:
                stored += 1
            elif id(model) not in outcome and on_conflict == "skip":
                skipped += 1
            else:
                refused.append(RefusedRow(number, reason, row))
    return FrameResult(stored, skipped, tuple(sorted(refused, key=lambda one: one.row)))


async def _stored(
    cls: type[StoredModel], models: Sequence[StoredModel], on_conflict: OnConflict
) -> dict[int, str | None]:
    """Store instances; return the identities of those that were, and of those that cannot be with the reason.

    Where one stands in the way of a portion, its halves are stored on their own, down to that one.
    """
    if not models:
        return {}
    how = "replace" if on_conflict == "replace" else "skip"
    try:
        stored = await insert.insert_many(registry.source_for(cls), models, how)
    except ModelError as error:
        if len(models) == 1:
            return {id(models[0]): str(error)}
        middle = len(models) // 2
        first = await _stored(cls, models[:middle], on_conflict)
        return first | await _stored(cls, models[middle:], on_conflict)
    return {id(model): None for model in stored}


def _validated(
    cls: type[M], start: int, rows: list[dict[str, Any]], key: str | None, refused: list[RefusedRow]
) -> list[tuple[int, M, dict[str, Any]]]:
    valid: list[tuple[int, M, dict[str, Any]]] = []
    for number, row in enumerate(rows, start):
        try:
            if not isinstance(row, Mapping):
                raise TypeError(f"{row!r} is no mapping")
            given = {name: _cell(value) for name, value in row.items()}
            pk = None if key is None else given.pop(key, None)
            model = cls.model_validate(_of_class(cls, given), by_alias=False, by_name=True)
            if pk is not None:
                _take_key(model, pk)
            model._rapyer_key()  # tells of a key field without a value
        except ValidationError as error:
            refused.append(RefusedRow(number, _reason(error), row))
        except (RapyerError, TypeError, ValueError) as error:
            refused.append(RefusedRow(number, str(error), row))
        else:
            valid.append((number, model, row))
    return valid


def _take_key(model: StoredModel, key: Any) -> None:
    prefix = f"{model.class_key_initials()}:"
    if not isinstance(key, str) or not key.startswith(prefix):
        raise ValueError(f"{key!r} is no key of {type(model).__name__}, as these start with {prefix!r}")
    if spec_of(model).key_field is None:
        model.pk = key.removeprefix(prefix)
    elif key != model._rapyer_key():
        raise ValueError(f"the row's key is {key!r}, but its key field makes it {str(model._rapyer_key())!r}")


def _reason(error: ValidationError) -> str:
    told = [
        f"{'.'.join(map(str, one['loc'])) or 'the row'}: {one['msg']}"
        for one in error.errors(include_url=False)
    ]
    return "; ".join(told)


def _check_columns(cls: type[StoredModel], names: Iterable[str], key: str | None) -> None:
    fields, given = spec_of(cls).fields, list(names)
    for name in given:
        if name not in fields and name != key:
            raise UnknownFieldError(
                f"the table has a column {name!r}, which is no field of {cls.__name__}",
                field=str(name),
                model=cls.__name__,
                hint=f"rename the column, or drop it; {suggestion(str(name), fields)}",
            )
    twice = next((name for name in given if given.count(name) > 1), None)
    if twice is not None:
        raise UnsupportedArgumentValueError(
            f"the table has several columns {twice!r}",
            field=twice,
            model=cls.__name__,
            hint="drop all but one",
        )
    absent = [name for name, field in fields.items() if field.info.is_required() and name not in given]
    if key is not None and key not in given:
        absent.append(key)
    if absent:
        named = ", ".join(map(repr, absent))
        raise UnsupportedArgumentValueError(
            f"the table has no column {named}, without which there is no {cls.__name__}",
            field=absent[0],
            model=cls.__name__,
            hint=f"it has {', '.join(map(repr, given)) or 'none'}",
        )


def _read(frame: Any, batch: int) -> tuple[list[str] | None, Iterator[tuple[int, list[dict[str, Any]]]]]:
    """Return the names of a table's columns, and its rows in portions, each with the number of its first."""
    package = type(frame).__module__.partition(".")[0]
    if package == "pandas" and hasattr(frame, "iloc") and hasattr(frame, "columns"):
        size, names = len(frame), list(frame.columns)
        parts = (_pandas_rows(frame.iloc[at : at + batch], names) for at in range(0, size, batch))
        return names, zip(range(0, size, batch), parts, strict=True)
    if package == "polars" and hasattr(frame, "to_dicts"):
        parts = (frame.slice(at, batch).to_dicts() for at in range(0, frame.height, batch))
        return list(frame.columns), zip(range(0, frame.height, batch), parts, strict=True)
    if package == "pyarrow" and hasattr(frame, "to_pylist"):
        names = list(frame.schema.names)
        parts = (frame.slice(at, batch).to_pylist() for at in range(0, frame.num_rows, batch))
        return names, zip(range(0, frame.num_rows, batch), parts, strict=True)
    if isinstance(frame, Iterable) and not isinstance(frame, str | bytes | Mapping):
        return None, _portions(frame, batch)
    raise UnsupportedArgumentTypeError(
        f"{type(frame).__name__} is no table",
        hint="give a DataFrame of pandas or polars, an Arrow Table, or rows as mappings",
    )


def _portions(rows: Iterable[Any], batch: int) -> Iterator[tuple[int, list[Any]]]:
    source, at = iter(rows), 0
    while part := list(islice(source, batch)):
        yield at, part
        at += len(part)


def _pandas_rows(part: Any, names: list[str]) -> list[dict[str, Any]]:
    columns = [part.iloc[:, at].astype(object).tolist() for at in range(len(names))]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _cell(value: Any) -> Any:
    """Return the Python value of a cell; None for one that is missing.

    Raises:
        ValueError: A time has nanoseconds, which would be lost.
    """
    if type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return None
    if isinstance(value, dt.datetime | dt.timedelta) and hasattr(value, "to_pydatetime"):
        return _whole(value, getattr(value, "nanosecond", 0)).to_pydatetime()
    if isinstance(value, dt.timedelta) and hasattr(value, "to_pytimedelta"):
        return _whole(value, getattr(value, "nanoseconds", 0)).to_pytimedelta()
    if type(value).__module__ == "numpy":
        return _cell(value.tolist())
    if isinstance(value, list | tuple):
        return [_cell(one) for one in value]
    if isinstance(value, dict):
        return {name: _cell(one) for name, one in value.items()}
    return value


def _whole(value: Any, nanoseconds: int) -> Any:
    if nanoseconds:
        raise ValueError(f"{value} has nanoseconds, which no time in a model keeps")
    return value


def _of_class(cls: type[StoredModel], given: dict[str, Any]) -> dict[str, Any]:
    fields = spec_of(cls).fields
    for name in given:
        if name not in fields:
            raise ValueError(f"there is no field {name!r} on {cls.__name__}")
    return {name: _of_shape(fields[name].shape, value) for name, value in given.items()}


def _of_shape(shape: Shape, value: Any) -> Any:
    """Return a value with dicts in place of the lists of entries that typed columns have."""
    for option in shape.options:
        if isinstance(value, dict) and isinstance(option, type) and issubclass(option, StoredModel):
            return _of_class(option, value)
        native = getattr(get_origin(option) or option, "native", None)
        if native is dict and isinstance(value, list):
            return {name: _of_shape(shape.members, one) for name, one in map(_entry, value)}
        if native is list and isinstance(value, list):
            return [_of_shape(shape.elements, one) for one in value]
    return value


def _entry(given: Any) -> tuple[Any, Any]:
    if isinstance(given, dict) and given.keys() == _ENTRY:
        return given[ENTRY_KEY], given[ENTRY_VALUE]
    if isinstance(given, list) and len(given) == 2:
        return given[0], given[1]
    raise ValueError(f"{given!r} is no entry of a dict")
