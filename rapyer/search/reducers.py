"""What an aggregate computes of the values in a group, in Python and exactly.

A reducer names its field and says how the values become one. None and missing values are none of them; where
no value is left the outcome is None, or 0 of `count` and `count_distinct`, or [] of `to_list`.
"""

from __future__ import annotations

import builtins
import datetime as dt
import math
import statistics
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapyer.errors import UnsupportedArgumentValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Needs: TypeAlias = Literal["anything", "amounts", "order"]
"""What a reducer asks of values: nothing, that they can be added up, or that they have an order."""

AMOUNTS = (bool, int, float, Decimal, dt.timedelta)
ORDERED = (*AMOUNTS, str, bytes, dt.date, dt.time, Enum)

_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Reducer:
    """What is computed of each group.

    Attributes:
        name: What messages call it.
        field: The field, or its dotted path; None for the documents themselves.
        fold: Makes one value of those of a group; it is not called without any.
        of_nothing: The outcome where there are none.
        needs: What the values must be able to do.
        by: The field by which the values are ordered first; with "-" before its path, the greatest first.
        gives: The type of the outcome, as far as it is the same for all fields.
    """

    name: str
    field: Any
    fold: Callable[[Sequence[Any]], Any]
    of_nothing: Any = None
    needs: Needs = "anything"
    by: Any = None
    gives: Any = Any


def count(field: Any = None) -> Reducer:
    """Count the documents, or the values of a field: an element of a list is a value of its own."""
    return Reducer("count", field, len, 0, gives=int)


def count_distinct(field: Any) -> Reducer:
    """Count the different values of a field, exactly."""
    return Reducer("count_distinct", field, lambda values: len(set(values)), 0, gives=int)


def sum(field: Any) -> Reducer:
    """Add up the values; ints, Decimals and time spans exactly, floats rounded once."""
    return Reducer("sum", field, total, needs="amounts")


def mean(field: Any) -> Reducer:
    """Return the arithmetic mean: a float of ints and floats, a Decimal of Decimals, a time span of those."""
    return Reducer("mean", field, _mean, needs="amounts")


def min(field: Any) -> Reducer:
    """Return the smallest value; an Enum is compared by its members' values."""
    return Reducer("min", field, lambda values: _sorted(values)[0], needs="order")


def max(field: Any) -> Reducer:
    """Return the greatest value; an Enum is compared by its members' values."""
    return Reducer("max", field, lambda values: _sorted(values)[-1], needs="order")


def stddev(field: Any, *, population: bool = False) -> Reducer:
    """Return the standard deviation; None of a single value, unless it is the whole population.

    Args:
        field: The field.
        population: Whether the values are all there are (divided by n), not a sample (by n - 1).
    """
    return Reducer("stddev", field, lambda values: _stddev(values, population), needs="amounts")


def quantile(field: Any, q: float = 0.5) -> Reducer:
    """Return the value below which a part of the values lies; between two values it is interpolated.

    Args:
        field: The field.
        q: The part, from 0.0 to 1.0; 0.5 gives the median.

    Raises:
        UnsupportedArgumentValueError: It is no number from 0 to 1.
    """
    if isinstance(q, bool) or not isinstance(q, int | float) or not 0 <= q <= 1:
        raise UnsupportedArgumentValueError(f"the quantile {q!r} is none", hint="give a number from 0 to 1")
    part = Fraction(repr(float(q)))  # 0.1 stands for a tenth, not for the double next to it
    return Reducer("quantile", field, lambda values: _quantile(values, part), needs="amounts")


def first(field: Any, *, by: Any = None) -> Reducer:
    """Return the value of the first document that has one.

    Args:
        field: The field.
        by: The field that orders the documents, or its dotted path, with "-" before it the greatest first;
            documents without a value there come last. None orders them by key.
    """
    return Reducer("first", field, lambda values: values[0], by=by)


def to_list(field: Any, *, distinct: bool = False, by: Any = None) -> Reducer:
    """Return all values as a list.

    Args:
        field: The field.
        distinct: Whether to leave out values that came before.
        by: As for `first`.
    """
    fold = (lambda values: list(dict.fromkeys(values))) if distinct else list
    return Reducer("to_list", field, fold, (), by=by, gives=list)


def ordering(value: Any) -> Any:
    """Return what a value is compared by.

    Raises:
        TypeError: Values like that have no order.
    """
    if isinstance(value, Enum):
        return ordering(value.value)
    if isinstance(value, dt.datetime):
        return value.timestamp()  # some may have a zone, and others not
    if not isinstance(value, ORDERED):
        raise TypeError(f"{value!r} has no order")
    return value


def total(values: Sequence[Any]) -> Any:
    """Return the sum of amounts of one kind, of one at least."""
    if isinstance(values[0], dt.timedelta):
        return builtins.sum([value // _MICROSECOND for value in values]) * _MICROSECOND
    if any(isinstance(value, float) for value in values):
        return _float_of(values)
    if any(isinstance(value, Decimal) for value in values):
        return _decimal_sum([Decimal(value) for value in values])
    return builtins.sum(values)


def _float_of(values: Sequence[Any]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:  # of what was added so far
        exact = _exact_sum(values)
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf


def _exact_sum(values: Sequence[Any]) -> Fraction:
    return builtins.sum(map(Fraction, values), Fraction(0))


def _decimal_sum(values: Sequence[Decimal]) -> Decimal:
    exponents = [int(value.as_tuple().exponent) for value in values]
    digits = builtins.max(value.adjusted() for value in values) - builtins.min(exponents)
    with localcontext(Context(prec=digits + len(str(len(values))) + 2, Emax=MAX_EMAX, Emin=MIN_EMIN)):
        return builtins.sum(values, Decimal(0))


def _mean(values: Sequence[Any]) -> Any:
    number = len(values)
    if any(isinstance(value, float) for value in values):
        try:
            return math.fsum(values) / number
        except OverflowError:
            return float(_exact_sum(values) / number)
    return total(values) / number


def _stddev(values: Sequence[Any], population: bool) -> Any:
    if len(values) == 1 and not population:
        return None
    deviation = statistics.pstdev if population else statistics.stdev
    if isinstance(values[0], dt.timedelta):
        return deviation([value // _MICROSECOND for value in values]) * _MICROSECOND
    if any(isinstance(value, Decimal) and not value.is_finite() for value in values):
        raise ValueError("one is no finite number")
    return deviation(values)


def _quantile(values: Sequence[Any], part: Fraction) -> Any:
    ordered = _sorted(values)
    below, beyond = divmod(part * (len(ordered) - 1), 1)
    low = ordered[int(below)]
    high = ordered[int(below) + 1] if beyond else low
    if low == high:
        return low
    if isinstance(low, dt.timedelta | Decimal):
        return low + (high - low) * beyond.numerator / beyond.denominator
    return float(Fraction(low) + (Fraction(high) - Fraction(low)) * beyond)


def _sorted(values: Sequence[Any]) -> list[Any]:
    return sorted(values, key=ordering)
