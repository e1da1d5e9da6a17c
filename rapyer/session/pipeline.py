"""Pipelines: many changes, one transaction, and nothing at all if the block fails."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.errors import KeyNotFound, PipelineOpenError, TransactionError, WrongTypeError
from rapyer.session.executor import transact
from rapyer.session.scope import Batch, enter, leave, open_batch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rapyer.commands.command import Command

logger = logging.getLogger("rapyer")

_COMMAND_ERRORS = (ResponseError, KeyNotFound, WrongTypeError, TransactionError)


class Pipeline:
    """The pipeline of one block, as `apipeline()` yields it."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._results: tuple[Any, ...] | None = None

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
    *, ignore_redis_error: bool = False, use_existing_pipe: bool = False
) -> AsyncIterator[Pipeline]:
    """Queue every write of the block and send them as one MULTI/EXEC transaction at its end.

    An exception in the block, or from the server, discards the queue and takes local objects back to what
    they were.

    Args:
        ignore_redis_error: Log errors of the server at EXEC instead of raising them.
        use_existing_pipe: Join the pipeline that is open already, if there is one.

    Raises:
        TransactionError: A command failed at EXEC; Redis does not undo the others, and the error names them.
    """
    outer = open_batch()
    if use_existing_pipe and outer is not None:
        yield Pipeline(outer)
        return
    batch = Batch()
    opened = Pipeline(batch)
    token = enter(batch)
    try:
        yield opened
    except BaseException:
        batch.restore()
        raise
    finally:
        batch.closed = True
        leave(token)
    try:
        opened._results = await _send(batch)
    except _COMMAND_ERRORS as error:
        batch.restore()
        if not ignore_redis_error:
            raise
        logger.warning("the pipeline was ended by the server and its error ignored: %s", error)
    except BaseException:
        batch.restore()
        raise


async def _send(batch: Batch) -> tuple[Any, ...]:
    if batch.source is None:
        return ()
    return tuple(await transact(batch.source, batch.commands))
