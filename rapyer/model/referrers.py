"""Finding the stored models that refer to one: references followed backwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.errors import ModelError, UnknownTargetError
from rapyer.model.edges import Edge, edges_of
from rapyer.model.held import INSTANCES_PER_READ, EdgeReader, stored_keys
from rapyer.model.keys import primary_key_of
from rapyer.model.load import load_many, report_skipped
from rapyer.model.references import target_of
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

Places = dict[Any, list[Edge]]
"""Classes, and places where they hold references."""


def all_places(target: type[Any]) -> Places:
    """Return every place of the registered classes where a reference to a class may stand."""
    return admitting({cls: list(edges_of(cls)) for cls in registry.snapshot()}, target)


def places_below(root: type[StoredModel], path: str) -> Places:
    """Return the places at and below a field of a class, and of its registered subclasses.

    Args:
        root: The class.
        path: The field as a dotted name.
    """
    subclasses = (cls for cls in registry.snapshot() if issubclass(cls, root))
    classes = dict.fromkeys((registry.newest(root) or root, *subclasses))
    return {cls: [edge for edge in edges_of(cls) if edge.is_below(path)] for cls in classes}


def admitting(places: Places, target: type[Any]) -> Places:
    """Return those of the places where a reference to a class may stand."""
    admitted = {cls: [edge for edge in edges if edge.targets.admits(target)] for cls, edges in places.items()}
    return {cls: edges for cls, edges in admitted.items() if edges}


async def find_referrers(target: type[Any], key: str, places: Places, limit: int | None) -> list[Any]:
    """Return the stored instances that refer to one by some of their fields, ordered by their keys.

    Of each class the references are read of `INSTANCES_PER_READ` instances in one round trip (SCAN; JSON.GET,
    SMEMBERS, ZRANGE), and then those instances are loaded that refer to it.

    Args:
        target: The class of that one.
        key: Its full key; nothing needs to be stored there.
        places: Where the references may stand, by class.
        limit: The most instances to return; None for all.
    """
    owners: dict[str, Any] = {}
    for cls, edges in places.items():
        search = _Search(cls, EdgeReader(edges), {edge: _texts_of(edge, target, key) for edge in edges})
        for found in await registry.source_for(cls).router.on_each(search.on):
            owners.update(dict.fromkeys(found, cls))
    wanted = sorted(owners)[:limit]
    by_class: dict[Any, list[str]] = {}
    for owner in wanted:
        by_class.setdefault(owners[owner], []).append(owner)
    models = await _loaded(by_class)
    return [models[owner] for owner in wanted if owner in models]


@dataclass(frozen=True)
class _Search:
    """A search for the instances of a class that hold one of some texts.

    Attributes:
        cls: The class.
        reader: Reads what stands at its places.
        texts: What is searched for at each place.
    """

    cls: Any
    reader: EdgeReader
    texts: Mapping[Edge, frozenset[str]]

    async def on(self, server: ClientSource) -> list[str]:
        """Return the keys of those that a server has."""
        found: dict[str, None] = {}
        async for chunk in stored_keys(self.cls, server, INSTANCES_PER_READ):
            found.update(dict.fromkeys(await self._in(chunk)))
        return list(found)

    async def _in(self, chunk: Sequence[str]) -> Iterable[str]:
        held = await self.reader.read(registry.source_for(self.cls), chunk)
        return [one.owner for one in held if one.text in self.texts[one.edge]]


def _texts_of(edge: Edge, target: type[Any], key: str) -> frozenset[str]:
    """Return how a reference to a key may be written at a place: as it is, and as its primary key alone."""
    return frozenset(text for text in (key, primary_key_of(target, key)) if _means(edge, text, key))


def _means(edge: Edge, text: str, key: str) -> bool:
    try:
        return target_of(text, edge.targets)[1] == key
    except UnknownTargetError:
        return text == key  # a reference that does not say what it names
    except ModelError:
        return False


async def _loaded(by_class: Mapping[Any, Sequence[str]]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for cls, keys in by_class.items():
        loaded = await load_many(cls, registry.source_for(cls), keys)
        report_skipped("rapyer.areferrers", loaded)
        models.update((str(model._rapyer_key()), model) for model in loaded.models)
    return models
