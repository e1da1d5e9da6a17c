"""Dicts whose changes run in Redis."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from rapyer.codec.paths import addressable
from rapyer.commands import json
from rapyer.errors import InvalidKeyError, UnlinkedValueError
from rapyer.session.executor import perform
from rapyer.session.scope import open_batch
from rapyer.types.container import RedisContainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.codec.paths import JsonPath
    from rapyer.types.base import Owner
    from rapyer.types.shape import Shape

K = TypeVar("K")
V = TypeVar("V")

_MISSING: Any = object()


class RedisDict(RedisContainer, dict[K, V], Generic[K, V]):
    """A dict field: behaves as `dict`, checks keys and values, and changes atomically in Redis.

    Keys are stored as JSON member names. Sync methods change the local dict, and in a pipeline queue the
    same change; methods that start with `a` change Redis at once.
    """

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape")

    native: ClassVar[type] = dict

    def __class_getitem__(cls, arguments: Any) -> Any:
        """Take `RedisDict[V]` for `RedisDict[str, V]`."""
        pair = arguments if isinstance(arguments, tuple) else (str, arguments)
        return super().__class_getitem__(pair)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(dict[get_args(source) or (Any, Any)])  # type: ignore[misc]

    @classmethod
    def _rapyer_adopt(cls, value: Any, owner: Owner, name: Any, shape: Shape) -> Self:
        adopted = super()._rapyer_adopt(value, owner, name, shape)
        if adopted is not value and shape.items.deep:
            for key, member in adopted.items():
                dict.__setitem__(adopted, key, shape.items.wrap(member, adopted, key))
        return adopted

    def clone(self) -> dict[K, V]:
        """Return a plain dict of plain values."""
        return {key: getattr(member, "clone", lambda member=member: member)() for key, member in self.items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return {key: copy.deepcopy(member, memo) for key, member in self.items()}

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        if self.get(name, _MISSING) is _MISSING:
            raise UnlinkedValueError(f"the dict holds nothing under {name!r} any more", hint="set it again")
        return self._member_path(name)

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        super().__setitem__(name, self._rapyer_placed(value, name))
        return self[name]

    def _member_path(self, name: Any) -> JsonPath:
        text = _member(name)
        if not addressable(text):
            raise InvalidKeyError(
                f"no JSON path can name the key {text!r}",
                key=self.key,
                field=self.field_path,
                hint="set or delete it through the dict that holds it",
            )
        return self.json_path.child(text)

    def _rapyer_snapshot(self) -> Callable[[], None]:
        before = dict(self)

        def restore() -> None:
            dict.clear(self)
            dict.update(self, before)

        return restore

    def __getitem__(self, key: Any) -> Any:
        member = super().__getitem__(key)
        items = self._rapyer_items()
        return member if items is None else items.wrap(member, self, key)

    def _checked_pair(self, key: Any, value: Any) -> tuple[Any, Any]:
        shape: Shape | None = getattr(self, "_rapyer_shape", None)
        return (key if shape is None else shape.keys.validate(key)), self._rapyer_checked(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        key, value = self._checked_pair(key, value)
        self._rapyer_queue(
            lambda root, path: json.set_member(root, path, _member(key), self._rapyer_dumped(value))
        )
        super().__setitem__(key, self._rapyer_placed(value, key))

    def update(self, *others: Any, **members: Any) -> None:
        """Set several members; in a pipeline one JSON.SET for each is queued."""
        given = dict(*others, **members)
        for key, value in [self._checked_pair(key, value) for key, value in given.items()]:
            self[key] = value

    def __ior__(self, other: Any) -> Self:  # type: ignore[override,misc]
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the member, set to the default first where it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: Any) -> None:
        super().__getitem__(key)
        self._rapyer_queue(lambda root, path: json.delete_member(root, path, _member(key)))
        super().__delitem__(key)

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Remove and return a member of the local dict; in a pipeline JSON.DEL is queued."""
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        member = super().__getitem__(key)
        del self[key]
        return member

    def popitem(self) -> tuple[Any, Any]:
        """Remove and return the last member of the local dict; in a pipeline JSON.DEL is queued."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove every member; in a pipeline JSON.SET of an empty object is queued."""
        self._rapyer_queue(lambda root, path: json.set_value(root, path, b"{}"))
        super().clear()

    async def aset_item(self, key: Any, value: Any) -> None:
        """Set a member of the stored and the local dict (JSON.SET of its path).

        Raises:
            KeyNotFound: The model is not stored.
            ValidationError: The key or value does not fit.
        """
        await self.aupdate({key: value})

    async def adel_item(self, key: Any) -> int | None:
        """Delete a member of the stored and the local dict (JSON.DEL of its path).

        Returns:
            How many members went: 1 or 0; None in a pipeline, where the command is queued.
        """
        removed = await self._rapyer_do(json.delete_member(self.key, self.json_path, _member(key)))
        super().pop(key, None)
        return None if removed is None else int(removed)

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
        root, path = self.key, self.json_path
        batch = open_batch()
        if batch is not None:
            self._rapyer_remember(batch)
        commands = [
            json.set_member(root, path, _member(key), self._rapyer_dumped(value)) for key, value in pairs
        ]
        await perform(self._rapyer_root()._rapyer_source(), *commands)
        super().update({key: self._rapyer_placed(value, key) for key, value in pairs})

    async def apop(self, key: Any, default: Any = None) -> Any:
        """Take a member out of the stored dict atomically (a script), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            The value that Redis held, or the default.
        """
        self._member_path(key)
        popped = await self._rapyer_do(json.pop_member(self.key, self.json_path, _member(key)))
        super().pop(key, None)
        items = self._rapyer_items()
        return default if popped is None or items is None else items.load(popped[1])

    async def apopitem(self) -> tuple[Any, Any]:
        """Take the first member out of the stored dict atomically (a script), and out of the local one.

        It runs at once, in a pipeline too.

        Returns:
            Key and value.

        Raises:
            KeyError: The dict is empty.
        """
        popped = await self._rapyer_do(json.pop_member(self.key, self.json_path))
        items = self._rapyer_items()
        if popped is None or items is None:
            raise KeyError("popitem(): dictionary is empty")
        key = self._rapyer_shape.keys.validate(popped[0])
        super().pop(key, None)
        return key, items.load(popped[1])

    async def aclear(self) -> None:
        """Remove every member of the stored and the local dict (JSON.SET).

        Raises:
            KeyNotFound: The model is not stored.
        """
        await self._rapyer_do(json.set_value(self.key, self.json_path, b"{}"))
        super().clear()


def _member(key: Any) -> str:
    return key if type(key) is str else str(key)
