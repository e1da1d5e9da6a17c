"""A notebook open in JupyterLab in headless Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.lab import Lab

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

_KERNEL_READY = """async () => {
  const app = window.jupyterapp; await app.restored;
  const panel = app.shell.currentWidget; await panel.context.ready; await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""
_RUN_CELL = """async (index) => {
  const app = window.jupyterapp; app.shell.currentWidget.content.activeCellIndex = index;
  await app.commands.execute('notebook:run-cell');
}"""
_RUN_ALL = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
_CLEAR_OUTPUT = """async (index) => {
  const app = window.jupyterapp; app.shell.currentWidget.content.activeCellIndex = index;
  await app.commands.execute('notebook:clear-cell-output');
}"""
_THEME = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
_FAILURES = """() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets, failures = [];
  for (const cell of cells) {
    if (cell.model.type !== 'code') continue;
    for (const output of cell.model.outputs.toJSON())
      if (output.output_type === 'error') failures.push(`${output.ename}: ${output.evalue}`);
  }
  return failures;
}"""
_NAMES = r"""(root) => {
  const found = [];
  for (const e of root.querySelectorAll('input, select, textarea, button, [role=slider]')) {
    const label = [...(e.labels || [])].map(l => l.textContent).join(' ');
    const name = e.getAttribute('aria-label') || label || e.innerText || e.title || e.placeholder || '';
    found.push([e.type || e.getAttribute('role'), name.replace(/\u200b/g, '').trim()]);
  }
  return found;
}"""
_SOURCES = "() => window.jupyterapp.shell.currentWidget.content.widgets.map(c => c.model.sharedModel.source)"


class NotebookPage:
    """What a test does with a notebook: run cells, look at the form, take pictures."""

    def __init__(
        self, browser: Browser, lab: Lab, notebook: str, width: int = 1200, height: int = 1000
    ) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": height})
        self.errors: list[str] = []
        self.subshells = True
        self.page.on("pageerror", lambda error: self.errors.append(str(error)[:300]))
        self.page.goto(f"{lab.url}/lab/tree/{notebook}?reset")
        self.page.wait_for_selector(".jp-Notebook", timeout=60_000)
        self.page.evaluate(_KERNEL_READY)
        if self.page.evaluate("() => !window.jupyterapp.shell.leftCollapsed"):
            self.page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")

    def run_all(self) -> None:
        """Run all cells at once, as the menu does; fail if one failed."""
        self.page.evaluate(_RUN_ALL)
        self.expect_no_failure()

    def run_range(self, cells: range) -> None:
        """Run some cells one after the other; fail if any cell of the notebook failed."""
        for index in cells:
            self.run(index)
        self.expect_no_failure()

    def expect_no_failure(self) -> None:
        """Fail if a cell failed."""
        assert self.page.evaluate(_FAILURES) == []

    def run(self, index: int) -> None:
        """Run one cell and wait for it."""
        self.page.evaluate(_RUN_CELL, index)

    def run_text(self, index: int) -> str:
        """Run one cell and return the text of its output."""
        self.page.evaluate(_CLEAR_OUTPUT, index)
        self.run(index)
        output = self.cell(index).locator(".jp-OutputArea-output").last
        output.wait_for()
        return output.inner_text().strip()

    def clear_output(self, index: int) -> None:
        """Clear the output of one cell."""
        self.page.evaluate(_CLEAR_OUTPUT, index)

    def cell_with(self, words: str) -> int:
        """Return the position of the first code cell that contains the words."""
        sources: list[str] = self.page.evaluate(_SOURCES)
        return next(index for index, source in enumerate(sources) if words in source)

    def count(self) -> int:
        """Return how many cells there are."""
        return len(self.page.evaluate(_SOURCES))

    def cell(self, index: int) -> Locator:
        """Return a cell, scrolled into view: the notebook draws only those."""
        self.page.evaluate(
            "async (i) => { const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = i;"
            " await n.scrollToItem(i); }",
            index,
        )
        return self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def form(self, index: int) -> Form:
        """Return the form in the output of a cell, once it is live."""
        root = self.cell(index).locator(".rpy-editor").last
        root.wait_for(timeout=20_000)
        expect(root.locator(".rpy-state")).to_contain_text("live", timeout=15_000)
        return Form(root)

    def theme(self, name: str) -> None:
        """Switch to a theme of JupyterLab, such as `JupyterLab Dark`."""
        self.page.evaluate(_THEME, name)
        light = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached", timeout=15_000)

    def picture(self, target: Locator | None, path: Path) -> None:
        """Take a picture of a part of the page, or of all that is in view."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(0, 0)
        if target is None:
            self.page.screenshot(path=path, animations="disabled")
        else:
            target.screenshot(path=path, animations="disabled")


class Form:
    """A form in the page."""

    def __init__(self, root: Locator) -> None:
        self.root = root

    def input(self, label: str) -> Locator:
        """Return the control with that accessible name."""
        return self.root.get_by_label(label, exact=True)

    def button(self, name: str) -> Locator:
        """Return the button of that name."""
        return self.root.get_by_role("button", name=name)

    @property
    def notes(self) -> Locator:
        """The messages under the fields."""
        return self.root.locator(".rpy-note:not(:empty)")

    @property
    def foot(self) -> Locator:
        """The message at the end."""
        return self.root.locator(".rpy-foot")

    @property
    def state(self) -> Locator:
        """How live it is."""
        return self.root.locator(".rpy-state")

    def names(self) -> list[list[str]]:
        """Return the kind and the accessible name of every control."""
        found: list[list[str]] = self.root.evaluate(_NAMES)
        return found
