"""Instances to tables of pandas, polars and Arrow, and back, without a loss."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, Index, Key
from rapyer.errors import (
    PipelineOpenError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.fields import GeoPoint
from rapyer.frames import FrameResult, RefusedRow, to_arrow, to_pandas, to_polars
from rapyer.reducers import count, to_list
from rapyer.types import RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class FramedColor(Enum):
    RED = "red"
    BLUE = "blue"


class FramedHome(BaseModel):
    city: str = ""
    floors: dict[str, int] = {}


class FramedUser(AtomicRedisModel):
    name: str
    age: int | None = None
    big: int = 0
    active: bool | None = None
    score: float | None = None
    paid: Decimal | None = None
    seen: dt.datetime | None = None
    born: dt.date | None = None
    clock: dt.time | None = None
    spent: dt.timedelta | None = None
    color: FramedColor | None = None
    uid: UUID | None = None
    place: Annotated[GeoPoint | None, Index] = None
    raw: bytes = b""
    tags: list[str] = []
    marks: set[int] = set()
    counts: dict[str, int] = {}
    home: FramedHome | None = None
    homes: list[FramedHome] = []
    path: PurePosixPath | None = None
    friend: Reference[FramedUser] | None = None


class FramedBook(AtomicRedisModel):
    isbn: Key[str]
    pages: Index[int] = Field(default=0, ge=0)
    title: str | None = None


class FramedWork(AtomicRedisModel):
    name: str
    jobs: RedisPriorityQueue[str] = RedisPriorityQueue()
    marks: set[str] = set()


class FramedPart(BaseModel):
    city: str | None = None
    size: int | None = None
    sizes: list[int | None] | None = None


USERS: list[dict[str, Any]] = [
    {"name": "Ada", "age": 36, "big": 2**53 + 1, "active": True, "score": 0.1, "paid": Decimal("0.1"), "tags": ["a", "b"], "counts": {"x": 1}},
    {"name": "", "big": -(2**63), "paid": Decimal("123456789.125"), "marks": {3, 1, 2}, "counts": {"y z": 2, "x": 3}},
    {"name": 'é "q"', "age": 2**62, "active": False, "score": -1e300, "seen": dt.datetime(2024, 2, 29, 1, 2, 3, 4), "born": dt.date(1, 1, 1)},
    {"name": "z", "clock": dt.time(23, 59, 59, 999999), "spent": dt.timedelta(days=3, microseconds=1), "color": FramedColor.BLUE},
    {"name": "u", "uid": UUID(int=7), "place": GeoPoint(2.35, 48.85), "raw": b"\x00\xff", "home": {"city": "Ulm", "floors": {"k": 1}}},
    {"name": "h", "homes": [{"city": "a"}, {"city": "b", "floors": {"q": 2}}], "path": PurePosixPath("/a/b"), "friend": "FramedUser:1"},
]  # fmt: skip

FRAMES = {"pandas": to_pandas, "polars": to_polars, "arrow": to_arrow}
frames = pytest.mark.parametrize("to_frame", FRAMES.values(), ids=FRAMES)


async def _users() -> list[FramedUser]:
    users = [FramedUser(**row) for row in USERS]
    for number, user in enumerate(users):
        user.pk = str(number)
    return await FramedUser.ainsert(*users)


@frames
async def test_there_and_back(to_frame: Callable[..., Any], raw: Redis) -> None:
    users = await _users()
    frame = to_frame(await FramedUser.afind(*(user.key for user in users)), key="key")
    await raw.flushdb()
    assert await FramedUser.afrom_frame(frame, key="key") == FrameResult(stored=len(users))
    back = await FramedUser.afind(*(user.key for user in users))
    assert [one.model_dump() for one in back] == [one.model_dump() for one in users]
    assert [one.key for one in back] == [one.key for one in users]


async def test_the_columns_of_pandas_have_types_that_keep_the_values() -> None:
    users = await _users()
    frame = to_pandas(users, key="id")
    assert list(frame.columns) == ["id", *FramedUser.model_fields]
    assert {name: str(frame[name].dtype) for name in ("age", "big", "active", "score", "paid", "tags")} == {
        "age": "Int64",
        "big": "int64",
        "active": "boolean",
        "score": "float64",
        "paid": "object",
        "tags": "object",
    }
    assert frame["age"].sum() == 36 + 2**62
    assert frame["big"].tolist()[:2] == [2**53 + 1, -(2**63)]
    assert frame["counts"][1] == {"y z": 2, "x": 3}
    assert (frame["marks"][1], frame["color"][3], frame["home"][4]) == (
        [1, 2, 3],
        "blue",
        {"city": "Ulm", "floors": {"k": 1}},
    )
    assert (frame["uid"][4], frame["place"][4], frame["friend"][5]) == (
        str(UUID(int=7)),
        "2.35,48.85",
        "FramedUser:1",
    )


async def test_the_columns_of_polars_and_arrow_are_typed() -> None:
    users = await _users()
    frame = to_polars(users)
    assert frame.schema["age"] == pl.Int64
    assert frame.schema["tags"] == pl.List(pl.String)
    assert frame.schema["counts"] == pl.List(pl.Struct({"key": pl.String, "value": pl.Int64}))
    assert frame["paid"].to_list()[:2] == [Decimal("0.1"), Decimal("123456789.125")]
    table = to_arrow(users)
    assert table.schema.field("big").type == pa.int64()
    assert table.schema.field("spent").type == pa.duration("us")
    assert table["counts"].to_pylist()[0] == [{"key": "x", "value": 1}]


@frames
async def test_rows_of_aggregates_and_mappings_are_rows_of_tables(to_frame: Callable[..., Any]) -> None:
    await FramedBook.ainsert(*(FramedBook(isbn=str(n), pages=n % 2) for n in range(5)))
    pages: Any = FramedBook
    rows = await pages.aggregate().by(pages.pages).agg(n=count(), isbns=to_list(pages.isbn)).sort_by("pages")
    assert _dicts(to_frame(rows)) == [
        {"pages": 0, "n": 3, "isbns": ["0", "2", "4"]},
        {"pages": 1, "n": 2, "isbns": ["1", "3"]},
    ]
    assert _dicts(to_frame([{"a": 1}, {"b": "x"}])) == [{"a": 1, "b": None}, {"a": None, "b": "x"}]
    empty = to_frame([], model=FramedBook, key="key")
    assert list(getattr(empty, "column_names", empty.columns)) == ["key", "isbn", "pages", "title"]
    assert await FramedBook.afrom_frame(empty, key="key") == FrameResult(0)


def _dicts(frame: Any) -> list[dict[str, Any]]:
    if isinstance(frame, pd.DataFrame):
        rows = frame.astype(object).to_dict("records")
        return [
            {name: None if value is pd.NA or value != value else value for name, value in row.items()}
            for row in rows
        ]
    return frame.to_pylist() if isinstance(frame, pa.Table) else frame.to_dicts()


@frames
async def test_rows_that_do_not_fit_are_refused_and_the_others_stored(
    to_frame: Callable[..., Any], raw: Redis
) -> None:
    await raw.set("FramedBook:taken", "text")
    rows = [
        {"isbn": "a", "pages": 1},
        {"isbn": "b", "pages": -1},
        {"isbn": "taken", "pages": 2},
        {"isbn": None, "pages": 3},
        {"isbn": "", "pages": 3},
        {"isbn": "c", "pages": None},
        {"isbn": "d", "pages": 4},
    ]
    result = await FramedBook.afrom_frame(to_frame(rows))
    assert (result.stored, result.ok, [one.row for one in result.refused]) == (2, False, [1, 2, 3, 4, 5])
    reasons = [one.reason for one in result.refused]
    assert reasons[0] == "pages: Input should be greater than or equal to 0"
    assert "FramedBook:taken" in reasons[1]
    assert "isbn: Input should be a valid string" in reasons[2]
    assert reasons[3] == "isbn: String should have at least 1 character"
    assert "pages: Input should be a valid integer" in reasons[4]
    assert result.refused[0].values["isbn"] == "b"
    assert sorted(book.isbn for book in await FramedBook.afind("a", "d")) == ["a", "d"]
    assert await raw.get("FramedBook:taken") in (b"text", "text")
    told = to_pandas(result.refused)
    assert list(told.columns) == ["row", "reason", "values"]
    assert told["row"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("on_conflict", "outcome", "titles"),
    [
        ("replace", (4, 0, []), {"a": "new", "b": "last"}),
        ("skip", (1, 3, []), {"a": "old", "b": "first"}),
        ("error", (1, 0, [0, 2, 3]), {"a": "old", "b": "first"}),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 1000])
async def test_what_is_stored_under_a_key_already(
    on_conflict: Any, outcome: tuple[int, int, list[int]], titles: dict[str, str], batch: int
) -> None:
    await FramedBook(isbn="a", title="old").asave()
    rows = [
        {"isbn": "a", "title": "new"},
        {"isbn": "b", "title": "first"},
        {"isbn": "b", "title": "last"},
        {"isbn": "a", "title": "new"},
    ]
    result = await FramedBook.afrom_frame(pl.DataFrame(rows), on_conflict=on_conflict, batch=batch)
    assert (result.stored, result.skipped, [one.row for one in result.refused]) == outcome
    assert {one.reason for one in result.refused} <= {
        "FramedBook:a is stored already",
        "FramedBook:b is stored already",
    }
    assert {book.isbn: book.title for book in await FramedBook.afind("a", "b")} == titles


async def test_a_dry_run_stores_nothing() -> None:
    result = await FramedBook.afrom_frame([{"isbn": "a"}, {"isbn": "b", "pages": "x"}], dry_run=True)
    assert result.stored == 1
    (refused,) = result.refused
    assert refused == RefusedRow(1, refused.reason, {"isbn": "b", "pages": "x"})
    assert "pages: Input should be a valid integer" in refused.reason
    assert await FramedBook.afind_keys() == []


async def test_a_pipeline_stores_at_its_end() -> None:
    book = await FramedBook(isbn="p").asave()
    async with book.apipeline():
        assert (await FramedBook.afrom_frame(pa.table({"isbn": ["q", "r"]}))).stored == 2
        assert not await FramedBook.aexists("q")
        with pytest.raises(PipelineOpenError):
            await FramedBook.afrom_frame([{"isbn": "s"}], on_conflict="skip")
    assert await FramedBook.aexists("q")
    assert not await FramedBook.aexists("s")


async def test_what_pandas_makes_of_values_is_taken_back() -> None:
    frame = pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "age": [1.0, float("nan"), 2.5],
            "seen": pd.to_datetime(["2024-01-02 03:04:05.000006", None, "2024-01-02"], format="ISO8601"),
            "active": pd.array([True, None, False], dtype="boolean"),
            "spent": pd.to_timedelta([1, None, 3], unit="s"),
        }
    )
    result = await FramedUser.afrom_frame(frame)
    assert [(one.row, one.reason) for one in result.refused] == [
        (2, "age: Input should be a valid integer, got a number with a fractional part")
    ]
    users = sorted(await FramedUser.afind(), key=lambda one: one.name)
    assert [(one.age, one.active, one.spent) for one in users] == [
        (1, True, dt.timedelta(seconds=1)),
        (None, None, None),
    ]
    assert [one.seen for one in users] == [dt.datetime(2024, 1, 2, 3, 4, 5, 6), None]


async def test_nanoseconds_are_not_cut_off_without_a_word() -> None:
    frame = pd.DataFrame({"name": ["a"], "seen": [pd.Timestamp("2024-01-01 00:00:00.000000001")]})
    (refused,) = (await FramedUser.afrom_frame(frame)).refused
    assert refused.reason == "2024-01-01 00:00:00.000000001 has nanoseconds, which no time in a model keeps"
    frame = pd.DataFrame({"name": ["a"], "spent": [pd.Timedelta(5, unit="ns")]})
    (refused,) = (await FramedUser.afrom_frame(frame)).refused
    assert "has nanoseconds" in refused.reason


async def test_columns_that_do_not_fit_the_class_are_told_first() -> None:
    with pytest.raises(
        UnknownFieldError,
        match=r"a column 'titel', which is no field of FramedBook; rename .*; did you mean 'title'\?",
    ):
        await FramedBook.afrom_frame(pd.DataFrame({"isbn": ["a"], "titel": ["b"]}))
    with pytest.raises(
        UnsupportedArgumentValueError,
        match="the table has no column 'isbn', without which there is no FramedBook; it has 'title'",
    ):
        await FramedBook.afrom_frame(pl.DataFrame({"title": ["b"]}))
    with pytest.raises(UnsupportedArgumentValueError, match="the table has no column 'key'"):
        await FramedBook.afrom_frame(pl.DataFrame({"isbn": ["b"]}), key="key")
    with pytest.raises(
        UnsupportedArgumentTypeError, match="int is no table; give a DataFrame of pandas or polars"
    ):
        await FramedBook.afrom_frame(7)
    with pytest.raises(UnsupportedArgumentValueError, match="batch is 0; give 1 to"):
        await FramedBook.afrom_frame([], batch=0)
    with pytest.raises(UnsupportedArgumentValueError, match="on_conflict is 'merge'"):
        await FramedBook.afrom_frame([], on_conflict="merge")  # type: ignore[arg-type]  # refused
    with pytest.raises(UnsupportedArgumentTypeError, match="7 makes no row of a table; give instances, rows"):
        to_pandas([7])
    assert await FramedBook.afind_keys() == []


async def test_mappings_with_unknown_or_wrong_entries_are_refused_one_by_one() -> None:
    rows: list[Any] = [
        {"isbn": "a", "titel": 1},
        7,
        {"isbn": "b"},
        {"isbn": "c", "k": "FramedBook:d"},
        {"isbn": "e", "k": "Other:e"},
    ]
    result = await FramedBook.afrom_frame(iter(rows), key="k")
    assert result.stored == 1
    assert [(one.row, one.reason) for one in result.refused] == [
        (0, "there is no field 'titel' on FramedBook"),
        (1, "7 is no mapping"),
        (3, "the row's key is 'FramedBook:d', but its key field makes it 'FramedBook:c'"),
        (4, "'Other:e' is no key of FramedBook, as these start with 'FramedBook:'"),
    ]


async def test_values_of_several_types_need_pandas() -> None:
    rows = [{"a": 1}, {"a": "x"}]
    assert to_pandas(rows)["a"].tolist() == [1, "x"]
    for to_frame in (to_polars, to_arrow):
        with pytest.raises(
            UnsupportedArgumentTypeError,
            match="the column 'a' has values that no single type fits: .*; use to_pandas",
        ):
            to_frame(rows)
    mixed = [{"at": dt.datetime(2024, 1, 1)}, {"at": dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)}]
    for to_frame in (to_polars, to_arrow):
        with pytest.raises(UnsupportedArgumentTypeError, match="times with a zone and times without one"):
            to_frame(mixed)
        for pair in ([1, True], [dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)], ["a", b"b"]):
            for cells in (pair, [[one] for one in pair]):
                with pytest.raises(
                    UnsupportedArgumentTypeError, match=r"no single type fits: values of the types"
                ):
                    to_frame([{"a": cell} for cell in cells])
        with pytest.raises(UnsupportedArgumentTypeError, match="no single type fits"):
            to_frame([{"a": dt.timedelta.max}])


def test_what_is_nested_is_all_kept() -> None:
    parts = [FramedPart(), FramedPart(city="a", size=1)]
    held = [[FramedPart(sizes=[])], parts, None, [FramedPart(sizes=[None, 2])]]
    small = [[Decimal("1.5")], [Decimal("0.00000000000000000001")]]
    assert to_polars([{"x": part} for part in parts])["x"].to_list() == [one.model_dump() for one in parts]
    assert to_polars([{"x": cell} for cell in held])["x"].to_list() == [
        None if cell is None else [one.model_dump() for one in cell] for cell in held
    ]
    assert to_polars([{"x": cell} for cell in small])["x"].to_list() == small
    with pytest.raises(UnsupportedArgumentTypeError, match="the column 'x' has values that no single type"):
        to_polars([{"x": [1]}, {"x": [2.5]}])


@frames
async def test_what_makes_no_table_is_told(to_frame: Callable[..., Any]) -> None:
    for wrong in (None, 3, "abc", FramedWork(name="w"), {"name": "w"}, FramedWork.aggregate()):
        with pytest.raises(UnsupportedArgumentTypeError, match="is no list of instances or rows; give what"):
            to_frame(wrong)
    with pytest.raises(
        UnsupportedArgumentValueError, match="FramedWork has a field 'name', so its keys need"
    ):
        to_frame([FramedWork(name="w")], key="name")


async def test_a_column_that_is_there_twice_is_told(raw: Redis) -> None:
    twice = pd.DataFrame([["a", "b"]], columns=["name", "name"])
    with pytest.raises(UnsupportedArgumentValueError, match="the table has several columns 'name'; drop all"):
        await FramedWork.afrom_frame(twice)
    assert await raw.dbsize() == 0


@frames
async def test_queues_are_in_no_table(to_frame: Callable[..., Any]) -> None:
    work = await FramedWork(name="w", marks={"b", "a"}).asave()
    await work.jobs.apush("job", 1)
    frame = to_frame([work], model=FramedWork)
    assert list(getattr(frame, "column_names", frame.columns)) == ["name", "marks"]
    assert _dicts(frame) == [{"name": "w", "marks": ["a", "b"]}]


async def test_five_thousand_rows_in_portions() -> None:
    frame = pl.DataFrame({"isbn": [str(n) for n in range(5000)], "pages": list(range(5000))})
    result = await FramedBook.afrom_frame(frame, batch=700)
    assert result == FrameResult(5000)
    books = await FramedBook.afind()
    assert to_polars(books).sort("pages").select("isbn", "pages").equals(frame)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": _TEXT,
            "age": st.none() | st.integers(-(2**63), 2**63 - 1),
            "active": st.none() | st.booleans(),
            "paid": st.none() | st.decimals(-(10**9), 10**9, places=3),
            "seen": st.none() | st.datetimes(),
            "born": st.none() | st.dates(),
            "color": st.none() | st.sampled_from(FramedColor),
            "tags": st.lists(_TEXT, max_size=2),
            "counts": st.dictionaries(_TEXT, st.integers(-5, 5), max_size=2),
        }
    ),
    max_size=6,
)


@frames
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS)
async def test_random_rows_go_there_and_back(
    to_frame: Callable[..., Any], raw: Redis, rows: list[dict[str, Any]]
) -> None:
    users = {user.key: user for user in (FramedUser(**row) for row in rows)}
    await raw.flushdb()
    frame = to_frame(users.values(), model=FramedUser, key="key")
    assert await FramedUser.afrom_frame(frame, key="key") == FrameResult(len(rows))
    back = {user.key: user for user in await FramedUser.afind()}
    assert {key: user.model_dump() for key, user in back.items()} == {
        key: user.model_dump() for key, user in users.items()
    }


def test_without_the_packages_the_library_works_and_says_what_to_install() -> None:
    code = """
import sys
sys.modules.update(pandas=None, polars=None, pyarrow=None)
from rapyer.errors import MissingPackageError
from rapyer.frames import to_arrow, to_pandas, to_polars
for to_frame in (to_arrow, to_pandas, to_polars):
    try:
        to_frame([])
    except MissingPackageError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [
        f"{name} is not installed; run `pip install {name}`, or install rapyer-nb[frames]"
        for name in ("pyarrow", "pandas", "polars")
    ]
