"""The change feed: one connection for each server and event loop, shared by all who watch keys there."""

from __future__ import annotations

import asyncio
import time
import weakref
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rapyer.live.coalesce import Coalescer
from rapyer.live.lines import Lines
from rapyer.live.modes import Notifications, Tracking
from rapyer.live.polling import Poller
from rapyer.live.watches import FeedState, Mode, PrefixWatch, Status, Watch, Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from rapyer.live.modes import EventName

_HOW = {
    "tracking": "live by client tracking",
    "notifications": "live by keyspace notifications",
    "polling": "looks at intervals: the server tells of no changes",
}

WINDOW = 0.075
# Without any event, too, everything is read again now and then: a lost message would never be noticed.
RESYNC = 30.0
# Seconds after which a cluster is asked whether it has other primaries.
LOOK_ROUND = 2.0
FIRST_RETRY = 0.1
LAST_RETRY = 2.0


class Source(Protocol):
    """What the feed needs of a client source."""

    def client(self) -> Any:
        """Return the client of the running event loop."""


class LiveFeed:
    """Tells watchers that keys changed, in Redis, by whomever.

    It takes the best way that the server offers: client-side-caching invalidations, keyspace notifications
    (if they are on; the server's configuration is never touched), or looking at intervals. Bursts become few
    deliveries. After every reconnect all watched keys count as changed: the gap is invisible otherwise.

    Attributes:
        mode: How changes are heard of now.
        state: How live it is, and since when.
    """

    def __init__(self, source: Source, *, window: float = WINDOW, resync: float = RESYNC) -> None:
        """Make a feed of the running loop; it connects when the first key is watched.

        Args:
            source: Where the client of the running loop comes from.
            window: Seconds in which further changes of a key are gathered into one delivery.
            resync: Seconds after which all keys count as changed although nothing was heard.
        """
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._resync = resync
        self._watches = Watches()
        self._changes = Coalescer(self._deliver, window)
        self._changes_below = Coalescer(self._deliver_below, window)
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.mode: Mode = "idle"
        self.state = FeedState()

    def watch(
        self,
        key: str,
        on_change: Callable[[], None],
        on_state: Callable[[FeedState], None] | None = None,
    ) -> Watch:
        """Call `on_change` on the feed's loop whenever the key may have changed; must be called on that loop.

        Args:
            key: The key to watch.
            on_change: Called without arguments, in an empty context; it must return quickly.
            on_state: Called with the state whenever it changes.

        Returns:
            The watch; await its `ready()` before the first read of the key.
        """
        watch = Watch(self, key, on_change, on_state)
        self._take_up(watch)
        return watch

    def watch_prefix(
        self,
        prefix: str,
        on_keys: Callable[[frozenset[str] | None], None],
        on_state: Callable[[FeedState], None] | None = None,
    ) -> PrefixWatch:
        """Call `on_keys` on the feed's loop whenever keys that begin so may have changed, come or gone.

        Where the server tells of no changes they count as changed at every look, without a name.

        Args:
            prefix: What the keys begin with, such as `User:`.
            on_keys: Called with the keys, in an empty context; with `None` where any may have changed.
            on_state: Called with the state whenever it changes.

        Returns:
            The watch; await its `ready()` before the first read.
        """
        watch = PrefixWatch(self, prefix, on_keys, on_state)
        self._take_up(watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Forget a watch; closing one twice does no harm."""
        if self._watches.remove(watch):
            changes = self._changes_below if isinstance(watch, PrefixWatch) else self._changes
            changes.forget(watch.key)
            self._wanted.set()
        if not self._watches:
            self._stop()

    async def changes(self, *keys: str) -> AsyncIterator[str]:
        """Yield a key whenever it may have changed; each key once as soon as it is watched.

        A key that changes again before it was taken is yielded once.
        """
        pending: dict[str, None] = dict.fromkeys(keys)
        woken = asyncio.Event()

        def note(key: str) -> None:
            pending[key] = None
            woken.set()

        watches = [self.watch(key, partial(note, key)) for key in keys]
        try:
            for watch in watches:
                await watch.ready()
            while True:
                while pending:
                    key = next(iter(pending))
                    del pending[key]
                    yield key
                woken.clear()
                await woken.wait()
        finally:
            for watch in watches:
                watch.close()

    @property
    def watched(self) -> frozenset[str]:
        """The keys that somebody watches."""
        return self._watches.keys

    def _take_up(self, watch: Watch) -> None:
        self._watches.add(watch)
        self._wanted.set()
        if self._task is None:
            self._task = self._spawn(self._run())

    # Running ------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # An empty context: a pipeline open in the cell that starts the feed must not become the feed's.
        return Context().run(self._loop.create_task, work)

    def _stop(self) -> None:
        task, self._task = self._task, None
        self._changes.clear()
        self._changes_below.clear()
        if task is not None and not self._loop.is_closed():
            task.cancel()
        self.mode = "idle"
        self.state = FeedState()

    async def _run(self) -> None:
        pause = FIRST_RETRY
        self._enter("connecting", "idle")
        while self._is_wanted():
            try:
                await self._follow()
            except Exception as error:  # whatever it is: a feed that ended in silence would look live
                if self.state.status in ("live", "polling"):
                    pause = FIRST_RETRY
                self._enter("disconnected", "idle", str(error) or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_RETRY)

    def _is_wanted(self) -> bool:
        # Python 3.11's wait_for, by which redis-py sends, may swallow a cancellation.
        return self._task is asyncio.current_task()

    async def _follow(self) -> None:
        servers = await self._servers()
        lines = Lines(servers, self._spawn, self._heard)
        try:
            mode = await lines.open(Tracking, Notifications) if servers else None
            if mode is not None:
                await self._keep_armed(lines, mode)
                return
        finally:
            await lines.close()
        await self._poll(self._source.client())

    async def _servers(self) -> dict[str, Any]:
        """Return what makes connections to each server: to all primaries of a cluster; none if it cannot."""
        client = self._source.client()
        if hasattr(client, "connection_pool"):
            return {"": client}
        router = getattr(self._source, "router", None)
        return {} if router is None else dict(await router.primaries())

    async def _keep_armed(self, lines: Lines, mode: EventName) -> None:
        first, look_at = True, 0.0
        while self._is_wanted():
            self._wanted.clear()
            keys, prefixes = self.watched, self._watches.prefixes
            missed = await lines.arm(keys, prefixes)
            if first:
                self._enter("live", mode, _HOW[mode])
            self._armed(keys, prefixes)
            now = self._loop.time()
            if first or missed:
                self._heard(None)
            elif now >= look_at:
                self._look_again()
            if first or missed or now >= look_at:
                look_at = now + self._resync
            first, patience = False, look_at - now
            if lines.are_many:
                patience = min(patience, LOOK_ROUND)
            woken = await lines.meanwhile(self._woken(patience))
            if not woken and lines.are_many and (await self._servers()).keys() != lines.names:
                return  # other primaries serve now; with them everything is read again

    async def _poll(self, client: Any) -> None:
        poller = Poller()
        first = True
        while self._is_wanted():
            self._wanted.clear()
            keys, prefixes = self.watched, self._watches.prefixes
            changed = await poller.changed(client, keys)
            if first:
                self._enter("polling", "polling", _HOW["polling"])
            self._armed(keys, prefixes)
            for key in keys if first else changed:
                self._changes.mark(key)
            for prefix in prefixes:
                self._heard_below(prefix, None)
            first = False
            await self._woken(poller.pause)

    async def _woken(self, seconds: float) -> bool:
        """Wait for a change of what is watched; False if there was none."""
        try:
            await asyncio.wait_for(self._wanted.wait(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    # Telling ------------------------------------------------------------------------------------------------

    def _heard(self, keys: Any) -> None:
        if keys is None:
            for prefix in self._watches.prefixes:
                self._heard_below(prefix, None)
            for name in self._watches.keys:
                self._changes.mark(name)
            return
        for name in (bytes(key).decode(errors="replace") for key in keys):
            if self._watches.of_key(name):
                self._changes.mark(name)
            for prefix in self._watches.around(name):
                self._heard_below(prefix, name)

    def _look_again(self) -> None:
        """Let everything count as changed although nothing was heard; what takes long, not each time."""
        now = self._loop.time()
        for watch in self._watches:
            if watch.is_due(now):
                if isinstance(watch, PrefixWatch):
                    watch.note(None)
                    self._changes_below.mark(watch.key)
                else:
                    self._changes.mark(watch.key)

    def _heard_below(self, prefix: str, key: str | None) -> None:
        for watch in self._watches.of_prefix(prefix):
            watch.note(key)
        self._changes_below.mark(prefix)

    def _deliver(self, key: str) -> None:
        for watch in self._watches.of_key(key):
            # One watcher's failure must not cost the others their news: asyncio reports it by itself.
            self._loop.call_soon(watch.on_change, context=Context())

    def _deliver_below(self, prefix: str) -> None:
        for watch in self._watches.of_prefix(prefix):
            self._loop.call_soon(watch.on_change, context=Context())

    def _armed(self, keys: frozenset[str], prefixes: frozenset[str]) -> None:
        for watch in self._watches:
            if watch.key in (prefixes if isinstance(watch, PrefixWatch) else keys):
                watch.mark_ready()

    def _enter(self, status: Status, mode: Mode, reason: str = "") -> None:
        if status == self.state.status:
            return
        self.mode = mode
        self.state = FeedState(status, time.time(), reason, mode)
        for watch in self._watches:
            if watch.on_state is not None:
                self._loop.call_soon(watch.on_state, self.state, context=Context())


class Feeds:
    """The feeds in use: one for each source and event loop, for as long as somebody holds it."""

    def __init__(self) -> None:
        self._feeds: weakref.WeakKeyDictionary[
            Any, weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[LiveFeed]]
        ] = weakref.WeakKeyDictionary()

    def get(self, source: Source) -> LiveFeed:
        """Return the feed of the source on the running loop, making it if need be."""
        loop = asyncio.get_running_loop()
        of_source = self._feeds.setdefault(source, weakref.WeakKeyDictionary())
        reference = of_source.get(loop)
        feed = reference() if reference is not None else None
        if feed is None:
            feed = LiveFeed(source)
            of_source[loop] = weakref.ref(feed)
        return feed


feeds = Feeds()


def feed_for(source: Source) -> LiveFeed:
    """Return the change feed of a client source on the running event loop; sends nothing by itself."""
    return feeds.get(source)
