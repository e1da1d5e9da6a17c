"""`field(user.name)`: one field of a form, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer_nb.widgets.control import Session
from rapyer_nb.widgets.controls import controls
from rapyer_nb.widgets.editor import ModelEditor
from rapyer_nb.widgets.field import FieldRow
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.shown import read_only as only_shown
from rapyer_nb.widgets.single import SingleControl, located
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer_nb.widgets.form import FieldPlan
    from rapyer_nb.widgets.history import Edit


class LiveField(SingleControl):
    """The control of one field, bound to Redis as in a form: guarded writes, conflicts, messages."""

    def __init__(self, model: AtomicRedisModel, plan: FieldPlan) -> None:
        """Build the control and start to follow the model's key; needs a running event loop."""
        super().__init__(model, plan)
        self.session = Session(self.source, ModelEditor)
        request = plan.request(self.post, session=self.session)
        control = controls.build(request) if plan.editable else only_shown(request)
        self.row = FieldRow(plan, control, self, shown(local_value(model, plan.names)))
        self.start(self.row.widget)

    @property
    def epoch(self) -> int:
        """What the binding counts."""
        return self.row.binding.epoch

    def show_raw(self, raw: bytes, epoch: int) -> None:
        """Let the binding take what was read."""
        self.row.read(raw, epoch)
        self.row.enable(True)  # before the first read it is off, whatever it is told

    def enable(self, on: bool) -> None:
        """Let the user edit the field, as far as it can be edited."""
        self.row.enable(on)

    def connected(self) -> None:
        """Send again what did not get through."""
        self.row.retry()

    def record(self, edit: Edit) -> None:
        """Do nothing: a field alone has no list of its edits."""

    def _release(self) -> None:
        self.row.stop()
        super()._release()


def field(where: Any, of: Any = None) -> LiveField:
    """Return a live control for one field of a stored model: `field(user.name)`.

    It is a field of the form that `edit` makes: typing in it changes Redis, if what is there is still what it
    showed (JSON.GET and JSON.SET in a script), and a change in Redis shows in it. All controls share one
    connection.

    Args:
        where: A value read from the model, also from a model inside of it (`user.address.city`). Plain
            values, as those of enums, do not know where they come from: give
            `User.role`, or the model itself.
        of: Then the model, or the dotted name of the field: `field(User.role, user)`, `field(user, "role")`.

    Raises:
        NotebookError: It names no field, or no event loop runs.
        UnlinkedValueError: The value belongs to no model, or is an element of a list or dict.
    """
    model, plan = located("field", where, of)
    return following.opened("field()", lambda: LiveField(model, plan))
