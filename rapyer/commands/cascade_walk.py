"""A cascade on a cluster: what the script `cascade` does, step by step.

A script sees the keys of one slot alone. So the models themselves get their time to live, and are read, in
the transaction that asks for it; then all that is one step away, wherever it lives, is given its time and
read, and so on. Each of these steps is one round trip to each node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import from_json

from rapyer.commands.expire import Missing, expire_models, extend_models
from rapyer.commands.references import decoded, get_matches, is_document, members_of
from rapyer.commands.slots import tagged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.commands.spread import Stages


def walked(keys: Sequence[str], seconds: int, plan: str, lifetimes: Sequence[int]) -> Stages:
    """Do what the command `cascade` does, step by step; see there for the arguments."""
    walk = _Walk(from_json(plan), lifetimes)
    roots = walk.begin(keys)
    first = expire_models([[key, *walk.beside(key, walk.root)] for key in roots], seconds)
    asked: list[Command[Any]] = [first, *map(is_document, roots), *walk.reads(roots)]
    outcomes = yield asked
    there = outcomes[1 : len(roots) + 1]
    walk.learn(roots, outcomes[len(roots) + 1 :])
    walk.forget(key for key, stored in zip(roots, there, strict=True) if stored is not True)
    while True:
        reached = walk.follow()
        unread = walk.unread()
        if not reached and not unread:
            return walk.report()
        armed = walk.armed(reached)
        outcomes = yield [*armed, *walk.reads(unread)]
        walk.count(outcomes[: len(armed)])
        walk.learn(unread, outcomes[len(armed) :])


@dataclass(eq=False)
class _Node:
    """A model that is passed through.

    Attributes:
        number: Its class in the plan.
        budget: How many references without a marker may be followed from it, one after the other.
        is_root: Whether the cascade begins there.
        texts: What stands at each edge of its class, once it was read.
        is_open: Whether its references are to be followed, perhaps again.
    """

    number: int
    budget: float = -1
    is_root: bool = False
    texts: list[list[Any]] | None = None
    is_open: bool = False


@dataclass(eq=False)
class _Walk:
    """How far a cascade has come; the plan is that of the script."""

    plan: dict[str, Any]
    lifetimes: Sequence[int]
    nodes: dict[str, _Node] = field(default_factory=dict)
    met: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    children: int = 0
    specials: int = 0

    @property
    def root(self) -> int:
        """The number of the class that the cascade begins with."""
        return int(self.plan["root"])

    def begin(self, keys: Sequence[str]) -> list[str]:
        """Start with models of the root's class; return their keys."""
        self.nodes = {key: _Node(self.root, is_root=True, is_open=True) for key in keys}
        return list(self.nodes)

    def forget(self, keys: Iterator[str]) -> None:
        """Leave out models that are not stored."""
        for key in keys:
            self.nodes.pop(key, None)

    def beside(self, key: str, number: int) -> list[str]:
        """Return the keys beside a model of a class."""
        around = self._class(number)["companions"]
        return [f"{before}{tagged(key)}{after}" for before, after in around]

    def reads(self, keys: Sequence[str]) -> list[Command[Any]]:
        """Return what reads the references of models."""
        return [command for key in keys for command in self._reads(key, self._class(self.nodes[key].number))]

    def _reads(self, key: str, described: dict[str, Any]) -> Iterator[Command[Any]]:
        if described["paths"]:
            yield get_matches(key, described["paths"])
        around = self.beside(key, self.nodes[key].number)
        for edge in described["edges"]:
            if edge["store"] in {"set", "queue"}:
                yield members_of(around[edge["at"] - 1], queue=edge["store"] == "queue")

    def learn(self, keys: Sequence[str], outcomes: Sequence[Any]) -> None:
        """Take over what `reads` gave; what could not be read holds no references."""
        left = iter(outcomes)
        for key in keys:
            node = self.nodes[key]
            described = self._class(node.number)
            stored = _list(next(left)) if described["paths"] else []
            stored = stored or [[] for _ in described["paths"]]
            node.texts = []
            for edge in described["edges"]:
                if edge["store"] in {"set", "queue"}:
                    node.texts.append(_list(next(left)))
                    continue
                found = stored[edge["at"] - 1]
                if edge["store"] == "texts":
                    found = [decoded(text) for text in found if isinstance(text, str)]
                node.texts.append(found)

    def unread(self) -> list[str]:
        """Return the models whose references are to be followed and have not been read."""
        return [key for key, node in self.nodes.items() if node.is_open]

    def follow(self) -> dict[str, int]:
        """Follow what is known; return the models that were reached for the first time, and their classes."""
        waiting = [key for key, node in self.nodes.items() if node.is_open and node.texts is not None]
        while waiting:
            key = waiting.pop()
            node = self.nodes[key]
            if not node.is_open:
                continue
            node.is_open = False
            for reached, number, left in self._followed(node):
                if self._offer(reached, number, left):
                    waiting.append(reached)
        new, self.new = self.new, {}
        return new

    def _followed(self, node: _Node) -> Iterator[tuple[str, int, float]]:
        for edge, texts in zip(self._class(node.number)["edges"], node.texts or (), strict=False):
            left = self._allowance(node, edge)
            if left is None:
                continue
            for text in texts:
                found = self._target(edge, text)
                if isinstance(found, tuple):
                    yield (*found, left)

    def _offer(self, key: str, number: int, budget: float) -> bool:
        """Note that a model is reached; whether its references are known and are to be followed."""
        if key not in self.nodes and key not in self.met:
            self.met[key] = self.new[key] = number
        if not self._class(number)["edges"]:
            return False
        node = self.nodes.setdefault(key, _Node(number))
        if budget <= node.budget:
            return False
        node.budget = budget
        node.is_open = any(self._allowance(node, edge) is not None for edge in self._class(number)["edges"])
        return node.is_open and node.texts is not None

    def _allowance(self, node: _Node, edge: dict[str, Any]) -> float | None:
        """Return what following an edge leaves to the model that is reached; None if it is not followed."""
        if "depth" in edge:
            return _limit(edge["depth"])
        left = node.budget - 1 if node.budget > 0 else None
        if node.is_root and "blanket" in self.plan:
            return max(_limit(self.plan["blanket"]), left or 0)
        return left

    def _target(self, edge: dict[str, Any], text: Any) -> tuple[str, int] | Literal[False] | None:
        """Return the key that a text means and its class; False for one of another class, None for no key."""
        if not isinstance(text, str) or not text:
            return None
        name, colon, _ = text.partition(":")
        if not colon:
            only = edge.get("only")
            return None if only is None else (f"{self._class(only)['name']}:{text}", only)
        number = edge["targets"].get(name)
        return False if number is None else (text, number)

    def armed(self, reached: dict[str, int]) -> list[Command[Any]]:
        """Return what lets models, and what is beside them, live at least as long as their class says."""
        by_class: dict[int, list[list[str]]] = {}
        for key, number in reached.items():
            by_class.setdefault(number, []).append([key, *self.beside(key, number)])
        return [extend_models(models, self.lifetimes[number - 1]) for number, models in by_class.items()]

    def count(self, outcomes: Sequence[Any]) -> None:
        """Take over what `armed` gave."""
        for missing in outcomes:
            if isinstance(missing, Missing):
                self.children += missing.documents
                self.specials += missing.beside

    def report(self) -> list[int]:
        """Return the reply that the script gives."""
        mismatched = 0
        for node in self.nodes.values():
            for edge, texts in zip(self._class(node.number)["edges"], node.texts or (), strict=False):
                if self._allowance(node, edge) is not None:
                    mismatched += sum(self._target(edge, text) is False for text in texts)
        return [self.children, self.specials, mismatched]

    def _class(self, number: int) -> dict[str, Any]:
        described: dict[str, Any] = self.plan["classes"][number - 1]
        return described


def _limit(depth: int) -> float:
    return inf if depth < 0 else depth


def _list(outcome: Any) -> list[Any]:
    return outcome if isinstance(outcome, list) else []
