"""`%rapyer_find`: the models that a filter describes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import amount, from_zero
from rapyer_nb.magics.magic import FORMS, AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.magics.searching import asked, count, explain, filter_text, formed, found_by, live, names_in

if TYPE_CHECKING:
    from argparse import Namespace

    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call

_INSTEAD: Final = ("count", "explain", "live")
"""The options that ask for something else than what was found."""

_OF_WHAT_IS_FOUND: Final = ("sort", "limit", "offset", "fields", "form", "on_corrupt", "quiet")


class FindMagic(AsyncMagic):
    """Find the stored models that a filter describes.

    The value is a list of models, with the number of all matches as `.total`; at the end of a cell it is
    shown as a table. Without a filter all models of the class are found.

    A filter is Python over the names of indexed fields. Values are literals, `$name` for a variable, or `{…}`
    for one that is worked out of variables; days and times are texts such as "2024-12-31". It has:

      == != < <= > >=        also as chains: 18 <= age < 65
      in, not in             status in {"new", "active"}, "vip" in tags
      is None, is not None   fields that may be None
      and, or, not, ( )      a field that is true or false may stand alone
      field.between(a, b)    both ends included
      field.prefix("…")      texts; .suffix and .contains with Index(suffix=True)
      field.matches("…")     all of some words, with Index(text=True); .fuzzy("word", distance=1)
      field.contains(value)  lists and dicts
      place.near(lon, lat, km=5)
      vector.nearest($vector, k=10)
      $adults                a filter made in Python: adults = User.age >= 18

    Sorting, limit, offset and fields go to the server: nothing is read that is not shown. Python:
    `await rapyer_nb.find(User, "age >= 18", limit=20)`; for `--count` `rapyer_nb.count(…)`, for `--live`
    `rapyer_nb.live_table(…)`.

    Examples::

        %rapyer_find User
        %rapyer_find User age >= 18 and status == "active" --limit 20
        adults = %rapyer_find User where 18 <= age < $oldest
        %rapyer_find User (status in {"new", "old"} or "vip" in tags) and not address.city == "Paris"
        %rapyer_find User born >= "2000-01-01" --sort -born,name --limit 10 --offset 20
        ages = %rapyer_find User --fields name,age --as pandas
        number = %rapyer_find User age > {limit + 1} --count
        %rapyer_find User status == "new" --live
    """

    name = "rapyer_find"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add("model", metavar="MODEL", help="the model class")
        add("filter", metavar="FILTER", nargs="*", default=[], help="the filter, after an optional 'where'")
        add(
            "--sort",
            metavar="FIELDS",
            holds="INDEXED",
            help="sort by indexed fields: name, or -age,name for the oldest first",
        )
        add("--limit", type=amount, metavar="N", help="ask the server for at most N models")
        add("--offset", type=from_zero, metavar="N", help="pass over the first N")
        add("--fields", metavar="FIELDS", help="read only these: name,address.city; 'key' is the key")
        add("--count", action="store_true", help="only count; the value is the number of matches")
        add("--explain", action="store_true", help="show how it is answered, as %%rapyer_explain does")
        add(
            "--as",
            dest="form",
            choices=FORMS,
            help="what the value is: models (list), a table to look at, a frame, or dicts",
        )
        add("--live", action="store_true", help="a table that follows Redis; of 20 rows without --limit")
        add(
            "--on-corrupt",
            choices=("skip", "raise"),
            help="whether documents that do not fit the class are left out (and counted), or an error",
        )
        add("--quiet", action="store_true", help="show the numbers, but no table")

    async def run(self, call: Call) -> Any:
        """Search, and return what was found, in the form that was asked for."""
        __tracebackhide__ = True
        options = call.options
        _check_together(options)
        model = model_class(options.model, call.variables)
        question = asked(
            model,
            filter_text(options.filter),
            call.variables,
            sort=names_in(options.sort),
            limit=options.limit,
            offset=options.offset or 0,
            fields=names_in(options.fields),
            on_corrupt=options.on_corrupt or "skip",
        )
        if options.count:
            return await count(question)
        if options.live:
            return await live(replace(question, limit=question.limit or call.display_limit))
        if options.explain:
            return await explain(question)
        found = await found_by(question)
        found.quiet = options.quiet
        found.display_limit = call.display_limit
        return formed(found, options.form or call.default_form)


def _check_together(options: Namespace) -> None:
    """See to it that no option is given that would mean nothing.

    Raises:
        NotebookError: There are two that exclude each other.
    """
    instead = [name for name in _INSTEAD if getattr(options, name)]
    others = [name for name in _OF_WHAT_IS_FOUND if getattr(options, name) not in (None, False)]
    if instead[:1] == ["live"]:
        others = [name for name in others if name in ("form", "quiet")]
    if not instead or len(instead) + len(others) == 1:
        return
    one, other = [*instead, *others][:2]
    raise NotebookError(
        f"%rapyer_find: {_option(one)} and {_option(other)} exclude each other", hint="leave one out"
    )


def _option(name: str) -> str:
    return f"--{'as' if name == 'form' else name.replace('_', '-')}"
