"""Many stored objects at once, live: `rapyer_nb.table` and `browse`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.model.registry import registry
from rapyer_nb.api.finding import known_variables
from rapyer_nb.magics import browse as browsing
from rapyer_nb.magics import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer import AtomicRedisModel
    from rapyer.search.expression import Expression
    from rapyer_nb.widgets import Browser, ModelTable


def table(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    columns: Any = None,
    page_size: int = tables.PAGE_SIZE,
    read_only: bool = False,
    variables: Mapping[str, Any] | None = None,
) -> ModelTable:
    """Return a live table of what a filter finds: to look at, to sort, to edit, to delete from.

    It finds as `find` does, a page at a time (FT.SEARCH, FT.AGGREGATE, JSON.MGET; SCAN without an index), and
    again when a document of the class has changed. A cell writes only its own part of the document, and only
    if that is still what the user saw (JSON.GET and JSON.SET in a script); selected rows are deleted as
    `adelete_many` does, after a question. Looking at it starts no time to live anew.

    Args:
        model: The model class.
        where: An expression such as `User.age >= 18`, or a text such as `"age >= 18"`; None for all. It can
            be changed in the table.
        sort: Fields to sort by at first, one or several: "-age" for the greatest first, or `User.age`.
        columns: The fields to show, one or several, also "address.city"; None for the first twelve.
        page_size: How many rows a page has at first, 200 at the most.
        read_only: Whether nothing can be changed in it.
        variables: The values for `$name` in a filter; by default the variables of the notebook.

    Returns:
        The widget. `.found` are the models on the page, `.selected` those of selected rows; `await
        table.ready()` waits for the first page, `.close()` ends it.

    Raises:
        NotebookError: The text is no filter, the size no positive whole number, or no event loop runs.
        NotIndexedError: A field has no index.
        UnknownFieldError: There is no such field to sort by or to show.
        BadFilterError: A field is compared with a value of the wrong type, or cannot be sorted by.
    """
    return tables.table(
        model,
        where,
        sort=sort,
        columns=columns,
        page_size=page_size,
        read_only=read_only,
        variables=known_variables(variables),
    )


def browse() -> Browser:
    """Return a widget to browse the server in use; `%rapyer_browse` in Python.

    It lists the model classes (FT.INFO, FT._LIST; SCAN for those without an index), then the objects of one
    in a live table, as `table` finds them, those of a class without an index by a pattern of keys (SCAN,
    JSON.MGET); then the form of one object, as `edit` makes it. All of it stays in step with Redis.

    Returns:
        The widget; `.table` and `.editor` are what is open, `.close()` ends it.

    Raises:
        NotebookError: No event loop runs.
    """
    return browsing.browse(registry.source_in_use)
