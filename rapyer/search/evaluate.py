"""What a filter means, said in Python: whether it holds for an instance.

This is what queries are measured by. It is also applied to what a query finds where the index knows values
only roughly: numbers beyond 2**53, single characters within text, and words that are like another.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from rapyer.errors import BadFilterError
from rapyer.fields.geo import GeoPoint
from rapyer.search.nodes import Affix, And, Compare, Empty, Expression, Near, Not, Or, Words
from rapyer.search.words import distance, has_likes, words_of_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

EARTH_RADIUS = 6372.797560856
"""In kilometres, as the server takes it."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "between": lambda value, bounds: bounds[0] <= value <= bounds[1],
}
_AFFIXES: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "contains": operator.contains,
}


def holds(expression: Expression, model: Any) -> bool:
    """Tell whether an instance is one that a filter describes.

    A value that is None or missing equals nothing, and is in no range; `!=` and `~` are opposites. Where
    there are several values, in a list or dict, it is enough that one of them fits.

    Args:
        expression: The filter.
        model: The instance.

    Raises:
        BadFilterError: It asks for what depends on other instances (`nearest`), or on what a server knows of
            a language.
    """
    if isinstance(expression, And):
        return all(holds(part, model) for part in expression.parts)
    if isinstance(expression, Or):
        return any(holds(part, model) for part in expression.parts)
    if isinstance(expression, Not):
        return not holds(expression.part, model)
    if isinstance(expression, Compare):
        return _compares(expression, model)
    if isinstance(expression, Empty):
        return next(values_at(model, expression.path), None) is None
    if isinstance(expression, Affix):
        fits = _AFFIXES[expression.where]
        return any(fits(str(value), expression.text) for value in values_at(model, expression.path))
    if isinstance(expression, Words):
        return _has_words(expression, model)
    if isinstance(expression, Near):
        there = GeoPoint(expression.longitude, expression.latitude)
        places = values_at(model, expression.path)
        return any(kilometres(place, there) <= expression.km for place in places)
    raise BadFilterError(f"{type(expression).__name__} cannot be told of one instance alone")


def values_at(model: Any, path: str) -> Iterator[Any]:
    """Yield the values of an instance to which a dotted path leads, those that are None left out."""
    return _below(model, path.split("."))


def _below(held: Any, names: Sequence[str]) -> Iterator[Any]:
    if held is None:
        return
    if isinstance(held, list | set | frozenset):
        for element in held:
            yield from _below(element, names)
    elif isinstance(held, dict):
        for element in held.values():
            yield from _below(element, names)
    elif names:
        yield from _below(getattr(held, names[0]), names[1:])
    else:
        yield held


def kilometres(one: GeoPoint, other: GeoPoint) -> float:
    """Return the distance of two places."""
    east, north = math.radians(other.longitude), math.radians(other.latitude)
    west, south = math.radians(one.longitude), math.radians(one.latitude)
    up, across = math.sin((north - south) / 2), math.sin((east - west) / 2)
    return (
        2 * EARTH_RADIUS * math.asin(math.sqrt(up * up + math.cos(south) * math.cos(north) * across * across))
    )


def _compares(node: Compare, model: Any) -> bool:
    name = "==" if node.operator == "!=" else node.operator
    compare = _COMPARISONS[name]
    found = any(compare(node.kind.value(value), node.value) for value in values_at(model, node.path))
    return found is not (node.operator == "!=")


def _has_words(node: Words, model: Any) -> bool:
    if node.options.language is not None or node.options.phonetic is not None:
        raise BadFilterError(
            f"only the server knows which words of {node.path} count as one", field=node.path
        )
    there = {word for text in values_at(model, node.path) for word in words_of_text(str(text))}
    if not node.distance:
        return there.issuperset(node.words)
    return any(has_likes(word) and distance(word, node.words[0]) <= node.distance for word in there)
