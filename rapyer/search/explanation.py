"""How a query is answered, as data, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rapyer.codec.plans import PlanNode, Profile

_LONGEST = 60
_LONGEST_QUERY = 600
_MOST_LINES = 30
"""How much of a long query is shown; the attributes have all of it."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """How one server answers a query.

    Attributes:
        index: The name of the index there.
        plan: The plan; values that would not fit on a line stand there as the names of the parameters.
        profile: What the parts of the query did when it was run.
    """

    index: str
    plan: PlanNode
    profile: Profile


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a query is answered. `print` it, or let a notebook show it.

    Attributes:
        model: The name of the class.
        query: The query that is sent; empty where no index answers.
        parameters: The values that the query has names for.
        servers: What each server says: one, or each primary of a cluster.
        advice: What could be better, or should be known.
    """

    model: str
    query: str
    parameters: Mapping[str, Any]
    servers: tuple[ServerPlan, ...]
    advice: tuple[str, ...]

    @property
    def found(self) -> int:
        """How many documents the index gives; some may have to be compared once more."""
        return sum(server.profile.found for server in self.servers)

    @property
    def milliseconds(self) -> float:
        """How long the slowest server took to search, without reading documents."""
        return max((server.profile.milliseconds for server in self.servers), default=0.0)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.model}: {self._head()}"
        if self.query:
            yield f"query    {_cut(self.query, _LONGEST_QUERY)}"
            given = (f"${name} = {shown(value)}" for name, value in self.parameters.items())
            yield from (f"         {line}" for line in _first(given))
        for server in self.servers:
            yield f"plan     {server.index}"
            yield from (f"         {line}" for line in _first(server.plan.lines()))
            yield f"profile  {server.profile.milliseconds:g} ms"
            yield from (f"         {line}" for line in _first(_work(server)))
        yield from (f"advice   {line}" for line in self.advice)

    def _head(self) -> str:
        if not self.query:
            return "no index answers"
        return f"{self.found} found in {self.milliseconds:g} ms"

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it; all text in it is escaped."""
        values = "\n".join(_first(f"${name} = {shown(value)}" for name, value in self.parameters.items()))
        parts = [f"<b>{escape(self.model)}</b>: {escape(self._head())}"]
        if self.query:
            parts.append(f"<pre>{escape(_cut(self.query, _LONGEST_QUERY))}</pre>")
        if values:
            parts.append(f"<pre>{escape(values)}</pre>")
        for server in self.servers:
            plan, work = "\n".join(_first(server.plan.lines())), "\n".join(_first(_work(server)))
            parts.append(
                f"<details open><summary>Plan of <code>{escape(server.index)}</code></summary>"
                f"<pre>{escape(plan)}</pre></details>"
                f"<details><summary>Profile: {server.profile.milliseconds:g} ms</summary>"
                f"<pre>{escape(work)}</pre></details>"
            )
        if self.advice:
            parts.append(f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in self.advice)}</ul>")
        return f"<div class='rapyer-explanation'>{''.join(parts)}</div>"


def shown(value: Any) -> str:
    """Return a parameter's value in one short line."""
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return _cut(repr(value), _LONGEST)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _first(lines: Iterable[str]) -> list[str]:
    """Return the first lines, and how many there are more."""
    all_lines = list(lines)
    left = len(all_lines) - _MOST_LINES
    return [*all_lines[:_MOST_LINES], f"… and {left} more"] if left > 1 else all_lines


def _work(server: ServerPlan) -> Iterator[str]:
    return (line for reader in server.profile.readers for line in reader.lines())
