"""`%%rapyer_lock`: the body of a cell under a lock."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any, Final

from IPython.display import display

from rapyer import alock_from_key
from rapyer.config import MOST_SECONDS
from rapyer.session.lock import LEASE
from rapyer_nb.magics.arguments import variable_name
from rapyer_nb.magics.body import CellBody
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.targets import Target, one_target
from rapyer_nb.views import Note
from rapyer_nb.views.brief import brief_cell
from rapyer_nb.views.note import lasted

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from rapyer import AtomicRedisModel
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call

_SHORTEST_LEASE: Final = 0.01


class LockMagic(AsyncMagic):
    """Run the body of the cell while holding the lock on a model, which is read anew under it.

    Nobody who locks the same model for the same action, in whatever process, runs at the same time; who does
    not lock is not kept out. A model in a variable is refreshed; `--as` puts the model into a variable, which
    is None where nothing is stored. `--save` saves the fields that the body has changed, under the lock, and
    not where the body fails. Python: `async with rapyer_nb.lock("User:42") as user:`.

    Examples::

        %%rapyer_lock user
        user.age += 1
        await user.asave()

        %%rapyer_lock User:42 --as user --save --timeout 5
        user.age += 1
    """

    name = "rapyer_lock"
    kind = "cell"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add(
            "words",
            metavar="KEY|MODEL PK",
            nargs="+",
            help="a full key, a variable, or a class and a primary key",
        )
        add(
            "--timeout",
            type=_seconds,
            metavar="SECONDS",
            help="the longest to wait for the lock; 0 not to wait, without it as long as it takes",
        )
        add("--action", metavar="NAME", default="default", help="what it is for; others do not wait for it")
        add(
            "--lease",
            type=_lease,
            metavar="SECONDS",
            default=LEASE,
            help="when the lock is free if this notebook dies; it renews itself until then",
        )
        add("--as", dest="variable", metavar="NAME", type=variable_name, help="a variable for the model")
        add("--save", action="store_true", help="save the fields that the body has changed")
        add("--quiet", action="store_true", help="do not show how long it was held")

    async def run(self, call: Call) -> Any:
        """Take the lock, run the body, and return the value of its last expression."""
        __tracebackhide__ = True
        options = call.options
        target = one_target(options.words, call.variables, f"%%{self.name}")
        body = CellBody.of(call, f"%%{self.name} {call.line}".rstrip())
        held = lock(
            target,
            wait=options.timeout,
            action=options.action,
            lease=options.lease,
            save_at_end=options.save,
        )
        start = 0.0
        try:
            async with held as model:
                start = time.perf_counter()
                if options.variable is not None:
                    call.surroundings.shell.user_ns[options.variable] = model
                try:
                    value = await body.run()
                except BaseException as error:
                    call.users_error = error
                    raise
        except BaseException as error:
            if error is call.users_error and options.save:
                display(Note(f"✕ {_name(target)} is released, and nothing was saved"))
            raise
        if call.feedback and not options.quiet:
            display(Note(_told(target, time.perf_counter() - start, model, saves=options.save)))
        return value


def lock(
    target: Target,
    *,
    wait: float | None = None,
    action: str = "default",
    lease: float = LEASE,
    save_at_end: bool = False,
) -> AbstractAsyncContextManager[AtomicRedisModel | None]:
    """Return the lock on a stored object, for `async with`, which gives the model as it is then.

    Sends a script (lock, with JSON.GET), which also renews and releases it; JSON.SET, EXPIRE to save.

    Args:
        target: The object; the user's instance of it is refreshed, if there is one.
        wait: The most seconds to wait for the lock; `None` for no limit, 0 not to wait.
        action: What the lock is for.
        lease: Seconds after which the lock is free if its holder died.
        save_at_end: Save the fields that the block changed.

    Raises:
        LockTimeoutError: Somebody else held the lock for all of `wait`.
        LockLostError: The lease ended before the block; nothing was saved.
        LockReentryError: The running task holds the lock already.
        LockError: A pipeline is open.
    """
    if target.instance is not None:
        return target.instance.alock(action, save_at_end, wait=wait, lease=lease)
    return alock_from_key(target.key, action, save_at_end, wait=wait, lease=lease)


def _told(target: Target, seconds: float, model: AtomicRedisModel | None, *, saves: bool) -> str:
    if model is None:
        return f"{_name(target)} was locked for {lasted(seconds)}; nothing was stored there"
    saved = ", and what the body changed was saved" if saves else ""
    return f"{_name(target)} was locked for {lasted(seconds)}{saved}"


def _name(target: Target) -> str:
    return brief_cell(target.key)


def _seconds(text: str) -> float:
    """Return the text as a number of seconds, for `type=`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"a number of seconds is needed, not {text!r}")
    return number


def _lease(text: str) -> float:
    number = _seconds(text)
    if number < _SHORTEST_LEASE:
        raise argparse.ArgumentTypeError(f"{_SHORTEST_LEASE} seconds are the least, not {text!r}")
    return number
