"""Lists, dicts, sets and queues in the form of a new object: rows that are only there until *Create*."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field, model_validator

from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.types import RedisPriorityQueue
from rapyer_nb.widgets import new
from rapyer_nb.widgets.draft_list import DraftList
from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets import ModelCreator
    from rapyer_nb.widgets.draft import DraftRow


class Leg(BaseModel):
    goal: str
    hours: Annotated[int, Field(ge=0)] = 1
    stops: list[str] = []
    odds: list[float | None] = []

    @model_validator(mode="after")
    def _not_home(self) -> Leg:
        if self.goal == "home" and self.hours > 5:
            raise ValueError("home is near")
        return self


class Voyage(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    name: Key[str] = "one"
    legs: Annotated[list[Leg], Field(max_length=3)] = [Leg(goal="sea", hours=7)]
    crew: dict[str, Leg] = {}
    scores: dict[str, int] = {"first": 1}
    days: list[dt.date] = []
    table: list[list[int]] = []
    maybe: Optional[list[Leg]] = None  # noqa: UP045 - as users write it
    holidays: set[dt.date] = set()
    tags: set[str] = set()
    words: list[str] = ["a"]
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class Need(AtomicRedisModel):
    legs: list[Leg]


def part(form: ModelCreator, name: str) -> Any:
    return form._draft._parts[name]


def listed(form: ModelCreator, name: str) -> DraftList:
    found = part(form, name)
    assert isinstance(found, DraftList)
    return found


def inner(found: DraftList, place: int, name: str) -> DraftRow:
    group: Any = found.entries[place].part
    row: DraftRow = group._parts[name]
    return row


async def added(found: DraftList) -> Any:
    count = len(found.entries)
    found.add.click()
    await until(lambda: len(found.entries) > count, "there is a row")
    return found.entries[-1]


async def created(form: ModelCreator) -> Any:
    number = len(form.created)
    form._foot.value = ""
    form._button.click()
    await until(lambda: len(form.created) > number or "✕" in form._foot.value, "it is over")
    assert len(form.created) > number, form._foot.value
    await until(lambda: not form._button.disabled, "it is over")
    return await type(form.created[-1]).aget(form.created[-1].key)  # type: ignore[attr-defined]


async def refused(form: ModelCreator) -> str:
    form._foot.value = ""
    form._button.click()
    await until(lambda: "not created" in form._foot.value, "it is told")
    await until(lambda: not form._button.disabled, "it is over")
    return form._foot.value


async def test_models_are_added_moved_and_removed_before_anything_is_stored(source: ClientSource) -> None:
    form = new(Voyage)
    legs = listed(form, "legs")
    assert inner(legs, 0, "goal").control.get() == "sea"
    second = await added(legs)
    inner(legs, 1, "goal").control.set("land")
    third = await added(legs)
    inner(legs, 2, "goal").control.set("sky")
    third.buttons["up"].click()
    await until(lambda: legs.entries[1] is third, "it is moved")
    assert legs.entries[0].buttons["up"].disabled
    assert second.buttons["down"].disabled
    assert not third.buttons["down"].disabled
    legs.entries[0].buttons["remove"].click()
    await until(lambda: legs.entries == [third, second], "it is removed")
    assert third._index.value == "1"
    assert not await source.client().keys("*")

    voyage = await created(form)
    assert [leg.goal for leg in voyage.legs] == ["sky", "land"]


async def test_what_nobody_changed_is_the_default(source: ClientSource) -> None:
    voyage = await created(new(Voyage))
    assert voyage.legs == [Leg(goal="sea", hours=7)]
    assert voyage.scores == {"first": 1}
    assert voyage.maybe is None
    assert voyage.words == ["a"]


async def test_the_values_of_a_default_stay_where_another_is_added(source: ClientSource) -> None:
    form = new(Voyage)
    legs = listed(form, "legs")
    await added(legs)
    inner(legs, 1, "goal").control.set("land")
    voyage = await created(form)
    assert voyage.legs == [Leg(goal="sea", hours=7), Leg(goal="land")]


async def test_dicts_have_keys(source: ClientSource) -> None:
    form = new(Voyage)
    crew, scores = listed(form, "crew"), listed(form, "scores")
    ada = await added(crew)
    inner(crew, 0, "goal").control.set("moon")
    assert "not created" in await refused(form)
    assert "give it a key" in ada._note.value
    ada.key.value = "ada"
    again = await added(scores)
    again.key.value = "first"
    again.part.control.set(5)
    await refused(form)
    assert "stands twice" in again._note.value
    assert "give it a key" not in ada._note.value
    again.key.value = "second"
    voyage = await created(form)
    assert voyage.crew == {"ada": Leg(goal="moon")}
    assert voyage.scores == {"first": 1, "second": 5}


async def test_nested_lists_and_lists_in_models(source: ClientSource) -> None:
    form = new(Voyage)
    table, legs = listed(form, "table"), listed(form, "legs")
    row = await added(table)
    cell = await added(row.part)
    cell.part.control.set(4)
    odds: Any = inner(legs, 0, "odds")
    chance = await added(odds)
    chance.part.control.set(0.5)
    nothing = await added(odds)
    nothing.part.control.set(None)
    inner(legs, 0, "stops").control.set(["isle"])
    voyage = await created(form)
    assert voyage.table == [[4]]
    assert voyage.legs[0].stops == ["isle"]
    assert voyage.legs[0].odds == [0.5, None]


async def test_each_mistake_is_at_its_row(source: ClientSource) -> None:
    form = new(Voyage)
    legs, days = listed(form, "legs"), listed(form, "days")
    await added(legs)
    inner(legs, 1, "goal").control.set("home")
    inner(legs, 1, "hours").control.set(-1)
    day = await added(days)
    await refused(form)
    assert "choose a date" in day.part._note.value  # nothing is sent where a value is missing
    day.part.control.set(dt.date(2026, 1, 2))
    await refused(form)
    assert "greater than or equal to 0" in inner(legs, 1, "hours")._note.value
    assert "greater than" not in inner(legs, 0, "hours")._note.value
    assert "choose a date" not in day.part._note.value

    inner(legs, 1, "hours").control.set(6)
    await refused(form)
    assert "home is near" in legs.entries[1]._note.value
    assert "greater than" not in inner(legs, 1, "hours")._note.value

    inner(legs, 1, "hours").control.set(2)
    for place, goal in ((2, "a"), (3, "b")):
        await added(legs)
        inner(legs, place, "goal").control.set(goal)
    await refused(form)
    assert "at most 3 items" in legs._note.value
    assert not await source.client().keys("*")


async def test_a_mistake_follows_the_row_that_was_moved(source: ClientSource) -> None:
    form = new(Voyage)
    legs = listed(form, "legs")
    entry = await added(legs)
    inner(legs, 1, "goal").control.set("x")
    inner(legs, 1, "hours").control.set(-1)
    entry.buttons["up"].click()
    await until(lambda: legs.entries[0] is entry, "it is moved")
    await refused(form)
    assert "greater than or equal to 0" in inner(legs, 0, "hours")._note.value
    assert "greater than" not in inner(legs, 1, "hours")._note.value


async def test_a_list_that_may_be_null(source: ClientSource) -> None:
    form = new(Voyage)
    maybe = listed(form, "maybe")
    assert maybe.add.disabled
    presence: Any = maybe._presence
    presence.control.set(True)
    await until(lambda: not maybe.add.disabled, "it can be added to")
    await added(maybe)
    inner(maybe, 0, "goal").control.set("x")
    voyage = await created(form)
    assert voyage.maybe == [Leg(goal="x")]


async def test_sets_are_stored_with_the_object(source: ClientSource) -> None:
    form = new(Voyage)
    holidays = listed(form, "holidays")
    day = await added(holidays)
    assert "up" not in day.buttons
    day.part.control.set(dt.date(2026, 1, 2))
    part(form, "tags").control.set(["x", "y"])
    voyage = await created(form)
    assert voyage.holidays == {dt.date(2026, 1, 2)}
    assert voyage.tags == {"x", "y"}


async def test_a_queue_says_that_it_begins_empty(source: ClientSource) -> None:
    form = new(Voyage)
    assert "pushed once the object is stored" in str(part(form, "jobs").control.get())
    voyage = await created(form)
    assert await voyage.jobs.asize() == 0


async def test_a_list_that_must_be_given(source: ClientSource) -> None:
    form = new(Need)
    legs = listed(form, "legs")
    assert legs.entries == []
    assert (await created(form)).legs == []
    await added(legs)
    inner(legs, 0, "goal").control.set("x")
    assert (await created(form)).legs == [Leg(goal="x")]


async def test_rows_have_names_and_are_closed_with_the_form(source: ClientSource) -> None:
    form = new(Voyage)
    scores = listed(form, "scores")
    entry = scores.entries[0]
    assert entry.key.description == "scores 1, key"
    assert entry.buttons["remove"].tooltip == "Remove scores 1"
    entry.buttons["remove"].click()
    await until(lambda: scores.entries == [], "it is removed")
    assert entry.key.comm is None
    second = await added(scores)
    form.close()
    assert second.key.comm is None


async def test_a_longer_default_is_taken_as_it_is(source: ClientSource) -> None:
    class LongVoyage(AtomicRedisModel):
        numbers: list[dt.date] = [dt.date(2026, 1, 1)] * 201

    form = new(LongVoyage)
    numbers = listed(form, "numbers")
    assert "201 entries are too many" in numbers._note.value
    assert len((await created(form)).numbers) == 201


@pytest.mark.parametrize("wish", ["json"])
async def test_a_list_by_another_control(source: ClientSource, wish: str) -> None:
    form = new(Voyage, widgets={"days": wish})
    assert not isinstance(part(form, "days"), DraftList)
