"""The fields that a filter names, as the operands of the library's expressions."""

from __future__ import annotations

import ast
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from rapyer_nb.errors import NotebookError, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection

    from rapyer import AtomicRedisModel


@dataclass(frozen=True)
class FieldFinder:
    """Finds the fields of one model class.

    Args:
        model: The class.
        variables: The names of the user's variables, for hints.
    """

    model: type[AtomicRedisModel]
    variables: Collection[str]

    def operand(self, path: list[str]) -> Any:
        """Return the operand for a dotted path of names.

        Raises:
            NotebookError: There is no such field.
        """
        owner: type[BaseModel] = self.model
        operand: Any = self.model
        for depth, name in enumerate(path):
            if name not in owner.model_fields:
                raise self._unknown(name, owner, path[:depth])
            operand = getattr(operand, name)
            if depth + 1 < len(path):
                owner = self._nested(owner, path[: depth + 1])
        return operand

    def is_flag(self, path: list[str]) -> bool:
        """Tell whether the path is a field that is true or false."""
        owner: type[BaseModel] = self.model
        for depth, name in enumerate(path[:-1]):
            if name not in owner.model_fields:
                return False
            owner = self._nested(owner, path[: depth + 1])
        field = owner.model_fields.get(path[-1])
        return field is not None and any(part is bool for part in _parts(field.annotation))

    def _nested(self, owner: type[BaseModel], path: list[str]) -> type[BaseModel]:
        annotation = owner.model_fields[path[-1]].annotation
        for part in _parts(annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                return part
        raise NotebookError(f"field {'.'.join(path)!r} of {self.model.__name__} has no fields inside it")

    def _unknown(self, name: str, owner: type[BaseModel], before: list[str]) -> NotebookError:
        if not before and name in self.variables:
            otherwise = f"for the variable write ${name}"
        else:
            otherwise = f"it has {', '.join(owner.model_fields) or 'no fields'}"
        where = owner.__name__ if not before else f"{self.model.__name__}.{'.'.join(before)}"
        return NotebookError(
            f"unknown field {name!r} on {where}",
            hint=suggestion(name, owner.model_fields, otherwise=otherwise),
        )


def dotted(node: ast.expr) -> list[str] | None:
    """Return the names of `a.b.c`, or `None` where the node is something else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else None


def _parts(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union (and of `Annotated`), or the annotation itself."""
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _parts(arguments[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for argument in arguments for part in _parts(argument))
    return () if arguments else (annotation,)  # what is in a list, or referred to, is no part of the field
