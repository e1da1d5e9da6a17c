"""`%rapyer_plot`: a chart of the values of a field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.charts import AGGREGATES, EVERY, KINDS, ChartQuestion, chart
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import positive
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.magics.searching import filter_text
from rapyer_nb.parsing import parse_filter
from rapyer_nb.progress import progress

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.views.plot import Plot


class PlotMagic(AsyncMagic):
    """Draw the values of a field: how often each is there, or what is computed of them by another field.

    Numbers and times make a histogram, other values bars. With `--by` each bar is the mean of the field for
    one value of the other field, or what `--agg` says; by times and numbers it is a line. Of indexed fields
    the server computes all that, and sends nothing else; of others the values are read, without the rest of
    the documents, as they are for medians and on clusters. The value has the numbers (`.points`) and the
    figure of matplotlib (`.figure`).
    Python: `await rapyer_nb.plot(User, "age")`.

    Examples::

        %rapyer_plot User age
        %rapyer_plot User age --where status == "active" and city.prefix("B")
        %rapyer_plot Order price --by city --agg sum
        %rapyer_plot Order price --by paid --every month
        %rapyer_plot User age --by status --kind hist --bins 10
    """

    name = "rapyer_plot"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add("model", metavar="MODEL", help="the model class")
        add("field", metavar="FIELD", help="the field, such as age or home.city; with an index it is fast")
        add("filter", metavar="FILTER", nargs="*", default=[], help="a filter, after 'where'")
        add("--by", metavar="FIELD", help="the field that makes the groups")
        add("--where", metavar="FILTER", nargs="+", help="draw only models that the filter describes")
        add("--kind", choices=KINDS, help="what to draw; it follows from the field otherwise")
        add("--agg", choices=tuple(AGGREGATES), help="what is computed of each group; mean for numbers")
        add("--bins", type=positive, metavar="N", help="how many bins of numbers, at most 500")
        add("--every", choices=EVERY, help="which parts of the calendar times are put into")

    async def run(self, call: Call) -> Plot:
        """Let the server compute, or read the values, and return the chart."""
        __tracebackhide__ = True
        options = call.options
        model = model_class(options.model, call.variables)
        if options.where and options.filter:
            raise NotebookError("%rapyer_plot: there are two filters", hint="join them by 'and'")
        where = parse_filter(model, filter_text(options.where or options.filter), call.variables)
        question = ChartQuestion(
            model,
            options.field,
            by=options.by,
            where=where,
            kind=options.kind,
            agg=options.agg,
            bins=options.bins,
            every=options.every,
        )
        async with progress(None, f"reading {model.__name__}"):
            return await chart(question)
