"""Dicts whose changes run in Redis."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from rapyer.actions import ActionGroup, action
from rapyer.commands import json
from rapyer.errors import CorruptedModelError, UnlinkedValueError
from rapyer.session.executor import perform, run
from rapyer.session.scope import open_batch
from rapyer.types.base import BaseRedisType, Linkable
from rapyer.types.container import RedisContainer, is_plain
from rapyer.types.followed import following
from rapyer.types.loose import LooseMembers
from rapyer.types.scalar import RedisScalar
from rapyer.types.shape import TEXT_KEY
from rapyer.types.special import SpecialFieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.types.base import Owner, RedisType
    from rapyer.types.shape import Shape

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Any = object()

_TAKES = ActionGroup.UPDATE | ActionGroup.ERASE


class RedisDict(LooseMembers, dict[K, V], Generic[K, V]):
    """A dict field: behaves as `dict`, checks keys and values, and changes atomically in Redis.

    Keys are stored as JSON member names. Sync methods change the local dict, and in a pipeline queue the
    same change; methods that start with `a` change Redis at once.
    """

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape", "_rapyer_unread")

    native: ClassVar[type] = dict

    def __class_getitem__(cls, arguments: Any) -> Any:
        """Take `RedisDict[V]` for `RedisDict[str, V]`."""
        pair = arguments if isinstance(arguments, tuple) else (str, arguments)
        return super().__class_getitem__(pair)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        key, value = get_args(source) or (Any, Any)
        checked = TEXT_KEY if key is str else key
        return handler.generate_schema(dict[checked, value])  # type: ignore[valid-type]  # built at run time

    @classmethod
    def _rapyer_adopt(cls, value: Any, owner: Owner, name: Any, shape: Shape) -> Self:
        adopted = super()._rapyer_adopt(value, owner, name, shape)
        if adopted is not value and shape.members.deep:
            for key, member in adopted.items():
                dict.__setitem__(adopted, key, shape.members.wrap(member, adopted, key))
        return adopted

    def clone(self) -> dict[K, V]:
        """Return a plain dict of plain values."""
        return {
            key: member._rapyer_plain() if isinstance(member, BaseRedisType) else member
            for key, member in self.items()
        }

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return {key: copy.deepcopy(member, memo) for key, member in self.items()}

    def _rapyer_items(self) -> Shape | None:
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        return None if shape is None else shape.members

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        present = super().get(name, _MISSING)
        # Scalars are wrapped anew for each reader; what can change in place stands in the dict itself.
        other = isinstance(child, RedisContainer | SpecialFieldType | Linkable) and present is not child
        if present is _MISSING or other:
            raise UnlinkedValueError(f"the dict holds the value under {name!r} no more", hint="read it again")
        return self.json_path.child(self._member(name))

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        super().__setitem__(name, self._rapyer_placed(child._rapyer_keep(value), name))
        return self[name]

    def _rapyer_is_plain(self) -> bool:
        items = self._rapyer_items()
        return items is None or not items.deep or all(map(is_plain, self.values()))

    def _rapyer_fill(self, fresh: Any) -> None:
        super().clear()
        super().update({key: self._rapyer_placed(member, key) for key, member in fresh.items()})

    def _rapyer_read_member(self, child: RedisType) -> Command[bytes | None]:
        """Return what reads a value that the dict holds."""
        self._rapyer_path_of(child._rapyer_name, child)  # refuses one that it holds no more
        return json.get_member(self.key, self._rapyer_target(), self._member(child._rapyer_name))

    def _member(self, key: Any) -> str:
        if type(key) is str:
            return key
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        return str(key) if shape is None else shape.keys.name_of(key)

    def _rapyer_snapshot(self) -> Callable[[], None]:
        before = dict(self)

        def restore() -> None:
            dict.clear(self)
            dict.update(self, before)

        return restore

    def __getitem__(self, key: Any) -> Any:
        member = super().__getitem__(key)
        items = self._rapyer_items()
        if items is None:
            return member
        if items.loose:
            self._rapyer_met(member, key)
        return items.wrap(member, self, key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the member of the local dict, or the default."""
        return self[key] if key in self else default  # noqa: SIM401 - that is this method

    def _checked_key(self, key: Any) -> Any:
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        return key if shape is None else shape.keys.validate(key)

    def _checked_pair(self, key: Any, value: Any) -> tuple[Any, Any]:
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        if shape is None:
            return key, value
        if not (type(key) is str and shape.text_keys and key.isascii()):  # which is what most keys are
            key = shape.keys.validate(key)
        return key, shape.members.validate(value)

    @action(ActionGroup.UPDATE)
    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(value, RedisScalar) and value._rapyer_is_applied(self, key):
            super().__setitem__(key, value.clone())  # `user.scores["a"] += 1` is queued already
        elif isinstance(value, RedisContainer | SpecialFieldType) and super().get(key) is value:
            pass  # `user.sets["a"] |= …` has changed the set in place already
        else:
            self._put(*self._checked_pair(key, value))

    def _put(self, key: Any, value: Any) -> None:
        if open_batch() is not None:
            self._rapyer_queue(
                lambda root, path: json.set_member(root, path, self._member(key), self._rapyer_dumped(value))
            )
        super().__setitem__(key, self._rapyer_placed(value, key))

    @action(ActionGroup.UPDATE)
    def update(self, *others: Any, **members: Any) -> None:
        """Set several members; in a pipeline one JSON.SET for each is queued."""
        given = dict(*others, **members)
        for key, value in [self._checked_pair(key, value) for key, value in given.items()]:
            self._put(key, value)

    @action(ActionGroup.UPDATE)
    def __ior__(self, other: Any) -> Self:  # type: ignore[override]  # dict takes less
        self.update(other)
        return self

    @action(ActionGroup.UPDATE)
    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the member, set to the default first where the local dict lacks it.

        In a pipeline a script is queued that sets it where the stored dict lacks it, too.
        """
        if key not in self:
            key, default = self._checked_pair(key, default)
            self._rapyer_queue(
                lambda root, path: json.set_missing_member(
                    root, path, self._member(key), self._rapyer_dumped(default)
                )
            )
            super().__setitem__(key, self._rapyer_placed(default, key))
        return self[key]

    @action(_TAKES)
    def __delitem__(self, key: Any) -> None:
        super().__getitem__(key)
        self._rapyer_queue(lambda root, path: json.delete_member(root, path, self._member(key)), _TAKES)
        super().__delitem__(key)

    @action(_TAKES)
    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Remove and return a member of the local dict; in a pipeline JSON.DEL is queued."""
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        member = super().__getitem__(key)
        del self[key]
        return member

    @action(_TAKES)
    def popitem(self) -> tuple[Any, Any]:
        """Remove and return the last member of the local dict; in a pipeline JSON.DEL is queued."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    @action(_TAKES)
    def clear(self) -> None:
        """Remove every member; in a pipeline JSON.SET of an empty object is queued."""
        self._rapyer_queue(lambda root, path: json.set_value(root, path, b"{}"), _TAKES)
        super().clear()

    @action(ActionGroup.READ)
    async def aget(self, key: Any, default: Any = None) -> Any:
        """Return a member of the stored dict (JSON.GET of its path), or the default; the local dict stays."""
        name = self._member(self._checked_key(key))
        reply = await self._rapyer_do(json.get_member(self.key, self._rapyer_target(), name))
        return default if reply in {None, b"[]"} else self._rapyer_read(reply[1:-1])

    @action(ActionGroup.UPDATE)
    async def aset_item(self, key: Any, value: Any) -> None:
        """Set a member of the stored and the local dict (JSON.SET of its path).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The key or value does not fit.
        """
        await self.aupdate({key: value})

    @action(_TAKES)
    @following()
    async def adel_item(self, key: Any) -> int | None:
        """Delete a member of the stored and the local dict (JSON.DEL of its path).

        Returns:
            How many members went: 1 or 0; None in a pipeline, where the command is queued.
        """
        key = self._checked_key(key)
        removed = await self._rapyer_do(
            json.delete_member(self.key, self._rapyer_target(), self._member(key))
        )
        super().pop(key, None)
        return None if removed is None else int(removed)

    @action(ActionGroup.UPDATE)
    @following()
    async def aupdate(
        self, mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **members: Any
    ) -> None:
        """Set several members of the stored and the local dict in one transaction (a JSON.SET each).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: A key or value does not fit; nothing is set.
        """
        pairs = [self._checked_pair(key, value) for key, value in dict(mapping, **members).items()]
        if not pairs:
            return
        root, path = self._rapyer_root(), self._rapyer_target()
        key = root._rapyer_key()
        batch = open_batch()
        if batch is not None:
            self._rapyer_remember(batch)
        commands = [
            json.set_member(key, path, self._member(name), self._rapyer_dumped(value))
            for name, value in pairs
        ]
        await perform(root._rapyer_source(), *commands, renewal=root._rapyer_renewal())
        super().update({key: self._rapyer_placed(value, key) for key, value in pairs})

    @action(ActionGroup.UPDATE)
    @following()
    async def asetdefault(self, key: Any, default: Any = None) -> Any:
        """Set a member of the stored dict to the default if it is missing, atomically (a script).

        Returns:
            The value that the stored dict holds then, which the local one takes over; None in a pipeline,
            where the command is queued.

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The key or the default does not fit.
        """
        key, default = self._checked_pair(key, default)
        text = await self._rapyer_do(
            json.set_missing_member(
                self.key, self._rapyer_target(), self._member(key), self._rapyer_dumped(default)
            )
        )
        if text is None:
            super().setdefault(key, self._rapyer_placed(default, key))
            return None
        super().__setitem__(key, self._rapyer_placed(self._rapyer_read(text), key))
        return self[key]

    @action(_TAKES, ActionGroup.READ)
    @following()
    async def apop(self, key: Any, default: Any = None) -> Any:
        """Take a member out of the stored dict atomically (a script), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            The value that Redis held, or the default.

        Raises:
            CorruptedModelError: What was stored there does not fit; it is put back.
        """
        key = self._checked_key(key)
        popped = await self._rapyer_do(json.pop_member(self.key, self._rapyer_target(), self._member(key)))
        value = default if popped is None else await self._read_or_put_back(*popped)
        super().pop(key, None)
        return value

    @action(_TAKES, ActionGroup.READ)
    @following()
    async def apopitem(self) -> tuple[Any, Any]:
        """Take the first member out of the stored dict atomically (a script), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            Key and value.

        Raises:
            KeyError: The dict is empty.
            CorruptedModelError: What was stored there does not fit; it is put back.
        """
        popped = await self._rapyer_do(json.pop_member(self.key, self._rapyer_target()))
        if popped is None:
            raise KeyError("popitem(): dictionary is empty")
        value = await self._read_or_put_back(*popped)
        key = self._rapyer_shape.keys.key_of(popped[0])
        super().pop(key, None)
        return key, value

    async def _read_or_put_back(self, name: str, text: bytes) -> Any:
        try:
            return self._rapyer_read(text)
        except CorruptedModelError:
            back = json.set_missing_member(self.key, self._rapyer_target(), name, text)
            await run(self._rapyer_root()._rapyer_source(), back)
            raise

    @action(_TAKES)
    @following(whole=True)
    async def aclear(self) -> None:
        """Remove every member of the stored and the local dict (JSON.SET).

        Raises:
            KeyNotFound: The model is not stored.
        """
        await self._rapyer_do(json.set_value(self.key, self._rapyer_target(), b"{}"))
        super().clear()
