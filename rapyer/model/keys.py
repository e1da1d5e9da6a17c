"""Keys: how they are made of a class prefix and a primary key, and found again from what callers give."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rapyer.errors import InvalidKeyError, WrongClassError
from rapyer.fields.key import RapyerKey
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from rapyer.model.state import StoredModel


def new_primary_key() -> str:
    """Return a random UUID (version 4) in its usual text form."""
    hexed = os.urandom(16).hex()
    variant = "89ab"[int(hexed[16], 16) % 4]
    return f"{hexed[:8]}-{hexed[8:12]}-4{hexed[13:16]}-{variant}{hexed[17:20]}-{hexed[20:]}"


def key_for(cls: type[StoredModel], pk: str) -> RapyerKey:
    """Return the key of an instance with that primary key."""
    return RapyerKey(f"{cls.class_key_initials()}:{pk}")


def primary_key_of(cls: type[StoredModel], key: str) -> str:
    """Return the primary key in a full key of the class."""
    return key[len(cls.class_key_initials()) + 1 :]


def resolve(cls: type[StoredModel], given: object) -> RapyerKey:
    """Return the full key for an instance, a full key or a primary key of the class.

    A text that starts with the class's prefix is a full key; any other is a primary key, colons and all,
    unless it starts with the prefix of another known class.

    Raises:
        WrongClassError: It belongs to another class.
        InvalidKeyError: It is empty.
    """
    from_instance = getattr(given, "key", None)
    text = str(from_instance if from_instance is not None else given)
    prefix = cls.class_key_initials()
    if text.startswith(prefix + ":"):
        return RapyerKey(text)
    if not text:
        raise InvalidKeyError(
            f"a primary key of {cls.__name__} is empty", model=cls.__name__, hint="give it some text"
        )
    if from_instance is not None or _is_of_another(cls, text):
        raise WrongClassError(
            f"{text} is no key of {cls.__name__}, whose keys start with {prefix}:",
            key=text,
            model=cls.__name__,
        )
    return key_for(cls, text)


def _is_of_another(cls: type[StoredModel], text: str) -> bool:
    head, colon, _ = text.partition(":")
    other = registry.by_prefix(head) if colon else None
    return other is not None and other is not cls
