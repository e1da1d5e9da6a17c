"""The nodes that filters are made of: immutable values that know no model and no query text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from rapyer.errors import BadFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.fields.index import IndexAnnotation
    from rapyer.model.state import StoredModel
    from rapyer.search.kinds import IndexKind

COMBINING = (
    "combine filters with & | ~ and parentheses; "
    "Python's and, or, not, in and chained comparisons cannot be used"
)


AROUND = 40_100.0
"""How many kilometres it is around the earth; so all places are nearer."""


class Expression:
    """A filter; combine filters with `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        return And((*_parts(self, And), *_parts(checked(other), And)))

    def __rand__(self, other: Any) -> Expression:
        return checked(other) & self

    def __or__(self, other: Expression) -> Expression:
        return Or((*_parts(self, Or), *_parts(checked(other), Or)))

    def __ror__(self, other: Any) -> Expression:
        return checked(other) | self

    def __invert__(self) -> Expression:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise BadFilterError("a filter is neither true nor false", hint=COMBINING)


@dataclass(frozen=True, slots=True)
class Leaf(Expression):
    """What a filter asks of one field.

    Attributes:
        path: The dotted path of the field.
        model: The class in which the path starts; None where that needs no check.
    """

    path: str
    model: type[StoredModel] | None = field(default=None, kw_only=True, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Compare(Leaf):
    """A field compared with a value.

    Attributes:
        kind: Its kind of index.
        operator: One of `==`, `!=`, `<`, `<=`, `>`, `>=`.
        value: What is compared with, as the kind compares it.
    """

    kind: IndexKind = field(repr=False)
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Empty(Leaf):
    """A field that is None or missing, or of which there is no element.

    Attributes:
        kind: Its kind of index.
    """

    kind: IndexKind = field(repr=False)


@dataclass(frozen=True, slots=True)
class Affix(Leaf):
    """A text that starts with another, ends with it or contains it.

    Attributes:
        kind: Its kind of index.
        where: Where in the text.
        text: The other text.
    """

    kind: IndexKind = field(repr=False)
    where: Literal["prefix", "suffix", "contains"]
    text: str


@dataclass(frozen=True, slots=True)
class Words(Leaf):
    """A text with all of some words, or with a word that is like one.

    Attributes:
        options: What the field's index is declared with.
        words: The words, in lower case.
        distance: How many characters of a word may differ.
    """

    options: IndexAnnotation
    words: tuple[str, ...]
    distance: int = 0


@dataclass(frozen=True, slots=True)
class Near(Leaf):
    """A place within a distance of another.

    Attributes:
        longitude: That of the other, in degrees.
        latitude: That of the other, in degrees.
        km: The distance.
    """

    longitude: float
    latitude: float
    km: float


@dataclass(frozen=True, slots=True)
class Nearest(Leaf):
    """The so many vectors that are nearest to one; among those that the filters beside it let pass.

    Attributes:
        vector: The one.
        k: How many.
        kind: The field's kind of index.
    """

    vector: tuple[float, ...]
    k: int
    kind: IndexKind = field(repr=False)


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

    def __invert__(self) -> Expression:
        return self.part


def leaves(expression: Expression | None) -> Iterator[Leaf]:
    """Yield what a filter is made of, without `&`, `|` and `~`."""
    nodes = [] if expression is None else [expression]
    while nodes:  # filters may be nested more deeply than functions can be
        node = nodes.pop()
        if isinstance(node, And | Or):
            nodes += node.parts[::-1]
        elif isinstance(node, Not):
            nodes.append(node.part)
        elif isinstance(node, Leaf):
            yield node


def checked(value: Any) -> Expression:
    """Return what is combined with a filter.

    Raises:
        BadFilterError: It is no filter.
    """
    if isinstance(value, Expression):
        return value
    raise BadFilterError(f"{value!r} is no filter", hint=COMBINING)


def _parts(node: Expression, kind: type[And] | type[Or]) -> tuple[Expression, ...]:
    """Return what a node combines by one operator; so a long chain is one node, and not a deep tree."""
    return node.parts if isinstance(node, kind) else (node,)
