"""Aggregates give what the same computation gives of the loaded instances, exactly."""

from __future__ import annotations

import datetime as dt
import inspect
import logging
import math
import statistics
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, Index
from rapyer.errors import (
    BadFilterError,
    CorruptedModelError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.reducers import (
    count,
    count_distinct,
    first,
    max,
    mean,
    min,
    quantile,
    stddev,
    sum,
    to_list,
)
from rapyer.search.columns import read_columns
from rapyer.search.reducers import ordering

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("_indexed")


@pytest.fixture
async def _indexed(source: ClientSource) -> None:
    await GroupedUser.acreate_index()
    await GroupedNamed.acreate_index()


class GroupedColor(Enum):
    RED = "red"
    BLUE = "blue"


class GroupedHome(BaseModel):
    city: Index[str] = ""
    note: str = ""


class GroupedItem(BaseModel):
    price: Index[float | None] = None


class GroupedVisit(BaseModel):
    at: Index[dt.datetime | None] = None


class GroupedUser(AtomicRedisModel):
    age: Index[int | None] = None
    city: Index[str | None] = None
    color: Index[GroupedColor | None] = None
    paid: Index[Decimal | None] = None
    score: float | None = None
    spent: Index[dt.timedelta | None] = None
    born: Index[dt.date | None] = None
    seen: Index[dt.datetime | None] = None
    flag: Index[bool | None] = None
    tags: Index[list[str]] = []
    home: GroupedHome | None = None
    items: list[GroupedItem] = []
    marks: set[int] = set()
    settings: dict[str, int] = {}
    visits: list[GroupedVisit] = []


class GroupedPlain(AtomicRedisModel):
    kind: str = "a"
    size: int = 0


class GroupedPlainMore(AtomicRedisModel):
    size: int = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "GroupedPlain:more"


class GroupedOdd(AtomicRedisModel):
    paid: Annotated[Decimal, Field(allow_inf_nan=True)] = Decimal(0)


class GroupedNamed(AtomicRedisModel):
    aggregate: Index[int] = 0


User: Any = GroupedUser
Plain: Any = GroupedPlain


async def _users(*rows: dict[str, Any]) -> list[GroupedUser]:
    users = []
    for number, row in enumerate(rows):
        user = GroupedUser(**row)
        user.pk = f"{number:04}"
        users.append(user)
    return await GroupedUser.ainsert(*users)


async def test_groups_are_filtered_computed_sorted_and_limited() -> None:
    await _users(
        *({"city": "Bonn", "age": age} for age in (10, 20, 30, 70)),
        *({"city": "Ulm", "age": age} for age in (20, 41)),
        {"city": "Jena", "age": 33},
        {"city": "Kiel", "age": None},
    )
    asked = (
        User.aggregate()
        .where(User.age >= 20)
        .by(User.city)
        .agg(n=count(), mean_age=mean(User.age), oldest=max("age"))
        .sort_by("-n", "city")
    )
    rows = await asked
    assert rows == [("Bonn", 3, 40.0, 70), ("Ulm", 2, 30.5, 41), ("Jena", 1, 33.0, 33)]
    assert (rows[0].city, rows[0].n, rows[0].mean_age) == ("Bonn", 3, 40.0)
    assert repr(rows[0]) == "GroupedUserRow(city='Bonn', n=3, mean_age=40.0, oldest=70)"
    assert type(rows[0]).__annotations__ == {
        "city": str | None,
        "n": int,
        "mean_age": Any,
        "oldest": Any,
    }
    assert await asked.limit(1, offset=1).arows() == rows[1:2]
    assert await asked.limit(0) == []
    assert await asked == rows


async def test_without_by_there_is_one_row() -> None:
    asked = User.aggregate().agg(
        n=count(),
        ages=count(User.age),
        total=sum(User.age),
        kinds=count_distinct(User.city),
        all=to_list(User.age),
    )
    (row,) = await asked
    assert row == (0, 0, None, 0, [])
    await _users({"age": 1, "city": "a"}, {"age": None, "city": "A"}, {"age": 5, "city": "a"})
    (row,) = await asked
    assert row == (3, 2, 6, 2, [1, 5])
    assert await User.aggregate().agg(n=count()) == [(3,)]


async def test_without_agg_the_rows_are_the_different_values() -> None:
    await _users({"city": "b", "age": 1}, {"city": "a", "age": 1}, {"city": "b", "age": 1}, {"age": 2})
    assert await User.aggregate().by(User.city, years=User.age) == [("b", 1), ("a", 1), (None, 2)]
    rows = await User.aggregate().by(town="city").sort_by("-town")
    assert [row.town for row in rows] == ["b", "a", None]
    assert await User.aggregate().by(User.city).sort_by(User.city) == [("a",), ("b",), (None,)]


async def test_sums_are_exact_where_those_of_the_server_are_not() -> None:
    numbers = [2**53 + 1, 1, 1, 2**60]
    floats = [0.1] * 10 + [1e16, 1.0, -1e16]
    decimals = [Decimal("0.1"), Decimal("0.2"), Decimal("123456789012.345"), Decimal("1e-12")]
    await _users(
        *({"age": number} for number in numbers),
        *({"score": number} for number in floats),
        *({"paid": number} for number in decimals),
    )
    (row,) = await User.aggregate().agg(
        ages=sum(User.age), scores=sum(User.score), paid=sum(User.paid), mean_paid=mean(User.paid)
    )
    assert row.ages == 2**60 + 2**53 + 3
    assert row.scores == math.fsum(floats) == 2.0
    assert row.paid == Decimal("123456789012.645000000001")
    assert row.mean_paid == row.paid / 4


async def test_quantiles_deviations_and_spans() -> None:
    ages, spans = [1, 2, 3, 10], [dt.timedelta(hours=hours) for hours in (1, 2, 6)]
    await _users(*({"age": age} for age in ages), *({"spent": span} for span in spans))
    (row,) = await User.aggregate().agg(
        low=quantile(User.age, 0),
        median=quantile(User.age),
        tenth=quantile(User.age, 0.1),
        high=quantile(User.age, 1),
        deviation=stddev(User.age),
        whole=stddev(User.age, population=True),
        spent=sum(User.spent),
        mean_spent=mean(User.spent),
        median_spent=quantile(User.spent, 0.25),
        spread=stddev(User.spent),
    )
    assert (row.low, row.median, row.tenth, row.high) == (1, 2.5, 1.3, 10)
    assert row.deviation == statistics.stdev(ages)
    assert row.whole == statistics.pstdev(ages)
    assert (row.spent, row.mean_spent) == (dt.timedelta(hours=9), dt.timedelta(hours=3))
    assert row.median_spent == dt.timedelta(hours=1.5)
    assert abs(row.spread - dt.timedelta(hours=statistics.stdev([1, 2, 6]))) <= dt.timedelta(microseconds=1)
    (row,) = await User.aggregate().where(User.age == 1).agg(one=stddev(User.age), spent=mean(User.spent))
    assert row == (None, None)


async def test_values_of_all_kinds_are_those_of_the_instances() -> None:
    day, moment = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3, 4)
    await _users(
        {"color": GroupedColor.RED, "born": day, "seen": moment, "flag": True},
        {
            "color": GroupedColor.BLUE,
            "born": day + dt.timedelta(1),
            "seen": moment + dt.timedelta(1),
            "flag": False,
        },
        {"color": GroupedColor.RED},
    )
    rows = (
        await User.aggregate()
        .by(User.color)
        .agg(born=min(User.born), seen=max(User.seen), n=count())
        .sort_by("color")
    )
    blue, red = rows
    assert (blue.color, blue.born, blue.n) == (GroupedColor.BLUE, day + dt.timedelta(1), 1)
    assert blue.seen.replace(tzinfo=None) == moment + dt.timedelta(1)
    assert (red.color, red.born, red.n) == (GroupedColor.RED, day, 2)
    (row,) = await User.aggregate().agg(
        share=mean(User.flag), least=min(User.color), colors=count_distinct(User.color)
    )
    assert row == (0.5, GroupedColor.BLUE, 2)


async def test_nested_models_lists_dicts_and_sets_count_each_element() -> None:
    await _users(
        {
            "home": {"city": "Ulm", "note": "x"},
            "items": [{"price": 1.5}, {"price": None}, {"price": 2.0}],
            "tags": ["a", "b", "a"],
        },
        {"home": {"city": "Ulm"}, "items": [], "tags": ["b"], "settings": {"x": 1, "y": 2}},
        {"marks": {1, 2}, "settings": {"x": 3}},
    )
    assert await User.aggregate().by(User.home.city).agg(n=count(), total=sum(User.items.price)) == [
        ("Ulm", 2, 3.5),
        (None, 1, None),
    ]
    assert await User.aggregate().by("home.note").agg(n=count()) == [("x", 1), ("", 1), (None, 1)]
    assert await User.aggregate().by(User.tags).agg(n=count(), of=to_list(User.tags, distinct=True)) == [
        ("a", 1, ["a", "b"]),
        ("b", 2, ["a", "b"]),
        (None, 1, []),
    ]
    (row,) = await User.aggregate().agg(
        tags=count(User.tags), settings=sum(User.settings), marks=sum(User.marks)
    )
    assert row == (4, 6, 3)


async def test_the_first_is_by_a_field_or_by_key() -> None:
    await _users(
        {"city": "c", "age": 3},
        {"city": None, "age": 9},
        {"city": "b", "age": 7},
        {"city": "a"},
        {"city": "d", "age": 1},
    )
    (row,) = await User.aggregate().agg(
        by_key=first(User.city),
        youngest=first(User.city, by=User.age),
        oldest=first(User.city, by="-age"),
        all=to_list(User.city, by="age"),
        gone=first(User.paid),
    )
    assert row == ("c", "d", "b", ["d", "c", "b", "a"], None)


async def test_a_class_without_an_index_is_listed(caplog: pytest.LogCaptureFixture) -> None:
    await GroupedPlain.ainsert(*(GroupedPlain(kind=kind, size=1) for kind in "aab"))
    await GroupedPlainMore.ainsert(GroupedPlainMore(size=100))
    rows = await Plain.aggregate().by(Plain.kind).agg(n=count(), size=sum(Plain.size)).sort_by("kind")
    assert rows == [("a", 2, 2), ("b", 1, 1)]
    assert caplog.records == []


async def test_what_cannot_be_read_is_left_out_and_told(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    users = await _users({"age": 1}, {"age": 2}, {"age": 3})
    await raw.json().set(users[1].key, "$.age", "many")  # type: ignore[misc]  # redis-py
    with caplog.at_level(logging.WARNING, "rapyer"):
        assert await User.aggregate().agg(n=count(), total=sum(User.age), cities=count(User.city)) == [
            (2, 4, 0)
        ]
    (record,) = caplog.records
    assert record.getMessage() == (
        f"GroupedUser.aggregate left out 1 of its documents: 1 corrupt, 0 gone ({users[1].key})"
    )
    with pytest.raises(CorruptedModelError, match=rf"{users[1].key} \$\.age") as caught:
        await User.aggregate(on_corrupt="raise").agg(total=sum(User.age))
    assert (caught.value.key, caught.value.field, caught.value.model) == (users[1].key, "age", "GroupedUser")
    # What is not asked for does not matter.
    assert await User.aggregate(on_corrupt="raise").agg(n=count(User.city)) == [(0,)]


async def test_members_that_a_document_lacks_have_no_value(raw: Redis) -> None:
    users = await _users({"age": 1, "city": "a"}, {"age": 2, "city": "a"})
    await raw.json().delete(users[0].key, "$.age")  # type: ignore[misc]  # redis-py
    assert await User.aggregate().agg(n=count(), ages=to_list(User.age)) == [(2, [2])]


async def test_what_is_gone_before_it_is_read_does_not_count(
    raw: Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = await _users({"age": 1}, {"age": 2})

    async def read(*given: Any) -> Any:
        await raw.delete(users[0].key)
        return await read_columns(*given)

    monkeypatch.setattr("rapyer.search.aggregate.read_columns", read)
    assert await User.aggregate().agg(n=count()) == [(1,)]
    assert "left out 1 of its documents: 0 corrupt, 1 gone" in caplog.text


async def test_an_aggregate_starts_no_time_to_live_and_needs_no_end_of_a_pipeline(raw: Redis) -> None:
    (user,) = await _users({"age": 4})
    await raw.expire(user.key, 100)
    async with user.apipeline():
        user.age = 5
        assert await User.aggregate().agg(total=sum(User.age)) == [(4,)]
    assert await raw.ttl(user.key) <= 100
    assert await User.aggregate().agg(total=sum(User.age)) == [(5,)]


async def test_ten_thousand_are_read_in_portions(source: ClientSource) -> None:
    await GroupedUser.ainsert(
        *(GroupedUser(age=number % 100, city=f"c{number % 7}") for number in range(10_000))
    )
    rows = await User.aggregate().by(User.city).agg(n=count(), total=sum(User.age)).sort_by("city")
    ages = {f"c{rest}": [number % 100 for number in range(10_000) if number % 7 == rest] for rest in range(7)}
    assert rows == [(city, len(found), math.fsum(found)) for city, found in sorted(ages.items())]


async def test_a_field_may_have_the_name() -> None:
    model = await GroupedNamed(aggregate=3).asave()
    assert (await GroupedNamed.aget(model.key)).aggregate == 3


def _refused(ask: Any) -> tuple[type[Exception], str]:
    with pytest.raises(
        (BadFilterError, UnknownFieldError, UnsupportedArgumentTypeError, UnsupportedArgumentValueError)
    ) as caught:
        ask()
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        (lambda: User.aggregate().where(User.city), BadFilterError, "is no filter; combine filters with"),
        (lambda: User.aggregate().by("town"), UnknownFieldError, "unknown field 'town' on GroupedUser; there are: age"),
        (lambda: User.aggregate().by("age.more"), UnknownFieldError, "unknown field 'age.more' on GroupedUser"),
        (lambda: User.aggregate().by(User.home), UnsupportedArgumentTypeError, "aggregate().by was given home, which is a model with fields of its own; name one"),
        (lambda: User.aggregate().by(Plain.kind), UnsupportedArgumentValueError, "was given GroupedPlain.kind, which is no field of GroupedUser"),
        (lambda: User.aggregate().by(7), UnsupportedArgumentTypeError, "aggregate().by was given 7; give a field, such as User.age"),
        (lambda: User.aggregate().by(User.city).agg(city=count()), UnsupportedArgumentValueError, "there is a column 'city' already; choose another name"),
        (lambda: User.aggregate().by(User.city, User.city), UnsupportedArgumentValueError, "two fields of one name; name one of them"),
        (lambda: User.aggregate().agg(_n=count()), UnsupportedArgumentValueError, "'_n' is no name for a column"),
        (lambda: User.aggregate().agg(**{"class": count()}), UnsupportedArgumentValueError, "'class' is no name for a column"),
        (lambda: User.aggregate().agg(n=count), UnsupportedArgumentTypeError, "hint"),
        (lambda: User.aggregate().agg(n=sum(User.city)), UnsupportedArgumentTypeError, "sum needs numbers or time spans, which GroupedUser.city has none of"),
        (lambda: User.aggregate().agg(n=mean(User.color)), UnsupportedArgumentTypeError, "mean needs numbers or time spans, which GroupedUser.color has none of"),
        (lambda: User.aggregate().agg(n=quantile(User.age, 2)), UnsupportedArgumentValueError, "the quantile 2 is none; give a number from 0 to 1"),
        (lambda: User.aggregate().by(User.city).sort_by("cty"), UnsupportedArgumentValueError, "'cty' is no column to sort by; did you mean 'city'?"),
        (lambda: User.aggregate().by(User.city).sort_by(3), UnsupportedArgumentTypeError, "sort_by was given 3; give the name of a column"),
        (lambda: User.aggregate().limit(-1), UnsupportedArgumentValueError, "limit was given -1; give a whole number, 0 or more"),
        (lambda: User.aggregate(on_corrupt="ignore"), UnsupportedArgumentValueError, "on_corrupt is 'ignore'"),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_anything_is_sent(ask: Any, kind: type[Exception], message: str) -> None:
    found, told = _refused(ask)
    assert found is kind
    assert (message if message != "hint" else "give one, such as count()") in told


async def test_nothing_to_compute_and_values_without_an_order_raise() -> None:
    with pytest.raises(
        UnsupportedArgumentValueError, match=r"nothing is to be computed; use agg\(n=count\(\)\)"
    ):
        await User.aggregate()
    await _users({"city": "a", "tags": ["x"]}, {"city": "b", "tags": ["y"]})
    asked = User.aggregate().by(User.city).agg(tags=to_list(User.tags)).sort_by("tags")
    with pytest.raises(
        UnsupportedArgumentTypeError, match=r"rows cannot be sorted by 'tags': \['x'\] has no order"
    ):
        await asked
    assert inspect.isawaitable(asked)


async def test_times_have_their_zones() -> None:
    berlin = dt.datetime(2024, 6, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    times = [berlin, dt.datetime(2024, 6, 1, 10, 0, 0, 5), None, berlin + dt.timedelta(days=1)]
    await _users(*({"seen": time, "visits": [{"at": time}, {"at": None}, {"at": berlin}]} for time in times))
    (row,) = await User.aggregate().agg(own=to_list(User.seen), each=to_list(User.visits.at))
    assert sorted(map(str, row.own)) == sorted(str(time) for time in times if time is not None)
    expected = [time for time in times if time is not None] + [berlin] * len(times)
    assert sorted(map(str, row.each)) == sorted(map(str, expected))


async def test_amounts_that_are_no_finite_numbers_are_told() -> None:
    await GroupedOdd.ainsert(*(GroupedOdd(paid=Decimal(one)) for one in ("1", "NaN", "Infinity")))
    odd: Any = GroupedOdd.paid
    for reducer in (sum(odd), mean(odd), min(odd), stddev(odd), quantile(odd)):
        with pytest.raises(
            UnsupportedArgumentTypeError, match=f"{reducer.name} cannot take the values for 'x'"
        ):
            await GroupedOdd.aggregate().agg(x=reducer)
    with pytest.raises(UnsupportedArgumentTypeError, match="rows cannot be sorted by 'paid'"):
        await GroupedOdd.aggregate().by(odd).sort_by("paid")


async def test_quantiles_take_numbers_of_numpy_and_keep_large_ints() -> None:
    await _users({"age": 2**63 - 1}, {"age": 2**63 - 1})
    assert await User.aggregate().agg(x=quantile(User.age, numpy.float64(0.5))) == [(2**63 - 1,)]


def test_a_question_says_what_it_is() -> None:
    asked = User.aggregate().by(User.city).agg(self=count())
    assert repr(asked) == "<GroupedUser.aggregate().by(city).agg(self), which is asked when it is awaited>"


_AMOUNTS = st.none() | st.integers(-(2**63), 2**63 - 1)
_FLOATS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_CITIES = st.none() | st.sampled_from(["", "a", "A", "é", "a b", 'q"', "null", "\\"])
_ROWS = st.lists(st.fixed_dictionaries({"age": _AMOUNTS, "score": _FLOATS, "city": _CITIES}), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_ROWS)
async def test_random_rows_give_what_python_gives(source: ClientSource, rows: list[dict[str, Any]]) -> None:
    await source.client().flushall()
    await GroupedUser.acreate_index()
    await _users(*rows)
    found = await (
        User.aggregate()
        .by(User.city)
        .agg(n=count(), total=sum(User.age), scores=sum(User.score), mean=mean(User.age), low=min(User.score), ages=count_distinct(User.age))
    )  # fmt: skip
    # The server rounds some floats when it takes them, so what counts is what it gives back.
    rows = [user.model_dump() for user in sorted(await GroupedUser.afind(), key=lambda user: user.key)]
    expected = []
    for city in dict.fromkeys(row["city"] for row in rows):
        members = [row for row in rows if row["city"] == city]
        ages = [row["age"] for row in members if row["age"] is not None]
        scores = [row["score"] for row in members if row["score"] is not None]
        total = None if not ages else sum_of(ages)
        expected.append(
            (
                city,
                len(members),
                total,
                _rounded(scores),
                None if total is None else total / len(ages),
                sorted(scores, key=ordering)[0] if scores else None,
                len(set(ages)),
            )
        )
    assert found == expected


def sum_of(values: list[Any]) -> Any:
    found = Fraction(0)
    for value in values:
        found += Fraction(value)
    return int(found)


def _rounded(values: list[float]) -> float | None:
    if not values:
        return None
    exact = Fraction(0)
    for value in values:
        exact += Fraction(value)
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
