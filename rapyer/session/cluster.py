"""Redis Cluster: each step to the primary of its slot.

The redis-py client gives the slot table and the connections. Sending is the library's own, as on one server,
so that the same policy decides what may be sent again. A node that redirects (MOVED, ASK) has run nothing, so
a redirection is always followed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import AskError, ExecAbortError, MovedError
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer.commands import search
from rapyer.commands.command import Effect
from rapyer.commands.slots import slot_of
from rapyer.session.nodes import NodeClient
from rapyer.session.observe import exchange
from rapyer.session.plan import planned
from rapyer.session.retry import FAULTS, Patience, Step
from rapyer.session.routing import Router
from rapyer.session.tasks import together
from rapyer.session.topology import ReplacedError, Topology
from rapyer.session.wire import NotConnected

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.session.clients import ClientSource
    from rapyer.session.plan import Plan

R = TypeVar("R")

_SWIFT_HOPS = 5
"""How many redirections a step follows without a pause."""

_NOTHING = Step((), (), Effect.READ)
"""What stands for reading the slot table, which may be tried again."""


class Cluster(Router):
    """How commands reach a cluster."""

    is_cluster = True
    reads_matches = False

    def __init__(self, source: ClientSource) -> None:
        super().__init__(source)
        self._topology = Topology(source)
        self._coordinates: bool | None = None

    def plan(self, commands: Sequence[Command[Any]]) -> Plan | None:
        """Sort commands by the slots of their keys; None where they are one step as they are."""
        return planned(commands, self._send_each)

    async def send(self, step: Step) -> list[Any]:
        """Send a step to the primary of its slot, as `Router.send` says."""
        if step.atomic or len(step.requests) == 1:
            return _given((await self._send_each([step]))[0])
        # Of several commands on their own a redirection may concern some, so each is a step.
        each = zip(step.commands, step.requests, strict=True)
        steps = [Step((command,), (request,), command.effect) for command, request in each]
        return [_given(outcome)[0] for outcome in await self._send_each(steps)]

    async def send_to(self, name: str, step: Step) -> list[Any]:
        """Send a step to the primary of that name.

        Raises:
            ReplacedError: There is none any more, or it has not the slot of the step.
        """
        return _given((await self._deliver([_Try(step, self._patience(step), pinned=name)]))[0])

    async def subscribable(self) -> NodeClient:
        """Return one of the primaries; what is published anywhere reaches all of them."""
        await self._topology.ready()
        return NodeClient(self._topology.primary_of(None))

    def reconnections(self) -> int:
        """Return how often a connection to a primary was connected again so far."""
        return self._topology.reconnections()

    async def primaries(self) -> dict[str, Any]:
        """Return all primaries that serve slots at this moment, by their names (CLUSTER SLOTS)."""
        await self._layout()
        names = self._topology.primaries()
        return {name: NodeClient(self._topology.primary_named(name)) for name in names}

    async def server_of(self, key: str) -> tuple[str, NodeClient]:
        """Return the primary that has a key, as far as is known."""
        await self._topology.ready()
        node = self._topology.primary_of(slot_of(key))
        return node.name, NodeClient(node)

    async def on_each(
        self, ask: Callable[[ClientSource], Coroutine[Any, Any, R]], *, searching: bool = False
    ) -> list[R]:
        """Ask every primary, as `Router.on_each` says; from the start again where slots have moved."""
        patience = self._patience(_NOTHING)
        while True:
            before = await self._layout()
            try:
                results = await together(ask(each) for each in await self._sources(searching))
            except ReplacedError:
                if patience.is_over:
                    raise
            else:
                if await self._layout() == before:
                    return results
                if patience.is_over:
                    raise RedisConnectionError("the slots of the cluster moved all the time")
            await patience.pause()

    async def _layout(self) -> list[tuple[int, int, tuple[str, int]]]:
        """Read the table again, and return which primary serves what.

        Commands without keys meet no redirection, so nothing else would show that there are new primaries.
        """
        patience = self._patience(_NOTHING)
        while True:
            try:
                await self._topology.ready()
                layout = await self._topology.layout()
            except FAULTS as error:
                patience.broke(error)
                await patience.pause()
            else:
                return [(first, last, nodes[0]) for first, last, nodes in layout]

    async def _sources(self, searching: bool) -> list[ClientSource]:
        primaries = self._topology.primaries()
        if searching and await self._has_coordinator():
            primaries = {next(iter(primaries)): ""}
        return [
            self._source.narrowed(partial(Primary, self, name, tag), name) for name, tag in primaries.items()
        ]

    async def _has_coordinator(self) -> bool:
        """Tell whether each node searches all of them, as Redis 8 does, and the module before it does not.

        A node without coordinator takes the name of an index for a key, and redirects if that has a slot of
        another node.
        """
        primaries = self._topology.primaries()
        if self._coordinates is None and len(primaries) > 1:
            name, *others = primaries
            command = search.index_info(f"rapyer:{{{primaries[others[0]]}}}")
            try:
                reply = (await self.send_to(name, Step((command,), (command.words(),), command.effect)))[0]
            except ReplacedError:
                self._topology.primary_named(name)
                self._coordinates = False
            else:
                self._coordinates = "unknown command" not in str(reply)
        return bool(self._coordinates)

    # --- sending -----------------------------------------------------------------------------------------

    def _patience(self, step: Step) -> Patience:
        return Patience(step, self._source.deadline)

    async def _send_each(self, steps: Sequence[Step]) -> list[list[Any] | Exception]:
        """Send steps, those for one node in one round trip; for each its replies, or its error."""
        return await self._deliver([_Try(step, self._patience(step)) for step in steps])

    async def _deliver(self, tries: Sequence[_Try]) -> list[list[Any] | Exception]:
        left = list(tries)
        while left:
            await self._attempt(left)
            left = [each for each in left if each.outcome is None]
            delays = [each.patience.next_delay() for each in left if each.waits]
            if delays:
                await asyncio.sleep(max(delays))
        return [each.outcome for each in tries if each.outcome is not None]

    async def _attempt(self, tries: Sequence[_Try]) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._topology.ready()
        except FAULTS as error:
            for each in tries:
                each.broke(error)
            return
        by_node: dict[str, tuple[Any, list[_Try]]] = {}
        for each in tries:
            try:
                node = each.asked or self._node_for(each)
            except ReplacedError as error:
                each.outcome = error
            except NotConnected as error:
                each.broke(error)
                await self._topology.refresh(began)
            else:
                by_node.setdefault(node.name, (node, []))[1].append(each)
        await together(self._exchange(node, own) for node, own in by_node.values())

    def _node_for(self, each: _Try) -> Any:
        if each.pinned is not None:
            return self._topology.primary_named(each.pinned)
        return self._topology.primary_of(each.slot)

    async def _exchange(self, node: Any, tries: Sequence[_Try]) -> None:
        began = asyncio.get_running_loop().time()
        requests = [words for each in tries for words in each.requests()]
        try:
            turns, commands = (
                self._topology.turns(node),
                [one for each in tries for one in each.step.commands],
            )
            client = self._topology.client_of(node)
            replies = await exchange(client, turns, commands, requests, node.name)
        except FAULTS as error:
            for each in tries:
                each.broke(error, alone=len(tries) == 1)
            self._topology.suspect(node)
            await self._topology.refresh(began)
            return
        self._topology.trust(node)
        at, outdated = 0, False
        for each in tries:
            first, at = at + (each.asked is not None), at + len(each.requests())
            outdated = self._judge(each, replies[first:at], node) or outdated
        if outdated:
            await self._topology.refresh(began)

    def _judge(self, each: _Try, replies: list[Any], node: Any) -> bool:
        """Decide what becomes of a step that was answered; whether the slot table is out of date."""
        each.asked, each.waits = None, False
        told = _redirection(replies, each.step.atomic)
        if told is None or (each.pinned is None and each.slot is None):
            # Without a key there is nothing that could be found elsewhere: that is the answer.
            each.waits = each.patience.refuses(replies)
            if not each.waits:
                each.outcome = replies
            return each.waits
        moved = isinstance(told, MovedError)
        each.hops += 1
        each.waits = each.hops > _SWIFT_HOPS
        if each.pinned is not None:
            each.outcome = ReplacedError(f"{each.pinned} lost the slot {told.slot_id}")
        elif each.patience.is_over:
            each.outcome = RedisConnectionError(f"the cluster redirected until the deadline: {told}")
        elif not moved:
            each.asked = self._topology.asked(told, node)
        return moved and not self._topology.moved(told, node)


class Primary(Router):
    """How commands reach one primary of a cluster.

    Args:
        cluster: The cluster.
        name: The name of the node.
        tag: A hash tag that leads to it; empty where the names of indexes need none.
        source: What the commands are sent through.
    """

    reads_matches = False

    def __init__(self, cluster: Cluster, name: str, tag: str, source: ClientSource) -> None:
        super().__init__(source)
        self._cluster = cluster
        self._name = name
        self._tag = tag

    async def send(self, step: Step) -> list[Any]:
        """Send a step to this primary."""
        return await self._cluster.send_to(self._name, step)

    async def subscribable(self) -> NodeClient:
        """Return one of the primaries."""
        return await self._cluster.subscribable()

    def local_name(self, index: str) -> str:
        """Return the name that an index of that name has on this primary."""
        return f"{index}:{{{self._tag}}}" if self._tag else index


@dataclass(eq=False, slots=True)
class _Try:
    """A step on its way.

    Attributes:
        step: The step.
        patience: When it is tried again.
        pinned: The name of the node that alone may run it; None for the primary of its slot.
        asked: The node that is to be asked this once, as another node said.
        hops: How many redirections it has met.
        waits: Whether there is to be a pause before it is tried again.
        outcome: Its replies, or its error, once that is decided.
    """

    step: Step
    patience: Patience
    pinned: str | None = None
    asked: Any = None
    hops: int = 0
    waits: bool = False
    outcome: list[Any] | Exception | None = None

    @property
    def slot(self) -> int | None:
        """The slot of its keys, None where it has none."""
        return next((slot_of(command.keys[0]) for command in self.step.commands if command.keys), None)

    def requests(self) -> Sequence[tuple[Arg, ...]]:
        """Return what to send."""
        return self.step.requests if self.asked is None else [("ASKING",), *self.step.requests]

    def broke(self, error: Exception, *, alone: bool = True) -> None:
        """Take note of a fault, and end where it may not be tried again."""
        self.asked, self.waits = None, True
        try:
            self.patience.broke(error, alone=alone)
        except Exception as final:
            self.outcome = final


def _redirection(replies: Sequence[Any], atomic: bool) -> AskError | None:
    outcome = replies[-1]
    if isinstance(outcome, AskError):
        return outcome
    if atomic and isinstance(outcome, ExecAbortError):
        return next((reply for reply in replies if isinstance(reply, AskError)), None)
    return None


def _given(outcome: list[Any] | Exception) -> list[Any]:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
