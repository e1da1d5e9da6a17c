"""Opening a loopback port, for clients that cannot use the unix socket."""

import socket

from .process import RedisProcess
from .wire import ErrorReply

FREE_PORT_TRIES = 10


class PortTaken(Exception):
    """The port cannot be opened."""


def open_port(process: RedisProcess, port: int | None) -> int | None:
    """Let the server listen on a loopback port: a given one, a free one (0), or none.

    Sends CONFIG SET port, which fails rather than waits when the port is taken.

    Raises:
        PortTaken: it is in use, or no free one was found.
    """
    if port is None:
        return None
    for _ in range(FREE_PORT_TRIES if port == 0 else 1):
        number = port or _free_port()
        try:
            process.call("CONFIG", "SET", "port", str(number))
        except ErrorReply as error:
            reason = str(error)
        else:
            return number
    raise PortTaken(
        f"port {number} of 127.0.0.1 cannot be opened ({reason.removeprefix('ERR ')}); take another one"
    )


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
