"""`SafeLoad`: a field that cannot be read is None, is named, and stays in Redis as it is."""

from __future__ import annotations

import base64
import copy
import enum
import logging
import pickle
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, field_validator

import rapyer
from rapyer import AtomicRedisModel, Key, RedisConfig, SafeLoad
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError
from rapyer.fields import SafeLoadAnnotation

pytestmark = pytest.mark.usefixtures("source")

BAD = "gASVnonsense"


class SafeShade(enum.Enum):
    DARK = "dark"
    PALE = "pale"


class SafeStranger:
    """What no annotation names, so that no stored pickle may."""


class SafePart(BaseModel):
    number: int = 0
    kind: SafeLoad[SafeShade | None] = SafeShade.DARK


class SafeDoc(AtomicRedisModel):
    name: Key[str]
    count: int = 1
    shade: SafeLoad[SafeShade | None] = SafeShade.DARK
    ident: SafeLoad[UUID | None] = UUID(int=1)
    anything: SafeLoad[Any] = None
    part: SafePart = SafePart()
    parts: list[SafePart] = [SafePart(), SafePart()]
    by_name: dict[str, SafePart] = {"a.b": SafePart()}


class SafeStrict(AtomicRedisModel):
    name: Key[str]
    shade: SafeShade | None = SafeShade.DARK


async def _spoil(raw: Any, key: str, path: str = "$.shade", value: Any = BAD) -> None:
    await raw.json().set(key, path, value)


async def _stored(raw: Any, key: str, path: str = "$.shade") -> Any:
    (found,) = await raw.json().get(key, path)
    return found


async def _spoiled(raw: Any, path: str = "$.shade") -> SafeDoc:
    await SafeDoc(name="a").asave()
    await _spoil(raw, "SafeDoc:a", path)
    return await SafeDoc.aget("a")


# --- what it can be written as -----------------------------------------------------------------------------


class SafeForms(AtomicRedisModel):
    name: Key[str]
    one: SafeLoad[SafeShade | None] = None
    two: SafeLoad(SafeShade | None) = None  # type: ignore[valid-type]
    three: Annotated[SafeShade | None, SafeLoadAnnotation()] = None
    four: Annotated[SafeShade | None, SafeLoadAnnotation] = None
    five: Annotated[SafeShade | None, SafeLoad] = None
    six: Annotated[SafeShade | None, SafeLoad()] = None
    seven: SafeLoad[SafeShade] | None = None
    eight: Annotated[SafeShade, SafeLoad(None)] | None = None


async def test_every_form_marks_a_field(raw: Any) -> None:
    """§13.78: one and many"""
    fields = set(SafeForms.model_fields) - {"name"}
    await raw.json().set("SafeForms:a", "$", {"name": "a", **dict.fromkeys(fields, BAD)})
    loaded = await SafeForms.aget("a")
    assert loaded.failed_fields == fields
    assert {getattr(loaded, name) for name in fields} == {None}


def test_the_marker_without_a_type_is_the_annotation() -> None:
    assert isinstance(SafeLoad(), SafeLoadAnnotation)  # type: ignore[type-arg]
    assert isinstance(SafeLoad(None), SafeLoadAnnotation)  # type: ignore[type-arg]
    assert repr(SafeLoadAnnotation()) == "SafeLoad()"
    assert rapyer.fields.SafeLoad is rapyer.SafeLoad


class SafeAll(AtomicRedisModel):
    Meta = RedisConfig(safe_load_all=True)
    name: Key[str]
    shade: SafeShade | None = None
    flag: bool | None = None
    data: bytes | None = None
    part: SafePart = SafePart()
    things: list[Any] = []
    flags: list[bool] = []
    tags: set[int] = set()


async def test_a_configuration_marks_every_field(raw: Any) -> None:
    """§13.78: all-config"""
    document = {
        "name": "a",
        "shade": BAD,
        "flag": BAD,
        "data": BAD,
        "things": [BAD, "gARLAS4="],
        "flags": [BAD, True],
    }
    await raw.json().set("SafeAll:a", "$", document)
    await raw.sadd("__rapyer_special__:SafeAll:a:tags", "1", "no number")
    loaded = await SafeAll.aget("a")
    assert loaded.failed_fields == {"shade", "flag", "data"}
    assert (loaded.things, loaded.flags, loaded.tags) == ([1], [True], {1})
    await loaded.asave()
    assert (await _stored(raw, "SafeAll:a", "$") | document) == await _stored(raw, "SafeAll:a", "$")


async def test_the_configuration_counts_as_it_is_at_each_call(raw: Any) -> None:
    await raw.json().set("SafeStrict:a", "$", {"name": "a", "shade": BAD})
    with pytest.raises(CantSerializeRedisValueError):
        await SafeStrict.aget("a")
    SafeStrict.Meta.safe_load_all = True
    assert (await SafeStrict.aget("a")).failed_fields == {"shade"}
    SafeStrict.Meta.safe_load_all = False
    with pytest.raises(CantSerializeRedisValueError):
        await SafeStrict.aget("a")


async def test_a_child_inherits_the_mark_and_the_configuration(raw: Any) -> None:
    class SafeChild(SafeDoc):
        pass

    class SafeAllChild(SafeAll):
        more: UUID | None = None

    await raw.json().set("SafeChild:a", "$", {"name": "a", "shade": BAD})
    await raw.json().set("SafeAllChild:a", "$", {"name": "a", "more": BAD, "flag": BAD})
    assert (await SafeChild.aget("a")).failed_fields == {"shade"}
    assert (await SafeAllChild.aget("a")).failed_fields == {"more", "flag"}


# --- loading -----------------------------------------------------------------------------------------------


async def _by_aload(key: str) -> Any:
    doc = SafeDoc(name="a")
    assert await doc.aload() is doc
    return doc


async def _by_lock(key: str) -> Any:
    async with SafeDoc.alock_from_key("a") as doc:
        return doc


async def _by_pipeline(key: str) -> Any:
    doc = SafeDoc(name="a")
    async with doc.apipeline():
        return doc


WAYS: dict[str, Any] = {
    "aget": lambda key: SafeDoc.aget(key),
    "aload": _by_aload,
    "afind": lambda key: _first(SafeDoc.afind(key)),
    "afind of all": lambda key: _first(SafeDoc.afind()),
    "afind_one": lambda key: SafeDoc.afind_one(key),
    "rapyer.aget": lambda key: rapyer.aget(key),
    "rapyer.afind": lambda key: _first(rapyer.afind(key)),
    "aget_or_create": lambda key: _value(SafeDoc.aget_or_create(SafeDoc(name="a"))),
    "aduplicate": lambda key: SafeDoc(name="a").aduplicate(name="b"),
    "alock_from_key": _by_lock,
    "apipeline": _by_pipeline,
}


async def _first(found: Any) -> Any:
    (one,) = await found
    return one


async def _value(result: Any) -> Any:
    return (await result).value


@pytest.mark.parametrize("way", WAYS)
async def test_it_works_however_the_model_is_loaded(
    raw: Any, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """§13.78"""
    await SafeDoc(name="a", count=7).asave()
    await _spoil(raw, "SafeDoc:a")
    await _spoil(raw, "SafeDoc:a", "$.ident")
    with caplog.at_level(logging.WARNING, "rapyer"):
        doc = await WAYS[way]("SafeDoc:a")
    assert (doc.shade, doc.ident, doc.count) == (None, None, 7)
    assert doc.failed_fields == {"shade", "ident"}
    (warning,) = [line for line in caplog.messages if line.startswith("SafeDoc:")]
    assert "left out what cannot be read, and stays in Redis: SafeDoc.shade (a stored value" in warning
    assert "SafeDoc.ident (" in warning


@pytest.mark.parametrize("way", ["aget", "aload", "aget_or_create"])
async def test_a_field_without_the_mark_raises(raw: Any, way: str) -> None:
    """§13.78: the unsafe counterpart"""
    doc = await SafeStrict(name="a").asave()
    await _spoil(raw, doc.key)
    loads: dict[str, Any] = {
        "aget": lambda: SafeStrict.aget("a"),
        "aload": doc.aload,
        "aget_or_create": lambda: rapyer.aget_or_create(doc),
    }
    with pytest.raises(
        CantSerializeRedisValueError, match="SafeStrict.shade cannot be loaded from SafeStrict:a"
    ) as raised:
        await loads[way]()
    assert (raised.value.key, raised.value.field, raised.value.model) == (doc.key, "shade", "SafeStrict")


async def test_a_find_leaves_out_the_document_of_a_field_without_the_mark(
    raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await SafeStrict(name="a").asave()
    await SafeStrict(name="b").asave()
    await _spoil(raw, "SafeStrict:a")
    assert [doc.name for doc in await SafeStrict.afind()] == ["b"]
    assert "SafeStrict.afind left out 1 of its documents: 1 corrupt" in caplog.text
    with pytest.raises(CantSerializeRedisValueError):
        await SafeStrict.afind(on_corrupt="raise")


async def test_new_and_clean_models_have_no_failed_fields() -> None:
    """§13.79"""
    doc = SafeDoc(name="a")
    assert doc.failed_fields == set()
    await doc.asave()
    assert (await SafeDoc.aget("a")).failed_fields == set()
    assert (await SafeDoc.aget("a")).part.failed_fields == set()  # type: ignore[attr-defined]


async def test_a_field_that_is_missing_has_not_failed(raw: Any) -> None:
    await raw.json().set("SafeDoc:a", "$", {"name": "a"})
    doc = await SafeDoc.aget("a")
    assert (doc.shade, doc.failed_fields) == (SafeShade.DARK, set())


async def test_what_a_pickle_may_not_name_is_left_out_and_read_once_it_may(raw: Any) -> None:
    """W26, D15"""
    SafeDoc.Meta.trust_pickle = True
    stranger = await SafeDoc(name="a", anything=SafeStranger()).asave()
    text = await _stored(raw, stranger.key, "$.anything")
    SafeDoc.Meta.trust_pickle = False
    doc = await SafeDoc.aget("a")
    assert (doc.anything, doc.failed_fields) == (None, {"anything"})
    doc.count = 9
    await doc.asave()
    assert await _stored(raw, doc.key, "$.anything") == text
    SafeDoc.Meta.pickle_allow = (SafeStranger,)
    doc = await SafeDoc.aget("a")
    assert (type(doc.anything), doc.count, doc.failed_fields) == (SafeStranger, 9, set())


@pytest.mark.parametrize(
    "value", ["dark side", 5, {"a": 1}, pickle.dumps(5, 0).decode(), "gASVBQAAAAAAAABDAXiULg=="]
)
async def test_whatever_cannot_be_read_is_left_out(raw: Any, value: Any) -> None:
    await SafeDoc(name="a").asave()
    await _spoil(raw, "SafeDoc:a", "$.ident", value)
    doc = await SafeDoc.aget("a")
    assert (doc.ident, doc.failed_fields) == (None, {"ident"})
    await doc.asave()
    assert await _stored(raw, doc.key, "$.ident") == value


async def test_a_field_that_cannot_be_none_keeps_its_model_from_loading(raw: Any) -> None:
    class SafeNever(AtomicRedisModel):
        name: Key[str]
        shade: SafeLoad[SafeShade] = SafeShade.DARK

    doc = await SafeNever(name="a").asave()
    await _spoil(raw, doc.key)
    with pytest.raises(CorruptedModelError, match="for SafeLoad to leave it out, the field must allow None"):
        await SafeNever.aget("a")
    with pytest.raises(CorruptedModelError):
        await doc.aload()
    assert await SafeNever.afind() == []


async def test_it_has_no_effect_on_what_redis_and_json_hold_themselves(raw: Any) -> None:
    class SafeNative(AtomicRedisModel):
        name: Key[str]
        number: SafeLoad[int | None] = None
        items: SafeLoad[list[int]] = []

    doc = await SafeNative(name="a").asave()
    await _spoil(raw, doc.key, "$.number", "text")
    with pytest.raises(CorruptedModelError, match="number"):
        await SafeNative.aget("a")
    await _spoil(raw, doc.key, "$.number", 1)
    await _spoil(raw, doc.key, "$.items", ["text"])
    with pytest.raises(CorruptedModelError, match="items"):
        await SafeNative.aget("a")


async def test_one_bad_field_does_not_hide_another_fault(raw: Any) -> None:
    await SafeDoc(name="a").asave()
    await _spoil(raw, "SafeDoc:a")
    await _spoil(raw, "SafeDoc:a", "$.count", "many")
    with pytest.raises(CorruptedModelError, match="count"):
        await SafeDoc.aget("a")


async def test_validators_of_the_field_get_none(raw: Any) -> None:
    seen = []

    class SafeChecked(AtomicRedisModel):
        name: Key[str]
        shade: SafeLoad[SafeShade | None] = SafeShade.DARK

        @field_validator("shade")
        @classmethod
        def _look(cls, value: Any) -> Any:
            seen.append(value)
            return value

    await raw.json().set("SafeChecked:a", "$", {"name": "a", "shade": BAD})
    doc = await SafeChecked.aget("a")
    assert (seen, doc.failed_fields) == ([None], {"shade"})


async def test_a_field_may_be_named_failed_fields() -> None:
    class SafeNamed(AtomicRedisModel):
        name: Key[str]
        failed_fields: list[str] = ["mine"]  # type: ignore[assignment]

    assert (await SafeNamed(name="a").asave()).failed_fields == ["mine"]
    assert (await SafeNamed.aget("a")).failed_fields == ["mine"]


# --- where it is recorded ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "find"),
    [
        ("$.part.kind", "part.kind", lambda doc: doc.part),
        ("$.parts[1].kind", "parts[1].kind", lambda doc: doc.parts[1]),
        ('$.by_name["a.b"].kind', 'by_name["a.b"].kind', lambda doc: doc.by_name["a.b"]),
    ],
)
async def test_w26_it_is_recorded_on_the_inner_model_and_dotted_on_the_root(
    raw: Any, path: str, name: str, find: Any
) -> None:
    doc = await _spoiled(raw, path)
    assert doc.failed_fields == {name}
    assert (find(doc).kind, find(doc).failed_fields) == (None, {"kind"})
    assert doc.parts[0].failed_fields == set()  # type: ignore[attr-defined]
    for saved in (doc, find(doc)):
        await saved.asave()
        assert await _stored(raw, doc.key, path) == BAD
    find(doc).number = 5
    await doc.asave()
    assert await _stored(raw, doc.key, path) == BAD
    find(doc).kind = SafeShade.PALE
    assert doc.failed_fields == set()
    await doc.asave()
    again = await SafeDoc.aget("a")
    assert (find(again).kind, find(again).number) == (SafeShade.PALE, 5)


async def test_an_inner_model_that_is_loaded_again(raw: Any) -> None:
    doc = await SafeDoc(name="a").asave()
    part = doc.part
    await _spoil(raw, "SafeDoc:a", "$.part.kind")
    await doc.part.aload()  # type: ignore[attr-defined]
    assert doc.part is part
    assert (part.failed_fields, doc.failed_fields) == ({"kind"}, {"part.kind"})  # type: ignore[attr-defined]
    await doc.asave()
    assert await _stored(raw, doc.key, "$.part.kind") == BAD
    await _spoil(raw, "SafeDoc:a", "$.part.kind", None)
    await doc.aload()
    assert doc.failed_fields == set()


async def test_a_list_of_models_that_is_loaded_again(raw: Any) -> None:
    doc = await SafeDoc(name="a").asave()
    await _spoil(raw, "SafeDoc:a", "$.parts[0].kind")
    await doc.parts.aload()  # type: ignore[attr-defined]
    assert doc.failed_fields == {"parts[0].kind"}
    for saved in (doc, doc.parts):
        await saved.asave()  # type: ignore[union-attr]
        assert await _stored(raw, doc.key, "$.parts[0].kind") == BAD
    doc.parts.insert(0, SafePart(kind=SafeShade.PALE))
    assert doc.failed_fields == {"parts[1].kind"}
    await doc.asave()
    assert (await _stored(raw, doc.key, "$.parts[1].kind")) == BAD


# --- saving ------------------------------------------------------------------------------------------------


async def test_w26_a_save_keeps_what_could_not_be_read(raw: Any) -> None:
    doc = await _spoiled(raw)
    doc.count = 5
    await doc.asave()
    assert (await _stored(raw, doc.key), await _stored(raw, doc.key, "$.count")) == (BAD, 5)
    assert doc.failed_fields == {"shade"}
    assert doc.redis_dump()["shade"] == BAD
    await SafeDoc.ainsert(doc)
    await doc.aupdate(count=6)
    assert await _stored(raw, doc.key) == BAD


@pytest.mark.parametrize("value", [SafeShade.PALE, None])
async def test_w26_assigning_the_field_replaces_it(raw: Any, value: Any) -> None:
    for assign in ("attribute", "update", "aupdate", "pipeline"):
        doc = await _spoiled(raw)
        if assign == "attribute":
            doc.shade = value
        elif assign == "update":
            doc.update(shade=value)
        elif assign == "aupdate":
            await doc.aupdate(shade=value)
            assert (await SafeDoc.aget("a")).shade == value
        else:
            async with doc.apipeline():
                doc.shade = value
            assert (await SafeDoc.aget("a")).shade == value
        assert doc.failed_fields == set()
        await doc.asave()
        again = await SafeDoc.aget("a")
        assert (again.shade, again.failed_fields) == (value, set())


async def test_a_pipeline_that_fails_takes_the_assignment_back(raw: Any) -> None:
    doc = await _spoiled(raw)
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            doc.shade = SafeShade.PALE
            assert doc.failed_fields == set()
            raise ZeroDivisionError
    assert (doc.shade, doc.failed_fields) == (None, {"shade"})
    await doc.asave()
    assert await _stored(raw, doc.key) == BAD


async def test_a_lock_saves_what_has_changed_and_nothing_else(raw: Any) -> None:
    await _spoiled(raw)
    async with SafeDoc.alock_from_key("a", save_at_end=True) as doc:
        doc.count = 3
        await raw.json().set("SafeDoc:a", "$.shade", None)  # somebody else mends it meanwhile
    stored = await _stored(raw, "SafeDoc:a", "$")
    assert (stored["count"], stored["shade"]) == (3, None)
    await _spoil(raw, "SafeDoc:a")
    async with SafeDoc.alock_from_key("a", save_at_end=True) as doc:
        doc.shade = SafeShade.PALE
    assert (await SafeDoc.aget("a")).shade is SafeShade.PALE


async def test_a_duplicate_has_what_could_not_be_read(raw: Any) -> None:
    doc = await _spoiled(raw)
    copied = await doc.aduplicate(name="b", count=4)
    assert (copied.failed_fields, copied.count) == ({"shade"}, 4)
    assert await _stored(raw, "SafeDoc:b") == BAD
    replaced = await doc.aduplicate(name="c", shade=SafeShade.PALE)
    assert (replaced.shade, replaced.failed_fields) == (SafeShade.PALE, set())


async def test_once_it_is_mended_it_is_read_again(raw: Any) -> None:
    doc = await _spoiled(raw)
    good = SafeDoc(name="a", shade=SafeShade.PALE).redis_dump()["shade"]
    await _spoil(raw, "SafeDoc:a", "$.shade", good)
    assert await doc.aload() is doc
    assert (doc.shade, doc.failed_fields) == (SafeShade.PALE, set())


# --- the local object --------------------------------------------------------------------------------------


async def test_dumps_and_comparisons_see_none(raw: Any) -> None:
    doc = await _spoiled(raw)
    assert doc.model_dump()["shade"] is None
    assert doc.model_dump(mode="json")["shade"] is None
    assert '"shade":null' in doc.model_dump_json()
    assert dict(doc)["shade"] is None
    assert "shade=None" in repr(doc)
    assert doc == SafeDoc(name="a", shade=None)
    assert doc.model_dump(context={"__rapyer_dumped__": True})["shade"] == BAD
    assert "shade" not in doc.model_dump(context={"__rapyer_dumped__": True}, exclude={"shade"})


@pytest.mark.parametrize("path", ["$.shade", "$.part.kind", "$.parts[0].kind", '$.by_name["a.b"].kind'])
@pytest.mark.parametrize(
    "copied",
    [
        lambda doc: doc.model_copy(),
        lambda doc: doc.model_copy(deep=True),
        copy.copy,
        copy.deepcopy,
        lambda doc: pickle.loads(pickle.dumps(doc)),
        lambda doc: SafeDoc.model_validate_json(doc.redis_dump_json(), context={"__rapyer_dumped__": True}),
        lambda doc: SafeDoc.model_validate(doc.redis_dump(), context={"__rapyer_dumped__": True}),
    ],
)
async def test_copies_keep_what_could_not_be_read(raw: Any, copied: Any, path: str) -> None:
    for touched in (False, True):
        doc = await _spoiled(raw, path)
        if touched:
            assert [doc.part, doc.parts[0], doc.by_name["a.b"]].count(None) == 0  # type: ignore[arg-type]
        same = copied(doc)
        assert (same, same.failed_fields) == (doc, doc.failed_fields)
        await same.asave()
        assert await _stored(raw, doc.key, path) == BAD


async def test_a_part_that_is_given_to_another_model_takes_its_none_along(raw: Any) -> None:
    doc = await _spoiled(raw, "$.part.kind")
    other = SafeDoc(name="b", part=doc.part)
    assert (other.part.kind, other.failed_fields) == (None, set())
    await other.asave()
    assert await _stored(raw, "SafeDoc:b", "$.part.kind") is None
    assert doc.failed_fields == {"part.kind"}


async def test_a_model_in_its_own_kind(raw: Any) -> None:
    await SafeTree(name="a", child=SafeTree(name="b", child=SafeTree(name="c"))).asave()
    await _spoil(raw, "SafeTree:a")
    await _spoil(raw, "SafeTree:a", "$.child.child.shade")
    doc = await SafeTree.aget("a")
    assert doc.failed_fields == {"shade", "child.child.shade"}
    assert doc.child is not None
    assert doc.child.failed_fields == {"child.shade"}
    await doc.asave()
    assert (await _stored(raw, doc.key), await _stored(raw, doc.key, "$.child.child.shade")) == (BAD, BAD)
    assert (await _stored(raw, doc.key, "$.child.shade")) != BAD


class SafeTree(AtomicRedisModel):
    name: Key[str]
    shade: SafeLoad[SafeShade | None] = SafeShade.DARK
    child: SafeTree | None = None


SafeTree.model_rebuild()


async def test_a_text_that_is_no_pickle_is_told_to_misfit(raw: Any) -> None:
    strict = await SafeStrict(name="misfit").asave()
    await _spoil(raw, strict.key, value="crimson")
    with pytest.raises(CantSerializeRedisValueError, match="does not fit: Input should be 'dark' or 'pale'"):
        await SafeStrict.aget(strict.key)


async def test_a_pickle_without_a_mark_of_its_own_is_still_read(raw: Any) -> None:
    strict = await SafeStrict(name="old protocol").asave()
    old = base64.b64encode(pickle.dumps(SafeShade.PALE, 0)).decode()
    await _spoil(raw, strict.key, value=old)
    assert (await SafeStrict.aget(strict.key)).shade is SafeShade.PALE
