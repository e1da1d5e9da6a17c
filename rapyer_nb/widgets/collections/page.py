"""What a form knows of a collection: one page of it, as Redis had it at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SHOWN: Final = 20
"""How many entries a page has."""

State: TypeAlias = Literal["there", "null", "missing", "odd"]


class Begin(NamedTuple):
    """Where a page begins: how many entries come before it, and for a set the cursor of SSCAN."""

    start: int = 0
    cursor: tuple[str, int] = ("0", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        name: Its position in a list, its key in a dict; its member, where there is no other name.
        text: Its JSON text; None for a key of a dict that no path can name.
        score: Of an entry of a queue, what it is sorted by.
    """

    name: Any
    text: bytes | None
    score: float | None = None

    @property
    def raw(self) -> bytes:
        """The text as JSON.GET of its path gives it."""
        return b"[" + (self.text or b"") + b"]"

    @property
    def identity(self) -> Any:
        """What tells it from others when it stands elsewhere: its key, or all that it is."""
        return self.text if isinstance(self.name, int) else self.name


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a collection.

    Attributes:
        begin: Where it begins.
        total: How many entries there are in all.
        entries: Those of the page.
        state: "there", or why there are none: null, no such place in the document, another kind of value.
        following: Where the next page begins; None where there is none.
    """

    begin: Begin
    total: int
    entries: tuple[Entry, ...] = ()
    state: State = "there"
    following: Begin | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it has all there is."""
        return self.state in ("there", "null") and len(self.entries) == self.total

    @property
    def is_beyond(self) -> bool:
        """Whether it begins where the collection has ended meanwhile."""
        return not self.entries and self.begin.start > 0


def located(kept: Mapping[int, Entry], entries: Sequence[Entry]) -> dict[int, int]:
    """Find the entries again that have to be kept in sight, such as those that somebody edits.

    Args:
        kept: The entries as they were, by their place on the page.
        entries: The page now.

    Returns:
        For each place that has one of them now, the place where it was. An entry is found again by being the
        same; which one of several that are equal does not matter, but one that stayed is preferred.
    """
    found: dict[int, int] = {}
    lost = []
    for before, entry in kept.items():
        if before < len(entries) and entries[before].identity == entry.identity:
            found[before] = before
        else:
            lost.append(before)
    for before in lost:
        same = (place for place, entry in enumerate(entries) if entry.identity == kept[before].identity)
        place = next((place for place in same if place not in found), None)
        if place is not None:
            found[place] = before
    return found


def seats(rows: int, kept: Collection[int], found: Mapping[int, int], wanted: int) -> list[int | None]:
    """Return for each place of a page which row is to show it; None for a new row.

    Rows that are kept follow their entries, or stay near where they were; the others are as good as new.

    Args:
        rows: How many rows there are.
        kept: Those that are kept.
        found: Where kept ones are to go, as `located` says.
        wanted: How many places there are; lost rows may make it more.
    """
    seated: dict[int, int] = dict(found)
    for row in sorted(set(kept) - set(found.values())):
        place = row
        while place in seated:
            place += 1
        seated[place] = row
    free = [row for row in range(rows) if row not in kept]
    order: list[int | None] = []
    for place in range(max([wanted, *(place + 1 for place in seated)])):
        if place in seated:
            order.append(seated[place])
        elif place < wanted:
            order.append(place if place in free else None)
            if place in free:
                free.remove(place)
    return [free.pop(0) if row is None and free else row for row in order]
