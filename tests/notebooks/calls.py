"""What the code of a notebook calls, by its syntax trees: names, attributes, operators and magics."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import TransformerManager

from rapyer_nb.assigning import Assignment
from tests.notebooks.kinds import Kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.notebooks.lessons import Lesson

OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "__iadd__",
    ast.Sub: "__isub__",
    ast.Mult: "__imul__",
    ast.Div: "__itruediv__",
    ast.FloorDiv: "__ifloordiv__",
    ast.Mod: "__imod__",
    ast.Pow: "__ipow__",
    ast.BitOr: "__ior__",
    ast.BitAnd: "__iand__",
    ast.BitXor: "__ixor__",
}

_PACKAGES = {"rapyer", "rapyer_nb"}
_MAGICS = {"run_line_magic", "run_cell_magic"}


@dataclass
class Calls:
    """What was found.

    Attributes:
        attributes: The kinds of values of which an attribute of that name is read; `None` for any kind.
        names: What is used of a package, such as `rapyer.afind`, whatever module it was imported from.
        magics: Names of magics, and what stands in their lines.
    """

    attributes: dict[str, set[str | None]] = field(default_factory=lambda: defaultdict(set))
    names: set[str] = field(default_factory=set)
    magics: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def lines(self) -> list[str]:
        """The lines of all magics, where filters stand."""
        return [line for found in self.magics.values() for line in found]

    def add(self, other: Calls) -> None:
        """Take over what another notebook calls."""
        for name, kinds in other.attributes.items():
            self.attributes[name] |= kinds
        self.names |= other.names
        for name, lines in other.magics.items():
            self.magics[name] += lines


def calls_of(lesson: Lesson) -> Calls:
    """Return what the code cells of a notebook call."""
    parsed = trees(lesson)
    found = Calls()
    imports = _imports(parsed)
    kinds = Kinds.of(parsed)
    for tree in parsed:
        for node in ast.walk(tree):
            _note(node, found, imports, kinds)
    return found


def trees(lesson: Lesson) -> list[ast.Module]:
    """Return the syntax trees of the code cells, and of the bodies of cell magics in them."""
    return [tree for cell in lesson.code for tree in _parsed(cell.source)]


def _parsed(source: str) -> Iterator[ast.Module]:
    manager: Any = TransformerManager()
    manager.token_transformers.append(Assignment)
    try:
        tree = ast.parse(manager.transform_cell(source))
    except SyntaxError:  # the text of a file, or the line of a magic that takes no code
        return
    yield tree
    for node in ast.walk(tree):
        name, *texts = _magic(node)
        # `%time await user.aload()` has code in its line, `%%rapyer_trace` in its body.
        for text in texts if name and not name.startswith("rapyer_") else texts[1:]:
            yield from _parsed(text)


def _magic(node: ast.AST) -> list[str]:
    """Return the name, the line and the body of a magic that a node runs, or an empty name."""
    if not (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MAGICS
    ):
        return [""]
    return [str(each.value) for each in node.args if isinstance(each, ast.Constant)]


def _imports(parsed: list[ast.Module]) -> dict[str, str]:
    """Return what each name stands for that is imported from one of the packages."""
    found = {}
    for node in (node for tree in parsed for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = node.module.partition(".")[0]
            found |= {alias.asname or alias.name: f"{package}.{alias.name}" for alias in node.names}
    return {name: home for name, home in found.items() if home.partition(".")[0] in _PACKAGES}


def _note(node: ast.AST, found: Calls, imports: dict[str, str], kinds: Kinds) -> None:
    name, *texts = _magic(node)
    if name:
        found.magics[name].append(texts[0] if texts else "")
    elif isinstance(node, ast.Name) and node.id in imports:
        found.names.add(imports[node.id])
    elif isinstance(node, ast.Attribute):
        _note_attribute(node, found, imports, kinds)
    elif isinstance(node, ast.AugAssign):
        found.attributes[OPERATORS.get(type(node.op), "")] |= kinds.of_value(node.target)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        found.attributes["__setitem__"] |= kinds.of_value(node.value)


def _note_attribute(node: ast.Attribute, found: Calls, imports: dict[str, str], kinds: Kinds) -> None:
    if isinstance(node.value, ast.Name) and node.value.id in imports:
        package, _, name = imports[node.value.id].rpartition(".")
        found.names.add(f"{package.partition('.')[0] or name}.{node.attr}")
        found.attributes[node.attr].add(name)  # of a class that is imported
    else:
        found.attributes[node.attr] |= kinds.of_value(node.value)
