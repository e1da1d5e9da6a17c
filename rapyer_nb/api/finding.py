"""Finding models as plain Python: `rapyer_nb.find`, `count`, `explain` and `live_table`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from IPython.core.getipython import get_ipython

from rapyer import AtomicRedisModel
from rapyer_nb.magics import searching
from rapyer_nb.parsing import Variables
from rapyer_nb.views.results import DISPLAY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.search.expression import Expression
    from rapyer_nb.magics.searching import Form
    from rapyer_nb.views.explanation import ExplanationView
    from rapyer_nb.views.results import ResultList
    from rapyer_nb.widgets import LiveTable

Model = TypeVar("Model", bound=AtomicRedisModel)


@overload
async def find(
    model: type[Model],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    limit: int | None = None,
    offset: int = 0,
    fields: None = None,
    form: Literal["list"] = "list",
    on_corrupt: Literal["skip", "raise"] = "skip",
    variables: Mapping[str, Any] | None = None,
) -> ResultList[Model]: ...


@overload
async def find(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    limit: int | None = None,
    offset: int = 0,
    fields: Any = None,
    form: Form = "list",
    on_corrupt: Literal["skip", "raise"] = "skip",
    variables: Mapping[str, Any] | None = None,
) -> Any: ...


async def find(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    limit: int | None = None,
    offset: int = 0,
    fields: Any = None,
    form: Form = "list",
    on_corrupt: Literal["skip", "raise"] = "skip",
    variables: Mapping[str, Any] | None = None,
) -> Any:
    """Find the stored models that a filter describes; `%rapyer_find` in Python.

    Sends FT.SEARCH, FT.AGGREGATE and JSON.MGET as `Model.afind` does (SCAN without an index).

    Args:
        model: The model class.
        where: An expression such as `User.age >= 18`, or a text such as `"age >= 18"`; `None` for all.
        sort: Fields to sort by, one or several: "-age" for the greatest first, or `User.age`.
        limit: The most models to ask the server for; `None` for all.
        offset: How many of the first to pass over.
        fields: The only fields to read, one or several; the rows are frozen dataclasses then.
        form: What to return: a "list", a "table" to look at, "pandas", "polars" or "dict" (dicts).
        on_corrupt: Whether documents that do not fit the class are left out, or an error.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        The models, with `total`, the number of all matches, `elapsed` seconds, and the `skipped` keys; or
        another form of them.

    Raises:
        NotebookError: The text is no filter, or the form is unknown.
        NotIndexedError: A field has no index.
        UnknownFieldError: There is no such field to sort by or to read.
        BadFilterError: A field is compared with a value of the wrong type, or cannot be sorted by.
        CorruptedModelError: A document does not fit the class, and was to raise.
        MissingPackageError: pandas or polars is not installed.
    """
    question = searching.asked(
        model,
        where,
        known_variables(variables),
        sort=sort,
        limit=limit,
        offset=offset,
        fields=fields,
        on_corrupt=on_corrupt,
    )
    return searching.formed(await searching.found_by(question), form)


async def count(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    variables: Mapping[str, Any] | None = None,
) -> int:
    """Count the stored models that a filter describes; `%rapyer_find --count` in Python (FT.SEARCH, SCAN).

    Args:
        model: The model class.
        where: The filter, as for `find`.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Raises:
        NotebookError: The text is no filter.
        NotIndexedError: A field has no index.
        BadFilterError: A field is compared with a value of the wrong type.
    """
    return await searching.count(searching.asked(model, where, known_variables(variables)))


async def explain(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    variables: Mapping[str, Any] | None = None,
) -> ExplanationView:
    """Tell how the server answers a filter; `%rapyer_explain` in Python (FT.EXPLAIN, FT.PROFILE).

    Args:
        model: The model class.
        where: The filter, as for `find`.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        What it tells, as a view; `.explanation` is all of it as data.

    Raises:
        NotebookError: The text is no filter.
        NotIndexedError: A field has no index, or the class none on the server.
        BadFilterError: A field is compared with a value of the wrong type.
    """
    return await searching.explain(searching.asked(model, where, known_variables(variables)))


async def live_table(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    limit: int = DISPLAY_LIMIT,
    offset: int = 0,
    fields: Any = None,
    variables: Mapping[str, Any] | None = None,
) -> LiveTable:
    """Return a table of what `find` gives that follows Redis; `%rapyer_find --live` in Python.

    It searches as `find` does, and again when a document of the class has changed (CLIENT TRACKING, or the
    keyspace notifications; else at intervals). Looking at it starts no time to live anew.

    Args:
        model: The model class.
        where: The filter, as for `find`.
        sort: Fields to sort by, as for `find`.
        limit: The most rows.
        offset: How many of the first to pass over.
        fields: The only fields to read, as for `find`.
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        The widget; `.found` is what it shows, `.close()` ends it.

    Raises:
        NotebookError: The text is no filter, or the limit no positive whole number.
        NotIndexedError: A field has no index.
        UnknownFieldError: There is no such field to sort by or to read.
        BadFilterError: A field is compared with a value of the wrong type, or cannot be sorted by.
    """
    parts = {"sort": sort, "limit": limit, "offset": offset, "fields": fields}
    question = searching.asked(model, where, known_variables(variables), **parts)
    return await searching.live(question)


def known_variables(variables: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the variables that a text may name: those given, or those of the notebook."""
    shell = get_ipython()
    if variables is not None or shell is None:
        return variables
    return Variables(shell.user_ns, hidden=shell.user_ns_hidden)
