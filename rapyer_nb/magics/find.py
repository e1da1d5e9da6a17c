"""`%rapyer_find`: the models that a filter describes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer import AtomicRedisModel
from rapyer.search.find import find as find_in_redis
from rapyer_nb.magics.arguments import positive
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.parsing import parse_filter
from rapyer_nb.views.results import DISPLAY_LIMIT, ResultList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer.search.expression import Expression
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call

M = TypeVar("M", bound=AtomicRedisModel)


class FindMagic(AsyncMagic):
    """Find the stored models that a filter describes.

    The value is a list of models, with the number of all matches as `.total`; at the end of a cell it is
    shown as a table. A filter compares indexed fields with values and joins that by `and`, `or`, `not` and
    parentheses; `in` takes several values. Values are literals, `$name` for a variable, or `{…}` for one that
    is worked out of variables. Without a filter all models of the class are found.

    Examples::

        %rapyer_find User
        %rapyer_find User age >= 18 and status == "active" --limit 20
        adults = %rapyer_find User where 18 <= age < $oldest
        %rapyer_find User status in {"new", "active"} and not address.city == "Paris"
        number = %rapyer_find User age > {limit + 1} --count
    """

    name = "rapyer_find"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("model", metavar="MODEL", help="the model class")
        arguments.add_argument(
            "filter", metavar="FILTER", nargs="*", default=[], help="the filter, after an optional 'where'"
        )
        arguments.add_argument(
            "--limit", type=positive, metavar="N", help="ask the server for at most N models"
        )
        arguments.add_argument(
            "--count", action="store_true", help="only count; the value is the number of matches"
        )
        arguments.add_argument(
            "--as",
            dest="form",
            choices=("list", "dict"),
            default="list",
            help="models, or a dict for each of them",
        )
        arguments.add_argument("--quiet", action="store_true", help="show the numbers, but no table")

    async def run(self, call: Call) -> ResultList[Any] | int:
        """Search, and return the models, or their number."""
        __tracebackhide__ = True
        options = call.options
        model = model_class(options.model, call.variables)
        words = options.filter[1:] if options.filter[:1] == ["where"] else options.filter
        where = parse_filter(model, " ".join(words), call.variables)
        if options.count:
            return await model.acount(*([] if where is None else [where]))
        found: ResultList[Any] = await search(model, where, limit=options.limit)
        if options.form == "dict":
            found[:] = [item.model_dump() for item in found]
        found.quiet = options.quiet
        found.display_limit = call.display_limit
        return found


async def search(
    model: type[M],
    where: Expression | str | None = None,
    *,
    limit: int | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ResultList[M]:
    """Find stored models as `rapyer_nb.find` does, without the variables of a notebook."""
    __tracebackhide__ = True
    expression = parse_filter(model, where, variables or {}) if isinstance(where, str) else where
    start = time.perf_counter()
    result = await find_in_redis(model, expression, limit)
    total = result.total
    if expression is None and limit == len(result.models):  # without an index no more have been looked for
        total = await model.acount()
    return ResultList(
        result.models,
        total=total,
        elapsed=time.perf_counter() - start,
        skipped=result.skipped,
        model_name=model.__name__,
        display_limit=DISPLAY_LIMIT,
    )
