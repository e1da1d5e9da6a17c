"""Commands are values that say everything about themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rapyer.codec.paths import ROOT, JsonPath, addressable
from rapyer.commands import json, keys, search
from rapyer.commands.command import Command, Effect
from rapyer.commands.insert import NewDocument, insert
from rapyer.errors import PartialSearchError


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("city", "$.city"),
        ("a.b", '$["a.b"]'),
        ("", '$[""]'),
        ("*", '$["*"]'),
        ('say "x"', "$['say \"x\"']"),
        ("it's", '$["it\'s"]'),
        ("ключ", '$["ключ"]'),
    ],
)
def test_paths_name_any_member(name: str, path: str) -> None:
    assert JsonPath("$").child(name) == path
    assert addressable(name)


@pytest.mark.parametrize("name", ["a\\b", "both \" and '", " a", " "])
def test_some_members_have_no_path_and_go_by_a_script(name: str) -> None:
    assert not addressable(name)
    assert not ROOT.child(name).item(0).usable
    for command in (
        json.get_member("U:1", ROOT.child("d"), name),
        json.set_member("U:1", ROOT.child("d"), name, b"1"),
        json.delete_member("U:1", ROOT.child("d"), name),
    ):
        assert command.operation == "script member"
        assert command.args[2] == name


def test_paths_name_elements() -> None:
    assert ROOT.child("items").item(2).child("n") == "$.items[2].n"


def test_an_append_is_told_in_full() -> None:
    command = json.append("User:1", "$.tags", [b'"x"'])
    assert command.words() == ("JSON.ARRAPPEND", "User:1", "$.tags", b'"x"')
    assert command.effect is Effect.ONCE
    assert command.decode([3]) == 3


def test_commands_are_frozen_and_comparable() -> None:
    command = json.get("User:1")
    assert command == json.get("User:1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        command.name = "GET"  # type: ignore[misc]


@pytest.mark.parametrize("reply", [b"[2.5]", [2.5]])
def test_a_number_is_read_from_either_protocol(reply: object) -> None:
    assert json.increment("U:1", "$.f", 1.5).decode(reply) == 2.5


@pytest.mark.parametrize(("reply", "popped"), [([b"1"], b"1"), ([None], None), ([], None), (b"1", b"1")])
def test_a_popped_element_is_read_from_any_shape(reply: object, popped: bytes | None) -> None:
    assert json.pop("U:1", "$.l", 0).decode(reply) == popped


def test_a_guarded_write_carries_its_script() -> None:
    command = json.set_if("U:1", "$.a", b"[1]", b"2")
    words = command.words()
    assert words[0] == "EVAL"
    assert "JSON.SET" in str(words[1])
    assert words[2:] == (1, "U:1", "$.a", b"[1]", b"2")
    assert command.decode([b"changed", b"[3]"]) == json.SetIfResult("changed", b"[3]")
    assert command.decode([b"gone"]).status == "gone"


def test_a_guarded_save_tells_what_to_write() -> None:
    command = json.save_if("U:1", b'{"a":1}', [("$.a", b"2"), ("$.b", b"")], ttl=7)
    assert command.effect is Effect.ONCE  # a second run would not know the text that the first one wrote
    assert command.args == (b'{"a":1}', 7, "$.a", b"2", "$.b", b"")
    assert command.operation == "script save_if"
    assert json.save_if("U:1", b"{}", [], ttl=None).args == (b"{}", "")


def test_many_documents_go_in_one_command() -> None:
    command = insert([NewDocument("U:1", b"{}", None), NewDocument("U:2", b"[]", 5, beside=(("S", ["1"]),))])
    assert command.operation == "JSON.MSET"
    assert command.effect is Effect.IDEMPOTENT
    assert command.words()[0] == "EVAL"
    assert command.words()[2:] == (
        3, "U:1", "U:2", "S", "replace", 2, 1, "", "anew", 0, b"{}", 1, 5, "anew", 1, b"[]", 1, "1"
    )  # fmt: skip


def test_a_scan_matches_its_prefix_literally() -> None:
    assert keys.glob_escape("M[int]:*?") == "M\\[int\\]:\\*\\?"
    assert "M\\[int\\]:*" in keys.scan_documents(0, "M[int]:", 10).args


RESP2 = [2, b"U:1", [b"$", b'{"a":1}'], b"U:2", []]
RESP3 = {
    b"total_results": 2,
    b"results": [
        {b"id": b"U:1", b"extra_attributes": {b"$": b'{"a":1}'}},
        {b"id": b"U:2", b"extra_attributes": {}},
    ],
}


@pytest.mark.parametrize("reply", [RESP2, RESP3])
def test_search_pages_are_read_from_either_protocol(reply: object) -> None:
    page = search.search("idx:U", "*", {}, offset=0, limit=2).decode(reply)
    assert page.total == 2
    assert page.documents == (("U:1", b'{"a":1}'), ("U:2", None))


@pytest.mark.parametrize(
    "reply",
    [
        [1, [b"__key", b"U:1"], None, [b"__key", b"U:2"]],
        {
            b"results": [
                {b"extra_attributes": {b"__key": b"U:1"}},
                {b"extra_attributes": None},
                {b"extra_attributes": {b"__key": b"U:2"}},
            ]
        },
    ],
)
def test_rows_of_documents_that_have_expired_are_left_out(reply: object) -> None:
    assert search.every_key("idx:U", "*", {}).decode(reply) == (["U:1", "U:2"], 3)
    assert search.documents("idx:U", "*", {}, limit=3).decode(reply) == [("U:1", None), ("U:2", None)]


@pytest.mark.parametrize(
    "command",
    [
        search.search("idx:U", "*", {}, offset=0, limit=2),
        search.matches("idx:U", "*", {}, limit=2),
        search.every_key("idx:U", "*", {}),
        search.documents("idx:U", "*", {}, limit=2),
        search.leading("idx:U", "*", {}, path="$.a", descending=False, limit=2, whole=True),
        search.nearest("idx:U", "*", {}, limit=2, distance="d"),
    ],
)
def test_no_search_ends_before_it_is_done(command: Command[Any]) -> None:
    """The server is given no limit of time, and what it says that it left out is not passed over."""
    at = command.args.index("TIMEOUT")
    assert command.args[at + 1] == 0
    reply = {b"total_results": 1, b"results": [], b"warning": [b"Timeout limit was reached"]}
    with pytest.raises(PartialSearchError, match="left matches out: Timeout limit was reached"):
        command.decode(reply)


def test_a_command_shows_stored_text_as_it_is_sent() -> None:
    command = Command("JSON.SET", ("User:1",), ("$.name", '"Zoë"'.encode()), str)
    assert str(command) == 'JSON.SET User:1 $.name "Zoë"'
