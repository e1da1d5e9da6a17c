"""The instance side of a model: plain values underneath, Redis types on top, made when first read.

pydantic-core writes an instance's values into what it finds under the name `__dict__`. Here that name is
a slot, so the values stay plain, and loading costs what plain pydantic costs. The instance's real
attribute dictionary holds only what has been read: the first read of a field finds nothing there, lands
in `__getattr__`, wraps the plain value in its Redis type, and leaves it there for all further reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.commands import json
from rapyer.config import RedisConfig
from rapyer.errors import InvalidKeyError
from rapyer.fields.key import RapyerKey
from rapyer.model.keys import key_for, new_primary_key
from rapyer.model.registry import registry
from rapyer.session.scope import open_batch
from rapyer.types.base import Linkable
from rapyer.types.container import RedisContainer
from rapyer.types.scalar import RedisScalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from rapyer.model.schema import ModelSpec
    from rapyer.session.clients import ClientSource
    from rapyer.types.base import Owner

_attributes: Any = BaseModel.__dict__["__dict__"].__get__
"""Gives an instance's real attribute dictionary: the fields read so far."""


class _Slots(BaseModel):
    """The storage of every model instance; one layout for all, so that models can be combined as bases."""

    __slots__ = ("__weakref__", "_rapyer_name", "_rapyer_owner", "_rapyer_pk", "_rapyer_values")


class StoredModel(_Slots, Linkable):
    """A pydantic model whose values know their place in Redis; `AtomicRedisModel` adds the operations."""

    Meta: ClassVar[RedisConfig] = RedisConfig()
    __rapyer_spec__: ClassVar[ModelSpec]

    if TYPE_CHECKING:
        _rapyer_name: ClassVar[Any]
        _rapyer_pk: ClassVar[str]

    if not TYPE_CHECKING:
        __dict__ = _Slots.__dict__["_rapyer_values"]

        def __getattr__(self, name):
            if name.startswith("__"):
                return super().__getattr__(name)
            field = self.__rapyer_spec__.fields.get(name)
            if field is None or name not in self.__dict__:
                return super().__getattr__(name)
            return self._rapyer_read(name, field)

        def __setattr__(self, name, value):
            if name in self.__rapyer_spec__.fields:
                self._rapyer_assign(name, value)
            else:
                super().__setattr__(name, value)

    def _rapyer_read(self, name: str, field: Any) -> Any:
        values = self.__dict__
        value = field.shape.wrap(values[name], self, name) if field.stored else values[name]
        if isinstance(value, RedisContainer | Linkable):
            values[name] = value  # what can change in place must stay one object; scalars stay plain
        object.__setattr__(self, name, value)
        return value

    def _rapyer_assign(self, name: str, value: Any) -> None:
        read = _attributes(self)
        if isinstance(value, RedisContainer) and read.get(name) is value:
            return  # `user.tags += …` has changed the list in place already
        batch = open_batch()
        applied = isinstance(value, RedisScalar) and value._rapyer_is_applied(self, name)
        if batch is not None:
            batch.remember(self)
        before = self.__dict__
        read.pop(name, None)
        try:
            super().__setattr__(name, value.clone() if isinstance(value, RedisScalar) else value)
        except BaseException:
            object.__setattr__(self, "__dict__", before)  # a validator of the whole model refused it
            raise
        if batch is not None and not applied and self.__rapyer_spec__.fields[name].stored:
            batch.add(self._rapyer_root()._rapyer_source(), self._rapyer_set_command(name))

    def _rapyer_set_command(self, name: str) -> Any:
        value = self.__rapyer_spec__.fields[name].dump_stored(self.__dict__[name])
        return json.set_value(self.key, self.json_path.child(name), value)

    # --- where the instance is ---------------------------------------------------------------------------

    def _rapyer_root(self) -> StoredModel:
        owner: Owner | None = getattr(self, "_rapyer_owner", None)
        return self if owner is None else owner._rapyer_root()  # type: ignore[return-value]

    def _rapyer_source(self) -> ClientSource:
        return registry.source_for(type(self))

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        return self.json_path.child(name)

    def _rapyer_linked(self, owner: Owner, name: Any) -> Any:
        present = getattr(self, "_rapyer_owner", None)
        if present is owner and self._rapyer_name == name:
            return self
        taken = present is not None or hasattr(self, "_rapyer_pk")
        linked = self.model_copy(deep=True) if taken else self
        linked._rapyer_place(owner, name)
        return linked

    def _rapyer_place(self, owner: Owner, name: Any) -> None:
        _Slots._rapyer_owner.__set__(self, owner)  # type: ignore[attr-defined]
        _Slots._rapyer_name.__set__(self, name)  # type: ignore[attr-defined]

    @classmethod
    def class_key_initials(cls) -> str:
        """Return what the keys of the class start with; override it to choose another prefix."""
        return cls.__name__

    @property
    def pk(self) -> Any:
        """The primary key: the value of the key field if there is one, else a random UUID."""
        spec = self.__rapyer_spec__
        if spec.key_field is not None:
            return getattr(self, spec.key_field)
        return RapyerKey(self._rapyer_own_pk())

    @pk.setter
    def pk(self, value: str) -> None:
        _Slots._rapyer_pk.__set__(self, str(value))  # type: ignore[attr-defined]

    def _rapyer_own_pk(self) -> str:
        try:
            return self._rapyer_pk
        except AttributeError:
            minted = new_primary_key()
            _Slots._rapyer_pk.__set__(self, minted)  # type: ignore[attr-defined]
            return minted

    @property
    def key(self) -> RapyerKey:
        """The Redis key that the instance is stored under; that of the outermost model for an inner one."""
        root = self._rapyer_root()
        if root is not self:
            return root.key
        spec = self.__rapyer_spec__
        pk = self._rapyer_own_pk() if spec.key_field is None else str(self.__dict__[spec.key_field])
        if not pk:
            raise InvalidKeyError(
                f"the key field {type(self).__name__}.{spec.key_field} is empty",
                model=type(self).__name__,
                field=spec.key_field,
                hint="give it some text",
            )
        return key_for(type(self), pk)

    @key.setter
    def key(self, value: str) -> None:
        self.pk = value.partition(":")[2] or value

    @property
    def json_path(self) -> JsonPath:
        """The instance's path in its JSON document: `$` for a top-level model."""
        owner: Owner | None = getattr(self, "_rapyer_owner", None)
        return ROOT if owner is None else owner._rapyer_path_of(self._rapyer_name, self)

    @property
    def field_path(self) -> str:
        """The path without its `$.`; empty for a top-level model."""
        return self.json_path[1:].removeprefix(".")

    @property
    def field_name(self) -> str:
        """The name under which an outer model holds this one; empty for a top-level model."""
        return str(self._rapyer_name or "") if self.is_inner_model() else ""

    def is_inner_model(self) -> bool:
        """Tell whether the instance lives inside another model."""
        return getattr(self, "_rapyer_owner", None) is not None

    # --- taking over, copying, comparing -----------------------------------------------------------------

    def _rapyer_take(self, fresh: StoredModel) -> None:
        """Take over the values of another instance of the class, in place."""
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__"):
            object.__setattr__(self, name, getattr(fresh, name))
        _attributes(self).clear()

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        self.__dict__[name] = value
        _attributes(self).pop(name, None)
        return getattr(self, name)

    def _rapyer_snapshot(self) -> Callable[[], None]:
        values, fields_set = dict(self.__dict__), set(self.__pydantic_fields_set__)

        def restore() -> None:
            object.__setattr__(self, "__dict__", values)
            object.__setattr__(self, "__pydantic_fields_set__", fields_set)
            _attributes(self).clear()

        return restore

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseModel):
            return False
        return self.__dict__ == other.__dict__ and (self.__pydantic_extra__ or {}) == (
            other.__pydantic_extra__ or {}
        )

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "rapyer_pk": getattr(self, "_rapyer_pk", None)}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        if state.get("rapyer_pk") is not None:
            self.pk = state["rapyer_pk"]

    def __copy__(self) -> Self:
        copied = super().__copy__()
        if hasattr(self, "_rapyer_pk"):
            copied.pk = self._rapyer_pk
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        copied = super().__deepcopy__(memo)
        if hasattr(self, "_rapyer_pk"):
            copied.pk = self._rapyer_pk
        return copied
