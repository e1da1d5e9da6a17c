"""The connections of a notebook as plain Python: what `%rapyer_connect` and `--alias` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.getipython import get_ipython

from rapyer_nb.errors import NotebookError
from rapyer_nb.extension import finish, toolkit_of
from rapyer_nb.magics import connect as connecting

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rapyer_nb.state import NotebookState
    from rapyer_nb.views.connection import Connection, Connections


def connect(
    server: str | None = None, *, embedded: bool = False, alias: str | None = None, ttl: int | None = None
) -> Connection:
    """Connect the notebook's models to a server, or show which one they use; `%rapyer_connect` in Python.

    Blocks until the server has answered (INFO, MODULE LIST).

    Args:
        server: The URL of a server, or the name of a connection that the notebook holds.
        embedded: Whether to use the embedded server of the project.
        alias: What to call the new connection; alone, the name of the one to use.
        ttl: Seconds after which what is stored through the connection expires, of models whose `Meta` has no
            time to live; 0 for never.

    Returns:
        What is now used, without its password.

    Raises:
        NotebookError: The server does not answer, there is no such URL or name, the time to live is none, or
            the extension is not loaded; the connection stays as it was.
    """
    __tracebackhide__ = True  # its argument may be a URL with a password
    connection, replaced = connecting.connect(_state(), connecting.Wish(server, embedded, alias, ttl))
    if replaced is not None:
        finish(replaced.aclose())
    return connection


def connections() -> Connections:
    """Return the connections that the notebook holds; `%rapyer_connect --list` in Python. Nothing is sent.

    Raises:
        NotebookError: The extension is not loaded.
    """
    return connecting.listed(_state())


def disconnect(name: str) -> Connections:
    """Close a connection of the notebook; `%rapyer_connect --close NAME` in Python. Nothing is sent.

    Models that used it use `default`. Closing `default` lets the next command choose a server anew.

    Args:
        name: The name of the connection.

    Returns:
        The connections that are left.

    Raises:
        NotebookError: There is no such connection, or the extension is not loaded.
    """
    state = _state()
    finish(state.drop(name).aclose())
    return connecting.listed(state)


def using(name: str) -> AbstractContextManager[None]:
    """Let models use another connection in a block; `--alias NAME` in Python. Nothing is sent.

    That holds for the running task and those that it starts: other cells, and widgets, go on where they are.
    Models whose `Meta` names a connection keep it.

        with rapyer_nb.using("staging"):
            await user.asave()

    Args:
        name: The name of the connection.

    Raises:
        NotebookError: There is no such connection, or the extension is not loaded.
    """
    return _state().using(name)


def _state() -> NotebookState:
    toolkit = toolkit_of(get_ipython())
    if toolkit is None:
        raise NotebookError("there is no notebook to connect", hint="run %load_ext rapyer_nb first")
    toolkit.surroundings.state.rebind()
    return toolkit.surroundings.state
