"""Charts as plain Python: `rapyer_nb.plot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rapyer_nb.api.finding import known_variables
from rapyer_nb.charts import ChartQuestion, chart
from rapyer_nb.magics.models import check_classes
from rapyer_nb.parsing import as_filter
from rapyer_nb.progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rapyer import AtomicRedisModel
    from rapyer.search.expression import Expression
    from rapyer_nb.views.plot import Plot


async def plot(
    model: type[AtomicRedisModel],
    field: Any,
    *,
    by: Any = None,
    where: Expression | str | None = None,
    kind: Literal["hist", "bar", "line"] | None = None,
    agg: str | None = None,
    bins: int | None = None,
    every: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Plot:
    """Draw the values of a field; `%rapyer_plot` in Python.

    Sends FT.AGGREGATE, which computes all figures of indexed fields on the server. Values are read only where
    it cannot: of fields without an index, of lists and of medians, on a cluster, and where a filter is
    checked on loaded instances (FT.SEARCH, or SCAN without an index; JSON.MGET for what is drawn).

    Args:
        model: The model class.
        field: The field, as `User.age` or by its dotted path.
        by: The field that makes the groups; without it the values themselves are counted.
        where: A filter, as text or as an expression; `None` for all models.
        kind: What to draw; it follows from the field otherwise.
        agg: What is computed of each group: "count", "distinct", "sum", "mean", "median", "min", "max" or
            "stddev"; the mean of numbers otherwise, and how many there are of other values.
        bins: How many bins of numbers there are to be, 1 to 500.
        every: Which parts of the calendar times are put into: "second" to "year".
        variables: The values for `$name` in a text; by default the variables of the notebook.

    Returns:
        The chart: its `points`, the `figure` of matplotlib, and the `picture` as PNG.

    Raises:
        NotebookError: The filter is none, a word is unknown, or there are no values to draw.
        UnknownFieldError: There is no such field.
        UnsupportedArgumentTypeError: It holds models, or values that cannot be computed with.
        MissingPackageError: matplotlib is not installed.
    """
    check_classes(model)
    expression = as_filter(model, where, known_variables(variables))
    async with progress(None, f"reading {model.__name__}"):
        return await chart(ChartQuestion(model, field, by, expression, kind, agg, bins, every))
