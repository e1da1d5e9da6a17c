"""The control for whatever has a JSON form and no control of its own: its JSON text, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from rapyer_nb.widgets.control import CannotShow, Control, Request, classed, label, line, show
from rapyer_nb.widgets.phases import Unfit
from rapyer_nb.widgets.saying import explain, same
from rapyer_nb.widgets.shown import described_value
from rapyer_nb.widgets.texts import TextControl

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT_JSON: Final = 60
"""Up to so many characters stand in one line."""


class JsonControl(Control):
    """A value as JSON text; one that JSON cannot hold is only shown.

    Args:
        request: What it is for.
        adapter: Reads and writes the values.
    """

    def __init__(self, request: Request, adapter: TypeAdapter[Any]) -> None:
        self._adapter = adapter
        self._text = TextControl(request, tall=True)
        self._label = label(request)
        self._instead = classed(W.HTML(), "rpy-main")
        self._shown: tuple[str, Any] | None = None
        self.widget = classed(line(self._text.widget), "rpy-json")
        self._text.widget.add_class("rpy-main")
        self.widget.children = (self._label, self._instead, self._text.widget)
        self._see(text=True)

    @property
    def input(self) -> Any:
        """The field for the text."""
        return self._text.input

    def get(self) -> Any:
        """Return the value of the text, or why it has none."""
        text = self._text.get()
        if self._shown is not None and text == self._shown[0]:
            return self._shown[1]
        try:
            return self._adapter.validate_json(text, by_alias=False, by_name=True)
        except ValidationError as error:
            return Unfit(explain(error, ""))

    def set(self, value: Any) -> None:
        """Show the JSON of a value.

        Raises:
            CannotShow: JSON does not hold all of it.
        """
        try:
            text = self._json(value)
            self._shown = None
            self._text.set(text)
        except CannotShow:
            self._instead.value = described_value(value)
            self._see(text=False)
            raise
        self._shown = (text, value)
        self._see(text=True)

    def listen(self, changed: Callable[[bool], None]) -> None:
        """Listen to the field."""
        self._text.listen(changed)

    def enable(self, on: bool) -> None:
        """Enable the field."""
        self._text.enable(on)

    def _see(self, *, text: bool) -> None:
        show(self._text.widget, on=text)
        show(self._label, on=not text)
        show(self._instead, on=not text)

    def _written(self, value: Any, indent: int | None) -> str:
        return self._adapter.dump_json(value, indent=indent, by_alias=False, warnings=False).decode()

    def _json(self, value: Any) -> str:
        try:
            # A value that is none of the annotation is found by reading the text again: no warning is needed.
            text = self._written(value, None)
            if len(text) > SHORT_JSON:
                text = self._written(value, 2)
            again = self._adapter.validate_json(text, by_alias=False, by_name=True)
        except (PydanticSerializationError, ValueError, TypeError):
            raise CannotShow("JSON cannot hold this value; change it in a cell") from None
        if not same(again, value) or type(again) is not type(value):
            raise CannotShow("JSON would make another value of this one; change it in a cell")
        return text


def json_text(request: Request) -> Control:
    """Return a field for the JSON of a value.

    Raises:
        pydantic.errors.PydanticUserError: Pydantic does not know the type.
    """
    return JsonControl(request, request.adapter or TypeAdapter(request.annotation))
