"""The keys and commands of locks."""

from __future__ import annotations

import pytest
from redis.cluster import key_slot

from rapyer.commands import json
from rapyer.commands.lock import Acquired, Blocked, acquire, lock_keys, save


def test_the_lock_has_the_name_that_rapyer_1_3_6_uses() -> None:
    keys = lock_keys("User:42", "profile")
    assert keys.names() == (
        "User:42",
        "User:42/profile:lock",
        "User:42/profile:lock:queue",
        "User:42/profile:lock:seen",
        "User:42/profile:lock:fence",
    )


def test_no_two_models_share_a_lock() -> None:
    names = {
        lock_keys(key, action).lock
        for key in ("U:a", "U:a/b", "U:a/b/c")
        for action in ("c", "b/c", "b%2Fc", "b%252Fc")
    }
    assert len(names) == 12


@pytest.mark.parametrize("key", ["User:42", "User:a b", "User:", "User:ключ"])
def test_tagged_keys_live_in_the_slot_of_the_model(key: str) -> None:
    slots = {key_slot(name.encode()) for name in lock_keys(key, "x", tagged=True).names()}
    assert len(slots) == 1


def test_replies_to_acquire() -> None:
    decode = acquire(lock_keys("U:1", "x"), "me:1", lease=1.5, queue=True, path=".").decode
    assert decode([1, b"17", b"{}"]) == Acquired(17, b"{}")
    assert decode([1, b"17", None]) == Acquired(17, None)
    assert decode([1, b"17"]) == Acquired(17, None)
    assert decode([0, 1500, 2]) == Blocked(1.5, 2)
    assert decode([0, -1, 0]) == Blocked(None, 0)


def test_a_save_carries_its_commands_as_words() -> None:
    command = save(lock_keys("U:1", "x"), "me:1", [json.set_value("U:1", "$.a", b"1")])
    assert command.args == ("save", "me:1", 4, "JSON.SET", "U:1", "$.a", b"1")
