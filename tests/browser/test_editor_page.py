"""What is around the fields of a form, in real pages: two of them, locks, time, a server and a kernel that go."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import form_notebook
from tests.browser.accessibility import violations, violations_in
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import Form, NotebookPage
from tests.servers import command_line, free_ports, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from rapyer_nb.server import EmbeddedServer

pytestmark = pytest.mark.browser

KEY = "Person:ada"
LOCK = f"{KEY}/default:lock"
MODEL = form_notebook.MODEL.strip()
HERE = (MODEL, "form = edit(person)\nform", "from rapyer_nb import new\nmaker = new(Person)\nmaker")
HERE = (*HERE, "import time\ntime.sleep(9)")
THERE = (
    MODEL.replace("person = Person()\nawait person.asave()", 'person = await Person.aget("ada")'),
    HERE[1],
)
FORM, CREATOR, SLEEP = 1, 2, 3
_FOCUSED = """() => { const e = document.activeElement; return [
  !!e.closest('.rpy-editor'), e.getAttribute('aria-label') || [...(e.labels || [])].map(l => l.textContent).join(' ')
  || e.innerText || e.placeholder || '']; }"""
_CONTROLS = "input:enabled:visible, select:enabled:visible, textarea:enabled:visible, button:enabled:visible"


class Place:
    """A server of its own, that can be stopped and started again with what it had."""

    def __init__(self, directory: Path, command: list[str]) -> None:
        self.port = free_ports(1)[0]
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._directory, self._command = directory, [*command, *options]
        self._running = ExitStack()
        self.client = redis.Redis(port=self.port, decode_responses=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._running.enter_context(running(self._directory, self._command, self.port))

    def stop(self) -> None:
        self.client.save()
        self.end()

    def end(self) -> None:
        self._running.close()

    def stored(self, path: str = "$") -> Any:
        found: Any = self.client.json().get(KEY, path)
        return found[0] if found else None

    def write(self, path: str, value: Any) -> None:
        self.client.json().set(KEY, path, value)


@pytest.fixture
def place(tmp_path: Path, rapyer_redis: EmbeddedServer) -> Iterator[Place]:
    place = Place(tmp_path / "redis", command_line(rapyer_redis))
    place.start()
    yield place
    place.client.close()
    place.end()


@pytest.fixture(params=[None, "disabled"], ids=["subshells", "no-subshells"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, place: Place) -> Iterator[Lab]:
    """JupyterLab, with comm messages in a thread of their own (Lab's default) and without."""
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    form_notebook.write(notebooks / "here.ipynb", HERE)
    form_notebook.write(notebooks / "there.ipynb", THERE)
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": place.url}, request.param) as running_lab:
        running_lab.name = "no-subshells" if request.param else "subshells"  # type: ignore[attr-defined]
        yield running_lab


@pytest.mark.timeout(240)
def test_a_form_and_what_happens_around_it(lab: Lab, place: Place, browser: Browser, artifacts: Path) -> None:
    name: str = lab.name  # type: ignore[attr-defined]
    here = NotebookPage(browser, lab, "here.ipynb")
    here.run(0)
    here.run(FORM)
    form = here.form(FORM)
    try:
        two_pages_edit_one_object(browser, lab, form)
        edits_are_taken_back(form, place)
        mistakes_and_read_only(form, place)
        a_lock_keeps_the_form_from_writing(form, place)
        the_time_to_live_counts_down(form, place)
        a_deleted_object_is_stored_again(form, place)
        by_keyboard_alone(here, form, place)
        if name == "subshells":
            nothing_is_inaccessible(here, form, place, artifacts)
            a_busy_kernel_is_not_gone(here, form)
        the_server_goes_and_comes_back(form, place)
        the_kernel_is_gone(here, form, artifacts / f"editor-gone-{name}.png")
    except BaseException:
        here.picture(None, artifacts / f"editor-failed-{name}.png")
        raise
    assert here.errors == []
    here.page.close()


def two_pages_edit_one_object(browser: Browser, lab: Lab, form: Form) -> None:
    other = NotebookPage(browser, lab, "there.ipynb")
    other.run(0)
    other.run(FORM)
    theirs = other.form(FORM)
    for number in range(3):
        form.input("name").fill(f"Here {number}")
        expect(theirs.input("name")).to_have_value(f"Here {number}")
        theirs.input("name").fill(f"There {number}")
        expect(form.input("name")).to_have_value(f"There {number}")

    form.input("age").fill("500")  # cannot be saved
    expect(form.notes).to_contain_text("less than or equal to 120")
    theirs.input("age").fill("50")
    expect(form.notes.first).to_contain_text("⚠ is now 50 in Redis; your edit is not saved")
    form.input("age").fill("51")
    form.button("Keep mine").focus()
    form.root.page.keyboard.press("Enter")
    expect(theirs.input("age")).to_have_value("51")
    expect(form.input("age")).to_be_focused()  # whose button is gone by now

    theirs.button("Lock").click()
    expect(form.input("name")).to_be_disabled()
    expect(form.root.locator(".rpy-notice")).to_contain_text("locked by somebody else since")
    theirs.button("Unlock").click()
    expect(form.input("name")).to_be_enabled()
    other.page.close()
    expect(form.input("name")).to_be_enabled()


def edits_are_taken_back(form: Form, place: Place) -> None:
    form.input("name").fill("Grace")
    expect(form.foot).to_contain_text("✓ name saved")
    form.input("active").uncheck()
    expect(form.foot).to_contain_text("✓ active saved")
    form.root.page.keyboard.press("Control+z")  # in the box, not in a text
    expect(form.input("active")).to_be_checked()
    expect(form.foot).to_contain_text("active: the edit is taken back")
    form.button("Undo").click()
    expect(form.input("name")).to_have_value("There 2")
    eventually(lambda: place.stored("$.name") == "There 2", "Redis has it")


def mistakes_and_read_only(form: Form, place: Place) -> None:
    form.button("Read only").click()
    expect(form.input("name")).to_be_disabled()
    place.write("$.name", "Seen")
    expect(form.input("name")).to_have_value("Seen")
    form.button("Edit").click()
    form.input("name").fill("x")
    expect(form.notes).to_contain_text("at least 2 characters")
    form.input("name").fill("Right")
    eventually(lambda: place.stored("$.name") == "Right", "what is right is saved")


def a_lock_keeps_the_form_from_writing(form: Form, place: Place) -> None:
    place.client.set(LOCK, "somebody", px=60_000)
    expect(form.input("name")).to_be_disabled()
    form.button("Edit anyway").click()
    form.input("name").fill("All the same")
    eventually(lambda: place.stored("$.name") == "All the same", "it is saved")
    place.client.delete(LOCK)
    expect(form.root.locator(".rpy-notice")).to_be_hidden()


def the_time_to_live_counts_down(form: Form, place: Place) -> None:
    life = form.root.locator(".rpy-life")
    expect(life).to_contain_text("no expiry")
    form.button("Expiry").click()
    form.input("seconds from now").fill("120")
    form.button("Expire in these").click()
    expect(life).to_contain_text("ends in 1 min 5")
    calls = place.client.info("commandstats")["cmdstat_pttl"]["calls"]
    expect(life).to_contain_text("min 56 s")
    assert place.client.info("commandstats")["cmdstat_pttl"]["calls"] - calls <= 2
    form.button("Persist").click()
    expect(life).to_contain_text("no expiry")
    form.button("Expiry").click()


def a_deleted_object_is_stored_again(form: Form, place: Place) -> None:
    before = place.stored()
    place.client.delete(KEY)
    expect(form.state).to_contain_text("deleted")
    expect(form.input("name")).to_be_disabled()
    form.button("Recreate").click()
    expect(form.state).to_contain_text("live")
    expect(form.input("name")).to_be_enabled()
    assert place.stored() == before


def by_keyboard_alone(here: NotebookPage, form: Form, place: Place) -> None:
    wanted = form.root.locator(_CONTROLS).count()
    form.button("Read only").focus()
    names = []
    for _ in range(2 * wanted):
        inside, name = here.page.evaluate(_FOCUSED)
        if not inside:
            break
        names.append(name)
        if name == "active":
            here.page.keyboard.press("Space")
            eventually(lambda: place.stored("$.active") is False, "Space unticks the box")
        here.page.keyboard.press("Tab")
    assert len(names) >= wanted - 1  # Undo stands in front of where this began
    assert all(names)
    form.button("Undo").focus()
    here.page.keyboard.press("Enter")
    eventually(lambda: place.stored("$.active") is True, "Enter takes it back")


def nothing_is_inaccessible(here: NotebookPage, form: Form, place: Place, artifacts: Path) -> None:
    here.run(CREATOR)
    creator = here.cell(CREATOR).locator(".rpy-editor").first
    creator.wait_for()
    for theme in ("Light", "Dark"):
        here.theme(f"JupyterLab {theme}")
        here.cell(FORM)
        assert violations(here.page, ".rpy-editor") == []
        here.picture(form.root, artifacts / f"editor-{theme.lower()}.png")
        place.client.set(LOCK, "somebody", px=60_000)
        expect(form.button("Edit anyway")).to_be_visible()
        form.button("Read only").click()
        expect(form.button("Edit anyway")).to_be_hidden()
        assert violations(here.page, ".rpy-editor") == []
        here.picture(form.root, artifacts / f"editor-locked-read-only-{theme.lower()}.png")
        form.button("Edit").click()
        place.client.delete(LOCK)
        expect(form.input("name")).to_be_enabled()
        form.button("Expiry").click()
        expect(form.button("Expire in these")).to_be_visible()
        assert violations(here.page, ".rpy-editor") == []
        form.button("Expiry").click()
        here.cell(CREATOR)
        here.picture(creator, artifacts / f"creator-{theme.lower()}.png")
        assert violations_in(creator) == []
    creator.get_by_label("handle", exact=True).fill("made")
    creator.get_by_role("button", name="Create").click()
    creator.get_by_role("button", name="Edit it").click()
    expect(creator.locator(".rpy-editor .rpy-state")).to_contain_text("live", timeout=15_000)
    for theme in ("Dark", "Light"):
        here.theme(f"JupyterLab {theme}")
        assert violations_in(creator) == []
        here.picture(creator, artifacts / f"creator-edits-{theme.lower()}.png")
    here.page.set_viewport_size({"width": 460, "height": 1600})
    here.cell(FORM)
    form.button("Expiry").click()
    expect(form.button("Expire in these")).to_be_visible()
    box = form.root.bounding_box()
    assert box is not None
    assert box["width"] <= 360
    for control in form.root.locator(_CONTROLS).all():
        inner = control.bounding_box()
        assert inner is not None
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]
    here.picture(form.root, artifacts / "editor-narrow.png")
    form.button("Expiry").click()
    here.page.set_viewport_size({"width": 1200, "height": 1000})
    here.cell(FORM)


def the_server_goes_and_comes_back(form: Form, place: Place) -> None:
    place.stop()
    expect(form.state).to_contain_text("disconnected", timeout=15_000)
    expect(form.foot).to_contain_text("no connection since")
    form.input("name").fill("Typed meanwhile")
    expect(form.notes).to_contain_text("not saved", timeout=30_000)
    place.start()
    eventually(lambda: place.stored("$.name") == "Typed meanwhile", "it is saved then", 30)
    expect(form.state).to_contain_text("live", timeout=15_000)
    place.write("$.age", 77)
    expect(form.input("age")).to_have_value("77")


def a_busy_kernel_is_not_gone(here: NotebookPage, form: Form) -> None:
    page = form.root.locator(".rpy-page")
    started = time.monotonic()
    here.page.evaluate(
        "(cell) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell;"
        " window.jupyterapp.commands.execute('notebook:run-cell'); }",
        SLEEP,
    )
    here.cell(FORM)
    expect(page).to_contain_text("the kernel is busy: edits wait until it is free", timeout=15_000)
    assert time.monotonic() - started >= 3
    expect(form.input("name")).to_be_enabled()
    expect(page).to_have_text("", timeout=20_000)


def the_kernel_is_gone(here: NotebookPage, form: Form, picture: Path) -> None:
    here.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    here.cell(FORM)
    expect(form.root.locator(".rpy-page")).to_contain_text("✕ the kernel is gone since", timeout=15_000)
    expect(form.input("name")).to_be_disabled()
    expect(form.button("Read only")).to_be_disabled()
    here.picture(form.root, picture)
