"""`rapyer.awatch`: changes of documents, as an asynchronous iterator.

What it guarantees: after the last change of a document, whoever made it, what it holds is told at least once,
also if the connection was lost meanwhile. What it does not: that each value in between is seen. Changes that
follow one another quickly, or come while the consumer is busy, become one, so that neither memory nor the
server suffers from a slow consumer. Who needs each of them writes them to a Redis stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, overload

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.errors import UnsupportedArgumentValueError
from rapyer.live import feed_for
from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer.watching.listening import Listener, close_watches, listening
from rapyer.watching.stock import KeyStock, Stock
from rapyer.watching.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from rapyer.base import AtomicRedisModel
    from rapyer.live import FeedState, Mode, Watch
    from rapyer.watching.change import Change

T = TypeVar("T")
R = TypeVar("R")

RETRY: Final = 1.0
"""Seconds until a read that has failed for want of a connection is tried again; the feed asks sooner."""

LINGER: Final = 1.0
"""Seconds for which a stream goes on to listen after a wait for it was cancelled."""


class ChangeStream(Generic[T]):
    """Changes as they are seen; `rapyer.awatch` makes it.

    It listens from the first step on, or from the beginning of its `async with`, until it is closed, or
    nobody has it any more. A wait that was cancelled may be repeated: nothing is lost.
    """

    _watches: tuple[Watch, ...] = ()
    _loop: asyncio.AbstractEventLoop | None = None

    def __init__(self, subject: Subject, *, initial: bool, debounce: float, raw: bool) -> None:
        self._subject = subject
        self._source = registry.source_in_use
        self._listener = Listener(subject.whole, subject.single)
        self._stock: Any = KeyStock(subject) if raw else Stock(subject, initial=initial)
        self._initial = initial
        self._debounce = debounce
        self._ready: deque[T] = deque()
        self._portions: deque[tuple[type[AtomicRedisModel], Sequence[str]]] = deque()
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._letting_go: asyncio.TimerHandle | None = None
        self._begun = False
        self._closed = False

    @property
    def mode(self) -> Mode:
        """How changes are heard of: "tracking", "notifications", "polling", or "idle" for not at all."""
        with using(self._source):
            return feed_for(registry.source_for(self._subject.models[0])).mode

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        async with self._turn:
            try:
                while not self._ready:
                    await self._step()
            except asyncio.CancelledError:
                self._let_go_later()
                raise
            except BaseException:
                await self.aclose()
                raise
            return self._ready.popleft()

    async def __aenter__(self) -> Self:
        async with self._turn:
            try:
                await self._begin()
            except BaseException:
                await self.aclose()
                raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop to listen; whoever waits for a change gets no more. Closing twice does no harm."""
        self._closed = True
        self._woken.set()
        self._let_go()

    def __del__(self) -> None:
        if self._watches and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(close_watches, self._watches, context=Context())

    # Listening ----------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Listen, if that was let go; the first time, read what there is."""
        if self._letting_go is not None:
            self._letting_go.cancel()
            self._letting_go = None
        lost: asyncio.Queue[str] = asyncio.Queue()
        if not self._watches:
            self._loop = asyncio.get_running_loop()
            with using(self._source):
                self._watches = self._listener.watch(self._woken.set, _teller(lost))
            if self._begun:
                self._listener.doubt()
        if self._begun:
            return
        await listening(self._watches, lost)
        if self._initial:
            self._listener.doubt()
        else:
            await self._apart(self._stock.fill())
            if isinstance(self._stock, KeyStock):
                self._listener.take()  # told by the feed as it began
        self._rest()
        self._begun = True

    def _let_go_later(self) -> None:
        # Who waits for a second at a time, as by `wait_for`, needs no new connection each time.
        if self._loop is not None and self._letting_go is None:
            self._letting_go = self._loop.call_later(LINGER, self._let_go, context=Context())

    def _let_go(self) -> None:
        watches, self._watches = self._watches, ()
        close_watches(watches)

    # Reading ------------------------------------------------------------------------------------------------

    async def _step(self) -> None:
        """Wait until there is something to be read, and read a portion of it."""
        if self._closed:
            raise StopAsyncIteration
        await self._begin()
        try:
            if not self._portions:
                await self._wait_for_portions()
            if self._portions:
                self._ready.extend(await self._apart(self._stock.compared(*self._portions[0])))
                self._portions.popleft()
        except (RedisConnectionError, RedisTimeoutError, OSError):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._heard(), RETRY)

    async def _wait_for_portions(self) -> None:
        while not self._listener.pending:
            await self._heard()
            if self._closed:
                raise StopAsyncIteration
        if self._debounce:
            await asyncio.sleep(self._debounce)
        pending = self._listener.take()
        try:
            for model, keys in pending.items():
                portions = await self._apart(self._stock.portions(model, keys))
                self._portions.extend((model, portion) for portion in portions)
            self._rest()
        except BaseException:
            for model, keys in pending.items():
                self._listener.note(model, keys)
            raise

    def _rest(self) -> None:
        for watch in self._watches:
            watch.rest = self._stock.rest

    async def _heard(self) -> None:
        self._woken.clear()
        await self._woken.wait()

    async def _apart(self, work: Coroutine[Any, Any, R]) -> R:
        """Await work in a context of its own: a pipeline or lock that the consumer has open is not ours."""

        async def with_source() -> R:
            with using(self._source):
                return await work

        task = Context().run(asyncio.get_running_loop().create_task, with_source())
        task.add_done_callback(_seen)
        try:
            return await asyncio.shield(task)
        finally:
            task.cancel()


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # the consumer was told, or has gone


def _teller(lost: asyncio.Queue[str]) -> Callable[[FeedState], None]:
    def tell(state: FeedState) -> None:
        if state.status == "disconnected":
            lost.put_nowait(state.reason)

    return tell


@overload
def awatch(
    *watched: Any,
    fields: Iterable[str] = (),
    initial: bool = False,
    debounce: float = 0.0,
    raw: Literal[True],
) -> ChangeStream[str]: ...


@overload
def awatch(
    *watched: Any,
    fields: Iterable[str] = (),
    initial: bool = False,
    debounce: float = 0.0,
    raw: Literal[False] = False,
) -> ChangeStream[Change]: ...


def awatch(
    *watched: Any,
    fields: Iterable[str] = (),
    initial: bool = False,
    debounce: float = 0.0,
    raw: bool = False,
) -> ChangeStream[Any]:
    """Watch documents, and what lives beside them: `async for change in awatch(user)`.

    Whoever changes them, what they hold after the last change is told at least once, also where the
    connection was lost meanwhile. Values in between may be passed over: changes that follow one another
    quickly are told as one. All that is watched in an event loop is heard by one connection for each server.

    Listens by CLIENT TRACKING, or keyspace notifications, else looks at intervals (DUMP). Reads documents
    when it begins, when they may have changed, and after each reconnect (SCAN for a whole class, and scripts
    of JSON.GET, SMEMBERS, ZRANGE, PTTL). No time to live begins anew by it, and a new one alone is no change.

    Args:
        watched: Classes (all of their documents), instances, keys, and values of fields (`user.score`, or
            `User.score` in all documents).
        fields: Dotted names of the fields that count, if not all do.
        initial: Tell at first what is there, each document as a change.
        debounce: Seconds to wait after a change was heard, so that what follows is told with it.
        raw: Tell only the keys of documents that may have changed, and read nothing.

    Returns:
        An asynchronous iterator of `Change`, or with `raw` of keys. Leave it by `break`, or use it in an
        `async with`, which listens from its beginning and ends at its end; it has `aclose()`, too.

    Raises:
        MissingParameterError: Nothing is given.
        UnsupportedArgumentTypeError: Something can not be watched, or a class has no such field.
        UnsupportedArgumentValueError: The seconds are negative.
        UnlinkedValueError: A value belongs to no model, or is an element of a list or dict.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key.
        ConnectionError: By the first step: the server cannot be reached. Later the stream waits for it.
    """
    if debounce < 0:
        raise UnsupportedArgumentValueError(f"debounce is {debounce!r}", hint="give seconds, or 0")
    return ChangeStream(Subject.of(watched, fields), initial=initial, debounce=debounce, raw=raw)
