"""Forms and the lock of their object."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rapyer.errors import LockTimeoutError
from rapyer_nb.widgets.field import DEBOUNCE
from tests.nb.desk import until
from tests.nb.notes import NoteDesk, StickyNote, desk, sit_down

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

__all__ = ["desk"]

LOCK = "StickyNote:one/default:lock"


async def locked(desk: NoteDesk) -> None:
    await until(lambda: desk.form._lock.blocks and not desk.row("text")._on, "the fields are off")


async def test_while_somebody_holds_the_lock_the_fields_are_off(desk: NoteDesk) -> None:
    async with desk.model.alock() as note:
        await locked(desk)
        assert "locked by this notebook since" in desk.notice
        assert f"(fence {desk.form._lock.holder.fence})" in desk.notice  # type: ignore[union-attr]
        assert "fa-lock" in desk.head
        assert desk.tools.lock.disabled
        await note.aupdate(text="Theirs")
        await until(lambda: desk.shown("text") == "Theirs", "it follows all the same")

    await until(lambda: desk.row("text")._on, "the fields are on again")
    assert desk.notice == ""
    assert "fa-lock" not in desk.head
    await desk.type("text", "Mine")


async def test_another_process_and_its_lease(desk: NoteDesk) -> None:
    await desk.client.set(LOCK, "somebody:1", px=60_000)
    await locked(desk)
    assert desk.notice == "locked by somebody else; edits wait until it is released"

    await desk.client.pexpire(LOCK, 30)

    await until(lambda: desk.row("text")._on, "its lease ended")


async def test_a_lock_for_another_action_is_independent(source: ClientSource) -> None:
    note = await StickyNote().asave()
    desk = await sit_down(note, source, action="billing")
    async with note.alock():
        await desk.type("text", "Mine")
        async with note.alock("billing"):
            await locked(desk)


async def test_what_was_typed_before_waits_until_the_lock_is_released(desk: NoteDesk) -> None:
    async with desk.model.alock():
        await locked(desk)
        desk.input("text").value = "Typed just before"
        await until(lambda: "waits until the field can be edited" in desk.note("text"), "it says so")
        await asyncio.sleep(DEBOUNCE + 0.1)  # long enough for a write that must not come
        assert await desk.stored("$.text") == "Milk"

    await desk.until_stored("$.text", "Typed just before")
    await until(lambda: desk.note("text") == "", "nothing waits any more")


async def test_what_did_not_get_through_is_not_sent_while_it_is_locked(
    desk: NoteDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise ConnectionError("nobody there")

    with monkeypatch.context() as patched:
        patched.setattr(desk.form, "send", broken)
        desk.input("text").value = "Mine"
        await until(lambda: "not saved" in desk.note("text"), "it is told")
    async with desk.model.alock():
        await locked(desk)
        await desk.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await desk.write("$.size", 9)
        await until(lambda: desk.shown("size") == 9, "it is live again")
        assert await desk.stored("$.text") == "Milk"
    await desk.until_stored("$.text", "Mine")


async def test_a_conflict_is_decided_for_oneself_only_without_a_lock(desk: NoteDesk) -> None:
    desk.input("text").value = "x"
    await until(lambda: desk.note("text"), "it is too short")
    async with desk.model.alock():
        await locked(desk)
        await desk.write("$.text", "Theirs")
        await until(lambda: desk.row("text")._choice is not None, "there is a choice")
        keep, take = desk.row("text")._choice.children  # type: ignore[union-attr]
        assert keep.disabled
        assert not take.disabled
    await until(lambda: not keep.disabled, "it can be kept")


async def test_it_can_be_edited_all_the_same(desk: NoteDesk) -> None:
    async with desk.model.alock():
        await locked(desk)
        desk.choice("Edit anyway").click()
        await until(lambda: desk.row("text")._on, "the fields are on")
        assert "you edit it all the same" in desk.notice
        await desk.type("text", "Mine")

    await until(lambda: desk.notice == "", "it is released")
    async with desk.model.alock():
        await locked(desk)  # the next holder counts again


async def test_the_form_holds_the_lock_until_it_is_unlocked(desk: NoteDesk) -> None:
    desk.tools.lock.click()
    await until(lambda: desk.tools.lock.description == "Unlock", "it is locked")
    assert "locked by this form" in desk.head
    with pytest.raises(LockTimeoutError):
        async with desk.model.alock(wait=0):
            pass
    await desk.type("text", "Mine")

    desk.tools.lock.click()

    await until(lambda: desk.tools.lock.description == "Lock", "it is unlocked")
    assert "the lock is released" in desk.foot
    async with desk.model.alock(wait=0):
        pass


async def test_closing_the_form_releases_its_lock(desk: NoteDesk) -> None:
    desk.tools.lock.click()
    await until(lambda: desk.tools.lock.description == "Unlock", "it is locked")

    desk.form.close()

    async with desk.model.alock(wait=5):
        assert len(asyncio.all_tasks()) < 5


async def test_a_lock_that_is_held_is_not_taken(desk: NoteDesk) -> None:
    for watch in desk.form._watches:
        watch.close()  # deaf: it does not know of the lock
    async with desk.model.alock():
        desk.tools.lock.click()
        await until(lambda: "not locked: somebody else holds the lock" in desk.foot, "it says so")


async def test_losing_the_lock_is_told(desk: NoteDesk) -> None:
    desk.tools.lock.click()
    await until(lambda: desk.form._lock._was_seen, "it is locked")

    await desk.client.delete(LOCK)

    await until(lambda: "the lock was lost: somebody else may hold it now" in desk.foot, "it says so")
    await until(lambda: desk.tools.lock.description == "Lock", "it can be taken again")


async def test_two_forms_exclude_each_other(desk: NoteDesk, source: ClientSource) -> None:
    other = await sit_down(desk.model, source)
    desk.tools.lock.click()
    await locked(other)

    desk.tools.lock.click()

    await until(lambda: other.row("text")._on, "the other one may write")


async def test_a_form_made_under_a_lock_does_not_keep_it(source: ClientSource) -> None:
    note = await StickyNote().asave()
    async with note.alock():
        desk = NoteDesk(note, source.client())
        await locked(desk)
    await until(lambda: desk.row("text")._on, "the fields are on")
    assert await desk.client.exists(LOCK) == 0
