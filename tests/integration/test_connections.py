"""Clients, event loops, lost replies."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import ConfigError, MissingModuleError, UnknownOutcomeError
from rapyer.model.registry import registry
from rapyer.session import retry
from rapyer.session.clients import ClientSource, mask_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Counter(AtomicRedisModel):
    number: int = 0


async def _count(pk: str) -> int:
    counter: Any = Counter()
    counter.pk = pk
    if not await Counter.aexists(counter):
        await counter.asave()
    number: int = await counter.number.aincrease()
    return number


def test_models_work_on_one_loop_after_the_other(rapyer_redis_url: str) -> None:
    registry.bind(ClientSource.from_url(rapyer_redis_url))
    counts = [asyncio.run(_count("loops")) for _ in range(3)]
    assert counts == [1, 2, 3]
    gc.collect()


def test_a_url_takes_more_options_for_its_connections(rapyer_redis_url: str) -> None:
    async def pool_of(**options: Any) -> tuple[int, Any]:
        source = ClientSource.from_url(rapyer_redis_url, **options)
        pool = source.client().connection_pool
        await source.aclose()
        return pool.max_connections, pool.connection_kwargs["socket_timeout"]

    assert asyncio.run(pool_of()) == (50, 5)
    assert asyncio.run(pool_of(max_connections=7, socket_timeout=1)) == (7, 1)


def test_models_work_in_a_background_thread(rapyer_redis_url: str) -> None:
    registry.bind(ClientSource.from_url(rapyer_redis_url))
    counted: list[int] = []

    async def both() -> None:
        counted.append(await _count("threads"))
        thread = threading.Thread(target=lambda: counted.append(asyncio.run(_count("threads"))))
        thread.start()
        await asyncio.to_thread(thread.join)
        counted.append(await _count("threads"))

    asyncio.run(both())
    assert counted == [1, 2, 3]


async def test_a_client_of_the_caller_is_used_and_left_open(rapyer_redis_url: str) -> None:
    for options in ({"decode_responses": True}, {"decode_responses": False}, {"protocol": 3}):
        client = Redis.from_url(rapyer_redis_url, **options)  # type: ignore[arg-type]
        source = ClientSource.from_client(client)
        registry.bind(source)
        counter = await Counter(number=5).asave()
        assert (await Counter.aget(counter.key)).number == 5
        assert counter.key in await Counter.afind_keys()
        assert await counter.number.aincrease() == 6  # type: ignore[attr-defined]
        await source.aclose()
        assert await client.ping()  # type: ignore[misc]
        await client.aclose()


async def test_init_connects_and_teardown_lets_go(rapyer_redis_url: str) -> None:
    await rapyer.init_rapyer(rapyer_redis_url, ttl=50)
    try:
        assert Counter.Meta.ttl == 50
        assert (await Counter().asave()).number == 0
        assert registry.source.describe() == mask_url(rapyer_redis_url)
        await rapyer.init_rapyer()
        assert registry.source.describe() == mask_url(rapyer_redis_url)
    finally:
        await rapyer.teardown_rapyer()
    assert registry.source.describe() == "redis://localhost:6379/0"


async def test_init_takes_over_the_handlers_of_a_logger(rapyer_redis_url: str) -> None:
    ours, given = logging.getLogger("rapyer"), logging.getLogger("test.given")
    before = (ours.level, list(ours.handlers))
    handler = logging.NullHandler()
    given.addHandler(handler)
    given.setLevel(logging.ERROR)
    try:
        await rapyer.init_rapyer(rapyer_redis_url, logger=given)
        assert (ours.level, ours.handlers) == (logging.ERROR, [handler])
    finally:
        ours.setLevel(before[0])
        ours.handlers = before[1]
        await rapyer.teardown_rapyer()


async def test_what_cannot_be_connected_to_is_named() -> None:
    with pytest.raises(ConfigError, match="init_rapyer cannot connect to a int; give it a URL"):
        await rapyer.init_rapyer(5)  # type: ignore[arg-type]
    Counter.Meta.redis = 5
    try:
        with pytest.raises(
            ConfigError, match="Counter.Meta.redis is a int; give it a redis.asyncio.Redis client or a URL"
        ):
            await Counter().asave()
    finally:
        Counter.Meta.redis = None


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://:secret@host:1/0", "redis://:***@host:1/0"),
        ("redis://me:secret@host:1/0", "redis://me:***@host:1/0"),
        ("unix:///tmp/x.sock?password=secret&db=1", "unix:///tmp/x.sock?password=***&db=1"),
        ("redis://:p@ss:word@host:1/0", "redis://:***@host:1/0"),
        ("redis://:pa/ss@host:1/0?db=2", "redis://:***@host:1/0?db=2"),
        ("unix://me:secret@/tmp/x.sock", "unix://me:***@/tmp/x.sock"),
        ("unix:///tmp/a@b.sock", "unix:///tmp/a@b.sock"),
        ("redis://host:1/0", "redis://host:1/0"),
        ("redis://secret@host:1/0", "redis://***@host:1/0"),
        ("rediss://host:1/0?ssl_password=secret&db=1", "rediss://host:1/0?ssl_password=***&db=1"),
    ],
)
def test_passwords_are_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked
    assert repr(ClientSource.from_url(url)) == f"<ClientSource {masked}>"


async def test_a_client_that_the_library_makes_shows_no_password(source: ClientSource) -> None:
    with_password = ClientSource.from_url("redis://me:secret@host:1/0")
    assert "_DiscreetPool host:1>" in repr(with_password.client())
    assert "secret" not in repr(with_password.client())
    await with_password.aclose()


@asynccontextmanager
async def _server(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to everything, or hangs up on it."""
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if b"CLIENT" in data or b"HELLO" in data:
                writer.write(b"+OK\r\n" * data.count(b"CLIENT"))
                continue
            received.append(data)
            if answer is None:
                break
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", received
    finally:
        server.close()


async def test_a_write_whose_reply_is_lost_is_not_sent_again() -> None:
    async with _server(None) as (url, received):
        source = ClientSource.from_url(url)
        registry.bind(source)
        counter: Any = Counter()
        with pytest.raises(UnknownOutcomeError) as raised:
            await counter.number.aincrease()
        assert str(raised.value) == (
            f"the reply to JSON.NUMINCRBY on {counter.key} was lost, so it may or may not have taken effect; "
            "read the value again before repeating it"
        )
        assert len(received) == 1
        await source.aclose()


async def test_a_read_whose_reply_is_lost_is_tried_again_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "DEADLINE", 0.3)
    async with _server(None) as (url, received):
        source = ClientSource.from_url(url)
        registry.bind(source)
        with pytest.raises(RedisConnectionError):
            await Counter.aget("1")
        assert len(received) > 2
        await source.aclose()


async def test_a_server_that_is_not_there_is_an_error_after_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "DEADLINE", 0.1)
    async with _server(None) as (url, _):
        pass
    registry.bind(ClientSource.from_url(url))
    counter: Any = Counter()
    with pytest.raises(RedisConnectionError, match="onnect"):
        await counter.number.aincrease()
    await registry.source.aclose()


async def test_a_refusal_with_a_reason_comes_at_once() -> None:
    async with _server(b"-WRONGPASS invalid username-password pair\r\n") as (url, received):
        registry.bind(ClientSource.from_url(url.replace("redis://", "redis://:geheim@")))
        with pytest.raises(AuthenticationError) as raised:
            await Counter.aget("1")
        assert "geheim" not in str(raised.value)
        assert len(received) == 1
        await registry.source.aclose()


async def test_a_server_without_modules_is_named() -> None:
    async with _server(b"-ERR unknown command 'JSON.GET'\r\n") as (url, _):
        registry.bind(ClientSource.from_url(url))
        with pytest.raises(MissingModuleError) as raised:
            await Counter.aget("1")
        assert str(raised.value) == (
            "the server does not know JSON.GET; use a server with the RedisJSON module, such as Redis 8 or Redis Stack"
        )
        await registry.source.aclose()


async def test_connecting_to_a_server_without_modules_says_which_it_needs() -> None:
    registry._models = {}  # the models of other tests ask for the search module, too
    async with _server(b"*1\r\n*-1\r\n") as (url, _):
        with pytest.raises(MissingModuleError) as raised:
            await rapyer.init_rapyer(url)
        assert str(raised.value) == (
            f"{url} does not know JSON.SET; use a server with the RedisJSON module, such as Redis 8 or Redis Stack"
        )
        await rapyer.teardown_rapyer()


async def test_a_cancelled_read_leaves_no_reply_behind(rapyer_redis_url: str) -> None:
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    one, two = await Counter(number=1).asave(), await Counter(number=2).asave()
    for _ in range(30):
        read = asyncio.ensure_future(Counter.aget(one.key))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        read.cancel()
        assert (await Counter.aget(two.key)).number == 2
    await source.aclose()


async def test_a_thousand_commands_at_once(rapyer_redis_url: str) -> None:
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    counter: Any = await Counter().asave()
    await asyncio.gather(*(counter.number.aincrease() for _ in range(1000)))
    assert (await Counter.aget(counter.key)).number == 1000
    await source.aclose()
