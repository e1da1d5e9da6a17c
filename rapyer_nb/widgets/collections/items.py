"""How the entries of a collection are checked and stored, and what shows one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rapyer.model.companions import held_class
from rapyer.model.schema import FieldSpec
from rapyer.types import RedisDict, RedisList
from rapyer.types.base import native_of
from rapyer.types.shape import Shape
from rapyer_nb.widgets.annotations import reference_in, without_none
from rapyer_nb.widgets.stores import shown_key

if TYPE_CHECKING:
    from rapyer.types.elements import Elements


@dataclass(frozen=True)
class Items:
    """What the entries of one collection are.

    Attributes:
        declared: Their annotation, as the user wrote it.
        stored: How they are checked and stored: a shape in documents, elements in sets and queues.
        place: The name of the collection, for messages.
        keys: How the keys of a dict are checked and stored.
    """

    declared: Any
    stored: Shape | Elements
    place: str
    keys: Shape | None = None

    def check(self, draft: Any) -> Any:
        """Return the value that the user means.

        Raises:
            ValidationError: It does not fit.
            ValueError: It is the empty key of a reference.
        """
        if draft == "" and self.is_reference:
            raise ValueError("give the key of what is referred to")
        return shown_key(native_of(self.stored.validate(draft)))

    def dump(self, value: Any) -> bytes:
        """Return the stored JSON text."""
        if isinstance(self.stored, Shape):
            return self.stored.dump(value)
        return self.stored.text(self.stored.validate(value)).encode()

    def load(self, text: bytes) -> Any:
        """Return the value of a stored JSON text.

        Raises:
            CorruptedModelError: The text does not fit.
        """
        if isinstance(self.stored, Shape):
            return shown_key(native_of(self.stored.load(text)))
        return shown_key(self.stored.load(text, self.place))

    def keep(self, text: bytes) -> None:
        """Do nothing: the Python object gets the collection as a whole, or not at all."""

    @property
    def is_reference(self) -> bool:
        """Whether they are references."""
        return reference_in(bare(self.declared)) is not None

    @cached_property
    def held(self) -> type | None:
        """The one class that they are of, apart from None; of a document's only."""
        return held_class(self.stored.annotation)[0] if isinstance(self.stored, Shape) else None

    @property
    def model(self) -> type[BaseModel] | None:
        """Their class, where they are models."""
        return self.held if self.held is not None and issubclass(self.held, BaseModel) else None

    @property
    def is_collection(self) -> bool:
        """Whether each is a list or dict itself."""
        return self.held is not None and issubclass(self.held, (RedisList, RedisDict))

    @cached_property
    def spec(self) -> FieldSpec:
        """What the form asks of the field of one entry."""
        annotation = bare(self.declared)
        info = FieldInfo.from_annotation(self.declared)
        config: Any = self.stored.config or {}
        return FieldSpec("", annotation, info, self.place, None, is_key=False, stored=True, config=config)


def bare(annotation: Any) -> Any:
    """Return an annotation without its metadata."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def items_of(declared: Any, stored: Shape | Elements, place: str) -> Items:
    """Return what the entries of a collection are.

    Args:
        declared: The annotation of the collection, as the user wrote it.
        stored: How the collection is stored where it is in a document; else how its elements are.
        place: Its name, for messages.
    """
    annotation = bare(declared)
    arguments = get_args(bare(without_none(annotation) or annotation))
    if not isinstance(stored, Shape):
        return Items(arguments[0] if arguments else Any, stored, place)
    held, _ = held_class(stored.annotation)
    if held is not None and issubclass(held, RedisDict):
        return Items(arguments[-1] if arguments else Any, stored.members, place, stored.keys)
    return Items(arguments[0] if arguments else Any, stored.elements, place)
