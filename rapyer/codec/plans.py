"""What a search server tells of a query: its plan, and what each part of it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import text

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHILDREN = ("Child iterators", "Child iterator")


@dataclass(frozen=True, slots=True)
class PlanNode:
    """A part of the plan of a query.

    Attributes:
        text: What it is, in the server's words, such as `INTERSECT` or `NUMERIC {1 <= @age <= 5}`,
            without what it is made of.
        children: What it is made of.
    """

    text: str
    children: tuple[PlanNode, ...] = ()

    @property
    def scans(self) -> bool:
        """Whether it looks at every document of the index, as it excludes and does not select."""
        kind = self.text.rpartition(":")[2].partition("{")[0].strip()
        if kind == "INTERSECT":
            return bool(self.children) and all(child.scans for child in self.children)
        if kind == "UNION":
            return any(child.scans for child in self.children)
        return kind in {"<WILDCARD>", "NOT"}

    def lines(self, indent: int = 0) -> Iterator[str]:
        """Yield it and what it is made of, a line each."""
        yield "  " * indent + self.text
        for child in self.children:
            yield from child.lines(indent + 1)


@dataclass(frozen=True, slots=True)
class Reader:
    """What read a part of the index when a query was profiled.

    Attributes:
        kind: What kind of reader, such as `NUMERIC` or `INTERSECT`.
        term: What it read: a range or a word; empty for one that combines others.
        found: How many documents it gave.
        size: How many entries that part of the index has; None where it does not say.
        milliseconds: How long it took, with what it is made of.
        children: What it is made of.
    """

    kind: str
    term: str
    found: int
    size: int | None
    milliseconds: float
    children: tuple[Reader, ...] = ()

    def lines(self, indent: int = 0) -> Iterator[str]:
        """Yield it and what it is made of, a line each."""
        term = f" {self.term}" if self.term else ""
        size = "" if self.size is None else f" of {self.size}"
        yield f"{'  ' * indent}{self.kind}{term}: {self.found}{size} in {self.milliseconds:g} ms"
        for child in self.children:
            yield from child.lines(indent + 1)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a query did on one server.

    Attributes:
        found: How many documents the query gave. What read the index may count more, such as documents that
            have changed, of which the server has not thrown away the older entries yet.
        milliseconds: How long it took in all.
        readers: What read the index.
    """

    found: int
    milliseconds: float
    readers: tuple[Reader, ...]


def plan_tree(reply: bytes | str) -> PlanNode:
    """Read a reply of `FT.EXPLAIN`; braces and line ends in values are taken for its own."""
    open_nodes: list[tuple[str, list[PlanNode]]] = [("", [])]
    for line in map(str.strip, text(reply).splitlines()):
        if line.startswith("}") and len(open_nodes) > 1:
            name, children = open_nodes.pop()
            open_nodes[-1][1].append(PlanNode(name + line[1:], tuple(children)))
        elif line.endswith("{"):
            open_nodes.append((line[:-1].strip(), []))
        elif line:
            open_nodes[-1][1].append(PlanNode(line))
    top = open_nodes[0][1]
    return top[0] if len(top) == 1 else PlanNode("", tuple(top))


def profile_of(reply: Any) -> Profile:
    """Read a reply of `FT.PROFILE … SEARCH`, of any version of the protocol and the server."""
    took = _named(reply, "Total profile time")
    milliseconds = float(text(took) if isinstance(took, bytes) else took or 0)
    return Profile(_total(reply), milliseconds, _readers(_named(reply, "Iterators profile")))


def _total(reply: Any) -> int:
    if isinstance(reply, dict):
        return int(_named(reply, "total_results") or 0)
    results = reply[0] if isinstance(reply[0], list) else reply[1]  # after its name, where it has one
    return int(results[0]) if isinstance(results, list) else int(_named(results, "total_results") or 0)


def _named(reply: Any, name: str) -> Any:
    """Return what stands under a name, or after it, anywhere in a reply; None where the name is not there."""
    if isinstance(reply, dict):
        pairs = [(key, value) for key, value in reply.items()]
    elif isinstance(reply, list):
        pairs = list(zip(reply, reply[1:], strict=False))
    else:
        return None
    for key, value in pairs:
        if isinstance(key, bytes | str) and text(key) == name:
            return value
    parts = reply.values() if isinstance(reply, dict) else reply
    return next((found for found in (_named(part, name) for part in parts) if found is not None), None)


def _readers(told: Any) -> tuple[Reader, ...]:
    """Return the readers that stand in a place: one, several, or a list of several."""
    if isinstance(told, dict) or (isinstance(told, list) and told and isinstance(told[0], bytes | str)):
        return (_reader(told),)
    if isinstance(told, list):
        return tuple(reader for each in told for reader in _readers(each))
    return ()


def _reader(told: Any) -> Reader:
    fields = {text(key): value for key, value in told.items()} if isinstance(told, dict) else _fields(told)
    below = next((fields[name] for name in _CHILDREN if name in fields), None)
    shown = {name: text(value) if isinstance(value, bytes) else value for name, value in fields.items()}
    size = shown.get("Size")
    return Reader(
        str(shown.get("Type", "")),
        str(shown.get("Term", "")),
        int(shown.get("Counter", 0)),
        None if size is None else int(size),
        float(shown.get("Time", 0)),
        _readers(below),
    )


def _fields(told: list[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    at = 0
    while at < len(told):
        name = text(told[at])
        if name in _CHILDREN:
            fields[name] = told[at + 1 :]  # they come last, one after the other
            break
        fields[name] = told[at + 1] if at + 1 < len(told) else None
        at += 2
    return fields
