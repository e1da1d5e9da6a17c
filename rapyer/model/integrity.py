"""Checking the references of stored instances: whether what they name is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapyer.commands import keys
from rapyer.commands.references import decoded, get_matches, is_document, members_of
from rapyer.errors import ModelError, WrongClassError
from rapyer.model.edges import Edge, edges_of
from rapyer.model.load import KEYS_PER_SCAN
from rapyer.model.references import not_stored, problem_of, target_of
from rapyer.model.registry import registry
from rapyer.result import BrokenReference, ReferenceReport
from rapyer.session.executor import attempt, execute, run
from rapyer.session.faults import checked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

INSTANCES_PER_READ = 250
"""Of how many instances the references are read in one round trip; so many are held at a time."""


@dataclass(frozen=True)
class Held:
    """A reference as it is stored."""

    owner: str
    edge: Edge
    text: str

    def broken(self, error: ModelError) -> BrokenReference:
        """Return the report of what is wrong with it."""
        return BrokenReference(
            owner=self.owner,
            field=self.edge.field,
            target_key=self.text,
            problem=problem_of(error),
            error=str(error),
        )


@dataclass
class Check:
    """One check of the references of all stored instances of a class.

    Attributes:
        cls: The class.
        limit: How many broken references to report one by one.
    """

    cls: type[StoredModel]
    limit: int
    instances: int = 0
    references: int = 0
    dangling: int = 0
    mismatched: int = 0
    broken: list[BrokenReference] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._source = registry.source_for(self.cls)
        self._edges = edges_of(self.cls)
        self._paths = list(dict.fromkeys(edge.path for edge in self._edges if edge.companion is None))

    async def run(self) -> ReferenceReport:
        """Look at every stored instance, a bounded number at a time on each server that has some."""
        for part in await self._source.router.on_each(self._of):
            self.instances += part.instances
            self.references += part.references
            self.dangling += part.dangling
            self.mismatched += part.mismatched
            self.broken += part.broken[: self.limit - len(self.broken)]
        return ReferenceReport(
            instances=self.instances,
            references=self.references,
            dangling=self.dangling,
            mismatched=self.mismatched,
            broken=tuple(self.broken),
        )

    async def _of(self, server: ClientSource) -> Check:
        """Check the instances that one server has."""
        part = Check(self.cls, self.limit)
        async for chunk in _stored_keys(self.cls, server):
            part.instances += len(chunk)
            if self._edges:
                await part._look_at(chunk)
        return part

    async def _look_at(self, chunk: Sequence[str]) -> None:
        by_target: dict[tuple[Any, str], list[Held]] = {}
        for held in await self._held_by(chunk):
            self.references += 1
            try:
                by_target.setdefault(target_of(held.text, held.edge.targets), []).append(held)
            except ModelError as error:
                self._report(held, error)
        for cls, key in await _missing(list(by_target)):
            for held in by_target[cls, key]:
                self._report(held, not_stored(cls, key))

    def _report(self, held: Held, error: ModelError) -> None:
        if isinstance(error, WrongClassError):
            self.mismatched += 1
        else:
            self.dangling += 1
        if len(self.broken) < self.limit:
            self.broken.append(held.broken(error))

    async def _held_by(self, chunk: Sequence[str]) -> list[Held]:
        commands = [command for key in chunk for command in self._reads(key)]
        replies = iter(await attempt(self._source, commands))
        return [held for key in chunk for held in self._held(key, replies)]

    def _reads(self, key: str) -> list[Command[Any]]:
        """Return what reads the references of one instance: those in its document, then each companion."""
        reads: list[Command[Any]] = [get_matches(key, self._paths)] if self._paths else []
        companions = [(edge.companion, edge.store) for edge in self._edges if edge.companion is not None]
        reads += [members_of(one.key(key), queue=store == "queue") for one, store in companions]
        return reads

    def _held(self, key: str, replies: Iterator[Any]) -> Iterator[Held]:
        values = [_values(command, next(replies)) for command in self._reads(key)]
        matches = dict(zip(self._paths, values[0], strict=True)) if self._paths and values[0] else {}
        outside = iter(values[1:] if self._paths else values)
        for edge in self._edges:
            found = matches.get(edge.path, []) if edge.companion is None else next(outside)
            for text in _texts(found, nested=edge.store == "texts"):
                yield Held(key, edge, text)


def _values(command: Command[Any], reply: Any) -> list[Any]:
    try:
        values: list[Any] = checked(command, reply)
    except Exception:  # a key of another type holds no references
        return []
    return values


def _texts(values: Sequence[Any], *, nested: bool) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            text = decoded(value) if nested else value
            if isinstance(text, str):
                yield text


async def _stored_keys(cls: type[StoredModel], source: ClientSource) -> AsyncIterator[Sequence[str]]:
    """Yield the keys of the instances that a server has, so many at a time (SCAN, which may repeat some)."""
    prefix = f"{cls.class_key_initials()}:"
    others = registry.longer_prefixes(prefix)
    cursor = -1
    while cursor:
        cursor, met = await run(source, keys.scan_documents(max(cursor, 0), prefix, KEYS_PER_SCAN))
        own = [key for key in dict.fromkeys(met) if not key.startswith(others)]
        for start in range(0, len(own), INSTANCES_PER_READ):
            yield own[start : start + INSTANCES_PER_READ]


async def _missing(targets: Sequence[tuple[Any, str]]) -> list[tuple[Any, str]]:
    """Return those of some classes and keys under which no document is stored."""
    by_source: dict[ClientSource, list[tuple[Any, str]]] = {}
    for cls, key in targets:
        by_source.setdefault(registry.source_for(cls), []).append((cls, key))
    missing = []
    for source, own in by_source.items():
        stored = await execute(source, [is_document(key) for _, key in own])
        missing += [target for target, there in zip(own, stored, strict=True) if not there]
    return missing
