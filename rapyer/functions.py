"""The functions of the package that work on models of any class."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rapyer.base import AtomicRedisModel
from rapyer.errors import (
    CrossSourceError,
    InvalidKeyError,
    KeyNotFound,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
)
from rapyer.model import persist
from rapyer.model.registry import registry
from rapyer.model.suggest import suggestion
from rapyer.session.executor import perform
from rapyer.session.pipeline import Pipeline, pipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def aget(redis_key: str) -> AtomicRedisModel:
    """Return the instance stored under a full key, whatever its class (JSON.GET).

    Raises:
        InvalidKeyError: The text is no full key, which has a class prefix and a colon.
        RapyerModelDoesntExistError: No class is known for the prefix.
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document does not fit the class.
    """
    return await model_for(redis_key).aget(redis_key)


async def afind(*redis_keys: str, skip_missing: bool = False) -> list[AtomicRedisModel]:
    """Return the instances stored under full keys of any classes, in that order (JSON.GET).

    Args:
        redis_keys: Full keys.
        skip_missing: Leave out keys under which nothing is stored.

    Raises:
        KeyNotFound: Nothing is stored under a key.
        RapyerModelDoesntExistError: No class is known for a key's prefix.
    """
    found = []
    for key in redis_keys:
        try:
            found.append(await aget(key))
        except KeyNotFound:
            if not skip_missing:
                raise
    return found


async def afind_one(redis_key: str) -> AtomicRedisModel | None:
    """Return the instance stored under a full key, or None."""
    try:
        return await aget(redis_key)
    except (KeyNotFound, RapyerModelDoesntExistError):
        return None


async def aexists(key: str | AtomicRedisModel) -> bool:
    """Tell whether something is stored under a full key, or for an instance (EXISTS)."""
    if isinstance(key, AtomicRedisModel):
        return await type(key).aexists(key)
    try:
        return await model_for(key).aexists(key)
    except RapyerModelDoesntExistError:
        return False


async def ainsert(*models: AtomicRedisModel) -> list[AtomicRedisModel]:
    """Store instances of any classes in one transaction (JSON.MSET, EXPIRE).

    Returns:
        The instances.

    Raises:
        CrossSourceError: Their classes use different servers; nothing is stored.
        UnsupportedArgumentTypeError: An argument is no model.
    """
    for model in models:
        if not isinstance(model, AtomicRedisModel):
            raise UnsupportedArgumentTypeError(
                f"rapyer.ainsert cannot store {model!r}", hint="give it model instances"
            )
    sources = {registry.source_for(type(model)) for model in models}
    if len(sources) > 1:
        servers = ", ".join(sorted(source.describe() for source in sources))
        raise CrossSourceError(
            f"the models are stored on different servers: {servers}", hint="insert them separately"
        )
    for source in sources:
        await perform(source, *persist.insert(models))
    return list(models)


@asynccontextmanager
async def apipeline(
    *models: AtomicRedisModel, ignore_redis_error: bool = False, use_existing_pipe: bool = False
) -> AsyncIterator[Pipeline]:
    """Queue every write of the block, to any models, and send them as one transaction at its end.

    Args:
        models: Instances to refresh first, as `model.apipeline()` does.
        ignore_redis_error: Log errors of the server instead of raising them.
        use_existing_pipe: Join the pipeline that is open already, if there is one.

    Yields:
        The pipeline, which shows the commands queued, and after the block their results.

    Raises:
        KeyNotFound: A model to refresh is not stored.
        TransactionError: A command failed when the transaction ran.
    """
    for model in models:
        await model.aload()
    async with pipeline(ignore_redis_error=ignore_redis_error, use_existing_pipe=use_existing_pipe) as opened:
        yield opened


def model_for(redis_key: str) -> type[AtomicRedisModel]:
    """Return the class that a full key belongs to.

    Raises:
        InvalidKeyError: The text is no full key.
        RapyerModelDoesntExistError: No class is known for the prefix.
    """
    prefix, colon, pk = redis_key.partition(":")
    if not (prefix and colon and pk):
        raise InvalidKeyError(
            f"{redis_key!r} is no key of a model", key=redis_key, hint="keys look like User:42"
        )
    model: Any = registry.by_prefix(prefix)
    if model is None:
        names = [known.class_key_initials() for known in registry.snapshot()]
        raise RapyerModelDoesntExistError(
            f"no model class has keys that start with {prefix}:",
            key=redis_key,
            hint=suggestion(prefix, names),
        )
    found: type[AtomicRedisModel] = model
    return found
