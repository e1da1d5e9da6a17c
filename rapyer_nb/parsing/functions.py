"""The few functions that a magic's line may call: they make values that have no literal in Python."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import BuiltinFunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MADE: Final[dict[str, tuple[tuple[str, ...], Callable[..., Any]]]] = {
    "date": (("dt", "datetime"), dt.date),
    "datetime": (("dt", "datetime"), dt.datetime),
    "time": (("dt", "datetime"), dt.time),
    "timedelta": (("dt", "datetime"), dt.timedelta),
    "Decimal": (("decimal",), Decimal),
    "UUID": (("uuid",), UUID),
}
"""By name: the modules that users may write before it, and what makes the value."""

_OF_NOW: Final[dict[str, Callable[..., Any]]] = {
    "now": dt.datetime.now,
    "today": dt.date.today,
    "datetime.now": dt.datetime.now,
    "date.today": dt.date.today,
}

NAMES: Final = (*_MADE, "now", "today")


def function_named(names: list[str], variables: Mapping[str, Any]) -> Callable[..., Any] | None:
    """Return the function that dotted names stand for; `None` where it may not be called.

    A user's variable of the same name hides it if it could be called, unless it is that very function.

    Args:
        names: Such as `["date"]` or `["dt", "timedelta"]`.
        variables: The user's variables.
    """
    made = _function(names)
    if names[0] not in variables or made is None:
        return made
    given: Any = variables[names[0]]
    if isinstance(given, type | ModuleType):
        for name in names[1:]:
            given = getattr(given, name, None)
    plain = isinstance(given, type | BuiltinFunctionType)  # whose == runs nothing of the user's
    return made if (plain and given == made) or not callable(given) else None


def _function(names: list[str]) -> Callable[..., Any] | None:
    dotted = ".".join(names)
    if dotted in _OF_NOW:
        return _OF_NOW[dotted]
    *before, last = names
    if before and before[0] in ("dt", "datetime") and len(before) == 2:
        return _OF_NOW.get(".".join(names[1:]))
    modules, make = _MADE.get(last, ((), None))
    return make if not before or (len(before) == 1 and before[0] in modules) else None
