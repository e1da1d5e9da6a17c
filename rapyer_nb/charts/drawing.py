"""Charts as pictures, by matplotlib: readable on a light page and on a dark one, whatever its styles are."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from rapyer.errors import MissingPackageError
from rapyer_nb.views.brief import clipped, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer_nb.views.plot import Plot, Point

_SIZE: Final = (6.4, 3.6)
_SHARPNESS: Final = 2
_DOTS: Final = 100
_TEXT: Final = {"text.usetex": False, "text.parse_math": False}
"""Names come from Redis: a `$` in them is no formula."""

_MOST_TICKS: Final = 16
_MOST_MARKERS: Final = 60


def matplotlib_package() -> Any:
    """Return matplotlib.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return import_module("matplotlib")
    except ImportError as error:
        raise MissingPackageError(
            "matplotlib is not installed", hint="run `pip install matplotlib`, or install rapyer-nb[plot]"
        ) from error


def drawn(plot: Plot, axes: tuple[str, str], more: str) -> Plot:
    """Return a plot with its picture.

    Args:
        plot: What is drawn.
        axes: What stands below, and at the side.
        more: What is added to its footer.
    """
    matplotlib = matplotlib_package()
    figures = import_module("matplotlib.figure")
    picture = io.BytesIO()
    # Without pyplot: nothing is shown by itself, and no figure is kept open.
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of signs that the font does not have
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_TEXT)
        figure = figures.Figure(figsize=_SIZE, dpi=_DOTS, layout="constrained", facecolor="white")
        _fill(figure.add_subplot(), plot, axes)
        footer = f"{plot.footer}{more}"
        figure.supxlabel(printable(footer), x=0.01, ha="left", fontsize="x-small", color="dimgray")
        figure.savefig(picture, format="png", dpi=_DOTS * _SHARPNESS)
    width = int(_SIZE[0] * _DOTS)
    return replace(plot, picture=picture.getvalue(), figure=figure, footer=footer, width=width)


def _fill(place: Any, plot: Plot, axes: tuple[str, str]) -> None:
    place.set_title(clipped(printable(plot.title), 80), loc="left", fontsize="medium")
    place.set_xlabel(printable(axes[0]))
    place.set_ylabel(printable(axes[1]))
    place.spines[["top", "right"]].set_visible(False)
    place.grid(axis="y", alpha=0.3)
    place.set_axisbelow(True)
    series = list(dict.fromkeys(point.series for point in plot.points))
    floor = [0.0] * len(plot.points)
    for name in series:
        chosen = [at for at, point in enumerate(plot.points) if point.series == name]
        points, labels = [plot.points[at] for at in chosen], [plot.labels[at] for at in chosen]
        if plot.kind == "line":
            _line(place, points, labels)
        else:
            _bars(place, points, labels, name, floor)
    if len(series) > 1:
        place.legend(fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _line(place: Any, points: Sequence[Point], labels: Sequence[str]) -> None:
    heights = [float("nan") if point.y is None else point.y for point in points]
    marker = "o" if len(points) <= _MOST_MARKERS else ""
    if _is_scale(points):
        place.plot([_middle(point) for point in points], heights, marker=marker, markersize=4)
        _slant(place, points)
        return
    place.plot(range(len(points)), heights, marker=marker, markersize=4)
    _name(place, labels)


def _bars(
    place: Any, points: Sequence[Point], labels: Sequence[str], series: str, floor: list[float]
) -> None:
    """Draw bars upon those of the series before, whose heights are the floor."""
    heights = [point.y or 0.0 for point in points]
    below = floor[: len(points)]
    floor[: len(points)] = [low + height for low, height in zip(below, heights, strict=True)]
    options: dict[str, Any] = {"bottom": below, **({"label": printable(series)} if series else {})}
    if _is_scale(points) and all(point.end is not None for point in points):
        widths = [point.end - point.x for point in points]
        options |= {"align": "edge", "edgecolor": "white", "linewidth": 0.5}
        place.bar([point.x for point in points], heights, widths, **options)
        _slant(place, points)
    elif _is_scale(points):
        place.bar([point.x for point in points], heights, **options)
    else:
        place.bar(range(len(points)), heights, **options)
        _name(place, labels)


def _middle(point: Point) -> Any:
    """Return where a point of a line stands: in the middle of a bin, at the beginning of a time."""
    return point.x if point.end is None or _is_time(point) else point.x + (point.end - point.x) / 2


def _is_scale(points: Sequence[Point]) -> bool:
    """Tell whether what stands below are numbers or times, and not names."""
    return all(_is_time(point) or isinstance(point.x, float) for point in points)


def _is_time(point: Point) -> bool:
    return isinstance(point.x, dt.datetime)


def _slant(place: Any, points: Sequence[Point]) -> None:
    if any(map(_is_time, points)):
        place.tick_params(axis="x", labelrotation=30)


def _name(place: Any, labels: Sequence[str]) -> None:
    step = -(-len(labels) // _MOST_TICKS) if len(labels) > 2 * _MOST_TICKS else 1
    long = sum(map(len, labels[::step])) > 70
    place.set_xticks(
        range(0, len(labels), step),
        [printable(label) for label in labels[::step]],
        rotation=45 if long else 0,
        ha="right" if long else "center",
        fontsize="small",
    )
