"""What has changed, as coloured lines under the keys that they concern."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_GROUPS: Final = 20
MOST_LINES: Final = 12
"""How many lines of a group are shown."""

_LENGTH: Final = 120
_SIGNS: Final = {"+": "added", "-": "removed", "~": "changed"}
_STYLE: Final = Markup(
    """<style>.rapyer-nb ul.rapyer-changes{list-style:none;margin:2px 0;padding:0}
.rapyer-nb .rapyer-changes ul{list-style:none;margin:0 0 4px 1.2em;padding:0}
.rapyer-nb .rapyer-changes li{overflow-wrap:anywhere}
.rapyer-nb .rapyer-sign{display:inline-block;width:1.2em;font-family:var(--jp-code-font-family,monospace);
font-weight:700}
.rapyer-nb .rapyer-added{color:var(--jp-success-color1,#2e7d32)}
.rapyer-nb .rapyer-removed{color:var(--jp-error-color1,#d32f2f)}
.rapyer-nb .rapyer-changed{color:var(--jp-warn-color1,#b26a00)}
@media (prefers-color-scheme:dark){.rapyer-nb .rapyer-added{color:var(--jp-success-color1,#81c784)}
.rapyer-nb .rapyer-removed{color:var(--jp-error-color1,#ef9a9a)}
.rapyer-nb .rapyer-changed{color:var(--jp-warn-color1,#ffb74d)}}
.rapyer-nb del{text-decoration:line-through;opacity:.85}
.rapyer-nb ins{text-decoration:none}</style>"""
)


@dataclass(frozen=True)
class Line:
    """One part that differs.

    Args:
        sign: "+", "-" or "~".
        path: Where it is.
        before: What it was, already brief; empty for what was added.
        after: What it is; empty for what was removed.
    """

    sign: str
    path: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Group:
    """What differs under one key.

    Args:
        sign: "+" where it is new, "-" where it is gone, "~" where it has changed.
        title: The key.
        remark: A word or two behind it.
        lines: The parts, or the first of them.
        more: How many further parts there are; of a million nobody need make lines.
    """

    sign: str
    title: str
    remark: str = ""
    lines: Sequence[Line] = field(default_factory=tuple)
    more: int = 0


@dataclass(frozen=True, repr=False)
class Changes(View):
    """Keys, each with what differs, under a line that sums it up.

    Args:
        summary: That line.
        groups: The keys.
        remarks: Lines below.
    """

    summary: str
    groups: Sequence[Group] = ()
    remarks: Sequence[str] = ()

    def text(self) -> str:
        """Return the summary, then `~ User:1  changed` with lines such as `    ~ age: 36 → 37` below."""
        lines = [printable(self.summary)]
        for group in islice(self.groups, _MOST_GROUPS):
            lines.append(
                f"{group.sign} {clipped(printable(group.title), _LENGTH)}  {printable(group.remark)}"
            )
            lines += [f"    {_told(line)}" for line in islice(group.lines, MOST_LINES)]
            lines += [f"    {more}" for more in _more(len(group.lines) + group.more, MOST_LINES)]
        lines += _more(len(self.groups), _MOST_GROUPS)
        return "\n".join([*lines, *map(printable, self.remarks)])

    def body(self) -> Markup:
        """Return the same as nested lists, with signs and colours."""
        items = [_item(group) for group in islice(self.groups, _MOST_GROUPS)]
        items += [
            element("li", more, class_="rapyer-faint") for more in _more(len(self.groups), _MOST_GROUPS)
        ]
        listed = element("ul", *items, class_="rapyer-changes") if items else Markup()
        return joined(
            _STYLE if items else Markup(),
            element("p", self.summary),
            listed,
            *(element("p", remark) for remark in self.remarks),
        )


def _item(group: Group) -> Markup:
    lines = [element("li", _sign(line.sign), *_pieces(line)) for line in islice(group.lines, MOST_LINES)]
    lines += [
        element("li", more, class_="rapyer-faint")
        for more in _more(len(group.lines) + group.more, MOST_LINES)
    ]
    title = element("code", clipped(printable(group.title), _LENGTH))
    remark = element("span", f" {group.remark}", class_="rapyer-faint")
    return element("li", _sign(group.sign), title, remark, element("ul", *lines) if lines else Markup())


def _sign(sign: str) -> Markup:
    return element("span", sign, class_=f"rapyer-sign rapyer-{_SIGNS.get(sign, 'changed')}")


def _pieces(line: Line) -> Iterator[str]:
    yield element("code", clipped(printable(line.path), _LENGTH))
    yield ": "
    if line.before:
        yield element("del", clipped(line.before, _LENGTH), class_="rapyer-removed")
    if line.before and line.after:
        yield " → "
    if line.after:
        yield element("ins", clipped(line.after, _LENGTH), class_="rapyer-added")


def _told(line: Line) -> str:
    values = " → ".join(clipped(printable(value), _LENGTH) for value in (line.before, line.after) if value)
    return f"{line.sign} {clipped(printable(line.path), _LENGTH)}: {values}"


def _more(number: int, most: int) -> list[str]:
    return [f"… {number - most:,} more"] if number > most else []
