"""Connecting, indexes and finding at their edges: what is made on the server, and what is left alone."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, Index, Key, RapyerKey, init_rapyer, teardown_rapyer
from rapyer.errors import KeyNotFound, RapyerModelDoesntExistError, UnsupportedIndexedFieldError
from rapyer.model.registry import registry

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from redis.asyncio import Redis

T = TypeVar("T")


class InitEdgeAddress(BaseModel):
    city: Index[str] = ""
    street: str = ""


class InitEdgeUser(AtomicRedisModel):
    id: Key[str]
    name: Index[str] = ""
    age: Annotated[int, Index] = 0
    height: Annotated[float, Index()] = 0.0
    born: Index[dt.datetime] = dt.datetime(2000, 1, 1)
    note: str = ""
    address: InitEdgeAddress = InitEdgeAddress()

    @classmethod
    def class_key_initials(cls) -> str:
        return "init:edge"


class InitEdgeChild(InitEdgeUser):
    more: Index[int] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "InitEdgeChild"


class InitEdgePlain(AtomicRedisModel):
    name: str = ""


class InitEdgeCrate(AtomicRedisModel, Generic[T]):
    content: T


OURS = (InitEdgeUser, InitEdgeChild, InitEdgePlain)


@pytest.fixture(autouse=True)
async def _connected(raw: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Connect the models of this module alone."""
    monkeypatch.setattr(registry, "_models", {model.__name__: model for model in OURS})
    yield
    for model in OURS:
        model.Meta.ttl = None


async def _schema(raw: Redis, index: str) -> list[tuple[str, str, str]]:
    """Return path, name and type of each attribute of an index."""
    info = await raw.execute_command("FT.INFO", index)
    rows = info[info.index("attributes") + 1]
    return [(row[1], row[3], row[5]) for row in rows]


async def _prefixes(raw: Redis, index: str) -> list[str]:
    info = await raw.execute_command("FT.INFO", index)
    definition = info[info.index("index_definition") + 1]
    return list(definition[definition.index("prefixes") + 1])


async def test_the_index_holds_the_indexed_fields_and_no_others(raw: Redis, rapyer_redis_url: str) -> None:
    """Each indexed field by path, name and kind, inner ones dotted; key fields and others are not in it."""
    await init_rapyer(rapyer_redis_url)
    assert InitEdgeUser.index_name() == "idx:init:edge"
    schema = await _schema(raw, InitEdgeUser.index_name())
    assert [(path, name) for path, name, _ in schema] == [
        ("$.name", "name"),
        ("$.age", "age"),
        ("$.height", "height"),
        ("$.born", "born"),
        ("$.address.city", "address.city"),
    ]
    assert [kind for _, name, kind in schema if name in {"age", "height", "born"}] == ["NUMERIC"] * 3
    assert await _prefixes(raw, InitEdgeUser.index_name()) == ["init:edge:"]
    user = await InitEdgeUser(id="a", age=5).asave()
    assert user.key == "init:edge:a"
    assert await InitEdgeUser.afind(InitEdgeUser.age == 5) == [user]
    await teardown_rapyer()


async def test_a_child_class_has_an_index_of_its_own(raw: Redis, rapyer_redis_url: str) -> None:
    """The child's index has the inherited fields and its own, under its prefix; each finds only its own."""
    await init_rapyer(rapyer_redis_url)
    names = [name for _, name, _ in await _schema(raw, InitEdgeChild.index_name())]
    assert set(names) == {"name", "age", "height", "born", "address.city", "more"}
    parent, child = await InitEdgeUser(id="x").asave(), await InitEdgeChild(id="x").asave()
    assert await InitEdgeUser.afind(InitEdgeUser.age == 0) == [parent]
    assert await InitEdgeChild.afind(InitEdgeChild.more == 0) == [child]
    await teardown_rapyer()


async def test_a_class_without_indexed_fields_gets_no_index(raw: Redis, rapyer_redis_url: str) -> None:
    """`init_rapyer` makes an index for each class that has indexed fields, and none for others."""
    await init_rapyer(rapyer_redis_url)
    assert sorted(await raw.execute_command("FT._LIST")) == ["idx:InitEdgeChild", "idx:init:edge"]
    assert await InitEdgePlain.acreate_index() is False
    assert await InitEdgePlain.adelete_index() is False
    await teardown_rapyer()


@pytest.mark.parametrize(
    "kind", [dict[str, bytes], complex, Any, bytes | None, list[dict[str, bool]]], ids=str
)
async def test_an_index_that_a_type_does_not_allow_is_named(kind: Any, rapyer_redis_url: str) -> None:
    """The error names the field, wherever it shows up, and no document is lost; other models stay connected."""

    class InitEdgeWrong(AtomicRedisModel):
        bad: Annotated[kind, Index()] = None

    user = await InitEdgeUser(id="kept").asave()
    for call in (InitEdgeWrong.acreate_index(), init_rapyer(rapyer_redis_url)):
        with pytest.raises(UnsupportedIndexedFieldError, match="InitEdgeWrong.bad"):
            await call
    with pytest.raises(UnsupportedIndexedFieldError, match="InitEdgeWrong.bad"):
        InitEdgeWrong.redis_schema()
    assert await InitEdgeUser.aget(user.key) == user
    await teardown_rapyer()


async def test_connecting_disconnecting_and_connecting_again(raw: Redis, rapyer_redis_url: str) -> None:
    """Everything works after `teardown_rapyer` and a new `init_rapyer`; documents and options stay."""
    await init_rapyer(rapyer_redis_url, ttl=100)
    user = await InitEdgeUser(id="a").asave()
    await teardown_rapyer()
    await teardown_rapyer()
    assert registry.bound is False
    await init_rapyer(rapyer_redis_url)
    assert await InitEdgeUser.afind(InitEdgeUser.age == 0) == [user]
    assert InitEdgeUser.Meta.ttl == 100
    assert 0 < await raw.ttl(user.key) <= 100
    await init_rapyer()
    assert await InitEdgeUser.aget("a") == user
    await teardown_rapyer()


async def test_one_client_and_a_bounded_pool_for_a_url(rapyer_redis_url: str) -> None:
    """A URL makes one client per event loop, which gives text, and waits where all connections are in use."""
    await init_rapyer(rapyer_redis_url)
    client = InitEdgeUser(id="a").redis_client
    assert client is InitEdgePlain().redis_client
    assert client.connection_pool.connection_kwargs["decode_responses"] is True
    most = client.connection_pool.max_connections
    models = await asyncio.gather(*(InitEdgePlain(name=str(n)).asave() for n in range(4 * most)))
    assert len(await InitEdgePlain.afind_keys()) == len(models)
    assert len(await client.client_list()) <= most + 2
    await teardown_rapyer()


async def test_a_generic_class_lists_its_own(rapyer_redis_url: str) -> None:
    """Brackets in a class's prefix are no glob: each parametrisation lists and finds what it stored."""
    await init_rapyer(rapyer_redis_url)
    number, text = await InitEdgeCrate[int](content=1).asave(), await InitEdgeCrate[str](content="x").asave()
    assert number.key.startswith("InitEdgeCrate[int]:")
    assert await InitEdgeCrate[int].afind() == [number]
    assert await InitEdgeCrate[str].afind_keys() == [text.key]
    assert await rapyer.aget(number.key) == number
    assert isinstance(number.key, RapyerKey)
    names = [model.__name__ for model in rapyer.find_redis_models()]
    assert ("InitEdgeCrate[int]" in names, "InitEdgeCrate[str]" in names, "InitEdgeCrate" in names) == (
        True,
        True,
        False,
    )
    await teardown_rapyer()


async def test_many_keys_are_listed_up_to_the_limit() -> None:
    """`afind_keys(max_results)` never gives more, even where one SCAN step meets thousands of keys."""
    await InitEdgePlain.ainsert(*(InitEdgePlain() for _ in range(2500)))
    for limit in (1, 999, 1000, 1001, 2500, 9999):
        keys = await InitEdgePlain.afind_keys(limit)
        assert len(keys) == len(set(keys)) == min(limit, 2500)
    assert len(await InitEdgePlain.afind()) == 2500
    assert len(await InitEdgePlain.afind(max_results=1500)) == 1500


@pytest.mark.parametrize(
    "key", ["nonsense", "", ":", "InitEdgePlain:", ":1", "Nobody:1", "InitEdgePlain:nobody"]
)
async def test_what_is_nowhere_does_not_exist(key: str) -> None:
    """Asked about a key that is none, or whose class or document is unknown: no instance, and it is not there."""
    assert await rapyer.aexists(key) is False
    assert await rapyer.afind_one(key) is None
    with pytest.raises((KeyError, ValueError)):
        await rapyer.aget(key)
    async with rapyer.alock_from_key(key) as model:
        assert model is None


async def test_deleting_what_is_not_there_is_counted_as_it_is() -> None:
    """Counts say what went: stale instances, missing keys and repeated ones count nothing."""
    one, two, stale = await InitEdgePlain.ainsert(InitEdgePlain(), InitEdgePlain(), InitEdgePlain())
    await stale.adelete()
    result = await rapyer.adelete_many(one, one.key, two.key, stale, "InitEdgePlain:never")
    assert (result.models_deleted, result.keys_deleted, result.was_committed) == (2, 2, True)
    assert result.by_model == {InitEdgePlain: 2}
    with pytest.raises(RapyerModelDoesntExistError, match="no model class has keys that start with Nobody:"):
        await rapyer.adelete_many("Nobody:1")
    empty = await InitEdgePlain.adelete_many(stale)
    assert (empty.models_deleted, empty.keys_deleted) == (0, 0)


async def test_what_vanishes_while_it_is_found_is_told(
    raw: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents that are deleted between listing and reading are left out with one warning that names them."""
    kept, gone = await InitEdgePlain.ainsert(InitEdgePlain(name="kept"), InitEdgePlain(name="gone"))
    listed = [kept.key, gone.key]

    async def scanned(*_: Any) -> AsyncGenerator[list[str], None]:
        await raw.delete(gone.key)
        yield listed

    monkeypatch.setattr("rapyer.model.load.scanned", scanned)
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert await InitEdgePlain.afind() == [kept]
    assert [record.getMessage() for record in caplog.records] == [
        f"InitEdgePlain.afind left out 1 of its documents: 0 corrupt, 1 gone ({gone.key})"
    ]
    with pytest.raises(KeyNotFound, match=f"no InitEdgePlain is stored under {gone.key}"):
        await InitEdgePlain.afind(kept, gone)
    assert await rapyer.afind(str(gone.key), str(kept.key), skip_missing=True) == [kept]
