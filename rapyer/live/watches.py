"""Who watches what: single keys, and all keys that begin alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Mode = Literal["idle", "tracking", "notifications", "polling"]
Status = Literal["idle", "connecting", "live", "polling", "disconnected"]

MOST_KEYS = 10_000
"""Of more changed keys than that only the number would be of use."""


@dataclass(frozen=True)
class FeedState:
    """How the feed hears of changes at this moment."""

    status: Status = "idle"
    since: float = 0.0
    """Wall clock, in seconds since the epoch."""
    reason: str = ""
    """By what changes are heard, in words, or why they are not."""
    mode: Mode = "idle"


class Unwatching(Protocol):
    """What a watch needs of its feed."""

    def unwatch(self, watch: Watch) -> None:
        """Forget a watch."""


class Watch:
    """One watcher of one key; hold on to it and close it.

    Attributes:
        rest: Seconds in which it need not be told to look again for certainty alone.
    """

    def __init__(
        self,
        feed: Unwatching,
        key: str,
        on_change: Callable[[], None],
        on_state: Callable[[FeedState], None] | None,
    ) -> None:
        self.key = key
        self.on_change = on_change
        self.on_state = on_state
        self._feed = feed
        self.rest = 0.0
        self._looked_at = float("-inf")
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until changes of the key are heard; a read that starts afterwards misses nothing."""
        await self._ready.wait()

    def mark_ready(self) -> None:
        """Let `ready` return; called by the feed."""
        self._ready.set()

    def is_due(self, now: float) -> bool:
        """Tell whether it is to be told to look again, and note that it was; called by the feed.

        Args:
            now: The event loop's `time()`.
        """
        due = now >= self._looked_at + self.rest
        if due:
            self._looked_at = now
        return due

    def close(self) -> None:
        """Stop watching; the feed's connection goes with its last watcher. Call it on the feed's loop."""
        self._feed.unwatch(self)


class PrefixWatch(Watch):
    """One watcher of all keys that begin alike, such as those of a class; `key` is the prefix."""

    def __init__(
        self,
        feed: Unwatching,
        prefix: str,
        on_keys: Callable[[frozenset[str] | None], None],
        on_state: Callable[[FeedState], None] | None,
    ) -> None:
        super().__init__(feed, prefix, self._tell, on_state)
        self._on_keys = on_keys
        self._changed: set[str] | None = set()

    def note(self, key: str | None) -> None:
        """Take down a key that changed, to be told of soon; `None` where any may have."""
        if key is None or (self._changed is not None and len(self._changed) >= MOST_KEYS):
            self._changed = None
        elif self._changed is not None:
            self._changed.add(key)

    def _tell(self) -> None:
        changed, self._changed = self._changed, set()
        self._on_keys(None if changed is None else frozenset(changed))


class Watches:
    """The watches of one feed."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[bool, str], list[Watch]] = {}

    def add(self, watch: Watch) -> None:
        """Take up a watch."""
        self._by_name.setdefault(_name(watch), []).append(watch)

    def remove(self, watch: Watch) -> bool:
        """Drop a watch, which may be dropped already; tell whether nobody else watches the same."""
        others = [other for other in self._by_name.get(_name(watch), ()) if other is not watch]
        if others:
            self._by_name[_name(watch)] = others
            return False
        return self._by_name.pop(_name(watch), None) is not None

    @property
    def keys(self) -> frozenset[str]:
        """The keys that are watched."""
        return frozenset(name for is_prefix, name in self._by_name if not is_prefix)

    @property
    def prefixes(self) -> frozenset[str]:
        """The prefixes that are watched."""
        return frozenset(name for is_prefix, name in self._by_name if is_prefix)

    def of_key(self, key: str) -> list[Watch]:
        """Return the watches of one key."""
        return self._by_name.get((False, key), [])

    def of_prefix(self, prefix: str) -> list[Any]:
        """Return the watches of a prefix."""
        return self._by_name.get((True, prefix), [])

    def around(self, key: str) -> list[str]:
        """Return the prefixes that a key begins with, and that are watched."""
        return [prefix for prefix in self.prefixes if key.startswith(prefix)]

    def __iter__(self) -> Iterator[Watch]:
        return iter([watch for watches in self._by_name.values() for watch in watches])

    def __bool__(self) -> bool:
        return bool(self._by_name)


def _name(watch: Watch) -> tuple[bool, str]:
    return isinstance(watch, PrefixWatch), watch.key
