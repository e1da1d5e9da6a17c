"""Taking the last edits back, one at a time, and saying what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.errors import CorruptedModelError
from rapyer_nb.errors import one_line
from rapyer_nb.widgets.phases import Write
from rapyer_nb.widgets.saying import same

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.form import FieldPlan
    from rapyer_nb.widgets.history import History

_MATCH = slice(1, -1)  # a `$` path is answered with an array of its matches
_REASONS = {"changed": "somebody has changed it since", "gone": "the document was deleted"}


class Undoing:
    """Takes back the last edit of a history.

    Attributes:
        is_busy: Whether one is being taken back.
    """

    def __init__(
        self, history: History, say: Callable[[str, str], None], changed: Callable[[], None]
    ) -> None:
        """Take nothing back yet.

        Args:
            history: The edits.
            say: Tells the user, with a kind and a text.
            changed: Called at the end of each attempt.
        """
        self._history = history
        self._say = say
        self._changed = changed
        self.is_busy = False

    async def run(self) -> None:
        """Take the last edit back, unless one is being taken back already."""
        if self.is_busy:
            return
        self.is_busy = True
        try:
            undone = await self._history.undo()
        except Exception as error:  # no connection: the edit can be taken back later
            self._say("error", f"not taken back: {one_line(error)}")
        else:
            if undone is not None and undone.reason is None:
                self._say("ok", f"{undone.name}: the edit is taken back")
            elif undone is not None:
                self._say("warn", f"{undone.name}: not taken back, {undone.reason}")
        finally:
            self.is_busy = False
        self._changed()


async def take_back(plan: FieldPlan, send: Any, before: bytes, after: bytes) -> str | None:
    """Write back the text that was there before an edit, if what the edit left is still there.

    Args:
        plan: The field.
        send: Sends commands as one atomic step.
        before: The text that was there; empty for none.
        after: The text that the edit left.

    Returns:
        Why it was not taken back, or None.
    """
    if not before:
        return "nothing was stored there before"
    result = await plan.place.write(send, Write(b"[" + after + b"]", before))
    if result.status == "changed" and _means(plan, result.current, after):  # the server's own spelling
        result = await plan.place.write(send, Write(result.current or b"[]", before))
    return _REASONS.get(result.status)


def _means(plan: FieldPlan, raw: bytes | None, text: bytes) -> bool:
    try:
        return same(plan.stored.load((raw or b"[]")[_MATCH]), plan.stored.load(text))
    except (CorruptedModelError, ValueError, TypeError):
        return False
