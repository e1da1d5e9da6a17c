"""The help as plain Python: `help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.help import about

if TYPE_CHECKING:
    from rapyer_nb.views import View


def help(magic: str | None = None) -> View:
    """Show all magics by topic, or the help of one; `%rapyer_help` in Python. Nothing is sent.

    Args:
        magic: The one, such as "find"; None for the table.

    Returns:
        What shows it in a notebook or a terminal.

    Raises:
        NotebookError: There is no such magic.
    """
    return about(magic)
