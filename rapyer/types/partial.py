"""Lists, dicts and sets that lack elements which could not be read, and stay in Redis all the same.

`_rapyer_unread` holds for each such element its position or name, and what is stored there. It is put back
into what is written of the value: into a list at its position, as far as there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.actions import ActionGroup
from rapyer.commands.command import Effect
from rapyer.errors import CorruptedModelError
from rapyer.types.dict import RedisDict
from rapyer.types.list import RedisList
from rapyer.types.set import RedisSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.session.scope import Batch


class _Kept:
    """What a pipeline needs to bring back what is kept beside a value."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def _rapyer_root(self) -> Any:
        return self._value._rapyer_root()

    def _rapyer_snapshot(self) -> Callable[[], None]:
        value, unread = self._value, self._value._rapyer_unread

        def restore() -> None:
            value._rapyer_unread = unread

        return restore


class Partial:
    """Mixin of the three. Where nothing is kept, something in one of the elements is missing."""

    if not TYPE_CHECKING:
        __slots__ = ()

    _rapyer_unread: tuple[tuple[Any, Any], ...]

    @classmethod
    def _rapyer_made(cls, plain: Any, unread: Iterable[tuple[Any, Any]]) -> Any:
        """Return a value that belongs to no model yet, with what is kept beside it."""
        made = cls(plain)  # type: ignore[call-arg]  # the list, dict or set takes it
        made._rapyer_unread = tuple(unread)
        return made

    @classmethod
    def _rapyer_wrap(cls, value: Any) -> Any:
        return cls._rapyer_made(value, value._rapyer_unread)

    def _rapyer_keep_unread(self, unread: Any) -> None:
        self._rapyer_unread = unread or ()

    def _rapyer_remember(self, batch: Batch) -> None:
        super()._rapyer_remember(batch)  # type: ignore[misc]  # the other base has it
        batch.remember(_Kept(self))

    def clear(self) -> None:
        """Remove every element, those that cannot be read as well."""
        super().clear()  # type: ignore[misc]  # as above
        self._rapyer_unread = ()

    async def aclear(self) -> None:
        """Remove every element, those that cannot be read as well (JSON.SET; of a set with a key DEL)."""
        await super().aclear()  # type: ignore[misc]  # as above
        self._rapyer_unread = ()

    def __copy__(self) -> Any:
        return self._rapyer_made(super().__copy__(), self._rapyer_unread)  # type: ignore[misc]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._rapyer_made(super().__deepcopy__(memo), self._rapyer_unread)  # type: ignore[misc]

    def __reduce_ex__(self, protocol: Any) -> Any:
        plain = self.native(self)  # type: ignore[attr-defined]
        return _remade, (self.native, plain, self._rapyer_unread)  # type: ignore[attr-defined]


class PartialList(Partial, RedisList[Any]):
    """Its positions are not those of the list in Redis, so what goes by them there is refused."""

    __slots__ = ()

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        if self._rapyer_unread:
            raise self._refusal()
        return super()._rapyer_path_of(name, child)

    def _rapyer_write_of(self, place: int, text: bytes) -> Command[Any]:
        if self._rapyer_unread:
            raise self._refusal()
        return super()._rapyer_write_of(place, text)

    async def _rapyer_do(self, *commands: Command[Any]) -> Any:
        for command in commands:
            if not (command.name == "JSON.SET" and command.place == self.json_path):
                self._check(command)
        return await super()._rapyer_do(*commands)

    def _rapyer_queue(
        self,
        build: Callable[[str, JsonPath], Command[Any]],
        groups: ActionGroup = ActionGroup.UPDATE,
    ) -> bool:
        def checked(key: str, path: JsonPath) -> Command[Any]:
            command = build(key, path)
            if not (command.name == "JSON.SET" and command.args[-1] == b"[]"):
                self._check(command)
            return command

        return super()._rapyer_queue(checked, groups)

    def _check(self, command: Command[Any]) -> None:
        """Refuse what goes by a position, but for popping at the ends: what cannot be read stays there."""
        at_the_end = command.script is None and command.name in {"JSON.ARRAPPEND", "JSON.ARRPOP"}
        by_value = command.script is not None and command.script.name == "remove_element"
        reads = command.effect is Effect.READ
        if self._rapyer_unread and not (at_the_end or by_value or reads):
            raise self._refusal()

    def _refusal(self) -> CorruptedModelError:
        number = len(self._rapyer_unread)
        held = "an element that cannot" if number == 1 else f"{number} elements that cannot"
        return CorruptedModelError(
            f"{self.key} {self.json_path} holds {held} be read, so positions there are others than here",
            key=self.key,
            field=self.field_path,
            hint="assign a list to the field and save it, which drops what cannot be read",
        )


class PartialDict(Partial, RedisDict[Any, Any]):
    """Setting or deleting a member that cannot be read ends its being kept."""

    __slots__ = ()

    def _forget(self, *keys: Any) -> None:
        names = {self._member(key) for key in keys}
        self._rapyer_unread = tuple(pair for pair in self._rapyer_unread if pair[0] not in names)

    def _put(self, key: Any, value: Any) -> None:
        super()._put(key, value)
        self._forget(key)

    async def aupdate(
        self, mapping: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **members: Any
    ) -> None:
        """Set several members of the stored and the local dict in one transaction (a JSON.SET each)."""
        given = dict(mapping, **members)
        await super().aupdate(given)
        self._forget(*map(self._checked_key, given))

    async def adel_item(self, key: Any) -> int | None:
        """Delete a member of the stored and the local dict, also one that cannot be read (JSON.DEL)."""
        removed = await super().adel_item(key)
        self._forget(self._checked_key(key))
        return removed


class PartialSet(Partial, RedisSet[Any]):
    """In a document what cannot be read is written with the rest; under a key of its own it just stays."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"RedisSet({set(self)!r})"


RedisList._rapyer_partial = PartialList
RedisDict._rapyer_partial = PartialDict
RedisSet._rapyer_partial = PartialSet


def _remade(native: type, plain: Any, unread: tuple[tuple[Any, Any], ...]) -> Any:
    kinds: dict[type, type[Partial]] = {list: PartialList, dict: PartialDict, set: PartialSet}
    return kinds[native]._rapyer_made(plain, unread)
