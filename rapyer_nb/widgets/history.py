"""The last edits of a form, and how each is taken back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

MOST_EDITS: Final = 100
"""How many edits a form remembers."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit that is in Redis.

    Attributes:
        name: What was edited, such as the dotted name of a field.
        undo: Takes the edit back, and returns why it could not, or None. It writes only if what the edit
            left is still there; an error that it raises leaves the edit to be tried again.
    """

    name: str
    undo: Callable[[], Coroutine[Any, Any, str | None]]


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an attempt to take an edit back; `reason` says why it is still there."""

    name: str
    reason: str | None


class History:
    """The edits of one form, the last one first to go."""

    def __init__(self, most: int = MOST_EDITS) -> None:
        """Remember nothing yet.

        Args:
            most: How many edits are kept; older ones can no longer be taken back.
        """
        self._edits: deque[Edit] = deque(maxlen=most)

    def record(self, edit: Edit) -> None:
        """Remember an edit that went in."""
        self._edits.append(edit)

    @property
    def last(self) -> Edit | None:
        """The edit that would be taken back next."""
        return self._edits[-1] if self._edits else None

    async def undo(self) -> Undone | None:
        """Take the last edit back, and forget it; None where there is none.

        Raises:
            Exception: Redis could not be asked; the edit is remembered.
        """
        if not self._edits:
            return None
        edit = self._edits.pop()
        try:
            return Undone(edit.name, await edit.undo())
        except BaseException:
            self._edits.append(edit)
            raise

    def forget(self) -> None:
        """Forget all edits: what they were made to is gone."""
        self._edits.clear()

    def __len__(self) -> int:
        return len(self._edits)
