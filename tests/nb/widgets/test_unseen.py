"""What arrives for what the user still saw, when something else is there: a page shows and tells a moment later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from rapyer_nb.widgets import new
from rapyer_nb.widgets.collections.page import located
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.page import Page


class UnseenBoard(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    name: str = "ada"
    numbers: list[int] = list(range(100, 130))
    limits: dict[str, int] = {"daily": 5, "weekly": 20}
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class SlowDesk(Desk):
    """A form whose page answers when the test says so."""

    def __init__(self, model: Any, client: Any) -> None:
        super().__init__(model)
        self.client = client
        self.asked: list[int] = []
        assert self.form.page is not None
        self.page = self.form.page
        slow(self.page, self.asked)

    async def write(self, path: str, value: Any) -> None:
        await self.client.json().set(self.model.key, path, value)

    async def shift(self) -> None:
        await self.client.json().arrinsert(self.model.key, "$.numbers", 0, 1)
        await until(lambda: shown(self, 5) == 104, "the kernel has heard of it")

    async def stored(self, path: str) -> Any:
        return (await self.client.json().get(self.model.key, path))[0]

    def answer(self) -> None:
        for number in self.asked:
            self.page._heard({"kind": "look", "number": number})


def slow(page: Page, asked: list[int]) -> None:
    page.send = lambda message: asked.append(message["number"])
    page._heard({"kind": "here"})


def shown(desk: Desk, place: int) -> Any:
    return desk.collection("numbers").entries[place].field.binding.value


def control(row: Any) -> Any:
    return row.field._control.input


@pytest.fixture
async def desk(source: ClientSource) -> SlowDesk:
    board: Any = await UnseenBoard().asave()
    await board.jobs.apush_many([PriorityQueueItem(name, at) for at, name in enumerate("abc", 1)])
    found = SlowDesk(board, source.client())
    await found.until_live()
    await until(lambda: found.collection("numbers")._on, "the form is live")
    return found


async def test_a_text_goes_to_the_entry_that_it_was_typed_into(desk: SlowDesk) -> None:
    typed = desk.collection("numbers").entries[5]
    await desk.shift()
    control(typed).value = 555  # typed into 105, which stands one below by now
    await until(lambda: desk.collection("numbers").entries[6] is typed, "the row follows its entry")
    desk.form._rows[0].save()
    await until(lambda: typed.field.binding.phase.name == "CLEAN", "it is written")
    assert (await desk.stored("$.numbers"))[:8] == [1, 100, 101, 102, 103, 104, 555, 106]


async def test_a_text_that_comes_while_the_page_is_filled_goes_to_its_entry(
    desk: SlowDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = desk.collection("numbers")
    typed = numbers.entries[5]

    def located_while_typing(kept: Any, entries: Any) -> Any:
        if numbers.page.total == 31 and control(typed).value == 105:
            control(typed).value = 555  # messages of the page come in another thread
        return located(kept, entries)

    monkeypatch.setattr("rapyer_nb.widgets.collections.row.located", located_while_typing)
    await desk.client.json().arrinsert(desk.model.key, "$.numbers", 0, 1)
    await until(lambda: numbers.entries[6] is typed, "the row follows its entry")
    desk.form._rows[0].save()
    await until(lambda: typed.field.binding.phase.name == "CLEAN", "it is written")
    assert (await desk.stored("$.numbers"))[:8] == [1, 100, 101, 102, 103, 104, 555, 106]


async def test_what_is_typed_after_the_page_has_answered_is_for_what_is_there(desk: SlowDesk) -> None:
    row = desk.collection("numbers").entries[5]
    await desk.shift()
    await until(lambda: desk.asked, "the page is asked")
    desk.answer()
    control(row).value = 555
    await until(lambda: row.field.binding.phase.name == "CLEAN" and shown(desk, 5) == 555, "it is written")
    assert (await desk.stored("$.numbers"))[5:7] == [555, 105]


async def test_an_entry_that_is_gone_leaves_the_text_to_the_user(desk: SlowDesk) -> None:
    row = desk.collection("numbers").entries[5]
    await desk.client.json().arrpop(desk.model.key, "$.numbers", 5)
    await until(lambda: shown(desk, 5) == 106, "the kernel has heard of it")
    control(row).value = 555
    await until(lambda: row.field.binding.note is not None, "it is told")
    assert "your edit is not saved" in row.field.binding.note.text
    assert row.field._control.get() == 555
    assert 555 not in await desk.stored("$.numbers")


async def test_a_field_does_not_overwrite_what_was_not_seen(desk: SlowDesk) -> None:
    await desk.write("$.name", "grace")
    row = desk.row("name")
    await until(lambda: row.binding.value == "grace", "the kernel has heard of it")
    control_of: Any = row._control
    control_of.input.value = "adam"
    await until(lambda: row.binding.note is not None, "it is told")
    assert "is now 'grace' in Redis" in row.binding.note.text  # type: ignore[union-attr]
    assert await desk.stored("$.name") == "grace"
    row._keep_mine()
    await until(lambda: row.binding.phase.name == "CLEAN", "it is written")
    assert await desk.stored("$.name") == "adam"


async def test_the_same_text_by_both_is_no_conflict(desk: SlowDesk) -> None:
    await desk.write("$.name", "grace")
    row = desk.row("name")
    await until(lambda: row.binding.value == "grace", "the kernel has heard of it")
    row._edited_before((b'["ada"]', "ada"), "grace")
    assert row.binding.phase.name == "CLEAN"


async def test_a_value_of_a_dict(desk: SlowDesk) -> None:
    row = desk.collection("limits").entries[0]
    await desk.write("$.limits.daily", 6)
    await until(lambda: row.field.binding.value == 6, "the kernel has heard of it")
    control(row).value = 7
    await until(lambda: row.field.binding.note is not None, "it is told")
    assert await desk.stored("$.limits.daily") == 6


async def test_a_click_means_the_entry_that_was_seen(desk: SlowDesk) -> None:
    row = desk.collection("numbers")
    await desk.shift()
    row.entries[5].buttons["remove"].click()
    await until(lambda: "nothing was done" in row._note.value, "it is told")
    assert len(await desk.stored("$.numbers")) == 31


async def test_a_priority_goes_to_the_value_that_it_was_typed_for(desk: SlowDesk) -> None:
    row = desk.collection("jobs")
    typed = row.entries[1]
    await desk.model.jobs.apush("new", 0)
    await until(lambda: typed.entry.name == '"a"', "the kernel has heard of it")
    control(typed).value = 9
    await until(lambda: row.entries[-1].entry.name == '"b"' and not row.is_pending, "it is written")
    assert [(item.value, item.priority) for item in await desk.model.jobs.aitems()] == [
        ("new", 0),
        ("a", 1),
        ("c", 3),
        ("b", 9),
    ]


async def test_adding_waits_for_what_was_typed_before(desk: SlowDesk) -> None:
    row = desk.collection("numbers")
    field: Any = row.adder._control
    field.input.value = 1
    row.adder.button.click()
    row.adder.button.click()  # by somebody impatient
    await until(lambda: desk.asked, "the page is asked")
    field.input.value = 1234  # was typed before the click, and has come later
    desk.answer()
    await until(lambda: row.adder._note.value and row.page.total == 31, "it is added")
    assert (await desk.stored("$.numbers"))[-2:] == [129, 1234]


async def test_creating_waits_for_what_was_typed_before(source: ClientSource) -> None:
    form = new(UnseenBoard)
    asked: list[int] = []
    assert form.page is not None
    slow(form.page, asked)
    row = next(row for row in form._draft.rows() if row.plan.name == "name")
    row.control.set("b")
    form._button.click()
    await until(lambda: asked, "the page is asked")
    row.control.set("bob")
    form.page._heard({"kind": "look", "number": asked[0]})
    await until(lambda: form.created, "it is created")
    assert form.created[0].name == "bob"  # type: ignore[attr-defined]


async def test_a_page_that_does_not_answer_keeps_nobody_waiting(
    desk: SlowDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer_nb.widgets.page.PATIENCE", 0.01)
    row = desk.collection("numbers")
    row.adder._control.input.value = 7
    row.adder.button.click()
    await until(lambda: row.page.total == 31, "it is added all the same")
    assert not desk.page._answers
