"""References: fields that name another stored model by its key, and load it when asked to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, overload

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rapyer.errors import NotResolvedError
from rapyer.types.targets import Targets, is_target, postponed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler
    from typing_extensions import Self

T = TypeVar("T")

_ANYTHING = Targets()
_NAMES = frozenset({"afetch", "aunload", "is_resolved", "target_key", "value"})
_EXPECTED = 'a model, its key, another reference or {"$ref": class, "$id": primary key}'


class RelationalFieldType:
    """Base of the types of fields that name other stored models."""

    __slots__ = ()


class Reference(RelationalFieldType, Generic[T]):
    """Names another stored model by its key: `Reference[Author]`, also in lists, dicts, sets and queues.

    It takes a model, a key, another reference, or `{"$ref": "Author", "$id": "42"}`, and stands in the
    document as the key. Nothing is loaded or checked with the model that holds it; `afetch` loads the target
    and keeps it. Then every other name (`book.author.name`, `book.author.key`) is the target's, and setting
    one sets the target's. What it may name is a class, its subclasses, or a union of classes; the name of a
    class that comes later stands in quotes: `Reference["Tree"]`.

    Two references are equal if their keys are.

    Args:
        target: What it refers to.

    Raises:
        TypeError: It is none of those.
    """

    __slots__ = ("__weakref__", "_key", "_rapyer_targets", "_target")

    _key: str | None  # None as long as it is that of the model it was made of
    _target: Any
    _rapyer_targets: Targets

    def __class_getitem__(cls, target: Any) -> Any:
        """Take the name of a class for a class."""
        return super().__class_getitem__(postponed(target))  # type: ignore[misc]  # Generic has it at run time

    def __init__(self, target: T | str | Reference[T] | Mapping[str, str]) -> None:
        try:
            made = checked(_ANYTHING, target)
        except PydanticCustomError as error:
            raise TypeError(f"{target!r} cannot be referred to: {error.message()}") from None
        _fill(self, made._key, made._target, made._rapyer_targets)

    @property
    def target_key(self) -> str:
        """The key that the reference is stored as: that of the target, or the text that was given."""
        return str(self._target._rapyer_key()) if self._key is None else self._key

    @property
    def is_resolved(self) -> bool:
        """Whether the target is here, because it was given or fetched."""
        return self._target is not None

    @property
    def value(self) -> T:
        """The target.

        Raises:
            NotResolvedError: It is not here.
        """
        return self._rapyer_target("the target")  # type: ignore[no-any-return]

    def _rapyer_target(self, wanted: str) -> Any:
        if self._target is None:
            raise NotResolvedError(
                f"{self.target_key} is not loaded, so {wanted} is not known",
                key=self.target_key,
                hint="await afetch() of the reference first, or rapyer.afetch_all for many",
            )
        return self._target

    async def afetch(self) -> T:
        """Return the target, loaded from Redis at the first call (JSON.GET).

        The class is the one, of those declared and their subclasses, that the key belongs to. It runs at
        once, in a pipeline too. A target that is here already is returned as it is.

        Raises:
            KeyNotFound: Nothing is stored under the key.
            WrongClassError: The key belongs to another class.
            CorruptedModelError: The document does not fit the class.
            UnknownTargetError: The reference does not say what it refers to; a `TypeError`.
        """
        if self._target is None:
            key = self.target_key
            fetched = await self._rapyer_targets.class_of(key)._rapyer_fetch(key)
            if self._target is None:  # else somebody else was faster, and has it in hand
                self._rapyer_resolve(fetched)
        return self._target  # type: ignore[no-any-return]

    async def aunload(self) -> None:
        """Drop the target; the key stays, and the next `afetch` loads it anew."""
        if self._target is not None:
            _fill(self, self.target_key, None, self._rapyer_targets)

    def _rapyer_resolve(self, target: Any) -> None:
        """Keep a target that was loaded."""
        object.__setattr__(self, "_target", target)

    # --- the target's attributes ---------------------------------------------------------------------------

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(f"a reference has no attribute {name!r}")
            return getattr(self._rapyer_target(f"its {name}"), name)

        def __setattr__(self, name, value):
            if name == "__orig_class__":  # set by `Reference[Author](…)`
                object.__setattr__(self, "_rapyer_targets", Targets(*get_args(value)))
            elif name.startswith("_") or name in _NAMES:
                raise AttributeError(
                    f"{name} of a reference cannot be set; assign to the field that holds it"
                )
            else:
                setattr(self._rapyer_target(f"its {name}"), name, value)

        def __delattr__(self, name):
            raise AttributeError(f"{name} of a reference cannot be deleted")

    else:

        def __getattr__(self, name: str) -> Any: ...

        # A field of this type takes more than it gives, which a type checker reads from these.
        @overload
        def __get__(self, instance: None, owner: Any) -> Any: ...
        @overload
        def __get__(self, instance: object, owner: Any) -> Self: ...
        def __get__(self, instance: object, owner: Any) -> Any: ...
        def __set__(self, instance: Any, value: T | str | Reference[T] | Mapping[str, str]) -> None: ...

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(() if self._target is None else dir(self._target))})

    # --- as a value ----------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self.target_key == other.target_key if isinstance(other, Reference) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.target_key)

    def __repr__(self) -> str:
        return f"Reference({self.target_key!r}, {'resolved' if self.is_resolved else 'unresolved'})"

    def __copy__(self) -> Reference[T]:
        return _fill(object.__new__(Reference), self._key, self._target, self._rapyer_targets)

    def __deepcopy__(self, memo: dict[int, Any]) -> Reference[T]:
        return self.__copy__()  # the target is not part of the model that refers to it

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Reference, (self.target_key,), self._rapyer_targets.names

    def __setstate__(self, names: tuple[str, ...]) -> None:
        _fill(self, self._key, None, Targets.named(names))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            partial(checked, Targets(*get_args(source))),
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _text_of, return_schema=core_schema.nullable_schema(core_schema.str_schema())
            ),
        )


ForeignKey = Reference


def is_reference(annotation: Any) -> bool:
    """Tell whether an annotation, its metadata aside, is that of references."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, RelationalFieldType)


def merged_references(members: Sequence[Any]) -> list[Any]:
    """Return the members of a union with one reference, to all their targets, in place of several.

    A stored key could be of any of them, and its class says which.
    """
    references = [member for member in members if is_reference(member) and get_origin(member) is Reference]
    if len(references) < 2:
        return list(members)
    targets: Any = Union[tuple(get_args(member)[0] for member in references)]  # noqa: UP007 - made at run time
    merged: Any = Reference
    return [merged[targets], *(member for member in members if member not in references)]


def checked(targets: Targets, value: Any) -> Reference[Any]:
    """Return a value as a reference to one of the targets.

    Raises:
        PydanticCustomError: It cannot be one.
    """
    if type(value) is str:
        return _fill(object.__new__(Reference), value, None, targets)
    if isinstance(value, Reference):
        same = value._rapyer_targets is targets
        return value if same else _checked_reference(targets, value)
    if isinstance(value, str):
        return _fill(object.__new__(Reference), str(value), None, targets)
    if is_target(value):
        return _fill(object.__new__(Reference), None, _checked_model(targets, value), targets)
    if isinstance(value, Mapping) and "$ref" in value and "$id" in value:
        return _fill(object.__new__(Reference), f"{value['$ref']}:{value['$id']}", None, targets)
    raise PydanticCustomError("rapyer_reference", "Input should be {expected}", {"expected": _EXPECTED})


def _checked_reference(targets: Targets, value: Reference[Any]) -> Reference[Any]:
    if value._target is not None:
        _checked_model(targets, value._target)
    if value._rapyer_targets == targets:
        return value
    return _fill(object.__new__(Reference), value._key, value._target, targets)


def _checked_model(targets: Targets, model: Any) -> Any:
    if model._rapyer_is_inner():
        raise PydanticCustomError(
            "rapyer_reference",
            "Input should be a model with a key of its own, and this {given} lives inside another model",
            {"given": type(model).__name__},
        )
    if not targets.admits(type(model)):
        raise PydanticCustomError(
            "rapyer_reference",
            "Input should be an instance of {wanted}, not of {given}",
            {"wanted": " or ".join(targets.names), "given": type(model).__name__},
        )
    return model


def _text_of(value: Any) -> str | None:
    if isinstance(value, Reference):
        return value.target_key
    if value is None or isinstance(value, str):
        return value
    return checked(_ANYTHING, value).target_key  # put there without validation


def _fill(reference: Reference[Any], key: str | None, target: Any, targets: Targets) -> Reference[Any]:
    _set_key(reference, key)
    _set_target(reference, target)
    _set_targets(reference, targets)
    return reference


_set_key: Any = Reference.__dict__["_key"].__set__
_set_target: Any = Reference.__dict__["_target"].__set__
_set_targets: Any = Reference.__dict__["_rapyer_targets"].__set__
