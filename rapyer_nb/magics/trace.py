"""`%%rapyer_trace`: what the cell sends to Redis, command by command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from rapyer_nb.magics.arguments import variable_name
from rapyer_nb.magics.body import CellBody
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.tracing import tracing
from rapyer_nb.views import Note

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.tracing import Trace


class TraceMagic(AsyncMagic):
    """Run the body of the cell and draw what it sent to Redis: commands, keys, bytes and microseconds.

    Each round trip is a bar on one scale of time, so that commands which wait for one another are seen at a
    glance; where many similar ones do, a line says how to send them together. Values are not shown. The cell
    runs as it would without this line: `await` works, what it assigns stays, its last expression is its
    value. Tasks that it starts are traced too, until the cell ends. Python: `rapyer_nb.trace()`.

    Examples::

        %%rapyer_trace
        user.age += 1
        await user.asave()

        %%rapyer_trace --result seen --quiet
        for key in keys:
            await User.aget(key)

        seen.round_trips, seen.sent, seen.trips[0].commands
    """

    name = "rapyer_trace"
    kind = "cell"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "--result", metavar="NAME", type=variable_name, help="a variable that the trace is assigned to"
        )
        arguments.add_argument("--quiet", action="store_true", help="show the sums, but no waterfall")

    async def run(self, call: Call) -> Any:
        """Run the body, show what it sent, also where it fails, and return its last expression's value."""
        __tracebackhide__ = True
        body = CellBody.of(call, f"%%{self.name} {call.line}".rstrip())
        trace: Trace | None = None
        try:
            with tracing() as trace:
                return await body.run()
        except BaseException as error:
            call.users_error = error
            raise
        finally:
            if trace is not None:
                _show(trace, call)


def _show(trace: Trace, call: Call) -> None:
    if call.options.result is not None:
        call.surroundings.shell.user_ns[call.options.result] = trace
    display(Note(trace.summary()) if call.options.quiet else trace)
