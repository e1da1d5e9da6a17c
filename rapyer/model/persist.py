"""Saving: instances in, commands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec import adapters
from rapyer.commands import json, keys
from rapyer.errors import UnknownFieldError
from rapyer.model.suggest import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel


def dump_document(model: StoredModel) -> bytes:
    """Return the stored JSON text of an instance.

    Raises:
        CantSerializeRedisValueError: A value cannot be stored; the error names the field.
    """
    return adapters.to_stored(model.__pydantic_serializer__, model, type(model).__name__)


def save(model: StoredModel) -> list[Command[Any]]:
    """Return what writes an instance: the document and its time to live, or the inner model's part of it."""
    if model._rapyer_is_inner():
        return [json.set_value(model._rapyer_key(), model._rapyer_path(), dump_document(model))]
    key = model._rapyer_key()
    return [json.set_value(key, "$", dump_document(model)), *expiries(model, [key])]


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
