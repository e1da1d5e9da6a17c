"""Inserting many in one script, which looks at all keys before it writes the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

from rapyer.commands import keys
from rapyer.commands.insert import Inserted, NewDocument, insert, insert_new
from rapyer.errors import InnerModelError, PipelineOpenError, UnsupportedArgumentValueError, WrongClassError
from rapyer.model.beside import contents, part_of
from rapyer.model.duplicate import taken
from rapyer.model.expiry import passed_on, refreshes_now
from rapyer.model.persist import document_to_store, note_saved
from rapyer.model.registry import registry
from rapyer.model.remembered import remember
from rapyer.session.executor import execute, is_one_step, perform, require_one_step
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

MOST = 300_000
"""How many documents one call stores; the server takes a million words in one command."""


async def insert_many(
    source: ClientSource, models: Sequence[M], on_conflict: str = "replace", *, atomic: bool = False
) -> list[M]:
    """Store top-level instances, all or none; on a cluster, all or none of those in one slot.

    Args:
        source: Where the commands go.
        models: The instances; one that is given twice is stored once.
        on_conflict: "replace", "error" or "skip".
        atomic: Whether to store none where they cannot be stored in one step.

    Returns:
        The instances, or with "skip" those that were stored.

    Raises:
        KeyExistsError: A key is taken, and that was to be an error.
        CrossSlotError: It was to be one step, and the keys live in several slots of a cluster.
        PartlyAppliedError: On a cluster, some slots have taken over their documents and others have not.
        InnerModelError: An instance lives inside another model.
        UnsupportedArgumentValueError: `on_conflict` is something else.
    """
    if on_conflict not in {"replace", "error", "skip"}:
        raise UnsupportedArgumentValueError(
            f"on_conflict is {on_conflict!r}", hint='give "replace", "error" or "skip"'
        )
    _check_top_level(models)
    _check_number(models)
    if not models:
        return []
    if on_conflict == "replace":
        return await _replace(source, models, atomic)
    return await _insert_new(source, models, "error" if on_conflict == "error" else "skip", atomic)


async def _replace(source: ClientSource, models: Sequence[M], atomic: bool) -> list[M]:
    last = {str(model._rapyer_key()): model for model in models}
    documents = _documents(last)
    command = insert(documents)
    if atomic:
        require_one_step(source, [command], "ainsert")
    await perform(source, command, renewal=passed_on(last.values()))
    batch = open_batch()
    for model in models:
        if batch is not None:
            batch.remember(model)
        model._rapyer_mark_stored()
        note_saved(model)
    if batch is None:
        for model, document in zip(last.values(), documents, strict=True):
            remember(model, document.text)
    return list(models)


async def _insert_new(
    source: ClientSource, models: Sequence[M], on_conflict: Literal["error", "skip"], atomic: bool
) -> list[M]:
    if open_batch() is not None:
        raise PipelineOpenError(
            f"on_conflict={on_conflict!r} needs the server's answer, which a pipeline has only at its end",
            hint="insert before the pipeline",
        )
    first: dict[str, M] = {}
    for model in models:
        present = first.setdefault(str(model._rapyer_key()), model)
        if present is not model and on_conflict == "error":
            raise taken(type(model), model._rapyer_key())
    documents = _documents(first)
    command = insert_new(documents, on_conflict)
    if atomic:
        require_one_step(source, [command], "ainsert")
    if on_conflict == "error" and not is_one_step(source, [command]):
        await _check_free(source, first)
    result: Inserted = (await perform(source, command))[0]
    distinct = list(first.values())
    stored = [distinct[position] for position in result.stored]
    for position in result.stored:
        remember(distinct[position], documents[position].text)
        distinct[position]._rapyer_mark_stored()
        note_saved(distinct[position])
    if result.taken is not None:
        raise taken(type(first[result.taken]), result.taken)
    onward = passed_on(stored)
    if onward:
        await perform(source, renewal=onward)
    return stored


def _documents(models: Mapping[str, StoredModel]) -> list[NewDocument]:
    refreshing = {cls: refreshes_now(cls) for cls in set(map(type, models.values()))}
    return [
        NewDocument(
            key,
            document_to_store(model),
            registry.ttl_of(type(model)),
            refreshing[type(model)],
            tuple(contents(part_of(model))) if model.__rapyer_spec__.companions else (),
        )
        for key, model in models.items()
    ]


async def _check_free(source: ClientSource, models: Mapping[str, StoredModel]) -> None:
    # Slots are written one by one, so what is known to stand in the way is found before the first.
    there = await execute(source, [keys.exists(key) for key in models])
    for (key, model), exists in zip(models.items(), there, strict=True):
        if exists:
            raise taken(type(model), key)


def _check_number(models: Sequence[StoredModel]) -> None:
    if len(models) > MOST:
        raise UnsupportedArgumentValueError(
            f"{len(models)} models are more than the {MOST} that can be stored in one step",
            hint="insert them in several calls",
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


def _check_top_level(models: Iterable[StoredModel]) -> None:
    for model in models:
        if model._rapyer_is_inner():
            key = model._rapyer_key()
            raise InnerModelError(
                f"{key} {model._rapyer_path()} is an inner model, which cannot be inserted on its own",
                key=key,
                field=model.field_path,
                hint="insert the model that holds it, or a copy (model_copy)",
            )
