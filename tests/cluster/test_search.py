"""Searching on a cluster: each primary has an index, and a search asks all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.asyncio import RedisCluster

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import NotIndexedError
from rapyer.fields import Index, Key
from rapyer.model.registry import registry
from rapyer.search import find
from rapyer.session.clients import ClientSource
from rapyer.session.cluster import Cluster, Primary

if TYPE_CHECKING:
    from tests.cluster.nodes import TestCluster

pytestmark = pytest.mark.usefixtures("source")


class SlotBook(AtomicRedisModel):
    isbn: Annotated[str, Key()]
    title: Annotated[str, Index()] = ""
    pages: Annotated[int, Index()] = 0


async def _books(number: int = 400) -> list[SlotBook]:
    books = [SlotBook(isbn=str(at), title=f"t{at % 7}", pages=at) for at in range(number)]
    return await SlotBook.ainsert(*books)


def _isbns(books: Any) -> set[str]:
    return {str(book.isbn) for book in books}


async def test_every_primary_has_an_index_of_its_own(nodes: TestCluster) -> None:
    assert await SlotBook.acreate_index()
    names = [node.ask("FT._LIST") for node in nodes.primaries]
    assert all(len(own) == 1 and own[0].startswith("idx:SlotBook:{") for own in names)
    assert await SlotBook.adelete_index()
    assert not await SlotBook.adelete_index()
    assert [node.ask("FT._LIST") for node in nodes.primaries] == [[], [], []]


async def test_all_matches_are_found() -> None:
    books: Any = await _books()
    assert _isbns(await SlotBook.afind(SlotBook.title == "t3")) == {str(n) for n in range(400) if n % 7 == 3}
    assert _isbns(await SlotBook.afind(SlotBook.pages >= 0)) == _isbns(books)
    assert _isbns(await SlotBook.afind((SlotBook.pages < 10) & (SlotBook.title != "t3"))) == {
        str(n) for n in range(10) if n % 7 != 3
    }
    assert await SlotBook.afind(SlotBook.pages > 1000) == []
    assert _isbns(await SlotBook.afind()) == _isbns(books)


async def test_a_limit_holds_for_all_primaries_together() -> None:
    await _books(100)
    for limit in (0, 1, 10, 50, 70, 100, 200):
        found = await SlotBook.afind(SlotBook.pages >= 0, max_results=limit)
        assert len(found) == len(_isbns(found)) == min(limit, 100)
    result = await find.find(SlotBook, SlotBook.pages < 60, 10)
    assert (len(result.models), result.total) == (10, 60)
    assert await SlotBook.afind_one(SlotBook.pages == 42) == await SlotBook.aget("42")


async def test_replies_of_both_protocols_are_read(nodes: TestCluster) -> None:
    await _books(40)
    for options in ({"protocol": 2}, {"protocol": 3}, {"decode_responses": True}):
        client = RedisCluster(host="127.0.0.1", port=nodes.primaries[0].port, **options)  # type: ignore[arg-type]
        registry.bind(ClientSource.from_client(client), auto_index=True)
        assert len(await SlotBook.afind(SlotBook.pages < 30)) == 30
        assert len(await SlotBook.afind(SlotBook.pages < 30, max_results=5)) == 5
        assert len(await SlotBook.afind()) == len(await SlotBook.afind_keys()) == 40
        book: Any = await SlotBook.aget("7")
        async with book.alock(save_at_end=True) as locked:
            locked.pages = 7
        await client.aclose()


async def test_what_matches_is_deleted() -> None:
    await _books(100)
    assert (await SlotBook.adelete_many(SlotBook.pages < 30)).models_deleted == 30
    assert len(await SlotBook.afind_keys()) == 70


async def test_an_index_that_one_primary_has_lost_is_made_again(nodes: TestCluster) -> None:
    await _books(60)
    assert len(await SlotBook.afind(SlotBook.pages >= 0)) == 60
    name = nodes.primaries[1].ask("FT._LIST")[0]
    nodes.primaries[1].ask("FT.DROPINDEX", name)
    assert len(await SlotBook.afind(SlotBook.pages >= 0)) == 60
    nodes.primaries[2].ask("FT.DROPINDEX", nodes.primaries[2].ask("FT._LIST")[0])
    assert len(await SlotBook.afind()) == 60
    # That was SCAN, as the class's indexes did not hold all documents.
    assert nodes.primaries[2].ask("FT._LIST") == []
    registry.auto_index = False
    with pytest.raises(NotIndexedError, match="the index of SlotBook does not exist"):
        await SlotBook.afind(SlotBook.pages >= 0)


async def test_init_makes_the_indexes(client: Any, nodes: TestCluster) -> None:
    await rapyer.init_rapyer(client)
    await rapyer.init_rapyer(client)
    assert all(any("SlotBook" in name for name in node.ask("FT._LIST")) for node in nodes.primaries)


async def test_a_changed_class_gets_new_indexes(nodes: TestCluster) -> None:
    await _books(20)
    await SlotBook.acreate_index()
    before = [node.ask("FT._LIST") for node in nodes.primaries]

    class SlotBook2(AtomicRedisModel):
        title: Annotated[str, Index()] = ""
        pages: int = 0

        @classmethod
        def class_key_initials(cls) -> str:
            return "SlotBook"

    await SlotBook2.acreate_index()
    assert [len(node.ask("FT._LIST")) for node in nodes.primaries] == [1, 1, 1]
    for node, names in zip(nodes.primaries, before, strict=True):
        assert "pages" not in str(node.ask("FT.INFO", names[0]))
    assert len(await SlotBook2.afind(SlotBook2.title == "t0")) == 3


async def test_a_module_without_coordinator_is_recognised(source: ClientSource, monkeypatch: Any) -> None:
    assert isinstance(source.router, Cluster)
    names = await source.router.on_each(_name, searching=True)
    assert len(names) == 3
    assert all(name.startswith("idx:X:{") for name in names)
    monkeypatch.setattr(source.router, "_coordinates", True)
    assert await source.router.on_each(_name, searching=True) == ["idx:X"]
    assert len(await source.router.on_each(_name)) == 3


async def _name(server: ClientSource) -> str:
    assert isinstance(server.router, Primary)
    return server.router.local_name("idx:X")
