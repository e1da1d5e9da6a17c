"""A filter such as `age >= 18 and status in {"active", "new"}`, from text to an expression of the library.

The text is parsed, never evaluated: only the kinds of syntax listed here are understood, everything else is
named in a message. Names are fields of the model. Values are literals, `$name` for a variable's value, or
`{…}` for one that is worked out of variables; they reach the library as values, never pasted into text.
"""

from __future__ import annotations

import ast
import operator
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing.fields import FieldFinder, dotted
from rapyer_nb.parsing.source import Source, variable, written
from rapyer_nb.parsing.values import value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rapyer import AtomicRedisModel

_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MIRRORED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_ALLOWED: Final = "a filter compares fields with values and joins that by and, or, not"


def parse_filter(model: type[AtomicRedisModel], text: str, variables: Mapping[str, Any]) -> Any:
    """Return the expression that a text stands for.

    Args:
        model: The class whose fields it names.
        text: The filter; empty or white space for none.
        variables: The user's variables, for `$name` and `{…}`.

    Returns:
        An expression for `find`, or `None` for an empty text.

    Raises:
        NotebookError: The text is no filter, or names an unknown field or variable.
        NotIndexedError: A field cannot be searched, because it has no index.
        BadFilterError: A field is compared with a value of a type that it cannot have.
    """
    if not text.strip():
        return None
    try:
        return _Filter(model, variables).condition(Source.parse(text, "filter").tree)
    except RecursionError:
        raise NotebookError("the filter is nested too deeply") from None


class _Filter:
    """Turns the tree of a filter into an expression."""

    def __init__(self, model: type[AtomicRedisModel], variables: Mapping[str, Any]) -> None:
        self._model = model
        self._variables = variables
        self._fields = FieldFinder(model, variables)

    def condition(self, node: ast.expr) -> Any:
        """Return the expression for a node that stands where a condition must stand."""
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return reduce(operator.and_, [self.condition(part) for part in parts])
            case ast.BoolOp(op=ast.Or(), values=parts):
                return reduce(operator.or_, [self.condition(part) for part in parts])
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return ~self.condition(inner)
            case ast.Compare():
                return self._chain(node)
        path = self._path(node)
        if path is None:
            raise NotebookError(f"{written(node)} cannot stand in a filter", hint=_ALLOWED)
        field = self._fields.operand(path)
        if not self._fields.is_flag(path):
            raise NotebookError(
                f"{written(node)} alone is no condition", hint=f"compare it: {'.'.join(path)} == …"
            )
        return field == True  # noqa: E712 - builds an expression

    def _chain(self, node: ast.Compare) -> Any:
        terms = [node.left, *node.comparators]
        comparisons = zip(pairwise(terms), node.ops, strict=True)
        return reduce(operator.and_, [self._comparison(left, op, right) for (left, right), op in comparisons])

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, (ast.In, ast.NotIn)):
            return self._membership(left, op, right)
        kind = _plain(op, right)
        left_path, right_path = self._path(left), self._path(right)
        if left_path is None and right_path is not None:
            return _COMPARISONS[_MIRRORED[kind]](self._fields.operand(right_path), self._value(left))
        if left_path is None:
            raise NotebookError(
                f"{written(left)} and {written(right)} are both values",
                hint=f"compare with a field of {self._model.__name__}",
            )
        field = self._fields.operand(left_path)
        if right_path is not None:
            self._fields.operand(right_path)
            raise NotebookError(f"{written(left)} and {written(right)} are both fields", hint=_ALLOWED)
        return _COMPARISONS[kind](field, self._value(right))

    def _membership(self, left: ast.expr, op: ast.In | ast.NotIn, right: ast.expr) -> Any:
        path = self._path(left)
        if path is None:
            raise NotebookError(
                f"{written(left)} is a value, and 'in' needs a field on its left",
                hint='as in: status in {"a", "b"}',
            )
        found = self._fields.operand(path).one_of(self._values(right))
        return ~found if isinstance(op, ast.NotIn) else found

    def _path(self, node: ast.expr) -> list[str] | None:
        """Return the path if the node is a field's name, dotted or not."""
        names = dotted(node)
        if names is None or _root_variable(node) is not None:
            return None
        return names

    def _values(self, node: ast.expr) -> list[Any]:
        match node:
            case ast.List(elts=entries) | ast.Tuple(elts=entries):
                return [self._value(entry) for entry in entries]
            case ast.Set(elts=[entry]) if not isinstance(entry, ast.Constant):
                # `{allowed}` is the collection in a variable; `{limit + 1}` is a set with one value.
                inside = value_of(entry, self._variables)
                listed = _listed(inside)
                return [inside] if listed is None else listed
            case ast.Set(elts=entries):
                return [self._value(entry) for entry in entries]
        value = self._value(node)
        listed = _listed(value)
        if listed is None:
            raise NotebookError(
                f"{written(node)} is not a collection", hint="write [a, b], (a, b) or {a, b} after 'in'"
            )
        return listed

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=str() | int() | float() | None as value):
                return value
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
                return value_of(node, self._variables)
            case ast.Set(elts=[entry]):
                return value_of(entry, self._variables)
        if _root_variable(node) is not None:
            return value_of(node, self._variables)
        path = self._path(node)
        if path is not None:
            self._fields.operand(path)  # says so if it is neither a field nor a value
        raise NotebookError(
            f"{written(node)} is not a value",
            hint="write a literal, $name for a variable, or {…} to work one out",
        )


def _plain(op: ast.cmpop, right: ast.expr) -> type[ast.cmpop]:
    """Return the kind of comparison; `is None` counts as `== None`."""
    if isinstance(op, (ast.Is, ast.IsNot)):
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise NotebookError("'is' works with None only", hint="use == to compare")
        return ast.Eq if isinstance(op, ast.Is) else ast.NotEq
    return type(op)


def _root_variable(node: ast.expr) -> str | None:
    """Return the variable that `$name`, `$name.attribute` or `$name[0]` begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return variable(node)


def _listed(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, (list, tuple, set, frozenset, range)) else None
