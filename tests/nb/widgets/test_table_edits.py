"""Editing in the cells of a table: guarded writes, conflicts, mistakes, and nothing lost."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import enum
import uuid
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

import rapyer_nb
from rapyer import AtomicRedisModel, Index, Key
from rapyer.commands.lock import lock_keys
from tests.nb.desk import until
from tests.nb.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rapyer.session.clients import ClientSource


class EditMood(enum.Enum):
    good = "g"
    bad = "b"


class EditPlace(BaseModel):
    city: str = "Oslo"


class EditRow(AtomicRedisModel):
    handle: Key[str] = ""
    name: Index[str] = "Ada"
    age: Annotated[int, Field(ge=0, le=120)] = 36
    score: float = 1.5
    nick: str | None = None
    active: bool = True
    mood: EditMood = EditMood.good
    plan: Literal["free", "paid"] = "free"
    born: dt.date = dt.date(2000, 1, 2)
    seen: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone.utc)
    kept: Index[dt.datetime] = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone.utc)
    price: decimal.Decimal = decimal.Decimal("1.50")
    token: uuid.UUID = uuid.UUID(int=1)
    level: int | None = 3
    note: str = ""
    fixed: str = Field("as it is", frozen=True)
    place: EditPlace = EditPlace()

    @field_validator("name")
    @classmethod
    def no_mallory(cls, value: str) -> str:
        if value == "Mallory":
            raise ValueError("not Mallory")
        return value.strip()


KEY = "EditRow:a"
COLUMNS = [name for name in EditRow.model_fields if name not in ("handle", "place")] + ["place.city"]


@pytest.fixture
async def rows(source: ClientSource) -> list[EditRow]:
    await EditRow.acreate_index()
    found = [EditRow(handle="a"), EditRow(handle="b", age=40)]
    await EditRow.ainsert(*found)
    return found


@pytest.fixture
async def sheet(rows: list[EditRow]) -> AsyncIterator[Sheet]:
    sheet = Sheet(rapyer_nb.table(EditRow, columns=["handle", *COLUMNS]))
    await sheet.until_live()
    yield sheet
    sheet.table.close()


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("name", " Grace ", "Grace"),
        ("age", "41", 41),
        ("score", "2.25", 2.25),
        ("nick", "Al", "Al"),
        ("nick", "", ""),
        ("active", "1", False),
        ("mood", "1", EditMood.bad),
        ("plan", "1", "paid"),
        ("born", "2001-02-03", dt.date(2001, 2, 3)),
        ("seen", "2025-01-02T03:04:05+02:00", dt.datetime(2025, 1, 2, 1, 4, 5, tzinfo=dt.timezone.utc)),
        ("kept", "2025-01-02T03:04:05+00:00", dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)),
        ("price", "2.75", decimal.Decimal("2.75")),
        ("token", str(uuid.UUID(int=7)), uuid.UUID(int=7)),
        ("level", None, None),
        ("level", "9", 9),
        ("note", "two\nlines <b>", "two\nlines <b>"),
        ("place.city", "Rome", "Rome"),
    ],
)
async def test_every_kind_of_cell_writes(sheet: Sheet, name: str, typed: str | None, value: Any) -> None:
    await sheet.types(KEY, name, typed)
    await until(lambda: f"✓ {KEY}: {name} saved" in sheet.foot, "it is told")
    await until(lambda: not sheet.table._grid.edits, "the cell is closed")
    found: Any = await EditRow.aget(KEY)
    for part in name.split("."):
        found = getattr(found, part)
    assert found == value
    other = await EditRow.aget("EditRow:b")
    assert (other.name, other.age) == ("Ada", 40)


async def test_keys_frozen_fields_and_models_are_not_edited(sheet: Sheet) -> None:
    for name in ("", "handle", "fixed"):
        assert "edit" not in sheet.cell(KEY, name)
        sheet.tell("edit", key=KEY, column=name)
    sheet.tell("edit", key="EditRow:unknown", column="age")
    sheet.tell("commit", key=KEY, column="fixed", n=1, value="x", saw="as it is")
    sheet.tell("sort", column="note")
    await until(lambda: "not sorted" in sheet.foot, "all messages are read")
    assert not sheet.table._grid.edits


async def test_only_the_field_is_written(sheet: Sheet, rows: list[EditRow], source: ClientSource) -> None:
    begun = sheet.opens(KEY, "age")
    await until(lambda: sheet.edit(KEY, "age"), "the cell is open")
    await source.client().json().set(KEY, "$.extra", "kept")
    await rows[0].aupdate(name="Grace")
    await sheet.types(KEY, "age", "41", saw=begun)
    await until(lambda: "age saved" in sheet.foot, "it is written")
    document = (await source.client().json().get(KEY, "$"))[0]
    assert (document["age"], document["name"], document["extra"]) == (41, "Grace", "kept")


async def test_the_cell_shows_at_once_what_was_written(sheet: Sheet) -> None:
    await sheet.types(KEY, "age", "41")
    await until(lambda: not sheet.edit(KEY, "age"), "the cell is closed")
    assert sheet.cell(KEY, "age")["text"] == "41"
    assert sheet.table.found[0].age in (36, 41)


async def test_an_older_read_does_not_take_back_what_was_written(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, read, released = sheet.table._asker.page, asyncio.Event(), asyncio.Event()

    async def slow(*given: Any) -> Any:
        found = await page(*given)
        read.set()
        await released.wait()
        return found

    await sheet.types(KEY, "age", "41", what="draft")
    monkeypatch.setattr(sheet.table._asker, "page", slow)
    sheet.table.refresh()
    await read.wait()
    before = sheet.table.searches
    await sheet.types(KEY, "age", "41", saw="36")
    await until(lambda: not sheet.edit(KEY, "age"), "it is written")
    released.set()
    seen = set()
    await until(
        lambda: seen.add(sheet.cell(KEY, "age")["text"]) or sheet.table.searches > before, "it has read again"
    )
    assert seen == {"41"}


async def test_a_mistake_is_told_and_writes_nothing(sheet: Sheet, source: ClientSource) -> None:
    await sheet.types(KEY, "age", "500")
    await until(lambda: sheet.edit(KEY, "age").get("invalid"), "it is refused")
    assert sheet.edit(KEY, "age")["note"] == "✕ Input should be less than or equal to 120"
    await sheet.types(KEY, "age", "many")
    await until(lambda: "valid integer" in sheet.edit(KEY, "age")["note"], "it is refused")
    assert sheet.edit(KEY, "age")["value"] == "many"
    await sheet.types(KEY, "name", "Mallory")
    await until(lambda: "not Mallory" in sheet.edit(KEY, "name").get("note", ""), "the model's own validator")
    assert (await source.client().json().get(KEY, "$.age", "$.name")) == {"$.age": [36], "$.name": ["Ada"]}
    assert len(sheet.table._grid.edits) == 2

    await sheet.types(KEY, "age", "36")  # what it was
    await until(lambda: not sheet.edit(KEY, "age"), "the cell is closed")
    sheet.tell("cancel", key=KEY, column="name")
    await until(lambda: not sheet.edit(KEY, "name"), "given up")
    assert sheet.cell(KEY, "name")["text"] == "Ada"


async def test_a_required_value_cannot_be_null(sheet: Sheet) -> None:
    await sheet.types(KEY, "age", None)
    await until(lambda: sheet.edit(KEY, "age").get("note") == "✕ give a value", "it is refused")


async def test_giving_up_writes_nothing(sheet: Sheet, source: ClientSource) -> None:
    await sheet.types(KEY, "age", "41", what="draft")
    await until(lambda: sheet.edit(KEY, "age")["value"] == "41", "it is heard of")
    sheet.tell("cancel", key=KEY, column="age")
    await until(lambda: not sheet.table._grid.edits, "given up")
    assert await source.client().json().get(KEY, "$.age") == [36]


async def test_an_open_cell_follows_redis_until_something_is_typed(sheet: Sheet, rows: list[EditRow]) -> None:
    begun = sheet.opens(KEY, "age")
    await until(lambda: sheet.edit(KEY, "age"), "the cell is open")
    assert begun == "36"
    await rows[0].aupdate(age=50)
    await until(lambda: sheet.edit(KEY, "age")["value"] == "50", "it shows what is there now")
    assert sheet.edit(KEY, "age")["rev"] == 1
    await sheet.types(KEY, "age", "51", saw="50")
    await until(lambda: "age saved" in sheet.foot, "it is written")
    assert (await EditRow.aget(KEY)).age == 51


async def test_what_is_typed_is_kept_against_a_change(sheet: Sheet, rows: list[EditRow]) -> None:
    await sheet.types(KEY, "age", "41", what="draft")
    await rows[0].aupdate(age=50)
    await until(lambda: sheet.edit(KEY, "age")["choice"], "it asks")
    assert sheet.edit(KEY, "age")["value"] == "41"
    assert sheet.edit(KEY, "age")["note"] == "⚠ is now 50 in Redis; your edit is not saved"
    sheet.tell("mine", key=KEY, column="age")
    await until(lambda: "age saved" in sheet.foot, "mine is written")
    assert (await EditRow.aget(KEY)).age == 41


async def test_theirs_can_be_taken(sheet: Sheet, rows: list[EditRow]) -> None:
    await sheet.types(KEY, "age", "41", what="draft")
    await rows[0].aupdate(age=50)
    await until(lambda: sheet.edit(KEY, "age")["choice"], "it asks")
    sheet.tell("theirs", key=KEY, column="age")
    await until(lambda: not sheet.table._grid.edits, "the cell is closed")
    await until(lambda: sheet.cell(KEY, "age")["text"] == "50", "theirs is shown")
    assert (await EditRow.aget(KEY)).age == 50


async def test_a_change_that_nobody_saw_is_not_overwritten(
    sheet: Sheet, rows: list[EditRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = sheet.opens(KEY, "age")
    await until(lambda: sheet.edit(KEY, "age") and not sheet.table._reading, "the cell is open")
    monkeypatch.setattr(sheet.table, "refresh", lambda: None)  # the news is late
    await rows[0].aupdate(age=50)
    await sheet.types(KEY, "age", "41", saw=begun)
    await until(lambda: sheet.edit(KEY, "age").get("choice"), "the guard says so")
    assert (await EditRow.aget(KEY)).age == 50


async def test_typing_on_an_older_value_than_the_kernel_shows_is_a_conflict(
    sheet: Sheet, rows: list[EditRow]
) -> None:
    sheet.opens(KEY, "age")
    await until(lambda: sheet.edit(KEY, "age"), "the cell is open")
    await rows[0].aupdate(age=50)
    await until(lambda: sheet.edit(KEY, "age")["value"] == "50", "the kernel has the newer value")
    await sheet.types(KEY, "age", "41", saw="36")  # the page had not shown it yet
    await until(lambda: sheet.edit(KEY, "age").get("choice"), "it asks")
    assert (await EditRow.aget(KEY)).age == 50


async def test_the_same_from_both_sides_is_no_conflict(sheet: Sheet, rows: list[EditRow]) -> None:
    await sheet.types(KEY, "age", "41", what="draft")
    await rows[0].aupdate(age=41)
    await until(lambda: sheet.cell(KEY, "age")["text"] == "41", "it is seen")
    await sheet.types(KEY, "age", "41", saw="36")
    await until(lambda: not sheet.table._grid.edits, "the cell is closed")


async def test_other_writing_of_the_same_number_is_no_conflict(sheet: Sheet, source: ClientSource) -> None:
    await source.client().json().set(KEY, "$.score", 2)
    await until(lambda: sheet.cell(KEY, "score")["text"] == "2.0", "it is seen")
    await sheet.types(KEY, "score", "3.5")
    await until(lambda: "score saved" in sheet.foot, "it is written")
    assert await source.client().json().get(KEY, "$.score") == [3.5]


async def test_deleting_the_document_keeps_what_is_typed(sheet: Sheet, rows: list[EditRow]) -> None:
    await sheet.types(KEY, "age", "41", what="draft")
    await rows[0].adelete()
    await until(lambda: sheet.row(KEY)["mark"] == "deleted", "it is told")
    await sheet.types(KEY, "age", "42")
    await until(
        lambda: "the document was deleted" in sheet.edit(KEY, "age").get("note", ""), "it is not written"
    )
    assert sheet.edit(KEY, "age")["value"] == "42"
    assert not await EditRow.aexists(KEY)
    sheet.tell("cancel", key=KEY, column="age")
    await until(lambda: sheet.keys == ["EditRow:b"], "it goes")


async def test_a_row_that_matches_no_more_stays_while_it_is_edited(sheet: Sheet) -> None:
    await sheet.types("EditRow:b", "age", "x")
    await until(lambda: sheet.edit("EditRow:b", "age").get("invalid"), "refused")
    sheet.tell("filter", text="name == 'nobody'")
    await until(lambda: sheet.keys == ["EditRow:b"], "the row stays")
    assert sheet.row("EditRow:b")["mark"] == "not on this page any more"
    await sheet.types("EditRow:b", "age", "44")
    await until(lambda: sheet.keys == [], "it goes when it is written")
    assert (await EditRow.aget("EditRow:b")).age == 44


async def test_long_texts_and_odd_ones_are_left_to_the_form(sheet: Sheet, rows: list[EditRow]) -> None:
    await rows[0].aupdate(note="x" * 2001)
    await until(lambda: "too many for a cell" in sheet.cell(KEY, "note").get("title", ""), "too long")
    assert "edit" not in sheet.cell(KEY, "note")
    await rows[0].aupdate(note="a\r\nb")
    await until(lambda: "line ends" in sheet.cell(KEY, "note").get("title", ""), "carriage returns")


async def test_a_write_that_fails_is_told_and_tried_again(
    sheet: Sheet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(*_: Any) -> Any:
        raise ConnectionError("no server")

    monkeypatch.setattr(sheet.table, "send", failing)
    await sheet.types(KEY, "age", "41")
    await until(
        lambda: "not saved: ConnectionError: no server" in sheet.edit(KEY, "age").get("note", ""), "told"
    )
    monkeypatch.undo()
    await sheet.types(KEY, "age", "41")
    await until(lambda: "age saved" in sheet.foot, "it is written")


async def test_a_locked_document_is_not_written(
    sheet: Sheet, rows: list[EditRow], source: ClientSource
) -> None:
    client = source.client()
    lock = lock_keys(KEY, "default").lock
    await client.set(lock, "somebody", px=60_000)
    await sheet.types(KEY, "age", "50")
    await until(
        lambda: sheet.edit(KEY, "age").get("note") == "✕ not saved: locked by somebody else", "it is told"
    )
    assert (await EditRow.aget(KEY)).age == 36
    await client.delete(lock)
    await sheet.types(KEY, "age", "50")
    await until(lambda: not sheet.edit(KEY, "age"), "it is saved")
    assert (await EditRow.aget(KEY)).age == 50


async def test_the_lock_of_a_block_of_this_notebook_counts_too(sheet: Sheet, rows: list[EditRow]) -> None:
    async with rows[0].alock():
        await sheet.types(KEY, "age", "50")
        told = "✕ not saved: locked by this notebook since"
        await until(lambda: sheet.edit(KEY, "age").get("note", "").startswith(told), "it is told")
    assert (await EditRow.aget(KEY)).age == 36


async def test_edits_are_taken_back(sheet: Sheet, rows: list[EditRow], source: ClientSource) -> None:
    assert sheet.bar["undo"] == ""
    await sheet.types(KEY, "age", "50")
    await until(lambda: sheet.bar["undo"] == f"{KEY}: age", "it can be taken back")
    await sheet.types("EditRow:b", "age", "60")
    await until(lambda: sheet.bar["undo"] == "EditRow:b: age", "the last one comes first")
    await source.client().json().set("EditRow:b", "$.age", 61)
    sheet.tell("undo")
    await until(lambda: "not taken back, somebody has changed it since" in sheet.foot, "theirs stays")
    await until(lambda: sheet.bar["undo"] == f"{KEY}: age", "then the one before")
    async with rows[0].alock():
        sheet.tell("undo")
        await until(lambda: "not taken back, it is locked by this notebook" in sheet.foot, "a lock counts")
    assert sheet.bar["undo"] == ""
    await sheet.types(KEY, "age", "51")
    await until(lambda: sheet.bar["undo"], "another edit")
    sheet.tell("undo")
    await until(lambda: sheet.cell(KEY, "age")["text"] == "50", "it shows what was there")
    assert (await EditRow.aget(KEY)).age == 50
    assert (await EditRow.aget("EditRow:b")).age == 61
