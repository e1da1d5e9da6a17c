"""A save keeps what could not be read: every kind of field, every way of saving, whatever validates a class."""

from __future__ import annotations

import copy
import datetime as dt  # noqa: TC003 - pydantic needs it at run time
import enum
import logging
import pickle
from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - as above
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID  # noqa: TC003 - as above

import pytest
from pydantic import AfterValidator, BaseModel, BeforeValidator, field_validator, model_validator

import rapyer
from rapyer import AtomicRedisModel, Key, RedisConfig, SafeLoad
from rapyer.errors import CorruptedModelError

pytestmark = pytest.mark.usefixtures("source")

BAD, ONE, TWO = "gASVnonsense", "gARLAS4=", "gARLAi4="
T = TypeVar("T")


class KeepsShade(enum.Enum):
    DARK = "dark"
    PALE = "pale"


@dataclass
class KeepsPoint:
    x: int = 1


class KeepsPart(BaseModel):
    n: int = 0
    kind: SafeLoad[KeepsShade | None] = None
    things: SafeLoad[list[Any]] = []


class KeepsCheckedPart(KeepsPart):
    @model_validator(mode="before")
    @classmethod
    def _look(cls, value: Any) -> Any:
        return value

    @field_validator("things", mode="before")
    @classmethod
    def _again(cls, value: Any) -> Any:
        return list(value)


def _same(value: Any) -> Any:
    return value


class KeepsDoc(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    name: Key[str]
    count: int = 1
    numbers: list[int] = [1]
    shade: SafeLoad[KeepsShade | None] = None
    union: SafeLoad[UUID | KeepsShade | None] = None
    choice: SafeLoad[Literal["a", "b"] | None] = None
    flag: SafeLoad[bool | None] = None
    data: SafeLoad[bytes | None] = None
    day: SafeLoad[dt.date | None] = None
    price: SafeLoad[Decimal | None] = None
    pair: SafeLoad[tuple[int, str] | None] = None
    frozen: SafeLoad[frozenset[int] | None] = None
    point: SafeLoad[KeepsPoint | None] = None
    anything: SafeLoad[Any] = None
    before: SafeLoad[Annotated[KeepsShade | None, BeforeValidator(_same)]] = None
    after: SafeLoad[Annotated[KeepsShade | None, AfterValidator(_same)]] = None
    items: SafeLoad[list[Any]] = []
    shades: SafeLoad[list[KeepsShade | None]] = []
    named: SafeLoad[dict[str, Any]] = {}
    deep: SafeLoad[dict[str, list[KeepsShade]]] = {}
    tags: SafeLoad[set[int]] = set()
    maybe_tags: SafeLoad[set[int] | None] = None
    inline: SafeLoad[list[set[int]]] = []
    part: KeepsPart = KeepsPart()
    maybe: KeepsPart | None = None
    parts: list[KeepsPart] = []
    by_name: dict[str, KeepsPart] = {}
    checked: KeepsCheckedPart = KeepsCheckedPart()
    all_checked: list[KeepsCheckedPart] = []


PART = {"n": 1, "kind": BAD, "things": [BAD, ONE]}
FIELDS = [
    *("shade", "union", "choice", "flag", "data", "day", "price"),
    *("pair", "frozen", "point", "anything", "before", "after"),
]
STORED: dict[str, Any] = {
    "name": "a",
    "count": 1,
    "numbers": [1],
    **dict.fromkeys(FIELDS, BAD),
    "items": [BAD, ONE, BAD],
    "shades": [BAD],
    "named": {"x": BAD, "y": ONE},
    "deep": {"k": [BAD]},
    "inline": [["1", "bad"]],
    "part": PART,
    "maybe": PART,
    "parts": [PART],
    "by_name": {"k": PART},
    "checked": PART,
    "all_checked": [PART],
}
FAILED = {
    *FIELDS,
    *("part.kind", "maybe.kind", "parts[0].kind", "by_name.k.kind", "checked.kind", "all_checked[0].kind"),
}


class KeepsAfterEach(KeepsDoc):
    @field_validator("*", mode="after")
    @classmethod
    def _look(cls, value: Any) -> Any:
        return value


class KeepsBeforeEach(KeepsDoc):
    @field_validator("*", mode="before")
    @classmethod
    def _look(cls, value: Any) -> Any:
        return value


class KeepsModelBefore(KeepsDoc):
    @model_validator(mode="before")
    @classmethod
    def _look(cls, value: Any) -> Any:
        return value


class KeepsModelWrap(KeepsDoc):
    @model_validator(mode="wrap")
    @classmethod
    def _look(cls, value: Any, handler: Any) -> Any:
        return handler(value)


class KeepsModelAfter(KeepsDoc):
    @model_validator(mode="after")
    def _look(self) -> KeepsModelAfter:
        return self


class KeepsStrange(KeepsDoc, extra="allow"):
    pass


class KeepsAliased(KeepsDoc, alias_generator=str.upper, populate_by_name=True):
    pass


class KeepsGeneric(KeepsDoc, Generic[T]):
    own: SafeLoad[T | None] = None
    more: SafeLoad[list[T]] = []


CLASSES: list[Any] = [
    KeepsDoc,
    KeepsAfterEach,
    KeepsBeforeEach,
    KeepsModelBefore,
    KeepsModelWrap,
    KeepsModelAfter,
    KeepsStrange,
    KeepsAliased,
    KeepsGeneric[KeepsShade],
]


def _of(cls: Any) -> tuple[dict[str, Any], set[str]]:
    """Return what is stored, and what will fail."""
    if "own" not in cls.model_fields:
        return STORED, FAILED
    return STORED | {"own": BAD, "more": [BAD]}, FAILED | {"own"}


async def _load(raw: Any, cls: Any) -> Any:
    key = f"{cls.class_key_initials()}:a"
    await raw.json().set(key, "$", _of(cls)[0])
    for name in ("tags", "maybe_tags"):
        await raw.sadd(f"__rapyer_special__:{key}:{name}", "1", "bad")
    return await cls.aget("a")


async def _check(raw: Any, doc: Any, **changed: Any) -> None:
    expected = _of(type(doc))[0] | changed
    (stored,) = await raw.json().get(doc.key, "$")
    assert {
        name: (stored.get(name), value) for name, value in expected.items() if stored.get(name) != value
    } == {}
    for name in ("tags", "maybe_tags"):
        assert await raw.smembers(f"__rapyer_special__:{doc.key}:{name}") == {"1", "bad"}


async def _touched(doc: Any) -> None:
    for name in type(doc).model_fields:
        getattr(doc, name)
    assert repr(doc)
    assert doc == doc.model_copy(deep=True)
    await doc.asave()


async def _queued(doc: Any) -> None:
    async with rapyer.apipeline():
        await doc.asave()


async def _queued_in_part(doc: Any) -> None:
    async with rapyer.apipeline():
        await doc.asave(only_changed=True)


async def _locked(doc: Any) -> None:
    async with type(doc).alock_from_key("a", save_at_end=True) as held:
        held.count = doc.count


async def _part_by_part(doc: Any) -> None:
    for name in ("items", "named", "deep", "part", "maybe", "parts", "by_name", "checked", "inline"):
        await getattr(doc, name).asave()
    await doc.all_checked[0].asave()
    await doc.aupdate(count=doc.count)


async def _part_by_part_loaded(doc: Any) -> None:
    for name in ("items", "named", "deep", "part", "maybe", "parts", "by_name", "checked", "inline"):
        await getattr(doc, name).aload()
    await doc.all_checked[0].aload()
    await doc.asave()


async def _found(doc: Any) -> None:
    await doc.aupdate(count=doc.count)
    (found,) = await type(doc).afind()
    await found.asave()


async def _got(doc: Any) -> None:
    await doc.aupdate(count=doc.count)
    result = await rapyer.aget_or_create(doc)
    assert not result.created
    await result.value.asave()


async def _stored_again(doc: Any) -> None:
    await doc.adelete()
    await doc.asave()


async def _created(doc: Any) -> None:
    await doc.adelete()
    assert (await rapyer.aget_or_create(doc)).created


WAYS: dict[str, Any] = {
    "asave": lambda doc: doc.asave(),
    "asave of one that was looked at": _touched,
    "only_changed": lambda doc: doc.asave(only_changed=True),
    "if_unchanged": lambda doc: doc.asave(if_unchanged=True),
    "both": lambda doc: doc.asave(if_unchanged=True, only_changed=True),
    "pipeline": _queued,
    "only_changed in a pipeline": _queued_in_part,
    "lock": _locked,
    "its parts": _part_by_part,
    "its parts, loaded": _part_by_part_loaded,
    "afind": _found,
    "aget_or_create": _got,
    "ainsert": lambda doc: type(doc).ainsert(doc),
    "after adelete": _stored_again,
    "created again": _created,
    "model_copy": lambda doc: doc.model_copy().asave(),
    "deep model_copy": lambda doc: doc.model_copy(deep=True).asave(),
    "deepcopy": lambda doc: copy.deepcopy(doc).asave(),
    "pickle": lambda doc: pickle.loads(pickle.dumps(doc)).asave(),
    "redis_dump": lambda doc: (
        type(doc).model_validate(doc.redis_dump(), context={"__rapyer_dumped__": True}).asave()
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))
async def test_w26_every_way_of_saving_keeps_every_kind_of_field(
    raw: Any, cls: Any, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rapyer"):
        doc = await _load(raw, cls)
    assert len(caplog.messages) == 1
    assert doc.failed_fields == _of(cls)[1]
    assert (doc.tags, doc.maybe_tags, doc.items, doc.named, doc.inline) == ({1}, {1}, [1], {"y": 1}, [{1}])
    await WAYS[way](doc)
    await _check(raw, doc)
    doc.count = 5
    await WAYS[way](doc)
    await _check(raw, doc, count=5)
    assert doc.failed_fields == _of(cls)[1]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))
async def test_a_duplicate_has_all_of_it(raw: Any, cls: Any) -> None:
    doc = await _load(raw, cls)
    copied = await doc.aduplicate(name="b")
    assert copied.failed_fields == doc.failed_fields
    for _ in range(2):
        await _check(raw, copied, name="b")
        await copied.asave()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))
async def test_changes_in_a_pipeline_keep_the_rest(raw: Any, cls: Any) -> None:
    doc = await _load(raw, cls)
    async with doc.apipeline():
        doc.count += 1
        doc.part.n = 7
        doc.parts[0].n = 8
        doc.checked.n = 9
        doc.shade = KeepsShade.DARK
    written = cls(name="b", shade=KeepsShade.DARK).redis_dump()["shade"]
    changed = {"part": PART | {"n": 7}, "parts": [PART | {"n": 8}], "checked": PART | {"n": 9}, "count": 2}
    for _ in range(2):
        await _check(raw, doc, shade=written, **changed)
        await doc.asave()
    assert doc.failed_fields == _of(cls)[1] - {"shade"}


# --- validators ----------------------------------------------------------------------------------------------


class KeepsLegacy(AtomicRedisModel):
    Meta = RedisConfig(safe_load_all=True)
    name: Key[str]
    shade: KeepsShade | None = None
    other: KeepsShade | None = None

    @field_validator("other", mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return {1: KeepsShade.DARK}.get(value, value) if isinstance(value, int) else value


async def test_what_a_validator_accepts_is_not_left_out(raw: Any) -> None:
    await raw.json().set("KeepsLegacy:a", "$", {"name": "a", "shade": BAD, "other": 1})
    doc = await KeepsLegacy.aget("a")
    assert (doc.other, doc.failed_fields) == (KeepsShade.DARK, {"shade"})
    await raw.json().set("KeepsLegacy:a", "$.other", 2)
    doc = await KeepsLegacy.aget("a")
    assert (doc.other, doc.failed_fields) == (None, {"shade", "other"})
    await doc.asave()
    assert await raw.json().get("KeepsLegacy:a") == {"name": "a", "shade": BAD, "other": 2}


class KeepsFilled(AtomicRedisModel):
    name: Key[str]
    shade: SafeLoad[KeepsShade | None] = None
    part: KeepsCheckedPart | None = None

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, value: Any) -> Any:
        return value if value.get("shade") else {**value, "shade": KeepsShade.PALE}

    @field_validator("part", mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return KeepsCheckedPart() if value == "none" else value


async def test_what_a_validator_puts_in_place_is_seen_and_not_saved(raw: Any) -> None:
    await raw.json().set("KeepsFilled:a", "$", {"name": "a", "shade": BAD, "part": "none"})
    doc = await KeepsFilled.aget("a")
    assert (doc.shade, doc.part, doc.failed_fields) == (KeepsShade.PALE, KeepsCheckedPart(), {"shade"})
    await doc.asave()
    assert (await raw.json().get("KeepsFilled:a"))["shade"] == BAD


async def test_a_field_without_the_mark_raises_in_a_class_with_validators_too(raw: Any) -> None:
    await raw.json().set("KeepsFilled:a", "$", {"name": "a", "shade": BAD, "part": {"n": BAD}})
    with pytest.raises(CorruptedModelError, match="KeepsFilled:a does not fit KeepsFilled"):
        await KeepsFilled.aget("a")


async def test_only_changed_leaves_alone_what_others_have_changed_and_what_has_another_form(raw: Any) -> None:
    stored = {"name": "a", "count": 1, "shade": BAD, "flag": "gASILg==", "items": [BAD, ONE]}
    await raw.json().set("KeepsDoc:a", "$", stored)
    doc = await KeepsDoc.aget("a")
    assert (doc.flag, doc.failed_fields) == (True, {"shade"})
    others = {"flag": False, "items": [TWO], "day": BAD}
    for name, value in others.items():
        await raw.json().set("KeepsDoc:a", f"$.{name}", value)
    doc.count = 5
    await doc.asave(only_changed=True)
    assert await raw.json().get("KeepsDoc:a") == stored | others | {"count": 5}
