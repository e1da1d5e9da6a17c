"""What a search gives: a list of models that knows how many there are and how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from rapyer import AtomicRedisModel
from rapyer_nb.views.brief import brief_cell, fields_of
from rapyer_nb.views.model import key_of
from rapyer_nb.views.note import Note, counted, lasted
from rapyer_nb.views.table import Table

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from rapyer_nb.views.view import View

Item = TypeVar("Item")

DISPLAY_LIMIT: Final = 20
_MOST_COLUMNS: Final = 12
_CELL_LENGTH: Final = 80


class ResultList(list[Item]):
    """The models (or dicts) found, as an ordinary list.

    Attributes:
        total: How many documents on the server match, also beyond the limit.
        elapsed: Seconds that the search took.
        skipped: The keys of matching documents that could not be given, because they had gone or are corrupt.
        model_name: The name of the class searched.
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
        display_limit: int = DISPLAY_LIMIT,
        quiet: bool = False,
    ) -> None:
        super().__init__(items)
        self.total = total
        self.elapsed = elapsed
        self.skipped = skipped
        self.model_name = model_name
        self.display_limit = display_limit
        self.quiet = quiet

    def view(self) -> View:
        """Return what a notebook shows: a table of the first rows, and a line with the numbers."""
        if self.quiet or not self:
            return Note(self.footer())
        shown = self[: self.display_limit]
        columns = _columns(shown)
        rows = [_cells(item, columns) for item in shown]
        return Table(caption=self.model_name, columns=columns, rows=rows, footer=self.footer())

    def footer(self) -> str:
        """Return a line such as `20 of 143, 1.2 ms`."""
        if not self and not self.total:
            numbers = f"no {self.model_name} matches"
        else:
            numbers = f"{len(self):,} of {self.total:,}"
        shown = min(len(self), self.display_limit)
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
        return {"key": key, **dict(fields_of(item))}
    return dict(item) if isinstance(item, dict) else {"value": item}
