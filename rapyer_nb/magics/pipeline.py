"""`%%rapyer_pipeline`: the body of a cell as one transaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from IPython.display import display

from rapyer import apipeline
from rapyer_nb.magics.body import CellBody
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import instances
from rapyer_nb.views.note import Note, counted, lasted

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class PipelineMagic(AsyncMagic):
    """Run the body of the cell in one pipeline: all its writes are sent together, as one MULTI/EXEC.

    `await` works in the body, other magics too, and what it assigns stays. The models named in the line are
    read anew first. Reads in the body see Redis as it was before the pipeline. An exception in the body
    discards everything that was queued, and takes the models back to what they were.

    Examples::

        %%rapyer_pipeline user
        user.age += 1
        await user.tags.aappend("checked")

        %%rapyer_pipeline users --quiet
        for user in users:
            user.status = "done"
    """

    name = "rapyer_pipeline"
    kind = "cell"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "models", metavar="MODELS", nargs="*", help="variables that hold models to read anew"
        )
        arguments.add_argument("--quiet", action="store_true", help="do not show what was sent")

    async def run(self, call: Call) -> Any:
        """Run the body, send what it queued, and return the value of its last expression."""
        __tracebackhide__ = True
        models = list(instances(call.options.models, call.variables))
        body = CellBody.of(call, f"%%{self.name} {call.line}".rstrip())
        queued, sending = 0, 0.0
        try:
            async with apipeline(*models) as pipe:
                try:
                    value = await body.run()
                except BaseException as error:
                    call.users_error = error
                    raise
                finally:
                    queued, sending = len(pipe.commands), time.perf_counter()
        except BaseException as error:
            if error is call.users_error:
                _show(_discarded(queued))
            raise
        if not call.options.quiet:
            _show(_sent(queued, time.perf_counter() - sending))
        return value


def _show(message: str) -> None:
    display(Note(message))


def _sent(commands: int, elapsed: float) -> str:
    if not commands:
        return "no commands, nothing was sent"
    return f"{counted(commands, 'command')}, 1 round trip, {lasted(elapsed)}"


def _discarded(commands: int) -> str:
    return (
        f"✕ pipeline discarded: {counted(commands, 'command')} not sent, models taken back to what they were"
    )
