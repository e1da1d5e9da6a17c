"""What the starter and the keeper say to each other: one JSON object a line."""

import json
import socket
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A redis-server that may serve, and the sets of modules to try with it, in order."""

    name: str
    executable: str
    module_sets: tuple[tuple[str, ...], ...]


class Request(NamedTuple):
    """What a starter asks of the keeper it has spawned.

    `runtime` is the private directory of the sockets, `data` the directory to keep data in (none: nothing
    is kept), `locks` the lock files to hold, `start_lock` the one that starters take, `pointer` the file
    that tells others where the control socket is. `port` asks for a loopback port (0: any free one)
    protected by a password. `guardian` asks for a guardian process instead of the parent-death signal. Times
    are in seconds.
    """

    candidates: tuple[Candidate, ...]
    runtime: str
    locks: tuple[str, ...]
    shared: bool = False
    data: str | None = None
    start_lock: str | None = None
    pointer: str | None = None
    port: int | None = None
    grace: float = 0.0
    ready_within: float = 10.0
    guardian: bool = False


class ServerState(NamedTuple):
    """Where a running server is and what it is; sent to everybody who takes a lease."""

    socket: str
    version: str
    pid: int
    keeper_pid: int
    executable: str
    data: str | None = None
    port: int | None = None
    password: str | None = None


class Attempt(NamedTuple):
    """A candidate that did not serve, and why."""

    name: str
    reason: str


class Reply(NamedTuple):
    """The keeper's answer: the running server or what went wrong, and what was tried in vain."""

    state: ServerState | None
    tried: tuple[Attempt, ...] = ()
    problem: str | None = None


def encode_request(request: Request) -> bytes:
    """Write a request as one line."""
    fields = request._asdict()
    fields["candidates"] = [candidate._asdict() for candidate in request.candidates]
    return _line(fields)


def decode_request(line: bytes) -> Request:
    """Read a request from its line."""
    fields: dict[str, Any] = json.loads(line)
    candidates = tuple(
        Candidate(item["name"], item["executable"], tuple(tuple(modules) for modules in item["module_sets"]))
        for item in fields.pop("candidates")
    )
    return Request(candidates=candidates, locks=tuple(fields.pop("locks")), **fields)


def encode_reply(reply: Reply) -> bytes:
    """Write a reply as one line."""
    state = reply.state._asdict() if reply.state else None
    return _line(
        {"state": state, "tried": [list(attempt) for attempt in reply.tried], "problem": reply.problem}
    )


def decode_reply(line: bytes) -> Reply:
    """Read a reply from its line."""
    fields: dict[str, Any] = json.loads(line)
    state = ServerState(**fields["state"]) if fields["state"] else None
    return Reply(state, tuple(Attempt(*item) for item in fields["tried"]), fields["problem"])


def read_line(connection: socket.socket) -> bytes:
    """Read up to a newline; what came before the end, without newline, when the other side closed."""
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = connection.recv(65536)
        if not chunk:
            break
        line += chunk
    return bytes(line)


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"
