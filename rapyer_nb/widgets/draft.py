"""The fields of a form for an object that does not exist yet: what they begin with, and what they give."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic_core import PydanticUndefined
from traitlets import TraitError

from rapyer.codec.paths import ROOT
from rapyer_nb.errors import one_line
from rapyer_nb.widgets import style
from rapyer_nb.widgets.annotations import annotation_of
from rapyer_nb.widgets.collections.beside import EntriesPlace
from rapyer_nb.widgets.collections.spot import Spot, SpotPlace
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import CannotShow, Control, classed, line
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.draft_list import DraftList
from rapyer_nb.widgets.form import CollectionPlan, ComputedPlan, FieldPlan, GroupPlan, plan_entry, plan_inner
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import same, shortened
from rapyer_nb.widgets.shown import ReadOnlyControl, read_only
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rapyer_nb.widgets.collections.items import Items
    from rapyer_nb.widgets.control import Session
    from rapyer_nb.widgets.draft_list import Part, Placed, Told
    from rapyer_nb.widgets.form import AnyPlan

    Begin = Callable[[tuple[str, ...]], Any]

ABSENT: Final = object()
"""What a field gives that was left as it was and has a default."""

QUEUE: Final = "begins empty; its values are pushed once the object is stored"
"""What stands at a queue: its values are in Redis alone, and no insert brings any."""

_NOWHERE: Final = SpotPlace(Spot("", ROOT))


@dataclass(frozen=True, slots=True)
class Means:
    """What the controls of a draft are made with."""

    post: Callable[..., None]
    """Runs a function on the form's loop."""
    wishes: Mapping[str, Any] = field(default_factory=dict)
    """The controls that the caller asks for, by the names of their fields."""
    session: Session | None = None
    """Where controls can look into Redis."""


class DraftRow:
    """One field: its control and its message.

    Args:
        plan: What the field is.
        begin: What it begins with; `None` leaves it to the default.
        means: What its controls are made with.
        fixed: What it says instead where it cannot be set here.
        needed: Whether it has to be given: an entry of a list has no default.
    """

    def __init__(
        self,
        plan: FieldPlan,
        begin: Any,
        means: Means,
        *,
        fixed: str = "",
        needed: bool = False,
    ) -> None:
        self.plan = plan
        request = plan.request(means.post, means.wishes, means.session)
        request = replace(request, bare=True, tooltip="") if needed else request
        self.control: Control = read_only(request) if fixed else controls.build(request)
        if needed:
            classed(self.control.widget, "rpy-bare")
        self._note = classed(W.HTML(style.message("muted", "")), "rpy-note-line")
        self.widget = classed(W.VBox([self.control.widget, self._note]), "rpy-field")
        self.required = plan.spec.info.is_required() and plan.annotation is not Presence
        self._needed = needed
        self._begin(fixed or begin)
        self._first = self.control.get()

    def box(self) -> W.DOMWidget:
        """Return its widget."""
        return self.widget

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
        nothing = isinstance(found, Unfit) and self.untouched and not self._needed
        return ABSENT if nothing or isinstance(self.control, ReadOnlyControl) else found

    def placed(self) -> Placed:
        """Yield itself: it shows messages."""
        yield (), self

    def unfit(self) -> Iterator[tuple[Told, str]]:
        """Yield itself where it shows no value, and why."""
        if isinstance(value := self.value(), Unfit):
            yield self, value.reason

    def enable(self, on: bool = True) -> None:
        """Let the user edit it."""
        self.control.enable(on)

    def say(self, text: str) -> None:
        """Show what is wrong with the value; an empty text takes that away."""
        self._note.value = style.message("error" if text else "muted", text)

    def _begin(self, begin: Any) -> None:
        value = shown(begin)
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
        begin: Returns what the field of some names begins with.
        means: What its controls are made with.
        group: The plan of the group; `None` for a whole model.
        given: Whether it shows values that are to be given, and not the defaults of its class.
    """

    def __init__(
        self,
        entries: tuple[AnyPlan, ...],
        begin: Begin,
        means: Means,
        group: GroupPlan | None = None,
        *,
        given: bool = False,
    ) -> None:
        self._group = group
        self._given = given
        presence = None if group is None else group.presence
        self._presence = None if presence is None else DraftRow(presence, begin(presence.names), means)
        self._parts: dict[str, Part] = {}
        for entry in entries:
            if isinstance(entry, GroupPlan):
                inner = DraftGroup(entry.entries, begin, means, entry, given=given)
                self._parts[entry.spec.name] = inner
            elif not isinstance(entry, ComputedPlan):
                self._parts[entry.names[-1]] = _part(entry, begin, means)
        self.required = group is not None and group.spec.info.is_required()
        if self._presence is not None:
            self._presence.control.listen(lambda _: means.post(self._enable))
        self._on = True
        self._enable()

    def box(self) -> W.DOMWidget:
        """Return the fields below one another; of a group in a box with its name."""
        widgets = [part.box() for part in self._parts.values()]
        if self._group is None:
            return classed(W.VBox(widgets), "rpy-rows")
        head = [classed(W.HTML(style.group_head(self._group.label)), "rpy-main")]
        if self._presence is not None:
            head.append(self._presence.widget)
        return classed(W.VBox([line(*head), *widgets]), "rpy-group")

    @property
    def untouched(self) -> bool:
        """Whether nothing in it was changed."""
        present = self._presence is None or self._presence.untouched
        return present and all(part.untouched for part in self._parts.values())

    def rows(self) -> Iterator[DraftRow]:
        """Yield the rows of all fields in it."""
        for _, told in self.placed():
            if isinstance(told, DraftRow):
                yield told

    def placed(self) -> Placed:
        """Yield the places where it shows messages, outer ones first."""
        if self._presence is not None:
            yield (), self._presence
        for name, part in self._parts.items():
            for way, told in part.placed():
                yield (name, *way), told

    def unfit(self) -> Iterator[tuple[Told, str]]:
        """Yield the places that show no value, where one is needed, and why."""
        for part in () if self._is_null else self._parts.values():
            yield from part.unfit()

    def tell_unfit(self) -> bool:
        """Show at each place why there is no value, and take away what was said before; tell if any is."""
        for _, told in self.placed():
            told.say("")
        found = list(self.unfit())
        for told, reason in found:
            told.say(reason)
        return bool(found)

    def enable(self, on: bool = True) -> None:
        """Let the user edit the fields, unless the group is null."""
        self._on = on
        self._enable()

    def _enable(self) -> None:
        if self._presence is not None:
            self._presence.enable(self._on)
        for part in self._parts.values():
            part.enable(self._on and not self._is_null)

    def value(self) -> Any:
        """Return the values by their names; `None` for null.

        A field with a default that nobody has changed is left out, so that the class makes the default. Of a
        group that somebody has changed all are given: its own default may have other values than its class.
        """
        if self._is_null:
            return None
        all_of_them = self._given or (self._group is not None and not self.untouched)
        values = {
            name: part.value()
            for name, part in self._parts.items()
            if all_of_them or part.required or not part.untouched
        }
        return {name: value for name, value in values.items() if value is not ABSENT}

    @property
    def _is_null(self) -> bool:
        return self._presence is not None and self._presence.is_null


def draft_of(plans: tuple[AnyPlan, ...], model: Any, means: Means) -> DraftGroup:
    """Return the fields of a model that does not exist yet.

    Args:
        plans: The plan of its fields.
        model: An instance that has the defaults, and no other values.
        means: What its controls are made with.
    """
    return DraftGroup(plans, lambda names: local_value(model, names), means)


def _part(plan: FieldPlan | CollectionPlan, begin: Begin, means: Means) -> Part:
    if isinstance(plan, FieldPlan):
        return DraftRow(plan, begin(plan.names), means)
    if isinstance(plan.place, EntriesPlace):
        return DraftRow(_as_field(plan, plan.spec.annotation), None, means, fixed=QUEUE)
    if plan.short is not None:
        return DraftRow(plan.short, begin(plan.names), means)
    items = plan.items
    if not (items.model or items.is_collection or controls.edits(items.spec.annotation)):
        return DraftRow(_as_field(plan, annotation_of(plan.spec)), begin(plan.names), means)
    return _list(plan, begin(plan.names), means)


def _list(plan: CollectionPlan, begin: Any, means: Means) -> DraftList:
    presence = DraftRow(_as_field(plan, Presence), begin, means) if plan.nullable else None

    def make(number: int, value: Any) -> Part:
        return _entry(plan, f"{plan.name} {number}", value, means)

    return DraftList(plan, begin, make, means.post, presence)


def _entry(plan: CollectionPlan, name: str, value: Any, means: Means) -> Part:
    """Return what is in an entry of a collection; None as its value is a new one."""
    items = plan.items
    if items.is_collection:
        shape: Any = items.stored
        inner = plan_inner((name,), _NOWHERE.spot, items.declared, shape, items.spec, editable=True)
        return _list(inner, value, means)
    if items.model is None:
        entry = FieldPlan((name,), _NOWHERE, items.spec, items.spec.annotation, items)
        return DraftRow(entry, value, means, needed=True)
    model: Any = items.model.model_construct() if value is None else _valid(items, value)
    plans = plan_entry(model, _NOWHERE.spot, name)
    return DraftGroup(plans, lambda names: local_value(model, names[1:]), means, given=value is not None)


def _valid(items: Items, value: Any) -> Any:
    """Return a model of a default, which pydantic has not looked at, as one of the class that is stored.

    Raises:
        CannotShow: It is none.
    """
    try:
        return items.stored.validate(value)
    except (ValueError, TypeError) as error:
        raise CannotShow(f"{shortened(repr(value))} does not fit: {one_line(error)}") from None


def _as_field(plan: CollectionPlan, annotation: Any) -> FieldPlan:
    """Return a collection as one field."""
    return FieldPlan(plan.names, _NOWHERE, plan.spec, annotation, plan.items)


def _default(plan: FieldPlan) -> Any:
    try:
        return plan.spec.info.get_default(call_default_factory=True)
    except Exception:  # a factory that needs the other values, or the user's own
        return PydanticUndefined
