"""`AtomicRedisModel`: the base class of everything that is stored."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from rapyer import finding
from rapyer.commands import keys
from rapyer.config import RedisConfig
from rapyer.errors import BadDeleteActionError, InnerModelError, KeyNotFound
from rapyer.metaclass import RapyerMeta, expose_shadowed
from rapyer.model import load, persist
from rapyer.model.define import define
from rapyer.model.keys import resolve
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.session.executor import perform, run
from rapyer.session.pipeline import pipeline
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from typing_extensions import Self

    from rapyer.fields.key import RapyerKey
    from rapyer.search.expression import Expression

M = TypeVar("M", bound="AtomicRedisModel")


class AtomicRedisModel(StoredModel, metaclass=RapyerMeta):
    """A pydantic model stored as one JSON document in Redis.

    Its fields behave as the plain Python types they are declared with, and each can change its own part
    of the document atomically: `await user.tags.aappend("x")`. Assignments and sync methods change the
    local instance, and inside a pipeline queue the same change for Redis.
    """

    model_config = ConfigDict(
        validate_assignment=True,
        validate_default=True,
        allow_inf_nan=False,
        # An instance lives in one model only, so one that is given to another is copied.
        revalidate_instances="always",
    )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        define(cls, inner_model_for)
        expose_shadowed(cls)

    @classmethod
    def model_rebuild(cls, **kwargs: Any) -> bool | None:
        """Resolve forward references, as pydantic does, and plan the fields that were open."""
        kwargs["_parent_namespace_depth"] = kwargs.get("_parent_namespace_depth", 2) + 1
        rebuilt = super().model_rebuild(**kwargs)
        define(cls, inner_model_for)
        return rebuilt

    async def asave(self) -> Self:
        """Store the instance: the whole document, or for an inner model its own part (JSON.SET).

        With `Meta.ttl` the document's time to live starts anew, in the same transaction (EXPIRE).
        In a pipeline the write is queued.

        Returns:
            The instance.

        Raises:
            KeyNotFound: An inner model's document is not stored.
        """
        await perform(self._rapyer_root()._rapyer_source(), *persist.save(self))
        return self

    async def aload(self) -> Self:
        """Refresh the instance in place with what Redis holds (JSON.GET).

        Returns:
            The instance.

        Raises:
            KeyNotFound: It is not stored.
            CorruptedModelError: The document does not fit the class.
        """
        source = self._rapyer_root()._rapyer_source()
        if self.is_inner_model():
            fresh: StoredModel = await load.load_inner(self, source)
        else:
            fresh = await load.load_one(type(self), source, self.key)
        self._rapyer_take(fresh)
        return self

    async def adelete(self) -> bool:
        """Delete the stored document (DEL).

        Returns:
            Whether there was one; True in a pipeline, where the command is queued.

        Raises:
            BadDeleteActionError: The instance lives inside another model.
        """
        if self.is_inner_model():
            raise BadDeleteActionError(
                f"{self.key} {self.json_path} is an inner model, which cannot be deleted on its own",
                key=self.key,
                field=self.field_path,
                hint="delete the model that holds it, or set the field to None",
            )
        return await self.adelete_by_key(self.key)

    async def aupdate(self, **fields: Any) -> None:
        """Set fields of the instance and of the stored document in one transaction (a JSON.SET each).

        Raises:
            UnknownFieldError: A name is no field; nothing is set.
            ValidationError: A value does not fit; nothing is set.
            KeyNotFound: The model is not stored; the instance stays as it was.
        """
        persist.check_field_names(self, fields)
        if open_batch() is not None:
            self.update(**fields)
            return
        restore = self._rapyer_snapshot()
        try:
            self.update(**fields)
            await perform(self._rapyer_root()._rapyer_source(), *persist.update(self, fields))
        except BaseException:
            restore()
            raise

    def update(self, **fields: Any) -> None:
        """Set fields of the instance; in a pipeline the writes are queued, else Redis does not change.

        Raises:
            UnknownFieldError: A name is no field; nothing is set.
            ValidationError: A value does not fit.
        """
        persist.check_field_names(self, fields)
        for name, value in fields.items():
            setattr(self, name, value)

    async def aset_ttl(self, ttl: int) -> None:
        """Let the stored document end after some time (EXPIRE).

        Args:
            ttl: Seconds from now, a positive integer.

        Raises:
            ValueError: The time is not a positive integer.
            InnerModelError: The instance lives inside another model.
        """
        if isinstance(ttl, bool) or not isinstance(ttl, int) or ttl <= 0:
            raise ValueError(f"a time to live is a positive int of seconds, not {ttl!r}")
        if self.is_inner_model():
            raise InnerModelError(
                "Can only set TTL from top level model", key=self.key, field=self.field_path
            )
        await perform(self._rapyer_source(), keys.expire(self.key, ttl))

    def redis_dump_json(self) -> str:
        """Return the stored form of the instance as JSON text."""
        return persist.dump_document(self).decode()

    @asynccontextmanager
    async def apipeline(
        self, ignore_redis_error: bool = False, use_existing_pipe: bool = False
    ) -> AsyncIterator[Self]:
        """Refresh the instance, then queue every write of the block and send them as one transaction.

        Reads in the block are local where they are sync, and see Redis without the queued writes where they
        are async. An exception in the block discards the queue and restores the local objects.

        Args:
            ignore_redis_error: Log errors of the server instead of raising them; a model that is not
                stored is no error then either.
            use_existing_pipe: Join the pipeline that is open already, if there is one.

        Yields:
            The instance itself.

        Raises:
            KeyNotFound: The model is not stored.
            TransactionError: A command failed when the transaction ran.
        """
        try:
            await self.aload()
        except KeyNotFound:
            if not ignore_redis_error:
                raise
        async with pipeline(ignore_redis_error=ignore_redis_error, use_existing_pipe=use_existing_pipe):
            yield self

    @classmethod
    async def aget(cls, key: str) -> Self:
        """Return the instance stored under a key or primary key (JSON.GET).

        Raises:
            KeyNotFound: Nothing is stored there.
            CorruptedModelError: The document does not fit the class.
            WrongClassError: The key belongs to another class.
        """
        return await load.load_one(cls, registry.source_for(cls), resolve(cls, key))

    @classmethod
    async def adelete_by_key(cls, key: str) -> bool:
        """Delete the document stored under a key or primary key (DEL).

        Returns:
            Whether there was one; True in a pipeline, where the command is queued.

        Raises:
            WrongClassError: The key belongs to another class.
        """
        deleted = (await perform(registry.source_for(cls), keys.delete(resolve(cls, key))))[0]
        return deleted is None or deleted > 0

    @classmethod
    async def aexists(cls, key: str | AtomicRedisModel) -> bool:
        """Tell whether something is stored under a key or primary key, or for an instance (EXISTS).

        Raises:
            WrongClassError: The key belongs to another class.
        """
        return await run(registry.source_for(cls), keys.exists(resolve(cls, key)))

    @classmethod
    async def ainsert(cls, *models: Self) -> list[Self]:
        """Store many instances in one transaction (JSON.MSET, EXPIRE).

        Returns:
            The instances.

        Raises:
            WrongClassError: One is of another class; nothing is stored.
        """
        persist.check_class(cls, models)
        if models:
            await perform(registry.source_for(cls), *persist.insert(models))
        return list(models)

    @classmethod
    async def afind(cls, *args: str | Expression | bool, max_results: int | None = None) -> list[Self]:
        """Return stored instances: those under the given keys, those that filters describe, or all.

        Keys may be full keys or primary keys and win over filters; several filters must all hold. Documents
        that do not fit the class, and keys that vanish meanwhile, are left out and logged (JSON.MGET,
        FT.SEARCH, FT.AGGREGATE, SCAN).

        Args:
            args: Keys, or filters such as `User.age >= 18`.
            max_results: The most instances to return; None for all.

        Raises:
            KeyNotFound: Nothing is stored under a given key.
            NotIndexedError: A filter asks for a field without an index.
            UnsupportedArgumentTypeError: An argument is neither key nor filter.
        """
        return await finding.find_models(cls, args, max_results)

    @classmethod
    async def afind_one(cls, *args: str | Expression | bool) -> Self | None:
        """Return the first instance that `afind` gives for the arguments, or None."""
        try:
            found = await cls.afind(*args, max_results=1)
        except KeyNotFound:
            return None
        return found[0] if found else None

    @classmethod
    async def afind_keys(cls, max_results: int | None = None) -> list[RapyerKey]:
        """Return the keys of all stored instances, in no particular order (SCAN).

        Args:
            max_results: The most keys to return; None for all.
        """
        return await load.list_keys(cls, registry.source_for(cls), finding.checked_limit(max_results))

    save = asave
    load = aload


def inner_model_for(plain: type[BaseModel]) -> type[BaseModel]:
    """Return the class that stands for a model class nested in another: itself, or one made of it once."""
    if issubclass(plain, AtomicRedisModel):
        return plain
    inner = registry.inner_for(plain)
    if inner is None:
        body = {
            "__module__": plain.__module__,
            "__doc__": plain.__doc__,
            "model_config": ConfigDict(from_attributes=True),
            "Meta": RedisConfig(init_with_rapyer=False),
            "__reduce__": _reduce_inner,
            "_rapyer_plain": plain,
        }
        inner = RapyerMeta(f"Redis{plain.__name__}", (AtomicRedisModel, plain), body)
        registry.add_inner(plain, inner)
    return inner


def _reduce_inner(inner: Any) -> tuple[Any, ...]:
    # The class cannot be imported by its name, but made again from the one it stands for.
    return _new_inner, (inner._rapyer_plain,), inner.__getstate__()


def _new_inner(plain: type[BaseModel]) -> Any:
    cls = inner_model_for(plain)
    return cls.__new__(cls)


def find_redis_models() -> list[type[AtomicRedisModel]]:
    """Return all registered model classes, in the order of their definition."""
    return [model for model in registry.snapshot() if issubclass(model, AtomicRedisModel)]
