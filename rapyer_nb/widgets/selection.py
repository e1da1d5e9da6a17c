"""Which objects of a table are selected, and which of them the user is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.widgets.rows import DELETED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rapyer import AtomicRedisModel
    from rapyer_nb.widgets.rows import Rows


class Selection:
    """The selected objects, also those on other pages, as they were when they were last read.

    Attributes:
        asked: The keys of those that are to be deleted, while that is a question.
    """

    def __init__(self) -> None:
        self._models: dict[str, AtomicRedisModel] = {}
        self.asked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self._models)

    def __contains__(self, key: str) -> bool:
        return key in self._models

    @property
    def keys(self) -> tuple[str, ...]:
        """Their keys."""
        return tuple(self._models)

    @property
    def models(self) -> list[AtomicRedisModel]:
        """They themselves."""
        return list(self._models.values())

    def pick(self, rows: Rows, keys: Iterable[str] | None, *, on: bool) -> None:
        """Select rows, or let go of them.

        Args:
            rows: The rows on show; one that is deleted is not selected.
            keys: Which; None for all, to let go.
            on: Whether to select.
        """
        if keys is None:
            self._models.clear()
        for row in map(rows.get, keys or ()):
            if row is None or row.mark == DELETED:
                continue
            if on:
                self._models[row.key] = row.model
            else:
                self._models.pop(row.key, None)

    def drop(self, keys: Iterable[str]) -> None:
        """Let go of what is deleted."""
        for key in keys:
            self._models.pop(key, None)

    def renew(self, found: Mapping[str, AtomicRedisModel]) -> None:
        """Take what was found now for those of them that are among it."""
        self._models.update({key: model for key, model in found.items() if key in self._models})
