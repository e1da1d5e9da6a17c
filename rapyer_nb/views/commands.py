"""Commands that would be sent, one in each row."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.views.brief import brief_cell, clipped, printable
from rapyer_nb.views.markup import Markup, joined
from rapyer_nb.views.note import Note
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg, Command

_MOST: Final = 50
_MOST_WORDS: Final = 12
_WORD_LENGTH: Final = 60
_LENGTH: Final = 120
_COLUMNS: Final = ("", "command", "keys", "arguments")


@dataclass(frozen=True, repr=False)
class CommandList(View):
    """Commands under a line that sums them up, and what they come to.

    Args:
        summary: That line.
        commands: The commands.
        outcome: What is shown below them.
    """

    summary: str
    commands: Sequence[Command[Any]]
    outcome: View | None = None

    def text(self) -> str:
        """Return the summary, the commands as aligned columns, and what is below them."""
        parts = [printable(self.summary)]
        if self.commands:
            parts.append(self._table().text())
        if self.outcome is not None:
            parts.append(self.outcome.text())
        return "\n".join(parts)

    def body(self) -> Markup:
        """Return the same, with the commands as a table."""
        table = self._table().body() if self.commands else Markup()
        outcome = Markup() if self.outcome is None else self.outcome.body()
        return joined(Note(self.summary).body(), table, outcome)

    def _table(self) -> Table:
        rows = [
            (str(number), command.operation, _keys(command), _arguments(command))
            for number, command in enumerate(islice(self.commands, _MOST), 1)
        ]
        more = len(self.commands) - _MOST
        return Table("Commands", _COLUMNS, rows, f"… {more:,} more" if more > 0 else "")


def _keys(command: Command[Any]) -> str:
    return clipped(printable(command.told_keys), _LENGTH)


def _arguments(command: Command[Any]) -> str:
    words = [_word(word) for word in islice(command.args, _MOST_WORDS)]
    if len(command.args) > _MOST_WORDS:
        words.append(f"… {len(command.args) - _MOST_WORDS:,} more")
    return clipped(" ".join(words), _LENGTH)


def _word(word: Arg) -> str:
    if isinstance(word, bytes):
        word = word[: _WORD_LENGTH * 4].decode(errors="replace")
    return brief_cell(word, _WORD_LENGTH)
