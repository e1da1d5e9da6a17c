"""A dashboard of single controls in a real page: counters, fields and a timeline, side by side."""

from __future__ import annotations

import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import form_notebook
from tests.browser.accessibility import violations
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import NotebookPage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser

KEY = "Player:ada"
REPEATS = 5
PROMPT = 0.5
"""Seconds that a change takes at the most, as a median."""

MODEL = """%load_ext rapyer_nb
import enum, ipywidgets as W, rapyer_nb
from typing import Annotated
from pydantic import BaseModel, Field
from rapyer import AtomicRedisModel, Key

class Level(enum.Enum):
    easy = "e"
    hard = "h"

class Home(BaseModel):
    city: str = "Paris"

class Player(AtomicRedisModel):
    handle: Key[str] = "ada"
    name: Annotated[str, Field(min_length=2)] = "Ada"
    score: int = 5
    lives: Annotated[int, Field(ge=0, le=3)] = 2
    level: Level = Level.easy
    home: Home = Home()

ada = await Player().asave()"""
DASHBOARD = """from rapyer_nb import counter, field, timeline
board = W.VBox([
    W.HBox([counter(ada.score), counter(ada.score, step=10), counter(ada.lives)]),
    W.HBox([field(ada.name), field(Player.level, ada), field(ada.home.city)]),
    timeline(Player),
])
board"""
CELLS = (MODEL, DASHBOARD)


@pytest.mark.parametrize("subshells", [None, "disabled"], ids=["subshells", "no-subshells"])
def test_a_dashboard(
    subshells: str | None, tmp_path: Path, browser: Browser, rapyer_redis_url: str, artifacts: Path
) -> None:
    server = redis.Redis.from_url(rapyer_redis_url, decode_responses=True)
    server.flushall()
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    form_notebook.write(notebooks / "dashboard.ipynb", CELLS)
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}, subshells) as lab:
        page = NotebookPage(browser, lab, "dashboard.ipynb")
        try:
            page.run_all()
            cards = page.cell(1).locator(".rpy-editor")
            expect(cards).to_have_count(7, timeout=20_000)
            for number in range(7):
                expect(cards.nth(number).locator(".rpy-state")).to_contain_text("live", timeout=15_000)
            check(cards, server, artifacts)
            pictures(page, cards, artifacts)
            the_kernel_is_gone(page, cards)
        except BaseException:
            page.picture(None, artifacts / "dashboard-failed.png")
            raise
        assert page.errors == []
        page.page.close()
    server.close()


def check(cards: Locator, server: redis.Redis, artifacts: Path) -> None:
    score, tens, lives, name, level, city, log = (cards.nth(number) for number in range(7))
    expect(score.locator(".rpy-state")).to_have_attribute("title", "live by client tracking")
    to_page, to_redis = latencies(score, name, server)
    two_counters_count_together(score, tens, server)
    bounds_are_explained(lives, server)
    level.get_by_label("level").select_option(label="hard")
    eventually(lambda: "h" in str(stored(server, "$.level")), "the choice is stored")
    city.get_by_label("home city").fill("Oslo")
    eventually(lambda: stored(server, "$.home.city") == "Oslo", "a nested field is stored")
    the_timeline_tells(log, server)
    medians = {"page to Redis": statistics.median(to_redis), "Redis to page": statistics.median(to_page)}
    artifacts.mkdir(exist_ok=True)
    (artifacts / "latency-dashboard.json").write_text(json.dumps(medians, indent=1))
    assert max(medians.values()) <= PROMPT, medians


def latencies(score: Locator, name: Locator, server: redis.Redis) -> tuple[list[float], list[float]]:
    to_page, to_redis = [], []
    shown, text = score.locator("output"), name.get_by_label("name")
    for number in range(REPEATS):
        value = 100 + number
        to_page.append(
            timed(
                lambda value=value: server.json().set(KEY, "$.score", value),  # type: ignore[misc]
                lambda value=value: shown.inner_text() == str(value),  # type: ignore[misc]
            )
        )
        to_redis.append(
            timed(
                lambda: score.get_by_title("Add 1 to score").click(),
                lambda value=value: stored(server, "$.score") == value + 1,  # type: ignore[misc]
            )
        )
        to_redis.append(
            timed(
                lambda number=number: text.fill(f"Grace {number}"),  # type: ignore[misc]
                lambda number=number: stored(server, "$.name") == f"Grace {number}",  # type: ignore[misc]
            )
        )
    return to_page, to_redis


def two_counters_count_together(one: Locator, tens: Locator, server: redis.Redis) -> None:
    server.json().set(KEY, "$.score", 0)
    expect(one.locator("output")).to_have_text("0")
    expect(tens.locator("output")).to_have_text("0")
    for _ in range(3):
        one.get_by_title("Add 1 to score").click()
        tens.get_by_title("Add 10 to score").click()
    one.get_by_title("Subtract 1 from score").focus()
    one.page.keyboard.press("Enter")
    eventually(lambda: stored(server, "$.score") == 32, "all clicks count")
    expect(one.locator("output")).to_have_text("32")
    expect(tens.locator("output")).to_have_text("32")


def bounds_are_explained(lives: Locator, server: redis.Redis) -> None:
    for _ in range(2):
        lives.get_by_title("Add 1 to lives").click()
    expect(lives.locator(".rpy-foot")).to_contain_text("⚠ it can be 3 at the most")
    assert stored(server, "$.lives") == 3


def the_timeline_tells(log: Locator, server: redis.Redis) -> None:
    expect(log.get_by_role("log")).to_contain_text("Paris")
    log.get_by_role("button", name="Pause").click()
    expect(log.get_by_role("button", name="Resume")).to_be_visible()
    server.json().set(KEY, "$.score", 4711)
    expect(log.locator(".rpy-foot")).to_contain_text("paused; 1 new")
    assert "4711" not in log.inner_text()
    log.get_by_role("button", name="Resume").click()
    expect(log.get_by_role("log")).to_contain_text("4711")


def pictures(page: NotebookPage, cards: Locator, artifacts: Path) -> None:
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.theme(theme)
        page.picture(page.cell(1), artifacts / f"dashboard-{theme.split()[-1].lower()}.png")
        assert violations(page.page, ".rpy-editor") == []
    page.page.set_viewport_size({"width": 460, "height": 1600})
    for card in cards.all():
        box = card.bounding_box()
        assert box is not None
        assert box["width"] <= 360
        assert box["x"] + box["width"] <= 460
    page.picture(page.cell(1), artifacts / "dashboard-narrow.png")


def the_kernel_is_gone(page: NotebookPage, cards: Locator) -> None:
    page.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    for card in cards.all():
        expect(card.locator(".rpy-page")).to_contain_text("✕ the kernel is gone since", timeout=15_000)
        expect(card.locator("button, input, select").first).to_be_disabled()


def stored(server: redis.Redis, path: str) -> Any:
    found: Any = server.json().get(KEY, path)
    return found[0] if found else None


def timed(act: Callable[[], object], look: Callable[[], bool]) -> float:
    started = time.perf_counter()
    act()
    eventually(look, "the change shows")
    return time.perf_counter() - started
