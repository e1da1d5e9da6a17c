"""Deleting: what is to go, with what lives beside it, in transactions of a bounded size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rapyer.commands import json, keys
from rapyer.errors import BadDeleteActionError
from rapyer.model.cascade_delete import delete_cascading, deletes_more
from rapyer.model.companions import keys_under
from rapyer.model.portions import chunks_of
from rapyer.model.registry import registry
from rapyer.result import DeleteResult
from rapyer.session.executor import execute, perform, require_one_step
from rapyer.session.scope import open_batch, settle_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rapyer.commands.command import Command
    from rapyer.commands.keys import Gone
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

BATCHES_AT_ONCE = 10
"""How many batches go in one round trip; each is a command, and so atomic, of its own."""


def delete_command(cls: type[StoredModel], key: str) -> Command[Any]:
    """Return what deletes a document and what lives beside it; its reply is how many keys went."""
    spec = cls.__rapyer_spec__
    _, *beside = keys_under(spec, key)
    # The search module counts a JSON.DEL of a whole document as one that it could not index, for good.
    if not beside and not spec.is_indexed:
        return json.delete(key, "$")
    both: Command[Any] = keys.delete_documents([(key, *beside)])
    return replace(both, decode=sum)


async def delete_instance(model: StoredModel, *, cascade: bool) -> bool:
    """Delete what is stored of an instance, as `adelete` does; see there."""
    if model._rapyer_is_inner():
        raise inner_error(model)
    batch = open_batch()
    if batch is not None:
        settle_open()  # what a later write of a changed value would find gone
        batch.remember(model)
    cls, key = type(model), model._rapyer_key()
    if cascade and deletes_more(cls):
        was_there = (await delete_cascading({cls: [key]})).models_missing == 0
    else:
        deleted = (await perform(model._rapyer_source(), delete_command(cls, key)))[0]
        was_there = deleted is None or deleted > 0
    model._rapyer_mark_stored(stored=False)
    model._rapyer_set_known(None)
    return was_there


async def delete_models(
    cls: type[StoredModel], wanted: Sequence[str], *, told: Callable[[int, int], object] | None = None
) -> DeleteResult:
    """Delete documents by their keys, and what lives beside them.

    A transaction (DEL) removes no more than `Meta.max_delete_per_transaction` keys, and all of a model. In a
    pipeline one DEL is queued, or two.

    Args:
        cls: Their class.
        wanted: Full keys; one that is named twice counts once.
        told: Is told after each round trip of how many this is done, and of how many.

    Returns:
        How many were really there, or in a pipeline how many will be asked for.

    Raises:
        WrongTypeError: A key holds another Redis type; nothing of its batch is deleted.
        PartlyAppliedError: On a cluster, where a batch is one step for each slot, only some did it.
    """
    distinct, source = list(dict.fromkeys(wanted)), registry.source_for(cls)
    if not distinct:
        return DeleteResult(was_committed=open_batch() is None)
    each = len(cls.__rapyer_spec__.companions) + 1
    if open_batch() is not None:
        settle_open()
        await perform(source, _command(cls, distinct))
        return DeleteResult(
            models_deleted=len(distinct), keys_deleted=each * len(distinct), was_committed=False
        )
    limit = cls.Meta.max_delete_per_transaction
    batches = list(chunks_of(distinct, None if limit is None else max(1, limit // each)))
    counts: list[Gone] = []
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        commands = [_command(cls, batch) for batch in batches[start : start + BATCHES_AT_ONCE]]
        counts += await execute(source, commands)
        if told is not None:
            told(sum(map(len, batches[: start + BATCHES_AT_ONCE])), len(distinct))
    return _result(len(distinct), counts)


def _command(cls: type[StoredModel], wanted: Sequence[str]) -> Command[Gone]:
    spec = cls.__rapyer_spec__
    return keys.delete_documents([keys_under(spec, key) for key in wanted])


def _result(wanted: int, counts: Iterable[Gone]) -> DeleteResult:
    models = beside = 0
    for gone in counts:
        models, beside = models + gone.documents, beside + gone.beside
    return DeleteResult(models_deleted=models, keys_deleted=models + beside, models_missing=wanted - models)


async def delete_in_one_step(
    source: ClientSource, wanted: Iterable[tuple[type[StoredModel], Sequence[str]]]
) -> list[DeleteResult]:
    """Delete documents by their keys, and what lives beside them, in one atomic step, however many there are.

    Args:
        source: Where the commands go.
        wanted: Classes and full keys of each, which are counted separately.

    Raises:
        CrossSlotError: The keys live in several slots of a cluster; nothing is deleted.
        WrongTypeError: A key holds another Redis type; nothing of its class is deleted.
    """
    distinct = [(cls, list(dict.fromkeys(group))) for cls, group in wanted]
    commands = [_command(cls, group) for cls, group in distinct]
    require_one_step(source, commands, "adelete_many")
    settle_open()
    counts = await perform(source, *commands)
    return [
        DeleteResult(models_deleted=len(group), keys_deleted=len(command.keys), was_committed=False)
        if gone is None
        else _result(len(group), [gone])
        for (_, group), command, gone in zip(distinct, commands, counts, strict=True)
    ]


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
