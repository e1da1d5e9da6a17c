"""Whether a value came back from JSON as it was, and whether it can go there at all."""

from __future__ import annotations

import datetime as dt
import math
from enum import Enum
from typing import Any

import pydantic_core

_FIXED = (dt.timezone, pydantic_core.TzInfo)
_SETS = (set, frozenset)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal down to the types of what they hold, so that 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Enum):
        return one is other
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, one.items(), other.items()))
    if isinstance(one, _SETS):
        return {(type(item), item) for item in one} == {(type(item), item) for item in other}
    if isinstance(one, dt.datetime | dt.time):
        return one == other and one.fold == other.fold and _same_zone(one.tzinfo, other.tzinfo)
    if hasattr(one, "__dict__") and one.__dict__:
        return same(one.__dict__, other.__dict__)
    return bool(one == other) and str(one) == str(other)


def _same_zone(one: Any, other: Any) -> bool:
    # A zone with a name has rules that its present offset, which is all that JSON holds, does not tell.
    return one is other or (isinstance(one, _FIXED) and isinstance(other, _FIXED))


def has_no_number(value: Any) -> bool:
    """Tell whether NaN or an infinity is in a value or in the plain containers that it is made of."""
    kind = type(value)
    if kind is float:
        return not math.isfinite(value)
    if kind is complex:
        return not (math.isfinite(value.real) and math.isfinite(value.imag))
    if kind is dict:
        return any(map(has_no_number, value)) or any(map(has_no_number, value.values()))
    if kind in {list, tuple, set, frozenset}:
        return any(map(has_no_number, value))
    return False


def is_beyond_json(value: Any) -> bool:
    """Tell whether an integer is in JSON values that the server would make a float of."""
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    if isinstance(value, dict):
        return any(map(is_beyond_json, value.values()))
    return isinstance(value, list) and any(map(is_beyond_json, value))
