"""The nodes that filters are made of: immutable values that know no model and no query text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from rapyer.errors import BadFilterError

if TYPE_CHECKING:
    from rapyer.fields.index import IndexAnnotation
    from rapyer.search.kinds import IndexKind

COMBINING = (
    "combine filters with & | ~ and parentheses; Python's and, or, not and chained comparisons cannot be used"
)


class Expression:
    """A filter; combine filters with `&`, `|` and `~`."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        return And((self, checked(other)))

    def __or__(self, other: Expression) -> Expression:
        return Or((self, checked(other)))

    def __invert__(self) -> Expression:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise BadFilterError("a filter is neither true nor false", hint=COMBINING)


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """A field compared with a value.

    Attributes:
        path: The dotted path of the field.
        kind: Its kind of index.
        operator: One of `==`, `!=`, `<`, `<=`, `>`, `>=`.
        value: What is compared with, as the kind compares it.
    """

    path: str
    kind: IndexKind
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Empty(Expression):
    """A field that is None or missing, or of which there is no element.

    Attributes:
        path: The dotted path of the field.
        kind: Its kind of index.
    """

    path: str
    kind: IndexKind


@dataclass(frozen=True, slots=True)
class Affix(Expression):
    """A text that starts with another, ends with it or contains it.

    Attributes:
        path: The dotted path of the field.
        kind: Its kind of index.
        where: Where in the text.
        text: The other text.
    """

    path: str
    kind: IndexKind
    where: Literal["prefix", "suffix", "contains"]
    text: str


@dataclass(frozen=True, slots=True)
class Words(Expression):
    """A text with all of some words, or with a word that is like one.

    Attributes:
        path: The dotted path of the field.
        options: What the field's index is declared with.
        words: The words, in lower case.
        distance: How many characters of a word may differ.
    """

    path: str
    options: IndexAnnotation
    words: tuple[str, ...]
    distance: int = 0


@dataclass(frozen=True, slots=True)
class Near(Expression):
    """A place within a distance of another.

    Attributes:
        path: The dotted path of the field.
        longitude: That of the other, in degrees.
        latitude: That of the other, in degrees.
        km: The distance.
    """

    path: str
    longitude: float
    latitude: float
    km: float


@dataclass(frozen=True, slots=True)
class Nearest(Expression):
    """The so many vectors that are nearest to one; among those that the filters beside it let pass.

    Attributes:
        path: The dotted path of the field.
        vector: The one.
        k: How many.
        kind: The field's kind of index.
    """

    path: str
    vector: tuple[float, ...]
    k: int
    kind: IndexKind


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


def checked(value: Any) -> Expression:
    """Return what is combined with a filter.

    Raises:
        BadFilterError: It is no filter.
    """
    if isinstance(value, Expression):
        return value
    raise BadFilterError(f"{value!r} is no filter", hint=COMBINING)
