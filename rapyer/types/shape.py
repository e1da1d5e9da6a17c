"""What may stand at one place of a model, and how values there are checked, stored and wrapped."""

from __future__ import annotations

import datetime as dt
import types
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin
from uuid import UUID

from pydantic import StringConstraints, ValidationError
from pydantic_core import from_json, to_json

from rapyer.codec import adapters
from rapyer.errors import CorruptedModelError
from rapyer.fields.fifo_ties import FifoTies
from rapyer.fields.markers import carries
from rapyer.types.base import BaseRedisType, Linkable, Owner
from rapyer.types.elements import Elements
from rapyer.types.opaque import Opaque
from rapyer.types.special import SpecialFieldType
from rapyer.types.unread import attached, report, restored_text, unread_of

if TYPE_CHECKING:
    from pydantic import ConfigDict

TEXT_KEY = Annotated[str, StringConstraints(min_length=0)]
"""Text as a dict key; with a constraint, pydantic refuses what is no UTF-8."""


_FIXED = frozenset(
    {
        type(None), bool, int, float, complex, str, bytes, range, UUID, Decimal, Fraction,
        dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone,
    }
)  # fmt: skip
"""Types whose values cannot change in place, nor hold any that can."""


def is_changeable(value: Any) -> bool:
    """Tell whether a value may change in place without telling anybody."""
    return type(value) not in _FIXED and not isinstance(value, Linkable | BaseRedisType | Enum | PurePath)


class Shape:
    """The plan for one place: a field, the elements of a list or the values of a dict.

    Args:
        annotation: The converted annotation with its constraints.
        place: The name of the place in messages, such as `User.tags`.
        config: What the model's configuration says of how values are checked (`adapters.checking`).
    """

    def __init__(self, annotation: Any, place: str, config: ConfigDict | None = None) -> None:
        self.annotation = annotation
        self.place = place
        self.config = config
        # Values that are stored as a whole hold nothing that has a place of its own.
        self.whole = _is_whole(annotation)
        self.options = () if self.whole else tuple(_options(annotation))

    @cached_property
    def adapter(self) -> Any:
        """The pydantic adapter of the annotation."""
        return adapters.adapter_for(self.annotation, config=self.config)

    @cached_property
    def wrappers(self) -> dict[type, type[BaseRedisType]]:
        """The Redis type for each type that a value may have at run time."""
        redis_types = [option for option in map(_class, self.options) if issubclass(option, BaseRedisType)]
        found = {python: redis for redis in redis_types for python in (redis.native, redis)}
        partial = [redis._rapyer_partial for redis in redis_types if redis._rapyer_partial is not None]
        return found | {kind: kind for kind in partial}

    @cached_property
    def deep(self) -> bool:
        """Whether values here know their place although nobody asks for them one by one.

        These are containers, models and sets.
        """
        classes = [_class(option) for option in self.options]
        return any(
            issubclass(option, Linkable) or getattr(option, "native", None) in {list, dict, set}
            for option in classes
        )

    @cached_property
    def entries(self) -> Elements:
        """How the elements of a set or queue are checked and written."""
        kind, held = next(
            (kind, get_args(option))
            for option in self.options
            if issubclass(kind := _class(option), SpecialFieldType)
        )
        annotation = kind._rapyer_element(held[0] if held else Any)
        return Elements(annotation, self.place, safe=self.safe, config=self.config)

    @cached_property
    def safe(self) -> bool:
        """Whether elements of a set that cannot be read are left out."""
        metadata = get_args(self.annotation)[1:] if get_origin(self.annotation) is Annotated else ()
        return any(isinstance(item, Opaque) and item.safe for item in metadata)

    @cached_property
    def fifo(self) -> bool:
        """Whether values of a queue that have the same priority come in the order of their arrival."""
        return carries(self.annotation, FifoTies)

    @cached_property
    def loose(self) -> bool:
        """Whether values here may change in place without telling: those that no Redis type stands for."""
        return self.whole or not all(
            issubclass(option, Linkable | BaseRedisType | str) or option in _FIXED
            for option in map(_class, self.options)
        )

    @cached_property
    def elements(self) -> Shape:
        """The shape of the elements of a list."""
        return Shape(self._held_by(list, 0, Any), f"{self.place}[…]", self.config)

    @cached_property
    def members(self) -> Shape:
        """The shape of the values of a dict."""
        return Shape(self._held_by(dict, 1, Any), f"{self.place}[…]", self.config)

    @cached_property
    def keys(self) -> Shape:
        """The shape of the keys of a dict."""
        annotation = self._held_by(dict, 0, str)
        return Shape(TEXT_KEY if annotation is str else annotation, f"{self.place} key", self.config)

    @cached_property
    def text_keys(self) -> bool:
        """Whether any text may be a key of the dict, and stays as it is."""
        return self.keys.annotation is TEXT_KEY and not self.config

    def _held_by(self, native: type, position: int, otherwise: Any) -> Any:
        held = [
            (get_args(option) or (otherwise, otherwise))[position]
            for option in self.options
            if getattr(_class(option), "native", None) is native
        ]
        return Union[tuple(held)] if held else otherwise  # noqa: UP007 - built at run time

    @cached_property
    def _as_key(self) -> Any:
        return adapters.adapter_for(dict[self.annotation, int])  # type: ignore[name-defined]  # built at run time

    def name_of(self, key: Any) -> str:
        """Return the JSON member name of a validated dict key; the shape is that of the keys."""
        if type(key) is str:
            return key
        if type(key) is int:
            return str(key)
        name: str = next(iter(from_json(adapters.dump(self._as_key, {key: 0}))))
        return name

    def key_of(self, name: str) -> Any:
        """Return the dict key that a JSON member name stands for; the shape is that of the keys.

        Raises:
            CorruptedModelError: The name does not fit the annotation.
        """
        return next(iter(adapters.load(self._as_key, to_json({name: 0}), self.place)))

    def validate(self, value: Any) -> Any:
        """Return the value as the annotation wants it.

        Raises:
            ValidationError: It does not fit; the error's title names the place.
        """
        try:
            return self.adapter.validator.validate_python(value)
        except ValidationError as error:
            raise adapters.placed(error, self.place, self.config) from None

    def dump(self, value: Any, exclude: dict[str, Any] | None = None) -> bytes:
        """Return the stored JSON text of a validated value, without what pydantic is to exclude."""
        text = adapters.dump(self.adapter, value, self.place, exclude)
        return restored_text(value, text) if self.deep and unread_of(value) is not None else text

    def load(self, text: bytes, where: str | None = None) -> Any:
        """Return the value of a stored JSON text.

        Raises:
            CorruptedModelError: The text does not fit the annotation.
        """
        return adapters.load(self.adapter, text, where or self.place)

    def load_safely(self, text: bytes, where: str) -> Any:
        """Return the value of a stored JSON text, without what cannot be read and is to be left out then.

        Raises:
            CorruptedModelError: The text does not fit the annotation.
        """
        try:
            return self.load(text, where)
        except CorruptedModelError:
            if not self.deep:
                raise
        value, context = adapters.load_tolerantly(self.adapter.validator, text, where)
        report(where, context)
        unread = context.of(None)
        return attached(self, value, from_json(text), unread, next(iter(unread.dropped), ""), context)

    def wrap(self, value: Any, owner: Owner, name: Any) -> Any:
        """Return the value as a Redis type or an inner model that knows its place; others as they are.

        It goes by the type that the value has, so Optional and Union places are linked like all others.
        """
        if self.whole:
            return value
        wrapper = self.wrappers.get(type(value))
        if wrapper is not None:
            return wrapper._rapyer_adopt(value, owner, name, self)
        if isinstance(value, Linkable):
            return value._rapyer_linked(owner, name)
        return value


def _is_whole(annotation: Any) -> bool:
    if get_origin(annotation) is not Annotated:
        return False
    return any(isinstance(item, Opaque) and not item.native for item in get_args(annotation)[1:])


def _options(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _options(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [option for member in get_args(annotation) for option in _options(member)]
    return [annotation]


def _class(annotation: Any) -> type:
    """Return the class of an annotation without its type arguments; `object` for special forms."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation
    origin = get_origin(annotation)
    return origin if isinstance(origin, type) else object
