"""Deleting models together with those that they refer to by fields marked `CascadeDelete`.

First the references are read, one step away at a time, from where they are stored. Then everything that was
reached is deleted at once. What others change between the two is not seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from rapyer.commands.keys import delete_groups
from rapyer.commands.references import is_document
from rapyer.errors import CrossSourceError, ModelError
from rapyer.model.companions import keys_under
from rapyer.model.edges import edges_of
from rapyer.model.held import INSTANCES_PER_READ, EdgeReader, Held
from rapyer.model.portions import chunks_of
from rapyer.model.references import target_of
from rapyer.model.registry import registry
from rapyer.result import RapyerDeleteResult
from rapyer.session.executor import attempt, execute, perform, require_one_step
from rapyer.session.faults import checked
from rapyer.session.scope import open_batch, settle_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from rapyer.commands.command import Command
    from rapyer.model.edges import Edge
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

    Told: TypeAlias = Callable[[int, int], object]


def deletes_more(cls: type[StoredModel]) -> bool:
    """Tell whether deleting instances of a class may delete what they refer to."""
    return any(edge.deletion for edge in edges_of(cls))


async def delete_cascading(
    wanted: Mapping[Any, Sequence[str]], *, atomic: bool = False, told: Told | None = None
) -> RapyerDeleteResult:
    """Delete documents by their keys, and what their marked fields lead to, with what lives beside each.

    All that one server has is deleted in one step (script delete: DEL), on a cluster in one for each slot,
    after it was read what refers to what (TYPE, JSON.GET, SMEMBERS, ZRANGE). In a pipeline the reading is
    done at once, and the deletion is queued.

    Args:
        wanted: Full keys by class.
        atomic: Refuse to delete anything if it cannot be one step.
        told: Is told of how many it was read what they refer to, and how many are known.

    Returns:
        How many were there, in all and by class; only of those asked for some may be missing.

    Raises:
        CrossSourceError: It is to be one step, or a pipeline, and several servers have some of them.
        CrossSlotError: It is to be one step, and they live in several slots of a cluster.
        WrongTypeError: A key holds another Redis type; nothing of its server is deleted.
        PartlyAppliedError: On a cluster, only some slots did it.
    """
    settle_open()
    reach = _Reach(wanted, told)
    await reach.run()
    servers = reach.by_server()
    if len(servers) > 1 and (atomic or open_batch() is not None):
        raise _several(servers)
    commands = {source: _command(groups) for source, groups in servers.items()}
    if atomic:
        for source, command in commands.items():
            require_one_step(source, [command], "adelete_many")
    deleted, beside, missing = Counter[Any](), 0, 0
    for source, groups in servers.items():
        counts = (await perform(source, commands[source]))[0]
        if counts is None:
            counts = [*(len(group.keys) for group in groups), 0]
            counts[-1] = len(commands[source].keys) - sum(counts)
        for group, count in zip(groups, counts, strict=False):
            deleted[group.cls] += count
            missing += len(group.keys) - count if group.asked else 0
        beside += counts[-1]
    return RapyerDeleteResult(
        models_deleted=deleted.total(),
        keys_deleted=deleted.total() + beside,
        models_missing=missing,
        was_committed=open_batch() is None,
        by_model={cls: count for cls, count in deleted.items() if count or cls in wanted},
    )


async def would_delete_cascading(
    wanted: Mapping[Any, Sequence[str]], *, told: Told | None = None
) -> RapyerDeleteResult:
    """Return what `delete_cascading` would do (TYPE, JSON.GET, SMEMBERS, ZRANGE).

    Args:
        wanted: Full keys by class.
        told: Is told of how many it was read what they refer to, and how many are known.
    """
    reach = _Reach(wanted, told)
    await reach.run()
    there, beside, missing = Counter[Any](), 0, 0
    for source, groups in reach.by_server().items():
        for group in groups:
            number = 0
            for keys in chunks_of(group.keys, INSTANCES_PER_READ):
                number += sum(await execute(source, [is_document(key) for key in keys]))
            there[group.cls] += number
            beside += number * len(group.cls.__rapyer_spec__.companions)
            missing += len(group.keys) - number if group.asked else 0
    return RapyerDeleteResult(
        models_deleted=there.total(),
        keys_deleted=there.total() + beside,
        models_missing=missing,
        was_committed=False,
        by_model={cls: count for cls, count in there.items() if count or cls in wanted},
    )


@dataclass(frozen=True)
class _Group:
    """Models of one class that are to go, either asked for or reached."""

    cls: Any
    asked: bool
    keys: list[str] = field(default_factory=list)


@dataclass(eq=False)
class _Node:
    """A model that is going to be deleted.

    Attributes:
        cls: Its class.
        budget: How many references may be followed from it, one after the other.
        asked: Whether it was asked for, and not reached.
        held: Its references that are followed, once they were read.
        is_open: Whether its references are to be followed, perhaps again.
    """

    cls: Any
    budget: float
    asked: bool = False
    held: list[Held] | None = None
    is_open: bool = False


class _Reach:
    """What is reached from some models, those included.

    Args:
        wanted: Their full keys by class.
        told: Is told of how many it was read what they refer to, and how many are known.
    """

    def __init__(self, wanted: Mapping[Any, Sequence[str]], told: Told | None = None) -> None:
        self._told = told
        self._nodes: dict[str, _Node] = {}
        self._readers: dict[Any, EdgeReader] = {}
        for cls, keys in wanted.items():
            for key in keys:
                self._offer(cls, str(key), inf)
                self._nodes[str(key)].asked = True

    async def run(self) -> None:
        """Follow the references until they lead nowhere new; one round trip a step for each server."""
        while unread := [key for key, node in self._nodes.items() if node.is_open and node.held is None]:
            by_server: dict[ClientSource, list[str]] = {}
            for key in unread:
                by_server.setdefault(registry.source_for(self._nodes[key].cls), []).append(key)
            for source, keys in by_server.items():
                for start in range(0, len(keys), INSTANCES_PER_READ):
                    await self._read(source, keys[start : start + INSTANCES_PER_READ])
            self._follow()

    def by_server(self) -> dict[ClientSource, list[_Group]]:
        """Return what is to be deleted, by server; those that have nothing that was asked for come first.

        So, where a server fails, what was asked for still leads to what is left.
        """
        groups: dict[tuple[Any, bool], _Group] = {}
        for key, node in self._nodes.items():
            place = (node.cls, node.asked)
            groups.setdefault(place, _Group(*place)).keys.append(key)
        servers: dict[ClientSource, list[_Group]] = {}
        for group in groups.values():
            servers.setdefault(registry.source_for(group.cls), []).append(group)
        return dict(sorted(servers.items(), key=lambda server: any(group.asked for group in server[1])))

    async def _read(self, source: ClientSource, keys: Sequence[str]) -> None:
        readers = [self._reader(self._nodes[key].cls) for key in keys]
        reads: list[Command[Any]] = [is_document(key) for key in keys]
        count = len(reads)
        reads += [one for key, reader in zip(keys, readers, strict=True) for one in reader.commands(key)]
        outcomes = await attempt(source, reads)
        replies = iter(outcomes[count:])
        for key, reader, read, there in zip(keys, readers, reads, outcomes, strict=False):
            held = list(reader.held(key, replies))
            # What is left beside a document that is gone belongs to nobody.
            self._nodes[key].held = held if checked(read, there) else []
        if self._told is not None:
            read_so_far = sum(node.held is not None for node in self._nodes.values())
            self._told(read_so_far, len(self._nodes))

    def _reader(self, cls: Any) -> EdgeReader:
        reader = self._readers.get(cls)
        if reader is None:
            reader = self._readers[cls] = EdgeReader([edge for edge in edges_of(cls) if edge.deletion])
        return reader

    def _follow(self) -> None:
        waiting = [node for node in self._nodes.values() if node.is_open and node.held is not None]
        while waiting:
            node = waiting.pop()
            node.is_open = False
            for held in node.held or ():
                found = _target(held)
                if found is not None:
                    waiting += self._offer(*found, _left(node, held.edge))

    def _offer(self, cls: Any, key: str, budget: float) -> Iterable[_Node]:
        """Note that a model is reached; return it if its references are known and are to be followed."""
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = _Node(cls, -1)
        if budget <= node.budget:
            return ()
        node.budget = budget
        node.is_open = budget > 0 and bool(self._reader(node.cls).edges)
        return (node,) if node.is_open and node.held is not None else ()


def _left(node: _Node, edge: Edge) -> float:
    """Return how many references may be followed from what an edge of a model leads to."""
    depth = edge.deletion.depth if edge.deletion is not None else 0
    return min(node.budget - 1, inf if depth is None else depth)


def _target(held: Held) -> tuple[Any, str] | None:
    """Return the class and key that a reference means; None where it may name no such model."""
    try:
        return target_of(held.text, held.edge.targets)
    except ModelError:
        return None


def _command(groups: Sequence[_Group]) -> Command[list[int]]:
    return delete_groups(
        [[keys_under(group.cls.__rapyer_spec__, key) for key in group.keys] for group in groups]
    )


def _several(servers: Iterable[ClientSource]) -> CrossSourceError:
    names = ", ".join(_names(servers))
    return CrossSourceError(
        f"the models that are to be deleted are stored on different servers: {names}",
        hint="delete them outside of the pipeline, without atomic",
    )


def _names(servers: Iterable[ClientSource]) -> Iterator[str]:
    yield from sorted(source.describe() for source in servers)
