"""The push connections of a feed: one to a server, on a cluster one to each primary."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from rapyer.live.connection import PushConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from rapyer.live.connection import Push
    from rapyer.live.modes import EventMode, EventName

_PATIENCE = 0.1


class Line:
    """One connection, and how its server tells of changes."""

    def __init__(self, client: Any, on_keys: Callable[[Iterable[bytes] | None], None]) -> None:
        self.connection = PushConnection(client)
        self.reader: asyncio.Task[None] | None = None
        self.mode: EventMode | None = None
        self._on_keys = on_keys

    def heard(self, event: Push) -> None:
        """Tell of the keys that an event is about."""
        if self.mode is not None:
            self._on_keys(self.mode.keys_of(event))


class Lines:
    """All connections of a feed; if one breaks, all have to be made again, and everything is to be read.

    Args:
        servers: What makes connections to each server, by its name.
        spawn: Starts a task in an empty context.
        on_keys: Is told of keys that have changed; of None where any may have.
    """

    def __init__(
        self,
        servers: Mapping[str, Any],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        on_keys: Callable[[Iterable[bytes] | None], None],
    ) -> None:
        self.names = frozenset(servers)
        self._spawn = spawn
        self._lines = [Line(client, on_keys) for client in servers.values()]

    @property
    def are_many(self) -> bool:
        """Whether they are those of a cluster."""
        return self.names != {""}

    async def open(self, *modes: Callable[[], EventMode]) -> EventName | None:
        """Connect, and find the first way of telling of changes that all servers have; None for none.

        Raises:
            RedisError: A server cannot be reached.
        """
        try:
            for line in self._lines:
                await line.connection.open()
        except ResponseError:
            return None  # no RESP3 here
        for line in self._lines:
            line.reader = self._spawn(line.connection.read(line.heard))
        for make in modes:
            if await self.meanwhile(self._start(make)):
                return self._lines[0].mode.name if self._lines[0].mode else None
        return None

    async def _start(self, make: Callable[[], EventMode]) -> bool:
        found = [make() for _ in self._lines]
        for line, mode in zip(self._lines, found, strict=True):
            if not await mode.start(line.connection):
                return False
        for line, mode in zip(self._lines, found, strict=True):
            line.mode = mode
        return True

    async def arm(self, keys: frozenset[str], prefixes: frozenset[str]) -> bool:
        """Listen for these keys, and all that begin with these prefixes.

        Returns:
            Whether changes may have been missed meanwhile.
        """
        return bool(await self.meanwhile(self._arm(keys, prefixes)))

    async def _arm(self, keys: frozenset[str], prefixes: frozenset[str]) -> bool:
        missed = [
            await line.mode.arm(line.connection, keys, prefixes)
            for line in self._lines
            if line.mode is not None
        ]
        return any(missed)

    async def meanwhile(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Await work, or fail with a reader if a connection breaks first."""
        task = asyncio.ensure_future(work)
        readers = {line.reader for line in self._lines if line.reader is not None}
        try:
            await asyncio.wait({*readers, task}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return await task
            for reader in readers:
                if reader.done():
                    await reader
            raise RedisConnectionError("the live connection ended")
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, RedisError, OSError):
                await task

    async def close(self) -> None:
        """Close the connections, and end what reads from them."""
        try:
            for line in self._lines:
                if line.reader is not None:
                    await ended(line.reader)
        finally:
            for line in self._lines:
                await line.connection.close()


async def ended(reader: asyncio.Task[None]) -> None:
    """Cancel the reader until it ends: asking a silent server, it may swallow a cancellation, too."""
    while not reader.done():
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({reader}, timeout=_PATIENCE)
    if not reader.cancelled():
        reader.exception()  # looked at, so that asyncio does not complain of it
