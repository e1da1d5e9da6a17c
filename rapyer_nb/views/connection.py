"""What the notebook is connected to: a line, and a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer_nb.views.brief import printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, repr=False)
class Connection(View):
    """A connection, without any password.

    Args:
        address: The URL, masked.
        origin: How it was chosen.
        version: The version of Redis, if it was asked for.
        missing: The modules that the library needs and the server has not.
        name: What the user has called it.
        ttl: Seconds after which what is stored there expires, of models that have no time to live.
        in_use: Whether models use it.
        warning: What else should be said of it.
    """

    address: str
    origin: str
    version: str = ""
    missing: tuple[str, ...] = ()
    name: str = ""
    ttl: int | None = None
    in_use: bool = True
    warning: str = ""

    def text(self) -> str:
        """Return a line such as `redis://localhost:6379/0 · Redis 8.2.3 · from REDIS_URL`."""
        parts = (self.name, self.address, *self._remarks())
        return " · ".join(printable(part) for part in parts if part)

    def body(self) -> Markup:
        """Return the same line, with the address as code."""
        name = element("strong", f"{self.name} · ") if self.name else Markup()
        remarks = [element("span", f" · {part}", class_="rapyer-faint") for part in self._remarks()]
        return element("p", joined(name, element("code", self.address), *remarks))

    def cells(self) -> tuple[str, ...]:
        """Return the connection as a row of a table."""
        return ("✓" if self.in_use else "", self.name, self.address, self._life(), self.origin)

    def _remarks(self) -> list[str]:
        remarks = [f"Redis {self.version}"] if self.version else []
        if self.missing:
            remarks.append(f"⚠ without {' and '.join(self.missing)}")
        if self.ttl is not None:
            remarks.append(f"what is stored expires after {self._life()}")
        remarks.append(f"from {self.origin}")
        return [*remarks, f"⚠ {self.warning}"] if self.warning else remarks

    def _life(self) -> str:
        return "" if self.ttl is None else f"{self.ttl} s"


@dataclass(frozen=True, repr=False)
class Connections(View):
    """The connections that a notebook holds.

    Args:
        rows: Each of them.
    """

    rows: tuple[Connection, ...]

    def text(self) -> str:
        """Return a table."""
        return self._table().text()

    def body(self) -> Markup:
        """Return a table."""
        return self._table().body()

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def _table(self) -> Table:
        columns = ("in use", "name", "address", "time to live", "from")
        footer = "%rapyer_connect NAME uses another one, --alias NAME in one magic only"
        return Table("Connections", columns, [one.cells() for one in self.rows], footer)
