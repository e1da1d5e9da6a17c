"""Whether the clocks here and on the server agree."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rapyer.commands.server import clock as server_clock
from rapyer.session.executor import run
from rapyer_nb.doctor.finding import fine, warning
from rapyer_nb.views.note import lasted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

_LOOKS: Final = 5
_FAR: Final = 1.0
"""The seconds between two clocks from which on it is worth a warning."""


async def clock(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Compare the clock of each server with the one here (TIME)."""
    for address, ahead, doubt in await patient.source.router.on_each(_compared):
        yield told(patient.called(address), ahead, doubt)


def told(address: str, ahead: float, doubt: float) -> Finding:
    """Return the finding for a clock.

    Args:
        address: The server.
        ahead: How many seconds it is ahead of the clock here.
        doubt: How many seconds that may be wrong by.
    """
    if abs(ahead) - doubt < _FAR:
        return fine(
            f"the clocks here and on {address} differ by less than {lasted(max(abs(ahead) + doubt, 0.001))}"
        )
    way = "ahead of" if ahead > 0 else "behind"
    return warning(
        f"the clock of {address} is {lasted(abs(ahead))} {way} the one here: locks and times to live go by "
        "the server's alone, but times that programs write do not fit together",
        "set both by NTP",
    )


async def _compared(server: ClientSource) -> tuple[str, float, float]:
    best = (float("inf"), 0.0)
    for _ in range(_LOOKS):
        before, start = time.time(), time.perf_counter()
        there = await run(server, server_clock())
        took = time.perf_counter() - start
        best = min(best, (took, there - before - took / 2))
    return server.describe(), best[1], best[0] / 2
