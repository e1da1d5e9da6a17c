"""The kinds of index a field can have: what FT.CREATE is told, what each compares, and what it offers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapyer.search import values
from rapyer.types.zones import EXACT_SECONDS, microseconds_at, stored_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.commands.command import Arg
    from rapyer.fields.index import IndexAnnotation

Family: TypeAlias = Literal["number", "tag", "words", "place", "vector", "null"]
"""What the server keeps: numbers, whole texts, words, places, vectors, or only whether a null is there."""

EQUAL = frozenset({"==", "!=", "one_of"})
ORDER = frozenset({"<", "<=", ">", ">=", "between"})
WORDS = frozenset({"matches", "fuzzy"})
INSIDE = frozenset({"contains", "suffix"})

_SHOWN = {
    "data_type": "TYPE",
    "dim": "DIM",
    "distance_metric": "DISTANCE_METRIC",
}
"""How FT.INFO calls what FT.CREATE takes for vectors."""


@dataclass(frozen=True, slots=True)
class IndexKind:
    """One kind of index.

    Attributes:
        name: What messages call it.
        schema: The words that FT.CREATE takes for it.
        family: What the server keeps.
        value: Turns a value into what is compared; raises TypeError, with what it takes, for a value of the
            wrong type, and ValueError, with the reason, for one that cannot be searched for.
        offers: The operators that make sense.
        number: Gives the number that the index holds for what is compared.
        exact: Gives for such a number what is compared: what this changes lies between two values that the
            index can tell apart.
        coarse: From which size on values may be in documents that the index tells apart only roughly.
        nullable: Whether the value may be None, or missing.
        many: Whether a document may have several values there.
        nulls: Whether nulls may stand there which the server would not take for missing. Where there may be
            several values, the index has a path that leaves nulls out; else an attribute `name:none` tells of
            one.
        options: What the declaration asks for.
    """

    name: str
    schema: tuple[Arg, ...]
    family: Family
    value: Callable[[Any], Any]
    offers: frozenset[str] = EQUAL
    number: Callable[[Any], float] = float
    exact: Callable[[float], Any] = float
    coarse: int | None = None
    nullable: bool = False
    many: bool = False
    nulls: bool = False
    options: IndexAnnotation | None = None

    @property
    def ordered(self) -> bool:
        """Whether `<`, `<=`, `>` and `>=` make sense."""
        return "<" in self.offers

    def encode(self, value: Any) -> str:
        """Return a value as queries hold it.

        Raises:
            TypeError: It is of the wrong type.
            ValueError: It cannot be searched for.
        """
        return values.text_of(self.value(value))

    def described(self) -> dict[str, str]:
        """Return what FT.INFO says of it, beside path and name, as far as a declaration can say it."""
        type_, *words = map(str, self.schema)
        if type_ == "VECTOR":
            return {"type": type_, "algorithm": words[0]} | self._vector(words)
        described = {"type": type_}
        flags = iter(words)
        for flag in flags:
            if flag == "WEIGHT":
                described[flag] = next(flags)
            elif flag == "PHONETIC":
                next(flags)  # it says nothing of that
            else:
                described[flag] = ""
        return {key: value for key, value in described.items() if (key, value) != ("WEIGHT", "1")}

    def _vector(self, words: list[str]) -> dict[str, str]:
        given = dict(zip(words[2::2], words[3::2], strict=False))
        missing = {"INDEXMISSING": ""} if "INDEXMISSING" in words else {}
        return {shown: given[word] for shown, word in _SHOWN.items()} | missing

    def at(self, *, nullable: bool, optional: bool, many: bool) -> IndexKind:
        """Return the kind for a place.

        Args:
            nullable: Whether the value itself may be None.
            optional: Whether it may be missing, as something on the way to it may be None or empty.
            many: Whether there may be several.
        """
        told = self.family in {"tag", "place", "vector"} and not self.is_flag
        schema = (*self.schema, "INDEXMISSING") if told and (nullable or optional) else self.schema
        nulls = told and nullable
        return replace(self, schema=schema, nullable=nullable or optional, many=many, nulls=nulls)

    @property
    def is_flag(self) -> bool:
        """Whether it is true or false."""
        return self.name == "bool"


EXACT_NUMBERS = 2**53
"""Whole numbers below this are told apart by the doubles that an index holds."""

_TAG: tuple[Arg, ...] = ("TAG", "CASESENSITIVE")
_EXACT: tuple[Arg, ...] = (*_TAG, "INDEXEMPTY")

INTEGER = IndexKind("number", ("NUMERIC",), "number", values.number, EQUAL | ORDER, coarse=EXACT_NUMBERS)
FLOAT = IndexKind("number", ("NUMERIC",), "number", values.number, EQUAL | ORDER)
DECIMAL = IndexKind("decimal", ("NUMERIC",), "number", values.decimal, EQUAL | ORDER, exact=values.decimal_of)
BOOL = IndexKind("bool", _TAG, "tag", values.flag)
TIME = IndexKind(
    "time",
    ("NUMERIC",),
    "number",
    values.moment,
    EQUAL | ORDER,
    number=stored_seconds,
    exact=microseconds_at,
    coarse=EXACT_SECONDS * 1_000_000,
)
DATE = IndexKind("date", ("NUMERIC",), "number", values.day, EQUAL | ORDER)
TIME_OF_DAY = IndexKind("time of day", ("NUMERIC",), "number", values.time_of_day, EQUAL | ORDER)
SPAN = IndexKind("time span", ("NUMERIC",), "number", values.span, EQUAL | ORDER, coarse=EXACT_NUMBERS)
EXACT = IndexKind("exact text", _EXACT, "tag", values.text, EQUAL | {"prefix"})
UNIQUE = IndexKind("UUID", _TAG, "tag", values.uuid)
PLACE = IndexKind("place", ("GEO",), "place", values.place, frozenset({"near"}))
ENDINGS = IndexKind("endings", (*_TAG, "WITHSUFFIXTRIE"), "tag", values.text, frozenset())
NULL = IndexKind("null", ("TAG", "INDEXMISSING"), "null", values.text, frozenset())


def exact_text(options: IndexAnnotation) -> IndexKind:
    """Return the kind of text that is compared as a whole."""
    kind = replace(EXACT, options=options)
    if options.suffix:
        kind = replace(kind, offers=kind.offers | INSIDE)
    return replace(kind, offers=kind.offers | WORDS) if options.text else kind


def words(options: IndexAnnotation) -> IndexKind:
    """Return the kind of text that is searched by its words."""
    schema: tuple[Arg, ...] = ("TEXT", "WEIGHT", f"{options.weight:g}")
    if options.phonetic:
        schema += ("PHONETIC", options.phonetic)
    if options.language is None:
        schema += ("NOSTEM",)
    return IndexKind("text", schema, "words", values.text, WORDS, options=options)


def choice(name: str, members: dict[Any, Any], *, ordered: bool) -> IndexKind | None:
    """Return the kind of values out of a list: all texts, all numbers or all bools; None for others.

    Args:
        name: What the values are called in messages.
        members: What stands in documents, by the value.
        ordered: Whether the values themselves have an order, where they are numbers.
    """
    kinds = {type(stored) for stored in members.values()}
    value = values.chosen(name, members)
    if kinds == {bool}:
        return replace(BOOL, value=value)
    if kinds == {int}:
        offers = EQUAL | ORDER if ordered else EQUAL
        return IndexKind(name, ("NUMERIC",), "number", value, offers, coarse=EXACT_NUMBERS)
    return IndexKind(name, _EXACT, "tag", value) if kinds == {str} else None


def vector(options: IndexAnnotation) -> IndexKind:
    """Return the kind of vectors."""
    about: tuple[Arg, ...] = ("TYPE", options.type, "DIM", options.dim or 0)
    about += ("DISTANCE_METRIC", options.metric)
    schema = ("VECTOR", options.algorithm, len(about), *about)
    value = values.vector(options)
    return IndexKind("vector", schema, "vector", value, frozenset({"nearest"}), options=options)
