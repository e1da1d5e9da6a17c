"""The keys of a server: found by a pattern, and looked at without reading them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from rapyer.commands.companion import SPECIAL_FIELD_KEY_PREFIX, main_of
from rapyer.commands.keys import glob_escape
from rapyer.commands.looking import Look, look_at, scan_keys
from rapyer.commands.server import count_keys
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.session.executor import execute, run
from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.note import counted, lasted
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View
from rapyer_nb.views.waterfall import sized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

    Told = Callable[[int, int | None], object]
    """Is told how much is done, and of how much."""
    from rapyer_nb.views.markup import Markup

PER_SCAN: Final = 1000
"""How many keys the server looks at before it answers anybody else."""

PER_LOOK: Final = 200
"""How many keys are looked at in one round trip."""

_KEY_LENGTH: Final = 120


@dataclass(frozen=True)
class KeyFacts:
    """What is known of a key.

    Attributes:
        key: The key.
        kind: Its type, as the server names it.
        model: The name of the class whose document it is, or beside whose document it is; else empty.
        seconds: How long it has left; None for no end.
        size: The bytes of memory that it takes; None where the server does not tell.
    """

    key: str
    kind: str
    model: str
    seconds: float | None
    size: int | None


@dataclass(frozen=True, repr=False)
class FoundKeys(View):
    """Keys that match a pattern.

    Attributes:
        about: What was looked for.
        rows: The keys, in order.
        stored: How many keys there are on the server.
        complete: Whether these are all that match.
        elapsed: The seconds that it took.
        display_limit: How many are shown.
    """

    about: str
    rows: tuple[KeyFacts, ...]
    stored: int
    complete: bool
    elapsed: float
    display_limit: int = 20

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[KeyFacts]:
        return iter(self.rows)

    def text(self) -> str:
        """Return a table."""
        return self._table().text()

    def body(self) -> Markup:
        """Return a table."""
        return self._table().body()

    def _table(self) -> Table:
        columns = ("key", "type", "model", "TTL", "memory")
        rows = [_cells(row) for row in self.rows[: self.display_limit]]
        return Table(f"Keys {clipped(printable(self.about), 60)}", columns, rows, self._footer())

    def _footer(self) -> str:
        number = counted(len(self.rows), "key") if self.rows else "no key matches"
        if len(self.rows) > self.display_limit:
            number += f" (first {self.display_limit:,} shown)"
        more = "" if self.complete else ", and there are more (--limit N, --all)"
        return f"{number}{more}; {counted(self.stored, 'key')} on the server, {lasted(self.elapsed)}"


@dataclass(frozen=True)
class Wanted:
    """Which keys are looked for.

    Args:
        source: The server.
        patterns: Globs that keys may match.
        about: What to call that.
        model: The class that they belong to; None for any, and none.
    """

    source: ClientSource
    patterns: tuple[str, ...]
    about: str
    model: type[StoredModel] | None = None

    @classmethod
    def of(cls, pattern: str | type[StoredModel], source: ClientSource) -> Wanted:
        """Return what a pattern stands for, or a class: its documents, and the keys beside them.

        Args:
            pattern: A glob, such as `User:*`, or the class.
            source: The server for a glob.
        """
        if isinstance(pattern, str):
            return cls(source, (pattern,), pattern)
        initials = glob_escape(f"{pattern.class_key_initials()}:")
        patterns = [f"{initials}*"]
        if spec_of(pattern).companions:
            patterns.append(f"{SPECIAL_FIELD_KEY_PREFIX}:*{initials}*")
        return cls(registry.source_for(pattern), tuple(patterns), f"of {pattern.__name__}", pattern)

    def keeps(self, key: str) -> bool:
        """Tell whether a key that matches belongs to the class that is looked for."""
        if self.model is None:
            return True
        owner = owner_of(key, self.source)
        return owner is not None and owner.__name__ == self.model.__name__


async def find_keys(wanted: Wanted, limit: int | None = None, told: Told | None = None) -> FoundKeys:
    """Find keys (SCAN, DBSIZE) and look at each (TYPE, PTTL, MEMORY USAGE, in a script).

    Args:
        wanted: Which keys.
        limit: How many are enough; None for all.
        told: Is told how many keys the server has looked at.
    """
    start = time.perf_counter()
    source = wanted.source
    stored = await stored_keys(source)
    found: list[str] = []
    for pattern in wanted.patterns:
        enough = None if limit is None else limit + 1 - len(found)
        found += await scanned(source, pattern, enough, told, stored, wanted.keeps)
    chosen = sorted(found)[:limit]
    looks = await looked_at(source, chosen)
    rows = [facts(source, key, look) for key, look in zip(chosen, looks, strict=True)]
    # What has expired between the two is not there any more.
    there = tuple(row for row in rows if row.kind != "none")
    return FoundKeys(wanted.about, there, stored, len(found) == len(chosen), time.perf_counter() - start)


async def stored_keys(source: ClientSource) -> int:
    """Return how many keys a server holds, all primaries of a cluster together (DBSIZE)."""
    return sum(await source.router.on_each(lambda server: run(server, count_keys())))


async def scanned(
    source: ClientSource,
    pattern: str = "*",
    enough: int | None = None,
    told: Told | None = None,
    stored: int | None = None,
    keeps: Callable[[str], bool] | None = None,
    kind: str | None = None,
) -> list[str]:
    """Return the keys that match a pattern, each once (SCAN).

    Args:
        source: The server.
        pattern: A glob.
        enough: After how many to stop.
        told: Is told how many keys the server has looked at, and of how many.
        stored: How many there are.
        keeps: Tells whether a key that matches is wanted.
        kind: The type that the keys have, as the server names it; None for any.
    """
    ask = partial(
        _scanned_on, pattern=pattern, enough=enough, told=told, stored=stored, keeps=keeps, kind=kind
    )
    found = dict.fromkeys(key for keys in await source.router.on_each(ask) for key in keys)
    return list(found)[:enough]


async def _scanned_on(
    server: ClientSource,
    pattern: str,
    enough: int | None,
    told: Told | None,
    stored: int | None,
    keeps: Callable[[str], bool] | None,
    kind: str | None,
) -> dict[str, None]:
    found: dict[str, None] = {}
    cursor = seen = 0
    while enough is None or len(found) < enough:
        cursor, batch = await run(server, scan_keys(cursor, pattern, PER_SCAN, kind))
        found.update(dict.fromkeys(filter(keeps, batch) if keeps else batch))  # SCAN may name a key twice
        seen += PER_SCAN
        if told is not None:
            told(seen if stored is None else min(seen, stored), stored)
        if cursor == 0:
            break
    return found


async def looked_at(source: ClientSource, keys: Sequence[str], told: Told | None = None) -> list[Look]:
    """Look at keys without reading them (TYPE, PTTL, MEMORY USAGE, in a script for each key).

    Args:
        source: The server.
        keys: The keys.
        told: Is told how many were looked at, and of how many.
    """
    looks: list[Look] = []
    for start in range(0, len(keys), PER_LOOK):
        looks += await execute(source, [look_at(key) for key in keys[start : start + PER_LOOK]])
        if told is not None:
            told(len(looks), len(keys))
    return looks


def facts(source: ClientSource, key: str, look: Look) -> KeyFacts:
    """Return what is known of a key that was looked at."""
    owner = owner_of(key, source)
    seconds = None if look.left is None else look.left / 1000
    return KeyFacts(key, look.kind, "" if owner is None else owner.__name__, seconds, look.size)


def owner_of(key: str, source: ClientSource) -> type[StoredModel] | None:
    """Return the class that a key of a server belongs to, as a document or beside one."""
    owner = registry.owner_of(main_of(key) or key)
    return owner if owner is not None and registry.source_for(owner) == source else None


def life(seconds: float | None) -> str:
    """Return a time to live such as `45 s`, `59 min` or `3 d`; empty for no end."""
    if seconds is None:
        return ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _cells(row: KeyFacts) -> tuple[str, ...]:
    size = "" if row.size is None else sized(row.size)
    kind = {"ReJSON-RL": "JSON", "zset": "sorted set"}.get(row.kind, row.kind)
    return (clipped(printable(row.key), _KEY_LENGTH), kind, row.model, life(row.seconds), size)
