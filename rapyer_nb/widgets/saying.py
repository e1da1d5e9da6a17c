"""How values are told apart, and told of, in the messages of a form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_SHOWN = 60


def explain(error: ValidationError, field: str) -> str:
    """Return what pydantic found wrong, in one line, with the place where it is not the field itself."""
    found = []
    for item in error.errors(include_url=False, include_context=False):
        steps = item["loc"][1:] if item["loc"][:1] == (field,) else item["loc"]
        place = "".join(f"[{step!r}]" for step in steps)
        found.append(f"{place}: {item['msg']}" if place else item["msg"])
    return "; ".join(found)


def shortened(text: str | bytes) -> str:
    """Return the text cut to what fits into a message."""
    whole = text.decode(errors="replace") if isinstance(text, bytes) else text
    return whole if len(whole) <= MAX_SHOWN else f"{whole[: MAX_SHOWN - 1]}…"


def same(one: Any, other: Any) -> bool:
    """Tell whether two values look the same to who edits them."""
    # In Python True equals 1, and noon in Paris equals eleven in London; who edits them sees a difference.
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if (
        isinstance(one, dt.datetime)
        and isinstance(other, dt.datetime)
        and one.utcoffset() != other.utcoffset()
    ):
        return False
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return str(one) == str(other)  # 1.10 is not 1.1 to who typed it
    return bool(one == other)
