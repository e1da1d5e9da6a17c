"""What a model class does with its stored instances: reading, finding, storing and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rapyer.actions import ActionGroup, action
from rapyer.commands import keys
from rapyer.model import insert, load
from rapyer.model.delete import delete_command
from rapyer.model.get_or_create import check_draft, get_or_create_stored
from rapyer.model.keys import resolve
from rapyer.model.locking import ModelLock
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.querying import Querying
from rapyer.session.executor import perform, run
from rapyer.session.lock import LEASE, LockOptions

if TYPE_CHECKING:
    from typing_extensions import Self

    from rapyer.result import GetOrCreateResult

M = TypeVar("M", bound=StoredModel)


class Collection(Querying):
    """The class methods of models. A key may be given as the full key, the primary key or an instance."""

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def aget(cls, key: str | StoredModel | Any) -> Self:
        """Return the instance stored under a key or primary key (JSON.GET).

        Args:
            key: A full key, a primary key (as text, or as what the key field holds), or an instance.

        Raises:
            KeyNotFound: Nothing is stored there.
            CorruptedModelError: The document does not fit the class.
            CantSerializeRedisValueError: A value in the document cannot be decoded.
            WrongClassError: The key belongs to another class.
            WrongTypeError: The key holds another Redis type than a JSON document.
            UnsupportedArgumentTypeError: It can be no key of the class.
        """
        return await load.load_one(cls, registry.source_for(cls), resolve(cls, key))

    @classmethod
    @action(ActionGroup.READ, ActionGroup.FETCH)
    async def _rapyer_fetch(cls, key: str) -> Any:
        newest = registry.newest(cls) or cls
        return await load.load_one(newest, registry.source_for(newest), resolve(newest, key))

    @classmethod
    @action(ActionGroup.DELETE, refreshes=False)
    async def adelete_by_key(cls, key: str | StoredModel | Any) -> bool:
        """Delete what is stored under a key or primary key, with what lives beside it; as `adelete`.

        Returns:
            Whether there was anything; True in a pipeline, where the command is queued.

        Raises:
            WrongClassError: The key belongs to another class.
            WrongTypeError: The key holds another Redis type than a JSON document.
        """
        command = delete_command(cls, resolve(cls, key))
        deleted = (await perform(registry.source_for(cls), command))[0]
        return deleted is None or deleted > 0

    @classmethod
    @action(ActionGroup.READ, refreshes=False)
    async def aexists(cls, key: str | StoredModel | Any) -> bool:
        """Tell whether something is stored under a key or primary key, or for an instance (EXISTS).

        It asks at once, in a pipeline too.

        Raises:
            WrongClassError: The key belongs to another class.
        """
        return await run(registry.source_for(cls), keys.exists(resolve(cls, key)))

    @classmethod
    @action(ActionGroup.CREATE)
    async def ainsert(
        cls,
        *models: Self,
        on_conflict: Literal["replace", "error", "skip"] = "replace",
        atomic: bool = False,
    ) -> list[Self]:
        """Store many instances in one step, all or none (script insert: TYPE, JSON.MSET, EXPIRE).

        Args:
            models: The instances, 300 000 at the most.
            on_conflict: What to do where something is stored under a key already, or two instances have one
                key: "replace" it (of two, the last stays), raise an "error" and store nothing, or "skip" it.
            atomic: On a cluster each slot is a step of its own; store nothing if that makes several.

        Returns:
            The instances; with "skip" those that were stored.

        Raises:
            WrongClassError: One is of another class; nothing is stored.
            KeyExistsError: A key is taken, and that was to be an error; nothing is stored.
            WrongTypeError: A key holds another Redis type; nothing is stored.
            CrossSlotError: It was to be atomic, and the keys live in several slots; nothing is stored.
            PartlyAppliedError: On a cluster, some slots have taken over their documents, others have not.
        """
        insert.check_class(cls, models)
        return await insert.insert_many(registry.source_for(cls), models, on_conflict, atomic=atomic)

    @classmethod
    @action(ActionGroup.CREATE, ActionGroup.READ, ActionGroup.FETCH)
    async def aget_or_create(cls, instance: M) -> GetOrCreateResult[M]:
        """Return what is stored under the key of an instance, or store the instance there (a script).

        Of many callers at once exactly one stores its instance, with its sets, and all get the same data. A
        set that was left over under the key is replaced, and a queue adopted. It runs at once, in a pipeline
        too, and does not wait for its end.

        With `Meta.ttl` what is stored gets that time to live, whatever `Meta.refresh_ttl` says; what is
        found, if READ or FETCH start it anew.

        Args:
            instance: An instance of the class or of a subclass; where something is found, it stays as it is.

        Returns:
            The instance if it was stored, else a new one of what was found; and which of both.

        Raises:
            UnsupportedArgumentTypeError: The argument is no instance of a model; a `TypeError`.
            WrongClassError: It is of another class.
            InnerModelError: It lives inside another model.
            CorruptedModelError: What is stored does not fit the class.
            CantSerializeRedisValueError: A value in it cannot be decoded.
            WrongTypeError: A key holds another Redis type.
            UnknownOutcomeError: The reply was lost, without `Meta.exactly_once`.
        """
        check_draft(cls, instance, f"{cls.__name__}.aget_or_create")
        return await get_or_create_stored(instance)

    @classmethod
    def alock_from_key(
        cls,
        key: str,
        action: str = "default",
        save_at_end: bool = False,
        *,
        wait: float | None = None,
        lease: float = LEASE,
    ) -> ModelLock[Self]:
        """Hold a lock on the model under a key or primary key for an `async with` block that gets the model.

        As `alock`, of an instance that is loaded under the lock.

        Raises:
            WrongClassError: The key belongs to another class.
            KeyNotFound: Nothing is stored there.
        """
        source, full_key = registry.source_for(cls), resolve(cls, key)
        return ModelLock(cls, source, full_key, LockOptions(action, wait, lease), save_at_end=save_at_end)
