"""One run: a server, the groups of operations, and what each contender took."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis

from benchmarks import beside, cascade, floor, live, magics, om, subject
from benchmarks.gates import OURS, gates_of
from benchmarks.peers import Peer
from benchmarks.process import import_work, peer_import
from benchmarks.stored import MODELS
from benchmarks.timing import Rounds, Sampled, measure
from rapyer import teardown_rapyer
from rapyer_nb.server import start_embedded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PEER = "1.3.6"
_RETRIED = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        only: Parts of names of operations; empty for all.
        sizes: How many documents the bulk operations have.
        rounds: Rounds that count, for single operations.
        others: Beside how many keys of others documents are found.
        bulk_rounds: Rounds that count, for bulk operations.
        peer_python: An interpreter that has rapyer 1.3.6, or None.
        url: The server to use, which is emptied; None starts one.
    """

    only: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (1000,)
    others: tuple[int, ...] = (10_000, 100_000)
    rounds: int = 5
    bulk_rounds: int = 3
    peer_python: str | None = None
    url: str | None = None

    def wants(self, operation: str) -> bool:
        """Tell whether an operation is to be measured."""
        return not self.only or any(part in operation for part in self.only)


Group = dict[str, dict[str, Sampled]]


async def measured(plan: Plan) -> AsyncIterator[tuple[str, Rounds]]:
    """Measure operation after operation."""
    async for group in _groups(plan):
        for operation, contenders in group.items():
            if OURS in contenders and plan.wants(operation):
                yield operation, await _judged(operation, contenders, plan)


async def _judged(operation: str, contenders: Mapping[str, Sampled], plan: Plan) -> Rounds:
    rounds = plan.bulk_rounds if contenders[OURS].bulk else plan.rounds
    taken = await measure(contenders, rounds)
    if any(gate.judged(taken) in {"missed", "noise"} for gate in gates_of(operation)):
        return await measure(contenders, _RETRIED * rounds)  # once more, with less noise
    return taken


async def _groups(plan: Plan) -> AsyncIterator[Group]:
    with ExitStack() as servers:
        url = plan.url or servers.enter_context(start_embedded(shared=False)).url
        peer = _peer(plan, servers)
        yield _merged(floor.local_work(), ours=subject.local_work(), peer=_asked(peer, "local"))
        yield {"import": _imports(plan, servers)}
        async with AsyncExitStack() as clients:
            clients.push_async_callback(teardown_rapyer)
            client = await clients.enter_async_context(Redis.from_url(url))
            prefixes = {shape: model.class_key_initials() for shape, model in MODELS.items()}
            hand = floor.ByHand(client, prefixes)
            await subject.connect(url, empty=True)
            single = [await hand.stored_work()]
            if om.is_installed():
                decoding = await clients.enter_async_context(Redis.from_url(url, decode_responses=True))
                single.append(await om.stored_work(decoding))
            yield _merged(*single, ours=await subject.stored_work(), peer=_asked(peer, "stored"))
            for shape in MODELS:
                for size in plan.sizes:
                    if not any(plan.wants(f"{name} {size} {shape}") for name in _BULK):
                        continue
                    await subject.connect(url, empty=True)
                    ours = await subject.bulk_work(shape, size)
                    yield _merged(
                        hand.bulk_work(shape, size), ours=ours, peer=_asked(peer, "bulk", shape, size)
                    )
            for size in cascade.SIZES:
                if any(map(plan.wants, cascade.names(size))):
                    await subject.connect(url, empty=True)
                    ours = await cascade.cascade_work(size)
                    peers = _asked(peer, "cascade", size)
                    yield _merged(cascade.by_hand(client, size), ours=ours, peer=peers)
            async for group in _beside(plan, url, client):
                yield group
            if any(map(plan.wants, live.names())):
                await subject.connect(url, empty=True)
                yield live.live_work(url)
            if any(map(plan.wants, magics.names())):
                await subject.connect(url, empty=True)
                with magics.notebook() as shell:
                    ours, calls = await magics.find_work(shell)
                    yield _merged(
                        {name: {magics.LIBRARY: call} for name, call in calls.items()}, ours=ours, peer={}
                    )


async def _beside(plan: Plan, url: str, client: Redis) -> AsyncIterator[Group]:
    wanted = [others for others in plan.others if any(map(plan.wants, beside.names(others)))]
    if not wanted:
        return
    with start_embedded(shared=False) as alone:
        for server in (alone.url, url):
            await subject.connect(server, empty=True)
            await beside.store()
        filled = 0
        for others in wanted:
            await beside.fill(client, filled, others)
            filled = others
            yield dict(beside.beside_work(url, alone.url, client, others))


_BULK = ("afind all", "afind by keys", "afind expr 1 of 10 in", "ainsert", "adelete_many")


def _peer(plan: Plan, servers: ExitStack) -> Peer | None:
    if plan.peer_python is None:
        return None
    peer = Peer(plan.peer_python, servers.enter_context(start_embedded(shared=False)).url)
    servers.callback(peer.close)
    return peer


def _asked(peer: Peer | None, *order: Any) -> Mapping[str, Sampled]:
    return {} if peer is None else peer.prepared(*order)


def _imports(plan: Plan, caches: ExitStack) -> dict[str, Sampled]:
    found: dict[str, Sampled] = dict(import_work(caches))
    if plan.peer_python is not None:
        found[PEER] = peer_import(caches, plan.peer_python)
    return found


def _merged(
    *groups: Mapping[str, Mapping[str, Sampled]], ours: Mapping[str, Sampled], peer: Mapping[str, Sampled]
) -> Group:
    merged: Group = defaultdict(dict)
    for group in groups:
        for operation, contenders in group.items():
            merged[operation].update(contenders)
    for operation, work in ours.items():
        merged[operation][OURS] = work
    for operation, work in peer.items():
        merged[operation][PEER] = work
    return merged
