"""Where a notebook keeps its snapshots, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.views.note import Note, counted
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import Reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer_nb.snapshots.snapshot import Snapshot
    from rapyer_nb.views.view import View


class Shelf(Reporting):
    """The snapshots of a notebook."""

    def __init__(self) -> None:
        self._kept: dict[str, Snapshot] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def check_free(self, name: str) -> None:
        """Refuse a name that is taken.

        Raises:
            NotebookError: There is a snapshot of that name.
        """
        if name in self._kept:
            taken = self._kept[name].taken
            raise NotebookError(
                f"there is a snapshot {name!r} already, taken at {taken:%H:%M:%S}",
                hint="choose another name, or --replace it",
            )

    def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot under its name, instead of one that may have it."""
        self._kept[snapshot.name] = snapshot

    def get(self, name: str) -> Snapshot:
        """Return the snapshot of a name.

        Raises:
            NotebookError: There is none.
        """
        if name not in self._kept:
            known = ", ".join(self._kept)
            otherwise = f"there are {known}" if known else f"take one: %rapyer_snapshot {name}"
            raise NotebookError(
                f"there is no snapshot {name!r}", hint=suggestion(name, self._kept, otherwise=otherwise)
            )
        return self._kept[name]

    def drop(self, name: str) -> Snapshot:
        """Forget a snapshot, and return it.

        Raises:
            NotebookError: There is none of that name.
        """
        snapshot = self.get(name)
        del self._kept[name]
        return snapshot

    def view(self) -> View:
        """Return a table of the snapshots."""
        if not self._kept:
            return Note("no snapshots; %rapyer_snapshot NAME takes one")
        rows = [
            (
                name,
                f"{one.taken:%H:%M:%S}",
                ", ".join(model.__name__ for model in one.scope.models),
                f"{len(one):,}",
            )
            for name, one in self._kept.items()
        ]
        footer = counted(len(rows), "snapshot")
        return Table("Snapshots", ("name", "taken", "models", "documents"), rows, footer)

    def summary(self) -> str:
        """Return the names of the snapshots."""
        return ", ".join(self._kept)
