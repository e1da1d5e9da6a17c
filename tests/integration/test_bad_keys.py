"""Keys that are odd, wrong or somebody else's, and what stands under them that is no document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from rapyer import AtomicRedisModel, Key, apipeline
from rapyer.errors import InvalidKeyError, KeyChangedError, WrongClassError, WrongTypeError

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class BadName(AtomicRedisModel):
    name: Key[str]
    number: int = 0


class BadNameX(AtomicRedisModel):
    name: Key[str]


@pytest.mark.parametrize("pk", ["a:b", ":", "x:", ":x", "2024-01-02 03:04:05"])
async def test_a_primary_key_with_colons_is_found_again(pk: str) -> None:
    """A primary key that holds colons resolves by the class's prefix, not by a colon: read, asked, deleted."""
    await BadName(name=pk, number=1).asave()
    for given in (pk, f"BadName:{pk}"):
        assert (await BadName.aget(given)).number == 1
        assert await BadName.aexists(given)
        assert [one.name for one in await BadName.afind(given)] == [pk]
    assert await BadName.adelete_by_key(pk)
    assert not await BadName.aexists(pk)


async def test_a_primary_key_that_looks_like_a_full_key() -> None:
    """`KM:1` as a primary key of KM: the instance, its key and its `pk` all lead to that document alone."""
    await BadName(name="1", number=1).asave()
    double: Any = await BadName(name="BadName:1", number=2).asave()
    assert double.key == "BadName:BadName:1"
    for given in (double, double.key, double.pk):
        assert (await BadName.aget(given)).number == 2
    assert (await BadName.aget("BadName:1")).number == 1
    assert await BadName.adelete_by_key(double.pk)
    assert [one.number for one in await BadName.afind()] == [1]


@pytest.mark.parametrize(
    "pk",
    [
        "*",
        "?",
        "[x]",
        "^",
        "{}",
        "{a}b",
        " ",
        "\n",
        "\r\n",
        "\0",
        "ключ",
        "'\"",
        "/",
        "\\",
        "a/b:lock",
        "x" * 10_000,
    ],
    ids=lambda pk: repr(pk[:10]),
)
async def test_any_text_is_a_primary_key(pk: str) -> None:
    """Glob characters, braces, spaces, control characters, unicode and 10 kB: saved, found, listed, deleted."""
    one, other = await BadName.ainsert(BadName(name=pk, number=5), BadName(name="other"))
    assert await BadName.aget(pk) == one
    assert set(await BadName.afind_keys()) == {one.key, other.key}
    assert len(await BadName.afind()) == 2
    async with one.alock(wait=1, save_at_end=True):
        one.number += 1
    assert (await BadName.aget(pk)).number == 6
    assert await BadName.adelete_by_key(pk)
    assert await BadName.afind() == [other]


async def test_an_empty_or_broken_primary_key_is_refused() -> None:
    """An empty key field and half a surrogate pair fail validation; nothing is stored."""
    for bad in ("", "\ud800"):
        with pytest.raises(ValidationError, match="name"):
            BadName(name=bad)
    with pytest.raises(InvalidKeyError, match="a primary key of BadName is empty"):
        await BadName.aget("")
    assert await BadName.afind_keys() == []


async def test_the_key_of_a_stored_instance_cannot_change() -> None:
    """Changing the key field after saving would make two documents of one: KeyChangedError, nothing happens."""
    doc: Any = await BadName(name="a").asave()
    with pytest.raises(KeyChangedError, match="is stored, so its key field name cannot become 'b'"):
        doc.name = "b"
    assert await BadName.afind_keys() == ["BadName:a"]


async def test_no_class_touches_the_documents_of_another() -> None:
    """`aget`, `aexists`, deletes, inserts and locks with another class's key are WrongClassError."""
    other = await BadNameX(name="1").asave()
    for call in (
        BadName.aget(other.key),
        BadName.aexists(other.key),
        BadName.afind(other.key),
        BadName.adelete_by_key(other.key),
        BadName.adelete_many(other.key),
        BadName.adelete_many(str(other.key)),
        BadName.ainsert(other),  # type: ignore[arg-type]
    ):
        with pytest.raises(WrongClassError):
            await call
    with pytest.raises(WrongClassError):
        BadName.alock_from_key(other.key)
    assert await BadNameX.aexists(other)


async def test_stray_keys_are_no_models(raw: Redis) -> None:
    """A string, a hash or a held lock under the class's prefix is neither listed nor found, and stays."""
    one = await BadName(name="a").asave()
    await raw.set("BadName:stray", "x")
    await raw.hset("BadName:hash", "f", "v")
    async with one.alock("x"):
        assert await BadName.afind() == [one]
        assert await BadName.afind_keys() == [one.key]
        assert await BadName.afind(max_results=5) == [one]
    assert await raw.get("BadName:stray") == "x"


async def test_another_redis_type_at_the_key_is_named(raw: Redis) -> None:
    """Where something else than a document is stored, the error tells key, expected and found type."""
    await raw.rpush("BadName:list", "x")
    taken = BadName(name="list")
    for call in (
        BadName.aget("list"),
        taken.asave(),
        taken.aload(),
        taken.adelete(),
        taken.aupdate(number=1),
    ):
        with pytest.raises(WrongTypeError) as raised:
            await call
        error = raised.value
        assert (error.key, error.expected, error.found) == ("BadName:list", "JSON document", "list")
        assert str(error) == (
            "BadName:list holds another Redis type than a JSON document: a list; use another key"
        )
    with pytest.raises(WrongTypeError, match="BadName:list holds another Redis type"):
        async with apipeline():
            await taken.asave()
    assert await raw.lrange("BadName:list", 0, -1) == ["x"]
