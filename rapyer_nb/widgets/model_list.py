"""The model classes as rows, with how many documents each has; the numbers stay live."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from rapyer.session.using import using
from rapyer_nb.live import feed_for
from rapyer_nb.views.brief import brief, clipped, printable
from rapyer_nb.views.note import counted
from rapyer_nb.widgets.grid import Grid
from rapyer_nb.widgets.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ipywidgets as W

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.live import Watch
    from rapyer_nb.widgets.paging import Asker

PAUSE: Final = 1.0
"""Seconds between two counts at the least: a class without an index is counted by a look at all keys."""

_COLUMNS: Final = ("model", "documents", "index", "indexed fields", "keys")
_LENGTH: Final = 60
_NOTHING: Final = "rapyer:no-model:"
"""What is listened to while no class is known: something has to tell whether the server can be reached."""


@dataclass(frozen=True)
class ModelRow:
    """What is known of a class.

    Attributes:
        model: The class.
        documents: How many there are.
        index: How its index is.
        indexed: The names of its indexed fields.
    """

    model: type[AtomicRedisModel]
    documents: int
    index: str
    indexed: tuple[str, ...]

    def state(self) -> dict[str, Any]:
        """Return the row as the page knows it."""
        name = self.model.__name__
        texts = (self.index, ", ".join(self.indexed), f"{self.model.class_key_initials()}:")
        cells: list[dict[str, Any]] = [{"text": name}, {"text": f"{self.documents:,}", "number": True}]
        cells += [{"text": clipped(printable(text), _LENGTH)} for text in texts]
        return {"key": name, "mark": "", "selected": False, "cells": cells}


class Guide(Protocol):
    """Knows what there is to be browsed."""

    def models(self) -> Sequence[type[AtomicRedisModel]]:
        """Return all classes that are known; sends nothing."""

    async def count(self) -> Sequence[ModelRow]:
        """Return what is known of each class."""

    def asker(self, model: type[AtomicRedisModel]) -> Asker:
        """Return what finds the objects of a class."""


class ModelList(LiveView):
    """The classes of a server; choosing one calls a function.

    Attributes:
        rows: What is shown.
    """

    looks: ClassVar[str] = "count"

    def __init__(
        self,
        source: ClientSource,
        guide: Guide,
        chosen: Callable[[type[AtomicRedisModel]], None],
    ) -> None:
        """Show an empty list, and start to follow the classes; needs a running event loop.

        Args:
            source: The server.
            guide: Knows the classes.
            chosen: Called on the loop with the class that the user opens.
        """
        self.rows: Sequence[ModelRow] = ()
        self._source = source
        self._guide = guide
        self._chosen = chosen
        self._followed: frozenset[str] = frozenset()
        self._grid = Grid()
        self._grid.hear(lambda content: self.post(self._told, content))
        about = source.describe()
        super().__init__((ModelList, source), "Models", about, "")
        self._draw("")

    def tools(self) -> Sequence[W.Widget]:
        """Return the rows."""
        return (self._grid,)

    def watch(self) -> tuple[Watch, ...]:
        """Listen to all keys of the classes that are known."""
        feed = feed_for(self._source)
        self._followed = frozenset(f"{model.class_key_initials()}:" for model in self._guide.models())
        prefixes = sorted(self._followed) or [_NOTHING]
        watches = tuple(
            feed.watch_prefix(prefix, lambda _: self.refresh(), self.feed_changed if at == 0 else None)
            for at, prefix in enumerate(prefixes)
        )
        if feed.state.status in ("live", "polling"):
            self._enter(feed.state.status, feed.state.reason)
        return watches

    async def look(self) -> None:
        """Look at all classes (FT.INFO; SCAN for those without an index), at most once a second."""
        with using(self._source):
            self.rows = await self._guide.count()
        empty = "" if self.rows else "no model is defined yet: class User(AtomicRedisModel): …"
        self._draw(empty)
        known = frozenset(f"{row.model.class_key_initials()}:" for row in self.rows)
        if known != self._followed and self._watches:  # somebody has defined a class meanwhile
            before, self._watches = self._watches, self.watch()
            for watch in before:
                watch.close()
        await asyncio.sleep(PAUSE)

    def text(self) -> str:
        """Return what it shows at this moment, as text."""
        return f"models: {brief({row.model.__name__: row.documents for row in self.rows}, 1000)}"

    def _draw(self, empty: str) -> None:
        if self._closed:
            return
        columns = [
            {
                "name": name if at else "",
                "label": name,
                "sort": "none",
                "why": "in the order of their definition",
            }
            for at, name in enumerate(_COLUMNS)
        ]
        total = counted(sum(row.documents for row in self.rows), "document")
        about = f"{counted(len(self.rows), 'model')}, {total}" if self.rows else ""
        self._grid.show(
            table={
                "label": "Models",
                "selectable": False,
                "opens": True,
                "columns": columns,
                "rows": [row.state() for row in self.rows],
            },
            bar={
                "label": "",
                "filter": "",
                "mistake": "",
                "selected": 0,
                "ask": "",
                "about": about,
                "empty": empty,
            },
        )

    def _told(self, content: Mapping[str, Any]) -> None:
        if content.get("do") == "open":
            for row in self.rows:
                if row.model.__name__ == content.get("key"):
                    self._chosen(row.model)
