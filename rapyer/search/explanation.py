"""How a query is answered, as data, as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rapyer.codec.plans import PlanNode, Profile

_LONGEST = 60


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
            yield f"query    {self.query}"
            yield from (f"         ${name} = {shown(value)}" for name, value in self.parameters.items())
        for server in self.servers:
            yield f"plan     {server.index}"
            yield from (f"         {line}" for line in server.plan.lines())
            yield f"profile  {server.profile.milliseconds:g} ms"
            yield from (f"         {line}" for reader in server.profile.readers for line in reader.lines())
        yield from (f"advice   {line}" for line in self.advice)

    def _head(self) -> str:
        if not self.query:
            return "no index answers"
        return f"{self.found} found in {self.milliseconds:g} ms"

    def _repr_html_(self) -> str:
        """Return it as a notebook shows it; all text in it is escaped."""
        rows = "".join(
            f"<tr><td><code>${escape(name)}</code></td><td><code>{escape(shown(value))}</code></td></tr>"
            for name, value in self.parameters.items()
        )
        parts = [f"<b>{escape(self.model)}</b>: {escape(self._head())}"]
        if self.query:
            parts.append(f"<pre>{escape(self.query)}</pre>")
        if rows:
            parts.append(f"<table>{rows}</table>")
        for server in self.servers:
            plan = "\n".join(server.plan.lines())
            work = "\n".join(line for reader in server.profile.readers for line in reader.lines())
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
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
