"""What may stand at one place of a model, and how values there are checked, stored and wrapped."""

from __future__ import annotations

import types
from functools import cached_property
from typing import Annotated, Any, Union, get_args, get_origin

from rapyer.codec import adapters
from rapyer.types.base import Linkable, Owner, RedisType


class Shape:
    """The plan for one place: a field, the elements of a list or the values of a dict.

    Args:
        annotation: The converted annotation with its constraints.
        place: The name of the place in messages, such as `User.tags`.
    """

    def __init__(self, annotation: Any, place: str) -> None:
        self.annotation = annotation
        self.place = place
        self.options = tuple(_options(annotation))

    @cached_property
    def adapter(self) -> Any:
        """The pydantic adapter of the annotation."""
        return adapters.adapter_for(self.annotation)

    @cached_property
    def wrappers(self) -> dict[type, type[RedisType]]:
        """The Redis type for each type that a value may have at run time."""
        redis_types = [option for option in map(_class, self.options) if issubclass(option, RedisType)]
        return {python: redis for redis in redis_types for python in (redis.native, redis)}

    @cached_property
    def deep(self) -> bool:
        """Whether values here hold more values that know their place: containers and models."""
        classes = [_class(option) for option in self.options]
        return any(
            issubclass(option, Linkable) or getattr(option, "native", None) in {list, dict}
            for option in classes
        )

    def arguments(self, container: type) -> tuple[Any, ...]:
        """Return the type arguments of a container in the annotation, such as `(str, int)` for a dict."""
        for option in self.options:
            if _class(option) is container:
                return get_args(option)
        return ()

    @cached_property
    def items(self) -> Shape:
        """The shape of the elements of a list, or of the values of a dict."""
        for container in (option for option in map(_class, self.options) if issubclass(option, RedisType)):
            if container.native in {list, dict}:
                given = self.arguments(container)
                return Shape(given[-1] if given else Any, f"{self.place}[…]")
        return Shape(Any, f"{self.place}[…]")

    @cached_property
    def keys(self) -> Shape:
        """The shape of the keys of a dict."""
        for container in (option for option in map(_class, self.options) if issubclass(option, RedisType)):
            given = self.arguments(container)
            if container.native is dict and len(given) == 2:
                return Shape(given[0], f"{self.place} key")
        return Shape(str, f"{self.place} key")

    def validate(self, value: Any) -> Any:
        """Return the value as the annotation wants it.

        Raises:
            ValidationError: It does not fit; the error's title names the place.
        """
        return adapters.validate(self.adapter, value, self.place)

    def dump(self, value: Any) -> bytes:
        """Return the stored JSON text of a validated value."""
        return adapters.dump(self.adapter, value)

    def load(self, text: bytes, where: str | None = None) -> Any:
        """Return the value of a stored JSON text.

        Raises:
            CorruptedModelError: The text does not fit the annotation.
        """
        return adapters.load(self.adapter, text, where or self.place)

    def wrap(self, value: Any, owner: Owner, name: Any) -> Any:
        """Return the value as a Redis type or an inner model that knows its place; others as they are.

        It goes by the type that the value has, so Optional and Union places are linked like all others.
        """
        wrapper = self.wrappers.get(type(value))
        if wrapper is not None:
            return wrapper._rapyer_adopt(value, owner, name, self)
        if isinstance(value, Linkable):
            return value._rapyer_linked(owner, name)
        return value


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
