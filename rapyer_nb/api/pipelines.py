"""Pipelines with a report as plain Python: `rapyer_nb.pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rapyer_nb.magics.sending import SendingOptions, sending

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from rapyer import AtomicRedisModel
    from rapyer_nb.magics.sending import Sending


def pipeline(
    *models: AtomicRedisModel, dry_run: bool = False, ignore_errors: bool = False, reload: bool = False
) -> AbstractAsyncContextManager[Sending]:
    """Queue every write of an `async with` block, and send them as one transaction; `%%rapyer_pipeline`.

    Sends what `rapyer.apipeline` sends (JSON.GET of the models; MULTI, the commands, EXEC). Inside another
    pipeline it is a part of that one.

        async with rapyer_nb.pipeline(user, dry_run=True) as report:
            user.age += 1
        report.commands, report.changes

    Args:
        models: Models to read anew first.
        dry_run: Send nothing but reads: see what would be sent, and take the models back to what they were.
        ignore_errors: Report an error of the server at the end (`.ignored`), instead of raising it.
        reload: Read the models that the block changed anew at its end.

    Returns:
        A context manager that gives the report, complete after the block: `commands`, `replies`,
        `round_trips`, `seconds`, and `changes` of a dry run.

    Raises:
        NotebookError: Options are given inside another pipeline; or in a dry run something would be written
            at once, since its answer is needed, such as a pop.
        KeyNotFound: A model to read is not stored.
        TransactionError: A command failed when the transaction ran.
        PartlyAppliedError: On a cluster, some slots have taken over their changes and others have not.
    """
    return sending(*models, options=SendingOptions(dry_run, ignore_errors, reload))
