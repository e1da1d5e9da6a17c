"""A log of what has changed."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from rapyer_nb.snapshots.compare import groups_of
from rapyer_nb.views.changes import Changes
from rapyer_nb.views.moments import Moment, Moments
from rapyer_nb.views.note import counted
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer_nb.snapshots import Change
    from rapyer_nb.views.changes import Group
    from rapyer_nb.views.markup import Markup

MOST_KEPT: Final = 1000
"""Of more changes than that the older ones are only counted."""


@dataclass(frozen=True)
class Entry:
    """A change that was seen.

    Attributes:
        at: When, by the clock of the notebook.
        change: What changed: `key`, `model`, `kind` ("changed", "new" or "gone") and `parts`.
        heard_by: How it was heard of: "tracking", "notifications" or "polling".
    """

    at: datetime
    change: Change
    heard_by: str = ""


@dataclass(repr=False)
class Journal(View):
    """What has changed while somebody watched.

    Attributes:
        about: What was watched.
        started: When that began.
        entries: The changes, the latest last; the oldest go where there are more than a thousand.
        counts: How many changes there were of each kind.
        remark: What else is to be said, such as that some may have been missed.
    """

    about: str
    started: datetime = field(default_factory=datetime.now)
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    counts: Counter[str] = field(default_factory=Counter)
    remark: str = ""

    def add(self, changes: Iterable[Change], heard_by: str = "") -> list[Entry]:
        """Take changes down as seen now, and return them as entries.

        Args:
            changes: They.
            heard_by: How they were heard of.
        """
        now = datetime.now()
        fresh = [Entry(now, change, heard_by) for change in changes]
        self.entries.extend(fresh)
        self.counts.update(entry.change.kind for entry in fresh)
        return fresh

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def summary(self) -> str:
        """Return a line such as `User: 3 changes since 12:30:05 (2 changed, 1 new)`."""
        told = ", ".join(f"{number:,} {kind}" for kind, number in self.counts.items())
        total = self.total
        number = counted(total, "change") if total else "no change"
        return f"{self.about}: {number} since {self.started:%H:%M:%S}" + (f" ({told})" if told else "")

    def text(self) -> str:
        """Return the changes, the latest first."""
        return self._changes().text()

    def body(self) -> Markup:
        """Return the changes, the latest first."""
        return self._changes().body()

    @property
    def total(self) -> int:
        """How many changes there were."""
        return sum(self.counts.values())

    def moments(self, limit: int) -> Moments:
        """Return the last changes as a timeline shows them.

        Args:
            limit: How many.
        """
        latest = islice(reversed(self.entries), limit)
        return Moments(self.about, [_moment(entry) for entry in latest])

    def _changes(self) -> Changes:
        groups = [_group(entry) for entry in reversed(self.entries)]
        return Changes(self.summary(), groups, [self.remark] if self.remark else [])


def seen(entries: Iterable[Entry]) -> Changes:
    """Return changes that were just seen, to be shown as they come."""
    return Changes(f"{datetime.now():%H:%M:%S}", groups_of(entry.change for entry in entries))


def _moment(entry: Entry) -> Moment:
    (group,) = groups_of([entry.change])
    return Moment(f"{entry.at:%H:%M:%S}", group, entry.heard_by)


def _group(entry: Entry) -> Group:
    (group,) = groups_of([entry.change])
    return replace(group, remark=f"{group.remark} at {entry.at:%H:%M:%S}")
