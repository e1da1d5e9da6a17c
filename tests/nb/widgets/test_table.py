"""A live table: what it shows, and how one gets around in it."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

import rapyer_nb
from rapyer import AtomicRedisModel, Index, Key, RedisConfig, apipeline
from rapyer.errors import NotIndexedError, UnknownFieldError
from rapyer.types import RedisPriorityQueue, Reference
from rapyer_nb.errors import NotebookError
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import ModelTable, close_all
from rapyer_nb.widgets.following import following
from tests.nb.desk import until
from tests.nb.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rapyer.session.clients import ClientSource


class SheetTeam(AtomicRedisModel):
    name: Key[str] = ""


class SheetAddress(BaseModel):
    city: str = "Oslo"


class SheetMood(enum.Enum):
    good = "g"
    bad = "b"


class SheetRow(AtomicRedisModel):
    handle: Key[str] = ""
    name: Index[str] = ""
    age: Index[int] = 0
    note: str = ""
    nick: str | None = None
    active: bool = True
    mood: SheetMood = SheetMood.good
    plan: Literal["free", "paid"] = "free"
    born: dt.date = dt.date(2000, 1, 2)


class SheetMany(AtomicRedisModel):
    handle: Key[str] = ""
    team: Reference[SheetTeam] | None = None
    tags: set[str] = set()
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    words: list[str] = []
    address: SheetAddress = SheetAddress()
    note: str = ""


class SheetMortal(AtomicRedisModel):
    name: Index[str] = ""

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=100, refresh_ttl=True)


@pytest.fixture
async def people(source: ClientSource) -> list[SheetRow]:
    await SheetRow.acreate_index()
    rows = [SheetRow(handle=f"p{at}", name=f"n{at}", age=at) for at in range(5)]
    await SheetRow.ainsert(*rows)
    return rows


@pytest.fixture
async def sheet(people: list[SheetRow]) -> AsyncIterator[Sheet]:
    sheet = Sheet(rapyer_nb.table(SheetRow))
    await sheet.until_live()
    yield sheet
    sheet.table.close()


async def opened(*given: Any, **options: Any) -> Sheet:
    sheet = Sheet(rapyer_nb.table(*given, **options))
    await sheet.until_live()
    return sheet


async def test_it_shows_a_page_of_what_there_is(sheet: Sheet) -> None:
    assert sheet.keys == [f"SheetRow:p{at}" for at in range(5)]
    assert sheet.column("") == sheet.keys
    assert sheet.column("age") == ["0", "1", "2", "3", "4"]
    assert sheet.bar["about"] == "1–5 of 5"
    assert [one.age for one in sheet.table.found] == [0, 1, 2, 3, 4]
    cell = sheet.cell("SheetRow:p0", "nick")
    assert (cell["text"], cell["none"]) == ("None", True)
    assert sheet.cell("SheetRow:p0", "mood") == {"text": "SheetMood.good", "edit": True, "value": "0"}
    assert sheet.heading("mood")["options"] == [["0", "good"], ["1", "bad"]]


async def test_it_can_be_awaited_and_told_as_text(people: list[SheetRow]) -> None:
    table = rapyer_nb.table(SheetRow, "age >= 3", sort="-age")
    assert table.text() == "a table of SheetRow"
    await table.ready()
    assert [one.name for one in table.found] == ["n4", "n3"]
    assert "2 of 2, " in table.text()
    table.close()


async def test_what_is_no_scalar_is_told_in_short(source: ClientSource) -> None:
    team = await SheetTeam(name="red").asave()
    one = SheetMany(handle="x", team=team, tags={"a", "b"}, words=["one"] * 500, note="y" * 300)
    await one.asave()
    await one.jobs.apush("job", 1)
    sheet = await opened(SheetMany)
    key = "SheetMany:x"
    assert sheet.cell(key, "team") == {"text": "SheetTeam:red"}
    assert sheet.cell(key, "tags") == {"text": "2 members"}
    assert sheet.cell(key, "jobs") == {"text": "1 queued"}
    assert sheet.cell(key, "address")["text"] == "SheetAddress(city='Oslo')"
    assert len(sheet.cell(key, "words")["text"]) == len(sheet.cell(key, "note")["text"]) == 80
    assert len(sheet.cell(key, "words")["title"]) <= 400
    assert sheet.cell(key, "note")["value"] == "y" * 300
    await one.jobs.apush("another", 2)
    await until(
        lambda: sheet.cell(key, "jobs")["text"] == "2 queued", "what is beside the document is live, too"
    )
    sheet.table.close()


async def test_columns_are_chosen_also_those_of_inner_models(source: ClientSource) -> None:
    await SheetMany(handle="x").asave()
    sheet = await opened(SheetMany, columns=["note", "address.city"])
    assert sheet.names == ["", "note", "address.city"]
    assert sheet.cell("SheetMany:x", "address.city") == {"text": "Oslo", "edit": True}
    sheet.table.close()


async def test_headers_sort_on_the_server(sheet: Sheet) -> None:
    for expected, ages in (
        ("ascending", [0, 1, 2, 3, 4]),
        ("descending", [4, 3, 2, 1, 0]),
        ("none", [0, 1, 2, 3, 4]),
    ):
        sheet.tell("sort", column="age")
        await until(lambda: sheet.heading("age")["sort"] == expected, expected)  # noqa: B023 - awaited here
        await until(lambda: sheet.column("age") == list(map(str, ages)), "sorted")  # noqa: B023 - awaited here


async def test_a_field_without_an_index_says_why_it_does_not_sort(sheet: Sheet) -> None:
    assert "no index" in sheet.heading("note")["why"]
    sheet.tell("sort", column="note")
    await until(lambda: "not sorted: SheetRow.note has no index" in sheet.foot, "it is told")
    sheet.tell("sort", column="")
    await until(lambda: "in the order of their keys" in sheet.foot, "it is told")


async def test_the_filter_line_takes_what_find_takes(sheet: Sheet) -> None:
    sheet.tell("filter", text='age >= 2 and name in {"n2", "n4"}')
    await until(lambda: sheet.column("name") == ["n2", "n4"], "filtered")
    assert sheet.bar["filter"] == 'age >= 2 and name in {"n2", "n4"}'

    sheet.tell("filter", text="agee > 3")
    await until(lambda: sheet.bar["mistake"], "the mistake is told")
    assert sheet.bar["mistake"] == "unknown field 'agee' on SheetRow; did you mean 'age'?"
    assert sheet.column("name") == ["n2", "n4"], "the last good result stays"
    assert sheet.bar["filter"] == 'age >= 2 and name in {"n2", "n4"}'
    sheet.tell("filter", text="note == 'x'")
    await until(lambda: "no index" in sheet.bar["mistake"], "this mistake is told")
    for text in ("age >", "age > (", "age > 'x'", "import os"):
        sheet.tell("filter", text="age > 1")
        await until(lambda: not sheet.bar["mistake"], "no mistake")
        sheet.tell("filter", text=text)
        await until(lambda: sheet.bar["mistake"], "the mistake is told")
        assert "\n" not in sheet.bar["mistake"]

    sheet.tell("filter", text="")
    await until(lambda: len(sheet.keys) == 5 and not sheet.bar["mistake"], "all of them")


async def test_a_filter_takes_variables_and_expressions(people: list[SheetRow]) -> None:
    sheet = await opened(SheetRow, "age > $least", variables={"least": 2})
    assert sheet.column("age") == ["3", "4"]
    sheet.tell("filter", text="age <= $least")
    await until(lambda: sheet.column("age") == ["0", "1", "2"], "another one")
    sheet.table.close()
    sheet = await opened(SheetRow, (SheetRow.age > 3) & (SheetRow.name == "n4"))
    assert sheet.bar["filter"] == "age > 3 and name == 'n4'"
    sheet.tell("filter", text=sheet.bar["filter"])
    await until(lambda: sheet.column("age") == ["4"], "the same")
    sheet.table.close()


async def test_a_thousand_are_paged(source: ClientSource) -> None:
    await SheetRow.acreate_index()
    await SheetRow.ainsert(*(SheetRow(handle=f"{at:04}", age=at) for at in range(1001)))
    sheet = await opened(SheetRow, sort="age")
    assert sheet.bar["about"] == "1–20 of 1,001"
    assert (sheet.bar["before"], sheet.bar["after"]) == (False, True)
    sheet.tell("page", by=1)
    await until(lambda: sheet.bar["about"] == "21–40 of 1,001", "the second page")
    assert sheet.column("age")[0] == "20"
    sheet.tell("size", size=100)
    await until(lambda: sheet.bar["about"] == "1–100 of 1,001", "more on a page")
    for _ in range(12):
        sheet.tell("page", by=1)
    await until(lambda: sheet.bar["about"] == "1,001–1,001 of 1,001", "the last page")
    assert (sheet.bar["before"], sheet.bar["after"]) == (True, False)
    assert sheet.column("age") == ["1000"]
    await SheetRow.adelete_many("SheetRow:1000")
    await until(
        lambda: sheet.bar["about"] == "901–1,000 of 1,000", "what is empty goes back to what is not", 60
    )
    sheet.table.close()


async def test_it_follows_changes_new_documents_and_deletions(people: list[SheetRow]) -> None:
    sheet = await opened(SheetRow, "age >= 2")
    await people[3].aupdate(name="<b>first</b>")
    await until(lambda: "<b>first</b>" in sheet.column("name"), "a change is seen")
    await people[0].aupdate(age=9)
    await until(lambda: sheet.keys[0] == "SheetRow:p0", "a new match appears")
    await people[2].aupdate(age=0)
    await until(lambda: "SheetRow:p2" not in sheet.keys, "what does not match any more goes")
    await people[4].adelete()
    await until(lambda: sheet.row("SheetRow:p4")["mark"] == "deleted", "what is deleted is marked")
    assert sheet.keys == ["SheetRow:p0", "SheetRow:p3", "SheetRow:p4"]
    assert not any(cell.get("edit") for cell in sheet.row("SheetRow:p4")["cells"])
    await until(lambda: sheet.keys == ["SheetRow:p0", "SheetRow:p3"], "and goes")
    sheet.table.close()


async def test_selected_rows_stay_so(sheet: Sheet, people: list[SheetRow]) -> None:
    sheet.tell("select", keys=["SheetRow:p1", "SheetRow:p3", "SheetRow:unknown"], on=True)
    await until(lambda: sheet.bar["selected"] == 2, "two are selected")
    await people[1].aupdate(age=40)
    await until(lambda: "40" in sheet.column("age"), "it searched again")
    assert [row["selected"] for row in sheet.table._grid.table["rows"]] == [False, True, False, True, False]
    assert [(one.name, one.age) for one in sheet.table.selected] == [("n1", 40), ("n3", 3)]
    sheet.tell("filter", text="age < 1")
    await until(lambda: sheet.keys == ["SheetRow:p0"], "other rows")
    assert sheet.bar["selected"] == 2
    await people[3].adelete()
    await until(lambda: sheet.bar["selected"] == 1, "a deleted one is not selected any more")
    sheet.tell("select", keys=None, on=False)
    await until(lambda: sheet.bar["selected"] == 0, "none")


async def test_selected_rows_are_deleted_after_a_question(sheet: Sheet, people: list[SheetRow]) -> None:
    sheet.tell("select", keys=["SheetRow:p1", "SheetRow:p3"], on=True)
    sheet.tell("delete")
    await until(lambda: sheet.bar["ask"] == "Delete 2 SheetRows?", "it asks")
    sheet.tell("delete-no")
    await until(lambda: not sheet.bar["ask"], "nothing happens")
    assert await SheetRow.acount() == 5

    sheet.tell("delete")
    await until(lambda: sheet.bar["ask"], "it asks")
    sheet.tell("select", keys=["SheetRow:p0"], on=True)  # after the question
    sheet.tell("delete-yes")
    await until(lambda: "✓ 2 SheetRows deleted" in sheet.foot, "it tells")
    assert sorted([one.handle for one in await SheetRow.afind()]) == ["p0", "p2", "p4"]
    await until(lambda: len(sheet.keys) == 3 and sheet.bar["selected"] == 1, "they go")


async def test_deleting_what_is_gone_is_told(sheet: Sheet, people: list[SheetRow]) -> None:
    sheet.table._selection._models["SheetRow:gone"] = people[0]
    sheet.tell("select", keys=["SheetRow:p1"], on=True)
    sheet.tell("delete")
    await until(lambda: sheet.bar["ask"] == "Delete 2 SheetRows?", "it asks")
    sheet.tell("delete-yes")
    await until(lambda: "✓ 1 SheetRow deleted, 1 gone already" in sheet.foot, "it tells")


async def test_one_opens_below_and_closes_with_it(sheet: Sheet, people: list[SheetRow]) -> None:
    before = len(following)
    sheet.tell("open", key="SheetRow:p2")
    await until(lambda: sheet.table.editor is not None, "the form is there")
    editor = sheet.table.editor
    assert editor is not None and editor.key == "SheetRow:p2"
    assert len(following) == before + 1
    sheet.tell("select", keys=["SheetRow:p4"], on=True)
    sheet.tell("open")
    await until(lambda: sheet.table.editor is not editor, "another form")
    other = sheet.table.editor
    assert other is not None and other.key == "SheetRow:p4" and editor._closed
    sheet.table.close()
    assert other._closed and len(following) == before - 1


async def test_a_table_to_look_at_changes_nothing(people: list[SheetRow]) -> None:
    sheet = await opened(SheetRow, read_only=True)
    sheet.tell("edit", key="SheetRow:p1", column="age")
    sheet.tell("select", keys=["SheetRow:p1"], on=True)
    sheet.tell("delete")
    sheet.tell("delete-yes")
    sheet.tell("open", key="SheetRow:p1")
    await until(lambda: sheet.bar["selected"] == 1, "rows can be selected")
    assert not sheet.bar["ask"] and not sheet.bar["deletes"] and not sheet.table._grid.edits
    assert sheet.table.editor is None
    assert not any(cell.get("edit") for row in sheet.table._grid.table["rows"] for cell in row["cells"])
    assert await SheetRow.acount() == 5
    sheet.table.close()


async def test_mistakes_show_before_there_is_a_table(people: list[SheetRow]) -> None:
    before = len(following)
    with pytest.raises(NotebookError, match="unknown field 'agee'"):
        rapyer_nb.table(SheetRow, "agee > 3")
    with pytest.raises(NotIndexedError):
        rapyer_nb.table(SheetRow, sort="note")
    with pytest.raises(UnknownFieldError):
        rapyer_nb.table(SheetRow, columns=["name", "agee"])
    with pytest.raises(NotebookError, match="page_size"):
        rapyer_nb.table(SheetRow, page_size=0)
    with pytest.raises(NotebookError, match="no model class"):
        rapyer_nb.table("SheetRow")  # type: ignore[arg-type]
    assert len(following) == before


async def test_a_bad_message_is_told(sheet: Sheet) -> None:
    sheet.tell("explode")
    await until(lambda: "KeyError" in sheet.foot, "it is told")


async def test_it_keeps_no_pipeline(people: list[SheetRow]) -> None:
    async with apipeline():
        sheet = await opened(SheetRow)
        await sheet.types("SheetRow:p1", "age", "41")
        await until(lambda: "saved" in sheet.foot, "it writes beside the pipeline")
    sheet.table.close()


async def test_looking_does_not_keep_documents_alive(source: ClientSource) -> None:
    one = await SheetMortal(name="x").asave()
    client = source.client()
    await client.expire(one.key, 50)
    sheet = await opened(SheetMortal)
    await SheetMortal(name="y").asave()
    await until(lambda: len(sheet.keys) == 2, "it follows")
    assert 0 < await client.ttl(one.key) <= 50
    sheet.table.close()


async def test_it_pauses_while_no_page_shows_it_and_ends_with_its_connection(
    sheet: Sheet, people: list[SheetRow]
) -> None:
    table = sheet.table
    table._view_count = 1
    table._view_count = 0
    await until(lambda: table.is_hidden and not table._reading, "it pauses")
    before = table.searches
    await people[0].aupdate(age=30)
    table._view_count = 1
    await until(lambda: "30" in sheet.column("age"), "it has caught up")
    assert table.searches > before
    feed = feed_for(table._source)
    close_all()
    await until(lambda: not feed._watches, "nobody watches")


async def test_running_the_cell_again_leaves_one(people: list[SheetRow]) -> None:
    before = len(following)
    older, newer, other = (
        rapyer_nb.table(SheetRow),
        rapyer_nb.table(SheetRow),
        rapyer_nb.table(SheetRow, "age > 2"),
    )
    older._view_count = 1
    older._view_count = 0
    await until(lambda: len(following) == before + 2, "it is closed")
    assert older._closed and not newer._closed and not other._closed
    for table in (newer, other):
        assert isinstance(table, ModelTable)
        table.close()


async def test_hostile_values_stay_texts(sheet: Sheet, people: list[SheetRow]) -> None:
    await people[1].aupdate(name="<img src=x onerror=alert(1)>\u202e\x1b[31m")
    await until(lambda: "img" in sheet.column("name")[1], "it is shown")
    text = sheet.column("name")[1]
    assert text.isprintable() and text.startswith("<img src=x")


async def test_a_class_without_an_index_is_shown_too(source: ClientSource) -> None:
    await SheetMany.ainsert(*(SheetMany(handle=f"{at:02}", note=str(at)) for at in range(25)))
    sheet = await opened(SheetMany, columns="note")
    assert sheet.bar["about"] == "1–20 of 25"
    assert sheet.bar["placeholder"] == "no field of it has an index"
    sheet.tell("page", by=1)
    await until(lambda: sheet.column("note") == ["20", "21", "22", "23", "24"], "the second page")
    sheet.tell("filter", text="note == 'x'")
    await until(lambda: "has no index" in sheet.bar["mistake"], "no filter")
    sheet.table.close()


async def test_documents_that_cannot_be_read_are_counted(sheet: Sheet, source: ClientSource) -> None:
    await source.client().json().set("SheetRow:p1", "$.age", "old")
    await until(lambda: "1 document left out as gone or corrupt" in sheet.bar["about"], "it is told")
    assert "SheetRow:p1" not in sheet.keys


async def test_a_server_that_is_gone_and_back(sheet: Sheet, people: list[SheetRow]) -> None:
    table = sheet.table
    feed, search = feed_for(table._source), table._asker.page

    async def failing(*_: Any) -> Any:
        raise ConnectionError("no server")

    table._asker.page = failing  # type: ignore[method-assign]
    feed._enter("disconnected", "idle", "no server")
    table.refresh()
    await until(lambda: table._state == "disconnected" and "cannot search" in sheet.foot, "it is told")
    assert len(sheet.keys) == 5, "what was there stays on show"
    await people[0].aupdate(age=50)
    table._asker.page = search  # type: ignore[method-assign]
    await until(lambda: "50" in sheet.column("age"), "it has caught up")
    assert "cannot search" not in sheet.foot


def test_without_an_event_loop_it_says_so() -> None:
    for make in (lambda: rapyer_nb.table(SheetRow), rapyer_nb.browse):
        with pytest.raises(NotebookError, match="needs a running event loop; use it in a notebook's cell"):
            make()
