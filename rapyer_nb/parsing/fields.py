"""The fields that a filter names, as the operands of the library's expressions."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from rapyer.model.schema import spec_of
from rapyer.search.expression import operand
from rapyer.search.places import Place, inner_of, kind_at
from rapyer.types.indexed import options_of
from rapyer_nb.errors import NotebookError, nearest, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rapyer import AtomicRedisModel
    from rapyer.model.schema import FieldSpec
    from rapyer.model.state import StoredModel
    from rapyer.search.kinds import IndexKind

_WORDS = {"null": "None", "true": "True", "false": "False"}
"""What other languages call what Python calls otherwise."""


@dataclass(frozen=True)
class Field:
    """A field that a filter names.

    Args:
        model: The name of the class.
        name: The dotted path.
        operand: What the library makes expressions of.
        spec: What is known of it.
        place: Where its values stand.
        inner: The model class that it holds, itself or in a list or dict.
    """

    model: str
    name: str
    operand: Any
    spec: FieldSpec
    place: Place
    inner: type[StoredModel] | None

    @property
    def kind(self) -> IndexKind | None:
        """The kind of its index, if it has one."""
        if self.inner is not None or self.spec.index is None or self.spec.special is not None:
            return None
        return kind_at(self.spec, self.place)[0]

    @property
    def is_flag(self) -> bool:
        """Whether its value is true or false."""
        return bool in options_of(self.spec.annotation)

    @property
    def enum(self) -> type[Enum] | None:
        """The Enum of its values, or of those that it holds."""
        return next(_enums(self.spec.annotation), None)


@dataclass(frozen=True)
class FieldFinder:
    """Finds the fields of one model class.

    Args:
        model: The class.
        variables: The names of the user's variables, for hints.
    """

    model: type[AtomicRedisModel]
    variables: Collection[str]

    def find(self, path: list[str]) -> Field:
        """Return the field to which a dotted path of names leads.

        Raises:
            NotebookError: There is no such field.
        """
        owner: type[StoredModel] = self.model
        place = Place()
        for depth, name in enumerate(path):
            spec = spec_of(owner).fields.get(name)
            if spec is None:
                raise self._unknown(name, owner, path[:depth])
            known = operand(owner, name, place if depth else None, self.model)
            at = place.field(name)
            inner = inner_of(spec, at)
            if depth + 1 == len(path):
                held = None if inner is None else inner[0]
                return Field(self.model.__name__, ".".join(path), known, spec, at, held)
            if inner is None:
                before = ".".join(path[: depth + 1])
                raise NotebookError(f"field {before!r} of {self.model.__name__} has no fields inside it")
            owner, place = inner
        raise NotebookError(f"{self.model.__name__} itself cannot be compared", hint="name one of its fields")

    def knows(self, path: list[str]) -> bool:
        """Tell whether there is a field of that name."""
        return path[0] in spec_of(self.model).fields

    def no_value(self, name: str) -> NotebookError:
        """Return the error for a bare word where a value must stand."""
        known = spec_of(self.model).fields
        if name in self.variables or name in _WORDS or nearest(name, known) is not None:
            return self._unknown(name, self.model, [])
        return NotebookError(
            f"{name!r} is neither a field of {self.model.__name__} nor a value",
            hint=f'write "{name}" for a text, ${name} for a variable',
        )

    def _unknown(self, name: str, owner: type[StoredModel], before: list[str]) -> NotebookError:
        known = spec_of(owner).fields
        where = owner.__name__ if not before else f"{self.model.__name__}.{'.'.join(before)}"
        if not before and name in _WORDS:
            hint: str | None = f"Python writes {_WORDS[name]}"
        elif not before and name in ("key", "pk"):
            hint = "filters compare fields; %rapyer_get reads a model by its key"
        elif not before and name in self.variables:
            hint = suggestion(name, known, otherwise=f"for the variable write ${name}")
        else:
            hint = suggestion(name, known, otherwise=f"it has {', '.join(known) or 'no fields'}")
        return NotebookError(f"unknown field {name!r} on {where}", hint=hint)


def dotted(node: ast.expr) -> list[str] | None:
    """Return the names of `a.b.c`, or `None` where the node is something else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _enums(annotation: Any) -> Iterator[type[Enum]]:
    for option in options_of(annotation):
        if isinstance(option, type) and issubclass(option, Enum):
            yield option
        for inside in getattr(option, "__args__", ()):
            yield from _enums(inside)
