"""Reading the references of stored instances from where they stand, without the rest of the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rapyer.commands import keys
from rapyer.commands.references import decoded, get_matches, members_of
from rapyer.errors import WrongTypeError
from rapyer.model.portions import KEYS_PER_SCAN
from rapyer.model.registry import registry
from rapyer.session.executor import attempt, run
from rapyer.session.faults import checked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.model.edges import Edge
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


class EdgeReader:
    """Reads what stands at some of the places where a class holds references.

    Args:
        edges: The places, all of one class.
    """

    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = edges
        self._paths = list(dict.fromkeys(edge.path for edge in edges if edge.companion is None))

    def commands(self, key: str) -> list[Command[Any]]:
        """Return what reads the references of one instance: those in its document, then each companion."""
        reads: list[Command[Any]] = [get_matches(key, self._paths)] if self._paths else []
        companions = [(edge.companion, edge.store) for edge in self.edges if edge.companion is not None]
        reads += [members_of(one.key(key), queue=store == "queue") for one, store in companions]
        return reads

    async def read(self, source: ClientSource, keys: Sequence[str]) -> list[Held]:
        """Return the references of some instances, read in one round trip."""
        replies = iter(await attempt(source, [command for key in keys for command in self.commands(key)]))
        return [held for key in keys for held in self.held(key, replies)]

    def held(self, key: str, replies: Iterator[Any]) -> Iterator[Held]:
        """Give the references of an instance.

        Args:
            key: Its key.
            replies: The raw replies to `commands`, errors among them; what is left stays in it.

        Raises:
            ServerError: The server refused to tell. A key of another type holds no references.
        """
        values = [_values(command, next(replies)) for command in self.commands(key)]
        matches = dict(zip(self._paths, values[0], strict=True)) if self._paths and values[0] else {}
        outside = iter(values[1:] if self._paths else values)
        for edge in self.edges:
            found = matches.get(edge.path, []) if edge.companion is None else next(outside)
            for text in _texts(found, nested=edge.store == "texts"):
                yield Held(key, edge, text)


def _values(command: Command[Any], reply: Any) -> list[Any]:
    try:
        values: list[Any] = checked(command, reply)
    except WrongTypeError:
        return []
    return values


def _texts(values: Sequence[Any], *, nested: bool) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            text = decoded(value) if nested else value
            if isinstance(text, str):
                yield text


async def stored_keys(
    cls: type[StoredModel], server: ClientSource, size: int = INSTANCES_PER_READ
) -> AsyncIterator[Sequence[str]]:
    """Yield the keys of the instances that a server has, so many at a time (SCAN, which may repeat some)."""
    prefix = f"{cls.class_key_initials()}:"
    others = registry.longer_prefixes(prefix)
    cursor = -1
    while cursor:
        cursor, met = await run(server, keys.scan_documents(max(cursor, 0), prefix, KEYS_PER_SCAN))
        own = [key for key in dict.fromkeys(met) if not key.startswith(others)]
        for start in range(0, len(own), size):
            yield own[start : start + size]
