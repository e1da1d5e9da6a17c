"""The plan of a model class: its fields, what marks them, and how they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, PlainValidator, WrapValidator

from rapyer.codec.adapters import checking
from rapyer.codec.paths import ROOT, JsonPath
from rapyer.fields.index import IndexAnnotation, index_marker, index_of
from rapyer.fields.key import is_key_marker
from rapyer.model.companions import Companion, companions_of, field_holds, is_special, specs_in, tree_of
from rapyer.model.zoned import notes_of
from rapyer.types.shape import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ConfigDict
    from pydantic.fields import FieldInfo

    from rapyer.model.state import StoredModel
    from rapyer.types.special import SpecialFieldType

_FIRST = (BeforeValidator, WrapValidator, PlainValidator)


@dataclass(frozen=True)
class FieldSpec:
    """One field of a model class.

    Attributes:
        name: The field's name.
        annotation: The annotation as the user wrote it, resolved, without its metadata.
        info: What pydantic knows of the field.
        model: The name of the class, for messages.
        index: How the field is indexed, or None.
        is_key: Whether its value is the primary key.
        stored: Whether it is in Redis; False for `Field(exclude=True)`, unless it is a special field.
        config: What the class's configuration says of how values are checked.
    """

    name: str
    annotation: Any
    info: FieldInfo
    model: str
    index: IndexAnnotation | None
    is_key: bool
    stored: bool
    config: ConfigDict

    @cached_property
    def path(self) -> JsonPath:
        """The field's path in the document of a top-level model."""
        return ROOT.child(self.name)

    @cached_property
    def shape(self) -> Shape:
        """How values of the field are checked, stored and wrapped."""
        return self._shape([item for item in self.info.metadata if not _is_marker(item)])

    def _shape(self, constraints: list[Any]) -> Shape:
        converted = self.info.annotation
        annotation = Annotated[(converted, *constraints)] if constraints else converted
        return Shape(annotation, f"{self.model}.{self.name}", self.config)

    @cached_property
    def special(self) -> type[SpecialFieldType] | None:
        """Its special type, where it is a field that may live under a key of its own; else None."""
        return field_holds(self)

    @cached_property
    def unseen(self) -> Any:
        """The pydantic adapter without the validators that run first, to read the stored form."""
        if self.shape.whole:
            return self.adapter  # `Opaque` shows them the value
        others = [item for item in self.info.metadata if not (_is_marker(item) or isinstance(item, _FIRST))]
        return self._shape(others).adapter

    @cached_property
    def adapter(self) -> Any:
        """The pydantic adapter of the field, with its constraints."""
        return self.shape.adapter

    def dump_stored(self, value: Any, exclude: dict[str, Any] | None = None) -> bytes:
        """Return the stored JSON text of a validated value.

        Args:
            value: The value.
            exclude: What to leave out of it, as pydantic takes it.
        """
        return self.shape.dump(value, exclude)

    def load_stored(self, text: bytes) -> Any:
        """Return the value of a stored JSON text.

        Raises:
            CorruptedModelError: The text does not fit the field.
        """
        return self.shape.load(text)


@dataclass(frozen=True)
class ModelSpec:
    """The plan of one model class.

    Attributes:
        name: The class's name.
        fields: Its fields by name.
        key_field: The name of the field whose value is the primary key, or None.
        direct: The fields to which assigning only takes the validator: they are not frozen, and not the key.
        model: The class.
        operands: Its fields as filters use them, as far as they were asked for.
        projections: The selections of its fields that were asked for so far.
    """

    name: str
    fields: Mapping[str, FieldSpec]
    key_field: str | None
    direct: frozenset[str]
    model: type[StoredModel] = field(compare=False, repr=False)
    operands: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    projections: dict[tuple[str, ...], Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def notes(self) -> Mapping[str, str]:
        """What stands beside its times in documents: for the name of each such field, that of its note."""
        return notes_of({name: one.info for name, one in self.fields.items()})

    # Found when first needed: a nested class may be open when this one is defined.
    @cached_property
    def companions(self) -> tuple[Companion, ...]:
        """Its fields, and those of models nested in it, that live under keys of their own."""
        return tuple(companions_of(self))

    @cached_property
    def is_indexed(self) -> bool:
        """Whether it, or a model that stands anywhere in it, has a field with an index."""
        return any(any(one.index is not None for one in spec.fields.values()) for spec in specs_in(self))

    @cached_property
    def companion_paths(self) -> frozenset[tuple[str, ...]]:
        """The paths of its companions."""
        return frozenset(companion.path for companion in self.companions)

    @cached_property
    def outside(self) -> dict[str, Any] | None:
        """What is left out of its document, as pydantic takes it; None where nothing is."""
        return tree_of(self.companions)


def build_spec(cls: type[StoredModel], declared: Mapping[str, Any]) -> ModelSpec:
    """Return the plan of a class.

    Args:
        cls: The class, with its annotations converted.
        declared: The annotations as they were before, by field.
    """
    fields = {}
    direct = set()
    key_field = None
    config = getattr(cls, "model_config", {})  # a class whose fields are open has none of either
    checked = bool(config.get("validate_assignment")) and not config.get("frozen")
    for name, info in cls.model_fields.items():
        markers = [item for item in info.metadata if _is_marker(item)]
        is_key = any(map(is_key_marker, markers))
        index = index_of(declared[name], markers)
        if checked and not (is_key or info.frozen or name in cls.__dict__):
            direct.add(name)
        fields[name] = FieldSpec(
            name,
            declared[name],
            info,
            cls.__name__,
            index,
            is_key,
            stored=info.exclude is not True or is_special(info.annotation),
            config=checking(config),
        )
        key_field = name if is_key else key_field
    return ModelSpec(cls.__name__, MappingProxyType(fields), key_field, frozenset(direct), cls)


def spec_of(model: type[StoredModel] | StoredModel) -> ModelSpec:
    """Return the plan of a model class or of an instance's class."""
    return model.__rapyer_spec__


def is_looked_at(info: FieldInfo) -> bool:
    """Tell whether validators in a field's annotation run before pydantic's own, and so see the input."""
    return any(isinstance(item, _FIRST) for item in info.metadata)


def _is_marker(item: Any) -> bool:
    return is_key_marker(item) or index_marker(item) is not None
