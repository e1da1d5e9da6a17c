"""Forms of objects that end: how long they have, objects that are gone, and storing them again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rapyer.config import RedisConfig
from rapyer_nb.widgets import edit
from tests.nb.desk import until
from tests.nb.notes import NoteDesk, StickyNote, desk, sit_down

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

__all__ = ["desk"]


class ShortNote(StickyNote):
    Meta = RedisConfig(prefer_normal_json_dump=True, ttl=1800, refresh_ttl=False)


SET = "__rapyer_special__:StickyNote:one:tags"


def left(desk: NoteDesk) -> int:
    """Return the milliseconds that the head of the form tells."""
    found = re.search(r'data-rpy-left="(\d+)"', desk.head)
    return int(found[1]) if found else -1


async def test_the_head_tells_how_long_the_object_has(desk: NoteDesk) -> None:
    assert "no expiry" in desk.head
    await desk.client.expire(desk.model.key, 3600)
    await until(lambda: 3_590_000 < left(desk) <= 3_600_000, "it tells")
    assert re.search('ends in <span role="timer"[^>]*>(59 min|1 h)', desk.head)
    await desk.client.persist(desk.model.key)
    await until(lambda: "no expiry" in desk.head, "it follows")


async def test_reading_it_costs_no_round_trip_of_its_own(desk: NoteDesk) -> None:
    before = await desk.client.info("commandstats")
    await desk.write("$.text", "Theirs")
    await until(lambda: desk.shown("text") == "Theirs", "it shows")
    after = await desk.client.info("commandstats")
    calls = after["cmdstat_pttl"]["calls"] - before["cmdstat_pttl"]["calls"]
    assert 1 <= calls <= 6  # a look or a few: of the key, and of the lock


async def test_extending_and_persisting(desk: NoteDesk) -> None:
    line = desk.form._expiry
    assert not line.is_open
    desk.tools.expiry.click()
    await until(lambda: line.is_open, "the line is shown")
    assert [button.description for button in line.widget.children[1:]] == ["Expire in these", "Persist"]
    assert line._keep.disabled

    line._seconds.value = 60
    line._set.click()

    await until(lambda: 50_000 < left(desk) <= 60_000, "it ends")
    assert "StickyNote:one ends in 1 min" in desk.foot
    assert 0 < await desk.client.ttl(SET) <= 60
    assert line._set.description == "Extend to these"
    line._keep.click()
    await until(lambda: "no expiry" in desk.head, "it never ends")
    assert await desk.client.ttl(SET) == -1


async def test_the_time_to_live_of_the_class(source: ClientSource) -> None:
    desk = await sit_down(await ShortNote().asave(), source)
    renew = desk.form._expiry._buttons[1]
    assert renew.description == "Extend to 30 min"
    assert desk.form._expiry._seconds.value == 1800
    await desk.model.aset_ttl(60)
    await until(lambda: 0 < left(desk) <= 60_000, "it is short")

    renew.click()

    await until(lambda: left(desk) > 1_790_000, "it starts anew")


# --- gone ---------------------------------------------------------------------------------------------------


async def test_an_expired_object_says_so_and_comes_again(desk: NoteDesk) -> None:
    await desk.type("text", "Bread")
    await desk.model.aset_ttl(60)
    await until(lambda: left(desk) > 0, "it will end")
    for key in desk.model.all_keys:
        await desk.client.pexpire(key, 400)

    await until(lambda: desk.form._state == "expired", "it says so")
    assert desk.notice == "expired: its time to live is over; what is shown is what it was"
    assert (desk.shown("text"), desk.shown("tags")) == ("Bread", {"shop"})
    assert not any(row._on for row in desk.form._rows)
    assert desk.tools.undo.disabled

    desk.choice("Recreate").click()

    await until(lambda: desk.form._state == "live" and desk.row("text")._on, "it is back")
    assert await StickyNote.aget("one") == StickyNote(text="Bread")
    assert desk.notice == ""
    assert "no expiry" in desk.head


async def test_a_deleted_object_is_stored_again_with_what_was_being_typed(desk: NoteDesk) -> None:
    async with desk.model.alock():
        await until(lambda: not desk.row("text")._on, "it is locked")
        desk.input("size").value = 9
        await until(lambda: desk.note("size"), "it waits")
        await desk.model.adelete()
        await until(lambda: desk.form._state == "deleted", "it says so")
        assert desk.notice == "deleted in Redis; what is shown is what it was"

        desk.choice("Recreate").click()
        await until(lambda: desk.form._present, "it is back")
    assert (await StickyNote.aget("one")).size == 9


async def test_what_somebody_else_has_stored_meanwhile_stays(desk: NoteDesk) -> None:
    await desk.model.adelete()
    await until(lambda: desk.form._state == "deleted", "it says so")
    for watch in desk.form._watches:
        watch.close()  # deaf: only the server can say that the key is taken

    await StickyNote(text="Theirs").asave()
    desk.choice("Recreate").click()

    await until(lambda: "not stored: somebody has stored it meanwhile" in desk.foot, "it says so")
    assert await desk.stored("$.text") == "Theirs"


async def test_what_does_not_fit_is_corrected_first(desk: NoteDesk) -> None:
    desk.input("text").value = "x"
    await until(lambda: desk.note("text"), "it is too short")
    await desk.model.adelete()
    await until(lambda: desk.form._state == "deleted", "it says so")

    desk.choice("Recreate").click()
    await until(lambda: "not stored: correct text" in desk.foot, "it says so")
    assert desk.row("text")._on

    desk.form.refresh()
    await until(lambda: not desk.form._reading, "it has looked again")
    assert desk.row("text")._on
    desk.input("text").value = "Bread"
    await until(lambda: desk.row("text").binding.draft == "Bread", "it is corrected")
    desk.choice("Recreate").click()
    await desk.until_stored("$.text", "Bread")


async def test_an_object_that_was_never_stored_can_be(source: ClientSource) -> None:
    note = StickyNote(text="New")
    form = edit(note)
    await until(lambda: form._state == "absent", "it says so")
    button = form._head.notice._buttons.children[0]
    assert button.description == "Store it"

    button.click()

    await until(lambda: form._state == "live" and form._present, "it is stored")
    assert await StickyNote.aget("one") == note
