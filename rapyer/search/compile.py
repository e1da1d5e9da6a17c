"""From expressions to query text: the only place that writes queries.

Values never become part of the text: they travel as parameters (`PARAMS`, dialect 2). Every node stands
in parentheses of its own, because the server's precedence of `|`, `-` and juxtaposition is not Python's.

Where the index cannot tell values apart, a part of a query gives more than it should, or below an odd number
of negations less, so that the whole gives more; such a query says that its matches are to be checked.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapyer.errors import BadFilterError
from rapyer.search.nodes import AROUND, Affix, And, Compare, Empty, Expression, Near, Nearest, Not, Or, Words
from rapyer.search.places import endings_of, none_beside, words_of
from rapyer.search.values import text_of, texts_of

if TYPE_CHECKING:
    from rapyer.commands.command import Arg

EVERYTHING = "*"
DISTANCE = "__distance"
"""What the distance of a vector is called in replies."""

HOW_MANY = "k"
"""The parameter that says how many vectors are wanted."""

_ROOM = 220
"""How much of a filter the server's parser may keep open, of the 250 or so symbols that it has room for."""

_KM_OF_DEGREE = 111.2
_POLAR, _SMALL_KM = 75.0, 50.0
"""From which degree of latitude on, and from which distance on, the server does not find all places."""

_PLAIN_WORD = re.compile(r"[a-z0-9_\u0080-\U0010ffff]+")
_RANGES = {
    "==": "[${0} ${0}]",
    "<": "[-inf (${0}]",
    "<=": "[-inf ${0}]",
    ">": "[(${0} +inf]",
    ">=": "[${0} +inf]",
}
_NO_NUMBER = "[(0 (0]"
_ANY_NUMBER = "[-inf +inf]"
_AFFIXES = {"prefix": "{{${0}*}}", "suffix": "{{*${0}}}", "contains": "{{*${0}*}}"}


@dataclass
class Query:
    """A query's text and its parameters, and what they ask of whoever sends them.

    Attributes:
        text: The text.
        parameters: The values, by the names that the text has for them.
        check: Whether there may be matches for which the expression does not hold (`evaluate.holds`).
        expands: Whether the answer is complete only where the server's limits are lifted (`limits.lift`).
        nearest: How many matches are wanted, by their distance; None where no vector is asked for.
    """

    text: str = EVERYTHING
    parameters: dict[str, Arg] = field(default_factory=dict)
    check: bool = False
    expands: bool = False
    nearest: int | None = None

    @property
    def plain(self) -> bool:
        """Whether what the server gives for it is what is wanted, in any order."""
        return not self.check and not self.expands and self.nearest is None


def compiled(expression: Expression | None) -> Query:
    """Return the query of an expression; None asks for everything.

    Raises:
        BadFilterError: `nearest` stands where it has no meaning, or the filter is nested too deeply.
    """
    query = Query()
    if expression is None:
        return query
    parts = expression.parts if isinstance(expression, And) else (expression,)
    vectors = [part for part in parts if isinstance(part, Nearest)]
    if not vectors:
        query.text = _node(expression, query)
        return query
    if len(vectors) > 1:
        raise BadFilterError("only one nearest can stand in a filter", field=vectors[1].path)
    others = tuple(part for part in parts if not isinstance(part, Nearest))
    query.text = _nearest(vectors[0], _node(And(others), query) if others else EVERYTHING, query)
    return query


def attribute(path: str) -> str:
    """Return the name of an attribute as queries write it."""
    return re.sub(r"[^A-Za-z0-9_]", lambda match: f"\\{match[0]}", path)


def _node(node: Expression, query: Query, *, sure: bool = False, room: int = _ROOM) -> str:
    """Return the text of a node; where it cannot be exact, it gives more, or if that is to be sure, less."""
    if room < 0:
        raise BadFilterError(
            "the filter is nested too deeply for the server",
            hint="let the more deeply nested side of & and | come first, and use one_of for many values",
        )
    if isinstance(node, And | Or):
        # The parser keeps what it has read of a node open, while it reads what comes next.
        parts = [
            _node(one, query, sure=sure, room=room - 3 if at else room - 1)
            for at, one in enumerate(node.parts)
        ]
        return f"({(' ' if isinstance(node, And) else ' | ').join(parts)})"
    if isinstance(node, Not):
        text = _node(node.part, query, sure=not sure, room=room - 2)
        # Where several are negated twice, the server finds nothing.
        return f"({text[2:]}" if _is_negated(node.part) and text.startswith("(-") else f"(-{text})"
    if isinstance(node, Compare):
        return f"({_compare(node, query, sure=sure)})"
    if isinstance(node, Empty):
        return f"({_empty(node, query)})"
    if isinstance(node, Affix):
        return f"({_affix(node, query, sure=sure)})"
    if isinstance(node, Words):
        return f"({_words(node, query, sure=sure)})"
    if isinstance(node, Near):
        return f"({_near(node, query, sure=sure)})"
    if isinstance(node, Nearest):
        raise BadFilterError(
            f"{node.path}.nearest stands within | or ~",
            field=node.path,
            hint="combine it with other filters by & alone",
        )
    raise TypeError(f"{type(node).__name__} is no node of an expression")


def _is_negated(node: Expression) -> bool:
    """Tell whether all of the text of a node may be one negation."""
    return isinstance(node, Empty | Affix) or (isinstance(node, Compare) and node.operator == "!=")


def _parameter(query: Query, value: Arg) -> str:
    name = f"v{len(query.parameters)}"
    query.parameters[name] = value
    return name


def _compare(node: Compare, query: Query, *, sure: bool) -> str:
    sign, name = ("-", "==") if node.operator == "!=" else ("", node.operator)
    if node.kind.family == "tag":
        return f"{sign}@{attribute(node.path)}:{_tags(texts_of(node.value), query)}"
    if name == "between":
        return f"@{attribute(node.path)}:{_between(node, query, sure=sure)}"
    value = _numbers(node, name, query, sure=sure is not bool(sign))
    return f"{sign}@{attribute(node.path)}:{value}"


def _tags(texts: tuple[str, ...], query: Query) -> str:
    return "{" + "|".join(f"${_parameter(query, _escaped(text))}" for text in texts) + "}"


def _escaped(text: str) -> str:
    # The one character that means something in a parameter, too.
    return text.replace("\\", "\\\\")


def _numbers(node: Compare, name: str, query: Query, *, sure: bool) -> str:
    bound = _bound(node, name, node.value, query, sure=sure)
    if bound is None:
        return _NO_NUMBER
    name, text = bound
    if text in {"inf", "-inf"}:
        return _ANY_NUMBER if name.startswith("<") == (text == "inf") else _NO_NUMBER
    return _RANGES[name].format(_parameter(query, text))


def _between(node: Compare, query: Query, *, sure: bool) -> str:
    low, high = node.value
    lower = _bound(node, ">=", low, query, sure=sure)
    upper = _bound(node, "<=", high, query, sure=sure)
    if lower is None or upper is None or low > high or lower[1] == "inf" or upper[1] == "-inf":
        return _NO_NUMBER
    ends = []
    for name, text in (lower, upper):
        infinite = text in {"inf", "-inf"}
        written = (
            text.replace("inf", "+inf").replace("-+", "-") if infinite else f"${_parameter(query, text)}"
        )
        ends.append(f"({written}" if name in {"<", ">"} and not infinite else written)
    return f"[{ends[0]} {ends[1]}]"


def _bound(node: Compare, name: str, value: Any, query: Query, *, sure: bool) -> tuple[str, str] | None:
    """Return the comparison with a number of the index that means the same, and that number; else None."""
    try:
        number = node.kind.number(value)
    except OverflowError:
        number = float("inf") if value > 0 else float("-inf")
    if node.kind.coarse is not None and abs(value) >= node.kind.coarse:
        query.check = True
        if sure:
            return None if name == "==" else (name[0], repr(number))
        return (name if name == "==" else f"{name[0]}=", repr(number))
    indexed = number if number in {float("inf"), float("-inf")} else node.kind.exact(number)
    if indexed == value:
        return (name, str(value) if isinstance(value, int) and value == number else repr(number))
    if name == "==":
        return None
    # The value lies between two numbers of the index, next to this one.
    below = indexed < value
    return ({"<": "<=", ">": ">"}[name[0]] if below else {"<": "<", ">": ">="}[name[0]], repr(number))


def _empty(node: Empty, query: Query) -> str:
    name = attribute(node.path)
    if node.kind.family == "number":
        return f"-@{name}:{_ANY_NUMBER}"
    if node.kind.is_flag:
        return f"-@{name}:{_tags((*texts_of(True), *texts_of(False)), query)}"
    missing, beside = f"ismissing(@{name})", node.kind.nulls and not node.kind.many
    return f"({missing}) | (-ismissing(@{attribute(none_beside(node.path))}))" if beside else missing


def _affix(node: Affix, query: Query, *, sure: bool) -> str:
    name = attribute(node.path)
    if node.where != "prefix" and len(node.text.encode()) == 1:
        # The server has the endings of a text from two characters on.
        query.check = True
        nothing = f"@{name}:{{x}} -@{name}:{{x}}"
        return nothing if sure else f"-({nothing})"
    query.expands = True
    if node.where != "prefix":
        name = attribute(endings_of(node.path))
    return f"@{name}:{_AFFIXES[node.where].format(_parameter(query, _escaped(node.text)))}"


def _words(node: Words, query: Query, *, sure: bool) -> str:
    name, options = attribute(words_of(node.path, node.options)), node.options
    if options.language is not None or options.phonetic is not None:
        words = [_fuzzy(f"${_parameter(query, word)}", node.distance, query) for word in node.words]
        if options.phonetic is None or node.distance:
            return f"@{name}:({' '.join(words)})"
        return " ".join(f"(@{name}:({word})=>{{$phonetic:true}})" for word in words)
    if node.distance and not sure:
        query.check = True  # the server takes some words for nearer than they are
        return f"@{name}:({_fuzzy(f'${_parameter(query, node.words[0])}', node.distance, query)})"
    query.check = query.check or bool(node.distance)
    if sure and not all(map(_PLAIN_WORD.fullmatch, node.words)):
        query.check = True
        return f'@{name}:("x") -@{name}:("x")'
    return f"@{name}:({' '.join(_same_word(word, query) for word in node.words)})"


def _fuzzy(word: str, distance: int, query: Query) -> str:
    query.expands = query.expands or bool(distance)
    return f"{'%' * distance}{word}{'%' * distance}"


def _same_word(word: str, query: Query) -> str:
    # The server adds what it takes for the stem of a word, unless the word is in quotes; there it takes no
    # parameter, and no other characters than these.
    if _PLAIN_WORD.fullmatch(word):
        return f'"{word}"'
    query.check = True
    return f"${_parameter(query, word)}"


def _near(node: Near, query: Query, *, sure: bool) -> str:
    # The server finds nothing around 180 degrees, which is where -180 is.
    east = -180.0 if node.longitude == 180 else node.longitude
    far = node.km
    if node.km > _SMALL_KM and abs(node.latitude) + node.km / _KM_OF_DEGREE > _POLAR:
        # Around the poles it finds only a part, unless all places are asked for.
        query.check = True
        far = far if sure else AROUND
    numbers = [_parameter(query, text_of(one)) for one in (east, node.latitude, far)]
    return f"@{attribute(node.path)}:[{' '.join(f'${one}' for one in numbers)} km]"


def _nearest(node: Nearest, among: str, query: Query) -> str:
    if query.check:
        raise BadFilterError(
            f"{node.path}.nearest cannot be combined with what the index knows only roughly",
            field=node.path,
            hint="filter what afind gives; or ask for less: numbers below 2**53, two characters or more",
        )
    options = node.kind.options
    letter = "f" if options is None or options.type == "FLOAT32" else "d"
    blob = _parameter(query, struct.pack(f"<{len(node.vector)}{letter}", *node.vector))
    query.nearest = query.parameters[HOW_MANY] = node.k
    return f"{among}=>[KNN ${HOW_MANY} @{attribute(node.path)} ${blob} AS {DISTANCE}]"
