"""`%rapyer_explain`: how a filter is answered, and what could be better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.magics.searching import asked, explain, filter_text

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.views.explanation import ExplanationView


class ExplainMagic(AsyncMagic):
    """Show how the server answers a filter: the query, its plan, what each part of it did, and advice.

    The search is run, but no document is read. The advice says where all documents are looked at, where the
    index knows values only roughly, and where another operator would do better. The value has all of it as
    data: `.query`, `.found`, `.advice`, `.explanation`. Python: `await rapyer_nb.explain(User, "age >= 18")`.

    Examples::

        %rapyer_explain User age >= 18 and status != "active"
        told = %rapyer_explain User bio.matches("red fox")
    """

    name = "rapyer_explain"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("model", metavar="MODEL", help="the model class")
        arguments.add_argument(
            "filter", metavar="FILTER", nargs="*", default=[], help="the filter, after an optional 'where'"
        )

    async def run(self, call: Call) -> ExplanationView:
        """Ask the server, and return what it tells."""
        __tracebackhide__ = True
        model = model_class(call.options.model, call.variables)
        return await explain(asked(model, filter_text(call.options.filter), call.variables))
