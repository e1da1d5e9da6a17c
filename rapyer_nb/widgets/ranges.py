"""The control for a pair of numbers between bounds: a slider with two handles."""

from __future__ import annotations

import math
import typing
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.control import CannotShow, Control, Request, described, main
from rapyer_nb.widgets.numbers import LONGEST_SLIDER, readout, settled
from rapyer_nb.widgets.simple import SimpleControl

if TYPE_CHECKING:
    from collections.abc import Sequence


class RangeControl(SimpleControl):
    """A slider with two handles, which keeps numbers that lie between two of its steps."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget)
        self._shown = tuple(widget.value)

    def get(self) -> Any:
        """Return the pair that is shown, but where a handle was moved."""
        step = self.input.step
        return tuple(settled(*pair, step) for pair in zip(self.input.value, self._shown, strict=True))

    def set(self, value: Any) -> None:
        """Show the pair, if it is one that the slider can show."""
        first, second = value
        if not self.input.min <= first <= second <= self.input.max:
            raise CannotShow(f"{value!r} does not rise between {self.input.min} and {self.input.max}")
        known = self.get() == (first, second)
        self._shown = (first, second)
        if not known:
            super().set(self._shown)


def is_range(annotation: Any) -> bool:
    """Tell whether an annotation is of a pair of numbers of one kind, with the same bounds."""
    return _limits(annotation) is not None


def number_range(request: Request) -> Control:
    """Return a slider with two handles.

    Raises:
        ValueError: The numbers have no bounds.
    """
    limits = _limits(request.annotation)
    if limits is None:
        raise ValueError("a slider for a pair needs bounds: tuple[T, T], where T has ge= and le=")
    kind, low, high = limits
    if kind is int:
        slider = W.IntRangeSlider(value=(low, high), min=low, max=high, **described(request))
    else:
        step = 10.0 ** (math.floor(math.log10(high - low)) - 2)
        slider = W.FloatRangeSlider(
            value=(low, high),
            min=low,
            max=high,
            step=step,
            readout_format=readout(step),
            **described(request),
        )
    return RangeControl(main(slider, request))


def _limits(annotation: Any) -> tuple[type, Any, Any] | None:
    members: Sequence[Any] = typing.get_args(annotation)
    if typing.get_origin(annotation) is not tuple or len(members) != 2 or members[0] != members[1]:
        return None
    if typing.get_origin(members[0]) is not typing.Annotated:
        return None
    kind, *metadata = typing.get_args(members[0])
    bounds = Bounds().with_metadata(metadata)
    low, high = bounds.whole_numbers() if kind is int else (bounds.ge, bounds.le)
    if kind not in (int, float) or low is None or high is None or not 0 < high - low <= LONGEST_SLIDER:
        return None
    return kind, kind(low), kind(high)
