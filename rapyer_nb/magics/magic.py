"""What every magic is: arguments, and a coroutine."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rapyer_nb.magics.arguments import MagicLine

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
        state: The notebook's connection.
        awaiter: Turns the magics in a piece of code into awaits.
    """

    shell: InteractiveShell
    state: NotebookState
    awaiter: MagicAwaiter


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
        users_error: An exception out of the user's own code, which is shown with its whole traceback.
    """

    surroundings: Surroundings
    options: Namespace
    line: str
    cell: str
    cell_name: str
    variables: Mapping[str, Any]
    display_limit: int
    users_error: BaseException | None = None


class AsyncMagic(ABC):
    """A magic; its docstring is the help that `%name?` shows, and should end with examples."""

    name: ClassVar[str]
    """What stands behind the `%`; it begins with `rapyer_`."""

    kind: ClassVar[Literal["line", "cell"]]
    """Whether it is used as `%name` or as `%%name`."""

    def __init__(self) -> None:
        sign = "%" if self.kind == "line" else "%%"
        self.arguments = MagicLine(f"{sign}{self.name}", inspect.cleandoc(type(self).__doc__ or ""))
        self.declare(self.arguments)

    @abstractmethod
    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""

    @abstractmethod
    async def run(self, call: Call) -> Any:
        """Do what the magic does; what it returns is the value of the magic in the user's code."""

    @property
    def help(self) -> str:
        """The text that `%name?` shows."""
        return self.arguments.format_help()
