"""What kind of value an expression in a notebook has, as far as its declarations and assignments tell.

It tells `order.lines.apop` of a list from `order.marks.apop` of a set; where nothing can be told, it may be any.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field

MODEL = "AtomicRedisModel"
OTHER = "other"
"""What is no value of the library, such as a list that stands in the cell."""

_NAMED = {
    "str": "RedisStr",
    "int": "RedisInt",
    "float": "RedisFloat",
    "bytes": "RedisBytes",
    "datetime": "RedisDatetime",
    "list": "RedisList",
    "set": "RedisSet",
    "dict": "RedisDict",
    "ForeignKey": "Reference",
}
_OWN = {*_NAMED.values(), "RedisDatetimeTimestamp", "RedisPriorityQueue"}
_WRAPPERS = {"Index", "SafeLoad", "Key", "Annotated", "Optional"}
_PLAIN = (
    ast.List,
    ast.Dict,
    ast.Set,
    ast.Tuple,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.Constant,
    ast.JoinedStr,
)


@dataclass
class Kinds:
    """What is known of a notebook's names.

    Attributes:
        classes: The model classes.
        fields: The kinds that fields of a name have, in any class; `None` for one that may be any.
        variables: The kinds that variables of a name get; `None` for one that may be any.
    """

    classes: set[str] = field(default_factory=lambda: {MODEL})
    fields: dict[str, set[str | None]] = field(default_factory=lambda: defaultdict(set))
    variables: dict[str, set[str | None]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, parsed: list[ast.Module]) -> Kinds:
        """Read the declarations of a notebook, then its assignments."""
        kinds = cls()
        nodes = [node for tree in parsed for node in ast.walk(tree)]
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                kinds._declare(node)
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    kinds._assign(target, node.value)
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                kinds._let_be_any(node.target)
            elif isinstance(node, ast.arg):
                kinds.variables[node.arg].add(None)
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                kinds._let_be_any(node.optional_vars)
        return kinds

    def of_value(self, node: ast.expr) -> set[str | None]:
        """Return the kinds that an expression may have."""
        if isinstance(node, ast.Attribute) and node.attr in self.fields:
            return self.fields[node.attr]
        if isinstance(node, ast.Name):
            return {MODEL} if node.id in self.classes else self.variables.get(node.id, {None})
        if isinstance(node, ast.Await):
            return self.of_value(node.value)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        return {OTHER} if isinstance(node, _PLAIN) else {None}

    def _of_call(self, node: ast.Call) -> set[str | None]:
        called = node.func
        if isinstance(called, ast.Name) and called.id in self.classes:
            return {MODEL}
        if isinstance(called, ast.Attribute) and called.attr in {"asave", "aget"}:
            return self.of_value(called.value) & {MODEL} or {None}
        return {None}

    def _declare(self, node: ast.ClassDef) -> None:
        if {ast.unparse(base).rpartition(".")[2] for base in node.bases} & self.classes:
            self.classes.add(node.name)
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                self.fields[each.target.id].add(_kind(each.annotation))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.variables[target.id] |= self.of_value(value)
        else:
            self._let_be_any(target)

    def _let_be_any(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.variables[node.id].add(None)


def _kind(annotation: ast.expr) -> str | None:
    """Return the kind of a field, by its annotation."""
    if isinstance(annotation, ast.BinOp):  # X | None
        return _kind(annotation.left)
    if isinstance(annotation, ast.Subscript):
        name = _last_name(annotation.value)
        inner = annotation.slice
        if name in _WRAPPERS:
            return _kind(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
    else:
        name = _last_name(annotation)
    kind = _NAMED.get(name, name)
    return kind if kind in _OWN else None


def _last_name(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]
