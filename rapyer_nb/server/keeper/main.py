"""What the keeper does, from the first word of its starter to its own end."""

import contextlib
import os
import shutil
import signal
import socket
from typing import NamedTuple

from .guardian import Guardian
from .launch import Launched, NothingServes, launch
from .lifetime import BACKLOG, Leases
from .locks import FileLock
from .messages import Reply, Request, ServerState, decode_request, encode_reply, read_line
from .ports import PortTaken, open_port
from .sweep import sweep

# A former server of the same place gets this long to end; longer than the keeper itself waits for one.
FORMER_SECONDS = 15.0
KILLED_SECONDS = 5.0


class PlaceTaken(Exception):
    """Another server holds the place and does not end."""


class _Locks(NamedTuple):
    held: tuple[FileLock, ...]

    @property
    def descriptors(self) -> tuple[int, ...]:
        return tuple(lock.fileno() for lock in self.held)


def main() -> None:
    """Read the request on standard input, start a server, answer, and keep it while it is used."""
    os.umask(0o077)
    os.chdir("/")
    starter = _starter()
    line = read_line(starter)
    if not line.endswith(b"\n"):
        return  # it died before it had said what it wants
    request = decode_request(line)
    try:
        _keep(request, starter)
    except NothingServes as error:
        _answer(starter, Reply(None, error.tried))
    except (PlaceTaken, PortTaken, OSError) as error:
        _answer(starter, Reply(None, problem=str(error)))


def _keep(request: Request, starter: socket.socket) -> None:
    locks = _take_locks(request.locks)
    try:
        _clear(request)
        password = os.urandom(24).hex() if request.port is not None else None
        launched = launch(request, password, locks.descriptors)
        for lock in locks.held:
            lock.write(str(launched.identity.pid))
        guardian = _guardian(request, launched, locks)
        try:
            _serve(request, starter, launched, password)
        finally:
            launched.process.stop()
            if guardian is not None:
                guardian.dismiss()
    finally:
        _leave(request, locks)


def _serve(request: Request, starter: socket.socket, launched: Launched, password: str | None) -> None:
    port = open_port(launched.process, request.port)
    state = ServerState(
        socket=launched.process.config.socket,
        version=launched.identity.version,
        pid=launched.identity.pid,
        keeper_pid=os.getpid(),
        executable=launched.executable,
        data=request.data,
        port=port,
        password=password,
    )
    listener = _listen(request) if request.shared else None
    leases = Leases(starter, listener, encode_reply(Reply(state)), request.grace)
    _answer(starter, Reply(state, launched.tried))
    sweep(os.path.dirname(request.runtime))
    leases.watch(launched.process, (request.runtime,))
    # From here on nobody can join: a starter that comes now begins anew, and waits for the locks.
    if listener is not None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_control(request))
        listener.close()
    launched.process.stop()
    leases.close()


def _guardian(request: Request, launched: Launched, locks: _Locks) -> Guardian | None:
    """Make a guardian if asked, or if a script runs the server: the signal would only reach the script."""
    group = launched.process.group
    if request.guardian or launched.identity.pid != group:
        return Guardian(group, locks.descriptors)
    return None


def _starter() -> socket.socket:
    """Take the socket on standard input out of the way of the children."""
    starter = socket.socket(fileno=os.dup(0))
    os.set_inheritable(starter.fileno(), False)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.close(quiet)
    return starter


def _answer(starter: socket.socket, reply: Reply) -> None:
    with contextlib.suppress(OSError):  # it has died meanwhile
        starter.sendall(encode_reply(reply))


def _take_locks(paths: tuple[str, ...]) -> _Locks:
    taken: list[FileLock] = []
    for path in paths:
        lock = FileLock(path, inheritable=True)
        if not lock.acquire(FORMER_SECONDS):
            _end_orphan(lock)
            if not lock.acquire(KILLED_SECONDS):
                raise PlaceTaken(f"another server still holds {path}")
        taken.append(lock)
    return _Locks(tuple(taken))


def _end_orphan(lock: FileLock) -> None:
    """Kill a server whose keeper is gone: with a living keeper nobody would have started another one."""
    text = lock.read()
    if text.isdigit():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(int(text), signal.SIGKILL)


def _clear(request: Request) -> None:
    """Make an empty runtime directory; what a killed keeper has left there is of no use."""
    shutil.rmtree(request.runtime, ignore_errors=True)
    os.makedirs(request.runtime, mode=0o700, exist_ok=True)
    if request.data is not None:
        os.makedirs(request.data, mode=0o700, exist_ok=True)


def _control(request: Request) -> str:
    return os.path.join(request.runtime, "control.sock")


def _listen(request: Request) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(_control(request))
    listener.listen(BACKLOG)
    if request.pointer is not None:
        with open(request.pointer, "w", encoding="utf-8") as file:
            file.write(_control(request))
    return listener


def _leave(request: Request, locks: _Locks) -> None:
    """Remove what was made for the server, then give the place free."""
    shutil.rmtree(request.runtime, ignore_errors=True)
    if request.pointer is not None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(request.pointer)
    if request.start_lock is not None:
        start = FileLock(request.start_lock)
        if start.acquire():  # nobody is just starting the next server
            start.release(remove=True)
    for lock in locks.held:
        lock.release(remove=True)
