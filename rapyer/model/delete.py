"""Deleting many: what is to go, in transactions of a bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.commands import keys
from rapyer.errors import BadDeleteActionError
from rapyer.result import DeleteResult
from rapyer.session.executor import execute, perform, require_one_step
from rapyer.session.scope import open_batch, settle_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource


BATCHES_AT_ONCE = 10
"""How many batches go in one round trip; each is a command, and so atomic, of its own."""


async def delete_keys(source: ClientSource, wanted: Sequence[str], batch_size: int | None) -> DeleteResult:
    """Delete documents by their keys, one DEL for each batch; in a pipeline one DEL is queued.

    Args:
        source: Where the commands go.
        wanted: Full keys; one that is named twice counts once.
        batch_size: The most keys that one command removes; None for no limit.

    Returns:
        How many were really there, or in a pipeline how many will be asked for.

    Raises:
        WrongTypeError: A key holds another Redis type; nothing of its batch is deleted.
        PartlyAppliedError: On a cluster, where a batch is one step for each slot, only some did it.
    """
    distinct = list(dict.fromkeys(wanted))
    if not distinct:
        return DeleteResult(was_committed=open_batch() is None)
    if open_batch() is not None:
        settle_open()
        await perform(source, keys.delete_documents(*distinct))
        return DeleteResult(models_deleted=len(distinct), keys_deleted=len(distinct), was_committed=False)
    gone = 0
    batches = [keys.delete_documents(*batch) for batch in _batches(distinct, batch_size)]
    for start in range(0, len(batches), BATCHES_AT_ONCE):
        gone += sum(await execute(source, batches[start : start + BATCHES_AT_ONCE]))
    return DeleteResult(models_deleted=gone, keys_deleted=gone)


async def delete_in_one_step(source: ClientSource, wanted: Sequence[Sequence[str]]) -> list[DeleteResult]:
    """Delete documents by their keys in one atomic step, however many there are.

    Args:
        source: Where the commands go.
        wanted: Groups of full keys, which are counted separately; none is empty.

    Raises:
        CrossSlotError: The keys live in several slots of a cluster; nothing is deleted.
        WrongTypeError: A key holds another Redis type; nothing of its group is deleted.
    """
    commands = [keys.delete_documents(*dict.fromkeys(group)) for group in wanted]
    require_one_step(source, commands, "adelete_many")
    settle_open()
    counts = await perform(source, *commands)
    return [
        DeleteResult(
            models_deleted=len(command.keys) if gone is None else gone,
            keys_deleted=len(command.keys) if gone is None else gone,
            was_committed=gone is not None,
        )
        for command, gone in zip(commands, counts, strict=True)
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


def _batches(wanted: Sequence[str], size: int | None) -> Iterator[Sequence[str]]:
    step = size or len(wanted)
    for start in range(0, len(wanted), step):
        yield wanted[start : start + step]
