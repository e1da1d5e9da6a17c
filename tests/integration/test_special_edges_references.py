"""References at their edges: targets that went away, fetches inside of everything, and classes that refer to themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Optional

import pytest
from pydantic import BaseModel, TypeAdapter
from redis.asyncio import Redis

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, RedisConfig, afetch_all, init_rapyer
from rapyer.errors import KeyNotFound, NotResolvedError
from rapyer.types import RedisSet, Reference

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")


class EdgeRefPart(BaseModel):
    tags: set[str] = set()


class EdgeRefAuthor(AtomicRedisModel):
    name: str = "Ada"
    target_key: str = "own"
    is_resolved: str = "own"
    value: str = "own"
    tags: set[str] = set()
    part: EdgeRefPart = EdgeRefPart()


class EdgeRefShelf(BaseModel):
    author: Reference[EdgeRefAuthor] | None = None


class EdgeRefBook(AtomicRedisModel):
    author: Reference[EdgeRefAuthor]
    editor: Optional[Reference[EdgeRefAuthor]] = None  # noqa: UP045
    readers: list[Reference[EdgeRefAuthor]] = []
    roles: dict[str, Reference[EdgeRefAuthor]] = {}
    fans: RedisSet[Reference[EdgeRefAuthor]] = RedisSet()
    shelf: EdgeRefShelf = EdgeRefShelf()
    tags: set[str] = set()


class EdgeRefSilent(AtomicRedisModel):
    Meta = RedisConfig(
        ttl=1000, refresh_ttl=ActionGroup.all(for_ttl=True) & ~(ActionGroup.READ | ActionGroup.FETCH)
    )
    tags: set[str] = {"x"}


class EdgeRefHolder(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    one: Reference[EdgeRefSilent]
    many: list[Reference[EdgeRefSilent]] = []


class EdgeRefTree(AtomicRedisModel):
    name: str = ""
    parent: Reference["EdgeRefTree"] | None = None  # noqa: UP037 - the quotes are what is tested
    below: list[Reference["EdgeRefTree"]] = []  # noqa: UP037
    beside: set[Reference["EdgeRefTree"]] = set()  # noqa: UP037


async def book(**fields: Any) -> tuple[Any, Any]:
    author = await EdgeRefAuthor(name="Grace", tags={"t"}, part=EdgeRefPart(tags={"p"})).asave()
    stored: Any = await EdgeRefBook(author=author, tags={"b"}, **fields).asave()
    return stored, author


def everywhere(given: Any) -> dict[str, Any]:
    """Fields that refer to something in each place."""
    return {
        "editor": given,
        "readers": [given],
        "roles": {"a.b": given},
        "fans": [given],
        "shelf": {"author": given},
    }


def references(held: Any) -> list[Any]:
    return [
        held.author,
        held.editor,
        held.readers[0],
        held.roles["a.b"],
        next(iter(held.fans)),
        held.shelf.author,
    ]


# --- targets that went away -------------------------------------------------------------------------------------


async def test_a_target_that_was_deleted_hinders_nobody_but_who_fetches_it() -> None:
    author = await EdgeRefAuthor().asave()
    stored: Any = await EdgeRefBook(author=author, **everywhere(author.key)).asave()
    await author.adelete()
    for load in (
        lambda: EdgeRefBook.aget(stored.key),
        stored.aload,
        lambda: rapyer.aget(stored.key),
        lambda: EdgeRefBook.afind_one(stored.key),
    ):
        loaded: Any = await load()
        assert [one.target_key for one in references(loaded)] == [author.key] * 6
    (loaded,) = await EdgeRefBook.afind()
    for reference in references(loaded):
        with pytest.raises(KeyNotFound, match=f"no EdgeRefAuthor is stored under {author.key}") as raised:
            await reference.afetch()
        assert raised.value.key == author.key
        assert isinstance(raised.value, KeyError)
        with pytest.raises(NotResolvedError, match="is not loaded, so the target is not known"):
            _ = reference.value
    loaded.editor = None
    await loaded.asave()
    assert (await EdgeRefBook.aget(stored.key)).editor is None
    await author.asave()
    assert await loaded.author.afetch() == author


async def test_a_target_that_comes_back_is_found() -> None:
    stored = await EdgeRefBook(author="EdgeRefAuthor:later").asave()
    with pytest.raises(KeyNotFound):
        await stored.author.afetch()
    author = EdgeRefAuthor(name="late")
    author.pk = "later"
    await author.asave()
    assert await stored.author.afetch() == author


# --- fetching ---------------------------------------------------------------------------------------------------


async def test_references_to_one_target_are_fetched_each_for_itself() -> None:
    _, author = await book()
    stored: Any = await EdgeRefBook(author=author, **everywhere(author)).asave()
    loaded: Any = await EdgeRefBook.aget(stored.key)
    found = references(loaded)
    for number, reference in enumerate(found):
        assert [one.is_resolved for one in found] == [True] * number + [False] * (len(found) - number)
        fetched = await reference.afetch()
        assert fetched == author
        assert await reference.afetch() is fetched is reference.value
    assert len({id(one.value) for one in found}) == len(found)
    await found[2].aunload()
    assert [one.is_resolved for one in found] == [True, True, False, True, True, True]
    assert [one.target_key for one in found] == [author.key] * 6


async def test_many_tasks_that_fetch_one_reference_get_one_object_at_last() -> None:
    stored, author = await book()
    loaded: Any = await EdgeRefBook.aget(stored.key)
    fetched = await asyncio.gather(*(loaded.author.afetch() for _ in range(20)))
    assert all(one == author for one in fetched)
    assert await loaded.author.afetch() is loaded.author.value


async def test_a_resolved_reference_is_stored_as_its_key_in_every_place(raw: Redis) -> None:
    author = await EdgeRefAuthor().asave()
    stored: Any = await EdgeRefBook(author=author, **everywhere(author.key)).asave()
    loaded: Any = await EdgeRefBook.aget(stored.key)
    await afetch_all(
        loaded,
        EdgeRefBook.author,
        EdgeRefBook.editor,
        EdgeRefBook.readers,
        EdgeRefBook.roles,
        EdgeRefBook.fans,
    )
    await loaded.shelf.author.afetch()
    assert all(one.is_resolved for one in references(loaded))
    before = await raw.json().get(stored.key)
    await loaded.asave()
    for part in (loaded.readers, loaded.roles, loaded.shelf):
        await part.asave()
    await EdgeRefBook.ainsert(loaded)
    assert await raw.json().get(stored.key) == before
    assert await raw.smembers(loaded.fans.special_key) == {f'"{author.key}"'}
    assert author.name == "Ada"


async def test_a_fetched_target_uses_its_own_keys_and_paths(raw: Redis) -> None:
    stored, author = await book()
    loaded: Any = await EdgeRefBook.aget(stored.key)
    fetched = await loaded.author.afetch()
    assert fetched.tags.special_key == f"__rapyer_special__:{author.key}:tags"
    assert fetched.part.tags.special_key == f"__rapyer_special__:{author.key}:part.tags"
    assert (fetched.name.json_path, fetched.part.json_path) == ("$.name", "$.part")
    await loaded.author.tags.aadd("new")
    await fetched.part.tags.aadd("new")
    assert await author.tags.amembers() == {"t", "new"}
    assert await author.part.tags.amembers() == {"p", "new"}
    assert await loaded.tags.amembers() == {"b"}
    async with loaded.apipeline():
        target = await loaded.author.afetch()
        target.tags.add("queued")
        target.name += "!"
        loaded.tags.add("queued")
    assert await author.tags.amembers() == {"t", "new", "queued"}
    assert (await EdgeRefAuthor.aget(author.key)).name == "Grace!"
    assert await loaded.tags.amembers() == {"b", "queued"}


async def test_names_of_the_reference_are_never_those_of_the_target() -> None:
    stored, author = await book()
    for reference in (stored.author, (await EdgeRefBook.aget(stored.key)).author):
        await reference.afetch()
        assert (reference.target_key, reference.is_resolved) == (author.key, True)
        assert isinstance(reference.value, EdgeRefAuthor)
        assert (reference.value.target_key, reference.value.is_resolved, reference.value.value) == (
            "own",
        ) * 3


async def test_fetching_leaves_the_times_of_quiet_targets_and_of_the_owner(raw: Redis) -> None:
    targets = [await EdgeRefSilent().asave() for _ in range(3)]
    owner: Any = await EdgeRefHolder(one=targets[0], many=targets[1:]).asave()
    for model in (*targets, owner):
        for key in model.all_keys:
            await raw.expire(key, 50)
    for reference in (owner.one, *owner.many):
        await reference.aunload()
        await reference.afetch()
        await reference.aunload()
    assert (await afetch_all(owner, EdgeRefHolder.one, EdgeRefHolder.many)).loaded == 3
    for model in (*targets, owner):
        assert {await raw.ttl(key) <= 50 for key in model.all_keys} == {True}


# --- values and schemas -----------------------------------------------------------------------------------------


async def test_equal_keys_are_one_element_of_a_python_set_and_of_a_redis_set() -> None:
    stored, author = await book()
    same = [Reference[EdgeRefAuthor](author), Reference[EdgeRefAuthor](author.key), stored.author]
    assert len({hash(one) for one in same}) == len(set(same)) == 1
    await stored.fans.aadd_many([*same, author, author.key])
    assert await stored.fans.asize() == len(stored.fans) == 1
    stored.fans |= [author.key, "EdgeRefAuthor:other"]
    assert len(stored.fans) == 2


def test_none_is_dumped_as_none_wherever_a_reference_may_stand() -> None:
    adapters: list[tuple[Any, Any, bytes]] = [
        (Reference[EdgeRefAuthor], None, b"null"),
        (Optional[Reference[EdgeRefAuthor]], None, b"null"),  # noqa: UP045
        (list[Reference[EdgeRefAuthor] | None], [None], b"[null]"),
        (dict[str, Reference[EdgeRefAuthor] | None], {"a": None}, b'{"a":null}'),
    ]
    for annotation, value, text in adapters:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        assert adapter.dump_python(value) == adapter.dump_python(value, mode="json") == value
        assert adapter.dump_json(value) == text


# --- classes that refer to themselves ---------------------------------------------------------------------------


async def test_a_class_that_refers_to_itself_is_resolved_before_and_after_init(source: ClientSource) -> None:
    async def climbs() -> None:
        root: Any = await EdgeRefTree(name="root").asave()
        leaf: Any = await EdgeRefTree(name="leaf", parent=root).asave()
        await root.below.aappend(leaf)
        await root.beside.aadd_many([root, leaf])
        loaded: Any = await EdgeRefTree.aget(leaf.key)
        above = await loaded.parent.afetch()
        assert (type(above), above.name) == (EdgeRefTree, "root")
        assert (await above.below[0].afetch()).name == "leaf"
        assert {(await one.afetch()).name for one in above.beside} == {"root", "leaf"}

    await climbs()
    await init_rapyer(source)
    await climbs()


CHANGES: dict[str, Callable[[Any, Any], Awaitable[Any]]] = {
    "aupdate": lambda held, given: held.aupdate(author=given),
    "aappend": lambda held, given: held.readers.aappend(given),
    "aset_item": lambda held, given: held.roles.aset_item("new", given),
    "aadd": lambda held, given: held.fans.aadd(given),
}


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_every_client_stores_and_fetches_the_same(
    rapyer_redis_url: str, decode: bool, protocol: int
) -> None:
    client: Redis = Redis.from_url(rapyer_redis_url, decode_responses=decode, protocol=protocol)
    await init_rapyer(client)
    try:
        author = await EdgeRefAuthor(name="é").asave()
        stored: Any = await EdgeRefBook(author="EdgeRefAuthor:none", **everywhere(author.key)).asave()
        for change in CHANGES.values():
            await change(stored, author)
        loaded: Any = await EdgeRefBook.aget(stored.key)
        assert [one.target_key for one in references(loaded)] == [author.key] * 6
        assert [(await one.afetch()).name for one in references(loaded)] == ["é"] * 6
        assert (len(loaded.readers), set(loaded.roles), len(loaded.fans)) == (2, {"a.b", "new"}, 1)
        report = await rapyer.acheck_references(EdgeRefBook)
        assert (report.ok, report.instances, report.references) == (True, 1, 8)
    finally:
        await rapyer.teardown_rapyer()
