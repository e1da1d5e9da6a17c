"""The instance side of a model: plain values underneath, Redis types on top, made when first read.

pydantic-core writes an instance's values into what it finds under the name `__dict__`. Here that name is
a slot, so the values stay plain, and loading costs what plain pydantic costs. The instance's real
attribute dictionary holds only what has been read: the first read of a field finds nothing there, lands
in `__getattr__`, wraps the plain value in its Redis type, and leaves it there for all further reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from rapyer.actions import ActionGroup
from rapyer.commands import json
from rapyer.config import RedisConfig
from rapyer.errors import FieldDeletionError, UnlinkedValueError
from rapyer.model import expiry
from rapyer.model.beside import known_of, part_of, replaced, saved
from rapyer.model.computed import without_computed
from rapyer.model.copying import Copying
from rapyer.model.extras import refuse_unstorable, with_extras
from rapyer.model.identity import Identity, Slots, set_known, set_loaded, set_stored
from rapyer.model.loose import HoldsLoose, extra_shape
from rapyer.model.registry import registry
from rapyer.model.remembered import Following, following
from rapyer.model.seeing import with_values_seen
from rapyer.model.unread import UnreadFields, set_unread
from rapyer.model.wrapping import wrap_within
from rapyer.model.zoned import with_zones
from rapyer.session.scope import open_batch
from rapyer.types import zones
from rapyer.types.base import Linkable
from rapyer.types.container import RedisContainer
from rapyer.types.scalar import RedisScalar
from rapyer.types.shape import is_changeable
from rapyer.types.special import SpecialFieldType
from rapyer.types.unread import take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.model.known import Known
    from rapyer.model.schema import ModelSpec
    from rapyer.session.clients import ClientSource
    from rapyer.session.scope import Batch
    from rapyer.types.base import Owner

_attributes: Any = BaseModel.__dict__["__dict__"].__get__
"""Gives an instance's real attribute dictionary: the fields read so far."""


_KEPT = (RedisContainer, SpecialFieldType, Linkable)
"""What can change in place, so that an instance has to hold the one object; scalars stay plain."""

_BUILTIN = frozenset({str, int, float, bool, type(None), list, dict, set, tuple, bytes})
"""Types whose values know no place in a model, so that assigning one concerns the local instance alone."""


class StoredModel(Copying, Identity, HoldsLoose, UnreadFields, Linkable):
    """A pydantic model whose values know their place in Redis; `AtomicRedisModel` adds the operations."""

    Meta: ClassVar[RedisConfig] = RedisConfig()
    __rapyer_spec__: ClassVar[ModelSpec]

    # Where the instance lives, if it is an inner model; kept in the attribute dictionary. A class attribute
    # answers for all others faster than a slot that is not filled.
    _rapyer_owner: ClassVar[Any] = None
    _rapyer_name: ClassVar[Any] = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        own = handler.resolve_ref_schema(schema)
        if cls.model_config.get("extra") == "allow":
            refuse_unstorable(own)
        with_zones(cls, own)
        wrap_within(own, lambda inner: with_extras(cls, with_values_seen(cls, without_computed(cls, inner))))
        return schema

    if not TYPE_CHECKING:
        __dict__ = Slots.__dict__["_rapyer_values"]

        def __getattr__(self, name):
            if name.startswith("__"):
                return super().__getattr__(name)
            if name.startswith("_rapyer_"):
                raise AttributeError(name)  # a slot that is not filled
            field = self.__rapyer_spec__.fields.get(name)
            if field is None or name not in self.__dict__:
                value = super().__getattr__(name)
                if field is None and self.__pydantic_extra__ and is_changeable(value):
                    self._rapyer_met(name, value)
                return value
            return self._rapyer_read(name, field)

        def __setattr__(self, name, value):
            spec = self.__rapyer_spec__
            if name in spec.direct and type(value) in _BUILTIN and open_batch() is None:
                # What `BaseModel.__setattr__` comes to for such a field, without finding that out each time.
                before = self.__dict__
                _attributes(self).pop(name, None)
                try:
                    self.__pydantic_validator__.validate_assignment(self, name, value)
                except BaseException:
                    self._rapyer_restore_values(name, before)
                    raise
            elif name in spec.fields:
                self._rapyer_assign(name, value)
            elif self.model_config.get("extra") != "allow" or name[0] == "_" or hasattr(type(self), name):
                super().__setattr__(name, value)
            else:
                self._rapyer_assign_extra(name, value)

        def __delattr__(self, name):
            if name in self.__rapyer_spec__.fields:
                raise FieldDeletionError(
                    f"{type(self).__name__}.{name} is a field, which an instance cannot be without",
                    field=name,
                    model=type(self).__name__,
                    hint="assign it None or another value",
                )
            batch = open_batch()
            if batch is None or name not in (self.__pydantic_extra__ or {}):
                super().__delattr__(name)
                return
            batch.remember(self)
            super().__delattr__(name)
            command = json.delete_member(self._rapyer_key(), self._rapyer_path(), name)
            batch.add(self._rapyer_root()._rapyer_source(), command)

    def _rapyer_read(self, name: str, field: Any) -> Any:
        values = self.__dict__
        value = field.shape.wrap(values[name], self, name) if field.stored else values[name]
        if isinstance(value, _KEPT):
            values[name] = value  # what can change in place must stay one object; scalars stay plain
        elif field.stored and field.shape.loose and is_changeable(value):
            self._rapyer_met(name, value)
            return value  # every block that reads it is to know
        object.__setattr__(self, name, value)
        return value

    def _rapyer_assign(self, name: str, value: Any) -> None:
        read = _attributes(self)
        if isinstance(value, RedisContainer | SpecialFieldType) and read.get(name) is value:
            return  # `user.tags += …` has changed the list in place already
        batch = open_batch()
        applied = isinstance(value, RedisScalar) and value._rapyer_is_applied(self, name)
        if batch is not None:
            batch.remember(self)
        before = self.__dict__
        read.pop(name, None)
        try:
            super().__setattr__(name, value.clone() if isinstance(value, RedisScalar) else value)
            if name == self.__rapyer_spec__.key_field:
                self._rapyer_check_key(name)
        except BaseException:
            self._rapyer_restore_values(name, before)
            if applied:
                value._rapyer_withdraw()
            raise
        field = self.__rapyer_spec__.fields[name]
        if batch is not None and not applied and field.stored:
            self._rapyer_write(batch, name)
            if field.shape.loose and is_changeable(self.__dict__[name]):
                batch.meet(self, name, self.__dict__[name])

    def _rapyer_write(self, batch: Batch, name: str) -> None:
        """Queue what makes one field on the server what it is locally, with what lives beside it."""
        part = part_of(self, name)
        if part.companions:
            batch.remember(self._rapyer_root())
        commands = self._rapyer_field_commands(name)
        self._rapyer_enqueue(batch, *commands)
        saved(part)

    def _rapyer_restore_values(self, name: str, before: dict[str, Any]) -> None:
        # A validator of the whole model refused the value, having read it.
        object.__setattr__(self, "__dict__", before)
        _attributes(self).pop(name, None)

    def _rapyer_assign_local(self, name: str, value: Any) -> None:
        """Validate and set a field of a new instance, whatever pipeline is open."""
        _attributes(self).pop(name, None)
        if self.model_config.get("frozen"):
            self.__dict__[name] = self.__rapyer_spec__.fields[name].shape.validate(value)
        else:
            BaseModel.__setattr__(self, name, value)

    def _rapyer_assign_extra(self, name: str, value: Any) -> None:
        # What `extra="allow"` lets in is stored and loaded like a field, but nobody declared its type.
        batch = open_batch()
        if batch is not None:
            batch.remember(self)
        super().__setattr__(name, value)
        if batch is not None:
            text = extra_shape(type(self), name).dump(value)
            self._rapyer_enqueue(
                batch, json.set_value(self._rapyer_key(), self._rapyer_path().child(name), text)
            )
            batch.meet(self, name, value)

    def _rapyer_enqueue(self, batch: Batch, *commands: Command[Any]) -> None:
        root = self._rapyer_root()
        for command in commands:
            batch.add(root._rapyer_source(), command)
        batch.renew(root._rapyer_source(), root._rapyer_renewal(ActionGroup.UPDATE))

    def _rapyer_field_commands(self, name: str) -> list[Command[Any]]:
        """Return what makes one field on the server what it is locally, whatever it was there."""
        field, part = self.__rapyer_spec__.fields[name], part_of(self, name)
        if field.special is not None and part.companions:
            return replaced(part)
        value = field.dump_stored(self.__dict__[name], part.outside)
        commands = [json.set_value(self._rapyer_key(), self._rapyer_path_of(name, None), value)]
        if name in self.__rapyer_spec__.notes:
            here, moment = self._rapyer_path(), self.__dict__[name]
            commands.append(zones.write_beside(self._rapyer_key(), here, name, moment))
        return [*commands, *replaced(part)]

    def _rapyer_follow(self) -> Following | None:
        """Return what watches the instance in a pipeline, if it remembers what is stored."""
        return Following(self) if self.Meta.remember_loaded else None

    def _rapyer_forget(self) -> None:
        """Forget what is known of the stored document: the instance was not brought in line with it."""
        set_loaded(self, None)

    def _rapyer_following(self, only: str, *, whole: bool) -> AbstractContextManager[None]:
        """Return what is to surround an operation that changes one field, here and in Redis."""
        return following(self, only, whole=whole)

    # --- where the instance is ---------------------------------------------------------------------------

    def _rapyer_root(self) -> StoredModel:
        root: StoredModel = self if self._rapyer_owner is None else self._rapyer_owner._rapyer_root()
        return root

    def _rapyer_source(self) -> ClientSource:
        return registry.source_for(type(self))

    def _rapyer_renewal(self, groups: ActionGroup | None = None) -> Sequence[Command[Any]]:
        """Return what starts the time to live of this top-level model anew, where the operation does that."""
        return () if registry.ttl_of(type(self)) is None else expiry.renewal(self, groups)

    def _rapyer_path_of(self, name: Any, child: Any) -> JsonPath:
        if isinstance(child, RedisContainer | Linkable) and self.__dict__.get(name) is not child:
            raise UnlinkedValueError(
                f"the value is no longer in {type(self).__name__}.{name}", hint="read it from the model again"
            )
        if self._rapyer_owner is not None or name not in self.__rapyer_spec__.fields:
            return self._rapyer_path().child(name)
        return self.__rapyer_spec__.fields[name].path

    def _rapyer_zone_place(self, name: Any) -> tuple[JsonPath, str] | None:
        """Return where the time of a field is, for what stands beside it: its object's path, its name."""
        return (self._rapyer_path(), name) if name in self.__rapyer_spec__.notes else None

    def _rapyer_names_of(self, name: Any) -> tuple[str, ...] | None:
        owner: Owner | None = self._rapyer_owner
        above = () if owner is None else owner._rapyer_names_of(self._rapyer_name)
        return None if above is None else (*above, name)

    def _rapyer_has_companion(self, path: tuple[str, ...]) -> bool:
        return path in self.__rapyer_spec__.companion_paths

    def _rapyer_known_at(self, path: tuple[str, ...]) -> set[Any]:
        return known_of(self).own(path)

    def _rapyer_is_misplaced(self, path: tuple[str, ...]) -> bool:
        known: Known | None = getattr(self, "_rapyer_known", None)
        return known is not None and path in known.inline and known.key == self._rapyer_key()

    def _rapyer_note(self, path: tuple[str, ...], members: set[Any]) -> None:
        known_of(self).note(path, members)

    def _rapyer_set_known(self, known: Known | None) -> None:
        set_known(self, known)

    def _rapyer_linked(self, owner: Owner, name: Any) -> Any:
        present = self._rapyer_owner
        if present is owner and self._rapyer_name == name:
            return self
        taken = present is not None or hasattr(self, "_rapyer_pk")
        linked = self.model_copy(deep=True) if taken else self
        linked._rapyer_forget()
        linked._rapyer_place(owner, name)
        return linked

    def _rapyer_place(self, owner: Owner, name: Any) -> None:
        _attributes(self).update(_rapyer_owner=owner, _rapyer_name=name)

    # --- taking over ------------------------------------------------------------------------------------

    def _rapyer_take(self, fresh: StoredModel) -> None:
        """Take over the values of another instance of the class, in place.

        A list, a dict or an inner model that somebody may hold stays the one that the instance holds.
        """
        before = self.__dict__
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__"):
            object.__setattr__(self, name, getattr(fresh, name))
        set_loaded(self, getattr(fresh, "_rapyer_loaded", None))
        _forget_read(self)
        take_over(self, fresh)
        values = self.__dict__
        for name, held in before.items():
            if name in values and isinstance(held, RedisContainer | SpecialFieldType | StoredModel):
                values[name] = held._rapyer_keep(values[name])
        known: Known | None = getattr(fresh, "_rapyer_known", None)
        if known is not None:
            part = part_of(self)
            if part.companions or self._rapyer_owner is None:
                known_of(self._rapyer_root()).take(known, part.path)

    def _rapyer_keep(self, fresh: Any) -> Any:
        """Take over what was loaded in place of this inner model and return it, or else what was loaded."""
        if fresh is self or type(fresh) is not type(self) or not self._rapyer_is_inner():
            return fresh
        self._rapyer_take(fresh)
        return self

    def _rapyer_replace(self, name: Any, child: Any, value: Any) -> Any:
        values = self.__dict__
        kept = child is not None and values.get(name) is child
        values[name] = child._rapyer_keep(value) if kept else value
        _attributes(self).pop(name, None)
        return getattr(self, name)

    def _rapyer_snapshot(self) -> Callable[[], None]:
        values, fields_set = dict(self.__dict__), set(self.__pydantic_fields_set__)
        extra = None if self.__pydantic_extra__ is None else dict(self.__pydantic_extra__)
        stored, loaded = getattr(self, "_rapyer_stored", None), getattr(self, "_rapyer_loaded", None)
        unread = self._rapyer_unread
        known: Known | None = getattr(self, "_rapyer_known", None)
        known = None if known is None else known.copy()

        def restore() -> None:
            object.__setattr__(self, "__dict__", values)
            object.__setattr__(self, "__pydantic_fields_set__", fields_set)
            object.__setattr__(self, "__pydantic_extra__", extra)
            set_stored(self, stored)
            set_known(self, known)
            set_loaded(self, loaded)
            _forget_read(self)
            set_unread(self, unread)

        return restore


# Pydantic evaluates the annotations of all bases for each class anew; written as text they would be compiled.
StoredModel.__annotations__ = dict.fromkeys(StoredModel.__annotations__, ClassVar[Any])


def _forget_read(model: StoredModel) -> None:
    """Let the fields be wrapped anew when they are read next; the instance keeps its place."""
    owner, name, unread = model._rapyer_owner, model._rapyer_name, model._rapyer_unread
    _attributes(model).clear()
    if unread is not None:
        set_unread(model, unread)
    if owner is not None:
        model._rapyer_place(owner, name)
