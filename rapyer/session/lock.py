"""Locks: a lease that renews itself, a queue, and writes that only the holder can make.

A lock is a key that holds the name of its holder and expires with the lease. Waiters stand in a queue on
the server. Who releases the lock hands it to the first of them and publishes that; a waiter asks by itself
only now and then, in case that a holder died or a message was lost.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError, ResponseError

from rapyer.commands import lock as commands
from rapyer.errors import (
    LockError,
    LockLostError,
    LockReentryError,
    LockTimeoutError,
    RapyerError,
    UnknownOutcomeError,
    WrongTypeError,
)
from rapyer.session.executor import run
from rapyer.session.scope import open_batch
from rapyer.session.wakeups import Wakeups, wakeups_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

logger = logging.getLogger("rapyer")

LEASE = 30.0
"""Seconds after which the lock of a holder that died is free."""

POLL = 1.0
"""Seconds after which a waiter asks by itself."""

FOREIGN_POLL = 0.1
"""The same for the first waiter behind a holder without a lease, which will not hand the lock on."""


@dataclass(frozen=True, slots=True)
class LockOptions:
    """How to lock.

    Attributes:
        action: What the lock is for; locks of other actions are independent of it.
        wait: The most seconds to wait; None for no limit, 0 not to wait at all.
        lease: Seconds after which the lock is free if its holder died.
    """

    action: str = "default"
    wait: float | None = None
    lease: float = LEASE

    def __post_init__(self) -> None:
        if not isinstance(self.action, str):
            raise TypeError(f"the action of a lock is a text, not {self.action!r}")
        if not (0.01 <= self.lease < math.inf):
            raise ValueError(f"the lease of a lock is at least 0.01 seconds, not {self.lease!r}")
        if self.wait is not None and not self.wait >= 0:
            raise ValueError(f"the time to wait for a lock is 0 seconds or more, or None, not {self.wait!r}")


class Lock:
    """One holding of a lock: acquired once, left once."""

    def __init__(self, source: ClientSource, key: str, options: LockOptions) -> None:
        self.fence: int | None = None
        self.lost: LockLostError | None = None
        self.saved = False
        self.keys = commands.lock_keys(key, options.action, tagged=source.is_cluster)
        self._source = source.without_tokens
        self._options = options
        self._name = ""
        self._wakeups: Wakeups
        self._asking = False
        self._task: asyncio.Task[Any] | None = None
        self._cancelling = 0
        self._deadline = 0.0
        self._in_body = False
        self._interrupted = False
        self._timer: asyncio.TimerHandle | None = None
        self._renewal: asyncio.Task[Any] | None = None

    # --- acquiring ---------------------------------------------------------------------------------------

    async def acquire(self, path: str) -> bytes | None:
        """Wait for the lock, and read the document that it protects in the same round trip.

        Args:
            path: What to read of the document.

        Returns:
            The JSON text there, None where nothing is stored.

        Raises:
            LockTimeoutError: Somebody else held the lock all the time.
            LockReentryError: The running task holds it already.
            LockError: A pipeline is open, or the lock's key holds something else.
        """
        self._refuse_pipeline()
        self._wakeups, self._task = wakeups_of(self._source), asyncio.current_task()
        self._refuse_reentry()
        self._cancelling = self._cancel_requests()
        with self._wakeups.inbox() as (self._name, news):
            try:
                acquired = await self._acquire(path, news)
            except BaseException:
                await self._wakeups.finish(self._release())
                raise
        self.fence = acquired.fence
        self._wakeups.held[self.keys.lock] = self
        self._in_body = True
        self._renew_later()
        return acquired.document

    async def _acquire(self, path: str, news: asyncio.Event) -> commands.Acquired:
        loop, wait = asyncio.get_running_loop(), self._options.wait
        until = math.inf if wait is None else loop.time() + wait
        while True:
            answer = await self._ask(path)
            if isinstance(answer, commands.Acquired):
                return answer
            if loop.time() >= until:
                raise self._timeout()
            self._wakeups.listen()
            pause = min(_pause(answer), until - loop.time())
            timer = loop.call_later(max(pause, 0), news.set, context=Context())
            try:
                await news.wait()
            finally:
                timer.cancel()
            news.clear()

    async def _ask(self, path: str) -> commands.Acquired | commands.Blocked:
        command: Command[commands.Acquired | commands.Blocked] = commands.acquire(
            self.keys, self._name, lease=self._options.lease, queue=self._options.wait != 0, path=path
        )
        sent = asyncio.get_running_loop().time()
        self._asking = True
        try:
            answer = await run(self._source, command)
        except (ResponseError, WrongTypeError) as error:
            self._asking = False
            if "rapyer: the lock key" not in str(error):
                raise
            raise LockError(
                f"{self.keys.lock} is no lock, but holds something else", key=self.keys.document
            ) from error
        self._asking = False
        self._deadline = sent + self._options.lease
        return answer

    async def _noticing_cancellation(
        self, command: Command[commands.Acquired | commands.Blocked]
    ) -> commands.Acquired | commands.Blocked:
        # Until Python 3.12 asyncio.wait_for, which redis-py writes with, loses a cancellation that comes in
        # the same step as its result. A waiter would then wait on, though nobody wants the lock any more.
        if sys.version_info < (3, 11):
            return await asyncio.shield(self._wakeups.spawn(run(self._source, command)))
        answer = await run(self._source, command)
        if self._cancel_requests() > self._cancelling:
            raise asyncio.CancelledError
        return answer

    def _refuse_pipeline(self) -> None:
        if open_batch() is not None:
            raise LockError(
                f"{self._told()} cannot be taken inside a pipeline, which writes only after the release",
                key=self.keys.document,
                hint="open the pipeline inside the lock",
            )

    def _refuse_reentry(self) -> None:
        held = self._wakeups.held.get(self.keys.lock)
        if held is not None and held._task is self._task:
            raise LockReentryError(
                f"this task holds {self._told()} already and would wait for itself",
                key=self.keys.document,
                hint="use the instance that the outer lock gave, or another action",
            )

    def _timeout(self) -> LockTimeoutError:
        waited = f"waited {self._options.wait:g} s" if self._options.wait else "did not wait"
        return LockTimeoutError(
            f"{self._told()} is held by somebody else; {waited}", key=self.keys.document, hint="try again"
        )

    def _told(self) -> str:
        return f"the lock {self._options.action!r} of {self.keys.document}"

    # --- keeping the lease -------------------------------------------------------------------------------

    def _renew_later(self) -> None:
        # A timer first: most locks are left before there is anything to renew.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._options.lease / 3, self._renew, context=Context())

    def _renew(self) -> None:
        self._renewal = self._wakeups.spawn(self._keep())

    async def _keep(self) -> None:
        loop, lease = asyncio.get_running_loop(), self._options.lease
        while True:
            sent = loop.time()
            left = self._deadline - sent
            try:
                held = await asyncio.wait_for(
                    run(self._source, commands.renew(self.keys, self._name, lease)),
                    left if left > 0 else lease / 3,  # this loop stood still: the server may be kinder
                )
            except (RedisError, RapyerError, OSError, asyncio.TimeoutError) as error:
                if loop.time() >= self._deadline:
                    self._lose(f"the server could not be asked to renew its lease: {error}")
                    return
                await asyncio.sleep(min(0.1, lease / 10))
                continue
            if not held:
                self._lose("its lease ended before it was renewed")
                return
            self._deadline = sent + lease
            await asyncio.sleep(lease / 3)

    def _lose(self, reason: str) -> None:
        self.lost = LockLostError(
            f"{self._told()} was lost: {reason}; nothing was saved",
            key=self.keys.document,
            hint="repeat the block; a long block needs a longer lease, or must not stop the event loop",
        )
        if self._in_body and self._task is not None:
            self._interrupted = True
            self._task.cancel()

    def _stop_renewing(self) -> None:
        for running in (self._timer, self._renewal):
            if running is not None:
                running.cancel()

    # --- leaving -----------------------------------------------------------------------------------------

    async def leave(
        self, error: BaseException | None, changes: Callable[[], Sequence[Command[Any]]] | None = None
    ) -> None:
        """Release the lock at the end of its block, having saved what is to be saved.

        Args:
            error: What ended the block, if it did not end by itself.
            changes: Returns what to write to the document; called, and sent, only if the block ended by
                itself and the lock is still held.

        Raises:
            LockLostError: The lease ended before the block did, and the block ended by itself or because
                the loss interrupted it.
        """
        self._in_body = False
        ours = self._end_interruption(error)
        try:
            if error is None and self.lost is None and changes is not None:
                await self._save(changes())
        finally:
            self._stop_renewing()
            if self._wakeups.held.get(self.keys.lock) is self:
                del self._wakeups.held[self.keys.lock]
            released = await self._release_surely()
        if released is False and self.lost is None:
            self._lose("its lease ended during the block")
        if self.lost is not None and (error is None or ours):
            raise self.lost from None

    async def check(self) -> None:
        """Ask the server whether the lock is still held, and renew its lease.

        Raises:
            LockLostError: It is not.
        """
        if self.lost is None and not await run(
            self._source, commands.renew(self.keys, self._name, self._options.lease)
        ):
            self._in_body = False  # this call tells the block itself
            self._lose("its lease ended before it was renewed")
        if self.lost is not None:
            raise self.lost

    async def _save(self, writes: Sequence[Command[Any]]) -> None:
        command = commands.save(self.keys, self._name, writes)
        try:
            outcome = await run(self._source, command)
        except UnknownOutcomeError:
            # As long as the lock is held, writing the same again changes nothing; after that nobody can tell.
            outcome = await run(self._source, command)
            if outcome == "lost":
                raise
        if outcome == "lost":
            self._lose("its lease ended during the block")
        self.saved = outcome == "saved"
        if outcome == "gone":
            logger.info("%s was deleted during the block and is not saved", self.keys.document)

    async def _release_surely(self) -> bool | None:
        # What a cancelled release or save may still do when it arrives late, the lock's script refuses.
        try:
            return await self._release()
        except asyncio.CancelledError:
            await self._wakeups.finish(self._release_again())
            raise

    async def _release(self) -> bool | None:
        try:
            return await run(self._source, commands.release(self.keys, self._name, asking=self._asking))
        except UnknownOutcomeError:
            await self._release_again()
            return None
        except (RedisError, RapyerError, OSError) as error:
            logger.warning("%s was not released and stays until its lease ends: %s", self._told(), error)
            return None

    async def _release_again(self) -> None:
        # A second release does nothing if the first one ran, so what it says means nothing.
        try:
            await run(self._source, commands.release(self.keys, self._name, asking=self._asking))
        except (RedisError, RapyerError, OSError) as error:
            logger.warning("%s may stay until its lease ends: %s", self._told(), error)

    def _end_interruption(self, error: BaseException | None) -> bool:
        # As asyncio.timeout does it: what this lock cancelled it takes back, and a cancellation by anybody
        # else at the same time stays one. Python 3.10 cannot tell the two apart.
        if not self._interrupted:
            return False
        uncancel = getattr(self._task, "uncancel", None)
        others = uncancel is not None and uncancel() > self._cancelling
        return isinstance(error, asyncio.CancelledError) and not others

    def _cancel_requests(self) -> int:
        cancelling = getattr(self._task, "cancelling", None)
        return 0 if cancelling is None else cancelling()


def _pause(blocked: commands.Blocked) -> float:
    if blocked.lease is None:
        return min(POLL, FOREIGN_POLL * (1 + blocked.place))
    if blocked.place == 0:
        return min(POLL, blocked.lease + 0.005)  # when the lease ends, the first in line takes over
    return POLL
