"""Commands that compute with a stored value, each in a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rapyer.codec.replies import number, text
from rapyer.commands.command import Command
from rapyer.commands.json import digits
from rapyer.scripts.script import ValueScript

if TYPE_CHECKING:
    import datetime as dt

Symbol: TypeAlias = str
"""An operator: `*`, `/`, `//`, `%` or `**`."""

_INTEGER = ValueScript("integer")
_FLOAT = ValueScript("float")
_INCREMENT_WITHIN = ValueScript("increment_within")
_REPEAT_TEXT = ValueScript("repeat_text")
_SHIFT_TIME = ValueScript("shift_time")


def integer(key: str, path: str, symbol: Symbol, operand: int) -> Command[int | None]:
    """Apply `*`, `//`, `%` or `**` to an integer, exactly; the new number."""
    return Command(
        "EVALSHA",
        (key,),
        (path, symbol, digits(operand)),
        _integer,
        script=_INTEGER,
        place=path,
        must_exist=True,
    )


def real(
    key: str, path: str, symbol: Symbol, operand: float, before: float, after: float
) -> Command[float | None]:
    """Apply `*`, `/`, `//`, `%` or `**` to a float; the new number.

    Args:
        key: The document.
        path: The number.
        symbol: The operator.
        operand: Its right side.
        before: The local value.
        after: What Python made of it, which is the result if the stored value is the same.
    """
    args = (path, symbol, *map(digits, (operand, before, after)))
    return Command("EVALSHA", (key,), args, _real, script=_FLOAT, place=path, must_exist=True)


def increment_within(key: str, path: str, amount: float, bound: float, *, is_open: bool) -> Command[Any]:
    """Add to a number (JSON.NUMINCRBY), unless that leads beyond a bound; the new number.

    Args:
        key: The document.
        path: The number.
        amount: What to add, not zero.
        bound: The most that it may become, or with a negative amount the least.
        is_open: Whether the bound itself is out of bounds, too.
    """
    args = (path, digits(amount), digits(bound), "open" if is_open else "")
    return Command("EVALSHA", (key,), args, number, script=_INCREMENT_WITHIN, place=path, must_exist=True)


def repeat_text(key: str, path: str, times: int) -> Command[bool]:
    """Repeat a string."""
    return Command("EVALSHA", (key,), (path, times), bool, script=_REPEAT_TEXT, place=path, must_exist=True)


def shift_time(
    key: str, path: str, span: dt.timedelta, before: str = "", after: str = ""
) -> Command[str | None]:
    """Add a span to an ISO 8601 time, to the microsecond; the new text.

    Args:
        key: The document.
        path: The time.
        span: What to add.
        before: The offset of the local time, such as `+01:00`.
        after: The offset that it has after, where its zone changes it; the stored one then does so too.
    """
    args = (path, span.days, span.seconds, span.microseconds, before, after)
    return Command("EVALSHA", (key,), args, _time, script=_SHIFT_TIME, place=path, must_exist=True)


def _integer(reply: Any) -> int | None:
    return None if reply is None else int(reply)


def _real(reply: Any) -> float | None:
    return None if reply is None else float(reply)


def _time(reply: Any) -> str | None:
    return None if reply is None else text(reply)
