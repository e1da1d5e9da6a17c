"""Indexed datetimes keep their zone and their microseconds, however they are written and read."""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, field_validator

from rapyer import AtomicRedisModel, Index, RedisConfig
from rapyer.search.index import ensure_index
from rapyer.search.places import declared
from rapyer.types import zones

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

BERLIN = ZoneInfo("Europe/Berlin")
INDIA = dt.timezone(dt.timedelta(hours=5, minutes=30))
UTC = dt.timezone.utc
MOMENTS = [
    dt.datetime(2024, 2, 29, 1, 2, 3, 123456, tzinfo=UTC),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
    dt.datetime(1931, 1, 1, 0, 0, 0, 1, tzinfo=INDIA),
    dt.datetime(1600, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=-4321, microseconds=7))),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=ZoneInfo("America/New_York")),
    dt.datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=INDIA),
    dt.datetime(2024, 2, 29, 1, 2, 3, 123456),
    dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    dt.datetime(1, 1, 1, 0, 0, 0, 1),
]


class ZonedPart(BaseModel):
    at: Index[dt.datetime | None] = None


class ZonedEvent(AtomicRedisModel):
    at: Index[dt.datetime]
    end: Index[dt.datetime | None] = None
    part: ZonedPart | None = None
    parts: list[ZonedPart] = []
    named: dict[str, ZonedPart] = {}
    several: Index[list[dt.datetime]] = []
    name: Index[str] = ""


class ZonedStrict(AtomicRedisModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    at: Index[dt.datetime]


class ZonedOpen(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")

    at: Index[dt.datetime]


class ZonedSeen(AtomicRedisModel):
    at: Index[dt.datetime]

    @field_validator("at", mode="before")
    @classmethod
    def _aware(cls, value: Any) -> Any:
        if isinstance(value, dt.datetime) and value.tzinfo is None:
            raise ValueError("a time zone is missing")
        return value


class ZonedRemembering(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)

    at: Index[dt.datetime]
    name: str = ""


class ZonedTaken(AtomicRedisModel):
    at: Index[dt.datetime]
    at__zone: str = ""


def alike(one: dt.datetime | None, other: dt.datetime | None) -> bool:
    """Tell whether two times are the same, on the clock, as instants, and in their offset."""
    if one is None or other is None:
        return one is other
    same = one.replace(tzinfo=None) == other.replace(tzinfo=None)
    return same and one.utcoffset() == other.utcoffset()


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
async def test_a_time_comes_back_with_its_zone(source: ClientSource, raw: Redis, moment: dt.datetime) -> None:
    event = ZonedEvent(
        at=moment,
        end=moment,
        part=ZonedPart(at=moment),
        parts=[ZonedPart(at=moment), ZonedPart()],
        named={"x": ZonedPart(at=moment)},
    )
    await ensure_index(ZonedEvent, source)
    await event.asave()

    loaded: Any = await ZonedEvent.aget(event.key)

    assert loaded == event
    assert all(
        alike(moment, found)
        for found in (loaded.at, loaded.end, loaded.part.at, loaded.parts[0].at, loaded.named["x"].at)
    )
    assert loaded.parts[1].at is None
    assert set(loaded.__dict__) == set(ZonedEvent.model_fields)
    assert loaded.model_fields_set == {*ZonedEvent.model_fields}
    assert loaded.model_dump() == event.model_dump()
    document = json.loads(await raw.execute_command("JSON.GET", event.key, "."))  # type: ignore[no-untyped-call]
    assert document["at"] == zones.seconds_of(moment)
    assert document.get("at__zone") == zones.beside(moment)
    assert [one.key for one in await ZonedEvent.afind(ZonedEvent.at == moment)] == [event.key]


async def test_each_way_of_writing_a_field_keeps_the_zone(source: ClientSource, raw: Redis) -> None:
    await ensure_index(ZonedEvent, source)
    event: Any = await ZonedEvent(at=MOMENTS[0], part=ZonedPart(at=MOMENTS[0])).asave()
    later = dt.datetime(2024, 7, 1, 12, 0, 0, 5, tzinfo=BERLIN)

    async def stored() -> Any:
        return await ZonedEvent.aget(event.key)

    event.at = later
    await event.at.asave()
    assert alike((await stored()).at, later)
    await event.aupdate(at=MOMENTS[2], end=later)
    assert alike((await stored()).at, MOMENTS[2])
    assert alike((await stored()).end, later)
    async with event.apipeline():
        event.at = later
        event.end = None
        event.part.at = MOMENTS[2]
        event.parts.append(ZonedPart(at=later))
        event.named["k"] = ZonedPart(at=later)
    found = await stored()
    assert alike(found.at, later)
    assert found.end is None
    assert alike(found.part.at, MOMENTS[2])
    assert alike(found.parts[0].at, later)
    assert alike(found.named["k"].at, later)
    result = await ZonedEvent.aupdate_many(ZonedEvent.at == later, at=MOMENTS[0], end=MOMENTS[7])
    assert result.updated == 1
    assert alike((await stored()).at, MOMENTS[0])
    assert alike((await stored()).end, MOMENTS[7])
    async with event.apipeline():
        event.at = MOMENTS[7]
    assert (await stored()).at == MOMENTS[7]
    assert "at__zone" not in json.loads(await raw.execute_command("JSON.GET", event.key, "."))  # type: ignore[no-untyped-call]
    async with event.alock(save_at_end=True):
        event.at = later
    assert alike((await stored()).at, later)


async def test_a_time_that_is_moved_keeps_its_zone(source: ClientSource) -> None:
    event = await ZonedEvent(at=dt.datetime(2024, 3, 30, 12, tzinfo=BERLIN)).asave()

    async with event.apipeline():
        event.at += dt.timedelta(days=1)

    assert alike((await ZonedEvent.aget(event.key)).at, dt.datetime(2024, 3, 31, 12, tzinfo=BERLIN))


async def test_reading_one_field_gives_the_zone(source: ClientSource, raw: Redis) -> None:
    event = await ZonedEvent(at=MOMENTS[1], part=ZonedPart(at=MOMENTS[2])).asave()
    other: Any = await ZonedEvent.aget(event.key)
    await event.aupdate(at=MOMENTS[2])

    assert alike(await other.at.aload(), MOMENTS[2])
    assert alike(other.at, MOMENTS[2])
    assert alike(await other.part.at.aload(), MOMENTS[2])
    await event.aupdate(at=MOMENTS[7])
    assert alike(await other.at.aload(), MOMENTS[7])
    await other.part.aload()
    assert alike(other.part.at, MOMENTS[2])


async def test_selected_fields_have_their_zone(source: ClientSource) -> None:
    await ensure_index(ZonedEvent, source)
    await ZonedEvent.ainsert(
        ZonedEvent(at=MOMENTS[1], part=ZonedPart(at=MOMENTS[2]), name="a"),
        ZonedEvent(at=MOMENTS[7], name="b"),
        ZonedEvent(at=MOMENTS[4], end=MOMENTS[0], name="c"),
    )

    rows = await ZonedEvent.afind(only=("name", "at", "end", "part.at"), sort_by="name")

    assert alike(rows[0].at, MOMENTS[1])
    assert alike(rows[0].part_at, MOMENTS[2])
    assert alike(rows[1].at, MOMENTS[7])
    assert alike(rows[2].at, MOMENTS[4])
    assert alike(rows[2].end, MOMENTS[0])
    assert rows[0].end is None
    assert rows[1].part_at is None


async def test_copies_and_first_saves_keep_the_zone(source: ClientSource) -> None:
    event = await ZonedEvent(at=MOMENTS[1]).asave()
    copy = await event.aduplicate()
    changed = await event.aduplicate(at=MOMENTS[2])
    naive = await event.aduplicate(at=MOMENTS[7], end=MOMENTS[0])
    made = await ZonedEvent.aget_or_create(ZonedEvent(at=MOMENTS[2]))

    assert alike((await ZonedEvent.aget(copy.key)).at, MOMENTS[1])
    assert alike((await ZonedEvent.aget(made.value.key)).at, MOMENTS[2])
    assert alike(changed.at, MOMENTS[2])
    assert alike((await ZonedEvent.aget(changed.key)).at, MOMENTS[2])
    assert alike((await ZonedEvent.aget(naive.key)).at, MOMENTS[7])
    assert alike((await ZonedEvent.aget(naive.key)).end, MOMENTS[0])


@pytest.mark.parametrize("cls", [ZonedStrict, ZonedOpen, ZonedSeen])
async def test_the_zone_is_no_field_of_any_configuration(source: ClientSource, cls: Any) -> None:
    event = await cls(at=MOMENTS[1]).asave()

    loaded = await cls.aget(event.key)

    assert alike(loaded.at, MOMENTS[1])
    assert loaded.model_dump() == {"at": MOMENTS[1]}
    assert "at__zone" not in loaded.model_dump_json()
    assert list(cls.model_json_schema()["properties"]) == ["at"]


async def test_a_document_that_is_remembered_knows_the_zone(source: ClientSource) -> None:
    event: Any = await ZonedRemembering(at=MOMENTS[1]).asave()
    other = await ZonedRemembering.aget(event.key)
    event.at = MOMENTS[2]
    await event.at.asave()
    event.name = "x"
    await event.asave(if_unchanged=True)
    async with event.apipeline():
        event.at = MOMENTS[0]
    await event.aupdate(at=MOMENTS[1])
    event.name = "y"
    await event.asave(if_unchanged=True)
    await other.aload()
    other.at = MOMENTS[7]
    await other.asave(if_unchanged=True)
    assert alike((await ZonedRemembering.aget(event.key)).at, MOMENTS[7])


async def test_a_field_of_that_name_stays_the_users(source: ClientSource) -> None:
    event = await ZonedTaken(at=MOMENTS[0], at__zone="mine").asave()

    loaded = await ZonedTaken.aget(event.key)

    assert loaded.at__zone == "mine"
    assert loaded.at == MOMENTS[0].astimezone().replace(tzinfo=None)


@pytest.mark.parametrize("note", ["", "Mars/Olympus", ".5", 7, None, "+99:99", "../../etc/passwd", "\x00"])
async def test_a_note_that_tells_no_zone_does_no_harm(source: ClientSource, raw: Redis, note: Any) -> None:
    event = await ZonedEvent(at=MOMENTS[0]).asave()
    await raw.execute_command("JSON.SET", event.key, "$.at__zone", json.dumps(note))  # type: ignore[no-untyped-call]

    loaded: Any = await ZonedEvent.aget(event.key)

    assert loaded.at.timestamp() == MOMENTS[0].timestamp()
    assert (await loaded.at.aload()).timestamp() == MOMENTS[0].timestamp()


_ZONES = st.none() | st.sampled_from([UTC, INDIA, BERLIN, ZoneInfo("America/New_York")])


@settings(max_examples=500)
@given(st.datetimes(timezones=_ZONES, allow_imaginary=False))
def test_no_microsecond_is_lost(moment: dt.datetime) -> None:
    stored = [zones.seconds_of(moment), zones.beside(moment)]
    back = zones.moment_of(stored if stored[1] else stored[0])
    assert alike(back, moment)
    assert zones.microseconds_of(back) == zones.microseconds_of(moment)


class ZonedExact(AtomicRedisModel):
    day: Index[dt.date]
    clock: Index[dt.time]
    span: Index[dt.timedelta]


_SPANS = st.timedeltas(dt.timedelta(microseconds=-(2**63)), dt.timedelta(microseconds=2**63 - 1))


@settings(max_examples=500)
@given(st.dates(), st.times(), _SPANS)
def test_dates_times_and_spans_are_whole_numbers(day: dt.date, clock: dt.time, span: dt.timedelta) -> None:
    fields = ZonedExact.__rapyer_spec__.fields
    kinds = {name: kind for name, _, kind in declared(ZonedExact)}
    for name, value in (("day", day), ("clock", clock), ("span", span)):
        text = fields[name].dump_stored(value)
        assert type(json.loads(text)) is int
        assert fields[name].load_stored(text) == value
        assert kinds[name].value(value) == json.loads(text)


async def test_times_of_all_years_are_told_apart(source: ClientSource) -> None:
    await ensure_index(ZonedEvent, source)
    near = dt.timedelta(microseconds=1)
    moments = [
        dt.datetime(1, 1, 1, tzinfo=UTC),
        dt.datetime(1697, 1, 1, tzinfo=UTC),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        dt.datetime(2250, 1, 1, tzinfo=UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999998, tzinfo=UTC),
    ]
    moments = sorted([*moments, *(moment + near for moment in moments)])
    await ZonedEvent.ainsert(*(ZonedEvent(at=moment) for moment in reversed(moments)))
    at: Any = ZonedEvent.at
    for place, moment in enumerate(moments):
        assert [one.at for one in await ZonedEvent.afind(at == moment)] == [moment]
        assert await ZonedEvent.acount(at < moment) == place
        assert await ZonedEvent.acount(at >= moment) == len(moments) - place
        assert await ZonedEvent.acount(at.between(moment, moment)) == 1
    for size in (1, 3, 10):
        found = await ZonedEvent.afind(sort_by="at", max_results=size)
        assert [one.at for one in found] == moments[:size]
    page = await ZonedEvent.apage(sort_by="-at", size=4)
    rest = await ZonedEvent.apage(sort_by="-at", size=40, after=page.after)
    assert [one.at for one in (*page.models, *rest.models)] == moments[::-1]


async def test_far_times_come_back_to_the_microsecond(source: ClientSource) -> None:
    await ensure_index(ZonedEvent, source)
    numbers = random.Random(5)
    first, last = dt.datetime(2243, 1, 1, tzinfo=UTC), dt.datetime(9999, 12, 30, tzinfo=UTC)
    span = (last - first) // dt.timedelta(microseconds=1)
    moments = [first + dt.timedelta(microseconds=numbers.randrange(span)) for _ in range(300)]
    stored = await ZonedEvent.ainsert(*(ZonedEvent(at=moment) for moment in moments))
    assert [one.at for one in await ZonedEvent.afind(*stored)] == moments
    at: Any = ZonedEvent.at
    for moment in moments[:20]:
        assert [one.at for one in await ZonedEvent.afind(at == moment)] == [moment]
        assert await ZonedEvent.acount(at < moment) == sum(other < moment for other in moments)
