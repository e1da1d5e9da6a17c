"""The form of a model, in this process: a real Redis, and traits changed as the front end changes them."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import ipywidgets as W
import pytest
from pydantic import BaseModel, Field, field_validator

from rapyer import AtomicRedisModel, Index, Key, apipeline
from rapyer.config import RedisConfig
from rapyer_nb.errors import NotebookError
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import close_all, edit
from rapyer_nb.widgets.field import DEBOUNCE
from rapyer_nb.widgets.following import following
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class Role(enum.Enum):
    guest = "g"
    owner = "o"


class Address(BaseModel):
    city: str = "Paris"
    zip: int = 75001


class Strict(BaseModel):
    needed: str


class Person(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)  # so that what is stored can be read in these tests
    handle: Key[str] = "ada"
    name: Annotated[str, Field(min_length=2)] = "Ada"
    age: Annotated[int, Field(ge=0, le=120, json_schema_extra={"widget": "number"})] = 36
    score: float = 1.5
    active: bool = True
    role: Role = Role.guest
    plan: Literal["free", "paid"] = "free"
    joined: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, 1, 234567)
    seen: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    met: Index[dt.datetime] = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    nickname: Optional[str] = None  # noqa: UP045
    lucky: int | None = 7
    tags: list[str] = ["early"]
    numbers: list[int] = [3]
    weights: list[float] = [0.25]
    settings: dict[str, str] = {"theme": "dark"}
    limits: dict[str, int] = {"daily": 5}
    photo: bytes = b"x" * 2048
    odd: list[Address] = []
    address: Address = Address()
    second_home: Address | None = None
    strict: Strict | None = None

    @field_validator("name")
    @classmethod
    def _no_root(cls, name: str) -> str:
        if name == "root":
            raise ValueError("root is taken")
        return name


class PersonDesk(Desk):
    """A stored person, its form, and a client that stands for everybody else."""

    def __init__(self, person: Person, client: Redis) -> None:
        super().__init__(person)
        self.person = person
        self.client = client

    def button(self, name: str, text: str) -> W.Button:
        return next(
            button for button in self.row(name).widget.children[-1].children if button.description == text
        )

    async def stored(self, path: str) -> Any:
        return await self.client.execute_command("JSON.GET", self.person.key, path)

    async def until_stored(self, path: str, text: str) -> None:
        end = time.monotonic() + 5
        while (found := await self.stored(path)) != text:
            assert time.monotonic() < end, f"{path} is {found}"
            await asyncio.sleep(0.002)

    async def write(self, path: str, text: str) -> None:
        await self.client.execute_command("JSON.SET", self.person.key, path, text)


@pytest.fixture
async def desk(source: ClientSource) -> PersonDesk:
    person = Person()
    await person.asave()
    return await sit_down(person, source)


class Badge(AtomicRedisModel):
    """Its fields are stored as pickles, which is the layout that others write, too."""

    role: Role = Role.guest
    plan: Literal["free", "paid"] = "free"


async def test_what_is_stored_as_a_pickle_is_edited_too(source: ClientSource) -> None:
    badge: Any = await Badge().asave()
    desk = PersonDesk(badge, source.client())
    await until(lambda: desk.form._state == "live" and desk.row("plan")._on, "the form is live")
    desk.input("role").value, desk.input("plan").value = Role.owner, "paid"
    await until(lambda: (badge.role, badge.plan) == (Role.owner, "paid"), "the object has it")
    assert await Badge.aget(badge.key) == badge
    await (await Badge.aget(badge.key)).aupdate(role=Role.guest)
    await until(lambda: desk.shown("role") is Role.guest, "the form shows what others write")


async def sit_down(person: Person, source: ClientSource) -> PersonDesk:
    desk = PersonDesk(person, source.client())
    await until(lambda: desk.form._state == "live" and desk.row("name")._on, "the form is live")
    return desk


# --- both ways ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "draft", "text"),
    [
        ("name", "Grace", '["Grace"]'),
        ("name", 'Zoë "☃" <b>', None),
        ("age", 37, "[37]"),
        ("score", 2.25, "[2.25]"),
        ("active", False, "[false]"),
        ("role", Role.owner, '["o"]'),
        ("plan", "paid", '["paid"]'),
        ("joined", dt.datetime(2025, 1, 2, 3, 4), '["2025-01-02T03:04:00"]'),
        ("seen", dt.datetime(2025, 1, 2, 3, 4), '["2025-01-02T03:04:00+02:00"]'),
        ("tags", ["early", "late"], '[["early","late"]]'),
        ("numbers", [3, 4], "[[3,4]]"),
        ("weights", [0.25, 1.5], "[[0.25,1.5]]"),
        ("address.city", "Rome", '["Rome"]'),
    ],
)
async def test_an_edit_reaches_redis_and_the_object(
    desk: PersonDesk, name: str, draft: Any, text: str | None
) -> None:
    started = time.perf_counter()
    desk.input(name).value = draft
    path = f"$.{name}"
    if text is None:
        end = time.monotonic() + 5
        while draft != await desk.client.json().get(desk.person.key, "name"):
            assert time.monotonic() < end
    else:
        await desk.until_stored(path, text)

    assert time.perf_counter() - started < DEBOUNCE + 0.2
    await until(lambda: "saved" in desk.form._foot.value, "it says so")
    local: Any = desk.person
    for step in name.split("."):
        local = getattr(local, step)
    expected = draft.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))) if name == "seen" else draft
    assert local == expected


def _has_met(desk: PersonDesk, moment: dt.datetime) -> bool:
    return bool(desk.person.met == moment)


async def test_an_indexed_time_is_edited_in_its_zone(desk: PersonDesk) -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    assert desk.shown("met") == dt.datetime(2024, 5, 17, 9, 30, tzinfo=zone)

    for hour in (11, 12):
        there = dt.datetime(2025, 1, 2, hour, 30, tzinfo=zone)
        desk.input("met").value = there.replace(tzinfo=None)
        await desk.until_stored("$.met", f"[{there.timestamp()}]")
        await until(partial(_has_met, desk, there), "the object has it")
    assert await desk.stored("$.met__zone") == '["+02:00"]'
    assert desk.person.met.utcoffset() == dt.timedelta(hours=2)

    desk.input("met").value = dt.datetime(2026, 1, 1)
    await asyncio.sleep(0.01)
    await desk.write("$.met", "1700000000")
    await until(lambda: len(desk.row("met").widget.children) == 3, "the buttons are there")
    desk.button("met", "Take theirs").click()
    theirs = dt.datetime.fromtimestamp(1700000000, zone)
    await until(lambda: desk.shown("met") == theirs, "theirs is shown")


@pytest.mark.parametrize(
    ("path", "text", "shown"),
    [
        ("name", '"Grace"', "Grace"),
        ("age", "40", 40),
        ("score", "1e3", 1000.0),
        ("active", "false", False),
        ("role", '"o"', Role.owner),
        ("joined", '"2025-01-02T03:04:05.678901"', dt.datetime(2025, 1, 2, 3, 4, 5, 678901)),
        ("seen", '"2025-01-02T03:04:05Z"', dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc)),
        ("nickname", '"Al"', "Al"),
        ("lucky", "null", None),
        ("tags", '["a","b"]', ["a", "b"]),
        ("settings", '{"theme":"light","x":"y"}', {"theme": "light", "x": "y"}),
        ("limits", "{}", {}),
        ("address.zip", "1", 1),
    ],
)
async def test_a_change_in_redis_shows_and_reaches_the_object(
    desk: PersonDesk, path: str, text: str, shown: Any
) -> None:
    started = time.perf_counter()
    await desk.write(f"$.{path}", text)
    await until(lambda: desk.shown(path) == shown, "it shows")

    assert time.perf_counter() - started < 0.5
    local: Any = desk.person
    for step in path.split("."):
        local = getattr(local, step)
    assert local == shown
    assert not desk.row(path).is_pending


async def test_a_change_elsewhere_is_not_written_back(desk: PersonDesk) -> None:
    before = (await desk.client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    for number in range(50):
        await desk.write("$.age", str(number))
    await until(lambda: desk.shown("age") == 49, "the last one shows")
    await asyncio.sleep(DEBOUNCE + 0.1)  # long enough for a write that must not come

    after = (await desk.client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    assert after == before


async def test_many_keystrokes_are_one_write(desk: PersonDesk) -> None:
    before = (await desk.client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    for length in range(3, 15):
        desk.input("name").value = "Grace Brewster Hopper"[:length]
        await asyncio.sleep(0.01)
    await desk.until_stored("$.name", '["Grace Brewster"]')

    after = (await desk.client.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0)
    assert after - before == 1


async def test_edits_from_a_thread_with_its_own_loop_arrive(desk: PersonDesk) -> None:
    failures: list[BaseException] = []

    async def press() -> None:
        for length in range(2, 6):
            desk.input("name").value = "Grace"[:length]
            await asyncio.sleep(0.02)
        desk.input("active").value = False

    def subshell() -> None:
        try:
            asyncio.run(press())
        except BaseException as error:  # noqa: BLE001 - to be looked at in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=subshell)
    thread.start()
    await desk.until_stored("$.name", '["Grace"]')
    await desk.until_stored("$.active", "[false]")
    thread.join()

    assert failures == []
    assert "✕" not in desk.form._foot.value


# --- conflicts, mistakes, failures --------------------------------------------------------------------------


async def test_what_is_being_typed_is_not_overwritten(desk: PersonDesk) -> None:
    desk.input("name").value = "half-typ"
    await asyncio.sleep(0.01)

    await desk.write("$.name", '"External"')
    await until(lambda: desk.note("name"), "the conflict is told")

    assert desk.shown("name") == "half-typ"
    assert desk.note("name") == "is now 'External' in Redis; your edit is not saved"
    await asyncio.sleep(DEBOUNCE + 0.1)  # long enough for a write that must not come
    assert await desk.stored("$.name") == '["External"]'


async def test_a_change_that_was_not_seen_yet_is_not_overwritten(desk: PersonDesk) -> None:
    for watch in desk.form._watches:
        watch.close()  # deaf: only the write itself can notice

    await desk.write("$.name", '"External"')
    desk.input("name").value = "Mine"

    await until(lambda: desk.note("name"), "the conflict is told")
    assert await desk.stored("$.name") == '["External"]'
    assert desk.shown("name") == "Mine"


async def test_keep_mine(desk: PersonDesk) -> None:
    desk.input("name").value = "Mine"
    await asyncio.sleep(0.01)
    await desk.write("$.name", '"Theirs"')
    await until(lambda: len(desk.row("name").widget.children) == 3, "the buttons are there")

    desk.button("name", "Keep mine").click()

    await desk.until_stored("$.name", '["Mine"]')
    await until(lambda: len(desk.row("name").widget.children) == 2, "the buttons are gone")
    assert desk.note("name") == ""


async def test_take_theirs(desk: PersonDesk) -> None:
    desk.input("name").value = "Mine"
    await asyncio.sleep(0.01)
    await desk.write("$.name", '"Theirs"')
    await until(lambda: len(desk.row("name").widget.children) == 3, "the buttons are there")

    desk.button("name", "Take theirs").click()

    await until(lambda: desk.shown("name") == "Theirs", "theirs is shown")
    assert desk.person.name == "Theirs"
    assert await desk.stored("$.name") == '["Theirs"]'


@pytest.mark.parametrize(
    ("name", "draft", "note"),
    [
        ("name", "X", "String should have at least 2 characters"),
        ("name", "root", "Value error, root is taken"),
        ("age", 121, "Input should be less than or equal to 120"),
        ("joined", None, "choose a date and a time"),
    ],
)
async def test_invalid_input_is_explained_and_not_written(
    desk: PersonDesk, name: str, draft: Any, note: str
) -> None:
    before = await desk.stored("$")

    desk.input(name).value = draft

    await until(lambda: desk.note(name), "it is explained")
    assert desk.note(name) == note
    assert note in desk.row(name)._note.value
    assert await desk.stored("$") == before


async def test_a_stored_value_that_does_not_fit_is_told(desk: PersonDesk) -> None:
    await desk.write("$.age", '"<old>"')

    await until(lambda: desk.note("age"), "it is told")
    assert desk.note("age") == 'what is stored does not fit this field: "<old>"'
    assert "&lt;old&gt;" in desk.row("age")._note.value
    assert not desk.row("age")._on, "it is not replaced unless the user wants it"
    desk.row("age").widget.children[-1].children[-1].click()
    await until(lambda: desk.row("age")._on, "it can be edited")
    desk.input("age").value = 50
    await desk.until_stored("$.age", "[50]")
    await until(lambda: len(desk.row("age").widget.children) == 2, "what was stored is no longer shown")


async def test_a_number_too_large_for_a_browser_is_edited_as_text(desk: PersonDesk) -> None:
    await desk.write("$.lucky", str(2**60 + 1))

    await until(lambda: desk.shown("lucky") == 2**60 + 1, "it shows")
    control: Any = desk.row("lucky")._control
    assert control._inner.input.value == str(2**60 + 1)
    control._inner.input.value = str(2**60 + 3)
    await desk.until_stored("$.lucky", f"[{2**60 + 3}]")


async def test_a_deleted_document_cannot_be_edited_until_it_is_back(desk: PersonDesk) -> None:
    await desk.person.adelete()
    await until(lambda: desk.form._state == "deleted", "it says so")

    assert "deleted in Redis" in desk.form._head.notice.text
    assert all(not row._on for row in desk.form._rows)
    await Person(name="Again").asave()
    await until(lambda: desk.form._state == "live" and desk.shown("name") == "Again", "it is back")
    assert desk.row("name")._on


async def test_deleting_during_an_edit_is_told(desk: PersonDesk) -> None:
    for watch in desk.form._watches:
        watch.close()
    desk.input("name").value = "Mine"
    await desk.person.adelete()

    await until(lambda: desk.note("name"), "it is told")
    assert desk.note("name") == "not saved: the document was deleted"
    await until(lambda: desk.form._state == "deleted", "the form says so too")


async def test_a_model_that_is_not_stored_yet_is_waited_for(source: ClientSource) -> None:
    person = Person(name="Later")
    form = edit(person)
    await until(lambda: form._state == "absent", "it says so")
    assert "not stored yet" in form._head.notice.text
    assert next(row for row in form._rows if row.plan.name == "name")._control.get() == "Later"

    await person.asave()

    await until(lambda: form._state == "live" and form._rows[1]._on, "it can be edited")


async def test_a_lost_connection_is_shown_and_the_gap_is_read(desk: PersonDesk) -> None:
    states: list[str] = []
    desk.form._head._line.observe(lambda change: states.append(change["new"]), "value")

    await desk.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await desk.write("$.name", '"Meanwhile"')

    await until(lambda: desk.shown("name") == "Meanwhile", "the gap was read")
    await until(lambda: desk.form._state == "live", "it is live again")
    assert any("disconnected" in state for state in states)


async def test_a_write_that_fails_is_told_and_tried_again(
    desk: PersonDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = desk.form.send

    async def broken(command: Any) -> Any:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(desk.form, "send", broken)
    desk.input("name").value = "Grace"
    await until(lambda: desk.note("name"), "it is told")
    assert desk.note("name") == "not saved: ConnectionError: nobody there"

    monkeypatch.setattr(desk.form, "send", send)
    await desk.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await desk.until_stored("$.name", '["Grace"]')


async def test_what_fails_in_a_callback_is_shown(desk: PersonDesk) -> None:
    def fail() -> None:
        raise RuntimeError("<oops>")

    desk.form.post(fail)

    await until(lambda: "RuntimeError: &lt;oops&gt;" in desk.form._foot.value, "it is shown")


# --- kinds of fields ----------------------------------------------------------------------------------------


async def test_a_null_box_and_its_value(desk: PersonDesk) -> None:
    control: Any = desk.row("nickname")._control
    assert control._box.value
    assert control._inner.input.disabled

    control._box.value = False
    await desk.until_stored("$.nickname", '[""]')
    assert not control._inner.input.disabled
    control._inner.input.value = "Al"
    await desk.until_stored("$.nickname", '["Al"]')
    control._box.value = True
    await desk.until_stored("$.nickname", "[null]")
    await until(lambda: desk.person.nickname is None, "the object has it")


async def test_a_group_that_may_be_null(desk: PersonDesk) -> None:
    assert not desk.row("second_home.city")._on
    box = desk.row("second_home")._control._box  # type: ignore[attr-defined]

    box.value = False
    await desk.until_stored("$.second_home", '[{"city":"Paris","zip":75001}]')
    await until(lambda: desk.row("second_home.city")._on, "its fields can be edited")
    desk.input("second_home.city").value = "Rome"
    await desk.until_stored("$.second_home.city", '["Rome"]')
    await until(lambda: desk.person.second_home == Address(city="Rome"), "the object has it")
    box.value = True
    await desk.until_stored("$.second_home", "[null]")
    await until(lambda: not desk.row("second_home.city")._on, "its fields are off")
    await until(lambda: desk.person.second_home is None, "the object has it, too")


async def test_a_group_that_cannot_begin_empty_says_why(desk: PersonDesk) -> None:
    desk.row("strict")._control._box.value = False  # type: ignore[attr-defined]

    await until(lambda: desk.note("strict"), "it is explained")
    assert desk.note("strict") == "['needed']: Field required"
    assert await desk.stored("$.strict") == "[null]"


async def test_what_the_form_cannot_edit_is_only_shown(desk: PersonDesk) -> None:
    assert "2,048 bytes" in desk.row("photo")._control._text.value  # type: ignore[attr-defined]
    assert "ada" in desk.row("handle")._control._text.value  # type: ignore[attr-defined]
    await desk.write("$.photo", '"gASVBwAAAAAAAABDA2FiY5Qu"')
    await until(lambda: "3 bytes" in desk.row("photo")._control._text.value, "it follows")  # type: ignore[attr-defined]


async def test_a_field_that_the_document_lacks_can_be_given(desk: PersonDesk) -> None:
    await desk.client.execute_command("JSON.DEL", desk.person.key, "$.name")
    await until(lambda: desk.note("name") == "not stored yet", "it is told")

    desk.input("name").value = "Given"

    await desk.until_stored("$.name", '["Given"]')


async def test_everything_from_outside_is_escaped(source: ClientSource) -> None:
    class Evil(AtomicRedisModel):
        handle: Key[str] = "<script>alert(1)</script>"
        photo: list[Any] = ["<img onerror=x>"]

    evil = Evil()
    await evil.asave()
    form = edit(evil)
    await until(lambda: form._state == "live", "it is live")

    texts = [widget.value for widget in every(form) if isinstance(widget, W.HTML)][1:]
    assert all("<script>" not in text and "<img" not in text for text in texts)


def every(widget: Any) -> list[Any]:
    return [widget, *(found for child in getattr(widget, "children", ()) for found in every(child))]


# --- life ---------------------------------------------------------------------------------------------------


async def test_a_form_made_in_a_pipeline_does_not_keep_it(source: ClientSource) -> None:
    person = Person()
    await person.asave()
    async with apipeline() as pipe:
        desk = await sit_down(person, source)
        desk.input("name").value = "Grace"
        await desk.until_stored("$.name", '["Grace"]')
        assert pipe.commands == ()


async def test_closing_leaves_nothing_behind(desk: PersonDesk, source: ClientSource) -> None:
    widgets = every(desk.form)
    feed = feed_for(source)

    desk.form.close()
    desk.form.close()
    await asyncio.sleep(0.05)

    assert feed.watched == frozenset()
    assert len(following) == 0
    assert all(widget.comm is None for widget in widgets)
    assert len(asyncio.all_tasks()) == 1


async def test_all_forms_share_one_connection(desk: PersonDesk, source: ClientSource) -> None:
    other = Person(handle="grace")
    await other.asave()
    await sit_down(other, source)

    infos = await desk.client.client_list()
    assert len([info for info in infos if info["resp"] == "3"]) == 1
    documents = {"Person:ada", "Person:grace"}
    assert feed_for(source).watched == documents | {f"{key}/default:lock" for key in documents}


async def test_a_form_that_no_page_shows_pauses_and_catches_up(
    desk: PersonDesk, source: ClientSource
) -> None:
    desk.form._view_count = 1
    desk.form._view_count = 0
    await until(lambda: desk.form._state == "suspended", "it pauses")
    assert feed_for(source).watched == frozenset()
    await desk.write("$.name", '"Meanwhile"')

    desk.form._view_count = 1

    await until(lambda: desk.shown("name") == "Meanwhile", "it caught up")
    assert desk.form._state == "live"


async def test_running_the_cell_again_leaks_nothing(desk: PersonDesk) -> None:
    desk.form._view_count = 1
    again = edit(desk.person)
    again._view_count = 1
    desk.form._view_count = 0

    await until(lambda: desk.form._closed, "the old one is closed")
    assert len(following) == 1


async def test_a_hidden_form_is_closed_when_a_new_one_comes(desk: PersonDesk) -> None:
    desk.form._view_count = 1
    desk.form._view_count = 0
    await until(lambda: desk.form.is_hidden, "it is hidden")

    edit(desk.person)

    assert desk.form._closed
    assert len(following) == 1


async def test_two_forms_of_one_model_keep_in_step(desk: PersonDesk, source: ClientSource) -> None:
    other = await sit_down(desk.person, source)

    desk.input("name").value = "Grace"

    await until(lambda: other.shown("name") == "Grace", "the other one shows it")


async def test_close_all(desk: PersonDesk, source: ClientSource) -> None:
    await sit_down(desk.person, source)

    close_all()

    assert len(following) == 0


async def test_edit_takes_models_only(source: ClientSource) -> None:
    with pytest.raises(NotebookError, match=r"edit\(\) takes one model, not a list; use edit\(user\)"):
        edit([Person()])  # type: ignore[arg-type]
    with pytest.raises(NotebookError, match=r"edit\(\) takes one model, not the class Person"):
        edit(Person)  # type: ignore[arg-type]
    with pytest.raises(NotebookError, match="lives inside Person:ada; edit the model that holds it"):
        edit(Person().address)  # type: ignore[arg-type]


def test_edit_needs_a_running_loop() -> None:
    with pytest.raises(NotebookError, match="needs a running event loop; use it in a notebook's cell"):
        edit(Person())
