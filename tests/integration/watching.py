"""What commands a server gets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_MARK = "the test looks"
_SETTING_UP = {"CLIENT", "HELLO", "AUTH", "SELECT", "PING"}


class Sent:
    """The commands that reached a server, asked for as often as one likes."""

    def __init__(self, monitor: Any, probe: Redis, *, scripts: bool) -> None:
        self._monitor = monitor
        self._probe = probe
        self._scripts = scripts
        self._words: list[str] = []

    async def lines(self) -> list[str]:
        """Return the commands so far; those inside scripts only if they were asked for."""
        await self._probe.echo(_MARK)
        while True:
            seen = await self._monitor.next_command()
            line = seen["command"]
            if _MARK in line:
                return list(self._words)
            if (self._scripts or seen["client_type"] != "lua") and line.partition(" ")[
                0
            ].upper() not in _SETTING_UP:
                self._words.append(line)

    async def names(self) -> list[str]:
        """Return the names of the commands so far."""
        return [line.partition(" ")[0].upper() for line in await self.lines()]


@asynccontextmanager
async def sent_to(url: str, *, scripts: bool = False) -> AsyncIterator[Sent]:
    """Watch what a server gets in a block (MONITOR).

    Args:
        url: The server.
        scripts: Whether to see the commands that scripts call, too.
    """
    watcher, probe = Redis.from_url(url), Redis.from_url(url)
    try:
        async with watcher.monitor() as monitor:
            yield Sent(monitor, probe, scripts=scripts)
    finally:
        await watcher.aclose()
        await probe.aclose()
