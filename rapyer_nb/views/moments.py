"""The last changes as they happened, a line for each part that changed, the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer_nb.views.changes import Group, Line

_LENGTH: Final = 80
_WORDS: Final = {"+": "added", "-": "removed", "~": "changed"}
_HEARD: Final = {"tracking": "tracking", "notifications": "notified", "polling": "polled"}
_STYLE: Final = Markup(
    """<style>.rapyer-moments{list-style:none;margin:0;padding:0 2px}
.rapyer-moments li{display:flex;flex-wrap:wrap;gap:1px 8px;align-items:baseline;padding:3px 0;
border-bottom:1px solid var(--rpy-line,#ddd);overflow-wrap:anywhere;font-size:12px}
.rapyer-moments time,.rapyer-moments .rapyer-by{color:var(--rpy-faint,#666);font-variant-numeric:tabular-nums;
white-space:nowrap;font-size:11px}
.rapyer-moments .rapyer-by{margin-left:auto}
.rapyer-nb .rapyer-moments code{font-size:11px;background:none;color:inherit}
.rapyer-moments b{font-weight:600}
.rapyer-moments .rapyer-sign{font-family:var(--jp-code-font-family,monospace);font-weight:700}
.rapyer-moments .rapyer-sign-added,.rapyer-moments ins{color:var(--rpy-ok,#1b6e2c)}
.rapyer-moments .rapyer-sign-removed,.rapyer-moments del{color:var(--rpy-error,#b3261e)}
.rapyer-moments .rapyer-sign-changed{color:var(--rpy-warn,#8a4b00)}
.rapyer-moments ins{text-decoration:none}
.rapyer-moments .rapyer-none{color:var(--rpy-faint,#666);border:0}</style>"""
)


@dataclass(frozen=True)
class Moment:
    """One change.

    Args:
        at: The time of day, as text.
        group: The key, and what differs under it.
        heard_by: How it was heard of.
    """

    at: str
    group: Group
    heard_by: str = ""


@dataclass(frozen=True, repr=False)
class Moments(View):
    """Changes, the latest first, in what a screen reader knows as a log.

    Args:
        about: What was watched.
        moments: They.
    """

    about: str
    moments: Sequence[Moment] = ()

    def text(self) -> str:
        """Return a line such as `12:30:05 ~ User:1 age: 36 → 37 (tracking)` for each part."""
        lines = [" ".join(_words(moment, line)) for moment in self.moments for line in _lines(moment)]
        return "\n".join(lines) or f"{printable(self.about)}: no change yet"

    def body(self) -> Markup:
        """Return the same as a list."""
        items = [_item(moment, line) for moment in self.moments for line in _lines(moment)]
        if not items:
            items = [element("li", "no change yet", class_="rapyer-none")]
        name = f"Changes of {clipped(self.about, _LENGTH)}"
        listed = element("ol", *items, class_="rapyer-moments")
        return joined(_STYLE, element("div", listed, **{"role": "log", "aria-label": name, "tabindex": "0"}))


def _lines(moment: Moment) -> Sequence[Line | None]:
    return moment.group.lines or (None,)


def _words(moment: Moment, line: Line | None) -> Iterator[str]:
    yield moment.at
    yield moment.group.sign if line is None else line.sign
    yield clipped(printable(moment.group.title), _LENGTH)
    if line is None:
        yield printable(moment.group.remark)
    else:
        values = [clipped(printable(value), _LENGTH) for value in (line.before, line.after) if value]
        yield f"{clipped(printable(line.path), _LENGTH)}: {' → '.join(values)}"
    if moment.heard_by:
        yield f"({moment.heard_by})"


def _item(moment: Moment, line: Line | None) -> Markup:
    sign = moment.group.sign if line is None else line.sign
    word = _WORDS.get(sign, "changed")
    what = element("span", *_values(line)) if line else element("span", moment.group.remark)
    heard = _HEARD.get(moment.heard_by, "")
    return element(
        "li",
        element("time", moment.at),
        element("span", sign, class_=f"rapyer-sign rapyer-sign-{word}", title=word),
        element("code", clipped(printable(moment.group.title), _LENGTH)),
        what,
        element("span", heard, class_="rapyer-by", title=f"heard of by {moment.heard_by}") if heard else "",
    )


def _values(line: Line) -> Iterator[str]:
    yield element("b", clipped(printable(line.path), _LENGTH))
    yield " "
    if line.before:
        yield element("del", clipped(line.before, _LENGTH))
    if line.before and line.after:
        yield " → "
    if line.after:
        yield element("ins", clipped(line.after, _LENGTH))
