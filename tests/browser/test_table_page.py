"""The table and the browser of models in a real page: by keyboard, by mouse, live, and for a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import redis
from playwright.sync_api import expect

from tests.browser import form_notebook
from tests.browser.accessibility import violations_in
from tests.browser.lab import Lab, eventually
from tests.browser.notebook_page import NotebookPage
from tests.browser.test_form_page import timed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.conftest import Latency

pytestmark = pytest.mark.browser

MODEL = """%load_ext rapyer_nb
import datetime as dt, enum
from typing import Annotated
from pydantic import Field
import rapyer_nb
from rapyer import AtomicRedisModel, Index, Key

class Plan(enum.Enum):
    free = "f"
    paid = "p"

class Basket(AtomicRedisModel):
    handle: Key[str] = ""
    note: str = ""

class Buyer(AtomicRedisModel):
    handle: Key[str] = ""
    name: Index[str] = ""
    age: Annotated[Index[int], Field(ge=0, le=120, description="In years")] = 0
    plan: Plan = Plan.free
    born: dt.date = dt.date(2000, 1, 2)
    nick: str | None = None
    tags: set[str] = set()
    note: str = ""

await Buyer.acreate_index()
await Basket.ainsert(*(Basket(handle=f"k{at:02}") for at in range(25)))
await Buyer.ainsert(*(
    Buyer(handle=f"b{at:02}", name=f"Name {at}", age=20 + at, tags={"a", "b"},
          note="<img src=x onerror=alert(1)> " + "long " * 40 if at % 3 else "")
    for at in range(45)
));"""
CELLS = (
    MODEL,
    "people = rapyer_nb.table(Buyer)\npeople",
    'older = rapyer_nb.table(Buyer, "age >= 60", sort="-age", columns=["name", "age"], page_size=10)\nolder',
    "print(len(people.selected), [one.handle for one in people.selected])",
    "there = rapyer_nb.browse()\nthere",
)
PEOPLE, OLDER, SELECTED, THERE = 1, 2, 3, 4
KEY = "Buyer:b01"
_FITS = "e => e.getBoundingClientRect().width <= 360 && e.scrollWidth <= e.clientWidth"
REPEATS = 5


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
    artifacts: Path,
) -> Iterator[NotebookPage]:
    notebooks, settings = tmp_path / "notebooks", tmp_path / "lab"
    notebooks.mkdir()
    settings.mkdir()
    form_notebook.write(notebooks / "table.ipynb", CELLS)
    with Lab(settings, notebooks, {"RAPYER_REDIS_URL": rapyer_redis_url}, request.param) as lab:
        page = NotebookPage(browser, lab, "table.ipynb")
        page.subshells = request.param is None
        page.run_all()
        try:
            yield page
        finally:
            page.picture(None, artifacts / "table-last.png")
            page.page.close()


def stored(server: redis.Redis, path: str, key: str = KEY) -> Any:
    found: Any = server.json().get(key, path)
    return found[0] if found else None


def table_of(opened: NotebookPage, index: int) -> Locator:
    root = opened.cell(index).locator(".rpy-editor").first
    expect(root.locator(".rpy-state").first).to_contain_text("live", timeout=20_000)
    expect(root.locator("tbody tr").first).to_be_visible()
    return root


def cell(root: Locator, key: str, column: str) -> Locator:
    return root.locator(f'tr[data-key="{key}"] > [data-column="{column}"]')


def test_the_table_and_redis_stay_in_step(
    opened: NotebookPage, server: redis.Redis, latency: Latency, artifacts: Path
) -> None:
    root = table_of(opened, PEOPLE)
    expect(root.locator("tbody tr")).to_have_count(20)
    assert opened.page.locator(".rpt img").count() == 0
    by_keyboard(opened, root, server, latency)
    live(opened, root, server, latency)
    mistakes_and_conflicts(opened, root, server)
    choices_dates_and_null(opened, root, server)
    sorting_filtering_paging(opened, root)
    if opened.subshells:
        pictures(opened, root, artifacts)
    two_of_a_class(opened, server)
    selecting_and_deleting(opened, server)
    it_opens_below(opened, server)
    browsing(opened, server, artifacts)
    the_kernel_is_gone(opened)
    latency.check(f"table-{'subshells' if opened.subshells else 'no-subshells'}")
    assert opened.errors == []


def by_keyboard(opened: NotebookPage, root: Locator, server: redis.Redis, latency: Latency) -> None:
    keyboard = opened.page.keyboard
    root.get_by_label("Filter").focus()
    for _ in range(10):  # Tab leads into the grid
        keyboard.press("Tab")
        if root.locator("table :focus").count():
            break
    expect(root.locator("table :focus")).to_have_count(1)
    keyboard.press("Control+Home")
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    for _ in range(3):
        keyboard.press("ArrowRight")
    expect(cell(root, KEY, "age")).to_be_focused()
    for number in range(REPEATS):
        age = 30 + number

        def type_it(age: int = age) -> None:
            keyboard.press("Enter")
            keyboard.type(str(age))
            keyboard.press("Enter")

        latency.to_redis.append(
            timed(type_it, lambda age=age: stored(server, "$.age") == age, "it is stored")
        )  # type: ignore[misc]
        expect(cell(root, KEY, "age").locator("input")).to_have_count(0)
        expect(cell(root, KEY, "age")).to_have_text(str(age))
        expect(cell(root, KEY, "age")).to_be_focused()
    keyboard.press("F2")
    keyboard.type("99")
    keyboard.press("Escape")
    expect(cell(root, KEY, "age").locator("input")).to_have_count(0)
    assert stored(server, "$.age") == 34
    assert opened.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length") == len(
        CELLS
    )


def live(opened: NotebookPage, root: Locator, server: redis.Redis, latency: Latency) -> None:
    name = cell(root, "Buyer:b03", "name")
    for number in range(REPEATS):
        latency.to_page.append(
            timed(
                lambda number=number: server.json().set("Buyer:b03", "$.name", f"Grace {number}"),  # type: ignore[misc]
                lambda number=number: name.inner_text() == f"Grace {number}",  # type: ignore[misc]
                "the change shows",
            )
        )
    expect(cell(root, KEY, "age")).to_be_focused()
    opened.page.keyboard.press("Enter")
    opened.page.keyboard.type("7")  # half typed
    server.json().set("Buyer:b03", "$.name", "Ada")
    expect(name).to_have_text("Ada")
    server.delete("Buyer:b00")
    expect(root.locator('tr[data-key="Buyer:b00"] .rpt-mark')).to_have_text("⊘ deleted")
    expect(root.locator('tr[data-key="Buyer:b00"]')).to_have_count(0)
    field = cell(root, KEY, "age").locator("input")
    expect(field).to_be_focused()
    expect(field).to_have_value("7")
    opened.page.keyboard.press("Escape")


def mistakes_and_conflicts(opened: NotebookPage, root: Locator, server: redis.Redis) -> None:
    keyboard = opened.page.keyboard
    age = cell(root, KEY, "age")
    age.dblclick()
    keyboard.type("500")
    keyboard.press("Enter")
    expect(age.locator(".rpt-note")).to_have_text("✕ Input should be less than or equal to 120")
    expect(age.locator("input")).to_have_attribute("aria-invalid", "true")
    keyboard.press("Enter")
    keyboard.type("55")
    eventually(lambda: age.locator("input").input_value() == "55", "typed")
    expect(age.locator(".rpt-note")).to_have_text("")
    server.json().set(KEY, "$.age", 60)
    expect(age.locator(".rpt-note")).to_contain_text("is now 60 in Redis; your edit is not saved")
    age.get_by_text("Keep mine").click()
    eventually(lambda: stored(server, "$.age") == 55, "mine is kept")
    expect(age.locator("input")).to_have_count(0)
    # What is left is written.
    name = cell(root, KEY, "name")
    before = stored(server, "$.name")
    name.dblclick()
    keyboard.type("By mouse")
    cell(root, "Buyer:b05", "note").click()
    eventually(lambda: stored(server, "$.name") == "By mouse", "leaving writes")
    for undo in (root.get_by_role("button", name="Undo").click, lambda: keyboard.press("Control+z")):
        undo()
        eventually(lambda: stored(server, "$.name") == before, "it is taken back")
        expect(name).to_have_text(before)
        name.dblclick()
        keyboard.type("By mouse")
        cell(root, "Buyer:b05", "note").click()
        eventually(lambda: stored(server, "$.name") == "By mouse", "written once more")
        expect(name).to_have_text("By mouse")


def choices_dates_and_null(opened: NotebookPage, root: Locator, server: redis.Redis) -> None:
    keyboard = opened.page.keyboard
    plan = cell(root, KEY, "plan")
    plan.dblclick()
    plan.locator("select").select_option(label="paid")
    keyboard.press("Enter")
    eventually(lambda: stored(server, "$.plan") is not None and plan.inner_text() == "Plan.paid", "a choice")
    born = cell(root, KEY, "born")
    born.dblclick()
    born.locator("input").fill("2001-02-03")
    keyboard.press("Enter")
    expect(born).to_have_text("2001-02-03")
    nick = cell(root, KEY, "nick")
    nick.dblclick()
    nick.get_by_label("null").uncheck()
    nick.locator("input[type=text]").fill("Al")
    keyboard.press("Tab")
    keyboard.press("Tab")
    eventually(lambda: stored(server, "$.nick") == "Al", "no longer null")


def sorting_filtering_paging(opened: NotebookPage, root: Locator) -> None:
    heading = root.locator('th[data-column="age"]')
    heading.locator("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.locator("button").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(root.locator("tbody tr").first).to_contain_text("Buyer:b44")
    root.locator('th[data-column="note"] button').click(force=True)
    expect(root.locator(".rpy-foot")).to_contain_text("not sorted: Buyer.note has no index")
    expect(root.locator(".rpt-shown")).to_have_text("1–20 of 44")
    root.get_by_label("The next page").click()
    expect(root.locator(".rpt-shown")).to_have_text("21–40 of 44")
    line = root.get_by_label("Filter")
    line.fill("agee >= 60")
    line.press("Enter")
    expect(root.locator(".rpt-mistake")).to_have_text("✕ unknown field 'agee' on Buyer; did you mean 'age'?")
    expect(root.locator(".rpt-shown")).to_have_text("21–40 of 44")
    line.fill("age >= 60 and name == 'Name 41'")
    line.press("Enter")
    expect(root.locator("tbody tr")).to_have_count(1)
    expect(root.locator(".rpt-mistake")).to_have_text("")
    line.fill("")
    line.press("Enter")
    expect(root.locator(".rpt-shown")).to_have_text("1–20 of 44")
    heading.locator("button").click()
    expect(heading).not_to_have_attribute("aria-sort", "descending")


def two_of_a_class(opened: NotebookPage, server: redis.Redis) -> None:
    other = table_of(opened, OLDER)
    expect(other.locator("tbody tr").first).to_contain_text("Buyer:b44")
    server.json().set("Buyer:b44", "$.name", "In both")
    expect(cell(other, "Buyer:b44", "name")).to_have_text("In both")
    line = table_of(opened, PEOPLE).get_by_label("Filter")
    line.fill("age >= 64")
    line.press("Enter")
    expect(cell(table_of(opened, PEOPLE), "Buyer:b44", "name")).to_have_text("In both")
    line.fill("")
    line.press("Enter")


def selecting_and_deleting(opened: NotebookPage, server: redis.Redis) -> None:
    root = table_of(opened, PEOPLE)
    root.get_by_label("Select Buyer:b05").check()
    root.get_by_label("Select Buyer:b07").click(modifiers=["Shift"])
    expect(root.locator(".rpt-chosen")).to_have_text("3 selected")
    server.json().set("Buyer:b06", "$.name", "Still selected")
    expect(cell(root, "Buyer:b06", "name")).to_have_text("Still selected")
    expect(root.get_by_label("Select Buyer:b06")).to_be_checked()
    assert opened.run_text(SELECTED) == "3 ['b05', 'b06', 'b07']"
    root = table_of(opened, PEOPLE)
    root.get_by_text("Delete…").click()
    expect(root.get_by_role("alertdialog")).to_contain_text("Delete 3 Buyers?")
    expect(root.get_by_text("Cancel")).to_be_focused()
    opened.page.keyboard.press("Enter")
    expect(root.get_by_role("alertdialog")).to_have_count(0)
    assert server.exists("Buyer:b05") == 1
    root.get_by_text("Delete…").click()
    root.get_by_role("alertdialog").get_by_text("Delete", exact=True).click()
    expect(root.locator(".rpy-foot")).to_contain_text("✓ 3 Buyers deleted")
    assert server.exists("Buyer:b05", "Buyer:b06", "Buyer:b07") == 0
    expect(root.locator('tr[data-key="Buyer:b05"]')).to_have_count(0)


def it_opens_below(opened: NotebookPage, server: redis.Redis) -> None:
    root = table_of(opened, PEOPLE)
    root.get_by_role("button", name=KEY, exact=True).click()
    form = root.locator(".rpy-editor")
    expect(form.locator(".rpy-state")).to_contain_text("live", timeout=15_000)
    form.get_by_label("name", exact=True).fill("In the form")
    expect(cell(root, KEY, "name")).to_have_text("In the form")


def browsing(opened: NotebookPage, server: redis.Redis, artifacts: Path) -> None:
    opened.clear_output(PEOPLE)
    opened.clear_output(OLDER)
    root = table_of(opened, THERE)
    buyers = root.locator('tr[data-key="Buyer"]')
    expect(buyers).to_contain_text("up to date")
    count = int(buyers.locator("td").first.inner_text())
    server.json().set("Buyer:new", "$", {"handle": "new", "name": "New", "age": 3})
    expect(buyers.locator("td").first).to_have_text(str(count + 1))
    server.delete("Buyer:new")
    if opened.subshells:
        pictures(opened, root, artifacts, "browse-models")
    root.get_by_role("button", name="Basket", exact=True).click()
    expect(root.locator(".rpt-shown")).to_have_text("1–20 of more than 20")
    line = root.get_by_label("Keys")
    line.fill("k07")
    line.press("Enter")
    expect(root.locator("tbody tr")).to_have_count(1)
    if opened.subshells:
        pictures(opened, root, artifacts, "browse-objects")
    root.locator("tbody").get_by_role("button", name="Basket:k07").click()
    form = root.locator(".rpy-inside > .rpy-editor")
    expect(form.locator(".rpy-state")).to_contain_text("live", timeout=15_000)
    form.get_by_label("note", exact=True).fill("From the browser")
    eventually(lambda: stored(server, "$.note", "Basket:k07") == "From the browser", "the form writes")
    if opened.subshells:
        pictures(opened, root, artifacts, "browse-object")
    root.get_by_role("button", name="Basket", exact=True).click()
    expect(cell(root, "Basket:k07", "note")).to_have_text("From the browser")
    root.get_by_role("button", name="Models", exact=True).click()
    expect(root.locator('tr[data-key="Basket"]')).to_contain_text("25")


def pictures(opened: NotebookPage, root: Locator, artifacts: Path, name: str = "table") -> None:
    age = cell(root, "Buyer:b03", "age")
    if name == "table":
        root.get_by_label("Select Buyer:b02").check()
        root.get_by_text("Delete…").click()
        expect(root.get_by_text("Cancel")).to_be_focused()
        age.dblclick()
        opened.page.keyboard.type("500")
        opened.page.keyboard.press("Enter")
        expect(age.locator(".rpt-note")).to_contain_text("less than")
    for theme in ("Light", "Dark"):
        opened.theme(f"JupyterLab {theme}")
        opened.picture(root, artifacts / f"{name}-{theme.lower()}.png")
        assert violations_in(root) == []
    opened.page.set_viewport_size({"width": 460, "height": 1600})
    eventually(lambda: root.evaluate(_FITS), "it is narrow, and all of it is seen")
    opened.picture(root, artifacts / f"{name}-narrow.png")
    opened.page.set_viewport_size({"width": 1200, "height": 1000})
    opened.theme("JupyterLab Light")
    if name == "table":
        opened.page.keyboard.press("Escape")
        age.locator("input").press("Escape")
        root.get_by_text("Cancel").click()
        root.get_by_text("Select none").click()


def the_kernel_is_gone(opened: NotebookPage) -> None:
    opened.page.evaluate(
        "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart(); }"
    )
    root = opened.cell(THERE).locator(".rpy-editor").first
    expect(root.locator(".rpy-page").first).to_contain_text("✕ the kernel is gone since", timeout=15_000)
    expect(root.get_by_role("button", name="Basket", exact=True)).to_be_disabled()
