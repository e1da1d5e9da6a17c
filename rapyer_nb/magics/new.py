"""`%rapyer_new`: a form for a new object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import model_class
from rapyer_nb.widgets import new

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.widgets import ModelCreator


class NewMagic(AsyncMagic):
    """Show a form for a new model, with a button that stores it; what is stored already is never replaced.

    The value is the form: `.model` is what was created last, `.created` are all. Python:
    `rapyer_nb.new(User)`.

    Examples::

        %rapyer_new User
        form = << %rapyer_new User
        form.model
    """

    name = "rapyer_new"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("model", metavar="MODEL", help="the model class")

    async def run(self, call: Call) -> ModelCreator:
        """Make the form."""
        __tracebackhide__ = True
        return new(model_class(call.options.model, call.variables))
