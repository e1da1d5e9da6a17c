"""The forms `users << %rapyer_find …` and `users = << %rapyer_find …`: store, and store and show.

Both can stand behind the magic's name as well, as users of SQL magics know it (`%rapyer_find users << User`).
They become plain assignments before IPython looks for its magics, and so work wherever an assignment does, in
functions too. What cannot be an assignment keeps the form, and the toolkit stores the value in the notebook's
variables: the line of a cell magic (`%%rapyer_pipeline total <<`), or a magic that is called by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from IPython.core.inputtransformer2 import TokenTransformBase

from rapyer_nb.awaiting import MAGIC_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from tokenize import TokenInfo

    from IPython.core.interactiveshell import InteractiveShell

SHOW: Final = "<<"
"""What stands first in a magic's line whose value is to be shown as well as assigned."""

_IN_LINE: Final = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*)\s*(?P<show>=)?\s*)?<<\s*(?P<rest>.*)", re.DOTALL)


@dataclass(frozen=True)
class Storing:
    """What is to become of a magic's value.

    Args:
        line: The magic's line without that.
        name: The variable that gets it.
        show: Whether it is shown, too.
    """

    line: str
    name: str | None = None
    show: bool = False

    @classmethod
    def of(cls, line: str) -> Storing:
        """Take `name <<`, `name = <<` or `<<` off a magic's line."""
        match = _IN_LINE.fullmatch(line)
        if match is None:
            return cls(line)
        return cls(match["rest"], match["name"], match["name"] is None or match["show"] is not None)


class Assignment(TokenTransformBase):
    """Turns one `<<` form into an assignment of the magic; IPython asks for the next one itself."""

    priority = 5  # ahead of those for magics, which have 10

    def __init__(self, start: tuple[int, int], rewritten: Callable[[str], str]) -> None:
        build: Any = super().__init__  # IPython's has no types
        build(start)
        self._rewritten = rewritten

    @classmethod
    def find(cls, tokens_by_line: Sequence[Sequence[TokenInfo]]) -> Assignment | None:
        """Return what changes the first line that has one of the forms."""
        for tokens in tokens_by_line:
            rewritten = _behind(tokens) or _in_front(tokens)
            if rewritten is not None:
                return cls(tokens[0].start, rewritten)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """Return the lines with the assignment in place of the form."""
        line = self._rewritten(lines[self.start_line])
        return [*lines[: self.start_line], line, *lines[self.start_line + 1 :]]


def install(shell: InteractiveShell) -> None:
    """Let a shell understand the forms."""
    _transformers(shell).append(Assignment)


def uninstall(shell: InteractiveShell) -> None:
    """Take the forms out of a shell again."""
    while Assignment in _transformers(shell):
        _transformers(shell).remove(Assignment)


def _transformers(shell: InteractiveShell) -> list[Any]:
    manager: Any = shell.input_transformer_manager
    transformers: list[Any] = manager.token_transformers
    return transformers


def _in_front(tokens: Sequence[TokenInfo]) -> Callable[[str], str] | None:
    """Find `users << %rapyer_find …` or `users = << %rapyer_find …`; return what rewrites the line."""
    for position in range(1, len(tokens) - 2):
        shift, percent, magic = tokens[position : position + 3]
        first_line = shift.start[0] == percent.start[0] == tokens[0].start[0]
        if shift.string != SHOW or not _is_magic(percent, magic) or not first_line:
            continue
        target, call, rest = shift.start[1], percent.start[1], magic.end[1]
        if tokens[position - 1].string == "=":
            return lambda line: f"{line[:target].rstrip()} {line[call:rest]} {SHOW} {line[rest:].lstrip(' ')}"
        return lambda line: f"{line[:target].rstrip()} = {line[call:]}"
    return None


def _behind(tokens: Sequence[TokenInfo]) -> Callable[[str], str] | None:
    """Find `%rapyer_find users << …` or `%rapyer_find users= << …`; return what rewrites the line."""
    words = [token for token in tokens if token.string.strip()]
    if len(words) < 4 or not _is_magic(words[0], words[1]):
        return None
    shift = words[4] if words[3].string == "=" and len(words) > 4 else words[3]
    if not words[2].string.isidentifier() or shift.string != SHOW or shift.start[0] != words[0].start[0]:
        return None
    call, rest = words[0].start[1], words[1].end[1]

    def rewritten(line: str) -> str:
        storing = Storing.of(line[rest:])
        shown = f"{SHOW} " if storing.show else ""
        return f"{line[:call]}{storing.name} = {line[call:rest]} {shown}{storing.line}"

    return rewritten


def _is_magic(percent: TokenInfo, name: TokenInfo) -> bool:
    together = percent.end == name.start and percent.start[0] == name.start[0]
    return percent.string == "%" and together and name.string.startswith(MAGIC_PREFIX)
