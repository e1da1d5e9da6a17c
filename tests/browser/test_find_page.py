"""What a search shows in a real page: a table, a table that follows Redis, a plan and a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import form_notebook
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import NotebookPage

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

MODEL = """%load_ext rapyer_nb
from rapyer import AtomicRedisModel, Index

class Sale(AtomicRedisModel):
    city: Index[str] = ""
    price: Index[float] = 0.0
    note: str = ""

await Sale.ainsert(*(
    Sale(city=["Oslo", "Rome", "Paris"][at % 3], price=at % 40, note="<img src=x onerror=alert(1)>")
    for at in range(300)
))
rare = await Sale(city="Bonn", price=1000).asave()"""

CELLS = (
    MODEL,
    "%rapyer_find Sale price > 5 --sort -price --limit 5",
    "%rapyer_find Sale price >= 39 --sort -price --limit 5 --live",
    "%rapyer_explain Sale price > 5 and city != 'Oslo'",
    "%rapyer_plot Sale price --by city",
)
TABLE, LIVE, PLAN, CHART = range(1, 5)


def test_searches_in_a_page(tmp_path: Path, browser: Browser, rapyer_redis_url: str, artifacts: Path) -> None:
    server = redis.Redis.from_url(rapyer_redis_url, decode_responses=True)
    server.flushall()
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    form_notebook.write(notebooks / "find.ipynb", CELLS)
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}) as lab:
        page = NotebookPage(browser, lab, "find.ipynb")
        try:
            page.run_all()
            check(page, server)
            for theme in ("JupyterLab Light", "JupyterLab Dark"):
                page.theme(theme)
                for name, index in {"table": TABLE, "live": LIVE, "plan": PLAN, "chart": CHART}.items():
                    page.picture(page.cell(index), artifacts / f"find-{name}-{theme.split()[-1].lower()}.png")
        except BaseException:
            page.picture(None, artifacts / "find-failed.png")
            raise
        assert page.errors == []
        page.page.close()
    server.close()


def check(page: NotebookPage, server: redis.Redis) -> None:
    expect(page.cell(TABLE).locator("tbody tr")).to_have_count(5)
    expect(page.cell(TABLE)).to_contain_text("5 of ")
    assert page.page.locator(".jp-OutputArea img[onerror]").count() == 0
    table = page.cell(LIVE).locator(".rpy-wide")
    expect(table.locator(".rpy-state")).to_contain_text("live", timeout=15_000)
    expect(table.locator("tbody tr").first).to_contain_text("Bonn")
    key = next(key for key in server.scan_iter("Sale:*") if server.json().get(key, "$.city") == ["Bonn"])
    server.json().set(key, "$.city", "Ulm")
    expect(table.locator("tbody tr").first).to_contain_text("Ulm")
    server.delete(key)
    expect(table).not_to_contain_text("Ulm")
    expect(page.cell(PLAN).locator("summary").first).to_contain_text("Plan of idx:Sale:")
    chart = page.cell(CHART).locator("img")
    width = eventually(lambda: chart.evaluate("image => image.naturalWidth"), "the chart is drawn")
    assert width == 1280
    assert chart.evaluate("image => image.clientWidth") <= 640
