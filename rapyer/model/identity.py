"""Which document an instance is: its primary key, its key, and its place in an outer model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.errors import InvalidKeyError, KeyChangedError
from rapyer.fields.key import RapyerKey
from rapyer.model.forms import TwoForms
from rapyer.model.keys import checked_primary_key, key_for, new_primary_key

if TYPE_CHECKING:
    from rapyer.model.schema import ModelSpec
    from rapyer.model.state import StoredModel
    from rapyer.types.base import Owner


class Slots(TwoForms):
    """The storage of every model instance; one layout for all, so that models can be combined as bases."""

    __slots__ = (
        "__weakref__",
        "_rapyer_known",  # what is known of its companions
        "_rapyer_loaded",  # with `Meta.remember_loaded`, what is known of the stored document
        "_rapyer_pk",
        "_rapyer_stored",  # the primary key that the instance is known to be stored under
        "_rapyer_values",
    )


set_known: Any = Slots.__dict__["_rapyer_known"].__set__
set_loaded: Any = Slots.__dict__["_rapyer_loaded"].__set__
set_pk: Any = Slots.__dict__["_rapyer_pk"].__set__
set_stored: Any = Slots.__dict__["_rapyer_stored"].__set__


class Identity:
    """The part of a model that knows which document it is.

    An instance may stand for another document (another `pk`) until it was stored; then its key stays, because
    saving it under another one would make two documents of one.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __rapyer_spec__: ClassVar[ModelSpec]
        _rapyer_owner: ClassVar[Any]
        _rapyer_name: ClassVar[Any]
        _rapyer_pk: str
        _rapyer_stored: str | None

    def _rapyer_check_key(self, name: str) -> None:
        stored, wanted = getattr(self, "_rapyer_stored", None), str(self.__dict__[name])
        if stored is not None and wanted != stored:
            raise KeyChangedError(
                f"{key_for(type(self), stored)} is stored, so its key field {name} cannot become {wanted!r}",
                key=key_for(type(self), stored),
                field=name,
                model=type(self).__name__,
                hint="save a copy (model_copy, aduplicate) under the new key and delete this one",
            )

    def _rapyer_check_operation(self, name: Any) -> None:
        """Refuse an operation that would change the key field of a stored document."""
        if self._rapyer_owner is None and name == self.__rapyer_spec__.key_field:
            raise KeyChangedError(
                f"{name} is the key field of {self._rapyer_key()}, so no operation can change it in Redis",
                key=self._rapyer_key(),
                field=name,
                model=type(self).__name__,
                hint="save a copy (model_copy, aduplicate) under the new key and delete this one",
            )

    @classmethod
    def class_key_initials(cls) -> str:
        """Return what the keys of the class start with; override it to choose another prefix."""
        return cls.__name__

    @property
    def pk(self) -> Any:
        """The primary key: the value of the key field if there is one, else a random UUID.

        It may be set, to let the instance stand for another document, as long as it was not stored.
        """
        spec = self.__rapyer_spec__
        if spec.key_field is not None:
            return getattr(self, spec.key_field)
        return RapyerKey(self._rapyer_own_pk())

    @pk.setter
    def pk(self, value: Any) -> None:
        self._rapyer_set_pk(checked_primary_key(type(self), value))

    def _rapyer_set_pk(self, value: str) -> None:
        stored = getattr(self, "_rapyer_stored", None)
        if stored is not None and value != stored:
            raise KeyChangedError(
                f"{key_for(type(self), stored)} is stored, so its primary key cannot become {value!r}",
                key=key_for(type(self), stored),
                model=type(self).__name__,
                hint="save a copy (model_copy, aduplicate) under the new key and delete this one",
            )
        set_pk(self, value)

    def _rapyer_own_pk(self) -> str:
        try:
            return self._rapyer_pk
        except AttributeError:
            minted = new_primary_key()
            set_pk(self, minted)
            return minted

    @property
    def key(self) -> RapyerKey:
        """The Redis key that the instance is stored under; that of the outermost model for an inner one."""
        return self._rapyer_key()

    @key.setter
    def key(self, value: str) -> None:
        prefix = f"{self.class_key_initials()}:"
        own = value.startswith(prefix)
        self.pk = value.removeprefix(prefix) if own else value.partition(":")[2] or value

    def _rapyer_key(self) -> RapyerKey:
        owner: Owner | None = self._rapyer_owner
        if owner is not None:
            return owner._rapyer_root()._rapyer_key()
        field = self.__rapyer_spec__.key_field
        if field is None:
            return key_for(type(self), self._rapyer_own_pk())
        value = self.__dict__[field]
        pk = "" if value is None else str(value)
        if not pk:
            raise InvalidKeyError(
                f"the key field {type(self).__name__}.{field} is empty",
                model=type(self).__name__,
                field=field,
                hint="give it some text" if value is not None else "give it a value",
            )
        return key_for(type(self), pk)

    def _rapyer_mark_stored(self, *, stored: bool = True) -> None:
        """Remember that the instance is stored under its present key, or that it no longer is."""
        if not stored:
            set_stored(self, None)
            set_loaded(self, None)
        elif self._rapyer_owner is None:
            field = self.__rapyer_spec__.key_field
            set_stored(self, self._rapyer_own_pk() if field is None else str(self.__dict__[field]))

    @property
    def json_path(self) -> JsonPath:
        """The instance's path in its JSON document: `$` for a top-level model."""
        return self._rapyer_path()

    def _rapyer_path(self) -> JsonPath:
        owner: Owner | None = self._rapyer_owner
        return ROOT if owner is None else owner._rapyer_path_of(self._rapyer_name, self)

    @property
    def field_path(self) -> str:
        """The path without its `$.`; empty for a top-level model."""
        return self._rapyer_path()[1:].removeprefix(".")

    @property
    def field_name(self) -> str:
        """The name under which an outer model holds this one; empty for a top-level model."""
        return str(self._rapyer_name or "") if self._rapyer_is_inner() else ""

    def is_inner_model(self) -> bool:
        """Tell whether the instance lives inside another model."""
        return self._rapyer_is_inner()

    def _rapyer_is_inner(self) -> bool:
        return self._rapyer_owner is not None


def settle(model: StoredModel, pk: str) -> None:
    """Give an instance that was just loaded the primary key that it is stored under."""
    set_pk(model, pk)
    set_stored(model, pk)
