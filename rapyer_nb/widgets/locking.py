"""The lock on the object of a form: who holds it, and holding it oneself."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer.commands import keys as key_commands
from rapyer.commands import lock as lock_commands
from rapyer.errors import LockLostError, LockTimeoutError, RapyerError
from rapyer.session.executor import execute
from rapyer.session.using import using
from rapyer.session.wakeups import wakeups_of
from rapyer_nb.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

# How this library names a holder: its inbox, and a number.
_NAME: Final = re.compile(r"[0-9a-f]{32}:[0-9]+")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock.

    Attributes:
        name: What the lock's key holds.
        lease: Seconds until the lock is free, if nobody renews it; None for a holder without a lease.
        fence: The holder's fencing token; None where it is forgotten.
        is_here: Whether it is held by this process.
    """

    name: str
    lease: float | None
    fence: int | None
    is_here: bool

    def told(self) -> str:
        """Return who it is and since when, as far as Redis knows."""
        who = "by this notebook" if self.is_here else "by somebody else"
        if self.fence is None:
            return who
        since = time.strftime("%H:%M:%S", time.localtime(self.fence / 1_000_000))
        return f"{who} since {since} (fence {self.fence})"


async def holder_of(model: AtomicRedisModel, source: ClientSource) -> Holder | None:
    """Return who holds the lock on an object for the action "default" (GET, PTTL); None while it is free.

    Args:
        model: The object.
        source: Where it is stored.
    """
    lock = FormLock(model, source, "default")
    lock.take(await execute(source, lock.reads()))
    return lock.holder


class FormLock:
    """The lock of a form's object, for one action: watched, and taken when the user wants it.

    What others hold keeps the form from writing, until they release it or the user says otherwise.

    Attributes:
        key: The key that holds the name of the holder.
        holder: Who held it when it was last read; None while it is free.
    """

    def __init__(self, model: AtomicRedisModel, source: ClientSource, action: str) -> None:
        """Know of no holder yet.

        Args:
            model: The object.
            source: Where it is stored.
            action: What the lock is for; those of other actions are not watched.
        """
        self._class = type(model)
        self._document = str(model.key)
        self._source = source
        self._action = action
        self._keys = lock_commands.lock_keys(self._document, action, tagged=source.is_cluster)
        self.key = self._keys.lock
        self.holder: Holder | None = None
        self._fence: int | None = None
        self._was_seen = False
        self._ignored: str | None = None
        self._leave: asyncio.Event | None = None

    # What Redis says ----------------------------------------------------------------------------------------

    def reads(self) -> tuple[Command[Any], ...]:
        """Return the commands that look at the lock (GET, PTTL)."""
        look = lock_commands
        return look.holder(self._keys), key_commands.time_left(self.key), look.last_fence(self._keys)

    def take(self, replies: Sequence[Any]) -> None:
        """Take what they told."""
        name, milliseconds, fence = replies
        self._notice_loss(name, fence)
        if name is None:
            self.holder = self._ignored = None
            return
        lease = None if milliseconds < 0 else milliseconds / 1000
        is_here = self.key in wakeups_of(self._source.without_tokens).held
        # The fence of a holder that makes none is that of an earlier one.
        known = fence if _NAME.fullmatch(name) else None
        self.holder = Holder(name, lease, known, is_here)

    def _notice_loss(self, name: str | None, fence: int | None) -> None:
        """Leave a lock that was ours and is another's now; leaving it tells that it was lost."""
        if self._fence is None:
            return
        if name is not None and fence == self._fence:
            self._was_seen = True
        elif self._was_seen:  # and not a read from before it was taken
            self.release()

    @property
    def is_mine(self) -> bool:
        """Whether the form itself holds the lock."""
        return self._fence is not None

    @property
    def is_others(self) -> bool:
        """Whether somebody else holds it: another process, or another part of this one."""
        return self.holder is not None and not self.is_mine

    @property
    def blocks(self) -> bool:
        """Whether the form must not write."""
        return self.is_others and self.holder is not None and self.holder.name != self._ignored

    def ignore(self) -> None:
        """Let the form write although somebody holds the lock, for as long as that one does."""
        self._ignored = None if self.holder is None else self.holder.name

    # Holding it ---------------------------------------------------------------------------------------------

    async def hold(self, changed: Callable[[], None], say: Callable[[str, str], None]) -> None:
        """Take the lock, unless somebody has it, and hold it until `release` (the library's `alock`).

        Args:
            changed: Called when it was taken, and when it is no longer held.
            say: Tells the user, with a kind and a text.
        """
        if self._leave is not None:
            return
        leave = self._leave = asyncio.Event()
        try:
            with using(self._source):
                lock = self._class.alock_from_key(self._document, self._action, wait=0)
            async with lock:
                self._fence = lock.fence
                changed()
                await leave.wait()
            say("ok", "the lock is released")
        except LockLostError:
            say("error", "the lock was lost: somebody else may hold it now")
        except LockTimeoutError:
            say("warn", "not locked: somebody else holds the lock")
        except RapyerError as error:
            say("error", f"not locked: {error}")
        except Exception as error:  # no connection: nobody else would tell of it
            say("error", f"not locked: {one_line(error)}")
        finally:
            self._fence, self._leave, self._was_seen = None, None, False
            changed()

    def release(self) -> None:
        """Give the lock back, soon."""
        if self._leave is not None:
            self._leave.set()
