"""Values that a magic's line takes from the user's variables; looked up, never evaluated."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.parsing.fields import dotted
from rapyer_nb.parsing.functions import NAMES, function_named
from rapyer_nb.parsing.source import Source, variable, written
from rapyer_nb.parsing.variables import own_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LITERALS: Final = (str, bytes, int, float, bool, type(None))
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def resolve(text: str, variables: Mapping[str, Any], what: str = "value") -> Any:
    """Return the value of a text such as `user`, `team.members[0]`, `limit * 2` or `"text"`.

    Names are variables, with or without a `$`. Attributes, items and arithmetic are looked up and worked out;
    calls are not made, but of the functions in `functions.py`.

    Args:
        text: What the user wrote.
        variables: The user's variables.
        what: What the text is, for messages.

    Raises:
        NotebookError: It is something else, or a variable, attribute or item does not exist.
    """
    return value_of(Source.parse(text, what).tree, variables)


def value_of(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    """Return the value of a node; see `resolve`."""
    match node:
        case ast.Constant(value=value) if isinstance(value, _LITERALS):
            return value
        case ast.Name():
            return look_up(variable(node) or node.id, variables)
        case ast.Attribute(value=inner, attr=name):
            return _worked_out(node, getattr, value_of(inner, variables), _public(node, name))
        case ast.Subscript(value=inner, slice=ast.expr() as index) if not isinstance(
            index, (ast.Slice, ast.Tuple)
        ):
            return _worked_out(node, operator.getitem, value_of(inner, variables), value_of(index, variables))
        case ast.UnaryOp(op=sign, operand=inner) if type(sign) in _UNARY:
            return _worked_out(node, _UNARY[type(sign)], value_of(inner, variables))
        case ast.BinOp(op=sign, left=left, right=right) if type(sign) in _BINARY:
            return _worked_out(
                node, _BINARY[type(sign)], value_of(left, variables), value_of(right, variables)
            )
        case ast.List(elts=entries) | ast.Tuple(elts=entries) | ast.Set(elts=entries):
            return [value_of(entry, variables) for entry in entries]
        case ast.Call():
            return _made(node, variables)
    raise NotebookError(
        f"{written(node)} is not evaluated here", hint="assign it to a variable and write $name for its value"
    )


def functions_in(node: ast.expr) -> Iterator[ast.Name]:
    """Yield the first names of the functions that are called anywhere in a node."""
    for inside in ast.walk(node):
        if isinstance(inside, ast.Call):
            root = inside.func
            while isinstance(root, ast.Attribute):
                root = root.value
            if isinstance(root, ast.Name):
                yield root


def _made(node: ast.Call, variables: Mapping[str, Any]) -> Any:
    names = dotted(node.func)
    function = None if names is None else function_named(names, variables)
    plain = all(not isinstance(one, ast.Starred) for one in node.args)
    if function is None or not plain or any(keyword.arg is None for keyword in node.keywords):
        raise NotebookError(
            f"{written(node)} is not evaluated here",
            hint=f"assign it to a variable and write $name for its value; {', '.join(NAMES)} can be called",
        )
    given = {str(keyword.arg): value_of(keyword.value, variables) for keyword in node.keywords}
    values = [value_of(one, variables) for one in node.args]
    return _worked_out(node, lambda: function(*values, **given))


def look_up(name: str, variables: Mapping[str, Any]) -> Any:
    """Return a variable's value.

    Raises:
        NotebookError: There is no such variable.
    """
    try:
        return variables[name]
    except KeyError:
        raise NotebookError(
            f"there is no variable {name!r}", hint=suggestion(name, own_names(variables))
        ) from None


def _public(node: ast.expr, name: str) -> str:
    if name.startswith("_"):
        raise NotebookError(
            f"{written(node)} is private, and not looked up here", hint="assign it to a variable first"
        )
    return name


def _worked_out(node: ast.expr, action: Callable[..., Any], *operands: Any) -> Any:
    try:
        return action(*operands)
    except Exception as error:  # whatever the user's own objects raise
        raise NotebookError(f"{written(node)} has no value: {type(error).__name__}: {error}") from error
