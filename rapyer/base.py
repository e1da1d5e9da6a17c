"""`AtomicRedisModel`: the base class of everything that is stored."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json

from rapyer.actions import ActionGroup, acting, action
from rapyer.collection import Collection
from rapyer.config import RedisConfig
from rapyer.errors import KeyNotFound
from rapyer.metaclass import RapyerMeta, expose_shadowed
from rapyer.model import load, persist
from rapyer.model.define import define
from rapyer.model.delete import delete_instance
from rapyer.model.duplicate import duplicate_stored
from rapyer.model.lifetime import set_ttl
from rapyer.model.locking import ModelLock
from rapyer.model.registry import registry
from rapyer.model.remembered import remember_writes
from rapyer.model.saving import save_whole
from rapyer.model.stale import save_with_care
from rapyer.session.lock import LEASE, LockOptions
from rapyer.session.pipeline import pipeline
from rapyer.session.scope import open_batch, settle_open
from rapyer.types.followed import followed
from rapyer.yielding import YieldingNames

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from typing_extensions import Self

    from rapyer.model.state import StoredModel
    from rapyer.result import CascadeResult


class AtomicRedisModel(Collection, YieldingNames, metaclass=RapyerMeta):
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
        # Where a model is wanted, an instance of another class does that has its fields.
        from_attributes=True,
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

    @action(ActionGroup.CREATE, ActionGroup.UPDATE)
    async def asave(self, *, if_unchanged: bool = False, only_changed: bool = False) -> Self:
        """Store the instance: the whole document, or for an inner model its own part (JSON.SET).

        Of its sets, what has changed locally is sent (SADD, SREM): members that others added stay. All of it
        is one transaction.

        With `Meta.ttl` it gets that time to live in the same transaction (EXPIRE); where `Meta.refresh_ttl`
        leaves out saves, only if it has none. In a pipeline the write is queued. The options need
        `Meta.remember_loaded`, and may be combined; what has changed in sets is sent in either case.

        Args:
            if_unchanged: Write only if the stored document is the one that the instance was loaded from, or
                wrote itself, so that nobody's change is overwritten (script save_if: JSON.GET, JSON.SET; what
                has changed in sets follows).
            only_changed: Write only the fields that differ from what the instance was loaded with (a JSON.SET
                each); if there are none, only the time to live is sent.

        Returns:
            The instance.

        Raises:
            KeyNotFound: An inner model's document is not stored; or with an option, the document is gone.
            StaleModelError: With `if_unchanged` the document has changed, in the fields that the error names,
                or with an option the instance was neither loaded nor saved; nothing is written.
            UnknownOutcomeError: With `if_unchanged` the reply was lost, so it may or may not be written.
            ConfigError: An option is given, and the class has no `Meta.remember_loaded`.
            InnerModelError: An option is given, and the instance lives inside another model.
            PipelineOpenError: `if_unchanged` is given in a pipeline.
        """
        if if_unchanged or only_changed:
            await save_with_care(self, if_unchanged=if_unchanged, only_changed=only_changed)
        else:
            await save_whole(self)
        return self

    @action(ActionGroup.READ)
    async def aload(self) -> Self:
        """Refresh the instance in place with what Redis holds (JSON.GET, SMEMBERS of its sets).

        Returns:
            The instance.

        Raises:
            KeyNotFound: It is not stored.
            CorruptedModelError: The document does not fit the class.
        """
        settle_open()  # what the block has changed is queued, though the instance shows it no more
        source = self._rapyer_root()._rapyer_source()
        if self._rapyer_is_inner():
            fresh: StoredModel = await load.load_inner(self, source)
        else:
            fresh = await load.load_one(type(self), source, self._rapyer_key())
            self._rapyer_mark_stored()
        with followed(self, whole=True):
            self._rapyer_take(fresh)
        batch = open_batch()
        if batch is not None:
            batch.refreshed(self)
        return self

    @action(ActionGroup.DELETE, refreshes=False)
    async def adelete(self, *, cascade: bool = False) -> bool:
        """Delete the stored document (JSON.DEL), with what lives beside it.

        Where something does, and where the class has an index, it is a script (DEL).

        Args:
            cascade: Whether the models go, too, that it refers to by fields marked `CascadeDelete`, as it is
                stored, and those that these refer to so. They are read first, and then deleted in one step;
                that is one for each server, and for each slot of a cluster.

        Returns:
            Whether there was anything; True in a pipeline, where the command is queued.

        Raises:
            BadDeleteActionError: The instance lives inside another model.
            WrongTypeError: With `cascade`, a key holds another Redis type; nothing is deleted.
        """
        return await delete_instance(self, cascade=cascade)

    @action(ActionGroup.UPDATE)
    async def aupdate(self, **fields: Any) -> None:
        """Set fields of the instance and of the stored document in one transaction (a JSON.SET each).

        An inner model takes its sets along (DEL, SADD).

        Raises:
            UnknownFieldError: A name is no field; nothing is set.
            UpdateAtomicModelError: A field is a set or a queue, with operations of its own; nothing is set.
            ValidationError: A value does not fit; nothing is set.
            KeyNotFound: The model is not stored; the instance stays as it was.
        """
        persist.check_field_names(self, fields)
        persist.check_no_special(self, fields)
        if open_batch() is not None:
            self._rapyer_update(fields)
            return
        restore = self._rapyer_snapshot()
        try:
            with followed(self):
                self._rapyer_update(fields)
                commands = persist.update(self, fields)
                if commands:
                    root = self._rapyer_root()
                    await persist.send(root, commands, root._rapyer_renewal())
                    persist.note_saved(self, fields)
            remember_writes(self, commands)
        except BaseException:
            restore()
            raise

    @action(ActionGroup.UPDATE)
    def update(self, **fields: Any) -> None:
        """Set fields of the instance; in a pipeline the writes are queued, else Redis does not change.

        Raises:
            UnknownFieldError: A name is no field; nothing is set.
            ValidationError: A value does not fit.
        """
        persist.check_field_names(self, fields)
        self._rapyer_update(fields)

    def _rapyer_update(self, fields: Mapping[str, Any]) -> None:
        for name, value in fields.items():
            setattr(self, name, value)

    @action(ActionGroup.UPDATE, refreshes=False)
    async def aset_ttl(self, ttl: int, cascade: bool = False) -> CascadeResult | None:
        """Let what is stored of the instance end after some time, all its keys together (EXPIRE each).

        Whatever `Meta` says; in a pipeline it is queued. Nothing happens where nothing is stored.

        Args:
            ttl: Seconds from now, a positive integer.
            cascade: Whether the models live on, too, that the instance refers to by fields marked
                `CascadeTTL`, or by any where `init_rapyer(cascade_ttl=)` says so: each at least as long as
                its own `Meta.ttl` (script cascade).

        Returns:
            With `cascade` what was met on the way; None in a pipeline.

        Raises:
            ValueError: The time is not a positive integer.
            InnerModelError: The instance lives inside another model.
        """
        return await set_ttl(self, ttl, cascade=cascade)

    @action(ActionGroup.CREATE)
    async def aduplicate(self, **changes: Any) -> Self:
        """Copy what is stored of the instance to a new primary key, on the server (script duplicate: COPY).

        A class with a key field needs the copy's key (`await city.aduplicate(name="Rome")`); where that field
        is text or a UUID and none is given, the copy gets a random one. In a pipeline the copy is queued, and
        the instance returned holds the local values.

        Args:
            changes: Values that the copy gets instead of what is stored.

        Returns:
            The copy.

        Raises:
            KeyNotFound: The instance is not stored.
            KeyExistsError: Something is stored under the copy's key.
            InvalidKeyError: The key field needs a value.
            UnknownFieldError: A name is no field.
            InnerModelError: The instance lives inside another model.
        """
        return (await duplicate_stored(self, 1, changes))[0]

    @action(ActionGroup.CREATE)
    async def aduplicate_many(self, num: int, **changes: Any) -> list[Self]:
        """Make several copies, as `aduplicate` does, all in one step.

        Args:
            num: How many; 0 or more.
            changes: Values that each copy gets instead of what is stored.

        Raises:
            ValueError: `num` is negative.
            KeyNotFound: The instance is not stored.
            InvalidKeyError: The class has a key field that is neither text nor a UUID.
            InnerModelError: The instance lives inside another model.
        """
        return await duplicate_stored(self, num, changes)

    def redis_dump(self) -> dict[str, Any]:
        """Return the stored form of the instance, as JSON values."""
        dumped: dict[str, Any] = from_json(persist.dump_document(self))
        return dumped

    def redis_dump_json(self) -> str:
        """Return the stored form of the instance as JSON text."""
        return persist.dump_document(self).decode()

    @asynccontextmanager
    async def apipeline(
        self, ignore_redis_error: bool = False, use_existing_pipe: bool = False, atomic: bool = False
    ) -> AsyncIterator[Self]:
        """Refresh the instance, then queue every write of the block and send them as one transaction.

        Reads in the block are local where they are sync, and see Redis without the queued writes where they
        are async. An exception in the block discards the queue and restores the local objects.

        Args:
            ignore_redis_error: Log errors of the server instead of raising them; a model that is not
                stored is no error then either.
            use_existing_pipe: Join the pipeline that is open already, if there is one.
            atomic: Send nothing if it cannot be one transaction; on a cluster there is one for each slot that
                has keys of the block.

        Yields:
            The instance itself.

        Raises:
            KeyNotFound: The model is not stored.
            TransactionError: A command failed when the transaction ran.
            PartlyAppliedError: On a cluster, some slots have taken over their changes and others have not.
            CrossSlotError: It was to be atomic, and has keys in several slots of a cluster; nothing was sent.
        """
        try:
            with acting(ActionGroup.READ, ActionGroup.FETCH):
                await AtomicRedisModel.aload(self)
        except KeyNotFound:
            if not ignore_redis_error:
                raise
        async with pipeline(
            ignore_redis_error=ignore_redis_error, use_existing_pipe=use_existing_pipe, atomic=atomic
        ):
            yield self

    def alock(
        self,
        action: str = "default",
        save_at_end: bool = False,
        *,
        wait: float | None = None,
        lease: float = LEASE,
    ) -> ModelLock[Self]:
        """Hold a lock on the stored model for an `async with` block, and refresh the instance at its start.

        The lock excludes whoever locks the same model for the same action, in any process. Its lease renews
        itself while the event loop runs (script lock, with JSON.GET; JSON.SET, EXPIRE to save).

        Args:
            action: What the lock is for; locks for other actions are independent.
            save_at_end: Save the fields that the block changed, under the lock, if it ends by itself. A model
                that was deleted meanwhile stays deleted.
            wait: The most seconds to wait for the lock; None for no limit, 0 not to wait.
            lease: Seconds after which the lock is free if its holder died.

        Returns:
            What `async with` takes; it yields this instance, and tells the fencing token as `fence`.

        Raises:
            KeyNotFound: The model is not stored.
            CorruptedModelError: The document does not fit the class.
            LockTimeoutError: Somebody else held the lock for all of `wait`.
            LockLostError: The lease ended before the block; nothing was saved.
            LockReentryError: The running task holds the lock already.
            LockError: A pipeline is open.
        """
        source, key = self._rapyer_root()._rapyer_source(), self._rapyer_key()
        options = LockOptions(action, wait, lease)
        return ModelLock(type(self), source, key, options, save_at_end=save_at_end, instance=self)

    if TYPE_CHECKING:
        save = asave
        load = aload
        delete = adelete
        duplicate = aduplicate
        duplicate_many = aduplicate_many
        pipeline = apipeline


def inner_model_for(plain: type[BaseModel], owner: type[StoredModel]) -> type[BaseModel]:
    """Return the class that stands for a model class nested in another: itself, or one made of it.

    Args:
        plain: The nested class.
        owner: The model class that it is nested in. Where the way that values are stored depends on its
            `Meta`, each owner has a class of its own.
    """
    if issubclass(plain, AtomicRedisModel):
        plain = plain.__dict__.get("__rapyer_plain__", plain)
        if issubclass(plain, AtomicRedisModel):
            return plain
    inner = registry.inner_for(plain, owner)
    if inner is None:
        body = {
            "__module__": plain.__module__,
            "__doc__": plain.__doc__,
            "model_config": ConfigDict(from_attributes=True),
            "Meta": RedisConfig(init_with_rapyer=False),
            "__reduce__": _reduce_inner,
            # Were it no dunder name, pydantic would set it up as a private attribute on each new instance.
            "__rapyer_plain__": plain,
            "__rapyer_owner__": owner,
        }
        inner = RapyerMeta(f"Redis{plain.__name__}", (AtomicRedisModel, plain), body)
        if not inner.__rapyer_opaque__:
            registry.add_inner(plain, None, inner)
    return inner


def _reduce_inner(inner: Any) -> tuple[Any, ...]:
    # The class cannot be imported by its name, but made again from the one it stands for.
    return _new_inner, (inner.__rapyer_plain__, inner.__rapyer_owner__), inner.__getstate__()


def _new_inner(plain: type[BaseModel], owner: type[StoredModel]) -> Any:
    cls = inner_model_for(plain, owner)
    return cls.__new__(cls)


def find_redis_models() -> list[type[AtomicRedisModel]]:
    """Return all registered model classes, in the order of their definition."""
    return [model for model in registry.snapshot() if issubclass(model, AtomicRedisModel)]
