"""The line that adds to a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as W
from pydantic import ValidationError

from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import Request, button, classed, line
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.draft import Means, draft_of
from rapyer_nb.widgets.form import plan_draft
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.references.picker import Picker
from rapyer_nb.widgets.saying import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.collections.items import Items
    from rapyer_nb.widgets.control import Control
    from rapyer_nb.widgets.draft import DraftGroup
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import CollectionPlan


class Adder:
    """What is to be added: a value, for a dict with its key, for a queue with its priority.

    A model is filled in in a form of its own, which opens with the button.

    Args:
        plan: The collection.
        host: The form.
        add: Is called where the user wants it added.
        word: What the button says.
    """

    def __init__(
        self, plan: CollectionPlan, host: Host, add: Callable[[], None], *, word: str = "Add"
    ) -> None:
        self._plan = plan
        self._items: Items = plan.items
        self._host = host
        self._post = host.post
        self._waits = False
        self._add = add
        self._word = word
        self._control = None if _is_compound(self._items) else self._make_control()
        self._first: Any = None if self._control is None else self._control.get()
        self._draft: DraftGroup | None = None
        self.key = classed(
            W.Text(description=f"add to {plan.label}, key", placeholder="new key"), "rpy-bare", "rpy-key"
        )
        self.priority = classed(
            W.FloatText(0, description=f"add to {plan.label}, priority"), "rpy-bare", "rpy-priority"
        )
        self.button = button(word, f"{word} to {plan.label}")
        self.cancel = button("Cancel", f"Do not add to {plan.label}")
        self.button.on_click(lambda _: host.post(self._press))
        self.cancel.on_click(lambda _: host.post(self.clear))
        self._where = classed(W.Label(), "rpy-index")
        self._note = W.HTML(style.message("muted", ""))
        self.widget = classed(W.VBox([]), "rpy-adder")
        self._arrange()

    @property
    def is_possible(self) -> bool:
        """Whether this can make what is to be added."""
        return self._control is not None or _is_compound(self._items)

    def _make_control(self) -> Control | None:
        annotation = self._items.spec.annotation
        if not controls.edits(annotation):
            return None
        label, session = f"add to {self._plan.label}", self._host.session
        request = Request(label, annotation, bare=True, post=self._post, session=session)
        control = controls.build(request)
        classed(control.widget, "rpy-bare", "rpy-main")
        text = getattr(control, "input", None)
        if isinstance(text, W.Text | Picker):
            text.placeholder = text.placeholder or "new entry"
            text.on_msg(lambda _, content, __: self._entered(content))
        return control

    def _entered(self, content: Any) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            self._post(self._press)

    def _press(self) -> None:
        """Take a click, or Enter, once all has arrived that was typed before: a page sends texts later."""
        if not self._waits:
            self._waits = True
            self._host.mark().then(self._pressed)

    def _arrange(self) -> None:
        parts: list[W.DOMWidget] = [self._where] if self._where.value else []
        if self._items.keys is not None:
            parts.append(self.key)
        if self._control is not None:
            parts.append(self._control.widget)
        if hasattr(self._plan.place, "fifo"):
            parts.append(self.priority)
        parts.append(self.button)
        if self._draft is not None or self._where.value:
            parts.append(self.cancel)
        form = [] if self._draft is None else [self._form]
        self.widget.children = [*form, line(*parts), self._note]

    def _pressed(self) -> None:
        self._waits = False
        if self.button.disabled:
            return
        if self._items.model is not None and self._draft is None:
            model: Any = self._items.model.model_construct()
            means = Means(self._post, session=self._host.session)
            self._draft = draft_of(plan_draft(model, inside=True), model, means)
            self._form = classed(self._draft.box(), "rpy-inside")
            self._arrange()
            return
        self._add()

    @property
    def is_inserting(self) -> bool:
        """Whether it says that it is to be put before an entry."""
        return bool(self._where.value)

    # Told by the collection ---------------------------------------------------------------------------------

    def put_before(self, words: str) -> None:
        """Say before which entry it will be put; empty for the end."""
        self._where.value = words
        self.button.description = "Insert" if words else self._word
        self._arrange()

    def value(self) -> tuple[str, bytes]:
        """Return the name of a new key, and the text of a new value.

        Raises:
            ValueError: It does not fit; the message says why.
        """
        try:
            return self._name(), self._items.dump(self._items.check(self._given()))
        except ValidationError as error:
            raise ValueError(explain(error, "")) from None

    def _name(self) -> str:
        keys = self._items.keys
        return "" if keys is None else keys.name_of(keys.validate(self.key.value))

    def _given(self) -> Any:
        if self._draft is not None:
            if self._draft.tell_unfit():
                raise ValueError("some values are missing")
            return self._draft.value()
        if self._control is None:
            return {} if getattr(self._items.held, "native", None) is dict else []
        value = self._control.get()
        if isinstance(value, Unfit):
            raise ValueError(value.reason)
        return value

    def clear(self) -> None:
        """Forget what was typed, for it is added, or is not to be."""
        self.key.value = ""
        if self._control is not None and not isinstance(self._first, Unfit):
            self._control.set(self._first)
        draft, self._draft = self._draft, None
        self.put_before("")
        if draft is not None:
            self.button.focus()
        self.say("muted", "")

    def say(self, kind: str, text: str) -> None:
        """Show a message under the line."""
        self._note.value = style.message(kind, text)

    def enable(self, on: bool) -> None:
        """Let the user add."""
        self.button.disabled = self.key.disabled = self.priority.disabled = not on
        if self._control is not None:
            self._control.enable(on)


def _is_compound(items: Items) -> bool:
    return items.model is not None or items.is_collection
