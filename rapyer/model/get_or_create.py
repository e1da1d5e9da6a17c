"""Getting what is stored of an instance, or storing it, in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.actions import ActionGroup
from rapyer.commands.get_or_create import Beside, get_or_create
from rapyer.errors import InnerModelError, UnsupportedArgumentTypeError, WrongClassError
from rapyer.model import expiry
from rapyer.model.beside import contents, part_of
from rapyer.model.cascade import plan_of
from rapyer.model.load import from_document, from_replies, reading_of
from rapyer.model.persist import document_to_store, note_saved
from rapyer.model.registry import registry
from rapyer.model.remembered import remember
from rapyer.model.state import StoredModel
from rapyer.result import GetOrCreateResult, GetOrCreateStatus
from rapyer.session.executor import perform_now
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from rapyer.commands.get_or_create import GotOrCreated

M = TypeVar("M", bound=StoredModel)


async def get_or_create_stored(model: M) -> GetOrCreateResult[M]:
    """Return what is stored under the key of an instance, or store it there, at once and in one script.

    Args:
        model: The instance, which `check_draft` has let pass.

    Raises:
        CorruptedModelError: What is stored does not fit the class.
        WrongTypeError: A key holds another Redis type.
        InvalidKeyError: The key is longer than `Meta` allows.
        CantSerializeRedisValueError: The document is, or a value of it cannot be stored.
    """
    key, text = model._rapyer_key(), document_to_store(model)
    outcome = await _run(model, text)
    if outcome.document is not None:
        found = _loaded(type(model), key, outcome)
        return GetOrCreateResult(value=found, status=GetOrCreateStatus.FOUND)
    model._rapyer_mark_stored()
    note_saved(model)
    remember(model, text)
    batch = open_batch()
    if batch is not None:
        batch.refreshed(model)
    return GetOrCreateResult(value=model, status=GetOrCreateStatus.CREATED)


async def _run(model: StoredModel, text: bytes) -> GotOrCreated:
    cls, source = type(model), model._rapyer_source()
    created = expiry.should_refresh(cls, ActionGroup.CREATE)
    found = expiry.should_refresh(cls, ActionGroup.READ | ActionGroup.FETCH)
    # The script sets the times to live of the model's own keys; those of what it refers to, another one.
    onward = expiry.renewed(model) if plan_of(cls).follows else ()
    together = onward if created and found else ()
    command = get_or_create(
        model._rapyer_key(),
        text,
        _beside(model),
        ttl=registry.ttl_of(cls),
        ttl_found=registry.ttl_of(cls) if found else None,
    )
    outcome: GotOrCreated = (await perform_now(source, command, renewal=together))[0]
    if onward and not together and (created if outcome.document is None else found):
        await perform_now(source, renewal=onward)
    return outcome


def _beside(model: StoredModel) -> list[Beside]:
    part = part_of(model)
    return [
        Beside(key, one.kind._rapyer_read_companion(key, optional=one.optional), members)
        for one, (key, members) in zip(part.companions, contents(part), strict=True)
    ]


def _loaded(cls: type[M], key: str, outcome: GotOrCreated) -> M:
    reading, document = reading_of(cls), outcome.document or b""
    if reading is None:
        return from_document(cls, key, document)
    return from_replies(cls, key, document, outcome.replies, reading)


def check_draft(cls: type[StoredModel], draft: Any, name: str) -> None:
    """Refuse what cannot be got or created.

    Args:
        cls: What it must be an instance of.
        draft: What was given.
        name: What was called, for messages.

    Raises:
        UnsupportedArgumentTypeError: It is no instance of a model.
        WrongClassError: It is of another class.
        InnerModelError: It lives inside another model.
    """
    if not isinstance(draft, StoredModel):
        raise UnsupportedArgumentTypeError(
            f"{name} cannot use {draft!r}",
            model=cls.__name__,
            hint="give it an instance, which is stored where there is none",
        )
    if not isinstance(draft, cls):
        raise WrongClassError(
            f"{name} was given a {type(draft).__name__}",
            model=cls.__name__,
            hint="use rapyer.aget_or_create, or that class's own",
        )
    if draft._rapyer_is_inner():
        key = draft._rapyer_key()
        raise InnerModelError(
            f"{name} needs a top level model, and {key} {draft._rapyer_path()} is an inner one",
            key=key,
            field=draft.field_path,
            hint="give the model that holds it, or a copy (model_copy)",
        )
