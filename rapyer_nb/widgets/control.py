"""What every control of a form can do, and the pieces that controls are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import ipywidgets as W

from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.style import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.following import Following

AnyWidget = TypeVar("AnyWidget", bound=W.DOMWidget)


def _at_once(work: Callable[[], None]) -> None:
    work()


class CannotShow(ValueError):
    """A control has no way to show a value truthfully."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a control needs that looks into Redis by itself; it never writes there."""

    source: ClientSource
    """Where the models are whose classes have no connection of their own."""
    open: Callable[[AtomicRedisModel], Following]
    """Makes the form of another object, which belongs to who asked for it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a control is wanted for."""

    name: str
    """The field's name, unique in the form: accessible names are made of it."""
    annotation: Any
    label: str = ""
    tooltip: str = ""
    bounds: Bounds = Bounds()
    example: str = ""
    """What a value looks like, shown while there is none."""
    wish: Any = None
    """Which control is wanted: a name, a widget, or what makes one; `None` leaves it to the annotation."""
    adapter: TypeAdapter[Any] | None = None
    """Reads and writes the values as JSON; `None` for that of the annotation."""
    above: tuple[Any, ...] = ()
    """The models that the control is inside of; one inside itself would have no end."""
    bare: bool = False
    """Whether the label is for screen readers only, because the control is a part of another."""
    post: Callable[[Callable[[], None]], None] = _at_once
    """Runs a function on the form's loop: clicks arrive in whatever thread the front end's messages do."""
    session: Session | None = None
    """Where the control can look into Redis; None where it has to do without."""

    @property
    def text(self) -> str:
        """The label."""
        return self.label or self.name

    @property
    def help(self) -> str:
        """What explains the field: its description, and what its values have to be."""
        return " – ".join(part for part in (self.tooltip, self.bounds.hint) if part)


class Control(ABC):
    """Shows a value and lets the user change it.

    The traits that the user changes are observed by `listen` only; what the callback does is up to the form,
    which hears of changes in whatever thread the front end's messages arrive.
    """

    widget: W.DOMWidget
    immediate = False
    """Whether a change is a decision (a box, a choice) and not a step in typing."""
    secret = False
    """Whether its values are not to be shown anywhere."""

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

    def settled(self) -> None:  # noqa: B027 - most controls have nothing to do
        """Take the news that Redis has what the user gave; a control for secrets forgets it then."""


def classed(widget: AnyWidget, *names: str) -> AnyWidget:
    """Add CSS classes to a widget and return it."""
    for name in names:
        widget.add_class(name)
    return widget


def toggle_class(widget: W.DOMWidget, name: str, on: bool) -> None:
    """Add or remove a CSS class."""
    (widget.add_class if on else widget.remove_class)(name)


def main(widget: AnyWidget, request: Request) -> AnyWidget:
    """Mark a widget as the one that its control is about, named by its description."""
    return classed(widget, "rpy-main", "rpy-named", *(["rpy-bare"] if request.bare else []))


def show(widget: W.DOMWidget, *, on: bool) -> None:
    """Show a widget, or keep it out of sight."""
    widget.layout.display = None if on else "none"


def line(*widgets: W.DOMWidget) -> W.HBox:
    """Return the widgets side by side, as a line of the form."""
    return classed(W.HBox(widgets), "rpy-line")


def label(request: Request) -> W.Label:
    """Return a label for a control that has none of its own."""
    return classed(W.Label(request.text, tooltip=request.help), "rpy-label")


def described(request: Request) -> dict[str, Any]:
    """Return the arguments for a widget that brings its label: the browser ties the two together.

    In a group the label begins with the group's name, for screen readers only.
    """
    group = request.name.rpartition(".")[0].replace(".", " ")
    heard = f'<span class="rpy-heard">{safe(group)} </span>' if group else ""
    return {
        "description": heard + safe(request.text),
        "description_allow_html": True,
        "tooltip": request.help,
        "style": {"description_width": "var(--rpy-label)"},
    }


def button(text: str, tooltip: str) -> W.Button:
    """Return a small button."""
    return classed(W.Button(description=text, tooltip=tooltip), "rpy-button")


def icon(name: str, tooltip: str) -> W.Button:
    """Return a small button that shows an icon; its tooltip is its accessible name."""
    # A screen reader would read the icon's own character, so the name is there as text, of no size.
    return classed(W.Button(icon=name, description=tooltip, tooltip=tooltip), "rpy-button", "rpy-icon")


def close_tree(widget: Any) -> None:
    """Close a widget and everything in it."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    for part in ("layout", "style"):
        if (inner := getattr(widget, part, None)) is not None:
            inner.close()
    widget.close()
