"""How live widgets and `awatch` can hear of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.live.hearing import ways_of
from rapyer_nb.doctor.finding import fine, unchecked, warning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

_NOTIFY: Final = "CONFIG SET notify-keyspace-events Kdgx"
_TRACK: Final = "ACL SETUSER <user> +client|tracking"


async def hearing(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Try what the live feed tries: CLIENT TRACKING, else keyspace notifications; else it polls."""
    ways = await ways_of(await patient.source.router.primaries())
    if "tracking" in ways:
        yield fine("changes are heard at once, by CLIENT TRACKING; keyspace notifications are not needed")
    elif "notifications" in ways:
        yield warning(
            "CLIENT TRACKING is not available: changes are heard by keyspace notifications instead, and "
            "whoever waits at a queue looks four times a second",
            f"{_TRACK}, or a server that speaks RESP3 (Redis 6 or newer)",
        )
    else:
        yield warning(
            "neither CLIENT TRACKING nor keyspace notifications are available: live widgets and awatch ask "
            "again and again",
            f"{_TRACK}, or {_NOTIFY}",
        )
    if "notifications" in ways:
        yield fine("keyspace notifications are on, for where CLIENT TRACKING is not available")
    elif "tracking" in ways:
        yield unchecked(
            "keyspace notifications are off, or this user may not ask; they are only the fallback"
        )
