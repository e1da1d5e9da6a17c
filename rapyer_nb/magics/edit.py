"""`%rapyer_edit`: a live form for a stored object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.get import get
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.targets import Target, one_target
from rapyer_nb.widgets import edit

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.widgets import ModelEditor


class EditMagic(AsyncMagic):
    """Show a form for a stored model: typing in it changes Redis, and a change in Redis shows in it.

    A model in a variable gets the values that the form shows; of a key, the form has a model of its own
    (`.model`). Python: `rapyer_nb.edit(user)`, `rapyer_nb.edit("User:42")`.

    Examples::

        %rapyer_edit User:42
        %rapyer_edit User 42
        %rapyer_edit user
    """

    name = "rapyer_edit"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "words",
            metavar="KEY|MODEL PK",
            nargs="+",
            help="a full key, a variable, or a class and a primary key",
        )

    async def run(self, call: Call) -> ModelEditor:
        """Load the model, if it is named by its key, and make its form."""
        __tracebackhide__ = True
        return await open_form(one_target(call.options.words, call.variables, f"%{self.name}"))


async def open_form(target: Target) -> ModelEditor:
    """Return a live form for a stored object, which is loaded unless the user's instance of it is at hand.

    Raises:
        KeyNotFound: Nothing is stored there.
    """
    __tracebackhide__ = True
    return edit(await get(target) if target.instance is None else target.instance)
