"""Chromium for the tests that look at a page."""

from __future__ import annotations

import json
import os
import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.notebook_page import CHROMIUM_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
# Seconds that a change may take at the very most, on a busy machine; the medians are far below.
LONGEST = 1.5


def find_chromium() -> str | None:
    """Return the browser to use: the one that RAPYER_BROWSER names, else one on PATH."""
    named = os.environ.get("RAPYER_BROWSER")
    if named:
        return named
    names = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start headless Chromium; without one skip, or fail where RAPYER_REQUIRE_BROWSER=1.

    It is ended with each test: while it runs, Playwright keeps an event loop running in this thread, and no
    asynchronous test of the same session could start.
    """
    path = find_chromium()
    if path is None:
        reason = "no Chromium: install one, or name it in RAPYER_BROWSER"
        if os.environ.get("RAPYER_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def artifacts() -> Path:
    """Return the directory for pictures."""
    return ARTIFACTS


class Latency:
    """How long changes took, in seconds, both ways."""

    def __init__(self) -> None:
        self.to_redis: list[float] = []
        self.to_page: list[float] = []

    def check(self, name: str) -> None:
        """Fail if a change took longer than anybody waits; write the medians down."""
        assert max(self.to_redis + self.to_page) <= LONGEST, (self.to_redis, self.to_page)
        medians = {
            "typing to Redis, ms": round(statistics.median(self.to_redis) * 1000),
            "Redis to page, ms": round(statistics.median(self.to_page) * 1000),
        }
        ARTIFACTS.mkdir(exist_ok=True)
        (ARTIFACTS / f"latency-{name}.json").write_text(json.dumps(medians, indent=1))


@pytest.fixture
def latency() -> Latency:
    """Collects how long changes took."""
    return Latency()
