"""Keys: how they are made of a class prefix and a primary key, and found again from what callers give."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import ValidationError

from rapyer.errors import InnerModelError, InvalidKeyError, UnsupportedArgumentTypeError, WrongClassError
from rapyer.fields.key import RapyerKey
from rapyer.model.registry import registry
from rapyer.types.base import Linkable, RedisType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.model.identity import Identity
    from rapyer.model.state import StoredModel

_TEXTS = frozenset({str, RapyerKey})


def new_primary_key() -> str:
    """Return a random UUID (version 4) in its usual text form."""
    hexed = os.urandom(16).hex()
    variant = "89ab"[int(hexed[16], 16) % 4]
    return f"{hexed[:8]}-{hexed[8:12]}-4{hexed[13:16]}-{variant}{hexed[17:20]}-{hexed[20:]}"


def key_for(cls: type[Identity], pk: str) -> RapyerKey:
    """Return the key of an instance with that primary key."""
    return RapyerKey(f"{cls.class_key_initials()}:{pk}")


def primary_key_of(cls: type[StoredModel], key: str) -> str:
    """Return the primary key in a full key of the class."""
    return key[len(cls.class_key_initials()) + 1 :]


def checked_primary_key(cls: type[Identity], value: object) -> str:
    """Return the text of a value that is to be a primary key.

    Raises:
        InvalidKeyError: It is empty, or text that cannot be encoded.
    """
    text = "" if value is None else str(value)
    if not text:
        raise InvalidKeyError(
            f"a primary key of {cls.__name__} is empty", model=cls.__name__, hint="give it some text"
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidKeyError(
            f"the primary key {text!r} of {cls.__name__} is no valid text",
            model=cls.__name__,
            hint="it holds half of a surrogate pair",
        ) from None
    return text


def resolve(cls: type[StoredModel], given: object) -> RapyerKey:
    """Return the full key for an instance, a full key or a primary key of the class.

    A text that starts with the class's prefix is a full key; any other is a primary key, colons and all,
    unless it starts with the prefix of another known class. The value of the key field that an instance
    gives (`city.pk`) is always a primary key. What is no text is a primary key where the key field takes it.

    Raises:
        WrongClassError: It belongs to another class.
        InvalidKeyError: It is empty, or text that cannot be encoded.
        UnsupportedArgumentTypeError: It can be no key of the class.
    """
    return resolve_many(cls, (given,))[0]


def resolve_many(cls: type[StoredModel], given: Iterable[Any]) -> list[RapyerKey]:
    """Return what `resolve` returns for each of many."""
    prefix = f"{cls.class_key_initials()}:"
    head = len(prefix) - 1
    return [
        # The usual key is told without a look at the other classes, and so is the usual instance.
        (one if type(one) is RapyerKey else RapyerKey(one))
        if type(one) in _TEXTS
        and one.rfind(":") == head < len(one) - 1
        and one.startswith(prefix)
        and one.isascii()
        else one._rapyer_key()
        if type(one) is cls and one._rapyer_owner is None
        else _resolved(cls, one, prefix[:-1])
        for one in given
    ]


def _resolved(cls: type[StoredModel], given: object, prefix: str) -> RapyerKey:
    if isinstance(given, Linkable):
        return _key_of_instance(cls, given)
    if _is_own_key_field(cls, given):
        return key_for(cls, str(given))
    text = checked_primary_key(cls, given if isinstance(given, str) else _as_key_field(cls, given))
    owner = registry.owner_of(text)
    if owner is not None and owner is not cls and not _is_replaced(cls, owner):
        raise _wrong_class(cls, text)
    if not text.startswith(prefix + ":"):
        return key_for(cls, text)
    checked_primary_key(cls, primary_key_of(cls, text))
    return RapyerKey(text)


def _key_of_instance(cls: type[StoredModel], given: Any) -> RapyerKey:
    key: RapyerKey = given._rapyer_key()
    if given._rapyer_is_inner():
        raise InnerModelError(
            f"{key} {given._rapyer_path()} is an inner model, which has no key of its own",
            key=key,
            model=cls.__name__,
            hint="give the model that holds it",
        )
    if not key.startswith(cls.class_key_initials() + ":"):
        raise _wrong_class(cls, key)
    return key


def _is_own_key_field(cls: type[StoredModel], given: object) -> bool:
    if not isinstance(given, RedisType) or not isinstance(getattr(given, "_rapyer_owner", None), cls):
        return False
    return bool(given._rapyer_name == cls.__rapyer_spec__.key_field)


def _as_key_field(cls: type[StoredModel], given: object) -> object:
    field = cls.__rapyer_spec__.key_field
    if field is None and isinstance(given, UUID):
        return given
    if field is not None and given is not None:
        try:
            return cls.__rapyer_spec__.fields[field].shape.validate(given)
        except ValidationError:
            pass
    raise UnsupportedArgumentTypeError(
        f"{given!r} is no key of {cls.__name__}",
        model=cls.__name__,
        hint="give a key, a primary key or an instance",
    )


def _wrong_class(cls: type[StoredModel], text: str) -> WrongClassError:
    prefix = cls.class_key_initials()
    return WrongClassError(
        f"{text} is no key of {cls.__name__}, whose keys start with {prefix}:",
        key=text,
        model=cls.__name__,
        hint=f"if it is a primary key, write {prefix}:{text}",
    )


def _is_replaced(cls: type[StoredModel], owner: type[StoredModel]) -> bool:
    # A notebook may hold an instance's class that a later cell has defined again.
    return owner.class_key_initials() == cls.class_key_initials()
