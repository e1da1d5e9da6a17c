"""What forms leave behind: nothing; and what they keep of where they were made: nothing either."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import ipywidgets as W

from rapyer import apipeline
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import close_all, edit, new
from rapyer_nb.widgets.following import following
from tests.nb.desk import until
from tests.nb.notes import NoteDesk, StickyNote, sit_down

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


def open_widgets() -> int:
    return len(W.widgets.widget._instances)


async def run_cell(source: ClientSource, note: StickyNote) -> NoteDesk:
    """Make a form as a cell does that runs again: its view comes, and then that of the last one goes."""
    shown = [form for form in following._open if form._was_shown]
    desk = await sit_down(note, source)
    desk.form._view_count = 1
    await until(lambda: desk.form._was_shown, "it is shown")
    for form in shown:
        form._view_count = 0
    await until(lambda: all(form._closed for form in shown), "the old ones are closed")
    return desk


async def test_twenty_runs_of_a_cell_leave_one_form(source: ClientSource) -> None:
    note = await StickyNote().asave()
    client = source.client()
    await run_cell(source, note)
    await run_cell(source, note)
    await asyncio.sleep(0.1)
    widgets, tasks = open_widgets(), len(asyncio.all_tasks())
    connections = len(await client.client_list())

    last: Any = None
    for _ in range(20):
        last = await run_cell(source, note)
        last.form._head._toolbar.expiry.click()

    await until(lambda: len(asyncio.all_tasks()) <= tasks, "the tasks ended")
    assert open_widgets() == widgets
    assert len(await client.client_list()) == connections
    assert len(following) == 1
    assert len([info for info in await client.client_list() if info["resp"] == "3"]) == 1
    assert feed_for(source).watched == {"StickyNote:one", *beside()}


def beside() -> set[str]:
    return {"StickyNote:one/default:lock", "__rapyer_special__:StickyNote:one:tags"}


async def closed_form() -> weakref.ref[Any]:
    form = edit(await StickyNote().asave())
    await until(lambda: form._present, "it is live")
    form.close()
    return weakref.ref(form)


async def test_a_closed_form_is_not_kept(source: ClientSource) -> None:
    closed = await closed_form()

    def is_gone() -> bool:
        gc.collect()
        return closed() is None

    await until(is_gone, "nobody keeps it", 5)


async def test_no_widget_is_left_open(source: ClientSource) -> None:
    before = open_widgets()
    note = await StickyNote().asave()
    desk = await sit_down(note, source)
    creator = new(StickyNote)
    await desk.model.adelete()
    await until(lambda: desk.form._state == "deleted", "there are more widgets")
    assert open_widgets() > before

    close_all()

    assert creator._closed
    await until(lambda: open_widgets() == before, "all are closed", 5)


async def test_what_is_not_on_show_is_closed_too(source: ClientSource) -> None:
    before = open_widgets()
    form = edit(await StickyNote().asave())
    form._head._spare = {"one": [W.Button()]}  # type: ignore[attr-defined]
    other = edit(await StickyNote(handle="two").asave())
    form._beside = other  # type: ignore[attr-defined]

    form.close()
    assert not other._closed
    other.close()

    await until(lambda: open_widgets() == before, "all are closed", 5)


async def test_a_form_in_a_pipeline_undoes_and_extends_at_once(source: ClientSource) -> None:
    note = await StickyNote().asave()
    async with apipeline() as pipe:
        desk = await sit_down(note, source)
        await desk.type("text", "Bread")
        desk.tools.undo.click()
        await desk.until_stored("$.text", "Milk")
        desk.form._expiry._set.click()
        await until(lambda: "ends in" in desk.head, "it ends")
        assert pipe.commands == ()


async def test_a_hidden_form_has_no_timer(source: ClientSource) -> None:
    note = await StickyNote().asave()
    desk = await sit_down(note, source)
    await note.aset_ttl(60)
    await until(lambda: desk.form._alarm is not None, "it looks again when the note ends")
    desk.form._view_count = 1
    desk.form._view_count = 0
    await until(lambda: desk.form._state == "suspended", "it pauses")
    assert desk.form._alarm is None
