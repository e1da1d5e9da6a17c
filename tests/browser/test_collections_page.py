"""Collections in a real page: appended to, moved, changed and popped there and elsewhere, by keyboard as well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import collections_notebook
from tests.browser.accessibility import violations_in
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import Form, NotebookPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser

KEY = "Plan:ada"
JOBS = f"__rapyer_special__:{KEY}:jobs"
WORDS = [f"word {number}" for number in range(23)]


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
    collections_notebook.write(notebooks / "collections.ipynb")
    settings = tmp_path / "lab"
    settings.mkdir()
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}) as lab:
        page = NotebookPage(browser, lab, "collections.ipynb", height=1900)
        yield page
        page.page.close()


def stored(server: redis.Redis, path: str) -> Any:
    found: Any = server.json().get(KEY, path)
    return found[0] if found else None


def timed(act: Callable[[], object], look: Callable[[], bool], what: str) -> float:
    started = time.perf_counter()
    act()
    eventually(look, what)
    return time.perf_counter() - started


def test_collections_and_redis_stay_in_step(
    opened: NotebookPage, server: redis.Redis, latency: Latency, artifacts: Path
) -> None:
    opened.run_all()
    form = opened.form(collections_notebook.FORM)
    expect(form.input("words 1")).to_have_value("word 0", timeout=30_000)  # some hundred widgets

    pictures(opened, form, artifacts)
    page_to_redis(form, server, latency)
    redis_to_page(form, server, latency)
    by_keyboard(opened, form, server)
    a_shift_is_not_written_into_another_entry(form, server)
    every_control_has_a_name(form)
    assert "'daily': 6" in opened.run_text(collections_notebook.LOCAL)
    latency.check("collections")
    assert opened.errors == []


def page_to_redis(form: Form, server: redis.Redis, latency: Latency) -> None:
    def measured(act: Callable[[], object], look: Callable[[], bool], what: str) -> None:
        latency.to_redis.append(timed(act, look, what))

    form.input("add to words").fill("last")
    measured(
        lambda: form.root.get_by_title("Add to words").click(),
        lambda: stored(server, "$.words[-1]") == "last",
        "append",
    )
    expect(form.input("add to words")).to_have_value("")
    measured(
        lambda: form.button("Remove words 3").click(),
        lambda: "word 2" not in stored(server, "$.words"),
        "remove",
    )
    expect(form.input("words 3")).to_have_value("word 3")
    measured(
        lambda: form.button("Move words 2 up").click(),
        lambda: stored(server, "$.words[0]") == "word 1",
        "move",
    )
    expect(form.button("Move words 1 up")).to_be_disabled()
    measured(
        lambda: form.input("words 4").fill("changed"),
        lambda: stored(server, "$.words[3]") == "changed",
        "set",
    )
    measured(
        lambda: form.input("limits 1").fill("6"),
        lambda: stored(server, "$.limits.daily") == 6,
        "a dict",
    )
    measured(lambda: form.button("Pop lowest").click(), lambda: server.zcard(JOBS) == 2, "pop")
    expect(form.root.get_by_text("popped job 1 (priority 1)")).to_be_visible()
    form.input("add to members").fill("7")
    measured(
        lambda: form.root.get_by_title("Add to members").click(),
        lambda: server.scard(f"{JOBS[:-4]}members") == 51,
        "a set",
    )
    form.root.get_by_title("Open steps 2").click()
    measured(
        lambda: form.input("steps[1] title").fill("sow seeds"),
        lambda: stored(server, "$.steps[1].title") == "sow seeds",
        "a field of a model in a list",
    )
    form.button("Undo").click()
    eventually(lambda: stored(server, "$.steps[1].title") == "sow", "the edit is taken back")


def redis_to_page(form: Form, server: redis.Redis, latency: Latency) -> None:
    def measured(act: Callable[[], object], locator: Locator, value: str) -> None:
        latency.to_page.append(timed(act, lambda: locator.input_value() == value, value))

    first = form.input("words 1")
    json = server.json()
    measured(lambda: json.arrinsert(KEY, "$.words", 0, "inserted"), first, "inserted")
    measured(lambda: json.arrpop(KEY, "$.words", 0), first, "word 1")
    measured(lambda: json.set(KEY, "$.words[0]", "set"), first, "set")
    measured(lambda: json.set(KEY, "$.limits.daily", 6), form.input("limits 1"), "6")
    measured(lambda: server.zadd(JOBS, {'"job 2"': 1.5}), form.input("jobs 1, priority"), "1.5")
    latency.to_page.append(
        timed(
            lambda: json.arrappend(KEY, "$.words", "appended"),
            lambda: "1–20 of 24" in form.root.inner_text(),
            "it is counted",
        )
    )


def by_keyboard(opened: NotebookPage, form: Form, server: redis.Redis) -> None:
    keyboard = opened.page.keyboard
    box = form.input("add to words")
    box.press_sequentially("typed")
    expect(box).to_have_value("typed")
    box.press("Enter")
    eventually(lambda: stored(server, "$.words[-1]") == "typed", "added by Enter")
    form.button("Next page of words").focus()
    keyboard.press("Space")  # JupyterLab takes Enter for itself where no text is typed
    expect(form.root.get_by_text("21–25 of 25")).to_be_visible()
    form.button("First page of words").focus()
    keyboard.press("Space")  # JupyterLab takes Enter for itself where no text is typed
    expect(form.root.get_by_text("1–20 of 25")).to_be_visible()
    before = stored(server, "$.words")
    expect(form.input("words 3")).to_have_value(before[2])
    form.button("Move words 3 up").focus()
    keyboard.press("Space")
    eventually(lambda: stored(server, "$.words")[1] == before[2], "moved by a key")
    expect(form.button("Move words 2 up")).to_be_focused()


def a_shift_is_not_written_into_another_entry(form: Form, server: redis.Redis) -> None:
    before = stored(server, "$.words")
    expect(form.input("words 6")).to_have_value(before[5])
    form.input("words 6").fill(f"{before[5]}!")
    server.json().arrinsert(KEY, "$.words", 0, "new first")
    eventually(lambda: stored(server, "$.words[6]") == f"{before[5]}!", "what was typed follows its entry")
    assert stored(server, "$.words[5]") == before[4]


def every_control_has_a_name(form: Form) -> None:
    assert [kind for kind, name in form.names() if not name] == []


def pictures(opened: NotebookPage, form: Form, artifacts: Path) -> None:
    form.root.get_by_title("Open steps 1").click()
    expect(form.input("steps[0] title")).to_have_value("dig", timeout=30_000)
    for theme in ("Light", "Dark"):
        opened.theme(f"JupyterLab {theme}")
        opened.picture(form.root, artifacts / f"collections-{theme.lower()}.png")
        assert violations_in(form.root) == []
    opened.page.set_viewport_size({"width": 460, "height": 2400})
    opened.picture(form.root, artifacts / "collections-narrow.png")
    opened.page.set_viewport_size({"width": 1200, "height": 1900})
    opened.theme("JupyterLab Light")
    form.root.get_by_title("Fold steps 1").click()
