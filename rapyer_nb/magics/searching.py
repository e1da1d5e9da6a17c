"""Searching with plain Python arguments: what `%rapyer_find` and `rapyer_nb.find` both do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rapyer.actions import ActionGroup, acting
from rapyer.finding import Wanted, find_part
from rapyer.model.portions import reported
from rapyer.search.explain import explained
from rapyer.search.projection import name_of, several
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.magics.arguments import check_number
from rapyer_nb.magics.magic import FORMS
from rapyer_nb.magics.models import a_kind, is_class
from rapyer_nb.parsing import as_filter, resolve
from rapyer_nb.parsing.words import is_quoted
from rapyer_nb.progress import progress
from rapyer_nb.views.explanation import ExplanationView
from rapyer_nb.views.filters import written_filter
from rapyer_nb.views.results import DISPLAY_LIMIT, ResultList
from rapyer_nb.widgets import LiveTable, follow_search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.model.portions import OnRead
    from rapyer.search.expression import Expression

Form: TypeAlias = Literal["list", "table", "pandas", "polars", "dict"]
"""What a search gives: models (or rows of some fields), a table to look at, a frame, or dicts."""


@dataclass(frozen=True)
class Question:
    """What is asked of the stored models of a class; frozen, so that it can be asked again.

    Args:
        model: The class.
        where: The filter; `None` for all.
        sort: The fields to sort by, "-age" for the greatest first; one or several, or `None`.
        limit: The most models to ask for; `None` for all.
        offset: How many of the first to pass over.
        fields: The only fields to read, one or several; `None` for whole models.
        on_corrupt: Whether documents that do not fit the class are left out ("skip") or an error ("raise").
    """

    model: type[AtomicRedisModel]
    where: Expression | None = None
    sort: Any = None
    limit: int | None = None
    offset: int = 0
    fields: Any = None
    on_corrupt: Literal["skip", "raise"] = "skip"

    @property
    def filters(self) -> tuple[Expression, ...]:
        """The filter as the library's class methods take it."""
        return () if self.where is None else (self.where,)

    def __str__(self) -> str:
        parts = {"sort": self.sort, "limit": self.limit, "offset": self.offset, "fields": self.fields}
        options = [f"--{name} {self._written(part)}" for name, part in parts.items() if part]
        return " ".join(filter(None, [written_filter(self.where), *options]))

    def _written(self, part: Any) -> str:
        if isinstance(part, int):
            return str(part)
        return ",".join(name_of(self.model, one) for one in several(part))


def asked(
    model: type[AtomicRedisModel],
    where: Expression | str | None,
    variables: Mapping[str, Any] | None = None,
    **options: Any,
) -> Question:
    """Return the question for a filter that may be a text.

    Args:
        model: The class.
        where: The filter, as text or as an expression of the library.
        variables: The user's variables, for a text.
        options: The other parts of the question.

    Raises:
        NotebookError: It is no class of models, or the text is no filter.
        NotIndexedError: A field has no index.
        BadFilterError: A field is compared with a value of the wrong type.
    """
    if not is_class(model):
        raise NotebookError(f"{a_kind(model)} is no model class", hint="find(User)")
    return Question(model, as_filter(model, where, variables), **options)


async def search(
    question: Question, on_read: OnRead | None = None, *, renews: bool = True
) -> ResultList[Any]:
    """Ask a question (FT.SEARCH, FT.AGGREGATE, JSON.MGET; SCAN without an index).

    Sorting, limit, offset and fields are the library's, which sends them to the server; nothing is read that
    is not given.

    Args:
        question: What to ask.
        on_read: Told, where there are many, how many documents have been read, and of how many.
        renews: Whether reading starts times to live anew, where the class says so.
    """
    __tracebackhide__ = True
    model = question.model
    wanted = Wanted(question.sort, question.offset, question.limit, question.fields, question.on_corrupt)
    start = time.perf_counter()
    groups = (ActionGroup.READ, ActionGroup.FETCH) if renews else ()
    with acting(*groups), reported(on_read):
        found = await find_part(model, question.filters, wanted)
    total = found.total
    if total is None:  # the server has sorted, and given the first of them only
        total = await model.acount(*question.filters)
    names = None if question.fields is None else several(question.fields)
    fields = None if names is None else tuple(name_of(model, name) for name in names)
    return ResultList(
        found.models,
        total=total,
        elapsed=time.perf_counter() - start,
        skipped=found.skipped,
        model_name=model.__name__,
        model=model,
        fields=fields,
        offset=question.offset,
        display_limit=DISPLAY_LIMIT,
    )


async def found_by(question: Question) -> ResultList[Any]:
    """Ask a question as `search` does, with a progress bar where that takes longer than a second."""
    __tracebackhide__ = True
    async with progress(None, f"finding {question.model.__name__}") as bar:
        return await search(question, bar.reach)


def formed(found: ResultList[Any], form: str) -> Any:
    """Return what was found in another form.

    Args:
        found: The models, or rows of some fields.
        form: "list" for these themselves, "table", "pandas", "polars" or "dict".

    Raises:
        NotebookError: There is no such form.
        MissingPackageError: pandas or polars is not installed.
    """
    if form == "list":
        return found
    makers: dict[str, Callable[[], Any]] = {
        "table": found.to_table,
        "pandas": found.to_pandas,
        "polars": found.to_polars,
        "dict": found.to_dicts,
    }
    if form not in makers:
        hint = suggestion(form, FORMS, otherwise=f"there are {', '.join(FORMS)}")
        raise NotebookError(f"unknown form {form!r}", hint=hint)
    return makers[form]()


async def count(question: Question) -> int:
    """Return how many stored models there are to a question; reads no document (FT.SEARCH, or SCAN)."""
    __tracebackhide__ = True
    async with progress(None, f"counting {question.model.__name__}"):
        return await question.model.acount(*question.filters)


async def live(question: Question) -> LiveTable:
    """Return a table of what is found that follows Redis; looking at it starts no time to live anew.

    It sends what `search` sends, at first and whenever a document of the class changes (CLIENT TRACKING).

    Args:
        question: What to ask.

    Raises:
        NotebookError: The limit is no positive whole number.
    """
    __tracebackhide__ = True
    check_number("limit", question.limit)

    async def again(on_read: OnRead | None = None) -> ResultList[Any]:
        return await search(question, on_read, renews=False)

    async with progress(None, f"finding {question.model.__name__}") as bar:
        first = await again(bar.reach)
    first.display_limit = question.limit or len(first)
    return follow_search(question.model, again, first, str(question))


async def explain(question: Question) -> ExplanationView:
    """Tell how the filter of a question is answered (FT.EXPLAIN, FT.PROFILE); reads no document."""
    __tracebackhide__ = True
    async with progress(None, f"explaining {question.model.__name__}"):
        return ExplanationView(await explained(question.model, question.where))


def filter_text(words: Sequence[str]) -> str:
    """Return the filter in the words behind a model's name: after `where`, or all of it in quotes."""
    text = " ".join(words[1:] if words[:1] == ["where"] else words)
    return str(resolve(text, {})) if is_quoted(text) else text


def names_in(text: str | None) -> Sequence[str] | None:
    """Return the names in `name,-age`; `None` for none."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]
