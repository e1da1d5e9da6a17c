"""Times: moved in Redis to the microsecond, offset and all; or stored as numbers, which have an order."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rapyer import AtomicRedisModel, Index, apipeline
from rapyer.errors import KeyNotFound, NumberDomainError, NumberRangeError
from rapyer.model.registry import registry
from rapyer.search.index import ensure_index
from rapyer.session.clients import ClientSource
from rapyer.types import RedisDatetime, RedisDatetimeTimestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

UTC = dt.timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
START = dt.datetime(2026, 1, 1, 12, tzinfo=UTC)


class TimeBox(AtomicRedisModel):
    at: dt.datetime = START
    seconds: RedisDatetimeTimestamp = dt.datetime(2024, 1, 2, 3, 4, 5, 500000)  # type: ignore[assignment]
    maybe: dt.datetime | None = None
    many: list[dt.datetime] = []


class TimeEvent(AtomicRedisModel):
    at: Index[dt.datetime]
    until: Index[dt.datetime | None] = None


async def saved(**values: Any) -> Any:
    return await TimeBox(**values).asave()


async def stored(box: Any) -> Any:
    return await TimeBox.aget(box.key)


@pytest.fixture
def berlin_clock() -> Iterator[None]:
    """A computer whose local time is that of Berlin."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


moments = st.datetimes(
    min_value=dt.datetime(1, 1, 3),
    max_value=dt.datetime(9999, 12, 29),
    timezones=st.one_of(
        st.none(), st.just(UTC), st.integers(-1439, 1439).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cases=st.lists(
        st.tuples(moments, st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6))), max_size=12
    )
)
def test_any_time_moves_by_any_span(
    cases: list[tuple[dt.datetime, dt.timedelta]], rapyer_redis_url: str
) -> None:
    async def check() -> None:
        registry.bind(ClientSource.from_url(rapyer_redis_url))
        for moment, span in cases:
            box = await saved(at=moment)
            try:
                expected = moment + span
            except OverflowError:
                with pytest.raises(OverflowError):
                    async with box.apipeline():
                        box.at += span
                continue
            async with box.apipeline():
                box.at += span
            after = (await stored(box)).at
            assert (after, after.utcoffset()) == (expected, expected.utcoffset())
            assert box.at == expected

    asyncio.run(check())


@pytest.mark.parametrize(
    "span", [{"days": 1}, {"hours": -36}, {"microseconds": 1}, {"days": 60, "seconds": 1}]
)
async def test_the_stored_time_moves_by_what_the_local_one_does(span: dict[str, int]) -> None:
    box = await saved()
    other = dt.datetime(2024, 2, 28, 23, 59, 59, 999999, tzinfo=dt.timezone(dt.timedelta(hours=-3.5)))
    await (await stored(box)).aupdate(at=other)
    async with apipeline():
        box.at += dt.timedelta(**span)
    after = (await stored(box)).at
    assert (after, after.utcoffset()) == (other + dt.timedelta(**span), other.utcoffset())
    async with apipeline():
        box.at -= dt.timedelta(**span)
    assert (await stored(box)).at == other
    assert box.at == START


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2024-01-02T03:04:05", "2024-01-02T03:04:06.500000"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:06.500000Z"),
        ("2024-12-31 23:59:59.5+05:00", "2025-01-01T00:00:01+05:00"),
        ("2024-01-02T03:04+00:00", "2024-01-02T03:04:01.500000+00:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:01.500000"),
    ],
)
async def test_the_text_keeps_its_form(text: str, moved: str, raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.at", text)  # type: ignore[misc]
    async with apipeline() as pipe:
        box.at += dt.timedelta(seconds=1.5)
    assert pipe.results == (moved,)
    assert await raw.json().get(box.key, "$.at") == [moved]  # type: ignore[misc]


async def test_a_zone_changes_its_offset_with_the_season(raw: Redis) -> None:
    box = await saved(at=dt.datetime(2026, 3, 28, 12, 0, 0, 5, tzinfo=BERLIN))
    async with apipeline():
        box.at += dt.timedelta(days=1)
    assert await raw.json().get(box.key, "$.at") == ["2026-03-29T12:00:00.000005+02:00"]  # type: ignore[misc]
    assert (await stored(box)).at == box.at
    async with apipeline():
        box.at -= dt.timedelta(days=30)
    assert (await stored(box)).at == box.at == dt.datetime(2026, 2, 27, 12, 0, 0, 5, tzinfo=BERLIN)


@pytest.mark.parametrize("other", [1, "1", None, [1], START])
async def test_only_spans_are_added(other: Any) -> None:
    box = await saved()
    with pytest.raises(TypeError):
        async with box.apipeline():
            box.at += other
    with pytest.raises((TypeError, ValidationError)):
        async with box.apipeline():
            box.at -= other
    with pytest.raises(TypeError):
        box.at += other
    assert (await stored(box)).at == box.at == START


async def test_a_time_beyond_the_calendar_is_refused(raw: Redis) -> None:
    box = await saved()
    with pytest.raises(OverflowError, match="out of range"):
        async with box.apipeline():
            box.at += dt.timedelta(days=3_000_000)
    await raw.json().set(box.key, "$.at", "9999-12-31T00:00:00Z")  # type: ignore[misc]
    with pytest.raises(NumberRangeError, match="lies outside the years 1 to 9999"):
        async with apipeline():
            box.at += dt.timedelta(days=1)
    await raw.json().set(box.key, "$.at", "soon")  # type: ignore[misc]
    with pytest.raises(NumberDomainError, match="holds no ISO 8601 time"):
        async with apipeline():
            box.at += dt.timedelta(days=1)
    unsaved: Any = TimeBox()
    with pytest.raises(KeyNotFound):
        async with apipeline():
            unsaved.at += dt.timedelta(days=1)


async def test_times_in_lists_and_optional_fields() -> None:
    box = await saved(maybe=START, many=[START, START])
    async with box.apipeline():
        box.maybe += dt.timedelta(hours=1)
        box.many[1] -= dt.timedelta(microseconds=1)
    after = await stored(box)
    assert (after.maybe, after.many) == (
        START + dt.timedelta(hours=1),
        [START, START - dt.timedelta(microseconds=1)],
    )


def test_a_time_is_made_of_a_datetime_or_its_parts() -> None:
    assert RedisDatetime(2024, 1, 15, 10, tzinfo=UTC) == RedisDatetime(
        dt.datetime(2024, 1, 15, 10, tzinfo=UTC)
    )
    moment: Any = RedisDatetime(dt.datetime(2024, 1, 15, 10, 0, 0, 7, tzinfo=BERLIN))
    assert (type(moment.clone()), moment.clone(), moment.clone().tzinfo) == (dt.datetime, moment, BERLIN)
    assert isinstance(moment + dt.timedelta(1), RedisDatetime)
    assert (moment - moment, moment - moment.clone()) == (dt.timedelta(0), dt.timedelta(0))


async def test_seconds_are_stored_as_a_number(raw: Redis) -> None:
    box = await saved()
    assert await raw.json().get(box.key, "$.seconds") == [box.seconds.timestamp()]  # type: ignore[misc]
    assert type(box.seconds) is RedisDatetimeTimestamp
    assert (await stored(box)).seconds == box.seconds == dt.datetime(2024, 1, 2, 3, 4, 5, 500000)
    await (await stored(box)).aupdate(seconds=dt.datetime(2024, 6, 1))
    async with apipeline():
        box.seconds += dt.timedelta(days=1, microseconds=3)
        box.seconds -= dt.timedelta(hours=1)
    assert (await stored(box)).seconds == dt.datetime(2024, 6, 1, 23, 0, 0, 3)
    assert await box.seconds.aload() == dt.datetime(2024, 6, 1, 23, 0, 0, 3)
    box.seconds = dt.datetime(2024, 1, 1, tzinfo=UTC)
    await box.seconds.asave()
    assert (await stored(box)).seconds == dt.datetime(2024, 1, 1, tzinfo=UTC)
    assert box.model_dump(mode="json")["seconds"] == "2024-01-01T00:00:00Z"
    assert type(box.seconds.clone()) is dt.datetime


async def test_seconds_read_what_others_wrote(raw: Redis) -> None:
    box = await saved()
    await raw.json().set(box.key, "$.seconds", "2024-01-02T03:04:05")  # type: ignore[misc]
    assert (await stored(box)).seconds == dt.datetime(2024, 1, 2, 3, 4, 5)


@pytest.mark.usefixtures("berlin_clock")
async def test_a_local_time_moves_across_a_change_of_the_clocks(raw: Redis) -> None:
    box = await saved(seconds=dt.datetime(2026, 3, 28, 12))
    async with box.apipeline():
        box.seconds += dt.timedelta(days=1)
    assert (await stored(box)).seconds == box.seconds == dt.datetime(2026, 3, 29, 12)


async def test_a_time_with_an_index_is_found_by_its_order(source: ClientSource) -> None:
    events = [await TimeEvent(at=START + dt.timedelta(days=day)).asave() for day in range(3)]
    await ensure_index(TimeEvent, source)
    later: Any = await TimeEvent.afind(TimeEvent.at > START)
    assert {event.key for event in later} == {event.key for event in events[1:]}
    assert [event.key for event in await TimeEvent.afind(TimeEvent.at == START)] == [events[0].key]
    assert type(events[0].at) is RedisDatetimeTimestamp
