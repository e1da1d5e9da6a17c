"""How waiters learn that it is their turn: one subscription for all of an event loop."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from rapyer.codec.replies import text
from rapyer.commands.lock import CHANNEL
from rapyer.session.clients import own_connection

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from rapyer.session.clients import ClientSource
    from rapyer.session.lock import Lock

logger = logging.getLogger("rapyer")

LINGER = 1.0
"""Seconds for which the subscription outlives the last waiter, in case that there is another soon."""

RECONNECT_DELAY = 0.5
"""Seconds before a broken subscription is made again; waiters ask by themselves meanwhile."""


class Wakeups:
    """The locks of one event loop on one source: who holds them, and who waits.

    However many wait, they use one connection, which is not one of the client's pool.

    Attributes:
        held: The locks that tasks of this loop hold, by the key of the lock.
    """

    def __init__(self, source: ClientSource) -> None:
        self.held: dict[str, Lock] = {}
        self._source = source
        self._inbox = os.urandom(16).hex()
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Event] = {}
        self._reader: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def inbox(self) -> Iterator[tuple[str, asyncio.Event]]:
        """Give a caller a name of its own, and an event that is set when there is news for it."""
        name = f"{self._inbox}:{next(self._numbers)}"
        event = self._waiting[name] = asyncio.Event()
        try:
            yield name, event
        finally:
            del self._waiting[name]
            if not self._waiting and self._reader is not None:
                asyncio.get_running_loop().call_later(LINGER, self._stop_if_idle, context=Context())

    def listen(self) -> None:
        """Subscribe, unless that was done; once it is, every waiter is woken to ask for itself."""
        if self._reader is None or self._reader.done():
            self._reader = self.spawn(self._read())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that knows nothing of the caller's context and is kept until it is done."""
        task: asyncio.Task[Any] = Context().run(asyncio.get_running_loop().create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def finish(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run work to its end; a caller that is cancelled meanwhile does not wait for that."""
        return await asyncio.shield(self.spawn(work))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits has it; for a task that was left alone nobody does

    def _stop_if_idle(self) -> None:
        if not self._waiting and self._reader is not None:
            self._reader.cancel()
            self._reader = None

    async def _read(self) -> None:
        while True:
            try:
                await self._read_until_broken()
            except (RedisError, OSError) as error:
                logger.debug("the subscription for locks broke, waiters ask by themselves: %s", error)
            await asyncio.sleep(RECONNECT_DELAY)

    async def _read_until_broken(self) -> None:
        connection = own_connection(await self._source.router.subscribable(), socket_timeout=None)
        try:
            await connection.connect()
            await connection.send_command("SUBSCRIBE", CHANNEL + self._inbox)
            await connection.read_response(disable_decoding=True)
            for event in self._waiting.values():
                event.set()
            while True:
                _, _, name = await connection.read_response(disable_decoding=True)
                waiting = self._waiting.get(text(name))
                if waiting is not None:
                    waiting.set()
        finally:
            await connection.disconnect(nowait=True)


def wakeups_of(source: ClientSource) -> Wakeups:
    """Return what the running event loop uses for the locks of a source."""
    loop = asyncio.get_running_loop()
    known = source.wakeups.get(loop)
    if known is None:
        known = source.wakeups[loop] = Wakeups(source)
    return known
