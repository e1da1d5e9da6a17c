"""Leases: the server lives for as long as somebody holds one."""

import contextlib
import os
import selectors
import signal
import socket
import time
from types import FrameType

from .process import RedisProcess

# Cleaners of temporary directories take what nobody has touched for days.
TOUCH_SECONDS = 3600.0
BACKLOG = 64


class Leases:
    """The open leases of one server.

    Args:
        first: the socket of the process that has started the keeper.
        listener: the control socket where others take a lease; none for a private server.
        welcome: the line sent to each of them.
        grace: seconds to wait for somebody else when the last lease has ended.
    """

    def __init__(
        self, first: socket.socket, listener: socket.socket | None, welcome: bytes, grace: float
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = listener
        self._welcome = welcome
        self._grace = grace
        self._leases: set[socket.socket] = set()
        self._stopping = False
        self._add(first)
        if listener is not None:
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ)
        self._wake_on_signals()

    def watch(self, process: RedisProcess, places: tuple[str, ...]) -> None:
        """Return when no lease is left, the server has ended, or this process was asked to end.

        The files of `places` are touched now and then.
        """
        touched = time.monotonic()
        free_since: float | None = None
        while not self._stopping and not process.ended():
            now = time.monotonic()
            if now - touched > TOUCH_SECONDS:
                touch(places)
                touched = now
            if self._leases:
                free_since = None
                self._turn(TOUCH_SECONDS)
                continue
            free_since = now if free_since is None else free_since
            left = free_since + self._grace - now
            self._turn(max(left, 0.0))
            if left <= 0 and not self._leases:
                return

    def close(self) -> None:
        """Close every lease, which tells its holder that the server is gone."""
        for lease in self._leases:
            lease.close()
        self._leases.clear()
        self._selector.close()

    def _turn(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            source = key.fileobj
            if source is self._listener:
                self._accept()
            elif isinstance(source, socket.socket):
                self._hear(source)

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            lease, _ = self._listener.accept()
            lease.sendall(self._welcome)
        except OSError:
            return  # it has gone already
        self._add(lease)

    def _add(self, lease: socket.socket) -> None:
        lease.setblocking(False)
        self._leases.add(lease)
        self._selector.register(lease, selectors.EVENT_READ)

    def _hear(self, source: socket.socket) -> None:
        try:
            alive = bool(source.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            alive = False
        if not alive and source in self._leases:
            self._selector.unregister(source)
            self._leases.discard(source)
            source.close()

    def _wake_on_signals(self) -> None:
        """Let a signal end the wait of the selector: the end of the server, or a request to stop."""
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


def touch(places: tuple[str, ...]) -> None:
    """Set the time of everything in these directories, and of themselves, to now."""
    for place in places:
        for folder, _, names in os.walk(place):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                with contextlib.suppress(OSError):
                    os.utime(path, follow_symlinks=False)
