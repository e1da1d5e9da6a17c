"""The ways of hearing of changes, best first: tracking, keyspace notifications, polling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from redis.exceptions import ResponseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.live.connection import Push, PushConnection

EventName: TypeAlias = Literal["tracking", "notifications"]

# The server compares every key that is written with every prefix; beyond this many, track whole classes.
EXACT_PREFIXES = 64

# Keyspace events for module types, generic commands and expiry: all that a document can meet.
_NEEDED_FLAGS = frozenset("dgx")


class EventMode(Protocol):
    """How a server tells of changes over a push connection."""

    name: EventName

    async def start(self, connection: PushConnection) -> bool:
        """Try whether the server offers this; sends commands that change no setting of the server."""

    async def arm(
        self, connection: PushConnection, keys: frozenset[str], prefixes: frozenset[str] = frozenset()
    ) -> bool:
        """Listen for these keys, and all that begin with these prefixes.

        Returns:
            Whether changes may have been missed meanwhile.
        """

    def keys_of(self, event: Push) -> Iterable[bytes] | None:
        """Return the keys that the event is about; None means all."""


class Tracking:
    """`CLIENT TRACKING ON BCAST`: needs no setting of the server; one message a key and batch of writes."""

    name: EventName = "tracking"

    def __init__(self) -> None:
        self._armed: frozenset[str] = frozenset()

    async def start(self, connection: PushConnection) -> bool:
        """Send `CLIENT TRACKING OFF`, which a server that has no tracking, or forbids it, refuses."""
        try:
            await connection.call("CLIENT", "TRACKING", "OFF")
        except ResponseError:
            return False
        return True

    async def arm(
        self, connection: PushConnection, keys: frozenset[str], prefixes: frozenset[str] = frozenset()
    ) -> bool:
        """Send `CLIENT TRACKING ON BCAST PREFIX …`; after a `CLIENT TRACKING OFF` where prefixes go away."""
        wanted = prefixes_for(keys, prefixes)
        gone = not self._armed <= wanted
        if gone:
            await connection.call("CLIENT", "TRACKING", "OFF")
            self._armed = frozenset()
        if added := sorted(wanted - self._armed):
            words = [word for prefix in added for word in ("PREFIX", prefix)]
            await connection.call("CLIENT", "TRACKING", "ON", "BCAST", *words)
        self._armed = wanted
        return gone

    def keys_of(self, event: Push) -> Iterable[bytes] | None:
        """Return the keys of an invalidation; None after FLUSHALL, which names none."""
        if event[0] != b"invalidate":
            return ()
        keys: Iterable[bytes] | None = event[1]
        return keys


class Notifications:
    """Keyspace notifications, where the server's owner has switched them on."""

    name: EventName = "notifications"

    def __init__(self) -> None:
        self._armed: frozenset[str] = frozenset()
        self._patterns: frozenset[str] = frozenset()
        self._channel = ""

    async def start(self, connection: PushConnection) -> bool:
        """Send `CONFIG GET notify-keyspace-events` and see whether the events of documents are among them."""
        self._channel = f"__keyspace@{connection.database}__:"
        try:
            reply: Any = await connection.call("CONFIG", "GET", "notify-keyspace-events")
        except ResponseError:
            return False
        words = reply.values() if isinstance(reply, dict) else reply[1:]
        flags = set(b"".join(words).decode())
        return "K" in flags and ("A" in flags or flags >= _NEEDED_FLAGS)

    async def arm(
        self, connection: PushConnection, keys: frozenset[str], prefixes: frozenset[str] = frozenset()
    ) -> bool:
        """Send (P)SUBSCRIBE and (P)UNSUBSCRIBE for the channels of what came and went."""
        for prefix in sorted(prefixes - self._patterns):
            await connection.call("PSUBSCRIBE", self._pattern(prefix))
        for prefix in sorted(self._patterns - prefixes):
            await connection.call("PUNSUBSCRIBE", self._pattern(prefix))
        self._patterns = prefixes
        for key in sorted(keys - self._armed):
            await connection.call("SUBSCRIBE", self._channel + key)
        for key in sorted(self._armed - keys):
            await connection.call("UNSUBSCRIBE", self._channel + key)
        self._armed = keys
        return False

    def keys_of(self, event: Push) -> Iterable[bytes] | None:
        """Return the key in the name of the channel."""
        if event[0] not in (b"message", b"pmessage"):
            return ()
        channel = event[1] if event[0] == b"message" else event[2]
        return (bytes(channel)[len(self._channel.encode()) :],)

    def _pattern(self, prefix: str) -> str:
        return self._channel + re.sub(r"([*?\[\]\\])", r"\\\1", prefix) + "*"


def prefixes_for(keys: Iterable[str], prefixes: Iterable[str] = ()) -> frozenset[str]:
    """Choose prefixes that cover keys and prefixes: keys themselves while they are few, else their classes.

    Redis refuses prefixes of which one begins another, so a key that another one begins is left out.
    """
    names = set(keys)
    if len(names) > EXACT_PREFIXES:
        names = {key[: key.index(":") + 1] if ":" in key else key for key in names}
    chosen: list[str] = []
    for name in sorted(names.union(prefixes)):  # a prefix sorts before all that it begins
        if not chosen or not name.startswith(chosen[-1]):
            chosen.append(name)
    return frozenset(chosen)
