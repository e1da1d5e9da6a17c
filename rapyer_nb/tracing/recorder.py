"""The observer that writes a trace."""

from __future__ import annotations

import time
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import NoScriptError, ResponseError

from rapyer.commands.command import Effect
from rapyer.session.observe import observed_by
from rapyer_nb.tracing.sizes import reply_size, request_size
from rapyer_nb.tracing.trace import Sent, Trace, Trip
from rapyer_nb.views.brief import brief_cell, clipped, printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.session.observe import Exchange

_MOST_KEYS: Final = 3
_KEY_LENGTH: Final = 200
_ERROR_LENGTH: Final = 200
_UNKNOWN: Final = "(new to the server)"


@contextmanager
def tracing() -> Iterator[Trace]:
    """Trace what the block sends, in the running task and those that it starts; sends nothing itself.

    Yields:
        The trace, which grows as the block runs.
    """
    trace = Trace()
    recorder = Recorder(trace)
    with observed_by(recorder):
        try:
            yield trace
        finally:
            recorder.close()


class Recorder:
    """Notes each round trip in a trace, until it is closed."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._began = time.perf_counter()
        self._open = True

    def close(self) -> None:
        """End the trace; what tasks of the block send later is not noted any more."""
        self._open = False
        self._trace.trips.sort(key=lambda trip: trip.started)
        self._trace.seconds = time.perf_counter() - self._began

    async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        """Send the request, and note what it was and how long the reply took."""
        start = time.perf_counter()
        replies: Sequence[Any] = ()
        failed = ""
        try:
            replies = await send()
        except BaseException as error:
            failed = _told(error)
            raise
        finally:
            if self._open:
                taken = time.perf_counter() - start
                self._trace.trips.append(trip_of(exchange, replies, start - self._began, taken, failed))
        return list(replies)


def trip_of(
    exchange: Exchange, replies: Sequence[Any], started: float, seconds: float, failed: str = ""
) -> Trip:
    """Return a round trip as the trace keeps it: without any values, which may be large or private.

    Args:
        exchange: What was sent.
        replies: The raw replies; none where the round trip failed.
        started: Seconds since the trace began.
        seconds: How long it took.
        failed: The error that it ended in.
    """
    commands, requests = exchange.commands, exchange.requests
    transaction = bool(requests) and requests[0] == ("MULTI",)
    own = requests[1:-1] if transaction else requests
    told: Sequence[Any] = replies
    if transaction and replies:
        told = replies[-1] if isinstance(replies[-1], list) else replies[1:-1]
    if len(own) == len(commands):
        sent = tuple(
            _sent(command, [words], [told[at]] if at < len(told) else [])
            for at, (command, words) in enumerate(zip(commands, own, strict=True))
        )
    else:  # one script stands for all of them, or a redirection came before
        sent = (*(_sent(command, (), ()) for command in commands[1:]),)
        sent = (_sent(commands[0], own, told), *sent) if commands else ()
    return Trip(
        started,
        seconds,
        sent,
        sum(map(request_size, requests)),
        sum(map(reply_size, replies)),
        transaction,
        exchange.server,
        failed,
    )


def _sent(command: Command[Any], requests: Sequence[Any], replies: Sequence[Any]) -> Sent:
    error = next((reply for reply in replies if isinstance(reply, ResponseError)), None)
    # A script that the server does not know is sent again with its source; that is no failure.
    unknown = isinstance(error, NoScriptError)
    keys = tuple(clipped(printable(key), _KEY_LENGTH) for key in islice(command.keys, _MOST_KEYS))
    more = len(command.keys) - len(keys)
    return Sent(
        name=command.operation,
        keys=(*keys, f"… {more:,} more") if more > 0 else keys,
        place=_UNKNOWN if unknown else _place(command),
        sent=sum(map(request_size, requests)),
        received=sum(map(reply_size, replies)),
        failed="" if error is None or unknown else _told(error),
        writes=command.effect is not Effect.READ,
    )


def _place(command: Command[Any]) -> str:
    if command.name in {"FT.SEARCH", "FT.AGGREGATE"}:
        # The index and the query; its values are parameters, which are not shown.
        return " ".join(brief_cell(word, _KEY_LENGTH) for word in command.args[:2])
    return clipped(printable(command.place), _KEY_LENGTH)


def _told(error: BaseException) -> str:
    text = clipped(" ".join(str(error).split()), _ERROR_LENGTH)
    return printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)
