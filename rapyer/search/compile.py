"""From expressions to query text: the only place that writes queries.

Values never become part of the text: they travel as parameters (`PARAMS`, dialect 2). Every node stands
in parentheses of its own, because the server's precedence of `|`, `-` and juxtaposition is not Python's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rapyer.search.expression import And, Compare, Expression, Not, Or

if TYPE_CHECKING:
    from rapyer.commands.command import Arg

EVERYTHING = "*"

_RANGES = {
    "==": "[${0} ${0}]",
    "<": "[-inf (${0}]",
    "<=": "[-inf ${0}]",
    ">": "[(${0} +inf]",
    ">=": "[${0} +inf]",
}


@dataclass
class Query:
    """A query's text and its parameters."""

    text: str = EVERYTHING
    parameters: dict[str, Arg] = field(default_factory=dict)


def compiled(expression: Expression | None) -> Query:
    """Return the query of an expression; None asks for everything."""
    query = Query()
    if expression is not None:
        query.text = _node(expression, query)
    return query


def _node(node: Expression, query: Query) -> str:
    if isinstance(node, Compare):
        return f"({_compare(node, query)})"
    if isinstance(node, And):
        return "(" + " ".join(_node(part, query) for part in node.parts) + ")"
    if isinstance(node, Or):
        return "(" + " | ".join(_node(part, query) for part in node.parts) + ")"
    if isinstance(node, Not):
        return f"(-{_node(node.part, query)})"
    raise TypeError(f"{type(node).__name__} is no node of an expression")


def _compare(node: Compare, query: Query) -> str:
    name = f"v{len(query.parameters)}"
    query.parameters[name] = node.value
    sign, operator = ("-", "==") if node.operator == "!=" else ("", node.operator)
    value = _RANGES[operator].format(name) if node.kind.ordered else f"{{${name}}}"
    return f"{sign}@{attribute(node.path)}:{value}"


def attribute(path: str) -> str:
    """Return the name of an attribute as queries write it."""
    return re.sub(r"[^A-Za-z0-9_]", lambda match: f"\\{match[0]}", path)
