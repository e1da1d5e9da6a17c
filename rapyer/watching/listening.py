"""Listening to what is watched, and keeping which documents have to be read again."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer.commands.companion import SPECIAL_FIELD_KEY_PREFIX, main_of
from rapyer.live import feed_for
from rapyer.model.portions import longer_prefixes
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rapyer.base import AtomicRedisModel
    from rapyer.live import FeedState, Watch

    Pending: TypeAlias = dict[type[AtomicRedisModel], set[str] | None]
    """The keys of documents that may have changed, by class; None where any may have."""


class Listener:
    """Hears of changes of documents and of what lives beside them.

    What was heard is kept until somebody takes it, each document once, however often it changes meanwhile.

    Args:
        whole: The classes of which all documents are listened for.
        single: Keys of single documents, each with its class.
    """

    def __init__(
        self, whole: Iterable[type[AtomicRedisModel]], single: Mapping[str, type[AtomicRedisModel]]
    ) -> None:
        self._whole = tuple(whole)
        self._single = dict(single)
        self._pending: Pending = {}

    def watch(
        self, notify: Callable[[], None], on_state: Callable[[FeedState], None] | None = None
    ) -> tuple[Watch, ...]:
        """Listen for changes (CLIENT TRACKING, or keyspace notifications; else at intervals).

        Args:
            notify: Called where something may have changed.
            on_state: Called when the way of listening changes.
        """
        watches: list[Watch] = []
        try:
            watches.extend(self._watches(notify, on_state))
        except BaseException:
            close_watches(watches)  # else nobody could, and the feed would go on for them
            raise
        return tuple(watches)

    def _watches(
        self, notify: Callable[[], None], on_state: Callable[[FeedState], None] | None
    ) -> Iterator[Watch]:
        for model in self._whole:
            feed = feed_for(registry.source_for(model))
            heard = partial(self._heard, model, notify)
            own, *beside = prefixes_of(model)
            yield feed.watch_prefix(own, heard, on_state)
            for prefix in beside:
                yield feed.watch_prefix(prefix, heard)
        for key, model in self._single.items():
            feed = feed_for(registry.source_for(model))
            heard_key = partial(self._heard, model, notify, frozenset([key]))
            for name in (key, *(companion.key(key) for companion in model.__rapyer_spec__.companions)):
                yield feed.watch(name, heard_key, on_state)

    def doubt(self) -> None:
        """Let everything count as changed."""
        for model in dict.fromkeys((*self._whole, *self._single.values())):
            self.note(model, None)

    @property
    def pending(self) -> bool:
        """Whether something may have changed."""
        return bool(self._pending)

    def take(self) -> Pending:
        """Return what may have changed since this was called last."""
        pending, self._pending = self._pending, {}
        return pending

    def note(self, model: type[AtomicRedisModel], keys: Iterable[str] | None) -> None:
        """Keep that documents of a class may have changed; None for all of them."""
        before = self._pending.get(model, set())
        self._pending[model] = None if keys is None or before is None else before.union(keys)

    def _heard(
        self, model: type[AtomicRedisModel], notify: Callable[[], None], keys: frozenset[str] | None = None
    ) -> None:
        names = None if keys is None else {name for key in keys if (name := self._document(model, key))}
        if names is None or names:
            self.note(model, names)
            notify()

    def _document(self, model: type[AtomicRedisModel], key: str) -> str:
        """Return the key of the document that a key is, or is beside; empty where it is another class's."""
        key = main_of(key) or key
        if key not in self._single and not key.startswith(f"{model.class_key_initials()}:"):
            return ""
        return "" if key.startswith(longer_prefixes(model)) else key


def prefixes_of(model: type[AtomicRedisModel]) -> list[str]:
    """Return what the keys of a class's documents begin with, and then those of what lives beside them."""
    initials = f"{model.class_key_initials()}:"
    if not model.__rapyer_spec__.companions:
        return [initials]
    beside = [f"{SPECIAL_FIELD_KEY_PREFIX}:{initials}"]
    if registry.source_for(model).is_cluster:  # a hash tag may stand before what is the same for all
        beside.append(f"{SPECIAL_FIELD_KEY_PREFIX}:{{")
    return [initials, *beside]


async def listening(watches: Iterable[Watch], lost: asyncio.Queue[str]) -> None:
    """Wait until changes are heard.

    Args:
        watches: What is watched.
        lost: Gets the reason where the connection is lost before that; the feed alone would go on trying.

    Raises:
        ConnectionError: It was lost.
    """
    ready: asyncio.Future[Any] = asyncio.gather(*(watch.ready() for watch in watches))
    broken: asyncio.Future[Any] = asyncio.ensure_future(lost.get())
    try:
        await asyncio.wait({ready, broken}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise RedisConnectionError(f"changes cannot be heard: {broken.result()}")
    finally:
        ready.cancel()
        broken.cancel()


def close_watches(watches: Iterable[Watch]) -> None:
    """Close watches, on the loop of their feed."""
    for watch in watches:
        watch.close()
