"""A model with every kind of index, and values that are hard to search for."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index
from rapyer.fields import GeoPoint

NASTY = [
    "", " ", "a", "A", "b", "ab", "a b", " a", "a ", "aa", 'a"b', "a'b", "a-b", "the", "C:\\x", "\\", "\\\\", "a\\", "{x}", "a|b",
    "a,b", "*", "a*", "?", "$v0", "$", "@s:{x}", "line\nbreak", "\t", "\x01", "\x1f", "\x7f", "\U0001f600", "é", "É", "ключ", "日本 語",
    "x" * 3000, "(", ")", "[", "]", "~", "%", "%%", "a.b", "user@example.org", "'", "w'*'", "=>{$weight:2}", "-a", ":", ";", "true",
    "null", "\u00a0", "\ufeff", "\u200b",
]  # fmt: skip
TEXTS = [
    "", "the red fox", "The RED fox", "red-fox", "a fox; a dog", "été", "line\nbreak", "don't", "x_y z", "running", "run", "a\\-b",
    "user@example.org", "日本 語", "\\", "- -", "1,000",
]  # fmt: skip


class Color(Enum):
    RED = "red"
    DARK = "dark red, {almost} black"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class QueriedHome(BaseModel):
    city: Index[str] = ""
    zip: Index[str | None] = None
    floor: Index[int | None] = None
    note: str = ""
    heated: Index[bool | None] = None
    built: Index[dt.datetime | None] = None
    color: Index[Color] = Color.RED
    rent: Index[Decimal | None] = None
    names: Index[frozenset[str]] = frozenset()


class QueriedItem(BaseModel):
    name: Index[str | None] = None
    price: Index[float | None] = None
    day: Index[dt.date | None] = None
    at: Index[dt.datetime | None] = None
    uid: Index[UUID | None] = None
    level: Index[Level | None] = None
    size: Index[Literal["s", "m"] | None] = None
    span: Index[dt.timedelta | None] = None
    tags: Index[list[str]] = []


class QueriedRow(AtomicRedisModel):
    number: Index[int] = 0
    big: Index[int | None] = None
    real: Index[float | None] = None
    money: Index[Decimal | None] = None
    flag: Index[bool | None] = None
    at: Index[dt.datetime | None] = None
    day: Index[dt.date | None] = None
    clock: Index[dt.time | None] = None
    span: Index[dt.timedelta | None] = None
    text: Annotated[str, Index(suffix=True)] = ""
    nick: Index[str | None] = None
    color: Index[Color | None] = None
    level: Index[Level | None] = None
    size: Index[Literal["s", "m"] | None] = None
    uid: Index[UUID | None] = None
    tags: Index[list[str]] = []
    numbers: Index[list[int]] = []
    days: Index[list[dt.date]] = []
    stamps: Index[list[dt.datetime]] = []
    maybe: Index[list[str | None] | None] = None
    named_times: Index[dict[str, dt.time]] = {}
    prices: Index[dict[str, float]] = {}
    words: Index[frozenset[str]] = frozenset()
    colors: Index[frozenset[Color] | None] = None
    sizes: Index[frozenset[Literal["s", "m"]]] = frozenset()
    uids: Index[frozenset[UUID]] = frozenset()
    levels: Index[frozenset[Level]] = frozenset()
    sums: Index[frozenset[Decimal]] = frozenset()
    moments: Index[frozenset[dt.date]] = frozenset()
    bio: Annotated[str, Index(text=True)] = ""
    place: Index[GeoPoint | None] = None
    home: QueriedHome | None = None
    items: list[QueriedItem] = []
    named: dict[str, QueriedItem] = {}


_UTC = dt.timezone.utc
_HUGE = [2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1, 2**63 - 1, -(2**63)]
VALUES: dict[str, list[Any]] = {
    "number": [-1, 0, 1, 2, 3],
    "big": [0, 1, *_HUGE],
    "real": [-1.5, -0.0, 0.1, 0.3, 1e-300, 1e300, 3.0, 2.0**53],
    "money": [Decimal("0.1"), Decimal("1.10"), Decimal(3), Decimal("-2.5"), Decimal("123456789012.345")],
    "flag": [True, False],
    "at": [
        dt.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=_UTC),
        dt.datetime(2024, 2, 29, 1, 2, 3, 5, tzinfo=_UTC),
        dt.datetime(2024, 2, 29, 2, 2, 3, 4, tzinfo=ZoneInfo("Europe/Berlin")),
        dt.datetime(1969, 12, 31, 12),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=_UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=_UTC),
        dt.datetime(1, 1, 1, 0, 0, 0, 1),
    ],
    "day": [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(9999, 12, 31)],
    "clock": [dt.time(0), dt.time(12, 0, 0, 1), dt.time(12, 0, 0, 2), dt.time(23, 59, 59, 999999)],
    "span": [
        dt.timedelta(0),
        dt.timedelta(microseconds=-1),
        dt.timedelta(days=3),
        dt.timedelta(days=106_000_000),
    ],
    "text": NASTY,
    "nick": NASTY,
    "color": list(Color),
    "level": list(Level),
    "size": ["s", "m"],
    "uid": [UUID(int=1), UUID("123e4567-e89b-12d3-a456-426614174000")],
    "place": [GeoPoint(2.35, 48.85), GeoPoint(13.4, 52.52), GeoPoint(-180, -85), GeoPoint(0, 0)],
}
ASKED: dict[str, list[Any]] = {
    **VALUES,
    "number": [*VALUES["number"], 0.5, -7, 10**30, 1e300],
    "big": [*VALUES["big"], 1e300, float(2**53), -(10**40), 2.5],
    "real": [*VALUES["real"], 3, 2**53 + 1, 10**400, -(10**400)],
    "money": [*VALUES["money"], Decimal("0.10000000000000000000001"), Decimal("1e500"), 3],
}
"""What is asked for: the values, and others that lie between or beyond them."""


def _of(name: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(VALUES[name])


def _optional(name: str) -> st.SearchStrategy[Any]:
    return st.none() | _of(name)


_ITEMS = st.builds(
    QueriedItem,
    name=_optional("nick"),
    price=_optional("real"),
    **{name: _optional(name) for name in ("day", "at", "uid", "level", "size", "span")},
    tags=st.lists(_of("text"), max_size=2),
)
_HOMES = st.builds(
    QueriedHome,
    city=_of("text"),
    zip=_optional("nick"),
    floor=_optional("number"),
    heated=_optional("flag"),
    built=_optional("at"),
    color=_of("color"),
    rent=_optional("money"),
    names=st.frozensets(_of("text"), max_size=2),
)
ROWS = st.builds(
    QueriedRow,
    **{name: _of(name) if name in {"number", "text"} else _optional(name) for name in VALUES},
    tags=st.lists(_of("text"), max_size=3),
    numbers=st.lists(_of("big"), max_size=3),
    days=st.lists(_of("day"), max_size=2),
    prices=st.dictionaries(_of("size"), _of("real"), max_size=2),
    stamps=st.lists(_of("at"), max_size=2),
    maybe=st.none() | st.lists(_optional("nick"), max_size=3),
    named_times=st.dictionaries(_of("size"), _of("clock"), max_size=2),
    words=st.frozensets(_of("text"), max_size=3),
    colors=st.none() | st.frozensets(_of("color"), max_size=2),
    sizes=st.frozensets(_of("size"), max_size=2),
    uids=st.frozensets(_of("uid"), max_size=2),
    levels=st.frozensets(_of("level"), max_size=2),
    sums=st.frozensets(_of("money"), max_size=3),
    moments=st.frozensets(_of("day"), max_size=2),
    bio=st.sampled_from(TEXTS),
    home=st.none() | _HOMES,
    items=st.lists(_ITEMS, max_size=2),
    named=st.dictionaries(_of("size"), _ITEMS, max_size=2),
)
