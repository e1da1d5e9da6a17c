"""Whether there is a server that answers, what it is, and how quickly."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from redis.asyncio import RedisCluster
from redis.exceptions import NoPermissionError

from rapyer.commands.server import ping
from rapyer.session.clients import ClientSource
from rapyer.session.executor import attempt
from rapyer_nb.doctor.finding import broken, fine, unchecked, warning
from rapyer_nb.doctor.troubles import unreachable
from rapyer_nb.seeing import server_info
from rapyer_nb.views.note import counted, lasted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient
    from rapyer_nb.seeing import NodeInfo

_PINGS: Final = 20
_SLOW: Final = 0.02
"""The seconds of a round trip from which on it is worth a warning."""


@dataclass(frozen=True)
class Reached:
    """What came of asking a server.

    Attributes:
        findings: What was found.
        source: The server, as it is to be asked on: a cluster where a URL leads to one of its nodes.
        nodes: What it says of itself; empty where there is nothing to go on with.
    """

    findings: tuple[Finding, ...]
    source: ClientSource
    nodes: tuple[NodeInfo, ...] = ()


async def reach(source: ClientSource, url: str = "") -> Reached:
    """Ask a server what it is (PING, INFO, MODULE LIST, DBSIZE).

    Args:
        source: The server.
        url: The URL that the source was made of; empty if that is not known.
    """
    try:
        nodes = await _asked(source)
    except Exception as error:
        return Reached((unreachable(error, source.describe(), url),), source)
    mode = nodes[0].fields.get("redis_mode", "")
    if mode == "sentinel":
        return Reached((_sentinel(source),), source)
    if mode != "cluster" or source.is_cluster:
        return Reached((*_described(nodes, source),), source, nodes)
    lone = broken(
        f"{source.describe()} is one node of a cluster, and answers for its own keys only",
        "give init_rapyer a redis.asyncio.RedisCluster",
    )
    if not url:
        return Reached((lone,), source)
    whole = ClientSource.from_factory(
        lambda: RedisCluster.from_url(url), lambda: f"the cluster at {source.describe()}", cluster=True
    )
    further = await reach(whole, url)
    return Reached((lone, *further.findings), whole, further.nodes)


async def latency(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Measure how long a round trip takes (PING)."""
    for address, times in await patient.source.router.on_each(_timed):
        usual = statistics.median(times)
        text = (
            f"a round trip to {patient.called(address)} takes {lasted(usual)}, {lasted(max(times))} at most"
        )
        if usual < _SLOW:
            yield fine(text)
        else:
            yield warning(
                text,
                "run the program nearer to the server, and send many changes together: apipeline, ainsert",
            )


async def _asked(source: ClientSource) -> tuple[NodeInfo, ...]:
    replies = await attempt(source, [ping()])
    for reply in replies:
        if isinstance(reply, Exception) and not isinstance(reply, NoPermissionError):
            raise reply
    return (await server_info(source)).nodes


async def _timed(server: ClientSource) -> tuple[str, list[float]]:
    times = []
    for _ in range(_PINGS):
        start = time.perf_counter()
        await attempt(server, [ping()])
        times.append(time.perf_counter() - start)
    return server.describe(), times


def _described(nodes: tuple[NodeInfo, ...], source: ClientSource) -> Iterator[Finding]:
    if source.is_cluster:
        yield fine(f"{source.describe()} answers, with {counted(len(nodes), 'primary server')}")
    for node in nodes:
        say = node.fields.get
        if not node.fields:
            yield unchecked(
                f"{node.address} answers, but this user may not ask what it is",
                "ACL SETUSER <user> +info lets it",
            )
        elif say("role") == "slave":
            yield broken(
                f"{node.address} is a replica, Redis {say('redis_version')}, and takes no writes",
                f"connect to its primary: {say('master_host')}:{say('master_port')}",
            )
        else:
            mode = "a primary of a cluster" if source.is_cluster else say("redis_mode", "standalone")
            replicas = node.number("connected_slaves")
            with_them = f" with {counted(replicas, 'replica')}" if replicas else ""
            yield fine(f"{node.address} answers: Redis {say('redis_version')}, {mode}{with_them}")


def _sentinel(source: ClientSource) -> Finding:
    return broken(
        f"{source.describe()} is a Sentinel, which holds no data",
        "give init_rapyer the client that redis.asyncio.Sentinel(…).master_for(…) makes",
    )
