"""Sets whose changes run in Redis."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, overload

from pydantic import ValidationError
from pydantic_core import core_schema, to_json

from rapyer.actions import ActionGroup, action
from rapyer.codec import adapters
from rapyer.codec.context import is_stored_form
from rapyer.commands.json import set_value
from rapyer.commands.sets import CompanionSet, InlineSet
from rapyer.errors import UnsupportedOperationError
from rapyer.types.elements import Elements, stored_element
from rapyer.types.stored_set import StoredSet
from rapyer.types.unread import take_over, unread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo
    from pydantic_core import CoreSchema
    from typing_extensions import Self

    from rapyer.commands.command import Command
    from rapyer.session.scope import Batch

T = TypeVar("T")

_ERASING = ActionGroup.UPDATE | ActionGroup.ERASE


class RedisSet(StoredSet[T], set[T], Generic[T]):
    """A set field: behaves as `set`, checks every element, and lives under a Redis key of its own.

    Async methods act on the set that Redis holds, and let the local one follow. Sync methods change the local
    set; in a pipeline they queue the same change for Redis, and outside of one `asave()` of the model sends
    what has changed, and nothing else: members that others added stay.

    Inside a list or dict a set is part of the model's document, and its operations work there.
    """

    __slots__ = ("_rapyer_name", "_rapyer_owner", "_rapyer_shape", "_rapyer_unread")

    native: ClassVar[type] = set

    if TYPE_CHECKING:
        # A field of this type takes more than it gives, which a type checker reads from these.
        @overload
        def __get__(self, instance: None, owner: Any) -> Any: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Self: ...
        def __get__(self, instance: object, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: AbstractSet[T] | list[T] | tuple[T, ...]) -> None: ...

    # --- for pydantic and the model ----------------------------------------------------------------------

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (declared,) = get_args(source) or (Any,)
        annotation = cls._rapyer_element(declared)
        element = handler.generate_schema(annotation)
        plain = core_schema.set_schema(element)
        form = _StoredForm(annotation)
        return core_schema.json_or_python_schema(
            core_schema.with_info_wrap_validator_function(
                form.load, core_schema.set_schema(core_schema.json_schema(element), strict=False)
            ),
            plain,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                _dump, info_arg=True, schema=plain, when_used="json"
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema["python_schema"])

    @classmethod
    def _rapyer_element(cls, annotation: Any) -> Any:
        return stored_element(annotation, hashable=True)

    @classmethod
    def _rapyer_read_companion(cls, key: str, *, optional: bool) -> Command[Any]:
        return CompanionSet(key, "").members()

    @classmethod
    def _rapyer_document_text(cls, reply: Any) -> bytes | None:
        members = [bytes(member).decode() if isinstance(member, bytes) else member for member in reply]
        return to_json(members) if members else None  # Redis has no empty sets

    @classmethod
    def _rapyer_changes(
        cls, value: Any, known: set[Any] | None, elements: Elements, key: str, main: str
    ) -> Iterator[Command[Any]]:
        if value is known:
            return
        place = CompanionSet(key, main)
        if known is None:
            new, gone = _texts_of(value, elements), set()
        else:
            new, gone = elements.texts(set.difference(value, known)), set.difference(known, value)
        if new:
            yield place.add(new, only="stored")
        if gone:
            yield place.remove(elements.texts(gone))

    @classmethod
    def _rapyer_revival(cls, value: Any, elements: Elements, key: str, main: str) -> Iterator[Command[Any]]:
        texts = _texts_of(value, elements)
        if texts:
            yield CompanionSet(key, main).add(texts, only="lost")

    @classmethod
    def _rapyer_replacement(
        cls, value: Any, elements: Elements, key: str, main: str
    ) -> Iterator[Command[Any]]:
        yield from CompanionSet(key, main).replace(_texts_of(value, elements))

    @classmethod
    def _rapyer_content(cls, value: Any, elements: Elements) -> list[str]:
        return _texts_of(value, elements)

    @classmethod
    def _rapyer_members(cls, value: Any) -> set[Any]:
        return value if type(value) is set else set(value)  # a plain one is replaced before it changes

    def _rapyer_keep(self, fresh: Any) -> Any:
        """Take over what was loaded for this place and return this object, or else what was loaded."""
        if fresh is self or not isinstance(fresh, set):
            return fresh
        set.clear(self)
        set.update(self, fresh)
        take_over(self, fresh)
        return self

    def _rapyer_remember(self, batch: Batch) -> None:
        super()._rapyer_remember(batch)
        batch.remember(self._rapyer_root())  # which holds what is known of the server

    def _rapyer_snapshot(self) -> Callable[[], None]:
        before = set(self)

        def restore() -> None:
            set.clear(self)
            set.update(self, before)

        return restore

    @action(ActionGroup.UPDATE)
    async def asave_special(self) -> Self:
        """Send what has changed locally of this set alone (SADD, SREM; inside a list or dict JSON.SET)."""
        place, names = self._rapyer_place(), self._rapyer_companion_names()
        if isinstance(place, InlineSet) or names is None:
            await self._rapyer_do(set_value(*place.operand, self._rapyer_shape.dump(self)))
            return self
        await self._rapyer_settle()
        known, present = self._rapyer_root()._rapyer_known_at(names), set(self)
        commands = self._rapyer_changes(self, known, self._rapyer_elements, place.key, place.main)
        await self._rapyer_do(*commands)
        self._rapyer_root()._rapyer_note(names, present)
        return self

    def _rapyer_plain(self) -> set[T]:
        return set(self)

    def __copy__(self) -> set[T]:
        return set(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> set[T]:
        return set(self)

    # --- sync: the local set, and in a pipeline Redis -----------------------------------------------------

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    def add(self, element: T) -> None:
        """Add an element; in a pipeline SADD is queued."""
        self.update((element,))

    @action(ActionGroup.UPDATE, ActionGroup.APPEND)
    def update(self, *others: Iterable[T]) -> None:
        """Add elements; in a pipeline one SADD is queued."""
        values = [value for other in others for value in other]
        self._change(values, "add", set.update, ActionGroup.UPDATE | ActionGroup.APPEND)

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    def discard(self, element: Any) -> None:
        """Remove an element if it is there; in a pipeline SREM is queued."""
        self.difference_update((element,))

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    def remove(self, element: T) -> None:
        """Remove an element; in a pipeline SREM is queued, whether the local set has it or not.

        Raises:
            KeyError: The local set has no such element, outside of a pipeline.
        """
        if not self._rapyer_queues() and self._valid((element,))[0] not in self:
            raise KeyError(element)
        self.difference_update((element,))

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    def difference_update(self, *others: Iterable[Any]) -> None:
        """Remove elements; in a pipeline one SREM is queued."""
        values = [value for other in others for value in other]
        self._change(values, "remove", set.difference_update, _ERASING)

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    def intersection_update(self, *others: Iterable[Any]) -> None:
        """Keep only what is in all of others; in a pipeline a script does so with the stored set."""
        if others:
            common = set.intersection(*(set(self._valid(other)) for other in others))
            self._change(common, "keep", set.intersection_update, _ERASING, always=True)

    @action(ActionGroup.UPDATE)
    def symmetric_difference_update(self, other: Iterable[Any]) -> None:
        """Remove what is in both and add what is only in the other; in a pipeline a script does so."""
        self._change(set(self._valid(other)), "toggle", set.symmetric_difference_update, ActionGroup.UPDATE)

    @action(ActionGroup.UPDATE, ActionGroup.ERASE)
    def clear(self) -> None:
        """Remove all elements; in a pipeline DEL is queued."""
        if self._rapyer_queues():
            self._rapyer_enqueue(self._rapyer_place().clear(), _ERASING)
            self._rapyer_follow(set.clear)
        else:
            super().clear()

    def pop(self) -> T:
        """Refuse: which element is taken, only Redis can say.

        Raises:
            UnsupportedOperationError: Always.
        """
        raise UnsupportedOperationError(
            "a RedisSet cannot pop an element locally",
            hint="use `await tags.apop()`, which takes it from Redis",
        )

    def __ior__(self, other: Iterable[Any]) -> Self:  # type: ignore[override,misc]  # a set takes only sets
        self.update(other)
        return self

    def __iand__(self, other: Iterable[Any]) -> Self:  # type: ignore[misc]  # as above
        self.intersection_update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> Self:  # type: ignore[misc]  # as above
        self.difference_update(other)
        return self

    def __ixor__(self, other: Iterable[Any]) -> Self:  # type: ignore[override,misc]  # as above
        self.symmetric_difference_update(other)
        return self

    def _valid(self, values: Iterable[Any]) -> list[Any]:
        """Return elements as the annotation wants them, so that they can be told from others."""
        linked = hasattr(self, "_rapyer_owner")
        return self._rapyer_elements.validate_many(values) if linked else list(values)

    def _change(
        self,
        values: Iterable[Any],
        name: str,
        change: Callable[[Any, Any], None],
        groups: ActionGroup,
        *,
        always: bool = False,
    ) -> None:
        if not hasattr(self, "_rapyer_owner"):
            change(self, values)
            return
        checked, texts = self._rapyer_texts(values)
        if not self._rapyer_queues():
            change(self, checked)
        elif texts or always:
            self._rapyer_enqueue(getattr(self._rapyer_place(), name)(texts), groups)
            self._rapyer_follow(change, checked)


def _texts_of(value: Any, elements: Elements) -> list[str]:
    """Return the texts of all elements of a set, and of those that could not be read."""
    return [*elements.texts(value), *(text for _, text in unread_of(value) or ())]


class _StoredForm:
    """Reads the JSON of a set: an array of elements, or in stored form one of texts that are their JSON."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation

    @cached_property
    def _plain(self) -> Any:
        return adapters.adapter_for(set[self._annotation])  # type: ignore[name-defined]  # built at run time

    def load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        """Validate what stands in JSON, by a handler that takes texts."""
        if isinstance(value, set):  # a default
            return self._plain.validator.validate_python(value)
        if not isinstance(value, list):
            return handler(value)
        texts = value if is_stored_form(info) else [to_json(element) for element in value]
        try:
            return handler(texts)
        except ValidationError:
            # Behind a Python function, strict validation takes no JSON array for a set any more.
            try:
                return handler(set(texts))
            except (ValidationError, TypeError):
                pass
            raise


def _dump(value: Any, handler: Any, info: SerializationInfo) -> Any:
    dumped = handler(value)
    # Sorted, so that a set that nobody changed has one stored form.
    return sorted(map(json.dumps, dumped)) if is_stored_form(info) else dumped
