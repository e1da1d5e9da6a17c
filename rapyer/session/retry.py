"""When a command may be sent again (the policy of decision D25)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ExecAbortError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.commands.command import Effect
from rapyer.errors import UnknownOutcomeError
from rapyer.session.observe import exchange
from rapyer.session.routing import Router
from rapyer.session.wire import NotConnected, reconnections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio import Redis

    from rapyer.commands.command import Arg, Command

DEADLINE = 5.0
"""Seconds after which no new attempt starts, for sources that name no deadline of their own."""

FAULTS = (RedisConnectionError, RedisTimeoutError, ResponseError)
"""What a round trip raises that the policy decides about."""

_FIRST_DELAY = 0.02
_LONGEST_DELAY = 0.5

# The server says with these that it did not run the command, and that it may run it later. MASTERDOWN is a
# kind of ClusterDownError.
_REFUSALS = (BusyLoadingError, ClusterDownError, ReadOnlyError, TryAgainError)
_REFUSAL_CODES = frozenset(
    {"BUSY", "NOREPLICAS", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"}
)


@dataclass(slots=True)
class Step:
    """Requests that are sent together, to one server.

    Attributes:
        commands: What the requests stand for.
        requests: The words to send.
        effect: What sending all of them twice would do.
        atomic: Whether they are a transaction, of which the server runs all or nothing.
        token: The key under which the server remembers that it ran them.
    """

    commands: Sequence[Command[Any]]
    requests: Sequence[tuple[Arg, ...]]
    effect: Effect
    atomic: bool = False
    token: str | None = None


class Patience:
    """Whether, and when, one step is tried again after a fault.

    What the server certainly did not run is sent again until the deadline; so is what changes nothing when
    it runs twice. Anything else whose reply was lost ends in an error.

    Args:
        step: The step.
        deadline: Seconds after which no new attempt starts; None for the default.
    """

    __slots__ = ("_delay", "_last_start", "_loop", "_maybe_run", "_step")

    def __init__(self, step: Step, deadline: float | None) -> None:
        self._step = step
        self._loop = asyncio.get_running_loop()
        self._last_start = self._loop.time() + (DEADLINE if deadline is None else deadline)
        self._delay = _FIRST_DELAY
        self._maybe_run = False

    @property
    def is_over(self) -> bool:
        """Whether another attempt would come too late."""
        return self._loop.time() + self._delay > self._last_start

    def broke(self, error: Exception, *, alone: bool = True) -> None:
        """Take note that an attempt broke; returns where there is to be another.

        Args:
            error: What the attempt raised.
            alone: Whether the step was all that was sent.

        Raises:
            UnknownOutcomeError: The reply to a command that must not run twice was lost.
            redis.exceptions.RedisError: The error itself: it is final, or the deadline has come.
        """
        if _is_final(error):
            raise error
        step = self._step
        whole = alone and (step.atomic or len(step.requests) == 1)
        refused = isinstance(error, NotConnected | ResponseError) or (whole and _is_refused_by(error))
        self._maybe_run = self._maybe_run or not refused
        if self._maybe_run and (step.effect is Effect.ONCE or (self.is_over and step.token is not None)):
            raise unknown_outcome(step.commands, step.token) from error
        if self.is_over:
            if isinstance(error, NotConnected) and error.__cause__ is not None:
                raise error.__cause__ from None
            raise error

    def refuses(self, replies: Sequence[Any]) -> bool:
        """Tell whether the server refused to run the step, and there is time for another attempt."""
        return (
            isinstance(replies[-1], ResponseError)
            and _refused(replies, self._step.atomic)
            and not self.is_over
        )

    async def pause(self) -> None:
        """Wait until the next attempt is due, each time longer."""
        await asyncio.sleep(self.next_delay())

    def next_delay(self) -> float:
        """Return for how many seconds to wait for the next attempt, each time longer."""
        delay = self._delay
        self._delay = min(2 * delay, _LONGEST_DELAY)
        return delay


class OneServer(Router):
    """How commands reach a single server, or the primary that a Sentinel names."""

    async def subscribable(self) -> Redis:
        """Return the client."""
        return self._source.client()

    def reconnections(self) -> int:
        """Return how often a connection was connected again so far."""
        return reconnections(self._source.client().connection_pool)

    async def send(self, step: Step) -> list[Any]:
        """Send a step in one round trip, as `Router.send` says."""
        source = self._source
        patience = Patience(step, source.deadline)
        while True:
            client = source.client()
            try:
                replies = await exchange(client, source.turns(), step.commands, step.requests)
            except FAULTS as error:
                patience.broke(error)
            else:
                if not patience.refuses(replies):
                    return replies
                # The connection may lead to a server that is the primary no more; the next one is made anew.
                await client.connection_pool.disconnect(inuse_connections=False)
            await patience.pause()


def unknown_outcome(commands: Sequence[Command[Any]], token: str | None) -> UnknownOutcomeError:
    """Return the error for commands whose reply was lost."""
    names = list(dict.fromkeys(command.operation for command in commands))
    keys = list(dict.fromkeys(key for command in commands for key in command.keys))
    where = f" on {', '.join(keys[:3])}{', …' if len(keys) > 3 else ''}" if keys else ""
    return UnknownOutcomeError(
        f"the reply to {', '.join(names)}{where} was lost, so it may or may not have taken effect",
        command=", ".join(names),
        key=keys[0] if keys else None,
        token=token,
        hint="read the value again before repeating it",
    )


def _refused(replies: Sequence[Any], atomic: bool) -> bool:
    if not atomic:
        return all(_is_refusal(reply) for reply in replies)
    # One command refused on its way into the queue makes EXEC refuse them all.
    outcome = replies[-1]
    return _is_refusal(outcome) or (
        isinstance(outcome, ExecAbortError) and any(map(_is_refusal, replies[1:-1]))
    )


def _is_refusal(reply: Any) -> bool:
    if not isinstance(reply, ResponseError):
        return False
    if isinstance(reply, _REFUSALS):
        return True
    said = str(reply).removeprefix("Transaction discarded because of: ")
    return said.partition(" ")[0] in _REFUSAL_CODES


def _is_final(error: Exception) -> bool:
    # The only errors of the server that are raised, not returned, come while a connection greets it.
    if isinstance(error, ResponseError):
        return not _is_refusal(error)
    return isinstance(error, AuthenticationError | AuthorizationError)


def _is_refused_by(error: Exception) -> bool:
    # redis-py raises -LOADING as a connection error, and a Sentinel connection -READONLY too.
    return isinstance(error, BusyLoadingError) or isinstance(error.__context__, ReadOnlyError)
