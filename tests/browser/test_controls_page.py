"""Every kind of control in a real page: what is typed or chosen gets to Redis, and the other way round."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import controls_notebook, form_notebook
from tests.browser.accessibility import violations_in
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import Form, NotebookPage
from tests.browser.test_form_page import every_control_has_a_name, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser

KEY = "Gadget:g1"
# Seconds that the median change of each kind may take, both ways.
MEDIAN = 0.5


@pytest.fixture
def server(rapyer_redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(rapyer_redis_url, decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(params=[None, "disabled"], ids=["subshells", "no-subshells"])
def opened(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    browser: Browser,
    rapyer_redis_url: str,
    server: redis.Redis,
) -> Iterator[NotebookPage]:
    """The notebook in JupyterLab, with comm messages in a thread of their own (Lab's default) and without."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    form_notebook.write(notebooks / "controls.ipynb", controls_notebook.CELLS)
    settings = tmp_path / "lab"
    settings.mkdir()
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}, request.param) as lab:
        page = NotebookPage(browser, lab, "controls.ipynb", height=2400)
        page.subshells = request.param is None
        yield page
        page.page.close()


class Bench:
    """The form, and what stands in Redis."""

    def __init__(self, form: Form, server: redis.Redis, latency: Latency) -> None:
        self.form = form
        self.server = server
        self.latency = latency

    def stored(self, name: str) -> Any:
        found: Any = self.server.json().get(KEY, f"$.{name}")
        return found[0] if found else None

    def write(self, name: str, value: Any) -> None:
        self.server.json().set(KEY, f"$.{name}", value)

    def types(self, name: str, act: Callable[[], object], value: Any) -> None:
        """Do something in the page, and wait until Redis has its value."""
        took = timed(act, lambda: bool(self.stored(name) == value), f"{name} is stored")
        self.latency.to_redis.append(took)

    def shows(self, name: str, value: Any, look: Callable[[], bool]) -> None:
        """Change a value in Redis, and wait until the page shows it."""
        took = timed(lambda: self.write(name, value), look, f"{name} shows")
        self.latency.to_page.append(took)

    def field(self, label: str) -> Any:
        return self.form.input(label)

    def both(self, name: str, typed: str, stored: Any, written: Any, shown: str, label: str = "") -> None:
        """Type into a field that has text, then change it in Redis."""
        field = self.field(label or name)
        self.types(name, lambda: field.fill(typed), stored)
        self.shows(name, written, lambda: bool(field.input_value() == shown))


def test_every_control_and_redis_stay_in_step(
    opened: NotebookPage, server: redis.Redis, latency: Latency, artifacts: Path
) -> None:
    opened.run_all()
    bench = Bench(opened.form(controls_notebook.FORM), server, latency)
    name = "subshells" if opened.subshells else "no-subshells"

    pictures(opened, bench.form, artifacts, name)
    texts_and_numbers(bench)
    choices(bench)
    times(bench)
    sliders(bench)
    several_types(bench)
    bytes_and_secrets(bench)
    what_is_folded(bench)
    what_cannot_be_read(bench)
    every_control_has_a_name(bench.form)

    assert statistics.median(latency.to_redis) <= MEDIAN
    assert statistics.median(latency.to_page) <= MEDIAN
    latency.check(f"controls-{name}")
    assert opened.errors == []


def texts_and_numbers(bench: Bench) -> None:
    bench.both("name", "Edsger", "Edsger", "Grace", "Grace", label="Name")
    bench.both("notes", "a\nb", "a\nb", "c\nd\ne", "c\nd\ne")
    bench.both("count", "41", 41, 42, "42")
    expect(bench.form.root.locator(".rpy-computed")).to_contain_text("84")
    bench.both("huge", str(2**61 + 1), 2**61 + 1, 2**59 + 1, str(2**59 + 1))
    bench.both("weight", "2.25", 2.25, 0.1, "0.1")
    bench.both("price", "2.50", "2.50", "3.30", "3.30")
    bench.both("place", "3.5,40", "3.5,40.0", "1.5,2.5", "1.5,2.5")
    bench.both("lasts", "0:30:00", "PT30M", "P2D", "2 days, 0:00:00")
    ident = "00000000-0000-0000-0000-00000000000"
    bench.both("ident", f"{ident}7", f"{ident}7", f"{ident}9", f"{ident}9")
    bench.both("path", "/tmp/b", "/tmp/b", "c", "c")
    bench.both("site", "https://b.example/", "https://b.example/", "https://c.example/", "https://c.example/")
    bench.both("matrix", "[[5]]", [[5]], [], "[]")
    bench.field("ident").fill("nonsense")
    expect(bench.form.notes.first).to_contain_text("✕ Input should be a valid UUID")


def choices(bench: Bench) -> None:
    form = bench.form
    colour = bench.field("colour")
    colour.fill("#aabbcc")
    bench.types("colour", lambda: colour.press("Tab"), "#aabbcc")
    bench.shows("colour", "#ddeeff", lambda: bool(colour.input_value() == "#ddeeff"))
    active, sure, shade = bench.field("active"), bench.field("sure"), bench.field("shade")
    bench.types("active", active.uncheck, False)
    bench.shows("active", True, active.is_checked)
    bench.types("sure", lambda: sure.select_option(label="yes"), True)
    bench.shows("sure", False, lambda: bool(sure.evaluate("e => e.selectedOptions[0].label") == "no"))
    bench.types("shade", lambda: shade.select_option(label="dark"), "d")
    bench.shows("shade", "l", lambda: bool(shade.evaluate("e => e.selectedOptions[0].label") == "light"))
    large = form.root.locator(".widget-radio label", has_text="l").locator("input").last
    bench.types("size", large.check, "l")
    bench.shows("size", "m", lambda: not large.is_checked())
    paid = form.root.get_by_role("button", name="paid")
    bench.types("plan", paid.click, "paid")
    expect(paid).to_have_attribute("aria-pressed", "true")
    expect(form.root.get_by_role("group", name="plan")).to_be_visible()
    bench.shows("plan", "free", lambda: "mod-active" not in (paid.get_attribute("class") or ""))
    letters = bench.field("letters")
    bench.types("letters", lambda: letters.select_option(label=["a", "b"]), ["b", "a"])
    bench.shows("letters", ["c"], lambda: bool(letters.evaluate("e => e.selectedOptions[0].label") == "c"))
    nickname = bench.field("nickname")
    bench.types("nickname", bench.field("nickname:").uncheck, "")
    bench.types("nickname", lambda: nickname.fill("Al"), "Al")
    bench.shows("nickname", None, lambda: bool(nickname.is_disabled()))


def times(bench: Bench) -> None:
    bench.both("born", "1815-12-10", "1815-12-10", "2000-02-29", "2000-02-29")
    bench.both("wakes", "08:15:02", "08:15:02", "23:59:58", "23:59:58")
    seen = bench.field("seen")
    bench.types("seen", lambda: seen.fill("2025-01-02T03:04"), "2025-01-02T03:04:00Z")
    bench.shows("seen", "2026-01-02T03:04:00Z", lambda: seen.input_value().startswith("2026-01-02T03:04"))


def sliders(bench: Bench) -> None:
    root = bench.form.root
    percent = root.locator(".widget-hslider", has_text="percent").get_by_role("slider")
    bench.types("percent", lambda: percent.press("ArrowRight"), 41)
    bench.shows("percent", 60, lambda: percent.get_attribute("aria-valuenow") == "60.0")
    ratio = root.locator(".widget-hslider", has_text="ratio").get_by_role("slider")
    bench.types("ratio", lambda: ratio.press("ArrowRight"), 0.51)
    bench.shows("ratio", 0.25, lambda: ratio.get_attribute("aria-valuenow") == "0.3")
    first = root.locator(".widget-hslider", has_text="span").get_by_role("slider").first
    bench.types("span", lambda: first.press("ArrowRight"), [11, 20])
    bench.shows("span", [5, 50], lambda: first.get_attribute("aria-valuenow") == "5.0")


def several_types(bench: Bench) -> None:
    kind = bench.field("either, type")
    bench.types("either", lambda: kind.select_option(label="str"), "3")
    bench.both("either", "three", "three", "four", "four")
    pet = bench.field("pet, type")
    bench.types("pet", lambda: pet.select_option(label="dog"), {"kind": "dog", "call": "wow"})
    bench.types("pet", lambda: bench.field("pet call").fill("wuff"), {"kind": "dog", "call": "wuff"})
    lives = {"kind": "cat", "lives": 3}
    bench.shows("pet", lives, lambda: bool(pet.evaluate("e => e.selectedOptions[0].label") == "cat"))


def bytes_and_secrets(bench: Bench) -> None:
    upload = bench.form.root.locator(".widget-upload").locator("xpath=..")
    chosen = {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"new"}
    with bench.form.root.page.expect_file_chooser() as opening:
        bench.form.button("Replace photo").click()
    opening.value.set_files(files=[chosen])  # type: ignore[list-item]
    expect(upload).to_contain_text("3 bytes: 'new'")
    before = bench.stored("pin")
    pin = bench.field("pin")
    assert pin.input_value() == ""
    pin.fill("another")
    eventually(lambda: bench.stored("pin") != before, "the secret is stored")
    expect(pin).to_have_value("")
    assert "hush-hush" not in bench.form.root.inner_html()


def what_is_folded(bench: Bench) -> None:
    form = bench.form
    expect(form.root.locator(".rpy-size")).to_have_text("2,880 characters")
    form.button("Show all").click()
    story = bench.field("story")
    expect(story).to_be_visible()
    bench.types("story", lambda: story.fill("short"), "short")
    anything = form.root.locator(".rpy-field", has_text="anything")
    anything.locator("summary").press("Enter")
    expect(anything.locator("pre")).to_contain_text("39")


def what_cannot_be_read(bench: Bench) -> None:
    row = bench.form.root.locator(".rpy-field", has_text="unread")
    bench.write("unread", "<grey>")
    expect(row).to_contain_text('✕ what is stored does not fit this field: "<grey>"')
    expect(bench.field("unread:")).to_be_disabled()
    bench.form.button("Overwrite").click()
    bench.field("unread:").uncheck()
    bench.types("unread", lambda: bench.field("unread").select_option(label="dark"), "d")
    expect(row).not_to_contain_text("what is stored")


def pictures(opened: NotebookPage, form: Form, artifacts: Path, name: str) -> None:
    if name != "subshells":
        return
    for theme in ("Light", "Dark"):
        opened.theme(f"JupyterLab {theme}")
        opened.picture(form.root, artifacts / f"controls-{theme.lower()}.png")
        assert violations_in(form.root) == []
    opened.page.set_viewport_size({"width": 460, "height": 3000})
    box = form.root.bounding_box()
    assert box is not None
    assert box["width"] <= 360
    opened.picture(form.root, artifacts / "controls-narrow.png")
    opened.page.set_viewport_size({"width": 1200, "height": 2400})
    opened.theme("JupyterLab Light")
