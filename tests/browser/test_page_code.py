"""The code of a form that runs in the page, in a page of its own: without JupyterLab, with a model that is made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from rapyer_nb.views.objects import span
from rapyer_nb.widgets.page import Page

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as BrowserPage

pytestmark = pytest.mark.browser

FORM = """
<div class="rpy-editor">
  <div id="here"></div>
  <button class="rpy-undo" onclick="window.undone = (window.undone || 0) + 1">Undo</button>
  <span id="life"><span data-rpy-left="61400">1 min 1 s</span></span>
  <div class="rpy-rows">
    <div class="rpy-field"><div><div class="widget-label">volume</div>
      <div class="noUi-base"><div class="noUi-handle noUi-handle-lower" role="slider" tabindex="0"></div></div></div></div>
    <div class="rpy-field"><div><div class="widget-label">range</div>
      <div class="noUi-base"><div class="noUi-handle noUi-handle-lower" role="slider" tabindex="0"></div>
        <div class="noUi-handle noUi-handle-upper" role="slider" tabindex="0"></div></div></div></div>
    <div class="rpy-field"><div class="rpy-label">tags</div><div><input id="tags" type="text"></div></div>
    <div class="rpy-field"><label for="name">name</label><input id="name" type="text">
      <button id="mine" onclick="this.remove()">Keep mine</button></div>
    <div class="rpy-field"><label><input id="box" type="checkbox">done</label></div>
  </div>
</div>
"""
# What anywidget gives: `answers` says whether a kernel answers, `manager` is the page's.
MAKE = """async ([code, kernel]) => {
  const url = URL.createObjectURL(new Blob([code], {type: "text/javascript"}));
  const page = await import(url);
  window.page = page;
  window.answers = true;
  const listeners = {};
  const emit = (name, ...rest) => (listeners[name] || []).forEach((listener) => listener(...rest));
  window.manager = kernel ? {kernel} : {};
  window.beats = 0;
  const model = {
    on: (name, listener) => (listeners[name] ??= []).push(listener), off: () => {},
    send: (message) => { if (message.kind !== "beat") return; window.beats++; if (window.answers) setTimeout(() => emit("msg:custom", message), 5); },
    widget_manager: window.manager,
  };
  window.live = () => emit("comm_live_update");
  window.end = page.default.render({model, el: document.getElementById("here")});
}"""


def open_form(browser: Browser, kernel: Any = None) -> BrowserPage:
    page = browser.new_page()
    page.set_content(FORM)
    page.evaluate(MAKE, [Page._esm, kernel])
    return page


def test_controls_without_a_name_get_that_of_their_label(browser: Browser) -> None:
    page = open_form(browser)
    expect(page.get_by_role("slider", name="volume", exact=True)).to_have_count(1)
    expect(page.get_by_role("slider", name="range, from")).to_have_count(1)
    expect(page.get_by_role("slider", name="range, to")).to_have_count(1)
    expect(page.locator("#tags")).to_have_attribute("aria-label", "tags")
    assert page.locator("#name").get_attribute("aria-label") is None
    page.evaluate(
        "() => document.querySelector('.rpy-rows').insertAdjacentHTML('beforeend',"
        " '<div><div class=rpy-label>later</div><select id=later></select></div>')"
    )
    expect(page.locator("#later")).to_have_attribute("aria-label", "later")


def test_time_counts_down_in_the_words_of_python(browser: Browser) -> None:
    page = open_form(browser)
    for seconds in (0.4, 1, 59.6, 61.4, 3600, 3661, 86_400, 200_000, 9_000_000):
        assert page.evaluate("(seconds) => window.page.span(seconds)", seconds) == span(seconds)
    expect(page.locator("#life")).to_have_text("59 s")


def test_undo_by_key_is_for_who_is_not_in_a_text(browser: Browser) -> None:
    page = open_form(browser)
    expect(page.locator("#tags")).to_have_attribute("aria-label", "tags")
    page.locator("#name").press("Control+z")
    assert page.evaluate("() => window.undone") is None
    page.locator("#box").press("Control+z")
    assert page.evaluate("() => window.undone") == 1


def test_the_focus_stays_at_the_field_whose_button_went(browser: Browser) -> None:
    page = open_form(browser)
    expect(page.locator("#tags")).to_have_attribute("aria-label", "tags")
    page.locator("#mine").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#name")).to_be_focused()


def test_where_no_kernel_is_known_it_is_asked(browser: Browser) -> None:
    page = open_form(browser)
    page.wait_for_function("() => window.beats === 1")
    said = page.locator("#here [role=status]")
    page.evaluate("() => { window.answers = false; }")
    expect(said).to_contain_text("⚠ the kernel has not answered since", timeout=20_000)
    expect(page.locator("#name")).to_be_enabled()
    page.evaluate("() => { window.answers = true; }")
    expect(said).to_have_text("", timeout=20_000)
    assert page.evaluate("() => window.beats") <= 6


def test_a_kernel_that_is_idle_is_left_alone(browser: Browser) -> None:
    page = open_form(browser, {"id": "1", "status": "idle", "connectionStatus": "connected"})
    expect(page.locator("#life")).to_have_text("59 s")
    assert page.evaluate("() => window.beats") == 0


def test_a_kernel_that_says_it_is_idle_is_asked_by_who_edits(browser: Browser) -> None:
    page = open_form(browser, {"id": "1", "status": "idle", "connectionStatus": "connected"})
    said = page.locator("#here [role=status]")
    page.evaluate("() => { window.answers = false; }")
    page.locator("#name").fill("edited")
    expect(said).to_have_text("◌ the kernel is busy: edits wait until it is free", timeout=20_000)
    page.evaluate("() => { window.answers = true; }")
    expect(said).to_have_text("", timeout=20_000)


def test_a_lost_connection_to_the_kernel_is_told(browser: Browser) -> None:
    page = open_form(browser, {"id": "1", "status": "unknown", "connectionStatus": "connecting"})
    said = page.locator("#here [role=status]")
    expect(said).to_contain_text("⚠ no connection to the kernel since", timeout=20_000)
    page.evaluate("() => { window.manager.kernel.connectionStatus = 'connected'; }")
    expect(said).to_have_text("")


ENDS = (
    "window.manager.kernel.status = 'autorestarting'",
    "window.manager.kernel.status = 'dead'",
    "window.manager.kernel = null",
    "window.manager.kernel = {id: '2', status: 'idle'}",
    "document.querySelector('.rpy-editor').classList.add('jupyter-widgets-disconnected'); window.live()",
)


def test_a_kernel_that_is_gone_switches_the_form_off(browser: Browser) -> None:
    for end in ENDS:
        page = open_form(browser, {"id": "1", "status": "idle", "connectionStatus": "connected"})
        expect(page.locator("#tags")).to_have_attribute("aria-label", "tags")
        page.evaluate(f"() => {{ {end}; }}")
        expect(page.locator("#here [role=status]")).to_contain_text("✕ the kernel is gone since")
        for control in ("#name", "#tags", "#box", ".rpy-undo"):
            expect(page.locator(control)).to_be_disabled()
        expect(page.get_by_role("slider", name="volume")).to_have_attribute("tabindex", "-1")
        page.close()


def test_it_ends_with_its_view(browser: Browser) -> None:
    page = open_form(browser)
    expect(page.locator("#life")).to_have_text("59 s")
    page.evaluate("() => window.end()")
    before = page.locator("#life").inner_text()
    page.wait_for_timeout(1500)
    assert page.locator("#life").inner_text() == before
