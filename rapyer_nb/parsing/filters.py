"""A filter such as `age >= 18 and tags.contains("vip")`, from text to an expression of the library.

The text is parsed, never evaluated: only the kinds of syntax listed here are understood, everything else is
named in a message. Names are fields of the model. Values are literals, `$name` for a variable's value, or
`{…}` for one that is worked out of variables; they reach the library as values, never pasted into text.
What is written as the library has it, such as `(User.age > 3) & ~User.tags.contains("vip")`, is understood.
"""

from __future__ import annotations

import ast
import operator
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from rapyer.search.nodes import Expression
from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing.fields import FieldFinder, dotted
from rapyer_nb.parsing.functions import NAMES
from rapyer_nb.parsing.literals import fitted, member
from rapyer_nb.parsing.operators import OPERATORS, applied, check_comparable, check_operator, is_compared
from rapyer_nb.parsing.source import Source, variable, written
from rapyer_nb.parsing.values import functions_in, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rapyer import AtomicRedisModel
    from rapyer_nb.parsing.fields import Field

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
_BITWISE: Final = {ast.BitAnd: ("&", "and"), ast.BitOr: ("|", "or")}
_WORKED_OUT: Final = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.UnaryOp,
    ast.BinOp,
    ast.Call,
    ast.List,
    ast.Tuple,
)
_ALLOWED: Final = "a filter compares fields with values and joins that by and, or, not"
_NO_VALUE: Final = "write a literal, $name for a variable, or {…} to work one out"


def as_filter(
    model: type[AtomicRedisModel], where: Expression | str | None, variables: Mapping[str, Any] | None
) -> Expression | None:
    """Return the expression for a filter: a text (`parse_filter`), an expression already, or none."""
    return parse_filter(model, where, variables or {}) if isinstance(where, str) else where


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
            case ast.BinOp(op=ast.BitAnd(), left=left, right=right):
                return self.condition(left) & self.condition(right)
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return self.condition(left) | self.condition(right)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=inner):
                return ~self.condition(inner)
            case ast.Compare():
                return self._chain(node)
            case ast.Call():
                return self._called(node)
        if _root_variable(node) is not None or isinstance(node, ast.Set):
            return self._given(node)
        return self._flag(node)

    # Conditions -------------------------------------------------------------------------------------------

    def _flag(self, node: ast.expr) -> Any:
        path = self._path(node)
        if path is None:
            raise NotebookError(f"{written(node)} cannot stand in a filter", hint=_ALLOWED)
        field = self._fields.find(path)
        check_comparable(field)
        if not field.is_flag:
            raise NotebookError(
                f"{written(node)} alone is no condition", hint=f"compare it: {field.name} == …"
            )
        return field.operand == True  # noqa: E712 - builds an expression

    def _given(self, node: ast.expr) -> Expression:
        """Return the filter that a variable holds."""
        match node:
            case ast.Set(elts=[entry]):
                found = value_of(entry, self._variables)
            case _:
                found = value_of(node, self._variables)
        if isinstance(found, Expression):
            return found
        raise NotebookError(
            f"{written(node)} is no filter, but of type {type(found).__name__}",
            hint=f"a filter made in Python can stand here: adults = {self._model.__name__}.age >= 18",
        )

    def _called(self, node: ast.Call) -> Any:
        names = dotted(node.func)
        if names is None or _root_variable(node.func) is not None:
            raise NotebookError(f"{written(node)} cannot stand in a filter", hint=_ALLOWED)
        *path, name = self._stripped(names)
        if not path:
            raise NotebookError(
                f"{name!r} is no function that a filter knows",
                hint=f"there are those of fields, as in {self._some_field()}.{OPERATORS['prefix']}",
            )
        field = self._fields.find(path)
        check_operator(field, name)
        of_field = field if is_compared(name) else None
        given: list[Any] = []
        for argument in node.args:
            if name == "one_of":
                given.append(self._values(argument, field))
            elif isinstance(argument, ast.Starred):
                given += self._values(argument.value, of_field)
            else:
                given.append(self._value(argument, of_field))
        named = {str(one.arg): self._value(one.value, of_field) for one in node.keywords}
        return applied(field, name, given, named)

    # Comparisons ------------------------------------------------------------------------------------------

    def _chain(self, node: ast.Compare) -> Any:
        terms = [node.left, *node.comparators]
        for term in terms:
            if isinstance(term, ast.BinOp) and type(term.op) in _BITWISE:
                sign, word = _BITWISE[type(term.op)]
                raise NotebookError(
                    f"{sign} binds {written(term)} together before anything is compared",
                    hint=f"write '{word}', or put each comparison in parentheses",
                )
        comparisons = zip(pairwise(terms), node.ops, strict=True)
        return reduce(operator.and_, [self._comparison(left, op, right) for (left, right), op in comparisons])

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if isinstance(op, (ast.In, ast.NotIn)):
            found = self._membership(left, right)
            return ~found if isinstance(op, ast.NotIn) else found
        kind = _plain(op, right)
        if not self._is_field(left) and self._is_field(right):
            left, right, kind = right, left, _MIRRORED[kind]
        field = self._compared(left, right)
        if self._is_field(right):
            raise NotebookError(f"{written(left)} and {written(right)} are both fields", hint=_ALLOWED)
        return _COMPARISONS[kind](field.operand, self._value(right, field))

    def _compared(self, left: ast.expr, right: ast.expr) -> Field:
        """Return the field on the left of a comparison."""
        path = self._path(left)
        if path is None:
            if isinstance(left, ast.Call) and not isinstance(right, ast.Call):
                self.condition(left)  # says so if it is no filter
                raise NotebookError(
                    f"{written(left)} is a condition already",
                    hint=f"leave the comparison with {written(right)} out",
                )
            self._check_no_field(left)
            raise NotebookError(
                f"{written(left)} and {written(right)} are both values",
                hint=f"compare with a field of {self._model.__name__}",
            )
        field = self._fields.find(path)
        check_comparable(field)
        return field

    def _membership(self, left: ast.expr, right: ast.expr) -> Any:
        if self._is_field(right):
            if self._is_field(left):
                raise NotebookError(f"{written(left)} and {written(right)} are both fields", hint=_ALLOWED)
            path = self._path(right) or []
            field = self._fields.find(path)
            check_operator(field, "contains")
            return field.operand.contains(self._value(left, field))
        path = self._path(left) or []
        if not path:
            raise NotebookError(
                f"{written(left)} and {written(right)} are both values, and 'in' needs a field",
                hint='as in: status in {"a", "b"}, or "vip" in tags',
            )
        field = self._compared(left, right)
        return field.operand.one_of(self._values(right, field))

    # Names ------------------------------------------------------------------------------------------------

    def _path(self, node: ast.expr) -> list[str] | None:
        """Return the path if the node is a field's name, dotted or not, or looks like one."""
        names = dotted(node)
        if names is None or _root_variable(node) is not None:
            return None
        return self._stripped(names)

    def _stripped(self, names: list[str]) -> list[str]:
        """Return a path without the name of the class, as in `User.age`."""
        if len(names) > 1 and names[0] == self._model.__name__ and not self._fields.knows(names):
            return names[1:]
        return names

    def _is_field(self, node: ast.expr) -> bool:
        path = self._path(node)
        return path is not None and self._fields.knows(path)

    def _some_field(self) -> str:
        return next(iter(self._model.model_fields), "name")

    # Values -----------------------------------------------------------------------------------------------

    def _values(self, node: ast.expr, field: Field | None) -> list[Any]:
        match node:
            case ast.List(elts=entries) | ast.Tuple(elts=entries):
                return [self._value(entry, field) for entry in entries]
            case ast.Set(elts=[entry]) if not isinstance(entry, ast.Constant):
                # `{allowed}` is the collection in a variable; `{limit + 1}` is a set with one value.
                one = self._member(entry, field)
                inside = value_of(entry, self._variables) if one is None else one
                listed = _listed(inside)
                return [inside] if listed is None else listed
            case ast.Set(elts=entries):
                return [self._value(entry, field) for entry in entries]
        value = self._value(node, field)
        listed = _listed(value)
        if listed is None:
            raise NotebookError(
                f"{written(node)} is not a collection", hint="write [a, b], (a, b) or {a, b} after 'in'"
            )
        return listed

    def _value(self, node: ast.expr, field: Field | None = None) -> Any:
        match node:
            case ast.Constant(value=str() | int() | float() | None as value):
                return fitted(value, field)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float())):
                return fitted(value_of(node, self._variables), field)
            case ast.Set(elts=[entry]):
                return value_of(entry, self._variables)
        one = self._member(node, field)
        if one is not None:
            return one
        if not isinstance(node, _WORKED_OUT) or isinstance(node, ast.Constant):
            raise NotebookError(f"{written(node)} is not a value", hint=_NO_VALUE)
        self._check_names(node)
        return value_of(node, self._variables)

    def _member(self, node: ast.expr, field: Field | None) -> Any:
        return member(node, None if field is None or field.inner is not None else field.enum)

    def _check_names(self, node: ast.expr) -> None:
        """See to it that all names in a value are variables with their `$`, or functions."""
        functions = set(functions_in(node))
        for name in ast.walk(node):
            if not isinstance(name, ast.Name) or variable(name) is not None:
                continue
            if name in functions:
                if name.id not in NAMES and name.id not in ("dt", "decimal", "uuid"):
                    raise NotebookError(
                        f"{name.id!r} is no function that a filter knows",
                        hint=f"there are {', '.join(NAMES)}; or work it out before, and write $name",
                    )
            else:
                self._check_no_field(node)
                raise self._fields.no_value(name.id)

    def _check_no_field(self, node: ast.expr) -> None:
        """See to it that nothing is to be worked out of a field, which no index can do."""
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and self._fields.knows([name.id]):
                raise NotebookError(
                    f"{written(node)} is worked out of the field {name.id!r}",
                    hint="compare the field itself, as the server's index has no other values",
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
