"""The model classes: how many documents each has, how its index is, how long its documents live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import rapyer
from rapyer.actions import ActionGroup
from rapyer.errors import FindError, MissingModuleError
from rapyer.model.portions import list_keys, longer_prefixes
from rapyer.model.registry import registry
from rapyer.search.index import declared
from rapyer_nb.seeing.keyspace import life
from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.note import counted
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer import AtomicRedisModel
    from rapyer.search.drift import ModelIndex
    from rapyer_nb.seeing.keyspace import Told
    from rapyer_nb.views.markup import Markup

_NO_INDEX: Final = "no indexed field"
_LENGTH: Final = 120


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model class.

    Attributes:
        model: The class.
        documents: How many are stored.
        index: How its index is, such as "up to date" or "missing".
        indexed: The names of the indexed fields.
        ttl: After how many seconds its documents end; None for never.
        renewal: What starts that time anew; empty where there is no such time.
        prefix: What its keys start with.
        server: Where it is stored, without any password.
    """

    model: type[AtomicRedisModel]
    documents: int
    index: str
    indexed: tuple[str, ...]
    ttl: int | None
    renewal: str
    prefix: str
    server: str


@dataclass(frozen=True, repr=False)
class Overview(View):
    """The model classes that are known.

    Attributes:
        rows: Each of them.
    """

    rows: tuple[ModelFacts, ...]

    def __iter__(self) -> Iterator[ModelFacts]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> ModelFacts:
        return {row.model.__name__: row for row in self.rows}[name]

    def text(self) -> str:
        """Return a table."""
        return self._table().text()

    def body(self) -> Markup:
        """Return a table."""
        return self._table().body()

    def _table(self) -> Table:
        servers = {row.server for row in self.rows}
        columns = ["model", "documents", "index", "indexed fields", "TTL", "keys"]
        rows = [_cells(row) for row in self.rows]
        if len(servers) > 1:
            columns.append("server")
            rows = [(*cells, row.server) for cells, row in zip(rows, self.rows, strict=True)]
        return Table("Models", columns, rows, self._footer(servers))

    def _footer(self, servers: set[str]) -> str:
        if not self.rows:
            return "no model is defined yet: class User(AtomicRedisModel): …"
        total = sum(row.documents for row in self.rows)
        place = f" on {next(iter(servers))}" if len(servers) == 1 else ""
        stale = [row for row in self.rows if row.index not in {"up to date", _NO_INDEX}]
        advice = "; %rapyer_index plan tells what is to be done" if stale else ""
        return f"{counted(len(self.rows), 'model')}, {counted(total, 'document')}{place}{advice}"


async def overview(models: Iterable[type[AtomicRedisModel]], told: Told | None = None) -> Overview:
    """Look at classes (FT.INFO, FT._LIST; SCAN for those without an index that is up to date).

    Args:
        models: The classes.
        told: Is told how many classes were looked at, and of how many.
    """
    classes = list(models)
    rows: list[ModelFacts] = []
    for model in classes:
        rows.append(await _facts(model))
        if told is not None:
            told(len(rows), len(classes))
    return Overview(tuple(rows))


async def _facts(model: type[AtomicRedisModel]) -> ModelFacts:
    source = registry.source_for(model)
    indexes, state = await _index_of(model)
    # Documents that an index of all keys with this prefix holds may be those of another class.
    if indexes and state == "up to date" and not longer_prefixes(model):
        documents = sum(index.documents + index.failures for index in indexes)
    else:
        documents = len(await list_keys(model, source))
    ttl = registry.ttl_of(model)
    return ModelFacts(
        model,
        documents,
        state,
        indexed_fields(model),
        ttl,
        "" if ttl is None else renewal_of(model),
        f"{model.class_key_initials()}:",
        source.describe(),
    )


async def _index_of(model: type[AtomicRedisModel]) -> tuple[tuple[ModelIndex, ...], str]:
    try:
        indexes = (await rapyer.aindex_plan(model)).indexes
    except MissingModuleError:
        return (), "no search module"
    except FindError as error:  # a field is declared with an index that its type does not allow
        return (), f"⚠ {error}"
    states: dict[str, None] = dict.fromkeys(index.state for index in indexes)
    failures = sum(index.failures for index in indexes)
    told = ", ".join(states) or _NO_INDEX
    return indexes, f"{told}, {counted(failures, 'document')} not in it" if failures else told


def indexed_fields(model: type[AtomicRedisModel]) -> tuple[str, ...]:
    """Return the names of the indexed fields of a class, those of inner models with dots."""
    try:
        return tuple(dict.fromkeys(name.partition(":")[0] for name, _, _ in declared(model)))
    except FindError:
        return ()


def renewal_of(model: type[AtomicRedisModel]) -> str:
    """Return what starts the time to live of the documents of a class anew, in words."""
    chosen = model.Meta.refresh_ttl
    if isinstance(chosen, ActionGroup):
        names = [str(group.name).lower() for group in ActionGroup if group.value & chosen.value]
        return f"renewed by {', '.join(names)}"
    return "renewed by every operation" if chosen else "never renewed"


def _cells(row: ModelFacts) -> tuple[str, ...]:
    time = f"{life(row.ttl)}, {row.renewal}" if row.ttl is not None else "none"
    index, fields = clipped(printable(row.index), _LENGTH), clipped(", ".join(row.indexed), _LENGTH)
    return (row.model.__name__, f"{row.documents:,}", index, fields, time, row.prefix)
