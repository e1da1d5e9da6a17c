"""Taking something out of Redis such that a caller who is cancelled meanwhile does not lose it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import RedisError

from rapyer.errors import RapyerError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

R = TypeVar("R")

logger = logging.getLogger("rapyer")

GRACE = 1.0
"""Seconds that a cancelled caller waits until what it was to get is back in Redis."""


async def taken(
    taking: Coroutine[Any, Any, R], put_back: Callable[[R], Coroutine[Any, Any, Any]], what: str
) -> R:
    """Take something out of Redis and return it.

    If the caller is cancelled before it has that, it is put back, before the cancellation goes on, unless
    the server is slow to answer: then later. Only where the event loop ends at that moment, and with it all
    tasks, nobody is left to put it back.

    Args:
        taking: Takes it; what it gives is false where there is nothing.
        put_back: Puts back what that gave.
        what: What is taken, for messages.
    """
    task = asyncio.ensure_future(taking)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        undoing = asyncio.ensure_future(_undone(task, put_back, what))
        await asyncio.wait({undoing}, timeout=GRACE)
        raise


async def returned(back: Coroutine[Any, Any, Any], what: str) -> None:
    """Put something back into Redis, also if the caller is cancelled meanwhile.

    Args:
        back: Puts it back.
        what: What it is, for messages.
    """
    await asyncio.shield(asyncio.ensure_future(_logged(back, what)))


async def _undone(
    task: asyncio.Future[R], put_back: Callable[[R], Coroutine[Any, Any, Any]], what: str
) -> None:
    try:
        got = await task
    except (RedisError, RapyerError, OSError) as error:
        logger.warning("the task that was to get %s was cancelled, and then: %s", what, error)
        return
    if got:
        await _logged(put_back(got), f"{what}: {got!r}")


async def _logged(back: Coroutine[Any, Any, Any], what: str) -> None:
    try:
        await back
    except (RedisError, RapyerError, OSError) as error:
        logger.error("could not put back %s: %s", what, error)
        raise
