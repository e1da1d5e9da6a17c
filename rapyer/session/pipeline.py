"""Pipelines: many changes, one transaction, and nothing at all if the block fails."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.actions import acting
from rapyer.errors import PipelineOpenError, RapyerError, TransactionError, UnknownOutcomeError
from rapyer.session.executor import is_one_step, transaction_replies
from rapyer.session.faults import check_transaction
from rapyer.session.plan import cross_slot
from rapyer.session.scope import Batch, enter, leave, open_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from rapyer.commands.command import Command

logger = logging.getLogger("rapyer")

RELOAD_SECONDS = 2.0
"""How long the end of a pipeline waits for each model that it loads again."""


class Pipeline:
    """The pipeline of one block, as `apipeline()` yields it."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._results: tuple[Any, ...] | None = None
        self._ignored: BaseException | None = None

    @property
    def ignored(self) -> BaseException | None:
        """The server's error that ended the block and was ignored, as it was to be; None if there is none."""
        return self._ignored

    @property
    def commands(self) -> tuple[Command[Any], ...]:
        """The commands queued so far, in order."""
        return tuple(self._batch.commands)

    @property
    def results(self) -> tuple[Any, ...]:
        """The decoded reply of each command, once the block has ended.

        Raises:
            PipelineOpenError: The block has not ended, so nothing was sent yet.
        """
        if self._results is None:
            raise PipelineOpenError(
                "the pipeline has no results yet", hint="read them after the async with block"
            )
        return self._results


@asynccontextmanager
async def pipeline(
    *, ignore_redis_error: bool = False, use_existing_pipe: bool = False, atomic: bool = False
) -> AsyncIterator[Pipeline]:
    """Queue every write of the block and send them as one MULTI/EXEC transaction at its end.

    On a cluster they are one transaction for each slot that has keys of the block.

    An exception in the block, or from the server, discards the queue and takes local objects back to what
    they were. Where the server ran a part of the transaction, or nobody can tell, the models concerned are
    loaded again instead. A block that is cancelled while its transaction is on the way does not stop it: it
    runs on, and the local objects end as it ends.

    Args:
        ignore_redis_error: Log errors of the server at EXEC instead of raising them.
        use_existing_pipe: Join the pipeline that is open already, if there is one. An exception then
            discards what this block alone has queued.
        atomic: Send nothing if it cannot be one transaction.

    Raises:
        TransactionError: A command failed at EXEC; Redis does not undo the others, and the error names them.
        PartlyAppliedError: On a cluster, some slots have taken over their changes and others have not.
        CrossSlotError: It was to be atomic, and has keys in several slots of a cluster; nothing was sent.
        UnknownOutcomeError: The reply was lost, so the transaction may or may not have taken effect.
    """
    outer = open_batch()
    if use_existing_pipe and outer is not None and not outer.closed:
        outer.atomic = outer.atomic or atomic
        async with _joined(outer) as joined:
            yield joined
        return
    batch = Batch()
    batch.atomic = atomic
    opened = Pipeline(batch)
    token = enter(batch)
    try:
        yield opened
        batch.settle()
        notes = batch.notes()
    except BaseException as error:
        batch.restore()
        if isinstance(error, Exception):
            await _reload(batch.outdated())
        raise
    finally:
        batch.closed = True
        leave(token)
    if not (batch.commands or batch.renewals()[1]):
        opened._results = ()
        for note in notes:  # of what ran at once
            note()
        return
    sending = asyncio.ensure_future(_finish(opened, batch, notes, ignore_redis_error=ignore_redis_error))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        sending.add_done_callback(_log_late_failure)
        raise


@asynccontextmanager
async def _joined(outer: Batch) -> AsyncIterator[Pipeline]:
    savepoint = outer.savepoint()
    try:
        yield Pipeline(outer)
        outer.settle()
    except BaseException:
        outer.roll_back(savepoint)
        raise
    outer.keep()


async def _finish(
    opened: Pipeline, batch: Batch, notes: Iterable[Callable[[], None]], *, ignore_redis_error: bool
) -> None:
    """Send the queue, and let the local objects be what Redis holds then."""
    touched = batch.touched()
    try:
        opened._results = tuple(await _send(batch))
        for note in notes:
            note()
        await _reload(batch.outdated())
        outer = open_batch()
        if outer is not None:
            outer.refreshed(*touched)
    except BaseException as error:
        batch.restore()
        await _reload(touched if _ran_in_part(error) else batch.outdated())
        if not (ignore_redis_error and _is_answer(error)):
            raise
        opened._ignored = error
        logger.warning("the pipeline was ended by the server and its error ignored: %s", error)


async def _send(batch: Batch) -> list[Any]:
    """Send the queue as one transaction, and with it what starts times to live anew; return its replies."""
    renewals, elsewhere = batch.renewals()
    if batch.source is not None and batch.atomic and not is_one_step(batch.source, batch.commands):
        raise cross_slot("the pipeline", batch.commands)
    for source, commands in elsewhere.items():  # first, as nothing may fail once the queue is applied
        await transaction_replies(source, commands)
    if not batch.commands:
        return []
    assert batch.source is not None  # noqa: S101 - a queue that is not empty has one
    replies = await transaction_replies(batch.source, [*batch.commands, *renewals])
    return check_transaction(batch.commands, replies[: len(batch.commands)])


def _ran_in_part(error: BaseException) -> bool:
    return isinstance(error, TransactionError | UnknownOutcomeError)


def _is_answer(error: BaseException) -> bool:
    lost = RedisConnectionError | RedisTimeoutError | UnknownOutcomeError
    # The cause: of a pipeline over several slots of a cluster, the reply of one may be lost.
    return isinstance(error, Exception) and not (isinstance(error, lost) or isinstance(error.__cause__, lost))


async def _reload(models: Iterable[Any]) -> None:
    for model in models:
        try:
            with acting():  # nobody asked for it, so it starts no time to live anew
                await asyncio.wait_for(model.aload(), RELOAD_SECONDS)
        except (RedisError, RapyerError, asyncio.TimeoutError) as error:
            model._rapyer_forget()
            logger.debug("%s keeps its local state, as it cannot be loaded: %s", model.key, error)


def _log_late_failure(sending: asyncio.Future[None]) -> None:
    error = None if sending.cancelled() else sending.exception()
    if error is not None:
        logger.warning("the transaction of a cancelled pipeline failed: %s", error)
