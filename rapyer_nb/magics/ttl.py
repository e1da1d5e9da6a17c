"""`%rapyer_ttl`: how long a stored object lives."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Final

from rapyer.commands import keys
from rapyer.commands.expire import expire_models
from rapyer.config import MOST_SECONDS
from rapyer.errors import KeyNotFound
from rapyer.model.registry import registry
from rapyer.session.executor import perform, perform_now
from rapyer.session.scope import open_batch
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import plain, positive
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.targets import class_named, one_target
from rapyer_nb.snapshots.taking import places_of
from rapyer_nb.views.objects import Life

if TYPE_CHECKING:
    from typing import Any

    from rapyer.commands.command import Command
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.magics.targets import Target

_NEVER: Final = -1
_MISSING: Final = -2


class TtlMagic(AsyncMagic):
    """Show how long a stored model has left, or set it: for the document, its sets and its queues together.

    The value has the seconds (`.left`, `None` where it never ends). Python: `await rapyer_nb.ttl("User:42")`,
    `await rapyer_nb.ttl("User:42", 3600)`.

    Examples::

        %rapyer_ttl User:42
        %rapyer_ttl user 3600
        %rapyer_ttl User 42 {hours * 3600}
        %rapyer_ttl user --persist
    """

    name = "rapyer_ttl"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "words",
            metavar="KEY [SECONDS]",
            nargs="+",
            help="a full key, a variable, or a class and a primary key; then the seconds from now",
        )
        arguments.add_argument("--persist", action="store_true", help="let it never end")

    async def run(self, call: Call) -> Life:
        """Set it, if that is asked for, and show it."""
        __tracebackhide__ = True
        named, seconds = _split(call)
        if seconds is not None and call.options.persist:
            raise NotebookError(
                f"%{self.name}: seconds and --persist exclude each other", hint="leave one out"
            )
        target = one_target(named, call.variables, f"%{self.name}")
        return await ttl(target, seconds, persist=call.options.persist)


async def ttl(target: Target, seconds: int | None = None, *, persist: bool = False) -> Life:
    """Show how long a stored object lives, after setting it if wanted, all its keys together.

    Sends PTTL for each key; before it, in the same transaction, EXPIRE for each (a script), or PERSIST. In a
    pipeline what sets it is queued.

    Args:
        target: The object.
        seconds: The time that it has from now on; `None` to leave it.
        persist: Let it never end.

    Raises:
        NotebookError: The seconds are not a positive whole number, or more than Redis can hold.
        KeyNotFound: Nothing is stored there.
    """
    __tracebackhide__ = True
    places = places_of(target.model, target.key)
    source = registry.source_for(target.model)
    changes = _changes(list(places.values()), seconds, persist=persist)
    batch = open_batch()
    if changes and batch is not None and not batch.closed:
        await perform(source, *changes)
        batch.renew(source, changes)  # for what was noted before would overwrite it
        return Life(target.key, queued=True)
    asked = [keys.time_left(key) for key in places.values()]
    replies = await perform_now(source, *changes, *asked)
    left = dict(zip(places, replies[len(changes) :], strict=True))
    if left[""] == _MISSING:
        name = target.model.__name__
        raise KeyNotFound(f"no {name} is stored under {target.key}", key=target.key, model=name)
    lives = {name: _seconds(number) for name, number in left.items() if number != _MISSING}
    return Life(target.key, lives.pop(""), lives)


def _changes(names: list[str], seconds: int | None, *, persist: bool) -> list[Command[Any]]:
    if persist and seconds is not None:
        raise NotebookError("seconds and persist exclude each other", hint="leave one out")
    if persist:
        return [keys.persist(name) for name in names]
    if seconds is None:
        return []
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= MOST_SECONDS:
        raise NotebookError(
            f"a time to live is 1 to {MOST_SECONDS} seconds, not {seconds!r}",
            hint="%rapyer_delete deletes, --persist lets it never end",
        )
    return [expire_models([names], seconds)]


def _seconds(milliseconds: int) -> float | None:
    return None if milliseconds == _NEVER else milliseconds / 1000


def _split(call: Call) -> tuple[list[str], int | None]:
    """Return the words that name the object, and the seconds behind them.

    Of `User 42` the number is the primary key; of `User:42 60` and `User 42 60` the last one is the seconds.
    """
    words = list(call.options.words)
    by_class = class_named(words[0], call.variables) is not None
    if len(words) <= 1 + by_class:
        return words, None
    if len(words) > 2 + by_class:
        raise NotebookError("%rapyer_ttl takes one object and the seconds", hint="%rapyer_ttl User:42 60")
    try:
        return words[:-1], positive(plain(words[-1], call.variables))
    except ArgumentTypeError as error:
        raise NotebookError(
            f"%rapyer_ttl: {error}", hint="give seconds, such as 3600, or --persist"
        ) from None
