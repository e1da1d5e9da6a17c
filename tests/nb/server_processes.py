"""Processes that use the embedded server, and questions about processes, for the tests of its lifetime."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from redis import Redis

# Prints what it holds, and does what it is told on standard input: "close", "end", or anything to evaluate.
_USER = """
import json, sys
from pathlib import Path
from rapyer_nb.server import start_embedded
server = start_embedded(**eval(sys.argv[1]))
print(json.dumps({"url": server.url, "pid": server.pid, "data": str(server.data)}), flush=True)
for line in sys.stdin:
    print(json.dumps(eval(line)), flush=True)
"""


def connect(url: str) -> Redis:
    """Return a client whose replies are text and plain lists, whatever the version of redis-py."""
    return Redis.from_url(url, decode_responses=True, protocol=2)


def eventually(condition: Callable[[], object], within: float = 20.0) -> bool:
    """Poll until the condition holds; return whether it ever did."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not reaped does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def keeper_of(pid: int) -> psutil.Process:
    """Return the keeper of a redis-server."""
    keeper = psutil.Process(pid).parent()
    assert keeper is not None
    assert keeper.cmdline()[-1].endswith("keeper")
    return keeper


def servers_below(folder: Path) -> list[int]:
    """Return the redis-servers whose socket is below a directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            title = " ".join(process.cmdline())
            if "unixsocket:" in title and str(folder) in title:
                found.append(process.pid)
    return found


@dataclass
class User:
    """A python process that holds a server."""

    process: subprocess.Popen[str]
    url: str
    pid: int

    def does(self, expression: str) -> Any:
        """Evaluate an expression there; `server` is its handle."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        """Let it end by itself."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()
        self.process.wait(20)


@contextlib.contextmanager
def user(folder: Path, arguments: str = "dict()", **environment: str) -> Iterator[User]:
    """Run a process that starts or joins the server of the project `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-c", _USER, arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline())
        yield User(process, said["url"], said["pid"])
    finally:
        process.kill()
        process.wait(20)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
