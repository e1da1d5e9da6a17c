"""Where keys live in a Redis Cluster, and names that live beside them.

A cluster puts a key into one of 16384 slots by what stands between its first `{` and the next `}`, its hash
tag, or where there is none by all of it. Only keys of one slot can take part in one command or transaction.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING

from redis.crc import key_slot

if TYPE_CHECKING:
    from collections.abc import Callable


def slot_of(key: str) -> int:
    """Return the slot of a key."""
    slot: int = key_slot(key.encode())
    return slot


def hash_tag(key: str) -> str | None:
    """Return what stands for a key when its slot is computed, None where that is all of it."""
    _, brace, rest = key.partition("{")
    inside, closed, _ = rest.partition("}")
    return inside if brace and closed and inside else None


def tagged(key: str) -> str:
    """Return a text with all of the key in it that brings any name which it begins into the key's slot.

    A prefix without braces may stand before it, and anything after it: `{User:42}`, or the key itself where
    it has a hash tag of its own.
    """
    if hash_tag(key) is not None:
        return key
    return f"{{{key}}}" if "}" not in key else f"{{{_tag_of(slot_of(key))}}}{key}"


def untagged(text: str) -> str:
    """Return the key that `tagged` made a text of."""
    inside, closed, rest = text[1:].partition("}")
    key = rest or inside
    return key if key and closed and text[0] == "{" and tagged(key) == text else text


def tag_where(is_right: Callable[[int], bool]) -> str:
    """Return the smallest number, as text, which used as a hash tag leads to a slot that is right."""
    return next(str(number) for number in count() if is_right(slot_of(str(number))))


@lru_cache(maxsize=1024)
def _tag_of(slot: int) -> str:
    return tag_where(slot.__eq__)
