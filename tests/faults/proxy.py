"""A proxy before a Redis server, which spoils one exchange of many."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Fault = Literal["destroy", "truncate", "cut", "hold", "garble", "unsent"]
"""What happens to the exchange:

destroy: the server runs the request, its reply is thrown away and the connection closed;
truncate: half of the reply arrives before the connection is closed;
cut: all of the reply but its last byte arrives;
hold: the reply never arrives, and the connection stays open;
garble: bytes that are no reply arrive in its place;
unsent: the request never reaches the server, and the connection is closed.
"""


@dataclass
class Proxy:
    """What the proxy does, and what it saw.

    Attributes:
        url: Where clients connect.
        fault: What to do to the exchange that `at` names.
        at: The number of the exchange to spoil, from 1; 0 for none. Each write of a client that is not part
            of its greeting is one exchange.
        times: How many exchanges from `at` on are spoiled.
        refusing: Whether new connections are closed at once.
        seen: How many exchanges there were.
        spoiled: How many of them were spoiled.
        requests: What clients sent, exchange by exchange.
    """

    url: str
    fault: Fault = "destroy"
    at: int = 0
    times: int = 1
    refusing: bool = False
    seen: int = 0
    spoiled: int = 0
    requests: list[bytes] = field(default_factory=list)

    def arm(self, fault: Fault, at: int, times: int = 1) -> None:
        """Spoil the exchange of that number, counted from now."""
        self.fault, self.at, self.times, self.seen, self.spoiled = fault, at, times, 0, 0
        self.requests.clear()

    def next_is_spoiled(self, request: bytes) -> bool:
        """Count an exchange and tell whether it is to be spoiled."""
        self.seen += 1
        self.requests.append(request)
        hit = self.at and self.at <= self.seen < self.at + self.times
        self.spoiled += bool(hit)
        return bool(hit)


@asynccontextmanager
async def proxied(server: str) -> AsyncIterator[Proxy]:
    """Run a proxy before the server with that URL, on a free port."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            if not proxy.refusing:
                await _serve(proxy, server, reader, writer)
        writer.close()
        tasks.discard(task)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy = Proxy(f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}/0")
    try:
        yield proxy
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(
    proxy: Proxy, server: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    address = urlsplit(server)
    if address.scheme == "unix":
        behind, before = await asyncio.open_unix_connection(address.path)
    else:
        behind, before = await asyncio.open_connection(address.hostname, address.port)
    try:
        if address.password:
            before.write(b"AUTH %b\r\n" % address.password.encode())
            await behind.readline()
        while request := await _whole_request(reader):
            if not await _exchange(proxy, request, behind, before, writer):
                return
    finally:
        before.close()


async def _exchange(
    proxy: Proxy,
    request: bytes,
    behind: asyncio.StreamReader,
    before: asyncio.StreamWriter,
    writer: asyncio.StreamWriter,
) -> bool:
    greeting = b"SETINFO" in request or b"HELLO" in request or b"MAINT_NOTIFICATIONS" in request
    spoil = not greeting and proxy.next_is_spoiled(request)
    if spoil and proxy.fault == "unsent":
        return False
    before.write(request)
    reply = await _whole_reply(behind, requests_in(request))
    if not spoil:
        writer.write(reply)
        return True
    if proxy.fault == "hold":
        return True
    kept = {"truncate": reply[: len(reply) // 2], "cut": reply[:-1], "garble": b"?what\r\n"}
    writer.write(kept.get(proxy.fault, b""))
    return False


async def _whole_request(reader: asyncio.StreamReader) -> bytes:
    request = b""
    while more := await reader.read(1 << 20):
        request += more
        if requests_in(request):
            break
    return request


def requests_in(data: bytes) -> int:
    """Return how many commands the bytes that a client wrote hold, 0 where the last one is not whole."""
    count, at = 0, 0
    while at < len(data):
        end = data.find(b"\r\n", at)
        if end < 0:
            return 0
        words, at = int(data[at + 1 : end]), end + 2
        for _ in range(words):
            end = data.find(b"\r\n", at)
            if end < 0:
                return 0
            at = end + 2 + int(data[at + 1 : end]) + 2
        count += 1
    return count if at == len(data) else 0


async def _whole_reply(reader: asyncio.StreamReader, count: int) -> bytes:
    reply = b""
    for _ in range(count):
        reply += await _element(reader)
    return reply


async def _element(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()
    if not line:
        raise ConnectionResetError
    kind, size = line[:1], line[1:-2]
    if kind in b"$=" and size != b"-1":
        return line + await reader.readexactly(int(size) + 2)
    if kind in b"*~>%" and size != b"-1":
        for _ in range(int(size) * (2 if kind == b"%" else 1)):
            line += await _element(reader)
    return line
