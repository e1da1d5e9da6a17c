"""Which fields hold colours."""

from __future__ import annotations

import re
from typing import Any, Final

_HOMES: Final = ("pydantic_extra_types.color", "pydantic.color")
_COLORS: Final = ("#a1b2c3", "#000000")
_OTHERS: Final = ("", "black", "a1b2c3", "#zzzzzz", "#", "#x")


def is_color(annotation: Any) -> bool:
    """Tell whether an annotation is pydantic's class of colours."""
    return getattr(annotation, "__name__", "") == "Color" and annotation.__module__ in _HOMES


def are_colors(pattern: str | None) -> bool:
    """Tell whether a pattern lets nothing pass but colours such as `#a1b2c3`."""
    if pattern is None:
        return False
    try:
        compiled = re.compile(pattern)
    except re.error:  # pydantic's own engine takes some that Python does not
        return False
    return all(map(compiled.search, _COLORS)) and not any(map(compiled.search, _OTHERS))
