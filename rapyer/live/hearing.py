"""Which ways of hearing of changes a server offers, without listening to any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rapyer.live.lines import Lines
from rapyer.live.modes import Notifications, Tracking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rapyer.live.modes import EventMode, EventName


async def ways_of(servers: Mapping[str, Any]) -> tuple[EventName, ...]:
    """Return the ways that all of some servers offer, best first; a feed takes the first one, else it polls.

    Opens connections of its own and closes them again; sends HELLO 3, CLIENT TRACKING OFF and CONFIG GET.

    Args:
        servers: What makes connections to each server, by its name (`Router.primaries`).

    Raises:
        RedisError: A server cannot be reached.
    """
    found = [await _offered(servers, way) for way in (Tracking, Notifications)]
    return tuple(name for name in found if name is not None)


async def _offered(servers: Mapping[str, Any], way: Callable[[], EventMode]) -> EventName | None:
    lines = Lines(servers, asyncio.ensure_future, _nothing)
    try:
        return await lines.open(way)
    finally:
        await lines.close()


def _nothing(keys: Iterable[bytes] | None) -> None:
    """Take no notice: nothing is listened to."""
