"""What every view has: a plain-text form and an HTML form, offered to the front end together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from rapyer_nb.views.markup import STYLE, Markup, element

if TYPE_CHECKING:
    from collections.abc import Container


class View(ABC):
    """Something to show, as text and as HTML."""

    @abstractmethod
    def text(self) -> str:
        """Return the plain-text form."""

    @abstractmethod
    def body(self) -> Markup:
        """Return the HTML form, without the frame and the style."""

    def html(self) -> str:
        """Return the HTML form, with its style."""
        return str(element("div", STYLE, self.body(), class_="rapyer-nb"))

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}

    def __repr__(self) -> str:
        return self.text()


class Reporting(ABC):
    """A value that is shown as a view, and is one line inside of another value."""

    @abstractmethod
    def summary(self) -> str:
        """Return one line that tells the most important of it."""

    @abstractmethod
    def view(self) -> View:
        """Return what a notebook shows."""

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return self.view()._repr_mimebundle_(include, exclude)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show the view in a terminal as well, outside of other values."""
        printer.text(repr(self) if len(printer.stack) > 1 else self.view().text())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary()}>"
