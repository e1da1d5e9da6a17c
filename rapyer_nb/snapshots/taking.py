"""Reading all that documents hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rapyer.commands.content import NOTHING, capture
from rapyer.model.portions import list_keys
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.session.executor import transact
from rapyer_nb.errors import NotebookError
from rapyer_nb.snapshots.snapshot import Kept, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource

    Told = Callable[[int, int], object]
    """Is told how many documents were dealt with so far, and of how many."""

_CHUNK: Final = 100
"""How many documents are read in one transaction, during which the server answers nobody else."""


@dataclass(frozen=True)
class Scope:
    """Which documents are looked at.

    Args:
        whole: The classes of which all documents are.
        single: Keys of single documents, each with its class.
    """

    whole: tuple[type[AtomicRedisModel], ...] = ()
    single: Mapping[str, type[AtomicRedisModel]] | None = None

    @classmethod
    def of(cls, given: Iterable[Any], known: Iterable[type[AtomicRedisModel]] = ()) -> Scope:
        """Return the scope for classes and instances; where none is given, all classes that are known.

        Args:
            given: Classes and instances.
            known: The classes that the library knows.
        """
        whole: dict[type[AtomicRedisModel], None] = {}
        single: dict[str, type[AtomicRedisModel]] = {}
        for one in given:
            if isinstance(one, type):
                whole[one] = None
            else:
                single[str(one.key)] = type(one)
        if not whole and not single:
            whole = dict.fromkeys(known)
        if not whole and not single:
            raise NotebookError(
                "there are no models", hint="define one first: class User(AtomicRedisModel): …"
            )
        return cls(tuple(whole), {key: kind for key, kind in single.items() if kind not in whole})

    @property
    def models(self) -> tuple[type[AtomicRedisModel], ...]:
        """All classes, each once."""
        return tuple(dict.fromkeys((*self.whole, *(self.single or {}).values())))

    def covers(self, key: str, model: str) -> bool:
        """Tell whether it has a document in view, given its key and the name of its class."""
        return any(kind.__name__ == model for kind in self.whole) or key in (self.single or {})

    def server(self) -> str:
        """Return the addresses of the servers, without any password."""
        return ", ".join(dict.fromkeys(registry.source_for(model).describe() for model in self.models))

    async def keys(self) -> dict[type[AtomicRedisModel], list[str]]:
        """Return the keys of the documents of each class (SCAN)."""
        found: dict[type[AtomicRedisModel], list[str]] = {}
        for model in self.whole:
            found[model] = [str(key) for key in await list_keys(model, registry.source_for(model))]
        for key, model in (self.single or {}).items():
            found.setdefault(model, []).append(key)
        return found


async def take(scope: Scope, name: str = "now", *, told: Told | None = None) -> Snapshot:
    """Read all documents of a scope, with what lives beside them and how long they have left.

    Sends SCAN for each class, and a script for each document (JSON.GET, SMEMBERS, ZRANGE, PTTL), a hundred
    in a round trip. What an open pipeline has queued is not seen.

    Args:
        scope: Which documents.
        name: What the snapshot is called.
        told: Is told of progress.
    """
    documents: dict[str, Kept] = {}
    wanted = await scope.keys()
    total = sum(map(len, wanted.values()))
    for model, keys in wanted.items():
        for start in range(0, len(keys), _CHUNK):
            documents.update(await capture_keys(model, keys[start : start + _CHUNK]))
            if told is not None:
                told(len(documents), total)
    stored = {key: kept for key, kept in documents.items() if kept.document.kind != NOTHING}
    return Snapshot(name, datetime.now(), scope, stored, scope.server())


async def capture_keys(model: type[AtomicRedisModel], keys: Sequence[str]) -> dict[str, Kept]:
    """Read documents of a class by their keys, missing ones included.

    Args:
        model: The class.
        keys: The keys of the documents.
    """
    found: dict[str, Kept] = {}
    source = registry.source_for(model)
    for start in range(0, len(keys), _CHUNK):
        found.update(await _captured(source, model, keys[start : start + _CHUNK]))
    return found


async def _captured(
    source: ClientSource, model: type[AtomicRedisModel], keys: Sequence[str]
) -> dict[str, Kept]:
    places = [places_of(model, key) for key in keys]
    replies = await transact(source, [capture(list(place.values())) for place in places])
    return {
        key: Kept(model.__name__, dict(zip(place, contents, strict=True)), place)
        for key, place, contents in zip(keys, places, replies, strict=True)
    }


def places_of(model: type[AtomicRedisModel], key: str) -> dict[str, str]:
    """Return the keys of a model: its document's under `""`, those beside it by the name of the field."""
    return {"": key, **{companion.name: companion.key(key) for companion in spec_of(model).companions}}
