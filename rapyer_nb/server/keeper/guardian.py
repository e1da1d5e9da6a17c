"""Ending the server when the keeper is killed, on systems without a parent-death signal (macOS)."""

import contextlib
import os
import signal


class Guardian:
    """A second process that ends the server when the keeper dies without saying goodbye.

    It waits at the reading end of a pipe: a byte means that all is well, the end of the file that the
    keeper was killed. Only a kill of both at the same time leaves a server; the next keeper of the same
    place ends that one.

    Args:
        group: the process group to end.
        unheld: descriptors that the guardian must not keep open.
    """

    def __init__(self, group: int, unheld: tuple[int, ...]) -> None:
        reading, self._writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            for fd in (self._writing, *unheld):
                os.close(fd)
            _wait(reading, group)
        os.close(reading)

    def dismiss(self) -> None:
        """Let the guardian end without doing anything."""
        with contextlib.suppress(OSError):
            os.write(self._writing, b".")
        os.close(self._writing)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)


def _wait(reading: int, group: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # of a whole group: the keeper decides
    if not os.read(reading, 1):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
    os._exit(0)
