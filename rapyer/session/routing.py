"""How the commands of a source reach its servers, whatever these are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource
    from rapyer.session.plan import Plan
    from rapyer.session.retry import Step

R = TypeVar("R")


class Router(ABC):
    """What stands between the executor and one server, a cluster, or one primary of a cluster.

    Attributes:
        is_cluster: Whether keys live in slots, so that only those of one slot can be changed in one step.
        reads_matches: Whether a search can read the documents that match; of a cluster's nodes the search
            module tells only their keys.
    """

    is_cluster = False
    reads_matches = True

    def __init__(self, source: ClientSource) -> None:
        self._source = source

    def plan(self, commands: Sequence[Command[Any]]) -> Plan | None:
        """Sort commands by where they go; None where they are one step as they are."""
        return None

    @abstractmethod
    async def send(self, step: Step) -> list[Any]:
        """Send a step, again after a fault where that cannot do harm, and return its raw replies.

        Raises:
            UnknownOutcomeError: The reply to a command that must not run twice was lost.
            redis.exceptions.ConnectionError: No server answered until the deadline.
        """

    @abstractmethod
    async def subscribable(self) -> Any:
        """Return a client, or what else has a `connection_pool`, of a server that passes messages on."""

    def reconnections(self) -> int:
        """Return how often a connection was connected again so far: each time a server may have restarted."""
        return 0

    async def primaries(self) -> dict[str, Any]:
        """Return what `subscribable` would return of each server that holds documents, by its name."""
        return {"": await self.subscribable()}

    async def server_of(self, key: str) -> tuple[str, Any]:
        """Return the server that has a key: a name for it, and what `subscribable` would return."""
        return "", await self.subscribable()

    async def on_each(
        self, ask: Callable[[ClientSource], Coroutine[Any, Any, R]], *, searching: bool = False
    ) -> list[R]:
        """Ask every server that holds documents, all at the same time.

        Args:
            ask: What to do with each, as a source of its own. It may be done again from the start where
                servers are replaced meanwhile.
            searching: Whether it is about search indexes, of which one server may know all.

        Returns:
            What each said.
        """
        return [await ask(self._source)]

    def local_name(self, index: str) -> str:
        """Return the name that an index of that name has on the server."""
        return index
