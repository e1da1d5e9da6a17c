"""The leases of this process: one for each server, counted, and never taken along by a fork."""

import os
import socket
import threading
from collections.abc import Callable

from rapyer_nb.server.contact import Contact


class Lease:
    """This process's hold on one server."""

    def __init__(self, contact: Contact) -> None:
        self.state = contact.state
        self.holders = 0
        self._fd: int | None = contact.fd

    def alive(self) -> bool:
        """Return whether the keeper still has the lease, which it gives up only when the server has ended."""
        if self._fd is None:
            return False
        connection = socket.socket(fileno=self._fd)
        try:
            return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            connection.detach()

    def fileno(self) -> int:
        """Return the descriptor that is the lease; it becomes readable when the server has ended."""
        if self._fd is None:
            raise ValueError("this lease has been given up")
        return self._fd

    def drop(self) -> None:
        """Give the lease up."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class LeaseRegistry:
    """All leases of this process, by the place of their server."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self._leases: dict[str, Lease] = {}
        os.register_at_fork(after_in_child=self._forget)

    def hold(self, place: str, take: Callable[[], Contact | None]) -> Lease | None:
        """Return the lease for a place with one holder more: a living one, or a new one from `take`."""
        with self.mutex:
            lease = self._leases.get(place)
            if lease is not None and not lease.alive():
                lease.drop()
                lease = None
            if lease is None:
                contact = take()
                if contact is None:
                    self._leases.pop(place, None)
                    return None
                lease = self._leases[place] = Lease(contact)
            lease.holders += 1
            return lease

    def release(self, place: str, lease: Lease) -> None:
        """Take one holder away; without any left the lease is given up."""
        with self.mutex:
            lease.holders -= 1
            if lease.holders <= 0:
                lease.drop()
                if self._leases.get(place) is lease:
                    del self._leases[place]

    def _forget(self) -> None:
        # A forked child would keep the server of a killed parent alive: it has the descriptors too.
        self.mutex = threading.RLock()
        for lease in self._leases.values():
            lease.drop()
        self._leases.clear()


leases = LeaseRegistry()
