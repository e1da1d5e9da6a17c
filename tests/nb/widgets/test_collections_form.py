"""Collections in the form: each change reaches Redis in place, what others change shows, and nothing is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Optional

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, FifoTies
from rapyer.config import RedisConfig
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource
    from rapyer_nb.widgets.collections.row import CollectionRow


class Task(BaseModel):
    title: str = "new"
    effort: Annotated[int, Field(ge=0)] = 1
    labels: list[str] = []


class BigBoard(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)  # so that what is stored can be read in these tests
    numbers: list[Annotated[int, Field(ge=0)]] = list(range(100, 130))
    words: list[str] = ["a", "b"]
    tasks: list[Task] = [Task(title="one"), Task(title="two"), Task(title="three")]
    table: list[list[int]] = [[1, 2], [3]]
    limits: dict[str, int] = {"daily": 5, "weekly": 20}
    ranks: dict[int, str] = {1: "first"}
    teams: dict[str, Task] = {"red": Task(title="paint")}
    maybe: Optional[list[int]] = None  # noqa: UP045 - as users write it
    members: set[int] = set(range(1000, 1050))
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    inbox: Annotated[RedisPriorityQueue[str], FifoTies] = Field(default_factory=RedisPriorityQueue)
    fixed: Annotated[list[int], Field(frozen=True)] = list(range(30))


class BoardDesk(Desk):
    """A stored board, its form, and a client that stands for everybody else."""

    def __init__(self, model: Any, client: Redis) -> None:
        super().__init__(model)
        self.client = client

    async def stored(self, path: str) -> Any:
        found = await self.client.json().get(self.model.key, path)
        return found[0] if found else None

    async def until_stored(self, path: str, expected: Any) -> None:
        end = time.monotonic() + 10
        while (found := await self.stored(path)) != expected:
            assert time.monotonic() < end, f"{path} is {found}"
            await asyncio.sleep(0.005)

    async def until_other(self, look: Callable[[Any], Any], expected: Any) -> None:
        end = time.monotonic() + 10
        while (found := await look(self.model)) != expected:
            assert time.monotonic() < end, f"{found} is there"
            await asyncio.sleep(0.005)

    async def write(self, path: str, value: Any) -> None:
        await self.client.json().set(self.model.key, path, value)

    def deaf(self) -> None:
        """Let the form hear nothing of what others do."""
        for watch in self.form._watches:
            watch.close()


def texts(row: CollectionRow) -> list[Any]:
    return [entry.entry.text and entry.entry.text.decode() for entry in row.entries if entry.entry]


def control(row: Any) -> Any:
    return row.field._control.input


@pytest.fixture
async def desk(source: ClientSource) -> BoardDesk:
    board: Any = await BigBoard().asave()
    await board.jobs.apush_many([PriorityQueueItem(name, at) for at, name in enumerate("abc", 1)])
    await board.inbox.apush_many([PriorityQueueItem(name, 1) for name in "xyz"])
    found = BoardDesk(board, source.client())
    await until(lambda: found.form._state == "live" and found.collection("numbers")._on, "the form is live")
    return found


# --- lists --------------------------------------------------------------------------------------------------


async def test_a_long_list_shows_a_page(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    assert texts(row) == [str(number) for number in range(100, 120)]
    assert "1–20 of 30" in row.pager.text.value
    row.pager.next.click()
    await until(lambda: texts(row) == [str(number) for number in range(120, 130)], "the next page")
    assert "21–30 of 30" in row.pager.text.value
    assert row.pager.next.disabled
    row.pager.first.click()
    await until(lambda: len(texts(row)) == 20, "the first page")
    row.pager.last.click()
    await until(lambda: texts(row)[0] == "120", "the last page")


async def test_a_short_list_is_edited_as_tags(desk: BoardDesk) -> None:
    row = desk.collection("words")
    assert row.widget.children == (row.short.widget,)
    await desk.write("$.words", [f"w{number}" for number in range(21)])
    await until(lambda: len(row.entries) == 20, "rows, as there are many now")
    assert desk.model.words == ["a", "b"]  # only a part was read
    await desk.write("$.words", ["x", "y"])
    await until(lambda: row.widget.children == (row.short.widget,), "tags again")
    await until(lambda: desk.model.words == ["x", "y"], "the object has it")


async def test_append(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    row.adder._control.input.value = 7
    row.adder.button.click()
    await desk.until_stored("$.numbers", [*range(100, 130), 7])
    await until(lambda: "of 31" in row.pager.text.value, "it is counted")
    assert row.adder._control.input.value == 0
    assert await desk.form._history.undo() is not None
    await desk.until_stored("$.numbers", list(range(100, 130)))


async def test_an_entry_that_does_not_fit_is_explained_and_kept(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    row.adder._control.input.value = -7
    row.adder.button.click()
    await until(lambda: "greater than or equal to 0" in row.adder._note.value, "it says why")
    assert row.adder._control.input.value == -7
    control(row.entries[3]).value = -1
    await until(lambda: row.entries[3].field.binding.note, "it says why")
    assert "greater than or equal to 0" in row.entries[3].field.binding.note.text
    assert await desk.stored("$.numbers") == list(range(100, 130))


async def test_insert(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    row.entries[1].buttons["insert"].click()
    await until(lambda: row.adder.is_inserting, "it says where")
    assert row.adder.button.description == "Insert"
    row.adder._control.input.value = 7
    row.adder.button.click()
    await desk.until_stored("$.numbers[0:3]", 100)
    await desk.until_stored("$.numbers", [100, 7, *range(101, 130)])
    assert not row.adder.is_inserting
    await desk.form._history.undo()
    await desk.until_stored("$.numbers", list(range(100, 130)))


async def test_set_an_entry(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    control(row.entries[2]).value = 77
    await desk.until_stored("$.numbers[2]", 77)
    await until(lambda: "numbers[2] saved" in desk.form._foot.value, "it says so")
    await until(lambda: not row.is_pending, "it is clean")
    assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    await desk.until_stored("$.numbers[2]", 102)
    await until(lambda: control(row.entries[2]).value == 102, "it shows")


async def test_remove_and_put_back(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    row.entries[5].buttons["remove"].click()
    expected = [number for number in range(100, 130) if number != 105]
    await desk.until_stored("$.numbers", expected)
    await until(lambda: texts(row)[5] == "106", "the next one comes up")
    assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    await desk.until_stored("$.numbers", list(range(100, 130)))


async def test_move(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    assert row.entries[0].buttons["up"].disabled
    row.entries[0].buttons["down"].click()
    await desk.until_stored("$.numbers", [101, 100, *range(102, 130)])
    await until(lambda: texts(row)[:2] == ["101", "100"], "it shows")
    row.entries[19].buttons["down"].click()  # over the end of the page
    await desk.until_stored("$.numbers[20]", 119)
    row.pager.last.click()
    await until(lambda: texts(row)[-1] == "129", "the last page")
    await until(lambda: row.entries[9].buttons["down"].disabled, "the last one cannot move down")
    row.entries[9].buttons["up"].click()
    await desk.until_stored("$.numbers[28]", 129)
    for _ in range(3):
        assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    assert await desk.stored("$.numbers") == list(range(100, 130))


async def test_a_shift_that_was_not_seen_changes_nothing(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    desk.deaf()
    await desk.client.execute_command("JSON.ARRPOP", desk.model.key, "$.numbers", 0)
    row.entries[5].buttons["remove"].click()
    await until(lambda: "the list has changed in Redis" in row._note.value, "it says so")
    assert await desk.stored("$.numbers") == list(range(101, 130))
    await until(lambda: texts(row)[0] == "101", "what is there now shows")


async def test_what_is_typed_follows_its_entry(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    edited = row.entries[5]
    control(edited).value = 55
    await asyncio.sleep(0)
    await desk.client.execute_command("JSON.ARRINSERT", desk.model.key, "$.numbers", 0, "99")
    await desk.until_stored("$.numbers[6]", 55)
    assert await desk.stored("$.numbers[5]") == 104
    await until(lambda: row.entries.index(edited) in (5, 6) and not row.is_pending, "it is saved")


async def test_an_unseen_shift_while_typing_writes_into_no_other_entry(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    desk.deaf()
    control(row.entries[5]).value = 55
    await desk.client.execute_command("JSON.ARRINSERT", desk.model.key, "$.numbers", 0, "99")
    await desk.until_stored("$.numbers[6]", 55)  # it was found again
    assert await desk.stored("$.numbers[5]") == 104


async def test_an_entry_that_others_changed_is_left_to_the_user(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    field = row.entries[5].field
    control(row.entries[5]).value = 55
    await asyncio.sleep(0)
    await desk.write("$.numbers[5]", 66)
    await until(lambda: field.binding.note, "it says so")
    assert "is now 66 in Redis" in field.binding.note.text
    assert control(row.entries[5]).value == 55
    field.widget.children[-1].children[0].click()  # Keep mine
    await desk.until_stored("$.numbers[5]", 55)


async def test_an_entry_that_others_removed_is_left_to_the_user(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    field = row.entries[5].field
    control(row.entries[5]).value = 55
    await asyncio.sleep(0)
    await desk.client.execute_command("JSON.ARRPOP", desk.model.key, "$.numbers", 5)
    await until(lambda: field.binding.note, "it says so")
    assert "the list has changed in Redis" in field.binding.note.text
    assert field._control.get() == 55
    field.widget.children[-1].children[1].click()  # Take theirs
    await until(lambda: not row.is_pending, "it is settled")
    assert await desk.stored("$.numbers") == [*range(100, 105), *range(106, 130)]


async def test_a_list_that_became_too_short_keeps_what_was_typed(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    field = row.entries[5].field
    control(row.entries[5]).value = 55
    await asyncio.sleep(0)
    await desk.write("$.numbers", [1, 2])
    await until(lambda: field.binding.note, "it says so")
    assert "is gone" in field.binding.note.text
    assert field._control.get() == 55


# --- models in lists and dicts ------------------------------------------------------------------------------


async def opened(desk: BoardDesk, name: str, at: int) -> Any:
    row = desk.collection(name).entries[at]
    row.toggle()
    await until(lambda: row.rows and row.rows[0]._on, "it is open")
    return row


async def test_a_model_opens_to_its_fields(desk: BoardDesk) -> None:
    assert "title: one" in desk.collection("tasks").entries[0]._fold.description
    row = await opened(desk, "tasks", 1)
    assert [inner.plan.name for inner in row.rows] == ["tasks[1].title", "tasks[1].effort", "tasks[1].labels"]
    row.rows[0]._control.input.value = "second"
    await desk.until_stored("$.tasks[1].title", "second")
    row.rows[1]._control.input.value = 8
    await desk.until_stored("$.tasks[1].effort", 8)
    await until(lambda: "second" in row._fold.description and "8" in row._fold.description, "it shows")
    await until(lambda: desk.model.tasks[1].title == "second", "the object has it")
    for _ in range(2):
        assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    await desk.until_stored("$.tasks[1]", {"title": "two", "effort": 1, "labels": []})


async def test_a_field_of_an_entry_is_checked(desk: BoardDesk) -> None:
    row = await opened(desk, "tasks", 1)
    row.rows[1]._control.input.value = -8
    await until(lambda: row.rows[1].binding.note, "it says why")
    assert "greater than or equal to 0" in row.rows[1].binding.note.text


async def test_an_open_entry_follows_a_shift(desk: BoardDesk) -> None:
    row = await opened(desk, "tasks", 1)
    row.rows[0]._control.input.value = "second"
    await asyncio.sleep(0)
    await desk.client.json().arrpop(desk.model.key, "$.tasks", 0)
    await desk.until_stored("$.tasks[0].title", "second")
    assert await desk.stored("$.tasks[1].title") == "three"


async def test_an_unseen_shift_writes_into_no_other_model(desk: BoardDesk) -> None:
    await desk.write("$.tasks", [{"title": "same", "effort": at, "labels": []} for at in range(3)])
    tasks = desk.collection("tasks")
    await until(lambda: all("same" in row._fold.description for row in tasks.entries), "it shows")
    row = await opened(desk, "tasks", 1)
    desk.deaf()
    row.rows[0]._control.input.value = "mine"
    await desk.client.json().arrpop(desk.model.key, "$.tasks", 0)
    await desk.until_stored("$.tasks[0].title", "mine")
    assert await desk.stored("$.tasks[1].title") == "same"


async def test_a_list_in_a_model_in_a_list(desk: BoardDesk) -> None:
    row = await opened(desk, "tasks", 0)
    labels = row.rows[2]
    labels.short._control.input.value = ["x", "y"]
    await desk.until_stored("$.tasks[0].labels", ["x", "y"])
    await desk.write("$.tasks[0].labels", [str(number) for number in range(25)])
    await until(lambda: len(labels.entries) == 20, "rows, as there are many now")
    await until(lambda: not labels.entries[3].buttons["remove"].disabled, "they can be edited")
    labels.entries[3].buttons["remove"].click()
    await desk.until_stored("$.tasks[0].labels", [str(number) for number in range(25) if number != 3])
    labels.pager.next.click()
    await until(lambda: texts(labels) == ['"21"', '"22"', '"23"', '"24"'], "the next page")
    control(labels.entries[0]).value = "here"
    await desk.until_stored("$.tasks[0].labels[20]", "here")


async def test_add_a_model(desk: BoardDesk) -> None:
    tasks = desk.collection("tasks")
    tasks.adder.button.click()
    await until(lambda: tasks.adder._draft is not None, "the form is there")
    rows = list(tasks.adder._draft.rows())
    rows[0].control.input.value = "four"
    tasks.adder.button.click()
    await desk.until_stored("$.tasks[3]", {"title": "four", "effort": 1, "labels": []})
    await until(lambda: tasks.adder._draft is None, "the form is gone")


async def test_a_list_of_lists(desk: BoardDesk) -> None:
    row = desk.collection("table").entries[0]
    row.toggle()
    inner = row.rows[0]
    await until(lambda: texts(inner) == ["1", "2"] and inner._on, "it is open")
    control(inner.entries[1]).value = 22
    await desk.until_stored("$.table", [[1, 22], [3]])
    inner.adder._control.input.value = 4
    inner.adder.button.click()
    await desk.until_stored("$.table", [[1, 22, 4], [3]])
    desk.collection("table").adder.button.click()
    await desk.until_stored("$.table", [[1, 22, 4], [3], []])


# --- dicts --------------------------------------------------------------------------------------------------


async def test_a_dict(desk: BoardDesk) -> None:
    row = desk.collection("limits")
    assert [entry._name.value for entry in row.entries] == ["daily", "weekly"]
    control(row.entries[0]).value = 6
    await desk.until_stored("$.limits", {"daily": 6, "weekly": 20})
    row.adder.key.value, row.adder._control.input.value = "hourly", 1
    row.adder.button.click()
    await desk.until_stored("$.limits", {"daily": 6, "weekly": 20, "hourly": 1})
    await until(lambda: len(row.entries) == 3 and row.adder.key.value == "", "it shows")
    await until(lambda: desk.model.limits == {"daily": 6, "weekly": 20, "hourly": 1}, "the object has it")
    row.adder.key.value, row.adder._control.input.value = "hourly", 9
    row.adder.button.click()
    await until(lambda: "it is there already" in row._note.value, "it is refused")
    assert row.adder.key.value == "hourly"
    row.entries[2]._name.value = "minutely"
    await desk.until_stored("$.limits", {"daily": 6, "weekly": 20, "minutely": 1})
    await until(lambda: row.entries[2].entry.name == "minutely", "it shows")
    row.entries[2]._name.value = "daily"
    await until(lambda: "nothing was done" in row._note.value, "it is refused")
    assert row.entries[2]._name.value == "minutely"
    row.entries[0].buttons["remove"].click()
    await desk.until_stored("$.limits", {"weekly": 20, "minutely": 1})
    assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    await desk.until_stored("$.limits", {"weekly": 20, "hourly": 1, "daily": 6})


async def test_keys_are_checked(desk: BoardDesk) -> None:
    row = desk.collection("ranks")
    row.adder.key.value, row.adder._control.input.value = "two", "second"
    row.adder.button.click()
    await until(lambda: "valid integer" in row.adder._note.value, "it says why")
    row.adder.key.value = "2"
    row.adder.button.click()
    await desk.until_stored("$.ranks", {"1": "first", "2": "second"})


async def test_a_model_in_a_dict(desk: BoardDesk) -> None:
    row = await opened(desk, "teams", 0)
    row.rows[0]._control.input.value = "draw"
    await asyncio.sleep(0)
    await desk.write("$.teams.red.effort", 5)  # another field of the same entry: its key tells which it is
    await desk.until_stored("$.teams", {"red": {"title": "draw", "effort": 5, "labels": []}})


async def test_a_dict_value_that_others_change_while_typing(desk: BoardDesk) -> None:
    row = desk.collection("limits")
    control(row.entries[0]).value = 6
    await asyncio.sleep(0)
    await desk.write("$.limits.daily", 7)
    await until(lambda: row.entries[0].field.binding.note, "it says so")
    assert "is now 7 in Redis" in row.entries[0].field.binding.note.text
    assert await desk.stored("$.limits.daily") == 7


# --- null, fixed, deleted -----------------------------------------------------------------------------------


async def test_a_list_that_may_be_null(desk: BoardDesk) -> None:
    row = desk.collection("maybe")
    await desk.write("$.maybe", list(range(30)))
    await until(lambda: len(row.entries) == 20, "it shows")
    await desk.write("$.maybe", None)
    await until(lambda: row.short.is_null and row.widget.children == (row.short.widget,), "null shows")


async def test_a_frozen_list_is_only_shown(desk: BoardDesk) -> None:
    row = desk.collection("fixed")
    assert len(row.entries) == 20
    assert all(not entry.buttons for entry in row.entries)
    assert row.adder.widget not in row._box.children
    row.pager.next.click()
    await until(lambda: len(row.entries) == 10, "the next page")


async def test_a_deleted_document(desk: BoardDesk) -> None:
    row = desk.collection("numbers")
    await desk.client.delete(desk.model.key)
    await until(lambda: desk.form._state == "deleted", "it says so")
    assert row.adder.button.disabled
    assert row.entries[0].buttons["remove"].disabled
    await desk.model.asave()
    await until(lambda: desk.form._state == "live" and not row.adder.button.disabled, "it is back")


# --- sets and queues ----------------------------------------------------------------------------------------


async def test_a_long_set_is_paged(desk: BoardDesk) -> None:
    row = desk.collection("members")
    seen = set(texts(row))
    assert len(seen) == 20
    assert "1–20 of 50" in row.pager.text.value
    for _ in range(2):
        before = texts(row)
        row.pager.next.click()
        await until(lambda before=before: texts(row) != before, "the next page")  # type: ignore[misc]
        seen |= set(texts(row))
    assert seen == {str(number) for number in range(1000, 1050)}
    row.pager.previous.click()
    await until(lambda: "21–40 of 50" in row.pager.text.value, "the page before")


async def test_a_long_set_is_changed(desk: BoardDesk) -> None:
    row = desk.collection("members")
    row.adder._control.input.value = 7
    row.adder.button.click()
    await until(lambda: "of 51" in row.pager.text.value, "it is counted")
    assert await desk.model.members.acontains(7)
    row.adder._control.input.value = 7
    row.adder.button.click()
    await until(lambda: "it is there already" in row._note.value, "it says so")
    first = row.entries[0]
    gone = int(first.entry.text)
    first.buttons["remove"].click()
    await until(lambda: "of 50" in row.pager.text.value, "it is gone")
    assert not await desk.model.members.acontains(gone)
    for _ in range(2):
        assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    assert await desk.model.members.amembers() == set(range(1000, 1050))


async def items(queue: Any) -> list[tuple[str, float]]:
    return [(item.value, item.priority) for item in await queue.aitems()]


async def test_a_queue(desk: BoardDesk) -> None:
    row = desk.collection("jobs")
    assert texts(row) == ['"a"', '"b"', '"c"']
    row.adder._control.input.value, row.adder.priority.value = "d", 0
    row.adder.button.click()
    await desk.until_other(lambda model: items(model.jobs), [("d", 0), ("a", 1), ("b", 2), ("c", 3)])
    await until(lambda: texts(row)[0] == '"d"', "it shows")
    control(row.entries[0]).value = 9.5
    await desk.until_other(lambda model: items(model.jobs), [("a", 1), ("b", 2), ("c", 3), ("d", 9.5)])
    await until(lambda: texts(row)[3] == '"d"' and not row.is_pending, "it shows")
    row.pop_min.click()
    await until(lambda: "popped a (priority 1)" in row._note.value, "it shows what was popped")
    row.pop_max.click()
    await until(lambda: "popped d (priority 9.5)" in row._note.value, "it shows what was popped")
    await until(lambda: texts(row) == ['"b"', '"c"'], "they are gone")
    row.entries[0].buttons["remove"].click()
    await desk.until_other(lambda model: items(model.jobs), [("c", 3)])
    for _ in range(5):
        assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    assert await items(desk.model.jobs) == [("a", 1), ("b", 2), ("c", 3)]


async def test_a_priority_that_others_changed_is_not_overwritten(desk: BoardDesk) -> None:
    row = desk.collection("jobs")
    desk.deaf()
    await desk.model.jobs.apush("a", 2.5)
    control(row.entries[0]).value = 9.5
    await until(lambda: row.entries[0].field.binding.note or texts(row)[0] == '"b"', "it says so")
    await until(lambda: any(entry.field.binding.note for entry in row.entries), "it says so")
    assert await items(desk.model.jobs) == [("b", 2), ("a", 2.5), ("c", 3)]


async def test_a_value_that_others_popped_is_not_pushed_again(desk: BoardDesk) -> None:
    row = desk.collection("jobs")
    desk.deaf()
    assert await desk.model.jobs.apop() == "a"
    control(row.entries[0]).value = 9.5
    await until(lambda: any(entry.field.binding.note for entry in row.entries), "it says so")
    assert await items(desk.model.jobs) == [("b", 2), ("c", 3)]


async def test_a_queue_that_keeps_the_order_of_arrival(desk: BoardDesk) -> None:
    row = desk.collection("inbox")
    assert texts(row) == ['"x"', '"y"', '"z"']
    control(row.entries[0]).value = 1.5
    await until(lambda: row.entries[0].field.binding.note, "it says why")
    assert "order of arrival" in row.entries[0].field.binding.note.text
    control(row.entries[0]).value = 2
    await until(lambda: texts(row) == ['"y"', '"z"', '"x"'], "it moves")
    assert await items(desk.model.inbox) == [("y", 1), ("z", 1), ("x", 2)]
    await desk.model.inbox.apush("late", 2)
    assert (await desk.form._history.undo()).reason is None  # type: ignore[union-attr]
    assert await items(desk.model.inbox) == [("x", 1), ("y", 1), ("z", 1), ("late", 2)]  # as it came
    await until(lambda: texts(row)[0] == '"x"' and not row.is_pending, "it is back")
    await desk.model.inbox.aremove("late")
    await until(lambda: len(texts(row)) == 3, "it is gone")
    control(row.entries[0]).value = 2
    await until(lambda: texts(row) == ['"y"', '"z"', '"x"'], "it moves again")
    row.pop_max.click()
    await until(lambda: "popped x" in row._note.value, "it shows what was popped")
