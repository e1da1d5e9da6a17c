"""Saving: instances in, commands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec import adapters
from rapyer.commands import json, keys
from rapyer.errors import CantSerializeRedisValueError, InvalidKeyError, UnknownFieldError
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


def document_to_store(model: StoredModel) -> bytes:
    """Return the stored JSON text of an instance, if it keeps to the limits that its `Meta` sets.

    Raises:
        InvalidKeyError: Its key is too long.
        CantSerializeRedisValueError: Its text is, or a value cannot be stored.
    """
    text, meta = dump_document(model), model.Meta
    if meta.max_key_bytes is not None or meta.max_document_bytes is not None:
        _check_limits(model, text)
    return text


def _check_limits(model: StoredModel, text: bytes) -> None:
    key, name, meta = model._rapyer_key(), type(model).__name__, model.Meta
    size, most = len(key.encode()), meta.max_key_bytes
    if most is not None and size > most:
        raise InvalidKeyError(
            f"the key {key[:40]}… has {size} bytes, more than the {most} of {name}.Meta.max_key_bytes",
            key=key,
            model=name,
            hint="choose a shorter primary key",
        )
    most = meta.max_document_bytes
    if most is not None and len(text) > most:
        raise CantSerializeRedisValueError(
            f"{key} takes {len(text)} bytes, more than the {most} of {name}.Meta.max_document_bytes",
            key=key,
            model=name,
            hint="store a part of it elsewhere",
        )


def save(model: StoredModel, text: bytes) -> list[Command[Any]]:
    """Return what writes an instance: the document and its time to live, or the inner model's part of it.

    Args:
        model: The instance.
        text: Its JSON text.
    """
    key = model._rapyer_key()
    if model._rapyer_is_inner():
        return [json.set_value(key, model._rapyer_path(), text)]
    return [json.set_value(key, "$", text), *expiries(model, [key])]


def update(model: StoredModel, names: Iterable[str]) -> list[Command[Any]]:
    """Return what writes some fields of an instance, each at its own path; those that are stored."""
    fields = model.__rapyer_spec__.fields
    return [model._rapyer_set_command(name) for name in names if fields[name].stored]


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
