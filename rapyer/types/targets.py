"""The classes that a reference may name."""

from __future__ import annotations

import types
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ForwardRef,
    Literal,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from rapyer.errors import UnknownTargetError, WrongClassError
from rapyer.types.base import Linkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer.fields.key import RapyerKey


class Target(Protocol):
    """A model, as what refers to it knows it."""

    @classmethod
    def class_key_initials(cls) -> str:
        """Return what the keys of the class start with."""
        ...

    def _rapyer_key(self) -> RapyerKey:
        """Return the model's Redis key."""
        ...

    def _rapyer_is_inner(self) -> bool:
        """Tell whether it lives inside another model, and so has no key of its own."""
        ...

    @classmethod
    async def _rapyer_fetch(cls, key: str) -> Any:
        """Return the instance stored under a key of the class."""
        ...


class Targets:
    """What stands between the brackets of `Reference[…]`: classes, or names of classes that come later.

    Args:
        annotation: A model class, its name as a `Literal`, or a union of those; anything else, such as a type
            variable, stands for nothing known.

    Raises:
        UnknownTargetError: It is a class that no reference can name.
    """

    def __init__(self, annotation: Any = Any) -> None:
        self.declared = tuple(_declared(annotation))

    @classmethod
    def named(cls, names: Iterable[str]) -> Targets:
        """Return the targets of those names."""
        return cls(Union[tuple(Literal[name] for name in names)] if names else Any)  # noqa: UP007 - made at run time

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, as far as they were declared."""
        return tuple(one if isinstance(one, str) else one.__name__ for one in self.declared)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Targets) and self.declared == other.declared

    def __hash__(self) -> int:
        return hash(self.declared)

    def __str__(self) -> str:
        return f"Reference[{' | '.join(self.names)}]" if self.declared else "Reference"

    def classes(self) -> tuple[type[Target], ...]:
        """Return the classes; names are looked up among the model classes that exist now.

        Raises:
            UnknownTargetError: No class has one of the names, or nothing was declared.
        """
        if not self.declared:
            raise UnknownTargetError(
                "a bare Reference does not say what it refers to", hint="declare it as Reference[Author]"
            )
        return tuple(_class_named(one, self) if isinstance(one, str) else one for one in self.declared)

    def candidates(self) -> tuple[type[Target], ...]:
        """Return the classes and their subclasses, each once, in the order of their declaration."""
        found: dict[type[Target], None] = {}
        for cls in self.classes():
            found.update(dict.fromkeys((cls, *_subclasses(cls))))
        return tuple(found)

    def by_prefix(self) -> dict[str, type[Target]]:
        """Return the candidates by what their keys start with.

        Of a subclass that was defined again, as in a notebook, it is the newest.
        """
        found = {cls.class_key_initials(): cls for cls in self.candidates()}
        found.update({cls.class_key_initials(): cls for cls in reversed(self.classes())})
        return found

    def class_of(self, key: str) -> type[Target]:
        """Return the class that a key belongs to; where there is one alone, a bare primary key is its own.

        Raises:
            UnknownTargetError: It is not known what the reference refers to.
            WrongClassError: The key belongs to none of several classes.
        """
        by_prefix = self.by_prefix()
        end = key.rfind(":")
        while end > 0:
            found = by_prefix.get(key[:end])
            if found is not None:
                return found
            end = key.rfind(":", 0, end)
        classes = self.classes()
        if len(classes) > 1:
            raise WrongClassError(
                f"{key} is no key of {' or '.join(self.names)}",
                key=key,
                model=self.names[0],
                hint=f"their keys start with {' or '.join(f'{prefix}:' for prefix in by_prefix)}",
            )
        return classes[0]  # which knows better what is wrong with the key, if anything is

    def admits(self, cls: type[Target]) -> bool:
        """Tell whether instances of a class may be referred to."""
        try:
            classes = self.classes()
        except UnknownTargetError:
            return True  # nothing was declared, or a class that does not exist yet
        # In a notebook the class of an instance may be a later definition of the one declared.
        prefix = cls.class_key_initials()
        return issubclass(cls, classes) or any(one.class_key_initials() == prefix for one in classes)


def postponed(annotation: Any) -> Any:
    """Return an annotation with names in place of forward references, so that nobody has to resolve it."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return Union[tuple(Literal[name.strip()] for name in annotation.split("|"))]  # noqa: UP007 - made at run time
    if get_origin(annotation) in {Union, types.UnionType}:
        return Union[tuple(map(postponed, get_args(annotation)))]  # noqa: UP007 - made at run time
    return annotation


def is_target(value: object) -> bool:
    """Tell whether a value is a model."""
    return isinstance(value, Linkable) and hasattr(type(value), "_rapyer_fetch")


def _declared(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType, Literal}:
        for argument in get_args(annotation):
            yield from [argument] if isinstance(argument, str) else _declared(argument)
    elif origin is Annotated:
        yield from _declared(get_args(annotation)[0])
    elif isinstance(annotation, TypeVar):
        yield from _declared(annotation.__bound__ or Any)
    elif isinstance(annotation, type) and annotation not in {Any, object, type(None)}:
        if not (issubclass(annotation, Linkable) and hasattr(annotation, "_rapyer_fetch")):
            raise UnknownTargetError(
                f"Reference[{annotation.__name__}]: {annotation.__name__} is no model class",
                hint="refer to a subclass of AtomicRedisModel",
            )
        yield annotation


def _class_named(name: str, targets: Targets) -> Any:
    simple = name.rpartition(".")[2]
    found = [cls for cls in _subclasses(Linkable) if cls.__name__ == simple and hasattr(cls, "_rapyer_fetch")]
    if not found:
        raise UnknownTargetError(
            f"{targets}: no model class is named {simple}",
            model=simple,
            hint="define or import the class before the reference is used",
        )
    return found[-1]


def _subclasses(cls: Any) -> Iterator[Any]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)
