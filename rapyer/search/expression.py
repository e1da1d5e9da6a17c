"""Fields as filters use them; `User.age > 18` makes a node, and `compile.py` turns it into a query."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.errors import BadFilterError, NotIndexedError, UnknownFieldError
from rapyer.model.schema import FieldSpec, spec_of
from rapyer.model.suggest import suggestion
from rapyer.search.nodes import (
    Affix,
    And,
    Compare,
    Empty,
    Expression,
    Near,
    Nearest,
    Not,
    Or,
    Words,
)
from rapyer.search.places import Place, inner_of, kind_at
from rapyer.search.words import LONGEST, words_of_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.model.state import StoredModel
    from rapyer.search.kinds import IndexKind

__all__ = [
    "And",
    "Compare",
    "Expression",
    "FieldOperand",
    "ModelOperand",
    "Not",
    "Or",
    "operand",
    "place_of",
]

_ORDER = [
    "==",
    "!=",
    "one_of",
    "<",
    "<=",
    ">",
    ">=",
    "between",
    "prefix",
    "suffix",
    "contains",
    "matches",
    "fuzzy",
]
_ORDER += ["near", "nearest"]
_FARTHEST = 3
"""How many characters the server lets a word differ by."""


class FieldOperand:
    """A field in an expression: `User.age`.

    Where a field is a list or dict, or stands in models in one, a filter holds if it does for any element.
    """

    __slots__ = ("_field", "_known", "_place", "_root")

    __hash__ = None  # type: ignore[assignment]  # `==` gives no bool

    def __init__(self, field: FieldSpec, place: Place, root: type[StoredModel]) -> None:
        self._field = field
        self._place = place
        self._root = root
        self._known: tuple[IndexKind, Place] | None = None

    def __eq__(self, value: object) -> Expression:  # type: ignore[override]  # no bool
        return self.is_none() if value is None else self._compare("==", value)

    def __ne__(self, value: object) -> Expression:  # type: ignore[override]  # no bool
        return Not(self.is_none()) if value is None else self._compare("!=", value)

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
        parts = tuple(self == value for value in values)
        if not parts:
            raise BadFilterError(f"{self._place.name}.one_of was given no value", field=self._place.name)
        return Or(parts)

    def between(self, low: Any, high: Any) -> Expression:
        """Return the filter for values from `low` to `high`, both included."""
        kind = self._kind("between")
        return Compare(self._place.name, kind, "between", (self._taken(kind, low), self._taken(kind, high)))

    def is_none(self) -> Expression:
        """Return the filter for instances where the value is None or missing, or where there is no element.

        Raises:
            BadFilterError: The field cannot be None.
        """
        kind = self._kind()
        if not kind.nullable:
            raise BadFilterError(
                f"{self._name()} is never None",
                field=self._place.name,
                model=self._field.model,
                hint="declare it as Optional if it may be",
            )
        return Empty(self._place.name, kind)

    def contains(self, value: Any) -> Expression:
        """Return the filter for lists and dicts with the element, or for text with the text in it.

        Text needs `Index(suffix=True)`.
        """
        self._kind()
        where = self._found()[1]
        if where.many and where.inside == "@":
            return self._compare("==", value)
        return self._affix("contains", value)

    def prefix(self, text: str) -> Expression:
        """Return the filter for text that starts with the given one."""
        return self._affix("prefix", text)

    def suffix(self, text: str) -> Expression:
        """Return the filter for text that ends with the given one; it needs `Index(suffix=True)`."""
        return self._affix("suffix", text)

    def matches(self, words: str) -> Expression:
        """Return the filter for text in which all of the words occur; it needs `Index(text=True)`.

        The order of the words does not matter, nor does the case of a to z.

        Raises:
            BadFilterError: There are no words in what is given.
        """
        return self._words("matches", words, 0)

    def fuzzy(self, word: str, distance: int = 1) -> Expression:
        """Return the filter for text with a word that is like the given one; it needs `Index(text=True)`.

        Args:
            word: One word.
            distance: How many of its characters may be missing, be added or be others; 1 to 3.

        Raises:
            BadFilterError: It is not one word, or the distance is none.
        """
        if type(distance) is not int or not 1 <= distance <= _FARTHEST:
            raise BadFilterError(
                f"the distance {distance!r} is unknown", field=self._place.name, hint="give 1, 2 or 3"
            )
        return self._words("fuzzy", word, distance)

    def near(self, lon: float, lat: float, km: float) -> Expression:
        """Return the filter for places within a distance of another.

        Args:
            lon: The other's longitude, in degrees.
            lat: Its latitude, in degrees.
            km: The distance, in kilometres.

        Raises:
            BadFilterError: It is no place, or no distance.
        """
        self._kind("near")
        numbers = (lon, lat, km)
        known = all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
        if (
            not known
            or not all(map(math.isfinite, numbers))
            or not (abs(lon) <= 180 and abs(lat) <= 85.05112878)
        ):
            raise BadFilterError(
                f"{self._name()}.near needs a longitude and a latitude, not {lon!r}, {lat!r}, {km!r}",
                field=self._place.name,
            )
        if km <= 0:
            raise BadFilterError(f"{self._name()}.near needs a distance above 0 km", field=self._place.name)
        return Near(self._place.name, float(lon), float(lat), float(km))

    def nearest(self, vector: Any, k: int = 10) -> Expression:
        """Return the filter for the vectors that are nearest to one; results come with the nearest first.

        Filters beside it (`&`) are applied first. It can stand neither in `|` nor in `~`.

        Args:
            vector: The one: a sequence of numbers.
            k: How many.

        Raises:
            BadFilterError: It is no vector of the field's dimensions, or `k` is no number from 1.
        """
        kind = self._kind("nearest")
        if type(k) is not int or k < 1:
            raise BadFilterError(f"k is {k!r}", field=self._place.name, hint="give a whole number from 1")
        return Nearest(self._place.name, self._taken(kind, vector), k, kind)

    def __bool__(self) -> NoReturn:
        raise BadFilterError(
            f"{self._place.name} alone is no filter", field=self._place.name, hint="compare it with a value"
        )

    def _compare(self, operator: str, value: Any) -> Expression:
        kind = self._kind(operator)
        return Compare(self._place.name, kind, operator, self._taken(kind, value))

    def _affix(self, where: Any, text: Any) -> Expression:
        kind = self._kind(where)
        taken = self._taken(kind, text)
        if not taken:
            raise BadFilterError(f"{self._name()}.{where} was given an empty text", field=self._place.name)
        return Affix(self._place.name, kind, where, taken)

    def _words(self, operator: str, text: Any, distance: int) -> Expression:
        kind = self._kind(operator)
        words = tuple(words_of_text(self._taken(kind, text)))
        if not words or (distance and len(words) > 1):
            wanted = "one word" if distance else "words"
            raise BadFilterError(
                f"{self._name()}.{operator} needs {wanted}, not {text!r}", field=self._place.name
            )
        if any(len(word.encode()) > LONGEST for word in words):
            raise BadFilterError(
                f"{self._name()}.{operator} was given a word of more than {LONGEST} bytes",
                field=self._place.name,
                hint="the server finds no word that is as long as that",
            )
        if kind.options is None:
            raise TypeError(f"{kind.name} has no words")
        return Words(self._place.name, kind.options, words, distance)

    def _taken(self, kind: IndexKind, value: Any) -> Any:
        try:
            return kind.value(value)
        except TypeError as error:
            said = f"{self._name()} compares with {error}, not with {value!r}"
        except ValueError as error:
            said = f"{self._name()} cannot be compared: {error}"
        raise BadFilterError(said, field=self._place.name, model=self._field.model)

    def _kind(self, operator: str | None = None) -> IndexKind:
        if self._field.index is None:
            raise NotIndexedError(
                f"{self._name()} has no index, so it cannot be searched",
                field=self._place.name,
                model=self._field.model,
                hint=f"declare it as `{self._field.name}: Index[…]`",
            )
        kind = self._found()[0]
        if operator is not None and operator not in kind.offers:
            raise self._refused(kind, operator)
        return kind

    def _found(self) -> tuple[IndexKind, Place]:
        if self._known is None:
            self._known = kind_at(self._field, self._place)
        return self._known

    def _refused(self, kind: IndexKind, operator: str) -> BadFilterError:
        cures = {"contains": "suffix", "suffix": "suffix", "matches": "text", "fuzzy": "text"}
        if kind.name == "exact text" and operator in cures:
            hint = f"declare it with Index({cures[operator]}=True)"
        else:
            hint = f"use {' or '.join(sorted(kind.offers, key=_ORDER.index))}"
        return BadFilterError(
            f"{self._name()} is indexed as {kind.name}, which {operator} cannot compare",
            field=self._place.name,
            model=self._field.model,
            hint=hint,
        )

    def _name(self) -> str:
        return f"{self._field.model}.{self._field.name}"


class ModelOperand:
    """An inner model in an expression: `User.address`, whose fields stand behind the next dot.

    A list or dict of models is one, too: `User.items.price > 5` is true where it is for any of them.
    """

    __slots__ = ("_model", "_place", "_root")

    def __init__(self, model: type[StoredModel], place: Place, root: type[StoredModel]) -> None:
        self._model = model
        self._place = place
        self._root = root

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return operand(self._model, name, self._place, self._root)

    def __bool__(self) -> NoReturn:
        raise BadFilterError(
            f"{self._place.name} alone is no filter", field=self._place.name, hint="compare one of its fields"
        )


def operand(
    model: type[StoredModel], name: str, place: Place | None = None, root: type[StoredModel] | None = None
) -> Any:
    """Return a field of a model class as expressions use it.

    Args:
        model: The class.
        name: The field.
        place: Where the model stands, for a nested class.
        root: The class that the place is in, for a nested class.

    Raises:
        UnknownFieldError: The class has no such field.
    """
    spec = spec_of(model)
    if place is None and name in spec.operands:
        return spec.operands[name]
    field = spec.fields.get(name)
    if field is None:
        raise UnknownFieldError(
            f"unknown field {name!r} on {model.__name__}",
            field=name,
            model=model.__name__,
            hint=suggestion(name, spec.fields),
        )
    where, top = (place or Place()).field(name), root or model
    inner = inner_of(field, where)
    made = FieldOperand(field, where, top) if inner is None else ModelOperand(*inner, top)
    if place is None:
        spec.operands[name] = made
    return made


def place_of(given: FieldOperand | ModelOperand) -> tuple[type[StoredModel], str]:
    """Return the class that an operand's path starts in, and the dotted path."""
    return given._root, given._place.name
