"""`%rapyer_watch`: a live log of what changes."""

from __future__ import annotations

import argparse
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from IPython.display import display

from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.targets import class_named, targets
from rapyer_nb.progress import progress
from rapyer_nb.seeing import Follower, Journal, Subject, follow, seen
from rapyer_nb.views import Note
from rapyer_nb.widgets import Timeline, follow_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.seeing import Entry

    Told = Callable[[list[Entry]], None]


class WatchMagic(AsyncMagic):
    """Log what changes in Redis, whoever does it: a class, a model in a variable, or a key.

    Each change is told part by part (`~ age: 36 → 37`), sets, queues and the time to live included. Changes
    that follow one another within some milliseconds are one. With `--seconds` the cell waits so long, shows
    changes as they come, and its value is the log. Without it, a notebook gets a log that goes on while other
    cells run, until it is closed (`log.close()`) or no page shows it any more; a terminal shows changes until
    it is interrupted. Python: `await rapyer_nb.watch(User, seconds=10)`.

    Examples::

        %rapyer_watch User
        %rapyer_watch User:42 --seconds 30
        log = %rapyer_watch ada Team --seconds 10
        [entry.change.key for entry in log]
    """

    name = "rapyer_watch"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "words", metavar="KEYS|MODELS", nargs="+", help="model classes, variables that hold models, keys"
        )
        arguments.add_argument("--seconds", type=duration, metavar="N", help="watch for N seconds, and wait")

    async def run(self, call: Call) -> Journal | Timeline:
        """Watch."""
        __tracebackhide__ = True
        shell, seconds = call.surroundings.shell, call.options.seconds
        subject = Subject.of(watched(call.options.words, call.variables))
        if seconds is None and is_kernel(shell):
            return await live(subject)
        with shown_live(shell, subject) as (journal, tell):
            return await watch(subject, seconds, tell, journal)


async def watch(
    subject: Subject, seconds: float | None, told: Told | None = None, journal: Journal | None = None
) -> Journal:
    """Log what changes for a time, or until the task is cancelled.

    Listens by CLIENT TRACKING, or keyspace notifications, else looks at intervals. Reads documents at first
    (SCAN) and when they have changed (JSON.GET, SMEMBERS, ZRANGE, in scripts).

    Args:
        subject: What is watched.
        seconds: How long; None for ever.
        told: Is told of changes as they are seen.
        journal: Where they are written down.

    Raises:
        NotebookError: The seconds are no positive number.
    """
    __tracebackhide__ = True
    if seconds is not None and not _is_duration(seconds):
        raise NotebookError(
            f"a positive number of seconds is needed, not {seconds!r}", hint="leave it out for no end"
        )
    follower = _Follower(subject, Journal(subject.about) if journal is None else journal)
    return await follow(follower, seconds, told or (lambda entries: None))


async def live(subject: Subject) -> Timeline:
    """Return a log that goes on by itself; it listens and reads as `watch` does."""
    __tracebackhide__ = True
    follower = _Follower(subject, Journal(subject.about))
    await follower.prepare()
    return follow_changes(follower)


class _Follower(Follower):
    """Follows documents; a bar shows how far it is where the first reading takes long."""

    async def prepare(self, told: Callable[[int, int | None], object] | None = None) -> None:
        async with progress(None, f"reading {self.subject.about}") as bar:
            await super().prepare(told or bar.reach)


def watched(words: Iterable[str], variables: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the classes and keys that words name.

    Raises:
        NotebookError: A word names something else, or nothing.
        InvalidKeyError: A text is no full key.
        RapyerModelDoesntExistError: No class is known for a key.
    """
    for word in words:
        model = class_named(word, variables)
        if model is not None:
            yield model
        else:
            yield from (target.key for target in targets([word], variables))


def is_kernel(shell: InteractiveShell) -> bool:
    """Tell whether a notebook's kernel runs the shell, so that its loop goes on between cells."""
    return getattr(shell, "kernel", None) is not None


@contextmanager
def shown_live(shell: InteractiveShell, subject: Subject) -> Iterator[tuple[Journal, Told]]:
    """Give a journal, and what shows it as it grows: in place in a notebook, line by line in a terminal.

    At the end the value of the cell shows it, so what was shown in place goes. After an interrupt it stays.
    """
    journal = Journal(subject.about)
    if not is_kernel(shell):
        display(Note(f"watching {subject.about}"))
        yield journal, lambda entries: display(seen(entries))
        return
    handle: Any = display(journal, display_id=True)
    yield journal, lambda entries: handle.update(journal)
    handle.update(Note(journal.summary()))


def _is_duration(seconds: Any) -> bool:
    return isinstance(seconds, (int, float)) and type(seconds) is not bool and 0 < seconds < math.inf


def duration(text: str) -> float:
    """Return the text as a positive number of seconds, for `type=`."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not _is_duration(number):
        raise argparse.ArgumentTypeError(f"a positive number of seconds is needed, not {text!r}")
    return number
