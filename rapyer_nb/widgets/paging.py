"""Which part of what there is stands on show: its order, where it begins, how many rows it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from rapyer.search.projection import name_of, several

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer_nb.views.results import ResultList

PAGE_SIZES: Final = (10, 20, 50, 100)
MOST_ROWS: Final = 200
"""More rows than that make a page slow: all of them are sent with each change."""


class Asker(Protocol):
    """Finds what a table shows.

    Attributes:
        model: The class.
        label: What stands before the line for the filter.
        placeholder: What stands in it while it is empty.
        text: The filter in use.
        sorts: Whether it can sort.
        counts: Whether the total of its last answer is all that there is; else there is more.
    """

    model: type[AtomicRedisModel]
    label: str
    placeholder: str
    text: str
    sorts: bool
    counts: bool

    def ask_for(self, text: str) -> None:
        """Use another filter from now on.

        Raises:
            NotebookError: It is no filter; the one in use stays.
            RapyerError: The same.
        """

    async def page(self, sort: Sequence[str], offset: int, limit: int) -> ResultList[Any]:
        """Return a part of what there is, and how much there is."""


class Paging:
    """The part of what there is that a table shows.

    Attributes:
        sort: The names of the fields to sort by, with a "-" for descending.
        offset: How many of the first are passed over.
        size: How many rows a page has.
        total: How many there are, as far as was counted.
        more: Whether there are more than that.
        shown: How many were found for the page.
    """

    def __init__(self, model: type[AtomicRedisModel], sort: Any, size: int) -> None:
        """Begin at the first page.

        Args:
            model: The class.
            sort: Fields to sort by, one or several; None for the order of the keys.
            size: How many rows a page has, 1 to 200.
        """
        self.sort: tuple[str, ...] = (
            () if sort is None else tuple(name_of(model, one) for one in several(sort))
        )
        self.size = min(size, MOST_ROWS)
        self.offset = self.total = self.shown = 0
        self.more = False

    def of(self, name: str) -> str:
        """Return how rows are sorted by a field: ascending, descending or none."""
        first = self.sort[0] if self.sort else ""
        if not name or first.removeprefix("-") != name:
            return "none"
        return "descending" if first.startswith("-") else "ascending"

    def sort_by(self, name: str) -> None:
        """Sort by a field; the other way round if that is so already, and the third time by nothing."""
        self.sort = {"none": (name,), "ascending": (f"-{name}",)}.get(self.of(name), ())
        self.offset = 0

    def turn(self, pages: int) -> bool:
        """Go on, or back, by so many pages; tell whether that is another place."""
        wanted = max(self.offset + pages * self.size, 0)
        if wanted == self.offset or (pages > 0 and not self.has_next):
            return False
        self.offset = wanted
        return True

    def resize(self, size: int) -> bool:
        """Give pages another number of rows, the first on show among them; tell whether it is another."""
        before, self.size = self.size, min(max(size, 1), MOST_ROWS)
        self.offset -= self.offset % self.size
        return before != self.size

    def take(self, found: ResultList[Any], *, counts: bool) -> bool:
        """Take what was found; tell whether this page is empty, and an earlier one to be shown instead."""
        self.total, self.shown, self.more = found.total, len(found), not counts
        if found or not self.offset or found.skipped:
            return False
        self.offset = max(self.total - 1, 0) // self.size * self.size
        return True

    @property
    def has_next(self) -> bool:
        """Whether there is another page."""
        return self.more or self.offset + self.size < self.total

    def state(self) -> dict[str, Any]:
        """Return what the page has to know to turn pages."""
        sizes = sorted({*PAGE_SIZES, self.size})
        return {"before": self.offset > 0, "after": self.has_next, "size": self.size, "sizes": sizes}

    def __str__(self) -> str:
        if not self.shown:
            return ""
        total = f"more than {self.total:,}" if self.more else f"{self.total:,}"
        return f"{self.offset + 1:,}–{self.offset + self.shown:,} of {total}"


async def found_by(asker: Asker, paging: Paging) -> ResultList[Any]:
    """Return what stands on a page; asks once more where the user has gone on meanwhile, or it has no rows.

    Args:
        asker: Finds it (FT.SEARCH, or SCAN and JSON.GET).
        paging: Which part of it.
    """
    while True:
        asked = (asker.text, paging.sort, paging.offset, paging.size)
        found = await asker.page(paging.sort, paging.offset, paging.size)
        if asked == (asker.text, paging.sort, paging.offset, paging.size) and not paging.take(
            found, counts=asker.counts
        ):
            return found
