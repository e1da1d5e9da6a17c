"""`%%rapyer_pipeline`: the body of a cell as one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.display import display

from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import variable_name
from rapyer_nb.magics.body import CellBody
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.models import instances
from rapyer_nb.magics.sending import Sending, SendingOptions, sending
from rapyer_nb.views import Note

if TYPE_CHECKING:
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call


class PipelineMagic(AsyncMagic):
    """Run the body of the cell in one pipeline: all its writes are sent together, as one MULTI/EXEC.

    `await` works in the body, other magics too, and what it assigns stays. The models named in the line are
    read anew first. Reads in the body see Redis as it was before the pipeline. An exception in the body
    discards everything that was queued, and takes the models back to what they were.

    With `--dry-run` nothing is written: the commands are shown, and how the models would change, which are
    then taken back to what they were. What the body does besides models, it does all the same. Python:
    `async with rapyer_nb.pipeline(user, dry_run=True):`.

    Examples::

        %%rapyer_pipeline user
        user.age += 1
        await user.tags.aappend("checked")

        %%rapyer_pipeline users --quiet
        for user in users:
            user.status = "done"

        %%rapyer_pipeline user --dry-run
        user.age = 50

        %%rapyer_pipeline user --reload --result replies
        user.visits += 1
    """

    name = "rapyer_pipeline"
    kind = "cell"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        add = arguments.add_argument
        add(
            "models",
            metavar="MODELS",
            holds="VARIABLES",
            nargs="*",
            help="variables that hold models to read anew",
        )
        add("--dry-run", action="store_true", help="send nothing; show the commands and what would change")
        add(
            "--ignore-errors",
            action="store_true",
            help="report an error of the server at the end, instead of raising it",
        )
        add("--reload", action="store_true", help="read the models that were changed anew at the end")
        add(
            "--result",
            metavar="NAME",
            type=variable_name,
            help="a variable that the list of the replies is assigned to",
        )
        add("--quiet", action="store_true", help="do not show what was sent")

    async def run(self, call: Call) -> Any:
        """Run the body, send what it queued, and return the value of its last expression."""
        __tracebackhide__ = True
        options = call.options
        if options.dry_run and (options.result or options.reload or options.ignore_errors):
            raise NotebookError(
                f"%%{self.name}: a dry run has no replies, no errors of the server and nothing to reload",
                hint="leave --dry-run or the other option out",
            )
        models = list(instances(options.models, call.variables))
        body = CellBody.of(call, f"%%{self.name} {call.line}".rstrip())
        how = SendingOptions(options.dry_run, options.ignore_errors, options.reload)
        report = Sending(how)
        try:
            async with sending(*models, options=how) as report:
                try:
                    value = await body.run()
                except BaseException as error:
                    call.users_error = error
                    raise
        except BaseException as error:
            if error is call.users_error:
                display(Note(report.discarded()))
            raise
        if options.result is not None:
            call.surroundings.shell.user_ns[options.result] = list(report.replies)
        _show(report, call)
        return value


def _show(report: Sending, call: Call) -> None:
    if report.options.dry_run:
        display(Note(report.summary()) if call.options.quiet else report)
    elif report.ignored or (call.feedback and not call.options.quiet):
        display(report)
