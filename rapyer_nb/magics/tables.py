"""What a table asks: a filter as `%rapyer_find` takes it, or a pattern of keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rapyer.search.listing import ordering_of
from rapyer_nb.magics.arguments import check_number
from rapyer_nb.magics.searching import asked, filter_text, search
from rapyer_nb.views.filters import written_filter
from rapyer_nb.widgets import ModelTable, Paging, show_table
from rapyer_nb.widgets.columns import why_unsorted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.search.expression import Expression
    from rapyer_nb.views.results import ResultList

PAGE_SIZE: Final = 20


class FilterAsker:
    """Finds by a filter.

    Attributes:
        model: The class.
        text: The filter in use, as text.
    """

    label = "Filter"
    sorts = True
    counts = True

    def __init__(
        self,
        model: type[AtomicRedisModel],
        where: Expression | str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin with a filter; sends nothing.

        Args:
            model: The class.
            where: The filter, as text or as an expression; None for all.
            variables: The values for `$name` in a text.

        Raises:
            NotebookError: It is no class of models, or the text is no filter.
            NotIndexedError: A field has no index.
            BadFilterError: A field is compared with a value of the wrong type.
        """
        self._question = asked(model, where, variables)
        self._variables = variables
        self.model = model
        self.text = where.strip() if isinstance(where, str) else written_filter(where)
        indexed = next((name for name in model.model_fields if not why_unsorted(model, name)), None)
        self.placeholder = f"as in %rapyer_find: {indexed} == …" if indexed else "no field of it has an index"

    def ask_for(self, text: str) -> None:
        """Use another filter from now on, as text; an empty one finds all.

        Raises:
            NotebookError: It is no filter; the one in use stays.
            NotIndexedError: A field has no index.
            BadFilterError: A field is compared with a value of the wrong type.
        """
        text = text.strip()
        if text != self.text:  # a filter that was made in Python need not be one that can be written
            where = filter_text([text]) if text else None
            self._question = asked(self.model, where, self._variables)
            self.text = text

    async def page(self, sort: Sequence[str], offset: int, limit: int) -> ResultList[Any]:
        """Search (FT.SEARCH, FT.AGGREGATE, JSON.MGET; SCAN without an index); starts no time to live anew."""
        # Sorted by no field is sorted by key: in the order of the server a changed document stands elsewhere.
        question = replace(self._question, sort=list(sort), offset=offset, limit=limit)
        return await search(question, renews=False)


def table(
    model: type[AtomicRedisModel],
    where: Expression | str | None = None,
    *,
    sort: Any = None,
    columns: Any = None,
    page_size: int = PAGE_SIZE,
    read_only: bool = False,
    variables: Mapping[str, Any] | None = None,
) -> ModelTable:
    """Return a live table of what a filter finds; see `rapyer_nb.table`."""
    check_number("page_size", page_size)
    asker = FilterAsker(model, where, variables)
    ordering_of(model, sort)  # says so if it cannot be sorted so
    return show_table(asker, Paging(model, sort, page_size), columns, read_only=read_only)
