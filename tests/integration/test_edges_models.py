"""Edges of identity and of model classes: whose key is whose, and what a class's own options reach."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict

import rapyer
from rapyer import AtomicRedisModel, Index, Key, RapyerKey, RedisConfig
from rapyer.errors import (
    CorruptedModelError,
    KeyChangedError,
    KeyNotFound,
    RapyerError,
    WrongTypeError,
)
from rapyer.fields import IndexAnnotation
from rapyer.model.registry import registry
from rapyer.types import (
    RedisDatetime,
    RedisDatetimeTimestamp,
    RedisDict,
    RedisInt,
    RedisList,
    RedisStr,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")
UTC = dt.timezone.utc


class EdgeTone(enum.Enum):
    RED = "r"


class EdgePart(BaseModel):
    x: int = 1
    tags: list[str] = []


class EdgeAtom(AtomicRedisModel):
    x: int = 1


class EdgeParent(AtomicRedisModel):
    model_config = ConfigDict(title="Parents")
    tags: list[str] = []
    limits: dict[str, int] = {}


class EdgeChild(EdgeParent):
    more: int = 0


class EdgeShort(AtomicRedisModel):
    name: Index[str] = ""

    @classmethod
    def class_key_initials(cls) -> str:
        return "edge"


class EdgeLong(AtomicRedisModel):
    name: Index[str] = ""

    @classmethod
    def class_key_initials(cls) -> str:
        return "edge:long"


class EdgeNumbered(AtomicRedisModel):
    number: Key[int]
    note: str = ""


class EdgeNamed(AtomicRedisModel):
    name: Key[str]


class EdgeDated(AtomicRedisModel):
    at: Key[dt.datetime]


class EdgeForms(AtomicRedisModel):
    a: Index[int] = 1
    b: Index(int) = 1  # type: ignore[valid-type]
    c: Annotated[int, Index()] = 1
    d: Annotated[int, Index] = 1
    e: Annotated[int, IndexAnnotation] = 1
    f: Annotated[int, IndexAnnotation()] = 1


async def test_every_way_to_an_instance_gives_it_a_key_that_is_a_rapyer_key() -> None:
    """`key` is a RapyerKey and a str, with and without a key field, however the instance was come by."""
    for model in await rapyer.ainsert(EdgeParent(), EdgeNamed(name="a")):
        cls: Any = type(model)
        ways: list[Any] = [model, await cls.aget(model.key), await rapyer.aget(model.key)]
        ways += [*await cls.afind(), *await cls.afind(model.key), await cls.afind_one()]
        ways += await rapyer.afind(model.key)
        for found in ways:
            assert type(found.key) is RapyerKey
            assert found.key == model.key
        assert [type(key) for key in await cls.afind_keys()] == [RapyerKey]
    assert type(EdgeParent().pk) is RapyerKey


async def test_a_primary_key_has_the_type_of_the_key_field() -> None:
    """`pk` is the Redis type of the key field, and is taken wherever a key is, a time with colons included."""
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 6)
    number, dated = await rapyer.ainsert(EdgeNumbered(number=7), EdgeDated(at=moment))
    assert isinstance(dated, EdgeDated)
    assert (type(number.pk), type(dated.pk)) == (RedisInt, RedisDatetime)
    assert dated.key == f"EdgeDated:{moment}"
    ways: list[Any] = [dated.pk, moment, str(moment), dated.key]
    for given in ways:
        assert await EdgeDated.aget(given) == dated
        assert await EdgeDated.aexists(given)
        async with EdgeDated.alock_from_key(given, save_at_end=True) as locked:
            assert locked == dated
    assert (await EdgeDated.adelete_many(dated.pk)).models_deleted == 1
    assert await EdgeNumbered.adelete_by_key(number.pk)


KINDS: list[tuple[Any, Any]] = [
    (float, 1.5),
    (bool, True),
    (dt.date, dt.date(2024, 1, 1)),
    (decimal.Decimal, decimal.Decimal("1.50")),
    (EdgeTone, EdgeTone.RED),
    (RapyerKey, RapyerKey("a:b")),
    (bytes, b"x"),
    (RedisStr, "x"),
    (str | None, "x"),
    (int | str, "5"),
    (int | str, 5),
    (dt.datetime, dt.datetime(2024, 1, 1, tzinfo=UTC)),
    (Annotated[dt.datetime, Index], dt.datetime(2024, 1, 1, tzinfo=UTC)),
    (RedisDatetimeTimestamp, dt.datetime(2024, 1, 1, 1, 2, 3, 4)),
    (RedisDatetimeTimestamp, dt.datetime(2024, 1, 1, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=5)))),
]


@pytest.mark.parametrize(("kind", "value"), KINDS)
async def test_a_key_field_of_any_type_names_its_document(kind: Any, value: Any) -> None:
    """The key is the text of the value, and finds the document again; a time in seconds keeps its zone."""
    marked: Any = Key
    annotations = {"k": marked[kind], "n": int}
    body = {"__module__": __name__, "__annotations__": annotations, "n": 1}
    metaclass: Any = type(AtomicRedisModel)
    cls = metaclass("EdgeKeyed", (AtomicRedisModel,), body)
    model = await cls(k=value).asave()
    assert model.key == f"EdgeKeyed:{value}"
    loaded = await cls.aget(model.key)
    assert (loaded, loaded.key, await cls.afind()) == (model, model.key, [model])
    assert await cls.aget(value) == await cls.aget(model.pk) == await (await loaded.asave()).aload() == model


async def test_no_operation_changes_the_key_field_of_a_stored_document(raw: Redis) -> None:
    """An increment or an operator on the key field would leave a document that its key does not name."""
    number, named = await rapyer.ainsert(EdgeNumbered(number=1), EdgeNamed(name="a"))
    told = "number is the key field of EdgeNumbered:1, so no operation can change it in Redis; save a copy"
    with pytest.raises(KeyChangedError, match=told) as raised:
        await number.number.aincrease()  # type: ignore[attr-defined]
    assert (raised.value.key, raised.value.field) == ("EdgeNumbered:1", "number")
    with pytest.raises(KeyChangedError, match=told):
        async with rapyer.apipeline():
            unsaved = EdgeNumbered(number=1)
            unsaved.number += 1
    with pytest.raises(KeyChangedError, match="name is the key field of EdgeNamed:a"):
        async with rapyer.apipeline():
            text: Any = named.name  # type: ignore[attr-defined]
            text += "x"
    assert await raw.json().get("EdgeNumbered:1") == {"number": 1, "note": ""}
    assert await raw.json().get("EdgeNamed:a") == {"name": "a"}
    local = EdgeNumbered(number=1)
    local.number += 1
    assert local.key == "EdgeNumbered:2"


async def test_a_document_whose_key_field_says_otherwise_is_corrupt(raw: Redis) -> None:
    """Text that means the key field's value but is not its own text makes no key of the document."""
    await raw.json().set("EdgeNumbered:01", "$", {"number": 1})
    with pytest.raises(CorruptedModelError, match="stored under EdgeNumbered:01 says that its number is 1"):
        await EdgeNumbered.aget("EdgeNumbered:01")


async def test_a_child_class_writes_to_its_own_documents(raw: Redis) -> None:
    """Lists and dicts that a class inherits act on the child's document; a title changes nothing."""
    parent, child = await rapyer.ainsert(EdgeParent(), EdgeChild())
    assert isinstance(child, EdgeChild)
    assert (type(child.tags), type(child.limits)) == (RedisList, RedisDict)
    await child.tags.aappend("x")  # type: ignore[attr-defined]
    await child.limits.aset_item("a", 1)  # type: ignore[attr-defined]
    async with child.apipeline():
        child.tags.append("y")
        child.limits["b"] = 2
    stored = {"tags": ["x", "y"], "limits": {"a": 1, "b": 2}, "more": 0}
    assert await raw.json().get(child.key) == stored
    assert await EdgeParent.aget(parent.key) == EdgeParent()
    assert await EdgeParent.afind_keys() == [parent.key]


async def test_the_registry_lists_the_concrete_classes() -> None:
    """Generic origins, classes made for nesting and classes kept outside are not in the list."""
    registry._models = {}

    class EdgeListed(AtomicRedisModel):
        part: EdgePart = EdgePart()

    class EdgeOutside(AtomicRedisModel):
        Meta = RedisConfig(init_with_rapyer=False)

    class EdgeGeneric(AtomicRedisModel, Generic[T]):
        content: T

    class EdgeImplied(AtomicRedisModel):
        box: EdgeGeneric[int]

    class EdgeConcrete(EdgeGeneric[str]):
        pass

    listed = rapyer.find_redis_models()
    assert len(listed) == 5
    assert set(listed) == {EdgeListed, EdgeImplied, EdgeGeneric[int], EdgeGeneric[str], EdgeConcrete}


async def test_own_initials_are_those_of_key_index_and_lookup(raw: Redis) -> None:
    """A class that overrides `class_key_initials` is stored, indexed, listed and looked up by them."""
    await EdgeShort.acreate_index()
    model = await EdgeShort(name="x").asave()
    assert (EdgeShort.index_name(), model.key_initials) == ("idx:edge", "edge")
    assert model.key == f"edge:{model.pk}"
    info: Any = await raw.ft("idx:edge").info()  # type: ignore[no-untyped-call]
    definition = info["index_definition"]
    assert definition[definition.index("prefixes") + 1] == ["edge:"]
    assert await EdgeShort.afind(EdgeShort.name == "x") == [model]
    assert await rapyer.aget(model.key) == await EdgeShort.aget(model.pk) == model


async def test_an_index_does_not_confuse_prefixes_that_contain_each_other() -> None:
    """`edge:long:1` lies below `edge:`, but is found, listed and deleted by its own class alone."""
    await EdgeShort.acreate_index()
    await EdgeLong.acreate_index()
    short, long = await EdgeShort(name="x").asave(), await EdgeLong(name="x").asave()
    for limit in (None, 1, 5):
        assert [one.key for one in await EdgeShort.afind(max_results=limit)] == [short.key]
        found = await EdgeShort.afind(EdgeShort.name == "x", max_results=limit)
        assert [one.key for one in found] == [short.key]
    assert (await EdgeShort.adelete_many(EdgeShort.name == "x")).models_deleted == 1
    assert await EdgeLong.afind() == [long]


async def test_a_key_of_another_redis_type_is_never_touched(raw: Redis) -> None:
    """Whoever names a key that is no document gets a WrongTypeError that names it; nothing is deleted."""
    await raw.set("EdgeParent:text", "x")
    parent = EdgeParent()
    parent.pk = "text"
    kept = await EdgeParent().asave()
    for attempt in (
        EdgeParent.adelete_many(kept, "text"),
        rapyer.adelete_many(kept.key, "EdgeParent:text"),
        EdgeParent.ainsert(EdgeParent(), parent),
        parent.tags.aappend("x"),  # type: ignore[attr-defined]
        parent.tags.aload(),  # type: ignore[attr-defined]
        parent.limits.apop("a"),  # type: ignore[attr-defined]
    ):
        with pytest.raises(WrongTypeError, match="EdgeParent:text holds another Redis type") as raised:
            await attempt
        assert raised.value.key == "EdgeParent:text"
    with pytest.raises(WrongTypeError, match="EdgeParent:text"):
        async with rapyer.apipeline():
            await EdgeParent.adelete_many(kept, parent)
    assert await raw.get("EdgeParent:text") == "x"
    assert await EdgeParent.aexists(kept)
    EdgeParent.Meta.max_delete_per_transaction = None
    many = await EdgeParent.ainsert(*(EdgeParent() for _ in range(12_000)))
    assert (await EdgeParent.adelete_many(*many)).models_deleted == 12_000


async def test_the_meta_of_a_class_is_its_own(raw: Redis) -> None:
    """`User.Meta.ttl = 60` concerns that class and those defined below it later, and no other."""

    class EdgeOne(AtomicRedisModel):
        pass

    class EdgeTwo(AtomicRedisModel):
        pass

    EdgeOne.Meta.ttl = 60

    class EdgeOneChild(EdgeOne):
        pass

    one, two, child = await rapyer.ainsert(EdgeOne(), EdgeTwo(), EdgeOneChild())
    assert 0 < await raw.ttl(one.key) <= 60
    assert 0 < await raw.ttl(child.key) <= 60
    assert await raw.ttl(two.key) == -1
    assert AtomicRedisModel.Meta.ttl is None


async def test_errors_of_lookups_are_those_that_python_has() -> None:
    """An unknown class and a missing key are KeyErrors, a malformed key is a ValueError, all RapyerErrors."""
    for text, kind in (("Nope:1", KeyError), ("nope", ValueError), ("EdgeAtom:x", KeyError)):
        with pytest.raises(kind) as raised:
            await rapyer.aget(text)
        assert isinstance(raised.value, RapyerError)
    with pytest.raises(KeyNotFound):
        await EdgeAtom.aget("x")


async def test_an_index_can_be_declared_in_every_form() -> None:
    """`Index[int]`, `Index(int)`, the marker as bare class and as instance: each makes the field findable."""
    await EdgeForms.acreate_index()
    model = await EdgeForms().asave()
    for name in "abcdef":
        assert await EdgeForms.afind(getattr(EdgeForms, name) == 1) == [model]


async def test_listing_never_uses_the_keys_command(raw: Redis) -> None:
    """Listing scans, so that it does not stop a server that holds many keys."""
    await raw.config_resetstat()
    model = await EdgeAtom().asave()
    assert await EdgeAtom.afind() == [model] == [await EdgeAtom.afind_one()]
    assert await EdgeAtom.afind_keys() == await EdgeAtom.afind_keys(1) == [model.key]
    used = await raw.info("commandstats")
    assert "cmdstat_scan" in used
    assert "cmdstat_keys" not in used


def _defined_in_a_function() -> tuple[Any, Any]:
    class EdgeLocalPart(BaseModel):
        x: int = 1

    class EdgeLocal(AtomicRedisModel):
        part: EdgeLocalPart = EdgeLocalPart()
        number: Index[int] = 1
        kin: list[EdgeLocal] = []

    class EdgeLocalChild(EdgeLocal):
        others: dict[str, EdgeLocal] = {}

    return EdgeLocal, EdgeLocalChild


async def test_annotations_may_name_what_is_local_to_a_function() -> None:
    """A class made in a function, of classes made there, is complete at once and works anywhere (D23)."""
    for cls in _defined_in_a_function():
        assert str(cls.number >= 1)
        await cls.acreate_index()
        model = await cls(part={"x": 2}, kin=[{"part": {"x": 3}}]).asave()
        assert await cls.afind(cls.number >= 1) == [model] == [await rapyer.aget(model.key)]
        assert model.kin[0].part.x.json_path == "$.kin[0].part.x"
        await model.kin[0].part.x.aincrease()
        assert (await cls.aget(model.key)).kin[0].part.x == 4
