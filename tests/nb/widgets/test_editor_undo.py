"""Taking back the last edits of a form, and a form that only shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer_nb.widgets.field import DEBOUNCE
from tests.nb.desk import until
from tests.nb.notes import NoteDesk, StickyNote, desk, sit_down

if TYPE_CHECKING:
    import pytest

    from rapyer.session.clients import ClientSource

__all__ = ["desk"]


async def test_the_last_edits_are_taken_back_one_by_one(desk: NoteDesk) -> None:
    assert desk.tools.undo.disabled
    await desk.type("text", "Bread")
    await desk.type("size", 4)
    await desk.type("text", "Butter")
    await until(lambda: "Take back the last edit: text" in desk.tools.undo.tooltip, "the button says which")

    for name, value in (("text", "Bread"), ("size", 3), ("text", "Milk")):
        desk.tools.undo.click()
        await until(lambda name=name, value=value: desk.shown(name) == value, "it is shown")  # type: ignore[misc]
        await desk.until_stored(f"$.{name}", value)
        await until(lambda: "the edit is taken back" in desk.foot, "it says so")
    await until(lambda: desk.tools.undo.disabled, "there is no more")
    assert (desk.model.text, desk.model.size) == ("Milk", 3)


async def test_what_somebody_has_changed_since_is_left(desk: NoteDesk) -> None:
    await desk.type("text", "Bread")
    await desk.write("$.text", "Theirs")
    await until(lambda: desk.shown("text") == "Theirs", "it shows")

    desk.tools.undo.click()

    await until(lambda: "text: not taken back, somebody has changed it since" in desk.foot, "it says so")
    assert await desk.stored("$.text") == "Theirs"
    assert desk.tools.undo.disabled


async def test_another_spelling_of_the_same_number_is_no_change(desk: NoteDesk) -> None:
    await desk.type("price", 2.5)
    await desk.client.execute_command("JSON.SET", desk.model.key, "$.price", "25e-1")

    desk.tools.undo.click()

    await until(lambda: desk.shown("price") == 1.0, "it is taken back")
    await desk.until_stored("$.price", 1.0)


async def test_the_members_of_a_set_come_back(desk: NoteDesk) -> None:
    await desk.type("tags", ["shop", "home"])
    await desk.model.tags.aadd("theirs")

    desk.tools.undo.click()

    await until(lambda: desk.shown("tags") == {"shop", "theirs"}, "only one's own edit is taken back")


async def test_a_group_that_appeared_goes_again(desk: NoteDesk) -> None:
    desk.row("frame")._control._box.value = False  # type: ignore[attr-defined]
    await desk.until_stored("$.frame", {"colour": "white"})
    await until(lambda: not desk.tools.undo.disabled, "it can be taken back")

    desk.tools.undo.click()

    await desk.until_stored("$.frame", None)


async def test_an_edit_that_is_not_saved_is_not_overwritten(desk: NoteDesk) -> None:
    await desk.type("text", "Bread")
    desk.input("text").value = "x"
    await until(lambda: desk.note("text"), "it is too short")

    desk.tools.undo.click()

    await until(lambda: "what you typed since is not saved yet" in desk.foot, "it says so")
    assert desk.shown("text") == "x"


async def test_without_a_connection_the_edit_can_be_taken_back_later(
    desk: NoteDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.type("text", "Bread")

    async def broken(*_: Any) -> Any:
        raise ConnectionError("nobody there")

    with monkeypatch.context() as patched:
        patched.setattr(desk.form, "send", broken)
        desk.tools.undo.click()
        await until(lambda: "not taken back: ConnectionError: nobody there" in desk.foot, "it says so")
    desk.tools.undo.click()
    await desk.until_stored("$.text", "Milk")


# --- read only ----------------------------------------------------------------------------------------------


async def test_a_form_that_only_shows_follows_all_the_same(source: ClientSource) -> None:
    desk = await sit_down(await StickyNote().asave(), source, read_only=True)
    assert "rpy-reading" in desk.form._dom_classes
    assert not any(row._on for row in desk.form._rows)
    assert desk.tools.expiry.disabled
    assert desk.tools.lock.disabled

    await desk.write("$.text", "Theirs")
    await until(lambda: desk.shown("text") == "Theirs", "it follows")

    assert desk.tools.read_only.description == "Edit"
    desk.tools.read_only.click()
    await until(lambda: desk.row("text")._on, "it can be edited")
    assert "rpy-reading" not in desk.form._dom_classes
    await desk.type("text", "Mine")


async def test_what_was_typed_before_is_saved(desk: NoteDesk) -> None:
    desk.input("text").value = "Mine"
    desk.form.read_only = True

    await desk.until_stored("$.text", "Mine")
    assert desk.form.read_only
    assert not desk.row("text")._on
    assert DEBOUNCE > 0
