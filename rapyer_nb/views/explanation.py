"""How a query is answered, as a notebook shows it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import ELLIPSIS, brief, clipped, printable
from rapyer_nb.views.markup import Markup, element, joined, lined
from rapyer_nb.views.note import counted
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer.search.explanation import Explanation, ServerPlan

_MOST_LINES: Final = 100
_LINE_LENGTH: Final = 160
_QUERY_LENGTH: Final = 2_000
_VALUE_LENGTH: Final = 60


@dataclass(frozen=True, repr=False)
class ExplanationView(View):
    """What `explain` of the library tells of a query: its text, its plan, what it did, and advice.

    Args:
        explanation: All of it, as data.
    """

    explanation: Explanation

    @property
    def found(self) -> int:
        """How many documents the index gives."""
        return self.explanation.found

    @property
    def query(self) -> str:
        """The query that is sent; empty where no index answers."""
        return self.explanation.query

    @property
    def advice(self) -> tuple[str, ...]:
        """What could be better, or should be known."""
        return self.explanation.advice

    def text(self) -> str:
        """Return the parts under one another, each with its name before it."""
        lines = [self._head()]
        if self.query:
            lines += _labelled("query", [clipped(printable(self.query), _QUERY_LENGTH), *self._parameters()])
        for server in self.explanation.servers:
            lines += _labelled("plan", [server.index, *_plan(server)])
            lines += _labelled("profile", [f"{server.profile.milliseconds:g} ms", *_profile(server)])
        for advice in self.advice:
            lines += _labelled("advice", [advice])
        return "\n".join(lines)

    def body(self) -> Markup:
        """Return the advice, the query, and the plan and profile of each server, folded."""
        parts = [element("p", element("b", self._head()))]
        if self.advice:
            parts.append(element("ul", *(element("li", advice) for advice in self.advice)))
        if self.query:
            shown = "\n".join([clipped(self.query, _QUERY_LENGTH), *self._parameters()])
            parts.append(lined(shown.split("\n")))
        for server in self.explanation.servers:
            title = f"Profile: {server.profile.milliseconds:g} ms"
            parts.append(_folded(f"Plan of {server.index}", _plan(server), is_open=True))
            parts.append(_folded(title, _profile(server), is_open=False))
        return joined(*parts)

    def _head(self) -> str:
        name = self.explanation.model
        if not self.query:
            return f"{name}: no index answers"
        took = f"{self.explanation.milliseconds:g} ms"
        return f"{name}: {counted(self.found, 'document')} found in {took}"

    def _parameters(self) -> list[str]:
        given = self.explanation.parameters
        lines = [f"${name} = {_value(value)}" for name, value in islice(given.items(), _MOST_LINES)]
        return [*lines, f"{ELLIPSIS} {len(given) - _MOST_LINES} more"] if len(given) > _MOST_LINES else lines


def _value(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else brief(value, _VALUE_LENGTH)


def _plan(server: ServerPlan) -> list[str]:
    return _capped(server.plan.lines())


def _profile(server: ServerPlan) -> list[str]:
    return _capped(line for reader in server.profile.readers for line in reader.lines())


def _capped(lines: Iterable[str]) -> list[str]:
    shown = [clipped(printable(line), _LINE_LENGTH) for line in islice(lines, _MOST_LINES + 1)]
    return [*shown[:_MOST_LINES], ELLIPSIS] if len(shown) > _MOST_LINES else shown


def _labelled(label: str, lines: Iterable[str]) -> Iterator[str]:
    for position, line in enumerate(lines):
        yield f"{label if position == 0 else '':8} {printable(line)}".rstrip()


def _folded(title: str, lines: list[str], *, is_open: bool) -> Markup:
    shown = {"open": "open"} if is_open else {}
    return element("details", element("summary", title), lined(lines), **shown)
