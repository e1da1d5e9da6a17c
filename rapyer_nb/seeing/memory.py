"""How much memory the documents of each class take, with what lives beside them, and their indexes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from redis.exceptions import ResponseError

from rapyer.codec.replies import index_bytes
from rapyer.commands import search
from rapyer.commands.companion import main_of
from rapyer.commands.content import DOCUMENT
from rapyer.model.registry import registry
from rapyer.search.index import declared, name_on
from rapyer.session.executor import run
from rapyer_nb.seeing.keyspace import looked_at, owner_of, scanned, stored_keys
from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.note import counted
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View
from rapyer_nb.views.waterfall import sized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.seeing.keyspace import Told
    from rapyer_nb.views.markup import Markup

OTHERS: Final = "(other keys)"
"""What stands for keys that belong to no class."""

_KEY_LENGTH: Final = 60


@dataclass
class MemoryUse:
    """What the keys of one class take.

    Attributes:
        name: The name of the class.
        documents: How many documents there are; of other keys, how many keys.
        beside: How many keys live beside them.
        measured: How many of all these keys were measured.
        bytes: What the measured ones take; in fact, or scaled up to all of them.
        largest: The key that takes the most.
        largest_bytes: How much that is.
        index_bytes: What the index takes.
    """

    name: str
    documents: int = 0
    beside: int = 0
    measured: int = 0
    bytes: int = 0
    largest: str = ""
    largest_bytes: int = 0
    index_bytes: int = 0

    @property
    def estimated(self) -> bool:
        """Whether not all keys were measured."""
        return self.measured < self.documents + self.beside

    @property
    def mean(self) -> int:
        """What a document takes on the average, with what lives beside it."""
        return self.bytes // self.documents if self.documents else 0

    def cells(self) -> tuple[str, ...]:
        """Return a row of a table."""
        about = "≈ " if self.estimated else ""
        largest = f"{sized(self.largest_bytes)} {clipped(printable(self.largest), _KEY_LENGTH)}"
        return (
            self.name,
            f"{self.documents:,}",
            f"{self.beside:,}" if self.beside else "",
            f"{about}{sized(self.bytes)}",
            f"{about}{sized(self.mean)}",
            sized(self.index_bytes) if self.index_bytes else "",
            largest if self.largest else "",
        )


@dataclass(frozen=True, repr=False)
class MemoryReport(View):
    """What the keys of each class take, the most first.

    Attributes:
        rows: The classes, and the other keys.
        server: Where, without any password.
    """

    rows: tuple[MemoryUse, ...]
    server: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[MemoryUse]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> MemoryUse:
        return {row.name: row for row in self.rows}[name]

    @property
    def total(self) -> int:
        """What all of it takes, indexes included."""
        return sum(row.bytes + row.index_bytes for row in self.rows)

    def text(self) -> str:
        """Return a table."""
        return self._table().text()

    def body(self) -> Markup:
        """Return a table."""
        return self._table().body()

    def _table(self) -> Table:
        columns = ("model", "documents", "keys beside", "memory", "mean", "index", "largest")
        keys = sum(row.documents + row.beside for row in self.rows)
        scaled = any(row.estimated for row in self.rows)
        note = "; ≈ is scaled up from a sample" if scaled else ""
        footer = f"{sized(self.total)} for {counted(keys, 'key')} on {self.server}{note}"
        return Table("Memory", columns, [row.cells() for row in self.rows], footer)


@dataclass
class _Sorted:
    """The keys of a server by the class that they belong to."""

    documents: dict[str, list[str]] = field(default_factory=dict)
    beside: dict[str, list[str]] = field(default_factory=dict)

    def add(self, key: str, source: ClientSource, *, is_json: bool) -> None:
        """Take up a key; of those that begin as a class's only JSON is a document, not what locks leave."""
        owner = owner_of(key, source)
        name = OTHERS if owner is None else owner.__name__
        is_beside = owner is not None and (not is_json or main_of(key) is not None)
        group = self.beside if is_beside else self.documents
        group.setdefault(name, []).append(key)


async def memory_of(
    source: ClientSource,
    models: Sequence[type[AtomicRedisModel]] = (),
    *,
    known: Iterable[type[AtomicRedisModel]] = (),
    sample: int | None = None,
    told: Told | None = None,
) -> MemoryReport:
    """Measure what the keys of classes take (SCAN, DBSIZE; TYPE, PTTL and MEMORY USAGE in a script; FT.INFO).

    Args:
        source: The server; classes whose `Meta` names another one are left out.
        models: The classes; all that are known, and the other keys, if there are none.
        known: The classes that are known.
        sample: How many keys of each class are measured at the most; the rest is estimated. None for all.
        told: Is told how many keys were measured, and of how many.
    """
    sorted_keys = _Sorted()
    stored = await stored_keys(source)
    json = set(await scanned(source, stored=stored, kind=DOCUMENT))
    for key in await scanned(source, stored=stored):
        sorted_keys.add(key, source, is_json=key in json)
    classes = [model for model in models or known if registry.source_for(model) == source]
    names = [model.__name__ for model in classes]
    if not models and OTHERS in sorted_keys.documents:
        names.append(OTHERS)
    progress = _Progress(told, _wanted(sorted_keys, names, sample))
    uses = [await _measured(source, name, sorted_keys, sample, progress) for name in names]
    for model, use in zip(classes, uses, strict=False):
        use.index_bytes = await _index_size(source, model)
    there = [use for use in uses if models or use.documents or use.index_bytes]
    rows = sorted(there, key=lambda use: use.bytes, reverse=True)
    return MemoryReport(tuple(rows), source.describe())


@dataclass
class _Progress:
    told: Told | None
    total: int
    done: int = 0

    def __call__(self, done: int, total: int | None) -> None:
        if self.told is not None:
            self.told(self.done + done, self.total)


def _wanted(keys: _Sorted, names: Sequence[str], sample: int | None) -> int:
    groups = [group.get(name, []) for name in names for group in (keys.documents, keys.beside)]
    return sum(len(group[:sample]) for group in groups)


async def _measured(
    source: ClientSource, name: str, keys: _Sorted, sample: int | None, progress: _Progress
) -> MemoryUse:
    use = MemoryUse(name)
    for group in (keys.documents.get(name, []), keys.beside.get(name, [])):
        chosen = list(islice(group, sample))
        looks = await looked_at(source, chosen, progress)
        progress.done += len(chosen)
        sizes = [look.size or 0 for look in looks]
        use.bytes += sum(sizes) * len(group) // len(chosen) if chosen else 0
        use.measured += len(chosen)
        for key, size in zip(chosen, sizes, strict=True):
            if size > use.largest_bytes:
                use.largest, use.largest_bytes = key, size
    use.documents = len(keys.documents.get(name, []))
    use.beside = len(keys.beside.get(name, []))
    return use


async def _index_size(source: ClientSource, model: type[AtomicRedisModel]) -> int:
    if not any(declared(model)):
        return 0
    return sum(await source.router.on_each(lambda server: _index_size_on(server, model), searching=True))


async def _index_size_on(server: ClientSource, model: type[AtomicRedisModel]) -> int:
    try:
        return index_bytes(await run(server, search.index_info(name_on(server, model))))
    except ResponseError:  # there is no such index, or no search module
        return 0
