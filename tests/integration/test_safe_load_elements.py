"""`SafeLoad` on lists, dicts and sets: what cannot be read of them is left out, and stays in Redis."""

from __future__ import annotations

import copy
import enum
import logging
import pickle
from typing import Any, Literal

import pytest

import rapyer
from rapyer import AtomicRedisModel, Key, SafeLoad
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError

pytestmark = pytest.mark.usefixtures("source")

BAD, WORSE = "gASVnonsense", "gASVnothing"
ONE, TWO, THREE, FOUR = "gARLAS4=", "gARLAi4=", "gARLAy4=", "gARLBC4="


class SafeTone(enum.Enum):
    LOUD = "loud"


class SafeLists(AtomicRedisModel):
    name: Key[str]
    items: SafeLoad[list[Any]] = []
    marked: list[SafeLoad[SafeTone]] = []
    optional: SafeLoad[list[Any] | None] = None
    deep: SafeLoad[list[list[Any]]] = []
    data: SafeLoad[list[bytes]] = []
    flags: SafeLoad[list[bool]] = []
    choices: SafeLoad[list[Literal["a", "b"]]] = []
    named: SafeLoad[dict[str, Any]] = {}
    numbered: SafeLoad[dict[int, Any]] = {}
    mixed: SafeLoad[dict[str, list[Any]]] = {}


class SafeUnmarked(AtomicRedisModel):
    name: Key[str]
    items: list[Any] = []
    named: dict[str, Any] = {}


class SafeSets(AtomicRedisModel):
    name: Key[str]
    count: int = 0
    tags: SafeLoad[set[int]] = set()
    maybe: SafeLoad[set[int] | None] = None
    inline: SafeLoad[list[set[int]]] = []
    by_name: SafeLoad[dict[str, set[int]]] = {}
    strict: set[int] = set()


TAGS = "__rapyer_special__:SafeSets:a:tags"


async def _stored(raw: Any, path: str, key: str = "SafeLists:a") -> Any:
    (found,) = await raw.json().get(key, path)
    return found


async def _with(raw: Any, **fields: Any) -> Any:
    await raw.json().set("SafeLists:a", "$", {"name": "a", **fields})
    return await SafeLists.aget("a")


# --- what is left out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "stored", "left"),
    [
        ("items", [BAD, ONE, WORSE, TWO, BAD], [1, 2]),
        ("items", [BAD], []),
        ("marked", [BAD], []),
        ("optional", [ONE, BAD], [1]),
        ("deep", [[ONE, BAD], [BAD], []], [[1], [], []]),
        ("data", [BAD, "gASVBQAAAAAAAABDAXiULg=="], [b"x"]),
        ("flags", [BAD, True], [True]),
        ("choices", [BAD, "gASVBQAAAAAAAACMAWGULg=="], ["a"]),
        ("named", {"x": BAD, "y": ONE}, {"y": 1}),
        ("numbered", {"1": BAD, "2": ONE}, {2: 1}),
        ("mixed", {"x": [BAD, ONE], "y": [TWO]}, {"x": [1], "y": [2]}),
    ],
)
async def test_what_cannot_be_read_is_left_out_and_saved_again(
    raw: Any, field: str, stored: Any, left: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """§13.78: list item, dict value, nested list item"""
    with caplog.at_level(logging.WARNING, "rapyer"):
        doc = await _with(raw, **{field: stored})
    assert len(caplog.messages) == 1
    assert (
        f"SafeLists:a: left out what cannot be read, and stays in Redis: SafeLists.{field} (" in caplog.text
    )
    assert doc.failed_fields == set()
    await doc.asave()  # nobody has looked at the field
    assert await _stored(raw, f"$.{field}") == stored
    assert getattr(doc, field) == left
    await doc.asave()
    assert await _stored(raw, f"$.{field}") == stored
    await getattr(doc, field).asave()
    assert await _stored(raw, f"$.{field}") == stored
    await getattr(doc, field).aload()
    assert getattr(doc, field) == left
    await doc.asave()
    assert await _stored(raw, f"$.{field}") == stored
    for copied in (copy.deepcopy(doc), pickle.loads(pickle.dumps(doc)), doc.model_copy()):
        await raw.json().set("SafeLists:a", f"$.{field}", None)
        await copied.asave()
        assert await _stored(raw, f"$.{field}") == stored


@pytest.mark.parametrize(("field", "value"), [("items", [BAD]), ("named", {"x": BAD})])
async def test_without_the_mark_it_raises(raw: Any, field: str, value: Any) -> None:
    await raw.json().set("SafeUnmarked:a", "$", {"name": "a", field: value})
    with pytest.raises(CantSerializeRedisValueError, match=f"SafeUnmarked.{field}"):
        await SafeUnmarked.aget("a")
    doc = SafeUnmarked(name="a")
    with pytest.raises(CantSerializeRedisValueError):
        await getattr(doc, field).aload()
    assert await SafeUnmarked.afind() == []


async def test_whether_it_is_safe_is_a_matter_of_the_field(raw: Any) -> None:
    safe = await _with(raw, items=[BAD, ONE])
    unsafe = SafeUnmarked(name="b", items=safe.items)
    await unsafe.asave()
    assert await _stored(raw, "$.items", unsafe.key) == [ONE]  # it was given what could be read
    await raw.json().set(unsafe.key, "$.items", [BAD])
    with pytest.raises(CantSerializeRedisValueError):
        await SafeUnmarked.aget("b")
    safe.items = SafeUnmarked(name="c", items=[3]).items
    await safe.asave()
    assert await _stored(raw, "$.items") == [THREE]


async def test_a_list_that_gains_what_cannot_be_read_stays_the_one_that_it_is(raw: Any) -> None:
    doc = await _with(raw, items=[ONE, TWO])
    held = doc.items
    await raw.json().set("SafeLists:a", "$.items", [ONE, BAD])
    await held.aload()
    assert doc.items is held
    assert held == [1]
    await doc.asave()
    assert await _stored(raw, "$.items") == [ONE, BAD]
    await raw.json().set("SafeLists:a", "$.items", [ONE, TWO])
    await doc.aload()
    assert doc.items is held
    await doc.asave()
    assert await _stored(raw, "$.items") == [ONE, TWO]
    await held.aset(1, 3)
    assert await _stored(raw, "$.items") == [ONE, THREE]


# --- changing a list ---------------------------------------------------------------------------------------


async def test_adding_to_the_end_and_removing_by_value_keep_it(raw: Any) -> None:
    doc = await _with(raw, items=[ONE, BAD, TWO])
    await doc.items.aappend(3)
    doc.items.append(4)
    await doc.asave()
    assert await _stored(raw, "$.items") == [ONE, BAD, TWO, THREE, FOUR]
    await doc.items.aremove(1)
    assert await _stored(raw, "$.items") == [BAD, TWO, THREE, FOUR]
    async with doc.apipeline():
        doc.items.append(1)
        doc.items.remove(4)
    assert await _stored(raw, "$.items") == [BAD, TWO, THREE, ONE]
    assert doc.items == [2, 3, 1]


async def test_a_local_change_keeps_it_at_its_position(raw: Any) -> None:
    doc = await _with(raw, items=[ONE, BAD, TWO, THREE])
    doc.items[2] = 4
    doc.items.insert(0, 3)
    await doc.asave()
    assert await _stored(raw, "$.items") == [THREE, BAD, ONE, TWO, FOUR]
    doc = await _with(raw, items=[ONE, TWO, BAD])
    del doc.items[0], doc.items[0]
    await doc.asave()
    assert await _stored(raw, "$.items") == [BAD]


async def test_positions_in_redis_are_refused(raw: Any) -> None:
    doc = await _with(raw, items=[BAD, ONE, TWO], deep=[[ONE, BAD]])
    refusals = [
        lambda: doc.items.aset(0, 5),
        lambda: doc.items.ainsert(1, 5),
        lambda: doc.items.apop(1),
        lambda: doc.deep[0].aset(0, 5),
    ]
    for refused in refusals:
        with pytest.raises(CorruptedModelError, match="positions there are others than here") as raised:
            await refused()  # type: ignore[no-untyped-call]
        assert raised.value.key == "SafeLists:a"
        assert "holds an element that cannot be read" in str(raised.value)
        assert "assign a list to the field and save it, which drops what cannot be read" in str(raised.value)

    def _delete() -> None:
        del doc.items[0]

    for change in (
        lambda: doc.items.__setitem__(0, 5),
        lambda: doc.items.__setitem__(slice(0, 1), [5]),
        lambda: doc.items.insert(0, 5),
        lambda: doc.items.pop(),
        lambda: doc.items.sort(),
        lambda: doc.items.remove_range(0, 1),
        _delete,
    ):
        async with doc.apipeline():
            with pytest.raises(CorruptedModelError, match=r"SafeLists:a \$.items holds an element"):
                change()
    assert (doc.items, await _stored(raw, "$.items")) == ([1, 2], [BAD, ONE, TWO])


async def test_an_element_that_changes_in_place_is_not_written_over_what_cannot_be_read(raw: Any) -> None:
    (held,) = SafeLists(name="b", items=[[1]]).redis_dump()["items"]
    doc = await _with(raw, items=[BAD, held], named={"x": BAD, "y": held})
    with pytest.raises(CorruptedModelError, match="positions there are others than here"):
        async with doc.apipeline():
            doc.named["y"].append(2)
            doc.items[0].append(2)
    assert (doc.items, doc.named) == ([[1]], {"y": [1]})
    assert await _stored(raw, "$.items") == [BAD, held]
    async with doc.apipeline():
        doc.named["y"].append(2)
    doc.items[0].append(3)
    await doc.asave()
    stored = await SafeLists.aget("a")
    assert (stored.items, stored.named) == ([[1, 3]], {"y": [1, 2]})
    assert (await _stored(raw, "$.items"))[0] == (await _stored(raw, "$.named"))["x"] == BAD


async def test_a_list_below_one_that_lacks_something_has_its_place(raw: Any) -> None:
    doc = await _with(raw, deep=[[BAD, ONE], [TWO]])
    await doc.deep[1].aset(0, 3)
    await doc.deep[0].aappend(4)
    assert await _stored(raw, "$.deep") == [[BAD, ONE, FOUR], [THREE]]
    await doc.deep.ainsert(0, [1])
    await doc.asave()
    assert await _stored(raw, "$.deep") == [[ONE], [BAD, ONE, FOUR], [THREE]]


async def test_popping_at_the_ends_takes_what_can_be_read(raw: Any) -> None:
    doc = await _with(raw, items=[BAD, ONE, TWO])
    assert await doc.items.apop() == 2
    with pytest.raises(CantSerializeRedisValueError):
        await doc.items.apop(0)
    assert (doc.items, await _stored(raw, "$.items")) == ([1], [BAD, ONE])
    await doc.asave()
    assert await _stored(raw, "$.items") == [BAD, ONE]


@pytest.mark.parametrize("how", ["assign", "clear", "aclear", "pipeline", "assign in a pipeline"])
async def test_assigning_and_clearing_drop_it(raw: Any, how: str) -> None:
    for field, bad, empty in (("items", [BAD, ONE], []), ("named", {"x": BAD, "y": ONE}, {})):
        doc = await _with(raw, **{field: bad})
        if how == "assign":
            setattr(doc, field, empty)
        elif how == "clear":
            getattr(doc, field).clear()
        elif how == "aclear":
            await getattr(doc, field).aclear()
        else:
            async with doc.apipeline():
                if how == "pipeline":
                    getattr(doc, field).clear()
                else:
                    setattr(doc, field, empty)
        await doc.asave()
        assert await _stored(raw, f"$.{field}") == empty


async def test_a_pipeline_that_fails_keeps_it(raw: Any) -> None:
    doc = await _with(raw, items=[BAD, ONE], named={"x": BAD})
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            doc.items.clear()
            doc.named["x"] = 1
            raise ZeroDivisionError
    await doc.asave()
    assert await _stored(raw, "$.items") == [BAD, ONE]
    assert await _stored(raw, "$.named") == {"x": BAD}


# --- changing a dict ---------------------------------------------------------------------------------------


async def test_other_members_of_a_dict_change_as_ever(raw: Any) -> None:
    doc = await _with(raw, named={"x": BAD, "y": ONE})
    doc.named["z"] = 2
    await doc.named.aset_item("w", 3)
    del doc.named["y"]
    await doc.asave()
    assert await _stored(raw, "$.named") == {"x": BAD, "z": TWO, "w": THREE}


@pytest.mark.parametrize(
    ("change", "stored"),
    [
        (lambda d: d.named.aset_item("x", 1), {"x": ONE, "y": TWO}),
        (lambda d: d.named.aupdate(x=1), {"x": ONE, "y": TWO}),
        (lambda d: d.named.adel_item("x"), {"y": TWO}),
        (lambda d: d.numbered.adel_item(1), {"x": BAD, "y": TWO}),
    ],
)
async def test_setting_or_deleting_the_member_drops_it(raw: Any, change: Any, stored: Any) -> None:
    doc = await _with(raw, named={"x": BAD, "y": TWO}, numbered={"1": BAD})
    await change(doc)
    assert await _stored(raw, "$.named") == stored
    await doc.asave()
    assert await _stored(raw, "$.named") == stored
    doc.named["x"] = 3
    del doc.named["x"]
    await doc.asave()
    assert await _stored(raw, "$.named") == {"y": TWO}


async def test_reading_the_member_itself_raises(raw: Any) -> None:
    doc = await _with(raw, named={"x": BAD})
    with pytest.raises(CantSerializeRedisValueError, match="SafeLists:a"):
        await doc.named.aget("x")
    with pytest.raises(CantSerializeRedisValueError):
        await doc.named.apop("x")
    assert await _stored(raw, "$.named") == {"x": BAD}


# --- sets --------------------------------------------------------------------------------------------------


async def test_w27_members_of_a_set_that_cannot_be_read_are_left_out_and_stay(
    raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await SafeSets(name="a", tags={1, 2}, maybe={3}).asave()
    await raw.sadd(TAGS, "no number", '"text"')
    await raw.sadd("__rapyer_special__:SafeSets:a:maybe", "bad")
    bad = {"no number", '"text"'}
    with caplog.at_level(logging.WARNING, "rapyer"):
        doc = await SafeSets.aget("a")
    assert len(caplog.messages) == 1
    assert (doc.tags, doc.maybe, doc.failed_fields) == ({1, 2}, {3}, set())
    assert repr(doc.tags).startswith("RedisSet({")
    doc.tags.add(5)
    doc.tags.discard(1)
    doc.count = 1
    await doc.asave()
    assert await raw.smembers(TAGS) == {"2", "5"} | bad
    await doc.tags.aadd(6)  # type: ignore[attr-defined]
    async with doc.apipeline():
        doc.tags.add(7)
    assert await raw.smembers(TAGS) == {"2", "5", "6", "7"} | bad
    assert (await SafeSets.afind("a"))[0].tags == {2, 5, 6, 7}
    assert (await SafeSets.aget_or_create(SafeSets(name="a"))).value.tags == {2, 5, 6, 7}


async def test_members_that_are_no_text_at_all(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    doc = await SafeSets(name="a", tags={1}, strict={1}).asave()
    await raw.sadd(TAGS, b"\xff")
    assert (await SafeSets.aget("a")).tags == {1}
    assert "SafeSets:a: left out 1 of the members of tags, which are no text and stay in Redis" in caplog.text
    assert await doc.tags.amembers() == {1}  # type: ignore[attr-defined]
    doc.tags.add(2)
    await doc.asave()
    assert await raw.scard(TAGS) == 3
    await raw.sadd("__rapyer_special__:SafeSets:a:strict", b"\xff")
    with pytest.raises(CorruptedModelError, match="a member of strict stored under .*:strict is no text"):
        await SafeSets.aget("a")


async def test_what_the_server_is_asked_for_lacks_them_too(raw: Any) -> None:
    doc = await SafeSets(name="a", tags={1, 2}).asave()
    await raw.sadd(TAGS, "bad")
    assert await doc.tags.amembers() == {1, 2}  # type: ignore[attr-defined]
    assert {member async for member in doc.tags.aiter_members()} == {1, 2}  # type: ignore[attr-defined]
    assert await doc.tags.aunion(doc.strict) == {1, 2}  # type: ignore[attr-defined]
    assert await doc.tags.asize() == 3  # type: ignore[attr-defined]
    with pytest.raises(CorruptedModelError):  # nothing is taken that nobody can read
        await doc.tags.apop_many(3)  # type: ignore[attr-defined]
    assert await raw.smembers(TAGS) == {"1", "2", "bad"}
    copied = await doc.aduplicate(name="b")
    assert copied.tags == {1, 2}
    assert await raw.smembers("__rapyer_special__:SafeSets:b:tags") == {"1", "2", "bad"}
    await doc.tags.aclear()  # type: ignore[attr-defined]
    assert not await raw.exists(TAGS)


@pytest.mark.parametrize("way", ["asave", "aget_or_create", "ainsert", "queued ainsert"])
async def test_a_set_that_is_stored_anew_has_them_too(raw: Any, way: str) -> None:
    await SafeSets(name="a", tags={1}).asave()
    await raw.sadd(TAGS, "bad")
    doc = await SafeSets.aget("a")
    for deleted in (doc.adelete(), SafeSets.adelete_by_key("a")):
        await deleted
        if way == "queued ainsert":
            async with rapyer.apipeline():
                await SafeSets.ainsert(doc)
        else:
            stores: dict[str, Any] = {
                "asave": doc.asave,
                "aget_or_create": lambda: rapyer.aget_or_create(doc),
                "ainsert": lambda: SafeSets.ainsert(doc),
            }
            await stores[way]()
        assert await raw.smembers(TAGS) == {"1", "bad"}
    await raw.srem(TAGS, "bad")
    await doc.asave()  # of the server's, only what changed here is written
    assert await raw.smembers(TAGS) == {"1"}


async def test_a_set_without_the_mark_keeps_its_model_from_loading(raw: Any) -> None:
    await SafeSets(name="a").asave()
    await raw.sadd("__rapyer_special__:SafeSets:a:strict", "bad")
    with pytest.raises(CorruptedModelError, match="strict"):
        await SafeSets.aget("a")


async def test_sets_inside_a_document(raw: Any) -> None:
    document = {"name": "a", "inline": [["1", "bad"], ["2"]], "by_name": {"x": ["bad", "3"]}}
    await raw.json().set("SafeSets:a", "$", document)
    doc = await SafeSets.aget("a")
    assert (doc.inline, doc.by_name) == ([{1}, {2}], {"x": {3}})
    await doc.asave()
    assert await _stored(raw, "$.inline", doc.key) == document["inline"]
    doc.inline[0].add(4)
    await doc.inline[1].aadd(5)  # type: ignore[attr-defined]
    doc.by_name["x"].clear()
    await doc.asave()
    assert await _stored(raw, "$.inline", doc.key) == [["1", "4", "bad"], ["2", "5"]]
    assert await _stored(raw, "$.by_name", doc.key) == {"x": []}
    assert await doc.inline[0].amembers() == {1, 4}  # type: ignore[attr-defined]


async def test_in_a_bulk_read_only_such_documents_warn(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    await SafeLists.ainsert(*(SafeLists(name=str(number), items=[number]) for number in range(300)))
    await raw.json().set("SafeLists:7", "$.items[0]", BAD)
    with caplog.at_level(logging.WARNING, "rapyer"):
        found = await SafeLists.afind()
        keys = [f"SafeLists:{number}" for number in range(300)]
        assert [doc.items for doc in await rapyer.afind(*keys)][6:9] == [[6], [], [8]]  # type: ignore[attr-defined]
    assert len(found) == 300
    assert [message.partition(": left")[0] for message in caplog.messages] == ["SafeLists:7"] * 2
