"""What a server says of itself, and what this notebook is."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from redis.exceptions import ResponseError

from rapyer.commands import server as commands
from rapyer.session.executor import run
from rapyer_nb.seeing.keyspace import life
from rapyer_nb.views.brief import clipped, printable
from rapyer_nb.views.note import counted
from rapyer_nb.views.report import Report
from rapyer_nb.views.table import Table
from rapyer_nb.views.view import View
from rapyer_nb.views.waterfall import sized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource
    from rapyer_nb.views.markup import Markup

R = TypeVar("R")

_NEEDED: Final = {"JSON": {"rejson", "json"}, "search": {"search", "searchlight"}}
_PACKAGES: Final = ("rapyer-nb", "redis", "pydantic", "ipython", "ipykernel", "ipywidgets")
_LENGTH: Final = 200
_COLUMNS: Final = ("what", "value")
_FULL: Final = 0.9
"""The part of its memory from which on a server is worth a warning."""


@dataclass(frozen=True)
class NodeInfo:
    """What one server says of itself.

    Attributes:
        address: Where it is, without any password.
        fields: What INFO says, by name; empty where the user may not ask.
        modules: The versions of its modules, by name; None where the user may not ask.
        keys: How many keys it holds; None where the user may not ask.
    """

    address: str
    fields: Mapping[str, str]
    modules: Mapping[str, int] | None
    keys: int | None

    def number(self, name: str) -> int:
        """Return a number out of INFO; 0 where it is not there."""
        value = self.fields.get(name, "")
        return int(value) if value.isascii() and value.isdigit() else 0

    @property
    def warnings(self) -> list[str]:
        """What could do harm."""
        found = []
        limit, policy = self.number("maxmemory"), self.fields.get("maxmemory_policy", "")
        if self.modules is not None:
            names = {name.lower() for name in self.modules}
            found += [f"without the {word} module" for word, known in _NEEDED.items() if not known & names]
        if limit and policy.startswith("allkeys"):
            found.append(f"any key is deleted when the memory is full (maxmemory-policy {policy})")
        if limit and self.number("used_memory") > _FULL * limit:
            found.append(f"{self.number('used_memory') / limit:.0%} of the memory is used")
        if self.fields.get("rdb_last_bgsave_status", "ok") != "ok":
            found.append("the last snapshot to disk failed")
        return found

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield what is worth knowing, with its name."""
        say = self.fields.get
        yield "address", self.address
        if not self.fields:
            yield "server", "this user may not ask (INFO)"
        else:
            mode = f"{say('redis_mode', 'standalone')}, {say('role', '')}"
            yield "Redis", f"{say('redis_version', '?')}, {mode}"
            yield "up for", life(self.number("uptime_in_seconds"))
        if self.modules is not None:
            named = (f"{name} {_version(version)}" for name, version in self.modules.items())
            yield "modules", ", ".join(named) or "none"
        if self.fields:
            yield from self._memory()
        if self.keys is not None:
            yield "keys", f"{self.keys:,}{self._database()}"
        if self.fields:
            waiting = f"{say('blocked_clients', '?')} waiting"
            yield "clients", f"{say('connected_clients', '?')} connected, {waiting}"
            yield "work", self._work()
            yield "on disk", self._disk()

    def _memory(self) -> Iterator[tuple[str, str]]:
        peak = sized(self.number("used_memory_peak"))
        yield "memory", f"{sized(self.number('used_memory'))} used, {peak} at most so far"
        limit = self.number("maxmemory")
        most = sized(limit) if limit else "none"
        yield "memory limit", f"{most}, {self.fields.get('maxmemory_policy', '?')}"

    def _database(self) -> str:
        gone = [
            f"{self.number(name):,} {word}"
            for name, word in (("expired_keys", "expired"), ("evicted_keys", "evicted"))
            if self.number(name)
        ]
        return f" in this database; {', '.join(gone)} since the start" if gone else " in this database"

    def _work(self) -> str:
        hits, misses = self.number("keyspace_hits"), self.number("keyspace_misses")
        found = f", {hits / (hits + misses):.0%} of reads find a key" if hits + misses else ""
        return f"{self.number('instantaneous_ops_per_sec'):,} commands/s{found}"

    def _disk(self) -> str:
        log = self.fields.get("aof_enabled") == "1"
        unsaved = counted(self.number("rdb_changes_since_last_save"), "change")
        return f"{unsaved} since the last dump; append-only {'on' if log else 'off'}"


@dataclass(frozen=True, repr=False)
class ServerInfo(View):
    """What the server says of itself, or each of a cluster, and the versions that run here.

    Attributes:
        nodes: The servers.
        versions: The packages here, and Python.
        origin: How the connection was chosen, if that is known.
    """

    nodes: tuple[NodeInfo, ...]
    versions: Mapping[str, str]
    origin: str = ""

    def text(self) -> str:
        """Return tables, and the warnings below."""
        return self._report().text()

    def body(self) -> Markup:
        """Return tables, and the warnings below."""
        return self._report().body()

    @property
    def warnings(self) -> list[str]:
        """What could do harm."""
        return [warning for node in self.nodes for warning in node.warnings]

    def _report(self) -> Report:
        several = len(self.nodes) > 1
        tables = [
            Table(f"Server {number}" if several else "Server", _COLUMNS, _cells(node))
            for number, node in enumerate(self.nodes, 1)
        ]
        tables.append(Table("Here", _COLUMNS, list(self.versions.items())))
        where = self.nodes[0].address if self.nodes else "nowhere"
        origin = f", from {self.origin}" if self.origin else ""
        verdict = f"{counted(len(self.nodes), 'server')}: {where}{', …' if several else ''}{origin}"
        return Report(verdict, tables, [f"⚠ {warning}" for warning in self.warnings])


async def server_info(source: ClientSource, origin: str = "") -> ServerInfo:
    """Ask a server, or each primary of a cluster, about itself (INFO, MODULE LIST, DBSIZE).

    Args:
        source: The server.
        origin: How it was chosen.

    Returns:
        What it says; what the user may not ask for is left out.
    """
    nodes = await source.router.on_each(_asked_on)
    return ServerInfo(tuple(nodes), _versions(), origin)


async def _asked_on(server: ClientSource) -> NodeInfo:
    fields = await _asked(server, commands.everything()) or {}
    modules = await _asked(server, commands.modules())
    keys = await _asked(server, commands.count_keys())
    return NodeInfo(server.describe(), fields, modules, keys)


async def _asked(source: ClientSource, command: Command[R]) -> R | None:
    try:
        return await run(source, command)
    except ResponseError:  # the rules of the server do not let this connection ask
        return None


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _cells(node: NodeInfo) -> list[tuple[str, str]]:
    return [(name, clipped(printable(value), _LENGTH)) for name, value in node.rows()]


def _version(number: int) -> str:
    """Return a module's version, which is told as 10000 major + 100 minor + patch."""
    return f"{number // 10_000}.{number // 100 % 100}.{number % 100}"
