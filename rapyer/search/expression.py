"""Fields as filters use them; `User.age > 18` makes a node, and `compile.py` turns it into a query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from rapyer.errors import BadFilterError, NotIndexedError, UnknownFieldError
from rapyer.model.schema import FieldSpec, spec_of
from rapyer.model.suggest import suggestion
from rapyer.search.nodes import (
    AROUND,
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
from rapyer.search.operands import Operand
from rapyer.search.places import Place, inner_of, kind_at
from rapyer.search.words import LONGEST, has_likes, words_of_text

if TYPE_CHECKING:
    from rapyer.codec.paths import JsonPath
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

_ORDER = (
    *("==", "!=", "one_of", "<", "<=", ">", ">=", "between"),
    *("prefix", "suffix", "contains", "matches", "fuzzy", "near", "nearest"),
)
_FARTHEST = 3
"""How many characters the server lets a word differ by."""

_HIGHEST = 85.05112878
"""The latitude, in degrees, up to which the server knows places."""

_MOST_NEAREST = 1_000_000
"""How many matches the server gives at the most in an order."""


class FieldOperand(Operand):
    """A field in an expression: `User.age`.

    Where a field is a list or dict, or stands in models in one, a filter holds if it does for any element.
    """

    __slots__ = ("_field", "_known", "_noted")

    __hash__ = None  # type: ignore[assignment]  # `==` gives no bool

    def __init__(
        self, field: FieldSpec, place: Place, root: type[StoredModel], noted: JsonPath | None = None
    ) -> None:
        super().__init__(place, root)
        self._field = field
        self._noted = noted
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
            BadFilterError: There are none, or it is no collection.
        """
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise self._bad(
                f"needs a collection of values, not {values!r}", "put it in a list", call="one_of"
            )
        parts = tuple(self == value for value in values)
        if not parts:
            raise self._bad(
                "was given no value", "nothing is one of none: leave the query out", call="one_of"
            )
        return Or(parts)

    def between(self, low: Any, high: Any) -> Expression:
        """Return the filter for values from `low` to `high`, both included."""
        kind = self._kind("between")
        ends = (self._taken(kind, low), self._taken(kind, high))
        return Compare(self._place.name, kind, "between", ends, model=self._root)

    def is_none(self) -> Expression:
        """Return the filter for instances where the value is None or missing, or where there is no element.

        Raises:
            BadFilterError: The field cannot be None.
        """
        kind = self._kind()
        if not kind.nullable:
            raise self._bad("is never None", "declare it as Optional if it may be")
        return Empty(self._place.name, kind, model=self._root)

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
            raise self._bad(f"was given the distance {distance!r}", "give 1, 2 or 3", call="fuzzy")
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
        numbers = [_plain(one) for one in (lon, lat, km)]
        known = all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers)
        if not known or not (abs(numbers[0]) <= 180 and abs(numbers[1]) <= _HIGHEST):
            raise self._bad(
                f"needs a longitude, a latitude and kilometres, not {lon!r}, {lat!r}, {km!r}",
                f"the server knows longitudes up to 180 and latitudes up to {_HIGHEST} degrees",
                call="near",
            )
        if not numbers[2] > 0:
            raise self._bad(f"needs a distance above 0 km, not {km!r}", "give metres: km=0.01", call="near")
        east, north, far = numbers
        return Near(self._place.name, float(east), float(north), float(min(far, AROUND)), model=self._root)

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
        if type(k) is not int or not 1 <= k <= _MOST_NEAREST:
            raise self._bad(f"was given k={k!r}", f"give a number from 1 to {_MOST_NEAREST}", call="nearest")
        return Nearest(self._place.name, self._taken(kind, vector), k, kind, model=self._root)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnknownFieldError(
            f"{self._name()} has no {name}",
            field=self._place.name,
            model=self._root.__name__,
            hint=_offered(self._kind()),
        )

    def _compare(self, operator: str, value: Any) -> Expression:
        kind = self._kind(operator)
        return Compare(self._place.name, kind, operator, self._taken(kind, value), model=self._root)

    def _affix(self, where: Any, text: Any) -> Expression:
        kind = self._kind(where)
        taken = self._taken(kind, text)
        if not taken:
            raise self._bad("was given an empty text", "every text has that; leave it out", call=where)
        return Affix(self._place.name, kind, where, taken, model=self._root)

    def _words(self, operator: str, text: Any, distance: int) -> Expression:
        kind = self._kind(operator)
        words = tuple(words_of_text(self._taken(kind, text)))
        if not words or (distance and len(words) > 1):
            wanted = "one word" if distance else "words"
            raise self._bad(
                f"needs {wanted}, not {text!r}", "words end at blanks and punctuation", call=operator
            )
        if any(len(word.encode()) > LONGEST for word in words):
            raise self._bad(
                f"was given a word of more than {LONGEST} bytes",
                "the server finds no word that is as long as that",
                call=operator,
            )
        if distance and not has_likes(words[0]):
            raise self._bad(
                f"was given {words[0]!r}, with a character beyond U+FFFF",
                "the server tells no words that are like it; look for it by matches",
                call=operator,
            )
        if kind.options is None:
            raise TypeError(f"{kind.name} has no words")
        return Words(self._place.name, kind.options, words, distance, model=self._root)

    def _taken(self, kind: IndexKind, value: Any) -> Any:
        if isinstance(value, Operand):
            raise self._bad(
                f"cannot be compared with another field, {value!r}",
                "filters compare with values; compare the fields of the instances that afind gives",
            )
        try:
            taken = kind.value(_plain(value))
            if isinstance(taken, str):
                taken.encode()  # half of a character would stop the command on its way
            return taken
        except TypeError as error:
            said = f"compares with {error}, not with {value!r}"
        except ValueError as error:
            said = f"cannot be compared: {error}"
        raise self._bad(said)

    def _kind(self, operator: str | None = None) -> IndexKind:
        if self._field.index is None:
            raise NotIndexedError(
                f"{self._name()} has no index, so it cannot be searched",
                field=self._place.name,
                model=self._root.__name__,
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
        cured = kind.name == "exact text" and operator in cures
        hint = f"declare it with Index({cures[operator]}=True)" if cured else _offered(kind)
        return self._bad(f"is indexed as {kind.name}, which {operator} cannot compare", hint)


class ModelOperand(Operand):
    """An inner model in an expression: `User.address`, whose fields stand behind the next dot.

    A list or dict of models is one, too: `User.items.price > 5` is true where it is for any of them.
    """

    __slots__ = ("_model",)

    def __init__(self, model: type[StoredModel], place: Place, root: type[StoredModel]) -> None:
        super().__init__(place, root)
        self._model = model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return operand(self._model, name, self._place, self._root)

    def _compared(self, _: object) -> NoReturn:
        fields = spec_of(self._model).fields
        raise self._bad(
            "is a model, which cannot be compared",
            f"compare one of its fields: {', '.join(fields) or 'it has none'}",
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _compared


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
            f"unknown field {name!r} on {_name_of(model, place, root)}",
            field=name,
            model=model.__name__,
            hint=suggestion(name, spec.fields),
        )
    here, top = place or Place(), root or model
    where = here.field(name)
    inner = inner_of(field, where)
    if inner is None:
        made: Operand = FieldOperand(field, where, top, here.path if name in spec.notes else None)
    else:
        made = ModelOperand(*inner, top)
    if place is None:
        spec.operands[name] = made
    return made


def place_of(given: FieldOperand | ModelOperand) -> tuple[type[StoredModel], str]:
    """Return the class that an operand's path starts in, and the dotted path."""
    return given._root, given._place.name


def _name_of(model: type[StoredModel], place: Place | None, root: type[StoredModel] | None) -> str:
    return model.__name__ if place is None or root is None else f"{root.__name__}.{place.name}"


def _offered(kind: IndexKind) -> str:
    return f"use {' or '.join(sorted(kind.offers, key=_ORDER.index))}"


def _plain(value: Any) -> Any:
    """Return a single value of numpy as one of Python."""
    return value.item() if hasattr(value, "dtype") and getattr(value, "ndim", None) == 0 else value
