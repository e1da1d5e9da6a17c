"""Boxes joined by arrows: as SVG without any script, as a tree of text, and as Mermaid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MOST_BOXES: Final = 40
_LENGTH: Final = 28
_CHARACTER, _ROW, _PAD, _GAP = 7.4, 20, 10, 70
_MARGIN: Final = 8
_STYLE: Final = Markup(
    """<style>.rapyer-nb svg{display:block;max-width:100%;height:auto;margin:4px 0}
.rapyer-nb svg text{fill:var(--rapyer-ink);font-size:12px;font-family:var(--jp-code-font-family,monospace)}
.rapyer-nb svg text.rapyer-title{font-weight:700}
.rapyer-nb svg rect{fill:var(--rapyer-back);stroke:var(--rapyer-line)}
.rapyer-nb svg rect.rapyer-head{fill:var(--rapyer-stripe)}
.rapyer-nb svg path{fill:none;stroke:var(--rapyer-faint)}
.rapyer-nb svg polygon{fill:var(--rapyer-faint)}</style>"""
)


@dataclass(frozen=True)
class Arrow:
    """An arrow from a box to another one.

    Args:
        label: The row of the box that it starts at.
        target: The name of the box that it leads to.
    """

    label: str
    target: str


@dataclass(frozen=True, repr=False)
class Diagram(View):
    """Boxes, each with the arrows that start there.

    Args:
        root: The name of the box to begin with.
        boxes: The arrows of each box, by its name; what arrows lead to and has no entry is a box without any.
        caption: What it shows, for those who do not see it.
    """

    root: str
    boxes: Mapping[str, Sequence[Arrow]]
    caption: str

    def text(self) -> str:
        """Return a tree; what stands above already is named, and not followed again."""
        return "\n".join([printable(self.root), *self._branches(self.root, "", {self.root})])

    def _branches(self, name: str, indent: str, seen: set[str]) -> Iterator[str]:
        arrows = self.boxes.get(name, ())
        for number, arrow in enumerate(arrows, 1):
            last = number == len(arrows)
            known = arrow.target in seen
            again = " (above)" if known and self.boxes.get(arrow.target) else ""
            sign = "└─" if last else "├─"
            yield f"{indent}{sign} {printable(arrow.label)} → {printable(arrow.target)}{again}"
            if not known and len(seen) < MOST_BOXES:
                seen.add(arrow.target)
                yield from self._branches(arrow.target, indent + ("   " if last else "│  "), seen)

    @property
    def mermaid(self) -> str:
        """The same for Mermaid, as a class diagram."""
        lines = ["classDiagram", *(f"    class {_word(name)}" for name in self._layers())]
        for name, arrows in self.boxes.items():
            start = f"    {_word(name)} -->"
            lines += [f"{start} {_word(arrow.target)} : {printable(arrow.label)}" for arrow in arrows]
        return "\n".join(lines)

    def body(self) -> Markup:
        """Return an SVG: columns of boxes by their distance from the root, with a row for each arrow."""
        layers = self._layers()
        places = dict(self._placed(layers))
        width = max(box.right for box in places.values()) + _MARGIN + _GAP / 2
        height = max(box.bottom for box in places.values()) + _MARGIN
        arrows = [
            self._arrow(places[name], row, places[arrow.target])
            for name in places
            for row, arrow in enumerate(self.boxes.get(name, ()), 1)
            if arrow.target in places
        ]
        boxes = [self._box(name, box) for name, box in places.items()]
        attributes = {
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "role": "img",
            "aria-label": self.caption,
        }
        svg = element("svg", element("title", self.caption), *arrows, *boxes, **attributes)
        return joined(_STYLE, svg)

    def _layers(self) -> dict[str, int]:
        """Return how far each box is from the root, as many as are shown."""
        found = {self.root: 0}
        queue = [self.root]
        for name in queue:
            for arrow in self.boxes.get(name, ()):
                if arrow.target not in found and len(found) < MOST_BOXES:
                    found[arrow.target] = found[name] + 1
                    queue.append(arrow.target)
        return found

    def _placed(self, layers: Mapping[str, int]) -> Iterator[tuple[str, _Box]]:
        left: float = _MARGIN
        for layer in range(max(layers.values()) + 1):
            names = [name for name, own in layers.items() if own == layer]
            width = max(self._width(name) for name in names)
            top: float = _MARGIN
            for name in names:
                height = _ROW * (1 + len(self.boxes.get(name, ())))
                yield name, _Box(left, top, width, height)
                top += height + _ROW
            left += width + _GAP

    def _width(self, name: str) -> float:
        texts = [name, *(arrow.label for arrow in self.boxes.get(name, ()))]
        return max(len(_shown(text)) for text in texts) * _CHARACTER + 2 * _PAD

    def _box(self, name: str, box: _Box) -> Markup:
        rows = [_text(arrow.label, box, row) for row, arrow in enumerate(self.boxes.get(name, ()), 1)]
        frame = element("rect", **_size(box, box.height), rx="4")
        head = element("rect", **_size(box, _ROW), rx="4", class_="rapyer-head")
        return element("g", frame, head, _text(name, box, 0, "rapyer-title"), *rows)

    def _arrow(self, start: _Box, row: int, end: _Box) -> Markup:
        x, y = start.right, start.top + _ROW * (row + 0.5)
        if end.left > start.left:
            to_x, to_y, bend, tip = end.left, end.top + _ROW / 2, (end.left - x) / 2, -7
        else:  # back to the same column or an earlier one: it comes in from the right
            to_x, to_y, bend, tip = end.right, end.top + _ROW / 2, _GAP / 2, 7
        turn = to_x - bend if tip < 0 else to_x + bend
        line = f"M{x:.0f} {y:.0f} C{x + bend:.0f} {y:.0f} {turn:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
        back = to_x + tip
        points = f"{to_x:.0f},{to_y:.0f} {back:.0f},{to_y - 4:.0f} {back:.0f},{to_y + 4:.0f}"
        return joined(element("path", d=line), element("polygon", points=points))


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


def _size(box: _Box, height: float) -> dict[str, str]:
    return {
        "x": f"{box.left:.0f}",
        "y": f"{box.top:.0f}",
        "width": f"{box.width:.0f}",
        "height": f"{height:.0f}",
    }


def _text(text: str, box: _Box, row: int, kind: str = "rapyer-row") -> Markup:
    place = {"x": f"{box.left + _PAD:.0f}", "y": f"{box.top + _ROW * row + 14:.0f}"}
    return element("text", _shown(text), class_=kind, **place)


def _shown(text: str) -> str:
    return clipped(printable(text), _LENGTH)


def _word(name: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in name)
