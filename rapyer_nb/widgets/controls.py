"""Which control shows a field: a registry of predicates over annotations."""

from __future__ import annotations

import datetime as dt
import typing
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
import pydantic
from pydantic import SecretBytes, SecretStr, TypeAdapter
from pydantic.errors import PydanticUserError

from rapyer.fields import GeoPoint
from rapyer_nb.widgets import choices, colors, named, numbers, ranges, texts, times
from rapyer_nb.widgets.annotations import (
    holds_reference,
    is_model,
    members_of,
    reference_in,
    takes_none,
    unwrapped,
    without_none,
)
from rapyer_nb.widgets.blobs import BytesControl
from rapyer_nb.widgets.composite import NullableControl, PairsControl, Presence, PresenceControl
from rapyer_nb.widgets.control import Request, close_tree
from rapyer_nb.widgets.jsons import json_text
from rapyer_nb.widgets.references.control import ReferenceControl
from rapyer_nb.widgets.shown import ReadOnlyControl, read_only
from rapyer_nb.widgets.simple import SetControl, TagsControl
from rapyer_nb.widgets.variants import ModelControl, UnionControl

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer_nb.widgets.control import Control

_MOMENTS: Final = (pydantic.NaiveDatetime, pydantic.PastDatetime, pydantic.FutureDatetime)
_DAYS: Final = (pydantic.PastDate, pydantic.FutureDate)


class ControlRegistry:
    """Predicates over annotations with the controls that they choose; the last registered is asked first."""

    def __init__(self) -> None:
        self._entries: list[tuple[Callable[[Any], bool], Callable[[Request], Control]]] = []

    def register(self, fits: Callable[[Any], bool], make: Callable[[Request], Control]) -> None:
        """Let `make` build the control of every annotation that `fits` accepts."""
        self._entries.append((fits, make))

    def build(self, request: Request) -> Control:
        """Return a control for the request.

        It is the one that is asked for, else the one registered for the annotation, else a field for text or
        JSON if the values have such a form, else one that only shows.

        Raises:
            NotebookError: What is asked for does not exist, or does not fit.
        """
        annotation, metadata = unwrapped(request.annotation)
        request = replace(request, annotation=annotation, bounds=request.bounds.with_metadata(metadata))
        chosen = None if request.wish is not None else self._registered(annotation)
        if chosen is not None:
            return chosen(request)
        inner = without_none(annotation)
        if inner is not None:
            return NullableControl(self.build(replace(request, annotation=inner)), request)
        return by_form(request) if request.wish is None else named.wished(request)

    def knows(self, annotation: Any) -> bool:
        """Tell whether a control is registered that edits values of an annotation."""
        kind, _ = unwrapped(annotation)
        registered = self._registered(kind)
        if registered is None and (inner := without_none(kind)) is not None:
            return self.knows(inner)
        return registered is not None and registered is not read_only

    def edits(self, annotation: Any) -> bool:
        """Tell whether any control edits values of an annotation, be it as JSON."""
        if self.knows(annotation):
            return True
        control = self.build(Request("", annotation))
        close_tree(control.widget)
        return not isinstance(control, ReadOnlyControl)

    def _registered(self, annotation: Any) -> Callable[[Request], Control] | None:
        return next((make for fits, make in reversed(self._entries) if fits(annotation)), None)


def by_form(request: Request) -> Control:
    """Return a field for text or JSON, whichever pydantic makes of the values; else one that only shows."""
    if request.annotation in (Any, object) or holds_reference(request.annotation):
        return read_only(request)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(request.annotation)
        kind = adapter.json_schema(mode="serialization").get("type")
    except (PydanticUserError, TypeError, ValueError):
        return read_only(request)
    return named.text_of(request) if kind == "string" else json_text(request)


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


def _is_union(annotation: Any) -> bool:
    return bool(members_of(annotation)) and without_none(annotation) is None


def _is_one_of(*kinds: Any) -> Callable[[Any], bool]:
    return lambda annotation: any(annotation is kind for kind in kinds)


def _is_optional_bool(annotation: Any) -> bool:
    return without_none(annotation) is bool


def _string(request: Request) -> Control:
    return named.color(request) if colors.are_colors(request.bounds.pattern) else texts.text(request)


def _union(request: Request) -> Control:
    return UnionControl(request, members_of(request.annotation), controls.build)


def _refers(annotation: Any) -> bool:
    return reference_in(annotation) is not None and not takes_none(annotation)


def _reference(request: Request) -> Control:
    if request.session is None:
        return texts.text(request)
    return ReferenceControl(request, reference_in(request.annotation), request.session)


def _model(request: Request) -> Control:
    if request.annotation in request.above:  # a model in its own kind has no end
        return by_form(request)
    return ModelControl(request, controls.build)


def _tags(
    kind: Callable[..., W.DOMWidget], control: type[TagsControl] = TagsControl
) -> Callable[[Request], Control]:
    # The placeholder is the only name that the front end gives this field. It says Tab, because the field
    # takes what was typed when it loses the focus; JupyterLab does not let Enter do the same.
    return lambda request: control(kind(placeholder=f"add to {request.text}, then Tab"), request)


def _pairs(request: Request) -> Control:
    kind = typing.get_args(request.annotation)[1]
    return PairsControl(request, lambda part: controls.build(replace(part, annotation=kind)))


def _has_choices(annotation: Any) -> bool:
    return choices.choices_of(annotation) is not None


def _has_several(annotation: Any) -> bool:
    return choices.several_choices_of(annotation) is not None


def _register_scalars(registry: ControlRegistry) -> None:
    registry.register(_is(str), _string)
    registry.register(_is_one_of(SecretStr, SecretBytes), texts.SecretControl)
    registry.register(_is(float), numbers.number)
    registry.register(_is(int), numbers.integer)
    registry.register(_is(Decimal), numbers.decimal)
    registry.register(_is(bool), choices.BoolControl)
    registry.register(_is_optional_bool, choices.three_states)
    registry.register(_is(bytes), BytesControl)
    registry.register(colors.is_color, named.color)
    registry.register(_is(GeoPoint), named.text_of)
    registry.register(_has_choices, choices.dropdown)


def _register_times(registry: ControlRegistry) -> None:
    registry.register(_is(dt.date), times.day)
    registry.register(_is_one_of(*_DAYS), times.day)
    registry.register(_is(dt.datetime), times.moment)
    registry.register(_is_one_of(*_MOMENTS), times.moment)
    registry.register(
        _is_one_of(pydantic.AwareDatetime), lambda request: times.moment(request, dt.timezone.utc)
    )
    registry.register(_is(dt.time), times.time_of_day)
    registry.register(_is(dt.timedelta), times.duration)


def _register_containers(registry: ControlRegistry) -> None:
    registry.register(_is_list_of(str), _tags(W.TagsInput))
    registry.register(_is_list_of(float), _tags(lambda **more: W.FloatsInput(format="", **more)))
    registry.register(_is_list_of(int), _tags(W.IntsInput))
    registry.register(_is_list_of(bool), json_text)
    registry.register(_is_set_of(str), _tags(W.TagsInput, SetControl))
    registry.register(_is_set_of(float), _tags(lambda **more: W.FloatsInput(format="", **more), SetControl))
    registry.register(_is_set_of(int), _tags(W.IntsInput, SetControl))
    registry.register(_is_set_of(bool), read_only)
    registry.register(_is(Presence), PresenceControl)
    registry.register(_is_dict_of_scalars, _pairs)
    registry.register(_has_several, choices.several)
    registry.register(ranges.is_range, ranges.number_range)
    registry.register(is_model, _model)
    registry.register(_is_union, _union)
    registry.register(_refers, _reference)


def standard_controls() -> ControlRegistry:
    """Return a registry with the controls of all field kinds that the form knows."""
    registry = ControlRegistry()
    for register in (_register_scalars, _register_times, _register_containers):
        register(registry)
    return registry


controls = standard_controls()
