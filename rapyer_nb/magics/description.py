"""What a magic says of itself, in parts: from its docstring, which is also the help of `%name?`."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rapyer_nb.magics.magic import AsyncMagic

_EXAMPLES: Final = "Examples::\n"
_EQUAL: Final = re.compile(r"\brapyer_nb\.(\w+)\(")


@dataclass(frozen=True)
class Description:
    """A magic, described.

    Args:
        name: Its name, with the signs in front.
        purpose: What it does, in a sentence.
        text: The paragraphs behind that.
        examples: Lines and cells, as users write them, separated by line ends; those of cells by blank lines.
        equals: The functions of `rapyer_nb` that do the same.
    """

    name: str
    purpose: str
    text: str
    examples: str
    equals: tuple[str, ...]

    @classmethod
    def of(cls, kind: type[AsyncMagic]) -> Description:
        """Return the description of a magic."""
        told, _, examples = inspect.cleandoc(kind.__doc__ or "").partition(_EXAMPLES)
        purpose, _, text = told.strip().partition("\n\n")
        sign = "%" if kind.kind == "line" else "%%"
        return cls(
            f"{sign}{kind.name}",
            " ".join(purpose.split()),
            text.strip(),
            dedent(examples).strip(),
            _own_first(kind, _EQUAL.findall(told)),
        )

    @property
    def uses(self) -> list[tuple[str, str]]:
        """What the examples give to the magic: the rest of the line, and the rest of the cell."""
        blocks = self.examples.split("\n\n") if self.name.startswith("%%") else self.examples.splitlines()
        found = []
        for block in blocks:
            first, _, body = block.partition("\n")
            before, name, line = first.partition(self.name)
            if name and not before.strip().startswith("#"):
                found.append((line.strip(), body))
        return found


def _own_first(kind: type[AsyncMagic], names: list[str]) -> tuple[str, ...]:
    """Return each name once, the one that is the magic's own before those that do a part of it."""
    return tuple(dict.fromkeys(sorted(names, key=lambda name: not kind.name.endswith(f"_{name}"))))
