"""A snapshot as a value."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rapyer.commands.content import NOTHING, QUEUE, SET
from rapyer_nb.views.note import counted
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import Reporting
from rapyer_nb.views.waterfall import sized

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from rapyer.commands.content import Content
    from rapyer_nb.snapshots.taking import Scope


@dataclass(frozen=True)
class Kept:
    """What a model held.

    Args:
        model: The name of its class.
        parts: What its keys held: of the document under `""`, of those beside it by the name of the field.
        keys: The Redis key of each part.
    """

    model: str
    parts: Mapping[str, Content]
    keys: Mapping[str, str]

    @property
    def document(self) -> Content:
        """What the document held."""
        return self.parts[""]

    @property
    def stored(self) -> bool:
        """Whether there was anything under any of its keys."""
        return any(content.kind != NOTHING for content in self.parts.values())


@dataclass(frozen=True, repr=False)
class Snapshot(Reporting):
    """What the documents of some models, and what lives beside them, held at one moment.

    It is kept in the memory of the notebook. Each document is as it was at one moment, with all that lives
    beside it; two documents may have been read a moment apart.

    Attributes:
        name: What it is called.
        taken: When it was taken, by the clock of the notebook.
        scope: Which models and keys it is of.
        documents: What was stored, by the key of the document.
        server: The address that it was read from, without any password.
    """

    name: str
    taken: datetime
    scope: Scope
    documents: Mapping[str, Kept] = field(default_factory=dict)
    server: str = ""

    def __len__(self) -> int:
        return len(self.documents)

    def summary(self) -> str:
        """Return a line such as `snapshot 'before': 3 documents of User, Team, taken at 12:30:05`."""
        of = ", ".join(dict.fromkeys(model.__name__ for model in self.scope.models))
        number = counted(len(self.documents), "document")
        return f"snapshot {self.name!r}: {number} of {of}, taken at {self.taken:%H:%M:%S}"

    def view(self) -> Table:
        """Return what a notebook shows: a row for each class, with how much of what was kept."""
        columns = ("model", "documents", "set members", "queue entries", "with TTL", "size")
        names = dict.fromkeys(model.__name__ for model in self.scope.models)
        rows = [self._row(name) for name in names]
        return Table(f"Snapshot {self.name}", columns, rows, self.summary())

    def _row(self, name: str) -> tuple[str, ...]:
        counts: Counter[str] = Counter()
        for kept in self.documents.values():
            if kept.model != name:
                continue
            counts["documents"] += 1
            counts["ttl"] += kept.document.ends is not None
            counts["size"] += size_of(kept)
            for content in kept.parts.values():
                counts["members"] += len(content.values or ()) if content.kind == SET else 0
                counts["entries"] += len(content.values or ()) if content.kind == QUEUE else 0
        numbers = (counts[which] for which in ("documents", "members", "entries", "ttl"))
        return (name, *(f"{number:,}" for number in numbers), sized(counts["size"]))

    def __repr__(self) -> str:
        return f"<{self.summary()}>"


def size_of(kept: Kept) -> int:
    """Return how many bytes a model takes, with what lives beside it."""
    return sum(map(_size, kept.parts.values()))


def _size(content: Content) -> int:
    if isinstance(content.values, bytes):
        return len(content.values)
    return sum(
        len(one) if isinstance(one, bytes) else len(one[0]) + len(one[1]) for one in content.values or ()
    )
