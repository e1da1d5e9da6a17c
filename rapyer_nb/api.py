"""The magics as plain Python: what `import rapyer_nb` offers for use in code."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from IPython.core.getipython import get_ipython

from rapyer import AtomicRedisModel
from rapyer_nb.errors import NotebookError
from rapyer_nb.extension import finish, toolkit_of
from rapyer_nb.magics import connect as connecting
from rapyer_nb.magics.find import search

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rapyer.search.expression import Expression
    from rapyer_nb.views.connection import Connection
    from rapyer_nb.views.results import ResultList

Model = TypeVar("Model", bound=AtomicRedisModel)


def connect(url: str | None = None, *, embedded: bool = False) -> Connection:
    """Connect the notebook's models to a server, or show which one they use; `%rapyer_connect` in Python.

    Blocks until the server has answered (INFO, MODULE LIST).

    Args:
        url: The URL of a server.
        embedded: Whether to use the embedded server of the project.

    Returns:
        What is now used, without its password.

    Raises:
        NotebookError: The server does not answer, the URL is none, or the extension is not loaded.
    """
    toolkit = toolkit_of(get_ipython())
    if toolkit is None:
        raise NotebookError("there is no notebook to connect", hint="run %load_ext rapyer_nb first")
    connection, before = connecting.connect(toolkit.surroundings.state, url, embedded=embedded)
    if before is not None:
        finish(before.aclose())
    return connection


async def find(
    model: type[Model],
    where: Expression | str | None = None,
    *,
    limit: int | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ResultList[Model]:
    """Find the stored models that a filter describes; `%rapyer_find` in Python (FT.SEARCH, JSON.MGET).

    Args:
        model: The model class.
        where: An expression such as `User.age >= 18`, or a text such as `"age >= 18"`; `None` for all.
        limit: The most models to ask the server for; `None` for all.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        The models, with `total`, the number of all matches, `elapsed` seconds, and the `skipped` keys.

    Raises:
        NotebookError: The text is no filter.
        NotIndexedError: A field has no index.
        BadFilterError: A field is compared with a value of the wrong type.
    """
    shell = get_ipython()
    known = variables if variables is not None or shell is None else shell.user_ns
    return await search(model, where, limit=limit, variables=known)
