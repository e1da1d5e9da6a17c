"""References in a real page: looked for, chosen by keyboard, opened."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import references_notebook
from tests.browser.accessibility import violations
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import NotebookPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser


@pytest.fixture
def server(rapyer_redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(rapyer_redis_url, decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def opened(
    tmp_path: Path, browser: Browser, rapyer_redis_url: str, server: redis.Redis
) -> Iterator[NotebookPage]:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    references_notebook.write(notebooks / "references.ipynb")
    settings = tmp_path / "lab"
    settings.mkdir()
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}) as lab:
        page = NotebookPage(browser, lab, "references.ipynb", height=1600)
        yield page
        page.page.close()


def stored(server: redis.Redis, path: str) -> Any:
    found: Any = server.json().get("Novel:n1", path)
    return found[0] if found else None


def timed(act: Callable[[], object], look: Callable[[], bool], what: str) -> float:
    started = time.perf_counter()
    act()
    eventually(look, what)
    return time.perf_counter() - started


def test_a_reference_is_chosen_by_keyboard_and_opened(
    opened: NotebookPage, server: redis.Redis, latency: Latency, artifacts: Path
) -> None:
    opened.run_all()
    form = opened.form(references_notebook.FORM)
    field = form.root.get_by_role("combobox", name="author", exact=True)
    expect(form.root).to_contain_text("→ Writer(name='Ada', born=1815)", timeout=15_000)
    expect(form.root).to_contain_text("⚠ nothing is stored under this key")
    chooses(field, server, latency)
    expect(form.root).to_contain_text("→ Writer(name='Grace', born=1906)")
    assert opened.run_text(references_notebook.LOCAL) == "'Writer:grace'"
    opened.form(references_notebook.FORM)
    root = opened.cell(references_notebook.FORM).locator(".rpy-editor").first  # not one that it opens
    field = root.get_by_role("combobox", name="author", exact=True)
    escapes(field, server)
    follows(root, server, latency)
    opens(opened, root)
    pictures(opened, root, field, artifacts)
    assert violations(opened.page, ".rpy-editor") == []
    latency.check("references")
    assert opened.errors == []


def offered(field: Locator) -> Locator:
    """Return the candidates that are in sight."""
    return field.locator("xpath=..").locator("[role=option]:visible")


def chooses(field: Locator, server: redis.Redis, latency: Latency) -> None:
    """Type, go down to a candidate, take it."""
    options = offered(field)
    field.fill("gr")
    expect(options).to_have_count(1, timeout=10_000)
    expect(options).to_have_text("Writer:grace Writer(name='Grace', born=1906)")
    expect(field).to_have_attribute("aria-expanded", "true")
    field.press("ArrowDown")
    expect(options).to_have_attribute("aria-selected", "true")
    active = field.get_attribute("aria-activedescendant")
    assert active == options.get_attribute("id")
    took = timed(lambda: field.press("Enter"), lambda: stored(server, "$.author") == "Writer:grace", "stored")
    assert took < 0.5
    latency.to_redis.append(took)
    expect(field).to_have_value("Writer:grace")
    expect(field).to_have_attribute("aria-expanded", "false")


def escapes(field: Locator, server: redis.Redis) -> None:
    """Close the list by Escape, then give up what was typed."""
    field.fill("e")
    expect(offered(field).first).to_be_visible()
    field.press("Escape")
    expect(offered(field)).to_have_count(0)
    expect(field).to_have_value("e")
    field.press("Escape")
    expect(field).to_have_value("Writer:grace")
    assert stored(server, "$.author") == "Writer:grace"


def follows(root: Locator, server: redis.Redis, latency: Latency) -> None:
    """See changes of the target, and of the reference."""
    took = timed(
        lambda: server.json().set("Writer:grace", "$.born", 1907),
        lambda: "born=1907" in root.inner_text(),
        "the target is told",
    )
    latency.to_page.append(took)
    field = root.get_by_role("combobox", name="author", exact=True)
    took = timed(
        lambda: server.json().set("Novel:n1", "$.author", "Writer:edsger"),
        lambda: bool(field.input_value() == "Writer:edsger"),
        "the reference shows",
    )
    latency.to_page.append(took)


def opens(opened: NotebookPage, root: Locator) -> None:
    """Open the target's form below, and close it."""
    button = root.get_by_role("button", name="Open").first
    expect(button).to_be_enabled()
    button.focus()
    button.press("Enter")
    inner = root.locator(".rpy-editor")
    expect(inner.locator(".rpy-state")).to_contain_text("live", timeout=15_000)
    expect(inner.get_by_label("name", exact=True)).to_have_value("Edsger")
    assert violations(opened.page, ".rpy-editor") == []


def pictures(opened: NotebookPage, root: Locator, field: Locator, artifacts: Path) -> None:
    for theme in ("Light", "Dark"):
        opened.theme(f"JupyterLab {theme}")
        opened.picture(root, artifacts / f"references-open-{theme.lower()}.png")
    root.get_by_role("button", name="Close").first.click()
    expect(root.locator(".rpy-editor")).to_have_count(0)
    for theme in ("Dark", "Light"):
        opened.theme(f"JupyterLab {theme}")
        field.fill("r")
        expect(offered(field).first).to_be_visible()
        field.press("ArrowDown")
        opened.picture(root, artifacts / f"references-list-{theme.lower()}.png")
    assert violations(opened.page, ".rpy-editor") == []
    opened.page.set_viewport_size({"width": 460, "height": 1600})
    opened.picture(root, artifacts / "references-narrow.png")
    opened.page.set_viewport_size({"width": 1200, "height": 1600})
    field.press("Escape")
    field.press("Escape")
