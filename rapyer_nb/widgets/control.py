"""What every control of a form can do, and the pieces that controls are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets as W

from rapyer_nb.widgets.style import safe

if TYPE_CHECKING:
    from collections.abc import Callable

AnyWidget = TypeVar("AnyWidget", bound=W.DOMWidget)


def _at_once(work: Callable[[], None]) -> None:
    work()


class CannotShow(ValueError):
    """A control has no way to show a value truthfully."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a control is wanted for."""

    name: str
    """The field's name, unique in the form: accessible names are made of it."""
    annotation: Any
    label: str = ""
    tooltip: str = ""
    max_length: int | None = None
    bare: bool = False
    """Whether the label is for screen readers only, because the control is a part of another."""
    post: Callable[[Callable[[], None]], None] = _at_once
    """Runs a function on the form's loop: clicks arrive in whatever thread the front end's messages do."""

    @property
    def text(self) -> str:
        """The label."""
        return self.label or self.name


class Control(ABC):
    """Shows a value and lets the user change it.

    The traits that the user changes are observed by `listen` only; what the callback does is up to the form,
    which hears of changes in whatever thread the front end's messages arrive.
    """

    widget: W.DOMWidget
    immediate = False
    """Whether a change is a decision (a box, a choice) and not a step in typing."""

    @abstractmethod
    def get(self) -> Any:
        """Return what the user sees, or an `Unfit` that says why it is no value."""

    @abstractmethod
    def set(self, value: Any) -> None:
        """Show a value.

        Raises:
            CannotShow: The control would show something else than the value.
        """

    @abstractmethod
    def listen(self, changed: Callable[[bool], None]) -> None:
        """Call `changed` at every change; its argument says whether it is a decision."""

    @abstractmethod
    def enable(self, on: bool) -> None:
        """Let the user change the value, or not."""


def classed(widget: AnyWidget, *names: str) -> AnyWidget:
    """Add CSS classes to a widget and return it."""
    for name in names:
        widget.add_class(name)
    return widget


def toggle_class(widget: W.DOMWidget, name: str, on: bool) -> None:
    """Add or remove a CSS class."""
    (widget.add_class if on else widget.remove_class)(name)


def line(*widgets: W.DOMWidget) -> W.HBox:
    """Return the widgets side by side, as a line of the form."""
    return classed(W.HBox(widgets), "rpy-line")


def label(request: Request) -> W.Label:
    """Return a label for a control that has none of its own."""
    return classed(W.Label(request.text, tooltip=request.tooltip), "rpy-label")


def described(request: Request) -> dict[str, Any]:
    """Return the arguments for a widget that brings its label: the browser ties the two together.

    In a group the label begins with the group's name, for screen readers only.
    """
    group = request.name.rpartition(".")[0].replace(".", " ")
    heard = f'<span class="rpy-heard">{safe(group)} </span>' if group else ""
    return {
        "description": heard + safe(request.text),
        "description_allow_html": True,
        "tooltip": request.tooltip or None,
        "style": {"description_width": "var(--rpy-label)"},
    }


def button(text: str, tooltip: str) -> W.Button:
    """Return a small button."""
    return classed(W.Button(description=text, tooltip=tooltip), "rpy-button")


def close_tree(widget: Any) -> None:
    """Close a widget and everything in it."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for part in ("layout", "style"):
        if (inner := getattr(widget, part, None)) is not None:
            inner.close()
    widget.close()
