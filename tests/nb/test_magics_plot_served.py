"""`%rapyer_plot` of figures that the server computes: the same chart as of values that are read."""

from __future__ import annotations

import datetime as dt
import os
import time
from dataclasses import replace
from decimal import Decimal
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, Field

import rapyer_nb
from rapyer import AtomicRedisModel, Index
from rapyer.commands import search
from rapyer.session.executor import run
from rapyer_nb.charts import asking, served
from tests.integration.watching import sent_to

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.session.clients import ClientSource
    from rapyer_nb.views.plot import Plot

DAY = dt.date(2024, 1, 1)
CITIES = ["Oslo", "oslo", "", "12", "1e5", "a,b|c", 'é"\\', "null", None]


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class ServedPlace(BaseModel):
    city: Index[str] = ""
    height: Index[float | None] = None


class ServedSale(AtomicRedisModel):
    number: Index[int] = 0
    price: Index[float | None] = None
    tenth: Index[float] = 0.0
    cost: Index[Decimal | None] = None
    large: Index[int | None] = None
    city: Index[str | None] = None
    town: Index[str] = ""
    mood: Index[Mood | None] = None
    level: Index[Level] = Level.LOW
    size: Index[Literal["S", "L"]] = "S"
    sold: Index[bool] = False
    sent: Index[bool | None] = None
    owner: Index[UUID | None] = None
    paid: Index[dt.date | None] = None
    at: Index[dt.datetime | None] = None
    old: Index[dt.datetime | None] = None
    opens: Index[dt.time | None] = None
    lasts: Index[dt.timedelta | None] = None
    place: ServedPlace | None = None
    home: ServedPlace = ServedPlace()
    tags: Index[list[str]] = []
    note: str = ""
    free: int = 0
    doubled: Index[Annotated[int, AfterValidator(lambda value: value * 2)]] = 0
    limited: Annotated[Index[int], Field(ge=0)] = 0


def sale(at: int) -> ServedSale:
    there = at % 7 != 0
    zone = dt.timezone(dt.timedelta(hours=at % 5 - 2))
    return ServedSale(
        number=at,
        price=round(at * 1.37, 2) if there else None,
        tenth=at % 33 / 10,
        cost=Decimal(at) / 4 if there else None,
        large=10**17 + at * 3 if there else None,
        city=CITIES[at % len(CITIES)],
        town=f"t{at % 40}",
        mood=[Mood.GOOD, Mood.BAD, None][at % 3],
        level=Level(at % 2 + 1),
        size="SL"[at % 4 == 0],  # type: ignore[arg-type]  # both are sizes
        sold=at % 5 == 0,
        sent=[True, False, None][at % 3],
        owner=UUID(int=at % 4) if there else None,
        paid=DAY + dt.timedelta(days=at * 5 - 300) if there else None,
        at=dt.datetime(2024, 1, 1, 10) + dt.timedelta(hours=at * 11, seconds=at / 3) if there else None,
        old=dt.datetime(1930 + at % 60, at % 12 + 1, 1, 1, tzinfo=zone) if there else None,
        opens=dt.time(at % 24, at % 60, at % 59, at) if there else None,
        lasts=dt.timedelta(minutes=at, microseconds=at) if there else None,
        place=ServedPlace(city=f"c{at % 3}", height=at / 3 if at % 2 else None) if there else None,
        home=ServedPlace(city=f"h{at % 3}"),
        tags=["a", "b"][: at % 3],
        free=at,
        doubled=at,
        limited=at,
    )


@pytest.fixture
async def sales(source: ClientSource) -> None:
    await ServedSale.acreate_index()
    await ServedSale.ainsert(*map(sale, range(150)))


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/St_Johns"])
def clocks(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def undrawn(plot: Plot, axes: tuple[str, str], _: str) -> Plot:
    """Put what stands at the axes into the title, in the place of a picture, which takes long."""
    return replace(plot, title=" / ".join([plot.title, *axes]))


def heights(plot: Plot) -> dict[Any, float]:
    named = zip(plot.labels, plot.points, strict=True)
    return {(label, repr(one.x), one.end, one.series): one.y for label, one in named if one.y is not None}


def places(plot: Plot) -> list[Any]:
    points = zip(plot.labels, plot.points, strict=True)
    return sorted((label, one.series, repr(one.x), one.end, one.y is None) for label, one in points)


async def drawn_both_ways(
    monkeypatch: pytest.MonkeyPatch, url: str, *fields: str, served_only: bool = True, **options: Any
) -> Plot:
    """Draw from figures and from values, compare, and see to it that the server has computed."""
    with monkeypatch.context() as here:
        here.setattr(asking, "drawn", undrawn)
        async with sent_to(url) as sent:
            plot = await rapyer_nb.plot(ServedSale, *fields, **options)
            names = await sent.names()
        here.setattr(served, "on_server", lambda *_: None)
        read = await rapyer_nb.plot(ServedSale, *fields, **options)
    asked = f"{fields} {options}"
    assert ("JSON.MGET" in names) is not served_only, asked
    told = (plot.title, plot.footer, plot.kind)
    assert told == (read.title, read.footer, read.kind), asked
    assert places(plot) == places(read), asked
    # Python rounds means of time spans to microseconds.
    assert heights(plot) == pytest.approx(heights(read), rel=1e-9, abs=1e-6 if "lasts" in fields else 1e-9), (
        asked
    )
    return plot


NUMBERS = ["number", "limited", "price", "tenth", "cost", "opens", "lasts", "place.height"]
VALUES = [
    "city", "town", "mood", "level", "size", "sold", "sent", "owner", "place.city", "home.city",
]  # fmt: skip
TIMES = ["paid", "at", "old"]
WHERE = ['number < 41 and city != "Oslo"', "~(number > 60) and price > 3.3", "tenth == 0.3", "number < 3"]


@pytest.mark.parametrize("field", [*NUMBERS, *VALUES])
async def test_how_often_values_are_there(
    sales: None, field: str, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    await drawn_both_ways(monkeypatch, rapyer_redis_url, field)
    for where in WHERE:
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field, where=where)
    for bins in (1, 3, 7, 30) if field in NUMBERS else ():
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field, bins=bins)
    await drawn_both_ways(monkeypatch, rapyer_redis_url, field, kind="bar")


@pytest.mark.parametrize("field", TIMES)
async def test_times_of_the_local_clock(
    clocks: None, sales: None, field: str, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    for every in (None, "hour", "day", "week", "month", "quarter", "year"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field, every=every)
    await drawn_both_ways(monkeypatch, rapyer_redis_url, field, where="number < 9", every="second")
    await drawn_both_ways(monkeypatch, rapyer_redis_url, field, where="number < 9", every="minute")
    for agg in ("count", "mean", "distinct", "stddev"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by=field, agg=agg, every="quarter")


async def test_the_hour_that_comes_twice(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        start = dt.datetime(2024, 10, 26, 20, tzinfo=dt.timezone.utc)
        await ServedSale.acreate_index()
        made = (start + dt.timedelta(minutes=20 * at) for at in range(60))
        await ServedSale.ainsert(*(ServedSale(at=moment) for moment in made))
        plot = await drawn_both_ways(monkeypatch, rapyer_redis_url, "at", every="hour")
        assert dict(zip(plot.labels, (one.y for one in plot.points), strict=True))["2024-10-27 02:00"] == 6
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("by", [*NUMBERS, *VALUES])
async def test_what_is_computed_of_groups(
    sales: None, by: str, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    for agg in (None, "count", "distinct", "sum", "mean", "min", "max", "stddev"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by=by, agg=agg)
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by=by, where="number < 30")


@pytest.mark.parametrize("field", [*NUMBERS, *VALUES, *TIMES])
async def test_what_can_be_computed_of_a_field(
    sales: None, field: str, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    aggs = ["count"] if field in ("sold", "sent", "at", "old") else ["count", "distinct"]
    if field in NUMBERS:
        aggs += ["min", "max"] if field == "opens" else ["sum", "mean", "min", "max", "stddev"]
    for agg in aggs:
        for by in ("mood", "paid", "place.city"):
            await drawn_both_ways(monkeypatch, rapyer_redis_url, field, by=by, agg=agg)


@pytest.mark.parametrize("by", ["city", "level", "sent", "number", "price", "paid", "place.city"])
async def test_histograms_in_colours(
    sales: None, by: str, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    for field in ("price", "mood", "paid", "opens", "town"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field, by=by, kind="hist")
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by=by, kind="hist", bins=4, where=WHERE[0])


READ: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("note",), {}),  # no index
    (("free",), {"where": "number < 20"}),
    (("doubled",), {}),  # a validator makes other values
    (("tags",), {}),  # several values
    (("price",), {"by": "mood", "agg": "median"}),  # the server's is an estimate
    (("large",), {"by": "mood", "agg": "distinct"}),  # the server does not tell them apart
    (("at",), {"by": "mood", "agg": "distinct"}),
    (("sold",), {"by": "mood", "agg": "distinct"}),
    (("price",), {"by": "at", "kind": "hist"}),
    (("price",), {"where": "large != 100000000000000003"}),  # is checked on the instances
]


@pytest.mark.parametrize(("fields", "options"), READ)
async def test_what_the_server_cannot_do_is_read(
    sales: None,
    fields: tuple[str, ...],
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    rapyer_redis_url: str,
) -> None:
    await drawn_both_ways(monkeypatch, rapyer_redis_url, *fields, served_only=False, **options)


async def test_numbers_of_many_digits(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    await ServedSale.acreate_index()
    values = [0.1 + 0.2, 0.3, 1e-7, 123456789.123456789, -1e20, 1e300, 5e-324]
    await ServedSale.ainsert(*(ServedSale(price=value, number=at) for at, value in enumerate(values)))
    for agg in ("count", "distinct", "min", "max"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, "number", by="price", agg=agg)
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price")
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", where="number < 3", bins=2)
    await ServedSale(price=-1e300).asave()
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price")
    # What remains of large numbers is nothing but their rounding.
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by="sold", agg="sum", served_only=False)


async def test_values_on_the_edges_of_bins(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    await ServedSale.acreate_index()
    await ServedSale.ainsert(*(ServedSale(price=at / 10, tenth=at * 0.1 - 0.3) for at in range(200)))
    for field in ("price", "tenth"):
        for bins in (None, 2, 3, 10, 199, 200, 500):
            await drawn_both_ways(monkeypatch, rapyer_redis_url, field, bins=bins)


async def test_documents_of_others(
    sales: None, source: ClientSource, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    client = source.client()
    await client.json().set("ServedSale:empty", "$", {})
    await client.json().set("ServedSale:nulls", "$", {"price": None, "city": None, "number": 7, "place": {}})
    await client.json().set("ServedSale:pickled", "$", {"sold": "gASILg==", "number": 8})
    for field in ("price", "number", "city", "town", "sold", "level", "place.city"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field)
        await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", by=field)
    for field in ("town", "sold", "size"):
        await drawn_both_ways(monkeypatch, rapyer_redis_url, field, by="mood", agg="count")
    await client.json().set("ServedSale:odd", "$", {"mood": "odd", "number": 9})
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "mood", served_only=False)


async def test_documents_that_have_expired_do_not_count(sales: None, source: ClientSource) -> None:
    client = source.client()
    before: Any = await client.config_get("hz")
    await client.config_set("hz", 1)  # the server looks for them once in a second
    try:
        keys = [f"ServedSale:gone{at}" for at in range(300)]
        for key in keys:
            await client.json().set(key, "$", {"number": 500, "price": 500.0, "town": "gone", "city": "gone"})
        async with client.pipeline() as pipe:
            for key in keys:
                pipe.pexpire(key, 5)
            await pipe.execute()
        time.sleep(0.02)  # noqa: ASYNC251 - until all have expired, and nothing else runs
        for field in ("price", "town", "city"):
            plot = await rapyer_nb.plot(ServedSale, field)
            assert "gone" not in plot.labels and sum(point.y or 0 for point in plot.points) <= 150
        plot = await rapyer_nb.plot(ServedSale, "price", by="number")
        assert max(point.x for point in plot.points) < 160
    finally:
        await client.config_set("hz", before["hz"])


async def test_few_commands_and_small_replies(source: ClientSource, rapyer_redis_url: str) -> None:
    made = 20_000
    pipe = source.client().pipeline(transaction=False)
    for at in range(made):
        pipe.json().set(
            f"ServedSale:{at}",
            "$",
            {
                "number": at,
                "price": at / 3,
                "mood": ["good", "bad"][at % 2],
                "at": 1.7e9 + at * 300,
                "note": "x" * 50,
            },
        )
    await pipe.execute()
    await ServedSale.acreate_index()
    await rapyer_nb.plot(ServedSale, "level")
    before = (await source.client().info("stats"))["total_net_output_bytes"]
    asked: list[tuple[str, dict[str, Any], int]] = [
        ("number", {}, 3),
        ("number", {"where": "number < 15_000"}, 3),
        ("price", {"by": "at"}, 5),
        ("mood", {}, 2),
    ]
    for field, options, most in asked:
        async with sent_to(rapyer_redis_url) as sent:
            plot = await rapyer_nb.plot(ServedSale, field, **options)
            names = await sent.names()
        assert set(names) <= {"MULTI", "EXEC", "FT.INFO", "FT.AGGREGATE", "INFO"}, names
        assert names.count("FT.AGGREGATE") <= most and names.count("EXEC") <= 2
        assert sum(point.y or 0 for point in plot.points) > 0
    after = (await source.client().info("stats"))["total_net_output_bytes"]
    assert after - before < 100_000


async def test_a_server_that_gives_fewer_rows(sales: None, source: ClientSource) -> None:
    await run(source, search.change_setting("MAXAGGREGATERESULTS", 5))
    try:
        plot = await rapyer_nb.plot(ServedSale, "town")
        assert sum(point.y or 0 for point in plot.points) == 150
    finally:
        await run(source, search.change_setting("MAXAGGREGATERESULTS", -1))


async def test_parts_of_texts_are_asked_for(
    sales: None, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    plot = await drawn_both_ways(monkeypatch, rapyer_redis_url, "price", where='town.prefix("t1")')
    there = [at for at in range(150) if at % 7 and f"t{at % 40}".startswith("t1")]
    assert sum(point.y or 0 for point in plot.points) == len(there)


async def test_ints_that_are_none_are_left_out(
    sales: None, source: ClientSource, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    await source.client().json().set("ServedSale:half", "$", {"number": 2.5})
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "number", served_only=False)


async def test_longer_prefixes_are_read(
    sales: None, monkeypatch: pytest.MonkeyPatch, rapyer_redis_url: str
) -> None:
    monkeypatch.setattr("rapyer.model.load.longer_prefixes", lambda _: ("ServedSale:x:",))
    await drawn_both_ways(monkeypatch, rapyer_redis_url, "number", served_only=False)


def test_how_the_server_is_told_numbers() -> None:
    assert [served._written(number) for number in (1e22, 1e-7, -0.5)] == ["1e22", "1e-07", "-0.5"]
