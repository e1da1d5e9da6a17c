"""Browsing: the model classes, the objects of one, the form of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

import rapyer_nb
from rapyer import AtomicRedisModel, Index, Key
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer_nb.live import feed_for
from rapyer_nb.widgets import Browser, close_all
from rapyer_nb.widgets.following import following
from tests.nb.desk import until
from tests.nb.notebook import open_notebook
from tests.nb.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class BrowsedUser(AtomicRedisModel):
    handle: Key[str] = ""
    age: Index[int] = 0


class BrowsedPlain(AtomicRedisModel):
    handle: Key[str] = ""
    note: str = ""


class BrowsedPlainer(AtomicRedisModel):
    """Keys of this class begin almost like those of the other."""

    handle: Key[str] = ""


@pytest.fixture
async def browser(source: ClientSource, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    monkeypatch.setattr("rapyer_nb.widgets.model_list.PAUSE", 0.05)
    classes = [BrowsedUser, BrowsedPlain, BrowsedPlainer]
    monkeypatch.setattr("rapyer_nb.magics.browse.find_redis_models", lambda: classes)
    await BrowsedUser.acreate_index()
    await BrowsedUser.ainsert(*(BrowsedUser(handle=f"u{at}", age=at) for at in range(3)))
    await BrowsedPlain.ainsert(*(BrowsedPlain(handle=f"p{at:02}") for at in range(45)))
    browser = rapyer_nb.browse()
    yield browser
    browser.close()


def models(browser: Browser) -> dict[str, list[str]]:
    rows = browser.models._grid.table["rows"]
    return {row["key"]: [cell["text"] for cell in row["cells"]] for row in rows}


def trail(browser: Browser) -> list[str]:
    """Return the steps that the way back is made of."""
    steps = [getattr(widget, "description", "") or widget.value for widget in browser._trail.children]
    return [step.partition('page">')[2].partition("<")[0] or step for step in steps if "›" not in step]


async def told(browser: Browser) -> None:
    await until(lambda: models(browser), "the classes are shown")


async def opened(browser: Browser, name: str) -> Sheet:
    browser.models._grid._handle_custom_msg({"do": "open", "key": name}, [])
    await until(
        lambda: browser.table is not None and browser.table.model.__name__ == name, "the class is open"
    )
    assert browser.table is not None
    sheet = Sheet(browser.table)
    await sheet.until_live()
    return sheet


async def test_it_lists_the_classes_and_counts_live(browser: Browser) -> None:
    await told(browser)
    assert models(browser)["BrowsedUser"] == ["BrowsedUser", "3", "up to date", "age", "BrowsedUser:"]
    assert models(browser)["BrowsedPlain"][1:3] == ["45", "no indexed field"]
    assert browser.models._grid.bar["about"] == "3 models, 48 documents"
    assert trail(browser) == []
    await BrowsedUser(handle="u9").asave()
    await BrowsedPlainer(handle="x").asave()
    await until(lambda: models(browser)["BrowsedUser"][1] == "4", "it counts again")
    await until(lambda: models(browser)["BrowsedPlainer"][1] == "1", "it counts all of them")


async def test_from_a_class_to_an_object_and_back(browser: Browser) -> None:
    await told(browser)
    sheet = await opened(browser, "BrowsedUser")
    assert sheet.keys == ["BrowsedUser:u0", "BrowsedUser:u1", "BrowsedUser:u2"]
    assert trail(browser) == ["Models", "BrowsedUser"]
    sheet.tell("filter", text="age > 0")
    await until(lambda: len(sheet.keys) == 2, "filtered")

    sheet.tell("open", key="BrowsedUser:u1")
    await until(lambda: browser.editor is not None, "the object is open")
    editor = browser.editor
    assert editor is not None and editor.key == "BrowsedUser:u1"
    assert trail(browser) == ["Models", "BrowsedUser", "BrowsedUser:u1"]
    assert browser._inside.children == (editor,)
    await until(lambda: editor._state == "live", "the form is live")

    browser._trail.children[2].click()
    await until(lambda: browser.editor is None, "back at the objects")
    assert editor._closed and browser._inside.children == (sheet.table,)
    assert len(sheet.keys) == 2, "the filter is still there"
    browser._trail.children[0].click()
    await until(lambda: browser.table is None, "back at the classes")
    assert sheet.table._closed and browser._inside.children == (browser.models,)


async def test_a_class_without_an_index_is_found_by_keys(browser: Browser) -> None:
    await BrowsedPlainer(handle="other").asave()
    await told(browser)
    sheet = await opened(browser, "BrowsedPlain")
    assert sheet.bar["label"] == "Keys"
    assert sheet.bar["about"] == "1–20 of more than 20"
    first = sheet.keys
    sheet.tell("page", by=1)
    await until(lambda: sheet.bar["about"].startswith("21–40"), "the second page")
    second = sheet.keys
    sheet.tell("page", by=1)
    await until(lambda: sheet.bar["about"] == "41–45 of 45", "the last page")
    assert len({*first, *second, *sheet.keys}) == 45
    for text in ("p1", "BrowsedPlain:p1", "p1?", "BrowsedPlain:p1*"):
        sheet.tell("filter", text="p44")
        await until(lambda: sheet.keys == ["BrowsedPlain:p44"], "one")
        sheet.tell("filter", text=text)
        await until(lambda: sheet.bar["about"] == "1–10 of 10", text)
    sheet.tell("sort", column="note")
    await until(lambda: "not sorted" in sheet.foot, "it is told")
    sheet.tell("filter", text="p00")
    await until(lambda: sheet.keys == ["BrowsedPlain:p00"], "one")
    await sheet.types("BrowsedPlain:p00", "note", "edited")
    await until(lambda: "note saved" in sheet.foot, "cells can be edited")


async def test_closing_closes_all_that_it_opened(browser: Browser) -> None:
    before = len(following)
    await told(browser)
    sheet = await opened(browser, "BrowsedUser")
    sheet.tell("open", key="BrowsedUser:u1")
    await until(lambda: browser.editor is not None, "the object is open")
    feed = feed_for(registry.source_in_use)
    assert len(following) == before + 2
    close_all()
    assert len(following) == 0
    await until(lambda: not feed._watches, "nobody watches")


async def test_two_of_them_and_tables_elsewhere_leave_each_other_alone(browser: Browser) -> None:
    other = rapyer_nb.browse()
    await told(browser)
    await told(other)
    one, two = await opened(browser, "BrowsedUser"), await opened(other, "BrowsedUser")
    elsewhere = rapyer_nb.table(BrowsedUser)
    for table in (one.table, browser.models):
        table._view_count = 1
        table._view_count = 0
        await until(lambda: table.is_hidden, "it pauses")  # noqa: B023 - awaited here
        assert not table._closed
    elsewhere.close()
    other.close()
    assert two.table._closed and not one.table._closed


async def test_the_older_browser_goes_when_no_page_shows_it(browser: Browser) -> None:
    newer = rapyer_nb.browse()
    browser._view_count = 1
    browser._view_count = 0
    await until(lambda: browser._closed, "it is closed")
    assert browser.models._closed
    newer._view_count = 1
    newer._view_count = 0
    await until(lambda: newer.is_hidden, "it is hidden")
    assert not newer._closed
    newer.close()


async def test_it_stays_on_the_server_that_it_was_made_for(browser: Browser, rapyer_redis_url: str) -> None:
    async with Redis.from_url(rapyer_redis_url, db=0) as client:
        other = ClientSource(lambda: client, lambda: "other")
        with using(other):
            there = rapyer_nb.browse()
        assert there.models._about == "other"
        await told(there)
        sheet = await opened(there, "BrowsedUser")
        assert sheet.table._source is other
        sheet.tell("open", key="BrowsedUser:u1")
        await until(lambda: there.editor is not None, "the object is open")
        assert there.editor is not None and there.editor.source is other
        there.close()


async def test_it_is_told_as_text(browser: Browser) -> None:
    await told(browser)
    bundle: dict[str, Any] = browser._repr_mimebundle_()
    assert "'BrowsedUser': 3" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_as_a_magic(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_notebook(rapyer_redis_url, monkeypatch) as notebook:
        shown = notebook.cell("there = %rapyer_browse\nthere")
        assert isinstance(shown.value, Browser)
        shown.value.close()
