"""A chart: a picture for notebooks, and bars of text for terminals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.views.brief import ELLIPSIS, clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.table import width_of
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_MOST_LINES: Final = 40
_LABEL_LENGTH: Final = 24
_BAR_LENGTH: Final = 50


@dataclass(frozen=True)
class Point:
    """One bar of a chart, or one point of its line.

    Args:
        x: The value of the field that stands below, the first one of a bin; `None` for missing values.
        y: The number that is drawn; `None` where there is none.
        series: Which line or colour it is a part of; empty where there is one only.
        end: The value with which a bin ends; `None` where it is no bin.
    """

    x: Any
    y: float | None
    series: str = ""
    end: Any = None


@dataclass(frozen=True, repr=False)
class Plot(View):
    """What `%rapyer_plot` gives.

    Args:
        points: What is drawn, as data.
        labels: What each point is called, as many as there are points.
        title: What it shows.
        footer: How much it is of.
        kind: "hist", "bar" or "line".
        picture: The picture, as PNG.
        figure: The figure of matplotlib, to change it or to save it.
        width: How wide the picture is to be shown, in pixels.
    """

    points: Sequence[Point]
    labels: Sequence[str]
    title: str
    footer: str
    kind: str
    picture: bytes = field(default=b"", compare=False)
    figure: Any = field(default=None, compare=False)
    width: int = 640

    def text(self) -> str:
        """Return a bar of text for each point; at most forty, which are counted."""
        lines = [printable(self.title)]
        most = max((abs(point.y) for point in self.points if point.y is not None), default=0) or 1
        names = [self._name(label, point) for label, point in zip(self.labels, self.points, strict=True)]
        shown = [clipped(name, _LABEL_LENGTH) for name in names[:_MOST_LINES]]
        width = max(map(width_of, shown), default=0)
        for name, point in zip(shown, self.points, strict=False):
            bar = "" if point.y is None else "█" * round(abs(point.y) / most * _BAR_LENGTH)
            before = " " * (width - width_of(name))
            lines.append(f"{before}{name}  {bar}{' ' if bar else ''}{_number(point.y)}")
        if len(self.points) > _MOST_LINES:
            lines.append(f"{ELLIPSIS} {len(self.points) - _MOST_LINES} more")
        return "\n".join([*lines, printable(self.footer)])

    def body(self) -> Markup:
        """Return the footer; the picture is offered beside it."""
        return joined(element("p", self.title), element("p", self.footer, class_="rapyer-faint"))

    def _name(self, label: str, point: Point) -> str:
        return printable(f"{label}, {point.series}" if point.series else label)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> Any:
        # No HTML: a front end would show that instead of the picture, and drop a picture inside of it.
        return {"text/plain": self.text(), "image/png": self.picture}, {"image/png": {"width": self.width}}


def _number(value: float | None) -> str:
    return "no value" if value is None else f"{value:,.10g}" if abs(value) < 1e6 else f"{value:,.6g}"
