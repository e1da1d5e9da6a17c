"""A verdict, tables that back it, and lines that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer_nb.views.brief import printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.views.table import Table


@dataclass(frozen=True, repr=False)
class Report(View):
    """A report.

    Args:
        verdict: The first line.
        tables: What backs it.
        remarks: Lines below.
    """

    verdict: str
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()

    def text(self) -> str:
        """Return the verdict, each table under its caption, and the remarks."""
        parts = [printable(self.verdict)]
        for table in self.tables:
            parts += ["", printable(table.caption), table.text()]
        if self.tables:
            parts.append("")
        return "\n".join([*parts, *map(printable, self.remarks)])

    def body(self) -> Markup:
        """Return the same as HTML."""
        return joined(
            element("p", element("strong", self.verdict)),
            *(table.body() for table in self.tables),
            *(element("p", remark) for remark in self.remarks),
        )
