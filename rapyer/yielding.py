"""Names on models that make way for fields of the user's: the older names of operations, and conveniences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from rapyer.actions import ActionGroup, action
from rapyer.codec.context import STORED
from rapyer.codec.paths import ROOT
from rapyer.metaclass import OldName, make_way
from rapyer.model import companions, expiry
from rapyer.model.identity import settle
from rapyer.model.keys import primary_key_of, resolve
from rapyer.model.registry import registry
from rapyer.search import index
from rapyer.session.executor import perform, perform_now
from rapyer.session.pipeline import Pipeline
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from typing_extensions import Self

    from rapyer.model.state import StoredModel


@make_way
class YieldingNames:
    """What a model offers under names that a field may take: then the field wins, and pydantic says nothing.

    The operations themselves have names that start with `a`.
    """

    __slots__ = ()

    if not TYPE_CHECKING:
        save = OldName("asave")
        load = OldName("aload")
        delete = OldName("adelete")
        duplicate = OldName("aduplicate")
        duplicate_many = OldName("aduplicate_many")
        pipeline = OldName("apipeline")

    @property
    def client(self) -> Redis | Pipeline:
        """The client that the model's commands go to, or in a pipeline what shows the queued commands."""
        batch = open_batch()
        return Pipeline(batch) if batch is not None else self.redis_client

    @property
    def redis_client(self) -> Redis:
        """The `redis.asyncio` client of the running event loop, in a pipeline too."""
        return cast("StoredModel", self)._rapyer_root()._rapyer_source().client()

    @property
    def client_json(self) -> Any:
        """The JSON commands of `redis_client`; what is sent through them is never queued."""
        return self.redis_client.json()

    @property
    def key_initials(self) -> str:
        """What the keys of the class start with."""
        return cast("StoredModel", self).class_key_initials()

    @property
    def all_keys(self) -> list[str]:
        """All Redis keys of the model, or of what it lives in, its document's first; found anew each time."""
        root = cast("StoredModel", self)._rapyer_root()
        return companions.keys_under(root.__rapyer_spec__, root._rapyer_key())

    @property
    def failed_fields(self) -> set[str]:
        """The names of the fields that are None because what is stored could not be read (`SafeLoad`).

        Those of models that the instance holds are there with their paths, such as `address.kind` or
        `houses[0].kind`. A field that is assigned is no longer among them. What was left out of lists, dicts
        and sets is not named.
        """
        return set(cast("StoredModel", self)._rapyer_failed(ROOT))

    @action(ActionGroup.UPDATE, refreshes=False)
    async def refresh_ttl(self, can_use_pipeline: bool = False) -> None:
        """Start the time to live of `Meta.ttl` anew, whatever `Meta.refresh_ttl` says (EXPIRE of each key).

        Without `Meta.ttl` nothing happens. For an inner model it is that of the outermost one.

        Args:
            can_use_pipeline: Leave it to the pipeline that is open, if there is one; else it happens at once.
        """
        root = cast("StoredModel", self)._rapyer_root()
        renewal = expiry.renewed(root)
        if can_use_pipeline:
            await perform(root._rapyer_source(), renewal=renewal)
        else:
            await perform_now(root._rapyer_source(), *renewal)

    @action(ActionGroup.UPDATE, refreshes=False)
    async def refresh_ttl_if_needed(
        self, can_use_pipeline: bool = False, action: ActionGroup | None = None
    ) -> None:
        """Start the time to live anew, as `refresh_ttl` does, if an operation of some kind would do that.

        Args:
            can_use_pipeline: Leave it to the pipeline that is open, if there is one; else it happens at once.
            action: The kind of operation; None for any.
        """
        root = cast("StoredModel", self)._rapyer_root()
        if expiry.should_refresh(type(root), action):
            await YieldingNames.refresh_ttl(self, can_use_pipeline)

    @classmethod
    def should_refresh(cls) -> bool:
        """Tell whether any operation starts the time to live of the class's models anew."""
        return expiry.should_refresh(_model(cls))

    @classmethod
    def should_refresh_for_action(cls, action: ActionGroup | None = None) -> bool:
        """Tell whether operations of some kind start the time to live of the class's models anew.

        Args:
            action: The kind of operation; None for any.
        """
        return expiry.should_refresh(_model(cls), action)

    @classmethod
    def index_name(cls) -> str:
        """Return the name of the class's index, such as `idx:User`."""
        return index.index_name(_model(cls))

    @classmethod
    def redis_schema(cls) -> list[tuple[Any, ...]]:
        """Return what the class's index holds: for each indexed field the words that FT.CREATE takes.

        Raises:
            UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
        """
        return [(path, "AS", name, *kind.schema) for name, path, kind in index.declared(_model(cls))]

    @classmethod
    async def acreate_index(cls) -> bool:
        """Make the class's index, or replace it where its fields have changed (FT.INFO, FT.CREATE).

        Documents are never touched.

        Returns:
            Whether the class declares any indexed field, and so has an index.

        Raises:
            UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
        """
        return await index.ensure_index(_model(cls), registry.source_for(_model(cls)))

    @classmethod
    async def adelete_index(cls) -> bool:
        """Remove the class's index, not its documents (FT.DROPINDEX).

        Returns:
            Whether there was one.
        """
        return await index.remove_index(_model(cls), registry.source_for(_model(cls)))

    @classmethod
    def init_class(cls) -> None:
        """Do nothing: expressions such as `User.age >= 18` work as soon as the class is defined."""

    @classmethod
    def create_redis_model(cls, dump: dict[str, Any], key: str) -> Self | None:
        """Return the instance of a document in its stored form, or None where it does not fit the class.

        Args:
            dump: The document, as `redis_dump` gives it.
            key: The key or primary key that it is stored under.

        Raises:
            WrongClassError: The key belongs to another class.
        """
        model = _model(cls)
        full = resolve(model, key)
        try:
            loaded = model.model_validate(dump, context=STORED, by_alias=False, by_name=True)
        except ValidationError:
            return None
        settle(loaded, primary_key_of(model, full))
        return cast("Self", loaded)


def _model(cls: type) -> type[StoredModel]:
    return cast("type[StoredModel]", cls)
