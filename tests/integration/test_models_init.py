"""Connecting and letting go; what a class is configured with."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

import rapyer
from rapyer import AtomicRedisModel, Index, RedisConfig, init_rapyer, teardown_rapyer
from rapyer.errors import ConfigError, UnsupportedIndexedFieldError
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator


class Initial(AtomicRedisModel):
    number: Index[int] = 0
    name: str = ""


class InitialOwn(AtomicRedisModel):
    name: str = ""


class InitialOutside(AtomicRedisModel):
    Meta = RedisConfig(init_with_rapyer=False)
    name: str = ""


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the models of other test modules out of what `init_rapyer` configures."""
    monkeypatch.setattr(registry, "_models", {"Initial": Initial, "InitialOwn": InitialOwn})
    InitialOwn.Meta.redis = "redis://localhost:1/0"
    yield
    InitialOwn.Meta.redis = None
    for model in (Initial, InitialOwn, InitialOutside):
        model.Meta.ttl = None


@pytest.fixture
async def client(rapyer_redis_url: str) -> Any:
    client = Redis.from_url(rapyer_redis_url, decode_responses=True)
    await client.flushall()
    yield client
    await client.aclose()


async def test_with_a_url(rapyer_redis_url: str, client: Redis) -> None:
    await init_rapyer(rapyer_redis_url)
    made = Initial().redis_client
    assert made.connection_pool.connection_kwargs["decode_responses"] is True
    assert Initial().redis_client is made
    model = await Initial(number=1).asave()
    assert await Initial.afind(Initial.number == 1) == [model]
    await teardown_rapyer()
    assert registry.bound is False


async def test_with_a_client(client: Redis) -> None:
    await init_rapyer(client)
    model = Initial()
    assert model.client is model.redis_client is client
    assert await model.client_json.get("nothing") is None  # type: ignore[misc]
    await model.asave()
    async with model.apipeline():
        await model.name.asave()  # type: ignore[attr-defined]
        queued: Any = model.client
        assert [command.name for command in queued.commands] == ["JSON.SET"]
        assert model.redis_client is client


async def test_without_arguments_and_twice(client: Redis, rapyer_redis_url: str) -> None:
    await init_rapyer(client, ttl=60)
    await init_rapyer()
    await init_rapyer(rapyer_redis_url)
    assert Initial.Meta.ttl == 60
    model = await Initial().asave()
    assert 0 < await client.ttl(model.key) <= 60
    await teardown_rapyer()


async def test_again_with_a_url(rapyer_redis_url: str, client: Redis) -> None:
    await init_rapyer(rapyer_redis_url)
    first = registry.source.client()
    await init_rapyer(rapyer_redis_url)
    assert registry.source.client() is first
    await first.client_setname("replaced")
    await init_rapyer(rapyer_redis_url + "?client_name=replacing")
    assert registry.source.client() is not first
    assert "replaced" not in {entry["name"] for entry in await client.client_list()}
    await teardown_rapyer()


async def test_all_models_are_connected_before_anything_is_sent() -> None:
    with pytest.raises(RedisConnectionError):
        await init_rapyer("redis://localhost:1/0", ttl=5, prefer_normal_json_dump=True)
    assert registry.source_for(Initial).describe() == "redis://localhost:1/0"
    assert (Initial.Meta.ttl, Initial.Meta.prefer_normal_json_dump) == (5, True)
    with pytest.raises(RedisConnectionError):
        await init_rapyer("redis://localhost:1/0", prefer_normal_json_dump=False)
    assert (Initial.Meta.ttl, Initial.Meta.prefer_normal_json_dump) == (5, False)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapyer.session.retry.DEADLINE", 0.05)


async def test_a_bad_index_leaves_all_models_connected(client: Redis) -> None:
    class InitialBad(AtomicRedisModel):
        many: Index[dict[str, bytes]] = {}

    with pytest.raises(UnsupportedIndexedFieldError, match="InitialBad.many"):
        await init_rapyer(client, ttl=7)
    assert Initial().redis_client is client
    assert Initial.Meta.ttl == 7


async def test_something_else_is_no_server() -> None:
    with pytest.raises(ConfigError, match="init_rapyer cannot connect to a int; give it a URL such as"):
        await init_rapyer(5)  # type: ignore[arg-type]
    Initial.Meta.redis = 5
    with pytest.raises(
        ConfigError, match="Initial.Meta.redis is a int; give it a redis.asyncio.Redis client or a URL"
    ):
        await Initial.aget("x")
    Initial.Meta.redis = None


async def test_classes_of_their_own_connection(client: Redis) -> None:
    await init_rapyer(client)
    assert registry.source_for(InitialOwn).describe() == "redis://localhost:1/0"
    InitialOwn.Meta.redis = client
    model = await InitialOwn(name="x").asave()
    assert await InitialOwn.aget(model.key) == model
    InitialOwn.Meta.redis = "redis://localhost:1/0"


async def test_classes_that_stay_outside(client: Redis) -> None:
    await init_rapyer(client, ttl=60)
    assert InitialOutside not in rapyer.find_redis_models()
    assert InitialOutside.Meta.ttl is None
    model = await InitialOutside(name="x").asave()
    assert await InitialOutside.aget(model.key) == model


async def test_a_class_defined_later_works(client: Redis) -> None:
    await init_rapyer(client)

    class InitialLater(Initial):
        more: Index[int] = 5

    model = await InitialLater().asave()
    assert await InitialLater.afind(InitialLater.more == 5) == [model]
    assert await InitialLater.afind(InitialLater.number == 0) == [model]
    assert await Initial.afind(Initial.number == 0) == []
    assert InitialLater in rapyer.find_redis_models()


async def test_a_changed_index_is_replaced_or_kept(client: Redis) -> None:
    await init_rapyer(client)
    model = await Initial(number=1, name="x").asave()

    def grown() -> Any:
        class Initial(AtomicRedisModel):
            number: Index[int] = 0
            name: Index[str] = ""

        return Initial

    changed = grown()
    await init_rapyer(client, override_old_idx=False)
    assert await _indexed(client) == ["number"]
    await init_rapyer(client)
    assert await _indexed(client) == ["number", "name"]
    assert (await changed.afind_one(changed.name == "x")).key == model.key


async def _indexed(client: Redis) -> list[str]:
    info: Any = await client.execute_command("FT.INFO", "idx:Initial")
    rows = info["attributes"] if isinstance(info, dict) else info[info.index("attributes") + 1]
    return [row["attribute"] if isinstance(row, dict) else row[row.index("attribute") + 1] for row in rows]


async def test_every_client_is_closed_once(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Any] = []
    close = Redis.aclose

    async def counting(self: Any, *arguments: Any) -> None:
        closed.append(self)
        await close(self, *arguments)

    shared = Redis.from_url(rapyer_redis_url, decode_responses=True)
    monkeypatch.setattr(Redis, "aclose", counting)
    await init_rapyer(shared)
    Initial.Meta.redis = shared
    InitialOwn.Meta.redis = rapyer_redis_url
    await Initial().asave()
    await InitialOwn().asave()
    await teardown_rapyer()
    assert closed.count(shared) == 1
    assert len(closed) == len({id(one) for one in closed}) == 2
    Initial.Meta.redis, InitialOwn.Meta.redis = None, "redis://localhost:1/0"


async def test_the_logger_is_taken_over(client: Redis) -> None:
    ours = logging.getLogger("rapyer")
    before = ours.level, list(ours.handlers)
    given = logging.getLogger("of the application")
    given.setLevel(logging.DEBUG)
    given.addHandler(handler := logging.NullHandler())
    await init_rapyer(client)
    assert (ours.level, ours.handlers) == before
    await init_rapyer(client, logger=given)
    assert (ours.level, ours.handlers) == (logging.DEBUG, [handler])
    ours.setLevel(before[0])
    ours.handlers = before[1]


async def test_options_take_effect_at_the_next_call(client: Redis) -> None:
    await init_rapyer(client)
    model = await Initial().asave()
    assert await client.ttl(model.key) == -1
    Initial.Meta.ttl = 50
    await model.asave()
    assert 0 < await client.ttl(model.key) <= 50
    Initial.Meta = RedisConfig(ttl=500)
    await model.asave()
    assert 50 < await client.ttl(model.key) <= 500
    assert InitialOwn.Meta.ttl is None
    Initial.Meta = RedisConfig()


async def test_a_server_that_may_evict_models_is_warned_of(
    rapyer_redis_url: str, raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await raw.config_set("maxmemory", "1gb")
    await raw.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with caplog.at_level(logging.WARNING, logger="rapyer"):
            await rapyer.init_rapyer(rapyer_redis_url)
    finally:
        await raw.config_set("maxmemory", "0")
        await raw.config_set("maxmemory-policy", "noeviction")
        await rapyer.teardown_rapyer()
    assert caplog.messages == [
        f"{rapyer_redis_url} deletes any key when its memory is full (maxmemory-policy allkeys-lru): models will "
        "vanish; use noeviction, or a volatile policy and a time to live"
    ]


async def test_a_connection_that_may_not_ask_is_taken_as_it_is(rapyer_redis_url: str, raw: Redis) -> None:
    await raw.execute_command("ACL", "SETUSER", "asker", "on", ">secret", "~*", "+@all", "-info", "-command")
    try:
        client = Redis.from_url(rapyer_redis_url, username="asker", password="secret")
        await rapyer.init_rapyer(client)
    finally:
        await rapyer.teardown_rapyer()
        await raw.execute_command("ACL", "DELUSER", "asker")
