"""A filter of the library as a line of text, much as it would be written in `%rapyer_find`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.search.nodes import Affix, And, Compare, Empty, Near, Nearest, Not, Or, Words
from rapyer_nb.views.brief import brief, clipped

if TYPE_CHECKING:
    from rapyer.search.nodes import Expression

_LONGEST: Final = 160
_VALUE: Final = 40


def written_filter(expression: Expression | None) -> str:
    """Return a filter in one line, clipped; empty for none.

    Times stand there as the numbers that the index has of them.
    """
    return "" if expression is None else clipped(_written(expression), _LONGEST)


def _written(node: Expression) -> str:
    match node:
        case And(parts=parts):
            return " and ".join(_inside(part) for part in parts)
        case Or(parts=parts):
            return " or ".join(_inside(part) for part in parts)
        case Not(part=part):
            return f"not {_inside(part)}"
        case Empty(path=path):
            return f"{path} is None"
        case Compare(path=path, operator="between", value=(low, high)):
            return f"{path}.between({brief(low, _VALUE)}, {brief(high, _VALUE)})"
        case Compare(path=path, operator=sign, value=value):
            return f"{path} {sign} {brief(value, _VALUE)}"
        case Affix(path=path, where=where, text=text):
            return f"{path}.{where}({brief(text, _VALUE)})"
        case Words(path=path, words=words, distance=distance):
            asked = brief(" ".join(words), _VALUE)
            return f"{path}.fuzzy({asked}, {distance})" if distance else f"{path}.matches({asked})"
        case Near(path=path, longitude=longitude, latitude=latitude, km=km):
            return f"{path}.near({longitude:g}, {latitude:g}, km={km:g})"
        case Nearest(path=path, k=k):
            return f"{path}.nearest(…, k={k})"
    return type(node).__name__


def _inside(node: Expression) -> str:
    return f"({_written(node)})" if isinstance(node, And | Or) else _written(node)
