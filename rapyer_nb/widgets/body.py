"""The rows of a plan: a form's, or those of a model that is an entry of a collection."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import ipywidgets as W

from rapyer_nb.widgets import style
from rapyer_nb.widgets.composite import Presence
from rapyer_nb.widgets.control import classed, line
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.field import FieldRow
from rapyer_nb.widgets.form import CollectionPlan, ComputedPlan, FieldPlan, GroupPlan
from rapyer_nb.widgets.shown import read_only

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rapyer.commands.command import Command
    from rapyer_nb.widgets.field import Host
    from rapyer_nb.widgets.form import AnyPlan

    MakeCollection: TypeAlias = "Callable[[CollectionPlan, Host], Row]"
    MakeField: TypeAlias = "Callable[[FieldPlan, Any, Host, Any], FieldRow]"


class Row(Protocol):
    """What a form asks of the row of a field, and of that of a collection."""

    plan: Any
    widget: W.DOMWidget

    @property
    def epoch(self) -> int:
        """A number that goes up when what is read meanwhile tells nothing."""

    def reads(self) -> Sequence[Command[Any]]:
        """Return the commands that read it; the first asks the document."""

    def found(self, replies: Sequence[Any]) -> Any:
        """Return what the replies say is there; None where there is no document."""

    def take(self, found: Any, epoch: int) -> None:
        """Take what was found, unless the epoch has changed since the read was sent."""

    def forget(self) -> None:
        """Take it that nothing was read yet, because the place is gone."""

    def enable(self, on: bool) -> None:
        """Let the user edit it, as far as it can be edited."""

    def retry(self) -> None:
        """Send again what did not get through."""

    def shown_text(self) -> tuple[bytes | None, bool]:
        """Return the JSON text of what is shown, None for nothing; and whether it fits, which is noted."""

    def stop(self) -> None:
        """Forget the timers."""


class Body:
    """The rows of a plan, below one another, those of a group in a box.

    Args:
        plans: The plan.
        host: The form.
        collection: Makes the row of a collection.
        begin: What the row of a field shows until it is read.
        field: Makes the row of a field.
        wishes: The controls that the caller asks for, by the names of their fields.
        computed: Makes the row of a computed field; those are left out without it.
    """

    def __init__(
        self,
        plans: Sequence[AnyPlan],
        host: Host,
        collection: MakeCollection,
        begin: Callable[[FieldPlan], Any],
        field: MakeField = FieldRow,
        *,
        wishes: Mapping[str, Any] = MappingProxyType({}),
        computed: Callable[[ComputedPlan], W.DOMWidget] | None = None,
    ) -> None:
        self._wishes = wishes
        self._computed = computed
        self._host = host
        self._collection = collection
        self._begin = begin
        self._field = field
        self.rows: list[Any] = []
        self._groups: list[tuple[FieldRow, list[Any]]] = []
        self.widgets = self._build_all(plans)

    def _build_all(self, plans: Sequence[AnyPlan]) -> list[W.DOMWidget]:
        return [self._build(plan) for plan in plans if self._computed or not isinstance(plan, ComputedPlan)]

    def _build(self, plan: AnyPlan) -> W.DOMWidget:
        if isinstance(plan, ComputedPlan):
            return W.VBox([]) if self._computed is None else self._computed(plan)
        if not isinstance(plan, GroupPlan):
            return self._row(plan).widget
        head = [classed(W.HTML(style.group_head(plan.label)), "rpy-main")]
        presence = None if plan.presence is None else self._row(plan.presence)
        if presence is not None:
            head.append(presence.widget)
        before = len(self.rows)
        inside = self._build_all(plan.entries)
        if presence is not None:
            self._groups.append((presence, self.rows[before:]))
        return classed(W.VBox([line(*head), *inside]), "rpy-group")

    def _row(self, plan: FieldPlan | CollectionPlan) -> Any:
        if isinstance(plan, CollectionPlan):
            row: Any = self._collection(plan, self._host)
        else:
            row = field_row(plan, self._host, self._begin(plan), self._field, self._wishes)
        self.rows.append(row)
        return row

    @property
    def null(self) -> set[Any]:
        """The rows of groups that are null: their places do not exist."""
        return {row for presence, inside in self._groups if presence.is_null for row in inside}

    def replan(self, plans: Sequence[AnyPlan]) -> None:
        """Give the rows the plan of what is in another place now, or is another instance."""
        for row, plan in zip(self.rows, _flat(plans), strict=True):
            row.replan(plan)


def field_row(
    plan: FieldPlan,
    host: Host,
    local: Any,
    make: MakeField = FieldRow,
    wishes: Mapping[str, Any] = MappingProxyType({}),
) -> FieldRow:
    """Return the row of a field, with the control that fits it.

    Args:
        plan: The field.
        host: The form.
        local: What it shows until it is read.
        make: Makes the row.
        wishes: The controls that the caller asks for.
    """
    request = plan.request(host.post, wishes, host.session)
    if plan.annotation is Presence:
        local = None if local is None else True
    return make(plan, controls.build(request) if plan.editable else read_only(request), host, local)


def _flat(plans: Sequence[AnyPlan]) -> Iterator[FieldPlan | CollectionPlan]:
    for plan in plans:
        if isinstance(plan, GroupPlan):
            if plan.presence is not None:
                yield plan.presence
            yield from _flat(plan.entries)
        elif not isinstance(plan, ComputedPlan):
            yield plan
