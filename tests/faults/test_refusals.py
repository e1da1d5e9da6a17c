"""What the server refuses to run is sent again; what it may have run is not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import ConstantBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from rapyer.commands import json
from rapyer.commands.command import Command
from rapyer.errors import TransactionError, UnknownOutcomeError
from rapyer.session.clients import ClientSource
from rapyer.session.executor import execute, run, transact
from tests.faults.proxy import proxied, requests_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INCREMENT = Command("INCR", ("k",))
GET = Command("GET", ("k",))


@asynccontextmanager
async def scripted(*answers: bytes, rest: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers one request after the other with what is given, and hangs up on an empty one."""
    received: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if b"SETINFO" in data:
                writer.write(b"+OK\r\n" * requests_in(data))
                continue
            received.append(data)
            answer = left.pop(0) if left else rest
            if not answer:
                break
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", received
    finally:
        server.close()


REFUSALS = [
    b"-LOADING Redis is loading the dataset in memory\r\n",
    b"-READONLY You can't write against a read only replica.\r\n",
    b"-MASTERDOWN Link with MASTER is down\r\n",
    b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
    b"-CLUSTERDOWN The cluster is down\r\n",
    b"-NOREPLICAS Not enough good replicas to write.\r\n",
    b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL.\r\n",
]


def _source(url: str, given: bool, **options: Any) -> ClientSource:
    if given:  # a client with the default patience of redis-py 8
        retry = Retry(ConstantBackoff(0.01), 10)
        return ClientSource.from_client(Redis.from_url(url, retry=retry, protocol=2), **options)
    return ClientSource.from_url(url, **options)


async def _closed(source: ClientSource) -> None:
    await source.client().aclose()


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda text: text[1:9].decode())
async def test_a_refused_command_is_sent_again(refusal: bytes, given: bool) -> None:
    async with scripted(refusal, refusal, rest=b":7\r\n") as (url, received):
        source = _source(url, given)
        assert await run(source, INCREMENT) == 7
        assert len(received) == 3
        await _closed(source)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda text: text[1:9].decode())
async def test_a_refused_transaction_is_sent_again(refusal: bytes) -> None:
    first = b"+OK\r\n" + refusal + b"-EXECABORT Transaction discarded because of previous errors.\r\n"
    async with scripted(first, rest=b"+OK\r\n+QUEUED\r\n*1\r\n:7\r\n") as (url, received):
        source = ClientSource.from_url(url)
        assert await transact(source, [INCREMENT]) == [7]
        assert len(received) == 2
        await source.aclose()


async def test_exec_itself_can_be_refused() -> None:
    refused = b"+OK\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: READONLY You can't write\r\n"
    async with scripted(refused, rest=b"+OK\r\n+QUEUED\r\n*1\r\n:7\r\n") as (url, received):
        source = ClientSource.from_url(url)
        assert await transact(source, [INCREMENT]) == [7]
        assert len(received) == 2
        await source.aclose()


async def test_a_transaction_with_a_wrong_command_is_not_sent_again() -> None:
    wrong = b"+OK\r\n-ERR wrong number of arguments\r\n-EXECABORT Transaction discarded\r\n"
    async with scripted(rest=wrong) as (url, received):
        source = ClientSource.from_url(url)
        with pytest.raises(ResponseError, match="wrong number of arguments"):
            await transact(source, [INCREMENT])
        assert len(received) == 1
        await source.aclose()


async def test_a_server_that_refuses_multi_runs_the_commands_one_by_one() -> None:
    replies = b"-NOPERM no permission to run 'multi'\r\n:1\r\n-ERR boo\r\n-ERR EXEC without MULTI\r\n"
    async with scripted(rest=replies) as (url, received):
        source = ClientSource.from_url(url)
        with pytest.raises(TransactionError) as raised:
            await transact(source, [INCREMENT, INCREMENT])
        assert str(raised.value) == (
            "the server refused MULTI: no permission to run 'multi'; 1 of 2 commands took effect; "
            "let the server's administrator allow transactions to this user"
        )
        assert len(received) == 1
        await source.aclose()


async def test_a_batch_refused_in_part_is_not_sent_again() -> None:
    async with scripted(rest=b":1\r\n" + REFUSALS[3]) as (url, received):
        source = ClientSource.from_url(url)
        with pytest.raises(ResponseError):
            await execute(source, [INCREMENT, INCREMENT])
        assert len(received) == 1
        await source.aclose()


async def test_the_last_refusal_is_told_after_the_deadline() -> None:
    async with scripted(rest=REFUSALS[1]) as (url, received):
        source = ClientSource.from_url(url, deadline=0.1)
        with pytest.raises(ReadOnlyError) as raised:
            await run(source, INCREMENT)
        assert str(raised.value) == (
            "INCR: You can't write against a read only replica.; "
            "this server is a replica: connect to its primary"
        )
        assert len(received) > 1
        await source.aclose()
    async with scripted(rest=REFUSALS[0]) as (url, _):
        source = ClientSource.from_url(url, deadline=0.1)
        with pytest.raises(BusyLoadingError):
            await run(source, INCREMENT)
        await source.aclose()


async def test_a_deadline_of_zero_tries_once() -> None:
    async with scripted(rest=REFUSALS[3]) as (url, received):
        source = ClientSource.from_url(url, deadline=0)
        with pytest.raises(ResponseError):
            await run(source, INCREMENT)
        assert len(received) == 1
        await source.aclose()


@pytest.mark.parametrize("given", [False, True])
async def test_a_wrong_password_is_told_at_once(given: bool) -> None:
    async with scripted(rest=b"-WRONGPASS invalid username-password pair\r\n") as (url, received):
        source = _source(url.replace("redis://", "redis://:geheim@"), given)
        with pytest.raises(AuthenticationError) as raised:
            await run(source, INCREMENT)
        assert "geheim" not in str(raised.value)
        assert len(received) == 1
        await _closed(source)


@pytest.mark.parametrize("given", [False, True])
async def test_a_missing_password_is_told_at_once(given: bool) -> None:
    async with scripted(rest=b"-NOAUTH Authentication required.\r\n") as (url, received):
        source = _source(url, given)
        with pytest.raises(AuthenticationError):
            await run(source, INCREMENT)
        assert len(received) == 1
        await _closed(source)


@pytest.mark.parametrize("given", [False, True])
async def test_a_refused_connection_is_tried_until_the_deadline(given: bool) -> None:
    async with scripted(rest=b"") as (url, _):
        pass
    source = _source(url, given, deadline=0.2)
    began = asyncio.get_running_loop().time()
    with pytest.raises(RedisConnectionError, match="onnect"):
        await run(source, INCREMENT)
    assert 0.1 < asyncio.get_running_loop().time() - began < 2
    await _closed(source)


@pytest.mark.parametrize("given", [False, True])
async def test_a_client_of_the_caller_does_not_send_again_on_its_own(given: bool) -> None:
    async with scripted(rest=b"") as (url, received):
        source = _source(url, given)
        with pytest.raises(UnknownOutcomeError):
            await run(source, INCREMENT)
        assert len(received) == 1
        await _closed(source)


async def test_a_reply_that_does_not_come_in_time() -> None:
    async with scripted(rest=b"\r\n") as (url, _):
        source = ClientSource.from_url(url, socket_timeout=0.1, deadline=0.2)
        with pytest.raises((RedisTimeoutError, RedisConnectionError)):
            await run(source, json.get_document("k"))
        with pytest.raises(UnknownOutcomeError, match="the reply to INCR on k was lost"):
            await run(source, INCREMENT)
        await source.aclose()


async def test_a_failed_health_check_is_no_lost_reply(rapyer_redis_url: str) -> None:
    async with proxied(rapyer_redis_url) as proxy:
        client = Redis.from_url(proxy.url, health_check_interval=0.01, retry=Retry(ConstantBackoff(0), 0))
        source = ClientSource.from_client(client)
        await client.delete("k")
        for count in range(1, 4):
            await asyncio.sleep(0.02)
            proxy.arm("destroy", 1)  # the PING
            assert await run(source, INCREMENT) == count
            assert b"PING" in proxy.requests[0]
        await client.aclose()


async def test_a_client_with_a_single_connection(rapyer_redis_url: str) -> None:
    pool = ConnectionPool.from_url(rapyer_redis_url, max_connections=1)
    async with Redis(connection_pool=pool, single_connection_client=True) as client:
        await client.delete("k")
        source = ClientSource.from_client(client)
        assert sorted(await asyncio.gather(*(run(source, INCREMENT) for _ in range(20)))) == list(
            range(1, 21)
        )
        assert await client.get("k") == b"20"
        await client.connection.disconnect()
        assert await run(source, INCREMENT) == 21
    await pool.aclose()


@pytest.mark.parametrize("kind", [ConnectionPool, BlockingConnectionPool])
async def test_more_commands_than_connections(kind: Any, rapyer_redis_url: str) -> None:
    pool = kind.from_url(rapyer_redis_url, max_connections=2)
    client = Redis(connection_pool=pool)
    await client.delete("k")
    source = ClientSource.from_client(client)
    await asyncio.gather(*(run(source, INCREMENT) for _ in range(60)))
    assert await client.get("k") == b"60"
    await client.aclose()
    await pool.aclose()


async def test_a_new_primary_behind_sentinel_is_found(rapyer_redis_url: str) -> None:
    async with scripted(REFUSALS[1], rest=b":5\r\n") as (url, received):
        port = int(url.rpartition(":")[2].partition("/")[0])

        class Manager:
            async def discover_master(self, name: str) -> tuple[str, int]:
                return "127.0.0.1", port

        pool = SentinelConnectionPool("main", Manager(), protocol=2)  # type: ignore[no-untyped-call]
        client = Redis(connection_pool=pool)
        assert await run(ClientSource.from_client(client), INCREMENT) == 5
        assert len(received) == 2
        await client.aclose()
        await pool.aclose()
