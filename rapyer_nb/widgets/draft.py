"""The fields of a form for an object that does not exist yet: what they begin with, and what they give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic_core import PydanticUndefined
from traitlets import TraitError

from rapyer_nb.widgets import style
from rapyer_nb.widgets.binding import Unfit, same
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import CannotShow, Control, Request, classed, line
from rapyer_nb.widgets.controls import controls, read_only
from rapyer_nb.widgets.form import FieldPlan
from rapyer_nb.widgets.places import QueuePlace
from rapyer_nb.widgets.simple import ReadOnlyControl
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rapyer import AtomicRedisModel
    from rapyer_nb.widgets.form import GroupPlan

ABSENT: Final = object()
"""What a field gives that was left as it was and has a default."""


class DraftRow:
    """One field: its control and its message.

    Args:
        plan: What the field is.
        draft: An instance that has the defaults, and no other values.
        post: Runs a function on the form's loop.
    """

    def __init__(self, plan: FieldPlan, draft: AtomicRedisModel, post: Callable[..., None]) -> None:
        self.plan = plan
        fixed = isinstance(plan.place, QueuePlace)
        request = Request(
            plan.name,
            plan.annotation,
            label=plan.label,
            tooltip=plan.tooltip,
            max_length=plan.max_length,
            post=post,
        )
        self.control: Control = read_only(request) if fixed else controls.build(request)
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self.widget = classed(W.VBox([self.control.widget, self._note]), "rpy-field")
        self.required = plan.spec.info.is_required() and plan.annotation is not Presence
        self._begin(draft)
        self._first = self.control.get()

    @property
    def is_null(self) -> bool:
        """Whether the control shows that there is no value."""
        return self.control.get() is None

    @property
    def untouched(self) -> bool:
        """Whether it shows what it began with."""
        return same(self.control.get(), self._first)

    def value(self) -> Any:
        """Return what the user sees, or `ABSENT` where it cannot be set here, or is nothing yet."""
        found = self.control.get()
        if isinstance(self.control, ReadOnlyControl) or (isinstance(found, Unfit) and self.untouched):
            return ABSENT
        return found

    def say(self, text: str) -> None:
        """Show what is wrong with the value; an empty text takes that away."""
        self._note.value = style.message("error" if text else "muted", text)

    def _begin(self, draft: AtomicRedisModel) -> None:
        value = shown(local_value(draft, self.plan.names))
        if value is None:
            value = _default(self.plan)
        if value is PydanticUndefined or (value is None and not self.plan.nullable):
            return
        try:
            self.control.set(value)
        except (CannotShow, TraitError) as error:
            self.say(f"{error}; the default is taken unless it is changed")


class DraftGroup:
    """The fields of a model, or of one inside of it.

    Args:
        entries: The plan of its fields.
        draft: An instance that has the defaults.
        post: Runs a function on the form's loop.
        group: The plan of the group; `None` for the whole model.
    """

    def __init__(
        self,
        entries: tuple[FieldPlan | GroupPlan, ...],
        draft: AtomicRedisModel,
        post: Callable[..., None],
        group: GroupPlan | None = None,
    ) -> None:
        self._group = group
        presence = None if group is None else group.presence
        self._presence = None if presence is None else DraftRow(presence, draft, post)
        self._parts: dict[str, DraftRow | DraftGroup] = {}
        for entry in entries:
            if isinstance(entry, FieldPlan):
                self._parts[entry.names[-1]] = DraftRow(entry, draft, post)
            else:
                self._parts[entry.spec.name] = DraftGroup(entry.entries, draft, post, entry)
        if self._presence is not None:
            self._presence.control.listen(lambda _: post(self.enable))
        self.enable()

    def box(self) -> W.DOMWidget:
        """Return the fields below one another; of a group in a box with its name."""
        widgets = [part.widget if isinstance(part, DraftRow) else part.box() for part in self._parts.values()]
        if self._group is None:
            return classed(W.VBox(widgets), "rpy-rows")
        head = [classed(W.HTML(style.group_head(self._group.label)), "rpy-main")]
        if self._presence is not None:
            head.append(self._presence.widget)
        return classed(W.VBox([line(*head), *widgets]), "rpy-group")

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self._group is not None and self._group.spec.info.is_required()

    @property
    def untouched(self) -> bool:
        """Whether nothing in it was changed."""
        return all(row.untouched for row in self.rows())

    def rows(self) -> Iterator[DraftRow]:
        """Yield the rows of all fields in it."""
        if self._presence is not None:
            yield self._presence
        for part in self._parts.values():
            if isinstance(part, DraftRow):
                yield part
            else:
                yield from part.rows()

    def unfit(self) -> Iterator[tuple[DraftRow, str]]:
        """Yield the rows that show no value, where one is needed, and why."""
        if self._is_null:
            return
        for part in self._parts.values():
            if isinstance(part, DraftGroup):
                yield from part.unfit()
            elif isinstance(value := part.value(), Unfit):
                yield part, value.reason

    def enable(self, on: bool = True) -> None:
        """Let the user edit the fields, unless the group is null."""
        if self._presence is not None:
            self._presence.control.enable(on)
        for part in self._parts.values():
            (part.control if isinstance(part, DraftRow) else part).enable(on and not self._is_null)

    def value(self) -> Any:
        """Return the values by their names; `None` for null.

        A field with a default that nobody has changed is left out, so that the class makes the default. Of a
        group that somebody has changed all are given: its own default may have other values than its class.
        """
        if self._is_null:
            return None
        all_of_them = self._group is not None and not self.untouched
        values = {
            name: part.value()
            for name, part in self._parts.items()
            if all_of_them or part.required or not part.untouched
        }
        return {name: value for name, value in values.items() if value is not ABSENT}

    @property
    def _is_null(self) -> bool:
        return self._presence is not None and self._presence.is_null


def _default(plan: FieldPlan) -> Any:
    try:
        return plan.spec.info.get_default(call_default_factory=True)
    except Exception:  # a factory that needs the other values, or the user's own
        return PydanticUndefined
