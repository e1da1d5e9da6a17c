"""`table(Model)`: stored objects as rows that can be sorted, filtered, paged, edited, and that stay live."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final

from rapyer.errors import RapyerError
from rapyer.session.executor import perform_now
from rapyer.session.using import using
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.views.note import counted
from rapyer_nb.views.results import ResultList
from rapyer_nb.widgets.below import Below
from rapyer_nb.widgets.beside import read_beside
from rapyer_nb.widgets.cell_edit import CellEdit
from rapyer_nb.widgets.columns import columns_of, plan_of
from rapyer_nb.widgets.deleting import delete_objects
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.grid import Grid
from rapyer_nb.widgets.history import History
from rapyer_nb.widgets.live_table import LiveTable
from rapyer_nb.widgets.locking import holder_of
from rapyer_nb.widgets.paging import found_by
from rapyer_nb.widgets.rows import DELETED, GONE, Rows
from rapyer_nb.widgets.selection import Selection
from rapyer_nb.widgets.undoing import Undoing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ipywidgets as W

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer_nb.live import FeedState
    from rapyer_nb.widgets.beside import Beside
    from rapyer_nb.widgets.columns import Column
    from rapyer_nb.widgets.editor import ModelEditor
    from rapyer_nb.widgets.history import Edit
    from rapyer_nb.widgets.locking import Holder
    from rapyer_nb.widgets.paging import Asker, Paging

SLOW: Final = 0.2
LONGEST_PAUSE: Final = 2.0
"""After a search of more seconds than the one the table rests as long, but no longer than the other."""


class ModelTable(LiveTable):
    """A page of what a filter finds, to be sorted, edited and deleted, which stays in step with Redis.

    Attributes:
        found: The models on this page, with `total`.
    """

    def __init__(
        self,
        asker: Asker,
        paging: Paging,
        columns: Any = None,
        *,
        read_only: bool = False,
        opener: Callable[[AtomicRedisModel], None] | None = None,
    ) -> None:
        """Show an empty table, and start to follow the class; needs a running event loop.

        Args:
            asker: Finds what is shown.
            paging: Which part of it, and in which order.
            columns: The fields to show; None for the first of all.
            read_only: Whether nothing can be changed.
            opener: Shows one object; without one, a form below the table does.
        """
        self.columns = columns_of(asker.model, columns)
        self._asker = asker
        self._paging = paging
        self._read_only = read_only
        self._opener = opener
        self._rows = Rows()
        self._edits: dict[tuple[str, str], CellEdit] = {}
        self._selection = Selection()
        self._history = History()
        self._undoing = Undoing(self._history, self.say, self._undone)
        self._mistake = ""
        self._writes = 0
        self._looked = asyncio.Event()
        self._below = Below()
        self._grid = Grid()
        self._grid.hear(lambda content: self.post(self._told, content))
        model = asker.model
        nothing: ResultList[Any] = ResultList(model=model, model_name=model.__name__)
        super().__init__(model, self._page, nothing, f"{model.class_key_initials()}:*")
        # Another table of the class is another place, unless it began in the same way.
        self.place = (*self.place, asker.text, str(paging.sort), str(columns), read_only)
        self.searches = 0
        self._draw()

    def tools(self) -> Sequence[W.Widget]:
        """Return the rows, and the place for the form of one of them."""
        return (self._grid, self._below.widget)

    def rendered(self, found: ResultList[Any]) -> str:
        """Return nothing: the page draws the rows."""
        return ""

    @property
    def selected(self) -> list[AtomicRedisModel]:
        """The models whose rows are selected, also on other pages, as they were when they were last read."""
        return self._selection.models

    @property
    def editor(self) -> ModelEditor | None:
        """The form below the table; None while there is none."""
        return self._below.editor

    async def ready(self) -> None:
        """Wait until it has searched for the first time."""
        await self._looked.wait()

    def text(self) -> str:
        """Return what it shows at this moment, as text."""
        return super().text() if self._looked.is_set() else f"a table of {self.model.__name__}"

    # Finding ------------------------------------------------------------------------------------------------

    async def _page(self) -> ResultList[Any]:
        return await found_by(self._asker, self._paging)

    async def look(self) -> None:
        """Search again, and read what the open cells stand for, in one more round trip."""
        writes = self._writes
        with using(self._source):
            found = await self._page()
        found.display_limit = len(found)
        models = {str(model.key): model for model in found}
        missing = self._rows.missing(models)
        missing += [key for key in self._selection.keys if key not in models and key not in missing]
        edits = tuple(self._edits.values())
        beside = await read_beside(self._source, self.model, self.columns, models, missing, edits)
        if writes != self._writes:
            return  # what was read may be older than what a cell has written; it is read again
        self.found = found
        self.searches += 1
        self._take(models, beside)
        if found.elapsed > SLOW:
            await asyncio.sleep(min(found.elapsed, LONGEST_PAUSE))

    def _take(self, models: Mapping[str, AtomicRedisModel], beside: Beside) -> None:
        if self._closed:
            return
        self._looked.set()
        self._rows.take(models, beside.gone, self._is_held, self.loop.time() + GONE, beside.sizes)
        self._selection.drop(beside.gone)
        self._selection.renew(models)
        for one, epoch, raw in beside.open:
            one.read(raw, epoch)
        if beside.gone:
            self.loop.call_later(GONE, self.post, self._drop, context=Context())
        self._drop()

    def _drop(self) -> None:
        self._rows.drop(self.loop.time(), self._is_held)
        self._draw()

    def _is_held(self, key: str) -> bool:
        return any(of == key for of, _ in self._edits)

    def feed_changed(self, state: FeedState) -> None:
        """Show how changes are heard of now; what did not get through is sent again."""
        super().feed_changed(state)
        if state.status in ("live", "polling"):
            for one in tuple(self._edits.values()):
                one.reconnected()

    # Showing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._closed:
            return
        self._grid.show(table=self._table_state(), edits=self._edit_states(), bar=self._bar_state())

    def draw_edits(self) -> None:
        """Show how the edits stand."""
        if not self._closed:
            self._grid.show(edits=self._edit_states())

    def _edit_states(self) -> list[dict[str, Any]]:
        return [one.state() for one in self._edits.values()]

    def _table_state(self) -> dict[str, Any]:
        editable = not self._read_only
        return {
            "label": self.model.__name__,
            "selectable": True,
            "opens": editable,
            "columns": [column.heading(self._paging.of(column.name)) for column in self.columns],
            "rows": [
                row.state(self.columns, selected=row.key in self._selection, editable=editable)
                for row in self._rows
            ],
        }

    def _bar_state(self) -> dict[str, Any]:
        asker, editable, asked = self._asker, not self._read_only, len(self._selection.asked)
        about = str(self._paging)
        if skipped := len(self.found.skipped):
            about += f", {counted(skipped, 'document')} left out as gone or corrupt"
        return {
            "label": asker.label,
            "placeholder": asker.placeholder,
            "filter": asker.text,
            "mistake": self._mistake,
            "selected": len(self._selection),
            "opens": editable,
            "deletes": editable,
            "undo": "" if self._history.last is None else self._history.last.name,
            "ask": f"Delete {counted(asked, self.model.__name__)}?" if asked else "",
            "about": about,
            "empty": "" if self._rows or not self._looked.is_set() else f"no {self.model.__name__} matches",
            **self._paging.state(),
        }

    # What the page tells ------------------------------------------------------------------------------------

    def _told(self, content: Mapping[str, Any]) -> None:
        """Do what the user asks for; the page is not trusted to ask only for what it shows."""
        what = content.get("do")
        edits = {"draft": CellEdit.typed, "commit": CellEdit.commit}
        if what in edits:
            if one := self._edit_of(content):
                edits[what](one, int(content["n"]), content["value"], content["saw"])
                self.draw_edits()
            return
        does: dict[Any, Callable[[Mapping[str, Any]], None]] = {
            "edit": lambda told: self._begin(str(told["key"]), str(told["column"])),
            "cancel": self._cancel,
            "mine": lambda told: self._decide(told, CellEdit.keep_mine),
            "theirs": lambda told: self._decide(told, CellEdit.take_theirs),
            "filter": lambda told: self.filter(str(told["text"])),
            "sort": lambda told: self.sort_by(str(told["column"])),
            "page": lambda told: self._turned(self._paging.turn(int(told["by"]))),
            "size": lambda told: self._turned(self._paging.resize(int(told["size"]))),
            "select": lambda told: self._select(told["keys"], on=bool(told["on"])),
            "delete": lambda _: self._ask(self._selection.keys),
            "delete-no": lambda _: self._ask(()),
            "delete-yes": lambda _: self._delete(),
            "undo": lambda _: self.spawn(self._undoing.run()),
            "open": lambda told: self.open_object(told.get("key")),
        }
        does[what](content)

    def filter(self, text: str) -> None:
        """Show what another filter finds; where it is none, say why and leave the table as it is."""
        try:
            self._asker.ask_for(text)
        except (NotebookError, RapyerError, ValueError, TypeError) as error:
            self._mistake = " ".join(str(error).split())
        else:
            self._mistake = ""
            self._paging.offset = 0
            self.refresh()
        self._draw()

    def sort_by(self, name: str) -> None:
        """Sort by a field; the other way round the second time, the third time by nothing; or say why not."""
        if (column := self._column(name)) is None:
            return
        if column.why or not self._asker.sorts:
            self.say("warn", f"not sorted: {column.why or 'keys come as the server gives them'}")
            return
        self._paging.sort_by(name)
        self.say("muted", "")
        self.refresh()
        self._draw()

    def _column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def _turned(self, elsewhere: bool) -> None:
        if elsewhere:
            self.refresh()

    def _select(self, keys: Any, *, on: bool) -> None:
        self._selection.pick(self._rows, None if keys is None else map(str, keys), on=on)
        self._draw()

    # Editing ------------------------------------------------------------------------------------------------

    async def send(self, *commands: Command[Any]) -> list[Any]:
        """Send commands now, as one atomic step, and return their decoded replies."""
        return await perform_now(self._source, *commands)

    async def holder(self, model: AtomicRedisModel) -> Holder | None:
        """Return who holds the lock on an object; None while it is free."""
        return await holder_of(model, self._source)

    def _begin(self, key: str, name: str) -> None:
        if (key, name) in self._edits:
            return
        one = self._opened(key, name)
        if one is None:
            self._grid.refuse(key, name)
            return
        self._edits[key, name] = one
        self.draw_edits()
        self.refresh()  # what is there may have been written in another way, or be newer

    def _opened(self, key: str, name: str) -> CellEdit | None:
        row, column = self._rows.get(key), self._column(name)
        if row is None or row.mark == DELETED or column is None or column.kind is None or self._read_only:
            return None
        plan = plan_of(row.model, column.names)
        if plan is None or column.kind.why_not(column.value(row.model)):
            return None
        return CellEdit(key, column, column.kind, plan, row.model, self)

    def _edit_of(self, told: Mapping[str, Any]) -> CellEdit | None:
        return self._edits.get((str(told.get("key")), str(told.get("column"))))

    def _cancel(self, told: Mapping[str, Any]) -> None:
        one = self._edit_of(told)
        if one is not None and not one.is_busy:
            self.ended(one)
            self._drop()

    def _decide(self, told: Mapping[str, Any], decision: Callable[[CellEdit], None]) -> None:
        if one := self._edit_of(told):
            decision(one)
            self._drop()

    def record(self, edit: Edit) -> None:
        """Remember an edit that went in, to be taken back."""
        self._history.record(edit)

    def _undone(self) -> None:
        self._writes += 1
        self.refresh()
        self._draw()

    def saved(self, edit: CellEdit) -> None:
        """Show what was written, which is searched for again at once."""
        self._writes += 1
        if (row := self._rows.get(edit.key)) is not None and (
            plan := plan_of(row.model, edit.plan.names)
        ) is not None:
            try:
                plan.stored.keep(edit.binding.raw[1:-1])
            except ValueError as error:  # a validator of the user's; the next search shows what is there
                self.say("warn", one_line(error))
        self.say("ok", f"{edit.key}: {edit.column.name} saved")
        self.refresh()

    def ended(self, edit: CellEdit) -> None:
        """Forget an edit; the cell shows its value again."""
        if self._edits.get((edit.key, edit.column.name)) is edit:
            del self._edits[edit.key, edit.column.name]
        self._draw()

    # Deleting and opening -----------------------------------------------------------------------------------

    def _ask(self, keys: tuple[str, ...]) -> None:
        self._selection.asked = () if self._read_only else keys
        self._draw()

    def _delete(self) -> None:
        keys, self._selection.asked = self._selection.asked, ()
        if keys:
            self.spawn(self._deleted(keys))
        self._draw()

    async def _deleted(self, keys: tuple[str, ...]) -> None:
        if await delete_objects(self.model, self._source, keys, self.say):
            self._selection.drop(keys)
            self.refresh()
        self._draw()

    def open_object(self, key: str | None = None) -> None:
        """Show one object in a form: of a row, or the one that is selected."""
        row = None if key is None else self._rows.get(key)
        model = row.model if row is not None else None
        if model is None and len(self._selection) == 1:
            (model,) = self._selection.models
        if model is None or self._read_only:
            return
        if self._opener is not None:
            self._opener(model)
            return
        self._below.show(model, self._source)


def show_table(asker: Asker, paging: Paging, columns: Any = None, *, read_only: bool = False) -> ModelTable:
    """Return a table that is closed with the other widgets; see `ModelTable`.

    Raises:
        NotebookError: No event loop runs.
    """
    return following.opened("table()", lambda: ModelTable(asker, paging, columns, read_only=read_only))
