"""Saving: instances in, commands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec.context import STORED
from rapyer.commands import json, keys
from rapyer.errors import UnknownFieldError, WrongClassError
from rapyer.model.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel

DOCUMENTS_PER_COMMAND = 250
"""How many documents one JSON.MSET writes; more would keep the server from other callers for too long."""


def dump_document(model: StoredModel) -> bytes:
    """Return the stored JSON text of an instance.

    Raises:
        PydanticSerializationError: A value cannot be written as JSON.
    """
    return model.__pydantic_serializer__.to_json(model, context=STORED, by_alias=False)


def save(model: StoredModel) -> list[Command[Any]]:
    """Return what writes an instance: the document and its time to live, or the inner model's part of it."""
    if model.is_inner_model():
        return [json.set_value(model.key, model.json_path, dump_document(model))]
    key = model.key
    return [json.set_value(key, "$", dump_document(model)), *expiries(model, [key])]


def insert(models: Sequence[StoredModel]) -> list[Command[Any]]:
    """Return what writes many top-level instances."""
    documents = [(str(model.key), dump_document(model)) for model in models]
    commands: list[Command[Any]] = [json.set_documents(chunk) for chunk in _chunks(documents)]
    for model, (key, _) in zip(models, documents, strict=True):
        commands += expiries(model, [key])
    return commands


def update(model: StoredModel, names: Iterable[str]) -> list[Command[Any]]:
    """Return what writes some fields of an instance, each at its own path."""
    return [model._rapyer_set_command(name) for name in names]


def expiries(model: StoredModel, stored: Iterable[str]) -> list[Command[Any]]:
    """Return what gives keys the time to live of the model's class, if it has one."""
    ttl = model.Meta.ttl
    return [] if ttl is None else [keys.expire(key, ttl) for key in stored]


def check_field_names(model: StoredModel, names: Iterable[str]) -> None:
    """Refuse names that are no fields.

    Raises:
        UnknownFieldError: One is not; the error names what is close to it.
    """
    known = model.__rapyer_spec__.fields
    for name in names:
        if name not in known:
            raise UnknownFieldError(
                f"unknown field {name!r} on {type(model).__name__}",
                field=name,
                model=type(model).__name__,
                hint=suggestion(name, known),
            )


def check_class(cls: type[StoredModel], models: Iterable[StoredModel]) -> None:
    """Refuse instances of other classes.

    Raises:
        WrongClassError: One is of another class.
    """
    for model in models:
        if not isinstance(model, cls):
            raise WrongClassError(
                f"{cls.__name__}.ainsert was given a {type(model).__name__}",
                model=cls.__name__,
                hint="use rapyer.ainsert for models of several classes",
            )


def _chunks(documents: list[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    for start in range(0, len(documents), DOCUMENTS_PER_COMMAND):
        yield documents[start : start + DOCUMENTS_PER_COMMAND]
