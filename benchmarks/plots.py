"""`python -m benchmarks.plots`: draw the figures of a stored run for docs/benchmarks.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.gates import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = DOCS / "benchmarks" / "figures.json"
IMAGES = DOCS / "images"

Record = dict[str, Any]

# One picture for both themes of a page: no background, and colours that can be read on white and on black.
_INK = "#767676"
_COLOURS = {"plain": "#009E73", "raw": "#0080c0", "rp": "#cc7000", "alone": "#cc79a7", OURS: "#d04f4f"}
_TITLES = {
    "plain": "to plain pydantic",
    "raw": "to redis-py and orjson, ending in dicts",
    "rp": "to redis-py and orjson, ending in pydantic models",
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rapyer-nb",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def ratios(records: Sequence[Record]) -> Figure:
    """Draw what each operation costs, as ratios to doing the same by hand, with their spread."""
    shown = [one for one in records if set(one["ratio"]) & set(_TITLES)]
    figure = Figure(figsize=(7.5, 1.3 + 0.36 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, base in enumerate(_TITLES):
        rows = [(row, one) for row, one in enumerate(shown) if base in one["ratio"]]
        at = [row + 0.2 * (place - 1) for row, _ in rows]
        middle = [one["ratio"][base] for _, one in rows]
        # The spread is the whole distance of the rounds, as a part of their median.
        beside = [one["ratio"][base] * one["spread"][base] / 2 for _, one in rows]
        below = [min(half, 0.9 * value) for half, value in zip(beside, middle, strict=True)]
        axes.errorbar(
            middle, at, xerr=(below, beside), fmt="o", ms=4, color=_COLOURS[base], label=_TITLES[base]
        )
    axes.axvline(1, color=_INK, linewidth=0.8)
    axes.set_xscale("log")
    _ticks(axes)
    axes.set_yticks(range(len(shown)), [one["operation"] for one in shown])
    axes.invert_yaxis()
    axes.set_xlabel("cost of ours as a ratio; left of the line ours is the faster")
    figure.legend(loc="outside upper left", ncols=1)
    return figure


def growth(records: Sequence[Record]) -> Figure:
    """Draw how the cost grows: of a cascade with the models it reaches, of a find with the keys of others."""
    figure = Figure(figsize=(7.5, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    _lines(left, records, "cascade ", {OURS: "one call", "raw": "by hand"})
    left.set_xlabel("models that a time to live goes on to")
    _lines(right, records, "afind expr beside ", {OURS: "with them", "alone": "without them"})
    right.set_xlabel("keys of others on the same server")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_ylabel("milliseconds")
        axes.legend()
    left.set_yscale("log")
    left.set_title("a cascade", fontsize=9)
    right.set_title("finding 1,000 of 10,000 models", fontsize=9)
    return figure


def _lines(axes: Axes, records: Sequence[Record], prefix: str, contenders: dict[str, str]) -> None:
    found = [one for one in records if one["operation"].startswith(prefix)]
    sizes = [int(one["operation"].removeprefix(prefix)) for one in found]
    for name, label in contenders.items():
        costs = [1000 * one["cost"][name] for one in found]
        axes.plot(sizes, costs, marker="o", ms=4, color=_COLOURS[name], label=label)
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()


def _ticks(axes: Axes) -> None:
    low, high = axes.get_xlim()
    marks = [mark for mark in (0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 3, 5, 10) if low <= mark <= high]
    axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
    axes.minorticks_off()


def main(source: Path = FIGURES, images: Path = IMAGES) -> None:
    """Draw all pictures."""
    records: list[Record] = json.loads(source.read_text(encoding="utf-8"))
    with mpl.rc_context(_STYLE):
        for draw in (ratios, growth):
            figure = draw(records)
            metadata = {"Date": None, "Creator": None}  # the same figures give the same file
            figure.savefig(images / f"benchmarks-{draw.__name__}.svg", transparent=True, metadata=metadata)


if __name__ == "__main__":
    main()
