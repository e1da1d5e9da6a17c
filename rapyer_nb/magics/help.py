"""`%rapyer_help`: all magics in one table, or the help of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.awaiting import MAGIC_PREFIX
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.magics.arguments import plain
from rapyer_nb.magics.description import Description
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.topics import TOPICS
from rapyer_nb.views.topics import HelpText, Topics

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.views.view import View


class HelpMagic(AsyncMagic):
    """Show all magics by topic, or the help of one, which `%rapyer_find?` shows, too.

    Nothing is sent. Python: `rapyer_nb.help()`, `rapyer_nb.help("find")`.

    Examples::

        %rapyer_help
        %rapyer_help find
    """

    name = "rapyer_help"
    kind = "line"
    takes_alias = False

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("magic", metavar="MAGIC", nargs="?", help="a magic, such as find")

    async def run(self, call: Call) -> View:
        """Return the table, or the help."""
        __tracebackhide__ = True
        magic = call.options.magic
        return about(None if magic is None else plain(magic, call.variables))


def about(name: str | None = None) -> View:
    """Return a table of all magics, or the help of one.

    Args:
        name: The one, with or without what its name begins with.

    Raises:
        NotebookError: There is no such magic.
    """
    if name is None:
        described = {topic: [Description.of(kind) for kind in kinds] for topic, kinds in TOPICS.items()}
        rows = {topic: [(one.name, one.purpose) for one in kinds] for topic, kinds in described.items()}
        return Topics(rows, "%rapyer_find? or %rapyer_help find shows the help of one, with examples")
    short = name.lstrip("%").removeprefix(MAGIC_PREFIX)
    kinds: tuple[type[AsyncMagic], ...] = (*by_topic(), HelpMagic)
    known = {kind.name.removeprefix(MAGIC_PREFIX): kind for kind in kinds}
    if short not in known:
        hint = suggestion(short, known, otherwise=f"there are {', '.join(known)}")
        raise NotebookError(f"there is no magic {name!r}", hint=hint)
    return HelpText(known[short]().help)


def by_topic() -> tuple[type[AsyncMagic], ...]:
    """Return the magics that have a topic, in order."""
    return tuple(kind for kinds in TOPICS.values() for kind in kinds)
