"""Models on a cluster: what works on one server works here, across slots and nodes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.commands.slots import slot_of
from rapyer.errors import (
    ConfigError,
    CrossSlotError,
    KeyExistsError,
    KeyNotFound,
    PartlyAppliedError,
    UnsupportedArgumentValueError,
)
from rapyer.fields import Key
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class ClusterUser(AtomicRedisModel):
    name: str = "Ada"
    visits: int = 0
    tags: list[str] = []
    limits: dict[str, int] = {}


class ClusterBook(AtomicRedisModel):
    isbn: Annotated[str, Key()]
    title: str = ""


class ClusterBird(AtomicRedisModel):
    wings: int = 2


def _users(number: int) -> list[ClusterUser]:
    return [ClusterUser(name=str(at), visits=at) for at in range(number)]


def _stored(nodes: TestCluster) -> list[int]:
    return [int(node.ask("DBSIZE")) for node in nodes.primaries]


async def test_operations_on_single_models(nodes: TestCluster) -> None:
    users: list[Any] = [await user.asave() for user in _users(30)]
    assert len({slot_of(user.key) for user in users}) > 20
    assert all(_stored(nodes))
    for number, user in enumerate(users):
        assert (await ClusterUser.aget(user.key)).name == str(number)
        await user.tags.aextend(["a", "b"])
        assert await user.visits.aincrease(3) == number + 3
        assert await user.tags.apop(0) == "a"
        await user.limits.aset_item("day", 1)
        await user.aupdate(name="x", visits=4)
        await user.aset_ttl(100)
        await user.aload()
        assert (user.name, user.visits, user.tags, user.limits) == ("x", 4, ["b"], {"day": 1})
        assert await ClusterUser.aexists(user.key)
        assert await user.adelete()
        assert not await ClusterUser.aexists(user.key)


async def test_many_are_inserted_and_read_in_order(nodes: TestCluster) -> None:
    users = _users(600)
    assert await ClusterUser.ainsert(*users) == users
    assert sum(_stored(nodes)) == 600
    keys = [user.key for user in reversed(users)]
    assert [user.visits for user in await ClusterUser.afind(*keys)] == list(reversed(range(600)))
    await users[5].adelete()
    with pytest.raises(KeyNotFound, match=users[5].key):
        await ClusterUser.afind(*keys)
    found = await rapyer.afind(*keys, skip_missing=True)
    assert [user.key for user in found] == [key for key in keys if key != users[5].key]


async def test_every_primary_is_listed() -> None:
    users = await ClusterUser.ainsert(*_users(300))
    assert set(await ClusterUser.afind_keys()) == {user.key for user in users}
    assert {user.visits for user in await ClusterUser.afind()} == set(range(300))
    assert len(await ClusterUser.afind_keys(7)) == 7
    assert len(await ClusterUser.afind(max_results=7)) == 7


async def test_deleting_many_counts_what_was_there(nodes: TestCluster) -> None:
    users = await ClusterUser.ainsert(*_users(50))
    birds = await ClusterBird.ainsert(*(ClusterBird() for _ in range(10)))
    ClusterUser.Meta.max_delete_per_transaction = 7
    assert (await ClusterUser.adelete_many(*users[:20], "missing")).models_deleted == 20
    result = await rapyer.adelete_many(*users, *birds)
    assert result.models_deleted == 40
    assert result.by_model == {ClusterUser: 30, ClusterBird: 10}
    assert sum(_stored(nodes)) == 0


async def test_time_to_live(nodes: TestCluster) -> None:
    ClusterUser.Meta.ttl = 50
    one, *others = await ClusterUser.ainsert(*_users(5))
    await one.asave()
    for user in (one, *others):
        assert 45 < int(nodes.node_of(user.key).ask("TTL", user.key)) <= 50


async def test_keys_that_are_taken_stop_all_or_are_skipped(nodes: TestCluster) -> None:
    users = _users(40)
    await users[17].asave()
    with pytest.raises(KeyExistsError, match=users[17].key):
        await ClusterUser.ainsert(*users, on_conflict="error")
    assert sum(_stored(nodes)) == 1
    stored = await ClusterUser.ainsert(*users, on_conflict="skip")
    assert stored == [user for user in users if user is not users[17]]
    assert sum(_stored(nodes)) == 40


async def test_inserting_in_one_step_needs_one_slot(nodes: TestCluster) -> None:
    users = _users(3)
    for on_conflict in ("replace", "error", "skip"):
        with pytest.raises(CrossSlotError) as raised:
            await ClusterUser.ainsert(*users, on_conflict=on_conflict, atomic=True)  # type: ignore[arg-type]
    assert raised.value.keys == tuple(user.key for user in users)
    assert str(raised.value) == (
        f"ainsert cannot be one step: its keys live in 3 slots of the cluster ({', '.join(raised.value.keys)}); "
        "give keys that belong together one hash tag, such as Order:{7}:a and Order:{7}:b"
    )
    with pytest.raises(CrossSlotError):
        await rapyer.ainsert(*users, ClusterBird(), atomic=True)
    assert sum(_stored(nodes)) == 0
    books = [ClusterBook(isbn=f"{{shelf}}:{number}") for number in range(5)]
    await ClusterBook.ainsert(*books, atomic=True)
    assert len({slot_of(book.key) for book in books}) == 1
    with pytest.raises(UnsupportedArgumentValueError):
        await ClusterBook.ainsert(*books, on_conflict="maybe")  # type: ignore[arg-type]


async def test_deleting_in_one_step_needs_one_slot(nodes: TestCluster) -> None:
    users = await ClusterUser.ainsert(*_users(3))
    books = await ClusterBook.ainsert(*(ClusterBook(isbn=f"{{shelf}}:{number}") for number in range(5)))
    ClusterBook.Meta.max_delete_per_transaction = 2
    with pytest.raises(CrossSlotError, match="adelete_many cannot be one step: its keys live in 3 slots"):
        await ClusterUser.adelete_many(*users, atomic=True)
    with pytest.raises(CrossSlotError):
        await rapyer.adelete_many(*users, *books, atomic=True)
    assert sum(_stored(nodes)) == 8
    assert (await ClusterBook.adelete_many(*books[:3], atomic=True)).models_deleted == 3
    result = await rapyer.adelete_many(*books, atomic=True)
    assert (result.models_deleted, result.was_committed, result.by_model) == (2, True, {ClusterBook: 2})


async def test_a_key_of_another_type_stops_its_slot_alone(nodes: TestCluster) -> None:
    users = _users(4)
    nodes.node_of(users[2].key).ask("SET", users[2].key, "text")
    with pytest.raises(PartlyAppliedError) as raised:
        await ClusterUser.ainsert(*users)
    error = raised.value
    assert set(error.applied_keys) == {users[0].key, users[1].key, users[3].key}
    assert (error.failed_keys, error.key) == ((users[2].key,), users[2].key)
    assert str(error) == (
        f"the cluster applied the changes of {users[0].key}, {users[1].key}, {users[3].key}, but not those of "
        f"{users[2].key}: {users[2].key} holds another Redis type than a JSON document; use another key; "
        "what lives in different slots is not changed in one step; repeat what failed"
    )
    with pytest.raises(PartlyAppliedError):
        await ClusterUser.adelete_many(*users)
    assert sum(_stored(nodes)) == 1


async def test_duplicates_live_in_slots_of_their_own(nodes: TestCluster) -> None:
    user: Any = await ClusterUser(name="Ada", tags=["a"], visits=2**53 + 1).asave()
    nodes.node_of(user.key).ask("EXPIRE", user.key, 100)
    copies = await user.aduplicate_many(20)
    assert len({slot_of(copy.key) for copy in copies}) > 10
    for copy in copies:
        assert (await ClusterUser.aget(copy.key)).redis_dump() == user.redis_dump()
        assert 95 < int(nodes.node_of(copy.key).ask("TTL", copy.key)) <= 100
    other = await user.aduplicate(name="Bob")
    assert (await ClusterUser.aget(other.key)).name == "Bob"
    book = await ClusterBook(isbn="1", title="One").asave()
    second = await book.aduplicate(isbn="2")
    assert (second.isbn, (await ClusterBook.aget("2")).title) == ("2", "One")
    with pytest.raises(KeyExistsError, match="ClusterBook:2"):
        await book.aduplicate(isbn="2")
    await user.adelete()
    with pytest.raises(KeyNotFound, match=user.key):
        await user.aduplicate()


async def test_a_duplicate_beside_its_model_is_one_step() -> None:
    book = await ClusterBook(isbn="{shelf}:1", title="One").asave()
    async with book.apipeline():
        await book.aduplicate(isbn="{shelf}:2")
    assert (await ClusterBook.aget("{shelf}:2")).title == "One"
    with pytest.raises(CrossSlotError, match="script duplicate cannot be one step"):
        async with book.apipeline():
            book.title = "lost"
            await book.aduplicate(isbn="3")
    assert (await ClusterBook.aget(book.key)).title == "One"


@pytest.mark.parametrize(
    "pk", ["a}b", "{a}b", "}", "{}", "{}x", "a{b", "x{y}z", "{", ":", "a:b", "{{a}}", "ключ"]
)
async def test_any_primary_key(pk: str, nodes: TestCluster) -> None:
    ClusterBook.Meta.exactly_once = True
    book: Any = await ClusterBook(isbn=pk, title="x").asave()
    async with book.apipeline():
        book.title += "y"
    async with book.alock(save_at_end=True) as locked:
        locked.title += "z"
    assert (await ClusterBook.aget(ClusterBook(isbn=pk).key)).title == "xyz"


async def test_exactly_once(nodes: TestCluster) -> None:
    ClusterUser.Meta.exactly_once = True
    users: list[Any] = await ClusterUser.ainsert(*_users(6))
    for number, user in enumerate(users):
        assert await user.visits.aincrease(1) == number + 1
    async with rapyer.apipeline():
        for user in users:
            user.visits += 10
            user.tags.append("x")
    assert [user.visits for user in await ClusterUser.afind(*users)] == [number + 11 for number in range(6)]
    tokens = sum(len(node.ask("KEYS", "__rapyer_once__:*")) for node in nodes.primaries)
    assert tokens == 6 + 6


async def test_connecting_and_letting_go(nodes: TestCluster, caplog: pytest.LogCaptureFixture) -> None:
    client = RedisCluster(host="127.0.0.1", port=nodes.primaries[1].port, decode_responses=True, protocol=2)
    nodes.primaries[2].ask("CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lru")
    try:
        with caplog.at_level(logging.WARNING, "rapyer"):
            await rapyer.init_rapyer(client, ttl=60)
        assert f"127.0.0.1:{nodes.primaries[2].port} deletes any key when its memory is full" in caplog.text
        assert registry.source.describe() == f"the cluster at 127.0.0.1:{nodes.primaries[1].port}"
        user = await ClusterUser().asave()
        assert await user.redis_client.ttl(user.key) > 0
    finally:
        nodes.primaries[2].ask("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
        await rapyer.teardown_rapyer()
    assert all(not connection.is_connected for node in client.get_nodes() for connection in node._connections)


async def test_one_class_on_the_cluster(rapyer_redis_url: str, client: RedisCluster) -> None:
    registry.bind(ClientSource.from_url(rapyer_redis_url))
    ClusterUser.Meta.redis = client
    user = await ClusterUser().asave()
    assert await client.exists(user.key)
    bird = await ClusterBird().asave()
    assert not await client.exists(bird.key)
    with pytest.raises(rapyer.errors.CrossSourceError, match="the cluster at 127.0.0.1"):
        await rapyer.ainsert(user, bird)
    await registry.source.aclose()


async def test_clients_from_a_factory(nodes: TestCluster) -> None:
    def make() -> RedisCluster:
        return RedisCluster(host="127.0.0.1", port=nodes.primaries[0].port)

    source = ClientSource.from_factory(make, cluster=True)
    assert source.is_cluster
    registry.bind(source)
    users = await ClusterUser.ainsert(*_users(20))
    assert len(await ClusterUser.afind(*users)) == 20
    await source.aclose()
    wrong = ClientSource.from_factory(make)
    assert not wrong.is_cluster
    registry.bind(wrong)
    with pytest.raises(ConfigError) as raised:
        await ClusterUser().asave()
    assert str(raised.value) == (
        "the factory of the source made a RedisCluster; give ClientSource.from_factory cluster=True"
    )


async def test_a_client_of_the_wrong_kind_is_named(nodes: TestCluster, rapyer_redis_url: str) -> None:
    one = Redis(port=nodes.primaries[0].port)
    registry.bind(ClientSource.from_client(one))
    with pytest.raises(ConfigError) as raised:
        for user in _users(20):
            await user.asave()
    assert "JSON.SET: the server is a node of a cluster (" in str(raised.value)
    assert str(raised.value).endswith("; give a client for clusters: redis.asyncio.RedisCluster")
    with pytest.raises(ConfigError, match="the server is a node of a cluster"):
        await ClusterUser.ainsert(*_users(5))
    await one.aclose()


async def test_a_server_that_is_no_cluster_is_named(single_server: int) -> None:
    client = RedisCluster(host="127.0.0.1", port=single_server)
    registry.bind(ClientSource.from_client(client))
    with pytest.raises(ConfigError) as raised:
        await ClusterUser().asave()
    assert str(raised.value) == (
        f"the cluster at 127.0.0.1:{single_server} is no cluster; use redis.asyncio.Redis for a single server"
    )
    await client.aclose()


async def test_a_cluster_that_is_not_there_is_an_error_after_the_deadline() -> None:
    client = RedisCluster(host="127.0.0.1", port=1)
    registry.bind(ClientSource.from_client(client, deadline=0.3))
    with pytest.raises(RedisConnectionError, match="cannot be connected"):
        await ClusterUser().asave()
    await client.aclose()
