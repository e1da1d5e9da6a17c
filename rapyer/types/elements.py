"""The elements of sets and queues: how they are checked, and the text that each is stored as.

Members of a Redis set or sorted set are compared as text, so this is the one place that writes it:
`json.dumps`, with its defaults, of what pydantic makes of the element in JSON mode.
"""

from __future__ import annotations

import json
import types
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, AllowInfNan, Json, ValidationError
from pydantic_core import PydanticSerializationError

from rapyer.codec import adapters
from rapyer.codec.context import STORED, Tolerant
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError
from rapyer.types.bytes import RedisBytes
from rapyer.types.reference import merged_references
from rapyer.types.unread import report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ConfigDict


def stored_element(annotation: Any, *, hashable: bool) -> Any:
    """Return the annotation by which elements are validated.

    They are what the user declared, with the stored form of bytes, and infinities, which JSON text of its
    own can hold.

    Args:
        annotation: The element type as declared.
        hashable: Whether what any type may hold, such as a list, must become something hashable.
    """
    if annotation is bytes:
        return RedisBytes
    if get_origin(annotation) in {Union, types.UnionType}:
        return Union[tuple(merged_references(get_args(annotation)))]  # noqa: UP007 - built at run time
    if annotation is float:
        return Annotated[float, AllowInfNan(True)]
    if annotation is Any and hashable:
        return Annotated[Any, AfterValidator(_frozen)]
    return annotation


def _frozen(value: Any) -> Any:
    """Return a value with tuples for the lists that JSON makes of them."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


class Elements:
    """The plan for the elements of a set or a queue.

    Args:
        annotation: The annotation by which elements are validated (`stored_element`).
        place: The name of the field in messages, such as `User.tags`.
        safe: Whether elements that cannot be read may be left out.
        config: What the model's configuration says of how values are checked (`adapters.checking`).
    """

    def __init__(
        self, annotation: Any, place: str, *, safe: bool = False, config: ConfigDict | None = None
    ) -> None:
        self.annotation = annotation
        self.place = place
        self.safe = safe
        self.config = config

    @cached_property
    def _adapter(self) -> Any:
        annotation = list[self.annotation]  # type: ignore[name-defined]  # built at run time
        return adapters.adapter_for(annotation, config=self.config)

    @cached_property
    def _reader(self) -> Any:
        annotation = list[Json[self.annotation]]  # type: ignore[name-defined]  # as above
        return adapters.adapter_for(annotation, config=self.config)

    def validate(self, value: Any) -> Any:
        """Return the element as the annotation wants it.

        Raises:
            ValidationError: It does not fit; the error's title names the field.
        """
        return self.validate_many((value,))[0]

    def validate_many(self, values: Iterable[Any]) -> list[Any]:
        """Return elements as the annotation wants them.

        Raises:
            ValidationError: One does not fit; the error's title names the field.
        """
        try:
            checked: list[Any] = self._adapter.validator.validate_python(list(values))
        except ValidationError as error:
            raise adapters.placed(error, self.place, self.config) from None
        return checked

    def text(self, value: Any) -> str:
        """Return the stored text of a validated element."""
        return self.texts((value,))[0]

    def texts(self, values: Iterable[Any]) -> list[str]:
        """Return the stored texts of validated elements.

        Raises:
            CantSerializeRedisValueError: One has no JSON form.
        """
        try:
            dumped = self._adapter.serializer.to_python(
                list(values), mode="json", context=STORED, by_alias=False
            )
        except PydanticSerializationError as error:
            raise CantSerializeRedisValueError(
                f"{self.place} holds an element that cannot be stored: {error}", field=self.place
            ) from error
        return [json.dumps(value) for value in dumped]

    def load(self, text: bytes | str, key: str) -> Any:
        """Return the element that a stored text holds; see `load_many`."""
        return self.load_many((text,), key)[0]

    def load_many(self, texts: Iterable[bytes | str], key: str) -> list[Any]:
        """Return the elements that stored texts hold.

        Args:
            texts: The texts.
            key: The Redis key that they come from, for messages.

        Raises:
            CorruptedModelError: One is no JSON, or does not fit the annotation.
        """
        stored: Sequence[bytes | str] = list(texts)
        try:
            loaded: list[Any] = self._reader.validator.validate_python(
                stored, context=STORED, by_alias=False, by_name=True
            )
        except ValidationError as error:
            raise adapters.unreadable(
                error, f"a member of {self.place} stored under {key} does not fit", key=key, field=self.place
            ) from error
        return loaded

    def load_readable(self, texts: Iterable[bytes | str], key: str) -> list[Any]:
        """Return the elements that stored texts hold, without those that may be left out; see `load_many`."""
        stored = list(texts)
        try:
            return self.load_many(stored, key)
        except CorruptedModelError:
            if not self.safe:
                raise
        readable, context = [], Tolerant()
        for text in stored:
            try:
                readable.append(self.load(text, key))
            except CorruptedModelError:
                context.reasons.append(f"{self.place} ({text!r})")
        report(key, context)
        return readable
