"""What is examined."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.keyspace import Keyspace
    from rapyer_nb.seeing import NodeInfo


@dataclass(frozen=True)
class Patient:
    """A server that answers, with the models on it.

    Attributes:
        source: The server.
        models: The classes whose documents, indexes and fields are looked at.
        nodes: What the server, or each primary of a cluster, says of itself.
        keyspace: Its keys, which are looked through when they are first needed.
        kept: Whether what is stored is meant to be kept.
    """

    source: ClientSource
    models: tuple[type[AtomicRedisModel], ...]
    nodes: tuple[NodeInfo, ...]
    keyspace: Keyspace
    kept: bool = True

    def called(self, address: str) -> str:
        """Return what to call a server: by its address where there are several."""
        return "the server" if len(self.nodes) == 1 else address


Examination: TypeAlias = Callable[[Patient], AsyncGenerator["Finding", None]]
"""Looks at a patient and yields what it finds; it changes nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        title: The topic.
        examine: What is done.
    """

    title: str
    examine: Examination
