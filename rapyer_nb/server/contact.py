"""Reaching a keeper: joining one that runs, or spawning one. Either gives a lease, an open socket."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from rapyer_nb.server import keeper
from rapyer_nb.server.errors import EmbeddedServerError
from rapyer_nb.server.keeper.messages import (
    Attempt,
    Reply,
    Request,
    ServerState,
    decode_reply,
    encode_request,
    read_line,
)

ANSWER_SECONDS = 10.0


class Contact(NamedTuple):
    """An open lease: its descriptor, and the server that it keeps."""

    fd: int
    state: ServerState
    tried: tuple[Attempt, ...] = ()


def join(control: Path) -> Contact | None:
    """Take a lease at a control socket; none if no keeper listens there.

    Raises:
        EmbeddedServerError: a keeper is there but does not answer.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(str(control))
        line = read_line(connection)
    except TimeoutError as error:
        connection.close()
        raise EmbeddedServerError(
            f"the keeper of the embedded server does not answer at {control}; end that process and try again"
        ) from error
    except OSError:
        line = b""
    reply = decode_reply(line) if line.endswith(b"\n") else None
    if reply is None or reply.state is None:
        connection.close()  # it was just about to end
        return None
    return _contact(connection, reply.state)


def spawn(request: Request) -> tuple[Contact | None, Reply]:
    """Start a keeper and wait for its answer; the first lease is this process's.

    Raises:
        EmbeddedServerError: the keeper itself cannot run.
    """
    ours, its = socket.socketpair()
    try:
        with contextlib.closing(its):
            _run_keeper(its)
        ours.sendall(encode_request(request))
        line = read_line(ours)
        if not line.endswith(b"\n"):
            raise EmbeddedServerError("the keeper of the embedded server ended without an answer; try again")
        reply = decode_reply(line)
        taken = None if reply.state is None else _contact(ours, reply.state, reply.tried)
    except OSError as error:
        raise EmbeddedServerError(f"the keeper of the embedded server broke down: {error}") from error
    finally:
        ours.close()  # of no effect on a lease, which has taken the descriptor away
    return taken, reply


def _contact(connection: socket.socket, state: ServerState, tried: tuple[Attempt, ...] = ()) -> Contact:
    connection.settimeout(None)
    # A bare descriptor, for nothing is to be done with it: no object whose end would close it, or warn.
    return Contact(connection.detach(), state, tried)


def _run_keeper(its: socket.socket) -> None:
    """Run the keeper's directory, isolated from this process's environment, packages and terminal."""
    folder = os.path.dirname(os.path.abspath(keeper.__file__))
    process = subprocess.Popen(  # noqa: S603 - our own file, our own interpreter
        [sys.executable, "-I", "-S", folder],
        stdin=its.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        start_new_session=True,
    )
    # This one steps aside at once and leaves a grandchild, so that there is no child to reap later.
    _, said = process.communicate()
    if process.returncode != 0:
        reason = said.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise EmbeddedServerError(f"the keeper of the embedded server cannot be run: {reason[0]}")
