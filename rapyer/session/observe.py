"""The one place where what goes to a server can be watched, timed or held back.

Every round trip goes through `exchange`, whatever the server is. What watches is bound to the running task
and the tasks that it starts; where nothing does, a round trip costs one look at a context variable more.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rapyer.session.wire import round_trip

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from rapyer.commands.command import Arg, Command

    Send: TypeAlias = Callable[[], Awaitable[list[Any]]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is about to go to one server in one round trip.

    Attributes:
        commands: What the requests stand for.
        requests: The words of each request; of a transaction MULTI and EXEC are among them.
        server: The name of the cluster's node; empty where there is one server.
    """

    commands: Sequence[Command[Any]]
    requests: Sequence[tuple[Arg, ...]]
    server: str = ""


class Observer(Protocol):
    """What stands around every round trip of a task."""

    async def exchange(self, exchange: Exchange, send: Send) -> list[Any]:
        """Send a request, once, and return what that gives; it may wait before, and look at the replies.

        Args:
            exchange: What is to be sent.
            send: Sends it, and returns the raw replies, errors of the server among them.
        """


_observers: ContextVar[tuple[Observer, ...]] = ContextVar("rapyer_observers", default=())


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let an observer stand around each round trip of the block, and around those that do so already."""
    token = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(token)


@contextmanager
def unobserved() -> Iterator[None]:
    """Let nobody see the round trips of the block, such as those that an observer makes itself."""
    token = _observers.set(())
    try:
        yield
    finally:
        _observers.reset(token)


async def exchange(
    client: Any,
    turns: asyncio.Semaphore,
    commands: Sequence[Command[Any]],
    requests: Sequence[tuple[Arg, ...]],
    server: str = "",
) -> list[Any]:
    """Make one round trip when it is its turn, as `round_trip` does, with the task's observers around it.

    Args:
        client: The client, as `round_trip` takes it.
        turns: Lets as many on as there are connections. Who is held back by an observer takes none.
        commands: What the requests stand for.
        requests: The words of each request.
        server: The name of the cluster's node, if it is one.
    """
    observers = _observers.get()
    if not observers:
        async with turns:
            return await round_trip(client, requests)
    send: Send = partial(_sent, client, turns, requests)
    told = Exchange(commands, requests, server)
    for observer in observers:
        send = partial(observer.exchange, told, send)
    return await send()


async def _sent(client: Any, turns: asyncio.Semaphore, requests: Sequence[tuple[Arg, ...]]) -> list[Any]:
    async with turns:
        return await round_trip(client, requests)
