"""What a filter may call on a field: the operators of the library that Python has no sign for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from rapyer.model.schema import spec_of
from rapyer.search.expression import FieldOperand
from rapyer_nb.errors import NotebookError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer_nb.parsing.fields import Field

OPERATORS: Final[dict[str, str]] = {
    "between": "between(18, 65)",
    "contains": 'contains("vip")',
    "fuzzy": 'fuzzy("word", distance=1)',
    "is_none": "is_none()",
    "matches": 'matches("some words")',
    "near": "near(2.35, 48.86, km=5)",
    "nearest": "nearest($vector, k=10)",
    "one_of": 'one_of(["a", "b"])',
    "prefix": 'prefix("Mr ")',
    "suffix": 'suffix(".org")',
}
"""The operators, with an example of each."""

_ELSEWHERE: Final = {
    "startswith": "prefix",
    "endswith": "suffix",
    "isin": "one_of",
    "is_in": "one_of",
    "in_": "one_of",
    "includes": "contains",
    "has": "contains",
    "search": "matches",
    "match": "matches",
    "like": "prefix",
    "isnull": "is_none",
    "is_null": "is_none",
    "isna": "is_none",
    "within": "near",
    "knn": "nearest",
}
"""What other libraries call them."""

_OF_LITERALS: Final = frozenset({"between", "contains", "one_of"})
"""The operators whose arguments are values of the field, and not words or numbers of their own."""


def is_compared(name: str) -> bool:
    """Tell whether the arguments of an operator are values of the field."""
    return name in _OF_LITERALS


def check_operator(field: Field, name: str) -> None:
    """See to it that there is such an operator, and that the field is one to compare.

    Raises:
        NotebookError: There is none, or the field holds models.
    """
    if name not in OPERATORS:
        hint = f"did you mean {_ELSEWHERE[name]!r}?" if name in _ELSEWHERE else None
        others = f"there are {', '.join(OPERATORS)}"
        raise NotebookError(
            f"unknown operator {name!r} on {field.name}",
            hint=hint or suggestion(name, OPERATORS, otherwise=others),
        )
    check_comparable(field)


def check_comparable(field: Field) -> None:
    """See to it that a field holds values, and no models.

    Raises:
        NotebookError: It holds models.
    """
    if field.inner is not None:
        inside = next(iter(spec_of(field.inner).fields), "…")
        raise NotebookError(
            f"{field.name!r} holds models, which are not compared as a whole",
            hint=f"name one of their fields: {field.name}.{inside}",
        )


def applied(field: Field, name: str, values: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """Return the expression that an operator makes of a field and values.

    Raises:
        NotebookError: There are too few values, too many, or unknown names for them.
        NotIndexedError: The field has no index.
        BadFilterError: The field's index does not have the operator, or a value is of the wrong type.
    """
    method = getattr(FieldOperand, name)
    try:
        inspect.signature(method).bind(field.operand, *values, **named)
    except TypeError as error:
        raise NotebookError(
            f"{field.name}.{name}: {error}", hint=f"as in: {field.name}.{OPERATORS[name]}"
        ) from None
    return method(field.operand, *values, **named)
