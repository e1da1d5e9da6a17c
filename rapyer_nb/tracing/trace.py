"""A trace as a value: the round trips that some code made, and what can be said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from rapyer_nb.tracing.advice import advice
from rapyer_nb.views.note import counted
from rapyer_nb.views.view import Reporting
from rapyer_nb.views.waterfall import Bar, Waterfall, sized, took

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_ROWS: Final = 100
_MOST_FAILURES: Final = 3


@dataclass(frozen=True)
class Sent:
    """One command of a round trip.

    Args:
        name: The command, or the library's script.
        keys: The keys it names.
        place: The path in the document; of a search the index and the query.
        sent: The bytes of the request.
        received: The bytes of its reply.
        failed: What the server said if it refused the command; else empty.
        writes: Whether it can change something.
    """

    name: str
    keys: tuple[str, ...]
    place: str
    sent: int
    received: int
    failed: str = ""
    writes: bool = False


@dataclass(frozen=True)
class Trip:
    """One round trip: a request of one or more commands to one server, and the wait for the reply.

    Args:
        started: Seconds since the trace began.
        seconds: How long it took until the reply was there, with the wait for a free connection.
        commands: What was sent.
        sent: The bytes of the request.
        received: The bytes of the reply.
        transaction: Whether it was one MULTI/EXEC.
        server: The node of the cluster; empty where there is one server.
        failed: The error that it ended in instead of a reply; else empty.
    """

    started: float
    seconds: float
    commands: tuple[Sent, ...]
    sent: int
    received: int
    transaction: bool = False
    server: str = ""
    failed: str = ""


@dataclass(repr=False)
class Trace(Reporting):
    """What some code sent; it grows while the code runs, and shows itself as a waterfall.

    Attributes:
        trips: The round trips, in the order in which they began.
        seconds: How long the code ran.
    """

    trips: list[Trip] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def commands(self) -> tuple[Sent, ...]:
        """All commands, in the order in which they were sent."""
        return tuple(sent for trip in self.trips for sent in trip.commands)

    @property
    def round_trips(self) -> int:
        """How many round trips there were."""
        return len(self.trips)

    @property
    def sent(self) -> int:
        """How many bytes were sent."""
        return sum(trip.sent for trip in self.trips)

    @property
    def received(self) -> int:
        """How many bytes came back."""
        return sum(trip.received for trip in self.trips)

    @property
    def waited(self) -> float:
        """The seconds during which at least one round trip was on its way."""
        total, covered = 0.0, 0.0
        for trip in sorted(self.trips, key=lambda each: each.started):
            end = trip.started + trip.seconds
            total += max(0.0, end - max(trip.started, covered))
            covered = max(covered, end)
        return total

    def view(self) -> Waterfall:
        """Return what a notebook shows: a row for each command, a bar for each round trip, and the sums."""
        bars = self._bars()
        more = len(self.commands) - len(bars)
        footer = [self.summary(), *([f"the first {len(bars)} commands are shown"] if more > 0 else [])]
        remarks = [*islice(self._failures(), _MOST_FAILURES), *(f"⚠ {line}" for line in advice(self))]
        return Waterfall("Round trips", bars, ", ".join(footer), remarks)

    def _failures(self) -> Iterator[str]:
        for trip in self.trips:
            if trip.failed:
                yield f"✕ {', '.join(sent.name for sent in trip.commands[:3])}: {trip.failed}"
            yield from (f"✕ {sent.name}: {sent.failed}" for sent in trip.commands if sent.failed)

    def summary(self) -> str:
        """Return a line such as `4 commands, 2 round trips, 310 B out, 42 B in, 0.9 ms of 1.3 ms waited`."""
        if not self.trips:
            return f"nothing was sent, {took(self.seconds)}"
        return (
            f"{counted(len(self.commands), 'command')}, {counted(self.round_trips, 'round trip')}, "
            f"{sized(self.sent)} out, {sized(self.received)} in, "
            f"{took(self.waited)} of {took(self.seconds)} waited for Redis"
        )

    def _bars(self) -> list[Bar]:
        bars: list[Bar] = []
        span = (
            max(self.seconds, *(trip.started + trip.seconds for trip in self.trips), 1e-9)
            if self.trips
            else 1
        )
        for number, trip in enumerate(self.trips, 1):
            for position, sent in enumerate(trip.commands):
                if len(bars) == _MOST_ROWS:
                    return bars
                first = position == 0
                bars.append(
                    Bar(
                        label=_label(number, trip) if first else "",
                        name=sent.name,
                        keys=sent.keys,
                        place=sent.place,
                        sent=sent.sent,
                        received=sent.received,
                        seconds=trip.seconds if first else None,
                        start=trip.started / span,
                        width=trip.seconds / span,
                        failed=sent.failed or (trip.failed if first else ""),
                    )
                )
        return bars


def _label(number: int, trip: Trip) -> str:
    marks = [str(number)]
    if trip.transaction:
        marks.append("MULTI")
    if trip.server:
        marks.append(trip.server)
    return " ".join(marks)
