"""Connecting the models of a program to Redis, and letting go."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rapyer.actions import ActionGroup
from rapyer.base import find_redis_models
from rapyer.commands.permissions import Place
from rapyer.config import RedisConfig
from rapyer.errors import ConfigError
from rapyer.fields.cascade import CascadeTTL
from rapyer.model.cascade import check_cascades
from rapyer.model.forward import resolve_forward_references
from rapyer.model.registry import registry
from rapyer.search.index import declared, ensure_index, index_name, leads
from rapyer.search.plan import IndexPlan, plan_for
from rapyer.session.clients import ClientSource
from rapyer.session.permissions import check_permissions
from rapyer.session.survey import survey

if TYPE_CHECKING:
    from redis.asyncio import Redis, RedisCluster

    from rapyer.base import AtomicRedisModel
    from rapyer.model.state import StoredModel


async def init_rapyer(
    redis: str | Redis | RedisCluster | ClientSource | None = None,
    ttl: int | None = None,
    override_old_idx: bool = True,
    prefer_normal_json_dump: bool | None = None,
    logger: logging.Logger | None = None,
    refresh_ttl: bool | ActionGroup | None = None,
    cascade_ttl: CascadeTTL | None = None,
) -> None:
    """Connect all models, look at the server, and make the indexes (COMMAND INFO, INFO, FT.INFO, FT.CREATE).

    All models are connected and configured before anything is sent, so a failure leaves none behind. It may
    be called again: what is left out then stays as it is. A class with a `Meta.redis` of its own keeps it,
    and one that is defined later uses the same connection and gets its index at its first search.

    The server is asked what this user may do, in one round trip that writes nothing: who may not read the
    models, or search them, is refused here; who may not write or lock them is warned of on the logger
    `rapyer`.

    Args:
        redis: A URL, or a client of `redis.asyncio`, which may be one that a Sentinel made, or a
            `RedisCluster`; a client stays the caller's until `teardown_rapyer`.
        ttl: Seconds after which stored instances expire, set in the `Meta` of every model.
        override_old_idx: Whether an index whose fields have changed is replaced, by one that is built beside
            it first; else it stays beside the new one, and keeps the name `idx:User`. One whose fields are
            unchanged is left alone in either case, and so are all documents.
        prefer_normal_json_dump: Whether what plain JSON can carry is stored as such, set in the `Meta` of
            every model.
        logger: Its level and handlers are taken over by the logger `rapyer`.
        refresh_ttl: Which operations start the time to live anew, set in the `Meta` of every model.
        cascade_ttl: Whether, and how far, a time to live that starts anew does so for the models referred to,
            too, where a field is not marked `CascadeTTL` itself. Left out, it does not.

    Raises:
        InvalidRefreshTtlError: `refresh_ttl` names ActionGroup.DELETE; nothing is changed.
        ValidationError: An option has no such value; nothing is changed.
        CascadeTargetTtlMissingError: A class that takes part in a cascade has no time to live.
        CascadeKeyInitialsError: The keys of a class that takes part in one do not start with its name.
        ConfigError: `redis` or `cascade_ttl` is something else.
        MissingModuleError: The server lacks the JSON module, or the search module where fields are indexed.
        MissingPermissionError: The user may not read the models; the error has the rule to add.
        NotIndexedError: A model with indexed fields is to be in another database than 0, or others drop an
            index all the time.
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    given = {"ttl": ttl, "refresh_ttl": refresh_ttl, "prefer_normal_json_dump": prefer_normal_json_dump}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if cascade_ttl is not None and not isinstance(cascade_ttl, CascadeTTL):
        raise ConfigError(f"cascade_ttl is {cascade_ttl!r}", hint="give it CascadeTTL()")
    RedisConfig(**options)  # refuses what is no value of an option, before anything is changed
    if logger is not None:
        ours = logging.getLogger("rapyer")
        ours.setLevel(logger.level)
        ours.handlers = list(logger.handlers)
    if redis is not None:
        await _bind(_source_of(redis))
    models = find_redis_models()
    for model in models:
        for name, value in options.items():
            setattr(model.Meta, name, value)
    resolve_forward_references(models)
    registry.index_versions.clear()  # fields of classes that were not complete are known only now
    registry.cascade_by_default(cascade_ttl)
    check_cascades(models)
    indexed = [model for model in models if any(declared(model))]
    searched = {registry.source_for(model) for model in indexed}
    for source in searched | ({registry.source} if redis is not None else set()):
        await survey(source, searched=source in searched)
        own = [model for model in models if registry.source_for(model) == source]
        await check_permissions(
            source,
            list(map(place_of, own)),
            tokens=any(model.Meta.exactly_once for model in own),
        )
    for model in indexed:
        await ensure_index(model, registry.source_for(model), replace=override_old_idx and leads(model))


async def aindex_plan(*models: type[StoredModel]) -> IndexPlan:
    """Compare the server's indexes with what the classes declare (FT.INFO, FT._LIST); nothing is changed.

    `init_rapyer` does the same by itself, unless it is told `override_old_idx=False`. Indexes that were made
    for other versions of a class are in the plan, too; those it leaves alone.

    Args:
        models: The classes; all that `find_redis_models` gives if there are none.

    Returns:
        What there is to do; print it, and `await plan.apply()`.

    Raises:
        MissingModuleError: The server lacks the search module.
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    chosen = list(models or find_redis_models())
    resolve_forward_references(find_redis_models())
    registry.index_versions.clear()
    targets = [(model, registry.source_for(model)) for model in chosen]
    for source in {source for _, source in targets}:
        await survey(source, searched=True)
    return await plan_for(targets)


async def teardown_rapyer() -> None:
    """Close every client that models use in the running event loop, those given by the caller included.

    Each client is closed once, also where several models share it. `init_rapyer` connects again.
    """
    sources = {registry.source, *registry.own_sources()}
    given = {source.given for source in sources if source.given is not None}
    registry.forget_own_sources()
    registry.unbind()
    for source in sources:
        await source.aclose()
    for client in given:
        await client.aclose()


def place_of(model: type[AtomicRedisModel]) -> Place:
    """Return where a class keeps its models, for looking at what a user may do with them.

    Raises:
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    sets = {issubclass(one.kind, set) for one in model.__rapyer_spec__.companions}
    renews = registry.ttl_of(model) is not None and model.Meta.refreshes(ActionGroup.READ.value)
    return Place(
        f"{model.class_key_initials()}:",
        index_name(model) if any(declared(model)) else "",
        sets=True in sets,
        queues=False in sets,
        renews=renews,
    )


async def _bind(source: ClientSource) -> None:
    """Let models use a source; where it is the one they use, what runs on its connections goes on."""
    replaced = registry.source
    same = source.url is not None and source.url == replaced.url
    registry.bind(replaced if same else source, auto_index=True)
    if not same and replaced.url is not None:
        await replaced.aclose()


def _source_of(redis: Any) -> ClientSource:
    source = ClientSource.of(redis)
    if source is None:
        raise ConfigError(
            f"init_rapyer cannot connect to a {type(redis).__name__}",
            hint="give it a URL such as redis://localhost:6379/0, or a redis.asyncio client",
        )
    return source
