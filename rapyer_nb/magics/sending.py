"""A pipeline with a report: what `%%rapyer_pipeline` and `rapyer_nb.pipeline` both do."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from rapyer import apipeline
from rapyer.actions import acting
from rapyer.commands.command import Effect
from rapyer.errors import KeyNotFound, RapyerError
from rapyer.session.observe import observed_by
from rapyer.session.scope import open_batch, settle_open
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.magics.previewing import changes_of, states_of
from rapyer_nb.snapshots.compare import groups_of
from rapyer_nb.views import Note
from rapyer_nb.views.changes import Changes
from rapyer_nb.views.commands import CommandList
from rapyer_nb.views.note import counted, lasted
from rapyer_nb.views.view import Reporting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer.session.observe import Exchange
    from rapyer.session.scope import Batch
    from rapyer_nb.snapshots import Change
    from rapyer_nb.views import View


@dataclass(frozen=True)
class SendingOptions:
    """How a pipeline is sent.

    Attributes:
        dry_run: Send nothing: see what would be sent, and take the models back to what they were.
        ignore_errors: Report an error of the server at the end, instead of raising it.
        reload: Read the models that the block changed anew at its end.
    """

    dry_run: bool = False
    ignore_errors: bool = False
    reload: bool = False


@dataclass(repr=False)
class Sending(Reporting):
    """What became of a pipeline; complete when its block has ended.

    Attributes:
        options: How it was to be sent.
        commands: What was queued, in order.
        renewals: What starts times to live anew at its end.
        replies: The decoded reply of each command; none of a dry run.
        round_trips: How many there were at its end.
        seconds: How long these took.
        changes: What a dry run would have changed in the models that it touched.
        ignored: The error of the server that was ignored, in one line.
        reloaded: The keys of the models that were read anew.
        joined: Whether it went into a pipeline that was open already, which sends it at its end.
    """

    options: SendingOptions = field(default_factory=SendingOptions)
    commands: tuple[Command[Any], ...] = ()
    renewals: tuple[Command[Any], ...] = ()
    replies: tuple[Any, ...] = ()
    round_trips: int = 0
    seconds: float = 0.0
    changes: tuple[Change, ...] = ()
    ignored: str = ""
    reloaded: tuple[str, ...] = ()
    joined: bool = False

    def summary(self) -> str:
        """Return a line such as `4 commands, 1 round trip, 0.9 ms`."""
        number = counted(len(self.commands), "command")
        if self.joined:
            return f"{number} queued in the pipeline that is open, which sends them at its end"
        if self.options.dry_run:
            return f"dry run, nothing was sent: {number if self.commands else 'no commands'}"
        if self.ignored:
            return f"⚠ {number}, ended by an error that was ignored: {self.ignored}"
        if not self.commands and not self.round_trips:
            return "no commands, nothing was sent"
        told = [number, counted(self.round_trips, "round trip"), lasted(self.seconds)]
        if self.reloaded:
            told.append(f"{counted(len(self.reloaded), 'model')} read anew")
        return ", ".join(told)

    def discarded(self) -> str:
        """Return what is told where the block has raised."""
        number = counted(len(self.commands), "command")
        end = "read anew" if self.reloaded else "taken back to what they were"
        return f"✕ pipeline discarded: {number} not sent, models {end}"

    def view(self) -> View:
        """Return what a notebook shows: the summary, and of a dry run the commands and the changes."""
        if not self.options.dry_run:
            return Note(self.summary())
        changes = Changes(f"{counted(len(self.changes), 'model')} would change", groups_of(self.changes))
        return CommandList(
            self.summary(), (*self.commands, *self.renewals), changes if self.changes else None
        )


@asynccontextmanager
async def sending(*models: AtomicRedisModel, options: SendingOptions | None = None) -> AsyncIterator[Sending]:
    """Queue every write of the block, send them as one transaction at its end, and report what that was.

    It sends what `rapyer.apipeline` sends (MULTI, EXEC), or nothing; inside another pipeline, that one does.

    Args:
        models: Models to read anew first (JSON.GET).
        options: How.

    Yields:
        The report, which is complete after the block.

    Raises:
        NotebookError: Options are given inside another pipeline; or in a dry run something would be written
            at once, since its answer is needed, such as a pop.
    """
    report = Sending(options or SendingOptions())
    outer = open_batch()
    if outer is not None and not outer.closed:
        async with _joining(report, models):
            yield report
        return
    server = _Server(reads_only=report.options.dry_run)
    touched: list[AtomicRedisModel] = list(models)
    with observed_by(server):
        try:
            async with (
                _previewing(report, models)
                if report.options.dry_run
                else _applying(report, models, server) as batch
            ):
                try:
                    yield report
                    settle_open()
                finally:
                    _note(report, batch)
                    touched += batch.touched()
                    server.begin()
        except Exception:
            if report.options.reload:
                with suppress(RapyerError, RedisError):
                    report.reloaded = await _read_anew(touched)
            raise
        if report.options.reload and not report.options.dry_run:
            report.reloaded = await _read_anew(touched)


class _Discarded(Exception):
    """Ends the block of a dry run."""


class _Server:
    """Counts the round trips and their time, and lets only reads pass in a dry run."""

    def __init__(self, *, reads_only: bool) -> None:
        self._reads_only = reads_only
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self.trips, self._began = 0, time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time since then."""
        return time.perf_counter() - self._began

    async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        """Send the request.

        Raises:
            NotebookError: It would write, in a dry run.
        """
        if self._reads_only:
            for command in exchange.commands:
                if command.effect is not Effect.READ:
                    what = f"{command.operation} {command.told_keys}".rstrip()
                    raise NotebookError(
                        f"a dry run sends nothing, and {what} would be sent at once, for its answer",
                        hint="leave --dry-run out, or do this before the pipeline",
                    )
        self.trips += 1
        return await send()


@asynccontextmanager
async def _applying(
    report: Sending, models: Sequence[AtomicRedisModel], server: _Server
) -> AsyncIterator[Batch]:
    ignore = report.options.ignore_errors
    async with apipeline(*models, ignore_redis_error=ignore) as pipe:
        yield _open()
    report.seconds, report.round_trips = server.seconds, server.trips
    if pipe.ignored is None:
        report.replies = pipe.results
    else:
        report.ignored = one_line(pipe.ignored)


@asynccontextmanager
async def _previewing(report: Sending, models: Sequence[AtomicRedisModel]) -> AsyncIterator[Batch]:
    with acting():  # looking starts no time to live anew
        for model in models:
            await model.aload()
    with suppress(_Discarded):
        async with apipeline():
            batch = _open()
            yield batch
            touched = batch.touched()
            after = states_of(touched)
            raise _Discarded
    report.changes = changes_of(touched, states_of(touched), after)


@asynccontextmanager
async def _joining(report: Sending, models: Sequence[AtomicRedisModel]) -> AsyncIterator[None]:
    if report.options != SendingOptions():
        raise NotebookError(
            "a pipeline inside another one is sent with that one, as that one says",
            hint="leave its options out, or put them to the outer one",
        )
    report.joined = True
    async with apipeline(*models, use_existing_pipe=True) as pipe:
        before = len(pipe.commands)
        try:
            yield
            settle_open()
        finally:
            report.commands = pipe.commands[before:]


def _open() -> Batch:
    batch = open_batch()
    assert batch is not None  # noqa: S101 - asked for in the block of a pipeline
    return batch


def _note(report: Sending, batch: Batch) -> None:
    ours, others = batch.renewals()
    report.commands = tuple(batch.commands)
    report.renewals = (*ours, *(command for commands in others.values() for command in commands))


async def _read_anew(models: Sequence[AtomicRedisModel]) -> tuple[str, ...]:
    """Load models again, each once, and return their keys; what is gone stays as it is."""
    found = []
    with acting():
        for model in {id(model): model for model in models}.values():
            with suppress(KeyNotFound):
                await model.aload()
                found.append(str(model.key))
    return tuple(found)
