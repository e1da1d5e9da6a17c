"""Saving: instances in, commands out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec import adapters
from rapyer.commands import json
from rapyer.commands.companion import save_stored
from rapyer.errors import (
    CantSerializeRedisValueError,
    InvalidKeyError,
    KeyNotFound,
    TransactionError,
    UnknownFieldError,
    UpdateAtomicModelError,
    WrongTypeError,
)
from rapyer.model.beside import Part, changes, known_of, part_of, revived, saved
from rapyer.model.suggest import suggestion
from rapyer.session.executor import perform
from rapyer.session.scope import open_batch
from rapyer.types.unread import restored_text, unread_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel


def dump_document(model: StoredModel) -> bytes:
    """Return the stored JSON text of an instance, without what lives under keys of its own.

    Raises:
        CantSerializeRedisValueError: A value cannot be stored; the error names the field.
    """
    whole = model._rapyer_owner is None
    exclude = model.__rapyer_spec__.outside if whole else part_of(model).outside
    text = adapters.to_stored(model.__pydantic_serializer__, model, type(model).__name__, exclude)
    return text if unread_of(model) is None else restored_text(model, text)


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
    """Return what writes an instance: the document, or its own part, and what has changed beside.

    Args:
        model: The instance.
        text: Its JSON text.
    """
    return [json.set_value(model._rapyer_key(), model._rapyer_path(), text), *changes(part_of(model))]


def update(model: StoredModel, names: Iterable[str]) -> list[Command[Any]]:
    """Return what writes some fields of an instance, each at its own path and with what lives beside."""
    fields = model.__rapyer_spec__.fields
    stored = (name for name in names if fields[name].stored)
    return [command for name in stored for command in model._rapyer_field_commands(name)]


def note_saved(model: StoredModel, names: Iterable[str] | None = None) -> None:
    """Remember that what lives beside the document, of all fields or some, is stored as it is locally."""
    if not model.__rapyer_spec__.companions:
        return
    for name in (None,) if names is None else names:
        saved(part_of(model, name))


async def store(model: StoredModel, text: bytes, renewal: Sequence[Command[Any]]) -> None:
    """Send what saves an instance, or queue it in the open pipeline; raises as `send` does.

    Args:
        model: The instance.
        text: Its JSON text.
        renewal: What starts its time to live anew.
    """
    root, commands = model._rapyer_root(), save(model, text)
    part = part_of(model)
    if not part.companions or model is not root:
        await send(root, commands, renewal)
    elif open_batch() is None and await _store_again(part, commands, renewal):
        pass
    else:
        await send(root, [*revived(part), *commands], renewal)


async def _store_again(part: Part, commands: list[Command[Any]], renewal: Sequence[Command[Any]]) -> bool:
    """Save an instance if it is still stored; else what was seen on the server would have to be sent, too."""
    root = part.model._rapyer_root()
    if not known_of(root).members:
        return False
    command = save_stored(root._rapyer_key(), commands)
    stored: bool = (await perform(root._rapyer_source(), command, renewal=renewal))[0]
    return stored


async def send(root: StoredModel, commands: list[Command[Any]], renewal: Sequence[Command[Any]]) -> list[Any]:
    """Send what writes an instance, or queue it in the open pipeline; the decoded replies.

    Raises:
        KeyNotFound: There is no document to write to.
        WrongTypeError: The key holds another Redis type.
        TransactionError: Another command failed.
    """
    try:
        return await perform(root._rapyer_source(), *commands, renewal=renewal)
    except TransactionError as error:
        # Without a document nothing else was written either: what lives beside one is not made without it.
        if error.command == "JSON.SET" and isinstance(error.__cause__, KeyNotFound | WrongTypeError):
            raise error.__cause__ from None
        raise


def check_no_special(model: StoredModel, names: Iterable[str]) -> None:
    """Refuse fields that live under keys of their own, and have operations of their own.

    Raises:
        UpdateAtomicModelError: One does.
    """
    fields, cls = model.__rapyer_spec__.fields, type(model).__name__
    for name in names:
        if fields[name].special is not None:
            raise UpdateAtomicModelError(
                f"{cls}.{name} cannot be set by aupdate, as it has a Redis key of its own",
                field=name,
                model=cls,
                hint=f"use its own methods, such as `{name}.aadd(…)`, or assign to it and call asave()",
            )


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
