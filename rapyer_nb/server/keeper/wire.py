"""Just enough of the Redis protocol to probe and configure a server on its unix socket."""

import socket
from typing import BinaryIO

Answer = str | int | None | list["Answer"]


class ErrorReply(Exception):
    """The server answered with an error; its text is the message."""


class Wire:
    """A connection to a server's unix socket; one command at a time."""

    def __init__(self, path: str, timeout: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise
        self._reader: BinaryIO = self._socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._socket.close()

    def call(self, *words: str) -> Answer:
        """Send one command and return its reply.

        Raises:
            ErrorReply: the server refused the command.
            OSError: the connection broke, or took longer than the timeout.
        """
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word.encode()
            parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._socket.sendall(b"".join(parts))
        return self._answer()

    def _answer(self) -> Answer:
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, text = line[:1], line[1:-2].decode(errors="replace")
        if kind == b"-":
            raise ErrorReply(text)
        if kind == b":":
            return int(text)
        if kind == b"$":
            return self._bulk(int(text))
        if kind == b"*":
            return [self._answer() for _ in range(int(text))]
        return text

    def _bulk(self, size: int) -> str | None:
        return None if size < 0 else self._reader.read(size + 2)[:-2].decode(errors="replace")
