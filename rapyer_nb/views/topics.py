"""A list of things by topic, and a text of several lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rapyer_nb.views.markup import Markup, element, joined, lined
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, repr=False)
class Topics(View):
    """Names under topics, each with what it is for.

    Args:
        topics: The names and purposes, by topic.
        footer: A line below them.
    """

    topics: Mapping[str, Sequence[tuple[str, str]]]
    footer: str

    def text(self) -> str:
        """Return a line for each name, under its topic."""
        width = max(len(name) for rows in self.topics.values() for name, _ in rows)
        lines: list[str] = []
        for topic, rows in self.topics.items():
            lines += [topic, *(f"  {name:{width}}  {purpose}" for name, purpose in rows), ""]
        return "\n".join([*lines, self.footer])

    def body(self) -> Markup:
        """Return a table whose parts are the topics."""
        parts = [
            element(
                "tbody",
                element("tr", element("th", topic, colspan="2", scope="rowgroup")),
                *(
                    element("tr", element("td", element("code", name)), element("td", purpose))
                    for name, purpose in rows
                ),
            )
            for topic, rows in self.topics.items()
        ]
        table = element("table", element("caption", "Magics"), *parts)
        return joined(table, element("p", self.footer, class_="rapyer-faint"))


@dataclass(frozen=True, repr=False)
class HelpText(View):
    """A text that stands as it is.

    Args:
        lines: The text.
    """

    lines: str

    def text(self) -> str:
        """Return the text."""
        return self.lines

    def body(self) -> Markup:
        """Return the text in lines."""
        return lined(self.lines.splitlines())
