"""The functions of the package that work on models of any class."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rapyer.actions import ActionGroup, acting, action
from rapyer.base import AtomicRedisModel
from rapyer.errors import (
    CrossSourceError,
    InvalidKeyError,
    KeyNotFound,
    MissingParameterError,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
)
from rapyer.finding import load_by_keys
from rapyer.model import load
from rapyer.model.cascade_delete import delete_cascading, deletes_more
from rapyer.model.delete import check_no_inner, delete_in_one_step, delete_models
from rapyer.model.get_or_create import check_draft, get_or_create_stored
from rapyer.model.insert import insert_many
from rapyer.model.keys import resolve
from rapyer.model.locking import ModelLock
from rapyer.model.registry import registry
from rapyer.model.suggest import suggestion
from rapyer.result import RapyerDeleteResult
from rapyer.session.lock import LEASE, LockOptions
from rapyer.session.pipeline import Pipeline, pipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from contextlib import AbstractAsyncContextManager

    from rapyer.result import GetOrCreateResult
    from rapyer.session.clients import ClientSource


M = TypeVar("M", bound=AtomicRedisModel)


@action(ActionGroup.READ, ActionGroup.FETCH)
async def aget(redis_key: str) -> AtomicRedisModel:
    """Return the instance stored under a full key, whatever its class (JSON.GET).

    Raises:
        InvalidKeyError: The text is no full key, which has a class prefix and a colon.
        RapyerModelDoesntExistError: No class is known for the prefix.
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document does not fit the class.
    """
    return await model_for(redis_key).aget(redis_key)


@action(ActionGroup.READ, ActionGroup.FETCH)
async def afind(
    *redis_keys: str, skip_missing: bool = False, on_corrupt: Literal["raise", "skip"] = "skip"
) -> list[AtomicRedisModel]:
    """Return the instances stored under full keys of any classes, in that order (a JSON.MGET per class).

    Args:
        redis_keys: Full keys.
        skip_missing: Leave out keys under which nothing is stored.
        on_corrupt: What to do with documents that do not fit their class: "skip" leaves them out, with a
            warning, "raise" raises.

    Raises:
        KeyNotFound: Nothing is stored under a key.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key's prefix.
        CorruptedModelError: A document does not fit its class, and was to raise.
    """
    corrupt = load.checked_on_corrupt(on_corrupt)
    keys = [(resolve(model_for(key), key), model_for(key)) for key in redis_keys]
    found: dict[type[AtomicRedisModel], Iterator[AtomicRedisModel]] = {}
    left_out: set[str] = set()
    for model in dict.fromkeys(model for _, model in keys):
        own = [key for key, owner in keys if owner is model]
        loaded = await load_by_keys(model, registry.source_for(model), own, skip_missing=skip_missing)
        asked = replace(loaded, missing=()) if skip_missing else loaded
        load.report_skipped("rapyer.afind", asked, corrupt)
        found[model] = iter(loaded.models)
        left_out.update(loaded.skipped)
    return [next(found[model]) for key, model in keys if key not in left_out]


@action(ActionGroup.READ, ActionGroup.FETCH)
async def afind_one(redis_key: str) -> AtomicRedisModel | None:
    """Return the instance stored under a full key, or None; also None where the text can be no key."""
    try:
        return await aget(redis_key)
    except (InvalidKeyError, KeyNotFound, RapyerModelDoesntExistError):
        return None


@action(ActionGroup.READ, refreshes=False)
async def aexists(key: str | AtomicRedisModel) -> bool:
    """Tell whether something is stored under a full key, or for an instance (EXISTS).

    Nothing is where no class is known for the key, or the text can be none.
    """
    if isinstance(key, AtomicRedisModel):
        return await type(key).aexists(key)
    try:
        return await model_for(key).aexists(key)
    except (InvalidKeyError, RapyerModelDoesntExistError):
        return False


@action(ActionGroup.CREATE)
async def ainsert(
    *models: AtomicRedisModel,
    on_conflict: Literal["replace", "error", "skip"] = "replace",
    atomic: bool = False,
) -> list[AtomicRedisModel]:
    """Store instances of any classes in one step, all or none (script insert: TYPE, JSON.MSET, EXPIRE).

    Args:
        models: The instances, 300 000 at the most.
        on_conflict: What to do where something is stored under a key already: "replace" it, raise an
            "error" and store nothing, or "skip" it.
        atomic: On a cluster each slot is a step of its own; store nothing if that makes several.

    Returns:
        The instances; with "skip" those that were stored.

    Raises:
        CrossSourceError: Their classes use different servers; nothing is stored.
        KeyExistsError: A key is taken, and that was to be an error; nothing is stored.
        WrongTypeError: A key holds another Redis type; nothing is stored.
        CrossSlotError: It was to be atomic, and the keys live in several slots; nothing is stored.
        PartlyAppliedError: On a cluster, some slots have taken over their documents and others have not.
        UnsupportedArgumentTypeError: An argument is no model.
    """
    for model in models:
        if not isinstance(model, AtomicRedisModel):
            raise UnsupportedArgumentTypeError(
                f"rapyer.ainsert cannot store {model!r}", hint="give it model instances"
            )
    if not models:
        return []
    source = _one_source(map(type, models), "insert them separately")
    return await insert_many(source, models, on_conflict, atomic=atomic)


@action(ActionGroup.CREATE, ActionGroup.READ, ActionGroup.FETCH)
async def aget_or_create(instance: M) -> GetOrCreateResult[M]:
    """Return what is stored under the key of an instance of any class, or store it there (a script).

    As `Model.aget_or_create`, of the instance's own class.

    Raises:
        UnsupportedArgumentTypeError: The argument is no instance of a model; a `TypeError`.
        InnerModelError: It lives inside another model.
        CorruptedModelError: What is stored does not fit the class.
        WrongTypeError: A key holds another Redis type.
    """
    check_draft(AtomicRedisModel, instance, "rapyer.aget_or_create")
    return await get_or_create_stored(instance)


@action(ActionGroup.DELETE, refreshes=False)
async def adelete_many(
    *args: str | AtomicRedisModel, atomic: bool = False, cascade: bool = False
) -> RapyerDeleteResult:
    """Delete many documents of any classes, by instances and full keys (script delete: DEL).

    For each class they go in transactions of its `Meta.max_delete_per_transaction`. In a pipeline the
    commands are queued.

    Args:
        args: Instances and full keys.
        atomic: Delete all of them in one step, however many they are.
        cascade: Whether the models go, too, that they refer to by fields marked `CascadeDelete`, and those
            that these refer to so. They are read first, and then all are deleted in one step for each server,
            and for each slot of a cluster.

    Returns:
        How many were really there and are gone, in all and by class.

    Raises:
        MissingParameterError: Nothing was given.
        UnsupportedArgumentTypeError: Something is neither an instance nor a key.
        RapyerModelDoesntExistError: No class is known for a key's prefix; nothing is deleted.
        WrongTypeError: A key holds another Redis type; nothing of its transaction is deleted.
        BadDeleteActionError: An instance lives inside another model; nothing is deleted.
        CrossSlotError: It was to be atomic, and the keys live in several slots of a cluster; nothing is
            deleted.
        CrossSourceError: It was to be atomic, and the classes use different servers; nothing is deleted.
        PartlyAppliedError: On a cluster, where each slot is a step of its own, only some of them did it.
    """
    if not args:
        raise MissingParameterError(
            "rapyer.adelete_many requires at least one argument", hint="give instances or full keys"
        )
    check_no_inner(argument for argument in args if isinstance(argument, AtomicRedisModel))
    by_class: dict[type[AtomicRedisModel], list[str]] = {}
    for argument in args:
        model = _class_of(argument)
        by_class.setdefault(model, []).append(resolve(model, argument))
    if cascade and any(map(deletes_more, by_class)):
        return await delete_cascading(by_class, atomic=atomic)
    if atomic:
        source = _one_source(by_class, "leave atomic out, or delete them separately")
        groups = await delete_in_one_step(source, by_class.items())
        results = dict(zip(by_class, groups, strict=True))
    else:
        results = {model: await delete_models(model, keys) for model, keys in by_class.items()}
    return RapyerDeleteResult(
        models_deleted=sum(result.models_deleted for result in results.values()),
        keys_deleted=sum(result.keys_deleted for result in results.values()),
        models_missing=sum(result.models_missing for result in results.values()),
        was_committed=all(result.was_committed for result in results.values()),
        by_model={model: result.models_deleted for model, result in results.items()},
    )


def _one_source(models: Iterable[type[AtomicRedisModel]], hint: str) -> ClientSource:
    sources = {registry.source_for(model) for model in models}
    if len(sources) > 1:
        servers = ", ".join(sorted(source.describe() for source in sources))
        raise CrossSourceError(f"the models are stored on different servers: {servers}", hint=hint)
    return sources.pop()


def _class_of(argument: Any) -> type[AtomicRedisModel]:
    if isinstance(argument, AtomicRedisModel):
        return type(argument)
    if isinstance(argument, str):
        return model_for(argument)
    raise UnsupportedArgumentTypeError(
        f"rapyer.adelete_many cannot use {argument!r}", hint="give instances or full keys"
    )


def alock_from_key(
    key: str,
    action: str = "default",
    save_at_end: bool = False,
    *,
    wait: float | None = None,
    lease: float = LEASE,
) -> AbstractAsyncContextManager[AtomicRedisModel | None]:
    """Hold a lock on the model under a full key, whatever its class, for an `async with` block that gets it.

    As `Model.alock_from_key`, but the block gets None where nothing is stored (it holds the lock and may
    store something), and where no class is known for the key (there is no lock then).

    Args:
        key: The full key.
        action: What the lock is for; locks for other actions are independent.
        save_at_end: Save the fields that the block changed, under the lock, if it ends by itself.
        wait: The most seconds to wait for the lock; None for no limit, 0 not to wait.
        lease: Seconds after which the lock is free if its holder died.

    Raises:
        CorruptedModelError: The document does not fit the class.
        LockTimeoutError: Somebody else held the lock for all of `wait`.
        LockLostError: The lease ended before the block; nothing was saved.
        LockReentryError: The running task holds the lock already.
        LockError: A pipeline is open.
    """
    options = LockOptions(action, wait, lease)
    try:
        model = model_for(key)
        full_key = resolve(model, key)
    except (InvalidKeyError, RapyerModelDoesntExistError):
        return nullcontext(None)
    source = registry.source_for(model)
    return ModelLock(model, source, full_key, options, save_at_end=save_at_end, optional=True)


@asynccontextmanager
async def apipeline(
    *models: AtomicRedisModel,
    ignore_redis_error: bool = False,
    use_existing_pipe: bool = False,
    atomic: bool = False,
) -> AsyncIterator[Pipeline]:
    """Queue every write of the block, to any models, and send them as one transaction at its end.

    On a cluster they are one transaction for each slot that has keys of the block.

    Args:
        models: Instances to refresh first, as `model.apipeline()` does.
        ignore_redis_error: Log errors of the server instead of raising them.
        use_existing_pipe: Join the pipeline that is open already, if there is one.
        atomic: Send nothing if it cannot be one transaction.

    Yields:
        The pipeline, which shows the commands queued, and after the block their results.

    Raises:
        KeyNotFound: A model to refresh is not stored.
        UnsupportedArgumentTypeError: An argument is no model.
        TransactionError: A command failed when the transaction ran.
        PartlyAppliedError: On a cluster, some slots have taken over their changes and others have not.
        CrossSlotError: It was to be atomic, and has keys in several slots of a cluster; nothing was sent.
    """
    for model in models:
        if not isinstance(model, AtomicRedisModel):
            raise UnsupportedArgumentTypeError(
                f"rapyer.apipeline cannot refresh {model!r}",
                hint="give it models, and options by name: apipeline(ignore_redis_error=True)",
            )
        with acting(ActionGroup.READ, ActionGroup.FETCH):
            await AtomicRedisModel.aload(model)
    async with pipeline(
        ignore_redis_error=ignore_redis_error, use_existing_pipe=use_existing_pipe, atomic=atomic
    ) as opened:
        yield opened


def model_for(redis_key: str) -> type[AtomicRedisModel]:
    """Return the class that a full key belongs to.

    Raises:
        InvalidKeyError: The text is no full key.
        RapyerModelDoesntExistError: No class is known for the prefix.
        UnsupportedArgumentTypeError: It is no text.
    """
    if not isinstance(redis_key, str):
        raise UnsupportedArgumentTypeError(
            f"{redis_key!r} is no key of a model", hint="give a full key, such as User:42"
        )
    model: Any = registry.owner_of(redis_key)
    if model is not None:
        found: type[AtomicRedisModel] = model
        return found
    prefix, colon, pk = redis_key.partition(":")
    if not (prefix and colon and pk):
        raise InvalidKeyError(
            f"{redis_key!r} is no key of a model", key=redis_key, hint="keys look like User:42"
        )
    names = [known.class_key_initials() for known in registry.snapshot()]
    raise RapyerModelDoesntExistError(
        f"no model class has keys that start with {prefix}:",
        model_name=prefix,
        key=redis_key,
        hint=suggestion(prefix, names),
    )
