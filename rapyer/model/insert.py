"""Inserting many: one transaction, or one script where keys that are taken matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rapyer.commands import json
from rapyer.commands.insert import Inserted, insert_new
from rapyer.errors import InnerModelError, PipelineOpenError, UnsupportedArgumentValueError, WrongClassError
from rapyer.model.beside import contents, part_of, replaced
from rapyer.model.duplicate import taken
from rapyer.model.expiry import passed_on, renewal_of_stored
from rapyer.model.persist import dump_document, note_saved
from rapyer.session.executor import perform
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

DOCUMENTS_PER_COMMAND = 250
"""How many documents one JSON.MSET writes; more would keep the server from other callers for too long."""


async def insert_many(source: ClientSource, models: Sequence[M], on_conflict: str = "replace") -> list[M]:
    """Store top-level instances, all or none.

    Args:
        source: Where the commands go.
        models: The instances; one that is given twice is stored once.
        on_conflict: "replace", "error" or "skip".

    Returns:
        The instances, or with "skip" those that were stored.

    Raises:
        KeyExistsError: A key is taken, and that was to be an error.
        InnerModelError: An instance lives inside another model.
        UnsupportedArgumentValueError: `on_conflict` is something else.
    """
    if on_conflict not in {"replace", "error", "skip"}:
        raise UnsupportedArgumentValueError(
            f"on_conflict is {on_conflict!r}", hint='give "replace", "error" or "skip"'
        )
    _check_top_level(models)
    stored = list(models)
    if models:
        if on_conflict == "replace":
            await perform(source, *_replacing(models), renewal=renewal_of_stored(models))
        else:
            stored = await _insert_new(source, models, "error" if on_conflict == "error" else "skip")
    batch = open_batch()
    for model in stored:
        if batch is not None:
            batch.remember(model)
        model._rapyer_mark_stored()
        note_saved(model)
    return stored


async def _insert_new(
    source: ClientSource, models: Sequence[M], on_conflict: Literal["error", "skip"]
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
    documents = [(key, dump_document(model), model.Meta.ttl) for key, model in first.items()]
    beside = [
        (position, key, members)
        for position, model in enumerate(first.values())
        for key, members in contents(part_of(model))
    ]
    result: Inserted = (await perform(source, insert_new(documents, on_conflict, beside)))[0]
    if result.taken is not None:
        raise taken(type(first[result.taken]), result.taken)
    distinct = list(first.values())
    stored = [distinct[position] for position in result.stored]
    onward = passed_on(stored)
    if onward:
        await perform(source, renewal=onward)
    return stored


def _replacing(models: Sequence[StoredModel]) -> list[Command[Any]]:
    distinct = {str(model._rapyer_key()): model for model in models}
    documents = [(key, dump_document(model)) for key, model in distinct.items()]
    commands: list[Command[Any]] = [json.set_documents(chunk) for chunk in _chunks(documents)]
    for model in distinct.values():
        part = part_of(model)
        if part.companions:
            commands += replaced(part)
    return commands


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


def _chunks(documents: list[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    for start in range(0, len(documents), DOCUMENTS_PER_COMMAND):
        yield documents[start : start + DOCUMENTS_PER_COMMAND]
