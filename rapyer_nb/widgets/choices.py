"""Controls for choices: boxes, lists to choose one from, or several."""

from __future__ import annotations

import enum
import typing
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer_nb.widgets.control import CannotShow, Control, Request, classed, described, label, line, main
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import shortened
from rapyer_nb.widgets.simple import SimpleControl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_ROWS: Final = 6
Options = list[tuple[str, Any]]


class BoolControl(SimpleControl):
    """A box to tick."""

    def __init__(self, request: Request) -> None:
        box = W.Checkbox(description=request.text, indent=False, tooltip=request.help)
        super().__init__(classed(box, "rpy-check", "rpy-named"), immediate=True)
        if not request.bare:
            self.widget = line(label(request), classed(box, "rpy-main"))


class ChoiceControl(Control):
    """One of several values, each with a name."""

    immediate = True

    def __init__(self, widget: Any, options: Options) -> None:
        self.input = widget
        self.widget = widget
        self._options = options

    def get(self) -> Any:
        """Return the chosen value."""
        index = self.input.index
        return Unfit("choose one") if index is None else self._options[index][1]

    def set(self, value: Any) -> None:
        """Choose the value."""
        index = _place(value, [option for _, option in self._options])
        if index is None:
            raise CannotShow(f"{shortened(repr(value))} is not among the choices")
        if self.input.index != index:
            self.input.index = index

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe what is chosen."""
        self.input.observe(lambda _: changed(True), "index")

    def enable(self, on: bool) -> None:
        """Set the widget's `disabled`."""
        self.input.disabled = not on


class SeveralControl(Control):
    """Several of the values that there are.

    Args:
        request: What it is for.
        options: The values, with their names.
        kind: What the chosen ones make: `set`, `list`, `frozenset`, `tuple`.
    """

    def __init__(self, request: Request, options: Options, kind: Callable[[Sequence[Any]], Any]) -> None:
        self._options = options
        self._kind = kind
        self._order: list[int] = []
        rows = min(max(len(options), 2), _MOST_ROWS)
        names = [name for name, _ in options]
        self.input = main(W.SelectMultiple(options=names, rows=rows, **described(request)), request)
        self.input.tooltip = " – ".join(filter(None, [request.help, "several with Ctrl or ⌘"]))
        self.widget = classed(line(self.input), "rpy-tall")

    def get(self) -> Any:
        """Return the chosen values: first those that were there, in their order."""
        chosen = list(self.input.index)
        kept = [index for index in self._order if index in chosen]
        return self._kind([self._options[index][1] for index in (*kept, *_without(chosen, kept))])

    def set(self, value: Any) -> None:
        """Choose the values."""
        places = [_place(item, [option for _, option in self._options]) for item in value]
        found = [place for place in places if place is not None]
        if len(found) < len(places):
            raise CannotShow(f"{shortened(repr(value))} has values that are not among the choices")
        if len(set(found)) < len(found):
            raise CannotShow("a value stands twice in the list; change it in a cell")
        self._order = found
        if sorted(self.input.index) != sorted(found):
            self.input.index = tuple(sorted(found))

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe what is chosen; who chooses several clicks several times."""
        self.input.observe(lambda _: changed(False), "index")

    def enable(self, on: bool) -> None:
        """Set the list's `disabled`."""
        self.input.disabled = not on


def choices_of(annotation: Any) -> Options | None:
    """Return the values of a Literal or an Enum with their names; None for other annotations."""
    if typing.get_origin(annotation) is typing.Literal:
        return [("null" if value is None else _named(value), value) for value in typing.get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return [(member.name or str(member.value), member) for member in annotation]
    return None


def several_choices_of(annotation: Any) -> tuple[Options, Any] | None:
    """Return the choices and the container of a set or list of a Literal or Enum; None for others."""
    kind = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if kind is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = arguments[:1]
    if kind not in (set, frozenset, list, tuple) or len(arguments) != 1:
        return None
    item = arguments[0]
    while typing.get_origin(item) is typing.Annotated:
        item = typing.get_args(item)[0]
    options = choices_of(item)
    return None if options is None else (options, kind)


def dropdown(request: Request) -> Control:
    """Return a list to choose one value from."""
    return _choice(request, W.Dropdown)


def radio(request: Request) -> Control:
    """Return a button for each choice, below one another."""
    return _choice(request, W.RadioButtons)


def toggle(request: Request) -> Control:
    """Return a button for each choice, side by side."""
    return _choice(request, W.ToggleButtons)


def three_states(request: Request) -> Control:
    """Return a list with null, yes and no."""
    return _choice_of(request, W.Dropdown, [("null", None), ("yes", True), ("no", False)])


def several(request: Request) -> Control:
    """Return a list to choose several values from."""
    options, kind = several_choices_of(request.annotation) or ([], list)
    return SeveralControl(request, options, kind)


def _choice(request: Request, kind: Any) -> Control:
    if request.annotation is bool:
        return _choice_of(request, kind, [("yes", True), ("no", False)])
    return _choice_of(request, kind, choices_of(request.annotation) or [])


def _choice_of(request: Request, kind: Any, options: Options) -> Control:
    values = [value for _, value in options]
    alike = any(one == other for at, one in enumerate(values) for other in values[:at])
    # ipywidgets goes by the values, finds the first of those that are equal, and takes None for no choice.
    given = [name for name, _ in options] if alike or None in values else options
    widget = kind(options=given, value=None, **described(request))
    if kind is not W.Dropdown:
        widget.style.description_width = "var(--rpy-label)"
    return ChoiceControl(main(widget, request), options)


def _place(value: Any, options: list[Any]) -> int | None:
    # 1 equals True, and an IntEnum's member its number: who chooses sees different things.
    alike = [index for index, option in enumerate(options) if option == value]
    exact = [index for index in alike if type(options[index]) is type(value)]
    return next(iter(exact or alike), None)


def _without(items: list[int], others: list[int]) -> list[int]:
    return [item for item in items if item not in others]


def _named(value: Any) -> str:
    return value.name if isinstance(value, enum.Enum) else str(value)
