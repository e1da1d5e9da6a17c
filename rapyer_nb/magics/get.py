"""`%rapyer_get`: one stored object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.targets import Target, one_target

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class GetMagic(AsyncMagic):
    """Get the model that is stored under a key.

    The key stands as it is, or it is in a variable; or the class is named, and the primary key. The class is
    found by the beginning of a full key. Python: `await rapyer_nb.get("User:42")`.

    Examples::

        %rapyer_get User:42
        user = %rapyer_get User 42
        user = %rapyer_get $key
        fresh = %rapyer_get users[0]
    """

    name = "rapyer_get"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "words", metavar="KEY|MODEL PK", nargs="+", help="a full key, or a class and a primary key"
        )

    async def run(self, call: Call) -> AtomicRedisModel:
        """Load the model."""
        __tracebackhide__ = True
        return await get(one_target(call.options.words, call.variables, f"%{self.name}"))


async def get(target: Target) -> AtomicRedisModel:
    """Load a stored object (JSON.GET, SMEMBERS of its sets).

    Raises:
        KeyNotFound: Nothing is stored there.
        CorruptedModelError: The document does not fit the class.
    """
    __tracebackhide__ = True
    return await target.model.aget(target.key)
