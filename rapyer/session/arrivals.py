"""How tasks wait until something has come to a key.

While a task waits, nothing is on its way to it: the server only tells that the key has changed (CLIENT
TRACKING), and the task then takes what is there, as it would without having waited. So a wait that is
cancelled, or whose connection breaks, loses nothing, as a blocking command of Redis would; and whatever
changes the key wakes, be it another library or a script.

However many tasks of an event loop wait, they use two connections, which are not of the client's pool; on a
cluster two for each node that has such a key.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.codec.replies import text
from rapyer.session.clients import own_connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from rapyer.session.clients import ClientSource

R = TypeVar("R")

logger = logging.getLogger("rapyer")

TOLD = 5.0
"""Seconds after which a task looks although it would be told, in case that a message was lost."""

NOT_TOLD = 0.25
"""Seconds after which a task looks where the server does not tell of changes."""

LINGER = 1.0
"""Seconds for which the connections outlive the last task that waits, in case that there is another soon."""

_CHANGED = "__redis__:invalidate"


async def until_found(
    source: ClientSource, key: str, take: Callable[[], Awaitable[R]], seconds: float | None
) -> R:
    """Take something from a key as soon as there is something, and return what `take` gives.

    Args:
        source: The server.
        key: The key.
        take: Takes something at once; what it gives is false where there is nothing.
        seconds: How long to wait; None not to wait. After it, the last that `take` gave is returned.
    """
    found = await take()
    if found or seconds is None:
        return found
    deadline = asyncio.get_running_loop().time() + seconds
    with _arrivals_of(source).waiting(key) as place:
        while await place.watched(deadline):
            if place.maybe_there:
                found = await take()
                if found:
                    break
            await place.told(deadline)
    return found


class Place:
    """Where one task waits.

    Attributes:
        maybe_there: Whether the key existed when the server was asked last, or nobody could tell.
    """

    def __init__(self, arrivals: Arrivals, key: str, event: asyncio.Event) -> None:
        self.maybe_there = True
        self._arrivals = arrivals
        self._key = key
        self._event = event
        self._patience = NOT_TOLD

    async def watched(self, deadline: float) -> bool:
        """Let the server tell of the next change of the key; whether there is still time.

        Args:
            deadline: When the wait ends, in the time of the event loop.
        """
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0:
            return False
        self._event.clear()
        asked = self._arrivals.watch(self._key)
        # Not `wait_for`, which may lose a cancellation that comes with the answer.
        await asyncio.wait({asked}, timeout=min(left, TOLD))
        there = asked.result() if asked.done() else None
        self.maybe_there = there is not False
        self._patience = NOT_TOLD if there is None else TOLD
        return True

    async def told(self, deadline: float) -> None:
        """Wait until the key has changed, or it is time to look anyway."""
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(max(0, min(deadline - loop.time(), self._patience)), self._event.set)
        try:
            await self._event.wait()
        finally:
            alarm.cancel()


class Arrivals:
    """The keys of one source that tasks of one event loop wait at."""

    def __init__(self, source: ClientSource) -> None:
        self._source = source
        self._waiting: dict[str, dict[asyncio.Event, None]] = {}
        self._lines: dict[str, Line] = {}
        self._next_try: dict[str, float] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def waiting(self, key: str) -> Iterator[Place]:
        """Let a task wait at a key, behind those that wait there already."""
        event = asyncio.Event()
        others = self._waiting.setdefault(key, {})
        others[event] = None
        try:
            yield Place(self, key, event)
        finally:
            del others[event]
            if others:
                self._wake(key)  # there may be more than what this one has taken
            else:
                del self._waiting[key]
                self._hang_up_later()

    def watch(self, key: str) -> asyncio.Task[bool | None]:
        """Let the server tell of the next change of a key (CLIENT TRACKING; EXISTS).

        Returns:
            A task of its own, so that a caller who is cancelled leaves no reply behind unread. It gives
            whether the key is there now, None where the server will not tell.
        """
        return self._spawn(self._watch(key))

    async def _watch(self, key: str) -> bool | None:
        try:
            name, client = await self._source.router.server_of(key)
        except (RedisError, OSError) as error:
            logger.debug("%s does not tell of changes: %s", self._source.describe(), error)
            return None
        line: Line | None = None
        try:
            async with self._opening.setdefault(name, asyncio.Lock()):
                line = await self._open_line(name, client)
            return await line.ask(key)
        except ResponseError as error:
            logger.debug("%s does not tell of changes of %s: %s", self._source.describe(), key, error)
            return None  # on a cluster, another node has it now; the next who takes something finds that out
        except (RedisError, OSError) as error:
            logger.debug("%s does not tell of changes: %s", self._source.describe(), error)
            if line is not None:
                line.hang_up()
            return None

    async def _open_line(self, name: str, client: Any) -> Line:
        line = self._lines.get(name)
        if line is None:
            now = asyncio.get_running_loop().time()
            if now < self._next_try.get(name, 0.0):
                raise RedisConnectionError("it did not a moment ago")
            self._next_try[name] = now + TOLD
            line = Line(client)
            line.reader = self._spawn(self._listen(name, line))
            line.reader.add_done_callback(line.fail)
            await line.opened
            self._lines[name] = line
            self._hang_up_later()  # whoever asked for it may wait no more
        return line

    async def _listen(self, name: str, line: Line) -> None:
        reading: list[asyncio.Task[None]] = []
        error: Exception = RedisConnectionError("it was closed")
        try:
            await asyncio.wait_for(line.open(), TOLD)
            # Both at once, so that it shows when either connection breaks.
            reading = [self._spawn(self._hear(line)), self._spawn(line.read_answers())]
            await asyncio.gather(*reading)
        except (RedisError, OSError, asyncio.TimeoutError) as broken:
            logger.debug("the connection that tells of changes broke: %r", broken)
            error = broken
        finally:
            if self._lines.get(name) is line:
                del self._lines[name]
            for task in reading:
                task.cancel()
            await line.close(error)
            for told in self._waiting:
                self._wake(told)

    async def _hear(self, line: Line) -> None:
        while True:
            changed = await line.changed()
            for told in self._waiting if changed is None else changed:
                self._wake(told)

    def _wake(self, key: str) -> None:
        """Wake the first who waits at a key; each wakes the next when it leaves."""
        for event in self._waiting.get(key, ()):
            event.set()
            return

    def _hang_up_later(self) -> None:
        asyncio.get_running_loop().call_later(LINGER, self._hang_up_if_idle, context=Context())

    def _hang_up_if_idle(self) -> None:
        if not self._waiting:
            for line in self._lines.values():
                line.hang_up()
            self._lines.clear()
            self._next_try.clear()

    def _spawn(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        """Start a task that knows nothing of the caller's context and is kept until it is done."""
        task: asyncio.Task[R] = Context().run(asyncio.get_running_loop().create_task, work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Line:
    """Two connections to a server: over one it is asked about keys, over the other it tells of changes.

    Attributes:
        opened: Done when the server can be asked.
        reader: The task that reads what the server tells.
    """

    def __init__(self, client: Any) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reader: asyncio.Task[None] | None = None
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._asking = own_connection(client, socket_timeout=None)
        self._hearing = own_connection(client, socket_timeout=None)

    async def open(self) -> None:
        """Connect, and let the server tell the one connection what concerns the other."""
        await self._hearing.connect()
        number = await _said(self._hearing, "CLIENT", "ID")
        await _said(self._hearing, "SUBSCRIBE", _CHANGED)
        await self._asking.connect()
        await _said(self._asking, "CLIENT", "TRACKING", "ON", "REDIRECT", str(number))
        self.opened.set_result(None)

    async def ask(self, key: str) -> bool:
        """Tell whether a key is there; of its next change the server will tell.

        Raises:
            redis.exceptions.RedisError: The connection is broken, or there was no answer in time.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self._asking.is_connected:  # it would connect anew, and nobody would tell
            raise RedisConnectionError("the connection is closed")
        self._asked.append(answer)
        await self._asking.send_command("EXISTS", key)
        await asyncio.wait({answer}, timeout=TOLD)
        if not answer.done():
            raise RedisTimeoutError("no answer came in time")
        return bool(answer.result())

    async def read_answers(self) -> None:
        """Give each who has asked the answer, until the connection breaks."""
        while True:
            try:
                answer = await self._asking.read_response(disable_decoding=True)
            except ResponseError as error:
                asked = self._asked.popleft()
                asked.set_exception(error)
                asked.exception()  # seen, also where nobody waits any more
            else:
                self._asked.popleft().set_result(answer)

    async def changed(self) -> list[str] | None:
        """Return the next keys that have changed, None where all may have."""
        _, _, changed = await self._hearing.read_response(disable_decoding=True)
        return None if changed is None else [text(key) for key in changed]

    def hang_up(self) -> None:
        """Let both connections be closed."""
        if self.reader is not None:
            self.reader.cancel()

    def fail(self, error: object) -> None:
        """Let whoever waits for an answer have an error."""
        for waiting in (self.opened, *self._asked):
            if not waiting.done():
                waiting.set_exception(RedisConnectionError(str(error)))
                waiting.exception()  # seen, also where nobody waits any more

    async def close(self, error: Exception) -> None:
        """Close both connections, and let whoever waits for them have the error."""
        self.fail(error)
        for connection in (self._asking, self._hearing):
            await connection.disconnect(nowait=True)


async def _said(connection: Any, *words: str) -> Any:
    await connection.send_command(*words)
    return await connection.read_response(disable_decoding=True)


def _arrivals_of(source: ClientSource) -> Arrivals:
    loop = asyncio.get_running_loop()
    known = source.arrivals.get(loop)
    if known is None:
        known = source.arrivals[loop] = Arrivals(source)
    return known
