"""Controls for numbers: fields, sliders, and digits where a browser's numbers are too small."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer_nb.widgets.control import CannotShow, Control, Request, close_tree, described, line, main
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.simple import SAFE_INTEGER, SimpleControl
from rapyer_nb.widgets.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_SLIDER: Final = 1_000
"""Wider ranges are typed: a slider could not hit each of their numbers."""
_DIGITS: Final = re.compile(r"[+-]?[0-9]+")


class IntControl(Control):
    """A field for whole numbers; those that a browser would round are edited as text."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._changed: Callable[[bool], None] = lambda _: None
        self._doubtful: str | None = None
        self._on = True
        step = request.bounds.multiple_of
        field = W.IntText(step=int(step) if step else 1, continuous_update=True, **described(request))
        self.input = main(field, request)
        self.input.observe(self._typed, "value")
        self.widget = line(self.input)

    def get(self) -> Any:
        """Return the number, or why there is none."""
        shown = self.input.value
        if isinstance(shown, int):
            return shown if abs(shown) < SAFE_INTEGER else Unfit(_rounded(shown))
        if shown == self._doubtful:
            return Unfit(_rounded(shown))
        if not _DIGITS.fullmatch(shown.strip()):
            return Unfit("give a whole number, in digits")
        try:
            return int(shown)
        except ValueError:
            return Unfit("so many digits are too many")

    def set(self, value: Any) -> None:
        """Show the number."""
        number = int(value)
        if isinstance(self.input, W.IntText) and abs(number) < SAFE_INTEGER:
            if self.input.value != number:
                self.input.value = number
            return
        self._to_digits(str(number))

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Observe the field, also the one that takes its place."""
        self._changed = changed

    def enable(self, on: bool) -> None:
        """Set the field's `disabled`."""
        self._on = on
        self.input.disabled = not on

    def _typed(self, change: Any) -> None:
        if isinstance(change["new"], int) and abs(change["new"]) >= SAFE_INTEGER:
            self._request.post(self._doubt)
        self._changed(False)

    def _doubt(self) -> None:
        """Ask for the number again, in a field that keeps all digits."""
        if isinstance(self.input, W.IntText) and abs(self.input.value) >= SAFE_INTEGER:
            self._doubtful = str(self.input.value)
            self._to_digits(self._doubtful)
            self._changed(False)

    def _to_digits(self, digits: str) -> None:
        if isinstance(self.input, W.IntText):
            before = self.input
            self.input = main(W.Text(disabled=not self._on, **described(self._request)), self._request)
            self.widget.children = (self.input,)
            close_tree(before)
            self.input.value = digits
            self.input.observe(self._typed, "value")
        elif self.input.value != digits:
            self._doubtful = None
            self.input.value = digits


class FloatControl(SimpleControl):
    """A number field."""

    def set(self, value: Any) -> None:
        """Show the number."""
        super().set(float(value))


class SliderControl(SimpleControl):
    """A slider between two bounds, which keeps a number that lies between two of its steps."""

    def __init__(self, widget: Any) -> None:
        super().__init__(widget)
        self._shown = widget.value

    def get(self) -> Any:
        """Return the number that is shown, unless the slider was moved."""
        return settled(self.input.value, self._shown, self.input.step)

    def set(self, value: Any) -> None:
        """Show the number, if it is on the slider."""
        if not self.input.min <= value <= self.input.max:
            raise CannotShow(f"{value} is not between {self.input.min} and {self.input.max}")
        known = self.get() == value
        self._shown = value
        if not known:
            super().set(value)


def settled(told: Any, shown: Any, step: float) -> Any:
    """Return what the number that a slider tells means.

    A page puts each number that it gets onto the nearest step, and tells that as if somebody had moved the
    slider (19.999999999999996 for 20.0, too): so much is no change.

    Args:
        told: The number that the slider tells.
        shown: The one that it was given.
        step: Its step.
    """
    if abs(told - shown) <= step * 0.500001:
        return shown
    return float(f"{told:.12g}") if isinstance(told, float) else told


def integer(request: Request) -> Control:
    """Return a slider where the bounds are close, else a number field."""
    low, high = request.bounds.whole_numbers()
    if low is not None and high is not None and low < high and high - low <= LONGEST_SLIDER:
        return int_slider(request)
    return IntControl(request)


def int_slider(request: Request) -> Control:
    """Return a slider for whole numbers.

    Raises:
        ValueError: The field has no bounds.
    """
    low, high = request.bounds.whole_numbers()
    if low is None or high is None:
        raise ValueError("a slider needs bounds: give the field ge= and le=")
    step = int(request.bounds.multiple_of or 1)
    low, high = -(-low // step) * step, high // step * step
    slider = W.IntSlider(value=low, min=low, max=high, step=step, **described(request))
    return SliderControl(main(slider, request))


def number(request: Request) -> Control:
    """Return a slider where a number has both bounds, near one another, else a number field."""
    low, high = request.bounds.ge, request.bounds.le
    if _is_number(low) and _is_number(high) and 0 < high - low <= LONGEST_SLIDER:
        return float_slider(request)
    return number_field(request)


def number_field(request: Request) -> Control:
    """Return a field for a number; without a step all digits may be typed."""
    field = W.FloatText(continuous_update=True, step=request.bounds.multiple_of, **described(request))
    return FloatControl(main(field, request))


def float_slider(request: Request) -> Control:
    """Return a slider for numbers.

    Raises:
        ValueError: The field has no bounds.
    """
    bounds = request.bounds
    low = bounds.ge if bounds.ge is not None else bounds.gt
    high = bounds.le if bounds.le is not None else bounds.lt
    if not (_is_number(low) and _is_number(high) and low < high):
        raise ValueError("a slider needs bounds: give the field ge= and le=")
    step = float(bounds.multiple_of or 10 ** (math.floor(math.log10(high - low)) - 2))
    slider = W.FloatSlider(
        value=float(low),
        min=float(low),
        max=float(high),
        step=step,
        readout_format=readout(step),
        **described(request),
    )
    return SliderControl(main(slider, request))


def readout(step: float) -> str:
    """Return the format in which a slider shows its number: with the digits that its step has."""
    return f".{max(0, -math.floor(math.log10(step)))}f"


def decimal(request: Request) -> Control:
    """Return a field for decimals, which keeps every digit."""
    return parsed(request, _decimal, str)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("give a number, such as 12.50") from None


def _is_number(bound: Any) -> bool:
    return isinstance(bound, int | float) and not isinstance(bound, bool) and math.isfinite(bound)


def _rounded(shown: object) -> str:
    return f"a browser may have rounded {shown}; type it again, this field keeps all digits"
