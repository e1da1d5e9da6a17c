"""What a search gives: a list of models that knows how many there are and how it looks."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rapyer import AtomicRedisModel, frames
from rapyer.model.schema import spec_of
from rapyer_nb.views.brief import brief_cell, fields_of
from rapyer_nb.views.model import key_of
from rapyer_nb.views.note import Note, counted, lasted
from rapyer_nb.views.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    import pandas
    import polars

    from rapyer_nb.views.view import View

Item = TypeVar("Item")

DISPLAY_LIMIT: Final = 20
TABLE_LIMIT: Final = 500
"""The most rows of a table that was asked for as such."""

KEY: Final = "key"
"""What the column with the keys of models is called."""

_MOST_COLUMNS: Final = 12
_CELL_LENGTH: Final = 80


class ResultList(list[Item]):
    """The models found (or rows of some of their fields, or dicts), as an ordinary list.

    Attributes:
        total: How many documents on the server match, also beyond the limit.
        elapsed: Seconds that the search took.
        skipped: The keys of matching documents that could not be given, because they had gone or are corrupt.
        model_name: The name of the class searched.
        model: The class, if it is known.
        fields: The fields that were read; `None` for all.
        offset: How many of the matches were passed over.
        display_limit: How many rows are shown.
        quiet: Whether only the footer is shown.
    """

    def __init__(
        self,
        items: Iterable[Item] = (),
        *,
        total: int = 0,
        elapsed: float = 0.0,
        skipped: tuple[str, ...] = (),
        model_name: str = "",
        model: type[AtomicRedisModel] | None = None,
        fields: tuple[str, ...] | None = None,
        offset: int = 0,
        display_limit: int = DISPLAY_LIMIT,
        quiet: bool = False,
    ) -> None:
        super().__init__(items)
        self.total = total
        self.elapsed = elapsed
        self.skipped = skipped
        self.model_name = model_name
        self.model = model
        self.fields = fields
        self.offset = offset
        self.display_limit = display_limit
        self.quiet = quiet

    def view(self) -> View:
        """Return what a notebook shows: a table of the first rows, and a line with the numbers."""
        if self.quiet or not self:
            return Note(self.footer())
        return self._table(self.display_limit)

    def to_table(self) -> Table:
        """Return the first 500 rows as a table, to be looked at; it has no models."""
        return self._table(TABLE_LIMIT)

    def to_dicts(self) -> ResultList[dict[str, Any]]:
        """Return a dict for each item, as `model_dump()` makes it; with the same numbers."""
        items = [_dict(item) for item in self]
        return self._like(items)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a DataFrame of pandas; models have their keys in the column `key`.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        frame: pandas.DataFrame = self._frame(frames.to_pandas)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """Return a DataFrame of polars; models have their keys in the column `key`.

        Raises:
            MissingPackageError: polars is not installed.
            UnsupportedArgumentTypeError: A column has values of several types.
        """
        frame: polars.DataFrame = self._frame(frames.to_polars)
        return frame

    def _frame(self, make: Callable[..., Any]) -> Any:
        if self.fields is not None:
            nothing = {name.replace(".", "_"): None for name in self.fields}
            return make(self) if self else make([nothing]).head(0)
        named = self.model is not None and KEY in spec_of(self.model).fields
        return make(self, model=self.model, key=None if named else KEY)

    def _like(self, items: Sequence[Any]) -> ResultList[Any]:
        return ResultList(
            items,
            total=self.total,
            elapsed=self.elapsed,
            skipped=self.skipped,
            model_name=self.model_name,
            model=self.model,
            fields=self.fields,
            offset=self.offset,
            display_limit=self.display_limit,
            quiet=self.quiet,
        )

    def _table(self, most: int) -> Table:
        shown = self[:most]
        columns = _columns(shown)
        rows = [_cells(item, columns) for item in shown]
        return Table(caption=self.model_name, columns=columns, rows=rows, footer=self.footer(most))

    def footer(self, most: int | None = None) -> str:
        """Return a line such as `20 of 143, 1.2 ms`.

        Args:
            most: How many rows stand above it; as many as are shown by default.
        """
        if not self and not self.total:
            numbers = f"no {self.model_name} matches"
        else:
            numbers = f"{len(self):,} of {self.total:,}"
        if self.offset:
            numbers += f", from {self.offset + 1:,} on"
        shown = min(len(self), self.display_limit if most is None else most)
        if shown < len(self) and not self.quiet:
            numbers += f" (first {shown:,} shown)"
        if self.skipped:
            numbers += f", {counted(len(self.skipped), 'document')} skipped as gone or corrupt (.skipped)"
        return f"{numbers}, {lasted(self.elapsed)}"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return self.view()._repr_mimebundle_(include, exclude)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the table in a terminal as well, and a plain list inside of another value."""
        if len(printer.stack) > 1:
            printer.pretty(list(self))
        else:
            printer.text(self.view().text())


def _columns(items: list[Item]) -> list[str]:
    """Return the names to show, in the order of their first appearance."""
    names: dict[str, None] = {}
    for item in items:
        names.update(dict.fromkeys(_row(item)))
    return list(names)[:_MOST_COLUMNS]


def _cells(item: object, columns: list[str]) -> list[str]:
    row = _row(item)
    return [brief_cell(row[name], _CELL_LENGTH) if name in row else "" for name in columns]


def _row(item: object) -> dict[str, object]:
    if isinstance(item, AtomicRedisModel):
        key = key_of(item)
        return {KEY: key, **dict(fields_of(item))}
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    return dict(item) if isinstance(item, dict) else {"value": item}


def _dict(item: object) -> dict[str, Any]:
    return item.model_dump() if isinstance(item, AtomicRedisModel) else _row(item)
