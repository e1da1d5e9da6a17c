"""What every view has: a plain-text form and an HTML form, offered to the front end together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

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
