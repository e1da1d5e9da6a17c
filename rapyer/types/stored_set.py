"""The set that Redis holds: the async operations of set fields."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rapyer.actions import ActionGroup, action
from rapyer.commands.command import Effect
from rapyer.commands.sets import CompanionSet, InlineSet, combine
from rapyer.errors import CorruptedModelError, CrossSourceError, UnsupportedArgumentTypeError
from rapyer.session.executor import run
from rapyer.session.taking import returned, taken
from rapyer.types.special import SpecialFieldType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from rapyer.commands.command import Command
    from rapyer.commands.sets import Member, Operation, SetPlace

T = TypeVar("T")

PAGE = 500
"""How many members `aiter_members` asks for at a time."""


class StoredSet(SpecialFieldType, Generic[T]):
    """What a set field does with the set that Redis holds; `RedisSet` adds what it is locally."""

    if not TYPE_CHECKING:
        __slots__ = ()

    inlines: ClassVar[bool] = True

    # --- where it is -------------------------------------------------------------------------------------

    def _rapyer_place(self) -> SetPlace:
        """Return where the set is kept."""
        names = self._rapyer_companion_names()
        if names is None:
            return InlineSet(self.key, self._rapyer_target())
        key = self.key
        return CompanionSet(self._rapyer_key_beside(key, names), key)

    def _rapyer_take_in(self) -> list[Command[Any]]:
        """Return what brings the set to its key, where another implementation left it in the document."""
        names = self._rapyer_companion_names()
        if names is None or not self._rapyer_root()._rapyer_is_misplaced(names):
            return []
        key = self.key
        return [CompanionSet(self._rapyer_key_beside(key, names), key).take_in(self.json_path)]

    async def _rapyer_settle(self) -> None:
        """See to it that the stored set is at its key."""
        taking_in = self._rapyer_take_in()
        if taking_in:
            await super()._rapyer_do(*taking_in)
            self._rapyer_root()._rapyer_known_at(self._rapyer_companion_names() or ())

    async def _rapyer_do(self, *commands: Command[Any]) -> Any:
        await self._rapyer_settle()
        return await super()._rapyer_do(*commands)

    def _rapyer_enqueue(self, command: Command[Any], groups: ActionGroup) -> bool:
        for taking_in in self._rapyer_take_in():
            super()._rapyer_enqueue(taking_in, groups)
            self._rapyer_root()._rapyer_known_at(self._rapyer_companion_names() or ())
        return super()._rapyer_enqueue(command, groups)

    def _rapyer_follow(self, change: Callable[..., object], *arguments: Any) -> None:
        """Make a change of the stored set locally, and note what the server is known to hold then.

        Args:
            change: A method of the plain `set`.
            arguments: What it takes.
        """
        change(self, *arguments)
        names = self._rapyer_companion_names()
        if names is not None:
            change(self._rapyer_root()._rapyer_known_at(names), *arguments)

    def _rapyer_loaded(self, members: Iterable[Member]) -> list[Any]:
        """Return the elements that stored members stand for, without those that `SafeLoad` leaves out."""
        return self._rapyer_elements.load_readable(members, self._rapyer_place().operand[0])

    def _rapyer_texts(self, values: Iterable[Any]) -> tuple[list[Any], list[str]]:
        """Return values as they are when checked, and as they are stored."""
        elements = self._rapyer_elements
        checked = elements.validate_many(values)
        return checked, elements.texts(checked)

    # --- async: what Redis holds -------------------------------------------------------------------------

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    async def aadd(self, value: T) -> None:
        """Add an element (SADD, in a script that lets a new key expire with the model).

        Raises:
            ValidationError: The element does not fit; nothing is added.
            UnlinkedValueError: The set belongs to no model.
        """
        await self.aadd_many((value,))

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    async def aadd_many(self, values: Iterable[T]) -> None:
        """Add elements in one command, as `aadd` does; for no elements nothing is sent.

        Raises:
            ValidationError: An element does not fit; nothing is added.
            UnlinkedValueError: The set belongs to no model.
        """
        place = self._rapyer_place()
        checked, texts = self._rapyer_texts(values)
        if texts:
            await self._rapyer_do(place.add(texts))
            self._rapyer_follow(set.update, checked)

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    async def aremove(self, value: T) -> bool | None:
        """Remove an element (SREM).

        Returns:
            Whether it was there; None in a pipeline, where the command is queued.
        """
        place = self._rapyer_place()
        checked, texts = self._rapyer_texts((value,))
        removed = await self._rapyer_do(place.remove(texts))
        self._rapyer_follow(set.discard, checked[0])
        return None if removed is None else removed > 0

    @action(ActionGroup.UPDATE, ActionGroup.ERASE, ActionGroup.READ)
    async def apop(self) -> T | None:
        """Take out and return a random element (SPOP), at once in a pipeline too.

        If the call is cancelled, what it had got is put back.

        Returns:
            The element; None where there is none.

        Raises:
            CorruptedModelError: What was taken out does not fit; it is put back.
            UnknownOutcomeError: The reply was lost, so an element may have been taken that nobody got;
                `Meta.exactly_once` prevents it.
        """
        popped = await self.apop_many(1)
        return popped.pop() if popped else None

    @action(ActionGroup.UPDATE, ActionGroup.ERASE, ActionGroup.READ)
    async def apop_many(self, count: int) -> set[T]:
        """Take out and return random elements (SPOP with a count). Runs at once in a pipeline too.

        Args:
            count: The most elements; 0 or more.

        Raises:
            ValueError: The count is negative.
            CorruptedModelError: One that was taken out does not fit; all are put back.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"the number of elements to pop is 0 or more, not {count!r}")
        place = self._rapyer_place()
        if count == 0:
            return set()
        source, what = self._rapyer_root()._rapyer_source(), f"members of {place.operand[0]}"

        async def put_back(members: list[Any]) -> None:
            # Under a token, so that they are there again for certain, and not again after somebody took them.
            await run(source.exactly_once, replace(place.add(members), effect=Effect.ONCE))

        members = await taken(self._rapyer_do(place.pop(count)), put_back, what)
        try:
            popped = set(self._rapyer_elements.load_many(members, place.operand[0]))
        except CorruptedModelError:
            await returned(put_back(members), f"{what}: {members!r}")
            raise
        self._rapyer_follow(set.difference_update, popped)
        return popped

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    async def aclear(self) -> None:
        """Remove all elements (DEL; inside a list or dict JSON.SET)."""
        await self._rapyer_do(self._rapyer_place().clear())
        self._rapyer_follow(set.clear)

    @action(ActionGroup.READ)
    async def acontains(self, value: T) -> bool:
        """Tell whether an element is in the stored set (SISMEMBER)."""
        place = self._rapyer_place()
        return bool(await self._rapyer_do(place.contains(self._rapyer_texts((value,))[1][0])))

    @action(ActionGroup.READ)
    async def acontains_many(self, values: Iterable[T]) -> list[bool]:
        """Tell for each of many elements whether it is in the stored set (one SMISMEMBER)."""
        place = self._rapyer_place()
        texts = self._rapyer_texts(values)[1]
        flags: list[bool] = await self._rapyer_do(place.contains_many(texts)) if texts else []
        return flags

    @action(ActionGroup.READ)
    async def amembers(self) -> set[T]:
        """Return the elements of the stored set (SMEMBERS); the local one stays as it is.

        Raises:
            CorruptedModelError: A member does not fit.
        """
        return set(self._rapyer_loaded(await self._rapyer_do(self._rapyer_place().members())))

    @action(ActionGroup.READ)
    async def aiter_members(self) -> AsyncIterator[T]:
        """Iterate over the elements of the stored set page by page (SSCAN), for sets too large to hold.

        An element that is there all the time is yielded, at least once; while others change the set, one may
        come twice, and it is open whether what comes or goes meanwhile is yielded.

        Raises:
            CorruptedModelError: A member does not fit.
        """
        cursor, members = await self._rapyer_page(0)
        while True:
            for element in self._rapyer_loaded(members):
                yield element
            if cursor == 0:
                return
            cursor, members = await self._rapyer_page(cursor)

    @action(ActionGroup.READ)
    async def _rapyer_page(self, cursor: int) -> tuple[int, list[Member]]:
        page: tuple[int, list[Member]] = await self._rapyer_do(self._rapyer_place().page(cursor, PAGE))
        return page

    @action(ActionGroup.READ)
    async def asize(self) -> int:
        """Return how many elements the stored set has (SCARD)."""
        size: int = await self._rapyer_do(self._rapyer_place().size())
        return size

    @action(ActionGroup.READ)
    async def aunion(self, *others: StoredSet[Any]) -> set[T]:
        """Return what is in any of the stored sets: this one and others, of any models (SUNION).

        Raises:
            UnsupportedArgumentTypeError: One is no `RedisSet`; a `TypeError`.
            UnlinkedValueError: One belongs to no model.
            CrossSourceError: One is on another server.
            CorruptedModelError: An element of the result does not fit this set.
        """
        return await self._combined("union", others)

    @action(ActionGroup.READ)
    async def aintersect(self, *others: StoredSet[Any]) -> set[T]:
        """Return what is in all of the stored sets (SINTER); raises as `aunion` does."""
        return await self._combined("intersection", others)

    @action(ActionGroup.READ)
    async def adifference(self, *others: StoredSet[Any]) -> set[T]:
        """Return what is in this stored set and in none of the others (SDIFF); raises as `aunion` does."""
        return await self._combined("difference", others)

    @action(ActionGroup.READ)
    async def asymmetric_difference(self, *others: StoredSet[Any]) -> set[T]:
        """Return what is in an odd number of the stored sets, as Python's `^` does (a script).

        Raises as `aunion` does.
        """
        return await self._combined("symmetric", others)

    async def _combined(self, operation: Operation, others: tuple[Any, ...]) -> set[T]:
        source = self._rapyer_root()._rapyer_source()
        for other in others:
            if not isinstance(other, StoredSet):
                raise UnsupportedArgumentTypeError(
                    f"sets are combined on the server, where no {type(other).__name__} is",
                    key=self.key,
                    field=self.field_path,
                    hint="give RedisSet fields, or use Python's operators on `await tags.amembers()`",
                )
            if other._rapyer_root()._rapyer_source() != source:
                raise CrossSourceError(
                    f"{other.key} {other.field_path} is on another server than {self.key}",
                    key=other.key,
                    hint="combine what amembers() of each returns",
                )
        places = [self._rapyer_place(), *(other._rapyer_place() for other in others)]
        return set(self._rapyer_loaded(await self._rapyer_do(combine(operation, places))))
