"""Connecting the models of a program to Redis, and letting go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from rapyer.base import find_redis_models
from rapyer.commands import search
from rapyer.errors import ConfigError, MissingModuleError
from rapyer.model.registry import registry
from rapyer.search.index import declared, ensure_index
from rapyer.session.clients import ClientSource
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Iterable


async def init_rapyer(
    redis: str | Redis | ClientSource | None = None,
    ttl: int | None = None,
    logger: logging.Logger | None = None,
) -> None:
    """Connect all models and make their indexes (FT._LIST, FT.INFO, FT.CREATE).

    An index whose fields are unchanged is left alone; one whose fields have changed is replaced. Without
    arguments the present connection is kept.

    Args:
        redis: A URL, or a client of `redis.asyncio`; a client stays the caller's until `teardown_rapyer`.
        ttl: Seconds after which stored instances expire, set in the `Meta` of every model.
        logger: Its level and handlers are taken over by the logger `rapyer`.

    Raises:
        ConfigError: `redis` is something else.
        MissingModuleError: A model has indexed fields and the server no search module.
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    if logger is not None:
        ours = logging.getLogger("rapyer")
        ours.setLevel(logger.level)
        ours.handlers = list(logger.handlers)
    if redis is not None:
        registry.bind(_source_of(redis))
    models = find_redis_models()
    if ttl is not None:
        for model in models:
            model.Meta.ttl = ttl
    indexed = [model for model in models if any(declared(model))]
    await _check_search({registry.source_for(model) for model in indexed})
    for model in indexed:
        await ensure_index(model, registry.source_for(model))


async def teardown_rapyer() -> None:
    """Close every client that models use in the running event loop, those given by the caller included."""
    for source in {registry.source, *registry.own_sources()}:
        await source.aclose()
        await source.close_given()
    registry.forget_own_sources()
    registry.unbind()


async def _check_search(sources: Iterable[ClientSource]) -> None:
    for source in sources:
        try:
            await run(source, search.index_names())
        except ResponseError as error:
            raise MissingModuleError(
                f"{source.describe()} cannot search: {error}", command="FT._LIST"
            ) from error


def _source_of(redis: Any) -> ClientSource:
    if isinstance(redis, ClientSource):
        return redis
    if isinstance(redis, str):
        return ClientSource.from_url(redis)
    if isinstance(redis, Redis):
        return ClientSource.from_client(redis)
    raise ConfigError(
        f"init_rapyer cannot connect to a {type(redis).__name__}",
        hint="give it a URL such as redis://localhost:6379/0, or a redis.asyncio.Redis client",
    )
