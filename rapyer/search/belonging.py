"""Whether a filter is about the class that is asked: another class has an index of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer.errors import BadFilterError
from rapyer.search.nodes import leaves
from rapyer.search.places import declared

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel
    from rapyer.search.nodes import Expression


def about(cls: type[StoredModel], expression: Expression) -> Expression:
    """Return a filter that the index of a class can answer: it compares fields that the class has.

    They may be given as fields of a base class, of a subclass that inherits them, or of the same class as it
    was before a notebook defined it anew.

    Raises:
        BadFilterError: A field is one of another class.
    """
    for leaf in leaves(expression):
        if leaf.model is None or issubclass(cls, leaf.model):
            continue
        there = any(name == leaf.path for name, _, _ in declared(cls))
        if not there or not (issubclass(leaf.model, cls) or _named(leaf.model) == _named(cls)):
            raise BadFilterError(
                f"{leaf.model.__name__}.{leaf.path} is no field of {cls.__name__}",
                field=leaf.path,
                model=cls.__name__,
                hint=f"use {cls.__name__}.{leaf.path}" if there else f"ask {leaf.model.__name__}",
            )
    return expression


def _named(cls: type[StoredModel]) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
