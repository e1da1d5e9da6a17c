"""Lock files, held by the operating system for as long as a process lives."""

import contextlib
import fcntl
import os
import time
from typing import Protocol

POLL_SECONDS = 0.01


class _LockCall(Protocol):
    def __call__(self, fd: int, operation: int, /) -> None: ...


class FileLock:
    """An exclusive lock on a file, which may be removed by its holder.

    With `inheritable` a child process that gets the descriptor holds the lock too, until the last of them
    ends; otherwise a fork does not take the lock along.
    """

    def __init__(self, path: str, *, inheritable: bool = False) -> None:
        self.path = path
        # Record locks (lockf) stay with the process; flock belongs to the open file, which children share.
        self._lock: _LockCall = fcntl.flock if inheritable else fcntl.lockf
        self._fd: int | None = None

    def acquire(self, within: float = 0.0) -> bool:
        """Take the lock, waiting up to `within` seconds; return whether it is held now."""
        deadline = time.monotonic() + within
        while not self._try():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def fileno(self) -> int:
        """Return the descriptor of the held lock."""
        if self._fd is None:
            raise ValueError(f"{self.path} is not locked")
        return self._fd

    def write(self, text: str) -> None:
        """Replace the content of the locked file."""
        os.ftruncate(self.fileno(), 0)
        os.pwrite(self.fileno(), text.encode(), 0)

    def read(self) -> str:
        """Return what the present holder has written, or an empty text."""
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def release(self, *, remove: bool = False) -> None:
        """Give the lock up, and remove the file first if asked."""
        if self._fd is None:
            return
        if remove:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        os.close(self._fd)
        self._fd = None

    def _try(self) -> bool:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The former holder may have removed the file between our opening and our locking it.
            current = os.stat(self.path).st_ino == os.fstat(fd).st_ino
        except (BlockingIOError, PermissionError, FileNotFoundError):
            current = False
        if current:
            self._fd = fd
        else:
            os.close(fd)
        return current
