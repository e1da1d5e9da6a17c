"""What every magic is: arguments, and a coroutine."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from rapyer_nb.magics.arguments import MagicLine
from rapyer_nb.snapshots import Shelf

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from rapyer_nb.awaiting import MagicAwaiter
    from rapyer_nb.state import NotebookState


@dataclass(frozen=True)
class Surroundings:
    """What a magic acts on.

    Args:
        shell: The shell it is used in.
        state: The notebook's connections; `state.source` is where the commands of this call go.
        awaiter: Turns the magics in a piece of code into awaits.
        snapshots: The snapshots that the notebook has taken.
    """

    shell: InteractiveShell
    state: NotebookState
    awaiter: MagicAwaiter
    snapshots: Shelf = field(default_factory=Shelf)


@dataclass
class Call:
    """One use of a magic.

    Args:
        surroundings: What it acts on.
        options: The parsed line.
        line: The line as the user wrote it.
        cell: The rest of the cell, for a cell magic.
        cell_name: The name of the code that it stands in.
        variables: The user's variables where the magic stands: local ones first, then those of the notebook.
        display_limit: How many rows of a result are shown.
        default_form: What the value of a find is where `--as` does not say it.
        feedback: Whether a line tells what was done (`4 commands, 1 round trip, 0.9 ms`).
        users_error: An exception out of the user's own code, which is shown with its whole traceback.
    """

    surroundings: Surroundings
    options: Namespace
    line: str
    cell: str
    cell_name: str
    variables: Mapping[str, Any]
    display_limit: int
    default_form: str
    feedback: bool
    users_error: BaseException | None = None


FORMS: Final = ("list", "table", "pandas", "polars", "dict")
"""What the value of a find can be."""

_ALIAS: Final = "go to this connection, instead of the one in use; %%rapyer_connect --list shows them"


class AsyncMagic(ABC):
    """A magic; its docstring is the help that `%name?` shows, and should end with examples."""

    name: ClassVar[str]
    """What stands behind the `%`; it begins with `rapyer_`."""

    kind: ClassVar[Literal["line", "cell"]]
    """Whether it is used as `%name` or as `%%name`."""

    takes_alias: ClassVar[bool] = True
    """Whether `--alias NAME` lets a call go to another connection; the toolkit sees to that."""

    def __init__(self) -> None:
        self.arguments = MagicLine(f"{self.sign}{self.name}", inspect.cleandoc(type(self).__doc__ or ""))
        self.declare(self.arguments)
        if self.takes_alias:
            self.arguments.add_argument("--alias", metavar="NAME", holds="CONNECTION", help=_ALIAS)

    @abstractmethod
    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""

    @abstractmethod
    async def run(self, call: Call) -> Any:
        """Do what the magic does; what it returns is the value of the magic in the user's code."""

    @property
    def sign(self) -> str:
        """What stands before its name."""
        return "%" if self.kind == "line" else "%%"

    @property
    def help(self) -> str:
        """The text that `%name?` shows."""
        return self.arguments.format_help()
