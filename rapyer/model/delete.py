"""Deleting: what is to go, with what lives beside it, in transactions of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.commands import json, keys
from rapyer.errors import BadDeleteActionError
from rapyer.model.companions import keys_under
from rapyer.model.registry import registry
from rapyer.result import DeleteResult
from rapyer.session.executor import execute, perform, transact
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

BATCHES_AT_ONCE = 10
"""How many batches go in one round trip; each is a command, and so atomic, of its own."""


def delete_command(cls: type[StoredModel], key: str) -> Command[int]:
    """Return what deletes a document and what lives beside it; its reply is how many keys went."""
    _, *beside = keys_under(cls.__rapyer_spec__, key)
    return json.delete_with(key, beside) if beside else json.delete(key, "$")


async def delete_models(cls: type[StoredModel], wanted: Sequence[str]) -> DeleteResult:
    """Delete documents by their keys, and what lives beside them.

    A transaction (DEL) removes no more than `Meta.max_delete_per_transaction` keys, and all of a model. In a
    pipeline one DEL is queued, or two.

    Args:
        cls: Their class.
        wanted: Full keys; one that is named twice counts once.

    Returns:
        How many were really there, or in a pipeline how many will be asked for.
    """
    distinct, source = list(dict.fromkeys(wanted)), registry.source_for(cls)
    if not distinct:
        return DeleteResult(was_committed=open_batch() is None)
    each = len(cls.__rapyer_spec__.companions) + 1
    if open_batch() is not None:
        await perform(source, *_commands(cls, distinct))
        return DeleteResult(
            models_deleted=len(distinct), keys_deleted=each * len(distinct), was_committed=False
        )
    limit = cls.Meta.max_delete_per_transaction
    batches = list(_batches(distinct, None if limit is None else max(1, limit // each)))
    models, beside = await _delete(cls, source, batches)
    return DeleteResult(
        models_deleted=models, keys_deleted=models + beside, models_missing=len(distinct) - models
    )


async def _delete(
    cls: type[StoredModel], source: ClientSource, batches: Sequence[Sequence[str]]
) -> tuple[int, int]:
    """Return how many documents there were, and how many keys beside them."""
    models = beside = 0
    if cls.__rapyer_spec__.companions:
        for batch in batches:
            gone = await transact(source, _commands(cls, batch))
            models, beside = models + gone[0], beside + gone[1]
        return models, beside
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        commands = [keys.delete(*batch) for batch in batches[start : start + BATCHES_AT_ONCE]]
        models += sum(await execute(source, commands))
    return models, 0


def _commands(cls: type[StoredModel], wanted: Sequence[str]) -> list[Command[Any]]:
    under = [keys_under(cls.__rapyer_spec__, key)[1:] for key in wanted]
    beside = [key for companions in under for key in companions]
    return [keys.delete(*wanted), *([keys.delete(*beside)] if beside else [])]


def check_no_inner(models: Iterable[Any]) -> None:
    """Refuse inner models, which go with the model that holds them.

    Raises:
        BadDeleteActionError: There is one.
    """
    for model in models:
        if model._rapyer_is_inner():
            raise inner_error(model)


def inner_error(model: StoredModel) -> BadDeleteActionError:
    """Return the error for an inner model that was to be deleted."""
    key = model._rapyer_key()
    return BadDeleteActionError(
        f"{key} {model._rapyer_path()} is an inner model, which cannot be deleted on its own",
        key=key,
        field=model.field_path,
        hint="delete the model that holds it, or set the field to None",
    )


def _batches(wanted: Sequence[str], size: int | None) -> Iterator[Sequence[str]]:
    step = size or len(wanted)
    for start in range(0, len(wanted), step):
        yield wanted[start : start + step]
