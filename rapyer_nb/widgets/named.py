"""Controls that are asked for: by name, as a widget, or as what makes one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic import SecretBytes, SecretStr, TypeAdapter
from traitlets import TraitError

from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import choices, jsons, numbers, ranges, texts
from rapyer_nb.widgets.control import CannotShow, Control, Request, described, label, line, main
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.requests import check_name
from rapyer_nb.widgets.shown import read_only
from rapyer_nb.widgets.simple import SimpleControl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Make = Callable[[Request], Control]
    Fits = Callable[[Any], bool]


class GivenControl(SimpleControl):
    """A widget of the caller's, with a `value`."""

    def __init__(self, request: Request, widget: W.DOMWidget) -> None:
        super().__init__(widget)
        named = bool(getattr(widget, "description", ""))
        main(widget, request)
        self.widget = line(widget) if named or request.bare else line(label(request), widget)

    def get(self) -> Any:
        """Return the widget's value."""
        value = super().get()
        return Unfit("give a value") if value is None else value

    def set(self, value: Any) -> None:
        """Put the value into the widget.

        Raises:
            CannotShow: The widget makes another value of it.
        """
        super().set(value)
        if self.input.value != value:
            raise CannotShow(f"this {type(self.input).__name__} cannot show {value!r}")

    def enable(self, on: bool) -> None:
        """Set the widget's `disabled`, if it has one."""
        if self.input.has_trait("disabled"):
            super().enable(on)


def wished(request: Request) -> Control:
    """Return the control that is asked for.

    Raises:
        NotebookError: There is none of that name, or it does not fit the field.
    """
    wish = request.wish
    if isinstance(wish, str):
        return _named(request, wish)
    try:
        made = wish if isinstance(wish, W.Widget | Control) else _made(wish, request)
    except (TypeError, ValueError, TraitError) as error:
        raise NotebookError(f"{request.name}: the widget could not be made: {error}") from error
    if isinstance(made, Control):
        return made
    if not (isinstance(made, W.DOMWidget) and made.has_trait("value")):
        raise NotebookError(
            f"{request.name}: a {type(made).__name__} is no widget with a value",
            hint="give the name of a control, a widget, or a class or function that makes one",
        )
    return GivenControl(request, made)


def text_of(request: Request) -> Control:
    """Return a field for values that pydantic reads from text and writes as text."""
    adapter: TypeAdapter[Any] = TypeAdapter(request.annotation)

    def write(value: Any) -> str:
        found = adapter.dump_python(value, mode="json", warnings=False)
        if not isinstance(found, str):
            raise CannotShow(f"a {type(value).__name__} is not written as text; change it in a cell")
        return found

    return texts.parsed(request, adapter.validate_python, write)


def color(request: Request) -> Control:
    """Return a field for a colour, with the browser's own picker."""
    picker = main(W.ColorPicker(value="black", **described(request)), request)
    if _is(str)(request.annotation):
        return SimpleControl(picker)
    adapter: TypeAdapter[Any] = TypeAdapter(request.annotation)
    return texts.ParsedControl(
        picker, adapter.validate_python, lambda value: str(adapter.dump_python(value, mode="json"))
    )


def _made(wish: Any, request: Request) -> Any:
    if not callable(wish):
        return wish
    if isinstance(wish, type) and issubclass(wish, W.Widget):
        known = wish.class_trait_names()  # type: ignore[attr-defined]  # ipywidgets has no types
        return wish(**{name: value for name, value in described(request).items() if name in known})
    return wish(**described(request)) if _takes_keywords(wish) else wish()


def _takes_keywords(wish: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(wish).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(one.kind is one.VAR_KEYWORD for one in parameters)


def _named(request: Request, name: str) -> Control:
    check_name(name, request.name)
    fits, make, words = _CONTROLS[name]
    if not fits(request.annotation):
        kind = getattr(request.annotation, "__name__", request.annotation)
        raise NotebookError(f"{request.name}: the control {name!r} is for {words}, not for {kind}")
    try:
        return make(request)
    except ValueError as error:
        raise NotebookError(f"{request.name}: {error}") from None


def _is(*kinds: type) -> Fits:
    return lambda annotation: isinstance(annotation, type) and issubclass(annotation, kinds)


def _has_choices(annotation: Any) -> bool:
    return annotation is bool or choices.choices_of(annotation) is not None


def _has_several(annotation: Any) -> bool:
    return choices.several_choices_of(annotation) is not None


def _is_number(annotation: Any) -> bool:
    return _is(int, float)(annotation) and not _is(bool)(annotation)


def _slides(annotation: Any) -> bool:
    return _is_number(annotation) or ranges.is_range(annotation)


def _slider(request: Request) -> Control:
    if _is(float)(request.annotation):
        return numbers.float_slider(request)
    return numbers.int_slider(request) if _is(int)(request.annotation) else ranges.number_range(request)


def _number(request: Request) -> Control:
    whole = _is(int)(request.annotation)
    return numbers.IntControl(request) if whole else numbers.number_field(request)


def _text(request: Request) -> Control:
    return texts.TextControl(request) if _is(str)(request.annotation) else text_of(request)


def _anything(_: Any) -> bool:
    return True


_CONTROLS: Final[Mapping[str, tuple[Fits, Make, str]]] = {
    "checkbox": (_is(bool), choices.BoolControl, "bool"),
    "color": (_anything, color, "colours"),
    "dropdown": (_has_choices, choices.dropdown, "Literal, Enum and bool"),
    "json": (_anything, jsons.json_text, "anything"),
    "number": (_is_number, _number, "int and float"),
    "password": (_is(str, SecretStr, SecretBytes), texts.SecretControl, "str and SecretStr"),
    "radio": (_has_choices, choices.radio, "Literal, Enum and bool"),
    "readonly": (_anything, read_only, "anything"),
    "select": (_has_several, choices.several, "lists and sets of Literal or Enum"),
    "slider": (_slides, _slider, "int and float with bounds"),
    "text": (_anything, _text, "anything that is written as text"),
    "textarea": (_is(str), texts.tall_text, "str"),
    "toggle": (_has_choices, choices.toggle, "Literal, Enum and bool"),
}
