"""Filters as immutable trees; `User.age > 18` makes one, `compile.py` turns it into a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.errors import BadFilterError, NotIndexedError, UnknownFieldError
from rapyer.model.schema import FieldSpec, spec_of
from rapyer.model.state import StoredModel
from rapyer.model.suggest import suggestion
from rapyer.search.kinds import IndexKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_AND_OR_NOT = (
    "combine filters with & | ~ and parentheses; Python's and, or, not and chained comparisons cannot be used"
)


class Expression:
    """A filter; combine filters with `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        return And((self, _filter(other)))

    def __or__(self, other: Expression) -> Expression:
        return Or((self, _filter(other)))

    def __invert__(self) -> Expression:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise BadFilterError("a filter is neither true nor false", hint=_AND_OR_NOT)


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """A field compared with a value.

    Attributes:
        path: The dotted path of the field.
        kind: Its kind of index.
        operator: One of `==`, `!=`, `<`, `<=`, `>`, `>=`.
        value: The value as queries hold it.
    """

    path: str
    kind: IndexKind
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class And(Expression):
    """All of several filters."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """Any of several filters."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """The opposite of a filter."""

    part: Expression


class FieldOperand:
    """A field in an expression: `User.age`."""

    __slots__ = ("_field", "_path", "_root")

    __hash__ = None  # type: ignore[assignment]  # `==` gives no bool

    def __init__(self, field: FieldSpec, path: str, root: type[StoredModel]) -> None:
        self._field = field
        self._path = path
        self._root = root

    def __eq__(self, value: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("==", value)

    def __ne__(self, value: object) -> Expression:  # type: ignore[override]  # no bool
        return self._compare("!=", value)

    def __lt__(self, value: Any) -> Expression:
        return self._compare("<", value)

    def __le__(self, value: Any) -> Expression:
        return self._compare("<=", value)

    def __gt__(self, value: Any) -> Expression:
        return self._compare(">", value)

    def __ge__(self, value: Any) -> Expression:
        return self._compare(">=", value)

    def one_of(self, values: Iterable[Any]) -> Expression:
        """Return the filter for any of the values.

        Raises:
            BadFilterError: There are none.
        """
        parts = tuple(self._compare("==", value) for value in values)
        if not parts:
            raise BadFilterError(f"{self._path}.one_of was given no value", field=self._path)
        return Or(parts)

    def between(self, low: Any, high: Any) -> Expression:
        """Return the filter for values from `low` to `high`, both included."""
        return And((self._compare(">=", low), self._compare("<=", high)))

    def __bool__(self) -> NoReturn:
        raise BadFilterError(
            f"{self._path} alone is no filter", field=self._path, hint="compare it with a value"
        )

    def _compare(self, operator: str, value: Any) -> Expression:
        kind = self._kind()
        if operator not in {"==", "!="} and not kind.ordered:
            raise BadFilterError(
                f"{self._name()} is indexed as {kind.name}, which {operator} cannot compare",
                field=self._path,
                hint="use == or !=",
            )
        try:
            return Compare(self._path, kind, operator, kind.encode(value))
        except TypeError as error:
            raise BadFilterError(
                f"{self._name()} compares with {error}, not with {value!r}",
                field=self._path,
                model=self._field.model,
            ) from None

    def _kind(self) -> IndexKind:
        if self._field.index is None:
            raise NotIndexedError(
                f"{self._name()} has no index, so it cannot be searched",
                field=self._path,
                model=self._field.model,
                hint=f"declare it as `{self._field.name}: Index[…]`",
            )
        return kind_of(self._field)

    def _name(self) -> str:
        return f"{self._field.model}.{self._field.name}"


class ModelOperand:
    """An inner model in an expression: `User.address`, whose fields stand behind the next dot."""

    __slots__ = ("_model", "_path", "_root")

    def __init__(self, model: type[StoredModel], path: str, root: type[StoredModel]) -> None:
        self._model = model
        self._path = path
        self._root = root

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return operand(self._model, name, f"{self._path}.{name}", self._root)

    def __bool__(self) -> NoReturn:
        raise BadFilterError(
            f"{self._path} alone is no filter", field=self._path, hint="compare one of its fields"
        )


def operand(
    model: type[StoredModel], name: str, path: str | None = None, root: type[StoredModel] | None = None
) -> Any:
    """Return a field of a model class as expressions use it.

    Args:
        model: The class.
        name: The field.
        path: The dotted path that leads to it, for a nested class.
        root: The class that the path starts in, for a nested class.

    Raises:
        UnknownFieldError: The class has no such field.
    """
    field = spec_of(model).fields.get(name)
    if field is None:
        raise UnknownFieldError(
            f"unknown field {name!r} on {model.__name__}",
            field=name,
            model=model.__name__,
            hint=suggestion(name, spec_of(model).fields),
        )
    inner = inner_model(field)
    where, top = path or name, root or model
    return FieldOperand(field, where, top) if inner is None else ModelOperand(inner, where, top)


def place_of(given: FieldOperand | ModelOperand) -> tuple[type[StoredModel], str]:
    """Return the class that an operand's path starts in, and the dotted path."""
    return given._root, given._path


def inner_model(field: FieldSpec) -> type[StoredModel] | None:
    """Return the model class that the field holds, if it holds one (or None)."""
    for option in field.shape.options:
        if isinstance(option, type) and issubclass(option, StoredModel):
            return option
    return None


def _filter(value: Any) -> Expression:
    if isinstance(value, Expression):
        return value
    raise BadFilterError(f"{value!r} is no filter", hint=_AND_OR_NOT)
