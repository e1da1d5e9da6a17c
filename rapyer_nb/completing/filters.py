"""What can stand next in a filter, and the names of fields."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from rapyer.model.schema import spec_of
from rapyer.search.places import kind_at
from rapyer.types.indexed import options_of
from rapyer_nb.completing.offer import Offer, Offers
from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing.fields import Field, FieldFinder
from rapyer_nb.parsing.operators import OPERATORS, is_compared
from rapyer_nb.parsing.words import STRING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer import AtomicRedisModel
    from rapyer.model.state import StoredModel

_QUOTED: Final = re.compile(rf"{STRING}|(?P<open>[\"'])", re.DOTALL)
_NAME: Final = re.compile(r"(?<![\w.$])(?:[^\W\d][\w.]*)?$")
_LIST: Final = r"[\[({]\s*(?:[^\[\](){}]*,)?"
_COMPARED: Final = re.compile(
    rf"(?P<field>[^\W\d][\w.]*)\s*(?:==|!=|<=|>=|<|>|(?:\bnot\s+)?\bin\s*{_LIST})\s*$"
)
_CALLED: Final = re.compile(rf"(?P<field>[^\W\d][\w.]*)\.(?P<operator>\w+)\(\s*(?:{_LIST}|[^()]*,)?\s*$")
_LAST_WORD: Final = re.compile(r"[^\W\d][\w.]*$")
_CONNECTING: Final = frozenset({"and", "or", "not", "in", "where"})
_SIGNS: Final = ("==", "!=", "<", "<=", ">", ">=")
_MOST_VALUES: Final = 50


def in_filter(text: str, model: type[AtomicRedisModel]) -> Offers:
    """Return what can stand at the end of a filter.

    Args:
        text: The filter up to the cursor.
        model: The class that it is about.
    """
    bare, inside, quote = _split_open_string(text)
    if quote:
        field = _compared_field(bare, model)
        texts = () if field is None else (one for one in _values(field) if isinstance(one, str))
        return Offers(inside, tuple(Offer(f"{_escaped(one, quote)}{quote}", "value") for one in texts))
    found = _NAME.search(bare)
    if found is None:
        return Offers("", ())
    name, before = found[0], bare[: found.start()]
    return Offers(name, tuple(_offered(name, before, model)))


def field_names(
    text: str, model: type[StoredModel], *, indexed: bool = False, listed: bool = False
) -> Offers:
    """Return the names of fields, for arguments that are names.

    Args:
        text: What stands there already: `name,address.ci`.
        model: The class.
        indexed: Whether only those with an index will do.
        listed: Whether there may be several, and a minus in front of each.
    """
    name = text.rpartition(",")[2] if listed else text
    minus = "-" if listed and name.startswith("-") else ""
    offers = _below(name.removeprefix(minus).rpartition(".")[0], model, indexed=indexed)
    return Offers(name, tuple(Offer(minus + one.text, one.kind) for one in offers))


def _offered(name: str, before: str, model: type[AtomicRedisModel]) -> Iterator[Offer]:
    compared = _compared_field(before, model)
    if compared is not None:
        yield from (Offer(repr(one), "value") for one in _values(compared))
        if compared.is_flag:
            yield from (Offer("True", "keyword"), Offer("False", "keyword"))
        return
    if "." in name:
        path = name.rpartition(".")[0]
        field = _field(path, model)
        if field is not None and field.inner is None:
            yield from _operators(field)
        else:
            yield from _below(path, model, indexed=True)
        return
    stripped = before.rstrip()
    if stripped != before and _is_operand(stripped):
        yield from _after_operand(stripped, model)
    elif not before or stripped != before or before[-1] in "([{,":
        yield from _below("", model, indexed=True)
        yield Offer("not", "keyword")


def _after_operand(stripped: str, model: type[AtomicRedisModel]) -> Iterator[Offer]:
    """Yield what can follow a field or a value: comparisons, `and`, `or`."""
    last = _LAST_WORD.search(stripped)
    if last is not None and last[0] == "is":
        yield from (Offer("None", "keyword"), Offer("not None", "keyword"))
        return
    field = None if last is None else _field(last[0], model)
    if last is not None and field is not None and not _is_compared_with(stripped[: last.start()]):
        yield from _comparisons(field)
        if not field.is_flag:
            return
    yield from (Offer("and", "keyword"), Offer("or", "keyword"))


def _comparisons(field: Field) -> Iterator[Offer]:
    kind = field.kind
    if kind is None:
        return
    yield from (Offer(sign, "operator") for sign in _SIGNS if sign in kind.offers)
    if "one_of" in kind.offers:
        yield from (Offer("in", "keyword"), Offer("not in", "keyword"))
    if kind.nullable:
        yield from (Offer("is None", "keyword"), Offer("is not None", "keyword"))


def _operators(field: Field) -> Iterator[Offer]:
    kind = field.kind
    if kind is None:
        return
    place = kind_at(field.spec, field.place)[1]
    has_elements = place.many and place.inside == "@"
    for name in OPERATORS:
        also = {"is_none": kind.nullable, "contains": has_elements}.get(name, False)
        if also or name in kind.offers:
            yield Offer(f"{field.name}.{name}(", "function")


def _below(path: str, model: type[StoredModel], *, indexed: bool) -> Iterator[Offer]:
    """Yield the fields that stand behind a dotted path."""
    owner: type[StoredModel] | None = model
    if path:
        field = _field(path, model)
        owner = None if field is None else field.inner
    if owner is None:
        return
    for name in spec_of(owner).fields:
        full = f"{path}.{name}" if path else name
        known = _field(full, model)
        if known is not None and known.inner is not None:
            yield Offer(f"{full}.", "class")
        elif known is not None and (known.kind is not None or not indexed):
            yield Offer(full, "property")


def _field(path: str, model: type[Any]) -> Field | None:
    try:
        return FieldFinder(model, ()).find(path.split("."))
    except NotebookError:
        return None


def _compared_field(before: str, model: type[AtomicRedisModel]) -> Field | None:
    """Return the field that a value at the end of a text would be compared with."""
    called = _CALLED.search(before)
    if called is not None:
        return _field(called["field"], model) if is_compared(called["operator"]) else None
    compared = _COMPARED.search(before)
    return None if compared is None else _field(compared["field"], model)


def _values(field: Field) -> Iterator[Any]:
    """Yield the values that a field can have, where its type tells them: of Enums and Literals."""
    seen: list[Any] = []
    for value in _known_values(field.spec.annotation):
        if value not in seen and len(seen) < _MOST_VALUES:
            seen.append(value)
            yield value


def _known_values(annotation: Any) -> Iterator[Any]:
    for option in options_of(annotation):
        if isinstance(option, type) and issubclass(option, Enum):
            for member in option:
                yield member.value if isinstance(member.value, str | int) else member.name
        elif get_origin(option) is Literal:
            yield from get_args(option)
        else:
            for inside in get_args(option):
                yield from _known_values(inside)


def _split_open_string(text: str) -> tuple[str, str, str]:
    """Return a text up to a string that is not closed, with others emptied; that string, and its quote."""
    bare, at = "", 0
    for found in _QUOTED.finditer(text):
        bare += text[at : found.start()]
        at = found.end()
        if found["open"]:
            return bare, text[at:], found["open"]
        bare += '""'
    return bare + text[at:], "", ""


def _is_operand(stripped: str) -> bool:
    last = _LAST_WORD.search(stripped)
    if last is not None:
        return last[0] not in _CONNECTING
    return stripped[-1:].isdigit() or stripped[-1:] in tuple("\"')]}")


def _is_compared_with(before: str) -> bool:
    return before.rstrip()[-1:] in tuple("=<>")


def _escaped(text: str, quote: str) -> str:
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
