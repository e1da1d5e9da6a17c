"""Where keys live in a cluster, and how commands are sorted by it; no server takes part."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import OutOfMemoryError, ResponseError

from rapyer.commands import json, keys
from rapyer.commands.command import Command
from rapyer.commands.insert import NewDocument, insert_new
from rapyer.commands.slots import hash_tag, slot_of, tag_where, tagged
from rapyer.errors import CrossSlotError, PartlyAppliedError, UnknownOutcomeError
from rapyer.session.plan import Plan, planned

KEYS = ("D:1", "D:2", "D:3", "{D:1}:x")
"""Keys in three slots: the last one lives with the first."""


async def _never(steps: Any) -> Any:
    raise AssertionError


def _plan(*commands: Command[Any]) -> Plan:
    plan = planned(commands, _never)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("a", None),
        ("{a}", "a"),
        ("x{a}y", "a"),
        ("{}a", None),
        ("{}{a}", None),
        ("{a", None),
        ("a}b{c}", "c"),
        ("{{a}}", "{a"),
    ],
)
def test_the_hash_tag_is_what_the_server_takes(key: str, tag: str | None) -> None:
    assert hash_tag(key) == tag
    assert slot_of(key) == slot_of("{" + tag + "}" if tag else key)


@given(st.text(alphabet="ab{}:é"), st.text(alphabet="ab{}:"))
def test_tagged_names_share_the_slot_of_the_key(key: str, rest: str) -> None:
    if not key:
        return
    name = tagged(key)
    assert key in name
    assert slot_of(name + ":x" + rest) == slot_of(f"__prefix__:{name}:x{rest}") == slot_of(key)


def test_a_tag_can_be_found_for_any_slot() -> None:
    for slot in (0, 1, 5000, 16383):
        tag = tag_where(slot.__eq__)
        assert slot_of(f"idx:{{{tag}}}") == slot


def test_one_slot_needs_no_plan() -> None:
    assert planned([], _never) is None
    assert planned([json.get_document("D:1")], _never) is None
    assert planned([json.get_document("D:1"), json.get_document("{D:1}:x")], _never) is None
    assert planned([json.get_documents(["D:1", "{D:1}:x"])], _never) is None


def test_replies_come_back_in_the_order_of_the_keys() -> None:
    command = json.get_documents(KEYS)
    plan = _plan(command)
    parts = [part for group in plan.groups for part in group]
    assert [part.command.keys for part in parts] == [("D:1", "{D:1}:x"), ("D:2",), ("D:3",)]
    assert plan.replies([[[b"1", b"4"]], [[None]], [[b"3"]]]) == [[b"1", None, b"3", b"4"]]


def test_counts_are_added() -> None:
    command = keys.delete_documents([(key, f"__x__:{tagged(key)}:tags") for key in KEYS])
    plan = _plan(command)
    assert [len(part.command.keys) for group in plan.groups for part in group] == [4, 2, 2]
    [reply] = plan.replies([[[2, 1]], [[1, 0]], [[0, 0]]])
    assert command.decode(reply) == keys.Gone(documents=3, beside=1)


def test_positions_of_what_was_stored_are_those_of_the_whole() -> None:
    beside = [((f"__x__:{tagged(key)}:tags", ["a"]),) for key in KEYS]
    documents = [NewDocument(key, b"{}", None, beside=own) for key, own in zip(KEYS, beside, strict=True)]
    command = insert_new(documents, "error")
    plan = _plan(command)
    parts = [part.command for group in plan.groups for part in group]
    assert [len(part.keys) for part in parts] == [4, 2, 2]
    [reply] = plan.replies([[[b"stored", 0, 1]], [[b"stored", 0]], [[b"stored", 0]]])
    assert command.decode(reply).stored == (0, 1, 2, 3)
    [reply] = plan.replies([[[b"stored", 0, 1]], [[b"exists", b"D:2"]], [[b"stored", 0]]])
    assert (command.decode(reply).taken, command.decode(reply).stored) == ("D:2", (0, 2, 3))


def test_commands_of_one_slot_stay_together_and_in_order() -> None:
    commands = [json.get_document(key) for key in ("D:2", "D:1", "D:2", "{D:1}:x")]
    plan = _plan(*commands)
    assert [[part.number for part in group] for group in plan.groups] == [[0, 2], [1, 3]]
    assert plan.replies([["a", "c"], ["b", "d"]]) == ["a", "b", "c", "d"]


def test_commands_without_keys_go_alone() -> None:
    plan = _plan(Command("TIME", ()), json.get_document("D:1"), Command("PING", ()))
    assert [len(group) for group in plan.groups] == [1, 1, 1]


def test_a_command_that_is_one_for_all_keys_needs_one_slot() -> None:
    with pytest.raises(CrossSlotError) as raised:
        planned([Command("COPY", ("D:1", "D:2"))], _never)
    assert raised.value.keys == ("D:1", "D:2")
    assert str(raised.value).startswith(
        "COPY cannot be one step: its keys live in 2 slots of the cluster (D:1, D:2); give keys"
    )


def test_groups_that_only_read_raise_their_error() -> None:
    plan = _plan(json.get_documents(KEYS))
    with pytest.raises(ConnectionError, match="gone"):
        plan.replies([[[b"1", b"4"]], ConnectionError("gone"), [[b"3"]]])


def test_what_was_applied_is_told() -> None:
    plan = _plan(*(json.set_value(key, "$", b"1") for key in KEYS))
    with pytest.raises(PartlyAppliedError) as raised:
        plan.replies([["OK", "OK"], OutOfMemoryError("full"), UnknownOutcomeError("lost")])
    error = raised.value
    assert (error.applied_keys, error.failed_keys) == (("D:1", "{D:1}:x"), ("D:2", "D:3"))
    assert (error.position, error.applied, error.command) == (2, 2, "JSON.SET")
    assert isinstance(error.__cause__, UnknownOutcomeError)
    assert str(error) == (
        "the cluster applied the changes of D:1, {D:1}:x, but not those of D:2, D:3: lost; "
        "what lives in different slots is not changed in one step; repeat what failed"
    )


def test_nothing_applied_is_the_error_itself() -> None:
    plan = _plan(*(json.set_value(key, "$", b"1") for key in KEYS))
    with pytest.raises(OutOfMemoryError):
        plan.replies([OutOfMemoryError("a"), OutOfMemoryError("b"), OutOfMemoryError("c")])
    with pytest.raises(UnknownOutcomeError):
        plan.replies([OutOfMemoryError("a"), UnknownOutcomeError("b"), OutOfMemoryError("c")])


def test_a_command_that_was_applied_in_part_is_told() -> None:
    plan = _plan(keys.delete_documents([(key,) for key in KEYS]))
    with pytest.raises(PartlyAppliedError) as raised:
        plan.replies([[[2, 0]], [ResponseError("boo")], [[1, 0]]])
    assert (raised.value.failed_keys, raised.value.applied) == (("D:2",), 0)
    # An error of all of its parts is its reply.
    [reply] = plan.replies([[ResponseError("boo")]] * 3)
    assert isinstance(reply, ResponseError)
