"""Round trips as a waterfall: a row for each command, and a bar for how long each took and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR_CELLS: Final = 16
_KEYS_LENGTH: Final = 60
_LEAST_PERCENT: Final = 0.6
_COLUMNS: Final = ("trip", "command", "keys", "out", "in", "took", "when")
_BAR_STYLE: Final = Markup(
    """<style>.rapyer-nb td.rapyer-when{min-width:10em;width:30%}
.rapyer-nb .rapyer-bar{display:block;height:.8em;margin-top:.25em;min-width:2px;border-radius:2px;
background:var(--jp-brand-color1,#1976d2)}
.rapyer-nb .rapyer-bar.rapyer-failed{background:var(--jp-error-color1,#d32f2f)}
.rapyer-nb td.rapyer-number{text-align:right!important;white-space:nowrap;font-variant-numeric:tabular-nums}
</style>"""
)


@dataclass(frozen=True)
class Bar:
    """One row.

    Args:
        label: The number of the round trip; empty for its further commands.
        name: The command.
        keys: The keys that it names.
        place: The path in the document.
        sent: The bytes of the request.
        received: The bytes of the reply.
        seconds: How long the round trip took; `None` for its further commands.
        start: When it began, as a part of the whole, from 0 to 1.
        width: How long it took, as a part of the whole.
        failed: The error that it ended in; else empty.
    """

    label: str
    name: str
    keys: tuple[str, ...]
    place: str
    sent: int
    received: int
    seconds: float | None
    start: float
    width: float
    failed: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the texts of the row, all but the bar."""
        told = " ".join((*self.keys, *([self.place] if self.place else [])))
        shown = clipped(printable(told), _KEYS_LENGTH)
        name = f"✕ {self.name}" if self.failed else self.name
        duration = "" if self.seconds is None else took(self.seconds)
        return (self.label, name, shown, sized(self.sent), sized(self.received), duration)


@dataclass(frozen=True, repr=False)
class Waterfall(View):
    """Rows with bars on one scale of time.

    Args:
        caption: What it shows.
        bars: The rows.
        footer: The sums.
        remarks: Lines on what failed, and what could be better.
    """

    caption: str
    bars: Sequence[Bar]
    footer: str
    remarks: Sequence[str] = ()

    def text(self) -> str:
        """Return an aligned table with a bar drawn of characters, the sums, and the remarks."""
        rows = [(*bar.cells(), _drawn(bar)) for bar in self.bars]
        table = Table(self.caption, _COLUMNS, rows, self.footer).text()
        return "\n".join([table, *map(printable, self.remarks)])

    def body(self) -> Markup:
        """Return a table whose last column holds the bars, the sums, and the remarks."""
        footer = element("p", self.footer, class_="rapyer-faint")
        lines = [element("p", line) for line in self.remarks]
        if not self.bars:
            return joined(footer, *lines)
        headings = [element("th", column, scope="col") for column in _COLUMNS]
        table = element(
            "table",
            element("caption", self.caption),
            element("thead", element("tr", *headings)),
            element("tbody", *map(_row, self.bars)),
        )
        return joined(_BAR_STYLE, table, footer, *lines)


def took(seconds: float) -> str:
    """Return a duration such as `310 µs`, `12.5 ms` or `1.3 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    micros = seconds * 1_000_000
    return f"{micros:.0f} µs" if micros < 1000 else f"{micros / 1000:.1f} ms"


def sized(number: int) -> str:
    """Return a number of bytes such as `310 B`, `12.5 KB` or `3.1 MB`."""
    if number < 1000:
        return f"{number} B"
    if number < 1_000_000:
        return f"{number / 1000:.1f} KB"
    return f"{number / 1_000_000:.1f} MB"


def _row(bar: Bar) -> Markup:
    label, name, keys, sent, received, duration = bar.cells()
    numbers = [element("td", text, class_="rapyer-number") for text in (sent, received, duration)]
    cells = [
        element("td", label, class_="rapyer-number"),
        element("td", element("code", name)),
        element("td", element("code", keys)),
        *numbers,
        element("td", _bar(bar), class_="rapyer-when"),
    ]
    return element("tr", *cells)


def _bar(bar: Bar) -> Markup:
    if bar.seconds is None:
        return Markup()
    start = min(bar.start * 100, 100 - _LEAST_PERCENT)
    width = max(_LEAST_PERCENT, min(bar.width * 100, 100 - start))
    kind = "rapyer-bar rapyer-failed" if bar.failed else "rapyer-bar"
    style = f"margin-left:{start:.1f}%;width:{width:.1f}%"
    return element("span", class_=kind, style=style, title=took(bar.seconds))


def _drawn(bar: Bar) -> str:
    if bar.seconds is None:
        return ""
    start = min(int(bar.start * _BAR_CELLS), _BAR_CELLS - 1)
    width = max(1, min(round(bar.width * _BAR_CELLS), _BAR_CELLS - start))
    return "·" * start + "█" * width + "·" * (_BAR_CELLS - start - width)
