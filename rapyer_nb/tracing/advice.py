"""What a trace shows that could be done in fewer round trips."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer_nb.tracing.trace import Trace, Trip

_MANY: Final = 4
"""How many similar round trips, one after the other, are worth a word."""

_LINES: Final = 3
_NAMES: Final = 3


def advice(trace: Trace) -> tuple[str, ...]:
    """Return a line for each kind of request that was made many times, each in a round trip of its own."""
    alike: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for trip in _one_after_the_other(trace):
        names = tuple(sent.name for sent in trip.commands)
        alike[names, any(sent.writes for sent in trip.commands)] += 1
    often = ((names, number, writes) for (names, writes), number in alike.most_common(_LINES))
    return tuple(_said(names, number, writes=writes) for names, number, writes in often if number >= _MANY)


def _one_after_the_other(trace: Trace) -> Iterator[Trip]:
    """Yield the trips that began when all before them had ended; side by side they cost no more time."""
    end = 0.0
    for trip in trace.trips:
        if trip.started >= end:
            yield trip
        end = max(end, trip.started + trip.seconds)


def _said(names: tuple[str, ...], number: int, *, writes: bool) -> str:
    cure = (
        "%%rapyer_pipeline (apipeline) sends writes together"
        if writes
        else "load many at once: User.afind(*keys), or rapyer.afetch_all for references"
    )
    said = printable(", ".join(names[:_NAMES])) + (", …" if len(names) > _NAMES else "")
    return f"{said} was sent {number:,} times, one round trip each; {cure}"
