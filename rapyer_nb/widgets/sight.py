"""What the user has seen: a page shows what it is told a moment later, and is heard a moment later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Mark:
    """A moment in the talk with the page.

    Attributes:
        seen: Whether the page has said that it shows all that it was told before, so that what the user did
            there before has arrived, too.
    """

    def __init__(self, *, seen: bool = False) -> None:
        self.seen = seen
        self._works: list[Callable[[], None]] = []

    def then(self, work: Callable[[], None]) -> None:
        """Run a function once it is seen, or at once."""
        if self.seen:
            work()
        else:
            self._works.append(work)

    def reached(self) -> None:
        """Note that it is seen."""
        self.seen = True
        works, self._works = self._works, []
        for work in works:
            work()


class Sight(Generic[T]):
    """What stood at a place before, while the user may still look at that."""

    def __init__(self) -> None:
        self._former: list[tuple[Mark, T]] = []

    def replaced(self, mark: Mark, former: T) -> None:
        """Note that something else is shown.

        Args:
            mark: Is reached when the page shows it.
            former: What was shown before.
        """
        self._former = [*self._unseen(), *([] if mark.seen else [(mark, former)])]

    @property
    def former(self) -> T | None:
        """What the user still looked at when this was done; None where that is what is there."""
        self._former = self._unseen()
        return self._former[0][1] if self._former else None

    def forget(self) -> None:
        """Take it that the user looks at what is there."""
        self._former = []

    def _unseen(self) -> list[tuple[Mark, T]]:
        return [(mark, former) for mark, former in self._former if not mark.seen]
