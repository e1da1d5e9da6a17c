"""Checking the references of stored instances: whether what they name is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapyer.commands.references import is_document
from rapyer.errors import ModelError, WrongClassError
from rapyer.model.edges import edges_of
from rapyer.model.held import INSTANCES_PER_READ, EdgeReader, Held, stored_keys
from rapyer.model.references import not_stored, problem_of, target_of
from rapyer.model.registry import registry
from rapyer.result import BrokenReference, ReferenceReport
from rapyer.session.executor import execute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource


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
        self._reader = EdgeReader(edges_of(self.cls))

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
        async for chunk in stored_keys(self.cls, server, INSTANCES_PER_READ):
            part.instances += len(chunk)
            if self._reader.edges:
                await part._look_at(chunk)
        return part

    async def _look_at(self, chunk: Sequence[str]) -> None:
        by_target: dict[tuple[Any, str], list[Held]] = {}
        for held in await self._reader.read(self._source, chunk):
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
            self.broken.append(_broken(held, error))


def _broken(held: Held, error: ModelError) -> BrokenReference:
    return BrokenReference(
        owner=held.owner,
        field=held.edge.field,
        target_key=held.text,
        problem=problem_of(error),
        error=str(error),
    )


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
