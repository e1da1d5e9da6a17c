"""The control of a reference: the key of the target, which is written as any other value of a form is."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from rapyer.errors import ModelError, UnknownTargetError
from rapyer.model.references import target_of
from rapyer.types.targets import Targets
from rapyer_nb.widgets.control import CannotShow, Control, Request, Session
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.references.box import ReferenceBox
from rapyer_nb.widgets.references.picker import Picker
from rapyer_nb.widgets.simple import MOST_CHARACTERS
from rapyer_nb.widgets.stores import shown_key

if TYPE_CHECKING:
    from collections.abc import Callable


class ReferenceControl(Control):
    """A key that is typed or chosen from a list, with what is stored under it, and its form.

    What is typed is a search until it is taken, by Enter or by a choice: only then it is the value.

    Args:
        request: What it is for.
        annotation: That of the reference.
        session: Where it looks into Redis.
    """

    def __init__(self, request: Request, annotation: Any, session: Session) -> None:
        self._targets = Targets(*typing.get_args(annotation))
        self._given = ""
        group = request.name.rpartition(".")[0].replace(".", " ")
        self.input = Picker(
            label=f"{group} {request.text}".strip(),
            placeholder=request.example or f"key of {self._names}",
            tooltip=request.help,
        )
        self.widget = self.box = ReferenceBox(request, self._targets, self.input, session)
        self.input.observe(lambda _: self.box.post(self.box.taken), "value")

    @property
    def _names(self) -> str:
        return " or ".join(self._targets.names) or "the target"

    def get(self) -> Any:
        """Return the full key, or why what is there is none; a key that the form gave stays as it is."""
        if self.input.is_searching:
            words = f"choose one, or press Enter to take {(self.input.query or '').strip()!r} as it is"
            return Unfit(f"not saved yet: {words}", "muted")
        key = self.input.value
        if key in ("", self._given):
            return key
        try:
            return target_of(key, self._targets)[1]
        except UnknownTargetError:  # of a class that does not exist yet, or that nobody has named
            return key
        except ModelError as error:
            return Unfit(str(error))

    def set(self, value: Any) -> None:
        """Show a key, and look at what is there.

        Raises:
            CannotShow: It is too long for a page.
        """
        value = shown_key(value)  # in a model that is one value, references are not given as their keys
        if len(value) > MOST_CHARACTERS:
            raise CannotShow(f"a key of {len(value):,} characters is too long for a form")
        self._given = value
        self.input.take(value)
        self.box.point(value)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe what is taken, which is a decision, and what is typed."""
        self.input.observe(lambda _: changed(True), "value")
        self.input.observe(lambda _: changed(False), "query")

    def enable(self, on: bool) -> None:
        """Let the user choose; the target can be opened in any case."""
        self.input.disabled = not on
