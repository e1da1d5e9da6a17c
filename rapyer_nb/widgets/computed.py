"""The computed fields of a model in its form: only shown, and computed again when other fields change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer_nb.errors import one_line
from rapyer_nb.widgets import style
from rapyer_nb.widgets.control import Request, classed
from rapyer_nb.widgets.shown import ReadOnlyControl, described_value
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer import AtomicRedisModel
    from rapyer_nb.widgets.form import ComputedPlan


@dataclass(frozen=True)
class _Failed:
    """Stands for the value of a field that could not be computed."""

    reason: str


class ComputedRows:
    """The rows of all computed fields of a form.

    Args:
        model: The Python object, which has the values that the form shows.
        post: Runs a function on the form's loop.
    """

    def __init__(self, model: AtomicRedisModel, post: Callable[[Callable[[], None]], None]) -> None:
        self._model = model
        self._post = post
        self._rows: list[tuple[ComputedPlan, ReadOnlyControl]] = []
        self._due = False

    def row(self, plan: ComputedPlan) -> W.DOMWidget:
        """Return a row for a computed field."""
        request = Request(plan.name, object, label=plan.label, tooltip=plan.tooltip)
        control = ReadOnlyControl(request, _described)
        control.set(self._value(plan))
        self._rows.append((plan, control))
        return classed(W.VBox([control.widget]), "rpy-field", "rpy-computed")

    def changed(self) -> None:
        """Compute all again, soon: changes that come together are one."""
        if self._rows and not self._due:
            self._due = True
            self._post(self._refresh)

    def shown(self, name: str) -> Any:
        """Return what is shown of a field."""
        return next(control.get() for plan, control in self._rows if plan.name == name)

    def _refresh(self) -> None:
        self._due = False
        for plan, control in self._rows:
            control.set(self._value(plan))

    def _value(self, plan: ComputedPlan) -> Any:
        owner = local_value(self._model, plan.names[:-1])
        if owner is None:
            return None
        try:
            return shown(getattr(owner, plan.names[-1]))
        except Exception as error:  # the user's own code
            return _Failed(one_line(error))


def _described(value: Any) -> str:
    if isinstance(value, _Failed):
        return style.message("warn", f"cannot be computed: {value.reason}")
    return described_value(value)
