"""The quickstart in a real JupyterLab: run all cells, type in the form, change Redis."""

from __future__ import annotations

import shutil
import time
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

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser

QUICKSTART = FOLDER / "01_quickstart.ipynb"


@pytest.mark.parametrize("subshells", [None, "disabled"], ids=["subshells", "no-subshells"])
def test_the_quickstart_runs_and_its_form_is_live(
    subshells: str | None,
    tmp_path: Path,
    browser: Browser,
    rapyer_redis_url: str,
    latency: Latency,
    artifacts: Path,
) -> None:
    server = redis.Redis.from_url(rapyer_redis_url, decode_responses=True)
    server.flushall()
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    for name in (QUICKSTART.name, "course.py"):
        shutil.copy(FOLDER / name, notebooks)
    name = "no-subshells" if subshells else "subshells"
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}, subshells) as lab:
        page = NotebookPage(browser, lab, QUICKSTART.name)
        try:
            page.run_all()
            form = page.form(page.cell_with("edit(user)"))
            key = form.root.locator(".rpy-head code").inner_text()
            field = form.input("name")
            for number in range(5):
                started = time.perf_counter()
                field.fill(f"Typed {number}")
                eventually(
                    lambda number=number: stored(server, key) == f"Typed {number}",  # type: ignore[misc]
                    "what was typed is stored",
                )
                latency.to_redis.append(time.perf_counter() - started)
                started = time.perf_counter()
                server.json().set(key, "$.name", f"Changed {number}")
                eventually(
                    lambda number=number: field.input_value() == f"Changed {number}",  # type: ignore[misc]
                    "what was changed shows",
                )
                latency.to_page.append(time.perf_counter() - started)
            expect(form.state).to_contain_text("live")
            if not subshells:
                page.picture(None, artifacts / "quickstart-light.png")
                page.picture(form.root, artifacts / "quickstart-form-light.png")
                page.theme("JupyterLab Dark")
                page.picture(None, artifacts / "quickstart-dark.png")
                page.picture(form.root, artifacts / "quickstart-form-dark.png")
        except BaseException:
            page.picture(None, artifacts / f"quickstart-failed-{name}.png")
            raise
        assert page.errors == []
        page.page.close()
    latency.check(f"quickstart-{name}")
    server.close()


def stored(server: redis.Redis, key: str) -> Any:
    found: Any = server.json().get(key, "$.name")
    return found[0] if found else None
