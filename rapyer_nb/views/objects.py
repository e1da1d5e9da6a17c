"""What was done to single objects, each in one line."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.note import Note, counted, lasted
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer_nb.views.markup import Markup

_MOST_KEYS: Final = 5
_KEY_LENGTH: Final = 80
_QUEUED: Final = "queued; it is done at the end of the pipeline"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Told(View):
    """Something that is told in one line."""

    @abstractmethod
    def summary(self) -> str:
        """Return the line."""

    def text(self) -> str:
        """Return the line."""
        return printable(self.summary())

    def body(self) -> Markup:
        """Return the line as a paragraph."""
        return Note(self.summary()).body()


@dataclass(frozen=True, repr=False)
class Saved(Told):
    """What was saved.

    Attributes:
        keys: The keys of the models.
        seconds: How long it took.
        queued: Whether a pipeline is open, which does it at its end.
    """

    keys: tuple[str, ...]
    seconds: float = 0.0
    queued: bool = False

    def summary(self) -> str:
        """Return a line such as `saved 2 models: User:1, User:2, 0.9 ms`."""
        number = counted(len(self.keys), "model")
        if not self.keys:
            return "no models, nothing was saved"
        if self.queued:
            return f"saving {number} is {_QUEUED}: {listed(self.keys)}"
        return f"saved {number}: {listed(self.keys)}, {lasted(self.seconds)}"


@dataclass(frozen=True, repr=False)
class Deleted(Told):
    """What was deleted, or in a dry run would be.

    Attributes:
        models: How many models.
        redis_keys: How many Redis keys went with them, those of sets and queues as well.
        missing: How many of those asked for were not there, or did not match any more.
        keys: The keys that were asked for; by a filter the first few that matched.
        along: How many of the models were not asked for, but are referred to.
        dry_run: Whether nothing was to be deleted.
        queued: Whether a pipeline is open, which does it at its end.
        seconds: How long it took.
    """

    models: int
    redis_keys: int = 0
    missing: int = 0
    keys: tuple[str, ...] = ()
    along: int = 0
    dry_run: bool = False
    queued: bool = False
    seconds: float = 0.0

    def named(self) -> str:
        """Return how many models these are, and which: `3 models: Team:1, and 2 that they refer to`."""
        return f"{counted(self.models, 'model')}{self._which()}{referred_to(self.along)}"

    def summary(self) -> str:
        """Return a line such as `deleted 2 models (4 keys), 1 was not there, 0.9 ms`."""
        if self.dry_run:
            absent = f"; {self.missing:,} not there" if self.missing else ""
            return f"dry run, nothing was deleted; it would be {self.named()}{absent}"
        if self.queued:
            return f"deleting {counted(self.models, 'model')} is {_QUEUED}{self._which()}"
        told = [f"deleted {counted(self.models, 'model')}"]
        if self.redis_keys > self.models:
            told[0] += f" ({counted(self.redis_keys, 'key')})"
        if self.missing:
            told.append(f"{self.missing:,} not there (any more)")
        return ", ".join([*told, lasted(self.seconds)])

    def _which(self) -> str:
        return f": {listed(self.keys, self.models - self.along)}" if self.keys and not self.missing else ""


@dataclass(frozen=True, repr=False)
class Life(Told):
    """How long a stored object lives.

    Attributes:
        key: Its key.
        left: The seconds that it has left; `None` where it never ends.
        beside: The same for the keys beside it, by the name of the field; only those that are there.
        queued: Whether a pipeline is open, which sets it at its end.
        asked: When that was asked, in seconds since 1970.
    """

    key: str
    left: float | None = None
    beside: Mapping[str, float | None] = field(default_factory=dict)
    queued: bool = False
    asked: float = field(default_factory=time.time)

    def summary(self) -> str:
        """Return a line such as `User:1 ends in 59 min 58 s, at 12:30:05`."""
        key = clipped(printable(self.key), _KEY_LENGTH)
        if self.queued:
            return f"the time to live of {key} is {_QUEUED}"
        told = f"{key} {_end(self.left)}"
        if self.left is not None:
            form = "%H:%M:%S" if self.left < _UNITS[0][0] else "%Y-%m-%d %H:%M"
            told += f", at {time.strftime(form, time.localtime(self.asked + self.left))}"
        others = [f"{name} {_end(left)}" for name, left in self.beside.items() if _differs(left, self.left)]
        return f"{told}; ⚠ but {', '.join(others)}" if others else told


def listed(keys: Sequence[str], number: int | None = None) -> str:
    """Return the first of some keys, and how many more there are.

    Args:
        keys: The keys, or the first of them.
        number: How many there are.
    """
    shown = [clipped(printable(key), _KEY_LENGTH) for key in keys[:_MOST_KEYS]]
    more = max(len(keys), number or 0) - len(shown)
    return ", ".join([*shown, *([f"… {more:,} more"] if more > 0 else [])])


def referred_to(number: int) -> str:
    """Return how many more models there are along references; empty for none."""
    return f", and {number:,} that they refer to" if number else ""


def span(seconds: float) -> str:
    """Return a time such as `2 d 3 h`, `59 min 58 s` or `0.4 s`: the two largest units."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        if left >= size or parts:
            number, left = divmod(left, size)
            parts.append((number, unit))
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number)


def _end(left: float | None) -> str:
    return "never ends" if left is None else f"ends in {span(left)}"


def _differs(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > 1
