"""Which control shows a field: a registry of predicates over annotations."""

from __future__ import annotations

import datetime as dt
import enum
import types
import typing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer.types.reference import is_reference
from rapyer_nb.widgets.binding import shortened
from rapyer_nb.widgets.composite import NullableControl, PairsControl, Presence, PresenceControl
from rapyer_nb.widgets.control import Control, Request, classed, described
from rapyer_nb.widgets.simple import (
    BoolControl,
    DatetimeControl,
    FloatControl,
    IntControl,
    ReadOnlyControl,
    SetControl,
    SimpleControl,
    TagsControl,
    TextControl,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# Strings that may become longer than this are edited in several lines.
LONG_TEXT = 200


class ControlRegistry:
    """Predicates over annotations with the controls that they choose; the last registered is asked first."""

    def __init__(self) -> None:
        self._entries: list[tuple[Callable[[Any], bool], Callable[[Request], Control]]] = []

    def register(self, fits: Callable[[Any], bool], make: Callable[[Request], Control]) -> None:
        """Let `make` build the control of every annotation that `fits` accepts."""
        self._entries.append((fits, make))

    def build(self, request: Request) -> Control:
        """Return a control for the request; one that only shows, where nothing fits."""
        if typing.get_origin(request.annotation) is typing.Annotated:
            return self.build(replace(request, annotation=typing.get_args(request.annotation)[0]))
        inner = without_none(request.annotation)
        if inner is not None:
            return NullableControl(self.build(replace(request, annotation=inner)), request)
        for fits, make in reversed(self._entries):
            if fits(request.annotation):
                control: Control = make(request)
                return control
        return read_only(request)


def without_none(annotation: Any) -> Any:
    """Return X of `Optional[X]`, and None for every other annotation."""
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return None
    members = typing.get_args(annotation)
    others = tuple(member for member in members if member is not type(None))
    if len(others) == len(members):
        return None
    return others[0] if len(others) == 1 else typing.Union[others]  # noqa: UP007 - built at run time


def read_only(request: Request) -> Control:
    """Return a control that shows a value of any kind, and changes none."""
    return ReadOnlyControl(request, _described_value)


def _described_value(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    return shortened(value if isinstance(value, str) else repr(value))


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda annotation: isinstance(annotation, type) and issubclass(annotation, kinds)


def _is_list_of(kind: type, container: type = list) -> Callable[[Any], bool]:
    is_item = _is(kind)

    def fits(annotation: Any) -> bool:
        arguments = typing.get_args(annotation)
        return _is(container)(typing.get_origin(annotation)) and len(arguments) == 1 and is_item(arguments[0])

    return fits


def _is_set_of(kind: type) -> Callable[[Any], bool]:
    return _is_list_of(kind, set)


def _is_dict_of_scalars(annotation: Any) -> bool:
    arguments = typing.get_args(annotation)
    if not _is(dict)(typing.get_origin(annotation)) or len(arguments) != 2:
        return False
    return _is(str)(arguments[0]) and _is(str, int, float)(arguments[1])


def _is_literal(annotation: Any) -> bool:
    return typing.get_origin(annotation) is typing.Literal


def _text(request: Request) -> Control:
    kind = W.Textarea if (request.max_length or 0) > LONG_TEXT else W.Text
    return TextControl(classed(kind(**described(request)), "rpy-main"))


def _integer(request: Request) -> Control:
    return IntControl(classed(W.IntText(continuous_update=True, **described(request)), "rpy-main"))


def _number(request: Request) -> Control:
    return FloatControl(
        classed(W.FloatText(continuous_update=True, step=None, **described(request)), "rpy-main")
    )


def _choice(request: Request) -> Control:
    annotation = request.annotation
    if _is_literal(annotation):
        options = [(str(value), value) for value in typing.get_args(annotation)]
    else:
        options = [(member.name, member) for member in annotation]
    return SimpleControl(
        classed(W.Dropdown(options=options, **described(request)), "rpy-main"), immediate=True
    )


def _tags(
    kind: Callable[..., W.DOMWidget], control: type[TagsControl] = TagsControl
) -> Callable[[Request], Control]:
    # The placeholder is the only name that the front end gives this field. It says Tab, because the field
    # takes what was typed when it loses the focus; JupyterLab does not let Enter do the same.
    return lambda request: control(kind(placeholder=f"add to {request.text}, then Tab"), request)


def _pairs(request: Request) -> Control:
    kind = typing.get_args(request.annotation)[1]
    return PairsControl(request, lambda part: controls.build(replace(part, annotation=kind)))


def standard_controls() -> ControlRegistry:
    """Return a registry with the controls of all field kinds that the form knows."""
    registry = ControlRegistry()
    registry.register(_is(str), _text)
    registry.register(_is(float), _number)
    registry.register(_is(int), _integer)
    registry.register(_is(bool), BoolControl)
    registry.register(_is(dt.datetime), DatetimeControl)
    registry.register(_is(bytes), read_only)
    registry.register(_is_list_of(str), _tags(W.TagsInput))
    registry.register(_is_list_of(float), _tags(lambda **more: W.FloatsInput(format="", **more)))
    registry.register(_is_list_of(int), _tags(W.IntsInput))
    registry.register(_is_list_of(bool), read_only)
    registry.register(_is_set_of(str), _tags(W.TagsInput, SetControl))
    registry.register(_is_set_of(float), _tags(lambda **more: W.FloatsInput(format="", **more), SetControl))
    registry.register(_is_set_of(int), _tags(W.IntsInput, SetControl))
    registry.register(_is_set_of(bool), read_only)
    registry.register(is_reference, _text)
    registry.register(_is(Presence), PresenceControl)
    registry.register(_is_dict_of_scalars, _pairs)
    registry.register(lambda annotation: _is_literal(annotation) or _is(enum.Enum)(annotation), _choice)
    return registry


controls = standard_controls()
