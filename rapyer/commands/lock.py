"""The commands on locks that the library sends; all are one script, `lock.lua`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import raw_json, text
from rapyer.commands import slots
from rapyer.commands.command import Command, Effect
from rapyer.commands.companion import script_steps
from rapyer.scripts.script import BesideScript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg

_LOCK = BesideScript("lock")

CHANNEL = "rapyer:lock:"
"""What the channels start with on which waiters are told that it is their turn; the inbox follows."""


@dataclass(frozen=True, slots=True)
class LockKeys:
    """The keys of one lock.

    Attributes:
        document: The key of the model that is locked.
        lock: Holds the name of the holder; it is missing while the lock is free.
        queue: Sorted set of the waiters, by their arrival.
        seen: Sorted set of the waiters, by when they last asked.
        fence: The last fencing token, kept for ten minutes.
    """

    document: str
    lock: str
    queue: str
    seen: str
    fence: str

    def names(self) -> tuple[str, ...]:
        """Return the keys in the order that the script takes them."""
        return (self.document, self.lock, self.queue, self.seen, self.fence)


def lock_keys(key: str, action: str, *, tagged: bool = False) -> LockKeys:
    """Return the keys of a model's lock.

    The action's slashes are escaped, so that the last slash is where the model's key ends: no two models
    share a lock, whatever their keys look like.

    Args:
        key: The key of the model.
        action: What the lock is for.
        tagged: Whether a hash tag keeps the keys in the model's slot, as a cluster needs it.
    """
    name = action.replace("%", "%25").replace("/", "%2F")
    lock = f"{slots.tagged(key) if tagged else key}/{name}:lock"
    return LockKeys(key, lock, f"{lock}:queue", f"{lock}:seen", f"{lock}:fence")


def is_of_lock(key: str) -> bool:
    """Tell whether a key looks like one of a lock; that of a document could, if somebody meant it to."""
    return re.search(r"/[^/]*:lock(:queue|:seen|:fence)?$", key) is not None


@dataclass(frozen=True, slots=True)
class Acquired:
    """The lock is the caller's.

    Attributes:
        fence: The fencing token: greater than that of every earlier holder.
        document: The JSON text at the path that was asked for, None where nothing is stored.
    """

    fence: int
    document: bytes | None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Somebody else has the lock.

    Attributes:
        lease: Seconds until it is free if nobody renews it; None for a holder without a lease.
        place: How many wait in front of the caller.
    """

    lease: float | None
    place: int


def acquire(keys: LockKeys, caller: str, *, lease: float, queue: bool, path: str) -> Command[Any]:
    """Take the lock and read the document, or take a place in the queue: `Acquired` or `Blocked`.

    Asking again finds that the caller has the lock, so a lost reply does no harm.

    Args:
        keys: The keys of the lock.
        caller: Who asks.
        lease: Seconds after which the lock is free if nobody renews it.
        queue: Whether to take a place in the queue.
        path: What to read of the document.
    """
    args = ("acquire", caller, round(lease * 1000), "1" if queue else "0", path)
    return _command(keys, args, _acquired, Effect.IDEMPOTENT)


def renew(keys: LockKeys, caller: str, lease: float) -> Command[bool]:
    """Let the lease last so many seconds from now; whether the lock is the caller's."""
    return _command(keys, ("renew", caller, round(lease * 1000)), bool, Effect.IDEMPOTENT)


def release(keys: LockKeys, caller: str, *, asking: bool = False) -> Command[bool]:
    """Hand the lock to the next waiter, or leave the queue; whether the lock was the caller's.

    Args:
        keys: The keys of the lock.
        caller: Who held it, or waited for it.
        asking: Whether a command of the caller to acquire it may arrive later still; it is refused then.
    """
    return _command(keys, ("release", caller, "1" if asking else "0"), bool, Effect.ONCE)


def holder(keys: LockKeys) -> Command[str | None]:
    """GET: the name of who holds the lock; None while it is free."""
    return Command("GET", (keys.lock,), (), _name, Effect.READ, immediate=True)


def last_fence(keys: LockKeys) -> Command[int | None]:
    """GET: the last fencing token, the server's time in microseconds; None where it is forgotten."""
    return Command("GET", (keys.fence,), (), _number, Effect.READ, immediate=True)


def save(keys: LockKeys, caller: str, commands: Sequence[Command[Any]]) -> Command[str]:
    """Run commands on the document if the lock is the caller's: "saved", "lost" or "gone"."""
    args: list[Arg] = ["save", caller]
    for words in (words for command in commands for words in script_steps(command)):
        args += (len(words), *words)
    return _command(keys, tuple(args), text, Effect.ONCE)


def _command(keys: LockKeys, args: tuple[Arg, ...], decode: Any, effect: Effect) -> Command[Any]:
    return Command("EVALSHA", keys.names(), args, decode, effect, script=_LOCK, immediate=True)


def _name(reply: Any) -> str | None:
    return None if reply is None else text(reply)


def _number(reply: Any) -> int | None:
    return None if reply is None else int(reply)


def _acquired(reply: Any) -> Acquired | Blocked:
    if reply[0]:
        return Acquired(int(reply[1]), raw_json(reply[2]) if len(reply) > 2 else None)
    return Blocked(None if reply[1] < 0 else reply[1] / 1000, int(reply[2]))
