"""A table as its page has it: what it shows, and what a person does in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer_nb.widgets import ModelTable


class Sheet:
    """What the page knows of a table, and what it tells the kernel."""

    def __init__(self, table: ModelTable) -> None:
        self.table = table
        self.refused: list[Any] = []
        self._typed = 0

    async def until_live(self) -> None:
        await until(
            lambda: self.table._state == "live" and self.table.searches and not self.table._reading,
            "the table is live",
        )

    def tell(self, what: str, **more: Any) -> None:
        """Send what the page would send; in a page it arrives in another thread."""
        self.table._grid._handle_custom_msg({"do": what, **more}, [])

    @property
    def bar(self) -> dict[str, Any]:
        found: dict[str, Any] = self.table._grid.bar
        return found

    @property
    def foot(self) -> str:
        return str(self.table._foot.value)

    @property
    def keys(self) -> list[str]:
        return [row["key"] for row in self.table._grid.table["rows"]]

    def row(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = next(row for row in self.table._grid.table["rows"] if row["key"] == key)
        return found

    def column(self, name: str) -> list[str]:
        """Return the texts of a column."""
        at = self.names.index(name)
        return [row["cells"][at]["text"] for row in self.table._grid.table["rows"]]

    @property
    def names(self) -> list[str]:
        return [column["name"] for column in self.table._grid.table["columns"]]

    def heading(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.table._grid.table["columns"][self.names.index(name)]
        return found

    def cell(self, key: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.row(key)["cells"][self.names.index(name)]
        return found

    def edit(self, key: str, name: str) -> dict[str, Any]:
        """Return an open edit as the page has it; empty where there is none."""
        edits = self.table._grid.edits
        return next((one for one in edits if (one["key"], one["column"]) == (key, name)), {})

    def opens(self, key: str, name: str) -> str | None:
        """Open a cell, and return the value that its input begins with."""
        cell = self.cell(key, name)
        self.tell("edit", key=key, column=name)
        return None if cell.get("none") else cell.get("value", cell["text"])

    async def types(
        self, key: str, name: str, value: str | None, what: str = "commit", saw: str | None = ""
    ) -> None:
        """Open a cell if it is not, type, and leave it (or only type: `draft`)."""
        if not self.edit(key, name):
            begun = self.opens(key, name)
            await until(lambda: self.edit(key, name), "the cell is open")
            saw = begun
        self._typed += 1
        self.tell(what, key=key, column=name, n=self._typed, value=value, saw=saw)
