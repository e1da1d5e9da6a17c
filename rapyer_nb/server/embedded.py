"""The embedded server as the rest of the toolkit sees it."""

import os
import select
import sys
import warnings
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from rapyer_nb.server.candidates import SERVER_VARIABLE, find_candidates
from rapyer_nb.server.contact import Contact, join, spawn
from rapyer_nb.server.errors import EmbeddedServerError, EmbeddedServerWarning, nothing_serves
from rapyer_nb.server.keeper.locks import FileLock
from rapyer_nb.server.keeper.messages import Attempt, Request
from rapyer_nb.server.leases import Lease, leases
from rapyer_nb.server.places import Place, has_kept_server, private_place, project_root, shared_place

# Long enough for one process to hand over to the next, too short for a restarted kernel, which begins anew.
GRACE_SECONDS = 0.5
STARTER_SECONDS = 60.0


class EmbeddedServer:
    """A handle on a running server; the server ends when no process holds one any more.

    A context manager: leaving it closes the handle.
    """

    def __init__(self, place: str, lease: Lease) -> None:
        self._place = place
        self._lease = lease
        self._state = lease.state
        self._owner: int | None = os.getpid()

    @property
    def url(self) -> str:
        """The URL for clients, with the password where there is one (only a server with a port has)."""
        return self._url(self._state.password)

    @property
    def version(self) -> str:
        """The version of Redis."""
        return self._state.version

    @property
    def data(self) -> Path | None:
        """The directory where data is kept; none if it ends with the server."""
        return Path(self._state.data) if self._state.data else None

    @property
    def socket(self) -> Path:
        """The server's unix socket."""
        return Path(self._state.socket)

    @property
    def port(self) -> int | None:
        """The loopback port, if one was asked for."""
        return self._state.port

    @property
    def pid(self) -> int:
        """The process id of redis-server."""
        return self._state.pid

    @property
    def executable(self) -> Path:
        """The redis-server that runs."""
        return Path(self._state.executable)

    @property
    def alive(self) -> bool:
        """Whether this handle is open and the server runs."""
        return self._owner == os.getpid() and self._lease.alive()

    def describe(self) -> str:
        """Return the URL without the password."""
        return self._url("***" if self._state.password else None)

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end of the server; return whether it has ended."""
        if self.alive:
            select.select([self._lease.fileno()], [], [], timeout)
        return not self.alive

    def hand_over(self) -> None:
        """Let a program that replaces this process (`os.exec…`) hold the server instead."""
        os.set_inheritable(self._lease.fileno(), True)

    def close(self) -> None:
        """Give this handle up; again, or in a forked child, it does nothing."""
        if self._owner == os.getpid():
            leases.release(self._place, self._lease)
        self._owner = None

    def __enter__(self) -> "EmbeddedServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        kept = f", data in {self._state.data}" if self._state.data else ""
        return f"<EmbeddedServer Redis {self.version} at {self.describe()}{kept}>"

    def _url(self, password: str | None) -> str:
        login = f":{password}@" if password else ""
        if self._state.port is not None:
            return f"redis://{login}127.0.0.1:{self._state.port}/0"
        return f"unix://{login}{quote(self._state.socket)}"


def start_embedded(
    directory: Path | None = None, *, persistent: bool = False, shared: bool = True, port: int | None = None
) -> EmbeddedServer:
    """Start a Redis server with JSON and Search, or join the one that already runs for the project.

    Blocks for some tenths of a second. A process that asks twice gets the same server. The server ends when
    no process holds it any more, however the last one ended.

    Args:
        directory: the project; without it the project of the current directory. persistent: keep data under
        `.rapyer/` in the project, in an append-only file. Without it a server that keeps data is joined if
        one runs, else the data ends with the server. shared: share the server with the other processes of
        the project; without it this one is yours alone. port: open this loopback port too (0: a free one),
        protected by a generated password.

    Raises:
        EmbeddedServerError: none can be started; it says what was tried and what to do.
        ValueError: data is to be kept by a server of one's own.
    """
    if persistent and not shared:
        raise ValueError("a server that keeps data is shared by its project: leave shared=True")
    if not shared:
        return _open(private_place(), port)
    project = directory.resolve() if directory is not None else project_root(Path.cwd())
    if not persistent and has_kept_server(project):
        joined = _open_running(shared_place(project, persistent=True), port)
        if joined is not None:
            return joined
    return _open(shared_place(project, persistent=persistent), port)


def _open_running(place: Place, port: int | None) -> EmbeddedServer | None:
    lease = leases.hold(str(place.runtime), lambda: join(place.control))
    return None if lease is None else _handle(place, lease, port)


def _open(place: Place, port: int | None) -> EmbeddedServer:
    lease = leases.hold(str(place.runtime), lambda: _take(place, port))
    if lease is None:
        raise EmbeddedServerError("the embedded server was not started")
    return _handle(place, lease, port)


def _handle(place: Place, lease: Lease, port: int | None) -> EmbeddedServer:
    server = EmbeddedServer(str(place.runtime), lease)
    if port is None or server.port == port or (port == 0 and server.port is not None):
        return server
    server.close()
    opened = f"with port {server.port}" if server.port else "without a port"
    raise EmbeddedServerError(
        f"the server of this project already runs {opened}; end it first to get another"
    )


def _take(place: Place, port: int | None) -> Contact:
    if place.start_lock is None:
        return _start(place, port)
    # Of several processes that find no server, one starts it and the others join.
    starting = FileLock(str(place.start_lock))
    if not starting.acquire(STARTER_SECONDS):
        raise EmbeddedServerError(
            f"another process has been starting the server for {STARTER_SECONDS:g} s; try again"
        )
    try:
        contact = join(place.control) or _start(place, port)
    except BaseException:
        starting.release(remove=True)  # there is no keeper that would remove it later
        raise
    starting.release()
    return contact


def _start(place: Place, port: int | None) -> Contact:
    found = find_candidates()
    request = Request(
        candidates=found.candidates,
        runtime=str(place.runtime),
        locks=tuple(str(path) for path in place.locks),
        shared=place.start_lock is not None,
        data=_text(place.data),
        start_lock=_text(place.start_lock),
        pointer=_text(place.pointer),
        port=port,
        grace=GRACE_SECONDS if place.start_lock is not None else 0.0,
        guardian=sys.platform != "linux",
    )
    contact, reply = spawn(request)
    if contact is None:
        if reply.problem:
            raise EmbeddedServerError(f"the embedded server cannot be started: {reply.problem}")
        raise nothing_serves(found.failed(reply.tried))
    _warn_if_passed_over(found.failed(reply.tried), contact)
    return contact


def _warn_if_passed_over(tried: tuple[Attempt, ...], contact: Contact) -> None:
    for attempt in tried:
        if attempt.name.startswith(SERVER_VARIABLE):
            warnings.warn(
                f"{attempt.name} does not serve ({attempt.reason}); using {contact.state.executable} instead",
                EmbeddedServerWarning,
                stacklevel=2,
            )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
