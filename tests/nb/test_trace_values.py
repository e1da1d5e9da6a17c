"""What a trace makes of round trips; without Redis."""

from __future__ import annotations

from typing import Any

import pytest
from redis.connection import Connection
from redis.exceptions import ResponseError

from rapyer.commands.command import Command, Effect
from rapyer.session.observe import Exchange
from rapyer_nb.tracing import Sent, Trace, Trip
from rapyer_nb.tracing.recorder import trip_of
from rapyer_nb.tracing.sizes import reply_size, request_size
from rapyer_nb.views.waterfall import sized, took

HOSTILE = '<img src=x onerror="alert(1)">\x1b[31m\n'


@pytest.mark.parametrize(
    "words", [("GET", "k"), ("SET", "ü", b"\x00\xff"), ("X", 12, 1.5, ""), ("A" * 1000,)]
)
def test_requests_take_what_redis_py_writes(words: Any) -> None:
    assert request_size(words) == sum(map(len, Connection().pack_command(*words)))


@pytest.mark.parametrize(
    ("reply", "wire"),
    [
        (None, b"$-1\r\n"),
        (b"OK", b"+OK\r\n"),
        (b"value", b"$5\r\nvalue\r\n"),
        (12, b":12\r\n"),
        ([b"a", None, 1], b"*3\r\n$1\r\na\r\n$-1\r\n:1\r\n"),
        ([], b"*0\r\n"),
        (ResponseError("WRONGTYPE x"), b"-WRONGTYPE x\r\n"),
    ],
)
def test_replies_take_what_the_server_writes(reply: Any, wire: bytes) -> None:
    assert reply_size(reply) == len(wire)


def test_of_a_transaction_each_command_has_its_reply() -> None:
    commands = (Command("JSON.GET", ("k",), (), effect=Effect.READ), Command("DEL", ("k",)))
    requests = (("MULTI",), ("JSON.GET", "k"), ("DEL", "k"), ("EXEC",))
    replies = [b"OK", b"QUEUED", b"QUEUED", [b"12345", ResponseError("no")]]
    trip = trip_of(Exchange(commands, requests), replies, 0, 1)
    assert trip.transaction
    assert [(sent.name, sent.received, sent.failed, sent.writes) for sent in trip.commands] == [
        ("JSON.GET", 11, "", False),
        ("DEL", 5, "ResponseError: no", True),
    ]


def trace_of(*trips: tuple[float, float, str]) -> Trace:
    made = [Trip(start, took, (Sent(name, ("k",), "", 10, 20),), 10, 20) for start, took, name in trips]
    return Trace(made, 10.0)


def test_round_trips_side_by_side_are_waited_for_once() -> None:
    assert trace_of((0, 1, "A"), (0.5, 1, "A"), (3, 1, "A")).waited == 2.5


def test_only_round_trips_one_after_the_other_are_worth_advice() -> None:
    assert "A was sent 4 times" in trace_of(*((float(at), 0.5, "A") for at in range(4))).view().text()
    assert "⚠" not in trace_of(*((0.0, 0.5, "A") for _ in range(4))).view().text()


def test_large_traces_are_capped() -> None:
    trace = trace_of(*((float(at), 0.5, "A") for at in range(1000)))
    view = trace.view()
    assert "the first 100 commands are shown" in view.text()
    assert len(view.html()) < 60_000
    assert len(view.text().splitlines()) < 110


def test_hostile_names_are_escaped() -> None:
    sent = Sent(HOSTILE, (HOSTILE * 100,), HOSTILE, 1, 1, HOSTILE)
    view = Trace([Trip(0, 1, (sent,), 1, 1, server=HOSTILE, failed=HOSTILE)] * 5, 2.0).view()
    assert "<img" not in view.html()
    assert "\x1b" not in view.html() + view.text()
    assert len(view.html()) < 20_000


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.00031, "310 µs"), (0.0125, "12.5 ms"), (1.34, "1.3 s"), (0.0, "0 µs")]
)
def test_durations(seconds: float, shown: str) -> None:
    assert took(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(310, "310 B"), (12_500, "12.5 KB"), (3_100_000, "3.1 MB")])
def test_sizes(number: int, shown: str) -> None:
    assert sized(number) == shown
