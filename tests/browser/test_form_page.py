"""A form with every kind of field, in a real page: comm messages arrive in another thread only here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import form_notebook
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import Form, NotebookPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser

KEY = "Person:ada"
REACTION = 0.15
"""Seconds in which nobody reads a text and answers."""
REPEATS = 7


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
    form_notebook.write(notebooks / "form.ipynb")
    settings = tmp_path / "lab"
    settings.mkdir()
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}, request.param) as lab:
        page = NotebookPage(browser, lab, "form.ipynb")
        page.subshells = request.param is None
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


def test_the_form_and_redis_stay_in_step(
    opened: NotebookPage, server: redis.Redis, latency: Latency, artifacts: Path
) -> None:
    opened.run_all()
    form = opened.form(form_notebook.FORM)
    name = "subshells" if opened.subshells else "no-subshells"

    both_ways(form, server, latency)
    every_control_writes(form, server)
    mistakes_are_explained(form, server)
    conflicts_are_decided_by_the_user(form, server)
    every_control_has_a_name(form)

    assert "'Edsger 6'" in opened.run_text(form_notebook.LOCAL)
    pictures(opened, form, artifacts, name)
    it_ends_with_its_view(opened, server)
    latency.check(f"form-{name}")
    assert opened.errors == []


def both_ways(form: Form, server: redis.Redis, latency: Latency) -> None:
    name = form.input("name")
    for number in range(REPEATS):
        latency.to_page.append(
            timed(
                lambda number=number: server.json().set(KEY, "$.name", f"Grace {number}"),  # type: ignore[misc]
                lambda number=number: name.input_value() == f"Grace {number}",  # type: ignore[misc]
                "the change shows",
            )
        )
        time.sleep(REACTION)  # what is typed sooner counts as typed by somebody who has not seen the change
        latency.to_redis.append(
            timed(
                lambda number=number: name.fill(f"Edsger {number}"),  # type: ignore[misc]
                lambda number=number: stored(server, "$.name") == f"Edsger {number}",  # type: ignore[misc]
                "the edit is stored",
            )
        )
    expect(form.foot).to_contain_text("✓ name saved")


def every_control_writes(form: Form, server: redis.Redis) -> None:
    form.input("age").fill("41")
    eventually(lambda: stored(server, "$.age") == 41, "age")
    form.input("score").fill("2.25")
    eventually(lambda: stored(server, "$.score") == 2.25, "score")
    form.input("active").uncheck()
    eventually(lambda: stored(server, "$.active") is False, "active")
    form.input("role").select_option(label="owner")
    eventually(lambda: stored(server, "$.role") == "o", "role")
    form.input("joined").fill("2025-01-02T03:04")
    eventually(lambda: stored(server, "$.joined") == "2025-01-02T03:04:00", "joined")
    form.input("seen").fill("2025-01-02T03:04")
    eventually(lambda: stored(server, "$.seen") == "2025-01-02T03:04:00Z", "seen")
    form.input("nickname:").uncheck()
    eventually(lambda: stored(server, "$.nickname") == "", "nickname is no longer null")
    form.input("nickname").fill("Al")
    eventually(lambda: stored(server, "$.nickname") == "Al", "nickname")
    tags = form.root.get_by_placeholder("add to tags, then Tab")
    tags.press_sequentially("late")
    tags.press("Tab")
    eventually(lambda: stored(server, "$.tags") == ["early", "admin", "late"], "tags")
    form.input("add to settings, key").fill("zone")
    form.input("add to settings").fill("UTC")
    form.root.get_by_title("Add to settings").click()
    eventually(lambda: stored(server, "$.settings").get("zone") == "UTC", "settings")
    form.input("address city").fill("Rome")
    eventually(lambda: stored(server, "$.address.city") == "Rome", "a nested field")
    form.input("second_home:").uncheck()
    eventually(lambda: stored(server, "$.second_home") is not None, "a group that was null")
    expect(form.input("second_home city")).to_be_enabled()
    server.json().set(KEY, "$.settings", {"only": "one"})
    expect(form.input("settings 1, key")).to_have_value("only")


def mistakes_are_explained(form: Form, server: redis.Redis) -> None:
    form.input("age").fill("500")
    expect(form.notes).to_contain_text("✕ Input should be less than or equal to 120")
    form.input("joined").fill("")
    expect(form.notes.nth(1)).to_contain_text("choose a date and a time")
    assert stored(server, "$.age") == 41


def conflicts_are_decided_by_the_user(form: Form, server: redis.Redis) -> None:
    age = form.input("age")  # still shows 500, which the kernel refused
    server.json().set(KEY, "$.age", 50)
    expect(form.notes.first).to_contain_text("⚠ is now 50 in Redis; your edit is not saved")
    assert age.input_value() == "500"
    form.button("Take theirs").click()
    expect(age).to_have_value("50")

    age.fill("900")
    expect(form.notes.first).to_contain_text("less than or equal to 120")
    server.json().set(KEY, "$.age", 51)
    expect(form.button("Keep mine")).to_be_visible()
    age.fill("60")
    form.button("Keep mine").click()
    eventually(lambda: stored(server, "$.age") == 60, "mine is kept")
    expect(form.button("Keep mine")).to_have_count(0)


def every_control_has_a_name(form: Form) -> None:
    names = form.names()
    assert [kind for kind, name in names if not name] == []
    assert len({tuple(entry) for entry in names if entry[0] != "submit"}) == len(
        [entry for entry in names if entry[0] != "submit"]
    )


def pictures(opened: NotebookPage, form: Form, artifacts: Path, name: str) -> None:
    opened.picture(form.root, artifacts / f"form-light-{name}.png")
    opened.theme("JupyterLab Dark")
    opened.picture(form.root, artifacts / f"form-dark-{name}.png")
    opened.page.set_viewport_size({"width": 460, "height": 1600})
    box = form.root.bounding_box()
    assert box is not None
    assert box["width"] <= 360
    for control in form.root.locator("input:visible, select:visible, button:visible").all():
        inner = control.bounding_box()
        assert inner is not None
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
    opened.picture(form.root, artifacts / f"form-narrow-{name}.png")
    opened.page.set_viewport_size({"width": 1200, "height": 1000})


def it_ends_with_its_view(opened: NotebookPage, server: redis.Redis) -> None:
    def listening() -> int:
        return len(
            [info for info in server.client_list() if info.get("resp") == "3" and "t" in info["flags"]]
        )

    assert listening() == 1
    opened.run(form_notebook.FORM)  # again: the old form goes with its output
    opened.form(form_notebook.FORM)
    assert "1 form" in opened.run_text(form_notebook.COUNT)
    opened.clear_output(form_notebook.FORM)
    eventually(lambda: listening() == 0, "the connection ends with the last form")
