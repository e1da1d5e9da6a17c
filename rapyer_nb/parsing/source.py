"""Python source with `$name` in it, as a syntax tree."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Final

from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing.words import STRING

_MARK: Final = "__rapyer_variable_"
_DOLLAR: Final = re.compile(rf"(?P<string>{STRING})|\$(?P<name>[^\W\d]\w*)|(?P<bad>\$)", re.DOTALL)
_UNMARK: Final = re.compile(rf"\b{_MARK}")
_HABITS: Final = (
    (re.compile(r"=[<>]"), "write >= or <="),
    (re.compile(r"<>"), "write != for unequal"),
    (re.compile(r"(?<![=<>!:])=(?!=)"), "use == to compare"),
    (re.compile(r"&&"), "write 'and' for {}"),
    (re.compile(r"\|\|"), "write 'or' for {}"),
    (re.compile(r"!(?!=)"), "write 'not' for {}"),
    (re.compile(r"\b(AND|OR|NOT|IN|IS)\b"), "write {} in lower case"),
    (re.compile(r"\b(like|LIKE|BETWEEN|REGEXP)\b"), "{} is SQL; write name.prefix(…) or name.contains(…)"),
)
"""What other languages write, and what to write instead."""

_MOST_TEXT: Final = 10_000
_SHOWN: Final = 60


@dataclass(frozen=True)
class Source:
    """A piece of text as a syntax tree, in which the names of variables are marked.

    Args:
        text: What the user wrote.
        tree: Its tree.
    """

    text: str
    tree: ast.expr

    @classmethod
    def parse(cls, text: str, what: str) -> Source:
        """Parse an expression.

        Args:
            text: The expression; `$name` outside of its strings stands for a variable.
            what: What the text is, for messages.

        Raises:
            NotebookError: It is not an expression.
        """
        if len(text) > _MOST_TEXT:
            raise NotebookError(
                f"the {what} is too long ({len(text):,} characters)", hint="use $name for long values"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about escapes in strings, which are the user's business
                tree = ast.parse(_DOLLAR.sub(_marked, text.strip()), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise NotebookError(f"cannot read the {what} {_shown(text)}", hint=_reason(text, error)) from None
        return cls(text, tree.body)


def variable(node: ast.expr) -> str | None:
    """Return the name of the variable that the node is (`$name`), or `None`."""
    if isinstance(node, ast.Name) and node.id.startswith(_MARK):
        return node.id.removeprefix(_MARK)
    return None


def written(node: ast.AST) -> str:
    """Return the node as the user may have written it, in quotes and clipped."""
    return _shown(_UNMARK.sub("$", ast.unparse(node)))


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…")


def _marked(found: re.Match[str]) -> str:
    if found["bad"]:
        raise ValueError("a $ must be followed by the name of a variable")
    return found["string"] or f"{_MARK}{found['name']}"


def _reason(text: str, error: BaseException) -> str:
    if isinstance(error, (RecursionError, MemoryError)):
        return "it is nested too deeply"
    bare = re.sub(STRING, "''", text, flags=re.DOTALL)
    for pattern, cure in _HABITS:
        if found := pattern.search(bare):
            return cure.format(found[0])
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return _UNMARK.sub("$", reason)
