"""Following the references of instances that are here: many of them in one round trip."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rapyer.errors import CorruptedModelError, KeyNotFound, ModelError, UnknownTargetError, WrongClassError
from rapyer.model.expiry import renewal_of
from rapyer.model.keys import resolve
from rapyer.model.load import Loaded, chunks_of, reader_of, reading_of, reads_of, rows_of
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.result import BrokenReference, FetchResult
from rapyer.session.executor import read_each
from rapyer.types.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer.session.clients import ClientSource
    from rapyer.types.targets import Targets

Wanted = dict[type[StoredModel], list[str]]


@dataclass(frozen=True)
class Route:
    """A field whose references are followed.

    Attributes:
        root: The class of the top-level models that have it.
        names: The names that lead to it.
    """

    root: type[StoredModel]
    names: tuple[str, ...]

    def references(self, model: StoredModel) -> Iterator[Reference[Any]]:
        """Return the references of the field in an instance; none in one of another class."""
        if isinstance(model, self.root):
            for value in _below(model, self.names):
                yield from _references_in(value)


@dataclass(frozen=True)
class Found:
    """A reference, and where it was found.

    Attributes:
        reference: The reference.
        owner: The key of the model that holds it; empty for one that no model holds.
        field: Where it stands there.
    """

    reference: Reference[Any]
    owner: str = ""
    field: str = ""


@dataclass
class Fetch:
    """One call of `rapyer.afetch_all`.

    Attributes:
        routes: The fields to follow.
        known: The instances met so far, by key: each key stands for one object.
        failed: Keys that gave no instance, and why.
        entered: The identities of the instances whose fields were looked at.
        pending: The references to what is going to be read, by key.
        wanted: Those keys by class.
        dangling: References that lead to nothing, and why.
        resolved: How many references have a target now that had none.
        loaded: How many documents were read.
        depth: How many times was read.
    """

    routes: Sequence[Route]
    known: dict[str, Any] = field(default_factory=dict)
    failed: dict[str, ModelError] = field(default_factory=dict)
    entered: set[int] = field(default_factory=set)
    pending: dict[str, list[Found]] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=dict)
    dangling: list[tuple[Found, ModelError]] = field(default_factory=list)
    resolved: int = 0
    loaded: int = 0
    depth: int = 0

    async def run(self, objects: Iterable[StoredModel | Reference[Any]], limit: int | None) -> None:
        """Follow the routes until they lead nowhere new.

        Args:
            objects: Where they start: models, and references that no model here holds.
            limit: How many times to read at most; None for no limit.
        """
        given = list(objects)
        self.known.update((str(one._rapyer_key()), one) for one in given if isinstance(one, StoredModel))
        for one in given:
            if isinstance(one, Reference):
                self._enter(self._meet(Found(one)))
            else:
                self._enter(one)
        while self.pending and (limit is None or self.depth < limit):
            await self._step()

    def result(self) -> FetchResult:
        """Return what came out."""
        dangling = tuple(broken(found, error) for found, error in self.dangling)
        return FetchResult(resolved=self.resolved, loaded=self.loaded, depth=self.depth, dangling=dangling)

    def _enter(self, model: StoredModel | None) -> None:
        """Collect the references to follow in an instance, and in those that are here already behind them."""
        ahead = [model]
        while ahead:
            model = ahead.pop()
            if model is None or id(model) in self.entered:
                continue
            self.entered.add(id(model))
            key = str(model._rapyer_key())
            self.known.setdefault(key, model)
            for route in self.routes:
                place = ".".join(route.names)
                ahead += [self._meet(Found(each, key, place)) for each in route.references(model)]

    def _meet(self, found: Found) -> StoredModel | None:
        """Return the target of a reference if it is here; else plan to read it."""
        if found.reference.is_resolved:
            target: StoredModel = found.reference.value
            return target
        try:
            cls, key = target_of(found.reference.target_key, found.reference._rapyer_targets)
        except ModelError as error:
            self.dangling.append((found, error))
            return None
        if key in self.known:
            return self._resolve(found, self.known[key])
        if key in self.failed:
            self.dangling.append((found, self.failed[key]))
        else:
            if key not in self.pending:
                self.wanted.setdefault(cls, []).append(key)
            self.pending.setdefault(key, []).append(found)
        return None

    def _resolve(self, found: Found, target: StoredModel) -> StoredModel:
        found.reference._rapyer_resolve(target)
        self.resolved += 1
        return target

    async def _step(self) -> None:
        """Read everything that is wanted, and look at what came."""
        pending, wanted = self.pending, self.wanted
        self.pending, self.wanted = {}, {}
        self.depth += 1
        models, errors = await read_all(wanted)
        self.loaded += len(models)
        self.known.update(models)
        self.failed.update(errors)
        for key, references in pending.items():
            for found in references:
                if key in models:
                    self._resolve(found, models[key])
                else:
                    self.dangling.append((found, errors[key]))
        for model in models.values():
            self._enter(model)


async def read_all(wanted: Wanted) -> tuple[dict[str, Any], dict[str, ModelError]]:
    """Read documents of any classes, in one transaction on each server.

    Args:
        wanted: Their keys by class.

    Returns:
        The instances by key, and for each other key what is wrong.
    """
    by_source: dict[ClientSource, Wanted] = {}
    for cls, keys in wanted.items():
        by_source.setdefault(registry.source_for(cls), {})[cls] = keys
    models: dict[str, Any] = {}
    errors: dict[str, ModelError] = {}
    for found, wrong in await asyncio.gather(*(_read(source, part) for source, part in by_source.items())):
        models.update(found)
        errors.update(wrong)
    return models, errors


async def _read(source: ClientSource, wanted: Wanted) -> tuple[dict[str, Any], dict[str, ModelError]]:
    parts = [(cls, chunk, reading_of(cls)) for cls, keys in wanted.items() for chunk in chunks_of(keys)]
    renewal = [command for cls, chunk, _ in parts for command in renewal_of(cls, chunk)]
    commands = [command for _, chunk, reading in parts for command in reads_of(chunk, reading)]
    replies = iter(await read_each(source, commands, renewal=renewal))
    models: dict[str, Any] = {}
    errors: dict[str, ModelError] = {}
    for cls, chunk, reading in parts:
        rows = rows_of(chunk, replies, reading)
        loaded = Loaded([], (), ()).extended(chunk, rows, reader_of(cls, reading))
        models.update((str(model._rapyer_key()), model) for model in loaded.models)
        errors.update((str(error.key), error) for error in loaded.corrupt)
        errors.update((key, not_stored(cls, key)) for key in loaded.missing)
    return models, errors


def target_of(text: str, targets: Targets) -> tuple[Any, str]:
    """Return the class and the full key that a reference's text means.

    Raises:
        ModelError: It means none: no key, one of another class, or nobody knows of what class.
    """
    declared: Any = targets.class_of(text)
    cls = registry.newest(declared) or declared
    return cls, str(resolve(cls, text))


def not_stored(cls: type[StoredModel], key: str) -> KeyNotFound:
    """Return the error for a key under which nothing is stored."""
    return KeyNotFound(f"no {cls.__name__} is stored under {key}", key=key, model=cls.__name__)


def broken(found: Found, error: ModelError) -> BrokenReference:
    """Return the report of a reference that leads to nothing."""
    return BrokenReference(
        owner=found.owner,
        field=found.field,
        target_key=found.reference.target_key,
        problem=problem_of(error),
        error=str(error),
    )


def problem_of(error: ModelError) -> Any:
    """Return the one word for what an error says of a reference."""
    kinds = {
        WrongClassError: "wrong class",
        UnknownTargetError: "unknown target",
        CorruptedModelError: "corrupt",
    }
    return next((word for kind, word in kinds.items() if isinstance(error, kind)), "missing")


def _below(value: Any, names: Sequence[str]) -> Iterator[Any]:
    """Return what names lead to, through every element of the lists and dicts on the way."""
    if not names:
        yield value
    elif isinstance(value, StoredModel):
        yield from _below(value.__dict__.get(names[0]), names[1:])
    else:
        for held in _held(value):
            yield from _below(held, names)


def _references_in(value: Any) -> Iterator[Reference[Any]]:
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, StoredModel):
        for held in value.__dict__.values():
            yield from _references_in(held)
    else:
        for held in _held(value):
            yield from _references_in(held)


def _held(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple | set | frozenset) else ()
