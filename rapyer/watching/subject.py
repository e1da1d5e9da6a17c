"""What is watched: classes, documents, and fields of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from rapyer.base import AtomicRedisModel
from rapyer.errors import MissingParameterError, UnlinkedValueError, UnsupportedArgumentTypeError
from rapyer.functions import model_for
from rapyer.model.companions import held_class
from rapyer.model.suggest import suggestion
from rapyer.search.expression import FieldOperand, ModelOperand, place_of
from rapyer.types.base import BaseRedisType, Linkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

Names: TypeAlias = tuple[str, ...]
"""The names of the fields that lead from a model to a value."""


@dataclass(frozen=True)
class Subject:
    """What is watched.

    Attributes:
        whole: The classes of which all documents are.
        single: Keys of single documents, each with its class.
        names: The fields that count; none for all.
    """

    whole: tuple[type[AtomicRedisModel], ...] = ()
    single: Mapping[str, type[AtomicRedisModel]] = field(default_factory=dict)
    names: tuple[Names, ...] = ()

    @classmethod
    def of(cls, given: Iterable[Any], fields: Iterable[str] = ()) -> Self:
        """Return the subject for classes, instances, keys, and values of fields.

        Args:
            given: They.
            fields: Dotted names of the fields that count, besides those that are given themselves.

        Raises:
            MissingParameterError: Nothing is given.
            UnsupportedArgumentTypeError: Something is none of these, or a class has no such field.
            UnlinkedValueError: A value belongs to no model, or has no fixed place in it.
            InvalidKeyError: A text is no full key.
            RapyerModelDoesntExistError: No class is known for a key.
        """
        whole: dict[type[AtomicRedisModel], None] = {}
        single: dict[str, type[AtomicRedisModel]] = {}
        names: dict[Names, None] = {}
        for one in given:
            model, key, way = _sorted_out(one)
            if key is None:
                whole[model] = None
            else:
                single[key] = model
            if way:
                names[way] = None
        if not whole and not single:
            raise MissingParameterError(
                "there is nothing to watch", hint="give a class, an instance, a key or a field's value"
            )
        if isinstance(fields, str):
            fields = (fields,)
        names.update(dict.fromkeys(tuple(name.split(".")) for name in fields))
        subject = cls(tuple(whole), {k: own for k, own in single.items() if own not in whole}, tuple(names))
        for way in subject.names:
            for model in subject.models:
                check_field(model, way)
        return subject

    @property
    def models(self) -> tuple[type[AtomicRedisModel], ...]:
        """All classes, each once."""
        return tuple(dict.fromkeys((*self.whole, *self.single.values())))


def _sorted_out(one: Any) -> tuple[type[AtomicRedisModel], str | None, Names]:
    """Return the class, the key if it is about one document, and the way to a field if it is about one."""
    if isinstance(one, FieldOperand | ModelOperand):
        cls, path = place_of(one)
        return cls, None, tuple(path.split("."))  # type: ignore[return-value]  # operands are of models
    if isinstance(one, type) and issubclass(one, AtomicRedisModel):
        return one, None, ()
    if isinstance(one, str) and not isinstance(one, BaseRedisType):
        return model_for(one), one, ()
    if isinstance(one, BaseRedisType | Linkable):
        model, names = bound_place(one)
        return type(model), str(model._rapyer_key()), names
    raise UnsupportedArgumentTypeError(
        f"{one!r} cannot be watched, as it knows no model",
        hint='give a class, an instance, a key or a field: awatch(user, fields=("score",))',
    )


def bound_place(value: Any) -> tuple[AtomicRedisModel, Names]:
    """Return the model that a value lives in, and the names of the fields that lead to it.

    Args:
        value: A value read from a model that knows its place, or a model.

    Raises:
        UnlinkedValueError: It belongs to no model, or is an element of a list or dict.
    """
    owner: Any = getattr(value, "_rapyer_owner", None)
    if owner is None and not isinstance(value, Linkable):
        owner = value._rapyer_holder()  # which says that there is none
    if owner is None:
        return value, ()
    names = owner._rapyer_names_of(value._rapyer_name)
    if names is None:
        raise UnlinkedValueError(
            f"{value.field_path} of {value.key} is an element, whose place may change",
            hint="name the field that holds it",
        )
    return owner._rapyer_root(), names


def check_field(model: type[AtomicRedisModel], names: Names) -> None:
    """Refuse names that lead to no stored field of a class.

    Raises:
        UnsupportedArgumentTypeError: They do not.
    """
    cls: Any = model
    for name in names:
        spec: Any = getattr(cls, "__rapyer_spec__", None)
        known = () if spec is None else [one.name for one in spec.fields.values() if one.stored]
        if name not in known:
            raise UnsupportedArgumentTypeError(
                f"{model.__name__} has no field {'.'.join(names)}", hint=suggestion(name, known)
            )
        cls, _ = held_class(spec.fields[name].info.annotation)
