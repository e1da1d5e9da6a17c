"""Keys of what lives beside documents, and the document's key in them."""

from __future__ import annotations

import pytest

from rapyer.commands.companion import main_of
from rapyer.commands.lock import is_of_lock, lock_keys
from rapyer.commands.slots import tagged, untagged
from rapyer.types.special import companion_key

KEYS = ["User:1", "User:a:b", "User:{t}:1", "User:a}b", "User:{}", "User:{", "app:User:1/x", "User:{a}b}"]


@pytest.mark.parametrize("cluster", [False, True])
@pytest.mark.parametrize("key", KEYS)
def test_a_key_beside_a_document_tells_the_key_of_the_document(key: str, cluster: bool) -> None:
    assert main_of(companion_key(key, ("tags",), tagged=cluster)) == key
    assert main_of(companion_key(key, ("inner", "tags"), tagged=cluster)) == key
    assert main_of(key) is None


@pytest.mark.parametrize("key", KEYS)
def test_a_tag_is_taken_away_again(key: str) -> None:
    assert untagged(tagged(key)) == key


@pytest.mark.parametrize("text", ["", "{", "{}", "}", "User:1", "{7}User:1", "{a"])
def test_what_no_tag_was_put_on_stays(text: str) -> None:
    assert untagged(text) == text


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("action", ["default", "a {b} / c"])
def test_keys_of_locks_are_known(key: str, action: str) -> None:
    document, *rest = lock_keys(key, action).names()
    assert not is_of_lock(document)
    assert all(map(is_of_lock, rest))
