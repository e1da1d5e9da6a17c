"""Bad inputs, each refused in words or done right: nothing is lost, and nobody else's data is touched."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

import rapyer
from rapyer import AtomicRedisModel, Index, apipeline, init_rapyer, teardown_rapyer
from rapyer.errors import (
    BadFilterError,
    CantSerializeRedisValueError,
    CorruptedModelError,
    ElementIndexError,
    InvalidKeyError,
    KeyNotFound,
    UnsupportedArgumentTypeError,
)
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.usefixtures("source")


class BadDoc(AtomicRedisModel):
    number: int = 1
    either: int | str = 0
    real: float = 1.0
    text: str = "t"
    raw: bytes = b"r"
    items: list[int] = [1, 2, 3]
    texts: list[str] = []
    mapping: dict[str, int] = {"a": 1, "b": 2}
    anything: Any = None


class BadFound(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0


async def saved(**values: Any) -> Any:
    return await BadDoc(**values).asave()


async def stored(doc: Any) -> Any:
    return await BadDoc.aget(doc.key)


# --- dict keys and lists -----------------------------------------------------------------------------------

DICT_KEYS = [
    "a.b", "*", "a[0]", 'a"b', "a'b", "a\\b", " ", "", "ключ", "\n", "@", "a,b", "x?(@.a)", "..d", "x.y", "$", "\ud83d\ude00".encode(
        "utf-16", "surrogatepass"
    ).decode("utf-16"),
]  # fmt: skip


@pytest.mark.parametrize("key", DICT_KEYS)
async def test_a_dict_key_means_itself_and_nothing_else(key: str) -> None:
    """Whatever a dict key looks like, setting, popping and deleting it, at once and in a block, touch it alone."""
    doc, others = await saved(), {"a": 1, "b": 2}
    await doc.mapping.aset_item(key, 99)
    assert (await stored(doc)).mapping == {**others, key: 99}
    assert await doc.mapping.adel_item(key) == 1
    assert (await stored(doc)).mapping == others
    async with doc.apipeline():
        doc.mapping[key] = 3
    assert (await stored(doc)).mapping == {**others, key: 3}
    assert await doc.mapping.apop(key) == 3
    doc.mapping[key] = 4
    await doc.asave()
    async with doc.apipeline():
        del doc.mapping[key]
    assert (await stored(doc)).mapping == doc.mapping == others


@pytest.mark.parametrize("bad", ["\ud800", "a\udfffb"])
async def test_text_that_is_no_unicode_names_its_field(bad: str) -> None:
    """Half a surrogate pair is refused wherever text goes: construction, assignment, elements, keys, blocks."""
    doc = await saved()
    for attempt in (
        lambda: BadDoc(text=bad),
        lambda: setattr(doc, "text", bad),
        lambda: doc.texts.append(bad),
        lambda: doc.mapping.update({bad: 1}),
    ):
        with pytest.raises(ValidationError, match=r"BadDoc|text"):
            attempt()
        with pytest.raises(ValidationError):
            async with apipeline():
                attempt()
    for call in (doc.aupdate(text=bad), doc.texts.aappend(bad), doc.mapping.aset_item(bad, 1)):
        with pytest.raises(ValidationError):
            await call
    assert await stored(doc) == doc == BadDoc()


async def test_python_removals_in_a_block_reach_redis() -> None:
    """`del d[k]` and `l.pop()` in a block delete in Redis as they do locally."""
    doc = await saved()
    async with doc.apipeline():
        del doc.mapping["a"]
        assert doc.items.pop() == 3
    assert ((await stored(doc)).mapping, (await stored(doc)).items) == ({"b": 2}, [1, 2])


async def test_an_insert_beyond_the_end_is_clamped_as_in_python() -> None:
    """`insert(5, x)` into a shorter list appends, `insert(-9, x)` prepends, here and in Redis."""
    doc = await saved()
    async with doc.apipeline():
        doc.items.insert(50, 9)
        doc.items.insert(-50, 0)
    await doc.items.ainsert(50, 10)
    assert (await stored(doc)).items == doc.items == [0, 1, 2, 3, 9, 10]
    with pytest.raises(ElementIndexError, match="array index out of range"):
        await doc.items.aset(50, 1)


async def test_invalid_values_are_refused_before_anything_is_queued_or_sent() -> None:
    """An element or member of the wrong type is a ValidationError that names the field; nothing changes."""
    doc = await saved()
    for call in (doc.mapping.aset_item("c", "x"), doc.items.aappend("x"), doc.items.ainsert(0, None)):
        with pytest.raises(ValidationError, match=r"BadDoc\.(mapping|items)"):
            await call
    async with apipeline() as pipe:
        for change in (
            lambda: doc.items.append("x"),
            lambda: doc.mapping.__setitem__("c", "x"),
            lambda: doc.items.__setitem__(0, "x"),
        ):
            with pytest.raises(ValidationError, match=r"BadDoc\.(mapping|items)"):
                change()
        assert pipe.commands == ()
    assert await stored(doc) == doc == BadDoc()


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [2**63, 2**64, 10**30, -(2**63) - 1])
async def test_integers_beyond_64_bits_are_refused_wherever_they_go(bad: int) -> None:
    """RedisJSON would make a float of them: refused in fields, unions, elements, members and blocks."""
    doc = await saved()
    for attempt in (
        lambda: BadDoc(number=bad),
        lambda: BadDoc(either=bad),
        lambda: setattr(doc, "number", bad),
        lambda: doc.items.append(bad),
        lambda: doc.mapping.__setitem__("a", bad),
    ):
        with pytest.raises(ValidationError, match=r"number|either|items|mapping"):
            attempt()
    for call in (doc.aupdate(number=bad), doc.items.aappend(bad), doc.mapping.aset_item("a", bad)):
        with pytest.raises(ValidationError):
            await call
    for error, call in ((OverflowError, doc.number.aincrease(bad)), (TypeError, doc.number.aincrease(0.5))):
        with pytest.raises(error):
            await call
    assert await stored(doc) == doc == BadDoc()
    for prefer in (False, True):
        BadDoc.Meta.prefer_normal_json_dump = prefer
        kept = await saved(anything=[bad, {"k": bad}])
        assert (await stored(kept)).anything == [bad, {"k": bad}]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
async def test_what_is_no_number_is_refused_wherever_it_goes(bad: float) -> None:
    """NaN and infinities, which JSON has not, are refused before anything is sent."""
    doc = await saved()
    for attempt in (lambda: BadDoc(real=bad), lambda: setattr(doc, "real", bad)):
        with pytest.raises(ValidationError, match="real"):
            attempt()
    with pytest.raises(ValueError, match="finite"):
        await doc.real.aincrease(bad)
    with pytest.raises(ValueError, match="finite"):
        async with doc.apipeline():
            doc.real += bad
    assert await stored(doc) == doc == BadDoc()


async def test_large_and_odd_values_survive() -> None:
    """8 MB of text, all byte values, tiny and huge floats, -0.0 and empty values come back as they were."""
    doc = await saved(text="x" * 2**23, raw=bytes(range(256)), real=5e-324)
    assert await stored(doc) == doc
    for real in (-0.0, 1e308, 5e-324):
        await doc.aupdate(real=real, text="", raw=b"")
        after = await stored(doc)
        assert (repr(float(after.real)), after.text, after.raw) == (repr(real), "", b"")


async def test_limits_that_a_class_sets(raw: Redis) -> None:
    """`Meta.max_key_bytes` and `Meta.max_document_bytes` refuse longer keys and documents; nothing is stored."""
    BadDoc.Meta.max_document_bytes, BadDoc.Meta.max_key_bytes = 1000, 100
    small = await saved()
    large, long = BadDoc(text="ä" * 1000), BadDoc()
    long.pk = "k" * 100
    for call in (large.asave(), BadDoc.ainsert(BadDoc(), large), rapyer.ainsert(large, on_conflict="skip")):
        with pytest.raises(
            CantSerializeRedisValueError, match=r"takes \d+ bytes, more than the 1000 of BadDoc.Meta"
        ):
            await call
    for call in (long.asave(), BadDoc.ainsert(BadDoc(), long)):
        with pytest.raises(
            InvalidKeyError, match="has 107 bytes, more than the 100 of BadDoc.Meta.max_key_bytes"
        ):
            await call
    assert await raw.keys() == [small.key]


async def test_two_hundred_thousand_elements() -> None:
    """A list of 200 000 elements, appended in four commands, is stored and loaded whole."""
    doc = await saved(items=[])
    for start in range(0, 200_000, 50_000):
        await doc.items.aextend(range(start, start + 50_000))
    assert (await stored(doc)).items == list(range(200_000))


# --- documents that are not there, or not right ------------------------------------------------------------


async def test_operations_on_what_is_not_stored_are_not_found() -> None:
    """Every write to a part of a document that does not exist is KeyNotFound, and creates nothing."""
    doc: Any = BadDoc()
    for call in (
        doc.items.aappend(1),
        doc.number.aincrease(),
        doc.real.aincrease(),
        doc.mapping.aset_item("a", 1),
        doc.aupdate(number=2),
        doc.text.asave(),
        doc.aload(),
        doc.aduplicate(),
    ):
        with pytest.raises(KeyNotFound, match=f"stored under {doc.key}"):
            await call
    assert not await BadDoc.aexists(doc)


@pytest.mark.parametrize(
    "document", ["[1]", "null", "5", '"x"', '{"number": "many"}', '{"raw": "gASVBgAAAAAA"}']
)
async def test_a_corrupt_document_is_told_with_its_cause(document: str, raw: Redis) -> None:
    """A document of the wrong shape, or with a broken pickle: CorruptedModelError with key and cause."""
    good = await saved()
    await raw.execute_command("JSON.SET", "BadDoc:bad", "$", document)
    with pytest.raises(CorruptedModelError) as raised:
        await BadDoc.aget("bad")
    assert (raised.value.key, raised.value.model) == ("BadDoc:bad", "BadDoc")
    assert raised.value.__cause__ is not None
    assert await BadDoc.afind() == [good]
    with pytest.raises(CorruptedModelError):
        await BadDoc.afind(on_corrupt="raise")


@pytest.mark.parametrize("bad", [0, -1, 1.5, math.nan, True, "5", None])
async def test_a_time_to_live_is_a_positive_integer(bad: Any, raw: Redis) -> None:
    """Other times are a ValueError, and neither delete the document nor give it a time to live."""
    doc = await saved()
    with pytest.raises(ValueError, match="a time to live is a positive int of seconds"):
        await doc.aset_ttl(bad)
    assert await raw.ttl(doc.key) == -1
    await raw.execute_command("FUNCTION", "FLUSH")
    await doc.aset_ttl(100)
    assert 0 < await raw.ttl(doc.key) <= 100


# --- arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [5, None, 1.5, b"BadDoc:1", ["BadDoc:1"], object()])
async def test_what_is_no_key_is_refused_by_the_functions_of_the_package(bad: Any) -> None:
    """Functions that take full keys name what they were given instead, and what they want."""
    for call in (rapyer.aget, rapyer.afind, rapyer.afind_one, rapyer.aexists, rapyer.alock_from_key):
        with pytest.raises(
            UnsupportedArgumentTypeError, match="is no key of a model; give a full key, such as"
        ):
            result: Any = call(bad)
            await result
    with pytest.raises(UnsupportedArgumentTypeError, match="cannot use"):
        await rapyer.adelete_many(bad)
    with pytest.raises(
        UnsupportedArgumentTypeError,
        match=r"rapyer.apipeline cannot refresh .*; give it models, and options by name",
    ):
        async with rapyer.apipeline(bad):
            raise AssertionError


@pytest.mark.parametrize("bad", ["5", 1.5, True, [1]])
async def test_a_limit_is_a_whole_number(bad: Any) -> None:
    """`max_results` that is no int is refused, not compared or cut off somewhere."""
    for call in (BadDoc.afind(max_results=bad), BadDoc.afind_keys(bad)):
        with pytest.raises(
            UnsupportedArgumentTypeError, match="max_results is .*; give a whole number, or None"
        ):
            await call


async def test_filters_are_checked_by_the_type_of_the_field() -> None:
    """Text for a numeric field, however it looks, is refused: it can neither find nor delete anything."""
    await BadFound.acreate_index()
    await BadFound.ainsert(*(BadFound(name=name, age=age) for age, name in enumerate(("a", "bob", "c"))))
    evil: Any = "1000 +inf] | @name:bob @age:[0"
    for refused in (evil, math.nan, None, "5"):
        with pytest.raises((BadFilterError, ValueError)):
            await BadFound.afind(BadFound.age > refused)
        with pytest.raises((BadFilterError, ValueError)):
            await BadFound.adelete_many(BadFound.age > refused)
    assert len(await BadFound.afind(BadFound.age >= 0, max_results=2_000_000)) == 3
    assert await BadFound.afind(BadFound.name == evil) == []


# --- the server --------------------------------------------------------------------------------------------


@pytest.fixture
async def impatient(source: ClientSource, rapyer_redis_url: str) -> AsyncIterator[None]:
    """Models that try once."""
    once = ClientSource.from_url(rapyer_redis_url, deadline=0)
    registry.bind(once)
    yield
    await once.aclose()


@pytest.mark.usefixtures("impatient")
async def test_a_replica_refuses_writes_with_a_hint(raw: Redis) -> None:
    """A server that is a replica answers reads; writes, and making an index, say to use its primary."""
    doc = await saved()
    await raw.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert await stored(doc) == doc
        for call in (doc.asave(), doc.number.aincrease(), BadFound.acreate_index()):
            with pytest.raises(ReadOnlyError, match="this server is a replica: connect to its primary"):
                await call
    finally:
        await raw.execute_command("REPLICAOF", "NO", "ONE")
    assert (await stored(doc)).number == 1


async def test_a_full_server_refuses_and_keeps_what_it_has(raw: Redis) -> None:
    """Out of memory is an error of the write; what was stored stays readable and unchanged."""
    doc = await saved()
    await raw.config_set("maxmemory", "1")
    try:
        with pytest.raises(OutOfMemoryError):
            await doc.aupdate(text="x" * 1000)
        with pytest.raises(OutOfMemoryError):
            async with doc.apipeline():
                doc.items.append(4)
        assert await stored(doc) == doc == BadDoc()
    finally:
        await raw.config_set("maxmemory", "0")


async def test_a_client_that_gives_bytes_serves_as_well(rapyer_redis_url: str) -> None:
    """A client without `decode_responses` lists, finds, locks and pops like any other."""
    client = Redis.from_url(rapyer_redis_url, decode_responses=False)
    await init_rapyer(client)
    try:
        doc = await saved()
        assert await BadDoc.afind() == [doc]
        assert await BadDoc.afind_keys() == [doc.key]
        assert await doc.mapping.apop("a") == 1
        async with doc.alock(save_at_end=True):
            doc.number = 5
        assert (await stored(doc)).number == 5
    finally:
        await teardown_rapyer()


async def test_a_server_that_stands_still_doubles_nothing(rapyer_redis_url: str, raw: Redis) -> None:
    """Writes during a pause longer than the timeout run once each, or end in an error that says so."""
    source = ClientSource.from_url(rapyer_redis_url, socket_timeout=0.1)
    registry.bind(source)
    doc = await saved()
    await raw.execute_command("CLIENT", "PAUSE", 300, "ALL")
    results = await asyncio.gather(*(doc.items.aappend(n) for n in range(10, 20)), return_exceptions=True)
    errors = [type(result).__name__ for result in results if result is not None]
    assert set(errors) <= {"UnknownOutcomeError"}
    await source.aclose()
    registry.bind(ClientSource.from_url(rapyer_redis_url))
    items = (await stored(doc)).items[3:]
    assert len(items) == len(set(items)) >= 10 - len(errors)
    await registry.source.aclose()
