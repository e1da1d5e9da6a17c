"""Redis servers that a test starts itself: primaries with replicas, sentinels, clusters."""

from __future__ import annotations

import contextlib
import ctypes
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import Connection, Redis
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer

START_SECONDS = 30.0


@dataclass
class Server:
    """A server that runs.

    Attributes:
        port: Where it listens, on the loopback.
        process: Its process.
    """

    port: int
    process: subprocess.Popen[bytes]

    def client(self) -> Redis:
        """Return a plain client."""
        return Redis(port=self.port, decode_responses=True, socket_timeout=5)

    def ask(self, *words: Any) -> Any:
        """Run one command on it, and return the reply as it comes in RESP2."""
        connection = Connection(port=self.port, decode_responses=True, socket_timeout=5, protocol=2)
        try:
            connection.connect()
            connection.send_command(*words)
            return connection.read_response()
        finally:
            connection.disconnect()

    def kill(self) -> None:
        """End it without a warning."""
        self.process.kill()
        self.process.wait()


def wait_until(holds: Callable[[], Any], seconds: float = START_SECONDS) -> None:
    """Wait until something holds; an error of a server means that it does not yet."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(RedisError, OSError):
            if holds():
                return
        assert time.monotonic() < until, f"{holds} does not hold after {seconds} s"
        time.sleep(0.02)


def free_ports(number: int) -> list[int]:
    """Return so many ports that nobody listens on, below those that systems give to clients."""
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            found += [port] if port not in found else []
    return found


def command_line(like: EmbeddedServer) -> list[str]:
    """Return how to start another server like one that runs, with the same modules."""
    with Redis.from_url(like.url, decode_responses=True, protocol=2) as client:
        modules: Any = client.module_list()
    words = [str(like.executable)]
    for module in modules:
        known = module if isinstance(module, dict) else dict(zip(module[::2], module[1::2], strict=True))
        words += ["--loadmodule", known["path"]] if known.get("path") else []
    return words


@contextlib.contextmanager
def running(directory: Path, command: list[str], port: int) -> Iterator[Server]:
    """Run a server until the end of the block."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, stdout=log, stderr=log, preexec_fn=_end_with_parent
        )
    server = Server(port, process)
    try:
        wait_until(lambda: server.ask("PING"))
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def redis_server(directory: Path, command: list[str], *options: str) -> Iterator[Server]:
    """Run a server on a free port that keeps nothing.

    Args:
        directory: Where it may write.
        command: What `command_line` returned.
        options: More options.
    """
    port = free_ports(1)[0]
    plain = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    quick = ["--repl-diskless-sync-delay", "0", "--enable-debug-command", "local"]
    with running(directory, [*command, *plain, *quick, *options], port) as server:
        yield server


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
