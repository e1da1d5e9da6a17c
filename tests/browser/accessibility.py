"""What axe-core finds in a part of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

_SHOWN = 'axe.run({include: [["%s"]]}, {resultTypes: ["violations"]})'


def violations(page: Page, selector: str) -> list[str]:
    """Return a line for each thing that axe-core finds wrong in what the selector gives.

    Args:
        page: The page.
        selector: The part to look at; colours are compared with what is behind it.
    """
    axe = Axe()
    page.evaluate(axe.axe_script)
    results = page.evaluate(f"() => {_SHOWN % selector}")
    return [
        f"{found['id']}: {node['html'][:200]} | {node.get('failureSummary', '')}"
        for found in results["violations"]
        for node in found["nodes"]
    ]


def violations_in(root: Locator) -> list[str]:
    """Return what axe-core finds wrong in one part of a page, and in no other of the same kind."""
    root.evaluate("(root) => root.setAttribute('data-axe', '')")
    found = violations(root.page, "[data-axe]")
    root.evaluate("(root) => root.removeAttribute('data-axe')")
    return found
