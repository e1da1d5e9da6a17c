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
        %rapyer_edit User:42 --read-only
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
        arguments.add_argument("--read-only", action="store_true", help="only show the values")

    async def run(self, call: Call) -> ModelEditor:
        """Load the model, if it is named by its key, and make its form."""
        __tracebackhide__ = True
        target = one_target(call.options.words, call.variables, f"%{self.name}")
        return await open_form(target, read_only=call.options.read_only)


async def open_form(target: Target, *, read_only: bool = False) -> ModelEditor:
    """Return a live form for a stored object, which is loaded unless the user's instance of it is at hand.

    Args:
        target: The object.
        read_only: Only show the values, at first.

    Raises:
        KeyNotFound: Nothing is stored there.
    """
    __tracebackhide__ = True
    model = await get(target) if target.instance is None else target.instance
    return edit(model, read_only=read_only)
