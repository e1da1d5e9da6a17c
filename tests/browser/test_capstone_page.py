"""The capstone in a real JupyterLab: the board is live while workers write, and so are they while somebody types."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import NotebookPage
from tests.notebooks.lessons import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

NAME = "24_capstone.ipynb"
WORKSHOP = "Workshop:main"
TOTAL = 24


def test_the_board_is_live_while_workers_write(
    tmp_path: Path, browser: Browser, rapyer_redis_url: str, artifacts: Path
) -> None:
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    for name in (NAME, "course.py"):
        shutil.copy(FOLDER / name, notebooks)
    with (
        redis.Redis.from_url(rapyer_redis_url, decode_responses=True) as server,
        Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}) as lab,
    ):
        server.flushall()
        page = NotebookPage(browser, lab, NAME, height=4000)
        try:
            check(page, server)
            page.picture(page.cell(page.cell_with("board = ")), artifacts / "capstone.png")
        except BaseException:
            page.picture(None, artifacts / "capstone-failed.png")
            raise
        assert page.errors == []
        page.page.close()


def check(page: NotebookPage, server: redis.Redis) -> None:
    workers = page.cell_with("asyncio.create_task(")
    page.run_range(range(workers))
    board = page.cell(page.cell_with("board = "))
    cards = board.locator(".rpy-editor")
    expect(cards).to_have_count(4, timeout=20_000)
    for card in cards.all():
        expect(card.locator(".rpy-state").first).to_contain_text("live", timeout=15_000)
    form = page.form(page.cell_with("edit(workshop)"))
    is_open, finished, jobs, log = (cards.nth(number) for number in range(4))
    form.input("pause").fill("0.6")
    eventually(lambda: stored(server, "pause") == 0.6, "the pause is stored")

    page.run(workers)
    expect(jobs).to_contain_text("doing")
    eventually(lambda: 3 <= int(finished.locator("output").inner_text()) < TOTAL, "it counts while they work")
    expect(log.get_by_role("log")).to_contain_text("doing")
    form.input("pause").fill("0")
    eventually(lambda: stored(server, "finished") == TOTAL, "who types is heard, and the workers hurry")
    expect(finished.locator("output")).to_have_text(str(TOTAL))
    expect(is_open.locator("output")).to_have_text("0")
    expect(jobs.locator("tbody")).not_to_contain_text("doing")

    page.run_range(range(workers + 1, page.count()))
    assert stored(server, "open") + stored(server, "finished") == TOTAL


def stored(server: redis.Redis, name: str) -> Any:
    """Return what the workshop's document holds."""
    found: Any = server.json().get(WORKSHOP, f"$.{name}")
    return found[0]
