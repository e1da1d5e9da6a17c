"""A lock on a stored model: the model loaded under the lock, and what changed saved before the release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic_core import from_json, to_json

from rapyer.actions import ActionGroup, acting
from rapyer.commands import json
from rapyer.errors import KeyNotFound, LockError
from rapyer.model import expiry, load, persist
from rapyer.model.beside import changes, part_of
from rapyer.model.remembered import Following, follow
from rapyer.session.executor import perform
from rapyer.session.lock import Lock
from rapyer.types.followed import followed

if TYPE_CHECKING:
    from types import TracebackType

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource
    from rapyer.session.lock import LockOptions

Y = TypeVar("Y")


class ModelLock(Generic[Y]):
    """What `alock` and `alock_from_key` return: `async with` it to hold the lock and get the model.

    Args:
        cls: The class of the model.
        source: Where it is stored.
        key: The full key that is locked.
        options: How to lock.
        save_at_end: Whether to save what the block changed.
        instance: The instance to refresh and to yield, instead of a new one.
        optional: Whether to yield None where nothing is stored, instead of raising.
    """

    def __init__(
        self,
        cls: type[StoredModel],
        source: ClientSource,
        key: str,
        options: LockOptions,
        *,
        save_at_end: bool,
        instance: StoredModel | None = None,
        optional: bool = False,
    ) -> None:
        self._cls = cls
        self._source = source
        self._key = key
        self._options = options
        self._save_at_end = save_at_end
        self._instance = instance
        self._optional = optional
        self._model: StoredModel | None = None
        self._before = b""
        self._following: Following | None = None
        self._saved: Any = None
        self._lock: Lock | None = None

    @property
    def fence(self) -> int | None:
        """The fencing token: greater than that of every earlier holder; None before the lock was held.

        Give it to whatever else the lock protects, and let that refuse a smaller token than it has seen.
        """
        return None if self._lock is None else self._lock.fence

    @property
    def lost(self) -> bool:
        """Whether the lease is known to have been lost."""
        return self._lock is not None and self._lock.lost is not None

    async def acheck(self) -> None:
        """Ask the server whether the lock is still held, and start its lease anew.

        Raises:
            LockLostError: It is not.
            LockError: It never was.
        """
        if self._lock is None:
            raise LockError(f"{self._key} is not locked yet", key=self._key, hint="use async with")
        await self._lock.check()

    async def __aenter__(self) -> Y:
        lock = Lock(self._source, self._key, self._options)
        inner = self._instance is not None and self._instance._rapyer_is_inner()
        document = await lock.acquire(self._instance._rapyer_path() if inner and self._instance else ".")
        self._lock = lock
        try:
            self._model = await self._loaded(document[1:-1] or None if document and inner else document)
            if self._model is not None:
                await self._renew(self._model)
            if self._save_at_end and self._model is not None:
                self._before = persist.dump_document(self._model)
                self._following = follow(self._model)
        except BaseException as error:
            await lock.leave(error)
            raise
        return self._model  # type: ignore[return-value]  # None only where the caller asked for that

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lock is not None  # noqa: S101  # the block was entered
        saves = self._save_at_end and self._model is not None
        await self._lock.leave(error, self._changes if saves else None)
        if self._lock.saved and self._model is not None:
            persist.note_saved(self._model)
        if self._following is not None and self._saved is not None:
            self._following.stored(self._saved)

    async def _renew(self, model: StoredModel) -> None:
        with acting(ActionGroup.READ, ActionGroup.FETCH):
            renewal = model._rapyer_root()._rapyer_renewal()
        await perform(self._source, renewal=renewal)

    async def _loaded(self, document: bytes | None) -> StoredModel | None:
        if document is None:
            if self._optional:
                return None
            raise KeyNotFound(
                f"no {self._cls.__name__} is stored under {self._key}",
                key=self._key,
                model=self._cls.__name__,
            )
        fresh = await self._complete(document)
        if self._instance is None:
            return fresh
        with followed(self._instance, whole=True):
            self._instance._rapyer_take(fresh)
        return self._instance

    async def _complete(self, document: bytes) -> StoredModel:
        # What lives beside a document is not read by the lock's script, but now that the lock is held.
        if self._instance is not None and self._instance._rapyer_is_inner():
            if part_of(self._instance).companions:
                return await load.load_inner(self._instance, self._source)
        elif load.reading_of(self._cls) is not None:
            return await load.load_one(self._cls, self._source, self._key)
        return load.from_document(self._cls, self._key, document)

    def _changes(self) -> list[Command[Any]]:
        # Only what the block changed: other fields may have been written meanwhile, by atomic operations or
        # under another action.
        model = self._model
        assert model is not None  # noqa: S101  # asked for only where a model was loaded
        if model._rapyer_key() != self._key:
            raise LockError(
                f"the key of {self._key} became {model._rapyer_key()} under the lock; nothing was saved",
                key=self._key,
                model=self._cls.__name__,
                hint="store a new model and delete the old one",
            )
        self._saved = None if self._following is None else self._following.present()
        before, after = from_json(self._before), from_json(persist.dump_document(model))
        path = model._rapyer_path()
        commands: list[Command[Any]] = [
            json.set_member(self._key, path, name, to_json(value))
            for name, value in after.items()
            if name not in before or to_json(before[name]) != to_json(value)
        ]
        commands += [json.delete_member(self._key, path, name) for name in before if name not in after]
        commands += changes(part_of(model))
        return [*commands, *expiry.renewal_under_lock(model)]
