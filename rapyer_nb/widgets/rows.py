"""The rows of a table: what was found, and what is kept on show for a while although it was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.widgets.columns import Column

DELETED: Final = "deleted"
ELSEWHERE: Final = "not on this page any more"
GONE: Final = 2.5
"""Seconds for which a deleted document stays on show, marked."""


@dataclass
class Row:
    """One row.

    Attributes:
        key: The document.
        model: What is shown of it.
        mark: Why it is shown although it was not found; empty where it was.
        until: The loop's time at which it goes, where it is marked.
        sizes: How long its queues are, by the names of their columns.
    """

    key: str
    model: AtomicRedisModel
    mark: str = ""
    until: float = 0.0
    sizes: Mapping[str, int] = field(default_factory=dict)

    def state(self, columns: Sequence[Column], *, selected: bool, editable: bool) -> dict[str, Any]:
        """Return the row as the page knows it."""
        editable = editable and self.mark != DELETED
        cells = [
            column.cell(self.model, self.sizes.get(column.name), editable=editable) for column in columns
        ]
        return {"key": self.key, "mark": self.mark, "selected": selected, "cells": cells}


class Rows:
    """The rows on show, in order."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> Row | None:
        """Return the row of a document, if it is on show."""
        return next((row for row in self._rows if row.key == key), None)

    def missing(self, found: Mapping[str, Any]) -> list[str]:
        """Return the keys on show that are not among what was found."""
        return [row.key for row in self._rows if row.key not in found]

    def take(
        self,
        found: Mapping[str, AtomicRedisModel],
        deleted: frozenset[str],
        held: Callable[[str], bool],
        until: float,
        sizes: Mapping[str, Mapping[str, int]],
    ) -> None:
        """Take what was found; rows that are gone keep their places, marked, for a while or while held.

        Args:
            found: The documents by their keys, in order.
            deleted: The keys on show that are not stored any more.
            held: Tells whether somebody edits a cell of a row.
            until: The loop's time until which deleted ones stay.
            sizes: How long queues are, by key and column.
        """
        kept = []
        for position, row in enumerate(self._rows):
            if row.key in found:
                continue
            was_deleted = row.mark == DELETED
            row.mark = DELETED if row.key in deleted else ELSEWHERE
            if row.mark == DELETED and not was_deleted:
                row.until = until
            if row.mark == DELETED or held(row.key):
                kept.append((position, row))
        self._rows = [Row(key, model, sizes=sizes.get(key, {})) for key, model in found.items()]
        for position, row in kept:
            self._rows.insert(position, row)

    def drop(self, now: float, held: Callable[[str], bool]) -> None:
        """Drop what is marked and has been shown long enough, unless somebody edits it."""
        self._rows = [row for row in self._rows if not row.mark or row.until > now or held(row.key)]
