"""What every Redis-backed value can do: know its place in a model, save and load itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from rapyer.actions import ActionGroup, action
from rapyer.commands import json
from rapyer.commands.command import Effect
from rapyer.errors import InvalidKeyError, KeyNotFound, UnlinkedValueError
from rapyer.session.executor import perform
from rapyer.session.pipeline import Pipeline
from rapyer.session.scope import open_batch
from rapyer.types.followed import following

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from redis.asyncio import Redis
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.config import RedisConfig
    from rapyer.fields.key import RapyerKey
    from rapyer.session.clients import ClientSource
    from rapyer.types.shape import Shape


class Root(Protocol):
    """The top-level model that a value lives in."""

    def _rapyer_key(self) -> RapyerKey:
        """Return its Redis key; a property `key` may be hidden by a field of that name."""
        ...

    def _rapyer_root(self) -> Root:
        """Return itself."""
        ...

    def _rapyer_snapshot(self) -> Callable[[], None]:
        """Return what restores the present state."""
        ...

    @property
    def Meta(self) -> RedisConfig:  # noqa: N802 - its name on models
        """The options of its class."""
        ...

    def _rapyer_source(self) -> ClientSource:
        """Where its commands go."""
        ...

    def _rapyer_renewal(self, groups: ActionGroup | None = None) -> Sequence[Command[Any]]:
        """Return what starts its time to live anew, if the running operation, or one of the groups, does."""
        ...

    def _rapyer_has_companion(self, path: tuple[str, ...]) -> bool:
        """Tell whether a field, by the names that lead to it, lives under a key of its own."""
        ...

    def _rapyer_known_at(self, path: tuple[str, ...]) -> set[Any]:
        """Return the members of a companion that are known to be on the server; it may be changed."""
        ...

    def _rapyer_is_misplaced(self, path: tuple[str, ...]) -> bool:
        """Tell whether a companion was found in the document, where another implementation put it."""
        ...

    def _rapyer_note(self, path: tuple[str, ...], members: set[Any]) -> None:
        """Remember which members of a companion are on the server."""
        ...

    def _rapyer_following(self, only: str, *, whole: bool) -> AbstractContextManager[None]:
        """Return what is to surround an operation that changes one field, here and in Redis."""
        ...


class Owner(Protocol):
    """What holds a value: a model, a list or a dict."""

    def _rapyer_root(self) -> Root:
        """Return the top-level model."""
        ...

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        """Return the path of a value it holds."""
        ...

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        """Put a value that was loaded in place of one it holds, and return it linked."""
        ...

    def _rapyer_names_of(self, name: Any) -> tuple[str, ...] | None:
        """Return the field names from the top-level model to a value; None through a list or dict."""
        ...


class Linkable:
    """Base of what can live inside a model and know its place there."""

    __slots__ = ()

    def _rapyer_linked(self, owner: Owner, name: Any) -> Any:
        """Return this object, or a copy if it lives elsewhere already, placed in the owner."""
        raise NotImplementedError


class BaseRedisType:
    """Mixin of all Redis-backed field types.

    A value read from a model knows the model and its own place there, so it can act on just that place in
    Redis. Sync methods change the local value, and inside a pipeline queue the same change for Redis;
    methods whose name starts with `a` change Redis at once.
    """

    if not TYPE_CHECKING:
        __slots__ = ()

    native: ClassVar[type]
    """The Python type that the values behave as."""

    _rapyer_partial: ClassVar[Any] = None
    """The type of those that lack elements which could not be read; None for types that have no elements."""

    _rapyer_owner: Owner
    _rapyer_name: Any
    _rapyer_shape: Shape
    _rapyer_unread: Any

    @classmethod
    def _rapyer_adopt(cls, value: Any, owner: Owner, name: Any, shape: Shape) -> Self:
        """Return the value as this type, placed in the owner."""
        if (
            type(value) is cls
            and getattr(value, "_rapyer_owner", None) is owner
            and value._rapyer_name == name
        ):
            linked: Self = value
            return linked
        adopted = cls._rapyer_wrap(value)
        adopted._rapyer_owner = owner
        adopted._rapyer_name = name
        adopted._rapyer_shape = shape
        return adopted

    @classmethod
    def _rapyer_wrap(cls, value: Any) -> Self:
        """Return a native value as this type."""
        return cls(value)  # type: ignore[call-arg]  # the second base, such as str, takes it

    def clone(self) -> Any:
        """Return a detached copy as the native Python type."""
        return self.native(self)

    def _rapyer_plain(self) -> Any:
        """Return a copy as the native Python type, for a copy of what holds it."""
        return self.clone()

    def _rapyer_holder(self) -> Owner:
        try:
            return self._rapyer_owner
        except AttributeError:
            raise UnlinkedValueError(
                f"this {type(self).__name__} belongs to no model, so it has no place in Redis",
                hint="assign it to a model's field and read it from there",
            ) from None

    def _rapyer_root(self) -> Root:
        return self._rapyer_holder()._rapyer_root()

    @property
    def key(self) -> RapyerKey:
        """The Redis key of the model that the value lives in."""
        return self._rapyer_root()._rapyer_key()

    @property
    def json_path(self) -> JsonPath:
        """The value's path in the model's JSON document, such as `$.settings.theme`."""
        return self._rapyer_holder()._rapyer_path_of(self._rapyer_name, self)

    @property
    def field_path(self) -> str:
        """The path without its `$.`, such as `settings.theme`."""
        return self.json_path[1:].removeprefix(".")

    @property
    def field_name(self) -> str:
        """The name or position of the value in what holds it."""
        return str(self._rapyer_name) if hasattr(self, "_rapyer_owner") else ""

    @property
    def Meta(self) -> RedisConfig:  # noqa: N802 - its name on models
        """The options of the model that the value lives in."""
        return self._rapyer_root().Meta

    @property
    def redis(self) -> Redis:
        """The Redis client of the model that the value lives in."""
        return self._rapyer_root()._rapyer_source().client()

    @property
    def pipeline(self) -> Pipeline | None:
        """The pipeline that the running task is in, or None."""
        batch = open_batch()
        return None if batch is None else Pipeline(batch)

    @property
    def client(self) -> Redis | Pipeline:
        """The open pipeline, or outside of one the Redis client."""
        return self.pipeline or self.redis

    def _rapyer_target(self) -> JsonPath:
        """Return the value's path for a command.

        Raises:
            InvalidKeyError: A dict key on the way to it cannot stand in such a path.
        """
        path = self.json_path
        if not path.usable:
            raise InvalidKeyError(
                f"no JSON path can name {path}",
                key=self.key,
                field=self.field_path,
                hint="set or delete the value through the dict that holds it",
            )
        return path

    def _rapyer_keep(self, fresh: Any) -> Any:
        """Take over what was loaded for this place and return this object, or else what was loaded."""
        return fresh

    def _rapyer_keep_unread(self, unread: Any) -> None:
        """Keep what could not be read of what was just loaded here."""
        self.__class__ = self._rapyer_partial
        self._rapyer_unread = unread

    async def _rapyer_do(self, *commands: Command[Any]) -> Any:
        """Run commands on this value in one step, or queue them in the open pipeline.

        Returns:
            The first reply; None where it was queued, or where there is no command.
        """
        if not commands:
            return None
        root, command = self._rapyer_root(), commands[0]
        batch = open_batch()
        if batch is not None and not command.immediate and command.effect is not Effect.READ:
            self._rapyer_remember(batch)
        reply = (await perform(root._rapyer_source(), *commands, renewal=root._rapyer_renewal()))[0]
        if batch is not None and command.immediate:
            batch.refreshed(self)
        return reply

    def _rapyer_queues(self) -> bool:
        """Tell whether an operation on the value is queued: a pipeline is open, and the value is linked."""
        return open_batch() is not None and hasattr(self, "_rapyer_owner")

    def _rapyer_queue(
        self, build: Callable[[str, JsonPath], Command[Any]], groups: ActionGroup = ActionGroup.UPDATE
    ) -> bool:
        """Queue a command on this value if a pipeline is open and the value is linked; whether it was.

        Args:
            build: Makes the command of the model's key and the value's path.
            groups: What kind of operation it is, as the method's `action` says.
        """
        batch = open_batch()
        if batch is None or not hasattr(self, "_rapyer_owner"):
            return False
        root = self._rapyer_root()
        command = build(root._rapyer_key(), self._rapyer_target())
        self._rapyer_remember(batch)
        source = root._rapyer_source()
        batch.add(source, command)
        batch.renew(source, root._rapyer_renewal(groups))
        return True

    def _rapyer_remember(self, batch: Any) -> None:
        """Let the pipeline keep the present state; nothing to do for values that never change."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (self.native, (self.native(self),))

    def __copy__(self) -> Any:
        return self.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.clone()


def native_of(value: Any) -> Any:
    """Return a copy of a Redis type as the plain value; other values as they are."""
    return value.clone() if isinstance(value, BaseRedisType) else value


class RedisType(BaseRedisType):
    """Mixin of the types whose values stand in their model's JSON document."""

    if not TYPE_CHECKING:
        __slots__ = ()

    @action(ActionGroup.UPDATE)
    @following(whole=True)
    async def asave(self) -> Self:
        """Write the present value to its place in Redis (JSON.SET of that path alone).

        In a pipeline the write is queued.

        Returns:
            The value itself.

        Raises:
            KeyNotFound: The model is not stored.
        """
        await self._rapyer_do(*self._rapyer_write_commands())
        return self

    @action(ActionGroup.READ)
    @following(whole=True)
    async def aload(self) -> Self:
        """Read the value that Redis holds now (JSON.GET of that path alone).

        The model's field is refreshed with it, except in a pipeline, where it is only returned.

        Returns:
            The value, linked to the model.

        Raises:
            KeyNotFound: The model is not stored, or has no such path.
        """
        root, command = self._rapyer_root(), self._rapyer_read_command()
        reply = (await perform(root._rapyer_source(), command, renewal=root._rapyer_renewal()))[0]
        if reply in {None, b"[]"}:
            raise KeyNotFound(
                f"nothing is stored under {self.key} at {self.json_path}", key=self.key, field=self.field_path
            )
        value = self._rapyer_shape.load_safely(reply[1:-1], f"{self.key} {self.json_path}") if reply else None
        if open_batch() is not None:
            linked: Self = self._rapyer_shape.wrap(value, self._rapyer_owner, self._rapyer_name)
        else:
            linked = self._rapyer_owner._rapyer_replace(self._rapyer_name, self, value)
        return linked

    save = asave
    load = aload

    def _rapyer_write_commands(self) -> Sequence[Command[Any]]:
        """Return what writes the present value to its place."""
        return (json.set_value(self.key, self._rapyer_target(), self._rapyer_shape.dump(self)),)

    def _rapyer_read_command(self) -> Command[bytes | None]:
        member = getattr(self._rapyer_holder(), "_rapyer_read_member", None)
        return json.get(self.key, self._rapyer_target()) if member is None else member(self)
